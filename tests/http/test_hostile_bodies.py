"""T5, T33, T36, B2: whatever a body holds, it is answered once, and nothing else comes of it."""

import json
import logging
from typing import Any

import pytest

from barewire.fuzz.cases import cases
from barewire.protocol.revisions import V2026_07_28
from tests.http.hosting import Calls, Host, hosted, target
from tests.http.raw import Response
from tests.http.words import Changes, call, initialize, modern, post, request

LINES = [(case, line) for case in cases() for line in case.lines]

MODERN: Changes = {"MCP-Protocol-Version": V2026_07_28.name}


def answered(response: Response) -> list[str]:
    """What a body answers, in the words of the corpus, ids aside."""
    answers: list[Any] = [response.json] if response.body else []
    return ["result" if "result" in one else str(one["error"]["code"]) for one in answers]


@pytest.mark.rule("T5", "B2", "T33", "S-09")
async def test_each_case_of_the_corpus_is_answered_in_a_session_as_on_a_pipe() -> None:
    async with hosted() as host:
        for case in cases():
            session = await host.open()
            if len(case.lines) > 1 or "batch" in "".join(case.shapes):
                continue  # a POST is one message, and this revision has no batches
            if b"modelcontextprotocol" in case.data:
                continue  # which misses the headers that repeat the envelope
            response = await session.ask(case.data, {"Accept": "application/json"})
            wanted = [answer.rpartition(": ")[2] for answer in case.server]
            got = answered(response)
            if wanted:
                assert got == wanted, case
            else:  # on a pipe nothing is said to it; a POST always is
                assert response.status == 202 or set(got) <= {"-32600", "-32602", "-32700"}, case
            if "result" not in got:
                assert (response.status >= 400) == (response.status not in (200, 202))


@pytest.mark.rule("T5", "B2", "T33", "B30")
@pytest.mark.parametrize("where", ["nowhere", "session", "stateless", "modern"])
async def test_every_body_gets_one_answer_and_the_next_request_another(where: str) -> None:
    async with hosted(stateless_http=where == "stateless") as host:
        wire = host.wire()
        fields: Changes = {"Accept": "application/json"}
        if where == "session":
            fields = {**(await host.open()).fields, **fields}
        elif where == "modern":
            fields = {**MODERN, **fields}
        for case, line in LINES:
            response = await wire.ask(post(line, fields))
            assert 200 <= response.status < 500, case
            assert response.goes_on, case
            if response.status not in (200, 202):
                assert response.error, case
        assert wire.quiet()


HOSTILE = "line one\nline two\r\n\x1b[31mred\x07\u202e" + "x" * 5_000

MESSAGES: list[dict[str, Any]] = [
    {"jsonrpc": "2.0", "id": HOSTILE, "result": {}},
    {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": HOSTILE}},
    {"jsonrpc": "2.0", "id": HOSTILE, "error": {"code": 1, "message": HOSTILE}},
    {"jsonrpc": "2.0", "method": HOSTILE},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": HOSTILE}},
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": HOSTILE}},
    {"jsonrpc": "2.0", "method": "notifications/initialized", "params": HOSTILE},
    {"jsonrpc": HOSTILE, "id": 1, "method": "ping"},
    {"jsonrpc": "2.0", "id": [HOSTILE], "method": "ping"},
    request(1, HOSTILE),
    call(1, HOSTILE),
    call(1, "echo", text=[HOSTILE]),
    request(1, "tools/list", {"cursor": HOSTILE}),
    request(1, "logging/setLevel", {"level": HOSTILE}),
    request(1, "initialize", {"protocolVersion": HOSTILE}),
    request(1, "initialize", {**initialize()["params"], "clientInfo": HOSTILE}),
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", HOSTILE: 1}},
]


async def say_hostile_things(host: Host) -> list[Response]:
    session = await host.open()
    said: list[Response] = []
    for message in MESSAGES:
        body = json.dumps(message).encode()
        said.append(await host.ask(post(body)))
        said.append(await session.ask(body))
        said.append(await host.ask(post(body, MODERN)))
        if message.get("method", HOSTILE) != HOSTILE and isinstance(message.get("params"), dict):
            said.append(await host.ask(modern(message, {"Mcp-Name": "echo"})))
    return said


@pytest.mark.rule("T36", "T33")
async def test_what_clients_say_is_logged_in_one_line_and_briefly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "barewire")
    calls = Calls()
    async with hosted(target(calls)) as host:
        said = await say_hostile_things(host)
    for response in said:
        assert response.status < 500
        if response.body and response.json.get("id") != HOSTILE:
            assert len(response.body) < 12_000
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("barewire")]
    assert ours
    for line in ours:
        assert line.isprintable(), line
        assert len(line) <= 256, line
