"""What a parser of HTTP is to a connection: a second opinion on each head, a reader of chunks.

Whichever one it is, it sees only what `wire` and `chunks` found to be beyond doubt, and it has to
read the same in it. Bodies of known length never reach it.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol, TypeAlias

from barewire.transports.http.wire import Head

__all__ = ["ParserName", "RequestParser", "Unparsable", "make_parser_of", "reads_the_same"]

ParserName: TypeAlias = Literal["h11", "httptools"]


class Unparsable(Exception):
    """The parser refuses what the judges let through, or reads something else in it."""


class RequestParser(Protocol):
    """Reads one request; the next one needs another parser."""

    def read_head(self, head: Head) -> None:
        """Read a head. Raises Unparsable unless it is understood in the same way."""
        ...

    def read_chunks(self, data: bytes, *, last: bool) -> bytes:
        """Read a part of the chunked body behind that head; return what it contains.

        `last` says that the body ends with it. Raises Unparsable, also when it ends elsewhere.
        """
        ...


def reads_the_same(
    head: Head, method: bytes, target: bytes, fields: Iterable[tuple[bytes, bytes]]
) -> bool:
    """Whether a parser that found this, names in lower case, sees the same request as the judge.

    Of the fields those count that say where the body ends.
    """
    found = dict(fields)
    length, coding = found.get(b"content-length"), found.get(b"transfer-encoding")
    if coding is None:
        same_end = head.length == int(length or b"0")
    else:
        same_end = head.length is None and length is None
    return same_end and method == head.method.encode() and target == head.target.encode()


def make_parser_of(name: ParserName) -> Callable[[], RequestParser]:
    """Return what makes parsers of that name.

    Raises ModuleNotFoundError, with the command that installs it, when it is not there.
    """
    if name == "httptools":
        from barewire.transports.http.fast import FastParser

        return FastParser
    if name == "h11":
        from barewire.transports.http.plain import PlainParser

        return PlainParser
    raise ValueError(f"parser must be 'h11' or 'httptools', not {name!r}")
