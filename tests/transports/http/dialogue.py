"""One connection under test, without an event loop: a pipe and a clock that the test moves."""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import h11

from barewire.protocol.record import record
from barewire.session.limits import DEFAULT_HTTP_LIMITS, HttpLimits
from barewire.session.principal import RequestFacts
from barewire.transports.backend import Backend, Future, Handle, Timer
from barewire.transports.http.connection import HttpConnection
from barewire.transports.http.messages import Answer, HttpRequest, Reply
from barewire.transports.http.parsing import ParserName, RequestParser, make_parser_of
from barewire.transports.http.requests import Caller
from barewire.transports.http.sweeper import Sweeper
from barewire.transports.pipe import LOW_WATER, OnData, OnEof

PARSERS: tuple[ParserName, ...] = ("h11", "httptools")


class Turns(Backend):
    """A loop that turns when it is told to. Coroutines have to run through at once."""

    def __init__(self) -> None:
        self.soon: deque[Callable[[], object]] = deque()
        self.later: list[FakeTimer] = []
        self.time = 100.0

    def run(self) -> None:
        """Do what is due now."""
        while self.soon:
            self.soon.popleft()()

    def pass_time(self, seconds: float) -> None:
        """Let time pass for timers."""
        self.time += seconds
        for timer in [timer for timer in self.later if timer.when <= self.time]:
            self.later.remove(timer)
            timer.callback()
            self.run()

    def now(self) -> float:
        return self.time

    def spawn(
        self, coro: Coroutine[Any, Any, Any], *, shield: bool = False, hold: bool = True
    ) -> Handle[Any]:
        try:
            coro.send(None)
        except StopIteration:
            return Done()
        raise AssertionError("it waits for something")

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        timer = FakeTimer(self, when, callback)
        self.later.append(timer)
        return timer

    def future(self) -> Future[Any]:
        raise NotImplementedError

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> bool:
        raise NotImplementedError

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        raise NotImplementedError

    def remove_reader(self, fd: int) -> None:
        raise NotImplementedError

    def add_writer(self, fd: int, callback: Callable[[], object]) -> None:
        raise NotImplementedError

    def remove_writer(self, fd: int) -> None:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    async def await_within(self, future: Future[bool], seconds: float) -> bool:
        raise NotImplementedError


class FakeTimer:
    def __init__(self, turns: Turns, when: float, callback: Callable[[], object]) -> None:
        self.turns, self.when, self.callback = turns, when, callback

    def cancel(self) -> None:
        if self in self.turns.later:
            self.turns.later.remove(self)


