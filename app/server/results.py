"""What a tool returns, as the result that goes over the wire in each revision.

Text and content blocks are content and nothing more. Other values are data: `structuredContent`
where the revision has it, and the same as JSON text for readers that look no further (Tools ›
Structured Content).
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast, get_args, get_origin, is_typeddict

import msgspec

from barewire.content import Content, ToolResult, text
from barewire.protocol.codec import dumps, not_finite
from barewire.protocol.revisions import Revision
from barewire.server.signature import Schema, convert, members_of_union, schema_of

__all__ = ["ResultError", "Returns"]

Result: TypeAlias = dict[str, Any]


class ResultError(ValueError):
    """A tool returned what no result can carry, or not what it says it returns."""


class Returns:
    """How what a handler returns becomes a result; made once, from its annotation.

    An annotation that says text or blocks makes everything content; one that says data makes
    everything data, a string as well, with an output schema. Without one, or with a list of who
    knows what, the value decides. Raises `TypeError` when the annotation cannot be described by a
    schema.
    """

    __slots__ = ("_annotation", "_schema", "_wrapped")

    def __init__(self, annotation: Any, name: str) -> None:
        self._annotation = annotation
        self._schema: Schema | None = None
        if not _is_content(annotation) and annotation not in _OPEN:
            try:
                self._schema = schema_of(annotation)
            except Exception as error:
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

    def result(self, value: Any, revision: Revision) -> Result:
        """Return the result for what the handler returned.

        Raises `ResultError`, naming what is wrong, when JSON cannot carry it or when it is not what
        the annotation says.
        """
        if isinstance(value, str) and self._schema is None:
            return {"content": [{"type": "text", "text": value}], "isError": False}
        if isinstance(value, ToolResult):
            return self._whole(value, revision)
        if self._schema is None:
            blocks = _blocks(value, plain=_is_content(self._annotation))
            if blocks is not None:
                return {"content": _known_in(blocks, revision), "isError": False}
        return self._structured(value, revision)

    def _structured(self, value: Any, revision: Revision) -> Result:
        data, written = _json_of(value, "result")
        if self._schema is not None:
            try:
                convert(data, self._annotation)
            except msgspec.ValidationError as error:
                # Output Schema: "Servers MUST provide structured results that conform".
                raise ResultError(f"result is not what is declared: {error}") from None
        result: Result = {
            "content": [{"type": "text", "text": written.decode()}],
            "isError": False,
        }
        if revision.structured_content == "any":
            result["structuredContent"] = data
        elif revision.structured_content == "object":
            wrap = self._wrapped or not isinstance(data, dict)
            result["structuredContent"] = {"result": data} if wrap else data
        return result

    def _whole(self, value: ToolResult, revision: Revision) -> Result:
        result: Result = {
            "content": _known_in(value.content, revision),
            "isError": value.is_error,
        }
        if value.structured_content is not None and revision.structured_content != "none":
            data, _ = _json_of(value.structured_content, "structured_content")
            fits = isinstance(data, dict) or revision.structured_content == "any"
            result["structuredContent"] = data if fits else {"result": data}
        if value.meta is not None:
            result["_meta"] = value.meta
        return result


def _json_of(value: Any, name: str) -> tuple[Any, bytes]:
    """Return `value` as what JSON is made of, and as JSON; raises `ResultError`."""
    try:
        data = msgspec.to_builtins(value, str_keys=True)
        written = dumps(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise ResultError(f"{name} cannot be written as JSON: {error}") from error
    if b"null" in written:  # which is what becomes of a number that JSON does not have
        place = not_finite(data, name)
        if place is not None:
            raise ResultError(f"{place} is NaN or infinite, which JSON does not have")
    return data, written


_OPEN = (Any, inspect.Signature.empty, list, tuple, list[Any], tuple[Any, ...])
"""Annotations that say nothing of what is returned, or of what is in it."""


def _is_content(annotation: Any) -> bool:
    """Whether what is annotated so is content: nothing, text, a block or several blocks."""
    members = members_of_union(annotation)
    if len(members) > 1:
        return all(map(_is_content, members))
    if annotation is None or annotation is type(None):
        return True
    if get_origin(annotation) in (list, tuple):
        items = [item for item in get_args(annotation) if item is not Ellipsis]
        return bool(items) and all(map(_are_blocks, items))
    if isinstance(annotation, type) and annotation in (str, ToolResult):
        return True
    return _is_block(annotation)


def _are_blocks(annotation: Any) -> bool:
    """Whether the items of a list are blocks, or blocks and text; text alone is data."""
    members = members_of_union(annotation)
    return any(map(_is_block, members)) and all(
        member is str or _is_block(member) for member in members
    )


def _is_block(annotation: Any) -> bool:
    if is_typeddict(annotation):
        return annotation.__name__ in _CONTENT_PAYLOADS
    return isinstance(annotation, type) and issubclass(annotation, Content)


_CONTENT_PAYLOADS = frozenset(
    {"TextContent", "ImageContent", "AudioContent", "ResourceLink", "EmbeddedResource"}
)


def _blocks(value: Any, *, plain: bool) -> list[dict[str, Any]] | None:
    """Return `value` as content blocks, `None` if it is data; `plain` dicts may be blocks too."""
    if value is None:
        return []
    if _looks_like_block(value, plain=plain):
        return [value]
    if not isinstance(value, list | tuple):
        return None
    items = cast("Sequence[Any]", value)
    found = [_looks_like_block(item, plain=plain) for item in items]
    if not (any(found) or plain) or not all(map(_or_text, found, items)):
        return None
    return [text(item) if isinstance(item, str) else item for item in items]


def _looks_like_block(value: Any, *, plain: bool) -> bool:
    return isinstance(value, Content) or (
        plain and isinstance(value, dict) and isinstance(cast("Result", value).get("type"), str)
    )


def _or_text(is_block: bool, item: Any) -> bool:
    return is_block or isinstance(item, str)


def _known_in(blocks: Sequence[dict[str, Any]], revision: Revision) -> list[dict[str, Any]]:
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
