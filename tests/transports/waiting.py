"""Waiting for what another thread or process is about to do."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Look again and again until `condition` holds; for synchronous tests."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)
