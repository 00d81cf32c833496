"""The modern envelope: what each request says of itself, and each result of its server, in `_meta`.

Base Protocol › General fields › `_meta`. The members have their names here, and so has
`progressToken`, which all revisions share.
"""

from typing import Any

from barewire.protocol.capabilities import Capabilities
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Params
from barewire.protocol.record import record
from barewire.protocol.values import as_object, as_string

__all__ = [
    "CLIENT_CAPABILITIES",
    "CLIENT_INFO",
    "ENVELOPE_KEYS",
    "LOG_LEVEL",
    "LOG_LEVELS",
    "PROGRESS_TOKEN",
    "PROTOCOL_VERSION",
    "SERVER_INFO",
    "SUBSCRIPTION_ID",
    "Envelope",
    "EnvelopeFault",
    "claims_modern",
    "meta_of",
    "read_envelope",
    "tagged",
]

PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion"
CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"
PROGRESS_TOKEN = "progressToken"

ENVELOPE_KEYS = (PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL)
"""The members that decide how a request is served: repeating one is an attack, not a style."""

LOG_LEVELS = {
    "debug": 7,
    "info": 6,
    "notice": 5,
    "warning": 4,
    "error": 3,
    "critical": 2,
    "alert": 1,
    "emergency": 0,
}
"""The eight levels and their RFC 5424 severities: the smaller, the more severe. Only names
travel."""

_OBJECT_CAPABILITIES = ("roots", "sampling", "elicitation", "experimental", "extensions")


@record
class Envelope:
    """What a modern request says of itself."""

    version: str
    capabilities: Capabilities
    client_info: dict[str, Any] | None = None
    log_level: str | None = None


@record
class EnvelopeFault:
    """Why an envelope cannot be served."""

    reason: Reason
    detail: str


def meta_of(params: Params | None) -> dict[str, Any] | None:
    """Return the `_meta` object of `params`, `None` when there is none or it is no object."""
    return None if params is None else as_object(params.get("_meta"))


def claims_modern(meta: dict[str, Any] | None) -> bool:
    """Whether this `_meta` is a modern envelope, complete or not.

    Versioning › Backward Compatibility: a request that carries modern per-request `_meta` is served
    by the modern revision, whatever came before it.
    """
    return meta is not None and (PROTOCOL_VERSION in meta or CLIENT_CAPABILITIES in meta)


def read_envelope(meta: dict[str, Any]) -> Envelope | EnvelopeFault:
    """Read the envelope from `_meta`; a missing or mistyped member is a fault that names it."""
    version = as_string(meta.get(PROTOCOL_VERSION))
    if version is None:
        return _fault(PROTOCOL_VERSION, "a string", PROTOCOL_VERSION in meta)
    capabilities = as_object(meta.get(CLIENT_CAPABILITIES))
    if capabilities is None:
        return _fault(CLIENT_CAPABILITIES, "an object", CLIENT_CAPABILITIES in meta)
    if capabilities:
        for key in _OBJECT_CAPABILITIES:
            if key in capabilities and as_object(capabilities[key]) is None:
                return _fault(f"{CLIENT_CAPABILITIES}.{key}", "an object", True)
    info = as_object(meta.get(CLIENT_INFO))
    if info is not None:
        for key in ("name", "version"):
            if as_string(info.get(key)) is None:
                return _fault(f"{CLIENT_INFO}.{key}", "a string", key in info)
    elif meta.get(CLIENT_INFO) is not None:
        return _fault(CLIENT_INFO, "an object", True)
    level = as_string(meta.get(LOG_LEVEL))
    if meta.get(LOG_LEVEL) is not None and level not in LOG_LEVELS:
        # Logging › Error Handling: -32602.
        return EnvelopeFault(
            Reason.INVALID_LOG_LEVEL,
            f"params._meta[{LOG_LEVEL!r}] must be one of {', '.join(LOG_LEVELS)}",
        )
    return Envelope(version, capabilities, info, level)


def _fault(key: str, expected: str, present: bool) -> EnvelopeFault:
    what = f"must be {expected}" if present else f"is missing: it must be {expected}"
    return EnvelopeFault(Reason.MISSING_ENVELOPE, f"params._meta[{key!r}] {what}")


def tagged(params: Params | None, key: str, value: Any) -> Params:
    """Return a copy of `params` whose `_meta` has `value` under `key`."""
    return {**(params or {}), "_meta": {**(meta_of(params) or {}), key: value}}
