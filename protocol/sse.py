"""Server-sent events: the encoder and an incremental parser.

HTML Standard, Server-sent events: Parsing an event stream, and Interpreting an event stream. MCP
puts one JSON message into the data of one event. The data stays bytes, as the JSON codec wants it.
"""

from typing import TypeAlias

from barewire.protocol.record import record

__all__ = [
    "DEFAULT_EVENT_LIMIT",
    "Event",
    "EventParser",
    "Overlong",
    "encode_comment",
    "encode_event",
]

DEFAULT_EVENT_LIMIT = 128 * 1024 * 1024
"""128 MiB: the longest event that is kept, in bytes of its lines without their line ends."""

_BOM = b"\xef\xbb\xbf"
_COLON = 0x3A
_SHORT = 1024
"""The longest line, in bytes, that still counts inside an event that is being discarded."""
_RETRY_DIGITS = 15
"""More digits than this are 30,000 years, and Python refuses to read 5,000 of them."""


@record
class Event:
    """One event as it stood in the stream.

    An event with empty data (`data:` alone) is a real one; for MCP it is no message, and only its
    `id` counts.
    """

    event: str
    """Its type; `message` when the stream named none."""
    data: bytes
    """Its data lines, joined by LF."""
    id: str | None = None
    """The id that this event set, which may be empty; `None` when it set none."""
    retry: int | None = None
    """The reconnection time in milliseconds that this event set, `None` when it set none."""


@record
class Overlong:
    """An event that was longer than the limit; its data is gone, its id and retry were kept."""

    size: int
    """Bytes of all its lines, without line ends and comments."""
    limit: int


_Happened: TypeAlias = Event | Overlong


def encode_event(
    data: bytes,
    *,
    event: str | None = "message",
    id: str | None = None,
    retry: int | None = None,
) -> bytes:
    """Return one event as it stands in the stream, with LF line ends and the blank line behind it.

    CR and CRLF inside `data` become LF, for the format cannot tell them apart; JSON text never
    holds a raw one. `None` leaves a field out, and so does an empty `event`, which means the same.
    An empty `id` is written: it makes the reader forget the last one. `retry` is in milliseconds.

    Raises `ValueError` for an `event` or `id` with CR, LF or NUL or without a UTF-8 form, and for a
    negative `retry`.
    """
    head = b""
    if event == "message":
        head = b"event: message\n"
    elif event:
        head = _field("event", event)
    if id is not None:
        head += _field("id", id)
    if retry is not None:
        if retry < 0:
            raise ValueError(f"retry is a number of milliseconds from 0, not {retry}")
        head += b"retry: %d\n" % retry
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"".join((head, b"data: ", data, b"\n\n"))


def encode_comment(text: str = "") -> bytes:
    """Return a comment, which every reader ignores: it keeps an idle connection open.

    A blank line follows, so that a reader that cuts the stream at blank lines does not lose the
    next event. Raises `ValueError` for a `text` with CR, LF or NUL or without a UTF-8 form.
    """
    return b": %b\n\n" % _one_line("comment", text) if text else b":\n\n"


def _field(name: str, value: str) -> bytes:
    return b"%b: %b\n" % (name.encode(), _one_line(name, value))


def _one_line(name: str, value: str) -> bytes:
    if "\n" in value or "\r" in value or "\0" in value:
        raise ValueError(f"{name} {value!r} holds a CR, LF or NUL, which no event stream can carry")
    return value.encode()


