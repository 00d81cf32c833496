"""The two halves of a pipe on descriptors that a loop cannot watch: one thread for each.

Regular files are refused by epoll, a terminal must never become non-blocking, and Windows has no
readiness for pipes at all. The thread lives as long as its half and hands whole chunks over, never
single messages. It is a daemon, and it closes the descriptor, since only it knows when it has left
the system call.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Final

from barewire.transports.backend import Backend, guarded
from barewire.transports.pipe import OnData
from barewire.transports.polled import CHUNK

__all__ = ["ThreadedReader", "ThreadedWriter"]

_AHEAD: Final = 4  # chunks that may be read before the loop has taken the first


class ThreadedReader:
    """Reads ahead a few chunks and posts them to the loop."""

    on_data: OnData

    def __init__(
        self, backend: Backend, fd: int, ended: Callable[[OSError | None], object]
    ) -> None:
        """Take over `fd`. `ended` hears of the end of the file, or of an error."""
        self._backend = backend
        self._fd = fd
        self._ended = ended
        self._room = threading.Semaphore(_AHEAD)
        self._arrived: deque[bytes] = deque()
        self._at_end = False
        self._reason: OSError | None = None
        self._paused = False
        self._closed = False
        self._waker = _Waker()
        self._thread: threading.Thread | None = None

    def start(self, on_data: OnData) -> None:
        """Begin to read."""
        self.on_data = on_data
        self._thread = threading.Thread(target=self._run, name="barewire-reader", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Stop delivering; the thread stops once it is a few chunks ahead."""
        self._paused = True

    def resume(self) -> None:
        """Go on delivering."""
        self._paused = False
        self._backend.call_soon(self._deliver)

    def read_rest(self, chunks: int) -> None:
        """Deliver what has been read; whether there is more, only the thread can find out."""
        self._deliver()

    def stop(self) -> None:
        """Deliver nothing more, and forget the owner."""
        self.pause()
        self.on_data = self._ended = _ignore

    def close(self) -> None:
        """Stop the thread, which then closes the descriptor."""
        self._closed = True
        self._waker.wake()
        self._room.release()
        if self._thread is None:
            self._let_go()

    def _run(self) -> None:
        reading = True
        while reading:
            self._room.acquire()
            reading = not self._closed and self._waker.readable(self._fd) and self._read()
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._fd)
        self._waker.close()

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:  # somebody else made it non-blocking and was faster
            self._room.release()
            return True
        except OSError as error:
            self._reason = error
            data = b""
        if data:
            self._arrived.append(data)
        else:
            self._at_end = True
        return self._backend.call_soon_threadsafe(self._deliver) and bool(data)

    def _deliver(self) -> None:
        while self._arrived and not self._paused and not self._closed:
            guarded(self.on_data, self._arrived.popleft())
            self._room.release()
        if self._at_end and not self._arrived and not self._paused and not self._closed:
            self._at_end = False
            self._ended(self._reason)


class ThreadedWriter:
    """Hands buffers to a thread that writes them one after the other."""

    def __init__(
        self,
        backend: Backend,
        fd: int,
        moved: Callable[[int], object],
        broken: Callable[[OSError], object],
    ) -> None:
        """Take over `fd`. `moved` hears how much was pending before some of it was taken."""
        self._backend = backend
        self._fd = fd
        self._moved = moved
        self._broken = broken
        self._jobs: SimpleQueue[list[bytes] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._open = True
        self.pending: int = 0

    def write(self, buffers: list[bytes]) -> None:
        """Queue `buffers`."""
        size = sum(map(len, buffers))
        if not self._open or not size:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="barewire-writer", daemon=True)
            self._thread.start()
        self.pending += size
        self._jobs.put(buffers.copy())

    def push(self) -> None:
        """Do nothing: the thread pushes."""

    def drop(self) -> None:
        """Drop what is queued and whatever follows."""
        if self._open:
            self._give_up()

    def close(self) -> None:
        """Drop what is queued and end the thread, which then closes the descriptor."""
        self.drop()
        self.finish()

    def finish(self) -> None:
        """End the thread when everything queued is written; the descriptor is closed then."""
        self._jobs.put(None)
        if self._thread is None:
            os.close(self._fd)

    def _run(self) -> None:
        try:
            while (buffers := self._jobs.get()) and self._open:
                size = self._write(buffers)
                if not self._backend.call_soon_threadsafe(partial(self._taken, size)):
                    break
        except OSError as error:
            self._backend.call_soon_threadsafe(partial(self._fail, error))
        os.close(self._fd)

    def _write(self, buffers: list[bytes]) -> int:
        data = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # somebody else made it non-blocking
                select.select([], [self._fd], [])
        return len(data)

    def _taken(self, size: int) -> None:
        if self._open:
            before = self.pending
            self.pending -= size
            self._moved(before)

    def _fail(self, error: OSError) -> None:
        if self._open:
            self._give_up()
            self._broken(error)

    def _give_up(self) -> None:
        self._open = False
        before, self.pending = self.pending, 0
        self._moved(before)


class _Waker:
    """Lets a thread wait for a descriptor until it is told to stop.

    Without `select.poll` (Windows) the thread waits in its read, and leaves when that returns.
    """

    def __init__(self) -> None:
        self._ends = os.pipe() if hasattr(select, "poll") else None

    def readable(self, fd: int) -> bool:
        """Wait until `fd` has data or an end to report; False when told to stop."""
        if self._ends is None:
            return True
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self._ends[0], select.POLLIN)
        return self._ends[0] not in dict(poll.poll())

    def wake(self) -> None:
        """Tell the thread to stop; call once."""
        if self._ends is not None:
            os.close(self._ends[1])

    def close(self) -> None:
        """Close what the thread waited on."""
        if self._ends is not None:
            os.close(self._ends[0])


def _ignore(_: object) -> None:
    """Stand in for an owner that is gone."""
