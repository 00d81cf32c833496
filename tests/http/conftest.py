"""Fixtures for the tests of the HTTP server as its clients see it."""

import logging
from collections.abc import Iterator

import pytest

from barewire.transports.http.parsing import ParserName
from tests.app.conftest import threads
from tests.transports.http.dialogue import PARSERS

__all__ = ["nothing_is_logged", "parser", "quick", "threads"]

TICK = 0.02


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> ParserName:
    """Each of the parsers, where bytes matter."""
    name: ParserName = request.param
    return name


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers look at their deadlines often, so that short ones pass quickly."""
    monkeypatch.setattr("barewire.transports.http.sweeper.TICK", TICK)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever clients do, nobody is told of more than a warning; a test clears what it expects."""
    yield
    for record in caplog.records:
        assert record.levelno < logging.ERROR, record.getMessage()
        assert record.exc_info is None, record.getMessage()
