"""T14, CVE-2026-52869, -33946: who asks is found out, and what is theirs is nobody else's."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from itertools import product
from typing import Any

import anyio
import pytest

from barewire import Context, Server
from barewire.protocol.revisions import V2025_03_26, V2025_06_18, V2025_11_25
from barewire.run_http import serve_http
from barewire.session.limits import HttpLimits
from barewire.session.principal import Principal, RequestFacts
from barewire.transports.http.parsing import ParserName
from tests.app.peers import until
from tests.http.hosting import Calls, Host, Session, hosted, target
from tests.http.raw import Response
from tests.http.words import (
    PING,
    Changes,
    call,
    chunked,
    delete,
    get,
    initialize,
    modern,
    post,
    request,
)

ANN: Changes = {"Authorization": "Bearer ann"}
BOB: Changes = {"Authorization": "Bearer bob"}

LEGACY = (V2025_03_26, V2025_06_18, V2025_11_25)


async def by_header(facts: RequestFacts) -> Principal | None:
    """Believe whoever says a name; `ann/x` is ann by the program x."""
    kind, _, name = facts.fields.get("authorization", "").partition(" ")
    if kind != "Bearer" or not name:
        return None
    subject, _, client = name.partition("/")
    return Principal("tests", subject, client or None)


def of(session: Session, who: Changes) -> dict[str, str | None]:
    """The fields of a session, said by somebody."""
    return {**session.fields, **who}


def text_of(response: Response) -> str:
    text: str = response.json["result"]["content"][0]["text"]
    return text


@pytest.mark.rule("T14", "B30")
@pytest.mark.parametrize("stateless", [False, True])
async def test_who_proves_nothing_gets_nothing(stateless: bool) -> None:
    calls = Calls()
    server = target(calls, authenticate=by_header)
    async with hosted(server, stateless_http=stateless) as host:
        asked = [
            post(initialize()),
            post(PING),
            post(b"no json"),
            post(call(1, "whoami"), {"Authorization": "Basic ann"}),
            modern(call(1, "whoami")),
            modern(request(1, "server/discover")),
            chunked(b"{", b"}"),
        ]
        if not stateless:
            asked += [get(), delete(), get({"Mcp-Session-Id": "x", "Last-Event-ID": "1-1"})]
        for data in asked:
            wire = host.wire()
            response = await wire.ask(data)
            assert response.status == 401
            assert response.field("www-authenticate") == "Bearer"
            assert response.error["code"] == -32600
            assert "id" not in response.json
            assert response.goes_on
            assert (await wire.ask(get(ANN))).status == (405 if stateless else 400)
        assert not calls.count


@pytest.mark.rule("T14")
async def test_handlers_are_told_who_asks() -> None:
    async with hosted(target(authenticate=by_header)) as host:
        session = await host.open(changes=ANN)
        assert text_of(await session.ask(call(2, "whoami"))) == "ann"
        assert text_of(await host.ask(modern(call(1, "whoami"), BOB))) == "bob"
    async with hosted(target(authenticate=by_header), stateless_http=True) as host:
        assert text_of(await host.ask(post(call(1, "whoami"), BOB))) == "bob"
    async with hosted() as host:
        session = await host.open()
        assert text_of(await session.ask(call(2, "whoami"), ANN)) == "nobody"


@pytest.mark.rule("T14", "T13")
async def test_a_session_of_somebody_else_is_none() -> None:
    """Every answer is the same, byte for byte, for ids unknown, ended and foreign."""
    async with hosted(target(authenticate=by_header)) as host:
        ours, ended = await host.open(changes=ANN), await host.open(changes=BOB)
        other_program = {"Authorization": "Bearer bob/program"}
        theirs = await host.open(changes=other_program)
        assert (await host.ask(delete(ended.fields))).status == 200
        ids = {
            "foreign": ours.id,
            "of another program": theirs.id,
            "ended": ended.id,
            "unknown": "0" * len(ours.id),
            "of another form": "x",
            "long": "x" * 10_000,
            "empty": "",
            "beyond ASCII": "\xe9",
        }
        messages: list[Callable[[Changes], bytes]] = [
            lambda fields: post(PING, fields),
            lambda fields: post(request("a", "tools/list"), fields),
            lambda fields: post(call(7, "hold", key="k"), fields),
            lambda fields: post({"jsonrpc": "2.0", "method": "notifications/initialized"}, fields),
            lambda fields: post({"jsonrpc": "2.0", "id": 1, "result": {}}, fields),
            lambda fields: post([PING, PING], fields),
            lambda fields: post(b"no json", fields),
            lambda fields: post(PING, {**fields, "MCP-Protocol-Version": "1999-01-01"}),
            get,
            lambda fields: get({**fields, "Last-Event-ID": "x"}),
            delete,
        ]
        for message in messages:
            answers: dict[str, object] = {}
            for name, id in ids.items():
                wire = host.wire()
                response = await wire.ask(message({**BOB, "Mcp-Session-Id": id}))
                answers[name] = response.apart_from_date
                assert response.status == 404
                assert response.error["code"] == -32600
                assert (await wire.ask(get(BOB))).status == 400
                wire.close()
            assert len(set(map(repr, answers.values()))) == 1, answers
        assert (await ours.ask(PING)).status == 200, "nobody else can end it"
        assert (await theirs.ask(PING)).status == 200


@pytest.mark.rule("T14")
async def test_a_stream_of_somebody_else_can_neither_be_heard_nor_resumed_nor_ended() -> None:
    calls = Calls()
    async with hosted(target(calls, authenticate=by_header)) as host:
        ours, theirs = await host.open(changes=ANN), await host.open(changes=BOB)
        listening, posting = host.wire(), host.wire()
        await listening.send(get(ours.fields))
        assert (await listening.begin()).status == 200
        primed = await listening.event()
        await posting.send(post(call(2, "talk", 2, key="k", steps=2), ours.fields))
        await posting.begin()
        seen = [await posting.event() for _ in range(3)]
        ids = [event.id for event in [primed, *seen] if event is not None and event.id]
        assert len(ids) == 4
        for id, session, status in product(ids, (ours, theirs), (404, 400)):
            if (session is ours) == (status == 404):
                refused = await host.ask(get({**of(session, BOB), "Last-Event-ID": id}))
                assert refused.status == status
                assert refused.error
        assert (await host.ask(get(of(ours, BOB)))).status == 404
        assert (await host.ask(delete(of(ours, BOB)))).status == 404
        calls.released["k"].set()
        assert (await posting.message())["result"]["content"][0]["text"] == "k"
        assert listening.quiet(), "nobody took it over"


@pytest.mark.rule("T14", "T9")
async def test_a_call_of_somebody_else_cannot_be_cancelled() -> None:
    calls = Calls()
    async with hosted(target(calls, authenticate=by_header)) as host:
        ours, theirs = await host.open(changes=ANN), await host.open(changes=BOB)
        wire = host.wire()
        await wire.send(post(call(5, "hold", key="k"), ours.fields))
        await calls.begun["k"].wait()
        cancel = {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": 5},
        }
        assert (await host.ask(post(cancel, theirs.fields))).status == 202
        assert (await host.ask(post(cancel, of(ours, BOB)))).status == 404
        await host.ask(modern(cancel, BOB))
        calls.released["k"].set()
        assert (await wire.answer())["result"]["content"][0]["text"] == "k"
        assert calls.fates == {"k": "released"}


SECRET = "hunter2 at /home/ann"


async def raising(_: RequestFacts) -> Principal | None:
    raise RuntimeError(SECRET)


async def exiting(_: RequestFacts) -> Principal | None:
    raise SystemExit(SECRET)


async def grouping(_: RequestFacts) -> Principal | None:
    raise BaseExceptionGroup(SECRET, [KeyboardInterrupt(SECRET)])


async def cancelled(_: RequestFacts) -> Principal | None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anyio.sleep(0)
    raise ValueError(SECRET)


async def confused(_: RequestFacts) -> Any:
    return {"subject": SECRET}


def not_async(_: RequestFacts) -> Any:
    return Principal("tests", SECRET)


@pytest.mark.rule("T14", "T36", "B30")
@pytest.mark.parametrize("hook", [raising, exiting, grouping, cancelled, confused, not_async])
async def test_a_hook_that_fails_is_answered_for_and_tells_nothing(
    hook: Callable[[RequestFacts], Awaitable[Principal | None]], caplog: pytest.LogCaptureFixture
) -> None:
    async with hosted(target(authenticate=hook)) as host:
        for data in (post(initialize()), get({"Mcp-Session-Id": "x"}), modern(call(1, "whoami"))):
            wire = host.wire()
            response = await wire.ask(data)
            assert response.status == 500
            assert response.error["code"] == -32603
            assert "id" not in response.json
            assert b"hunter2" not in response.body
            assert response.goes_on
            assert (await wire.ask(get({"Host": "evil.example"}))).status == 421
    assert [record for record in caplog.records if record.levelno == logging.ERROR]
    caplog.clear()


class Waiting:
    """A hook that waits, and notes what becomes of it."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.released = anyio.Event()

    async def __call__(self, facts: RequestFacts) -> Principal | None:
        self.begun += 1
        try:
            await self.released.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        return Principal("tests", "ann")

    def was_cancelled(self, times: int) -> bool:
        return self.cancelled == times


