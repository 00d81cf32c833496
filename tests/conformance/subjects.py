"""What is judged: the everything server, and the client that plays every scenario."""

import queue
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from tests.interop.make_strangers import ROOT

__all__ = [
    "CLIENT",
    "SERVER",
    "EverythingServer",
    "NotServing",
    "client_command",
    "serving_command",
]

CLIENT = Path(__file__).with_name("client.py")
"""The client; it gets the URL as its last argument, and the scenario in its environment."""

SERVER = [sys.executable, "-m", "barewire", "run", "examples/everything.py:server"]

_SERVING = re.compile(rb"serving (http://\S+)")

_TO_START = 30.0
_TO_STOP = 15.0


class NotServing(Exception):
    """The server does not serve; says what it said instead."""


class EverythingServer:
    """A process that serves over HTTP, as long as the `with` block lasts.

    What the process says on standard error is kept in `log`. Raises `NotServing` when it does not
    say where it serves.
    """

    def __init__(self, log: Path, command: list[str]) -> None:
        self._log = log
        self._command = command
        self._said: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            url = self._said.get(timeout=_TO_START)
        except queue.Empty:
            url = None
        if url is None:
            self._stop()
            said = self._log.read_text("utf-8", "replace").strip()
            raise NotServing(f"{shlex.join(self._command)} does not serve:\n{said}")
        return url

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_TO_STOP)

    def _read(self) -> None:
        """Keep what the process says, and tell whoever waits where it serves."""
        stream = self._process.stderr
        assert stream is not None
        with stream, self._log.open("wb", buffering=0) as log:
            for line in stream:
                log.write(line)
                found = _SERVING.search(line)
                if found is not None:
                    self._said.put(found[1].decode())
        self._said.put(None)


def serving_command(*options: str) -> list[str]:
    """Return the command that serves examples/everything.py on a free port."""
    return [*SERVER, "--http", "127.0.0.1:0", *options]


def client_command() -> str:
    """Return the client's command line as the suite takes it: split at spaces, run by a shell.

    With `exec` the shell becomes the client, so that a time-out ends the client and not the shell.
    """
    return "exec " + shlex.join([sys.executable, "-m", "tests.conformance.client"])
