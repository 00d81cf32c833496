#!/usr/bin/env python3
"""Compare the speed of two commits, or of a commit and the work tree.

    bench/compare.py BASE [HEAD]

Both are installed side by side and take turns; of each figure the least disturbed one counts. The
ratio is HEAD / BASE: below 1 is cheaper. With `--instructions` each is run under Valgrind once, and
instructions are counted: the ratio to trust when the machine has other work to do.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import instructions, workloads
from bench.driver import machine
from bench.driver.http import MODES
from bench.driver.wire import Era
from bench.environments import NotMade, interpreters, python_environment, run, version_of
from bench.runs import Cell, Results, measure
from bench.table import number, table
from bench.trees import ROOT, WORK_TREE, NoSuchCommit, copy
from bench.workloads import INSTRUCTIONS, MB, QUICK, Effort, Figures, Subject

PROGRAMS: Final = {
    "async": ("-m", "bench.servers.barewire_server", "async"),
    "inline": ("-m", "bench.servers.barewire_server", "inline"),
    "speed": ("-m", "bench.servers.barewire_server", "async", "--parser", "httptools"),
    "client": ("-m", "bench.clients.barewire_client"),
}


class Loads(Protocol):
    """A module of loads that can be compared: `workloads`, or `instructions`."""

    def calls(
        self, subject: Subject, effort: Effort, /, era: Era = "legacy", in_flight: int = 1
    ) -> Figures: ...

    def progress(self, subject: Subject, effort: Effort, /) -> Figures: ...

    def payload(self, subject: Subject, effort: Effort, /, size: int) -> Figures: ...

    def start(self, subject: Subject, effort: Effort, /) -> Figures: ...

    def http_calls(self, subject: Subject, effort: Effort, /, mode: str) -> Figures: ...

    def http_progress(self, subject: Subject, effort: Effort, /, mode: str) -> Figures: ...

    def client(
        self, subject: Subject, effort: Effort, /, server: Sequence[str], in_flight: int = 1
    ) -> Figures: ...


@dataclass(frozen=True)
class Workload:
    """A program under a load, and the figure of it that is compared."""

    name: str
    program: Literal["async", "inline", "speed", "client"]
    figure: str
    run: Callable[[Subject, Effort], Figures]


def all_workloads(by: Loads, python: str = "") -> list[Workload]:
    """Every workload; the client calls a floor, which runs on `python`."""
    floor = (python, "-m", "bench.servers.floor_block")
    return [
        Workload("async", "async", "cpu", partial(by.calls, in_flight=64)),
        Workload("inline", "inline", "cpu", partial(by.calls, in_flight=64)),
        Workload("sequential", "async", "cpu", by.calls),
        Workload("modern", "async", "cpu", partial(by.calls, era="modern", in_flight=64)),
        Workload("progress", "async", "cpu", by.progress),
        Workload("1MB", "async", "cpu_mb", partial(by.payload, size=MB)),
        Workload("client", "client", "cpu", partial(by.client, server=floor, in_flight=64)),
        Workload("start", "async", "start_cpu", by.start),
        *(
            Workload(f"http-{mode}", "async", "cpu", partial(by.http_calls, mode=mode))
            for mode in MODES
        ),
        Workload("http-inline", "inline", "cpu", partial(by.http_calls, mode="stateful")),
        Workload("http-speed", "speed", "cpu", partial(by.http_calls, mode="stateful")),
        Workload("http-progress", "async", "cpu", partial(by.http_progress, mode="sse")),
    ]


@dataclass(frozen=True)
class Version:
    """A commit, or the work tree, ready to run."""

    name: str
    python: str
    tree: Path

    def program(self, name: str) -> Subject:
        command = (self.python, *PROGRAMS[name])
        return Subject(self.name, command, {"PYTHONPATH": f"{self.tree}:{ROOT}"})


def install(name: str, folder: Path, interpreter: str) -> Version:
    """Copy a version into a folder, and what it requires into an environment."""
    python = python_environment("ours", interpreter, copy(name, folder))
    run([python, "-m", "compileall", "-q", str(folder / "tree")])
    return Version(name, python, folder / "tree")


def compare(
    base: Version, head: Version, chosen: Sequence[Workload], effort: Effort, times: int
) -> str:
    """Measure both in turn and return the table of ratios."""
    cells = [
        Cell(workload.name, version.program(workload.program), workload.run)
        for workload in chosen
        for version in (base, head)
    ]
    about = {"base": base.name, "head": head.name, "python": version_of(base.python)}
    results = measure(cells, effort, times, about)
    rows = [row(results, workload, base.name, head.name) for workload in chosen]
    return table(["workload", "figure", base.name, head.name, "ratio"], rows, left=2)


def row(results: Results, workload: Workload, base: str, head: str) -> list[str]:
    """Return a line of the table: both figures, and the ratio of the two."""
    figures = [results.get((workload.name, name), {}) for name in (base, head)]
    if not all(figures):
        return [workload.name, "", *("-" if found else "failed" for found in figures), "-"]
    name = INSTRUCTIONS if INSTRUCTIONS in figures[0] else workload.figure
    before, after = (found[name] for found in figures)
    return [workload.name, name, number(before), number(after), f"{after / before:.3f}"]


def main() -> None:
    options = _options()
    by = instructions if options.instructions else workloads
    if excuse := by.why_not():
        sys.exit(excuse)
    times, effort = options.repetitions, Effort()
    if options.quick:
        times, effort = 1, QUICK
    if options.instructions:
        times = 1
    interpreter = options.python or next(iter(interpreters().values()), sys.executable)
    machine.pin_load()
    with tempfile.TemporaryDirectory(prefix="barewire-compare-") as temporary:
        try:
            base = install(options.base, Path(temporary, "base"), interpreter)
            head = install(options.head, Path(temporary, "head"), interpreter)
        except (NotMade, NoSuchCommit) as error:
            sys.exit(str(error))
        if head.name == base.name:  # how much do they differ by chance?
            head = replace(head, name=f"{head.name} again")
        every = all_workloads(by, base.python)
        chosen = [w for w in every if not options.only or w.name in options.only]
        print(compare(base, head, chosen, effort, times))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, names = parser.add_argument, [workload.name for workload in all_workloads(workloads)]
    add("base", help="a commit, by any name that git knows")
    add("head", nargs="?", default=WORK_TREE, help="another one (%(default)s)")
    add("--only", type=lambda text: text.split(","), default=[], help=", ".join(names))
    add("--repetitions", type=int, default=5, help="how often (%(default)s)")
    add("--quick", action="store_true", help="one short run of each")
    add("--instructions", action="store_true", help="count instead: slow, blind to noise")
    add("--python", help="the interpreter (the oldest CPython from 3.11 on)")
    options = parser.parse_args()
    if unknown := set(options.only) - set(names):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    main()