@pytest.mark.rule("T14", "T33", "B30")
async def test_a_hook_that_hangs_has_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    hook, calls = Waiting(), Calls()
    limits = HttpLimits(authenticate_time=0.02)
    async with hosted(target(calls, authenticate=hook), limits=limits) as host:
        wire = host.wire()
        for number in range(1, 4):
            response = await wire.ask(modern(call(1, "whoami")))
            assert response.status == 503
            assert "authenticate_time" in response.error["message"]
            assert "id" not in response.json
            assert response.goes_on
            await until(partial(hook.was_cancelled, number))
        assert not calls.count
    assert all("in time" in record.getMessage() for record in caplog.records)


@pytest.mark.rule("T14", "T17")
@pytest.mark.parametrize("leave", ["reset", "close"])
async def test_who_leaves_while_it_is_found_out_who_they_are_is_not_served(leave: str) -> None:
    hook, calls = Waiting(), Calls()
    async with hosted(target(calls, authenticate=hook)) as host:
        for data in (post(initialize()), modern(call(1, "whoami")), get({"Mcp-Session-Id": "x"})):
            wire = host.wire()
            await wire.send(data)
            await until(lambda: hook.begun)
            getattr(wire, leave)()
            await until(lambda: hook.cancelled)
            await host.until_alone()
            hook.begun = hook.cancelled = 0
        assert not calls.count


