"""Fixtures for the tests of the front door."""

from collections.abc import Iterator

import pytest

from barewire.transports.threads import ThreadPool
from tests.app.peers import Scripts


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPool]:
    """Threads for one test, which leaves none behind."""
    pool = ThreadPool()
    monkeypatch.setattr("barewire.run._threads", pool)
    yield pool
    pool.close()


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """Servers that do as the test says, in place of the processes a client would start."""
    return Scripts(monkeypatch)
