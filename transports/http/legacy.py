"""Legacy requests over HTTP: in sessions, or where there are none each for itself.

Streamable HTTP › Session Management, Protocol Version Header.
"""

from collections.abc import Callable
from typing import Final

from barewire.protocol.errors import Reason
from barewire.protocol.headers import VERSION_HEADER
from barewire.protocol.jsonrpc import Batch, Frame, Malformed, Params, Request, RequestId
from barewire.protocol.revisions import V2025_03_26, Revision, revision_named
from barewire.session.admission import Refusal, nothing_said, unsupported
from barewire.session.facts import Local
from barewire.session.handshake import receive_initialize
from barewire.session.session import Session
from barewire.transports.http.answers import ACCEPTED, with_fields
from barewire.transports.http.asks import Ask, failed
from barewire.transports.http.legacypost import LegacyPost
from barewire.transports.http.messages import Answer
from barewire.transports.http.sessions import HttpSession, Sessions
from barewire.transports.http.setting import ENDING, Setting
from barewire.transports.http.talk import Talk
from barewire.transports.http.talks import Talks

__all__ = ["ASSUMED", "Legacy"]

ASSUMED: Final = V2025_03_26
"""What a request without a session follows that names no revision: the one without the header."""

_SESSION_HEADER: Final = "Mcp-Session-Id"


