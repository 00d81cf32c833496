"""One run of mutants against the tests, in forked processes."""

import ast
import gc
import json
import math
import os
import pickle
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO

import jsonschema_rs  # noqa: F401 - loaded here, it is there in every forked process
import orjson  # noqa: F401
import pytest

from tests.mutants.accepted import accepted
from tests.mutants.forks import DIED, outcomes
from tests.mutants.loading import Loaded, MutantFinder
from tests.mutants.operators import Mutant, applied, mutants_of
from tests.mutants.suite import OPTIONS, Killers, Suite, Witnesses
from tests.mutants.verdict import verdict

__all__ = ["NOT_MUTATED", "ROOMS", "ROOT", "Gate", "Options"]

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("session", "protocol")
NOT_MUTATED = {
    "protocol/payloads.py": "definitions: tests compare each with the official schemas",
    "protocol/record.py": "a decorator for type checkers",
}

QUICK_LOOK = 4.0
"""CPU seconds of tests for a mutant that is expected to survive."""

QUICK_TEST = 0.05
"""CPU seconds of a test that is asked before all slower ones."""


@dataclass
class Options:
    """What is tried, and how."""

    jobs: int
    only: list[str]
    """What the name of a mutant must have in it: one of these."""
    part: tuple[int, int]
    """Which slice, of how many, from 1."""
    quick: bool
    """Whether to believe in a survivor at first sight, and to leave out table mutants."""
    tests: list[str]
    """Folders and files of tests."""


