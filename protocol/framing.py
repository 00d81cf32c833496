"""Line framing: one message per line, in linear time and bounded memory.

stdio: "Messages are delimited by newlines, and MUST NOT contain embedded newlines." Lines end with
LF alone; a CR before it is dropped, and no other character ends a line (U+2028 and U+0085 may stand
in a JSON string). Empty lines are no messages.
"""

from typing import TypeAlias

from barewire.protocol.record import record

__all__ = ["DEFAULT_LINE_LIMIT", "LineFramer", "Overlong"]

DEFAULT_LINE_LIMIT = 128 * 1024 * 1024
"""128 MiB: the longest line that is kept, in bytes without its line end."""


@record
class Overlong:
    """A line that was longer than the limit; its bytes are gone, only their number is known."""

    size: int
    """Bytes of the whole line, without its line end."""
    limit: int
    head: bytes
    """The first bytes of the line, at most 256, for whoever wants to report it."""


_Line: TypeAlias = bytes | bytearray | Overlong


class LineFramer:
    """Cuts a byte stream into lines, however it is chunked.

    A line above `limit` bytes is discarded as it arrives, in constant memory, and reported once as
    `Overlong` when its end is seen. The line after it is read as usual.
    """

    __slots__ = ("_discarded", "_head", "_partial", "limit")

    def __init__(self, limit: int = DEFAULT_LINE_LIMIT) -> None:
        self.limit = limit
        self._partial = bytearray()
        self._discarded = 0
        self._head = b""

    def receive(self, data: bytes) -> list[_Line]:
        """Take the next bytes of the stream; return the lines that they complete."""
        parts: list[bytes] = data.split(b"\n")
        rest = parts.pop()
        lines: list[_Line] = []
        if parts and (self._partial or self._discarded):
            self._take(self._complete(parts[0]), lines)
            del parts[0]
        if rest:
            self._keep(rest)
        for line in parts:
            if line:
                self._take(line, lines)
        return lines

    def receive_eof(self) -> bytes | Overlong | None:
        """Say that the stream has ended; return what stood behind the last line end, if anything."""
        if self._discarded:
            return self._overlong(0)
        rest = bytes(self._partial)
        self._partial = bytearray()
        return rest.rstrip(b"\r") or None

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished line are kept."""
        return len(self._partial)

    def _take(self, line: _Line, lines: list[_Line]) -> None:
        if not isinstance(line, Overlong):
            if line[-1:] == b"\r":
                line = line[:-1]
            if not line:
                return
            if len(line) > self.limit:
                line = Overlong(len(line), self.limit, bytes(line[:256]))
        lines.append(line)

    def _keep(self, rest: bytes) -> None:
        if self._discarded:
            self._discarded += len(rest)
        elif len(self._partial) + len(rest) > self.limit + 1:
            # One byte more than the limit may stand there: a CR that belongs to the line end.
            self._head = bytes(self._partial[:256] + rest[:256])[:256]
            self._discarded = len(self._partial) + len(rest)
            self._partial = bytearray()
        else:
            self._partial += rest

    def _complete(self, first: bytes) -> bytearray | Overlong:
        if self._discarded:
            return self._overlong(len(first) - first.endswith(b"\r"))
        line = self._partial
        line += first
        self._partial = bytearray()
        return line

    def _overlong(self, more: int) -> Overlong:
        found = Overlong(self._discarded + more, self.limit, self._head)
        self._discarded = 0
        self._head = b""
        return found
