"""Thin drivers: a soak machine on two descriptors, and the memory of the process that is soaked."""

import os
import selectors
from pathlib import Path
from typing import Final

from barewire.fuzz.machines import Broken, ClientSoak, Soak

__all__ = ["CHUNK", "SILENCE", "Memory", "converse", "read_to_the_end", "resident"]

CHUNK: Final = 65_536

SILENCE: Final = 60.0
"""Seconds without a byte in either direction after which a peer counts as dead."""


def converse(
    machine: Soak, data: bytes, reads: int, writes: int, patience: float = SILENCE
) -> None:
    """Write `data` to descriptor `writes` and feed the machine from `reads` until it is ready.

    Both directions go on at once, so that neither peer can block the other. Raises `Broken` when
    the machine does, when the peer hangs up, and when nothing moves for `patience` seconds.
    """
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    with selectors.DefaultSelector() as selector:
        selector.register(reads, selectors.EVENT_READ)
        pending = _register(selector, writes, memoryview(data))
        while pending or not machine.ready:
            ready = selector.select(patience)
            if not ready:
                raise Broken(f"nothing moves: {machine.owing()}")
            for key, _ in ready:
                if key.fd == writes:
                    pending = _write(selector, writes, pending)
                else:
                    _read(machine, reads)
            if isinstance(machine, ClientSoak) and (replies := machine.replies()):
                pending = _register(selector, writes, memoryview(bytes(pending) + replies))


def read_to_the_end(machine: Soak, reads: int) -> None:
    """Feed the machine what is left to be read; the peer must end by itself."""
    os.set_blocking(reads, True)
    while data := os.read(reads, CHUNK):
        machine.receive(data)


def _register(selector: selectors.BaseSelector, writes: int, pending: memoryview) -> memoryview:
    if pending and writes not in selector.get_map():
        selector.register(writes, selectors.EVENT_WRITE)
    return pending


def _write(selector: selectors.BaseSelector, writes: int, pending: memoryview) -> memoryview:
    try:
        written = os.write(writes, pending[:CHUNK])
    except BlockingIOError:
        return pending
    except BrokenPipeError:
        raise Broken("the peer has closed its input") from None
    pending = pending[written:]
    if not pending:
        selector.unregister(writes)
    return pending


def _read(machine: Soak, reads: int) -> None:
    try:
        data = os.read(reads, CHUNK)
    except BlockingIOError:
        return
    if not data:
        raise Broken("the peer has closed its output")
    machine.receive(data)


def resident(pid: int) -> int | None:
    """Return how many bytes of a process are in memory, `None` where there is no `/proc`."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class Memory:
    """Watches that a process does not grow once it is warm.

    What it has taken when `warm` lines are through is the base: by then the allocator has met the
    largest lines, and every table that has a limit is full. From there on it may grow by `bound`
    bytes: the noise of an allocator that keeps what it has freed.
    """

    def __init__(self, pid: int, warm: int, bound: int) -> None:
        self.base: int = 0
        self.peak: int = 0
        self._pid = pid
        self._warm = warm
        self._bound = bound

    def look(self, lines: int) -> None:
        """Take a sample after so many lines; raises `Broken` when it is beyond the bound."""
        size = resident(self._pid)
        if size is None:
            return
        self.peak = max(self.peak, size)
        if lines <= self._warm or not self.base:
            self.base = max(self.base, size)
        elif size > self.base + self._bound:
            raise Broken(f"{self}, where {self._bound / 2**20:g} MiB are the most")

    def __str__(self) -> str:
        """Say how much it has, and how much of that came after warming up."""
        if not self.peak:
            return "memory unknown"
        return f"{self.peak / 2**20:.1f} MiB, {(self.peak - self.base) / 2**20:+.1f} since warm"
