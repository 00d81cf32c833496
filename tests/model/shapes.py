"""What params look like, by the schemas of the revisions: the model's own reading of them.

Members that are not named here may be anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, cast

from tests.model.words import (
    LEVELS,
    MODERN,
    REQUESTS,
    TERMINAL,
    Json,
    as_list,
    as_object,
    is_number,
    legible,
)


@dataclass(frozen=True)
class Member:
    """A member of an object, as a schema has it."""

    kind: str
    needed: bool
    since: int = 1
    until: int = MODERN
    values: tuple[str, ...] = ()
    inside: "Shape | None" = None


Shape: TypeAlias = dict[str, Member]


def needs(kind: str) -> Member:
    """A member that must be there."""
    return Member(kind, needed=True)


def may(kind: str, since: int = 1, until: int = MODERN) -> Member:
    """A member that may be there, in the revisions that know it."""
    return Member(kind, False, since, until)


def one_of(*values: str) -> Member:
    """A member that must be one of these strings."""
    return Member("string", needed=True, values=values)


def an_object(inside: Shape, *, needed: bool = True, since: int = 1) -> Member:
    """A member that is an object with members of its own."""
    return Member("object", needed, since, inside=inside)


_IMPLEMENTATION = {
    **{"name": needs("string"), "version": needs("string"), "title": may("string", 3)},
    **{"description": may("string", 4), "websiteUrl": may("string", 4), "icons": may("list", 4)},
}
_CLIENT = {
    **{"experimental": may("object"), "roots": may("object"), "sampling": may("object")},
    **{"elicitation": may("object", 3), "tasks": may("object", 4, 4)},
}
_ROUND = {"inputResponses": may("object", 5), "requestState": may("string", 5)}
_PAGE = {"cursor": may("string")}
_URI = {"uri": needs("string")}
_TASK_ID = {"taskId": needs("string")}
PARAMS: dict[str, Shape] = {
    "initialize": {
        "protocolVersion": needs("string"),
        "capabilities": an_object(_CLIENT),
        "clientInfo": an_object(_IMPLEMENTATION),
    },
    "tools/list": _PAGE,
    "resources/list": _PAGE,
    "resources/templates/list": _PAGE,
    "prompts/list": _PAGE,
    "tasks/list": _PAGE,
    "tools/call": {
        "name": needs("string"),
        "arguments": may("object"),
        "task": may("object", 4, 4),
        **_ROUND,
    },
    "resources/read": {**_URI, **_ROUND},
    "resources/subscribe": _URI,
    "resources/unsubscribe": _URI,
    "prompts/get": {"name": needs("string"), "arguments": may("strings"), **_ROUND},
    "completion/complete": {
        "ref": needs("reference"),
        "argument": an_object({"name": needs("string"), "value": needs("string")}),
        "context": an_object({"arguments": may("strings")}, needed=False, since=3),
    },
    "logging/setLevel": {"level": one_of(*LEVELS)},
    "subscriptions/listen": {
        "notifications": an_object(
            {
                "toolsListChanged": may("boolean"),
                "promptsListChanged": may("boolean"),
                "resourcesListChanged": may("boolean"),
                "resourceSubscriptions": may("list of strings"),
            }
        )
    },
    "tasks/get": _TASK_ID,
    "tasks/result": _TASK_ID,
    "tasks/cancel": _TASK_ID,
    "sampling/createMessage": {
        "messages": needs("list"),
        "maxTokens": needs("number"),
        "task": may("object", 4),
    },
    "notifications/message": {
        "level": one_of(*LEVELS),
        "logger": may("string"),
        "data": needs("anything"),
    },
    "notifications/resources/updated": _URI,
    "notifications/elicitation/complete": {"elicitationId": needs("string")},
    "notifications/tasks/status": {
        "taskId": needs("string"),
        "status": one_of("working", "input_required", *sorted(TERMINAL)),
        "ttl": needs("number or null"),
        "createdAt": needs("string"),
        "lastUpdatedAt": needs("string"),
    },
}
AGREED = {
    "protocolVersion": needs("string"),
    "capabilities": needs("object"),
    "serverInfo": an_object(_IMPLEMENTATION),
    "instructions": may("string"),
}
"""The result of `initialize`."""


def _all_strings(values: object) -> bool:
    return all(isinstance(one, str) for one in cast("Iterable[object]", values))


def _is_reference(value: Json) -> bool:
    member = {"ref/prompt": "name", "ref/resource": "uri"}.get(str(value.get("type")))
    return member is not None and isinstance(value.get(member), str)


def _is_kind(kind: str, value: object) -> bool:
    if kind in ("object", "strings", "reference"):
        whole = as_object(value)
        if whole is None or kind == "object":
            return whole is not None
        return _is_reference(whole) if kind == "reference" else _all_strings(whole.values())
    if kind == "list of strings":
        items = as_list(value)
        return items is not None and _all_strings(items)
    if kind in ("number", "number or null"):
        return is_number(value) or (value is None and kind != "number")
    if kind == "anything":
        return True
    types: dict[str, type] = {"string": str, "list": list, "boolean": bool}
    return isinstance(value, types[kind])


def fits_shape(shape: Shape, value: Json, revision: int) -> bool:
    """Whether an object has the members that the schema of a revision wants, and of their kinds."""
    for key, member in shape.items():
        if not member.since <= revision <= member.until:
            continue
        if key not in value:
            if member.needed:
                return False
            continue
        item = value[key]
        if not _is_kind(member.kind, item) or (member.values and item not in member.values):
            return False
        if member.inside is not None and not fits_shape(member.inside, item, revision):
            return False
    return True


def fits_params(method: str, params: Json | None, revision: int) -> bool:
    """Whether params are what the schema of a revision wants of this method."""
    params = {} if params is None else params
    if "_meta" in params:
        meta = as_object(params["_meta"])
        # Progress: a token MUST be a string or an integer.
        if meta is None or (method in REQUESTS and not legible(meta.get("progressToken", ""))):
            return False
    if method == "elicitation/create":
        return _fits_elicitation(params, revision)
    return fits_shape(PARAMS.get(method, {}), params, revision)


def _fits_elicitation(params: Json, revision: int) -> bool:
    """Whether a form or, from revision 4 on, a URL is asked for as the schema has it."""
    shape: Shape = {"message": needs("string"), "task": may("object", 4)}
    mode = params.get("mode", "form") if revision >= 4 else "form"
    if mode == "url":
        shape |= {"url": needs("string"), "elicitationId": needs("string")}
    else:
        form = {"type": one_of("object"), "properties": needs("object")}
        shape |= {"requestedSchema": an_object(form)}
    return mode in ("form", "url") and fits_shape(shape, params, revision)
