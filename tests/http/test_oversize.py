"""T33, CVE-2025-53366, -2026-39313: whatever is too large, too deep or too many is refused."""

import json

import pytest

from barewire.protocol.revisions import V2025_03_26
from barewire.session.limits import HttpLimits
from barewire.transports.http.parsing import ParserName
from tests.http.hosting import Calls, goes_on_as_it_said, hosted, refuse, target
from tests.http.words import PING, call, chunked, delete, get, initialize, modern, post, request

KIB = 1024
HEAD = 16 * KIB


def padded(data: bytes, size: int, name: str = "X-Padding") -> bytes:
    """A request with a field that makes its head so large."""
    head, end, body = data.partition(b"\r\n\r\n")
    room = size - len(head) - len(end) - len(f"\r\n{name}: ")
    return b"%b\r\n%b: %b%b%b" % (head, name.encode(), b"x" * room, end, body)


@pytest.mark.rule("T33", "B30")
async def test_a_head_has_sixteen_kibibytes(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for name in ("X-Padding", "Cookie", "Mcp-Param-X"):
            assert (await host.ask(padded(post(initialize()), HEAD, name))).status == 200
            refused = await refuse(host, padded(post(initialize()), HEAD + 1, name), 431)
            assert not refused.goes_on
            assert "limits.head" in refused.error["message"]


@pytest.mark.rule("T33", "B30")
async def test_a_head_that_does_not_end_is_refused_once_it_is_too_large(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for start in (
            b"POST /mcp HTTP/1.1\r\nX: ",
            b"GET /",
            b"A",
            b"POST /mcp HTTP/1.1\r\n" + b"a:\r\n" * 5_000,
        ):
            await refuse(host, start + b"x" * HEAD, 431)


@pytest.mark.rule("T33", "B30")
async def test_many_fields_are_as_good_as_few_large_ones(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        whole = post(initialize())
        room = HEAD - len(whole.partition(b"\r\n\r\n")[0]) - 8
        for field in (b"a:\r\n", b"Accept: */*\r\n"):
            fields = field * (room // len(field))
            assert (await host.ask(whole.replace(b"Host", fields + b"Host", 1))).status == 200
            await refuse(host, whole.replace(b"Host", fields * 2 + b"Host", 1), 431)


@pytest.mark.rule("T33", "B30")
async def test_a_long_target_is_nowhere(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        await refuse(host, get(target="/" + "x" * 12_000), 404)
        assert (await host.ask(post(initialize(), target="/mcp?" + "x" * 12_000))).status == 200
        await refuse(host, get(target="/" + "x" * HEAD), 431)


@pytest.mark.rule("T33", "B30")
async def test_a_body_is_taken_up_to_its_limit(parser: ParserName) -> None:
    limit = 10_000
    async with hosted(parser=parser, limits=HttpLimits(body=limit)) as host:

        def sized(size: int) -> bytes:
            empty = json.dumps(initialize()).encode()
            return empty + b" " * (size - len(empty))

        assert (await host.ask(post(sized(limit)))).status == 200
        assert (await host.ask(chunked(sized(limit)))).status == 200
        assert (await host.ask(chunked(*(bytes([c]) for c in sized(limit))))).status == 200
        for data in (
            post(sized(limit + 1)),
            post(b"", {"Content-Length": str(limit + 1)}),
            post(b"", {"Content-Length": "9" * 18}),
            post(b"", {"Content-Length": str(limit + 1), "Expect": "100-continue"}),
            chunked(sized(limit), b" "),
            chunked(sized(limit + 1)),
            chunked(b"x").replace(b"\r\n1\r\n", b"\r\nFFFFFFFFFFFFFFFF\r\n"),
        ):
            refused = await refuse(host, data, 413)
            assert not refused.goes_on
            assert "limits.body" in refused.error["message"]


@pytest.mark.rule("T33", "B30")
async def test_four_mebibytes_are_enough_for_everybody(parser: ParserName) -> None:
    limit, calls = 4 * KIB * KIB, Calls()
    async with hosted(target(calls), parser=parser) as host:
        empty = modern(call(1, "echo", text="")).partition(b"\r\n\r\n")[2]
        text = "x" * (limit - len(empty))
        whole = modern(call(1, "echo", text=text))
        answer = (await host.ask(whole)).json
        assert answer["result"]["content"][0]["text"] == text
        await refuse(host, modern(call(1, "echo", text=text + "x")), 413)
        assert calls.count == 1


@pytest.mark.rule("T33", "B30")
async def test_a_refusal_before_the_body_survives_a_client_that_goes_on_sending() -> None:
    async with hosted() as host:
        for _ in range(5):
            wire = host.wire()
            await wire.send(post(b"", {"Content-Length": str(8 * KIB * KIB)}))
            for _ in range(8):
                wire.send_some(b"x" * KIB * KIB)
            refused = await wire.response()
            assert refused.status == 413
            assert refused.error


@pytest.mark.rule("T33", "B30")
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
async def test_deep_json_is_no_json(bracket: bytes, parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for depth in (1_025, 100_000):
            nested = bracket * depth
            closed = nested + b"1" + (b"]" if bracket == b"[" else b"}") * depth
            for body in (nested, closed):
                await refuse(host, post(body), 400, code=-32700)
        deep = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + bracket * 2_000
        response = await host.ask(
            post(deep + b"1" + (b"]" if bracket == b"[" else b"}") * 2_000 + b"}")
        )
        assert (response.status, response.error["code"]) == (400, -32700)


@pytest.mark.rule("T33", "B30")
@pytest.mark.parametrize("stateless", [False, True])
async def test_a_batch_has_a_hundred_messages(stateless: bool) -> None:
    async with hosted(stateless_http=stateless) as host:
        fields = {} if stateless else (await host.open(V2025_03_26)).fields
        hundred = [request(id, "ping") for id in range(100)]
        answered = await host.ask(post(hundred, fields))
        assert [one["id"] for one in answered.json] == list(range(100))
        refused = await host.ask(post([*hundred, request(100, "ping")], fields))
        assert (refused.status, refused.error["code"]) == (400, -32600)
        assert "id" not in refused.json


@pytest.mark.rule("T33", "T14", "B30")
async def test_long_values_are_refused_in_few_words() -> None:
    long = "x" * 10_000
    async with hosted() as host:
        session = await host.open()
        refusals = [
            (404, post(PING, {"Mcp-Session-Id": long})),
            (404, get({"Mcp-Session-Id": long})),
            (404, delete({"Mcp-Session-Id": long})),
            (400, get({**session.fields, "Last-Event-ID": long})),
            (400, get({**session.fields, "Last-Event-ID": "9" * 10_000 + "-1"})),
            (400, post(PING, {**session.fields, "MCP-Protocol-Version": long})),
            (400, post(PING, {"MCP-Protocol-Version": long})),
            (415, post(PING, {"Content-Type": long})),
            (421, post(PING, {"Host": long})),
            (403, post(PING, {"Origin": "http://" + long})),
            (501, get().replace(b"GET", b"X" * 10_000)),
            (417, get({"Expect": long})),
            (501, post(PING, {"Transfer-Encoding": long, "Content-Length": None})),
            (400, post(PING, {"Content-Length": "1" * 10_000})),
            (404, post(PING, target=f"/{long}")),
            (400, modern(call(1, "echo", text="x"), {"Mcp-Name": long})),
            (400, modern(call(1, "echo", text="x"), {"Mcp-Method": long})),
            (400, modern(call(1, "echo", text="x"), {"MCP-Protocol-Version": long})),
            (404, modern(request(1, "x" * 10_000))),
            (
                400,
                modern(
                    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "y"}},
                    {"Mcp-Name": long},
                ),
            ),
        ]
        for status, data in refusals:
            wire = host.wire()
            response = await wire.ask(data)
            assert response.status == status, data[:200]
            assert response.error
            assert len(response.body) < 1_000
            await goes_on_as_it_said(wire, response)


@pytest.mark.rule("T33", "B30")
async def test_a_weight_or_a_quotation_without_an_end_takes_no_time() -> None:
    """Fields that a careless pattern would read in quadratic time, or worse."""
    async with hosted() as host:
        for name in ("Accept", "Content-Type", "Last-Event-ID", "Connection", "Host", "Origin"):
            for unit in (";a=b", ' "', '"\\', "a/b,", "1-", ";" * 2, ", ", "\t;", "(", "a" * 3):
                value = "application/json" + unit * (12_000 // len(unit))
                assert (await host.ask(post(PING, {name: value}))).status < 500
