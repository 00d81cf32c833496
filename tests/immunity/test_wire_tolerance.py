"""B21 to B24, B29, T31: one odd item does not lose the rest; what is wrong is refused by name."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from barewire import Client, Violated
from barewire.protocol.revisions import V2025_11_25, V2026_07_28, Revision
from tests.immunity.processes import bad_server, text_in
from tests.immunity.wires import WireServer

each_mode = pytest.mark.parametrize("mode", ["legacy", "modern"])

RESULT = '{"jsonrpc": "2.0", "id": %%ID%%, "result": {"resultType": "complete", %s}}\n'
PROGRESS = (
    '{"jsonrpc": "2.0", "method": "notifications/progress", "params": '
    '{"progressToken": %%TOKEN%%, "progress": %s}}\n'
)


def answering(text: str) -> dict[str, Any]:
    return {"raw": b64encode(text.encode()).decode(), "silent": True}


@each_mode
@pytest.mark.rule("B21", "T31")
async def test_a_block_of_an_unknown_type_is_kept_as_it_came(mode: Any) -> None:
    blocks = '[{"type": "hologram", "depth": 3}, {"type": "text", "text": "a", "new": 1}]'
    async with Client(bad_server("does_as_told", mode), mode=mode) as client:
        result = await client.call_tool("t", answering(RESULT % f'"content": {blocks}, "more": 1'))
    assert result.content == [
        {"type": "hologram", "depth": 3},
        {"type": "text", "text": "a", "new": 1},
    ]
    assert result.text == "a"
    assert result.raw["more"] == 1


@each_mode
@pytest.mark.rule("B22", "T31")
@pytest.mark.parametrize("content", ["", '"content": null, ', '"content": 7, '])
async def test_a_result_without_content_has_none(mode: Any, content: str) -> None:
    async with Client(bad_server("does_as_told", mode), mode=mode) as client:
        text = RESULT % f'{content}"structuredContent": {{"a": 1}}'
        result = await client.call_tool("t", answering(text))
    assert (result.content, result.text, result.is_error) == ([], "", False)
    assert result.structured_content == {"a": 1}


@each_mode
@pytest.mark.rule("T31")
async def test_a_bad_tool_does_not_lose_the_others_and_is_told(mode: Any) -> None:
    faults: list[Violated] = []
    target = bad_server("does_as_told", mode)
    async with Client(target, mode=mode, on_fault=faults.append) as client:
        tools = await client.list_tools()
    assert [tool.name for tool in tools] == ["good", "odd", "last"]
    no_tool, odd = (fault.detail for fault in faults)
    assert no_tool.startswith("tools/list: tools[1]")
    assert odd.startswith("tools/list: tools[2]")
    assert "inputSchema" in odd


@each_mode
@pytest.mark.rule("B23", "C-13")
async def test_progress_that_does_not_increase_is_dropped(mode: Any) -> None:
    seen: list[float] = []
    reports = "".join(PROGRESS % value for value in (1, 5, 3, 5, 5.5, "null", '"6"', -1, 7))
    async with Client(bad_server("does_as_told", mode), mode=mode) as client:
        told = answering(reports + RESULT % '"content": []')
        await client.call_tool("t", told, on_progress=lambda *at: seen.append(at[0]))
    assert seen == [1, 5, 5.5, 7]


@each_mode
@pytest.mark.rule("B23")
async def test_a_strict_client_tells_of_it(mode: Any) -> None:
    faults: list[Violated] = []
    reports = "".join(PROGRESS % value for value in (1, 5, 3))
    target = bad_server("does_as_told", mode)
    async with Client(target, mode=mode, strict=True, on_fault=faults.append) as client:
        await client.call_tool("t", answering(reports + RESULT % '"content": []'))
    assert [fault.detail for fault in faults] == ["progress must increase: 3 after 5"]


@pytest.fixture(scope="module", params=[V2025_11_25, V2026_07_28], ids=lambda one: one.name)
def server(anyio_backend: str, request: pytest.FixtureRequest) -> Iterator[WireServer]:
    revision: Revision = request.param
    with WireServer(anyio_backend, revision) as server:
        yield server.shake_hands()
        assert server.finish() == 0


@pytest.mark.rule("B23", "S-33", "M1105-PROG-03")
def test_a_handler_that_counts_badly_keeps_its_result_and_only_what_increases_is_sent(
    server: WireServer,
) -> None:
    assert server.tell("report", values=[1, 5, 3, 5, 5.5]) == "done"
    assert [one["params"]["progress"] for one in server.take()] == [1, 5, 5.5]


@pytest.mark.rule("B24", "S-48")
@pytest.mark.parametrize("cursor", ["zz", "", "0", "dG9vbHMvbGlzdDow", 7])
def test_a_cursor_that_was_never_given_out_is_refused(server: WireServer, cursor: object) -> None:
    answer = server.answer(server.request("tools/list", {"cursor": cursor}))
    assert answer["error"]["code"] == -32602


@pytest.mark.rule("B29")
def test_a_number_that_json_does_not_have_is_an_error_that_names_it(server: WireServer) -> None:
    answer = server.ask("number", x=1.0)
    assert answer["result"]["isError"] is True
    assert "result is NaN or infinite" in text_in(answer)
    assert "structuredContent" not in answer["result"]
