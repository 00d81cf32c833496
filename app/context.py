"""What a handler knows of the request it serves, and what it can do beside answering.

A parameter annotated with `Context` (in an `async def` handler) or `SyncContext` (in a plain one)
gets one. It holds the exchange and delegates.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeAlias, TypeVar

from barewire.protocol.envelope import LOG_LEVELS, meta_of
from barewire.session.carrier import Carrier
from barewire.session.exceptions import Cancelled, LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.facts import Implementation
from barewire.session.principal import Principal

__all__ = ["Context", "OnLoop", "SyncContext"]

_log = logging.getLogger("barewire.server")

R_co = TypeVar("R_co", covariant=True)


class _Facts:
    """What both kinds of context tell."""

    __slots__ = ("_carrier", "exchange")

    def __init__(self, exchange: Exchange, carrier: Carrier) -> None:
        self.exchange: Exchange = exchange
        """The request, as the engine sees it."""
        self._carrier = carrier

    @property
    def request_id(self) -> str | int:
        """The id of the request."""
        return self.exchange.request.id

    @property
    def meta(self) -> dict[str, Any]:
        """The `_meta` of the request's params, empty when there is none."""
        return meta_of(self.exchange.request.params) or {}

    @property
    def client_info(self) -> Implementation | None:
        """Who the client says it is: for display and logs, never to decide by."""
        return self.exchange.facts.peer_info

    @property
    def protocol_version(self) -> str:
        """The date of the revision that this request follows."""
        return self.exchange.revision.name

    @property
    def principal(self) -> Principal | None:
        """Who asks, as far as it was proven; `None` where nobody was asked to."""
        return self.exchange.facts.principal

    @property
    def cancelled(self) -> bool:
        """Whether the client gave the request up, or is gone: nothing that is sent arrives."""
        return self.exchange.over

    def _not_reported(self, error: LocalProtocolError) -> None:
        """Say why progress was not sent; raises `Cancelled` if that is because all is over."""
        self._must_be_open()
        # A handler that counts badly is no reason to lose its result.
        _log.warning("%s: %s", self.exchange.request.method, error)

    def _send_log(self, level: str, data: Any, logger: str | None) -> bool:
        """Send a log message; return whether to wait for room.

        Raises `Cancelled`, and `LocalProtocolError` for a level that does not exist.
        """
        self._must_be_open()
        if level not in LOG_LEVELS:
            raise LocalProtocolError(f"log level must be one of {', '.join(LOG_LEVELS)}: {level!r}")
        try:
            return self._carrier.log(self.exchange, level, data, logger)
        except LocalProtocolError as error:
            # Whether anybody wants the message is the client's matter; then what is in it must not
            # decide whether the handler lives.
            _log.warning("%s: a log message was not sent: %s", self.exchange.request.method, error)
            return False

    def _must_be_open(self) -> None:
        if self.exchange.over:
            raise Cancelled(f"request {self.exchange.request.id!r} is over")


class _Levels(ABC, Generic[R_co]):
    """The eight log levels as methods; what they return is what `log` returns."""

    __slots__ = ()

    @abstractmethod
    def log(self, level: str, data: Any, logger: str | None = None) -> R_co:
        """Send a log message of this level."""

    def debug(self, data: Any, logger: str | None = None) -> R_co:
        """Log for development."""
        return self.log("debug", data, logger)

    def info(self, data: Any, logger: str | None = None) -> R_co:
        """Log ordinary operation."""
        return self.log("info", data, logger)

    def notice(self, data: Any, logger: str | None = None) -> R_co:
        """Log what is normal but worth noticing."""
        return self.log("notice", data, logger)

    def warning(self, data: Any, logger: str | None = None) -> R_co:
        """Log what may need attention."""
        return self.log("warning", data, logger)

    def error(self, data: Any, logger: str | None = None) -> R_co:
        """Log a failed operation."""
        return self.log("error", data, logger)

    def critical(self, data: Any, logger: str | None = None) -> R_co:
        """Log a failing component."""
        return self.log("critical", data, logger)

    def alert(self, data: Any, logger: str | None = None) -> R_co:
        """Log what asks for action at once."""
        return self.log("alert", data, logger)

    def emergency(self, data: Any, logger: str | None = None) -> R_co:
        """Log that the system is unusable."""
        return self.log("emergency", data, logger)


