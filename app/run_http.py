"""Where servers meet HTTP.

    async with serve_http(server, port=0) as http:
        print(http.url)
        ...

Everything that `Server.run_http` does, and TLS: by an `ssl.SSLContext`, which may ask clients for
certificates.
"""

import contextlib
import logging
import signal
import ssl
import sys
from collections.abc import AsyncGenerator, Sequence
from socket import socket
from typing import Final

from barewire.httpserving import HttpServing
from barewire.run import INTERRUPTED, exit_without_handlers, shared_threads
from barewire.server.server import Server
from barewire.session.limits import DEFAULT_HTTP_LIMITS, HttpLimits
from barewire.transports.backend import Signal, current, run
from barewire.transports.bind import bind
from barewire.transports.http.guard import LOOPBACK, Guard
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.parsing import ParserName
from barewire.transports.signals import on_signals

__all__ = ["run_http", "serve_http"]

_log = logging.getLogger("barewire.server")

_WILDCARDS: Final = ("", "0.0.0.0", "::", "[::]")


@contextlib.asynccontextmanager
async def serve_http(
    server: Server,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    path: str = "/mcp",
    stateless_http: bool = False,
    json_response: bool | None = None,
    hosts: Sequence[str] | None = None,
    origins: Sequence[str] = (),
    tls: ssl.SSLContext | None = None,
    parser: ParserName = "h11",
    limits: HttpLimits = DEFAULT_HTTP_LIMITS,
    sockets: Sequence[socket] | None = None,
) -> AsyncGenerator[HttpServing]:
    """Serve over HTTP as long as the context lasts; then drain for at most `limits.drain` seconds.

    When the context is left by an exception nothing is waited for.

    `port` 0 takes one that is free; `sockets` that are bound already, Unix domain sockets among
    them, may be given instead of `host` and `port`. The other parameters are those of
    `Server.run_http`.

    Raises `ValueError` for options that make no sense, OSError when the address cannot be had.
    """
    options = HttpOptions(
        path=path,
        stateless=stateless_http,
        json_response=json_response,
        guard=_guard(host, hosts, origins, bound=sockets is not None),
        limits=limits,
    )
    taken = bind(host, port) if sockets is None else sockets
    if not taken:
        raise ValueError("there are no sockets to serve on")
    # A certificate is for a name, not for the address that it stands for.
    name = host.strip("[]") if sockets is None and host not in _WILDCARDS else None
    try:
        serving = HttpServing(
            server, taken, options, shared_threads(), name=name, parser=parser, tls=tls
        )
    except BaseException:
        for sock in taken if sockets is None else ():
            sock.close()
        raise
    drain: float | None = 0
    try:
        serving.start()
        yield serving
        drain = None
    finally:
        # Whoever is cancelled in here leaves at once; the end goes on without them, and is bounded.
        ending = current().spawn(serving.finish(drain), shield=True)
        await ending.wait()


def run_http(
    server: Server,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    path: str = "/mcp",
    stateless_http: bool = False,
    json_response: bool | None = None,
    hosts: Sequence[str] | None = None,
    origins: Sequence[str] = (),
    tls: ssl.SSLContext | None = None,
    parser: ParserName = "h11",
    limits: HttpLimits = DEFAULT_HTTP_LIMITS,
    sockets: Sequence[socket] | None = None,
    backend: str = "asyncio",
) -> None:
    """Serve over HTTP until SIGINT or SIGTERM, then drain; a second signal ends it at once.

    Says on standard error where it serves. `backend` is `asyncio` or `trio`; the other parameters
    and what is raised are those of `serve_http`. After SIGINT it raises `SystemExit` with the code
    130.
    """
    interrupted: list[int] = []

    async def main() -> None:
        told = Signal(current())

        def interrupt(number: int) -> None:
            interrupted.append(number)
            told.set()

        restore = on_signals(interrupt)
        try:
            async with serve_http(
                server,
                host,
                port,
                path=path,
                stateless_http=stateless_http,
                json_response=json_response,
                hosts=hosts,
                origins=origins,
                tls=tls,
                parser=parser,
                limits=limits,
                sockets=sockets,
            ) as serving:
                names = f" for {', '.join(hosts)}" if hosts else ""
                _say(f"serving {serving.url}{names}")
                await told.wait()
                if serving.load:
                    _say(
                        f"calls that go on: {serving.load}; waiting for {limits.drain:g} s at most,"
                        " and another signal ends it at once"
                    )
            if not serving.ended:
                exit_without_handlers(interrupted)
        finally:
            restore()

    run(main, backend=backend)
    if signal.SIGINT in interrupted:
        sys.exit(INTERRUPTED)


def _listed(option: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ValueError(f"{option} is a list of names, not {names!r}")
    return tuple(names)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _guard(host: str, hosts: Sequence[str] | None, origins: Sequence[str], *, bound: bool) -> Guard:
    """Return who may ask: those who say `hosts`, or else the name that is bound to."""
    if hosts is None:
        if host in _WILDCARDS and not bound:
            raise ValueError(
                f"{host or 'every address'} is no name that clients use: say by `hosts`"
                " (--allow-host) which names of this machine are to be answered for"
            )
        named = f"[{host}]" if ":" in host and not host.startswith("[") else host
        hosts = LOOPBACK if bound or named in LOOPBACK else (*LOOPBACK, named)
    return Guard(_listed("hosts", hosts), _listed("origins", origins), cors=bool(origins))
