"""A client's end of one pipe: requests are awaited, everything else goes to callbacks."""

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Notification, Params
from barewire.session.connection import Connection
from barewire.session.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Ended,
    Event,
    Expired,
    Lost,
    Notified,
    Progressed,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exceptions import (
    Cancelled,
    ConnectionLost,
    RemoteProtocolError,
    RequestError,
    TimedOut,
)
from barewire.session.exchange import Exchange
from barewire.session.rounds import read_round, retry
from barewire.transports.backend import Future, Handle
from barewire.transports.link import Link
from barewire.transports.pipe import Pipe

__all__ = ["OnNotification", "OnProgress", "Wire"]

_log = logging.getLogger("barewire.client")

_ROUNDS = 10

OnProgress: TypeAlias = Callable[[float, float | None, str | None], object]
"""Called with progress, total and message; may be `async def`."""

OnNotification: TypeAlias = Callable[[Notification], object]


class Wire:
    """One connection to a server, on which requests are awaited.

    Callbacks never run inside the reading of bytes that another callback waits for: plain ones are
    called in order, those that return something to be awaited run as tasks. Any of them may use the
    client again.
    """

    def __init__(self, connection: Connection, pipe: Pipe, on_notification: OnNotification) -> None:
        self.connection = connection
        self.link = Link(connection, pipe, self._on_event)
        self.ended: BaseException | None = None
        """Why the server says nothing more, `None` as long as it may."""
        self._on_notification = on_notification
        self._waiters: dict[Exchange, Future[dict[str, Any]]] = {}
        self._on_progress: dict[Exchange, OnProgress] = {}
        self._callbacks: dict[Exchange | None, list[Handle[None]]] = {}

    def start(self) -> None:
        """Begin to read."""
        self.link.start()

    async def aclose(self) -> object:
        """Close the connection; what is in flight ends with `ConnectionLost`."""
        return await self.link.aclose()

    async def request(
        self,
        method: str,
        params: Params | None,
        *,
        timeout: float | None,
        maximum: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> dict[str, Any]:
        """Send a request and return its result.

        Raises `RequestError` when the server answers with an error, `TimedOut`, `ConnectionLost`,
        `RemoteProtocolError` when its answer is no answer, and `LocalProtocolError` when the
        request may not be sent. When the caller is cancelled, so is the request.
        """
        for _ in range(_ROUNDS):
            self._check()
            exchange = self.connection.request(
                method,
                params,
                now=self.link.now(),
                timeout=timeout,
                maximum=maximum,
                progress=on_progress is not None,
            )
            if on_progress is not None:
                self._on_progress[exchange] = on_progress
            result = await self.answer_to(exchange)
            round = read_round(exchange, result)
            if round is None:
                return result
            # Nothing was offered that could be asked for: all there is to hand back is the state.
            params = retry(params or {}, {}, round)
        raise RemoteProtocolError(f"{method} has no result after {_ROUNDS} rounds")

    async def answer_to(self, exchange: Exchange) -> dict[str, Any]:
        """Return the result of a request that was sent; raises like `request`."""
        waiter: Future[dict[str, Any]] = self.link.backend.future()
        self._waiters[exchange] = waiter
        self.link.wake()
        try:
            result = await waiter
            if exchange in self._callbacks:
                await self._called_back(exchange)
            return result
        finally:
            if self._on_progress:
                self._on_progress.pop(exchange, None)
            if not exchange.over:
                self._give_up(exchange)

    def _give_up(self, exchange: Exchange) -> None:
        # Only a caller that was cancelled leaves before its answer.
        self._waiters.pop(exchange, None)
        if exchange.method.cancellable:
            self.connection.cancel(exchange)
            self.link.wake()

    async def notify(self, method: str, params: Params | None = None) -> None:
        """Send a notification; raises `LocalProtocolError` when it may not be sent."""
        self._check()
        self.connection.notify(method, params)
        self.link.wake()

    def _check(self) -> None:
        if self.ended is not None:
            raise ConnectionLost(str(self.ended))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Answered):
            self._settle(event.exchange, event.result, None)
        elif isinstance(event, Progressed):
            self._progressed(event)
        elif isinstance(event, Refused):
            failure = event.failure
            error = RequestError(failure.code, failure.message, failure.data)
            self._settle(event.exchange, None, error)
        elif isinstance(event, Notified):
            self._call(None, self._on_notification, event.notification)
        elif isinstance(event, Expired):
            text = f"no answer to {event.exchange.request.method} in time"
            self._settle(event.exchange, None, TimedOut(text))
        elif isinstance(event, Violated):
            self._violated(event)
        elif isinstance(event, Lost):
            self._settle(event.exchange, None, ConnectionLost(self._why()))
        elif isinstance(event, Requested):
            # Nothing is offered that could be asked for.
            self.connection.fail(event.exchange, Reason.METHOD_NOT_FOUND)
        elif isinstance(event, Abandoned):
            self._settle(event.exchange, None, Cancelled("the server ended it"))
        elif isinstance(event, Ended):
            self.ended = self.link.broken or ConnectionError("the server closed the connection")
        elif not isinstance(event, Acknowledged):
            raise AssertionError(f"a client sees no {event}")

    def _why(self) -> str:
        return str(self.link.broken or "the connection was closed")

    def _violated(self, event: Violated) -> None:
        _log.warning("the server broke the protocol: %.300s", event.detail)
        if event.exchange is not None:
            self._settle(event.exchange, None, RemoteProtocolError(event.detail))

    def _settle(
        self,
        exchange: Exchange,
        result: dict[str, Any] | None,
        error: BaseException | None,
    ) -> None:
        waiter = self._waiters.pop(exchange, None)
        if waiter is None or waiter.done():
            return
        if error is not None:
            waiter.set_exception(error)
        elif result is not None:
            waiter.set_result(result)

    def _progressed(self, event: Progressed) -> None:
        callback = self._on_progress.get(event.exchange)
        if callback is not None:
            self._call(event.exchange, callback, event.progress, event.total, event.message)

    def _call(self, exchange: Exchange | None, callback: Callable[..., object], *args: Any) -> None:
        try:
            outcome = callback(*args)
        except Exception:
            _log.exception("a callback raised")
            return
        if inspect.isawaitable(outcome):
            handle = self.link.backend.spawn(_finish(outcome))
            if exchange is not None and not handle.done():
                self._callbacks.setdefault(exchange, []).append(handle)

    async def _called_back(self, exchange: Exchange) -> None:
        # What was reported before the answer has been heard before the caller sees the answer.
        for handle in self._callbacks.pop(exchange):
            await handle.wait()


async def _finish(outcome: Awaitable[object]) -> None:
    try:
        await outcome
    except Exception:
        _log.exception("a callback raised")