class Context(_Facts, _Levels[Coroutine[Any, Any, None]]):
    """For `async def` handlers.

    What sends waits while the peer reads too slowly, and raises `Cancelled` once the request is
    over.
    """

    __slots__ = ()

    @property
    def session(self) -> "Session":
        """The same, under the names that other libraries use."""
        return Session(self)

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report progress, if the client asked for it; else do nothing.

        `progress` must increase with each call (Progress); a report that does not is logged here
        and not sent. `message` is left out where the revision has none.
        """
        try:
            crowded = self._carrier.progress(self.exchange, progress, total, message)
        except LocalProtocolError as error:
            self._not_reported(error)
        else:
            if crowded:
                await self._carrier.room(self.exchange)

    def close_stream(self, retry: float | None = None) -> bool:
        """Let the client wait for the rest without a connection, and come back by itself.

        For work that takes long: over HTTP, a client of 2025-11-25 that has a session is told to
        come back in `retry` seconds (default: what the server is set to), and gets then what was
        said in the meantime. Returns whether there was a connection that could be closed so;
        everywhere else it does nothing.
        """
        return self._carrier.close_stream(self.exchange, retry)

    async def log(self, level: str, data: Any, logger: str | None = None) -> None:
        """Send a log message, if the client wants its level.

        `level` is one of debug, info, notice, warning, error, critical, alert and emergency; `data`
        is any JSON value. A message that JSON cannot carry is reported here and not sent. Raises
        `LocalProtocolError` for another level.
        """
        if self._send_log(level, data, logger):
            await self._carrier.room(self.exchange)


class Session:
    """`ctx.session`: other libraries' names for what `ctx` does."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def send_progress_notification(
        self,
        progress_token: str | int | None,
        progress: float,
        total: float | None = None,
        message: str | None = None,
    ) -> None:
        """Report progress; the token is the request's own, whatever is given."""
        await self._context.report_progress(progress, total, message)

    async def send_log_message(self, level: str, data: Any, logger: str | None = None) -> None:
        """Send a log message."""
        await self._context.log(level, data, logger)


OnLoop: TypeAlias = Callable[[Callable[[], bool]], None]
"""Calls on the event loop what sends something, and waits, in its thread, until there is room."""


class SyncContext(_Facts, _Levels[None]):
    """For plain handlers, which run in a thread (or, with `blocking=False`, on the loop itself).

    What sends waits while the peer reads too slowly, except on the loop, where waiting would stop
    everything. It raises `Cancelled` once the request is over.
    """

    __slots__ = ("_on_loop",)

    def __init__(self, exchange: Exchange, carrier: Carrier, on_loop: OnLoop | None) -> None:
        super().__init__(exchange, carrier)
        self._on_loop = on_loop

    def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report progress, if the client asked for it; else do nothing. See `Context`."""

        def send() -> bool:
            try:
                return self._carrier.progress(self.exchange, progress, total, message)
            except LocalProtocolError as error:
                self._not_reported(error)
                return False

        if self._on_loop is None or self.exchange.progress_token is None:
            send()
        else:
            self._on_loop(send)

    def log(self, level: str, data: Any, logger: str | None = None) -> None:
        """Send a log message, if the client wants its level. See `Context`."""
        if self._on_loop is None:
            self._send_log(level, data, logger)
        else:
            self._on_loop(lambda: self._send_log(level, data, logger))

    def close_stream(self, retry: float | None = None) -> bool:
        """Let the client wait for the rest without a connection. See `Context`."""
        closed: list[bool] = []

        def close() -> bool:
            closed.append(self._carrier.close_stream(self.exchange, retry))
            return False

        if self._on_loop is None:
            close()
        else:
            self._on_loop(close)
        return closed[0]
