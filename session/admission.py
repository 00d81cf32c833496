"""Whether a request is served, and by which rules: pure, the same for pipes and for HTTP.

The era is a fact of the request, not of the connection. Modern `_meta` means modern, also in the
middle of a legacy session; without it the session decides; without either only `ping` is served.
"""

from typing import Any

from barewire.protocol.capabilities import declares
from barewire.protocol.envelope import (
    CLIENT_CAPABILITIES,
    PROTOCOL_VERSION,
    EnvelopeFault,
    claims_modern,
    meta_of,
    read_envelope,
)
from barewire.protocol.errors import Reason, code_for
from barewire.protocol.jsonrpc import Failure, Request, RequestId
from barewire.protocol.methods import Method, other, sent_by
from barewire.protocol.record import record
from barewire.protocol.revisions import revision_named
from barewire.protocol.values import as_id
from barewire.session.exchange import Exchange
from barewire.session.facts import Facts, Local, Served
from barewire.session.principal import Principal
from barewire.session.questions import capability_asked
from barewire.session.session import Session
from barewire.session.tables import Leniency

__all__ = [
    "Refusal",
    "admit",
    "facts_of",
    "failure_for",
    "nothing_said",
    "open_exchange",
    "served_by",
    "unsupported",
]


@record
class Refusal:
    """Why a request is not served."""

    reason: Reason
    detail: str | None = None
    data: Any = None
    modern: bool = False
    """Whether the request came with an envelope: then no session has a say in its error code."""


_VERSION_SHOWN = 64
"""Characters of an unknown version that are given back: a date has ten."""


def admit(
    request: Request, local: Local, session: Session | None, principal: Principal | None = None
) -> Exchange | Refusal:
    """Return the exchange that `request` opens, or why it opens none.

    `initialize` is the session's own affair and does not come here.
    """
    meta = meta_of(request.params)
    facts = facts_of(meta, local, session, principal)
    if isinstance(facts, Refusal):
        if request.method != "ping" or facts.modern or not local.legacy:
            return facts
        # Ping: "the receiver MUST respond promptly", also before there is a session.
        facts = Facts(local, local.legacy[-1], {}, principal=principal)
    served = served_by(request, facts)
    return served if isinstance(served, Refusal) else open_exchange(request, facts, served, session)


def served_by(request: Request, facts: Facts) -> Served | Refusal:
    """Return how a request is served under these facts, or why it is not: the method's name."""
    served = facts.local.served_in(facts.revision).get(request.method)
    return _not_served(request.method, facts) if served is None else served


def open_exchange(
    request: Request, facts: Facts, served: Served, session: Session | None = None
) -> Exchange | Refusal:
    """Return the exchange that a request opens, or what is wrong with its params or its time."""
    local, revision, method = facts.local, facts.revision, served.method
    if not revision.modern and session is not None and session.phase != "ready":
        refusal = _too_early(method, local, session)
        if refusal is not None:
            return refusal
    fault = served.fault_in(request.params)
    if fault is not None:
        return Refusal(Reason.INVALID_PARAMS, fault.message, modern=revision.modern)
    if local.role == "client":
        refusal = _not_offered(request, facts)
        if refusal is not None:
            return refusal
    meta = meta_of(request.params)
    token = None if meta is None else as_id(meta.get("progressToken"))
    return Exchange(request, method, facts, progress_token=token)


def facts_of(
    meta: dict[str, Any] | None,
    local: Local,
    session: Session | None,
    principal: Principal | None = None,
) -> Facts | Refusal:
    """Return what holds for a request with this `_meta`, or why it cannot be served."""
    if meta is not None and local.modern and local.role == "server" and claims_modern(meta):
        return _facts_of_envelope(meta, local, principal)
    if session is not None and session.established:
        return session.facts
    return nothing_said(local, session)


def _facts_of_envelope(
    meta: dict[str, Any], local: Local, principal: Principal | None
) -> Facts | Refusal:
    version = meta.get(PROTOCOL_VERSION)
    revision = revision_named(version)
    if type(version) is str and (revision is None or revision not in local.modern):
        # Versioning › Protocol Version Negotiation: -32022 "listing the versions it does support".
        # A legacy date is reached by `initialize`, never by an envelope. What else an envelope of
        # another revision has to hold is not ours to judge.
        return unsupported(version, local, modern=True)
    envelope = read_envelope(meta)
    if isinstance(envelope, EnvelopeFault):
        return Refusal(envelope.reason, envelope.detail, modern=True)
    if revision is None:
        raise AssertionError("an envelope without a version is a fault")
    return Facts(
        local,
        revision,
        envelope.capabilities,
        envelope.client_info,
        envelope.log_level,
        principal,
    )


def unsupported(version: str, local: Local, *, modern: bool) -> Refusal:
    """Return the refusal of a version that we do not speak."""
    data = {"supported": local.versions, "requested": version[:_VERSION_SHOWN]}
    return Refusal(Reason.UNSUPPORTED_VERSION, None, data, modern=modern)


def nothing_said(local: Local, session: Session | None = None) -> Refusal:
    """Return the refusal of a request that says by no means which rules it follows."""
    if local.role == "client":
        phase = "new" if session is None else session.phase
        return Refusal(Reason.NOT_INITIALIZED, f"the session is {phase}")
    ways = ["send initialize first"] if local.legacy else []
    if local.modern:
        ways.append(f"send params._meta with {PROTOCOL_VERSION} and {CLIENT_CAPABILITIES}")
    reason = Reason.NO_ERA if local.modern else Reason.NOT_INITIALIZED
    return Refusal(reason, ", or ".join(ways), {"supported": local.versions})


def failure_for(id: RequestId | None, refusal: Refusal, session: Session | None) -> Failure:
    """Return the error that refuses a request, by the code of the revision that it came in.

    Without an id to give back, `"id": null` is written where the revision of the session wants it.
    """
    revision = session.revision if session is not None and session.established else None
    if refusal.modern:
        revision = None
    reason, detail = refusal.reason, refusal.detail
    text = reason.text if detail is None else f"{reason.text}: {detail}"
    null_id = id is None and revision is not None and revision.null_id
    return Failure(id, code_for(reason, revision), text, refusal.data, null_id)


def _not_served(name: str, facts: Facts) -> Refusal:
    local, revision = facts.local, facts.revision
    method = sent_by(other(local.role), revision).get(name)
    if method is not None and method.kind == "request":
        detail = f"{name} takes the capability {method.capability}, which is not declared here"
        return Refusal(Reason.METHOD_NOT_FOUND, detail, modern=revision.modern)
    # Versioning › Backward Compatibility: whoever asks a modern server to initialize is told which
    # versions it speaks instead.
    data = {"supported": local.versions} if name == "initialize" else None
    return Refusal(Reason.METHOD_NOT_FOUND, name[:128], data, revision.modern)


def _not_offered(request: Request, facts: Facts) -> Refusal | None:
    """Refuse what takes more than the capability that admits the method as such.

    Elicitation › Error Handling: "a mode not declared in client capabilities: -32602".
    """
    wanted = capability_asked(request.method, request.params, facts.revision)
    if wanted is None or declares(facts.local.capabilities_in(facts.revision), wanted):
        return None
    return Refusal(Reason.INVALID_PARAMS, f"the capability {wanted:.64} is not declared here")


def _too_early(method: Method, local: Local, session: Session) -> Refusal | None:
    if session.permits(session.peer, method.name) or (
        session.phase == "opened" and local.lenient(Leniency.REQUEST_BEFORE_INITIALIZED)
    ):
        return None
    return Refusal(Reason.NOT_INITIALIZED, f"the session is {session.phase}")
