"""Waiting for what is about to happen."""

import time
from collections.abc import Callable

from barewire.transports.backend import Signal, current


async def a_few_turns() -> None:
    """Let the event loop do what is due."""
    for _ in range(3):
        done = Signal(current())
        current().call_soon(done.set)
        await done.wait()


def eventually(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Look until `condition` holds, for what another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)