@pytest.mark.rule("T14", "S-59")
async def test_a_slow_hook_delays_only_those_it_is_asked_about() -> None:
    hook = Waiting()

    async def slow_for_bob(facts: RequestFacts) -> Principal | None:
        return await (hook if "bob" in facts.fields["authorization"] else by_header)(facts)

    async with hosted(target(authenticate=slow_for_bob)) as host:
        slow = host.wire()
        await slow.send(modern(call(1, "whoami"), BOB) + modern(call(2, "whoami"), ANN))
        await until(lambda: hook.begun)
        assert text_of(await host.ask(modern(call(1, "whoami"), ANN))) == "ann"
        hook.released.set()
        assert [(await slow.response()).json["id"] for _ in range(2)] == [1, 2]


@pytest.mark.rule("T14")
async def test_scopes_may_change_without_losing_the_session() -> None:
    scopes: list[str] = []

    async def hook(facts: RequestFacts) -> Principal | None:
        return Principal("tests", "ann", None, frozenset(scopes))

    async with hosted(target(authenticate=hook)) as host:
        session = await host.open()
        scopes.append("write")
        assert (await session.ask(PING)).status == 200


async def by_scopes(facts: RequestFacts) -> Principal | None:
    """Believe what somebody says that they are allowed to do."""
    return Principal("tests", "ann", scopes=frozenset(facts.fields.get("x-scopes", "").split()))


READ: Changes = {"X-Scopes": "read"}
WRITE: Changes = {"X-Scopes": "read write"}


def with_scopes() -> Server:
    """A server with a tool that tells what its caller may do."""
    server = target(authenticate=by_scopes)

    @server.tool
    async def allowed(ctx: Context) -> str:
        assert ctx.principal is not None
        return " ".join(sorted(ctx.principal.scopes))

    return server


@pytest.mark.rule("T14", "T34")
@pytest.mark.parametrize(("opened", "now"), [(READ, WRITE), (WRITE, READ)])
async def test_a_session_gives_nobody_the_rights_that_they_had_or_will_have(
    opened: Changes, now: Changes
) -> None:
    async with hosted(with_scopes()) as host:
        for revision in LEGACY:
            session = await host.open(revision, opened)
            for said in (now, opened, now):
                assert text_of(await session.ask(call(1, "allowed"), said)) == said["X-Scopes"]


@pytest.mark.rule("T14", "T34")
@pytest.mark.parametrize(("opened", "now"), [(READ, WRITE), (WRITE, READ)])
async def test_each_call_of_a_batch_has_the_rights_of_its_request(
    opened: Changes, now: Changes
) -> None:
    async with hosted(with_scopes()) as host:
        session = await host.open(V2025_03_26, opened)
        answers = (await session.ask([call(1, "allowed"), call(2, "allowed")], now)).json
        texts = [answer["result"]["content"][0]["text"] for answer in answers]
        assert texts == [now["X-Scopes"]] * 2


