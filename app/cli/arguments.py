"""`--arg key=value`: values read by the schema of the tool that they are for."""

from collections.abc import Sequence
from typing import Any

from barewire.protocol.codec import loads
from barewire.protocol.values import as_array, as_object, as_string

__all__ = ["ArgumentTextError", "read_arguments", "types_of"]


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
            read = as_object(_json(whole))
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
        arguments[key] = _read(key, text, types_of(properties.get(key), schema))
    return arguments


def types_of(schema: object, root: dict[str, Any], depth: int = 4) -> set[str]:
    """Return the JSON types that a schema allows, an empty set when it does not say.

    References are followed within `root`. What is still not said after `depth` steps is not said,
    for a schema may refer to itself.
    """
    if not depth:
        return set()
    members = as_object(schema) or {}
    reference = as_string(members.get("$ref"))
    if reference is not None:
        name = reference.removeprefix("#/$defs/")
        members = as_object((as_object(root.get("$defs")) or {}).get(name)) or {}
    kind = members.get("type")
    if isinstance(kind, str):
        return {kind}
    several = as_array(kind)
    if several is not None:
        return {str(one) for one in several}
    values = as_array(members.get("enum"))
    if values and all(isinstance(value, str) for value in values):
        return {"string"}
    branches = as_array(members.get("anyOf")) or as_array(members.get("oneOf")) or []
    found = [types_of(branch, root, depth - 1) for branch in branches]
    return set[str]().union(*found) if all(found) else set()


def _read(key: str, text: str, kinds: set[str]) -> Any:
    if kinds == {"string"}:
        return text
    try:
        return _json(text)
    except ValueError:
        if not kinds or "string" in kinds:
            return text
        raise ArgumentTextError(
            f"--arg {key}: {text!r} is not JSON, and the tool wants {' or '.join(sorted(kinds))}"
        ) from None


def _json(text: str) -> Any:
    return loads(text.encode(errors="surrogateescape"))
