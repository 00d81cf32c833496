"""A client's end of one pipe: requests are awaited, everything else goes to callbacks."""

import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

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
    Violated,
)
from barewire.session.exceptions import (
    Cancelled,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    RequestError,
    TimedOut,
)
from barewire.session.exchange import Exchange
from barewire.session.facts import Facts
from barewire.session.rounds import read_round, retry
from barewire.transports.backend import Backend, Future, Signal
from barewire.transports.link import Link
from barewire.transports.pipe import Pipe
from barewire.transports.process import CloseResult

__all__ = ["OnFault", "OnNotification", "OnProgress", "Wire"]

_log = logging.getLogger("barewire.client")

_ROUNDS: Final = 10
"""How often one request may be answered by the wish to be asked again."""

_WAITING: Final = 10_000
"""Calls of a callback that may wait for an earlier one."""

OnProgress: TypeAlias = Callable[[float, float | None, str | None], object]
"""Called with progress, total and message; may be `async def`."""

OnNotification: TypeAlias = Callable[[Notification], object]

OnFault: TypeAlias = Callable[[Violated], object]
"""Called with what the server did wrong; may be `async def`."""


class Wire:
    """One connection to a server, on which requests are awaited.

    Callbacks never run inside the reading of bytes that another callback waits for: what one
    returns to be awaited is awaited in a task. Any of them may use the client again. Those of one
    request's progress follow each other, and so do those of notifications and of faults. What one
    raises is logged.
    """

    def __init__(
        self,
        connection: Connection,
        pipe: Pipe,
        on_notification: OnNotification,
        on_fault: OnFault | None = None,
    ) -> None:
        self.connection = connection
        self.link: Link = Link(connection, pipe, self._on_event)
        self.ended: BaseException | None = None
        """Why the server says nothing more, `None` as long as it may."""
        self.closed: bool = False
        """Whether this end was closed, or is about to be."""
        self._notified = _Listener(self.link.backend, on_notification)
        self._on_fault = None if on_fault is None else _Listener(self.link.backend, on_fault)
        self._waiters: dict[Exchange, Future[dict[str, Any]]] = {}
        self._listeners: dict[Exchange, _Listener] = {}
        self._violations = 0

    @property
    def facts(self) -> Facts:
        """What was agreed with the server; raises `LocalProtocolError` before that."""
        connection = self.connection
        if connection.modern is not None:
            return connection.modern
        if connection.session is None:
            raise LocalProtocolError("no revision has been agreed on yet")
        return connection.session.facts

    @property
    def instructions(self) -> str | None:
        """The server's advice on how to use it."""
        return self.connection.instructions

    def start(self) -> None:
        """Begin to read."""
        self.link.start()

    async def aclose(self) -> CloseResult | None:
        """Close the connection; what is in flight ends with `ConnectionLost`.

        Returns how the process at the other end ended, if there was one.
        """
        self.closed = True
        result = await self.link.aclose()
        return result if isinstance(result, CloseResult) else None

    async def request(
        self,
        method: str,
        params: Params | None,
        *,
        timeout: float | None,
        maximum: float | None = None,
        on_progress: OnProgress | None = None,
        ask_progress: bool = False,
    ) -> dict[str, Any]:
        """Send a request and return its result.

        `maximum` bounds it in all, `timeout` each wait for an answer or progress. Progress is asked
        for if there is an `on_progress`, or with `ask_progress`. Callbacks of `on_progress` that
        were begun are through before the result is returned, unless that takes longer than
        `timeout`, or `maximum` without one.

        Raises `RequestError` when the server answers with an error, `TimedOut`, `ConnectionLost`,
        `RemoteProtocolError` when its answer is no answer, and `LocalProtocolError` when the
        request may not be sent. When the caller is cancelled, so is the request.
        """
        latest = None if maximum is None else self.link.now() + maximum
        for _ in range(_ROUNDS):
            self._check()
            now = self.link.now()
            exchange = self.connection.request(
                method,
                params,
                now=now,
                timeout=timeout,
                maximum=None if latest is None else latest - now,
                progress=ask_progress or on_progress is not None,
            )
            patience = maximum if timeout is None else timeout
            result = await self.answer_to(exchange, on_progress, patience)
            round = read_round(exchange, result)
            if round is None:
                return result
            # Nothing was offered that could be asked for: all there is to hand back is the state.
            params = retry(params or {}, {}, round)
        raise RemoteProtocolError(f"{method} has no result after {_ROUNDS} rounds")

    async def answer_to(
        self,
        exchange: Exchange,
        on_progress: OnProgress | None = None,
        patience: float | None = None,
    ) -> dict[str, Any]:
        """Return the result of a request that was sent; raises like `request`.

        Callbacks that are not through when it comes are given `patience` seconds (`None`: for
        ever).
        """
        waiter: Future[dict[str, Any]] = self.link.backend.future()
        self._waiters[exchange] = waiter
        listener = None
        if on_progress is not None:
            listener = self._listeners[exchange] = _Listener(self.link.backend, on_progress)
        self.link.wake()
        self.link.keep_time()
        try:
            result = await waiter
            if listener is not None:
                await listener.quiet(patience)
            return result
        finally:
            if listener is not None:
                del self._listeners[exchange]
            if not exchange.over:
                self._give_up(exchange)

    def _give_up(self, exchange: Exchange) -> None:
        # Only a caller that was cancelled leaves before its answer.
        self._waiters.pop(exchange, None)
        if exchange.cancellable:
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
            self._notified.call(event.notification)
        elif isinstance(event, Expired):
            self._settle(event.exchange, None, TimedOut(_expiry(event.exchange)))
        elif isinstance(event, Violated):
            self._violated(event)
        elif isinstance(event, Lost):
            self._settle(event.exchange, None, ConnectionLost(self._why()))
        elif isinstance(event, Abandoned):
            self._settle(event.exchange, None, Cancelled("the server ended it"))
        elif isinstance(event, Ended):
            self.ended = self.link.broken or ConnectionError("the server closed the connection")
        elif not isinstance(event, Acknowledged):
            # Not even a request: none is served, because nothing that it takes is declared.
            raise AssertionError(f"a client sees no {event}")

    def _why(self) -> str:
        return str(self.link.broken or "the connection was closed")

    def report(self, fault: Violated) -> None:
        """Log what the server did wrong, and tell whoever wants to know."""
        # One warning per connection: a server that prints into its stream prints a lot.
        level = logging.DEBUG if self._violations else logging.WARNING
        _log.log(level, "the server broke the protocol: %.200s", fault.detail)
        self._violations += 1
        if self._on_fault is not None:
            self._on_fault.call(fault)

    def _violated(self, event: Violated) -> None:
        self.report(event)
        if event.exchange is not None:
            self._settle(event.exchange, None, RemoteProtocolError(event.detail))
        if event.fatal:
            faults = self.connection.limits.consecutive_faults
            detail = f"{faults} lines in a row could not be read (limits.consecutive_faults)"
            self.link.lose(ConnectionError(f"{detail}, the last one: {event.detail:.200}"))
            self.link.pipe.pause()  # what nobody reads costs nothing, however much it is

    def _settle(
        self,
        exchange: Exchange,
        result: dict[str, Any] | None,
        error: BaseException | None,
    ) -> None:
        waiter = self._waiters.pop(exchange, None)
        if waiter is None or waiter.done():
            return
        self.link.expect()
        if error is not None:
            waiter.set_exception(error)
        elif result is not None:
            waiter.set_result(result)

    def _progressed(self, event: Progressed) -> None:
        listener = self._listeners.get(event.exchange)
        if listener is not None:
            listener.call(event.progress, event.total, event.message)