@pytest.mark.rule("T14", "T34")
async def test_calls_at_the_same_time_in_one_session_have_each_their_own_rights() -> None:
    server, calls = with_scopes(), Calls()

    @server.tool
    async def wait(key: str, ctx: Context) -> str:
        calls.begun[key].set()
        await calls.released["all"].wait()
        assert ctx.principal is not None
        return " ".join(sorted(ctx.principal.scopes))

    async with hosted(server) as host:
        session = await host.open(changes=READ)
        wires = [(said["X-Scopes"], host.wire(), said) for said in (WRITE, READ, WRITE)]
        for number, (_, wire, said) in enumerate(wires):
            await wire.send(session.post(call(number, "wait", key=f"{number}"), said))
            await calls.begun[f"{number}"].wait()
        calls.released["all"].set()
        for scopes, wire, _ in wires:
            assert (await wire.answer())["result"]["content"][0]["text"] == scopes


began: ContextVar[str] = ContextVar("began")
trace: ContextVar[str] = ContextVar("trace")


async def tracing(facts: RequestFacts) -> Principal | None:
    """Note in the context who asks, and whether somebody was noted before."""
    said = facts.fields.get("x-trace", "nobody")
    trace.set(f"{trace.get()} {said}" if trace.get("") else said)
    return Principal("tests", "ann")


@pytest.mark.rule("T14", "T39")
async def test_what_a_hook_notes_in_its_context_stays_there() -> None:
    server = target(authenticate=tracing)

    @server.tool
    async def noted() -> str:
        return ", ".join((began.get("nothing"), trace.get("nothing")))

    @server.tool
    def noted_by_thread() -> str:
        return ", ".join((began.get("nothing"), trace.get("nothing")))

    began.set("before")
    async with hosted(server) as host:
        began.set("after")
        for revision in LEGACY:
            session = await host.open(revision, {"X-Trace": "opening"})
            for number in range(3):
                for tool in ("noted", "noted_by_thread"):
                    answer = await session.ask(call(1, tool), {"X-Trace": f"call{number}"})
                    assert text_of(answer) == "before, nothing"
        for tool in ("noted", "noted_by_thread"):
            answer = await host.ask(modern(call(1, tool), {"X-Trace": "modern"}))
            assert text_of(answer) == "before, nothing"


@pytest.mark.rule("T14")
async def test_a_hook_cannot_change_what_was_asked(parser: ParserName) -> None:
    tried: list[str] = []

    async def changing(facts: RequestFacts) -> Principal | None:
        fields: Any = facts.fields
        name = fields.get("authorization", "nobody")
        with pytest.raises(TypeError):
            del fields["authorization"]
        with pytest.raises(TypeError):
            fields["authorization"] = "Bearer bob"
        tried.append(name)
        return await by_header(facts)

    async with hosted(target(authenticate=changing), parser=parser) as host:
        wire = host.wire()
        for _ in range(3):
            answer = await wire.ask(modern(call(1, "whoami"), ANN))
            assert text_of(answer) == "ann"
        assert text_of(await wire.ask(modern(call(100, "whoami"), ANN))) == "ann"
    assert tried == ["Bearer ann"] * 4


LISTEN = request(1, "subscriptions/listen", {"notifications": {"toolsListChanged": True}})


@pytest.mark.rule("T14", "T17", "T19")
@pytest.mark.parametrize("what", ["listen", "get", "call", "initialize"])
async def test_who_is_known_only_after_the_end_has_begun_is_not_served(what: str) -> None:
    hook, calls = Waiting(), Calls()

    async def slow_for_some(facts: RequestFacts) -> Principal | None:
        if "x-slow" in facts.fields:
            return await hook(facts)
        return Principal("tests", "ann")

    server = target(calls, authenticate=slow_for_some)
    slow: Changes = {"X-Slow": "yes"}
    drain = 6.0
    async with anyio.create_task_group() as group:
        async with serve_http(server, port=0, limits=HttpLimits(drain=drain)) as serving:
            host = Host(serving)
            session = await host.open()
            listening, late = host.wire(), host.wire()
            await listening.send(modern(LISTEN))
            await listening.begin()
            asked = {
                "listen": modern(LISTEN, slow),
                "get": get({**session.fields, **slow}),
                "call": modern(call(1, "hold", key="k"), slow),
                "initialize": post(initialize(), slow),
            }
            await late.send(asked[what])
            await until(lambda: hook.begun)

            async def is_refused() -> None:
                await listening.messages()  # which end when the server begins to
                hook.released.set()
                refused = await late.response()
                assert refused.status == 503
                assert "shutting down" in refused.error["message"]
                assert not refused.goes_on
                host.close()

            group.start_soon(is_refused)
            began = time.monotonic()
        assert time.monotonic() - began < drain / 2, "nobody is waited for"
    assert not calls.count


@pytest.mark.rule("T14", "T17")
async def test_the_end_of_a_server_ends_what_it_asks() -> None:
    hook = Waiting()
    async with hosted(target(authenticate=hook)) as host:
        await host.wire().send(post(initialize()))
        await until(lambda: hook.begun)
    await until(lambda: hook.cancelled)
