"""`make bench`: our high-level server and client beside peers and floors, judged by the bars.

    make bench [ARGS="--quick --only client,http"]

Environments are made when they are missing. All subjects take turns in one run, repetition after
repetition; of each figure the least disturbed one counts. What is measured has one CPU for itself
and the load another one. Every reply is checked.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from bench import workloads
from bench.bars import BARS, HTTP_BARS, MEGABYTES, Bar
from bench.driver import machine
from bench.driver.http import MODES
from bench.environments import NotMade
from bench.runs import Cell, measure
from bench.subjects import Subjects
from bench.verdicts import missed, verdicts
from bench.workloads import MB, QUICK, Effort, Figures, Subject

Run = Callable[[Subject, Effort], Figures]

WORKLOADS: Final[dict[str, Run]] = {
    "calls, 64 in flight": partial(workloads.calls, in_flight=64),
    "calls, 64 in flight, modern": partial(workloads.calls, era="modern", in_flight=64),
    "calls, one by one": workloads.calls,
    "progress": workloads.progress,
    "progress, modern": partial(workloads.progress, era="modern"),
    **{
        f"payload, {size} MB": partial(workloads.payload, size=int(float(size) * MB))
        for size in MEGABYTES
    },
    "start": workloads.start,
    **{f"http, {mode}": partial(workloads.http_calls, mode=mode) for mode in MODES},
    "http, latency": partial(workloads.latency, mode="stateful"),
    "http, latency, modern": partial(workloads.latency, mode="modern"),
    "http, pauses": partial(workloads.pauses, mode="stateful"),
    "http, pauses, modern": partial(workloads.pauses, mode="modern"),
    "http, pauses, sse": partial(workloads.pauses, mode="sse"),
    "http, progress": partial(workloads.http_progress, mode="sse"),
    "http, progress, modern": partial(workloads.http_progress, mode="modern"),
    "http, sessions": workloads.sessions,
}
ALL_BARS: Final = BARS + HTTP_BARS
CLIENT_WORKLOADS: Final = {"client, 64 in flight": 64, "client, one by one": 1}


class Stage:
    """The subjects and workloads that the bars name, as far as they can be had."""

    def __init__(self, folder: Path) -> None:
        self.subjects = Subjects(folder)
        self.missing: dict[str, str] = {}
        self._made: dict[str, Subject] = {}

    def cells(self, bars: Sequence[Bar]) -> list[Cell]:
        """Every subject under every workload that a bar needs, each once."""
        named = [
            pair
            for bar in bars
            for pair in ((bar.workload, bar.ours), (bar.their_workload, bar.peer))
            if pair[1]
        ]
        cells: list[Cell] = []
        for workload, name in dict.fromkeys(named):
            try:
                cells.append(Cell(workload, self._subject(name), self._run(workload)))
            except NotMade as error:
                self.missing[name] = str(error)
        return cells

    def _subject(self, name: str) -> Subject:
        if name not in self._made:
            self._made[name] = self.subjects.make(name)
        return self._made[name]

    def _run(self, workload: str) -> Run:
        if workload in WORKLOADS:
            return WORKLOADS[workload]
        floor = self._subject("floor-block").command
        in_flight = CLIENT_WORKLOADS[workload]
        return partial(workloads.client, server=floor, in_flight=in_flight)


def main() -> None:
    options = _options()
    if excuse := workloads.why_not():
        sys.exit(excuse)
    times, effort = options.repetitions, Effort()
    if options.quick:
        times, effort = 1, QUICK
    bars = [bar for bar in ALL_BARS if not options.only or _topic(bar) in options.only]
    machine.pin_load()
    with tempfile.TemporaryDirectory(prefix="barewire-bench-") as folder:
        stage = Stage(Path(folder))
        cells = stage.cells(bars)
        versions = stage.subjects.versions()
        results = measure(cells, effort, times, {"versions": versions, "missing": stage.missing})
    print(verdicts(bars, results, stage.missing))
    print(_conditions(versions))
    if failed := missed(bars, results, stage.missing):
        sys.exit(f"{len(failed)} of {len(bars)} bars are missed")


def _topic(bar: Bar) -> str:
    return bar.workload.partition(",")[0]


def _conditions(versions: dict[str, str]) -> str:
    pinned = "pinned" if machine.LOAD_CPU is not None else "NOT PINNED: there is only one CPU"
    named = ", ".join(f"{name}: {version}" for name, version in versions.items())
    return f"{named}\n{machine.processor()}, {len(machine.CPUS)} CPUs, {pinned}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    topics = list(dict.fromkeys(map(_topic, ALL_BARS)))
    add = parser.add_argument
    add("--only", type=lambda text: text.split(","), default=[], help=", ".join(topics))
    add("--repetitions", type=int, default=3, help="how often (%(default)s)")
    add("--quick", action="store_true", help="one short run of each: a rough idea")
    options = parser.parse_args()
    if unknown := set(options.only) - set(topics):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(topics)}")
    return options


if __name__ == "__main__":
    main()
