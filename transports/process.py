"""The client's side of stdio: a server started as a child process, its streams a pipe.

stdio › Shutdown: the client closes the input of the server, waits for it to exit, and forces it
when it does not. Here that takes three seconds at most, whatever the server does.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import IO, Final, Literal, NoReturn

from barewire.protocol.record import record
from barewire.transports.backend import Signal, Timer, current
from barewire.transports.child import StderrTail, group_is_alive, signal_group, watch_exit
from barewire.transports.duplex import TICK
from barewire.transports.fdpipe import FdPipe

__all__ = [
    "DEFAULT_GRACE",
    "SAFE_VARIABLES",
    "CloseResult",
    "Grace",
    "ProcessEnded",
    "StdioProcess",
    "open_process",
]

SAFE_VARIABLES: Final = (
    (
        "APPDATA",
        "COMSPEC",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERNAME",
        "USERPROFILE",
        "WINDIR",
    )
    if sys.platform == "win32"
    else (
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
    )
)
"""Those of our variables that every server gets: enough to run, none that holds secrets."""

_REPORTED_LINES: Final = 10


@record
class Grace:
    """How long each step of closing may take, in seconds.

    `eof`: from closing standard input to SIGTERM. `term`: from there to SIGKILL. `kill`: from there
    to giving up on a process that the system cannot end. `flush`: the part of `eof` that may go
    into sending what is pending. `report`: how long the end of standard output waits for the exit
    that explains it.
    """

    eof: float = 1.75
    term: float = 0.4
    kill: float = 0.4
    flush: float = 0.5
    report: float = 0.2


DEFAULT_GRACE: Final = Grace()


@record
class CloseResult:
    """How a server process ended.

    `returncode` is negative when a signal ended it, and None when the system could not end it at
    all. `signals` are those we had to send; with none, the server ended by itself. `leftovers` says
    that processes it started in its group still run.
    """

    returncode: int | None
    signals: tuple[signal.Signals, ...]
    leftovers: bool


class ProcessEnded(ConnectionError):
    """The server process is gone: the reason that its pipe reports at the end."""

    def __init__(self, command: str, returncode: int, stderr: str) -> None:
        """Describe the end of `command`, with the last lines of its standard error."""
        if returncode < 0:
            how = f"was ended by signal {-returncode}"
        else:
            how = f"exited with code {returncode}"
        said = f"; the end of its standard error:\n{stderr}" if stderr else ""
        super().__init__(f"the server {command} {how}{said}")
        self.command = command
        self.returncode = returncode
        self.stderr = stderr


def open_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    inherit_env: bool = False,
    cwd: str | os.PathLike[str] | None = None,
    stderr: Callable[[bytes], object] | int | None = None,
    grace: Grace = DEFAULT_GRACE,
    kill_tree: Literal["unruly", "always"] = "unruly",
) -> "StdioProcess":
    """Start `command`, a program and its arguments, without a shell; return its pipe.

    The server gets the variables of `SAFE_VARIABLES` that we have, and those in `env`, which win.
    With `inherit_env` it gets all of ours. It leads a process group of its own, so that a Ctrl+C in
    our terminal is ours alone.

    Its standard error is always read, and the end of it is kept as `stderr_tail`. `stderr` gets
    each chunk besides: a function, or a descriptor to copy to (2 shows it on our own standard
    error), which is not closed and may block without harm.

    `kill_tree` says which processes that the server started are ended with it: those of a server
    that did not end by itself ("unruly", the default), or all in its group ("always").

    Raises OSError, naming the command, when it cannot be started (FileNotFoundError: no such
    program or `cwd`), and TypeError for a string: use `shlex.split` if it is meant to be split.
    """
    if isinstance(command, str) or not command:
        hint = " (servers at a URL cannot be reached yet)" if "://" in command else ""
        raise TypeError(f"a command is a non-empty sequence of strings, not {command!r}{hint}")
    current()  # without a loop, fail before there is a process
    try:
        popen = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=_environment(env or {}, inherit_env),
            start_new_session=True,
        )
    except OSError as error:
        _explain(command, error)
    return StdioProcess(popen, shlex.join(command), stderr, grace, kill_tree)


class StdioProcess(FdPipe):
    """A child process seen through its standard streams; `open_process` makes one.

    Its end is reported within 200 ms, with `ProcessEnded` as the reason, also when processes that
    it started hold its streams open.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        command: str,
        stderr: Callable[[bytes], object] | int | None,
        grace: Grace,
        kill_tree: Literal["unruly", "always"],
    ) -> None:
        """Take over a process that was started with pipes, as the leader of its group."""
        super().__init__(_descriptor(popen.stdout), _descriptor(popen.stdin))
        self.command: Final = command
        self.pid: Final = popen.pid
        self.returncode: int | None = None
        self._popen = popen
        self._grace = grace
        self._kill_tree = kill_tree
        self._exited = Signal(self._backend)
        self._leftovers = False
        self._patience: Timer | None = None
        self._obituary: ProcessEnded | None = None
        self._stderr = StderrTail(self._backend, _descriptor(popen.stderr), stderr)
        self._stop_watching = watch_exit(self._backend, popen, self._on_exit)

    @property
    def stderr_tail(self) -> str:
        """The last 8 KiB of what the server wrote to its standard error."""
        return self._stderr.text

    async def wait(self, seconds: float | None = None) -> int | None:
        """Wait until the process has exited, at most `seconds`; return its return code, or None."""
        await self._exited.wait(seconds)
        return self.returncode

    async def aclose(self) -> CloseResult:
        """Close the server's input, wait for it to exit, force it if it does not.

        With the default `Grace` that takes 3 seconds at most. Otherwise as `Pipe.aclose`; every
        caller gets the same result.
        """
        result = await super().aclose()
        assert isinstance(result, CloseResult)
        return result

    async def _close(self) -> CloseResult:
        self._ignore_input()
        deadline = self._backend.now() + self._grace.eof
        await self._flush(min(self._grace.flush, self._grace.eof))
        self._end_writing()
        await self._exits_by(deadline)
        signals: list[signal.Signals] = []
        for number, seconds in _escalation(self._grace):
            if self.returncode is not None:
                break
            signals.append(number)
            signal_group(self._popen, number)
            deadline = self._backend.now() + seconds
            await self._exits_by(deadline)
        if self._leftovers and (signals or self._kill_tree == "always"):
            await self._end_group(signals, deadline)
        self._dismiss()
        return CloseResult(self.returncode, tuple(signals), self._leftovers)

    async def _exits_by(self, deadline: float) -> None:
        while self.returncode is None and (left := deadline - self._backend.now()) > 0:
            await self._exited.wait(min(left, TICK))
            if self._popen.poll() is not None:
                self._on_exit()

    async def _end_group(self, signals: list[signal.Signals], deadline: float) -> None:
        """End what is left without its leader: SIGTERM and some time, then SIGKILL."""
        if not signals:
            signal_group(self._popen, signal.SIGTERM)
            deadline = self._backend.now() + self._grace.term
        if signal.SIGKILL not in signals:
            while group_is_alive(self.pid) and self._backend.now() < deadline:
                await self._backend.sleep(TICK)
            signal_group(self._popen, signal.SIGKILL)
        self._leftovers = False

    def _dismiss(self) -> None:
        if self.returncode is None:  # stuck in the kernel: leave no zombie when it comes free
            self._stop_watching()
            waiter = threading.Thread(target=self._popen.wait, name="barewire-exit", daemon=True)
            waiter.start()
        if self._patience is not None:
            self._patience.cancel()
        self._stderr.close()
        self._end_reading()

    def _on_exit(self) -> None:
        if self.returncode is None:
            self._stop_watching()
            self.returncode = self._popen.wait()
            # Asked at once: if nobody is left now, the number may belong to others later.
            self._leftovers = group_is_alive(self.pid)
            self._exited.set()
            self._stderr.read_rest()
            lines = self.stderr_tail.splitlines()[-_REPORTED_LINES:]
            self._obituary = ProcessEnded(self.command, self.returncode, "\n".join(lines))
            self._fail_soon(self._obituary)

    def _finish(self, reason: BaseException | None) -> None:
        if self._obituary is not None:
            super()._finish(self._obituary)
        elif self._patience is None:
            # The exit follows the end of standard output closely, and explains it.
            self._patience = self._backend.call_at(
                self._backend.now() + self._grace.report, partial(super()._finish, reason)
            )


def _escalation(grace: Grace) -> tuple[tuple[signal.Signals, float], ...]:
    if sys.platform == "win32":
        return ((signal.SIGTERM, grace.term + grace.kill),)
    return ((signal.SIGTERM, grace.term), (signal.SIGKILL, grace.kill))


def _environment(given: Mapping[str, str], inherit: bool) -> dict[str, str]:
    names = os.environ if inherit else SAFE_VARIABLES
    return {name: os.environ[name] for name in names if name in os.environ} | dict(given)


def _descriptor(file: IO[bytes] | None) -> int:
    """Return the descriptor of one of Popen's files as our own, and close the file."""
    assert file is not None
    with file:
        return os.dup(file.fileno())


def _explain(command: Sequence[str], error: OSError) -> NoReturn:
    text = f"cannot start the server {shlex.join(command)}: {error.strerror}"
    raise type(error)(error.errno, text, error.filename) from None
