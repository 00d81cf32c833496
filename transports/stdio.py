"""The server's side of stdio: the standard streams of this process become a pipe.

stdio (Transports): a server "MUST NOT write anything to its `stdout` that is not a valid MCP
message". A `print` in a tool, a C library and a child process all write to descriptor 1, therefore
the protocol moves to private descriptors, and what is called standard output is standard error.
"""

import atexit
import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from barewire.transports.backend import current
from barewire.transports.fdpipe import FdPipe, is_pollable

__all__ = ["StdioClaim", "claim_stdio"]

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2

_one_at_a_time: Final = threading.Lock()


def claim_stdio() -> "StdioClaim":
    """Take descriptors 0 and 1 for the protocol, until the claim is released.

    From now on descriptor 0 reads nothing and descriptor 1 is the standard error (or nothing, when
    that is closed): for Python code, for libraries and for child processes, which do not inherit
    the private descriptors either. Text that `sys.stdout` still buffers goes to standard error too,
    and while the claim holds `sys.stdout` is flushed at each line.

    Needs no running loop, so a program can claim before it imports code that prints. Raises
    RuntimeError when they are claimed already, and OSError when descriptor 0 or 1 is closed.
    """
    return StdioClaim()


class StdioClaim:
    """The hold on the standard streams; leave it with `release`, or use it in a `with`."""

    def __init__(self) -> None:
        """Do what `claim_stdio` says."""
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("standard input and output are claimed already, by another server")
        with contextlib.ExitStack() as undo:
            undo.callback(_one_at_a_time.release)
            self._stdin = _private(_STDIN)
            undo.callback(os.close, self._stdin)
            self._stdout = _private(_STDOUT)
            undo.callback(os.close, self._stdout)
            undo.callback(_remember_modes(self._stdin, self._stdout))
            _point(_STDIN, os.devnull, os.O_RDONLY)
            undo.callback(os.dup2, self._stdin, _STDIN)
            undo.callback(os.dup2, self._stdout, _STDOUT)
            try:
                os.dup2(_STDERR, _STDOUT)
            except OSError:
                _point(_STDOUT, os.devnull, os.O_WRONLY)
            # Not before: what is buffered by now must not reach the protocol's stream.
            undo.callback(_flush_stdout_by_line())
            self._undo: Final = undo.pop_all()

    @property
    def from_pipe(self) -> bool:
        """Whether standard input is a pipe or a socket, as it is when a client started us."""
        return is_pollable(self._stdin)

    def open(self, *, flush_timeout: float = 1.0) -> FdPipe:
        """Return the pipe of the protocol, on the running loop; closing it releases the claim."""
        current()  # without a loop, fail before there are descriptors
        return FdPipe(
            os.dup(self._stdin),
            os.dup(self._stdout),
            flush_timeout=flush_timeout,
            on_closed=self.release,
        )

    def release(self) -> None:
        """Give the standard streams back as they were. Idempotent."""
        self._undo.close()

    def __enter__(self) -> "StdioClaim":
        """Return the claim."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self.release()


def _private(fd: int) -> int:
    """Duplicate `fd` beyond the standard descriptors, not inherited by children."""
    if sys.platform == "win32":
        import msvcrt

        copy = os.dup(fd)
        msvcrt.setmode(copy, os.O_BINARY)
        return copy
    import fcntl

    # Not `os.dup`: with standard error closed, it would put the stream at descriptor 2.
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _STDERR + 1)


def _remember_modes(*fds: int) -> Callable[[], None]:
    """Return what makes `fds` blocking again, if they are; it also runs when the program exits.

    A shell that shares the open files would see errors if they stayed non-blocking.
    """
    if os.name != "posix":
        return lambda: None
    blocking = [fd for fd in fds if os.get_blocking(fd)]

    def set_back() -> None:
        for fd in blocking:
            os.set_blocking(fd, True)
        atexit.unregister(set_back)

    atexit.register(set_back)
    return set_back


def _point(fd: int, path: str, flags: int) -> None:
    opened = os.open(path, flags)
    os.dup2(opened, fd)
    os.close(opened)


def _flush_stdout_by_line() -> Callable[[], None]:
    """Flush `sys.stdout` now and at each line; return what flushes it and undoes that."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper) or stream.closed:  # replaced, or absent
        return lambda: None
    by_line = stream.line_buffering

    def set_line_buffering(wanted: bool) -> None:
        # It flushes, too. A stray text must leave before descriptor 1 is the protocol's again.
        with contextlib.suppress(OSError, ValueError):
            stream.reconfigure(line_buffering=wanted)

    set_line_buffering(True)
    return partial(set_line_buffering, by_line)
