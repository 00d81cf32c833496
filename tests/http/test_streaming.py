"""T26, T27, T28: event streams come at once, stay open, and are resumed without loss."""

import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any

import anyio
import pytest

from barewire import Context, Server, SyncContext
from barewire.protocol.revisions import V2025_03_26, V2025_06_18, V2025_11_25, Revision
from barewire.session.limits import HttpLimits
from tests.app.peers import until
from tests.http.hosting import Calls, Host, Session, hosted, target
from tests.http.raw import Event, Wire
from tests.http.words import Changes, call, delete, get, modern, post, request

each_revision = pytest.mark.parametrize(
    "revision", [V2025_03_26, V2025_06_18, V2025_11_25], ids=lambda one: one.name
)
EVENTS: Changes = {"Accept": "text/event-stream"}
LISTEN = request(1, "subscriptions/listen", {"notifications": {"toolsListChanged": True}})
CHANGED = "notifications/tools/list_changed"


async def streams_of(host: Host, revision: Revision) -> dict[str, bytes]:
    """Requests each of which opens a stream on which nothing is said at first."""
    session = await host.open(revision)
    return {
        "get": get(session.fields),
        "post": session.post(call(1, "hold", key="post"), EVENTS),
        "deferred": session.post(call(2, "hold", key="deferred")),
        "modern post": modern(call(1, "hold", key="modern"), EVENTS),
        "modern deferred": modern(call(1, "hold", key="later")),
        "listen": modern(LISTEN),
    }


@each_revision
@pytest.mark.rule("T26")
async def test_silence_is_broken_on_every_stream_and_no_proxy_may_hold_it_back(
    revision: Revision,
) -> None:
    every = 0.02
    async with hosted(limits=HttpLimits(comment=every, defer=0.01)) as host:
        for name, data in (await streams_of(host, revision)).items():
            wire = host.wire()
            await wire.send(data)
            head = await wire.begin()
            assert head.status == 200
            assert head.field("content-type") == "text/event-stream"
            assert head.field("cache-control") == "no-cache, no-transform"
            assert head.field("x-accel-buffering") == "no"
            assert head.field("transfer-encoding") == "chunked"
            assert head.field("content-encoding") is None
            comments = 0
            began = time.monotonic()
            while comments < 3:
                event = await wire.event()
                assert event is not None, name
                comments += event.comment
            assert time.monotonic() - began < 3 * every + 1.0, name


@pytest.mark.rule("T26")
async def test_the_first_byte_of_a_stream_comes_at_once() -> None:
    async with hosted() as host:
        quickest: dict[str, float] = {}
        for _ in range(3):
            for name, data in (await streams_of(host, V2025_11_25)).items():
                if "deferred" in name or name == "modern post":
                    continue  # which may still become JSON, or the status of an error
                wire = host.wire()
                began = time.monotonic()
                await wire.send(data)
                assert (await wire.begin()).status == 200
                await wire.event()
                took = time.monotonic() - began
                quickest[name] = min(took, quickest.get(name, took))
        assert max(quickest.values()) < 0.05, quickest


@pytest.mark.rule("T26")
async def test_the_first_word_is_not_held_back_until_there_are_more() -> None:
    calls = Calls()
    async with hosted(target(calls)) as host:
        session = await host.open()
        for number, say in enumerate((modern, session.post)):
            wire = host.wire()
            await wire.send(say(call(1, "talk", "token", key=str(number), steps=1)))
            await wire.begin()
            assert (await wire.message())["params"]["progress"] == 1
            calls.released[str(number)].set()
            assert (await wire.message())["id"] == 1
            assert await wire.message() is None


def another_tool(server: Server, name: str) -> None:
    """Change what is offered: those who listen hear of it."""

    @server.tool(name=name)
    async def tool() -> None: ...


