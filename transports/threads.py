"""Plain functions off the loop, in threads that cannot hold the process.

The threads are daemons: a function that never returns does not keep the interpreter from exiting. A
slot is taken from the moment a function is accepted until its thread is through with it, even when
nobody waits for it any more; what exceeds all slots is refused instead of queued without end.
"""

import contextvars
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from barewire.transports.backend import Backend, Future, current

__all__ = ["BusyError", "ThreadPool"]

P = ParamSpec("P")
T = TypeVar("T")


class BusyError(Exception):
    """Every thread runs something and the queue is full, or there are no threads to be had."""


class ThreadPool:
    """At most `threads` functions at a time, and `queue` more that wait their turn.

    Threads start when they are first needed and are used again. One pool serves any number of
    loops, from any thread.
    """

    def __init__(self, threads: int = 40, queue: int = 1000) -> None:
        """Create a pool. Defaults: 40 threads, a queue of 1,000."""
        self._size = threads
        self._limit = threads + queue
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._started = 0
        self._load = 0
        self._closed = False

    @property
    def load(self) -> int:
        """How many functions run or wait."""
        return self._load

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` in a thread, in a copy of the context variables; return its result.

        A caller that is cancelled leaves at once: a waiting function is then never called, a
        running one goes on and its result is dropped. Raises `BusyError` when there is no slot, and
        RuntimeError after `close`. A StopIteration, SystemExit or KeyboardInterrupt from the
        function arrives as RuntimeError: the first breaks a coroutine, the others end the loop.
        """
        job = _Job(partial(function, *args, **kwargs))
        self._submit(job)
        try:
            result: T = await job.future
        finally:
            del job  # a traceback refers to this frame: no cycle from an exception to itself
        return result

    def close(self) -> None:
        """Take no more; each thread ends when what was accepted is done."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in range(self._started):
                self._jobs.put(None)

    def _submit(self, job: "_Job") -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the thread pool is closed")
            if self._load >= self._limit:
                raise BusyError(f"{self._load} calls are running or waiting for a thread")
            if self._load >= self._started < self._size:
                self._start_thread()
            self._load += 1
            self._jobs.put(job)

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name="barewire-worker", daemon=True).start()
        except RuntimeError as error:  # the system has no more; those that run will do
            if not self._started:
                raise BusyError("no thread can be started") from error
        else:
            self._started += 1

    def _work(self) -> None:
        while job := self._jobs.get():
            job.run()
            # Or the thread would hold on to the last arguments and result while it is idle.
            del job
            with self._lock:
                self._load -= 1


class _Job:
    """One call: where it runs, and where its result goes."""

    __slots__ = ("_backend", "_call", "_context", "future")

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._context: Final = contextvars.copy_context()
        self._backend: Final[Backend] = current()
        # Any: the future of whatever the function returns.
        self.future: Final[Future[Any]] = self._backend.future()

    def run(self) -> None:
        try:
            if not self.future.done():  # else its caller was cancelled while it waited
                self._deliver(_succeed, self._context.run(self._call))
        except (StopIteration, SystemExit, KeyboardInterrupt) as error:
            self._deliver(_fail, RuntimeError(f"the function raised {error!r}"))
        except BaseException as error:
            self._deliver(_fail, error)
        finally:
            del self  # as above

    # Any: a value or an exception, for the one function that takes it.
    def _deliver(self, settle: Callable[[Future[Any], Any], None], outcome: Any) -> None:
        # A loop that is closed by now waits for nothing: the outcome is dropped.
        self._backend.call_soon_threadsafe(partial(settle, self.future, outcome))


def _succeed(future: Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
