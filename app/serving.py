"""One client being served: requests become calls of handlers, and their results answers.

Reading never waits for handlers. What can be answered at once is, whatever else runs; of handlers
that take time as many as the limits allow run, the others queue. A request that its client gives up
is stopped, wherever it stands.
"""

import contextvars
import inspect
import logging
import queue
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from barewire.errors import Refuse
from barewire.invoke import Answer, Call
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Params
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Ended, Event, Requested, Violated
from barewire.session.exceptions import BarewireError, Cancelled, RequestError
from barewire.session.exchange import Exchange
from barewire.transports.backend import Handle, Signal
from barewire.transports.link import Link
from barewire.transports.pipe import Pipe
from barewire.transports.threads import BusyError, ThreadPool

__all__ = ["Dispatch", "Serving"]

_log = logging.getLogger("barewire.server")

Dispatch: TypeAlias = Mapping[str, Callable[[Call], Answer]]
"""What answers each method."""

_Result: TypeAlias = dict[str, Any]
_Later: TypeAlias = Coroutine[Any, Any, _Result]

_STOP: Final = 0.4
"""Seconds that cancelled handlers get to clean up when the connection ends."""

_GLANCE: Final = 1.0
"""Seconds after which a thread that waits for the loop looks whether there still is one."""


class Serving:
    """Serves one client over one pipe until either ends it.

    Handlers see the context variables as they are where this is made. `on_fault` is told what the
    client does wrong.
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
        self._dispatch = dispatch
        self._threads = threads
        self._on_fault = on_fault
        self._running = 0
        self._violations = 0
        self._context = contextvars.copy_context()
        self._waiting: OrderedDict[Exchange, _Later] = OrderedDict()
        self._tasks: dict[Exchange, tuple[Handle[None], _Later | None]] = {}
        """What runs, without its coroutine once it was told to end. Nobody else holds the tasks."""
        self._idle: Signal | None = None
        self._draining = False

    def start(self) -> None:
        """Begin to serve."""
        self.link.start()

    async def finish(self, drain: float) -> bool:
        """Let running handlers go on for at most `drain` seconds, then end them and close.

        Return whether all of them have ended; one that ignores its cancellation does not.
        """
        self._draining = True
        await self._until_idle(drain)
        self._draining = False
        self.connection.end_subscriptions()
        return await self.aclose()

    def hurry(self) -> None:
        """Say that it is time to finish, and that no handler is to be waited for."""
        self.ended.set()
        if self._draining and self._idle is not None:
            self._idle.set()

    async def aclose(self) -> bool:
        """End every handler and close the pipe; return whether all have ended, as `finish`."""
        for exchange in (*self._waiting, *self._tasks):
            self._stop(exchange)
        self.link.end()
        # The pipe closes last: with it goes the hold on the standard streams, and what a handler
        # prints while it cleans up must not get into the protocol's.
        await self._until_idle(_STOP)
        await self.link.aclose()
        self.ended.set()
        return not self._running

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell the client of a change, if it wants to know; from any thread."""

        def tell() -> None:
            self.connection.publish(method, params)
            self.link.wake()

        self.link.backend.call_soon_threadsafe(tell)

    # Where handlers run, and where what they send goes: the `Places` of a `Call`.

    def progress(
        self, exchange: Exchange, progress: float, total: float | None, message: str | None
    ) -> bool:
        """Report progress of a request; see `Outlet`."""
        return self.connection.progress(exchange, progress, total, message) and self.link.sent()

    def log(self, exchange: Exchange, level: str, data: Any, logger: str | None) -> bool:
        """Send a log message; see `Outlet`."""
        return self.connection.log(exchange, level, data, logger) and self.link.sent()

    async def room(self) -> None:
        """Wait until there is room to send more."""
        await self.link.room()

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Call `function` in a thread; raises `Refuse` when all of them are busy."""
        try:
            return await self._threads.run(function)
        except BusyError as error:
            raise Refuse(Reason.BUSY, str(error), {"retryable": True}) from None

    def from_thread(self, send: Callable[[], bool]) -> None:
        """From such a thread, call `send` on the loop, then wait until there is room for more.

        Raises what it raises, and `Cancelled` when the loop is over.
        """
        outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        backend = self.link.backend

        async def wait_for_room() -> None:
            try:
                await self.link.room()
            finally:
                outcome.put(None)

        def on_loop() -> None:
            try:
                if send():
                    backend.spawn(wait_for_room())
                    return
            except Exception as error:
                outcome.put(error)
                return
            outcome.put(None)

        call = on_loop
        while backend.call_soon_threadsafe(call):
            call = _nothing  # from now on it only asks whether the loop is there
            try:
                error = outcome.get(timeout=_GLANCE)
            except queue.Empty:
                continue
            if error is not None:
                raise error
            return
        raise Cancelled("the server is closed")

    # Events.

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Requested):
            self._context.run(self._begin, event.exchange)
        elif isinstance(event, Abandoned):
            _log.debug("%s was cancelled: %.200s", event.exchange.request.method, event.reason)
            self._stop(event.exchange)
        elif isinstance(event, Violated):
            # One warning per client: one that sends nonsense may send a lot of it.
            level = logging.WARNING if event.fatal or not self._violations else logging.DEBUG
            _log.log(level, "the client broke the protocol: %.300s", event.detail)
            self._violations += 1
            if event.fatal:
                self.ended.set()
            if self._on_fault is not None:
                self._on_fault(event)
        elif isinstance(event, Ended):
            self.ended.set()

    def _begin(self, exchange: Exchange) -> None:
        serve = self._dispatch.get(exchange.request.method)
        if serve is None:
            # Before completions had a capability, every server could be asked for them.
            self._failed(exchange, Refuse(Reason.METHOD_NOT_FOUND, exchange.request.method))
            return
        try:
            answer = serve(Call(exchange, self))
        except BaseException as error:  # a handler that ran at once raised it, whatever it is
            self._failed(exchange, error)
            return
        if isinstance(answer, dict):
            self._respond(exchange, answer)
        elif self._running < self.connection.limits.running:
            self._spawn(exchange, answer)
        else:
            self._waiting[exchange] = answer

    def _spawn(self, exchange: Exchange, answer: _Later) -> None:
        self._running += 1
        task = self.link.backend.spawn(self._run(exchange, answer), hold=False)
        if not task.done():
            self._tasks[exchange] = task, answer
            self.link.expect()

    async def _run(self, exchange: Exchange, answer: _Later) -> None:
        try:
            result = await answer
        except GeneratorExit:
            raise  # the loop is gone, and this was found among its remains
        except BaseException as error:
            # Nobody is above to be told. A handler that was cancelled by its client owes nothing;
            # one that was cancelled by itself, by a task that it waited for, owes an answer.
            self._failed(exchange, error)
        else:
            self._respond(exchange, result)
        finally:
            self._over(exchange)

    def _stop(self, exchange: Exchange) -> None:
        waiting = self._waiting.pop(exchange, None)
        if waiting is not None:
            waiting.close()
            return
        task, answer = self._tasks.get(exchange, (None, None))
        if task is None or answer is None:
            return  # it has ended, or it was told before and is cleaning up
        self._tasks[exchange] = task, None
        task.cancel()
        if inspect.getcoroutinestate(answer) == inspect.CORO_CREATED:
            # A task that is cancelled before it begins never does: `_run` will not clean up.
            answer.close()
            self._over(exchange)

    def _over(self, exchange: Exchange) -> None:
        self._tasks.pop(exchange, None)
        self._running -= 1
        if self._waiting:
            # Not at once: handlers that end without waiting would nest as deep as the queue.
            self.link.backend.call_soon(partial(self._context.run, self._next))
        elif self._idle is not None:
            self._look_idle()

    def _next(self) -> None:
        while self._waiting and self._running < self.connection.limits.running:
            self._spawn(*self._waiting.popitem(last=False))
        self._look_idle()

    def _look_idle(self) -> None:
        if self._idle is not None and not self._running and not self._waiting:
            self._idle.set()

    async def _until_idle(self, seconds: float) -> None:
        if self._running or self._waiting:
            self._idle = Signal(self.link.backend)
            await self._idle.wait(seconds)

    def _respond(self, exchange: Exchange, result: _Result) -> None:
        if exchange.state == "open":
            self.connection.respond(exchange, result)
            self.link.wake()

    def _failed(self, exchange: Exchange, error: BaseException) -> None:
        if exchange.state != "open":
            return
        if isinstance(error, Refuse):
            self.connection.fail(exchange, error.reason, error.detail, error.data)
        elif isinstance(error, RequestError):
            self.connection.fail_with(exchange, error.code, error.message, error.data)
        else:
            level = logging.WARNING if isinstance(error, BarewireError) else logging.ERROR
            _log.log(level, "%s failed", exchange.request.method, exc_info=error)
            self.connection.fail(exchange, Reason.INTERNAL_ERROR)
        self.link.wake()


def _nothing() -> None:
    """Stand in for a call that was made."""
