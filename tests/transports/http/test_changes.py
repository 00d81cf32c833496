"""Each change is told once, however often it happens while nobody can be told."""

import pytest

from barewire.transports.http.changes import Changes
from tests.transports.http.dialogue import Turns


class Listener:
    def __init__(self) -> None:
        self.turns = Turns()
        self.heard: list[bytes] = []
        self.room = 1_000
        self.changes = Changes(self.turns, self._hear, lambda: len(self.heard) < self.room)

    def _hear(self, data: bytes) -> None:
        self.heard.append(data)


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_what_happens_often_in_one_turn_is_told_once(listener: Listener) -> None:
    assert listener.changes.add("tools", b"tools changed")
    assert not listener.changes.add("tools", b"tools changed")
    assert listener.changes.add("prompts", b"prompts changed")
    assert listener.heard == []
    listener.turns.run()
    assert listener.heard == [b"tools changed", b"prompts changed"]


def test_what_happens_in_the_next_turn_is_told_again(listener: Listener) -> None:
    for _ in range(3):
        assert listener.changes.add("tools", b"tools changed")
        listener.turns.run()
    assert listener.heard == [b"tools changed"] * 3


def test_what_cannot_be_told_waits_and_is_not_queued_twice(listener: Listener) -> None:
    listener.room = 0
    listener.changes.add("tools", b"tools changed")
    listener.turns.run()
    assert not listener.changes.add("tools", b"tools changed")
    assert listener.changes
    listener.room = 1
    listener.changes.flush()
    assert listener.heard == [b"tools changed"]
    assert not listener.changes


def test_it_stops_where_the_room_ends(listener: Listener) -> None:
    listener.room = 2
    for number in range(4):
        listener.changes.add(number, b"%d" % number)
    listener.turns.run()
    assert listener.heard == [b"0", b"1"]
    listener.room = 4
    listener.changes.flush()
    assert listener.heard == [b"0", b"1", b"2", b"3"]
