"""Resumption: each event exactly once, in order, on its own stream, or a clear no."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from barewire.transports.http.streams import NotKept, Replay, Streams

CAP = 60
KEEP = 60.0
MOST = 100
FEW = 3


def kept(*, cap: int = 256 * 1024, tag: str = "", opened: int = 0) -> Streams:
    """Return the streams of a session, as large as by default."""
    return Streams(cap, KEEP, MOST, tag=tag, opened=opened)


def replayed(streams: Streams, last_event_id: str) -> list[bytes]:
    found = streams.resume(last_event_id)
    assert isinstance(found, Replay), found
    return [data for _, data in found.events]


def refused(streams: Streams, last_event_id: str) -> int:
    found = streams.resume(last_event_id)
    assert isinstance(found, NotKept), found
    return found.status


def test_what_followed_the_last_event_is_replayed_in_order() -> None:
    streams = kept()
    stream = streams.open()
    first, second, third = (streams.append(stream, data) for data in (b"a", b"b", b"c"))
    assert replayed(streams, first) == [b"b", b"c"]
    assert replayed(streams, second) == [b"c"]
    assert replayed(streams, third) == []


def test_the_priming_id_asks_for_everything() -> None:
    streams = kept()
    stream = streams.open()
    priming = stream.id
    streams.append(stream, b"a")
    assert replayed(streams, priming) == [b"a"]


def test_the_ids_of_a_session_are_its_own_and_never_come_again() -> None:
    streams = kept(tag="ab12-", opened=7)
    seen = streams.append(streams.open(), b"a")
    assert seen == "ab12-8-1"
    assert replayed(streams, seen) == []
    assert refused(streams, "ab13-8-1") == 400
    assert refused(streams, "8-1") == 400
    assert refused(streams, "ab12-9-0") == 400
    assert refused(streams, "ab12-7-3") == 404  # one of those before, which are forgotten


def test_of_finished_streams_the_latest_are_remembered() -> None:
    streams = kept()
    lasts: list[str] = []
    for number in range(MOST + 1):
        stream = streams.open()
        lasts.append(stream.id)
        streams.append(stream, b"%d" % number)
        streams.finish(stream, float(number) / 1_000)
    assert refused(streams, lasts[0]) == 404
    assert replayed(streams, lasts[1]) == [b"1"]
    assert replayed(streams, lasts[-1]) == [b"100"]
    assert len(streams) == MOST
    streams.expire(KEEP + MOST)
    assert (len(streams), streams.size) == (0, 0)


def test_a_stream_replays_nothing_of_another() -> None:
    streams = kept()
    one, other = streams.open(), streams.open()
    seen = streams.append(one, b"one")
    streams.append(other, b"other")
    streams.append(one, b"two")
    assert replayed(streams, seen) == [b"two"]


@pytest.mark.parametrize(
    "last_event_id",
    [
        "",
        "0-0",
        "1",
        "1-",
        "-1",
        "1-2",
        "2-0",
        "1-0x",
        "01-0",
        "1-00",
        "1-0 ",
        "1" * 30 + "-1",
        "\u0661-0",
    ],
)
def test_an_id_that_was_never_given_is_a_mistake(last_event_id: str) -> None:
    streams = kept()
    streams.append(streams.open(), b"a")
    assert refused(streams, last_event_id) == 400


def test_a_finished_stream_can_be_resumed_for_a_minute() -> None:
    streams = kept()
    stream = streams.open()
    priming = stream.id
    streams.append(stream, b"a")
    streams.finish(stream, 100.0)
    assert streams.deadline() == 160.0
    streams.expire(159.9)
    assert replayed(streams, priming) == [b"a"]
    streams.expire(160.0)
    assert refused(streams, priming) == 404
    assert (len(streams), streams.size, streams.deadline()) == (0, 0, None)


def test_what_was_seen_is_kept_no_longer() -> None:
    streams = kept()
    stream = streams.open()
    first = streams.append(stream, b"a")
    second = streams.append(stream, b"b")
    assert replayed(streams, second) == []
    assert streams.size == 0
    assert refused(streams, first) == 404


def test_beyond_the_cap_the_oldest_events_go_and_nobody_is_left_in_doubt() -> None:
    streams = kept(cap=10)
    stream = streams.open()
    priming = stream.id
    first = streams.append(stream, b"a" * 6)
    streams.append(stream, b"b" * 6)
    assert refused(streams, priming) == 404
    assert replayed(streams, first) == [b"b" * 6]


def test_an_event_that_is_larger_than_the_cap_is_not_kept() -> None:
    streams = kept(cap=10)
    stream = streams.open()
    priming = stream.id
    large = streams.append(stream, b"a" * 1000)
    assert streams.size == 0
    assert refused(streams, priming) == 404
    streams.append(stream, b"b")
    assert replayed(streams, large) == [b"b"]


@pytest.mark.rule("T28")
def test_an_event_that_is_not_kept_costs_only_its_own_stream() -> None:
    streams = kept(cap=100)
    ours, theirs = streams.open(), streams.open()
    seen, before = theirs.id, ours.id
    for number in range(5):
        streams.append(theirs, b"%d" % number)
        streams.append(ours, b"x" * 10)
    large = streams.append(ours, b"x" * 101)
    assert streams.size == 5, "what came before is of no use without it"
    assert refused(streams, before) == 404
    after = streams.append(ours, b"after")
    assert replayed(streams, seen) == [b"0", b"1", b"2", b"3", b"4"]
    assert replayed(streams, large) == [b"after"]
    assert replayed(streams, after) == []


@pytest.mark.rule("T28")
def test_an_event_as_large_as_the_cap_is_kept_in_place_of_all_others() -> None:
    streams = kept(cap=10)
    ours, theirs = streams.open(), streams.open()
    seen, missed = ours.id, theirs.id
    streams.append(theirs, b"x")
    streams.append(ours, b"x" * 10)
    assert replayed(streams, seen) == [b"x" * 10]
    assert refused(streams, missed) == 404


@pytest.mark.rule("T28")
def test_after_one_that_was_not_kept_a_stream_is_forgotten_like_any_other() -> None:
    streams = kept(cap=10)
    stream = streams.open()
    for size in (3, 11, 3, 11, 11, 2):
        streams.append(stream, b"x" * size)
    assert streams.size == 2
    streams.finish(stream, 0.0)
    streams.expire(KEEP)
    assert (len(streams), streams.size) == (0, 0)


@pytest.mark.parametrize("most", [1, 7, 1_064])
def test_as_many_finished_streams_as_are_allowed_can_be_resumed(most: int) -> None:
    streams = Streams(256 * 1024, KEEP, most)
    opened = [streams.open() for _ in range(most + 1)]
    primings = [stream.id for stream in opened]
    for stream in opened:
        streams.append(stream, b"answer")
        streams.finish(stream, 0.0)
    assert refused(streams, primings[0]) == 404
    assert [replayed(streams, id) for id in primings[1:]] == [[b"answer"]] * most


def test_who_has_seen_all_of_a_finished_stream_is_told_not_to_come_back() -> None:
    streams = kept()
    answered, cancelled = streams.open(), streams.open()
    priming = cancelled.id
    last = streams.append(answered, b"answer")
    assert replayed(streams, last) == []
    for stream in (answered, cancelled):
        streams.finish(stream, 0.0)
    assert refused(streams, last) == 405
    assert refused(streams, priming) == 405


class Resuming(RuleBasedStateMachine):
    """A client whose connections are cut anywhere, beside a server that goes on sending.

    The model is the whole history: what each stream carried, what the client has taken of it, and
    what may be missing, which is no more than has to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.streams = Streams(CAP, KEEP, FEW)
        self.now = 0.0
        self.opened: list[Any] = []
        self.carried: list[list[tuple[str, bytes]]] = []
        self.taken: list[int] = []
        self.arriving: list[int | None] = []
        """How many events of each stream have gone out on its connection; `None` without one."""
        self.kept: dict[tuple[int, int], int] = {}
        """The size of each event that is kept, by its stream and its place there."""
        self.lost: list[int] = []
        """The last event of each stream that is missing."""
        self.finished: dict[int, float] = {}
        """Until when each finished stream may be resumed."""
        self.gone: set[int] = set()

    indices = st.integers(0, 5)

    @rule()
    @precondition(lambda self: len(self.opened) < 6)
    def open(self) -> None:
        stream = self.streams.open()
        self.opened.append(stream)
        self.carried.append([(stream.id, b"")])  # the priming event
        self.taken.append(0)
        self.arriving.append(1)
        self.lost.append(0)

    @rule(index=indices, size=st.integers(1, 30) | st.just(2 * CAP))
    def send(self, index: int, size: int) -> None:
        if index >= len(self.opened) or self.opened[index].finished_at is not None:
            return
        data = b"%d:%d " % (index, len(self.carried[index])) + b"x" * size
        self.keep(index, len(self.carried[index]), len(data))
        self.carried[index].append((self.streams.append(self.opened[index], data), data))
        if self.arriving[index] is not None:
            self.arriving[index] = len(self.carried[index])

    def keep(self, index: int, event: int, size: int) -> None:
        if size > CAP:  # which is lost, and costs nobody else anything
            self.forget(index, event)
            self.lost[index] = event
            return
        self.kept[index, event] = size
        while sum(self.kept.values()) > CAP:
            oldest = next(iter(self.kept))
            del self.kept[oldest]
            self.lost[oldest[0]] = oldest[1]

    def forget(self, index: int, last: int) -> None:
        """Keep the events of a stream up to this one no longer."""
        for event in range(last + 1):
            self.kept.pop((index, event), None)

    @rule(index=indices, share=st.floats(0, 1))
    def arrive(self, index: int, share: float) -> None:
        """The client reads some of what is on its way."""
        if index < len(self.opened) and (sent := self.arriving[index]) is not None:
            taken = self.taken[index]
            self.taken[index] = taken + round(share * (sent - taken))

    @rule(index=indices)
    def cut(self, index: int) -> None:
        """What was on its way is lost with the connection."""
        if index < len(self.opened):
            self.arriving[index] = None

    @rule(index=indices)
    def resume(self, index: int) -> None:
        if index >= len(self.opened) or not self.taken[index]:
            return
        seen = self.taken[index]
        history = self.carried[index]
        found = self.streams.resume(history[seen - 1][0])
        if index in self.gone or seen - 1 < self.lost[index]:
            assert isinstance(found, NotKept)
            assert found.status == 404
            return
        self.forget(index, seen - 1)
        if isinstance(found, Replay):
            assert found.stream.number == self.opened[index].number
            assert found.events == history[seen:]
            self.taken[index] = self.arriving[index] = len(history)
        else:
            assert found.status == 405
            assert seen == len(history)
            assert index in self.finished

    @rule(index=indices)
    def finish(self, index: int) -> None:
        if index < len(self.opened):
            self.streams.finish(self.opened[index], self.now)
            if index not in self.gone:
                self.finished.setdefault(index, self.now + KEEP)
            if len(self.finished) > FEW:
                self.forget_the_first()

    @rule(seconds=st.sampled_from([1.0, 30.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.streams.expire(self.now)
        while self.finished and min(self.finished.values()) <= self.now:
            self.forget_the_first()

    def forget_the_first(self) -> None:
        index = next(iter(self.finished))
        del self.finished[index]
        self.gone.add(index)
        self.forget(index, len(self.carried[index]))

    @invariant()
    def no_more_and_no_less_is_kept(self) -> None:
        assert self.streams.size == sum(self.kept.values()) <= CAP
        assert len(self.streams) == len(self.opened) - len(self.gone)

    @invariant()
    def the_deadline_is_that_of_the_first(self) -> None:
        assert self.streams.deadline() == min(self.finished.values(), default=None)


TestResuming = Resuming.TestCase
