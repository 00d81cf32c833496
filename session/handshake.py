"""The `initialize` handshake at the server's end: whether it is due, and its answer."""

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Request, Success
from barewire.protocol.shapes import checker_named
from barewire.session.admission import Refusal
from barewire.session.facts import Local
from barewire.session.principal import Principal
from barewire.session.session import Session, choose_revision

__all__ = ["receive_initialize"]


def receive_initialize(
    request: Request,
    local: Local,
    session: Session | None,
    *,
    batched: bool = False,
    principal: Principal | None = None,
) -> tuple[Session, Success] | Refusal:
    """Return the session that `initialize` opens with the answer to it, or why it opens none.

    A second handshake in a session is refused and leaves the session as it is; so is one inside a
    batch (Lifecycle › Initialization). `principal` is who was authenticated.
    """
    if batched:
        return Refusal(Reason.INVALID_REQUEST, "initialize must not be part of a batch")
    if session is not None and session.phase != "new":
        return Refusal(Reason.ALREADY_INITIALIZED)
    params = request.params or {}
    revision = choose_revision(params.get("protocolVersion"), local)
    if revision is None:
        # Versioning: a server without a handshake SHOULD name the versions it supports.
        spoken = ", ".join(local.versions)
        return Refusal(
            Reason.METHOD_NOT_FOUND,
            f"initialize; this server speaks {spoken}, without a handshake",
            {"supported": local.versions},
        )
    # Judged by the revision that both will speak: what it does not define may look like anything.
    fault = checker_named("InitializeRequestParams", revision)(params, "params")
    if fault is not None:
        return Refusal(Reason.INVALID_PARAMS, fault.message)
    session = Session(local, principal)
    return session, Success(request.id, session.answer(params))
