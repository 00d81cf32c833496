"""Where servers meet transports: serving stdio, and serving a client in the same process."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

from barewire.server.server import Server
from barewire.serving import Serving
from barewire.session.connection import Connection
from barewire.transports.backend import Handle, current, run
from barewire.transports.memory import MemoryPipe
from barewire.transports.pipe import Pipe
from barewire.transports.signals import on_signals
from barewire.transports.stdio import StdioClaim, claim_stdio
from barewire.transports.threads import ThreadPool
from barewire.transports.watchdog import watch_parent

__all__ = [
    "DRAIN",
    "INTERRUPTED",
    "exit_without_handlers",
    "run_stdio",
    "serve_in_process",
    "serve_pipe",
    "shared_threads",
]

_log = logging.getLogger("barewire.server")

_threads: Final = ThreadPool()
# Plain handlers of all servers in this process share the threads; none starts before it is needed.

DRAIN: Final = 1.0
"""Seconds for which running handlers may go on once the client has closed its end."""

_HURRY: Final = 0.1
"""Seconds that sending the rest may take after a signal: the client may be reading nothing."""

INTERRUPTED: Final = 128 + signal.SIGINT
"""The exit code of a program that ended because of Ctrl+C."""


def shared_threads() -> ThreadPool:
    """Return the threads in which plain handlers run."""
    return _threads


def serve_pipe(server: Server, pipe: Pipe) -> Serving:
    """Begin to serve one client over a pipe."""
    connection = Connection(server.local(), limits=server.limits)
    serving = Serving(server.dispatch, connection, pipe, _threads, server.on_fault)
    server.join(serving)
    serving.start()
    return serving


def serve_in_process(server: Server) -> Pipe:
    """Begin to serve a client in this process; return the client's end of the pipe.

    The handlers that still run when that end is closed are cancelled.
    """
    near, far = _NearEnd(None), MemoryPipe(None)
    near.join(far)
    far.join(near)
    near.served_by(serve_pipe(server, far))
    return near


class _NearEnd(MemoryPipe):
    """The client's end of a pipe to a server in the same process; closing it ends the serving."""

    _keeper: Handle[None] | None = None

    def served_by(self, serving: Serving) -> None:
        self._keeper = current().spawn(_serve_to_the_end(serving))

    async def aclose(self) -> None:
        """Close both directions; return when the handlers have ended, or ignore their end."""
        await super().aclose()
        if self._keeper is not None:
            await self._keeper.wait()


async def _serve_to_the_end(serving: Serving) -> None:
    await serving.ended.wait()
    await serving.finish(0)


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
    A handler that ignores its cancellation does not keep the process from exiting. Nor does the
    process outlive the one that started it.

    After SIGINT it raises `SystemExit` with the code 130.
    """
    streams = claim or claim_stdio()
    stop_watching: Callable[[], object] = watch_parent() if streams.from_pipe else _nothing
    interrupted: list[int] = []

    async def main() -> None:
        pipe = streams.open()
        serving = serve_pipe(server, pipe)

        def interrupt(number: int) -> None:
            interrupted.append(number)
            pipe.flush_timeout = _HURRY
            serving.hurry()

        restore = on_signals(interrupt)
        try:
            await serving.ended.wait()
            if not await serving.finish(0 if interrupted else drain):
                exit_without_handlers(interrupted)
        finally:
            restore()

    try:
        run(main, backend=backend)
    except KeyboardInterrupt:  # before the loop was there to be asked
        interrupted.append(signal.SIGINT)
    finally:
        stop_watching()
        streams.release()
    if signal.SIGINT in interrupted:
        sys.exit(INTERRUPTED)


def exit_without_handlers(interrupted: list[int]) -> None:
    """End the process although handlers go on; `interrupted` are the signals that it got."""
    # The loop would wait for these handlers as long as they please.
    _log.error("handlers do not end although they were cancelled: exiting without them")
    sys.stderr.flush()
    os._exit(INTERRUPTED if signal.SIGINT in interrupted else 1)


def _nothing() -> None:
    """Stand in for a watch that was not started."""