class EventParser:
    """Reads one event stream, however it is chunked. A new connection takes a new parser.

    Time is linear in the bytes received. At most `limit` bytes of an event are kept, beside the
    chunk in hand: a longer event is discarded as it arrives and reported as `Overlong` at its end.
    Its id and retry still count, so that a client that resumes does not meet the same event again.
    """

    __slots__ = (
        "_after_cr",
        "_cut",
        "_data",
        "_event",
        "_id",
        "_line",
        "_opening",
        "_overlong",
        "_retry",
        "_size",
        "last_event_id",
        "limit",
        "retry",
    )

    limit: int
    """Bytes of one event's lines, without line ends and comments."""
    last_event_id: str | None
    """The id that the last finished event set, `None` before there was one. It may be empty: the
    server has taken the earlier ids back."""
    retry: int | None
    """The last reconnection time that the stream named, in milliseconds, `None` before there was
    one. It counts at once, in an unfinished event too."""

    def __init__(self, limit: int = DEFAULT_EVENT_LIMIT) -> None:
        """Start at the beginning of a stream."""
        self.limit = limit
        self.last_event_id = None
        self.retry = None
        # How the stream began, until it is long enough to tell a byte order mark.
        self._opening: bytes | None = b""
        self._after_cr = False
        # The unfinished line, and how many bytes of it were not worth keeping.
        self._line = bytearray()
        self._cut = 0
        self._begin_block()

    def receive(self, data: bytes) -> list[_Happened]:
        """Take the next bytes of the stream; return the events that they complete.

        Any bytes are legal and none raise. A carriage return ends a line at once; a line feed
        behind it is dropped, also when it comes with the next bytes.
        """
        if self._opening is not None:
            data = self._without_bom(self._opening + data)
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 0x0A:
                data = data[1:]
        if not data:
            return []
        # On bytes, splitlines knows CR, LF and CRLF and nothing else, as this format does.
        lines = data.splitlines()
        self._after_cr = data[-1] == 0x0D
        unfinished = b"" if data[-1] in b"\r\n" else lines.pop()
        if lines and self._line:
            self._complete_line(lines.pop(0))
        happened: list[_Happened] = []
        for line in lines:
            if line:
                self._take(line)
            else:
                self._end_block(happened)
        if unfinished:
            self._keep(unfinished)
        return happened

    def receive_eof(self) -> list[_Happened]:
        """Say that the stream has ended: an unfinished event is dropped, its id too.

        When that event was above the limit already, it is returned as `Overlong`: it is the reason
        why an answer is missing. Nothing can be received afterwards.
        """
        size = self._size + self._cut + len(self._line)
        overlong = self._overlong
        self._line = bytearray()
        self._cut = 0
        self._begin_block()
        return [Overlong(size, self.limit)] if overlong else []

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished event are kept."""
        return sum(map(len, self._data)) + len(self._line)

    def _without_bom(self, opening: bytes) -> bytes:
        if len(opening) < len(_BOM):
            self._opening = opening  # no event is that short
            return b""
        self._opening = None
        return opening.removeprefix(_BOM)

    def _begin_block(self) -> None:
        self._data: list[bytes | bytearray] = []
        self._event = ""
        self._id: str | None = None
        self._retry: int | None = None
        self._size = 0
        self._overlong = False

    def _keep(self, piece: bytes) -> None:
        """Add to the unfinished line what of `piece` its end will be judged by."""
        line = self._line
        if (line or piece)[:1] == b":":
            self._line = bytearray(b":")
            return
        if not self._overlong and self._size + len(line) + len(piece) > self.limit:
            self._discard()
        if self._overlong:
            kept = piece[: max(0, _SHORT + 1 - len(line))]
            self._cut += len(piece) - len(kept)
            line += kept
        else:
            line += piece

    def _complete_line(self, piece: bytes) -> None:
        """Process the unfinished line, of which `piece` is the end."""
        self._keep(piece)
        line = self._line
        self._size += self._cut
        self._line = bytearray()
        self._cut = 0
        if not self._overlong and line.startswith(b"data: "):
            # It may be most of the limit: deleting from the front does not copy the rest.
            self._size += len(line)
            del line[:6]
            self._data.append(line)
        else:
            self._take(bytes(line))

    def _discard(self) -> None:
        self._overlong = True
        self._data = []
        self._event = ""
        self._cut += max(0, len(self._line) - _SHORT - 1)
        del self._line[_SHORT + 1 :]

    def _take(self, line: bytes) -> None:
        """Process a line that is not blank."""
        if line[0] == _COLON:
            return
        self._size += len(line)
        if self._size > self.limit:
            if not self._overlong:
                self._discard()
            if len(line) > _SHORT:
                return
        if line.startswith(b"data: "):
            if not self._overlong:
                self._data.append(line[6:])
            return
        if line == b"event: message":
            self._event = "message"
            return
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            if not self._overlong:
                self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) <= _RETRY_DIGITS:
            self._retry = self.retry = int(value)

    def _end_block(self, happened: list[_Happened]) -> None:
        """Process a blank line: fire the event, if there is one."""
        if self._id is not None:
            self.last_event_id = self._id
        if self._overlong:
            happened.append(Overlong(self._size, self.limit))
        elif self._data:
            data = b"\n".join(self._data)
            happened.append(Event(self._event or "message", data, self._id, self._retry))
        if self._size:
            self._begin_block()
