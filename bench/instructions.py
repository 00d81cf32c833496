"""The same loads, counted in instructions instead of seconds: figures that noise cannot disturb.

Programs run under Valgrind's cachegrind, which counts what they execute outside the kernel. It is
slow; two runs of different length give the count for one call, without that of the start.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.driver import machine
from bench.driver.http import CONNECTIONS, MODES, HttpServer
from bench.driver.stdio import StdioServer
from bench.driver.wire import (
    TEXT,
    TEXTS,
    Era,
    check_echoes,
    check_progress,
    echo_calls,
    progress_call,
)
from bench.workloads import INSTRUCTIONS, MB, Effort, Figures, Server, Subject, client_command

Load = Callable[[Server, int], None]
Start = Callable[[Subject], StdioServer | HttpServer]

_FEW, _MANY = 256, 1280


def why_not() -> str | None:
    """Why nothing can be counted here, or None."""
    if shutil.which("valgrind") is None:
        return "counting instructions needs valgrind on PATH"
    return machine.why_not()


def calls(subject: Subject, effort: Effort, era: Era = "legacy", in_flight: int = 1) -> Figures:
    """Count a call of `echo`, so many in flight."""

    return _each(lambda count: _server(subject, _stdio(era), _echoes(era, in_flight), count))


def http_calls(subject: Subject, effort: Effort, mode: str) -> Figures:
    """Count a call of `echo` over HTTP, one in flight on each of 16 connections."""
    load = _echoes(MODES[mode].era, CONNECTIONS, TEXTS)
    return _each(lambda count: _server(subject, _http(mode), load, count))


def progress(subject: Subject, effort: Effort) -> Figures:
    """Count a report of progress."""
    return _each(lambda count: _server(subject, _stdio("legacy"), _reports("legacy"), count))


def http_progress(subject: Subject, effort: Effort, mode: str) -> Figures:
    """Count a report of progress over HTTP."""
    load = _reports(MODES[mode].era)
    return _each(lambda count: _server(subject, _http(mode), load, count))


def payload(subject: Subject, effort: Effort, size: int) -> Figures:
    """Count an echo of `size` bytes, by the megabyte."""
    load = _echoes("legacy", 1, ("x" * size,))
    figures = _each(lambda count: _server(subject, _stdio("legacy"), load, count), few=2, many=10)
    return {name: value / (size / MB) for name, value in figures.items()}


def start(subject: Subject, effort: Effort) -> Figures:
    """Count everything from the start of a server to its end after the opening request."""
    return {INSTRUCTIONS: _server(subject, _stdio("legacy"), lambda server, count: None, 0)}


def client(subject: Subject, effort: Effort, server: Sequence[str], in_flight: int = 1) -> Figures:
    """Count a call of a client program, so many in flight."""

    def count_all(count: int) -> int:
        def run(counted: Subject) -> None:
            command = client_command(counted, server, count, in_flight, slices=1)
            environment = {**os.environ, **counted.environment}
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)

        return _counted(subject, run)

    return _each(count_all)


def _stdio(era: Era) -> Start:
    return lambda subject: subject.start(era)


def _http(mode: str) -> Start:
    return lambda subject: subject.serve(mode)


def _echoes(era: Era, in_flight: int, texts: Sequence[str] = (TEXT,)) -> Load:
    def load(server: Server, count: int) -> None:
        check_echoes(server.pump(echo_calls(count, era, texts), in_flight).chunks, count, texts)

    return load


def _reports(era: Era) -> Load:
    def load(server: Server, count: int) -> None:
        check_progress(server.pump([progress_call(count, era)], lines=count + 1).chunks, count)

    return load


def _each(total: Callable[[int], int], few: int = _FEW, many: int = _MANY) -> Figures:
    return {INSTRUCTIONS: (total(many) - total(few)) / (many - few)}


def _server(subject: Subject, start: Start, load: Load, count: int) -> int:
    def run(counted: Subject) -> None:
        with start(counted) as server:
            load(server, count)
            server.close(patience=60)

    return _counted(subject, run)


def _counted(subject: Subject, run: Callable[[Subject], None]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "counts")
        cachegrind = (
            "valgrind",
            "--tool=cachegrind",
            "--cache-sim=no",
            "--log-file=/dev/null",
            f"--cachegrind-out-file={file}",
        )
        environment = {**subject.environment, "PYTHONHASHSEED": "0"}
        run(replace(subject, command=(*cachegrind, *subject.command), environment=environment))
        found = re.search(r"^summary: (\d+)", file.read_text(), re.MULTILINE)
        assert found, "cachegrind wrote no summary"
        return int(found[1])
