"""Where our payloads and the official JSON Schemas differ, each with its reason.

A difference is written as the change that would make the schemas say what we say, and as a message
on which the two disagree without it. The suite judges everything else by the changed schemas. A
difference whose message no longer divides them is stale and fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from barewire.protocol.revisions import (
    ALL,
    LEGACY,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)

Schema = dict[str, Any]
Definitions = dict[str, Schema]


@dataclass(frozen=True)
class Difference:
    """One way in which we read a message otherwise than the schemas do."""

    reason: str
    revisions: tuple[Revision, ...]
    change: Callable[[Definitions], None]
    """Makes the schemas agree with us."""
    definition: str
    message: object
    """The definition and a message for it on which we disagree."""
    we_accept: bool
    """What we say to that message; the schemas say the opposite."""


def subschemas(schema: object) -> Iterator[Schema]:
    """Yield every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from subschemas(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from subschemas(part)


def let_messages_extend_their_base(definitions: Definitions) -> None:
    for name, schema in definitions.items():
        members = schema.get("properties", {})
        for base in ("Request", "Notification"):
            if (
                name.endswith(base)
                and name != base
                and "method" in members
                and "jsonrpc" not in members
            ):
                definitions[name] = {"allOf": [definitions[base], schema]}


def allow_any_json_value(definitions: Definitions) -> None:
    scalars = definitions["JSONValue"]["anyOf"][-1]
    assert scalars["type"] == ["string", "integer", "boolean"]
    scalars["type"] = ["string", "number", "boolean", "null"]


def allow_fractions_in_forms(definitions: Definitions) -> None:
    values = definitions["ElicitResult"]["properties"]["content"]["additionalProperties"]
    scalars = values["anyOf"][-1] if "anyOf" in values else values
    assert scalars["type"] == ["string", "integer", "boolean"]
    scalars["type"] = ["string", "number", "boolean"]


def bound_integers_to_64_bits(definitions: Definitions) -> None:
    for schema in subschemas(definitions):
        kinds = schema.get("type")
        if kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds):
            schema.setdefault("minimum", -(2**63))
            schema.setdefault("maximum", 2**64 - 1)


def bound_completions(definitions: Definitions) -> None:
    values = definitions["CompleteResult"]["properties"]["completion"]["properties"]["values"]
    assert "maxItems" not in values
    values["maxItems"] = 100


def describe_meta_of_task_requests(definitions: Definitions) -> None:
    meta = definitions["RequestParams"]["properties"]["_meta"]
    for name in ("GetTaskRequest", "GetTaskPayloadRequest", "CancelTaskRequest"):
        members = definitions[name]["properties"]["params"]["properties"]
        assert "_meta" not in members
        members["_meta"] = meta


def let_cancellations_have_no_params(definitions: Definitions) -> None:
    required = definitions["CancelledNotification"]["required"]
    required.remove("params")


def describe_meta_of_elicitation_complete(definitions: Definitions) -> None:
    params = definitions["ElicitationCompleteNotification"]["properties"]["params"]
    assert "_meta" not in params["properties"]
    params["properties"]["_meta"] = definitions["NotificationParams"]["properties"]["_meta"]


DIFFERENCES = [
    Difference(
        "schema.ts lets every request extend Request, whose params have a _meta, and notifications"
        " likewise; the generated schemas leave out what is inherited there",
        LEGACY[:3],
        let_messages_extend_their_base,
        "CallToolRequest",
        {"method": "tools/call", "params": {"name": "t", "_meta": {"progressToken": None}}},
        we_accept=False,
    ),
    Difference(
        "schema.ts lets JSONValue be any JSON value; the generated one has lost null and fractions",
        (V2026_07_28,),
        allow_any_json_value,
        "CreateMessageRequestParams",
        {"messages": [], "maxTokens": 1, "metadata": {"seed": None, "top_p": 0.5}},
        we_accept=True,
    ),
    Difference(
        "schema.ts lets a form's answers be numbers, and NumberSchema asks for them; the generated"
        " schema has made them integers",
        (V2025_06_18, V2025_11_25, V2026_07_28),
        allow_fractions_in_forms,
        "ElicitResult",
        {"action": "accept", "content": {"height": 1.75}},
        we_accept=True,
    ),
    Difference(
        "every revision says that there are at most 100 values; the keyword came with the last",
        LEGACY,
        bound_completions,
        "CompleteResult",
        {"completion": {"values": ["x"] * 101}},
        we_accept=False,
    ),
    Difference(
        "params written in place lack the _meta that all params have (basic/index, _meta)",
        (V2025_11_25,),
        describe_meta_of_task_requests,
        "GetTaskRequest",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tasks/get",
            "params": {"taskId": "t", "_meta": {"progressToken": None}},
        },
        we_accept=False,
    ),
    Difference(
        "params written in place lack the _meta that all params have (basic/index, _meta)",
        (V2025_11_25,),
        describe_meta_of_elicitation_complete,
        "ElicitationCompleteNotification",
        {
            "jsonrpc": "2.0",
            "method": "notifications/elicitation/complete",
            "params": {"elicitationId": "e", "_meta": []},
        },
        we_accept=False,
    ),
    Difference(
        "params that are missing are read as params without members, and these may have none",
        (V2025_11_25,),
        let_cancellations_have_no_params,
        "CancelledNotification",
        {"jsonrpc": "2.0", "method": "notifications/cancelled"},
        we_accept=True,
    ),
    # The last one: it looks at what the others have left of the integers.
    Difference(
        "the JSON parser makes a float of an integer beyond 64 bits, so that it is no longer the"
        " number which was sent, and nothing should be done with it",
        ALL,
        bound_integers_to_64_bits,
        "ProgressToken",
        1e30,
        we_accept=False,
    ),
]
