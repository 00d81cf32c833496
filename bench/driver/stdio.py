"""A server as a child process, and requests pumped through its pipes."""

import gc
import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from bench.driver import machine
from bench.driver.wire import INITIALIZED, Era, opening

_CHUNK: Final = 256 * 1024
_SILENCE: Final = 60_000  # milliseconds


class ServerFailed(Exception):
    """The server does not start, refuses to speak, or falls silent."""


@dataclass(frozen=True)
class Pumped:
    """What came back, and what it took."""

    chunks: list[bytes]
    seconds: float
    server_cpu: float
    load_cpu: float
    taken: list[float] = field(default_factory=list[float])
    """Seconds from each request to its answer, where one connection waits for one answer."""


class StdioServer:
    """A server process that has answered the opening request of its era.

        with StdioServer([sys.executable, "server.py"], "legacy") as server:
            pumped = server.pump(echo_calls(1000, "legacy"), in_flight=64)

    `started_in` is the time from before its start until that answer was there. What it writes to
    standard error is shown when the environment variable BENCH_STDERR is set.
    """

    def __init__(
        self, command: Sequence[str], era: Era, environment: Mapping[str, str] | None = None
    ) -> None:
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if "BENCH_STDERR" in os.environ else subprocess.DEVNULL,
            bufsize=0,
            env=None if environment is None else {**os.environ, **environment},
            preexec_fn=machine.pin_measured,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        try:
            answer = json.loads(b"".join(self._pump([opening(era)], 1, 1)))
            self.started_in = time.perf_counter() - begin
            if "result" not in answer:
                raise ServerFailed(f"the server refuses to speak: {answer}")
            if era == "legacy":
                os.write(self._input, INITIALIZED)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def pump(
        self, requests: Sequence[bytes], in_flight: int = 1, lines: int | None = None
    ) -> Pumped:
        """Send requests, so many in flight, until as many `lines` came back (default: one each)."""
        gc.collect()
        gc.disable()
        try:
            cpu, load, begin = machine.cpu_seconds(self.pid), time.process_time(), _now()
            chunks = self._pump(requests, in_flight, len(requests) if lines is None else lines)
            end, load_after = _now(), time.process_time()
            return Pumped(
                chunks, end - begin, machine.cpu_seconds(self.pid) - cpu, load_after - load
            )
        finally:
            gc.enable()

    def _pump(self, requests: Sequence[bytes], in_flight: int, lines: int) -> list[bytes]:
        chunks: list[bytes] = []
        unsent = memoryview(b"".join(requests[:in_flight]))
        sent, got = min(in_flight, len(requests)), 0
        while got < lines:
            unsent = self._write(unsent)
            chunk = self._read(bool(unsent))
            if chunk is None:
                continue
            chunks.append(chunk)
            new = chunk.count(b"\n")
            got += new
            if new and sent < len(requests):
                more = b"".join(requests[sent : sent + new])
                unsent = memoryview(bytes(unsent) + more if unsent else more)
                sent += new
        return chunks

    def _write(self, unsent: memoryview) -> memoryview:
        while unsent:
            try:
                unsent = unsent[os.write(self._input, unsent) :]
            except BlockingIOError:
                break
            except BrokenPipeError:
                raise ServerFailed("the server closed its standard input") from None
        return unsent

    def _read(self, or_write: bool) -> bytes | None:
        """Wait for output, or until input can be written; None when it is the latter."""
        if or_write:
            self._poll.register(self._input, select.POLLOUT)
        try:
            if not self._poll.poll(_SILENCE):
                raise ServerFailed("the server is silent")
        finally:
            if or_write:
                self._poll.unregister(self._input)
        try:
            chunk = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return None
        if not chunk:
            raise ServerFailed("the server closed its standard output")
        return chunk

    def close(self, patience: float = 2.0) -> None:
        """Close its input; a server that does not exit in so many seconds is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_now = time.perf_counter
