"""T23, T24: who reads slowly, asks much or has all the time in the world is served in the end."""

import math
import threading
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest

from barewire import Context, SyncContext
from barewire.session.limits import HttpLimits, Limits
from barewire.session.principal import Principal, RequestFacts
from barewire.transports.http.parsing import ParserName
from tests.app.peers import SECONDS
from tests.http.hosting import Calls, Host, hosted, target
from tests.http.words import call, chunked, get, modern


async def stalls_and_goes_on(
    host: Host, data: bytes, said: list[int], enough: threading.Event
) -> None:
    """Read nothing until the handler waits, then all that there is; so the handler ends."""
    wire = host.wire(room=4096)
    await wire.send(data)
    await wire.begin()
    before = stuck = 0
    while stuck < 20:
        await anyio.sleep(0.001)
        stuck = stuck + 1 if said[0] == before else 0
        before = said[0]
    enough.set()
    messages = await wire.messages()
    assert messages[-1]["result"]["content"][0]["text"] == "over"
    assert len(messages) == said[0] + 1


@pytest.mark.rule("T23")
@pytest.mark.parametrize("pending", [0, 1_000, 64 * 1024, 256 * 1024])
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_who_waited_for_a_slow_reader_goes_on_once_all_was_read(
    era: str, pending: int
) -> None:
    server = target(limits=Limits(pending=pending))
    said = [0]
    enough = threading.Event()

    @server.tool
    async def pour(ctx: Context) -> str:
        while not enough.is_set():
            said[0] += 1
            await ctx.report_progress(said[0], message="x" * 20_000)
        return "over"

    async with hosted(server, limits=HttpLimits(comment=3_600)) as host:
        message = call(1, "pour", "token")
        data = modern(message) if era == "modern" else (await host.open()).post(message)
        await stalls_and_goes_on(host, data, said, enough)


@pytest.mark.rule("T23")
async def test_a_blocking_tool_that_waited_for_a_slow_reader_goes_on_too() -> None:
    server = target(limits=Limits(pending=1_000))
    said = [0]
    enough = threading.Event()

    @server.tool
    def pour(ctx: SyncContext) -> str:
        while not enough.is_set():
            said[0] += 1
            ctx.report_progress(said[0], message="x" * 20_000)
        return "over"

    async with hosted(server, limits=HttpLimits(comment=3_600)) as host:
        await stalls_and_goes_on(host, modern(call(1, "pour", "token")), said, enough)


@pytest.mark.rule("T24", "S-59")
async def test_who_asks_hundreds_of_things_at_once_leaves_others_a_turn(
    parser: ParserName,
) -> None:
    calls, many = Calls(), 1_000
    server = target(calls)

    @server.tool(blocking=False)
    def at_once() -> None:
        calls.count += 1

    async with hosted(server, parser=parser) as host:
        wire = host.wire()
        await wire.send(modern(call(1, "at_once")) * many)
        counts = [0]
        with anyio.fail_after(SECONDS):
            while counts[-1] < many:
                await anyio.lowlevel.checkpoint()
                counts.append(calls.count)
        assert max(later - before for before, later in pairwise(counts)) < 10
        for _ in range(many):
            assert (await wire.response()).status == 200


async def anybody(_: RequestFacts) -> Principal | None:
    return Principal("tests", "ann")


EVER = math.inf


@pytest.mark.parametrize(
    "limits",
    [
        HttpLimits(stalled=EVER),
        HttpLimits(stalled=3e6),
        HttpLimits(keep_alive=EVER),
        HttpLimits(head_time=EVER, body_time=EVER, keep_alive=EVER, stalled=EVER),
        HttpLimits(session_idle=EVER, kept_time=EVER),
        HttpLimits(comment=EVER, defer=EVER),
        HttpLimits(authenticate_time=EVER),
    ],
)
@pytest.mark.rule("T33")
async def test_times_may_be_as_long_as_one_likes(limits: HttpLimits) -> None:
    async with hosted(target(authenticate=anybody), limits=limits) as host:
        wire = host.wire()
        for data, status in ((modern(call(1, "echo", text="x")), 200), (chunked(b"{}"), 400)):
            for _ in range(2):
                response = await wire.ask(data)
                assert (response.status, response.goes_on) == (status, True)
        session = await host.open()
        assert (await session.ask(call(2, "echo", text="x"))).status == 200
        listening = host.wire()
        await listening.send(get(session.fields))
        assert (await listening.begin()).status == 200
