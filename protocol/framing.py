"""Line framing: one message per line, in linear time and bounded memory.

stdio: "Messages are delimited by newlines, and MUST NOT contain embedded newlines." Lines end with
LF alone; a CR before it is dropped, and no other character ends a line (U+2028 and U+0085 may stand
in a JSON string). Empty lines are no messages.
"""

from typing import TypeAlias

from barewire.protocol.record import record

__all__ = ["DEFAULT_LINE_LIMIT", "HEAD", "Line", "LineFramer", "Overlong"]

DEFAULT_LINE_LIMIT = 128 * 1024 * 1024
"""128 MiB: the longest line that is kept, in bytes without its line end."""

HEAD = 256
"""How many of its first bytes are kept of an overlong line."""


@record
class Overlong:
    """A line that was longer than the limit; its bytes are gone, only their number is known."""

    size: int
    """Bytes of the whole line, without its line end."""
    limit: int
    head: bytes
    """Its first bytes, at most `HEAD`, for whoever wants to report it."""


Line: TypeAlias = bytes | bytearray | Overlong
"""A line without its end, or what is left of one that was too long."""


class LineFramer:
    """Cuts a byte stream into lines, however it is chunked.

    A line above `limit` bytes is discarded as it arrives, in constant memory, and reported once as
    `Overlong` when its end is seen. The line after it is read as usual.
    """

    __slots__ = ("_cr", "_discarded", "_head", "_partial", "limit")

    def __init__(self, limit: int = DEFAULT_LINE_LIMIT) -> None:
        self.limit: int = limit
        self._partial = bytearray()
        self._discarded = 0
        self._cr = False
        self._head = b""

    def receive(self, data: bytes) -> list[Line]:
        """Take the next bytes of the stream; return the lines that they complete."""
        pieces = data.split(b"\n")
        rest = pieces.pop()
        lines: list[Line] = []
        if pieces and (self._partial or self._discarded):
            self._finish(pieces[0], lines)
            del pieces[0]
        if b"\r" not in data and len(data) <= self.limit:
            lines.extend(filter(None, pieces))  # there is nothing to look for in each of them
        else:
            for line in pieces:
                self._take(line, lines)
        if rest:
            self._keep(rest)
        return lines

    def receive_eof(self) -> Line | None:
        """Say that the stream has ended; return what stood behind the last line end, if anything.

        It is read as if the line end were there.
        """
        return next(iter(self.receive(b"\n")), None)

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished line are kept."""
        return len(self._partial)

    def _take(self, line: bytes | bytearray, lines: list[Line]) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if len(line) > self.limit:
            lines.append(Overlong(len(line), self.limit, bytes(line[:HEAD])))
        elif line:
            lines.append(line)

    def _keep(self, rest: bytes) -> None:
        self._cr = rest.endswith(b"\r")
        if self._discarded:
            self._discarded += len(rest)
            self._head += rest[: HEAD - len(self._head)]
            return
        self._partial += rest
        # One byte more than the limit may stand there: a CR that belongs to the line end.
        if len(self._partial) > self.limit + 1:
            self._head = bytes(self._partial[:HEAD])
            self._discarded = len(self._partial)
            self._partial = bytearray()

    def _finish(self, rest: bytes, lines: list[Line]) -> None:
        """End the line that was kept or discarded so far with its last bytes."""
        if rest:
            self._keep(rest)
        if self._discarded:
            size = self._discarded - self._cr
            lines.append(Overlong(size, self.limit, self._head[:size]))
            self._discarded = 0
            self._head = b""
        else:
            line, self._partial = self._partial, bytearray()
            self._take(line, lines)
