"""Transcripts: sessions of foreign implementations, as they went over the wire.

    package: mcp                    what spoke, and which release of it
    version: 2.3.0
    date: 2026-11-21                when it was recorded
    role: server                    its part; the other one is ours
    revision: 2026-07-28            what was spoken

    # tools/list
    > {"jsonrpc":"2.0","id":1,"method":"tools/list","params":...}
    < {"jsonrpc":"2.0","id":1,"result":...}

`>` goes from the client to the server and `<` back. What follows is one line of the stream, exactly
those bytes; only its line feed is not repeated. `#` begins a comment. Lines stand in the order in
which our end read and wrote them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from barewire.protocol.methods import Role, other
from barewire.protocol.revisions import ALL, Revision

FOLDER = Path(__file__).parent
SUFFIX = ".wire"
HEADER = ("package", "version", "date", "role", "revision")


@dataclass(frozen=True)
class Line:
    """One line of the stream, and who sent it."""

    sender: Role
    data: bytes


@dataclass
class Transcript:
    """A recorded session."""

    header: dict[str, str]
    lines: list[Line] = field(default_factory=list[Line])

    @property
    def role(self) -> Role:
        """What the stranger was."""
        return "server" if self.header["role"] == "server" else "client"

    @property
    def ours(self) -> Role:
        return other(self.role)

    @property
    def revision(self) -> Revision:
        return next(one for one in ALL if one.name == self.header["revision"])

    @property
    def package(self) -> str:
        """The package and its major version, such as "mcp 2"."""
        return f"{self.header['package']} {self.header['version'].partition('.')[0]}"

    def runs(self) -> Iterator[tuple[Role, list[bytes]]]:
        """Yield the lines that one end sent until the other one spoke, in turn."""
        for _, run in groupby(self.lines, lambda line: line.sender):
            lines = list(run)
            yield lines[0].sender, [line.data for line in lines]


class Writer:
    """Takes a session down."""

    def __init__(self) -> None:
        self._text: list[bytes] = []

    def note(self, text: str) -> None:
        """Add a comment, set off from what is before it."""
        self._text.append(f"\n# {text}\n".encode())

    def line(self, sender: Role, line: bytes) -> None:
        """Add a line that `sender` sent, with or without its line feed."""
        mark = b"> " if sender == "client" else b"< "
        self._text.append(mark + line.removesuffix(b"\n") + b"\n")

    def text(self) -> bytes:
        """Return what was taken down."""
        return b"".join(self._text)


def header_of(**members: str) -> bytes:
    """Return the head of a file."""
    return b"".join(f"{key}: {members[key]}\n".encode() for key in HEADER)


def read(path: Path) -> Transcript:
    """Read a transcript; raises `ValueError` for what is none."""
    transcript = Transcript({})
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        mark, data = line[:2], line[2:]
        if mark in (b"> ", b"< "):
            transcript.lines.append(Line("client" if mark == b"> " else "server", data))
        elif not transcript.lines and b": " in line and not line.startswith(b"#"):
            key, _, value = line.decode().partition(": ")
            transcript.header[key] = value
        elif line and not line.startswith(b"#"):
            raise ValueError(f"{path.name}:{number}: neither a line of the stream nor a comment")
    return transcript


def all_of_them() -> dict[str, Transcript]:
    """Return every transcript by its name."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob(f"*{SUFFIX}"))}
