"""A reading and a writing half made one pipe: what its owner is told, and when."""

from collections.abc import Callable
from functools import partial
from typing import Final

from barewire.transports.backend import Handle, Signal, current, guarded
from barewire.transports.pipe import LOW_WATER, OnData, OnEof
from barewire.transports.polled import PolledReader, PolledWriter
from barewire.transports.threaded import ThreadedReader, ThreadedWriter

__all__ = ["TICK", "DuplexPipe"]

# What may still be read once writing has failed or the other process is gone: all that a pipe
# can hold (1 MiB at most, unless root says otherwise), but no endless flood.
_REST_CHUNKS: Final = 16

# A closing task looks for itself this often: when a run of trio is ending, its watches are gone.
TICK: Final = 0.05


class DuplexPipe:
    """All of a `Pipe` but its halves and the way they are closed.

    A subclass makes the halves in its constructor, with `_reading_ended`, `_moved` and
    `_writing_failed` for their callbacks, and has an `aclose`.
    """

    _reader: PolledReader | ThreadedReader
    _writer: PolledWriter | ThreadedWriter

    def __init__(self, flush_timeout: float) -> None:
        """Belong to the running loop."""
        self._backend = current()
        self.on_drained: Callable[[], object] | None = None
        self.low_water = LOW_WATER
        self.flush_timeout = flush_timeout
        """Seconds that closing may spend on what is pending."""
        self._on_eof: OnEof = ignore
        self._started = False
        self._paused = False
        self._ended = False
        self._taking = True
        self._failure: BaseException | None = None
        self._flushed: Signal | None = None
        self._closing: Handle[object] | None = None

    @property
    def pending(self) -> int:
        """How many bytes the system has not taken yet."""
        return self._writer.pending

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        """Begin to read."""
        if self._ended:  # closed before it began
            return
        self._started = True
        self._on_eof = on_eof
        self._reader.start(on_data)
        if self._paused:
            self._reader.pause()
        self._look_at_failure()

    def write(self, buffers: list[bytes]) -> None:
        """Write `buffers` now, as far as the system takes them, and the rest later."""
        if self._taking:
            self._writer.write(buffers)

    def pause(self) -> None:
        """Stop reading."""
        if not self._paused and not self._ended:
            self._paused = True
            self._reader.pause()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused and not self._ended:
            self._paused = False
            if self._started:
                self._reader.resume()
                self._look_at_failure()

    def _ignore_input(self) -> None:
        # Read on all the same: a peer that cannot write may not read either.
        self.resume()
        self._ended = True
        self._reader.on_data = ignore

    async def _flush(self, seconds: float) -> None:
        self._flushed = Signal(self._backend)
        deadline = self._backend.now() + seconds
        while self._writer.pending and (left := deadline - self._backend.now()) > 0:
            await self._flushed.wait(min(left, TICK))
            self._writer.push()

    def _reading_ended(self, reason: OSError | None) -> None:
        self._finish(reason)

    def _writing_failed(self, error: OSError) -> None:
        self._fail_soon(error)

    def _fail_soon(self, reason: BaseException) -> None:
        """End after what has arrived by now; once reading goes on, if it has not begun or rests."""
        self._failure = reason
        self._look_at_failure()

    def _look_at_failure(self) -> None:
        if self._failure is not None:
            self._backend.call_soon(partial(self._fail, self._failure))

    def _fail(self, reason: BaseException) -> None:
        if self._is_reading:
            self._reader.read_rest(_REST_CHUNKS)
        if self._is_reading:  # the owner may have paused or closed while it was told
            self._reader.pause()
            self._finish(reason)

    def _forget_owner(self) -> None:
        # The owner refers to us: without this, what is closed would wait for the collector.
        self.on_drained = None
        self._on_eof = ignore

    @property
    def _is_reading(self) -> bool:
        return self._started and not self._paused and not self._ended

    def _finish(self, reason: BaseException | None) -> None:
        if not self._ended:
            self._ended = True
            guarded(self._on_eof, reason)

    def _moved(self, before: int) -> None:
        now = self._writer.pending
        if before > self.low_water >= now and self.on_drained is not None:
            self._backend.call_soon(partial(guarded, self.on_drained))
        if not now and self._flushed is not None:
            self._flushed.set()


def ignore(_: object) -> None:
    """Stand in for a callback where none is wanted."""
