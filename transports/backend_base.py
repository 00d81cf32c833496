"""The little that barewire needs from an event loop, in the same words for asyncio and trio.

A task started with `spawn` belongs to nobody's scope: things open in one task and close in another,
and an exception never travels as part of a group.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar

__all__ = ["Backend", "Future", "Handle", "Signal", "Timer", "guarded"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_log = logging.getLogger("barewire.transports")


class Handle(Protocol[T_co]):
    """A running task."""

    def cancel(self) -> object:
        """Ask the task to stop; without effect on one that is done or shielded."""
        ...

    def done(self) -> bool:
        """Whether the task has ended, in whatever way."""
        ...

    def cancelled(self) -> bool:
        """Whether the task has ended because it was cancelled."""
        ...

    def result(self) -> T_co:
        """Return what the task returned, or raise what it raised.

        Only for a task that is done and was not cancelled. An exception that nobody asks for is
        logged when the handle is dropped.
        """
        ...

    async def wait(self) -> None:
        """Wait until the task is done. What it raised stays in the handle."""
        ...


class Future(Protocol[T]):
    """A value that arrives later, awaited by one task.

    When that task is cancelled the future is done too, therefore whoever sets it asks `done` first.
    For several waiting tasks take a `Signal`.
    """

    def done(self) -> bool:
        """Whether a value or an exception was set, or the waiting task was cancelled."""
        ...

    def set_result(self, value: T, /) -> None:
        """Wake the waiting task with `value`."""
        ...

    def set_exception(self, error: BaseException, /) -> None:
        """Wake the waiting task by raising `error` in it."""
        ...

    # Any: what a coroutine yields to its loop is private to the loop.
    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the value."""
        ...


class Timer(Protocol):
    """A call that is due at some time."""

    def cancel(self) -> object:
        """Forget the call, unless it was made."""
        ...


class Backend(ABC):
    """One event loop. All methods but `call_soon_threadsafe` belong to its thread.

    Only tasks have context variables to rely on; in which context a callback runs is unspecified.
    """

    __slots__ = ()

    @abstractmethod
    def now(self) -> float:
        """Return the time of the loop's clock in seconds."""

    @abstractmethod
    def spawn(
        self, coro: Coroutine[Any, Any, T], *, shield: bool = False, hold: bool = True
    ) -> Handle[T]:
        """Run `coro` in a task of its own, with a copy of the caller's context variables.

        The task is held until it ends; with `hold=False` that is the caller's duty. On CPython
        3.12+ with asyncio it starts at once, inside this call, and may be done when it returns;
        elsewhere it starts in the next turn of the loop. With `shield`, nothing cancels it, not
        even the end of the run, which waits for it: such a task bounds itself. Whatever it raises
        stays in the handle, but SystemExit and KeyboardInterrupt also end an asyncio loop, so
        `coro` had better let none out.
        """

    @abstractmethod
    def future(self) -> Future[Any]:
        """Return a new future of this loop."""

    @abstractmethod
    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call `callback` in the next turn of the loop."""

    @abstractmethod
    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` when `now()` has reached `when`."""

    @abstractmethod
    def call_soon_threadsafe(self, callback: Callable[[], object]) -> bool:
        """From any thread or signal handler: wake the loop and call `callback` on it.

        Returns whether the loop took it; False when the loop is closed.
        """

    @abstractmethod
    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Call `callback` in each turn of the loop in which `fd` is readable."""

    @abstractmethod
    def remove_reader(self, fd: int) -> None:
        """Undo `add_reader`; do so before closing `fd`. Without effect when there is none."""

    @abstractmethod
    def add_writer(self, fd: int, callback: Callable[[], object]) -> None:
        """Call `callback` in each turn of the loop in which `fd` is writable."""

    @abstractmethod
    def remove_writer(self, fd: int) -> None:
        """Undo `add_writer`; do so before closing `fd`. Without effect when there is none."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""

    @abstractmethod
    async def await_within(self, future: Future[bool], seconds: float) -> bool:
        """Await `future` and return its value, or False when `seconds` have passed."""


class Signal:
    """Something that happens once, awaited by any number of tasks."""

    __slots__ = ("_backend", "_waiters", "is_set")

    def __init__(self, backend: Backend) -> None:
        """Create a signal that has not been given."""
        self._backend = backend
        self._waiters: list[Future[bool]] = []
        self.is_set: bool = False

    def set(self) -> None:
        """Give the signal: wake all who wait. Giving it again has no effect."""
        self.is_set = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(True)
        self._waiters.clear()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until the signal is given, at most `seconds`; return whether it was."""
        if self.is_set:
            return True
        waiter: Future[bool] = self._backend.future()
        self._waiters.append(waiter)
        try:
            if seconds is None:
                return await waiter
            return await self._backend.await_within(waiter, seconds)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)


def guarded(callback: Callable[..., object], *args: object) -> None:
    """Call `callback`; log an exception that escapes from it instead of passing it on."""
    try:
        callback(*args)
    except Exception:
        _log.exception("a callback raised; going on without its effect")
