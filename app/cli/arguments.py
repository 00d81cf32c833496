"""`--arg key=value`: values read by the schema of the tool that they are for."""

import json
from collections.abc import Sequence
from typing import Any

from barewire.protocol.values import as_array, as_object

__all__ = ["ArgumentTextError", "read_arguments"]


class ArgumentTextError(ValueError):
    """What was written cannot be read as an argument; the text says which and why."""


def read_arguments(
    pairs: Sequence[str], whole: str | None, schema: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments that `pairs` (`key=value`) and `whole` (a JSON object) stand for.

    A value is taken as it is where the schema says string, and read as JSON elsewhere. Where the
    schema does not say, JSON is tried first. `pairs` win over `whole`. Raises `ArgumentTextError`.
    """
    arguments: dict[str, Any] = {}
    if whole is not None:
        try:
            read = as_object(json.loads(whole))
        except ValueError as error:
            raise ArgumentTextError(f"--json is not JSON: {error}") from None
        if read is None:
            raise ArgumentTextError("--json must be an object")
        arguments = read
    properties = as_object(schema.get("properties")) or {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise ArgumentTextError(f"--arg wants KEY=VALUE, not {pair!r}")
        arguments[key] = _read(key, text, as_object(properties.get(key)) or {})
    return arguments


def _read(key: str, text: str, schema: dict[str, Any]) -> Any:
    kinds = _types(schema)
    if kinds == {"string"}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        if not kinds or "string" in kinds:
            return text
        raise ArgumentTextError(
            f"--arg {key}: {text!r} is not JSON, and the tool wants {' or '.join(sorted(kinds))}"
        ) from None


def _types(schema: dict[str, Any]) -> set[str]:
    """Return the JSON types that a schema allows, an empty set when it does not say."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    several = as_array(kind)
    if several is not None:
        return {str(one) for one in several}
    if "enum" in schema and all(isinstance(one, str) for one in schema["enum"]):
        return {"string"}
    found: set[str] = set()
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        inner = _types(as_object(branch) or {})
        if not inner:
            return set()
        found |= inner
    return found
