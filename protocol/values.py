"""Reading parsed JSON: the value if it has the wanted type, else `None`.

What a peer sent may be anything. These say in one word what the code goes on with.
"""

from typing import Any, cast

from barewire.protocol.jsonrpc import RequestId

__all__ = ["as_array", "as_id", "as_object", "as_string"]


def as_object(value: object) -> dict[str, Any] | None:
    """Return `value` if it is an object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_array(value: object) -> list[object] | None:
    """Return `value` if it is an array."""
    return cast("list[object]", value) if isinstance(value, list) else None


def as_string(value: object) -> str | None:
    """Return `value` if it is a string."""
    return value if isinstance(value, str) else None


def as_id(value: object) -> RequestId | None:
    """Return `value` if it can be an id or a progress token: a string or an integer."""
    return value if type(value) is int or type(value) is str else None
