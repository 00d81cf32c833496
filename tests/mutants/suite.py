"""The tests as they are run against mutants: one at a time, with limits, until the first fails."""

import math
import os
import pickle
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import hypothesis
import pytest

from tests.mutants.operators import Mutant

__all__ = ["FOLDERS", "OPTIONS", "Killers", "Suite", "Witnesses"]

FOLDERS = ("tests/session", "tests/protocol", "tests/model")
OPTIONS = (
    *("-s", "--timeout=0", "-p", "no:cacheprovider", "-m", "not cost"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
"""Tests of what something costs judge time and are not asked: mutants share the machine."""

# A mutant is told apart by the first example that fails, and by the same one each time.
hypothesis.settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    derandomize=True,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    suppress_health_check=list(hypothesis.HealthCheck),
)


@dataclass
class Witnesses:
    """What is known of the tests: how long each takes, and which lines it runs."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])
    """CPU seconds by the test's id."""
    failing: list[str] = field(default_factory=list[str])
    """Those that fail with nothing changed; they are not asked."""
    lines: dict[tuple[str, int], set[str]] = field(
        default_factory=lambda: defaultdict[tuple[str, int], set[str]](set)
    )
    """Ids of tests by file and line."""

    def files_about(self, module: str) -> list[str]:
        """Return the files of tests, those first that run the most lines of a module."""
        lines = Counter(
            file
            for (where, _), tests in self.lines.items()
            if where == module
            for file in {test.partition("::")[0] for test in tests}
        )
        files = {test.partition("::")[0] for test in self.seconds}
        return sorted(files, key=lambda file: -lines[file])

    def add(self, other: "Witnesses") -> None:
        """Take in what another process has found out."""
        self.seconds.update(other.seconds)
        self.failing += other.failing
        for line, tests in other.lines.items():
            self.lines[line] |= tests


class Killers:
    """Which tests have told which mutants apart, for they are likely to do so again close by."""

    ENOUGH = 6
    """Tests that are asked out of turn."""

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, None]] = defaultdict(dict[str, None])

    def note(self, mutant: Mutant, test: str) -> None:
        """Remember that this test failed."""
        for place in (mutant.file, f"{mutant.file} {mutant.where}"):
            tests = self._latest[place]
            tests.pop(test, None)
            tests[test] = None

    @property
    def all(self) -> set[str]:
        """Every test that has killed a mutant."""
        return {test for tests in self._latest.values() for test in tests}

    def near(self, mutant: Mutant) -> list[str]:
        """Return the latest killers in the same function or table, then in the same file."""
        here = list(reversed(self._latest[f"{mutant.file} {mutant.where}"]))[: self.ENOUGH]
        around = list(reversed(self._latest[mutant.file]))[: self.ENOUGH]
        return list(dict.fromkeys(here + around))[: self.ENOUGH]


class Suite:
    """A plug-in of pytest that collects the tests and hands them to `work` instead of running."""

    def __init__(self, work: Callable[["Suite"], None], *, collected: bool = True) -> None:
        self.items: dict[str, pytest.Item] = {}
        self._work = work
        self._collected = collected
        self._failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool | None:
        hypothesis.settings.load_profile("mutants")
        if self._collected:
            return None
        self._session = session
        return True

    def collect(self, files: list[str]) -> None:
        """Load these files of tests."""
        if files:
            self.items |= {item.nodeid: item for item in self._session.perform_collect(files)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self.items |= {item.nodeid: item for item in session.items}
        self._work(self)
        return True

    def passes(self, test: str, seconds: float = 60.0) -> bool:
        """Run one test. A process that takes more CPU seconds than it may is ended by a signal."""
        item = self.items[test]
        self._failed = False
        signal.setitimer(signal.ITIMER_PROF, seconds)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return not self._failed

    def first_failing(
        self, tests: Iterable[str], witnesses: Witnesses, budget: float = math.inf
    ) -> str:
        """Run tests, the quickest first, until one fails; return its id, empty if none does.

        None is begun that would take them beyond `budget`, in CPU seconds.
        """
        spent = 0.0
        for test in sorted(tests, key=lambda test: witnesses.seconds[test]):
            usual = witnesses.seconds[test]
            spent += usual
            if spent > budget:
                break
            if not self.passes(test, 1 + 5 * usual):
                return test
        return ""

    def record(
        self, tests: Sequence[str], package: Path, forget: Callable[[], None], result: Path
    ) -> None:
        """Run tests with nothing changed and write down what they are witnesses of.

        Before each, `forget` makes the package work out anew what it remembers of calls: else only
        the first test would be a witness of the lines that do so.
        """
        tracer = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{package}/*"], messages=False
        )
        found = Witnesses()
        tracer.start()
        for test in tests:
            forget()
            tracer.switch_context(test)
            started = time.process_time()
            if self.passes(test):
                found.seconds[test] = time.process_time() - started
            else:
                found.failing.append(test)
        tracer.stop()
        data = tracer.get_data()
        for file in data.measured_files():
            for line, contexts in data.contexts_by_lineno(file).items():
                tests_here = set(contexts) & found.seconds.keys()
                found.lines[os.path.relpath(file, package), line] = tests_here
        result.write_bytes(pickle.dumps(dict(vars(found), lines=dict(found.lines))))
