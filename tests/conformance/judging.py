"""How one scenario went, judged more strictly than the suite does.

A scenario passes when no check failed or warned, at least one of its own succeeded, and the suite
ended in time with exit code 0. Checks that only inform count neither way. Of those that the suite
adds to every scenario, because each message is held against the schema, a success proves nothing: a
server that refuses everything has it too.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

__all__ = ["Check", "Outcome", "Verdict", "judge", "read_checks"]

Verdict: TypeAlias = Literal["passed", "failed", "skipped"]

_HARMLESS = ("SUCCESS", "SKIPPED", "INFO")

_ADDED = "wire-schema-"


@dataclass(frozen=True)
class Check:
    """One check of a scenario, as far as it is of interest."""

    id: str
    status: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario."""

    verdict: Verdict
    reasons: list[str] = field(default_factory=list[str])
    """Why it did not pass, or what was skipped although it passed, one line each."""


def read_checks(folder: Path) -> list[Check] | None:
    """Return the checks that the suite left below a folder, `None` when it left none.

    Raises `ValueError` for a file that is no list of checks.
    """
    files = sorted(folder.rglob("checks.json"))
    if not files:
        return None
    return [check for file in files for check in _checks_in(file)]


def _checks_in(file: Path) -> list[Check]:
    try:
        listed: list[dict[str, Any]] = json.loads(file.read_bytes())
        return [
            Check(
                str(check["id"]),
                str(check["status"]),
                str(check.get("errorMessage") or check.get("description") or ""),
            )
            for check in listed
        ]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{file.name} is no list of checks: {error!r}") from error


def judge(checks: list[Check] | None, exit_code: int | None) -> Outcome:
    """Judge by the checks and the suite's exit code; `None` is what never came."""
    if exit_code is None:
        return Outcome("failed", ["it did not end in time"])
    if checks is None:
        return Outcome("failed", [f"no checks were written (exit code {exit_code})"])
    faults = [
        f"{check.status} {check.id}: {check.message}"
        for check in checks
        if check.status not in _HARMLESS
    ]
    if exit_code != 0:
        faults.append(f"exit code {exit_code}")
    if faults:
        return Outcome("failed", faults)
    skipped = [f"{check.id}: {check.message}" for check in checks if check.status == "SKIPPED"]
    if any(check.status == "SUCCESS" and not check.id.startswith(_ADDED) for check in checks):
        return Outcome("passed", skipped)
    return Outcome("skipped", skipped) if skipped else Outcome("failed", ["no check succeeded"])
