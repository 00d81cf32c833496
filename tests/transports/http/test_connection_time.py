"""One connection of our HTTP server: what has to happen within what time, and how it all ends."""

import dataclasses
import math
import time

import pytest

from barewire.session.limits import HttpLimits
from barewire.transports.http.messages import Answer
from barewire.transports.http.sweeper import TICK, Sweeper
from tests.transports.http.dialogue import Dialogue, Turns, chunked, get, post

LIMITS = dataclasses.replace(
    HttpLimits(), head_time=5.0, body_time=8.0, keep_alive=20.0, stalled=30.0
)


@pytest.fixture
def dialogue() -> Dialogue:
    return Dialogue(limits=LIMITS)


@pytest.mark.rule("T33")
def test_a_head_has_to_come_in_time(dialogue: Dialogue) -> None:
    for byte in range(8):
        dialogue.send(get()[byte : byte + 1])
        dialogue.wait(1)
    (response,) = dialogue.responses()
    assert (response.status, response.fields["connection"]) == (408, "close")
    assert b"limits.head_time" in response.body
    assert dialogue.closed


def test_a_head_that_comes_in_time_is_read(dialogue: Dialogue) -> None:
    dialogue.send(get()[:5])
    dialogue.wait(5)
    dialogue.send(get()[5:])
    assert dialogue.responses()[0].status == 200


@pytest.mark.rule("T33")
@pytest.mark.parametrize("data", [post("/a", b"x" * 30), chunked("/a", b"x" * 30)])
def test_a_body_has_to_come_in_time(dialogue: Dialogue, data: bytes) -> None:
    dialogue.send(data[:-20])
    for byte in range(12):
        dialogue.send(data[byte - 20 : byte - 19])
        dialogue.wait(1)
    (response,) = dialogue.responses()
    assert response.status == 408
    assert b"limits.body_time" in response.body
    assert dialogue.closed


@pytest.mark.parametrize("data", [b"", b"\r\n", get("/a"), get("/stream")])
def test_an_idle_connection_is_closed_without_a_word(dialogue: Dialogue, data: bytes) -> None:
    dialogue.send(data)
    sent = bytes(dialogue.pipe.sent)
    dialogue.wait(20)
    assert not dialogue.closed, "not before the time that was announced"
    dialogue.wait(2)
    assert dialogue.closed
    assert dialogue.pipe.sent == sent


@pytest.mark.parametrize(("seconds", "said"), [(2.9, 2), (1e12, 86_400), (math.inf, 86_400)])
def test_the_time_between_requests_may_be_as_long_as_one_likes(seconds: float, said: int) -> None:
    dialogue = Dialogue(limits=dataclasses.replace(LIMITS, keep_alive=seconds))
    dialogue.send(get("/a"), get("/b"))
    assert [r.fields["keep-alive"] for r in dialogue.responses()] == [f"timeout={said}"] * 2
    dialogue.wait(5)
    assert dialogue.closed == (seconds < 3)


def test_without_any_bound_of_time_nobody_is_cut() -> None:
    ever = math.inf
    limits = HttpLimits(head_time=ever, body_time=ever, keep_alive=ever, stalled=ever)
    for data in (get("/a")[:9], post("/a", b"xx")[:-1], post("/a", b"x" * 100_000)):
        dialogue = Dialogue(limits=limits)
        dialogue.pipe.reads = False
        dialogue.send(data)
        dialogue.wait(1_000)
        assert not dialogue.closed


def test_a_handler_may_take_its_time(dialogue: Dialogue) -> None:
    dialogue.send(get("/later") + get("/begin"))
    dialogue.wait(100)
    dialogue.handler.replies[0].send(Answer(200))
    dialogue.turns.run()
    dialogue.wait(100)
    dialogue.handler.replies[1].end()
    dialogue.turns.run()
    assert [r.whole for r in dialogue.responses()] == [True, True]
    assert not dialogue.closed


@pytest.mark.rule("T23")
@pytest.mark.parametrize("path", ["/begin", "/a"])
def test_a_client_that_takes_nothing_is_cut(dialogue: Dialogue, path: str) -> None:
    dialogue.pipe.reads = False
    dialogue.send(post(path, b"x" * 1000))
    dialogue.wait(30)
    assert not dialogue.closed
    dialogue.wait(2)
    assert dialogue.closed
    assert dialogue.pipe.aborted
    assert dialogue.handler.gone == ([0] if path == "/begin" else [])


