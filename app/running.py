"""Where handlers run: requests become calls, and their results answers, whatever carries them.

What can be answered at once is, whatever else runs; of handlers that take time as many as the
limit allows run, the others queue. A request that its client gives up is stopped, wherever it
stands.
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
from barewire.session.carrier import Carrier
from barewire.session.exceptions import BarewireError, Cancelled, RequestError
from barewire.session.exchange import Exchange
from barewire.transports.backend import Backend, Handle, Signal, current
from barewire.transports.threads import BusyError, ThreadPool

__all__ = ["STOP", "Dispatch", "Runner"]

_log = logging.getLogger("barewire.server")

Dispatch: TypeAlias = Mapping[str, Callable[[Call], Answer]]
"""What answers each method."""

_Later: TypeAlias = Coroutine[Any, Any, dict[str, Any]]

STOP: Final = 0.4
"""Seconds that cancelled handlers get to clean up when a connection or a server ends."""

_GLANCE: Final = 1.0
"""Seconds after which a thread that waits for the loop looks whether there still is one."""


class Runner:
    """Runs the handlers of one client, or of all clients that share a limit.

    At most `limit` handlers that take time run at once. Handlers see the context variables as they
    are where this is made.
    """

    def __init__(self, dispatch: Dispatch, threads: ThreadPool, limit: int) -> None:
        self.backend: Backend = current()
        self.limit: int = limit
        self._dispatch = dispatch
        self._threads = threads
        self._running = 0
        self._context = contextvars.copy_context()
        self._waiting: OrderedDict[Exchange, tuple[_Later, Carrier]] = OrderedDict()
        self._tasks: dict[Exchange, tuple[Handle[None], _Later | None]] = {}
        """What runs, without its coroutine once it was told to end. Nobody else holds the tasks."""
        self._idle: Signal | None = None

    @property
    def load(self) -> int:
        """How many handlers run or wait to."""
        return self._running + len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether handlers run or wait to."""
        return bool(self._running or self._waiting)

    def begin(self, exchange: Exchange, carrier: Carrier) -> None:
        """Serve a request; the carrier gets its answer, perhaps before this returns.

        One that is over, cancelled by what came with it in a batch, is not begun.
        """
        if not exchange.over:
            self._context.run(self._begin, exchange, carrier)

    def stop(self, exchange: Exchange) -> None:
        """Stop what is done for a request, if anything is: its client has no use for it."""
        waiting = self._waiting.pop(exchange, None)
        if waiting is not None:
            waiting[0].close()
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

    def stop_all(self) -> None:
        """Stop everything."""
        for exchange in (*self._waiting, *self._tasks):
            self.stop(exchange)

    async def until_idle(self, seconds: float) -> bool:
        """Wait until nothing runs or waits, at most `seconds`; return whether that is so."""
        if self.busy:
            self._idle = Signal(self.backend)
            await self._idle.wait(seconds)
        return not self.busy

    def hurry(self) -> None:
        """Let whoever waits in `until_idle` go on as things are."""
        if self._idle is not None:
            self._idle.set()

    # Threads: the `Places` of a call.

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Call `function` in a thread; raises `Refuse` when all of them are busy."""
        try:
            return await self._threads.run(function)
        except BusyError as error:
            raise Refuse(Reason.BUSY, str(error), {"retryable": True}) from None

    def from_thread(self, exchange: Exchange, carrier: Carrier, send: Callable[[], bool]) -> None:
        """From such a thread, call `send` on the loop, then wait until there is room for more.

        Raises what it raises, and `Cancelled` when the loop is over.
        """
        outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        backend = self.backend

        async def wait_for_room() -> None:
            try:
                await carrier.room(exchange)
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

    # From a request to its answer.

    def _begin(self, exchange: Exchange, carrier: Carrier) -> None:
        serve = self._dispatch.get(exchange.request.method)
        if serve is None:
            # Before completions had a capability, every server could be asked for them.
            _failed(exchange, carrier, Refuse(Reason.METHOD_NOT_FOUND, exchange.request.method))
            return
        try:
            answer = serve(Call(exchange, carrier, self))
        except BaseException as error:  # a handler that ran at once raised it, whatever it is
            _failed(exchange, carrier, error)
            return
        if isinstance(answer, dict):
            if exchange.state == "open":
                carrier.respond(exchange, answer)
        elif self._running < self.limit:
            self._spawn(exchange, answer, carrier)
        else:
            self._waiting[exchange] = answer, carrier

    def _spawn(self, exchange: Exchange, answer: _Later, carrier: Carrier) -> None:
        self._running += 1
        task = self.backend.spawn(self._run(exchange, answer, carrier), hold=False)
        if not task.done():
            self._tasks[exchange] = task, answer
            carrier.expect()

    async def _run(self, exchange: Exchange, answer: _Later, carrier: Carrier) -> None:
        try:
            result = await answer
        except GeneratorExit:
            raise  # the loop is gone, and this was found among its remains
        except BaseException as error:
            # Nobody is above to be told. A handler that was cancelled by its client owes nothing;
            # one that was cancelled by itself, by a task that it waited for, owes an answer.
            _failed(exchange, carrier, error)
        else:
            if exchange.state == "open":
                carrier.respond(exchange, result)
        finally:
            self._over(exchange)

    def _over(self, exchange: Exchange) -> None:
        self._tasks.pop(exchange, None)
        self._running -= 1
        if self._waiting:
            # Not at once: handlers that end without waiting would nest as deep as the queue.
            self.backend.call_soon(partial(self._context.run, self._next))
        elif self._idle is not None:
            self._look_idle()

    def _next(self) -> None:
        while self._waiting and self._running < self.limit:
            exchange, (answer, carrier) = self._waiting.popitem(last=False)
            self._spawn(exchange, answer, carrier)
        self._look_idle()

    def _look_idle(self) -> None:
        if self._idle is not None and not self.busy:
            self._idle.set()


def _failed(exchange: Exchange, carrier: Carrier, error: BaseException) -> None:
    if exchange.state != "open":
        return
    if isinstance(error, Refuse):
        carrier.fail(exchange, error.reason, error.detail, error.data)
    elif isinstance(error, RequestError):
        carrier.fail_with(exchange, error.code, error.message, error.data)
    else:
        level = logging.WARNING if isinstance(error, BarewireError) else logging.ERROR
        _log.log(level, "%s failed", exchange.request.method, exc_info=error)
        carrier.fail(exchange, Reason.INTERNAL_ERROR)


def _nothing() -> None:
    """Stand in for a call that was made."""