class Legacy:
    """The legacy half of an endpoint."""

    def __init__(self, setting: Setting, new_id: Callable[[], str]) -> None:
        """Create it; `new_id` gives ids of sessions."""
        limits = setting.options.limits
        self._setting = setting
        self._limits = limits
        self._stateless = setting.options.stateless
        self._sessions = Sessions(limits.sessions, limits.session_idle, new_id)
        self._talks = Talks(setting, self._sessions)

    def post(self, frame: Frame, ask: Ask) -> None:
        """Answer a POST."""
        opens = isinstance(frame, Request) and frame.method == "initialize"
        outside = self._stateless or _SESSION_HEADER.lower() not in ask.facts.fields
        if isinstance(frame, Request) and opens and outside:
            self._initialize(frame, ask)
        elif self._stateless:
            self._post_alone(frame, ask)
        elif outside:
            self._refuse_outside(frame, ask)
        elif (session := self._session_of(ask, _id_of(frame))) is not None:
            if opens:
                ask.fail(_id_of(frame), Refusal(Reason.ALREADY_INITIALIZED))
            else:
                self._receive(frame, self._talks.of(session), ask)

    def get(self, ask: Ask) -> None:
        """Answer a GET: go on with a stream, or begin one to listen on."""
        session = self._session_of(ask)
        if session is None:
            return
        talk = self._talks.of(session)
        last_event_id = ask.facts.fields.get("last-event-id")
        if last_event_id is not None:
            fault = talk.resume(last_event_id, ask.reply, ask.fields)
            if fault is not None:
                # RFC 9110 › 405: it says which methods there are.
                allow = (("Allow", "GET, POST, DELETE"),) if fault.status == 405 else ()
                ask.refuse(fault.status, fault.detail, fields=allow)
            return
        session.listens = True
        if talk.aside.attached:
            self._setting.backend.spawn(self._take_over(talk, ask))
        else:
            talk.listen(ask.reply, ask.fields)

    def delete(self, ask: Ask) -> None:
        """Answer a DELETE: the session is over."""
        session = self._session_of(ask)
        if session is not None:
            self._talks.end(session)
            ask.answer(Answer(200))

    def publish(self, method: str, params: Params | None) -> None:
        """Tell the clients that listen, or did, of a change."""
        self._talks.publish(method, params)

    def end_streams(self) -> None:
        """End the streams on which clients listen."""
        self._talks.end_streams()

    def close(self) -> None:
        """End all sessions."""
        self._talks.close()

    # Sessions.

    def _session_of(self, ask: Ask, id: RequestId | None = None) -> HttpSession | None:
        """Return the session of a request; without one, answer it and return `None`."""
        name = ask.facts.fields.get(_SESSION_HEADER.lower())
        if name is None:
            ask.refuse(400, f"{_SESSION_HEADER} is missing", id)
            return None
        session = self._sessions.find(name, ask.principal, self._setting.now())
        if session is None:
            ask.refuse(404, "no such session: send initialize without an id", id)
            return None
        fault = _version_fault(ask, session.session.revision)
        if fault is not None:
            ask.fail(id, fault, session.session)
            return None
        return session

    def _initialize(self, request: Request, ask: Ask) -> None:
        if not self._stateless:
            if self._sessions.full:
                ask.refuse(503, "too many sessions (limits.sessions)", request.id)
                return
            most = self._limits.initialize
            if ask.size > most:
                detail = f"initialize has at most {most} bytes (limits.initialize)"
                ask.refuse(413, detail, request.id)
                return
        local = self._setting.application.local
        opened = receive_initialize(request, local, None, principal=ask.principal)
        if isinstance(opened, Refusal):
            ask.fail(request.id, opened)
            return
        session, answer = opened
        fields = ask.fields
        if not self._stateless:
            kept = self._sessions.open(session, ask.principal, self._setting.now())
            fields = (*fields, (_SESSION_HEADER, kept.id))
            self._talks.opened()
        post = LegacyPost(self._setting, ask.reply, ask.accepts, fields, log=None)
        post.answer(answer)

    async def _take_over(self, talk: Talk, ask: Ask) -> None:
        # A client that was cut comes back before we know of it; two that listen at once would each
        # get a part.
        listened_to = False
        while talk.aside.attached and not listened_to and not ask.reply.gone:
            listened_to = await talk.aside.alive()
        if talk.session.phase == "closed":
            ask.refuse(404, "the session was ended")
        elif self._setting.ending:
            ask.refuse(503, ENDING)
        elif listened_to:
            ask.refuse(409, "a stream is open already")
        elif not ask.reply.gone:
            talk.listen(ask.reply, ask.fields)

    # Requests.

    def _receive(self, frame: Frame, talk: Talk, ask: Ask) -> None:
        connection, revision = talk.connection, talk.session.revision
        if isinstance(frame, Request) and frame.id in connection.exchanges.theirs:
            fault: Refusal | None = Refusal(Reason.DUPLICATE_ID, f"{frame.id!r:.128}")
        else:
            fault = connection.batch_fault(frame) if isinstance(frame, Batch) else None
        if fault is not None:
            ask.fail(_id_of(frame), fault)
            return
        bad = _malformed_in(frame)  # Sending Messages: what is not accepted is an error
        nothing = ACCEPTED if bad is None else failed(None, Refusal(bad.reason, bad.detail))
        post = LegacyPost(
            self._setting,
            ask.reply,
            ask.accepts,
            ask.fields,
            log=talk.streams,
            prime=revision.priming and talk.streams is not None,
            batch=isinstance(frame, Batch),
            nothing=with_fields(nothing, ask.fields),
        )
        talk.receive(frame, post, ask.principal)

    def _refuse_outside(self, frame: Frame, ask: Ask) -> None:
        """Refuse what belongs to no session, where there are sessions."""
        if isinstance(frame, Request):
            ask.fail(frame.id, nothing_said(self._setting.application.local))
        elif isinstance(frame, Malformed):
            ask.reject(frame)
        else:
            ask.refuse(400, f"{_SESSION_HEADER} is missing")

    def _post_alone(self, frame: Frame, ask: Ask) -> None:
        local = self._setting.application.local
        named = ask.facts.fields.get(VERSION_HEADER.lower())
        revision = ASSUMED if named is None else revision_named(named)
        if revision is None or revision not in local.legacy:
            ask.fail(_id_of(frame), _unspoken(named or ASSUMED.name, local))
            return
        session = Session.standing(local, revision, ask.principal)
        self._receive(frame, Talk(self._setting, session, None), ask)


def _malformed_in(frame: Frame) -> Malformed | None:
    if isinstance(frame, Batch):
        return next((item for item in frame.items if isinstance(item, Malformed)), None)
    return frame if isinstance(frame, Malformed) else None


def _unspoken(version: str, local: Local) -> Refusal:
    if local.modern:
        return unsupported(version, local, modern=False)
    # The error of a modern server would keep clients of both eras from `initialize`.
    data = {"supported": local.versions}
    return Refusal(Reason.INVALID_REQUEST, f"{VERSION_HEADER} is {version!r:.64}", data)


def _version_fault(ask: Ask, revision: Revision) -> Refusal | None:
    """Return what is wrong with the version that a request in a session names.

    Protocol Version Header: an invalid or unsupported one MUST be answered 400; here so is one that
    is not the session's own. Before there was the header, it meant nothing.
    """
    named = ask.facts.fields.get(VERSION_HEADER.lower())
    if named is None or not revision.version_header or revision_named(named) == revision:
        return None
    detail = f"{VERSION_HEADER} is {named!r:.64}; this session follows {revision.name}"
    return Refusal(Reason.HEADER_MISMATCH, detail)


def _id_of(frame: Frame) -> RequestId | None:
    return frame.id if isinstance(frame, Request) else None
