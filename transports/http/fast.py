"""Requests read by httptools, the parser of Node.js: `pip install httptools`."""

try:
    import httptools
except ModuleNotFoundError as _absent:
    raise ModuleNotFoundError(
        "the parser httptools is not installed: pip install httptools", name=_absent.name
    ) from None

from barewire.transports.http.parsing import Unparsable, reads_the_same
from barewire.transports.http.wire import Head

__all__ = ["FastParser"]

_CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


class FastParser:
    """A `RequestParser`."""

    __slots__ = ("_body", "_parser")

    def __init__(self) -> None:
        """Create a parser of one request."""
        self._body = _Body()
        self._parser: httptools.HttpRequestParser | None = None

    def read_head(self, head: Head) -> None:
        """Read a head."""
        found = _Head()
        parser = httptools.HttpRequestParser(found)
        try:
            parser.feed_data(head.raw)
        except httptools.HttpParserUpgrade:
            pass  # nothing else is spoken here, and the wish may be ignored
        except httptools.HttpParserError as error:
            raise Unparsable(str(error)) from None
        if not found.ended or not reads_the_same(
            head, parser.get_method(), found.target, found.fields
        ):
            raise Unparsable("httptools reads another head")

    def read_chunks(self, data: bytes, *, last: bool) -> bytes:
        """Read a part of a body."""
        body = self._body
        if self._parser is None:
            # A parser that saw a wish to upgrade reads no body, so bodies get one that did not.
            self._parser = httptools.HttpRequestParser(body)
            self._parser.feed_data(_CHUNKED)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise Unparsable(str(error)) from None
        if body.ended != last:
            raise Unparsable("httptools sees another end of the body")
        parts, body.parts = body.parts, []
        return b"".join(parts)


class _Head:
    """Hears what a head says."""

    __slots__ = ("ended", "fields", "target")

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.ended = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.ended = True


class _Body:
    """Hears what a body contains."""

    __slots__ = ("ended", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.ended = False

    def on_message_begin(self) -> None:
        self.ended = False  # when it follows an end: there should be no more

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.ended = True
