"""Answers that may stay undecided for a while, and no longer."""

from barewire.transports.http.deferrals import Deferrals
from tests.transports.http.dialogue import Turns


class Answer:
    def __init__(self) -> None:
        self.decided = 0

    def decide(self) -> None:
        self.decided += 1


def test_each_decides_when_its_own_time_is_up() -> None:
    turns = Turns()
    deferrals = Deferrals(turns, 2.0)
    first, second = Answer(), Answer()
    deferrals.add(first)
    turns.pass_time(1.5)
    deferrals.add(second)
    turns.pass_time(0.5)
    assert (first.decided, second.decided) == (1, 0)
    turns.pass_time(1.5)
    assert (first.decided, second.decided) == (1, 1)
    assert turns.later == []


def test_one_that_was_answered_decides_nothing() -> None:
    turns = Turns()
    deferrals = Deferrals(turns, 2.0)
    answered, waiting = Answer(), Answer()
    deferrals.add(answered)
    turns.pass_time(1.0)
    deferrals.add(waiting)
    deferrals.remove(answered)
    turns.pass_time(1.0)
    assert (answered.decided, waiting.decided) == (0, 0)
    turns.pass_time(1.0)
    assert (answered.decided, waiting.decided) == (0, 1)


def test_there_is_one_timer_for_all() -> None:
    turns = Turns()
    deferrals = Deferrals(turns, 2.0)
    answers = [Answer() for _ in range(100)]
    for answer in answers:
        deferrals.add(answer)
    assert len(turns.later) == 1
    for answer in answers:
        deferrals.remove(answer)
    late = Answer()
    turns.pass_time(1.0)
    deferrals.add(late)
    turns.pass_time(1.0)
    turns.pass_time(1.0)
    assert late.decided == 1