class Gate:
    """One run over some of the mutants."""

    def __init__(self, package: Path, options: Options) -> None:
        self.package = package
        self.options = options
        self.trees: dict[str, ast.Module] = {}
        self.all: list[Mutant] = []
        for room in ROOMS:
            for path in sorted((ROOT / room).glob("*.py")):
                file = f"{room}/{path.name}"
                if file not in NOT_MUTATED:
                    self.trees[file], mutants = mutants_of(path.read_text("utf-8"), file)
                    self.all += mutants
        self.mutants = [
            mutant
            for mutant in self.all
            if any(part in mutant.key for part in options.only)
            and not (options.quick and mutant.table)
            and _is_in(mutant, *options.part)
        ]
        self.listed = accepted()
        self.witnesses = Witnesses()
        self.killers = Killers()
        self.survivors: list[Mutant] = []
        self.done = 0
        self.started = time.monotonic()

    def run(self) -> None:
        """Try all mutants."""
        functions = [mutant for mutant in self.mutants if not mutant.table]
        again = [mutant for mutant in self.mutants if mutant.table]
        for mutant in self._in_a_loaded_process(functions):
            if mutant.key in self.listed or self.options.quick:
                self._survived(mutant)
            else:
                again.append(mutant)
        self.done = len(self.mutants) - len(again)
        for mutant in self._in_a_fresh_process(again):
            self._survived(mutant)

    def _survived(self, mutant: Mutant) -> None:
        self.survivors.append(mutant)
        if mutant.key not in self.listed:
            print("survived:", mutant.line, mutant.key, flush=True)

    def _one_done(self) -> None:
        self.done += 1
        if self.done % 200 == 0:
            seconds = time.monotonic() - self.started
            print(f"{self.done} of {len(self.mutants)} in {seconds:.0f} s", flush=True)

    # In a process that has loaded everything.

    def _in_a_loaded_process(self, mutants: list[Mutant]) -> Iterator[Mutant]:
        """Yield the function mutants that survive where they are patched into loaded functions."""
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            code = pytest.main(
                [*OPTIONS, "-p", "no:terminal", *self.options.tests],
                plugins=[Suite(lambda suite: self._serve(suite, mutants, writing))],
            )
            os._exit(int(code))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            try:
                self.witnesses = pickle.load(pipe)
            except EOFError:
                sys.exit("the tests cannot be collected: run `make test`")
            tests, seconds = self.witnesses.seconds, time.monotonic() - self.started
            print(f"{len(tests)} tests, {len(self.mutants)} mutants, {seconds:.0f} s", flush=True)
            for test in self.witnesses.failing:
                print(f"fails with nothing changed, so it is not asked: {test}")
            yield from self._survivors_among(mutants, pipe)
        os.waitpid(pid, 0)

    def _serve(self, suite: Suite, mutants: list[Mutant], writing: int) -> None:
        loaded = Loaded()
        gc.collect()
        gc.freeze()
        with FileIO(writing, "wb") as pipe:
            witnesses = self._record(suite, loaded)
            pipe.write(pickle.dumps(witnesses))
            self._try(mutants, lambda mutant: self._patched(suite, loaded, mutant, witnesses), pipe)

    def _try(self, mutants: list[Mutant], killer_of: Callable[[Mutant], str], pipe: FileIO) -> None:
        """Try mutants, each in a process of its own, and write into `pipe` what killed each."""
        for index, killer in outcomes(
            range(len(mutants)), lambda index: killer_of(mutants[index]), self.options.jobs
        ):
            if killer and killer != DIED:
                self.killers.note(mutants[index], killer)
            pipe.write(f"{json.dumps([index, killer])}\n".encode())

    def _survivors_among(self, mutants: list[Mutant], pipe: IO[bytes]) -> Iterator[Mutant]:
        """Read what `_try` writes and yield the mutants that nothing killed."""
        answers = 0
        for line in pipe:
            index, killer = json.loads(line)
            if index is not None:
                answers += 1
                self._one_done()
                if not killer:
                    yield mutants[index]
            elif killer:
                sys.exit(f"{killer} fails in a process of its own, with nothing changed")
        if answers < len(mutants):
            sys.exit("the process that tries the mutants has died")

    def _record(self, suite: Suite, loaded: Loaded) -> Witnesses:
        tests = list(suite.items)
        witnesses = Witnesses()
        with tempfile.TemporaryDirectory() as folder:
            results = [Path(folder, str(job)) for job in range(self.options.jobs)]

            def record(job: int) -> str:
                share = tests[job :: self.options.jobs]
                suite.record(share, self.package, loaded.forget, results[job])
                return ""

            for job, _ in outcomes(range(self.options.jobs), record, self.options.jobs):
                witnesses.add(Witnesses(**pickle.loads(results[job].read_bytes())))
        return witnesses

    def _patched(self, suite: Suite, loaded: Loaded, mutant: Mutant, witnesses: Witnesses) -> str:
        """Return the test that fails when a loaded function is changed, empty if none does."""
        with applied(self.trees[mutant.file], mutant) as tree:
            if not loaded.change(mutant, tree):
                return ""
        if mutant.file.startswith("protocol/"):
            loaded.forget()
        tests = self._tests_for(mutant, witnesses)
        near = set(self.killers.near(mutant)) & set(tests)
        return suite.first_failing(near, witnesses) or suite.first_failing(
            set(tests) - near, witnesses, self._budget(mutant)
        )

    def _budget(self, mutant: Mutant) -> float:
        """Return how long to look for a test that kills: not for long where none is expected."""
        return QUICK_LOOK if self.options.quick or mutant.key in self.listed else math.inf

    def _tests_for(self, mutant: Mutant, witnesses: Witnesses) -> list[str]:
        lines = witnesses.lines.get((mutant.file, mutant.line), set())
        return [test for test in witnesses.seconds if test in lines or _is_own(test, mutant)]

    # In a process that has loaded nothing.

    def _in_a_fresh_process(self, mutants: list[Mutant]) -> Iterator[Mutant]:
        """Yield the mutants that survive in a process that loads the changed module."""
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)

            def serve(suite: Suite) -> None:
                with FileIO(writing, "wb") as pipe:
                    self.killers = Killers()
                    self._try(mutants, lambda mutant: self._loaded(suite, mutant), pipe)
                    for _, test in outcomes([suite], self._control, 1):
                        pipe.write(f"{json.dumps([None, test])}\n".encode())

            suite = Suite(serve, collected=False)
            os._exit(int(pytest.main([*OPTIONS, "-p", "no:terminal"], plugins=[suite])))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            yield from self._survivors_among(mutants, pipe)
        os.waitpid(pid, 0)

    def _control(self, suite: Suite) -> str:
        """Return a test that kills mutants in such a process, but also fails with none there."""
        killers = self.killers.all
        suite.collect(sorted({test.partition("::")[0] for test in killers}))
        return suite.first_failing(killers, self.witnesses)

    def _loaded(self, suite: Suite, mutant: Mutant) -> str:
        """Return the test that fails when a changed module is loaded, empty if none does."""
        path = self.package / mutant.file
        with applied(self.trees[mutant.file], mutant) as tree:
            code = compile(tree, path, "exec", dont_inherit=True)
        sys.meta_path.insert(0, MutantFinder(mutant.file, path, code))
        asked = set[str]()
        for tests in self._in_order(mutant):
            new = set(tests) - asked
            asked |= new
            suite.collect(sorted({test.partition("::")[0] for test in new}))
            killer = suite.first_failing(new, self.witnesses, self._budget(mutant))
            if killer:
                return killer
        return ""

    def _in_order(self, mutant: Mutant) -> Iterator[list[str]]:
        """Yield the tests for a mutant whose module is loaded anew, the likeliest killers first.

        Files of tests are loaded one by one, for that takes longer than most tests.
        """
        seconds = self.witnesses.seconds
        everything = list(seconds)
        quick = [test for test in everything if seconds[test] < QUICK_TEST]
        yield self.killers.near(mutant)
        yield [test for test in everything if _is_own(test, mutant)]
        for file in self.witnesses.files_about(mutant.file):
            yield [test for test in quick if test.startswith(f"{file}::")]
        yield everything

    def report(self) -> bool:
        """Print what came of it; return whether all is well."""
        text, well = verdict(
            tried={mutant.key for mutant in self.mutants},
            alive={mutant.key for mutant in self.survivors},
            existing={mutant.key for mutant in self.all},
            listed=self.listed,
        )
        print(f"\nafter {time.monotonic() - self.started:.0f} s:\n{text}")
        return well


def _is_in(mutant: Mutant, at: int, parts: int) -> bool:
    """Whether a slice has this mutant: one part of the function mutants, half of the tables."""
    if mutant.table:
        parts = min(parts, 2)
    return zlib.crc32(mutant.key.encode()) % parts == (at - 1) % parts


def _is_own(test: str, mutant: Mutant) -> bool:
    """Whether a test stands in the file that is named for the mutant's module."""
    return Path(test.partition("::")[0]).name == f"test_{Path(mutant.file).name}"
