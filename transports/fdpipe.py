"""A pipe over descriptors of the operating system: pipes, sockets, files and terminals."""

import os
import stat
from collections.abc import Callable
from functools import partial
from typing import Final

from barewire.transports.backend import Handle, Signal, current, guarded
from barewire.transports.pipe import LOW_WATER, OnData, OnEof
from barewire.transports.polled import PolledReader, PolledWriter
from barewire.transports.threaded import ThreadedReader, ThreadedWriter

__all__ = ["TICK", "FdPipe", "is_pollable"]

# What may still be read once writing has failed or the other process is gone: all that a pipe
# can hold (1 MiB at most, unless root says otherwise), but no endless flood.
_REST_CHUNKS: Final = 16

# A closing task looks for itself this often: when a run of trio is ending, its watches are gone.
TICK: Final = 0.05


class FdPipe:
    """Reads one descriptor and writes another; see `Pipe` for what its methods promise.

    Pipes and sockets are made non-blocking and watched by the loop. That mode belongs to the open
    file, which other processes may share, so it is set back when the pipe closes. Whatever else
    there is (regular files, terminals, devices) and everything on Windows gets a thread for its
    direction and keeps its mode.
    """

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        *,
        flush_timeout: float = 1.0,
        on_closed: Callable[[], object] | None = None,
    ) -> None:
        """Take over both descriptors, which may be one and the same; a loop has to be running.

        `aclose` spends at most `flush_timeout` seconds on what is pending (default: 1, and it may
        be set later), and calls `on_closed` at its end. Raises OSError, and takes over nothing,
        when either is not open.
        """
        self._backend = current()
        polled_read, polled_write = is_pollable(read_fd), is_pollable(write_fd)
        self._read_fd = read_fd
        self._write_fd = os.dup(write_fd) if write_fd == read_fd else write_fd
        self._shared_modes = {
            fd
            for fd, polled in ((self._read_fd, polled_read), (self._write_fd, polled_write))
            if polled and _make_non_blocking(fd)
        }
        read_half = PolledReader if polled_read else ThreadedReader
        write_half = PolledWriter if polled_write else ThreadedWriter
        self._reader: PolledReader | ThreadedReader = read_half(
            self._backend, self._read_fd, self._reading_ended
        )
        self._writer: PolledWriter | ThreadedWriter = write_half(
            self._backend, self._write_fd, self._moved, self._writing_failed
        )
        self.on_drained: Callable[[], object] | None = None
        self.low_water = LOW_WATER
        self.flush_timeout = flush_timeout
        """Seconds that closing may spend on what is pending."""
        self._on_closed = on_closed
        self._on_eof: OnEof = _ignore
        self._started = False
        self._paused = False
        self._ended = False
        self._failure: BaseException | None = None
        self._flushed: Signal | None = None
        self._writing = True
        self._closing: Handle[object] | None = None

    @property
    def pending(self) -> int:
        """How many bytes the system has not taken yet."""
        return self._writer.pending

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        """Begin to read."""
        self._started = True
        self._on_eof = on_eof
        self._reader.start(on_data)
        if self._paused:
            self._reader.pause()
        self._look_at_failure()

    def write(self, buffers: list[bytes]) -> None:
        """Write `buffers` now, as far as the system takes them, and the rest later."""
        if self._closing is None:
            self._writer.write(buffers)

    def pause(self) -> None:
        """Stop reading."""
        if not self._paused:
            self._paused = True
            self._reader.pause()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused and not self._ended:
            self._paused = False
            if self._started:
                self._reader.resume()
                self._look_at_failure()

    async def aclose(self) -> object:
        """Send what is pending, set modes back, close both descriptors."""
        if self._closing is None:
            self._closing = self._backend.spawn(self._close(), shield=True)
        await self._closing.wait()
        return self._closing.result()

    async def _close(self) -> object:
        self._ignore_input()
        await self._flush(self.flush_timeout)
        self._end_writing()
        self._end_reading()
        if self._on_closed is not None:
            guarded(self._on_closed)
        return None

    def _ignore_input(self) -> None:
        # Read on all the same: a peer that cannot write may not read either.
        self.resume()
        self._ended = True
        self._reader.on_data = _ignore

    async def _flush(self, seconds: float) -> None:
        self._flushed = Signal(self._backend)
        deadline = self._backend.now() + seconds
        while self._writer.pending and (left := deadline - self._backend.now()) > 0:
            await self._flushed.wait(min(left, TICK))
            self._writer.push()

    def _end_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._set_mode_back(self._write_fd)
            self._writer.close()

    def _end_reading(self) -> None:
        # Last: of two descriptors for one open file, it is the reader's that remembers the mode.
        self._set_mode_back(self._read_fd)
        self._reader.close()

    def _set_mode_back(self, fd: int) -> None:
        if fd in self._shared_modes:
            self._shared_modes.discard(fd)
            os.set_blocking(fd, True)

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
        if self._started and not self._paused and not self._ended:
            self._reader.read_rest(_REST_CHUNKS)
            self._reader.pause()
            self._finish(reason)

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


def is_pollable(fd: int) -> bool:
    """Whether `fd` is a pipe or a socket of a system on which loops can watch them."""
    mode = os.fstat(fd).st_mode
    return os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _make_non_blocking(fd: int) -> bool:
    """Return whether `fd` was blocking until now."""
    was_blocking = os.get_blocking(fd)
    os.set_blocking(fd, False)
    return was_blocking


def _ignore(_: object) -> None:
    """Stand in for a callback where none is wanted."""
