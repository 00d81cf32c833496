"""Our server as a process, and a client that says exactly what it is told, by plain system calls.

Nothing of ours reads or writes at the client's end, so nothing can be wrong at both.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from barewire.protocol.revisions import Revision
from tests.app.peers import INFO, Object
from tests.conftest import ROOT
from tests.immunity.processes import request_line, text_in, unread, wait_until_full

__all__ = ["SECONDS", "WireServer", "initialize_line"]

SECONDS = 20.0
"""How long anything may take before a test fails."""


def initialize_line(id: int, revision: Revision) -> bytes:
    params = {"protocolVersion": revision.name, "capabilities": {}, "clientInfo": INFO}
    return request_line(id, "initialize", params, revision)


class WireServer:
    """`wire_server.py`, from its start to its end; `revision` is what its requests follow."""

    def __init__(self, backend: str, revision: Revision) -> None:
        self.revision = revision
        self.received: list[Any] = []
        """Every message, or batch of them, that was said and not taken yet, in order."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `__exit__`
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.immunity.wire_server", backend],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._stdin, self._stdout = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        self._rest: list[bytes] = []
        self._id = 1_000

    def __enter__(self) -> "WireServer":
        return self

    def __exit__(self, *_: object) -> None:
        with self._popen, self._errors:
            self._popen.kill()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def shake_hands(self) -> "WireServer":
        """Open a session, if the revision has any."""
        if not self.revision.modern:
            self.send(initialize_line(self.next_id(), self.revision))
            self.read()
            self.send(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        return self

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def send(self, data: bytes) -> None:
        """Write bytes just as they are."""
        view = memoryview(data)
        while view:
            _wait_for([], [self._stdin])
            view = view[os.write(self._stdin, view[:4096]) :]

    def request(
        self,
        method: str,
        params: Object | None = None,
        *,
        id: int | str | None = None,
        meta: Object | None = None,
    ) -> int | str:
        """Send a request and return its id."""
        if id is None:
            id = self.next_id()
        self.send(request_line(id, method, params or {}, self.revision, meta))
        return id

    def start(self, name: str, *, id: int | str | None = None, **arguments: object) -> int | str:
        """Call a tool and ask for progress; return the id, which is the token as well."""
        if id is None:
            id = self.next_id()
        params = {"name": name, "arguments": arguments}
        return self.request("tools/call", params, id=id, meta={"progressToken": id})

    def cancel(self, id: int | str) -> None:
        notice = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
        self.send(json.dumps({**notice, "params": {"requestId": id}}).encode() + b"\n")

    def read(self) -> Object:
        """Wait for the next message, and take it."""
        while not self.received:
            self._read_more()
        message: Object = self.received.pop(0)
        return message

    def wait_for(self, wanted: Callable[[Object], bool]) -> Object:
        """Wait for a message, and take it; what comes before it stays in `received`."""
        seen = 0
        while True:
            message: Object
            for message in self.received[seen:]:
                if isinstance(message, dict) and wanted(message):
                    self.received.remove(message)
                    return message
            seen = len(self.received)
            self._read_more()

    def answer(self, id: int | str) -> Object:
        """Wait for the answer to a request."""
        return self.wait_for(
            lambda one: "method" not in one and one.get("id") == id and type(one["id"]) is type(id)
        )

    def running(self, id: int | str) -> None:
        """Wait until a call has reported its first progress."""
        first = {"progressToken": id, "progress": 1}
        self.wait_for(lambda one: one.get("params") == first)

    def ask(self, name: str, **arguments: object) -> Object:
        """Call a tool and return its answer."""
        return self.answer(self.start(name, id=None, **arguments))

    def tell(self, name: str, **arguments: object) -> str:
        """Call a tool that does not fail and return its text."""
        answer = self.ask(name, **arguments)
        assert answer["result"].get("isError") is not True, answer
        return text_in(answer)

    def take(self) -> list[Any]:
        """Take what was received and nobody waited for."""
        taken, self.received = self.received, []
        return taken

    def stall(self) -> None:
        """Read nothing until the server cannot write any more."""
        wait_until_full(self._stdout)

    def wait_until_it_has_read(self) -> None:
        """Wait until the server has read all that was sent."""
        began = time.monotonic()
        while unread(self._stdin):
            assert time.monotonic() - began < SECONDS, "it reads nothing"
            time.sleep(0.001)

    def finish(self) -> int:
        """Close its input; return its exit code when it has ended."""
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        while self._read_chunk():
            pass
        return self._popen.wait(SECONDS)

    def errors(self) -> str:
        """What it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def peak_memory(self) -> int:
        """The most bytes of memory that it has had."""
        return _status(self.pid, "VmHWM")

    def memory(self) -> int:
        """The bytes of memory that it has."""
        return _status(self.pid, "VmRSS")

    def _read_more(self) -> None:
        assert self._read_chunk(), f"it ended: {self.errors()}"

    def _read_chunk(self) -> bytes:
        _wait_for([self._stdout], [])
        data = os.read(self._stdout, 65536)
        *lines, rest = data.split(b"\n")
        for line in lines:
            self.received.append(json.loads(b"".join([*self._rest, line])))
            self._rest.clear()
        self._rest.append(rest)
        return data


def _wait_for(readable: list[int], writable: list[int]) -> None:
    began = time.monotonic()
    ready = select.select(readable, writable, [], SECONDS)
    assert any(ready), f"nothing happened for {time.monotonic() - began:.0f} s"


def _status(process: int, name: str) -> int:
    with open(f"/proc/{process}/status") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"{process} has no {name}")
