"""The corpus: what was found, and what has made somebody stumble, one file per case.

`corpus/index.toml` says of each case why it is there and how it is answered. To add one, put its
bytes into `corpus/NAME.line` and a table `[NAME]` into the index.
"""

import tomllib
from functools import cache
from importlib.resources import files

from barewire.protocol.record import record

__all__ = ["Case", "cases"]


@record
class Case:
    """A line, or a few, for a peer to survive."""

    name: str
    data: bytes
    """The exact bytes, without the last line feed."""
    why: str
    """What the case is for, in one line."""
    shapes: tuple[str, ...]
    """What its lines are shaped like; see `barewire.fuzz.judge`."""
    server: tuple[str, ...]
    """How a server that has tools, and nothing else, answers it in a session of the newest legacy
    revision: `7: -32601`, `7: result`, or `-: -32700` for an answer without an id. `900 x` before
    it says how often."""
    client: tuple[str, ...]
    """How a client answers it in such a session."""

    @property
    def lines(self) -> list[bytes]:
        """Its lines, without their line feeds."""
        return self.data.split(b"\n")

    def __str__(self) -> str:
        """Return its name."""
        return self.name


@cache
def cases() -> tuple[Case, ...]:
    """Return all cases, by name."""
    corpus = files("barewire.fuzz") / "corpus"
    index = tomllib.loads((corpus / "index.toml").read_text("utf-8"))
    return tuple(
        Case(
            name,
            (corpus / f"{name}.line").read_bytes(),
            row["why"],
            tuple(row["shapes"]),
            tuple(row["server"]),
            tuple(row["client"]),
        )
        for name, row in index.items()
    )
