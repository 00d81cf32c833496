"""The everything server is the fixture that the suite looks for, in both eras and without HTTP."""

from collections.abc import AsyncIterator

import pytest

from barewire import Client, RequestError
from examples.everything import server
from tests.conformance.subjects import SERVER


@pytest.fixture(params=["legacy", "modern"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with Client(server, mode=request.param) as client:
        yield client


async def test_it_is_served_on_standard_input_and_output_as_well() -> None:
    async with Client(SERVER) as client:
        result = await client.call_tool("test_simple_text")
    assert result.content == [{"type": "text", "text": "This is a simple text."}]


async def test_the_first_tool_takes_nothing_and_all_are_described(client: Client) -> None:
    tools = await client.list_tools()
    assert all(tool.description for tool in tools)
    assert not (await client.call_tool(tools[0].name, {})).is_error
    (mirrored,) = [tool for tool in tools if tool.name == "test_x_mcp_header"]
    assert mirrored.input_schema["properties"]["region"] == {
        "type": "string",
        "x-mcp-header": "Region",
    }


@pytest.mark.parametrize(
    ("tool", "kinds"),
    [
        ("test_simple_text", ["text"]),
        ("test_image_content", ["image/png"]),
        ("test_audio_content", ["audio/wav"]),
        ("test_embedded_resource", ["resource"]),
        ("test_multiple_content_types", ["text", "image/png", "resource"]),
    ],
)
async def test_content_is_of_the_kind_that_its_tool_is_named_for(
    client: Client, tool: str, kinds: list[str]
) -> None:
    result = await client.call_tool(tool)
    assert [block.get("mimeType", block["type"]) for block in result.content] == kinds


async def test_progress_comes_three_times_and_then_the_result(client: Client) -> None:
    seen: list[tuple[float, float | None]] = []

    def progressed(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    result = await client.call_tool("test_tool_with_progress", on_progress=progressed)
    assert seen == [(0, 100), (50, 100), (100, 100)]
    assert not result.is_error


async def test_a_client_without_a_model_is_refused_with_what_it_lacks(client: Client) -> None:
    with pytest.raises(RequestError) as raised:
        await client.call_tool("test_missing_capability")
    assert raised.value.data == {"requiredCapabilities": {"sampling": {}}}


async def test_a_tool_comes_and_goes(client: Client) -> None:
    async def names() -> set[str]:
        return {tool.name for tool in await client.list_tools()}

    before = await names()
    await client.call_tool("test_trigger_tool_change")
    assert await names() - before == {"test_tool_that_comes_and_goes"}
    await client.call_tool("test_trigger_tool_change")
    assert await names() == before
