"""Work in forked processes: what is loaded once is there in each; what one breaks dies with it."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

__all__ = ["outcomes"]

T = TypeVar("T")

MEMORY = 6 * 2**30
"""Bytes of address space that one process may take."""
WALL_CLOCK = 300.0
"""Seconds after which a process is ended that neither finishes nor uses its time."""


def outcomes(tasks: Sequence[T], work: Callable[[T], bool], jobs: int) -> Iterator[tuple[T, bool]]:
    """Do `work` for each task in a process of its own, `jobs` at a time; yield what it said.

    A process that dies, raises or never ends has said `False`.
    """
    waiting = list(reversed(tasks))
    running: dict[int, tuple[T, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            task = waiting.pop()
            running[_fork(work, task)] = task, time.monotonic() + WALL_CLOCK
        for pid, (task, end) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del running[pid]
                yield task, os.waitstatus_to_exitcode(status) == 0
            elif time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _fork(work: Callable[[T], bool], task: T) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    said = False
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        said = work(task)
    finally:
        os._exit(0 if said else 1)
