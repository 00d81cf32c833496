"""How handlers run: where, how many, how they end, and what becomes of what they raise."""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest
import trio

from barewire import (
    Cancelled,
    Client,
    ConnectionLost,
    Context,
    Limits,
    RequestError,
    Server,
    SyncContext,
    ToolError,
)
from barewire.protocol.revisions import ALL, Revision
from tests.app.peers import Peer, text_of, until
from tests.transports.waiting import a_few_turns

each_revision = pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)

KINDS = ("task", "thread", "loop")
each_kind = pytest.mark.parametrize("kind", KINDS)


def register(server: Server, kind: str, name: str, work: Callable[[], Any]) -> None:
    """Register a tool that does `work`, as a handler of this kind."""

    async def asynchronous() -> str:
        return str(work())

    def plain() -> str:
        return str(work())

    function = asynchronous if kind == "task" else plain
    server.tool(name=name, blocking=kind == "thread")(function)


class TestWhere:
    @pytest.mark.rule("T39")
    async def test_plain_handlers_run_in_threads_the_others_on_the_loop(self) -> None:
        server = Server("s")
        for kind in KINDS:
            register(server, kind, kind, threading.get_ident)
        async with Client(server) as client:
            here = str(threading.get_ident())
            where = {kind: (await client.call_tool(kind)).text for kind in KINDS}
        assert where["task"] == where["loop"] == here != where["thread"]

    @pytest.mark.rule("T39")
    async def test_every_handler_sees_the_context_variables_of_where_serving_began(self) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
        variable.set("set")
        server = Server("s")

        def look_and_change() -> str:
            found = variable.get()
            variable.set("changed by another call")
            return found

        for kind in KINDS:
            register(server, kind, kind, look_and_change)
        async with Client(server) as client:
            variable.set("changed")
            for kind in (*KINDS, *KINDS):
                assert (await client.call_tool(kind)).text == "set"

    @pytest.mark.rule("S-59", "T24")
    async def test_a_handler_that_blocks_its_thread_holds_up_nobody(self) -> None:
        server = Server("s")
        release = threading.Event()

        @server.tool
        def block() -> str:
            release.wait(10)
            return "released"

        register(server, "thread", "quick", lambda: "quick")
        async with Peer(server) as peer:
            blocked = peer.start_call("block")
            assert text_of(await peer.call("quick")) == "quick"
            assert peer.answered(blocked) is None
            release.set()
            assert text_of((await peer.answer(blocked))["result"]) == "released"

    @pytest.mark.rule("S-59", "S-21")
    async def test_async_handlers_run_side_by_side(self) -> None:
        server = Server("s")
        both = [anyio.Event(), anyio.Event()]

        @server.tool
        async def meet(me: int) -> str:
            both[me].set()
            await both[1 - me].wait()
            return "met"

        async with Peer(server) as peer:
            first, second = peer.start_call("meet", {"me": 0}), peer.start_call("meet", {"me": 1})
            assert text_of((await peer.answer(first))["result"]) == "met"
            assert text_of((await peer.answer(second))["result"]) == "met"


class Special(BaseException):
    """Neither an exception of a program nor one of a loop."""