class Done:
    """A task that has run through."""

    def cancel(self) -> None: ...

    def done(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return False

    def result(self) -> None: ...

    async def wait(self) -> None: ...


class FakePipe:
    """A `NetPipe` whose other end is the test."""

    def __init__(self) -> None:
        self.on_drained: Callable[[], object] | None = None
        self.on_closed: Callable[[], object] | None = None
        self.low_water = LOW_WATER
        self.local = self.remote = None
        self.secure = False
        self.certificate = None
        self.broken: BaseException | None = None
        self.sent = bytearray()
        self.writes = 0
        self.closed = False
        self.aborted = False
        self.linger: float | None = None
        self.paused = False
        self.reads = True
        """Whether the client takes what it is sent."""
        self.pending = 0
        self.lost = 0
        """What has left and will not arrive."""

    @property
    def underway(self) -> int:
        return self.pending + self.lost

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        self.on_data, self.on_eof = on_data, on_eof

    def write(self, buffers: list[bytes]) -> None:
        assert not self.closed
        self.writes += 1
        for data in buffers:
            self.sent += data
            self.pending += 0 if self.reads else len(data)

    def take(self, size: int) -> None:
        """Let the client take so many bytes."""
        before, self.pending = self.pending, max(0, self.pending - size)
        if before > self.low_water >= self.pending and self.on_drained is not None:
            self.on_drained()

    def pause(self) -> None:
        assert not self.paused
        self.paused = True

    def resume(self) -> None:
        assert self.paused
        self.paused = False

    def write_eof(self) -> None:
        raise NotImplementedError

    def close(self, *, linger: float = 0.0) -> None:
        raise NotImplementedError

    async def aclose(self, *, linger: float = 0.0) -> None:
        self.closed = True
        self.linger = linger
        if self.on_drained is not None:
            self.on_drained()

    def abort(self) -> None:
        self.aborted = True
        self.pending = 0


class Scripted:
    """A handler that does what the path says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.judged: list[RequestFacts] = []
        self.requests: list[HttpRequest] = []
        self.replies: list[Reply] = []
        self.gone: list[int] = []

    def judge(self, head: RequestFacts) -> Answer | None:
        self.judged.append(head)
        if head.path == "/judge-raises":
            raise RuntimeError("on purpose")
        if head.path == "/bad-field":
            return Answer(403, [("X", "a\n")])
        return Answer(403, (), b"no") if head.path == "/forbidden" else None

    def receive(self, request: HttpRequest, reply: Reply) -> None:
        number = len(self.requests)
        self.requests.append(request)
        self.replies.append(reply)
        reply.on_gone = lambda: self.gone.append(number)
        match request.head.path:
            case "/later":
                pass
            case "/raises":
                raise RuntimeError("on purpose")
            case "/begins-and-raises":
                reply.begin(200, [])
                raise RuntimeError("on purpose")
            case "/stream":
                reply.begin(200, [("Content-Type", "text/event-stream")])
                reply.write(b"one ")
                reply.write(b"")
                reply.write(b"two")
                reply.end()
            case "/begin":
                reply.begin(200, [])
            case _:
                reply.send(Answer(200, [("X-Path", request.head.path)], request.body))

    def refused(self, status: int, detail: str, head: RequestFacts | None) -> Answer:
        return Answer(status, [("Content-Type", "text/plain")], detail.encode())


@record
class Response:
    """What a client reads."""

    status: int
    fields: dict[str, str]
    body: bytes
    interim: list[int]
    """Statuses of the interim answers before it."""
    whole: bool
    """Whether its end was there."""


class Dialogue:
    """A client that sends bytes, the connection, and what comes back."""

    def __init__(
        self,
        parser: ParserName = "h11",
        *,
        limits: HttpLimits = DEFAULT_HTTP_LIMITS,
        caller: Caller | None = None,
        make_parser: Callable[[], RequestParser] | None = None,
    ) -> None:
        self.turns = Turns()
        self.sweeper = Sweeper(self.turns)
        self.pipe = FakePipe()
        self.handler = Scripted()
        self.closed = False
        self.connection = HttpConnection(
            self.pipe,
            self.handler,
            limits=limits,
            make_parser=make_parser or make_parser_of(parser),
            backend=self.turns,
            sweeper=self.sweeper,
            caller=caller or Caller(),
            on_closed=self._note_closed,
        )
        self.connection.start()

    def _note_closed(self, connection: HttpConnection) -> None:
        assert connection is self.connection
        assert not self.closed
        self.closed = True

    def send(self, *chunks: bytes) -> None:
        """Let bytes arrive, a turn of the loop after each chunk."""
        for chunk in chunks:
            if chunk and not self.pipe.closed:
                self.pipe.on_data(chunk)
                self.turns.run()

    def eof(self, reason: BaseException | None = None) -> None:
        """Let the client end its direction."""
        if not self.pipe.closed:
            self.pipe.on_eof(reason)
            self.turns.run()

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            self.sweeper.advance(1.0)
            self.turns.run()

    def responses(self, *methods: str) -> list[Response]:
        """Read all that was sent, as answers to requests with these methods (default: GET)."""
        data = bytes(self.pipe.sent)
        found: list[Response] = []
        while data:
            method = methods[len(found)] if len(found) < len(methods) else "GET"
            response, data = _read_response(data, method, self.pipe.closed)
            found.append(response)
        return found


def _read_response(data: bytes, method: str, ended: bool) -> tuple[Response, bytes]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if ended:
        client.receive_data(b"")
    interim: list[int] = []
    body = b""
    head: h11.Response | None = None
    while True:
        try:
            event = client.next_event()
        except h11.RemoteProtocolError:
            event = h11.NEED_DATA
        match event:
            case h11.InformationalResponse():
                interim.append(event.status_code)
            case h11.Response():
                head = event
            case h11.Data():
                body += bytes(event.data)
            case _:
                break
    assert head is not None, data
    fields = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    whole = isinstance(event, h11.EndOfMessage)
    rest = client.trailing_data[0] if whole else b""
    return Response(head.status_code, fields, body, interim, whole), bytes(rest)


def get(path: str = "/", *lines: str, version: str = "1.1") -> bytes:
    return _head("GET", path, lines, version)


def post(path: str, body: bytes, *lines: str, version: str = "1.1") -> bytes:
    return _head("POST", path, (*lines, f"Content-Length: {len(body)}"), version) + body


def chunked(path: str, *chunks: bytes, trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = _head("POST", path, ("Transfer-Encoding: chunked",), "1.1")
    return head + body + b"0\r\n" + trailers + b"\r\n"


def _head(method: str, path: str, lines: tuple[str, ...], version: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *lines, "", ""]).encode()
