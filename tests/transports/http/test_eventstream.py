"""Event streams: written, cut, resumed, polled, and kept open through silence."""

import anyio
import pytest

from barewire.transports.backend import current
from barewire.transports.http.eventstream import Comments, EventStream
from barewire.transports.http.streams import Replay, Stream, Streams
from tests.transports.http.dialogue import Turns
from tests.transports.http.replies import FakeReply

MOST = 100


class Room:
    """What an event stream needs around it."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.comments = Comments(self.turns, 15.0)
        self.log = Streams(256 * 1024, 60.0, 100)
        self.reply = FakeReply()

    def stream(self, *, kept: bool = True) -> EventStream:
        return EventStream(self.turns, self.comments, MOST, self.log if kept else None)

    def replay(self, stream: EventStream, last_event_id: str, reply: FakeReply) -> None:
        found = self.log.resume(last_event_id)
        assert isinstance(found, Replay)
        assert found.stream.owner is (stream if kept(stream).finished_at is None else None)
        stream.resume(reply, (), found.events)


@pytest.fixture
def room() -> Room:
    return Room()


def kept(stream: EventStream) -> Stream:
    assert stream.kept is not None
    return stream.kept


@pytest.mark.rule("T26")
def test_its_head_keeps_caches_and_buffers_out_of_it(room: Room) -> None:
    room.stream().begin(room.reply, (("Mcp-Session-Id", "s"),))
    assert room.reply.begun is not None
    status, fields = room.reply.begun
    assert status == 200
    assert dict(fields) == {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
        "Mcp-Session-Id": "s",
    }


def test_an_event_has_an_id_where_it_is_kept(room: Room) -> None:
    stream = room.stream()
    stream.begin(room.reply, (), prime=True)
    stream.write(b'{"a":1}')
    assert room.reply.text == 'id: 1-0\ndata: \n\nevent: message\nid: 1-1\ndata: {"a":1}\n\n'


def test_and_none_where_it_is_not(room: Room) -> None:
    stream = room.stream(kept=False)
    stream.begin(room.reply, (), prime=True)
    stream.write(b'{"a":1}')
    stream.finish(0.0)
    assert room.reply.text == 'event: message\ndata: {"a":1}\n\n'
    assert room.reply.ended


def test_what_is_said_while_it_is_cut_is_sent_when_it_is_resumed(room: Room) -> None:
    stream, again = room.stream(), FakeReply()
    stream.begin(room.reply, (), prime=True)
    stream.write(b"a")
    room.reply.leave()
    stream.write(b"b")
    assert stream.reply is None
    room.replay(stream, "1-1", again)
    stream.write(b"c")
    assert again.text == "event: message\nid: 1-2\ndata: b\n\nevent: message\nid: 1-3\ndata: c\n\n"
    assert not room.reply.ended


def test_one_that_is_finished_ends_as_soon_as_it_is_replayed(room: Room) -> None:
    stream, again = room.stream(), FakeReply()
    stream.begin(room.reply, (), prime=True)
    room.reply.leave()
    stream.write(b"answer")
    stream.finish(5.0)
    room.replay(stream, "1-0", again)
    assert again.text == "event: message\nid: 1-1\ndata: answer\n\n"
    assert again.ended
    assert kept(stream).finished_at == 5.0


def test_whoever_resumes_takes_over_from_the_connection_before(room: Room) -> None:
    stream, again = room.stream(), FakeReply()
    stream.begin(room.reply, ())
    stream.write(b"a")
    room.replay(stream, "1-0", again)
    stream.write(b"b")
    assert room.reply.ended
    assert room.reply.text == "event: message\nid: 1-1\ndata: a\n\n"
    assert again.text == "event: message\nid: 1-1\ndata: a\n\nevent: message\nid: 1-2\ndata: b\n\n"


def test_a_client_that_polls_is_told_when_to_come_back(room: Room) -> None:
    stream = room.stream()
    stream.begin(room.reply, (), prime=True)
    stream.poll(1.5)
    stream.write(b"later")
    stream.poll(1.5)
    assert room.reply.text == "id: 1-0\ndata: \n\nretry: 1500\n\n"
    assert room.reply.ended
    assert kept(stream).finished_at is None


def test_a_reply_whose_client_is_gone_is_not_written_to(room: Room) -> None:
    stream = room.stream()
    room.reply.leave()
    stream.begin(room.reply, (), prime=True)
    stream.write(b"a")
    assert stream.reply is None
    assert room.turns.later == []


def test_whoever_waits_for_its_client_hears_that_it_went(room: Room) -> None:
    stream, cuts = room.stream(), list[str]()
    stream.on_cut = lambda: cuts.append("cut")
    stream.begin(room.reply, ())
    room.reply.leave()
    assert cuts == ["cut"]
    stream.finish(0.0)
    assert cuts == ["cut"]


@pytest.mark.rule("T26")
def test_no_stream_is_silent_for_longer_than_the_limit(room: Room) -> None:
    quiet, busy = room.stream(kept=False), room.stream(kept=False)
    other = FakeReply()
    quiet.begin(room.reply, ())
    room.turns.pass_time(5)
    busy.begin(other, ())
    silences: list[float] = []
    said_at, said = room.turns.now(), 0
    for _ in range(600):
        room.turns.pass_time(0.1)
        busy.write(b"x")
        if len(room.reply.written) > said:
            said = len(room.reply.written)
            silences.append(room.turns.now() - said_at)
            said_at = room.turns.now()
    assert len(silences) >= 4
    assert max(silences) <= 15.1
    assert set(room.reply.written) == {b":\n\n"}
    assert b":\n\n" not in other.written


def test_when_nobody_listens_nothing_is_due(room: Room) -> None:
    stream = room.stream()
    stream.begin(room.reply, ())
    assert len(room.turns.later) == 1
    room.reply.leave()
    assert room.turns.later == []


class TestRoom:
    async def test_senders_wait_while_a_client_takes_too_little(self) -> None:
        backend = current()
        stream = EventStream(backend, Comments(backend, 15.0), MOST)
        reply = FakeReply()
        stream.begin(reply, ())
        await stream.room()
        reply.pending = MOST + 1
        assert stream.congested
        waited: list[str] = []

        async def wait() -> None:
            await stream.room()
            waited.append("over")

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert waited == []
            reply.take_all()
        assert waited == ["over"]
        stream.finish(0.0)

    async def test_nobody_waits_for_a_client_that_is_gone(self) -> None:
        backend = current()
        stream = EventStream(backend, Comments(backend, 15.0), MOST)
        reply = FakeReply()
        stream.begin(reply, ())
        reply.pending = MOST + 1
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(stream.room)
                await anyio.wait_all_tasks_blocked()
                reply.leave()
        assert not stream.congested

    async def test_who_speaks_to_nobody_lets_others_have_their_turn(self) -> None:
        backend = current()
        stream = EventStream(backend, Comments(backend, 15.0), MOST, Streams(256 * 1024, 60.0, 100))
        reply = FakeReply()
        stream.begin(reply, ())
        reply.leave()
        turns: list[str] = []
        backend.call_soon(lambda: turns.append("another's"))
        for _ in range(50):  # a turn may take a few
            stream.write(b"x" * MOST)
            if stream.congested:
                await stream.room()
        assert turns == ["another's"]
