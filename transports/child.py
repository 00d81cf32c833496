"""What a parent sees of a child process besides its input and output: its end, group, stderr."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final

from barewire.transports.backend import Backend, guarded
from barewire.transports.fdpipe import is_pollable
from barewire.transports.polled import PolledReader
from barewire.transports.threaded import ThreadedReader, ThreadedWriter

__all__ = ["StderrTail", "group_is_alive", "signal_group", "watch_exit"]

_KEPT: Final = 8 * 1024
_BACKLOG: Final = 1024 * 1024


class StderrTail:
    """Reads a descriptor to its end, keeps the last 8 KiB, and passes each chunk on.

    Somebody has to read: a process whose standard error is full stops.
    """

    def __init__(
        self, backend: Backend, fd: int, copy_to: Callable[[bytes], object] | int | None
    ) -> None:
        """Take over `fd`. `copy_to` is a function, a descriptor that stays open, or nobody."""
        self._kept = b""
        self._copy: Callable[[bytes], object] | None = None
        self._copier: ThreadedWriter | None = None
        if isinstance(copy_to, int):
            self._copier = ThreadedWriter(backend, os.dup(copy_to), _ignore, _ignore)
        else:
            self._copy = copy_to
        polled = is_pollable(fd)
        if polled:
            os.set_blocking(fd, False)
        half = PolledReader if polled else ThreadedReader
        self._reader: PolledReader | ThreadedReader = half(backend, fd, _ignore)
        self._reader.start(self._take)

    @property
    def text(self) -> str:
        """The end of what was read; what is not UTF-8 is replaced."""
        return self._kept.decode(errors="replace")

    def read_rest(self) -> None:
        """Take what is there now."""
        self._reader.read_rest(chunks=16)

    def close(self) -> None:
        """Stop reading; what is still to be copied is copied."""
        self._reader.close()
        if self._copier is not None:
            self._copier.finish()

    def _take(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-_KEPT:]
        if self._copy is not None:
            guarded(self._copy, data)
        elif self._copier is not None and self._copier.pending < _BACKLOG:
            self._copier.write([data])


def watch_exit(
    backend: Backend, popen: subprocess.Popen[bytes], callback: Callable[[], object]
) -> Callable[[], None]:
    """Call `callback` on the loop when the process can be waited for; return what stops that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # an old kernel, or a sandbox that forbids it
            pidfd = os.pidfd_open(popen.pid)
            backend.add_reader(pidfd, callback)

            def stop() -> None:
                backend.remove_reader(pidfd)
                os.close(pidfd)

            return stop

    def wait() -> None:
        popen.wait()
        backend.call_soon_threadsafe(callback)

    threading.Thread(target=wait, name="barewire-exit", daemon=True).start()
    return lambda: None


def signal_group(popen: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process, which has not been waited for, or to what is left of its group.

    Windows has neither: there, the process is ended whatever the signal.
    """
    if sys.platform == "win32":
        popen.terminate()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, number)


def group_is_alive(leader: int) -> bool:
    """Whether processes run in the group that `leader`, which has been waited for, led."""
    if sys.platform == "win32":
        return False
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # Zombies count for `killpg`, and those of orphans stay until process 1 finds the time.
    return sys.platform != "linux" or any(_group_if_alive(path) == leader for path in _processes())


def _processes() -> Iterator[str]:
    return (f"/proc/{name}/stat" for name in os.listdir("/proc") if name.isdecimal())


def _group_if_alive(path: str) -> int | None:
    try:
        with open(path, "rb") as file:
            # The name, in parentheses, may hold anything; after it come state, parent and group.
            state, _parent, group, *_ = file.read().rpartition(b")")[2].split()
    except OSError:  # it has just ended
        return None
    return None if state in b"ZX" else int(group)


def _ignore(_: object) -> None:
    """Leave the end of standard error to the exit of the process."""
