"""Which scenarios the official suite has: what its `list` command prints, read."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Scenario", "Side", "UnreadableList", "beyond_the_sets", "required", "runnable"]

Side: TypeAlias = Literal["server", "client"]

_ENTRY = re.compile(r" +- (\S+)(?: \[(.*)\])?")
_GROUP = re.compile(r" +([a-z-]+) \((\d+)\):")
_HEADER = re.compile(r"Required for \S+ \((\d+) scenarios")


class UnreadableList(Exception):
    """The suite's list is not what it used to look like."""


@dataclass(frozen=True)
class Scenario:
    """One scenario, to be run at one revision."""

    side: Side
    revision: str
    name: str
    standing: str
    """`scored`, or why it is not: `extension`, `pending`, `added-after-release`, `no set`."""

    @property
    def scored(self) -> bool:
        """Whether the suite counts it."""
        return self.standing == "scored"


@dataclass(frozen=True)
class _Entry:
    side: Side
    group: str
    """What stands above it inside a section, empty for nothing."""
    name: str
    tag: str


def required(listing: str, revision: str) -> list[Scenario]:
    """Read `list --requirements REVISION`: what is scored, and what is run beside it.

    Raises `UnreadableList` when there are not as many as it says.
    """
    found = [
        Scenario(entry.side, revision, entry.name, entry.group or "scored")
        for entry in _entries(listing)
    ]
    counted = Counter(scenario.standing for scenario in found)
    said = {group: int(count) for group, count in _GROUP.findall(listing)}
    header = _HEADER.search(listing)
    if header is None or counted != said | {"scored": int(header[1])}:
        raise UnreadableList(f"scenarios of {revision}: it says {said}, read were {dict(counted)}")
    return found


def runnable(listing: str, revision: str) -> list[Scenario]:
    """Read `list --spec-version REVISION`, for a revision without a set of requirements."""
    found = [
        Scenario(entry.side, revision, entry.name, "no set")
        for entry in _entries(listing)
        if revision in entry.tag.split(",")
    ]
    if not found:
        raise UnreadableList(f"no scenario of {revision} among those that can run there")
    return found


def beyond_the_sets(listing: str, revision: str, known: set[str]) -> list[Scenario]:
    """Read the whole `list`: the extensions' scenarios that are in no set, for a revision."""
    return [
        Scenario(entry.side, revision, entry.name, "extension")
        for entry in _entries(listing)
        if entry.tag == "extension" and entry.name not in known
    ]


def _entries(listing: str) -> Iterator[_Entry]:
    """Yield the scenarios of servers and clients; those of authorization servers are neither."""
    sides: dict[str, Side] = {"Server": "server", "Client": "client"}
    side: Side | None = None
    group = ""
    for line in listing.splitlines():
        if line and not line.startswith(" "):
            side, group = sides.get(line.split()[0]), ""
        elif heading := _GROUP.fullmatch(line):
            group = heading[1]
        elif entry := _ENTRY.fullmatch(line):
            name, tag = entry[1], entry[2] or ""
            its_side = sides.get(tag.capitalize()) if group else side
            if its_side is not None:
                yield _Entry(its_side, group, name, tag)
