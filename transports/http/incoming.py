"""From the bytes of a connection to requests: the judges first, then the parser's opinion.

Pure: it waits for nothing and knows no time.
"""

import re
from collections.abc import Callable
from typing import Final

from barewire.session.limits import HttpLimits
from barewire.transports.http.chunks import ChunkReader
from barewire.transports.http.parsing import RequestParser, Unparsable
from barewire.transports.http.requests import Asked, Caller, asked
from barewire.transports.http.wire import Head, HeadFault, HeadReader

__all__ = ["Incoming"]

_KNOWN: Final = 2048
"""Bytes that a head may have to be kept and recognised when it comes again."""

_LENGTH: Final = re.compile(rb"\r\n(?i:content-length):[ \t]*([1-9][0-9]{0,8})(?=\r\n)")


class Incoming:
    """Reads one request after the other: its head, then its body unless that is empty.

        incoming.read_head(data)         # Asked, a HeadFault, or None: it takes more
        incoming.expect_body(length)     # None or a HeadFault
        incoming.read_body(data)         # the whole body, a HeadFault, or None: it takes more

    What came behind a head or a body is in `rest`. After a fault nothing more can be read.

    Clients send many heads that differ in nothing but the length of the body. Such a head is not
    read again: what was found out about the last one holds for it as well.
    """

    __slots__ = (
        "_body",
        "_caller",
        "_chunks",
        "_heads",
        "_known",
        "_known_end",
        "_known_start",
        "_limit",
        "_make_parser",
        "_missing",
        "_most_known",
        "_parser",
        "rest",
    )

    def __init__(
        self, limits: HttpLimits, make_parser: Callable[[], RequestParser], caller: Caller
    ) -> None:
        """Create a reader of what `caller` sends, with a new parser for each head."""
        self.rest: bytes = b""
        self._limit = limits.body
        self._make_parser = make_parser
        self._caller = caller
        self._heads = HeadReader(limits.head)
        self._known: Asked | None = None
        self._most_known = min(_KNOWN, limits.head - len("000000000"))
        self._known_start = b""
        self._known_end = b""
        self._parser: RequestParser | None = None
        self._chunks: ChunkReader | None = None
        self._body = bytearray()
        self._missing = 0

    @property
    def begun(self) -> bool:
        """Whether some of a head is there already."""
        return self._heads.begun

    def read_head(self, data: bytes) -> Asked | HeadFault | None:
        """Take bytes; return what the head asks, once it is whole, or why there will be none."""
        heads = self._heads
        known = self._known
        if known is not None and heads.fresh and data.startswith(self._known_start):
            request = self._recognise(known, data)
            if request is not None:
                return request
        head = heads.receive(data)
        self.rest, heads.rest = heads.rest, b""
        return self._understand(head) if isinstance(head, Head) else head

    def expect_body(self, length: int | None) -> HeadFault | None:
        """Make ready for a body of this length, which comes in chunks when that is `None`."""
        if length is None:
            self._chunks = ChunkReader(self._limit)
        elif length > self._limit:
            return HeadFault(413, f"the body has more than {self._limit} bytes (limits.body)")
        else:
            self._missing = length
        return None

    def read_body(self, data: bytes) -> bytes | HeadFault | None:
        """Take bytes; return the body once it is whole, or why there will be none."""
        if self._chunks is not None:
            return self._read_chunks(self._chunks, data)
        missing = self._missing
        if len(data) < missing:
            self._body += data
            self._missing -= len(data)
            self.rest = b""
            return None
        self.rest = data[missing:]
        return self._take_body(data[:missing])

    def drop(self) -> None:
        """Forget what is there of a request."""
        self._body.clear()
        self._known = self._parser = self._chunks = None

    def _understand(self, head: Head) -> Asked | HeadFault:
        request = asked(head, self._caller)
        if isinstance(request, HeadFault):
            return request
        parser = self._make_parser()
        try:
            parser.read_head(head)
        except Unparsable as error:
            return HeadFault(400, f"the head is not understood: {error}")
        if head.length is None:
            self._parser = parser
        elif len(head.raw) <= self._most_known and (length := _LENGTH.search(head.raw)) is not None:
            self._known = request
            self._known_start = head.raw[: length.start(1)]
            self._known_end = head.raw[length.end(1) :]
        return request

    def _recognise(self, known: Asked, data: bytes) -> Asked | None:
        """Return what is asked by data that begins like the known head, if it goes on like it."""
        start = len(self._known_start)
        end = data.find(b"\r", start, start + 10)
        digits = data[start:end]
        if end < 0 or not digits.isdigit() or digits[0] == 0x30:
            return None
        if not data.startswith(self._known_end, end):
            return None
        self.rest = data[end + len(self._known_end) :]
        length = int(digits)
        return known if length == known.head.length else known.with_length(length)

    def _read_chunks(self, chunks: ChunkReader, data: bytes) -> bytes | HeadFault | None:
        assert self._parser is not None
        framed = chunks.receive(data)
        if isinstance(framed, HeadFault):
            return framed
        try:
            part = self._parser.read_chunks(framed, last=chunks.ended)
        except Unparsable as error:
            return HeadFault(400, f"the body is not understood: {error}")
        self.rest = chunks.rest
        if chunks.ended:
            self._parser = self._chunks = None
            return self._take_body(part)
        self._body += part
        return None

    def _take_body(self, last: bytes) -> bytes:
        if not self._body:
            return last
        self._body += last
        body = bytes(self._body)
        self._body.clear()
        return body
