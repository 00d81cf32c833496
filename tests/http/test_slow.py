"""T33, T23: clients that take their time, or take nothing, hold up nobody and not for ever."""

import anyio
import pytest

from barewire import Context
from barewire.session.limits import HttpLimits
from barewire.transports.http.parsing import ParserName
from tests.app.peers import until
from tests.http.hosting import hosted, target
from tests.http.raw import Wire
from tests.http.words import call, chunked, initialize, modern, post

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.rule("T33", "B30")]

SHORT = 0.05


async def refused_for_its_slowness(wire: Wire, limit: str) -> None:
    refused = await wire.response()
    assert refused.status == 408
    assert refused.error["code"] == -32600
    assert limit in refused.error["message"]
    assert "id" not in refused.json
    assert not refused.goes_on
    assert await wire.rest() == b""
    wire.close()


async def test_a_head_that_does_not_come_is_not_waited_for(parser: ParserName) -> None:
    whole = post(initialize())
    end = whole.index(b"\r\n\r\n")
    async with hosted(parser=parser, limits=HttpLimits(head_time=SHORT)) as host:
        wires = [host.wire() for _ in range(4)]
        for wire, cut in zip(wires, (1, 10, end, end + 3), strict=True):
            await wire.send(whole[:cut])
        for wire in wires:
            await refused_for_its_slowness(wire, "limits.head_time")
        await host.until_alone()


async def test_a_body_that_does_not_come_is_not_waited_for(parser: ParserName) -> None:
    async with hosted(parser=parser, limits=HttpLimits(body_time=SHORT)) as host:
        whole, parts = post(initialize()), chunked(b"{", b"}")
        for data in (whole[:-1], whole[: whole.index(b"\r\n\r\n") + 4], parts[:-1], parts[:-5]):
            wire = host.wire()
            await wire.send(data)
            await refused_for_its_slowness(wire, "limits.body_time")
        await host.until_alone()


async def test_a_byte_now_and_then_gains_no_time(parser: ParserName) -> None:
    limits = HttpLimits(head_time=SHORT, body_time=SHORT)
    whole = post(initialize())
    body = whole.index(b"\r\n\r\n") + 4
    async with hosted(parser=parser, limits=limits) as host:
        for begun, limit in ((0, "limits.head_time"), (body, "limits.body_time")):
            wire = host.wire()
            await wire.send(whole[:begun])
            sent = begun
            with anyio.fail_after(10):
                while wire.quiet():
                    assert sent < len(whole), "the request was let in"
                    await wire.send(whole[sent : sent + 1])
                    sent += 1
                    await anyio.sleep(0.01)
            await refused_for_its_slowness(wire, limit)


async def test_who_asks_nothing_is_let_go_without_a_word(parser: ParserName) -> None:
    async with hosted(parser=parser, limits=HttpLimits(keep_alive=SHORT)) as host:
        for first in (b"", b"\r\n"):
            wire = host.wire()
            await wire.send(first)
            assert await wire.rest() == b""
        wire = host.wire()
        assert (await wire.ask(post(initialize()))).goes_on
        assert await wire.rest() == b""
        await host.until_alone()


async def test_others_are_served_while_many_are_slow(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        whole = post(initialize())
        for cut in range(0, len(whole), len(whole) // 100):
            await host.wire().send(whole[:cut])
        for _ in range(20):
            assert (await host.ask(whole)).status == 200


@pytest.mark.rule("T23", "S-59")
async def test_who_reads_no_answer_is_cut(parser: ParserName) -> None:
    async with hosted(parser=parser, limits=HttpLimits(stalled=0.1)) as host:
        large = "x" * 3_000_000
        whole = modern(call(1, "echo", text=large))
        streamed = modern(call(1, "echo", text=large), {"Accept": "text/event-stream"})
        for data in (whole, streamed, whole + whole):
            await host.wire(room=4096).send(data)
        await until(lambda: host.serving.http.connections == 3)
        await host.until_alone()
        assert (await host.ask(modern(call(1, "echo", text="x")))).status == 200


@pytest.mark.rule("T23", "S-59")
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_handler_that_talks_to_a_wall_waits_until_that_is_cut(era: str) -> None:
    server = target()
    said = [0]
    fate: list[str] = []
    over = anyio.Event()

    @server.tool
    async def pour(ctx: Context) -> str:
        try:
            while not over.is_set():
                said.append(said[-1] + 1)
                await ctx.report_progress(said[-1], message="x" * 10_000)
                await anyio.sleep(0)
        except BaseException:
            fate.append("cancelled")
            raise
        fate.append("over")
        return "over"

    async with hosted(server, limits=HttpLimits(stalled=0.2)) as host:
        message = call(1, "pour", "token")
        data = modern(message) if era == "modern" else (await host.open()).post(message)
        wire = host.wire(room=4096)
        await wire.send(data)
        await wire.begin()
        counts: list[int] = []
        while host.serving.http.connections:
            counts.append(len(said))
            await anyio.sleep(0.02)
        assert counts[-1] < 3_000, "what waits to be taken has a bound"
        if era == "modern":
            await until(lambda: fate == ["cancelled"])
        else:
            over.set()
            await until(lambda: fate == ["over"])  # a disconnect never cancels by itself


async def test_a_client_that_reads_slowly_is_served(parser: ParserName) -> None:
    async with hosted(parser=parser, limits=HttpLimits(stalled=SHORT)) as host:
        text = "x" * 1_000_000
        wire = host.wire(room=4096)
        await wire.send(modern(call(1, "echo", text=text)))
        assert (await wire.response()).json["result"]["content"][0]["text"] == text
