"""Arguments that are repeated in headers: how a tool says so, and what it may not say."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Optional

import msgspec
import pytest

from barewire import Context, Header, Server
from barewire.protocol.headers import Annotation


async def query(
    region: Annotated[str, Header("Region")],
    ctx: Context,
    limit: Annotated[int, Header("Limit"), msgspec.Meta(ge=1)] = 10,
    dry: Annotated[bool, msgspec.Meta(description="only look"), Header("dry")] = False,
    text: str = "",
) -> str:
    """Look something up."""
    return f"{region} {limit} {dry} {text}"


def test_a_header_stands_in_the_schema_of_its_argument() -> None:
    server = Server("s")
    server.tool(query)
    assert server.tools.get("query").signature.schema["properties"] == {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "minimum": 1, "default": 10, "x-mcp-header": "Limit"},
        "dry": {
            "type": "boolean",
            "description": "only look",
            "default": False,
            "x-mcp-header": "dry",
        },
        "text": {"type": "string", "default": ""},
    }


def test_a_server_knows_which_arguments_of_a_tool_are_repeated() -> None:
    server = Server("s")
    server.tool(query)
    assert list(server.tools.headers_of("query")) == [
        Annotation("Region", ("region",)),
        Annotation("Limit", ("limit",)),
        Annotation("dry", ("dry",)),
    ]
    assert list(server.tools.headers_of("nothing")) == []


def test_a_schema_written_by_hand_counts_as_well() -> None:
    async def look(
        region: Annotated[str, msgspec.Meta(extra_json_schema={"x-mcp-header": "Region"})],
    ) -> str:
        return region

    server = Server("s")
    server.tool(look)
    assert list(server.tools.headers_of("look")) == [Annotation("Region", ("region",))]


async def empty(region: Annotated[str, Header("")]) -> None: ...


async def spaced(region: Annotated[str, Header("the region")]) -> None: ...


async def control(region: Annotated[str, Header("re\x01gion")]) -> None: ...


async def twice(
    a: Annotated[str, Header("Region")], b: Annotated[str, Header("region")]
) -> None: ...


async def fraction(share: Annotated[float, Header("Share")]) -> None: ...


async def several(names: Annotated[list[str], Header("Names")]) -> None: ...


async def of_none(region: Annotated[str | None, Header("Region")]) -> None: ...


async def or_none(region: Annotated[str, Header("Region")] | None) -> None: ...


async def optional(region: Optional[Annotated[str, Header("Region")]] = None) -> None: ...  # noqa: UP045


async def untyped(kind: Annotated[Literal["a", "b"], Header("Kind")]) -> None: ...


@pytest.mark.rule("M0728-HDR-06", "M0728-HDR-07", "M0728-HDR-08", "M0728-HDR-09", "M0728-HDR-10")
@pytest.mark.parametrize(
    ("function", "why"),
    [
        (empty, "is not a header name"),
        (spaced, "is not a header name"),
        (control, "is not a header name"),
        (twice, "is 'region' again, ignoring case"),
        *(
            (function, "is allowed only where 'type' is string, integer or boolean")
            for function in (fraction, several, of_none, or_none, optional, untyped)
        ),
    ],
)
def test_a_header_where_none_may_be_is_refused_when_the_tool_is_registered(
    function: Callable[..., Any], why: str
) -> None:
    server = Server("s")
    with pytest.raises(ValueError, match=rf"^{function.__name__}: x-mcp-header at .* {why}"):
        server.tool(function)
    assert len(server.tools) == 0
