"""The framing of a chunked body, judged before any parser sees it: where the body ends, or why not.

RFC 9112 › Chunked Transfer Coding. As with heads, what one parser forgives and the next does not is
refused, so that there is no doubt where the next request begins.
"""

import re
from typing import Final

from barewire.transports.http.wire import HeadFault

__all__ = ["CHUNKS", "EXTRAS", "ChunkReader"]

CHUNKS: Final = 16 * 1024
"""How many chunks a body may come in: tiny ones are cheap to send and dear to read."""

EXTRAS: Final = 16 * 1024
"""Bytes that all extensions and trailers of a body may have together. Nobody reads them."""

_LINE_LIMIT: Final = 1024

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"(?:[\t !#-\[\]-~]|\\[\t -~])*+"'
# White space around the parts of an extension is "bad" (RFC 9110 › Whitespace), so refused.
_SIZE: Final = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:;%b(?:=(?:%b|%b))?)*+)\r\n" % (_TOKEN, _TOKEN, _QUOTED)
)
_TRAILER: Final = re.compile(rb"(%b):[ \t]*[^\0-\x08\n-\x1f\x7f]*\r\n" % _TOKEN)

# RFC 9110 › Limitations on Use of Trailers: what says how a message is framed or routed.
_NO_TRAILERS: Final = frozenset(
    (
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)


class ChunkReader:
    """Takes bytes until a chunked body is whole.

    reader = ChunkReader(limit)
    framed = reader.receive(data)    # what is beyond doubt by now, or a HeadFault
    reader.ended                     # whether that was all of it
    reader.rest                      # what came behind it
    """

    __slots__ = (
        "_chunks",
        "_in_trailers",
        "_left",
        "_limit",
        "_line",
        "_room",
        "_size",
        "ended",
        "rest",
    )

    def __init__(self, limit: int) -> None:
        """Create a reader of one body that has at most `limit` bytes."""
        self.ended: bool = False
        """Whether the body is whole, its trailers included."""
        self.rest: bytes = b""
        """What came behind the body."""
        self._limit = limit
        self._size = 0
        self._chunks = 0
        self._left: int | None = None
        """Bytes to come of the chunk's data; 0 before the line end behind it; `None` elsewhere."""
        self._in_trailers = False
        self._line = b""
        self._room = EXTRAS

    def receive(self, data: bytes) -> bytes | HeadFault:
        """Take bytes; return those that may be parsed by now, or why there will be no body.

        Where they are cut makes no difference to what is returned in all.
        """
        data = self._line + data if self._line else data
        at = 0
        while not self.ended:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                if self._left:
                    break
            else:
                end = data.find(b"\n", at) + 1
                if (end or len(data)) - at > _LINE_LIMIT:
                    return HeadFault(
                        400, f"a line between chunks has more than {_LINE_LIMIT} bytes"
                    )
                if not end:
                    break
                if fault := self._line_fault(data[at:end]):
                    return fault
                at = end
        if self.ended:
            self.rest, self._line = data[at:], b""
        else:
            self._line = data[at:]
        return data[:at]

    def _line_fault(self, line: bytes) -> HeadFault | None:
        if self._left is not None:
            self._left = None
            return None if line == b"\r\n" else HeadFault(400, "a chunk is not as long as it says")
        return self._trailer_fault(line) if self._in_trailers else self._size_fault(line)

    def _size_fault(self, line: bytes) -> HeadFault | None:
        match = _SIZE.fullmatch(line)
        if match is None:
            return HeadFault(400, "a chunk does not begin with its size and CR LF")
        if fault := self._extra_fault(len(match[2])):
            return fault
        size = int(match[1], 16)
        if not size:
            self._in_trailers = True
            return None
        self._chunks += 1
        self._size += size
        if self._size > self._limit:
            return HeadFault(413, f"the body has more than {self._limit} bytes (limits.body)")
        if self._chunks > CHUNKS:
            return HeadFault(413, f"the body comes in more than {CHUNKS} chunks")
        self._left = size
        return None

    def _trailer_fault(self, line: bytes) -> HeadFault | None:
        if line == b"\r\n":
            self.ended = True
            return None
        match = _TRAILER.fullmatch(line)
        if match is None:
            return HeadFault(400, "a trailer is not: name, colon, value, CR LF")
        if match[1].lower() in _NO_TRAILERS:
            return HeadFault(400, f"{match[1].decode().lower()} is no trailer")
        return self._extra_fault(len(line))

    def _extra_fault(self, size: int) -> HeadFault | None:
        self._room -= size
        if self._room < 0:
            return HeadFault(431, f"trailers and extensions have more than {EXTRAS} bytes")
        return None
