"""What we may say ourselves: the method must exist, in this direction, and be declared."""

from typing import Any, Literal

from barewire.protocol.capabilities import declares
from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION, meta_of
from barewire.protocol.jsonrpc import Params, RequestId
from barewire.protocol.methods import Method, sent_by
from barewire.session.exceptions import LocalProtocolError
from barewire.session.facts import Facts

__all__ = ["row_for", "with_meta"]


def row_for(name: str, kind: Literal["request", "notification"], facts: Facts) -> Method:
    """Return the row of a method that we are about to send.

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
    if kind == "request" and not declares(facts.capabilities, gate):
        raise LocalProtocolError(f"{name} takes the capability {gate}, which the peer lacks")
    if kind == "notification" and not declares(facts.local.capabilities_in(revision), gate):
        raise LocalProtocolError(f"{name} takes the capability {gate}, which we did not declare")
    return row


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
