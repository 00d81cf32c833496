"""Writes the answer to one request: its head, its body, and the frames of one without a length."""

from collections.abc import Callable
from typing import Final, Protocol

from barewire.transports.backend import Backend
from barewire.transports.http.heads import CLOSE, LAST_CHUNK, bodiless, field_lines, status_line
from barewire.transports.http.messages import Answer, Fields
from barewire.transports.http.sweeper import Sweeper
from barewire.transports.pipe import LOW_WATER

__all__ = ["HttpReply", "Line"]

_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


class Line(Protocol):
    """What a reply needs of its connection."""

    backend: Backend
    sweeper: Sweeper
    persistence: bytes
    """The fields that announce that the connection goes on."""

    @property
    def goes_on(self) -> bool:
        """Whether a request may follow, as far as the connection knows."""
        ...

    @property
    def pending(self) -> int:
        """Bytes that the client has not taken."""
        ...

    @property
    def arrived(self) -> int:
        """Bytes that have reached the client's system, as far as is known."""
        ...

    def put(self, data: list[bytes]) -> None:
        """Send these."""
        ...

    def answered(self, *, goes_on: bool) -> None:
        """Take note that the answer has ended."""
        ...

    def refusal(self, status: int, detail: str) -> Answer:
        """Return what to answer in place of something that cannot be."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class HttpReply:
    """A `Reply` on a connection of our own server.

    The head of a stream leaves within the turn of the loop that it was given in, and takes with it
    what was written by then.
    """

    __slots__ = ("_line", "_old", "_silent", "_stream", "on_drained", "on_gone")

    def __init__(self, line: Line, *, silent: bool, old: bool) -> None:
        """Answer on `line`: with a head only if `silent`, to a client of HTTP/1.0 if `old`."""
        self.on_gone: Callable[[], object] | None = None
        self.on_drained: Callable[[], object] | None = None
        self._line: Line | None = line
        self._silent = silent
        self._old = old
        self._stream: _Stream | None = None

    @property
    def gone(self) -> bool:
        """Whether nothing more arrives."""
        return self._line is None

    @property
    def begun(self) -> bool:
        """Whether the answer was begun as a stream and has not ended."""
        return self._stream is not None

    @property
    def pending(self) -> int:
        """What the client has not taken yet."""
        if self._line is None:
            return 0
        return self._line.pending + (0 if self._stream is None else self._stream.size)

    @property
    def arrived(self) -> int:
        """What has reached the client's system; 0 when nothing more does."""
        return 0 if self._line is None else self._line.arrived

    def send(self, answer: Answer) -> None:
        """Give a whole answer.

        Raises ValueError for fields that cannot be sent; the client hears of an internal error.
        """
        line = self._line
        if line is None:
            return
        if self._stream is not None:
            raise RuntimeError("an answer that was begun cannot be sent as a whole")
        self._line = None
        try:
            self._send(line, answer)
        except ValueError:
            self._apologise(line)
            raise

    def begin(self, status: int, fields: Fields) -> None:
        """Begin an answer of unknown length. Raises ValueError as `send` does."""
        line = self._line
        if line is None:
            return
        if self._stream is not None:
            raise RuntimeError("an answer is begun once")
        empty = bodiless(status)
        chunked = not self._old and not empty
        goes_on = line.goes_on and (chunked or empty or self._silent)
        try:
            head = _head(line, status, fields, _CHUNKED if chunked else b"", goes_on)
        except ValueError:
            self._line = None
            self._apologise(line)
            raise
        self._stream = _Stream(
            line,
            head,
            self._flushed,
            silent=empty or self._silent,
            chunked=chunked,
            goes_on=goes_on,
        )

    def write(self, data: bytes) -> None:
        """Send a part of the answer."""
        if self._line is not None:
            self._the_stream().write(data)

    def end(self) -> None:
        """End an answer that was begun."""
        if self._line is not None:
            stream = self._the_stream()
            self._line = self._stream = None
            stream.end()

    def abort(self) -> None:
        """Cut the connection."""
        line, self._line = self._line, None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.flush()
        if line is not None:
            line.abort()

    def lose(self) -> Callable[[], object] | None:
        """Take note that the client is gone; return whom to tell."""
        self._line = self._stream = None
        told, self.on_gone, self.on_drained = self.on_gone, None, None
        return told

    def _flushed(self) -> None:
        # What waited for the end of the turn was pending here; where it is taken at once, the pipe
        # has nothing to tell of it.
        line, told = self._line, self.on_drained
        if told is not None and line is not None and line.pending <= LOW_WATER:
            told()

    def _the_stream(self) -> "_Stream":
        if self._stream is None:
            raise RuntimeError("the answer was not begun")
        return self._stream

    def _send(self, line: Line, answer: Answer) -> None:
        goes_on, body = line.goes_on, answer.body
        if bodiless(answer.status):
            line.put([_head(line, answer.status, answer.fields, b"", goes_on)])
        else:
            length = b"Content-Length: %d\r\n" % len(body)
            head = _head(line, answer.status, answer.fields, length, goes_on)
            line.put([head] if self._silent else [head, body])
        line.answered(goes_on=goes_on)

    def _apologise(self, line: Line) -> None:
        try:
            self._send(line, line.refusal(500, "the answer could not be written"))
        except ValueError:
            line.abort()


class _Stream:
    """An answer that was begun."""

    __slots__ = (
        "_chunked",
        "_flushed",
        "_flushing",
        "_goes_on",
        "_head",
        "_line",
        "_parts",
        "_silent",
        "_size",
    )

    def __init__(
        self,
        line: Line,
        head: bytes,
        flushed: Callable[[], object],
        *,
        silent: bool,
        chunked: bool,
        goes_on: bool,
    ) -> None:
        self._flushed = flushed
        self._line = line
        self._head = head
        self._silent = silent
        self._chunked = chunked and not silent
        self._goes_on = goes_on
        self._parts: list[bytes] = []
        self._size = 0
        self._flushing = True
        line.backend.call_soon(self._end_turn)

    @property
    def size(self) -> int:
        """Bytes that wait for the end of this turn of the loop."""
        return len(self._head) + self._size

    def write(self, data: bytes) -> None:
        if not data or self._silent:  # an empty chunk would be the last one
            return
        self._parts.append(data)
        self._size += len(data)
        if not self._flushing:
            self._flushing = True
            self._line.backend.call_soon(self._end_turn)

    def end(self) -> None:
        out = self._take()
        if self._chunked:
            out.append(LAST_CHUNK)
        if out:
            self._line.put(out)
        self._line.answered(goes_on=self._goes_on)

    def _end_turn(self) -> None:
        self.flush()
        self._flushed()

    def flush(self) -> None:
        self._flushing = False
        if out := self._take():
            self._line.put(out)

    def _take(self) -> list[bytes]:
        out = [self._head] if self._head else []
        if self._parts:
            if self._chunked:
                self._parts.insert(0, b"%x\r\n" % self._size)
                self._parts.append(b"\r\n")
            out += self._parts
        self._head, self._parts, self._size = b"", [], 0
        return out


def _head(line: Line, status: int, fields: Fields, framing: bytes, goes_on: bool) -> bytes:
    persistence = line.persistence if goes_on else CLOSE
    parts = (status_line(status), line.sweeper.date, persistence, field_lines(fields), framing)
    return b"".join((*parts, b"\r\n"))
