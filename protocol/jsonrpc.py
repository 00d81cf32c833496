"""The JSON-RPC 2.0 envelope as records.

Payloads (`params`, `result`, `data`) stay the plain values that the JSON parser made: members that
this library does not know survive, and printing one shows the wire.
"""

from typing import Any, Literal, TypeAlias

from barewire.protocol.errors import Reason
from barewire.protocol.record import record

__all__ = [
    "Batch",
    "Failure",
    "Frame",
    "Malformed",
    "Message",
    "Notification",
    "Params",
    "Request",
    "RequestId",
    "Shape",
    "Success",
]

RequestId: TypeAlias = str | int
"""A request's id: a string or an integer, never `null`, `true` or `1.0`. `1` and `"1"` differ."""

Params: TypeAlias = dict[str, Any]
"""The members of `params`, as they stood on the wire."""


@record
class Request:
    """A call that wants exactly one answer, a `Success` or a `Failure` with the same `id`."""

    id: RequestId
    method: str
    params: Params | None = None


@record
class Notification:
    """A one-way message; it has no id and is never answered."""

    method: str
    params: Params | None = None


@record
class Success:
    """The answer to a request that was carried out."""

    id: RequestId
    result: dict[str, Any]


@record
class Failure:
    """The answer to a request that was not carried out.

    `id` is `None` when the sender could not read the id of what it answers. `null_id` says how
    that is written: as `"id": null`, which plain JSON-RPC wants, or by leaving it out.
    """

    id: RequestId | None
    code: int
    message: str
    data: Any = None
    null_id: bool = False


Message: TypeAlias = Request | Notification | Success | Failure


Shape: TypeAlias = Literal["request", "response", "unknown"]
"""What something that is no message was shaped like."""


@record
class Malformed:
    """Something that is not a JSON-RPC message, and what can be said about it.

    A `"request"` has an `id`, and its sender waits for an error that carries it. A `"response"` is
    never answered; its `id`, if there is one, names the request of ours that it was meant for. What
    is `"unknown"` has no id to give back, and its sender may wait or not; only when the reason is
    `INVALID_PARAMS` it was a notification, and nobody waits.
    """

    reason: Reason
    detail: str
    """What is wrong with it, for people. It quotes nothing of the frame."""
    id: RequestId | None = None
    kind: Shape = "unknown"


@record
class Batch:
    """A JSON array of messages: legal in 2025-03-26 alone, where it is never empty.

    What is legal depends on the revision, so the codec only takes it apart.
    """

    items: list[Message | Malformed]


Frame: TypeAlias = Request | Notification | Success | Failure | Batch | Malformed
"""What one line, one HTTP body or one event's data can turn out to be."""
