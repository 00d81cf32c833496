"""The event streams of one session: what is on each, what is kept of it, and what a client that
resumes one gets (Streamable HTTP › Resumability and Redelivery).

The specification leaves it to the server whether events have ids and for how long they are kept.
Decided: all events of a session have one; a client that says what it saw last has seen what came
before; beyond the cap the oldest events of the session go first; a stream that has ended is kept
for a minute.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.model.due import Pattern
from tests.model.words import as_list, as_object

PRIMING: Pattern = None
"""Stands for the event with an id and empty data, which is no message."""


def size_of(pattern: Pattern) -> int | None:
    """Return the bytes of a message as event data, `None` where they are not known beforehand."""
    return (
        None
        if _open(pattern)
        else len(json.dumps(pattern, ensure_ascii=False, separators=(",", ":")).encode())
    )


def _open(pattern: Pattern) -> bool:
    members, items = as_object(pattern), as_list(pattern)
    if members is not None:
        return any(map(_open, members.values()))
    return callable(pattern) or any(map(_open, items or ()))


@dataclass
class Sent:
    """One event of a stream."""

    message: Pattern
    id: str | None = None
    """What it is known by, once that was seen."""
    size: int | None = None
    kept: bool = True


@dataclass
class Stream:
    """One event stream, over as many connections as it takes."""

    number: int
    events: list[Sent] = field(default_factory=list[Sent])
    ended: float | None = None
    """When its last message was sent."""
    seen: int = 0
    """How many of its events the client has certainly seen."""
    forgotten: bool = False
    alone: bool = False
    """Whether a GET began it: it carries what belongs to no request."""

    def place(self, id: str) -> int | None:
        """Return how many events there are up to the one with this id, `None` if none has it."""
        places = [at for at, one in enumerate(self.events, 1) if one.id == id]
        return places[0] if places else None


Verdict: TypeAlias = Literal["replay", "gone", "mistaken"]


class Streams:
    """All streams of one session."""

    def __init__(self, cap: int, time: float) -> None:
        self.cap = cap
        self.time = time
        self.all: list[Stream] = []
        self.order: list[tuple[Stream, Sent]] = []
        """What is kept, oldest first."""

    def __iter__(self) -> Iterator[Stream]:
        return iter(self.all)

    def begin(self, *, alone: bool = False) -> Stream:
        """Begin a stream."""
        stream = Stream(len(self.all) + 1, alone=alone)
        self.all.append(stream)
        return stream

    def add(self, stream: Stream, message: Pattern) -> None:
        """Put a message on a stream, and let go of what is too much then."""
        assert stream.ended is None
        sent = Sent(message, size=size_of(message))
        stream.events.append(sent)
        if message is PRIMING:
            return
        self.order.append((stream, sent))
        self.trim()

    def trim(self) -> None:
        """Let go of what is too much, as far as sizes are known.

        What is too large by itself is not kept, and then what came before it on its stream is of no
        use to anybody: no other stream has to pay for it.
        """
        for at, (stream, sent) in enumerate(self.order):
            if (sent.size or 0) > self.cap:
                for each, earlier in self.order[: at + 1]:
                    earlier.kept = earlier.kept and each is not stream
        self.order = [one for one in self.order if one[1].kept]
        while sum(one.size or 0 for _, one in self.order) > self.cap:
            self.order.pop(0)[1].kept = False

    def measured(self, stream: Stream, at: int, id: str | None, size: int) -> None:
        """Take note of the id, and of the size, by which an event was seen."""
        event = stream.events[at]
        assert id is not None, "an event of a session without an id"
        if event.id is None:
            known = {one.id for each in self.all for one in each.events}
            assert id not in known, f"the event id {id!r} was used before"
            event.id = id
        assert event.id == id, f"an event that was {event.id!r} is now {id!r}"
        if event.size is None and event.message is not PRIMING:
            event.size = size
            self.trim()

    def judge(self, id: str) -> tuple[Verdict, Stream | None, int]:
        """Tell what a client gets that saw this event last: the stream, and from where on."""
        found = [(each, each.place(id)) for each in self.all]
        here = [(stream, at) for stream, at in found if at is not None]
        if not here:
            return "mistaken", None, 0
        stream, at = here[0]
        missed = stream.events[at:]
        if stream.forgotten or at < stream.seen or not all(one.kept for one in missed):
            return "gone", stream, at
        return "replay", stream, at

    def saw(self, stream: Stream, at: int) -> None:
        """Take note that a client has seen the events before this place."""
        stream.seen = at
        past = {id(one) for one in stream.events[:at]}
        self.order = [one for one in self.order if id(one[1]) not in past]

    def pass_time(self, now: float) -> None:
        """Forget what is kept no longer."""
        for stream in self.all:
            if stream.ended is not None and stream.ended + self.time <= now:
                stream.forgotten = True
                self.order = [one for one in self.order if one[0] is not stream]
