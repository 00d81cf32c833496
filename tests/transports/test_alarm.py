"""One timer for many deadlines."""

import pytest

from barewire.transports.alarm import Alarm
from tests.transports.http.dialogue import Turns


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def rings() -> list[float]:
    return []


@pytest.fixture
def alarm(turns: Turns, rings: list[float]) -> Alarm:
    return Alarm(turns, lambda: rings.append(turns.now()))


def test_it_rings_at_the_earliest_time_that_it_was_set_to(
    turns: Turns, rings: list[float], alarm: Alarm
) -> None:
    for when in (130.0, 110.0, 120.0):
        alarm.set(when)
    assert len(turns.later) == 1
    turns.pass_time(9)
    assert rings == []
    turns.pass_time(1)
    assert rings == [110.0]


def test_it_rings_once_until_it_is_set_again(
    turns: Turns, rings: list[float], alarm: Alarm
) -> None:
    alarm.set(110.0)
    turns.pass_time(10)
    turns.pass_time(100)
    assert rings == [110.0]
    alarm.set(300.0)
    turns.pass_time(90)
    assert rings == [110.0, 300.0]


def test_it_can_be_set_while_it_rings(turns: Turns) -> None:
    rings: list[float] = []

    def again() -> None:
        rings.append(turns.now())
        recurring.set(turns.now() + 5)

    recurring = Alarm(turns, again)
    recurring.set(101.0)
    turns.pass_time(1)
    turns.pass_time(5)
    assert rings == [101.0, 106.0]


def test_never_is_no_time(turns: Turns, alarm: Alarm) -> None:
    alarm.set(None)
    assert turns.later == []


def test_one_that_was_dismissed_is_silent(turns: Turns, rings: list[float], alarm: Alarm) -> None:
    alarm.set(110.0)
    alarm.dismiss()
    turns.pass_time(100)
    assert rings == []
    alarm.set(210.0)
    turns.pass_time(10)
    assert rings == [210.0]
