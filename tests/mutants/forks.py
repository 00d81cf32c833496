"""Work in forked processes: what is loaded once is there in each; what one breaks dies with it."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

__all__ = ["DIED", "outcomes"]

T = TypeVar("T")

MEMORY = 6 * 2**30
"""Bytes of address space that one process may take."""
LONGEST_WORD = 60_000
"""Bytes that a process may say: what a pipe holds."""
WALL_CLOCK = 300.0
"""Seconds after which a process is ended that neither finishes nor uses its time."""


DIED = "(its process died)"


def outcomes(tasks: Sequence[T], work: Callable[[T], str], jobs: int) -> Iterator[tuple[T, str]]:
    """Do `work` for each task in a process of its own, `jobs` at a time; yield what it said.

    A process that dies, raises or never ends has said `DIED`.
    """
    waiting = list(reversed(tasks))
    running: dict[int, tuple[T, int, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            task = waiting.pop()
            pid, pipe = _fork(work, task)
            running[pid] = task, pipe, time.monotonic() + WALL_CLOCK
        for pid, (task, pipe, end) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del running[pid]
                with os.fdopen(pipe, encoding="utf-8") as reader:
                    said = reader.read()
                yield task, DIED if status else said
            elif time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _fork(work: Callable[[T], str], task: T) -> tuple[int, int]:
    sys.stdout.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    failed = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.write(writing, work(task).encode()[:LONGEST_WORD])
        failed = 0
    finally:
        os._exit(failed)
