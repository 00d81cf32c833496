"""Many clients being served over HTTP."""

import ssl
from collections.abc import Sequence
from socket import socket
from typing import Final
from weakref import WeakSet

from barewire.protocol.headers import Annotation
from barewire.protocol.jsonrpc import Params
from barewire.running import Runner
from barewire.server.server import Server
from barewire.serving import log_violation
from barewire.session.events import Violated
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.session.principal import Authenticate
from barewire.transports.backend import Backend, current
from barewire.transports.http.endpoint import Endpoint
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.parsing import ParserName
from barewire.transports.http.server import HttpServer
from barewire.transports.threads import ThreadPool

__all__ = ["HttpServing"]

_STOP: Final = 0.4
"""Seconds that cancelled handlers get to clean up when the server ends."""


class HttpServing:
    """Serves one server over HTTP, from `start` to `finish`; the `Application` of its endpoint."""

    def __init__(
        self,
        server: Server,
        sockets: Sequence[socket],
        options: HttpOptions,
        threads: ThreadPool,
        *,
        name: str | None = None,
        parser: ParserName = "h11",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take over `sockets`, as `bind` returns them.

        `name` is how clients know this machine (default: the address of the first socket).
        """
        self._server = server
        self._threads = threads
        self._runners: WeakSet[Runner] = WeakSet()
        self._local: Local = server.local()
        self._stale = False
        self._violations = 0
        self._scheme = "http" if tls is None else "https"
        self._name = name
        self._path = options.path
        self.backend: Backend = current()
        self.ended: bool = False
        """Whether it is over, all handlers included."""
        self.endpoint: Endpoint = Endpoint(self, self.backend, options)
        self.http: HttpServer = HttpServer(
            self.endpoint, sockets, limits=options.limits, parser=parser, tls=tls
        )

    @property
    def url(self) -> str:
        """Where clients find it, on this machine."""
        address, port = self.http.addresses[0][:2]
        name = self._name or address
        return f"{self._scheme}://{f'[{name}]' if ':' in name else name}:{port}{self._path}"

    def start(self) -> None:
        """Begin to serve."""
        self._server.join(self)
        self.http.start()

    async def finish(self, drain: float | None = None) -> bool:
        """Accept nothing more; let requests go on for `drain` seconds, then end everything.

        Streams that clients listen on end at once, as the specification wants them to. Returns
        whether all handlers have ended; one that ignores its cancellation does not.
        """
        self.endpoint.end()
        await self.http.drain(drain)
        self.endpoint.close()
        for runner in self._runners:
            runner.stop_all()
        until = self.backend.now() + _STOP
        ended = [
            await runner.until_idle(max(0.0, until - self.backend.now()))
            for runner in list(self._runners)
        ]
        self.ended = all(ended)
        return self.ended

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell all clients that want to know of a change; from any thread."""
        self._stale = True
        self.backend.call_soon_threadsafe(lambda: self.endpoint.publish(method, params))

    # What the endpoint asks: the `Application`.

    @property
    def authenticate(self) -> Authenticate | None:
        """What finds out who asks, `None` where anybody may ask."""
        return self._server.authenticate

    @property
    def limits(self) -> Limits:
        """What one client may take up."""
        return self._server.limits

    @property
    def local(self) -> Local:
        """What the server is and offers."""
        if self._stale:
            self._stale = False
            if self._server.capabilities() != self._local.capabilities:
                self._local = self._server.local()
        return self._local

    def annotations_of(self, tool: str) -> Sequence[Annotation]:
        """Return the arguments of a tool that headers repeat."""
        return self._server.tools.headers_of(tool)

    def handlers(self, limit: int) -> Runner:
        """Return a place for handlers of which at most `limit` run at once."""
        runner = Runner(self._server.dispatch, self._threads, limit)
        self._runners.add(runner)
        return runner

    def violated(self, event: Violated) -> None:
        """Take note that a client broke the protocol."""
        log_violation(event, first=not self._violations)
        self._violations += 1
        if self._server.on_fault is not None:
            self._server.on_fault(event)
