"""The official suite: installed under .conformance/, asked for its list, run scenario by scenario.

It needs npm and Node 22 or newer, which are found or installed as for the TypeScript strangers.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from barewire.protocol.revisions import V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28
from tests.conformance.catalogue import Scenario, beyond_the_sets, required, runnable
from tests.conformance.judging import Outcome, judge, read_checks
from tests.interop.make_strangers import ROOT, NodeEnvironment, pins_of, run

__all__ = ["FOLDER", "REVISIONS", "Suite"]

FOLDER = ROOT / ".conformance"

_WITH_A_SET = (V2025_11_25.name, V2026_07_28.name)
_WITHOUT_A_SET = (V2025_03_26.name, V2025_06_18.name)

REVISIONS = (*_WITHOUT_A_SET, *_WITH_A_SET)
"""The revisions that the suite has scenarios for."""

_TO_REPORT = 15.0
"""Seconds that the suite may take to report that a scenario took too long."""


class Suite(NodeEnvironment):
    """The suite, as pinned in npm/."""

    def __init__(self) -> None:
        super().__init__("suite", pins_of(Path(__file__).with_name("npm")))

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def _command(self) -> list[str]:
        package = self.folder / "node_modules" / "@modelcontextprotocol" / "conformance"
        return [str(self.program), str(package / "dist" / "index.js")]

    def scenarios(self) -> list[Scenario]:
        """Return all that there are for servers and clients, in the order of the suite.

        Raises `UnreadableList`, and `NotMade` when the suite cannot be asked.
        """
        found: list[Scenario] = []
        for revision in _WITHOUT_A_SET:
            found += runnable(self._list("--spec-version", revision), revision)
        for revision in _WITH_A_SET:
            found += required(self._list("--requirements", revision), revision)
        known = {scenario.name for scenario in found}
        return found + beyond_the_sets(self._list(), _WITH_A_SET[-1], known)

    def _list(self, *options: str) -> str:
        return run([*self._command, "list", *options])

    def play(
        self, scenario: Scenario, subject: Sequence[str], folder: Path, limit: float
    ) -> Outcome:
        """Run one scenario in a process of its own and judge it.

        `subject` is what is judged: `--url URL` or `--command COMMAND`. What the suite says and
        leaves is kept in `folder`. A scenario takes at most `limit` seconds.
        """
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [
            *(*self._command, scenario.side, *subject, "--scenario", scenario.name),
            # An extension belongs to no revision: without --force it would not run at any.
            *("--spec-version", scenario.revision, "--force"),
            *("--timeout", str(round(limit * 1000)), "-o", str(folder)),
        ]
        with (folder / "output.txt").open("wb") as output:
            exit_code = _run_to_the_end(command, output.fileno(), limit + _TO_REPORT)
        try:
            return judge(read_checks(folder), exit_code)
        except ValueError as error:
            return Outcome("failed", [str(error)])


def _run_to_the_end(command: Sequence[str], output: int, limit: float) -> int | None:
    """Run a command and all that it starts; return its exit code, `None` if it took too long."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
