"""Errors, keyed by reason.

One code means several things (-32602 is an unknown tool and a missing envelope, and over HTTP the
one is 200 and the other 400), so the engine speaks of reasons. A reason knows its code, its HTTP
status per era and its text.
"""

from enum import Enum

from barewire.protocol.record import record
from barewire.protocol.revisions import Revision

__all__ = ["Reason", "code_for", "is_modern_error", "status_for"]


@record
class _Row:
    code: int
    """The code of the modern era, and of every revision without another."""
    text: str
    modern_status: int = 200
    legacy_status: int = 200
    legacy_code: int | None = None


class Reason(Enum):
    """Why a request is refused. `text` is the message, `row` the codes and statuses."""

    # What cannot be read or is no JSON-RPC (Base Protocol › Responses).
    PARSE_ERROR = _Row(-32700, "Parse error", 400, 400)
    INVALID_REQUEST = _Row(-32600, "Invalid request", 400, 400)
    BATCH_NOT_ALLOWED = _Row(-32600, "Batches are not part of this revision", 400, 400)
    EMPTY_BATCH = _Row(-32600, "An empty batch is not a request", 400, 400)
    TOO_LARGE = _Row(-32600, "Message too large", 413, 413)
    DUPLICATE_ID = _Row(-32600, "A request with this id is still in flight", 400, 409)

    # Opening a session (Lifecycle), or standing alone (Versioning).
    NOT_INITIALIZED = _Row(-32600, "Not initialized", 400, 400)
    ALREADY_INITIALIZED = _Row(-32600, "The session is already initialized", 400, 400)
    NO_ERA = _Row(-32602, "Neither a session nor a request envelope", 400, 400)
    MISSING_ENVELOPE = _Row(-32602, "Required _meta field missing or malformed", 400, 400)
    UNSUPPORTED_VERSION = _Row(-32022, "Unsupported protocol version", 400, 400, legacy_code=-32602)
    HEADER_MISMATCH = _Row(-32020, "Header mismatch", 400, 400, legacy_code=-32600)
    MISSING_CLIENT_CAPABILITY = _Row(
        -32021, "Missing required client capability", 400, legacy_code=-32603
    )

    # What the method says.
    METHOD_NOT_FOUND = _Row(-32601, "Method not found", 404)
    INVALID_PARAMS = _Row(-32602, "Invalid params")
    UNKNOWN_TOOL = _Row(-32602, "Unknown tool")
    UNKNOWN_PROMPT = _Row(-32602, "Unknown prompt")
    RESOURCE_NOT_FOUND = _Row(-32602, "Resource not found", legacy_code=-32002)
    INVALID_CURSOR = _Row(-32602, "Invalid cursor")
    INVALID_LOG_LEVEL = _Row(-32602, "Invalid log level")
    INVALID_REQUEST_STATE = _Row(-32602, "Invalid request state")
    URL_ELICITATION_REQUIRED = _Row(-32603, "URL elicitation required", legacy_code=-32042)
    USER_REJECTED = _Row(-1, "User rejected the request")

    # What went wrong here.
    INTERNAL_ERROR = _Row(-32603, "Internal error")
    BUSY = _Row(-32603, "Too many requests in flight", 503, 503)

    def __repr__(self) -> str:
        return f"<{self.name} {self.value.code}>"

    @property
    def row(self) -> _Row:
        """The codes and statuses."""
        return self.value

    @property
    def text(self) -> str:
        """The message that goes over the wire when there is nothing better to say."""
        return self.value.text


def code_for(reason: Reason, revision: Revision | None) -> int:
    """Return the JSON-RPC error code for `reason`; without a revision, the one of today."""
    row = reason.row
    if row.legacy_code is None or revision is None or revision.modern:
        return row.code
    if reason is Reason.URL_ELICITATION_REQUIRED and not revision.url_elicitation_error:
        return row.code
    return row.legacy_code


def status_for(reason: Reason, *, modern: bool) -> int:
    """Return the HTTP status that carries `reason` in an era."""
    return reason.row.modern_status if modern else reason.row.legacy_status


_MODERN_CODES = frozenset({-32020, -32021, -32022})


def is_modern_error(code: int) -> bool:
    """Whether an error with this code can only come from a modern server.

    stdio › Backward Compatibility: a recognised modern error means "modern, but not like this",
    every other error means "legacy".
    """
    return code in _MODERN_CODES
