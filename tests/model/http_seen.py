"""What a client sees of one answer: a double of the connection that it goes over.

The reader of event streams is the tests' own, after the HTML standard.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from barewire.transports.http.messages import Answer, Fields

_LINE = re.compile(r"\r\n|\n|\r")


@dataclass
class Block:
    """One block of an event stream."""

    data: str | None = None
    id: str | None = None
    retry: str | None = None
    name: str = "message"
    comment: bool = False


@dataclass
class Seen:
    """A `Reply` that writes down what it is told, and can be cut."""

    on_gone: Callable[[], object] | None = None
    on_drained: Callable[[], object] | None = None
    status: int | None = None
    fields: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytes = b""
    begun: bool = False
    ended: bool = False
    cut: bool = False
    aborted: bool = False
    pending: int = 0
    arrived: int = 0
    vanished: bool = False
    """Whether nothing arrives any more, which nobody knows."""
    late: int = 0
    """What was said after the end, although the client was there."""

    @property
    def gone(self) -> bool:
        """Whether nothing more arrives."""
        return self.cut or self.ended

    def send(self, answer: Answer) -> None:
        """Take a whole answer."""
        if self.speaks():
            assert self.status is None, "answered twice"
            self.status, self.fields = answer.status, list(answer.fields)
            self.body, self.ended = answer.body, True

    def begin(self, status: int, fields: Fields) -> None:
        """Take the head of an answer."""
        if self.speaks():
            assert self.status is None, "answered twice"
            self.status, self.fields, self.begun = status, list(fields), True

    def write(self, data: bytes) -> None:
        """Take a part of the answer."""
        if self.speaks():
            assert self.begun, "a part of an answer that was not begun"
            self.body += data
            if not self.vanished:
                self.arrived += len(data)

    def end(self) -> None:
        """Take note that this is all."""
        if self.speaks():
            assert self.begun, "the end of an answer that was not begun"
            self.ended = True

    def abort(self) -> None:
        """Take note that the connection was cut by the server."""
        if self.speaks():
            self.aborted = self.ended = True

    def speaks(self) -> bool:
        """Whether what is said now arrives."""
        self.late += self.ended and not self.cut
        return not self.gone

    def field_named(self, name: str) -> str | None:
        """Return the value of a field, which must not be there twice."""
        found = [value for key, value in self.fields if key.lower() == name]
        assert len(found) <= 1, f"{name} is there {len(found)} times"
        return found[0] if found else None

    def blocks(self) -> list[Block]:
        """Return what has come on an event stream, whole blocks only."""
        assert self.body.endswith((b"\n\n", b"\r\n\r\n")) or not self.body, "half a block"
        blocks = [Block()]
        for line in _LINE.split(self.body.decode()):
            if not line:
                if blocks[-1] != Block():
                    blocks.append(Block())
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            at = blocks[-1]
            if not name:
                at.comment = True
            elif name == "data":
                at.data = value if at.data is None else f"{at.data}\n{value}"
            elif name == "id":
                at.id = value
            elif name == "event":
                at.name = value
            elif name == "retry":
                at.retry = value
            else:
                raise AssertionError(f"no field of an event stream: {line!r}")
        return blocks[:-1]
