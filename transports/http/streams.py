"""What went out on the event streams of one legacy session, kept so that a cut loses nothing. Pure.

Streamable HTTP › Resumability and Redelivery: an event has an id that is unique in its session, and
a client that lost a connection asks for what followed the last one that it saw. That is replayed in
order, from that stream and from no other.
"""

import re
from typing import Final

from barewire.protocol.record import record

__all__ = ["NotKept", "Replay", "Stream", "Streams"]

_ID: Final = re.compile(r"(.*?)([1-9][0-9]{0,8})-(0|[1-9][0-9]{0,8})", re.DOTALL)


class Stream:
    """One event stream, over as many connections as it takes. Made by `Streams.open`."""

    __slots__ = ("_opening", "acknowledged", "finished_at", "last", "lost", "number", "owner")

    def __init__(self, number: int, tag: str = "") -> None:
        self.number: int = number
        self._opening = f"{tag}{number}-"
        self.last: int = 0
        """The number of its last event, 0 before the first."""
        self.acknowledged: int = 0
        """The number of the last event that the client has seen for certain."""
        self.lost: int = 0
        """The number of the last event that had to go although it may not have been seen."""
        self.finished_at: float | None = None
        """When nothing more was to come; `None` while something may."""
        self.owner: object = None
        """Who writes it; `None` once it is finished."""

    @property
    def id(self) -> str:
        """The id of its last event. Before the first it asks for everything: the priming id."""
        return f"{self._opening}{self.last}"

    def id_of(self, event: int) -> str:
        """Return the id of one of its events."""
        return f"{self._opening}{event}"


@record
class Replay:
    """What a client that resumes a stream has missed: ids and data, in order."""

    stream: Stream
    events: list[tuple[str, bytes]]


@record
class NotKept:
    """Why a stream cannot be resumed: the HTTP status, and what to say."""

    status: int
    detail: str


class Streams:
    """The streams of one session.

    At most `cap` bytes are kept; beyond that the oldest events go, whichever stream they are of.
    Whoever asks for a stream with such a gap hears of it: nothing is left out in silence. An event
    that is larger is not kept at all, and costs nobody else anything. A finished stream is
    forgotten `keep` seconds later, or when `most` others have finished since.

    Ids begin with `tag`, which tells those of this session from all others; its first `opened`
    streams are forgotten already.
    """

    __slots__ = (
        "_cap",
        "_events",
        "_finished",
        "_keep",
        "_most",
        "_size",
        "_streams",
        "_tag",
        "opened",
    )

    def __init__(self, cap: int, keep: float, most: int, *, tag: str = "", opened: int = 0) -> None:
        self._cap = cap
        self._keep = keep
        self._most = most
        self._tag = tag
        self.opened: int = opened
        """How many streams there have been."""
        self._size = 0
        self._streams: dict[int, Stream] = {}
        self._events: dict[tuple[int, int], bytes] = {}
        self._finished: dict[int, float] = {}
        """When each stream that is finished is to be forgotten, the first one first."""

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size

    def open(self) -> Stream:
        """Begin a stream."""
        self.opened += 1
        stream = self._streams[self.opened] = Stream(self.opened, self._tag)
        return stream

    def append(self, stream: Stream, data: bytes) -> str:
        """Keep an event and return its id."""
        if stream.finished_at is not None:
            raise AssertionError("a stream that is finished has no further events")
        stream.last += 1
        if len(data) > self._cap:
            self._lose_all(stream)
            return stream.id
        self._events[stream.number, stream.last] = data
        self._size += len(data)
        while self._size > self._cap:
            self._lose_the_oldest()
        return stream.id

    def finish(self, stream: Stream, now: float) -> None:
        """Take note that nothing more will come on this stream."""
        if stream.finished_at is None:
            stream.finished_at, stream.owner = now, None
            self._finished[stream.number] = now + self._keep
            if len(self._finished) > self._most:
                self._forget_the_first()

    def resume(self, last_event_id: str) -> Replay | NotKept:
        """Return what followed the event with this id; what came before it has been seen.

        An id that this session never gave is a mistake of whoever sent it (400). What it once gave
        but keeps no longer is gone, and so is the session for its client (404).
        """
        found = _ID.fullmatch(last_event_id)
        ours = found is not None and found[1] == self._tag
        number, seen = (int(found[2]), int(found[3])) if found and ours else (0, 0)
        if not 0 < number <= self.opened:
            return NotKept(400, "Last-Event-ID is not of this session")
        stream = self._streams.get(number)
        if stream is None:
            return NotKept(404, "the stream of this Last-Event-ID is kept no longer")
        if seen > stream.last:
            return NotKept(400, "Last-Event-ID is not of this session")
        if seen < stream.lost or seen < stream.acknowledged:
            return NotKept(404, "events that followed this Last-Event-ID are kept no longer")
        self._drop(stream, seen)
        stream.acknowledged = seen
        if stream.finished_at is not None and seen == stream.last:
            # An empty stream would bring the client back for more, and 404 is for ended sessions.
            return NotKept(405, "nothing follows this Last-Event-ID, and nothing will")
        missed = range(seen + 1, stream.last + 1)
        return Replay(
            stream, [(stream.id_of(event), self._events[number, event]) for event in missed]
        )

    def expire(self, now: float) -> None:
        """Forget the streams whose time is up."""
        for number in list(self._finished):
            if self._finished[number] > now:
                break
            self._forget_the_first()

    def deadline(self) -> float | None:
        """Return when `expire` has something to do, `None` for never."""
        return next(iter(self._finished.values()), None)

    def _forget_the_first(self) -> None:
        number = next(iter(self._finished))
        del self._finished[number]
        stream = self._streams.pop(number)
        self._drop(stream, stream.last)

    def _drop(self, stream: Stream, last: int) -> None:
        """Keep the events of a stream up to this one no longer, which are there."""
        for event in range(max(stream.acknowledged, stream.lost) + 1, last + 1):
            self._size -= len(self._events.pop((stream.number, event)))

    def _lose_all(self, stream: Stream) -> None:
        """Lose an event that comes last: without it, what came before is of no use to anybody."""
        self._drop(stream, stream.last - 1)
        stream.lost = stream.last

    def _lose_the_oldest(self) -> None:
        number, event = next(iter(self._events))
        self._size -= len(self._events.pop((number, event)))
        self._streams[number].lost = event
