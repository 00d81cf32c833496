"""What a handler knows of its request, and what it can say in its course."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from barewire import Client, Context, LocalProtocolError, Server, SyncContext
from barewire.protocol.envelope import LOG_LEVELS
from barewire.protocol.revisions import ALL, LATEST, LEGACY, V2024_11_05, Revision
from barewire.transports.link import Link
from tests.app.peers import INFO, Object, Peer, text_of

each_revision = pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
each_legacy = pytest.mark.parametrize("revision", LEGACY, ids=lambda revision: revision.name)

KINDS = ("task", "thread", "loop")
each_kind = pytest.mark.parametrize("kind", KINDS)

Report = tuple[Any, ...]


def reporting(*reports: Report) -> Server:
    """A server with a tool of each kind that reports progress."""
    server = Server("s")

    @server.tool
    async def task(ctx: Context) -> str:
        for report in reports:
            await ctx.report_progress(*report)
        return "done"

    def plain(ctx: SyncContext) -> str:
        for report in reports:
            ctx.report_progress(*report)
        return "done"

    server.tool(name="thread")(plain)
    server.tool(name="loop", blocking=False)(plain)
    return server


def logging_server(*messages: tuple[Any, ...]) -> Server:
    """A server with a tool of each kind that sends log messages."""
    server = Server("s")

    @server.tool
    async def task(ctx: Context) -> str:
        for message in messages:
            await ctx.log(*message)
        return "done"

    def plain(ctx: SyncContext) -> str:
        for message in messages:
            ctx.log(*message)
        return "done"

    server.tool(name="thread")(plain)
    server.tool(name="loop", blocking=False)(plain)
    return server


class TestFacts:
    @each_revision
    @pytest.mark.rule("SR-078")
    async def test_it_tells_all_about_the_request(self, revision: Revision) -> None:
        server = Server("s")
        seen: list[Context | SyncContext] = []

        @server.tool
        async def task(ctx: Context) -> None:
            seen.append(ctx)
            assert not ctx.cancelled

        @server.tool
        def thread(ctx: SyncContext) -> None:
            seen.append(ctx)
            assert not ctx.cancelled

        async with Peer(server, revision) as peer:
            for name in ("task", "thread"):
                id = peer.start_call(name, id=f"the {name}", token=f"token of {name}")
                await peer.answer(id)
                context = seen[-1]
                assert context.request_id == f"the {name}"
                assert context.protocol_version == revision.name
                assert context.client_info == INFO
                assert context.meta["progressToken"] == f"token of {name}"
                assert context.cancelled, "what is said after the answer does not arrive"

    async def test_without_meta_it_is_empty(self) -> None:
        server = Server("s")
        seen: list[Object] = []

        @server.tool
        async def tool(ctx: Context) -> None:
            seen.append(ctx.meta)

        async with Peer(server, V2024_11_05) as peer:
            await peer.call("tool")
        assert seen == [{}]


class TestProgress:
    @each_kind
    @each_revision
    @pytest.mark.rule("SR-058", "SR-059", "SR-060", "SR-062", "S-32", "S-34")
    async def test_it_arrives_before_the_answer_under_the_token(
        self, revision: Revision, kind: str
    ) -> None:
        server = reporting((1,), (2.5, 10), (3, 10, "three"))
        for token in ("a", 0, ""):
            async with Peer(server, revision) as peer:
                await peer.call(kind, token=token)
                last = {"progressToken": token, "progress": 3, "total": 10}
                if revision is not V2024_11_05:
                    last["message"] = "three"
                assert peer.notifications("notifications/progress") == [
                    {"progressToken": token, "progress": 1},
                    {"progressToken": token, "progress": 2.5, "total": 10},
                    last,
                ]
                assert "result" in peer.received[-1]

    @each_kind
    @each_revision
    @pytest.mark.rule("SR-062")
    async def test_without_a_token_nothing_is_sent(self, revision: Revision, kind: str) -> None:
        async with Peer(reporting((1,), (2,)), revision) as peer:
            await peer.call(kind)
            assert not peer.notifications("notifications/progress")

    @each_kind
    @pytest.mark.rule("B23", "S-33", "M1105-PROG-03")
    async def test_what_does_not_increase_is_dropped_and_logged(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        reports = [(1,), (5,), (3,), (5,), (float("nan"),), (6, float("inf")), (7,)]
        async with Peer(reporting(*reports)) as peer:
            result = await peer.call(kind, token="t")
            assert text_of(result) == "done"
            seen = [one["progress"] for one in peer.notifications("notifications/progress")]
        assert seen == [1, 5, 7]
        assert len(caplog.records) == 4
        assert "progress must increase: 3 after 5" in caplog.text

    async def test_a_message_that_json_cannot_carry_is_dropped_and_logged(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Peer(reporting((1, None, "\ud800"), (2,))) as peer:
            assert text_of(await peer.call("task", token="t")) == "done"
            seen = [one["progress"] for one in peer.notifications("notifications/progress")]
        assert seen == [2]
        assert "cannot be written as JSON" in caplog.text


class TestLog:
    ALL_LEVELS = tuple((level, {"level": level}, "it") for level in LOG_LEVELS)

    @each_kind
    @pytest.mark.rule(
        "SR-065",
        "SR-066",
        "SR-067",
        "SR-068",
        "SR-069",
        "SR-070",
        "SR-071",
        "SR-072",
        "SR-073",
        "SR-074",
        "SR-075",
        "S-43",
        "DEV-26",
        "DEV-44",
    )
    @pytest.mark.parametrize("level", LOG_LEVELS)
    async def test_a_level_and_those_above_it_are_sent(self, kind: str, level: str) -> None:
        expected = list(LOG_LEVELS)[list(LOG_LEVELS).index(level) :]
        for revision in ALL:
            async with Peer(logging_server(*self.ALL_LEVELS), revision) as peer:
                if not revision.modern:
                    await peer.ask("logging/setLevel", {"level": level})
                await peer.call(kind, log=level)
                assert peer.notifications("notifications/message") == [
                    {"level": one, "data": {"level": one}, "logger": "it"} for one in expected
                ]

    @each_kind
    @pytest.mark.rule("M0728-LOG-04", "S-43")
    async def test_a_modern_request_that_does_not_ask_gets_none(self, kind: str) -> None:
        async with Peer(logging_server(*self.ALL_LEVELS)) as peer:
            await peer.call(kind)
            assert not peer.notifications("notifications/message")

    @each_legacy
    async def test_a_legacy_client_gets_all_until_it_says_otherwise(
        self, revision: Revision
    ) -> None:
        async with Peer(logging_server(*self.ALL_LEVELS), revision) as peer:
            await peer.call("task")
            assert len(peer.notifications("notifications/message")) == 8

    @pytest.mark.rule("SR-076")
    async def test_each_level_has_a_name_of_its_own(self) -> None:
        server = Server("s")

        @server.tool
        async def task(ctx: Context) -> None:
            await ctx.debug(1)
            await ctx.info(2)
            await ctx.notice(3)
            await ctx.warning(4)
            await ctx.error(5)
            await ctx.critical(6)
            await ctx.alert(7)
            await ctx.emergency(8, "it")

        @server.tool
        def thread(ctx: SyncContext) -> None:
            ctx.debug(1)
            ctx.info(2)
            ctx.notice(3)
            ctx.warning(4)
            ctx.error(5)
            ctx.critical(6)
            ctx.alert(7)
            ctx.emergency(8, "it")

        for kind in ("task", "thread"):
            async with Peer(server) as peer:
                await peer.call(kind, log="debug")
                seen = peer.notifications("notifications/message")
            assert [(one["level"], one["data"]) for one in seen] == [
                (level, number) for number, level in enumerate(LOG_LEVELS, 1)
            ]
            assert [one.get("logger") for one in seen] == [None] * 7 + ["it"]

    @each_kind
    async def test_an_unknown_level_is_a_mistake_of_the_handler_whoever_listens(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Peer(logging_server(("loud", 1))) as peer:
            assert (await peer.call(kind))["isError"] is True
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], LocalProtocolError)
        assert "log level must be one of debug, info" in str(record.exc_info[1])

    @each_kind
    async def test_data_that_json_cannot_carry_is_reported_here_and_not_sent(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Peer(
            logging_server(("info", object()), ("info", "\ud800"), ("info", 1))
        ) as peer:
            assert text_of(await peer.call(kind, log="info")) == "done"
            assert [one["data"] for one in peer.notifications("notifications/message")] == [1]
        assert caplog.text.count("a log message was not sent") == 2


class TestOtherNames:
    @pytest.mark.rule("SR-062", "SR-076", "SR-080")
    @each_revision
    async def test_the_session_has_the_names_of_other_libraries(self, revision: Revision) -> None:
        server = Server("s")

        @server.tool
        async def index(ctx: Context) -> str:
            await ctx.session.send_log_message(
                level="info", data={"message": "Starting analysis"}, logger="my-tool"
            )
            if ctx.meta and ctx.meta.get("progressToken"):
                await ctx.session.send_progress_notification(
                    progress_token=ctx.meta["progressToken"], progress=50, total=100
                )
            return "indexed"

        async with Peer(server, revision) as peer:
            await peer.call("index", token="t", log="info")
            assert peer.notifications("notifications/message") == [
                {"level": "info", "data": {"message": "Starting analysis"}, "logger": "my-tool"}
            ]
            assert peer.notifications("notifications/progress") == [
                {"progressToken": "t", "progress": 50, "total": 100}
            ]


async def test_a_thread_may_speak_from_another_thread_of_its_own() -> None:
    server = Server("s")

    @server.tool
    def work(ctx: SyncContext) -> str:
        speaker = threading.Thread(target=lambda: ctx.report_progress(1))
        speaker.start()
        speaker.join(10)
        ctx.report_progress(2)
        return "done"

    seen: list[float] = []
    async with Client(server) as client:
        result = await client.call_tool(
            "work", on_progress=lambda progress, total, message: seen.append(progress)
        )
    assert (seen, result.text) == ([1, 2], "done")


@pytest.mark.rule("T2")
async def test_progress_that_nobody_asked_for_leaves_the_loop_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    callers: set[int] = set()

    def noted(function: Callable[[Link], Any]) -> Callable[[Link], Any]:
        def call(link: Link) -> Any:
            callers.add(threading.get_ident())
            return function(link)

        return call

    monkeypatch.setattr(Link, "wake", noted(Link.wake))
    monkeypatch.setattr(Link, "sent", noted(Link.sent))
    async with Peer(reporting((1,)), LATEST) as peer:
        assert text_of(await peer.call("thread")) == "done"
    assert callers == {threading.get_ident()}