class _Listener:
    """A callback, which may be `async def`: then its calls follow each other in a task.

    Of calls that have to wait for an earlier one, `_WAITING` are kept; further ones are left out.
    """

    __slots__ = ("_backend", "_callback", "_full", "_quiet", "_running", "_todo")

    def __init__(self, backend: Backend, callback: Callable[..., object]) -> None:
        self._backend = backend
        self._callback = callback
        self._todo: deque[Awaitable[object]] = deque()
        self._running = False
        self._full = False
        self._quiet: Signal | None = None

    def call(self, *args: Any) -> None:
        """Call it; what it returns to be awaited is awaited later."""
        try:
            outcome = self._callback(*args)
        except Exception:
            _log.exception("a callback raised")
            return
        if inspect.isawaitable(outcome):
            if len(self._todo) >= _WAITING:
                self._leave_out(outcome)
                return
            self._todo.append(outcome)
            if not self._running:
                self._running = True
                self._backend.spawn(self._run())

    async def quiet(self, seconds: float | None) -> None:
        """Wait until every call is through, at most so many seconds."""
        if self._running:
            self._quiet = Signal(self._backend)
            if not await self._quiet.wait(seconds):
                _log.warning("a callback of on_progress is not through after %g s", seconds)

    async def _run(self) -> None:
        try:
            while self._todo:
                try:
                    await self._todo.popleft()
                except Exception:
                    _log.exception("a callback raised")
        finally:
            self._running = False
            for one in self._todo:  # the loop is ending, and nobody will await them
                _discard(one)
            self._todo.clear()
            if self._quiet is not None:
                self._quiet.set()

    def _leave_out(self, outcome: Awaitable[object]) -> None:
        _discard(outcome)
        if not self._full:
            self._full = True
            _log.warning("a callback is too slow: more than %d calls of it wait", _WAITING)


def _discard(outcome: Awaitable[object]) -> None:
    if inspect.iscoroutine(outcome):
        outcome.close()


def _expiry(exchange: Exchange) -> str:
    text = f"no answer to {exchange.request.method} in time"
    if exchange.latest is not None and exchange.deadline == exchange.latest:
        return f"{text} (its maximum)"
    return text if exchange.timeout is None else f"{text} (timeout {exchange.timeout:g} s)"
