"""A client's calls: what they return, how they end, what happens meanwhile."""

import gc
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from barewire import (
    CallResult,
    Cancelled,
    Client,
    ConnectionLost,
    Context,
    LocalProtocolError,
    RemoteProtocolError,
    RequestError,
    Server,
    TimedOut,
)
from barewire.protocol.envelope import LOG_LEVEL, SUBSCRIPTION_ID
from barewire.protocol.jsonrpc import Notification
from barewire.transports.backend import current
from tests.app.peers import Object, Script, Scripts, legacy, modern, silent, until

MODES = ("legacy", "modern")
each_mode = pytest.mark.parametrize("mode", MODES)

HELLO = {"content": [{"type": "text", "text": "hello"}]}


def says(mode: str, reply: Callable[[Script, Object], object], **capabilities: Object) -> Any:
    return (modern if mode == "modern" else legacy)(reply, **capabilities)


def greeter() -> Server:
    server = Server("greeter", version="3", instructions="Greet.")

    @server.tool
    async def greet(name: str) -> str:
        return f"Hello, {name}!"

    return server


class TestFacts:
    @each_mode
    @pytest.mark.rule("SR-120", "SR-122")
    async def test_a_client_knows_its_server(self, mode: Any) -> None:
        async with Client(greeter(), mode=mode) as client:
            assert client.server_info is not None
            assert client.server_info["name"] == "greeter"
            assert client.server_info["version"] == "3"
            assert client.instructions == "Greet."
            assert client.server_capabilities["tools"] == {"listChanged": True}
            assert client.revision.era == mode
            assert client.protocol_version == client.revision.name

    @each_mode
    @pytest.mark.rule("L-02")
    async def test_it_can_ask_whether_the_server_is_there(self, mode: Any) -> None:
        async with Client(greeter(), mode=mode) as client:
            await client.ping()


