"""What one POST of the modern revision is: an exchange, or why it is none. Pure.

Streamable HTTP › Sending Messages to the Server: each POST stands alone, says by its headers what
its body says, and is answered on its own response. The specification gives no order to the checks;
here they go from what an intermediary can see to what only the method knows, so that of several
faults the most fundamental one is named.
"""

from collections.abc import Callable, Mapping, Sequence

from barewire.protocol.envelope import PROTOCOL_VERSION, claims_modern, meta_of
from barewire.protocol.errors import Reason
from barewire.protocol.headers import (
    VERSION_HEADER,
    Annotation,
    Mismatch,
    check_method,
    check_name,
    check_params,
    check_version,
)
from barewire.protocol.jsonrpc import Notification, Request
from barewire.protocol.revisions import revision_named
from barewire.protocol.values import as_object, as_string
from barewire.session.admission import Refusal, facts_of, open_exchange, served_by, unsupported
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.principal import Principal

__all__ = ["AnnotationsOf", "admit_post", "is_modern", "judge_notification"]

AnnotationsOf = Callable[[str], Sequence[Annotation]]
"""Gives the annotated arguments of the tool with this name; none for one that is not there."""


def is_modern(message: Request | Notification, fields: Mapping[str, str]) -> bool:
    """Whether a message that came by POST follows the modern revision.

    Versioning › Backward Compatibility: modern `_meta` decides, whatever else is there. Without it
    `initialize` is legacy, and for the others the header speaks.
    """
    if claims_modern(meta_of(message.params)):
        return True
    if message.method == "initialize":
        return False
    revision = revision_named(fields.get(VERSION_HEADER.lower(), "").strip(" \t"))
    return revision is not None and revision.modern


def admit_post(
    request: Request,
    fields: Mapping[str, str],
    local: Local,
    annotations_of: AnnotationsOf,
    principal: Principal | None = None,
) -> Exchange | Refusal:
    """Return the exchange that a POST opens, or why it opens none.

    `fields` are those of the head by lower-cased name. The ids of several POSTs are never compared:
    they may come from several senders.
    """
    params = request.params
    facts = facts_of(meta_of(params), local, None, principal)
    unsupported = isinstance(facts, Refusal) and facts.reason is Reason.UNSUPPORTED_VERSION
    served = facts if isinstance(facts, Refusal) else served_by(request, facts)
    unknown = isinstance(served, Refusal) and served.reason is Reason.METHOD_NOT_FOUND
    mismatch = check_version(fields, params)
    if mismatch is None and not unsupported:
        # Which header a method has to have is for those to say who know it.
        mismatch = check_method(fields, request.method) or check_name(
            fields, request.method, params, required=not unknown
        )
    if mismatch is not None:
        return _refusal(mismatch)
    if isinstance(facts, Refusal):
        return facts
    if isinstance(served, Refusal):
        return served
    if request.method == "tools/call" and params is not None:
        annotations = annotations_of(as_string(params.get("name")) or "")
        mismatch = check_params(fields, annotations, as_object(params.get("arguments")))
        if mismatch is not None:
            return _refusal(mismatch)
    return open_exchange(request, facts, served)


def judge_notification(
    notification: Notification, fields: Mapping[str, str], local: Local
) -> Refusal | None:
    """Return why a notification is not accepted.

    What its headers must say is left open by the specification: those that are there must be true,
    and the version, wherever it is named, one that we speak.
    """
    method, params = notification.method, notification.params
    version = as_string((meta_of(params) or {}).get(PROTOCOL_VERSION))
    if version is not None and revision_named(version) not in local.modern:
        return unsupported(version, local, modern=True)
    mismatch = (
        check_version(fields, params, required=False)
        or check_method(fields, method, required=False)
        or check_name(fields, method, params, required=False)
    )
    return None if mismatch is None else _refusal(mismatch)


def _refusal(mismatch: Mismatch) -> Refusal:
    return Refusal(Reason.HEADER_MISMATCH, mismatch.detail, modern=True)
