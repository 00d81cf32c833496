"""Measuring many cells in turn: every repetition runs all of them, so all see the same machine."""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from bench.driver import machine
from bench.driver.stdio import ServerFailed
from bench.driver.wire import BadReply
from bench.workloads import Effort, Figures, Subject, best

RESULTS: Final = Path(__file__).resolve().parent / "results"

Results: TypeAlias = dict[tuple[str, str], Figures]
"""The best figures by workload and name of the subject; none for what failed."""


@dataclass(frozen=True)
class Cell:
    """One subject under one workload."""

    workload: str
    subject: Subject
    run: Callable[[Subject, Effort], Figures]


def measure(
    cells: Sequence[Cell], effort: Effort, repetitions: int, about: Mapping[str, object]
) -> Results:
    """Run the cells in turn, several times; what comes out is also kept, line by line, in RESULTS.

    A line that begins the file says what was measured and where, by `about`.
    """
    runs: dict[tuple[str, str], list[Figures]] = {}
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / time.strftime("%Y%m%d-%H%M%S.jsonl")
    with file.open("w") as lines:
        print(json.dumps({**_here(), **about}), file=lines)
        for repetition in range(repetitions):
            for cell in cells if repetition % 2 == 0 else reversed(cells):
                outcome = _outcome(cell, effort)
                if isinstance(outcome, dict):
                    runs.setdefault((cell.workload, cell.subject.name), []).append(outcome)
                line = {
                    "workload": cell.workload,
                    "subject": cell.subject.name,
                    "repetition": repetition,
                    "figures" if isinstance(outcome, dict) else "failed": outcome,
                }
                print(json.dumps(line), file=lines, flush=True)
                _tell(
                    f"{repetition + 1}/{repetitions} {cell.workload}: {cell.subject.name}", outcome
                )
    print(f"\nevery figure: {file}", file=sys.stderr)
    return {key: best(figures) for key, figures in runs.items()}


def _outcome(cell: Cell, effort: Effort) -> Figures | str:
    try:
        return cell.run(cell.subject, effort)
    except (ServerFailed, BadReply, OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"


def _tell(what: str, outcome: Figures | str) -> None:
    if isinstance(outcome, dict):
        outcome = ", ".join(f"{name} {value:.4g}" for name, value in outcome.items())
    print(f"{what}: {outcome}", file=sys.stderr, flush=True)


def _here() -> dict[str, object]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": machine.processor(),
        "cpus": len(machine.CPUS),
        "pinned": machine.LOAD_CPU is not None,
        "system": platform.platform(),
    }
