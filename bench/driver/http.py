"""A server as a child process, and requests pumped through connections that stay open."""

import gc
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from bench.driver import machine
from bench.driver.responses import EVENTS, JSON, Incoming, Response, responses
from bench.driver.stdio import Pumped, ServerFailed
from bench.driver.wire import (
    INITIALIZED,
    LEGACY,
    MODERN,
    BadReply,
    Era,
    name_of_call,
    opening,
)

CONNECTIONS: Final = 16

_CHUNK: Final = 256 * 1024
_SILENCE: Final = 60.0  # seconds
_PATIENCE: Final = 180.0  # seconds, for all that is asked at a time
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Mode:
    """How calls travel over HTTP."""

    era: Era
    options: tuple[str, ...] = ()
    """Of the server program."""
    form: str = JSON
    """The media type of what answers a call of `echo`."""
    sessions: bool = False
    """Whether each connection has a session."""
    traced: bool = False
    """Whether each call has a field of its own, by which it is traced (W3C Trace Context)."""


MODES: Final = {
    "stateful": Mode("legacy", ("--json",), sessions=True),
    "stateless": Mode("legacy", ("--json", "--stateless")),
    "modern": Mode("modern"),
    "traced": Mode("modern", traced=True),
    "sse": Mode("legacy", ("--sse",), EVENTS, sessions=True),
}


@dataclass(frozen=True)
class _Connection:
    socket: socket.socket
    fields: Mapping[str, str]
    """What its requests say besides."""


