"""One scenario runs in a process of its own, whatever becomes of it. No Node is needed here."""

import sys
from pathlib import Path

import pytest

from tests.conformance import suite as module
from tests.conformance.catalogue import Scenario
from tests.conformance.judging import Outcome
from tests.conformance.suite import Suite

PING = Scenario("server", "2025-11-25", "ping", "scored")

STUB = """
import json, pathlib, sys, time
given = sys.argv[1:]
folder = pathlib.Path(given[given.index("-o") + 1], "auth", "ping-now")
folder.mkdir(parents=True)
print("said", *given)
if "endless" in given[given.index("--url") + 1]:
    time.sleep(1000)
(folder / "checks.json").write_text(json.dumps([{"id": "a", "status": "SUCCESS"}]))
sys.exit("fails" in given[given.index("--url") + 1])
"""


class Stub(Suite):
    """A suite that is a few lines of Python."""

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-c", STUB]


def test_a_scenario_is_run_alone_at_its_revision_and_what_it_says_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "checks.json").write_text("from the run before")
    assert Stub().play(PING, ["--url", "here"], folder, 30) == Outcome("passed")
    assert (folder / "output.txt").read_text().split() == [
        *("said", "server", "--url", "here", "--scenario", "ping"),
        *("--spec-version", "2025-11-25", "--force", "--timeout", "30000", "-o", str(folder)),
    ]


def test_the_exit_code_counts(tmp_path: Path) -> None:
    outcome = Stub().play(PING, ["--url", "fails"], tmp_path / "kept", 30)
    assert outcome == Outcome("failed", ["exit code 1"])


def test_what_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TO_REPORT", 0.5)
    outcome = Stub().play(PING, ["--url", "endless"], tmp_path / "kept", 0.5)
    assert outcome == Outcome("failed", ["it did not end in time"])
