"""The backend for asyncio, and for loops that offer its interface."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from barewire.transports.backend_base import Backend, Future, Handle, Timer

__all__ = ["AsyncioBackend", "current", "run"]

T = TypeVar("T")

# asyncio itself refers weakly to a task that waits for something.
_running: Final[set[asyncio.Task[Any]]] = set()


class _Task(asyncio.Task[T]):
    """A task that is its own handle: no wrapper coroutine, no second object per call."""

    async def wait(self) -> None:
        if not self.done():
            await asyncio.wait((self,))


class _ShieldedTask(_Task[Any]):
    """A task that does not hear of cancellation; `asyncio.run` waits for it before it ends."""

    def cancel(self, msg: object = None) -> bool:
        return False


class AsyncioBackend(Backend):
    """The interface of `Backend` over one asyncio loop."""

    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stand for `loop`."""
        self._loop = loop

    def now(self) -> float:
        """Return the loop's time."""
        return self._loop.time()

    def spawn(
        self, coro: Coroutine[Any, Any, T], *, shield: bool = False, hold: bool = True
    ) -> Handle[T]:
        """Run `coro` in a task of its own, eagerly where asyncio can."""
        kind: type[_Task[T]] = _ShieldedTask if shield else _Task
        # The constant name spares asyncio the formatting of a number for every task.
        if sys.version_info >= (3, 12):
            task = kind(coro, loop=self._loop, name="barewire", eager_start=True)
            if task.done():
                return task
        else:
            task = kind(coro, loop=self._loop, name="barewire")
        if hold:
            _running.add(task)
            task.add_done_callback(_running.discard)
        return task

    def future(self) -> Future[Any]:
        """Return a future of the loop."""
        return self._loop.create_future()

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call in the next turn."""
        self._loop.call_soon(callback)

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call at a time."""
        return self._loop.call_at(when, callback)

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> bool:
        """Call from another thread; False when the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return False
        return True

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Watch `fd` for reading."""
        self._loop.add_reader(fd, callback)

    def remove_reader(self, fd: int) -> None:
        """Stop watching `fd` for reading."""
        self._loop.remove_reader(fd)

    def add_writer(self, fd: int, callback: Callable[[], object]) -> None:
        """Watch `fd` for writing."""
        self._loop.add_writer(fd, callback)

    def remove_writer(self, fd: int) -> None:
        """Stop watching `fd` for writing."""
        self._loop.remove_writer(fd)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await asyncio.sleep(seconds)

    async def await_within(self, future: Future[bool], seconds: float) -> bool:
        """Await `future`, or give up with False."""
        timer = self._loop.call_later(seconds, partial(_give_up, future))
        try:
            return await future
        finally:
            timer.cancel()


def _give_up(future: Future[bool]) -> None:
    if not future.done():
        future.set_result(False)


def current() -> AsyncioBackend:
    """Return the backend of the running loop; RuntimeError when there is none."""
    return AsyncioBackend(asyncio.get_running_loop())


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a new asyncio loop."""
    return asyncio.run(main())
