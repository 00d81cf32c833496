"""What is known not to pass yet, by name and with the reason; see waiting.toml.

An entry of `waiting` stands for scenarios that a later feature makes pass, one of `skipped` for
those in which the suite itself skips every check, whoever it judges. Names may be patterns as the
shell has them: then all that they cover are meant. Entries that are true no longer are stale, and
fail the run.
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.conformance.catalogue import Scenario

__all__ = ["LIST", "Entry", "Expectation", "Expected", "read_waiting"]

LIST = Path(__file__).with_name("waiting.toml")

Expectation: TypeAlias = Literal["waiting", "skipped"]

_MEMBERS = {"scenarios", "side", "revisions", "reason"}


@dataclass(frozen=True)
class Entry:
    """One entry of the list."""

    expectation: Expectation
    patterns: tuple[str, ...]
    side: str
    revisions: tuple[str, ...]
    """Where it holds; empty for wherever its scenarios run."""
    reason: str

    def covers(self, scenario: Scenario) -> bool:
        """Whether this scenario is meant."""
        return any(self.covers_by(pattern, scenario) for pattern in self.patterns)

    def covers_by(self, pattern: str, scenario: Scenario) -> bool:
        """Whether this scenario is meant by one of its patterns."""
        return (
            self.side == scenario.side
            and (not self.revisions or scenario.revision in self.revisions)
            and fnmatchcase(scenario.name, pattern)
        )


class Expected:
    """The whole list."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._entries = entries

    def of(self, scenario: Scenario) -> Entry | None:
        """Return the entry that covers a scenario, `None` for one that has to pass.

        Raises `ValueError` when there are several.
        """
        found = [entry for entry in self._entries if entry.covers(scenario)]
        if len(found) > 1:
            raise ValueError(f"{scenario.name} at {scenario.revision} is listed twice")
        return found[0] if found else None

    def without_a_scenario(self, scenarios: Iterable[Scenario]) -> list[str]:
        """Return what is listed but covers no scenario there is, one line each."""
        known = list(scenarios)
        return [
            f"{entry.side} {pattern} at {revision or 'any revision'}"
            for entry in self._entries
            for pattern in entry.patterns
            for revision in entry.revisions or ("",)
            if not any(
                entry.covers_by(pattern, one) and revision in ("", one.revision) for one in known
            )
        ]


def read_waiting(text: str | None = None) -> Expected:
    """Read the list; raises `ValueError` for an entry that is not whole or says too much."""
    listed = tomllib.loads(LIST.read_text("utf-8") if text is None else text)
    if not listed.keys() <= {"waiting", "skipped"}:
        raise ValueError(f"entries are waiting or skipped: {sorted(listed)}")
    expectations: tuple[Expectation, ...] = ("waiting", "skipped")
    return Expected(
        [_entry(kind, members) for kind in expectations for members in listed.get(kind, [])]
    )


def _entry(expectation: Expectation, members: dict[str, Any]) -> Entry:
    if not members.keys() <= _MEMBERS:
        raise ValueError(f"an entry has {sorted(_MEMBERS)}: {members}")
    reason = str(members.get("reason", "")).strip()
    if not reason:
        raise ValueError(f"no reason: {members}")
    if members.get("side") not in ("server", "client"):
        raise ValueError(f"the side is server or client: {members}")
    if not members.get("scenarios"):
        raise ValueError(f"no scenarios: {members}")
    patterns, revisions = members["scenarios"], members.get("revisions", [])
    return Entry(expectation, tuple(patterns), members["side"], tuple(revisions), reason)
