"""Our servers over HTTP, as processes that tests start and stop."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import ROOT

SERVED = "serving "
PATIENCE = 30


@dataclass
class Running:
    """A server process that listens."""

    url: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list[str])
    """What it has written on standard error so far, by line, after its address."""

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def run_command(*options: str) -> list[str]:
    """Return the command that serves `our_http_server` with these options."""
    target = "tests/interop/our_http_server.py:server"
    run = [sys.executable, "-m", "barewire", "run", target, "--http", "127.0.0.1:0"]
    return [*run, *options]


def our_command(options: dict[str, Any]) -> list[str]:
    """Return the command that serves it with what no option of `barewire run` says."""
    return [sys.executable, "-m", "tests.interop.our_http_server", json.dumps(options)]


@contextmanager
def running(command: list[str]) -> Generator[Running]:
    """Start a server; kill it at the end, unless it was stopped before."""
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            if not line.startswith(SERVED):
                process.kill()
                raise AssertionError(f"the server does not start: {line}{process.stderr.read()}")
            server = Running(line.removeprefix(SERVED).split()[0], process)
            # What it says is read as it comes, so that it never waits for a reader.
            listener = threading.Thread(target=server.said.extend, args=(process.stderr,))
            listener.start()
            yield server
        finally:
            if process.poll() is None:
                process.kill()
        listener.join()
