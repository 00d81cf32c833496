"""What is measured: each function runs one program once and returns its figures.

Figures are named here and nowhere else:

    cpu        CPU seconds of what is measured for 10,000 calls or notifications
    rate       calls or notifications per second
    cpu_mb     CPU milliseconds for each megabyte that is echoed
    seconds    from before the start of the process to its first answer
    start_cpu  CPU seconds until then
    memory     MiB resident after that
    peak       MiB resident at the peak
    p99        milliseconds within which 99 of 100 calls are answered, 16 in flight; of several runs
               the one in the middle counts
    pauses     milliseconds of CPU that full collections of garbage take for 10,000 calls
    session    KiB resident for each idle legacy session
    reopened   what is resident with sessions that were opened again, by what was with the first
    load       CPU seconds of the driver for 10,000 calls: far below `cpu`, or the figure is void

    instructions   executed outside the kernel, for one call, notification, megabyte or start

In each of them less is better, but for `rate`.
"""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from bench.driver import machine
from bench.driver.http import CONNECTIONS, MODES, HttpServer
from bench.driver.stdio import Pumped, StdioServer
from bench.driver.wire import (
    TEXT,
    TEXTS,
    Era,
    check_echoes,
    check_progress,
    echo_calls,
    progress_call,
)
from bench.servers.pauses import VARIABLE as PAUSES

Figures: TypeAlias = dict[str, float]

MORE_IS_BETTER: Final = frozenset({"rate"})
IN_THE_MIDDLE: Final = frozenset({"p99"})
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

    def serve(self, mode: str) -> HttpServer:
        """Start a server that speaks HTTP, in one of `MODES`."""
        return HttpServer(self.command, MODES[mode], self.environment)


class Server(Protocol):
    """A server that was started, over whatever it speaks."""

    @property
    def pid(self) -> int: ...

    def pump(
        self, requests: Sequence[bytes], in_flight: int = 1, lines: int | None = None
    ) -> Pumped: ...


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
    long: int = 5_000
    """Calls of a run that looks for what happens seldom."""
    sessions: tuple[int, int] = (1_000, 5_000)
    """Between which the weight of one is measured."""


QUICK: Final = Effort(slices=2, slice_cpu=0.03, quiet=0, long=1_000, sessions=(200, 1_000))
"""For a rough idea."""


def calls(subject: Subject, effort: Effort, era: Era = "legacy", in_flight: int = 1) -> Figures:
    """Measure calls of `echo`, so many in flight."""
    with subject.start(era) as server:
        return _calls(server, subject, effort, era, in_flight, (TEXT,))


def http_calls(subject: Subject, effort: Effort, mode: str) -> Figures:
    """Measure calls of `echo` over HTTP, one in flight on each of 16 connections."""
    with subject.serve(mode) as server:
        return _calls(server, subject, effort, MODES[mode].era, CONNECTIONS, TEXTS)


def _calls(
    server: Server,
    subject: Subject,
    effort: Effort,
    era: Era,
    in_flight: int,
    texts: Sequence[str],
) -> Figures:
    warm_up(server, subject.warmup, era)
    count = _count(effort, lambda n: server.pump(echo_calls(n, era, texts), in_flight), 200)
    requests = echo_calls(count, era, texts)
    machine.wait_for_quiet(effort.quiet)
    slices: list[Figures] = []
    for _ in range(effort.slices):
        pumped = server.pump(requests, in_flight)
        check_echoes(pumped.chunks, count, texts)
        slices.append(_per_10_000(pumped, count))
    return best(slices)


def progress(subject: Subject, effort: Effort, era: Era = "legacy") -> Figures:
    """Measure a call that reports progress many times."""
    with subject.start(era) as server:
        return _progress(server, subject, effort, era)


def http_progress(subject: Subject, effort: Effort, mode: str) -> Figures:
    """Measure a call over HTTP that reports progress many times, by an event stream."""
    with subject.serve(mode) as server:
        return _progress(server, subject, effort, MODES[mode].era)


def _progress(server: Server, subject: Subject, effort: Effort, era: Era) -> Figures:
    warm_up(server, subject.warmup, era)
    count = _count(effort, lambda n: server.pump([progress_call(n, era)], lines=n + 1), 500)
    machine.wait_for_quiet(effort.quiet)
    slices: list[Figures] = []
    for _ in range(effort.slices):
        pumped = server.pump([progress_call(count, era)], lines=count + 1)
        check_progress(pumped.chunks, count)
        slices.append(_per_10_000(pumped, count))
    return best(slices)


def latency(subject: Subject, effort: Effort, mode: str) -> Figures:
    """Measure how long answers take at worst while 16 connections are at work, five times."""
    count = effort.long
    with subject.serve(mode) as server:
        warm_up(server, subject.warmup, MODES[mode].era)
        requests = echo_calls(count, MODES[mode].era, TEXTS)
        machine.wait_for_quiet(effort.quiet)
        found: list[Figures] = []
        for _ in range(5):
            pumped = server.pump(requests, CONNECTIONS)
            check_echoes(pumped.chunks, count, TEXTS)
            found.append({"p99": sorted(pumped.taken)[count * 99 // 100] * 1000})
        return best(found)


def pauses(subject: Subject, effort: Effort, mode: str) -> Figures:
    """Measure full collections of garbage, which one of our servers tells of by itself."""
    count = 4 * effort.long
    with tempfile.NamedTemporaryFile() as file:
        telling = replace(subject, environment={**subject.environment, PAUSES: file.name})
        with telling.serve(mode) as server:
            warm_up(server, subject.warmup, MODES[mode].era)
            warm = len(_pauses_in(file.name))
            pumped = server.pump(echo_calls(count, MODES[mode].era, TEXTS), CONNECTIONS)
            check_echoes(pumped.chunks, count, TEXTS)
            found = _pauses_in(file.name)[warm:]
    return {"pauses": sum(found) * 1000 / count * 1e4, "collections": len(found) / count * 1e4}


def _pauses_in(file: str) -> list[float]:
    return [float(line) for line in Path(file).read_text().splitlines()]


def sessions(subject: Subject, effort: Effort) -> Figures:
    """Measure what idle legacy sessions weigh, and whether what they took can be used again."""
    few, many = effort.sessions

    with subject.serve("stateful") as server:
        server.close_sessions(server.open_sessions(few // 5))
        ids = server.open_sessions(few)
        before, _ = machine.memory(server.pid)
        ids += server.open_sessions(many - few)
        after, _ = machine.memory(server.pid)
        server.close_sessions(ids)
        server.open_sessions(many)
        again, _ = machine.memory(server.pid)
    return {"session": (after - before) * 1024 / (many - few), "reopened": again / after}


def payload(subject: Subject, effort: Effort, size: int) -> Figures:
    """Measure echoes of `size` bytes of ASCII text, one after the other, in a fresh process."""
    text = ("x" * size,)
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


def warm_up(server: Server, count: int, era: Era) -> None:
    server.pump(echo_calls(count, era), in_flight=16)


def best(runs: Sequence[Figures]) -> Figures:
    """The best of each figure: what disturbs a run only ever makes it worse."""
    return {name: _chosen(name)(run[name] for run in runs) for name in runs[0]}


def _chosen(name: str) -> Callable[[Iterable[float]], float]:
    if name in IN_THE_MIDDLE:
        return statistics.median
    return max if name in MORE_IS_BETTER else min


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
