"""The two halves of a pipe on descriptors whose readiness the loop can watch.

The descriptors are non-blocking; whoever makes the halves sees to that. A half that is closed
closes its descriptor; two halves of one descriptor are stopped instead, by `stop` and `drop`.
"""

import os
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from barewire.transports.backend import Backend, guarded
from barewire.transports.pipe import OnData

__all__ = ["CHUNK", "PolledReader", "PolledWriter"]

CHUNK: Final = 64 * 1024  # a pipe of Linux holds as much; larger reads measured no faster
_SMALL: Final = 2048  # below this, to copy a buffer costs less than to keep it apart
_IOV_MAX: Final = 1024  # Linux, macOS and the BSDs


class PolledReader:
    """Reads one chunk whenever the loop finds the descriptor readable."""

    __slots__ = ("_backend", "_ended", "_fd", "_watching", "on_data")

    on_data: OnData

    def __init__(
        self, backend: Backend, fd: int, ended: Callable[[OSError | None], object]
    ) -> None:
        """Take over `fd`. `ended` hears of the end of the file, or of an error."""
        self._backend = backend
        self._fd = fd
        self._ended = ended
        self._watching = False

    def start(self, on_data: OnData) -> None:
        """Begin to read."""
        self.on_data = on_data
        self.resume()

    def pause(self) -> None:
        """Stop reading."""
        self._watching = False
        self._backend.remove_reader(self._fd)

    def resume(self) -> None:
        """Go on reading."""
        self._watching = True
        self._backend.add_reader(self._fd, self._read)

    def read_rest(self, chunks: int) -> None:
        """Read what is there now, at most `chunks` chunks, unless it pauses or ends."""
        while chunks and self._watching and self._read():
            chunks -= 1

    def stop(self) -> None:
        """Stop reading for good, and forget the owner, so that no cycle is left."""
        self.pause()
        self.on_data = self._ended = _ignore

    def close(self) -> None:
        """Stop reading and close the descriptor."""
        self.stop()
        os.close(self._fd)

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            return self._end(error)
        if not data:
            return self._end(None)
        guarded(self.on_data, data)
        return True

    def _end(self, reason: OSError | None) -> bool:
        self.pause()
        self._ended(reason)
        return False


class PolledWriter:
    """Writes at once what the descriptor takes, and the rest whenever it is writable."""

    __slots__ = ("_backend", "_broken", "_fd", "_moved", "_open", "_queue", "pending")

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
        self._open = True
        self._queue: deque[bytes | memoryview] = deque()
        self.pending: int = 0

    def write(self, buffers: list[bytes]) -> None:
        """Write or queue `buffers`."""
        if not self._open or not buffers:
            return
        if len(buffers) == 1:
            size = len(buffers[0])
        else:
            size = sum(map(len, buffers))
            if size < _SMALL * len(buffers):
                buffers = [b"".join(buffers)]
        if not self._queue:
            taken = self._offer(buffers)
            if taken == size or not self._open:
                return
            self._backend.add_writer(self._fd, self.push)
            self._queue.extend(buffers)
            self.pending = size
            self._drop(taken)
        else:
            self._queue.extend(buffers)
            self.pending += size

    def push(self) -> None:
        """Offer what is queued to the descriptor."""
        if not self._queue:
            return
        before = self.pending
        taken = self._offer(list(islice(self._queue, _IOV_MAX)))
        if self._open:
            self._drop(taken)
            if not self._queue:
                self._backend.remove_writer(self._fd)
            self._moved(before)

    def drop(self) -> None:
        """Drop what is queued and whatever follows, and forget the owner."""
        if self._open:
            self._give_up()
        self._moved = self._broken = _ignore

    def close(self) -> None:
        """Drop what is queued and close the descriptor."""
        self.drop()
        os.close(self._fd)

    def _offer(self, buffers: list[bytes] | list[bytes | memoryview]) -> int:
        try:
            if len(buffers) == 1:
                return os.write(self._fd, buffers[0])
            return os.writev(self._fd, buffers[:_IOV_MAX])
        except BlockingIOError:
            return 0
        except OSError as error:
            self._give_up()
            self._broken(error)
            return 0

    def _drop(self, count: int) -> None:
        queue = self._queue
        self.pending -= count
        while queue and count >= len(queue[0]):
            count -= len(queue.popleft())
        if count:
            queue[0] = memoryview(queue[0])[count:]

    def _give_up(self) -> None:
        self._open = False
        if self._queue:
            self._backend.remove_writer(self._fd)
            self._queue.clear()
        before, self.pending = self.pending, 0
        self._moved(before)


def _ignore(_: object) -> None:
    """Stand in for an owner that is gone."""
