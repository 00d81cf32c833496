"""Requests read by h11, the parser that is always there."""

import h11

from barewire.transports.http.parsing import Unparsable, reads_the_same
from barewire.transports.http.wire import Head

__all__ = ["PlainParser"]

# What is unfinished was bounded by the judges already, to what the server's limits say.
_NO_BOUND = 1 << 62


class PlainParser:
    """A `RequestParser`.

    Each request gets an `h11.Connection` of its own: to make one costs little beside reading a
    head, and less than telling the old one about an answer that it did not write.
    """

    __slots__ = ("_connection",)

    def __init__(self) -> None:
        """Create a parser of one request."""
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_NO_BOUND)

    def read_head(self, head: Head) -> None:
        """Read a head."""
        try:
            self._connection.receive_data(head.raw)
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise Unparsable(str(error)) from None
        if not isinstance(event, h11.Request) or not reads_the_same(
            head, event.method, event.target, event.headers
        ):
            raise Unparsable("h11 reads another head")

    def read_chunks(self, data: bytes, *, last: bool) -> bytes:
        """Read a part of a body."""
        if not data:
            return b""  # which h11 would take for the end of the connection
        connection = self._connection
        parts: list[bytes] = []
        try:
            connection.receive_data(data)
            while isinstance(event := connection.next_event(), h11.Data):
                parts.append(event.data)
        except h11.RemoteProtocolError as error:
            raise Unparsable(str(error)) from None
        if isinstance(event, h11.EndOfMessage) != last or (last and connection.trailing_data[0]):
            raise Unparsable("h11 sees another end of the body")
        return b"".join(parts)
