"""A client of HTTP that sends exactly the bytes it is told to, and reads exactly what comes back.

Nothing of ours reads or writes here, so nothing can be wrong at both ends.
"""

import fcntl
import json
import socket
import struct
import termios
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel

from tests.app.peers import SECONDS

__all__ = ["Event", "Response", "Wire", "WireEnded"]

_RESET = struct.pack("ii", 1, 0)

_NO_BODY = (204, 304)


class WireEnded(Exception):
    """The server ended the connection in the middle of something."""


@dataclass(frozen=True)
class Event:
    """One block of an event stream."""

    data: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: bool = False

    @property
    def message(self) -> Any:
        """The message that it brings, `None` when it brings none."""
        return json.loads(self.data) if self.data else None


@dataclass(frozen=True)
class Response:
    """What a server answered."""

    status: int
    lines: tuple[tuple[str, str], ...]
    """The fields as they came, names in lower case."""
    body: bytes = b""

    def field(self, name: str) -> str | None:
        """The value of a field that is there at most once."""
        values = [value for key, value in self.lines if key == name]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def json(self) -> Any:
        assert self.field("content-type") == "application/json", self
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        """The JSON-RPC error in the body, in whole."""
        answer = self.json
        assert set(answer) - {"id"} == {"jsonrpc", "error"}, answer
        assert answer["jsonrpc"] == "2.0"
        assert answer.get("id", 0) is not None, "the id of a refusal is left out, never null"
        return answer["error"]

    @property
    def apart_from_date(self) -> tuple[object, ...]:
        """All that was said but `Date`."""
        return self.status, tuple(line for line in self.lines if line[0] != "date"), self.body

    @property
    def goes_on(self) -> bool:
        """Whether it says that the connection goes on."""
        return self.field("connection") == "keep-alive"


@dataclass
class _Body:
    """What is still to come of a body: so many bytes, chunks, or all until the end."""

    left: int | None = 0
    chunked: bool = False
    over: bool = False
    text: bytearray = field(default_factory=bytearray)
    """What came of it and was not looked at yet."""


