"""Where servers meet transports: serving stdio, and serving a client in the same process."""

import sys
from collections.abc import Callable

from barewire.server.server import Server
from barewire.serving import Serving
from barewire.session.connection import Connection
from barewire.transports.backend import run
from barewire.transports.memory import memory_pair
from barewire.transports.pipe import Pipe
from barewire.transports.signals import on_signals
from barewire.transports.stdio import StdioClaim, claim_stdio
from barewire.transports.threads import ThreadPool
from barewire.transports.watchdog import watch_parent

__all__ = ["DRAIN", "run_stdio", "serve_in_process", "serve_pipe"]

_threads = ThreadPool()
# Plain handlers of all servers in this process share the threads; none starts before it is needed.

DRAIN = 1.0
"""Seconds for which running handlers may go on once the client has closed its end."""


def serve_pipe(server: Server, pipe: Pipe) -> Serving:
    """Begin to serve one client over a pipe."""
    connection = Connection(server.local(), limits=server.limits)
    serving = Serving(server.dispatch, connection, pipe, _threads)
    server.join(serving)
    serving.start()
    return serving


def serve_in_process(server: Server) -> tuple[Pipe, Serving]:
    """Begin to serve a client in this process; return the client's end of the pipe."""
    near, far = memory_pair()
    return near, serve_pipe(server, far)


def run_stdio(
    server: Server,
    *,
    backend: str = "asyncio",
    drain: float = DRAIN,
    claim: StdioClaim | None = None,
) -> None:
    """Serve on standard input and output until the client is gone.

    `claim` is a hold on the standard streams that was taken before; without one they are taken now.
    stdio › Shutdown: the end of standard input is the signal to exit; handlers get `drain` seconds
    to finish. SIGINT and SIGTERM do not wait for them, and a second one does not wait for anything.
    The process does not outlive the one that started it.
    """
    streams = claim or claim_stdio()
    stop_watching: Callable[[], object] = watch_parent() if streams.from_pipe else _nothing
    interrupted: list[int] = []

    async def main() -> None:
        serving = serve_pipe(server, streams.open())

        def interrupt(number: int) -> None:
            interrupted.append(number)
            serving.ended.set()

        restore = on_signals(interrupt)
        try:
            await serving.ended.wait()
            await serving.finish(0 if interrupted else drain)
        finally:
            restore()

    try:
        run(main, backend=backend)
    finally:
        stop_watching()
        streams.release()
    if interrupted and interrupted[0] == 2:
        sys.exit(130)


def _nothing() -> None:
    """Stand in for a watch that was not started."""
