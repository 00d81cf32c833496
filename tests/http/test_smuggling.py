"""T13, T33: bytes that two readers could understand in two ways reach no tool, and are the last."""

import pytest

from barewire.transports.http.parsing import ParserName
from tests.http.hosting import Calls, Host, goes_on_as_it_said, hosted, target
from tests.http.raw import Response
from tests.http.words import PING, call, chunked, get, initialize, modern, post
from tests.transports.http.test_chunks import BROKEN
from tests.transports.http.test_connection_attacks import HEADS

TWICE = [
    ("Host", "localhost", "localhost"),
    ("Host", "localhost", "evil.example"),
    ("Content-Length", "2", "2"),
    ("Content-Type", "application/json", "text/plain"),
    ("Transfer-Encoding", "chunked", "chunked"),
    ("Origin", "http://localhost", "http://evil.example"),
    ("Authorization", "Bearer ann", "Bearer bob"),
    ("Expect", "100-continue", "100-continue"),
    ("Last-Event-ID", "1-1", "1-2"),
    ("Mcp-Session-Id", "a", "b"),
    ("MCP-Protocol-Version", "2026-07-28", "2025-11-25"),
    ("Mcp-Method", "tools/call", "tools/list"),
    ("Mcp-Name", "echo", "hold"),
    ("Mcp-Param-Region", "a", "b"),
]
"""Fields that say one thing; the first value would be fine."""


async def refused_as_the_last(host: Host, data: bytes, status: int) -> Response:
    """See bytes refused on a connection that worked before and works no more."""
    smuggled = modern(call(9, "echo", text="smuggled"))
    wire = host.wire()
    assert (await wire.ask(modern(call(1, "echo", text="before")))).status == 200
    await wire.send(data + smuggled)
    response = await wire.response()
    assert response.status == status, response
    assert response.error["code"] == -32600
    assert "id" not in response.json
    assert response.field("connection") == "close"
    assert await wire.rest() == b"", "one answer and no more"
    wire.close()
    return response


@pytest.mark.rule("T13", "T33", "B30", "S-20")
async def test_a_head_that_leaves_a_doubt_is_the_last_and_reaches_no_tool(
    parser: ParserName,
) -> None:
    calls = Calls()
    async with hosted(target(calls), parser=parser) as host:
        for case in HEADS:
            data, status = case.values
            assert isinstance(data, bytes)
            assert isinstance(status, int)
            await refused_as_the_last(
                host, data.replace(b"Host: a\r\n", b"Host: localhost\r\n"), status
            )
        assert calls.count == len(HEADS)


@pytest.mark.rule("T13", "T33", "B30", "S-20")
async def test_chunks_that_leave_a_doubt_are_the_last_and_reach_no_tool(
    parser: ParserName,
) -> None:
    calls = Calls()
    async with hosted(target(calls), parser=parser) as host:
        head = chunked().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        for case in BROKEN:
            (body,) = case.values
            assert isinstance(body, bytes)
            wire = host.wire()
            await wire.send(head + body + modern(call(9, "echo", text="smuggled")))
            response = await wire.response()
            assert response.status in (400, 413, 431), body
            assert "id" not in response.json
            assert response.error
            await goes_on_as_it_said(wire, response)
            assert not response.goes_on
        assert not calls.count


@pytest.mark.rule("T13", "T33", "B30")
@pytest.mark.parametrize(("name", "first", "second"), TWICE, ids=[f"{a} {b}" for a, b, _ in TWICE])
async def test_a_field_that_says_one_thing_is_there_once(
    name: str, first: str, second: str, parser: ParserName
) -> None:
    calls = Calls()
    async with hosted(target(calls), parser=parser) as host:
        whole = modern(
            call(1, "echo", text="x"), {name: None} if name != "Transfer-Encoding" else {}
        )
        line, rest = whole.split(b"\r\n", 1)
        for spelled in (name, name.lower(), name.upper()):
            twice = f"\r\n{name}: {first}\r\n{spelled}: {second}\r\n".encode()
            refused = await refused_as_the_last(host, line + twice + rest, 400)
            assert name.lower() in refused.error["message"]
        assert calls.count == 3


@pytest.mark.rule("T33", "S-20")
async def test_a_list_may_be_sent_in_parts(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        whole = post(initialize(), {"Accept": "text/event-stream"})
        parts = whole.replace(b"Accept:", b"Accept: text/html\r\nAccept:")
        assert (await host.ask(parts)).status == 200


@pytest.mark.rule("T33", "S-20")
async def test_a_length_is_exact(parser: ParserName) -> None:
    """What is behind a body is the next request, however it looks."""
    async with hosted(parser=parser) as host:
        wire = host.wire()
        await wire.send(post(initialize()) + post(PING, {"Content-Length": "5"}) + b"\r\n")
        assert (await wire.response()).status == 200
        cut = await wire.response()
        assert (cut.status, cut.error["code"]) == (400, -32700)
        assert cut.goes_on, "a body of five bytes that are no JSON"
        rest = await wire.response()
        assert (rest.status, rest.goes_on) == (400, False), "the rest of it is no request"
        assert await wire.rest() == b""


@pytest.mark.rule("T33", "S-20")
async def test_requests_sent_ahead_are_answered_each_once_and_in_order(parser: ParserName) -> None:
    calls = Calls()
    async with hosted(target(calls), parser=parser) as host:
        wire = host.wire()
        body = modern(call(0, "echo", text="0")).partition(b"\r\n\r\n")[2]
        requests = [
            modern(call(number, "echo", text=str(number)), {"Accept": accept})
            for number in range(20)
            for accept in ("application/json", "text/event-stream")
        ]
        assert body
        await wire.send(b"".join(requests) + get({"Host": "evil.example"}))
        for number in range(20):
            assert (await wire.response()).json["id"] == number
            await wire.begin()
            assert [one["id"] for one in await wire.messages()] == [number]
        assert (await wire.response()).status == 421
        assert calls.count == 40
