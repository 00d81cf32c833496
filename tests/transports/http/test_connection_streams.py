"""One connection of our HTTP server: answers that last, and clients that leave."""

import gc

import pytest

from barewire.transports.http.messages import Answer
from barewire.transports.http.reply import HttpReply
from tests.transports.http.dialogue import Dialogue, chunked, get, post


@pytest.fixture
def dialogue() -> Dialogue:
    return Dialogue()


def test_what_is_written_in_one_turn_leaves_in_one_piece(dialogue: Dialogue) -> None:
    dialogue.send(get("/stream"))
    assert dialogue.pipe.writes == 1
    assert dialogue.pipe.sent.endswith(b"\r\n\r\n7\r\none two\r\n0\r\n\r\n")
    assert dialogue.responses()[0].body == b"one two"


def test_the_head_of_a_stream_leaves_without_waiting_for_more(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    (response,) = dialogue.responses()
    assert (response.status, response.whole) == (200, False)
    assert response.fields["transfer-encoding"] == "chunked"


def test_parts_of_later_turns_follow(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    reply = dialogue.handler.replies[0]
    for part in (b"a", b"b" * 100_000, b"c"):
        reply.write(part)
        reply.write(b"")
        dialogue.turns.run()
    reply.end()
    assert dialogue.responses()[0].body == b"a" + b"b" * 100_000 + b"c"
    assert dialogue.pipe.writes == 5


def test_nothing_written_is_nothing_sent(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    sent = bytes(dialogue.pipe.sent)
    dialogue.handler.replies[0].write(b"")
    dialogue.turns.run()
    assert dialogue.pipe.sent == sent, "an empty chunk would be the last"


@pytest.mark.parametrize("path", ["/a", "/stream", "/begin"])
def test_an_answer_that_has_ended_leaves_no_cycle(dialogue: Dialogue, path: str) -> None:
    gc.collect()
    gc.disable()
    try:
        dialogue.send(get(path), get("/b"))
        if path == "/begin":
            dialogue.eof(ConnectionResetError())
        dialogue.handler.replies.clear()
        assert not [found for found in gc.get_objects() if isinstance(found, HttpReply)]
    finally:
        gc.enable()


def test_a_stream_may_be_the_last_answer(dialogue: Dialogue) -> None:
    dialogue.send(get("/stream", "Connection: close"))
    (response,) = dialogue.responses()
    assert (response.body, response.fields["connection"]) == (b"one two", "close")
    assert dialogue.closed


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(("method", "status"), [("GET", 204), ("HEAD", 200), ("HEAD", 204)])
def test_a_stream_without_a_body_keeps_the_connection(
    dialogue: Dialogue, method: str, status: int, version: str
) -> None:
    asks = get("/later", "Connection: keep-alive", version=version)
    dialogue.send(asks.replace(b"GET", method.encode()))
    reply = dialogue.handler.replies[0]
    reply.begin(status, [])
    reply.write(b"x")
    reply.end()
    dialogue.send(get("/b"))
    first, second = dialogue.responses(method)
    assert (first.status, first.body, second.status) == (status, b"", 200)
    if status == 204:
        assert "transfer-encoding" not in first.fields


def test_the_connection_goes_on_after_a_stream(dialogue: Dialogue) -> None:
    dialogue.send(get("/stream") + get("/b") + get("/stream"), get("/c"))
    assert [r.body for r in dialogue.responses()] == [b"one two", b"", b"one two", b""]


def test_a_stream_that_answers_head_is_its_head(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin").replace(b"GET", b"HEAD"), get("/b"))
    reply = dialogue.handler.replies[0]
    reply.write(b"x")
    dialogue.turns.run()
    reply.end()
    dialogue.turns.run()
    head, other = dialogue.responses("HEAD")
    assert (head.whole, head.body, other.whole) == (True, b"", True)


def test_what_is_pending_counts_from_the_moment_it_is_written(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(get("/begin"))
    reply = dialogue.handler.replies[0]
    before = reply.pending
    assert before == len(dialogue.pipe.sent)
    reply.write(b"12345")
    assert reply.pending == before + 5
    dialogue.turns.run()
    assert reply.pending == before + len(b"5\r\n12345\r\n")


def test_what_is_pending_includes_answers_before(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(get("/a"), get("/later"))
    assert dialogue.handler.replies[1].pending == len(dialogue.pipe.sent)


@pytest.mark.rule("T23")
def test_a_writer_can_tell_what_has_arrived(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    reply = dialogue.handler.replies[0]
    before = reply.arrived
    assert before == len(dialogue.pipe.sent)
    reply.write(b"abc")
    assert reply.arrived == before, "it leaves at the end of the turn"
    dialogue.turns.run()
    assert reply.arrived == before + len(b"3\r\nabc\r\n")
    dialogue.pipe.lost = 5
    assert reply.arrived == before + 3
    reply.end()
    assert reply.arrived == 0


def test_a_writer_hears_when_there_is_room_again(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(get("/begin"))
    reply = dialogue.handler.replies[0]
    heard: list[int] = []
    reply.on_drained = lambda: heard.append(reply.pending)
    reply.write(b"x" * 100_000)
    dialogue.turns.run()
    dialogue.pipe.take(30_000)
    assert not heard
    dialogue.pipe.take(60_000)
    assert heard == [reply.pending]
    reply.on_drained = None
    reply.write(b"x" * 100_000)
    dialogue.turns.run()
    dialogue.pipe.take(1_000_000)
    assert len(heard) == 1


@pytest.mark.rule("T23")
def test_a_writer_hears_of_room_also_when_all_is_taken_at_once(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    reply = dialogue.handler.replies[0]
    dialogue.turns.run()
    heard: list[int] = []
    reply.on_drained = lambda: heard.append(reply.pending)
    reply.write(b"x" * 300_000)
    assert reply.pending == 300_000
    assert not heard
    dialogue.turns.run()
    assert heard == [0]


def test_a_stream_that_is_cut_is_seen_to_be_cut(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    reply = dialogue.handler.replies[0]
    reply.write(b"some")
    reply.abort()
    (response,) = dialogue.responses()
    assert (response.body, response.whole) == (b"some", False)
    assert dialogue.closed
    assert not dialogue.pipe.aborted, "what was written before arrives"
    assert reply.gone
    assert not dialogue.handler.gone, "who cuts knows"


def test_a_cut_is_seen_by_an_old_client_too(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin", version="1.0"))
    dialogue.handler.replies[0].abort()
    assert dialogue.pipe.aborted
    assert dialogue.closed


def test_an_answer_may_be_cut_before_it_began(dialogue: Dialogue) -> None:
    dialogue.send(get("/later"))
    dialogue.handler.replies[0].abort()
    dialogue.turns.run()
    assert not dialogue.pipe.sent
    assert dialogue.closed


# Clients that leave


@pytest.mark.parametrize("path", ["/later", "/begin"])
def test_a_reset_is_told_at_once_and_once(dialogue: Dialogue, path: str) -> None:
    dialogue.send(get(path))
    reply = dialogue.handler.replies[0]
    if path == "/begin":
        reply.write(b"never sent")
    dialogue.eof(ConnectionResetError())
    assert dialogue.handler.gone == [0]
    assert dialogue.closed
    assert reply.gone
    assert reply.pending == 0
    sent = bytes(dialogue.pipe.sent)
    if path == "/later":
        reply.begin(200, [])
    reply.write(b"x")
    reply.end()
    reply.send(Answer(200))
    reply.abort()
    dialogue.turns.run()
    assert dialogue.pipe.sent == sent
    assert dialogue.handler.gone == [0]


def test_who_leaves_after_the_answer_is_not_missed(dialogue: Dialogue) -> None:
    dialogue.send(get("/a"))
    assert dialogue.handler.replies[0].gone
    dialogue.eof()
    assert dialogue.closed
    assert not dialogue.handler.gone


def test_a_client_that_ends_its_direction_and_listens_gets_its_answer(dialogue: Dialogue) -> None:
    dialogue.send(get("/later"))
    dialogue.eof()
    for _ in range(10):
        dialogue.turns.pass_time(1)
        dialogue.wait(1)
    assert not dialogue.handler.gone
    dialogue.handler.replies[0].send(Answer(200, (), b"here"))
    dialogue.turns.run()
    (response,) = dialogue.responses()
    assert (response.status, response.body) == (200, b"here")
    assert set(response.interim) == {100}
    assert response.fields["connection"] == "close"
    assert dialogue.closed


@pytest.mark.parametrize("first", [get("/later"), chunked("/later", b"x")])
def test_a_client_that_ended_its_direction_and_left_is_found_out(
    dialogue: Dialogue, first: bytes
) -> None:
    dialogue.send(first)
    dialogue.eof()
    assert not dialogue.handler.gone
    dialogue.pipe.broken = BrokenPipeError()
    dialogue.turns.pass_time(0.05)
    assert dialogue.handler.gone == [0]
    assert dialogue.closed


def test_a_client_that_leaves_while_it_is_waited_for_is_found_out_later(
    dialogue: Dialogue,
) -> None:
    dialogue.send(get("/later"))
    dialogue.eof()
    dialogue.turns.pass_time(0.05)
    dialogue.pipe.broken = BrokenPipeError()
    dialogue.wait(1)
    assert dialogue.handler.gone == [0]


@pytest.mark.parametrize(("path", "version"), [("/begin", "1.1"), ("/later", "1.0")])
def test_who_cannot_be_asked_counts_as_gone_after_a_moment(
    dialogue: Dialogue, path: str, version: str
) -> None:
    dialogue.send(get(path, version=version))
    dialogue.eof()
    dialogue.turns.pass_time(0.02)
    assert not dialogue.handler.gone
    dialogue.turns.pass_time(0.05)
    assert dialogue.handler.gone == [0]


@pytest.mark.rule("T17", "T9")
@pytest.mark.parametrize("path", ["/later", "/begin"])
def test_who_left_with_much_sent_ahead_is_found_out(dialogue: Dialogue, path: str) -> None:
    dialogue.send(get(path) + get("/b") * 3_000)
    assert dialogue.pipe.paused, "the end of the connection cannot be seen"
    dialogue.wait(1)
    assert not dialogue.handler.gone
    dialogue.pipe.broken = ConnectionResetError()
    dialogue.wait(1)
    assert dialogue.handler.gone == [0]
    assert dialogue.closed
    assert len(dialogue.handler.requests) == 1, "nobody wants the rest"


@pytest.mark.rule("T17", "T9")
def test_who_sent_much_ahead_is_asked_whether_they_are_there(dialogue: Dialogue) -> None:
    dialogue.send(get("/later") + get("/b") * 3_000)
    dialogue.wait(3)
    assert dialogue.pipe.sent == b"HTTP/1.1 100 Continue\r\n\r\n" * 3
    dialogue.handler.replies[0].send(Answer(200))
    dialogue.turns.run()
    assert not dialogue.pipe.paused
    first, *others = dialogue.responses()
    assert (first.status, first.interim) == (200, [100] * 3)
    assert len(others) == 3_000
    assert not any(other.interim for other in others)


def test_who_sent_little_ahead_is_not_asked(dialogue: Dialogue) -> None:
    dialogue.send(get("/later") + get("/b") * 1_000)
    dialogue.wait(3)
    assert not dialogue.pipe.sent, "their end would be seen"


def test_who_left_is_found_out_whichever_request_is_answered(dialogue: Dialogue) -> None:
    dialogue.send(get("/later") + get("/begin"))
    dialogue.eof()
    dialogue.handler.replies[0].send(Answer(200))
    dialogue.turns.run()
    assert len(dialogue.handler.replies) == 2
    dialogue.turns.pass_time(0.05)
    assert dialogue.handler.gone == [1]
    assert dialogue.closed


def test_a_stream_that_ends_in_that_moment_is_the_last(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin"))
    dialogue.eof()
    dialogue.handler.replies[0].end()
    assert dialogue.closed
    assert dialogue.responses()[0].whole


def test_an_answer_in_that_moment_is_delivered(dialogue: Dialogue) -> None:
    dialogue.send(get("/begin") + get("/b"))
    dialogue.eof()
    dialogue.handler.replies[0].end()
    dialogue.turns.run()
    dialogue.turns.pass_time(1)
    assert [r.status for r in dialogue.responses()] == [200, 200]
    assert dialogue.closed
    assert not dialogue.handler.gone


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        get("/a"),
        get("/a")[:10],
        post("/a", b"12345")[:-1],
        chunked("/a", b"12345")[:-1],
        chunked("/a", b"12345")[:-9],
        get("/stream") + post("/a", b"12345")[:-1],
    ],
)
def test_who_leaves_in_the_middle_is_let_go(dialogue: Dialogue, data: bytes) -> None:
    dialogue.send(data)
    sent = bytes(dialogue.pipe.sent)
    dialogue.eof()
    assert dialogue.closed
    assert dialogue.pipe.sent == sent


@pytest.mark.parametrize("rest", [get("/b")[:9], post("/b", b"12345")[:-1], chunked("/b")[:-1]])
def test_an_end_in_the_middle_of_what_was_sent_ahead_is_noticed_in_time(
    dialogue: Dialogue, rest: bytes
) -> None:
    dialogue.send(get("/later") + rest)
    dialogue.eof()
    dialogue.handler.replies[0].send(Answer(200))
    dialogue.turns.run()
    assert dialogue.responses()[0].status == 200
    assert dialogue.closed


def test_answers_that_were_not_taken_are_left_to_who_ended_their_direction(
    dialogue: Dialogue,
) -> None:
    dialogue.pipe.reads = False
    dialogue.send(post("/a", b"x" * 100_000) + get("/b"))
    dialogue.eof()
    assert not dialogue.closed
    dialogue.pipe.take(100_000)
    dialogue.turns.run()
    assert len(dialogue.handler.requests) == 2
    dialogue.pipe.take(100_000)
    dialogue.turns.run()
    assert dialogue.closed
    assert len(dialogue.responses()) == 2


def test_all_that_was_asked_before_an_end_is_answered_as_fast_as_it_is_taken(
    dialogue: Dialogue,
) -> None:
    dialogue.pipe.reads = False
    dialogue.send(*[post("/a", b"x" * 100_000)] * 2, get("/later"), get("/later"))
    dialogue.eof()
    for number in range(1, 3):
        assert len(dialogue.handler.requests) == number
        dialogue.pipe.take(1_000_000)
        dialogue.turns.run()
    for number in range(2, 4):
        assert not dialogue.closed
        dialogue.handler.replies[number].send(Answer(200))
        dialogue.turns.run()
    dialogue.pipe.take(1_000_000)
    dialogue.turns.run()
    assert len(dialogue.responses()) == 4
    assert dialogue.closed
