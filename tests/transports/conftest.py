"""Sees that no test of this folder leaves descriptors or threads behind."""

import contextlib
import os
import threading
from collections.abc import Iterator

import pytest

from tests.transports.waiting import eventually


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fail a test that leaves a descriptor open or a thread of ours running."""
    before = open_descriptors()
    yield
    eventually(lambda: not open_descriptors() - before)
    eventually(lambda: not our_threads())


def open_descriptors() -> set[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))
    return found


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("barewire")]