@each_revision
@pytest.mark.rule("T27")
async def test_a_second_stream_is_refused_while_the_first_is_alive(
    revision: Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barewire.transports.http.aside.PROBE", 0.1)
    server = target()
    async with hosted(server) as host:
        session = await host.open(revision)
        first, second = host.wire(), host.wire()
        await first.send(get(session.fields))
        assert (await first.begin()).status == 200
        refused = await second.ask(get(session.fields))
        assert (refused.status, refused.error["code"]) == (409, -32600)
        assert refused.goes_on
        another_tool(server, "new")
        assert (await first.message())["method"] == CHANGED, "nobody took it over"
        assert (await host.ask(delete(session.fields))).status == 200
        assert await first.message() is None


LEAVES: dict[str, Callable[[Wire], object]] = {
    "reset": Wire.reset,
    "close": Wire.close,
    "end of its direction": Wire.end_direction,
}


@each_revision
@pytest.mark.parametrize("leave", LEAVES)
@pytest.mark.rule("T27")
async def test_a_client_that_was_cut_off_takes_over_and_loses_nothing(
    revision: Revision, leave: str
) -> None:
    server = target()
    async with hosted(server) as host:
        session = await host.open(revision)
        wire = host.wire()
        await wire.send(get(session.fields))
        await wire.begin()
        await wire.event()
        for number in range(3):
            LEAVES[leave](wire)
            if number == 1:  # by then the server has noticed
                await until(lambda: not host.serving.http.connections)
                another_tool(server, "between")
            wire = host.wire()
            await wire.send(get(session.fields))
            assert (await wire.begin()).status == 200
            if number != 1:
                await wire.event()
                another_tool(server, f"after {number}".replace(" ", "_"))
            assert (await wire.message())["method"] == CHANGED


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what has arrived")
@pytest.mark.rule("T27")
async def test_a_client_that_vanished_without_a_word_is_succeeded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a router that forgot the connection: nothing comes back, no end and no error."""
    monkeypatch.setattr("barewire.transports.http.aside.PROBE", 0.1)
    server = target()
    async with hosted(server) as host:
        session = await host.open()
        first, second = host.wire(room=2048), host.wire()
        await first.send(get(session.fields))
        assert (await first.begin()).status == 200
        # A client whose system has no more room confirms nothing either.
        number = arrived = stuck = 0
        while stuck < 20:
            number += 1
            another_tool(server, f"tool_{number}")
            await anyio.sleep(0.001)
            before, arrived = arrived, first.arrived
            stuck = stuck + 1 if arrived == before else 0
        await second.send(get(session.fields))
        assert (await second.begin()).status == 200
        await second.event()
        another_tool(server, "new")
        assert (await second.message())["method"] == CHANGED
        assert not (await first.rest()).endswith(b"\r\n0\r\n\r\n"), "it was cut"


@pytest.mark.rule("T27", "T14")
async def test_of_many_that_want_to_listen_at_once_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("barewire.transports.http.aside.PROBE", 0.1)
    server = target()
    async with hosted(server) as host:
        session = await host.open()
        for first in ("nobody", "one who left", "one who stays"):
            listening = host.wire()
            if first != "nobody":
                await listening.send(get(session.fields))
                await listening.begin()
            if first == "one who left":
                listening.close()
            wires = [host.wire() for _ in range(10)]
            for wire in wires:
                await wire.send(get(session.fields))
            statuses = [(await wire.begin()).status for wire in wires]
            taken = 0 if first == "one who stays" else 1
            assert sorted(statuses) == [200] * taken + [409] * (10 - taken), first
            for wire in (*wires, listening):
                wire.reset()
            await host.until_alone()


@pytest.mark.rule("T27", "T32")
async def test_a_session_that_ends_while_somebody_waits_to_listen_is_not_there() -> None:
    async with hosted() as host:
        session = await host.open()
        first, second = host.wire(), host.wire()
        await first.send(get(session.fields))
        await first.begin()
        await second.send(get(session.fields))
        while not (await first.event() or Event()).comment:
            pass  # which asks whether it is there
        assert (await host.ask(delete(session.fields))).status == 200
        assert (await second.response()).status == 404


@pytest.mark.rule("T27", "T28")
async def test_what_was_said_into_the_void_is_resumed() -> None:
    """What went out to a client that was gone by then comes again when it says what it has seen."""
    server = target()
    async with hosted(server) as host:
        session = await host.open()
        wire = host.wire()
        await wire.send(get(session.fields))
        await wire.begin()
        primed = await wire.event()
        assert primed is not None
        last = primed.id
        for number in range(5):
            wire.reset() if number % 2 else wire.close()
            another_tool(server, f"tool_{number}")
            wire = host.wire()
            await wire.send(get({**session.fields, "Last-Event-ID": last}))
            assert (await wire.begin()).status == 200
            event = await wire.event()
            assert event is not None
            assert event.message["method"] == CHANGED
            last = event.id
            assert wire.quiet(), "once"


async def read_with_cuts(session: Session, data: bytes, random: Random) -> list[Any]:
    """Read a stream to its end, cutting the connection now and then; return its messages."""
    host, last, found = session.host, None, list[Any]()
    while True:
        wire = host.wire()
        if last is not None:
            data = get({**session.fields, "Last-Event-ID": last})
        await wire.send(data)
        head = await wire.begin()
        if found and "id" in found[-1]:  # the answer was the last of it
            assert head.status == 405
            wire.close()
            return found
        assert head.status == 200, (head, last)
        left = random.randint(1, 12)
        while left:
            event = await wire.event()
            if event is None:
                wire.close()
                return found
            if event.id is not None:
                assert event.id != last
                last = event.id
            if event.message is not None:
                found.append(event.message)
            left -= 1
        wire.reset() if random.random() < 0.5 else wire.close()


@pytest.mark.rule("T28", "S-10")
@pytest.mark.parametrize("seed", range(4))
async def test_streams_with_random_cuts_lose_nothing_repeat_nothing_and_mix_nothing(
    seed: int,
) -> None:
    random = Random(seed)
    server = target()

    @server.tool
    async def march(steps: int, ctx: Context) -> str:
        for step in range(1, steps + 1):
            await ctx.report_progress(step)
            await anyio.sleep(0)
        return "arrived"

    async with hosted(server) as host:
        sessions = [await host.open() for _ in range(2)]

        async def one(session: Session, number: int) -> None:
            steps = random.randint(0, 60)
            data = session.post(call(number, "march", f"token {number}", steps=steps))
            *progress, answer = await read_with_cuts(session, data, random)
            assert [one["params"]["progressToken"] for one in progress] == [
                f"token {number}"
            ] * steps
            assert [one["params"]["progress"] for one in progress] == list(range(1, steps + 1))
            assert answer["id"] == number
            assert answer["result"]["content"][0]["text"] == "arrived"

        async with anyio.create_task_group() as group:
            for session in sessions:
                for number in range(6):
                    group.start_soon(one, session, number)


@pytest.mark.rule("T28", "T14", "B30")
async def test_an_id_of_an_event_that_is_not_ones_own_is_refused_and_changes_nothing() -> None:
    calls = Calls()
    async with hosted(target(calls)) as host:
        ours, theirs = await host.open(), await host.open()
        posting, listening = host.wire(), host.wire()
        await posting.send(ours.post(call(1, "talk", "t", key="k", steps=2)))
        await posting.begin()
        seen = [event for event in [await posting.event() for _ in range(3)] if event]
        await listening.send(get(theirs.fields))
        await listening.begin()
        primed = await listening.event()
        assert primed is not None
        assert primed.id is not None
        last = seen[-1].id
        assert last is not None
        tag, stream, event = last.rsplit("-", 2)
        wrong = [
            primed.id,
            f"{tag}-{stream}-{int(event) + 1}",
            f"{tag}-{stream}-999999999",
            f"{tag}-{int(stream) + 1}-1",
            f"{tag}-0-0",
            f"{tag}-{stream}-0{event}",
            f"{tag}-{stream}--1",
            f"x{last}",
            f"{last}x",
            f"{last},{last}",
            last.upper() + "\xe9",
            "",
            "0",
            "-",
            "--",
            "1-1",
            "null",
            "9" * 5_000,
        ]
        for id in wrong:
            wire = host.wire()
            refused = await wire.ask(get({**ours.fields, "Last-Event-ID": id}))
            assert (refused.status, refused.error["code"]) == (400, -32600), id
            assert refused.goes_on
            wire.close()
        assert posting.quiet(), "the stream went on where it was"
        calls.released["k"].set()
        assert (await posting.message())["id"] == 1


@pytest.mark.rule("T28")
async def test_an_event_that_was_dropped_is_missed_aloud() -> None:
    calls = Calls()
    async with hosted(target(calls), limits=HttpLimits(kept=500, kept_time=0.05)) as host:
        session = await host.open()
        wire = host.wire()
        await wire.send(session.post(call(1, "talk", "t", key="k", steps=20)))
        await wire.begin()
        ids = [event.id for event in [await wire.event() for _ in range(21)] if event]
        wire.reset()
        fields = session.fields
        gone = await host.ask(get({**fields, "Last-Event-ID": ids[1]}))
        assert (gone.status, gone.error["code"]) == (404, -32600)
        again = host.wire()
        await again.send(get({**fields, "Last-Event-ID": ids[-1]}))
        assert (await again.begin()).status == 200
        calls.released["k"].set()
        assert (await again.message())["id"] == 1
        assert await again.message() is None


@pytest.mark.rule("T28")
async def test_an_answer_waits_for_a_client_that_was_cut_off() -> None:
    calls = Calls()
    async with hosted(target(calls)) as host:
        session = await host.open()
        wire = host.wire()
        await wire.send(session.post(call(1, "hold", key="k"), EVENTS))
        await wire.begin()
        primed = await wire.event()
        assert primed is not None
        wire.reset()
        await host.until_alone()
        calls.released["k"].set()
        await until(lambda: calls.fates)
        for _ in range(2):  # as long as nobody says that it has come
            again = host.wire()
            await again.send(get({**session.fields, "Last-Event-ID": primed.id}))
            assert (await again.begin()).status == 200
            assert (await again.message())["id"] == 1
            assert await again.message() is None, "and that is all of it"
            assert (await again.ask(post({}, session.fields))).status == 400


@pytest.mark.rule("SR-150")
@pytest.mark.parametrize("blocking", [True, False])
async def test_a_plain_handler_may_let_its_client_poll_too(blocking: bool) -> None:
    server = target()
    closed: list[bool] = []

    @server.tool(blocking=blocking)
    def bake(ctx: SyncContext) -> str:
        closed.append(ctx.close_stream(retry=0.1))
        return "cake"

    async with hosted(server) as host:
        session = await host.open(V2025_11_25)
        wire = host.wire()
        await wire.send(session.post(call(1, "bake")))
        assert (await wire.begin()).status == 200
        primed, told = await wire.event(), await wire.event()
        assert primed is not None
        assert told is not None
        assert (primed.data, told.retry) == ("", 100)
        assert await wire.event() is None
        again = host.wire()
        await again.send(get({**session.fields, "Last-Event-ID": primed.id}))
        assert (await again.begin()).status == 200
        assert (await again.message())["result"]["content"][0]["text"] == "cake"
    assert closed == [True]
