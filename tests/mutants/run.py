"""The gate of `make mutants`: every small fault in protocol/ and session/ makes a test fail.

The tree is copied first, so that nothing here touches a file of the checkout. In the copy, the
tests are run once to learn which lines each of them runs. Then each mutant meets the tests that run
its line, the quickest first, in a forked process:

* of a *function* mutant, in a process where everything is loaded and collected: the function is
  given its changed code,
* of a *table* mutant, and of a function mutant that survived that, in a process that has loaded
  nothing of the package yet and loads the changed module.

`accepted.toml` lists the survivors that no test can tell apart, with reasons. Any other survivor
fails, and so does a listed one that is killed or that the code no longer has.
"""

import argparse
import gc
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs  # noqa: F401 - loaded here, it is there in every forked process
import orjson  # noqa: F401
import pytest

from tests.mutants.accepted import accepted
from tests.mutants.forks import outcomes
from tests.mutants.loading import Loaded, MutantFinder
from tests.mutants.operators import Mutant, applied, mutants_of
from tests.mutants.suite import FOLDERS, OPTIONS, Suite, Witnesses

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("session", "protocol")
NOT_MUTATED = {
    "protocol/payloads.py": "definitions: tests compare each with the official schemas",
    "protocol/record.py": "a decorator for type checkers",
}


class Gate:
    """One run over some of the mutants."""

    def __init__(
        self, package: Path, jobs: int, only: str, part: tuple[int, int], quick: bool
    ) -> None:
        self.package = package
        self.jobs = jobs
        self.quick = quick
        self.trees = {}
        self.all: list[Mutant] = []
        for room in ROOMS:
            for path in sorted((ROOT / room).glob("*.py")):
                file = f"{room}/{path.name}"
                if file not in NOT_MUTATED:
                    self.trees[file], mutants = mutants_of(path.read_text("utf-8"), file)
                    self.all += mutants
        at, parts = part
        self.mutants = [
            mutant
            for mutant in self.all
            if only in mutant.key
            and not (quick and mutant.table)
            and (mutant.table or zlib.crc32(mutant.key.encode()) % parts == at - 1)
        ]
        self.witnesses = Witnesses()
        self.survivors: list[Mutant] = []
        self.done = 0
        self.started = time.monotonic()

    def run(self) -> None:
        """Try all mutants."""
        listed = accepted()
        functions = [mutant for mutant in self.mutants if not mutant.table]
        again = [mutant for mutant in self.mutants if mutant.table]
        for mutant in self._in_a_loaded_process(functions):
            if mutant.key in listed or self.quick:
                self.survivors.append(mutant)
                print("survived:", mutant.line, mutant.key, flush=True)
            else:
                again.append(mutant)
        self.done = len(self.mutants) - len(again)
        for mutant in self._in_a_fresh_process(again):
            self.survivors.append(mutant)
            if mutant.key not in listed:
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
                [*OPTIONS, "-p", "no:terminal", *FOLDERS],
                plugins=[Suite(lambda suite: self._serve(suite, mutants, writing))],
            )
            os._exit(int(code))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            self.witnesses = pickle.load(pipe)
            tests, seconds = self.witnesses.seconds, time.monotonic() - self.started
            print(f"{len(tests)} tests, {len(self.mutants)} mutants, {seconds:.0f} s", flush=True)
            for test in self.witnesses.failing:
                print(f"fails with nothing changed, so it is not asked: {test}")
            for line in pipe:
                index, survived = json.loads(line)
                self._one_done()
                if survived:
                    yield mutants[index]
        _, status = os.waitpid(pid, 0)
        if status:
            sys.exit("the tests could not be collected: run `make test`")

    def _serve(self, suite: Suite, mutants: list[Mutant], writing: int) -> None:
        loaded = Loaded()
        gc.collect()
        gc.freeze()
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            remembered = os.environ.get("MUTANTS_WITNESSES")
            if remembered and Path(remembered).exists():
                witnesses = pickle.loads(Path(remembered).read_bytes())
                for test in set(witnesses.seconds) - set(suite.items):
                    del witnesses.seconds[test]
                for test in set(suite.items) - set(witnesses.seconds):
                    witnesses.seconds[test] = 0.0
            else:
                witnesses = self._record(suite)
                if remembered:
                    Path(remembered).write_bytes(pickle.dumps(witnesses))
            pipe.write(pickle.dumps(witnesses))

            def survives(index: int) -> bool:
                return self._survives_patching(suite, loaded, mutants[index], witnesses)

            for index, survived in outcomes(range(len(mutants)), survives, self.jobs):
                pipe.write(f"{json.dumps([index, survived])}\n".encode())

    def _record(self, suite: Suite) -> Witnesses:
        tests = list(suite.items)
        witnesses = Witnesses()
        with tempfile.TemporaryDirectory() as folder:
            results = [Path(folder, str(job)) for job in range(self.jobs)]

            def record(job: int) -> bool:
                return suite.record(tests[job :: self.jobs], self.package, results[job])

            for job, _ in outcomes(range(self.jobs), record, self.jobs):
                witnesses.add(Witnesses(**pickle.loads(results[job].read_bytes())))
        return witnesses

    def _survives_patching(
        self, suite: Suite, loaded: Loaded, mutant: Mutant, witnesses: Witnesses
    ) -> bool:
        with applied(self.trees[mutant.file], mutant) as tree:
            if not loaded.change(mutant, tree):
                return True
        if mutant.file.startswith("protocol/"):
            loaded.forget()
        return suite.all_pass(self._tests_for(mutant, witnesses), witnesses)

    def _tests_for(self, mutant: Mutant, witnesses: Witnesses) -> list[str]:
        own = _own_tests(mutant.file)
        lines = witnesses.lines.get((mutant.file, mutant.line), set())
        return [test for test in witnesses.seconds if test in lines or test.startswith(own)]

    # In a process that has loaded nothing.

    def _in_a_fresh_process(self, mutants: list[Mutant]) -> Iterator[Mutant]:
        """Yield the mutants that survive in a process that loads the changed module."""
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)

            def serve(suite: Suite) -> None:
                with os.fdopen(writing, "wb", buffering=0) as pipe:

                    def survives(index: int) -> bool:
                        return self._survives_loading(suite, mutants[index])

                    for index, survived in outcomes(range(len(mutants)), survives, self.jobs):
                        pipe.write(f"{json.dumps([index, survived])}\n".encode())

            suite = Suite(serve, collected=False)
            os._exit(int(pytest.main([*OPTIONS, "-p", "no:terminal"], plugins=[suite])))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            for line in pipe:
                index, survived = json.loads(line)
                self._one_done()
                if survived:
                    yield mutants[index]
        os.waitpid(pid, 0)

    def _survives_loading(self, suite: Suite, mutant: Mutant) -> bool:
        path = self.package / mutant.file
        with applied(self.trees[mutant.file], mutant) as tree:
            code = compile(tree, path, "exec", dont_inherit=True)
        sys.meta_path.insert(0, MutantFinder(mutant.file, path, code))
        seconds = self.witnesses.seconds
        own = [test for test in seconds if test.startswith(_own_tests(mutant.file))]
        rest = list(seconds) if mutant.table else self._tests_for(mutant, self.witnesses)
        for tests in (own, list(set(rest) - set(own))):
            suite.collect(sorted({test.partition("::")[0] for test in tests}))
            if not suite.all_pass(tests, self.witnesses):
                return False
        return True

    def report(self) -> bool:
        """Print what came of it; return whether all is well."""
        listed = accepted()
        alive = {mutant.key for mutant in self.survivors}
        tried = {mutant.key for mutant in self.mutants}
        everything = {mutant.key for mutant in self.all}
        unlisted = sorted(alive - listed.keys())
        killed = sorted((tried & listed.keys()) - alive)
        gone = sorted(listed.keys() - everything)
        seconds = time.monotonic() - self.started
        print(f"\nmutants {len(tried)}, killed {len(tried) - len(alive)} ({seconds:.0f} s)")
        for reason, count in Counter(listed[key] for key in alive & listed.keys()).items():
            print(f"\n{count} survived, as listed: {reason}")
            for key in sorted(alive & listed.keys()):
                if listed[key] == reason:
                    print(f"  {key}")
        for title, keys in {
            "survived, and not listed": unlisted,
            "listed, but killed": killed,
            "listed, but the code has no such mutant": gone,
        }.items():
            if keys:
                print(f"\n{len(keys)} {title}:")
                print(*(f"  {key}" for key in keys), sep="\n")
        return not (unlisted or killed or gone)


