"""What is measured: each function runs one program once and returns its figures.

Figures are named here and nowhere else:

    cpu        CPU seconds of what is measured for 10,000 calls or notifications
    rate       calls or notifications per second
    cpu_mb     CPU milliseconds for each megabyte that is echoed
    seconds    from before the start of the process to its first answer
    start_cpu  CPU seconds until then
    memory     MiB resident after that
    peak       MiB resident at the peak
    load       CPU seconds of the driver for 10,000 calls: far below `cpu`, or the figure is void

    instructions   executed outside the kernel, for one call, notification, megabyte or start

In each of them less is better, but for `rate`.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bench.driver import machine
from bench.driver.stdio import Pumped, StdioServer
from bench.driver.wire import (
    Era,
    check_echoes,
    check_progress,
    echo_calls,
    progress_call,
)

Figures: TypeAlias = dict[str, float]

MORE_IS_BETTER: Final = frozenset({"rate"})
INSTRUCTIONS: Final = "instructions"
MB: Final = 1_000_000
_MOST: Final = 50_000
"""Calls of a slice, at most: what they send and what comes back is kept in memory."""


def why_not() -> str | None:
    """Why nothing can be measured here, or None."""
    return machine.why_not()


@dataclass(frozen=True)
class Subject:
    """A program to be measured, server or client."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    warmup: int = 300
    """Calls before the clock runs; a just-in-time compiler needs thousands."""

    def start(self, era: Era = "legacy") -> StdioServer:
        return StdioServer(self.command, era, self.environment)


@dataclass(frozen=True)
class Effort:
    """How long to measure. Of the slices of a run the best one counts."""

    slices: int = 4
    slice_cpu: float = 0.2
    """CPU seconds of a slice; the number of calls follows from it.

    Long enough for a collector of garbage to do its work in it, as it must in the long run.
    """
    quiet: float = 2.0
    """Seconds to wait, at most, for a quiet machine before each run."""


def calls(subject: Subject, effort: Effort, era: Era = "legacy", in_flight: int = 1) -> Figures:
    """Measure calls of `echo`, so many in flight."""
    with subject.start(era) as server:
        warm_up(server, subject.warmup, era)
        count = _count(effort, lambda n: server.pump(echo_calls(n, era), in_flight), 200)
        requests = echo_calls(count, era)
        machine.wait_for_quiet(effort.quiet)
        slices: list[Figures] = []
        for _ in range(effort.slices):
            pumped = server.pump(requests, in_flight)
            check_echoes(pumped.chunks, count)
            slices.append(_per_10_000(pumped, count))
        return best(slices)


def progress(subject: Subject, effort: Effort, era: Era = "legacy") -> Figures:
    """Measure a call that reports progress many times."""
    with subject.start(era) as server:
        warm_up(server, subject.warmup, era)
        count = _count(effort, lambda n: server.pump([progress_call(n, era)], lines=n + 1), 500)
        machine.wait_for_quiet(effort.quiet)
        slices: list[Figures] = []
        for _ in range(effort.slices):
            pumped = server.pump([progress_call(count, era)], lines=count + 1)
            check_progress(pumped.chunks, count)
            slices.append(_per_10_000(pumped, count))
        return best(slices)


def payload(subject: Subject, effort: Effort, size: int) -> Figures:
    """Measure echoes of `size` bytes of ASCII text, one after the other, in a fresh process."""
    text = "x" * size
    count = max(1, 4 * MB // size)
    requests = echo_calls(count, "legacy", text)
    with subject.start() as server:
        warm_up(server, 50, "legacy")
        machine.wait_for_quiet(effort.quiet)
        slices: list[Figures] = []
        for _ in range(min(max(2, 60 * MB // size), effort.slices)):
            pumped = server.pump(requests)
            check_echoes(pumped.chunks, count, text)
            milliseconds = pumped.server_cpu * 1000
            slices.append({"cpu_mb": milliseconds / (count * size / MB)})
        _, peak = machine.memory(server.pid)
        return {**best(slices), "peak": peak}


def start(subject: Subject, effort: Effort) -> Figures:
    """Measure what it takes until a server has answered the opening request."""
    runs: list[Figures] = []
    for _ in range(min(effort.slices, 4)):
        machine.wait_for_quiet(effort.quiet / 4)
        with subject.start() as server:
            memory, _ = machine.memory(server.pid)
            cpu = machine.cpu_seconds(server.pid)
            runs.append({"seconds": server.started_in, "memory": memory, "start_cpu": cpu})
    return best(runs)


def client(subject: Subject, effort: Effort, server: Sequence[str], in_flight: int = 1) -> Figures:
    """Measure a client program (see clients/load.py) that calls a `server`, floor_block.py."""
    machine.wait_for_quiet(effort.quiet)
    count = int(effort.slice_cpu * 20_000 / 64) * 64
    done = subprocess.run(
        client_command(subject, server, count, in_flight, effort.slices),
        env={**os.environ, **subject.environment},
        stdout=subprocess.PIPE,
        preexec_fn=machine.pin_measured,
        check=True,
        timeout=300,
    )
    taken: list[tuple[float, float]] = json.loads(done.stdout)
    return best([{"rate": count / wall, "cpu": cpu / count * 1e4} for wall, cpu in taken])


def client_command(
    subject: Subject, server: Sequence[str], count: int, in_flight: int, slices: int
) -> list[str]:
    """How a client program is run; the server that it starts leaves its CPU to it."""
    pin = [] if machine.LOAD_CPU is None else [str(machine.LOAD_CPU)]
    return [*subject.command, *map(str, (count, in_flight, slices)), *server, *pin]


def warm_up(server: StdioServer, count: int, era: Era) -> None:
    server.pump(echo_calls(count, era), in_flight=16)


def best(runs: Sequence[Figures]) -> Figures:
    """The best of each figure: what disturbs a run only ever makes it worse."""
    return {
        name: (max if name in MORE_IS_BETTER else min)(run[name] for run in runs)
        for name in runs[0]
    }


def _count(effort: Effort, pump: Callable[[int], Pumped], least: int) -> int:
    """How many make a slice, found by trial: what is compiled at run time gets faster by it."""
    count = least
    for _ in range(3):
        # Where the clock of a process ticks, little work can seem to take no time at all.
        seconds = max(pump(count).server_cpu, effort.slice_cpu / 10)
        count = min(max(int(effort.slice_cpu * count / seconds), least), _MOST)
    return count


def _per_10_000(pumped: Pumped, count: int) -> Figures:
    return {
        "cpu": pumped.server_cpu / count * 1e4,
        "rate": count / pumped.seconds,
        "load": pumped.load_cpu / count * 1e4,
    }