class TestListing:
    @each_mode
    @pytest.mark.rule("M1105-PAGE-06", "M0728-PAGE-08", "C-27", "M1105-PAGE-04")
    async def test_cursors_are_handed_back_as_they_are(self, scripts: Scripts, mode: str) -> None:
        pages = {None: "", "": "\u00e9 \u2028=?", "\u00e9 \u2028=?": None}

        def reply(server: Script, request: Object) -> Object:
            cursor = request["params"].get("cursor") if request.get("params") else None
            page: Object = {"tools": [{"name": f"after {cursor}", "inputSchema": {}}]}
            after = pages[cursor]
            return page if after is None else {**page, "nextCursor": after}

        async with Client(scripts.play(says(mode, reply))) as client:
            names = [tool.name for tool in await client.list_tools()]
        assert names == ["after None", "after ", "after \u00e9 \u2028=?"]

    async def test_a_null_cursor_is_the_end(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> Object:
            return {"tools": [], "nextCursor": None}

        async with Client(scripts.play(legacy(reply))) as client:
            assert await client.list_tools() == []

    @pytest.mark.rule("C-27")
    async def test_pages_that_repeat_are_given_up(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> Object:
            return {"tools": [], "nextCursor": "again"}

        async with Client(scripts.play(legacy(reply))) as client:
            with pytest.raises(RemoteProtocolError, match="do not end"):
                await client.list_tools()

    @pytest.mark.rule("C-27")
    async def test_pages_without_end_are_given_up(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> Object:
            return {"tools": [], "nextCursor": str(request["id"])}

        async with Client(scripts.play(legacy(reply))) as client:
            with pytest.raises(RemoteProtocolError, match="more than 1000 pages"):
                await client.list_tools()

    @pytest.mark.rule("T31")
    async def test_one_odd_tool_does_not_lose_the_others(self, scripts: Scripts) -> None:
        odd: list[object] = [
            {"name": "good", "description": "d", "inputSchema": {"type": "object"}, "new": 1},
            {"name": 7, "description": 7, "inputSchema": None, "annotations": 7},
            "no tool",
            None,
            {},
            {
                "name": "titled",
                "annotations": {"title": "Title"},
                "outputSchema": {"type": "array"},
            },
        ]

        def reply(server: Script, request: Object) -> Object:
            return {"tools": odd}

        async with Client(scripts.play(legacy(reply))) as client:
            good, strange, empty, titled = await client.list_tools()
        assert (good.name, good.description, good.raw["new"]) == ("good", "d", 1)
        assert good.input_schema == {"type": "object"}
        assert (strange.name, strange.description, strange.title) == ("7", None, "7")
        assert strange.input_schema == {"type": "object"}
        assert (empty.name, empty.output_schema) == ("", None)
        assert (titled.title, titled.output_schema) == ("Title", {"type": "array"})

    async def test_a_list_that_is_none_is_an_error(self, scripts: Scripts) -> None:
        async with Client(scripts.play(legacy(lambda server, request: {"tools": {}}))) as client:
            with pytest.raises(RemoteProtocolError, match="no list of tools"):
                await client.list_tools()


class TestResults:
    def test_unknown_blocks_are_kept_and_known_ones_are_read(self) -> None:
        raw = {
            "content": [{"type": "hologram", "data": 1}, "odd", {"type": "text", "text": "a"}],
            "isError": "yes",
            "new": 1,
        }
        result = CallResult(raw)
        assert result.content == [{"type": "hologram", "data": 1}, {"type": "text", "text": "a"}]
        assert result.text == "a"
        assert result.is_error is False
        assert result.raw is raw

    @each_mode
    @pytest.mark.rule("B21", "B22")
    async def test_what_is_odd_in_a_result_does_not_lose_it(
        self, scripts: Scripts, mode: str
    ) -> None:
        answers: list[Object] = [
            {"content": [{"type": "hologram"}], "isError": True},
            {"structuredContent": {"a": 1}},
            {"content": None},
        ]
        command = scripts.play(says(mode, lambda server, request: answers.pop(0)))
        async with Client(command) as client:
            first = await client.call_tool("tool")
            assert (first.content, first.is_error) == ([{"type": "hologram"}], True)
            second = await client.call_tool("tool")
            assert (second.content, second.structured_content) == ([], {"a": 1})
            assert (await client.call_tool("tool")).content == []

    async def test_meta_goes_along(self, scripts: Scripts) -> None:
        command = scripts.play(modern(lambda server, request: HELLO))
        async with Client(command) as client:
            await client.call_tool("tool", meta={"traceparent": "00-1-2-01"})
        (request,) = scripts.server.asked("tools/call")
        assert request["params"]["_meta"]["traceparent"] == "00-1-2-01"
        assert request["params"]["arguments"] == {}


class TestErrors:
    @each_mode
    @pytest.mark.rule("T2")
    async def test_a_refusal_is_raised_with_what_it_says(self, scripts: Scripts, mode: str) -> None:
        def reply(server: Script, request: Object) -> None:
            server.fail(request, -32602, "Unknown tool: nope", {"name": "nope"})

        async with Client(scripts.play(says(mode, reply))) as client:
            with pytest.raises(RequestError) as caught:
                await client.call_tool("nope")
        error = caught.value
        assert (error.code, error.message, error.data) == (
            -32602,
            "Unknown tool: nope",
            {"name": "nope"},
        )
        assert str(error) == "Unknown tool: nope (-32602)"

    @pytest.mark.rule("B5")
    async def test_an_error_without_an_id_answers_the_only_request(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> None:
            server.send(
                b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "P"}}\n'
            )

        async with Client(scripts.play(legacy(reply))) as client:
            with pytest.raises(RequestError, match=r"P \(-32700\)"):
                await client.call_tool("tool")

    @pytest.mark.rule("C-09", "C-10")
    @pytest.mark.parametrize(
        "answer",
        [
            b'{"jsonrpc": "2.0", "id": %d}',
            b'{"jsonrpc": "2.0", "id": %d, "result": 7}',
            b'{"jsonrpc": "2.0", "id": %d, "result": {}, "error": {"code": 1, "message": ""}}',
            b'{"jsonrpc": "2.0", "id": %d, "error": "no"}',
            b'{"jsonrpc": "2.0", "id": %d, "result": {"content": "\xff"}}',
        ],
    )
    async def test_an_answer_that_is_none_is_an_error_and_the_next_call_works(
        self, scripts: Scripts, answer: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        def reply(server: Script, request: Object) -> object:
            if request["params"]["name"] == "fine":
                return HELLO
            server.send(answer % request["id"] + b"\n")
            return None

        async with Client(scripts.play(legacy(reply))) as client:
            with pytest.raises((RemoteProtocolError, TimedOut)):
                await client.call_tool("broken", timeout=0.1)
            assert (await client.call_tool("fine")).text == "hello"
        assert "the server broke the protocol" in caplog.text

    @pytest.mark.rule("C-07")
    @pytest.mark.parametrize("kind", ["banana", 7, ""])
    async def test_an_unknown_type_of_result_is_an_error(
        self, scripts: Scripts, kind: object
    ) -> None:
        command = scripts.play(modern(lambda server, request: {**HELLO, "resultType": kind}))
        async with Client(command) as client:
            with pytest.raises(RemoteProtocolError, match="unknown resultType"):
                await client.call_tool("tool")

    @pytest.mark.rule("C-16", "C-17")
    async def test_a_server_that_asks_to_be_asked_again_is_asked_ten_times(
        self, scripts: Scripts
    ) -> None:
        def reply(server: Script, request: Object) -> Object:
            return {"resultType": "input_required", "requestState": str(request["id"])}

        async with Client(scripts.play(modern(reply))) as client:
            with pytest.raises(RemoteProtocolError, match="tools/call has no result after 10"):
                await client.call_tool("tool", {"a": 1}, on_progress=lambda *_: None)
            first, *others = scripts.server.asked("tools/call")
            assert len(others) == 9
            previous = first
            for request in others:
                assert request["id"] != previous["id"]
                assert request["params"]["requestState"] == str(previous["id"])
                assert request["params"]["arguments"] == {"a": 1}
                previous = request

    async def test_rounds_together_take_no_longer_than_the_maximum(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> None:
            again = {"resultType": "input_required", "requestState": "s"}
            soon = current().now() + 0.03
            current().call_at(soon, lambda: server.answer(request, again))

        async with Client(scripts.play(modern(reply))) as client:
            with pytest.raises(TimedOut, match="maximum"):
                await client.call_tool("tool", maximum=0.1)

    async def test_a_method_that_nobody_knows_is_not_sent(self) -> None:
        async with Client(greeter()) as client:
            with pytest.raises(LocalProtocolError, match="sends no request tools/dance"):
                await client.request("tools/dance")
            with pytest.raises(LocalProtocolError):
                await client.notify("notifications/dance")

    async def test_arguments_that_json_cannot_carry_are_not_sent(self) -> None:
        async with Client(greeter()) as client:
            for value in (object(), "\ud800", 2**70, {1: 2}):
                with pytest.raises(LocalProtocolError, match="cannot be written as JSON"):
                    await client.call_tool("greet", {"name": value})
            assert (await client.call_tool("greet", {"name": "you"})).text == "Hello, you!"


class TestWhatServersSay:
    @pytest.mark.rule("C-32", "M1105-PING-01")
    async def test_a_legacy_server_may_ping_and_ask_for_nothing_else(
        self, scripts: Scripts
    ) -> None:
        asked = ("ping", "roots/list", "sampling/createMessage", "elicitation/create", "dance")

        def reply(server: Script, request: Object) -> Object:
            for method in asked:
                server.send({"jsonrpc": "2.0", "id": method, "method": method, "params": {}})
            return HELLO

        async with Client(scripts.play(legacy(reply))) as client:
            await client.call_tool("tool")
            await client.call_tool("tool")
            answers = {one["id"]: one for one in scripts.server.received if "method" not in one}
        assert answers.pop("ping")["result"] == {}
        assert {id: one["error"]["code"] for id, one in answers.items()} == dict.fromkeys(
            asked[1:], -32601
        )

    @pytest.mark.rule("C-03")
    async def test_a_modern_server_is_not_answered(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> Object:
            server.send({"jsonrpc": "2.0", "id": "x", "method": "ping"})
            return HELLO

        async with Client(scripts.play(modern(reply))) as client:
            await client.call_tool("tool")
            await client.call_tool("tool")
        assert all("method" in one for one in scripts.server.received)

    @pytest.mark.rule("C-18")
    async def test_a_subscription_is_a_request_like_any_other(self, scripts: Scripts) -> None:
        changed = "notifications/tools/list_changed"
        wanted = {"toolsListChanged": True}

        def reply(server: Script, request: Object) -> None:
            tag = {"_meta": {SUBSCRIPTION_ID: request["id"]}}
            acknowledged = "notifications/subscriptions/acknowledged"
            server.notify(acknowledged, {"notifications": wanted, **tag})
            server.notify(changed, tag)
            server.notify("notifications/cancelled", {"requestId": request["id"]})

        seen: list[Notification] = []
        command = scripts.play(modern(reply, tools={"listChanged": True}))
        async with Client(command, on_notification=seen.append) as client:
            with pytest.raises(Cancelled):
                await client.request("subscriptions/listen", {"notifications": wanted})
        assert [one.method for one in seen] == [changed]


def cancellations(server: Script) -> list[object]:
    return [one["params"]["requestId"] for one in server.asked("notifications/cancelled")]


class TestTimeouts:
    @each_mode
    @pytest.mark.rule("T18", "T9", "C-11", "M0326-TIME-02", "M0728-TIME-03", "M0326-TIME-04")
    async def test_a_call_that_takes_too_long_is_cancelled_at_the_server(
        self, scripts: Scripts, mode: str
    ) -> None:
        async with Client(scripts.play(says(mode, silent))) as client:
            with pytest.raises(TimedOut, match=r"tools/call in time \(timeout 0.02 s\)"):
                await client.call_tool("tool", timeout=0.02)
            (request,) = scripts.server.asked("tools/call")
            await until(lambda: cancellations(scripts.server) == [request["id"]])

    async def test_the_client_has_a_timeout_of_its_own(self, scripts: Scripts) -> None:
        async with Client(scripts.play(legacy(silent)), timeout=0.02) as client:
            with pytest.raises(TimedOut):
                await client.list_tools()
            with pytest.raises(TimedOut):
                await client.ping()

    @each_mode
    @pytest.mark.rule("T18", "M0326-TIME-05")
    async def test_progress_resets_the_timeout_but_not_the_maximum(
        self, scripts: Scripts, mode: str
    ) -> None:
        async with Client(scripts.play(says(mode, silent))) as client:
            seen: list[float] = []
            began = time.monotonic()
            async with anyio.create_task_group() as group:

                async def report() -> None:
                    await until(lambda: scripts.server.asked("tools/call"))
                    (request,) = scripts.server.asked("tools/call")
                    for number in range(1, 1_000):
                        scripts.server.progress(request, number)
                        await anyio.sleep(0.01)

                group.start_soon(report)
                with pytest.raises(TimedOut, match=r"in time \(its maximum\)"):
                    await client.call_tool(
                        "tool",
                        timeout=0.3,
                        maximum=0.45,
                        on_progress=lambda *at: seen.append(at[0]),
                    )
                group.cancel_scope.cancel()
            assert time.monotonic() - began >= 0.45
            assert len(seen) > 2

    async def test_an_answer_that_comes_too_late_is_nobodys(self, scripts: Scripts) -> None:
        late: list[Object] = []

        def reply(server: Script, request: Object) -> object:
            if request["params"]["name"] == "fine":
                return HELLO
            late.append(request)
            return None

        async with Client(scripts.play(legacy(reply))) as client:
            with pytest.raises(TimedOut):
                await client.call_tool("slow", timeout=0.01)
            scripts.server.answer(late[0], {"content": [{"type": "text", "text": "late"}]})
            assert (await client.call_tool("fine")).text == "hello"


class TestCancellation:
    @each_mode
    @pytest.mark.rule("T9", "SR-055", "C-12", "M0728-CAN-06")
    async def test_a_cancelled_caller_leaves_at_once_and_the_server_hears_of_it(
        self, scripts: Scripts, mode: str
    ) -> None:
        def reply(server: Script, request: Object) -> object:
            return HELLO if request["params"]["name"] == "fine" else None

        async with Client(scripts.play(says(mode, reply))) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "slow")
                await until(lambda: scripts.server.asked("tools/call"))
                scripts.server.pipe.pause()  # a peer that reads nothing cannot hold it up
                began = time.monotonic()
                group.cancel_scope.cancel()
            assert time.monotonic() - began < 1
            scripts.server.pipe.resume()
            (request,) = scripts.server.asked("tools/call")
            await until(lambda: cancellations(scripts.server) == [request["id"]])
            assert (await client.call_tool("fine")).text == "hello"
            scripts.server.answer(request, {"content": []})  # too late, and nobody's
            assert (await client.call_tool("fine")).text == "hello"

    @pytest.mark.rule("T9", "T15")
    async def test_many_calls_some_cancelled_each_get_their_own_answer(self) -> None:
        server = Server("s")

        @server.tool
        async def echo(number: int) -> int:
            await anyio.sleep(0.001 * (number % 5))
            return number

        got: dict[int, Any] = {}
        async with Client(server) as client:

            async def call(number: int) -> None:
                with anyio.move_on_after(0 if number % 3 == 0 else 10):
                    got[number] = (await client.call_tool("echo", {"number": number})).text

            async with anyio.create_task_group() as group:
                for number in range(150):
                    group.start_soon(call, number)
        assert got == {number: str(number) for number in range(150) if number % 3}

    @pytest.mark.rule("C-12")
    async def test_what_may_not_be_cancelled_by_a_notice_is_not(self, scripts: Scripts) -> None:
        tasks: Any = {"requests": {"tools": {"call": {}}}}
        async with Client(scripts.play(legacy(silent, tasks=tasks))) as client:
            with anyio.move_on_after(0.01):
                await client.ping()
            with anyio.move_on_after(0.01):
                await client.request("tools/call", {"name": "t", "task": {"ttl": 1}})
            (ping,) = scripts.server.asked("ping")
            await until(lambda: cancellations(scripts.server) == [ping["id"]])

    @each_mode
    @pytest.mark.rule("T6")
    async def test_a_thousand_calls_that_end_badly_leave_nothing_behind(
        self, scripts: Scripts, mode: str
    ) -> None:
        async with Client(scripts.play(says(mode, silent))) as client:

            async def call(number: int) -> None:
                try:
                    with anyio.move_on_after(0.01 if number % 2 else 10):
                        await client.call_tool("t", timeout=0.02, on_progress=lambda *_: None)
                except TimedOut:
                    pass

            async with anyio.create_task_group() as group:
                for number in range(1_000):
                    group.start_soon(call, number)
            wire: Any = client._wire
            assert wire._waiters == {}
            assert wire._listeners == {}
            assert wire.connection.exchanges.ours == {}
            assert wire.connection.exchanges.tokens == {}


class TestCallbacks:
    @each_mode
    @pytest.mark.rule("SR-057", "SR-060", "C-13")
    async def test_progress_is_heard_before_the_result(self, mode: Any) -> None:
        server = Server("s")

        @server.tool
        async def count(ctx: Context) -> str:
            for number in (1, 2, 3):
                await ctx.report_progress(number, 3, f"number {number}")
            return "counted"

        async with Client(server, mode=mode) as client:
            seen: list[Any] = []

            async def slowly(*report: Any) -> None:
                await anyio.sleep(0.01)
                seen.append(report)

            await client.call_tool("count", on_progress=lambda *report: seen.append(report))
            assert seen == [(number, 3, f"number {number}") for number in (1, 2, 3)]
            await client.call_tool("count", on_progress=slowly)
            assert seen[3:] == seen[:3]
            await client.call_tool("count")
            assert len(seen) == 6

    @pytest.mark.rule("C-13")
    async def test_stray_progress_reaches_no_callback(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> Object:
            token = request["params"]["_meta"]["progressToken"]
            for stray in (str(token), token + 1, "other", None):
                server.notify("notifications/progress", {"progressToken": stray, "progress": 1})
            server.progress(request, 5)
            server.progress(request, 5)
            server.progress(request, 4)
            server.progress(request, "6")  # type: ignore[arg-type]  # a string
            return HELLO

        seen: list[float] = []
        async with Client(scripts.play(legacy(reply))) as client:
            await client.call_tool("tool", on_progress=lambda *report: seen.append(report[0]))
        assert seen == [5]

    @each_mode
    @pytest.mark.rule("SR-057", "SR-053", "SR-066")
    async def test_log_messages_reach_their_callback(self, mode: Any) -> None:
        server = Server("s")

        @server.tool
        async def talk(ctx: Context) -> None:
            await ctx.debug("quiet")
            await ctx.error({"a": 1}, "it")

        seen: list[Any] = []

        async def on_log(*message: Any) -> None:
            seen.append(message)

        for callback in (on_log, lambda *message: seen.append(message)):
            seen.clear()
            async with Client(server, mode=mode, on_log=callback) as client:
                await client.call_tool("talk")
                await until(lambda: len(seen) == 2)
                await client.set_log_level("warning")
                await client.call_tool("talk")
                await until(lambda: len(seen) == 3)
            assert seen == [("debug", "quiet", None), *[("error", {"a": 1}, "it")] * 2]

    @pytest.mark.rule("M0728-LOG-04")
    async def test_a_modern_server_is_asked_for_logs_only_if_somebody_listens(
        self, scripts: Scripts
    ) -> None:
        def level(request: Object) -> object:
            return request["params"]["_meta"].get(LOG_LEVEL)

        command = scripts.play(modern(lambda server, request: HELLO))
        cases: tuple[tuple[dict[str, Any], object], ...] = (
            ({}, None),
            ({"on_log": lambda *_: None}, "debug"),
            ({"on_log": lambda *_: None, "log_level": "error"}, "error"),
            ({"log_level": "error"}, "error"),
        )
        for options, expected in cases:
            async with Client(command, **options) as client:
                await client.call_tool("tool")
                own = {LOG_LEVEL: "alert"}
                await client.call_tool("tool", meta=own)
            first, second = scripts.server.asked("tools/call")
            assert (level(first), level(second)) == (expected, "alert")

    async def test_a_legacy_server_is_told_the_level_once_if_it_logs_at_all(
        self, scripts: Scripts
    ) -> None:
        def reply(server: Script, request: Object) -> Object:
            return {}

        cases: tuple[dict[str, Object], ...] = ({"logging": {}}, {})
        for declared in cases:
            command = scripts.play(legacy(reply, **declared))
            async with Client(command, log_level="error") as client:
                await client.ping()
            levels = [one["params"] for one in scripts.server.asked("logging/setLevel")]
            assert levels == ([{"level": "error"}] if declared else [])

    async def test_a_level_that_is_refused_closes_the_client(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> None:
            server.fail(request, -32603)

        client = Client(scripts.play(legacy(reply, logging={})), log_level="error")
        with pytest.raises(RequestError):
            await client.connect()
        await until(lambda: scripts.server.ended)

    async def test_an_unknown_level_is_refused_here(self) -> None:
        with pytest.raises(ValueError, match="log_level must be one of debug"):
            Client(greeter(), log_level="loud")
        async with Client(greeter()) as client:
            with pytest.raises(ValueError, match="level must be one of debug"):
                await client.set_log_level("loud")

    async def test_other_notifications_reach_theirs(self) -> None:
        server = greeter()
        seen: list[Notification] = []
        async with Client(server, mode="legacy", on_notification=seen.append) as client:
            await client.ping()
            server.tools.remove("greet")
            await until(lambda: seen)
        assert seen[0].method == "notifications/tools/list_changed"

    @each_mode
    @pytest.mark.rule("T10")
    async def test_every_callback_may_use_the_client_three_levels_deep(self, mode: Any) -> None:
        server = Server("s")

        @server.tool
        async def dig(depth: int, ctx: Context) -> str:
            await ctx.report_progress(depth)
            await ctx.info(depth)
            return f"dug {depth}"

        found: list[str] = []
        client: Client

        async def deeper(depth: int) -> None:
            result = await client.call_tool("dig", {"depth": depth}, on_progress=on_progress)
            found.append(result.text)
            assert await client.list_tools()
            await client.ping()

        async def on_progress(depth: float, *_: object) -> None:
            if depth < 3:
                await deeper(int(depth) + 1)

        async def on_log(level: str, data: int, _: object) -> None:
            if 10 <= data < 12:
                await deeper(data + 1)

        async with Client(server, mode=mode, on_log=on_log) as client:
            with anyio.fail_after(10):
                await deeper(0)
                assert found == ["dug 3", "dug 2", "dug 1", "dug 0"]
                await client.call_tool("dig", {"depth": 10})
                await until(lambda: len(found) == 6)

    async def test_a_callback_may_close_the_client(self) -> None:
        server = Server("s")

        @server.tool
        async def work(ctx: Context) -> None:
            await ctx.report_progress(1)
            await anyio.sleep(60)

        async def close(*_: object) -> None:
            await client.aclose()

        async with Client(server) as client:
            with pytest.raises(ConnectionLost), anyio.fail_after(10):
                await client.call_tool("work", on_progress=close)

    @each_mode
    async def test_a_callback_that_raises_is_logged_and_harms_nothing(
        self, mode: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = Server("s")

        @server.tool
        async def work(ctx: Context) -> str:
            await ctx.report_progress(1)
            await ctx.info("i")
            return "done"

        def raises(*_: object) -> None:
            raise ValueError("plain")

        async def raises_later(*_: object) -> None:
            raise ValueError("later")

        for callback in (raises, raises_later):
            caplog.clear()
            async with Client(server, mode=mode, on_log=callback) as client:
                assert (await client.call_tool("work", on_progress=callback)).text == "done"
                await until(lambda: len(caplog.records) == 2)
            assert {record.levelno for record in caplog.records} == {logging.ERROR}

    async def test_a_callback_that_never_returns_holds_its_call_no_longer_than_the_time_out(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = Server("s")

        @server.tool
        async def work(ctx: Context) -> str:
            await ctx.report_progress(1)
            return "done"

        async def never(*_: object) -> None:
            await anyio.sleep_forever()

        for reset in (True, False):
            caplog.clear()
            async with Client(server, reset_on_progress=reset) as client:
                with anyio.fail_after(10):
                    result = await client.call_tool("work", on_progress=never, timeout=0.3)
            assert result.text == "done"
            assert [record.getMessage() for record in caplog.records] == [
                "a callback of on_progress is not through after 0.3 s"
            ]

    async def test_of_the_calls_of_a_slow_callback_only_so_many_wait(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("barewire.calling._WAITING", 20)
        server = Server("s")

        @server.tool
        async def work(ctx: Context) -> str:
            for number in range(100):
                await ctx.report_progress(number)
            return "done"

        seen: list[float] = []
        go_on = anyio.Event()

        async def slowly(progress: float, *_: object) -> None:
            await go_on.wait()
            seen.append(progress)

        async with Client(server) as client, anyio.create_task_group() as group:

            async def call() -> None:
                await client.call_tool("work", on_progress=slowly)

            group.start_soon(call)
            await until(lambda: bool(caplog.records))
            go_on.set()
        assert len(seen) in (20, 21)  # with the one that has begun
        assert seen == list(range(len(seen)))
        assert [record.getMessage() for record in caplog.records] == [
            "a callback is too slow: more than 20 calls of it wait"
        ]

    async def test_callbacks_follow_each_other_and_are_let_go(self) -> None:
        server = Server("s")

        @server.tool
        async def count(ctx: Context) -> None:
            for number in range(1, 2_000):
                await ctx.report_progress(number)

        class Mark:
            alive = 0

            def __init__(self) -> None:
                Mark.alive += 1

            def __del__(self) -> None:
                Mark.alive -= 1

        most = 0

        async def on_progress(*_: object) -> None:
            nonlocal most
            mark = Mark()
            await anyio.sleep(0)
            most = max(most, mark.alive)

        async with Client(server) as client:
            await client.call_tool("count", on_progress=on_progress)
        gc.collect()
        assert Mark.alive == 0
        assert most == 1


class TestClosing:
    @pytest.mark.rule("T2", "B12")
    async def test_it_opens_in_one_task_and_closes_in_another(self) -> None:
        clients: list[Client] = []

        async def run(step: Callable[[], Coroutine[Any, Any, Any]]) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(step)

        async def open_one() -> None:
            clients.append(await Client(greeter()).__aenter__())

        await run(open_one)
        await run(open_one)
        first, second = clients

        async def use() -> None:
            assert (await first.call_tool("greet", {"name": "you"})).text == "Hello, you!"

        await run(use)
        await run(lambda: first.__aexit__(None, None, None))  # the older one first
        await run(lambda: second.__aexit__(None, None, None))

    async def test_closing_twice_and_together_is_closing(self) -> None:
        client = await Client(greeter()).connect()
        async with anyio.create_task_group() as group:
            group.start_soon(client.aclose)
            group.start_soon(client.aclose)
        await client.aclose()

    @each_mode
    async def test_calls_in_flight_end_when_it_closes(self, scripts: Scripts, mode: str) -> None:
        client = await Client(scripts.play(says(mode, silent))).connect()
        ends: list[BaseException] = []

        async def call() -> None:
            with pytest.raises(ConnectionLost) as caught:
                await client.call_tool("tool")
            ends.append(caught.value)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(call)
            await until(lambda: len(scripts.server.asked("tools/call")) == 10)
            await client.aclose()
        assert len(ends) == 10

    async def test_before_it_is_open_and_after_it_is_closed_nothing_works(self) -> None:
        client = Client(greeter())
        for use in (client.list_tools, client.ping, lambda: client.notify("x")):
            with pytest.raises(LocalProtocolError, match="not connected"):
                await use()
        with pytest.raises(LocalProtocolError, match="not connected"):
            _ = client.revision
        await client.aclose()
        async with client:
            with pytest.raises(LocalProtocolError, match="connected already"):
                await client.connect()
        for use in (client.list_tools, client.ping):
            with pytest.raises(ConnectionLost, match="closed"):
                await use()

    async def test_a_closed_client_can_be_opened_again(self) -> None:
        client = Client(greeter())
        for _ in range(2):
            async with client:
                assert (await client.call_tool("greet", {"name": "you"})).text == "Hello, you!"

    async def test_it_is_not_opened_twice_at_a_time(self, scripts: Scripts) -> None:
        client = Client(scripts.play(silent))
        async with anyio.create_task_group() as group:
            group.start_soon(client.connect)
            await until(lambda: scripts.started)
            with pytest.raises(LocalProtocolError, match="connected already"):
                await client.connect()
            group.cancel_scope.cancel()

    async def test_a_server_that_ends_takes_its_calls_along(self, scripts: Scripts) -> None:
        async with Client(scripts.play(legacy(silent))) as client:

            async def call() -> None:
                with pytest.raises(ConnectionLost, match="the connection was closed"):
                    await client.call_tool("tool")

            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(call)
                await until(lambda: len(scripts.server.asked("tools/call")) == 10)
                await scripts.server.pipe.aclose()
            with pytest.raises(ConnectionLost, match="the server closed the connection"):
                await client.call_tool("tool")

    @pytest.mark.rule("C-10")
    async def test_noise_without_end_is_a_loss_and_one_warning(
        self, scripts: Scripts, caplog: pytest.LogCaptureFixture
    ) -> None:
        def reply(server: Script, request: Object) -> None:
            for number in range(1_001):
                server.send(b"npm notice %d\n" % number)

        async with Client(scripts.play(legacy(reply))) as client:
            with pytest.raises(ConnectionLost, match="1000 lines in a row could not be read"):
                await client.call_tool("tool")
            with pytest.raises(ConnectionLost, match=r"limits\.consecutive_faults"):
                await client.call_tool("tool")
        assert len(caplog.records) == 1
