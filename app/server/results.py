"""What a tool returns, as the result that goes over the wire in each revision.

Text and content blocks are content and nothing more. Other values are data: `structuredContent`
where the revision has it, and the same as JSON text for readers that look no further (Tools ›
Structured Content).
"""

import inspect
import math
from collections.abc import Callable, Sequence
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, is_typeddict

import msgspec

from barewire.content import Content, text
from barewire.protocol.codec import dumps
from barewire.protocol.record import record
from barewire.protocol.revisions import Revision
from barewire.protocol.values import as_array, as_object
from barewire.server.signature import Schema, schema_of

__all__ = ["Returns", "ToolResult", "failed"]


@record
class ToolResult:
    """A whole result, for a tool that wants to say all of it."""

    content: list[Content]
    structured_content: Any = None
    is_error: bool = False
    meta: dict[str, Any] | None = None


def failed(message: str) -> dict[str, Any]:
    """Return the result of a tool that did not do what it was asked."""
    return {"content": [{"type": "text", "text": message}], "isError": True}


class Returns:
    """How what a handler returns becomes a result; made once, from its annotation.

    Raises `TypeError` when the annotation cannot be described by a schema.
    """

    __slots__ = ("_schema", "_wrapped")

    def __init__(self, annotation: Any, name: str) -> None:
        self._schema: Schema | None = None
        if not _is_content(annotation) and annotation not in (Any, inspect.Signature.empty):
            try:
                self._schema = schema_of(annotation)
            except (TypeError, ValueError) as error:
                reason = str(error).strip().splitlines()[-1]
                raise TypeError(
                    f"{name}: what it returns cannot be described by a schema: {reason}"
                ) from error
        self._wrapped = self._schema is not None and self._schema.get("type") != "object"

    def schema_in(self, revision: Revision) -> Schema | None:
        """Return the `outputSchema` of the tool's definition in `revision`, `None` for none."""
        schema = self._schema
        if schema is None or revision.structured_content == "none":
            return None
        if revision.structured_content == "object" and self._wrapped:
            inner = {key: value for key, value in schema.items() if key != "$defs"}
            wrapped: Schema = {
                "type": "object",
                "properties": {"result": inner},
                "required": ["result"],
            }
            if "$defs" in schema:
                wrapped["$defs"] = schema["$defs"]
            return wrapped
        return schema

    def result(self, value: Any, revision: Revision) -> dict[str, Any]:
        """Return the result for what the handler returned.

        Raises `TypeError` or `ValueError` when it cannot be written as JSON.
        """
        if isinstance(value, str):
            return {"content": [{"type": "text", "text": value}], "isError": False}
        if isinstance(value, ToolResult):
            return self._whole(value, revision)
        blocks = _blocks(value)
        if blocks is not None:
            return {"content": _known_in(blocks, revision), "isError": False}
        return self._structured(value, revision)

    def _structured(self, value: Any, revision: Revision) -> dict[str, Any]:
        data = msgspec.to_builtins(value)
        written = dumps(data)
        if b"null" in written:
            _refuse_infinite(data, "result")
        result: dict[str, Any] = {
            "content": [{"type": "text", "text": written.decode()}],
            "isError": False,
        }
        if revision.structured_content == "any":
            result["structuredContent"] = data
        elif revision.structured_content == "object":
            wrap = self._wrapped or not isinstance(data, dict)
            result["structuredContent"] = {"result": data} if wrap else data
        return result

    def _whole(self, value: ToolResult, revision: Revision) -> dict[str, Any]:
        result: dict[str, Any] = {
            "content": _known_in(value.content, revision),
            "isError": value.is_error,
        }
        if value.structured_content is not None and revision.structured_content != "none":
            data = msgspec.to_builtins(value.structured_content)
            _refuse_infinite(data, "structuredContent")
            if isinstance(data, dict) or revision.structured_content == "any":
                result["structuredContent"] = data
        if value.meta is not None:
            result["_meta"] = value.meta
        return result


def _is_content(annotation: Any) -> bool:
    """Whether what is annotated so is content: nothing, text, a block or several blocks."""
    if annotation is None or annotation is type(None):
        return True
    origin = get_origin(annotation)
    if origin is list or origin is tuple:
        items = [item for item in get_args(annotation) if item is not Ellipsis]
        return bool(items) and all(_is_blocks(item) for item in items)
    if origin is Union or origin is UnionType:
        return all(_is_content(member) for member in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, str | ToolResult):
        return True
    return _is_block(annotation)


def _is_blocks(annotation: Any) -> bool:
    """Whether the items of a list are blocks, or blocks and text; text alone is data."""
    if get_origin(annotation) in (Union, UnionType):
        members = get_args(annotation)
        return any(map(_is_block, members)) and all(
            member is str or _is_block(member) for member in members
        )
    return _is_block(annotation)


def _is_block(annotation: Any) -> bool:
    if is_typeddict(annotation):
        return annotation.__name__ in _CONTENT_PAYLOADS
    return isinstance(annotation, type) and issubclass(annotation, Content)


_CONTENT_PAYLOADS = frozenset(
    {"TextContent", "ImageContent", "AudioContent", "ResourceLink", "EmbeddedResource"}
)


def _blocks(value: Any) -> list[dict[str, Any]] | None:
    if value is None:
        return []
    if isinstance(value, Content):
        return [value]
    if not isinstance(value, list | tuple):
        return None
    items = cast("Sequence[Any]", value)
    if not any(isinstance(item, Content) for item in items):
        return None
    if not all(isinstance(item, Content | str) for item in items):
        return None
    return [text(item) if isinstance(item, str) else item for item in items]


def _known_in(blocks: list[Any], revision: Revision) -> list[dict[str, Any]]:
    """Return the blocks, with those that `revision` does not know put into ones that it does."""
    return [
        block if block.get("type") in revision.content_types else _downgraded(block)
        for block in blocks
    ]


def _downgraded(block: dict[str, Any]) -> dict[str, Any]:
    downgrade = _DOWNGRADES.get(str(block.get("type")))
    return block if downgrade is None else downgrade(block)


def _audio_as_blob(block: dict[str, Any]) -> dict[str, Any]:
    resource = {"uri": "audio:", "mimeType": block["mimeType"], "blob": block["data"]}
    return {"type": "resource", "resource": resource}


def _link_as_text(block: dict[str, Any]) -> dict[str, Any]:
    return text(f"{block['name']}: {block['uri']}")


_DOWNGRADES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "audio": _audio_as_blob,
    "resource_link": _link_as_text,
}


def _refuse_infinite(value: Any, path: str) -> None:
    """Raise `ValueError` naming the number that JSON does not have, if there is one."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path} is {value}, which JSON does not have")
    for key, item in (as_object(value) or {}).items():
        _refuse_infinite(item, f"{path}.{key}")
    for index, item in enumerate(as_array(value) or []):
        _refuse_infinite(item, f"{path}[{index}]")