def test_a_client_that_takes_a_little_now_and_then_is_not_cut(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(post("/a", b"x" * 1000))
    for _ in range(10):
        dialogue.wait(25)
        dialogue.pipe.take(100)
    dialogue.pipe.take(1000)
    dialogue.wait(19)
    assert not dialogue.closed, "who still reads is not idle"


def test_a_last_answer_that_nobody_takes_is_given_up(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(get("/a", "Connection: close"))
    assert not dialogue.closed
    dialogue.wait(32)
    assert dialogue.closed
    assert dialogue.pipe.aborted


def test_a_pipe_that_forgets_to_tell_that_all_is_taken_is_looked_at(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(get("/a", "Connection: close"))
    dialogue.pipe.pending = 0
    dialogue.wait(1)
    assert dialogue.closed
    assert not dialogue.pipe.aborted


# The sweeper


def test_the_sweeper_rests_while_there_is_nobody() -> None:
    dialogue = Dialogue()
    assert len(dialogue.turns.later) == 1
    dialogue.eof()
    assert not dialogue.turns.later


class Watch:
    def __init__(self) -> None:
        self.times: list[float] = []

    def sweep(self, now: float) -> None:
        self.times.append(now)


def test_the_sweeper_ticks_for_all_with_one_timer() -> None:
    turns = Turns()
    sweeper = Sweeper(turns)
    watches = [Watch() for _ in range(3)]
    for watch in watches:
        sweeper.add(watch)
    for _ in range(3):
        assert len(turns.later) == 1
        turns.pass_time(TICK)
    assert [watch.times for watch in watches] == [[1.0, 2.0, 3.0]] * 3
    sweeper.remove(watches[0])
    sweeper.remove(watches[0])
    turns.pass_time(TICK)
    assert [len(watch.times) for watch in watches] == [3, 4, 4]


def test_what_the_loop_was_busy_with_is_not_held_against_clients() -> None:
    dialogue = Dialogue(limits=LIMITS)
    dialogue.send(get()[:5])
    dialogue.turns.pass_time(3600)
    dialogue.send(get()[5:])
    assert dialogue.responses()[0].status == 200


def test_one_whose_sweep_raises_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sweeper = Sweeper(Turns())
    broken, watch = Watch(), Watch()
    broken.times = None  # type: ignore[assignment]  # so that it raises
    sweeper.add(broken)
    sweeper.add(watch)
    sweeper.advance(1)
    assert watch.times == [1.0]
    assert "raised" in caplog.text


def test_answers_tell_the_time_of_the_last_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.gmtime", lambda: time.struct_time((2026, 11, 9, 8, 7, 6, 0, 313, 0)))
    turns = Turns()
    sweeper = Sweeper(turns)
    assert sweeper.date == b"Date: Mon, 09 Nov 2026 08:07:06 GMT\r\n"
    sweeper.add(Watch())
    monkeypatch.setattr("time.gmtime", lambda: time.struct_time((2026, 12, 10, 8, 7, 6, 3, 344, 0)))
    turns.pass_time(TICK)
    assert sweeper.date == b"Date: Thu, 10 Dec 2026 08:07:06 GMT\r\n"


# The end


def test_an_idle_connection_is_closed_by_a_drain(dialogue: Dialogue) -> None:
    dialogue.send(get("/a"))
    dialogue.connection.drain()
    assert dialogue.closed


def test_a_running_request_is_answered_and_says_that_it_was_the_last(dialogue: Dialogue) -> None:
    dialogue.send(get("/later"))
    dialogue.connection.drain()
    assert not dialogue.closed
    dialogue.handler.replies[0].send(Answer(200))
    assert dialogue.responses()[0].fields["connection"] == "close"
    assert dialogue.closed


def test_a_stream_that_began_before_a_drain_ends_with_the_connection(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    dialogue.connection.drain()
    dialogue.handler.replies[0].end()
    assert dialogue.responses()[0].whole
    assert dialogue.closed


@pytest.mark.parametrize("cut", [5, -1])
def test_a_request_on_its_way_is_still_answered(dialogue: Dialogue, cut: int) -> None:
    data = post("/a", b"abc")
    dialogue.send(data[:cut])
    dialogue.connection.drain()
    dialogue.send(data[cut:])
    (response,) = dialogue.responses()
    assert (response.body, response.fields["connection"]) == (b"abc", "close")
    assert dialogue.closed


def test_a_request_whose_turn_has_not_come_is_still_answered(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(post("/a", b"x" * 100_000), get("/b"))
    dialogue.connection.drain()
    for _ in range(2):
        dialogue.pipe.take(1_000_000)
        dialogue.turns.run()
    assert [r.fields["connection"] for r in dialogue.responses()] == ["keep-alive", "close"]
    assert dialogue.closed


def test_what_is_cut_is_told(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    dialogue.connection.cut()
    dialogue.connection.cut()
    assert dialogue.handler.gone == [0]
    assert dialogue.closed
    assert not dialogue.responses()[0].whole
