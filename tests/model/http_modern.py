"""What one POST of the modern revision is: served, or refused with which status and code.

Streamable HTTP of 2026-07-28. It demands each of these checks and names no order; decided: from
what an intermediary sees to what only the method knows, so that the most fundamental fault of
several is the one that is named.
"""

from dataclasses import dataclass

from tests.model.due import Pattern, described, holding
from tests.model.http_words import (
    HEADER_MISMATCH,
    METHOD_FIELD,
    NAME_FIELD,
    NAMED,
    PARAM_FIELD,
    VERSION_FIELD,
    Ask,
    Setup,
    said,
)
from tests.model.lines import Read
from tests.model.requests import is_envelope
from tests.model.shapes import fits_params
from tests.model.words import (
    CLIENT_CAPABILITIES,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MODERN,
    NUMBERS,
    REQUESTS,
    REVISIONS,
    UNSUPPORTED_VERSION,
    VERSION,
    Json,
    as_list,
    as_object,
    declared_in,
    has,
    is_number,
    sends,
    takes,
)

MIRRORED = {"where": {"region": "region", "floor": "floor", "open": "is_open"}}
"""The arguments that tools of the tests mirror into fields, by the name of the field."""


@dataclass
class Refused:
    """Why a message is not served, and how that is said."""

    status: int
    code: int
    data: Pattern = None


def is_modern(it: Read, ask: Ask) -> bool:
    """Whether a message that came by POST is one of the modern revision.

    Versioning › Backward Compatibility: per-request `_meta` says so, `initialize` says otherwise.
    For a message without either the field speaks (decided).
    """
    meta = as_object((it.params or {}).get("_meta")) or {}
    if VERSION in meta or CLIENT_CAPABILITIES in meta:
        return True
    return it.method != "initialize" and NUMBERS.get(ask.get(VERSION_FIELD) or "") == MODERN


def supported(setup: Setup, requested: str | None) -> Pattern:
    """`data` that names what is spoken, and what was asked for."""
    spoken = sorted(REVISIONS[one] for one in setup.speaks)
    named = described(f"{spoken}", lambda value: sorted(as_list(value) or []) == spoken)
    if requested is None:
        return holding(supported=named)
    return holding(supported=named, requested=requested[:64])


def refused(it: Read, ask: Ask, setup: Setup) -> Refused | None:
    """Return why a modern request is not served, `None` when it is."""
    params = it.params or {}
    meta = as_object(params.get("_meta")) or {}
    version = meta.get(VERSION)
    # Protocol Version Header: on every POST, and the same as in `_meta`.
    field = ask.get(VERSION_FIELD)
    if field is None or (isinstance(version, str) and field != version):
        return Refused(400, HEADER_MISMATCH)
    if isinstance(version, str) and (NUMBERS.get(version) != MODERN or not setup.modern):
        return Refused(400, UNSUPPORTED_VERSION, supported(setup, version))
    known = it.method in REQUESTS and sends("client", it.method, MODERN)
    gate = takes(it.method, MODERN)
    mine = declared_in(setup.capabilities, MODERN, "server")
    served = known and (gate is None or has(mine, gate))
    # Standard Request Headers. A name that is missing is missed by those alone who know the method
    # (decided).
    unnamed = ask.get(NAME_FIELD) is None and not served and is_envelope(meta)
    if ask.get(METHOD_FIELD) != it.method or not (unnamed or _name_agrees(it, ask)):
        return Refused(400, HEADER_MISMATCH)
    # Base Protocol › `_meta`: a required field is missing.
    if not is_envelope(meta):
        return Refused(400, INVALID_PARAMS)
    if not served:
        data = supported(setup, None) if it.method == "initialize" else None
        return Refused(404, METHOD_NOT_FOUND, data)
    # Server Behavior for Custom Headers.
    arguments = as_object(params.get("arguments")) or {}
    for field, argument in MIRRORED.get(str(params.get("name")), {}).items():
        if it.method == "tools/call" and not _argument_agrees(
            arguments.get(argument), ask.get(PARAM_FIELD + field)
        ):
            return Refused(400, HEADER_MISMATCH)
    if not fits_params(it.method, params, MODERN):
        return Refused(200, INVALID_PARAMS)
    return None


def notification_refused(it: Read, ask: Ask) -> bool:
    """Whether a modern notification is not accepted.

    Sending Messages › Note: what its fields must say is not defined. Those that are there must be
    true (decided).
    """
    meta = as_object((it.params or {}).get("_meta")) or {}
    version, field, method = meta.get(VERSION), ask.get(VERSION_FIELD), ask.get(METHOD_FIELD)
    if isinstance(version, str) and NUMBERS.get(version) != MODERN:
        return True
    if field is not None and isinstance(version, str) and field != version:
        return True
    if method is not None and method != it.method:
        return True
    return ask.get(NAME_FIELD) is not None and not _name_agrees(it, ask)


def _name_agrees(it: Read, ask: Ask) -> bool:
    if it.method not in NAMED:
        return True
    field, value = ask.get(NAME_FIELD), (it.params or {}).get(NAMED[it.method])
    # "These headers are REQUIRED": also where the body has nothing that they could repeat.
    return field is not None and isinstance(value, str) and said(field) == value


def _argument_agrees(value: object, field: str | None) -> bool:
    if value is None:
        return field is None
    if field is None:
        return False
    text = said(field)
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if is_number(value):
        try:
            return text is not None and float(text) == value
        except ValueError:
            return False
    return text == value


def complete(result: Json, method: str, setup: Setup) -> Json:
    """Return a modern result with what every one of them says beside its own members."""
    made: Json = {"resultType": "complete", **result}
    made["_meta"] = holding(**{"io.modelcontextprotocol/serverInfo": setup.info})
    if method in ("tools/list", "server/discover"):
        made["ttlMs"] = described("a time", lambda it: type(it) is int and it >= 0)
        made["cacheScope"] = described("a scope", lambda it: it in ("private", "public"))
    return made