class HttpServer:
    """A server process that listens, and open connections to it, each of which has a client's part.

        with HttpServer([sys.executable, "server.py"], MODES["stateful"]) as server:
            pumped = server.pump(echo_calls(1000, "legacy"), in_flight=16)

    The program is given the arguments `--http PORT`, and the options of the mode. What it writes to
    standard error is shown when the environment variable BENCH_STDERR is set.
    """

    def __init__(
        self,
        command: Sequence[str],
        mode: Mode,
        environment: Mapping[str, str] | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self._mode = mode
        self._port = _free_port()
        output = None if "BENCH_STDERR" in os.environ else subprocess.DEVNULL
        self._process = subprocess.Popen(
            [*command, "--http", str(self._port), *mode.options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=None if environment is None else {**os.environ, **environment},
            preexec_fn=machine.pin_measured,
        )
        self._connections: list[_Connection] = []
        try:
            sockets = [self._connect() for _ in range(connections)]
            self._connections = [_Connection(each, {}) for each in sockets]
            if mode.sessions:
                ids = self.open_sessions(connections)
                self._connections = [
                    _Connection(each, _session(id)) for each, id in zip(sockets, ids, strict=True)
                ]
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def pump(
        self, requests: Sequence[bytes], in_flight: int = CONNECTIONS, lines: int | None = None
    ) -> Pumped:
        """Send requests, one at a time over so many connections, until all were answered.

        `lines` is not needed here: an answer says where it ends.
        """
        queues = [
            self._posts(requests[i::in_flight], connection.fields)
            for i, connection in enumerate(self._connections[:in_flight])
        ]
        gc.collect()
        gc.disable()
        try:
            cpu, load, begin = machine.cpu_seconds(self.pid), time.process_time(), _now()
            streams, taken = self._exchange(queues)
            end, load_after = _now(), time.process_time()
            cpu_after = machine.cpu_seconds(self.pid)
        finally:
            gc.enable()
        return Pumped(
            [line for answer in _answers(streams) for line in self._checked(answer)],
            end - begin,
            cpu_after - cpu,
            load_after - load,
            taken,
        )

    def open_sessions(self, count: int) -> list[str]:
        """Open legacy sessions and return their ids."""
        request = self._post(opening("legacy"), {})
        streams, _ = self._exchange(self._spread([request] * count))
        ids = [answer.fields.get("mcp-session-id", "") for answer in _answers(streams)]
        if len(set(ids)) != count or "" in ids:
            raise BadReply(f"{count} sessions were opened and {len(set(ids))} ids given")
        fields = {"MCP-Protocol-Version": LEGACY}
        self._tell([self._post(INITIALIZED, {**fields, **_session(id)}) for id in ids])
        return ids

    def close_sessions(self, ids: Iterable[str]) -> None:
        """End sessions by DELETE."""
        fields = {"MCP-Protocol-Version": LEGACY}
        self._tell([self._head("DELETE", {**fields, **_session(id)}) for id in ids])

    def _tell(self, requests: Sequence[bytes]) -> None:
        """Send what is answered by a status alone."""
        streams, _ = self._exchange(self._spread(requests))
        for answer in _answers(streams):
            if answer.status not in (200, 202, 204):
                raise BadReply(f"instead of taking note: {answer}")

    def _spread(self, requests: Sequence[bytes]) -> list[Sequence[bytes]]:
        many = len(self._connections)
        return [requests[i::many] for i in range(many)]

    def _posts(self, requests: Sequence[bytes], fields: Mapping[str, str]) -> list[bytes]:
        """Wrap calls, all of one tool."""
        if not requests:
            return []
        fields = {**fields, "MCP-Protocol-Version": LEGACY}
        if self._mode.era == "modern":
            fields["MCP-Protocol-Version"] = MODERN
            fields |= {"Mcp-Method": "tools/call", "Mcp-Name": name_of_call(requests[0])}
        if not self._mode.traced:
            return [self._post(request, fields) for request in requests]
        return [
            self._post(request, {**fields, "traceparent": f"00-{number:032x}-{number:016x}-01"})
            for number, request in enumerate(requests, 1)
        ]

    def _post(self, line: bytes, fields: Mapping[str, str]) -> bytes:
        body = {"Content-Type": JSON, "Content-Length": str(len(line))}
        return self._head("POST", {**fields, **body}) + line

    def _head(self, method: str, fields: Mapping[str, str]) -> bytes:
        always = {"Host": f"{_HOST}:{self._port}", "Accept": f"{JSON}, {EVENTS}"}
        lines = (f"{name}: {value}\r\n" for name, value in {**always, **fields}.items())
        return f"{method} /mcp HTTP/1.1\r\n{''.join(lines)}\r\n".encode()

    def _checked(self, answer: Response) -> list[bytes]:
        messages = answer.messages
        form = EVENTS if len(messages) > 1 else self._mode.form
        if answer.status != 200 or answer.form != form:
            raise BadReply(f"instead of {form}: {str(answer)[:600]}")
        return messages

    def _exchange(self, queues: Sequence[Sequence[bytes]]) -> tuple[list[list[bytes]], list[float]]:
        """Work the queues off, one for each connection; return what came and what each took."""
        streams: list[list[bytes]] = [[] for _ in queues]
        taken: list[float] = []
        poll = select.epoll()
        lines: dict[int, _Line] = {}
        for connection, queue, stream in zip(self._connections, queues, streams, strict=False):
            if queue:
                fd = connection.socket.fileno()
                poll.register(fd, select.EPOLLIN)
                lines[fd] = _Line(queue, stream)
        open_lines = len(lines)
        with poll:
            end = _now() + _PATIENCE
            for fd, line in lines.items():
                line.send(fd)
            while open_lines:
                ready = poll.poll(_SILENCE)
                if not ready or _now() > end:
                    raise ServerFailed("the server is silent, or says much and does not answer")
                for fd, _ in ready:
                    data = os.read(fd, _CHUNK)
                    if not data:
                        raise ServerFailed("the server closed a connection")
                    line = lines[fd]
                    line.received.append(data)
                    if not line.incoming.take(data):
                        continue
                    taken.append(_now() - line.sent_at)
                    if not line.send(fd):
                        open_lines -= 1
        return streams, taken

    def _connect(self) -> socket.socket:
        """Connect as soon as the server listens."""
        end = _now() + _SILENCE
        while True:
            try:
                connected = socket.create_connection((_HOST, self._port), _SILENCE)
            except OSError:
                if self._process.poll() is not None:
                    raise ServerFailed("the server ended instead of listening") from None
                if _now() > end:
                    raise ServerFailed("the server does not listen") from None
                time.sleep(0.01)
            else:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connected.setblocking(True)
                return connected

    def close(self, patience: float = 5.0) -> None:
        """Ask it to end; a server that does not do so in so many seconds is killed."""
        for connection in self._connections:
            connection.socket.close()
        self._process.send_signal(signal.SIGTERM)
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


class _Line:
    """The requests of one connection, of which one is on its way."""

    __slots__ = ("_queue", "incoming", "received", "sent_at")

    def __init__(self, queue: Sequence[bytes], received: list[bytes]) -> None:
        self._queue = iter(queue)
        self.received = received
        self.incoming = Incoming()
        self.sent_at = 0.0

    def send(self, fd: int) -> bool:
        """Send the next one; return whether there was one."""
        for request in self._queue:
            self.sent_at = _now()
            os.write(fd, request)
            return True
        return False


def _session(id: str) -> dict[str, str]:
    return {"Mcp-Session-Id": id}


def _answers(streams: Iterable[Iterable[bytes]]) -> list[Response]:
    return [answer for stream in streams for answer in responses(b"".join(stream))]


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind((_HOST, 0))
        port: int = unused.getsockname()[1]
        return port


_now = time.perf_counter