class TestWhatTheyRaise:
    @each_kind
    @pytest.mark.rule("T36")
    async def test_the_text_of_a_tool_error_is_for_the_model(self, kind: str) -> None:
        server = Server("s")
        register(server, kind, "fail", lambda: raise_(ToolError("Give me more money.")))
        async with Peer(server) as peer:
            result = await peer.call("fail")
        assert result["isError"] is True
        assert text_of(result) == "Give me more money."

    @each_kind
    @pytest.mark.rule("T36", "SR-119", "SR-185", "M1105-TOOL-22")
    async def test_any_other_exception_is_logged_and_tells_the_peer_where_to_look(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = Server("s")
        register(server, kind, "bug", lambda: raise_(ValueError("the secret password")))
        async with Peer(server) as peer:
            result = await peer.call("bug")
        assert result["isError"] is True
        text = text_of(result)
        assert text.startswith("bug failed: internal error (reference ")
        reference = text.split()[-1].rstrip(")")
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert reference in record.getMessage()
        assert "the secret password" not in record.getMessage()
        assert record.exc_info is not None
        assert "secret" in str(record.exc_info[1])
        assert "secret" not in str(peer.received)

    @each_kind
    async def test_a_request_error_becomes_that_error(self, kind: str) -> None:
        server = Server("s")
        register(server, kind, "refuse", lambda: raise_(RequestError(7, "Not today", {"a": 1})))
        async with Peer(server) as peer:
            assert await peer.refused("refuse") == {
                "code": 7,
                "message": "Not today",
                "data": {"a": 1},
            }

    async def test_an_error_that_json_cannot_carry_is_an_internal_error(self) -> None:
        server = Server("s")
        register(server, "task", "refuse", lambda: raise_(RequestError(7, "No", object())))
        async with Peer(server) as peer:
            assert (await peer.refused("refuse"))["code"] == -32603

    @each_kind
    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
    async def test_a_handler_cannot_end_the_server(
        self, kind: str, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = Server("s")
        register(server, kind, "exit", lambda: raise_(error))
        register(server, kind, "fine", lambda: "fine")
        async with Peer(server) as peer:
            result = await peer.call("exit")
            assert result["isError"] is True
            assert "exit failed: internal error (reference " in text_of(result)
            assert text_of(await peer.call("fine")) == "fine"
        assert len(caplog.records) == 1

    @each_kind
    @pytest.mark.parametrize(
        "error", [asyncio.CancelledError(), Special(), BaseExceptionGroup("g", [Special()])]
    )
    async def test_whatever_it_raises_there_is_an_answer(
        self, kind: str, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = Server("s")
        register(server, kind, "odd", lambda: raise_(error))
        register(server, kind, "fine", lambda: "fine")
        async with Peer(server) as peer:
            assert (await peer.refused("odd"))["code"] == -32603
            assert text_of(await peer.call("fine")) == "fine"
        assert "tools/call failed" in caplog.text

    async def test_a_handler_cancelled_by_its_own_doing_owes_an_answer(
        self, anyio_backend_name: str
    ) -> None:
        server = Server("s")

        @server.tool
        async def tool() -> str:
            if anyio_backend_name == "asyncio":
                inner = asyncio.ensure_future(asyncio.sleep(10))
                asyncio.get_running_loop().call_soon(inner.cancel)
                await inner
            else:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await trio.sleep(10)
                raise Special
            return "not reached"

        async with Peer(server) as peer:
            assert (await peer.refused("tool"))["code"] == -32603

    async def test_errors_of_a_group_are_not_unpacked_but_answered(self) -> None:
        server = Server("s")

        @server.tool
        async def tool() -> None:
            async with anyio.create_task_group():
                raise ToolError("inside")

        async with Peer(server) as peer:
            assert "internal error" in text_of(await peer.call("tool"))


def raise_(error: BaseException) -> None:
    raise error


class TestHowMany:
    def server(self, limits: Limits) -> tuple[Server, list[int], anyio.Event]:
        """Return a server with a tool that waits, the numbers that it was called with, its end."""
        server = Server("s", limits=limits)
        started: list[int] = []
        go_on = anyio.Event()

        @server.tool
        async def wait(number: int) -> int:
            started.append(number)
            await go_on.wait()
            return number

        return server, started, go_on

    async def test_as_many_run_as_the_limit_allows_and_the_others_follow_in_order(self) -> None:
        server, started, go_on = self.server(Limits(running=1, queued=10))
        async with Peer(server) as peer:
            ids = [peer.start_call("wait", {"number": number}) for number in range(10)]
            await until(lambda: started)
            await peer.ask("tools/list")
            assert started == [0]
            go_on.set()
            for number, id in enumerate(ids):
                assert text_of((await peer.answer(id))["result"]) == str(number)
        assert started == list(range(10))

    async def test_beyond_the_queue_requests_are_refused_as_busy_and_may_be_retried(self) -> None:
        server, started, go_on = self.server(Limits(running=2, queued=3))
        async with Peer(server) as peer:
            ids = [peer.start_call("wait", {"number": number}) for number in range(6)]
            error = (await peer.answer(ids[5]))["error"]
            assert error["code"] == -32603
            assert error["data"] == {"retryable": True}
            await until(lambda: len(started) == 2)
            await peer.ask("tools/list")
            assert len(started) == 2
            go_on.set()
            for id in ids[:5]:
                assert "result" in await peer.answer(id)
            assert text_of(await peer.call("wait", {"number": 9})) == "9"

    async def test_by_default_64_run_and_1000_queue(self) -> None:
        server, started, go_on = self.server(Limits())
        async with Peer(server) as peer:
            ids = [peer.start_call("wait", {"number": number}) for number in range(1_065)]
            assert (await peer.answer(ids[1_064]))["error"]["data"] == {"retryable": True}
            await until(lambda: len(started) == 64)
            await peer.ask("tools/list")
            assert len(started) == 64
            go_on.set()
            await until(lambda: len(peer.received) == 1_066)
            assert len(started) == 1_064

    @pytest.mark.rule("S-59")
    async def test_what_can_be_answered_at_once_does_not_queue(self) -> None:
        server, started, go_on = self.server(Limits(running=1, queued=3))
        register(server, "loop", "quick", lambda: "quick")
        async with Peer(server) as peer:
            ids = [peer.start_call("wait", {"number": number}) for number in range(2)]
            await until(lambda: started)
            assert "result" in await peer.ask("tools/list")
            assert text_of(await peer.call("quick")) == "quick"
            assert (await peer.refused("unknown"))["code"] == -32602
            assert (await peer.call("wait", {"number": "x"}))["isError"] is True
            go_on.set()
            for id in ids:
                await peer.answer(id)

    async def test_thousands_of_handlers_that_end_at_once_do_not_nest(self) -> None:
        server, started, go_on = self.server(Limits(running=1, queued=3_000))
        register(server, "task", "quick", lambda: "quick")
        async with Peer(server) as peer:
            peer.start_call("wait", {"number": 0})
            await until(lambda: started)
            for _ in range(2_999):
                peer.start_call("quick")
            go_on.set()
            await until(lambda: len(peer.received) == 3_000)
            assert all("result" in one for one in peer.received)

    async def test_when_all_threads_are_taken_a_call_is_refused_as_busy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from barewire.transports.threads import ThreadPool

        pool = ThreadPool(threads=1, queue=0)
        monkeypatch.setattr("barewire.run._threads", pool)
        server = Server("s")
        release = threading.Event()
        register(server, "thread", "block", lambda: release.wait(10))
        async with Peer(server) as peer:
            first = peer.start_call("block")
            await until(lambda: pool.load)
            second = await peer.refused("block")
            assert second["code"] == -32603
            assert second["data"] == {"retryable": True}
            release.set()
            assert "result" in await peer.answer(first)
        pool.close()


class TestCancellation:
    @each_revision
    @pytest.mark.rule("T9", "B15", "S-35", "SR-055", "SR-056", "M1105-CAN-04", "M0728-CAN-12")
    async def test_an_async_handler_is_cancelled_within_100_ms_and_says_nothing_more(
        self, revision: Revision
    ) -> None:
        server = Server("s")
        started: list[str] = []
        ended: list[float] = []

        @server.tool
        async def sleep(ctx: Context) -> str:
            started.append("")
            try:
                await anyio.sleep(60)
            finally:
                ended.append(time.monotonic())
            return "never"

        took: list[float] = []
        async with Peer(server, revision) as peer:
            for id in (0, "", "0", -1, 2**53):  # no id is as good as none
                started.clear()
                peer.start_call("sleep", id=id)
                await until(lambda: started)
                began = time.monotonic()
                peer.cancel(id)
                await until(lambda: len(ended) > len(took))
                took.append(ended[-1] - began)
            await peer.ask("tools/list")
            assert all("method" in one or one["id"] >= 100 for one in peer.received)
        assert min(took) < 0.1

    async def test_a_handler_that_swallows_its_cancellation_is_not_heard(self) -> None:
        server = Server("s")
        started, ended = anyio.Event(), anyio.Event()

        @server.tool
        async def stubborn() -> str:
            started.set()
            try:
                await anyio.sleep(60)
            except BaseException:
                ended.set()
            return "late"

        async with Peer(server) as peer:
            id = peer.start_call("stubborn")
            await started.wait()
            peer.cancel(id)
            await ended.wait()
            await peer.ask("tools/list")
            assert peer.answered(id) is None

    @pytest.mark.parametrize("kind", ["task", "thread"])
    async def test_a_request_that_waits_for_its_turn_never_starts(self, kind: str) -> None:
        server = Server("s", limits=Limits(running=1, queued=10))
        go_on = anyio.Event()
        calls: list[str] = []

        @server.tool
        async def wait() -> str:
            await go_on.wait()
            return "done"

        register(server, kind, "note", lambda: calls.append(""))
        async with Peer(server) as peer:
            first = peer.start_call("wait")
            queued = peer.start_call("note")
            peer.cancel(queued)
            go_on.set()
            await peer.answer(first)
            await peer.ask("tools/list")
            assert peer.answered(queued) is None
            assert calls == []

    async def test_a_flood_of_cancelled_requests_leaves_nothing_behind(self) -> None:
        server = Server("s", limits=Limits(running=1, queued=10))
        go_on = anyio.Event()

        @server.tool
        async def wait() -> str:
            await go_on.wait()
            return "done"

        async with Peer(server) as peer:
            first = peer.start_call("wait")
            for _ in range(500):
                peer.cancel(peer.start_call("wait"))
            await peer.ask("server/discover")
            assert len(peer.serving.runner._waiting) == 0
            go_on.set()
            assert "result" in await peer.answer(first)

    @each_kind
    async def test_a_request_cancelled_in_the_same_breath_gives_its_place_back(
        self, kind: str
    ) -> None:
        server = Server("s", limits=Limits(running=2, queued=2))
        register(server, kind, "tool", lambda: "done")
        async with Peer(server) as peer:
            for number in range(200):
                request = peer.request(number, "tools/call", {"name": "tool", "arguments": {}})
                cancelled = {"requestId": number}
                notice = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
                peer.send(request, {**notice, "params": cancelled})
            assert text_of(await peer.call("tool")) == "done"
            assert peer.serving.runner._running == 0

    @pytest.mark.rule("T9")
    async def test_a_plain_handler_sees_it_and_is_stopped_at_its_next_word(self) -> None:
        server = Server("s")
        started, cancelled, ended = threading.Event(), threading.Event(), threading.Event()
        seen: list[Any] = []

        @server.tool
        def work(ctx: SyncContext) -> str:
            started.set()
            cancelled.wait(10)
            deadline = time.monotonic() + 10
            while not ctx.cancelled and time.monotonic() < deadline:
                time.sleep(0.001)
            seen.append(ctx.cancelled)
            for say in (partial(ctx.report_progress, 1), partial(ctx.info, "x")):
                try:
                    say()
                except Cancelled as error:
                    seen.append(error)
            ended.set()
            return "late"

        async with Peer(server) as peer:
            id = peer.start_call("work")
            await until(started.is_set)
            peer.cancel(id)
            cancelled.set()
            await until(ended.is_set)
            await peer.ask("tools/list")
            assert peer.answered(id) is None
        assert seen[0] is True
        assert [type(one) for one in seen[1:]] == [Cancelled, Cancelled]

    async def test_cleaning_up_may_not_speak(self) -> None:
        server = Server("s")
        started = anyio.Event()
        raised: list[BaseException] = []

        @server.tool
        async def work(ctx: Context) -> str:
            started.set()
            try:
                await anyio.sleep(60)
            finally:
                try:
                    await ctx.report_progress(1)
                except Cancelled as error:
                    raised.append(error)
            return ""

        async with Peer(server) as peer:
            id = peer.start_call("work", token="t")
            await started.wait()
            peer.cancel(id)
            await until(lambda: raised)
            assert not peer.notifications("notifications/progress")

    async def test_closing_ends_every_handler(self) -> None:
        server = Server("s", limits=Limits(running=3, queued=10))
        started: list[str] = []
        ended: list[str] = []

        @server.tool
        async def sleep() -> str:
            started.append("")
            try:
                await anyio.sleep(60)
            finally:
                ended.append("")
            return ""

        client = await Client(server).connect()
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(lost, lambda: client.call_tool("sleep"))
            await until(lambda: len(started) == 3)
            await client.aclose()
        assert len(ended) == 3

    async def test_a_handler_that_cleans_up_is_cancelled_once(self) -> None:
        server = Server("s")
        started, cleaned = anyio.Event(), anyio.Event()
        release = anyio.Event()

        @server.tool
        async def work() -> None:
            started.set()
            try:
                await anyio.sleep(60)
            finally:
                with anyio.CancelScope(shield=True):
                    await release.wait()
                cleaned.set()

        async with Peer(server) as peer:
            id = peer.start_call("work")
            await started.wait()
            peer.cancel(id)
            await peer.ask("tools/list")
            async with anyio.create_task_group() as group:
                group.start_soon(peer.serving.aclose)
                await a_few_turns()
                release.set()
                await cleaned.wait()

    async def test_a_handler_that_was_just_spawned_is_ended_as_well(self) -> None:
        server = Server("s")
        register(server, "task", "tool", lambda: "done")
        peer = await Peer(server).open()
        peer.start_call("tool")
        await until(lambda: peer.serving.runner._tasks or peer.received)
        assert await peer.serving.aclose()
        await peer.pipe.aclose()


async def test_a_client_that_sends_nonsense_is_worth_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server("s")
    register(server, "task", "fine", lambda: "fine")
    async with Peer(server) as peer:
        peer.send(*[b"{}\n"] * 10)
        assert text_of(await peer.call("fine")) == "fine"
    assert len(caplog.records) == 1


async def test_a_client_that_sends_nothing_else_is_closed() -> None:
    server = Server("s", limits=Limits(consecutive_faults=10))
    register(server, "task", "fine", lambda: "fine")
    async with Peer(server) as peer:
        peer.send(*[b"{}\n"] * 9, peer.request(1, "tools/list"), *[b"{}\n"] * 9)
        await peer.answer(1)
        assert not peer.serving.ended.is_set
        peer.send(b"{}\n")
        await until(lambda: peer.serving.ended.is_set)


async def lost(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(ConnectionLost):
        await call()
