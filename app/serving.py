"""One client being served over a pipe."""

import logging
from collections.abc import Callable
from typing import Any

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Params
from barewire.running import STOP, Dispatch, Runner
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Ended, Event, Requested, Violated
from barewire.session.exchange import Exchange
from barewire.transports.backend import Signal
from barewire.transports.link import Link
from barewire.transports.pipe import Pipe
from barewire.transports.threads import ThreadPool

__all__ = ["Serving", "log_violation"]

_log = logging.getLogger("barewire.server")


class Serving:
    """Serves one client over one pipe until either ends it; reading never waits for handlers.

    `on_fault` is told what the client does wrong.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        connection: Connection,
        pipe: Pipe,
        threads: ThreadPool,
        on_fault: Callable[[Violated], object] | None = None,
    ) -> None:
        self.connection = connection
        self.link: Link = Link(connection, pipe, self._on_event)
        self.ended: Signal = Signal(self.link.backend)
        """Given when the client has said its last."""
        self.runner: Runner = Runner(dispatch, threads, connection.limits.running)
        self._on_fault = on_fault
        self._violations = 0
        self._draining = False

    def start(self) -> None:
        """Begin to serve."""
        self.link.start()

    async def finish(self, drain: float) -> bool:
        """Let running handlers go on for at most `drain` seconds, then end them and close.

        Return whether all of them have ended; one that ignores its cancellation does not.
        """
        self._draining = True
        await self.runner.until_idle(drain)
        self._draining = False
        self.connection.end_subscriptions()
        return await self.aclose()

    def hurry(self) -> None:
        """Say that it is time to finish, and that no handler is to be waited for."""
        self.ended.set()
        if self._draining:
            self.runner.hurry()

    async def aclose(self) -> bool:
        """End every handler and close the pipe; return whether all have ended, as `finish`."""
        self.runner.stop_all()
        self.link.end()
        # The pipe closes last: with it goes the hold on the standard streams, and what a handler
        # prints while it cleans up must not get into the protocol's.
        ended = await self.runner.until_idle(STOP)
        await self.link.aclose()
        self.ended.set()
        return ended

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell the client of a change, if it wants to know; from any thread."""

        def tell() -> None:
            self.connection.publish(method, params)
            self.link.wake()

        self.link.backend.call_soon_threadsafe(tell)

    # What handlers say: the `Carrier` of their calls.

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer a request."""
        self.connection.respond(exchange, result)
        self.link.wake()

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer a request with an error."""
        self.connection.fail(exchange, reason, detail, data)
        self.link.wake()

    def fail_with(self, exchange: Exchange, code: int, message: str, data: Any = None) -> None:
        """Answer a request with an error of the application's own."""
        self.connection.fail_with(exchange, code, message, data)
        self.link.wake()

    def progress(
        self, exchange: Exchange, progress: float, total: float | None, message: str | None
    ) -> bool:
        """Report progress of a request; see `Carrier`."""
        return self.connection.progress(exchange, progress, total, message) and self.link.sent()

    def log(self, exchange: Exchange, level: str, data: Any, logger: str | None) -> bool:
        """Send a log message; see `Carrier`."""
        return self.connection.log(exchange, level, data, logger) and self.link.sent()

    async def room(self, exchange: Exchange) -> None:
        """Wait until there is room to send more."""
        await self.link.room()

    def close_stream(self, exchange: Exchange, retry: float | None) -> bool:
        """Do nothing: a pipe has no streams."""
        return False

    def expect(self) -> None:
        """Take note that a handler was begun which may say something in its first step."""
        self.link.expect()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Requested):
            self.runner.begin(event.exchange, self)
        elif isinstance(event, Abandoned):
            _log.debug("%s was cancelled: %.200r", event.exchange.request.method, event.reason)
            self.runner.stop(event.exchange)
        elif isinstance(event, Violated):
            log_violation(event, first=not self._violations)
            self._violations += 1
            if event.fatal:
                self.ended.set()
            if self._on_fault is not None:
                self._on_fault(event)
        elif isinstance(event, Ended):
            self.ended.set()


def log_violation(event: Violated, *, first: bool) -> None:
    """Log what a client does wrong: a warning the first time, for one may do a lot of it."""
    level = logging.WARNING if event.fatal or first else logging.DEBUG
    _log.log(level, "the client broke the protocol: %.200s", event.detail)
