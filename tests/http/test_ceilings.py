"""T33, T6, GHSA-9pj6: of everything that a client can open there is only so much."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from barewire.session.limits import HttpLimits, Limits
from barewire.session.principal import Principal, RequestFacts
from barewire.transports.http.parsing import ParserName
from tests.app.peers import until
from tests.http.hosting import SESSION, Calls, goes_on_as_it_said, hosted, target
from tests.http.words import PING, call, chunked, delete, get, initialize, modern, post, request

LISTEN = request(1, "subscriptions/listen", {"notifications": {"toolsListChanged": True}})


@pytest.mark.rule("T33", "B30")
async def test_connections_beyond_the_limit_are_told_and_closed(parser: ParserName) -> None:
    async with hosted(parser=parser, limits=HttpLimits(connections=2)) as host:
        first, second = host.wire(), host.wire()
        for wire in (first, second):
            assert (await wire.ask(post(initialize()))).status == 200
        for data in (post(initialize()), get(), delete(), modern(call(1, "echo", text="x"))):
            wire = host.wire()
            refused = await wire.ask(data)
            assert refused.status == 503
            assert refused.error["code"] == -32603
            assert "limits.connections" in refused.error["message"]
            assert not refused.goes_on, "there may be room by the next time"
            assert await wire.rest() == b""
            wire.close()
        assert (await first.ask(post(initialize()))).status == 200, "those within are served"
        second.close()
        await until(lambda: host.serving.http.connections == 1)
        assert (await host.ask(post(initialize()))).status == 200


@pytest.mark.rule("T33", "B30")
async def test_a_flood_of_connections_leaves_those_within_alone() -> None:
    async with hosted(limits=HttpLimits(connections=10)) as host:
        inside = [host.wire() for _ in range(10)]
        for wire in inside:
            assert (await wire.ask(post(initialize()))).status == 200
        flood = [host.wire() for _ in range(400)]
        for wire in inside:
            assert (await wire.ask(post(initialize()))).status == 200
        assert host.serving.http.connections <= 110
        cut = 0
        for wire in flood[100:]:
            cut += await wire.rest() == b""
        assert cut == 300, "they are not even listened to"
        for wire in flood:
            wire.close()
        await until(lambda: host.serving.http.connections == 10)


@pytest.mark.rule("T33", "T6", "B30")
async def test_sessions_beyond_the_limit_are_not_opened() -> None:
    async with hosted(limits=HttpLimits(sessions=3)) as host:
        sessions = [await host.open() for _ in range(3)]
        wire = host.wire()
        for id in (7, "seven"):
            refused = await wire.ask(post(initialize(id)))
            assert refused.status == 503
            assert refused.error["code"] == -32603
            assert refused.json["id"] == id
            assert refused.field(SESSION) is None
            assert "limits.sessions" in refused.error["message"]
        await goes_on_as_it_said(wire, refused)
        assert (await sessions[0].ask(PING)).status == 200
        assert (await host.ask(modern(call(1, "echo", text="x")))).status == 200
        assert (await host.ask(delete(sessions[1].fields))).status == 200
        await host.open()


@pytest.mark.rule("T6", "T14", "B30")
async def test_what_opens_no_session_takes_no_room() -> None:
    async def nobody(_: RequestFacts) -> Principal | None:
        return None

    wrong = [
        post(request(1, "initialize", {})),
        post(request(1, "initialize")),
        post(initialize(None)),
        post({"jsonrpc": "2.0", "method": "initialize", "params": initialize()["params"]}),
        post([initialize()]),
        post([initialize(), PING]),
        post(initialize(), {"Content-Type": "text/plain"}),
        post(initialize(), {"Origin": "http://evil.example"}),
        post(initialize(), {"Mcp-Session-Id": "chosen"}),
        modern(initialize()),
        post(PING),
        get(),
    ]
    async with hosted(limits=HttpLimits(sessions=1)) as host:
        for data in wrong:
            refused = await host.ask(data)
            assert refused.field(SESSION) is None, data
            assert "error" in str(refused.json), data
        await host.open()
    async with hosted(target(authenticate=nobody), limits=HttpLimits(sessions=1)) as host:
        for _ in range(3):
            assert (await host.ask(post(initialize()))).status == 401


@pytest.mark.rule("T6", "T33", "B27")
async def test_what_a_client_says_of_itself_is_kept_so_it_has_a_limit() -> None:
    long = "x" * 100_000
    about: list[tuple[str, object]] = [
        ("clientInfo", {"name": "n", "version": "1", "title": long}),
        ("clientInfo", {"name": "n", "version": "1", "icons": [{"src": f"data:,{long}"}]}),
        ("capabilities", {"experimental": {"x": {"y": long}}}),
    ]
    for stateless in (False, True):
        async with hosted(stateless_http=stateless) as host:
            for name, value in about:
                message = initialize("id")
                message["params"][name] = value
                for data in (post(message), chunked(json.dumps(message).encode())):
                    answer = await host.ask(data)
                    assert answer.json["id"] == "id"
                    assert answer.status == (200 if stateless else 413)
                    assert ("limits.initialize" in answer.body.decode()) != stateless
                    assert answer.field(SESSION) is None
                    assert answer.goes_on
                message["params"][name] = {**initialize()["params"][name], "x": long[:60_000]}
                assert (await host.ask(post(message))).status == 200


@pytest.mark.rule("T33", "S-11")
async def test_what_a_client_says_of_itself_may_be_nested_as_deeply_as_anything() -> None:
    nested = "[" * 300 + "]" * 300
    body = json.dumps(initialize()).replace(
        '"capabilities": {}', f'"capabilities": {{"x": {nested}}}'
    )
    assert nested in body
    for stateless in (False, True):
        async with hosted(stateless_http=stateless) as host:
            assert (await host.ask(chunked(body.encode()))).status == 200


@pytest.mark.rule("T33", "T37", "B30")
async def test_open_subscriptions_have_a_limit() -> None:
    async with hosted(limits=HttpLimits(listening=2)) as host:
        open_ones = [host.wire() for _ in range(2)]
        for wire in open_ones:
            await wire.send(modern(LISTEN))
            assert (await wire.begin()).status == 200
        refused = await host.ask(modern(LISTEN))
        assert refused.status == 503
        assert refused.json["id"] == 1
        assert refused.error["data"]["retryable"] is True
        open_ones[0].close()
        await until(lambda: host.serving.http.connections == 1)
        again = host.wire()
        await again.send(modern(LISTEN))
        assert (await again.begin()).status == 200


@pytest.mark.rule("T33", "S-59", "B30")
@pytest.mark.parametrize("era", ["modern", "stateless", "session"])
async def test_calls_that_run_and_wait_have_a_limit(era: str) -> None:
    calls = Calls()
    server = target(calls, limits=Limits(running=2, queued=1))
    limits = HttpLimits(running=2, queued=1)
    async with hosted(server, limits=limits, stateless_http=era == "stateless") as host:
        say: Callable[[object], bytes] = post
        if era == "modern":
            say = modern  # type: ignore[assignment]  # it takes messages only
        elif era == "session":
            say = (await host.open()).post
        wires = [host.wire() for _ in range(3)]
        for number, wire in enumerate(wires):
            await wire.ask(get({"Host": "evil.example"}))  # so that it is accepted
            await wire.send(say(call(number, "hold", key=str(number))))
            await host.ask(say(PING))  # so that it is read
            if number < 2:
                await until(partial(calls.begun.__contains__, str(number)))
        refused = await host.ask(say(call(9, "hold", key="9")))
        assert refused.status == 503
        assert refused.json["id"] == 9
        assert refused.error["code"] == -32603
        assert refused.error["data"]["retryable"] is True
        for number, wire in enumerate(wires):
            calls.released[str(number)].set()
            assert (await wire.answer())["id"] == number
