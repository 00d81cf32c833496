"""Whether what a client has seen of an answer is what the model says of it."""

import json
from typing import Any

from tests.model.due import fits, shown
from tests.model.http_seen import Block, Seen
from tests.model.http_state import JUDGED, NOTHING, Wire
from tests.model.http_streams import PRIMING
from tests.model.http_words import SESSION

KINDS = {"application/json": "json", "text/event-stream": "events", None: None}


def judge(wire: Wire, seen: Seen) -> None:
    """Fail unless an answer is, so far, what is due; learn the ids that it tells."""
    assert not seen.late, "something was said after the end of an answer"
    ended = "" if wire.gone or seen.ended == wire.ended else f", ended: {seen.ended}"
    got = f"{wire.ask.method} got {seen.status} {seen.body[:2000]!r}{ended}"
    assert seen.status == wire.status, f"{got}, due is {wire.status} {shown(wire.body)}"
    if wire.status is None:
        return
    content = seen.field_named("content-type")
    kind = KINDS[None if content is None else content.split(";")[0].strip().lower()]
    assert kind == wire.kind, f"{got} as {content}, due is {wire.kind} {shown(wire.body)}"
    for name in JUDGED:
        value, pattern = seen.field_named(name), wire.fields.get(name)
        assert (value is None) == (pattern is None), f"{got} with {name} {value!r}"
        assert pattern is None or fits(pattern, value), f"{got} with {name} {value!r}"
    assert seen.field_named("access-control-allow-origin") is None
    if wire.opens is not None:
        wire.opens.id = seen.field_named(SESSION)
    if wire.kind == "events":
        judge_events(wire, [one for one in seen.blocks() if one.data is not None])
    elif wire.body == NOTHING:
        assert seen.body == b"", got
    else:
        assert fits(wire.body, json.loads(seen.body)), f"{got}, due is {shown(wire.body)}"
    assert wire.gone or seen.ended == wire.ended, f"{got}, due is the end: {wire.ended}"
    if wire.polled and wire.session is not None and wire.session.revision >= 4:
        # "it SHOULD send an SSE event with a standard retry field before closing".
        assert any(one.retry is not None for one in seen.blocks()), f"{got} and no retry"


def judge_events(wire: Wire, blocks: list[Block]) -> None:
    due = wire.due()
    got = [one.data for one in blocks]
    assert len(due) == len(got), f"on the stream: {got}, due is {shown(due)}"
    for at, (block, pattern) in enumerate(zip(blocks, due, strict=True), wire.start):
        assert block.name == "message"
        data = (block.data or "").encode()
        if pattern is PRIMING:
            assert data == b"", f"{data!r} primes a stream"
        else:
            said: Any = json.loads(data)
            assert fits(pattern, said), f"on the stream: {got}, due is {shown(due)}"
        if wire.session is None or wire.stream is None:
            assert block.id is None, f"an id without a session: {block.id}"
        else:
            wire.session.streams.measured(wire.stream, at, block.id, len(data))
