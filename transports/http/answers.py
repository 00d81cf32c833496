"""What whole answers look like: JSON, refusals, acknowledgements."""

from typing import Final

from barewire.protocol.codec import EncodeError, encode
from barewire.protocol.errors import Reason, status_for
from barewire.protocol.jsonrpc import Failure, Message, RequestId
from barewire.session.outbox import written_instead
from barewire.transports.http.messages import Answer, Fields

__all__ = [
    "ACCEPTED",
    "json_answer",
    "line_of",
    "refusal",
    "refused",
    "with_fields",
    "wrong_method",
]

_JSON: Final[Fields] = (("Content-Type", "application/json"),)

# What is no fault of whoever asked.
_BY_STATUS: Final = {
    500: (Reason.INTERNAL_ERROR, Reason.INTERNAL_ERROR.text),
    503: (Reason.INTERNAL_ERROR, "Not now"),
}

ACCEPTED: Final = Answer(202)
"""What a POST gets that asks nothing."""


def line_of(message: Message) -> bytes:
    """Write a message; an answer that JSON cannot carry becomes -32603.

    Raises `LocalProtocolError` for what is no answer and that JSON cannot carry.
    """
    try:
        return encode(message)
    except EncodeError as error:
        return written_instead(message, error).rstrip(b"\n")


def json_answer(body: bytes, status: int = 200, fields: Fields = ()) -> Answer:
    """Return an answer with a body of JSON."""
    return Answer(status, (*_JSON, *fields), body)


def refused(status: int, detail: str, id: RequestId | None = None, fields: Fields = ()) -> Answer:
    """Return the refusal of what no row of the protocol speaks of: by its HTTP status alone.

    Every refusal has a JSON-RPC error for a body. Without an id to give back it has none: the
    specification wants it left out, in all revisions.
    """
    reason, text = _BY_STATUS.get(status, (Reason.INVALID_REQUEST, Reason.INVALID_REQUEST.text))
    failure = Failure(id, reason.row.code, f"{text}: {detail}")
    return json_answer(encode(failure), status, fields)


def refusal(failure: Failure, reason: Reason, *, modern: bool, fields: Fields = ()) -> Answer:
    """Return an error as the status of its reason wants it.

    One without an id answers no request, and what is not accepted has the status of an error,
    whatever the reason (Streamable HTTP › Sending Messages).
    """
    status = status_for(reason, modern=modern)
    if failure.id is None:
        status = max(status, 400)
    return json_answer(line_of(failure), status, fields)


def with_fields(answer: Answer, fields: Fields) -> Answer:
    """Return an answer with further fields."""
    return Answer(answer.status, (*answer.fields, *fields), answer.body) if fields else answer


def wrong_method(allowed: str) -> Answer:
    """Return the refusal of a method that is not served at a path."""
    return refused(405, f"the methods here are {allowed}", fields=(("Allow", allowed),))
