"""A pipe over descriptors of the operating system: pipes, sockets, files and terminals."""

import os
import stat
from collections.abc import Callable

from barewire.transports.backend import guarded
from barewire.transports.duplex import DuplexPipe
from barewire.transports.polled import PolledReader, PolledWriter
from barewire.transports.threaded import ThreadedReader, ThreadedWriter

__all__ = ["FdPipe", "is_pollable"]


class FdPipe(DuplexPipe):
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
        super().__init__(flush_timeout)
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
        self._reader = read_half(self._backend, self._read_fd, self._reading_ended)
        self._writer = write_half(self._backend, self._write_fd, self._moved, self._writing_failed)
        self._writing = True
        self._on_closed = on_closed

    async def aclose(self) -> object:
        """Send what is pending, then end both halves."""
        if self._closing is None:
            self._taking = False
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


def is_pollable(fd: int) -> bool:
    """Whether `fd` is a pipe or a socket of a system on which loops can watch them."""
    mode = os.fstat(fd).st_mode
    return os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _make_non_blocking(fd: int) -> bool:
    """Return whether `fd` was blocking until now."""
    was_blocking = os.get_blocking(fd)
    os.set_blocking(fd, False)
    return was_blocking
