"""What tools return, in each revision."""

import dataclasses
import datetime
import enum
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypedDict

import jsonschema_rs
import msgspec
import pytest

from barewire import Client, Server, ToolResult
from barewire.content import Content, audio, embedded, image, link, text
from barewire.protocol.payloads import TextContent
from barewire.protocol.revisions import (
    ALL,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)
from barewire.protocol.shapes import checker_named
from tests.app.peers import Object, Peer, text_of

WITHOUT_DATA = (V2024_11_05, V2025_03_26)
WITH_OBJECTS = (V2025_06_18, V2025_11_25)

each_revision = pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)


class Color(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Tree(msgspec.Struct):
    value: int
    children: list["Tree"] = []


class Weather(TypedDict):
    degrees: float


def returning(value: Any, annotation: Any) -> Callable[[], Coroutine[Any, Any, Any]]:
    async def tool() -> Any:
        return value

    tool.__annotations__["return"] = annotation
    return tool


async def returned(value: Any, revision: Revision, annotation: Any = Any) -> Object:
    """Return the result of a tool that returns `value` and is annotated so."""
    server = Server("s")
    server.tool(name="tool")(returning(value, annotation))
    async with Peer(server, revision) as peer:
        result = await peer.call("tool")
    fault = checker_named("CallToolResult", revision)(result, "result")
    assert fault is None, fault
    return result


class TestContent:
    @each_revision
    async def test_text_is_text_and_nothing_more(self, revision: Revision) -> None:
        result = await returned("hé\u2028\x00", revision, str)
        assert result["content"] == [{"type": "text", "text": "hé\u2028\x00"}]
        assert result["isError"] is False
        assert "structuredContent" not in result

    @each_revision
    @pytest.mark.parametrize("annotation", [None, Any])
    async def test_nothing_is_no_content(self, revision: Revision, annotation: Any) -> None:
        result = await returned(None, revision, annotation)
        assert result["content"] == []
        assert "structuredContent" not in result

    @each_revision
    async def test_blocks_are_content_alone_and_in_a_list(self, revision: Revision) -> None:
        block = image(b"png", "image/png")
        for value, annotation in [
            (block, Content),
            (block, Any),
            ([block], list[Content]),
            (["a", block], list[Content | str]),
            (("a", block), Any),
            ([block], list),
            ([block, "a"], list[Any]),
            ([], list[Content]),
        ]:
            result = await returned(value, revision, annotation)
            items = value if isinstance(value, list | tuple) else [value]
            expected = [text(item) if isinstance(item, str) else item for item in items]
            assert result["content"] == expected
            assert "structuredContent" not in result

    async def test_a_typed_dict_of_the_protocol_is_a_block(self) -> None:
        block: TextContent = {"type": "text", "text": "plain"}
        for annotation in (TextContent, list[TextContent]):
            value = block if annotation is TextContent else [block]
            result = await returned(value, V2026_07_28, annotation)
            assert result["content"] == [block]
            assert "structuredContent" not in result

    async def test_a_union_of_contents_is_content(self) -> None:
        for value in ("text", None, text("block"), ToolResult([text("whole")])):
            result = await returned(value, V2026_07_28, str | Content | ToolResult | None)
            assert "structuredContent" not in result

    @pytest.mark.parametrize("revision", [V2024_11_05], ids=["2024-11-05"])
    async def test_sound_becomes_a_resource_where_there_is_no_sound(
        self, revision: Revision
    ) -> None:
        result = await returned(audio(b"wav", "audio/wav"), revision)
        assert result["content"] == [embedded("audio:", b"wav", "audio/wav")]

    @pytest.mark.parametrize("revision", WITHOUT_DATA, ids=lambda revision: revision.name)
    async def test_a_link_becomes_text_where_there_are_no_links(self, revision: Revision) -> None:
        result = await returned(link("file:///a", "a", description="d"), revision)
        assert result["content"] == [text("a: file:///a")]

    @pytest.mark.parametrize("revision", ALL[2:], ids=lambda revision: revision.name)
    async def test_what_a_revision_knows_goes_out_as_it_is(self, revision: Revision) -> None:
        blocks = [audio(b"wav", "audio/wav"), link("file:///a", "a"), embedded("file:///b", "b")]
        assert (await returned(blocks, revision))["content"] == blocks


@pytest.mark.rule("M0618-TOOL-18", "M0618-TOOL-19", "S-53")
class TestData:
    VALUES = (
        (3, int),
        (1.5, float),
        (None, int | None),
        (3, int | None),
        ("red", Literal["red", "blue"]),
        ("a", str | int),
        (Color.RED, Color),
        ([1, 2], list[int]),
        (["a"], list[str]),
        ({"a": 1}, dict[str, int]),
        ({1: "a"}, dict[int, str]),
        (Point(1, 2), Point),
        (Tree(1, [Tree(2)]), Tree),
        ([Tree(1, [Tree(2)])], list[Tree]),
        (None, Tree | None),
        (Tree(1), Tree | None),
        ({"degrees": 21}, Weather),
        (datetime.date(2020, 1, 2), datetime.date),
        (b"bytes", bytes),
        (True, bool),
        ((1, "a"), tuple[int, str]),
    )

    @each_revision
    async def test_it_agrees_with_the_output_schema_and_with_its_text(
        self, revision: Revision
    ) -> None:
        server = Server("s")
        for number, (value, annotation) in enumerate(self.VALUES):
            server.tool(name=f"tool{number}")(returning(value, annotation))
        async with Peer(server, revision) as peer:
            listed = (await peer.ask("tools/list"))["result"]["tools"]
            for number, definition in enumerate(listed):
                result = await peer.call(f"tool{number}")
                in_text = msgspec.json.decode(text_of(result))
                if revision in WITHOUT_DATA:
                    assert "outputSchema" not in definition
                    assert "structuredContent" not in result
                    continue
                schema = definition["outputSchema"]
                jsonschema_rs.meta.validate(schema)
                content = result["structuredContent"]
                jsonschema_rs.validator_for(schema).validate(content)
                if revision in WITH_OBJECTS:
                    assert schema["type"] == "object"
                    assert content in (in_text, {"result": in_text})
                else:
                    assert content == in_text

    @pytest.mark.parametrize("revision", WITH_OBJECTS, ids=lambda revision: revision.name)
    async def test_what_is_no_object_is_wrapped_into_one(self, revision: Revision) -> None:
        assert (await returned([1], revision, list[int]))["structuredContent"] == {"result": [1]}
        assert (await returned([1], revision))["structuredContent"] == {"result": [1]}
        result = await returned(None, revision, Tree | None)
        assert result["structuredContent"] == {"result": None}

    async def test_it_is_bare_today(self) -> None:
        assert (await returned([1], V2026_07_28, list[int]))["structuredContent"] == [1]
        assert (await returned(None, V2026_07_28, int | None))["structuredContent"] is None

    async def test_without_an_annotation_the_value_decides(self) -> None:
        assert (await returned({"a": 1}, V2026_07_28))["structuredContent"] == {"a": 1}
        assert "structuredContent" not in await returned("text", V2026_07_28)

    async def test_a_recursive_type_is_an_object_at_the_root(self) -> None:
        server = Server("s")

        @server.tool
        async def tree() -> Tree:
            return Tree(1)

        async with Peer(server, V2025_11_25) as peer:
            (definition,) = (await peer.ask("tools/list"))["result"]["tools"]
            assert definition["outputSchema"]["type"] == "object"
            assert "value" in definition["outputSchema"]["properties"]
            assert (await peer.call("tree"))["structuredContent"] == {"value": 1, "children": []}

    @pytest.mark.parametrize(
        ("value", "annotation"),
        [("x", int), (1.5, int), ({"x": 1}, Point), ([1, "a"], list[int]), (None, int)],
    )
    async def test_what_is_not_as_declared_is_an_error(self, value: Any, annotation: Any) -> None:
        result = await returned(value, V2026_07_28, annotation)
        assert result["isError"] is True
        assert "result is not what is declared" in text_of(result)
        assert "structuredContent" not in result

    async def test_a_number_without_a_fraction_is_an_integer_here_too(self) -> None:
        result = await returned(3.0, V2026_07_28, int)
        assert result["structuredContent"] == 3


class TestWhole:
    async def test_a_tool_can_say_all_of_its_result(self) -> None:
        whole = ToolResult([text("no")], {"code": 7}, is_error=True, meta={"a.b/c": 1})
        result = await returned(whole, V2025_11_25)
        assert result == {
            "content": [text("no")],
            "isError": True,
            "structuredContent": {"code": 7},
            "_meta": {"a.b/c": 1},
        }

    async def test_its_data_takes_the_form_that_the_revision_has(self) -> None:
        whole = ToolResult(structured_content=[1])
        assert "structuredContent" not in await returned(whole, V2025_03_26)
        assert (await returned(whole, V2025_06_18))["structuredContent"] == {"result": [1]}
        assert (await returned(whole, V2026_07_28))["structuredContent"] == [1]


class TestWhatJsonCannotCarry:
    @pytest.mark.rule("B29")
    @pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
    async def test_a_number_that_json_does_not_have_is_named(self, number: float) -> None:
        result = await returned(number, V2026_07_28, float)
        assert result["isError"] is True
        assert "result is NaN or infinite, which JSON does not have" in text_of(result)
        inside = await returned({"a": [1.0, {"b": number}], "c": None}, V2026_07_28)
        assert "result.a[1].b is NaN or infinite" in text_of(inside)
        assert "structuredContent" not in inside

    @pytest.mark.rule("B29")
    async def test_also_in_a_whole_result(self) -> None:
        result = await returned(ToolResult([], {"a": float("nan")}), V2026_07_28)
        assert "structured_content.a is NaN or infinite" in text_of(result)

    @pytest.mark.parametrize("value", [object(), {object(): 1}, 1j, 2**70, {"a": "\ud800"}])
    async def test_a_value_that_is_no_json_is_an_error_of_the_tool(self, value: Any) -> None:
        result = await returned(value, V2026_07_28)
        assert result["isError"] is True
        assert "result cannot be written as JSON" in text_of(result)

    async def test_a_value_nested_without_end_is_an_error_of_the_tool(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        result = await returned(endless, V2026_07_28)
        assert result["isError"] is True

    @pytest.mark.rule("B1", "T3")
    async def test_a_lone_surrogate_in_text_gets_an_answer_and_the_session_lives(self) -> None:
        server = Server("s")

        @server.tool
        async def surrogate() -> str:
            return "a\ud800b"

        @server.tool
        async def fine() -> str:
            return "fine"

        for revision in (V2025_11_25, V2026_07_28):
            async with Peer(server, revision) as peer:
                assert (await peer.refused("surrogate"))["code"] == -32603
                assert text_of(await peer.call("fine")) == "fine"

    async def test_the_client_reads_all_of_it(self) -> None:
        server = Server("s")

        @server.tool
        async def both() -> Point:
            return Point(1, 2)

        for mode in ("legacy", "modern"):
            async with Client(server, mode=mode) as client:
                result = await client.call_tool("both")
                assert result.structured_content == {"x": 1, "y": 2}
                assert result.text == '{"x":1,"y":2}'
