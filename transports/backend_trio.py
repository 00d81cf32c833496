"""The backend for trio.

Tasks, timers and watched descriptors are system tasks. trio ends the whole run when one of those
raises, so nothing may escape from them, and it cancels them once the main task has ended: then only
shielded tasks go on, and new timers and watches no longer fire.
"""

import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, Generic, TypeVar, cast

import trio
from trio.lowlevel import Abort, RunVar, Task

from barewire.transports.backend_base import Backend, Future, Handle, Signal, Timer, guarded

__all__ = ["TrioBackend", "current", "is_running", "run"]

T = TypeVar("T")

_log = logging.getLogger("barewire.transports")


class _SystemTask(Generic[T]):
    """The handle of one coroutine that runs as a system task."""

    __slots__ = ("_cancelled", "_coro", "_ended", "_error", "_read", "_scope", "_shield", "_value")

    def __init__(self, coro: Coroutine[Any, Any, T], backend: Backend, shield: bool) -> None:
        self._coro = coro
        self._scope = trio.CancelScope(shield=shield)
        self._shield = shield
        self._ended = Signal(backend)
        self._value: T | None = None
        self._error: BaseException | None = None
        self._cancelled = False
        self._read = False

    async def run(self) -> None:
        try:
            if self._scope.cancel_called:
                self._coro.close()
                self._cancelled = True
                return
            with self._scope:
                self._value = await self._coro
            self._cancelled = self._scope.cancelled_caught
        except trio.Cancelled:
            self._cancelled = True
            raise
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def cancel(self) -> None:
        if not self._shield:
            self._scope.cancel()

    def done(self) -> bool:
        return self._ended.is_set

    def cancelled(self) -> bool:
        return self._cancelled

    def result(self) -> T:
        self._read = True
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    async def wait(self) -> None:
        await self._ended.wait()

    def __del__(self) -> None:
        if self._error is not None and not self._read:
            _log.error("a task raised and nobody asked for it", exc_info=self._error)


class _Value(Generic[T]):
    """A future: one parked task and what it is woken with."""

    __slots__ = ("_done", "_error", "_task", "_value")

    def __init__(self) -> None:
        self._task: Task | None = None
        self._value: T | None = None
        self._error: BaseException | None = None
        self._done = False

    def done(self) -> bool:
        return self._done

    def set_result(self, value: T, /) -> None:
        self._value = value
        self._wake()

    def set_exception(self, error: BaseException, /) -> None:
        self._error = error
        self._wake()

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    def _wake(self) -> None:
        self._done = True
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    async def _wait(self) -> T:
        if not self._done:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        if self._error is not None:
            try:
                raise self._error
            finally:
                del self  # the traceback refers to this frame: no cycle from an error to itself
        return cast("T", self._value)

    def _abort(self, _raise_cancel: object) -> Abort:
        self._task = None
        self._done = True
        return Abort.SUCCEEDED


class _Pump:
    """Calls what is due soon, from a task of its own.

    trio's entry queue would do, but it is made for threads and wakes the loop by a socket, which
    costs several times as much as waking a task.
    """

    __slots__ = ("_due", "_parked", "ended")

    def __init__(self) -> None:
        self._due: deque[Callable[[], object]] = deque()
        self._parked: Task | None = None
        self.ended = False

    def add(self, callback: Callable[[], object]) -> None:
        self._due.append(callback)
        if self._parked is not None:
            trio.lowlevel.reschedule(self._parked)
            self._parked = None

    async def run(self) -> None:
        try:
            while True:
                self._call_due()
                if self._due:
                    await trio.lowlevel.checkpoint()
                else:
                    self._parked = trio.lowlevel.current_task()
                    await trio.lowlevel.wait_task_rescheduled(self._abort)
        finally:
            self.ended = True
            self._call_due()

    def _call_due(self) -> None:
        for _ in range(len(self._due)):  # what these add is due in the next turn
            guarded(self._due.popleft())

    def _abort(self, _raise_cancel: object) -> Abort:
        self._parked = None
        return Abort.SUCCEEDED


