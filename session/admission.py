"""Whether a request is served, and by which rules: pure, the same for pipes and for HTTP.

The era is a fact of the request, not of the connection. Modern `_meta` means modern, also in the
middle of a legacy session; without it the session decides; without either only `ping` is served.
"""

from typing import Any

from barewire.protocol.envelope import EnvelopeFault, claims_modern, meta_of, read_envelope
from barewire.protocol.errors import Reason, code_for
from barewire.protocol.jsonrpc import Failure, Request, RequestId
from barewire.protocol.methods import Method, other, sent_by
from barewire.protocol.record import record
from barewire.protocol.revisions import revision_named
from barewire.session.exchange import Exchange
from barewire.session.facts import Facts, Local
from barewire.session.session import Session
from barewire.session.tables import Leniency

__all__ = ["Refusal", "admit", "facts_of", "failure_for"]


@record
class Refusal:
    """Why a request is not served."""

    reason: Reason
    detail: str | None = None
    data: Any = None


def admit(
    request: Request, local: Local, session: Session | None, principal: object = None
) -> Exchange | Refusal:
    """Return the exchange that `request` opens, or why it opens none.

    `initialize` is the session's own affair and does not come here.
    """
    meta = meta_of(request.params)
    facts = facts_of(meta, local, session, principal)
    if isinstance(facts, Refusal):
        if request.method != "ping" or facts.reason is not _nothing_said(local):
            return facts
        facts = Facts(local, (local.legacy or local.revisions)[-1], {}, principal=principal)
    revision = facts.revision
    served = local.served_in(revision).get(request.method)
    if served is None:
        return _not_served(request.method, facts)
    method = served.method
    if not revision.modern and session is not None and session.phase != "ready":
        refusal = _too_early(method, local, session)
        if refusal is not None:
            return refusal
    fault = served.fault_in(request.params)
    if fault is not None:
        return Refusal(Reason.INVALID_PARAMS, fault.message)
    token = None
    if meta is not None:
        token = meta.get("progressToken")
    return Exchange(request, method, facts, progress_token=_token(token))


def facts_of(
    meta: dict[str, Any] | None, local: Local, session: Session | None, principal: object = None
) -> Facts | Refusal:
    """Return what holds for a request with this `_meta`, or why it cannot be served."""
    if claims_modern(meta) and local.role == "server" and local.modern:
        envelope = read_envelope(meta or {})
        if isinstance(envelope, EnvelopeFault):
            return Refusal(envelope.reason, envelope.detail)
        revision = revision_named(envelope.version)
        if revision is None or revision not in local.modern:
            # Versioning › Protocol Version Negotiation: -32022 "listing the versions it does
            # support"; a legacy date is reached by `initialize`, never by an envelope.
            return Refusal(
                Reason.UNSUPPORTED_VERSION,
                None,
                {"supported": local.versions, "requested": envelope.version},
            )
        return Facts(
            local,
            revision,
            envelope.capabilities,
            envelope.client_info,
            envelope.log_level,
            principal,
        )
    if session is not None and session.established:
        return session.facts
    reason = _nothing_said(local)
    if reason is Reason.NO_ERA:
        return Refusal(
            reason,
            "send initialize first, or params._meta with "
            "io.modelcontextprotocol/protocolVersion and io.modelcontextprotocol/clientCapabilities",
            {"supported": local.versions},
        )
    return Refusal(reason, "send initialize first", {"supported": local.versions})


def _nothing_said(local: Local) -> Reason:
    return Reason.NO_ERA if local.modern else Reason.NOT_INITIALIZED


def failure_for(id: RequestId | None, refusal: Refusal, session: Session | None) -> Failure:
    """Return the error that refuses a request, by the code of the session's revision.

    Without an id to give back, `"id": null` is written where the revision of the session wants it.
    """
    revision = session.revision if session is not None and session.established else None
    reason, detail = refusal.reason, refusal.detail
    text = reason.text if detail is None else f"{reason.text}: {detail}"
    null_id = id is None and revision is not None and revision.null_id
    return Failure(id, code_for(reason, revision), text, refusal.data, null_id)


def _not_served(name: str, facts: Facts) -> Refusal:
    method = sent_by(other(facts.local.role), facts.revision).get(name)
    if method is None or method.kind != "request":
        return Refusal(Reason.METHOD_NOT_FOUND, name[:128])
    return Refusal(
        Reason.METHOD_NOT_FOUND,
        f"{name} takes the capability {method.capability}, which is not declared here",
    )


def _too_early(method: Method, local: Local, session: Session) -> Refusal | None:
    if session.permits(session.peer, method.name) or (
        session.phase == "opened" and local.lenient(Leniency.REQUEST_BEFORE_INITIALIZED)
    ):
        return None
    return Refusal(Reason.NOT_INITIALIZED, f"the session is {session.phase}")


def _token(token: Any) -> RequestId | None:
    return token if type(token) is int or type(token) is str else None
