"""One client being served: requests become calls of handlers, and their results answers.

Reading never waits for handlers. As many as the limits allow run at once, the others queue; a
request that its client gives up is stopped, wherever it stands.
"""

import logging
import queue
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

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

Dispatch = Mapping[str, Callable[[Call], Answer]]
"""What answers each method."""


class Serving:
    """Serves one client over one pipe until either ends it."""

    def __init__(
        self, dispatch: Dispatch, connection: Connection, pipe: Pipe, threads: ThreadPool
    ) -> None:
        self.connection = connection
        self.link = Link(connection, pipe, self._on_event)
        self.ended = Signal(self.link.backend)
        """Given when the client has said its last."""
        self._dispatch = dispatch
        self._threads = threads
        self._running = 0
        self._waiting: deque[Exchange] = deque()
        self._tasks: dict[Exchange, Handle[None]] = {}
        self._idle: Signal | None = None

    def start(self) -> None:
        """Begin to serve."""
        self.link.start()

    async def finish(self, drain: float) -> None:
        """Let running handlers go on for at most `drain` seconds, then end them and close."""
        if self._running or self._waiting:
            self._idle = Signal(self.link.backend)
            await self._idle.wait(drain)
        self.connection.end_subscriptions()
        await self.aclose()

    async def aclose(self) -> None:
        """End every handler and close the pipe."""
        self._waiting.clear()
        for task in list(self._tasks.values()):
            task.cancel()
        await self.link.aclose()
        self.ended.set()

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell the client of a change, if it wants to know; from any thread."""

        def tell() -> None:
            self.connection.publish(method, params)
            self.link.wake()

        self.link.backend.call_soon_threadsafe(tell)

    # Where handlers run, and where what they send goes: the `Places` of a `Call`.

    def wake(self) -> None:
        """Send soon what the connection has to send."""
        self.link.wake()

    @property
    def congested(self) -> bool:
        """Whether senders had better wait."""
        return self.link.congested

    async def room(self) -> None:
        """Wait until there is room to send more."""
        await self.link.room()

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Call `function` in a thread; raises `Refuse` when all of them are busy."""
        try:
            return await self._threads.run(function)
        except BusyError as error:
            raise Refuse(Reason.BUSY, str(error), {"retryable": True}) from None

    def from_thread(self, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """From such a thread, run what `start` returns on the loop and wait for it.

        Raises what it raises, and `Cancelled` when the loop is over.
        """
        outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

        async def run() -> None:
            try:
                await start()
            except Exception as error:
                outcome.put(error)
            except BaseException:
                outcome.put(Cancelled("the server is closing"))
                raise
            else:
                outcome.put(None)

        if not self.link.backend.call_soon_threadsafe(lambda: self.link.backend.spawn(run())):
            raise Cancelled("the server is closed")
        error = outcome.get()
        if error is not None:
            raise error

    # Events.

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Requested):
            if self._running < self.connection.limits.running:
                self._begin(event.exchange)
            else:
                self._waiting.append(event.exchange)
        elif isinstance(event, Abandoned):
            self._abandon(event.exchange, event.reason)
        elif isinstance(event, Violated):
            _log.warning("the client broke the protocol: %.300s", event.detail)
            if event.fatal:
                self.ended.set()
        elif isinstance(event, Ended):
            self.ended.set()

    def _begin(self, exchange: Exchange) -> None:
        self._running += 1
        try:
            answer = self._dispatch[exchange.request.method](Call(exchange, self))
        except Exception as error:
            self._failed(exchange, error)
            self._running -= 1
            return
        if isinstance(answer, dict):
            self._respond(exchange, answer)
            self._running -= 1
            return
        task = self.link.backend.spawn(self._run(exchange, answer))
        if not task.done():
            self._tasks[exchange] = task

    async def _run(self, exchange: Exchange, answer: Coroutine[Any, Any, dict[str, Any]]) -> None:
        try:
            self._respond(exchange, await answer)
        except Exception as error:
            self._failed(exchange, error)
        finally:
            # A handler that was cancelled by itself, not by its client, still owes an answer.
            if exchange.state == "open" and exchange in self._tasks:
                self._failed(exchange, Cancelled("the handler was cancelled"))
            self._tasks.pop(exchange, None)
            self._running -= 1
            self._next()

    def _next(self) -> None:
        while self._waiting and self._running < self.connection.limits.running:
            exchange = self._waiting.popleft()
            if not exchange.over:
                self._begin(exchange)
        if self._idle is not None and not self._running:
            self._idle.set()

    def _abandon(self, exchange: Exchange, reason: str | None) -> None:
        _log.debug("%s was cancelled: %.200s", exchange.request.method, reason)
        task = self._tasks.get(exchange)
        if task is not None:
            task.cancel()

    def _respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        if exchange.state == "open":
            self.connection.respond(exchange, result)
            self.link.wake()

    def _failed(self, exchange: Exchange, error: Exception) -> None:
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