class TrioBackend(Backend):
    """The interface of `Backend` over one run of trio."""

    __slots__ = ("_pump", "_readers", "_token", "_writers")

    def __init__(self) -> None:
        """Stand for the run of the current task."""
        self._token = trio.lowlevel.current_trio_token()
        self._pump: _Pump | None = None
        self._readers: dict[int, trio.CancelScope] = {}
        self._writers: dict[int, trio.CancelScope] = {}

    def now(self) -> float:
        """Return trio's time, which a test may have replaced."""
        return trio.current_time()

    def spawn(
        self, coro: Coroutine[Any, Any, T], *, shield: bool = False, hold: bool = True
    ) -> Handle[T]:
        """Run `coro` as a system task, in a copy of the caller's context; trio holds its tasks."""
        task = _SystemTask(coro, self, shield)
        try:
            _start(task.run)
        except RuntimeError:  # the run is past its last task
            coro.close()
            raise
        return task

    def future(self) -> Future[Any]:
        """Return a future of this run."""
        return _Value[Any]()

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call in the next turn; when the run is ending, from the entry queue."""
        if self._pump is None:
            self._pump = _Pump()
            trio.lowlevel.spawn_system_task(self._pump.run, name="barewire-soon")
        if self._pump.ended:
            self._token.run_sync_soon(guarded, callback)
        else:
            self._pump.add(callback)

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call at a time."""
        scope = trio.CancelScope()

        async def wait_and_call() -> None:
            with scope:
                await trio.sleep_until(when)
                if not scope.cancel_called:
                    guarded(callback)

        _start(wait_and_call)
        return scope

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> bool:
        """Call from another thread; False when the run is over."""
        try:
            self._token.run_sync_soon(guarded, callback)
        except trio.RunFinishedError:
            return False
        return True

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Watch `fd` for reading."""
        self._readers[fd] = _watch(trio.lowlevel.wait_readable, fd, callback)

    def remove_reader(self, fd: int) -> None:
        """Stop watching `fd` for reading."""
        if scope := self._readers.pop(fd, None):
            scope.cancel()

    def add_writer(self, fd: int, callback: Callable[[], object]) -> None:
        """Watch `fd` for writing."""
        self._writers[fd] = _watch(trio.lowlevel.wait_writable, fd, callback)

    def remove_writer(self, fd: int) -> None:
        """Stop watching `fd` for writing."""
        if scope := self._writers.pop(fd, None):
            scope.cancel()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await trio.sleep(seconds)

    async def await_within(self, future: Future[bool], seconds: float) -> bool:
        """Await `future`, or give up with False."""
        with trio.move_on_after(seconds):
            return await future
        return False


def _start(function: Callable[[], Awaitable[object]]) -> None:
    trio.lowlevel.spawn_system_task(function, name="barewire", context=contextvars.copy_context())


def _watch(
    until_ready: Callable[[int], Awaitable[object]], fd: int, callback: Callable[[], object]
) -> trio.CancelScope:
    scope = trio.CancelScope()

    async def watch() -> None:
        try:
            with scope:
                while not scope.cancel_called:
                    await until_ready(fd)
                    # If removed since it became ready, it may be another file by now.
                    if not scope.cancel_called:
                        guarded(callback)
        except Exception:
            _log.exception("descriptor %d can no longer be watched", fd)

    _start(watch)
    return scope


_backend: Final[RunVar[TrioBackend]] = RunVar("barewire_backend")


def is_running() -> bool:
    """Whether the caller is a task of trio, or called by one."""
    return trio.lowlevel.in_trio_task()


def current() -> TrioBackend:
    """Return the backend of this run."""
    try:
        return _backend.get()
    except LookupError:
        backend = TrioBackend()
        _backend.set(backend)
        return backend


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a new trio loop."""
    return trio.run(main)