def _files(file: str) -> list[tuple[str, str]]:
    name = f"test_{Path(file).name}"
    return [(folder, name) for folder in FOLDERS]


def _own_tests(file: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}::" for folder, name in _files(file))


def copy_of_the_tree(folder: Path) -> tuple[Path, Path]:
    """Copy the package and the tests; return where each is."""
    repository, site = folder / "repository", folder / "site"
    without = shutil.ignore_patterns("__pycache__")
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages: dict[str, str] = configuration["tool"]["setuptools"]["package-dir"]
    for name, source in sorted(packages.items()):
        shutil.copytree(ROOT / source, site / name.replace(".", "/"), ignore=without)
    shutil.copytree(ROOT / "tests", repository / "tests", ignore=without)
    for room in ROOMS:
        shutil.copytree(ROOT / room, repository / room, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", repository)
    shared = ROOT.parent / "shared"
    if shared.is_dir():
        (folder / "shared").symlink_to(shared)
    else:
        print("no reference data beside the repository: more mutants survive than are listed")
    return repository, site


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description="Look for untested faults.")
    parser.add_argument("--only", default="", help="mutants whose name has this in it")
    parser.add_argument(
        "--slice", default="1/1", help="this part of the function mutants, such as 3/12"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="believe in survivors without a second look, and leave out table mutants",
    )
    parser.add_argument("--copy", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Copy the tree and run the gate in the copy."""
    options = arguments()
    at, _, parts = options.slice.partition("/")
    if options.copy:
        package = options.copy / "barewire"
        gate = Gate(package, options.jobs, options.only, (int(at), int(parts)), options.quick)
        gate.run()
        return 0 if gate.report() else 1
    with tempfile.TemporaryDirectory() as folder:
        repository, site = copy_of_the_tree(Path(folder).resolve())
        command = [sys.executable, "-m", "tests.mutants.run", *sys.argv[1:], f"--copy={site}"]
        environment = {**os.environ, "PYTHONPATH": str(site), "COVERAGE_CORE": "ctrace"}
        environment.pop("CI", None)
        return subprocess.run(command, cwd=repository, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
