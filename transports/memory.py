"""Two pipes joined in memory: a client and a server in one process, or two peers under test."""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from barewire.transports.backend import Backend, current, guarded
from barewire.transports.pipe import LOW_WATER, OnData, OnEof

__all__ = ["Chunking", "MemoryPipe", "memory_pair"]

Chunking: TypeAlias = Callable[[bytes], Iterable[bytes]]


class MemoryPipe:
    """One end; see `Pipe` for what its methods promise. Make two with `memory_pair`.

    A write arrives at the other end in a later turn of the loop, with everything else written until
    then. It stays `pending` until the other end has taken it, so an end that is paused or not
    started holds its peer back as a full pipe would.
    """

    def __init__(self, chunking: Chunking | None) -> None:
        """Create an end without a peer."""
        self.on_drained: Callable[[], object] | None = None
        self.low_water = LOW_WATER
        self._peer = self
        self._backend: Backend | None = None
        self._chunking = chunking
        self._inbox: deque[bytes] = deque()
        self._unread = 0
        self._on_data: OnData = _ignore
        self._on_eof: OnEof = _ignore
        self._scheduled = False
        self._paused = False
        self._ended = False
        self._closed = False

    def join(self, peer: "MemoryPipe") -> None:
        """Make `peer` the other end of this one."""
        self._peer = peer

    @property
    def pending(self) -> int:
        """How many bytes the other end has not taken."""
        return self._peer._unread

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        """Begin to read."""
        self._backend = current()
        self._on_data = on_data
        self._on_eof = on_eof
        self._schedule()

    def write(self, buffers: list[bytes]) -> None:
        """Put `buffers` into the inbox of the other end."""
        peer = self._peer
        if self._closed or peer._closed:
            return
        if self._chunking is not None:
            buffers = list(self._chunking(b"".join(buffers)))
        peer._inbox.extend(filter(None, buffers))
        peer._unread += sum(map(len, buffers))
        peer._schedule()

    def pause(self) -> None:
        """Leave the inbox alone."""
        self._paused = True

    def resume(self) -> None:
        """Go on with the inbox."""
        self._paused = False
        self._schedule()

    async def aclose(self) -> None:
        """Close both directions. What was written stays in the inbox of the other end."""
        if not self._closed:
            self._closed = True
            self._inbox.clear()
            self._taken(self._unread)
            self._peer._schedule()

    def _schedule(self) -> None:
        if self._backend is not None and not self._scheduled:
            self._scheduled = True
            self._backend.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._closed or self._paused or self._ended:
            return
        if self._inbox:
            data = self._next()
            self._taken(len(data))
            guarded(self._on_data, data)
            self._schedule()
        elif self._peer._closed:
            self._ended = True
            guarded(self._on_eof, None)

    def _next(self) -> bytes:
        if self._chunking is not None or len(self._inbox) == 1:
            return self._inbox.popleft()
        data = b"".join(self._inbox)
        self._inbox.clear()
        return data

    def _taken(self, count: int) -> None:
        writer, before = self._peer, self._unread
        self._unread -= count
        if before > writer.low_water >= self._unread and writer.on_drained is not None:
            current().call_soon(partial(guarded, writer.on_drained))


def memory_pair(chunking: Chunking | None = None) -> tuple[MemoryPipe, MemoryPipe]:
    """Return two joined pipes, to be used on one event loop.

    `chunking` cuts each write into pieces, which arrive one per turn of the loop: a test shows with
    it that nothing depends on where chunks end. Default: all that is there arrives at once.
    """
    left, right = MemoryPipe(chunking), MemoryPipe(chunking)
    left.join(right)
    right.join(left)
    return left, right


def _ignore(_: object) -> None:
    """Stand in for a callback until there is one."""
