"""The raw head of a request, judged before any parser sees it.

Two readers of one byte stream that disagree about where a request ends, or which of two fields
counts, are what request smuggling lives on. Parsers forgive a good deal, each something else; so
that it does not matter which one comes next, what RFC 9112 calls unsafe never gets that far: here
a head is either beyond doubt or refused.
"""

import re
from typing import Final

from barewire.protocol.record import record

__all__ = ["HEAD_LIMIT", "Head", "HeadFault", "HeadReader"]

HEAD_LIMIT: Final = 16 * 1024
"""Bytes that a head may have by default, its blank line included."""

_END: Final = b"\r\n\r\n"

# RFC 9110 › Tokens, Field Values; RFC 9112 › Request Line. The target's own syntax is the business
# of whoever looks for it.
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE: Final = re.compile(rb"(%b) ([!-~]+) HTTP/([0-9]\.[0-9])\r\n" % _TOKEN)
_FIELD: Final = re.compile(rb"(%b):[ \t]*([^\0-\x08\n-\x1f\x7f]*)\r\n" % _TOKEN)
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~%!$&'()*+,;=-]*)(?::[0-9]{0,5})?")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")

_SINGLE: Final = frozenset(
    (
        "authorization",
        "content-length",
        "content-type",
        "expect",
        "host",
        "last-event-id",
        "origin",
        "transfer-encoding",
    )
)
"""Fields that say one thing, and so may not be there twice. All of the protocol's are such too."""


@record
class Head:
    """What a request says before its body."""

    method: str
    target: str
    version: str
    """`1.1` or `1.0`."""
    fields: dict[str, str]
    """The values by lower-cased name; those of a list that was sent in parts are joined by commas.
    Bytes beyond ASCII are read as Latin-1."""
    length: int | None
    """Bytes of the body, `None` when it comes in chunks."""
    raw: bytes
    """The head as it came, its blank line included."""


@record
class HeadFault:
    """Why no request can be read: the connection ends with this status."""

    status: int
    detail: str


class HeadReader:
    """Takes bytes until a head is whole.

        reader = HeadReader()
        head = reader.receive(data)      # a Head, a HeadFault, or None: it takes more
        rest = reader.rest               # what came behind the head

    After a head the reader is ready for the next one; the body in between is the parser's.
    """

    def __init__(self, limit: int = HEAD_LIMIT) -> None:
        """Create a reader of heads that have at most `limit` bytes."""
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._skipped = False
        self.rest: bytes = b""
        """What came behind the head that was read last."""

    @property
    def begun(self) -> bool:
        """Whether some of a head is there already."""
        return bool(self._buffer)

    @property
    def fresh(self) -> bool:
        """Whether nothing was taken since the last head, not even an empty line."""
        return not self._buffer and not self._skipped

    def receive(self, data: bytes) -> Head | HeadFault | None:
        """Take bytes; return the head once it is whole, or why there will be none.

        Where they are cut makes no difference to what is returned in the end.
        """
        buffer: bytes | bytearray = data
        if self._buffer:
            buffer = self._buffer
            buffer += data
        if not self._skipped and buffer.startswith(b"\r\n"):
            # RFC 9112 › Message Parsing: an empty line before the request line is ignored.
            self._skipped = True
            buffer = buffer[2:]
        end = buffer.find(_END, self._searched) + len(_END)
        if end < len(_END):
            if buffer is not self._buffer:
                self._buffer = bytearray(buffer)
            self._searched = max(0, len(buffer) - len(_END) + 1)
            return self._early_fault(buffer)
        if end > self._limit:
            return self._early_fault(buffer)
        raw, self.rest = bytes(buffer[:end]), bytes(buffer[end:])
        self._buffer.clear()
        self._searched = 0
        self._skipped = False
        return _read(raw)

    def _early_fault(self, buffer: bytes | bytearray) -> HeadFault | None:
        """Tell early what can only become a fault: who waits for a blank line may wait for long."""
        if buffer.find(b"\n", 0, self._limit) >= 0 and not _LINE.match(buffer):
            return _line_fault(bytes(buffer))
        if len(buffer) > self._limit:
            return HeadFault(431, f"the head has more than {self._limit} bytes (limits.head)")
        return None


def _read(raw: bytes) -> Head | HeadFault:
    line = _LINE.match(raw)
    if line is None:
        return _line_fault(raw)
    method, target, version = (part.decode("ascii") for part in line.groups())
    if version not in ("1.1", "1.0"):
        return HeadFault(505, "HTTP/1.1 is spoken here")
    fields: dict[str, str] = {}
    at, end = line.end(), len(raw) - 2
    while at < end:
        field = _FIELD.match(raw, at, end)
        if field is None:
            return _field_fault(raw[at:end])
        at = field.end()
        name = field[1].decode("ascii").lower()
        value = field[2].decode("latin-1").rstrip(" \t")
        if name not in fields:
            fields[name] = value
        elif name in _SINGLE or name.startswith("mcp-"):
            return HeadFault(400, f"{name} is there twice")
        else:
            fields[name] = f"{fields[name]}, {value}"
    return _judged(Head(method, target, version, fields, 0, raw))


def _judged(head: Head) -> Head | HeadFault:
    fields = head.fields
    host = fields.get("host")
    if host is None:
        if head.version == "1.1":
            return HeadFault(400, "host is missing")
    elif not _HOST.fullmatch(host):
        return HeadFault(400, "host is no host and port")
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if coding is not None:
        if length is not None:
            return HeadFault(400, "content-length and transfer-encoding exclude each other")
        if head.version == "1.0":
            return HeadFault(400, "HTTP/1.0 has no transfer-encoding")
        if coding.lower() != "chunked":
            return HeadFault(501, "transfer-encoding is chunked or nothing")
        return Head(head.method, head.target, head.version, fields, None, head.raw)
    if length is None:
        return head
    if not _LENGTH.fullmatch(length):
        return HeadFault(400, "content-length is no number of bytes")
    return Head(head.method, head.target, head.version, fields, int(length), head.raw)


def _line_fault(raw: bytes) -> HeadFault:
    line = raw.split(b"\n", 1)[0] + b"\n"
    if line.startswith(b"PRI * HTTP/2"):
        return HeadFault(505, "HTTP/1.1 is spoken here")
    if not line.endswith(b"\r\n"):
        return HeadFault(400, "a line ends without CR")
    return HeadFault(400, "the first line is not: method, space, target, space, HTTP/1.1")


def _field_fault(rest: bytes) -> HeadFault:
    line = rest.split(b"\r\n", 1)[0]
    if line[:1] in (b" ", b"\t"):
        return HeadFault(400, "a field goes on in another line")
    if b"\n" in line or b"\r" in line:
        return HeadFault(400, "a line ends without CR and LF")
    return HeadFault(400, "a field is not: name, colon, value")
