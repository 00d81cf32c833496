"""A client that reads slowly, or not at all: handlers wait, memory stays bounded, others go on."""

import logging
import threading
from functools import partial

import anyio
import pytest

from barewire import Cancelled, Client, Context, Limits, Server, SyncContext
from barewire.protocol.revisions import V2025_11_25
from barewire.transports.backend import run
from barewire.transports.threads import ThreadPool
from tests.app.peers import Peer, text_of, until
from tests.transports.waiting import eventually

REPORTS = 100_000


def chatty(limits: Limits) -> tuple[Server, list[int], list[BaseException]]:
    """A server with tools that report a lot; how far each has come; what stopped them."""
    server = Server("s", limits=limits)
    reached = [0]
    stopped: list[BaseException] = []

    @server.tool
    async def task(ctx: Context, reports: int) -> str:
        try:
            for number in range(1, reports + 1):
                await ctx.report_progress(number)
                reached[0] = number
        except Cancelled as error:
            stopped.append(error)
        return "done"

    @server.tool
    def thread(ctx: SyncContext, reports: int) -> str:
        try:
            for number in range(1, reports + 1):
                ctx.report_progress(number)
                reached[0] = number
        except Cancelled as error:
            stopped.append(error)
        return "done"

    @server.tool
    async def quick() -> str:
        return "quick"

    return server, reached, stopped


async def settled(reached: list[int]) -> int:
    """Wait until a handler comes no further; return how far it came."""
    before = -1
    with anyio.fail_after(10):
        while before != reached[0] or not reached[0]:
            before = reached[0]
            await anyio.sleep(0.02)
    return before


class TestSlowClients:
    @pytest.mark.rule("T23", "T24")
    async def test_a_handler_waits_for_a_reader_that_stalls_and_then_goes_on(self) -> None:
        limits = Limits(pending=64 * 1024)
        server, reached, _ = chatty(limits)
        async with Peer(server) as peer, Client(server) as other:
            peer.pipe.pause()
            id = peer.start_call("task", {"reports": REPORTS}, token="t")
            assert await settled(reached) < 2_000
            link = peer.serving.link
            assert link.connection.pending + link.pipe.pending < 2 * limits.pending
            assert (await other.call_tool("quick")).text == "quick"
            peer.pipe.resume()
            assert text_of((await peer.answer(id))["result"]) == "done"
            assert len(peer.notifications("notifications/progress")) == REPORTS

    @pytest.mark.rule("T23")
    async def test_a_plain_handler_waits_in_its_thread(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("barewire.running._GLANCE", 0.005)
        limits = Limits(pending=16 * 1024)
        server, reached, _ = chatty(limits)
        async with Peer(server) as peer:
            peer.pipe.pause()
            id = peer.start_call("thread", {"reports": 2_000}, token="t")
            assert await settled(reached) < 500
            link = peer.serving.link
            assert link.connection.pending + link.pipe.pending < 2 * limits.pending
            peer.pipe.resume()
            assert text_of((await peer.answer(id))["result"]) == "done"
            assert len(peer.notifications("notifications/progress")) == 2_000

    async def test_its_other_requests_are_still_served(self) -> None:
        server, reached, _ = chatty(Limits(pending=16 * 1024))
        async with Peer(server) as peer:
            peer.pipe.pause()
            peer.start_call("task", {"reports": REPORTS}, token="t")
            await settled(reached)
            quick = peer.start_call("quick")
            await until(lambda: quick not in peer.serving.connection.exchanges.theirs)

    async def test_a_waiting_handler_can_be_cancelled(self) -> None:
        server, reached, _ = chatty(Limits(pending=16 * 1024))
        async with Peer(server) as peer:
            peer.pipe.pause()
            id = peer.start_call("task", {"reports": REPORTS}, token="t")
            await settled(reached)
            peer.cancel(id)
            await until(lambda: not peer.serving.runner._running)


class TestStalledClients:
    @pytest.mark.parametrize("kind", ["task", "thread"])
    @pytest.mark.rule("T23")
    async def test_one_that_reads_nothing_is_closed_and_its_handlers_end(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server, reached, stopped = chatty(Limits(pending=16 * 1024, stalled=0.1))
        async with Peer(server, V2025_11_25) as peer:
            peer.pipe.pause()
            peer.start_call(kind, {"reports": REPORTS}, token="t")
            await settled(reached)
            with anyio.fail_after(10):
                await peer.serving.ended.wait()
            await until(lambda: stopped)
            await until(lambda: not peer.serving.runner._running)
        assert isinstance(stopped[0], Cancelled)
        assert "nothing was read for 0.1 s (limits.stalled)" in caplog.text
        assert {record.levelno for record in caplog.records} == {logging.WARNING}

    async def test_a_thread_that_waits_for_a_loop_that_ended_is_released(self) -> None:
        server, reached, stopped = chatty(Limits(pending=16 * 1024))
        peer = await Peer(server).open()
        peer.pipe.pause()
        peer.start_call("thread", {"reports": REPORTS}, token="t")
        await settled(reached)
        await peer.serving.aclose()
        await until(lambda: stopped)
        await peer.pipe.aclose()

    def test_a_thread_that_outlives_its_loop_is_told(self, threads: ThreadPool) -> None:
        server = Server("s")
        started, over = threading.Event(), threading.Event()
        raised: list[BaseException] = []

        @server.tool
        def work(ctx: SyncContext) -> None:
            started.set()
            over.wait(10)
            try:
                ctx.report_progress(1)
            except Cancelled as error:
                raised.append(error)

        async def main() -> None:
            async with Client(server) as client, anyio.create_task_group() as group:
                group.start_soon(partial(client.call_tool, "work", on_progress=lambda *_: None))
                await until(started.is_set)
                group.cancel_scope.cancel()

        for backend in ("asyncio", "trio"):
            started.clear()
            over.clear()
            run(main, backend=backend)
            over.set()
            eventually(lambda: threads.load == 0)
        assert [str(error) for error in raised] == ["the server is closed"] * 2
