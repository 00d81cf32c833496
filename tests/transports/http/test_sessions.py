"""Which sessions there are, whose they are, and when they end."""

from itertools import count

import pytest

from barewire.session.facts import Local
from barewire.session.principal import Principal
from barewire.session.session import Session
from barewire.transports.http.sessions import HttpSession, Sessions

LOCAL = Local("server", {"name": "s", "version": "1"})
ANN = Principal("https://issuer.example", "ann")


def table(most: int = 10, idle: float = 60.0) -> Sessions:
    numbers = count(1)
    return Sessions(most, idle, lambda: f"id-{next(numbers)}")


def open_one(sessions: Sessions, now: float = 0.0) -> HttpSession:
    return sessions.open(Session(LOCAL), None, now)


def test_a_session_is_found_by_its_id() -> None:
    sessions = table()
    opened = open_one(sessions)
    assert sessions.find(opened.id, None, 1.0) is opened
    assert sessions.find("id-2", None, 1.0) is None


@pytest.mark.rule("T14")
@pytest.mark.parametrize(
    "other",
    [
        None,
        Principal("https://issuer.example", "bob"),
        Principal("https://other.example", "ann"),
        Principal("https://issuer.example", "ann", client_id="app"),
    ],
    ids=["nobody", "another subject", "another issuer", "another client"],
)
def test_it_is_its_principals_alone(other: Principal | None) -> None:
    sessions = table()
    opened = sessions.open(Session(LOCAL), ANN, 0.0)
    assert sessions.find(opened.id, other, 1.0) is None
    stepped_up = Principal(ANN.issuer, ANN.subject, scopes=frozenset({"write"}))
    assert sessions.find(opened.id, stepped_up, 1.0) is opened


def test_one_that_was_ended_is_unknown() -> None:
    sessions = table()
    opened = open_one(sessions)
    sessions.end(opened)
    sessions.end(opened)
    assert sessions.find(opened.id, None, 1.0) is None
    assert len(sessions) == 0


def test_it_is_idle_when_nothing_has_happened_for_so_long() -> None:
    sessions = table(idle=60.0)
    first, second = open_one(sessions, 0.0), open_one(sessions, 10.0)
    assert sessions.deadline() == 60.0
    sessions.find(first.id, None, 30.0)
    assert sessions.deadline() == 70.0
    assert sessions.idle(69.0) == []
    assert sessions.idle(70.0) == [second]
    assert sessions.idle(90.0) == [second, first]


def test_who_asks_in_vain_keeps_nothing_alive() -> None:
    sessions = table(idle=60.0)
    opened = sessions.open(Session(LOCAL), ANN, 0.0)
    sessions.find(opened.id, None, 59.0)
    assert sessions.idle(60.0) == [opened]


def test_an_empty_table_has_no_deadline() -> None:
    assert table().deadline() is None


def test_there_are_not_more_than_allowed() -> None:
    sessions = table(most=2)
    first = open_one(sessions)
    assert not sessions.full
    open_one(sessions)
    assert sessions.full
    sessions.end(first)
    assert not sessions.full
