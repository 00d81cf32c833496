"""Fixtures for the tests of the front door."""

import pytest

from tests.app.peers import Scripts


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """Servers that do as the test says, in place of the processes a client would start."""
    return Scripts(monkeypatch)
