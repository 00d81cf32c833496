"""What we may say ourselves: the method must exist, in this direction, and be declared."""

from typing import Any, Literal

from barewire.protocol.capabilities import declares
from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION, meta_of
from barewire.protocol.jsonrpc import Params, RequestId
from barewire.protocol.methods import Method, sent_by
from barewire.protocol.values import as_id
from barewire.session.exceptions import LocalProtocolError
from barewire.session.facts import Facts
from barewire.session.questions import capability_asked

__all__ = ["SAID_BY_THE_ENGINE", "progress_token_in", "row_for", "with_meta"]

SAID_BY_THE_ENGINE = {
    "notifications/initialized": "Connection.initialize",
    "notifications/cancelled": "Connection.cancel",
    "notifications/progress": "Connection.progress",
    "notifications/message": "Connection.log",
}
"""The notifications that have rules of their own, and what says them by these rules."""


def row_for(
    name: str,
    kind: Literal["request", "notification"],
    facts: Facts,
    params: Params | None = None,
) -> Method:
    """Return the row of a method that we are about to send with these params.

    Raises `LocalProtocolError` when our role does not send it in this revision, or when whoever
    serves it (the peer for a request, we for a notification) has not declared its capability.
    """
    role, revision = facts.local.role, facts.revision
    row = sent_by(role, revision).get(name)
    if row is None or row.kind != kind:
        raise LocalProtocolError(f"a {role} sends no {kind} {name} in {revision.name}")
    gate = row.gate(revision)
    if gate is None:
        return row
    if kind == "request":
        if role == "server":
            gate = capability_asked(name, params, revision) or gate
        if not declares(facts.capabilities, gate):
            raise LocalProtocolError(f"{name} takes the capability {gate}, which the peer lacks")
        if params is not None and "task" in params:
            # Tasks › Tool-Level Negotiation: without it, no request is sent to be run as a task.
            gate = row.task_gate(revision)
            if gate is not None and not declares(facts.capabilities, gate):
                detail = f"as a task {name} takes the capability {gate}, which the peer lacks"
                raise LocalProtocolError(detail)
    elif not declares(facts.local.capabilities_in(revision), gate):
        raise LocalProtocolError(f"{name} takes the capability {gate}, which we did not declare")
    return row


def progress_token_in(params: Params | None) -> RequestId | None:
    """Return the progress token that `params` bring along, `None` when they have none.

    Raises `LocalProtocolError` for one that is neither a string nor an integer.
    """
    brought = (meta_of(params) or {}).get("progressToken")
    token = as_id(brought)
    if token is None and brought is not None:
        raise LocalProtocolError(f"a progress token is a string or an integer: {brought!r:.64}")
    return token


def with_meta(params: Params | None, token: RequestId | None, facts: Facts) -> Params | None:
    """Return `params` with the envelope that the revision wants and the progress token, if any."""
    modern = facts.revision.modern
    if not modern and token is None:
        return params
    meta: dict[str, Any] = dict(meta_of(params) or {})
    if modern:
        meta[PROTOCOL_VERSION] = facts.revision.name
        meta[CLIENT_INFO] = facts.local.info
        meta.setdefault(CLIENT_CAPABILITIES, facts.local.capabilities_in(facts.revision))
    if token is not None:
        meta["progressToken"] = token
    return {**(params or {}), "_meta": meta}
