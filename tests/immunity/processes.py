"""Processes under test: how they are started, and what must not be left of them."""

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from barewire.protocol.revisions import V2025_11_25, Revision
from barewire.transports.backend import Signal, current
from tests.app.peers import INFO, Object, until
from tests.conftest import ROOT

__all__ = [
    "OUR_SERVER",
    "Footprint",
    "OurServer",
    "bad_server",
    "call_line",
    "children",
    "footprint",
    "is_alive",
    "killed_at_the_end",
    "nothing_is_left",
    "request_line",
    "text_in",
    "unread",
    "wait_until_full",
    "warnings_kept",
]


def bad_server(behaviour: str, *values: object) -> list[str]:
    """The command of a server that misbehaves in a way that `bad_server.py` names."""
    program = str(Path(__file__).with_name("bad_server.py"))
    return [sys.executable, "-S", "-E", program, behaviour, *map(str, values)]


def children(word: str = "", *, of: int | None = None) -> set[int]:
    """The children of a process (ours) with this word among their arguments.

    Without a word, those that have ended and were not waited for are among them.
    """
    found = set[int]()
    for path in Path(f"/proc/{of or os.getpid()}/task").glob("*/children"):
        with suppress(OSError):  # a thread that has just ended
            found.update(map(int, path.read_text().split()))
    return {child for child in found if not word or word in arguments(child)}


def arguments(process: int) -> list[str]:
    """The program of a process and its arguments; nothing for one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except OSError:
        return []


def is_alive(process: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


OUR_SERVER = [sys.executable, "-m", "tests.app.run_server"]
"""The command of our server, in the folder `ROOT`; its argument is the backend."""


class OurServer:
    """Our server as a process, spoken to by hand."""

    def __init__(self, backend: str, revision: Revision = V2025_11_25) -> None:
        self.revision = revision
        self.popen = subprocess.Popen(
            [*OUR_SERVER, backend],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> "OurServer":
        """Shake hands, or ask the question that takes its place."""
        if self.revision.modern:
            self.send(request_line(0, "server/discover", {}, self.revision))
        else:
            version = self.revision.name
            params = {"protocolVersion": version, "capabilities": {}, "clientInfo": INFO}
            self.send(request_line(0, "initialize", params, self.revision))
            self.send(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        assert self.read()["id"] == 0
        return self

    def __exit__(self, *_: object) -> None:
        with self.popen:
            self.popen.kill()

    def send(self, line: bytes) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line)
        self.popen.stdin.flush()

    def call(self, id: int, name: str, **arguments: object) -> None:
        """Call a tool, and ask for progress."""
        self.send(call_line(id, name, arguments, self.revision))

    def call_and_see_it_run(self, id: int, name: str, **arguments: object) -> None:
        """Call a tool that reports progress as soon as it runs."""
        self.call(id, name, **arguments)
        assert self.read()["method"] == "notifications/progress"

    def read(self) -> Object:
        assert self.popen.stdout is not None
        line: Object = json.loads(self.popen.stdout.readline())
        return line

    def end(self, number: signal.Signals | None = None) -> tuple[float, int, list[Object], str]:
        """Close its input, or signal it; return seconds, exit code, output and standard error."""
        began = time.monotonic()
        if number is None:
            rest, errors = self.popen.communicate(timeout=20)
        else:
            self.popen.send_signal(number)
            assert self.popen.stdout is not None
            assert self.popen.stderr is not None
            rest, errors = self.popen.stdout.read(), self.popen.stderr.read()
            self.popen.wait(20)
        took = time.monotonic() - began
        messages = [json.loads(line) for line in rest.splitlines()]
        return took, self.popen.returncode, messages, errors.decode()


def call_line(id: int, name: str, arguments: Object, revision: Revision) -> bytes:
    """Write a call of a tool that asks for progress."""
    return request_line(
        id, "tools/call", {"name": name, "arguments": arguments}, revision, {"progressToken": id}
    )


def request_line(
    id: int | str, method: str, params: Object, revision: Revision, meta: Object | None = None
) -> bytes:
    """Write a request as a revision wants it."""
    meta = meta or {}
    if revision.modern:
        meta |= {PROTOCOL_VERSION: revision.name, CLIENT_CAPABILITIES: {}, CLIENT_INFO: INFO}
    if meta:
        params = {**params, "_meta": meta}
    return (
        json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()
        + b"\n"
    )


def text_in(answer: Object) -> str:
    """The text that a tool answered."""
    text: str = answer["result"]["content"][0]["text"]
    return text


def unread(fd: int) -> int:
    """The bytes in a pipe, either of whose ends is `fd`."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def wait_until_full(fd: int) -> None:
    """Wait until whoever writes into a pipe can write no more."""
    page = os.sysconf("SC_PAGE_SIZE")
    deadline = time.monotonic() + 20
    while unread(fd) <= fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) - page:  # a page may be partly filled
        assert time.monotonic() < deadline, "the pipe never filled"
        time.sleep(0.001)


@contextmanager
def killed_at_the_end(process: int) -> Iterator[None]:
    """Kill a process that a test leaves alive, or that it fails to end."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


class _Keeper(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.WARNING)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@contextmanager
def warnings_kept(records: list[logging.LogRecord]) -> Iterator[None]:
    """Add to `records` what is logged as a warning or worse, for what is no test by itself."""
    keeper = _Keeper(records)
    logging.getLogger().addHandler(keeper)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(keeper)


@dataclass(frozen=True)
class Footprint:
    """What of us there is at some time."""

    descriptors: frozenset[tuple[int, str]]
    threads: tuple[str, ...]
    children: frozenset[int]
    tasks: int


def footprint() -> Footprint:
    """What of us there is now."""
    names = sorted(thread.name for thread in threading.enumerate())
    threads = tuple(name for name in names if name.startswith("barewire"))
    return Footprint(_descriptors(), threads, frozenset(children()), _tasks())


def _descriptors() -> frozenset[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that lists
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))
    return frozenset(found)


def _tasks() -> int:
    if "trio" in sys.modules:
        import trio

        if trio.lowlevel.in_trio_task():
            return trio.lowlevel.current_statistics().tasks_living
    import asyncio

    return len(asyncio.all_tasks())


@asynccontextmanager
async def nothing_is_left() -> AsyncIterator[None]:
    """See that after the block there are no descriptors, threads, children or tasks but before."""
    started = Signal(current())
    current().call_soon(started.set)  # with the first of these, trio's backend starts its own task
    await started.wait()
    before = footprint()
    yield
    with suppress(TimeoutError):
        await until(lambda: footprint() == before)
    assert footprint() == before, f"{footprint()} is left, and there was {before}"