class Wire:
    """One connection. Whatever waits for the server fails after `SECONDS`."""

    def __init__(self, port: int, *, room: int | None = None) -> None:
        """Connect; with `room`, the system takes few bytes for a client that does not read."""
        self.socket = socket.socket()
        if room is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.received = 0
        """Bytes that came in all."""
        self._in = bytearray()
        self._eof = False
        self._body = _Body(over=True)
        self._old = False

    # Bytes.

    async def send(self, data: bytes) -> None:
        """Send these bytes. Raises OSError when the server has reset the connection."""
        await anyio.lowlevel.checkpoint()  # so that the server, in the same loop, has its turn
        view = memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                with anyio.fail_after(SECONDS):
                    await anyio.wait_writable(self.socket)

    def send_some(self, data: bytes) -> int:
        """Send as much as the system takes at once; return how much that was."""
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    @property
    def arrived(self) -> int:
        """Bytes that have arrived and were not read from the system."""
        (size,) = struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, bytes(4)))
        return int(size)

    def end_direction(self) -> None:
        """Send nothing more, but go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Leave without a word: the server sees an error."""
        if self.socket.fileno() >= 0:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.socket.close()

    async def rest(self) -> bytes:
        """Read until the server ends the connection; return what it still said."""
        while not self._eof:
            await self._more()
        rest, self._in = bytes(self._in), bytearray()
        return rest

    def quiet(self) -> bool:
        """Whether nothing has come that was not read, not even the end."""
        if self._in or self._eof:
            return False
        try:
            return not self.socket.recv(1, socket.MSG_PEEK) and False
        except BlockingIOError:
            return True

    async def _more(self) -> None:
        with anyio.fail_after(SECONDS):
            while True:
                try:
                    data = self.socket.recv(65_536)
                    break
                except BlockingIOError:
                    await anyio.wait_readable(self.socket)
                except ConnectionError:
                    data = b""
                    break
        self.received += len(data)
        self._in += data
        self._eof = self._eof or not data

    async def _take(self, count: int) -> bytes:
        while len(self._in) < count:
            await self._need_more()
        taken = bytes(self._in[:count])
        del self._in[:count]
        return taken

    async def _line(self, end: bytes = b"\r\n") -> bytes:
        while (at := self._in.find(end)) < 0:
            await self._need_more()
        line = await self._take(at + len(end))
        return line[: -len(end)]

    async def _need_more(self) -> None:
        if self._eof:
            raise WireEnded(bytes(self._in))
        await self._more()

    # Answers.

    async def ask(self, data: bytes) -> Response:
        """Send a request and read the whole answer."""
        await self.send(data)
        return await self.response()

    async def response(self) -> Response:
        """Read a whole answer."""
        head = await self.begin()
        return Response(head.status, head.lines, await self.body())

    async def body(self) -> bytes:
        """Read the rest of the body of an answer that was begun."""
        while not self._body.over:
            await self._more_body()
        body, self._body.text = bytes(self._body.text), bytearray()
        return body

    async def begin(self, *, bodiless: bool = False) -> Response:
        """Read the head of an answer, interim ones aside."""
        status = 100
        lines: list[tuple[str, str]] = []
        while status < 200:
            first, *rest = (await self._line(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            version, number, _ = first.split(" ", 2)
            assert version == "HTTP/1.1"
            status = int(number)
            lines = [(line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in rest]
        head = Response(status, tuple(lines))
        length, coding = head.field("content-length"), head.field("transfer-encoding")
        assert length is None or coding is None
        if bodiless or status in _NO_BODY:
            self._body = _Body(over=True)
        elif coding is not None:
            assert coding == "chunked"
            self._body = _Body(None, chunked=True)
        elif length is not None:
            self._body = _Body(int(length), over=length == "0")
        else:
            self._body = _Body(None)
        return head

    async def _more_body(self) -> None:
        body = self._body
        if body.chunked:
            size = int(await self._line(), 16)
            body.text += await self._take(size)
            assert await self._line() == b""
            body.over = not size
        elif body.left is None:
            if not self._in and not self._eof:
                await self._more()
            body.text += self._in
            self._in.clear()
            body.over = self._eof
        else:
            if not self._in:
                await self._need_more()
            part = await self._take(min(body.left, len(self._in)))
            body.text += part
            body.left -= len(part)
            body.over = not body.left

    # Event streams.

    async def event(self) -> Event | None:
        """Read the next block of an event stream, `None` at its end."""
        body = self._body
        while (at := body.text.find(b"\n\n")) < 0:
            if body.over:
                assert not body.text, "the stream ended in the middle of an event"
                return None
            await self._more_body()
        block = bytes(body.text[:at]).decode()
        del body.text[: at + 2]
        return _read_event(block)

    async def message(self) -> Any:
        """Read the next message of an event stream, `None` at its end."""
        while (event := await self.event()) is not None:
            if event.message is not None:
                return event.message
        return None

    async def messages(self) -> list[Any]:
        """Read all messages to the end of a stream."""
        found: list[Any] = []
        while (message := await self.message()) is not None:
            found.append(message)
        return found

    async def answer(self) -> Any:
        """Read an answer that is either JSON or the last message of a stream."""
        head = await self.begin()
        if head.field("content-type") == "text/event-stream":
            return (await self.messages())[-1]
        return json.loads(await self.body())


def _read_event(block: str) -> Event:
    said: dict[str, str] = {}
    comment = False
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        if name:
            said[name] = value.removeprefix(" ")
        else:
            comment = True
    # A message has the name that readers expect, whatever else is said has none.
    assert not set(said) - {"event", "data", "id", "retry"}, block
    assert said.get("event") == ("message" if said.get("data") else None), block
    retry = said.get("retry")
    return Event(said.get("data"), said.get("id"), None if retry is None else int(retry), comment)
