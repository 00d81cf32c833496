"""Legacy requests over HTTP: sessions, or where there are none each request for itself.

Streamable HTTP › Session Management, Protocol Version Header.
"""

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Final, TypeAlias

from barewire.protocol.codec import encode
from barewire.protocol.errors import Reason
from barewire.protocol.headers import VERSION_HEADER
from barewire.protocol.jsonrpc import Batch, Failure, Frame, Malformed, Params, Request, RequestId
from barewire.protocol.revisions import V2025_03_26, Revision, revision_named
from barewire.session.admission import Refusal, failure_for, nothing_said
from barewire.session.handshake import receive_initialize
from barewire.session.principal import Principal, RequestFacts
from barewire.session.session import Session
from barewire.transports.alarm import Alarm
from barewire.transports.http.accept import Acceptable
from barewire.transports.http.answers import ACCEPTED, refusal, refused, with_fields
from barewire.transports.http.legacypost import LegacyPost
from barewire.transports.http.messages import Answer, Fields, Reply
from barewire.transports.http.sessions import HttpSession, Sessions
from barewire.transports.http.setting import Setting
from barewire.transports.http.streams import Streams
from barewire.transports.http.talk import Talk

__all__ = ["ASSUMED", "Legacy"]

ASSUMED: Final = V2025_03_26
"""What a request without a session follows that names no revision: the one without the header."""

_SESSION_HEADER: Final = "Mcp-Session-Id"

_AT_HAND: Final = 64
"""Sessions without anything going on whose state is kept at hand all the same."""

_LOOK: Final = 10.0
"""Seconds between two looks at what has become superfluous."""

_Session: TypeAlias = HttpSession[Talk]


class Legacy:
    """The legacy half of an endpoint."""

    def __init__(self, setting: Setting, new_id: Callable[[], str]) -> None:
        self._setting = setting
        self._limits = setting.options.limits
        self._sessions: Sessions[Talk] = Sessions(
            self._limits.sessions, self._limits.session_idle, new_id
        )
        self._talks: dict[_Session, Talk] = {}
        """The sessions in which something goes on, or did until lately; the latest comes last."""
        self._alarm = Alarm(setting.backend, self._look)

    def post(
        self,
        frame: Frame,
        head: RequestFacts,
        reply: Reply,
        accepts: Acceptable,
        principal: Principal | None,
        fields: Fields,
    ) -> None:
        """Answer a POST."""
        request = frame if isinstance(frame, Request) else None
        opens = request is not None and request.method == "initialize"
        if self._setting.options.stateless:
            if request is not None and opens:
                self._initialize(request, reply, accepts, principal, fields)
            else:
                self._post_alone(frame, head, reply, accepts, principal, fields)
            return
        if request is not None and opens and _SESSION_HEADER.lower() not in head.fields:
            self._initialize(request, reply, accepts, principal, fields)
            return
        session = self._session_of(head, principal, _id_of(frame))
        if isinstance(session, Answer):
            if isinstance(frame, Malformed) and _SESSION_HEADER.lower() not in head.fields:
                id = None if frame.kind == "response" else frame.id
                answer = _refused(id, Refusal(frame.reason, frame.detail))
                session = Answer(400, answer.fields, answer.body)
            elif request is not None and _SESSION_HEADER.lower() not in head.fields:
                session = _refused(request.id, nothing_said(self._setting.application.local))
            reply.send(with_fields(session, fields))
            return
        if request is not None and opens:
            reply.send(
                with_fields(_refused(request.id, Refusal(Reason.ALREADY_INITIALIZED)), fields)
            )
            return
        self._receive(frame, self._talk_of(session), reply, accepts, fields)

    def get(
        self, head: RequestFacts, reply: Reply, principal: Principal | None, fields: Fields
    ) -> None:
        """Answer a GET: go on with a stream, or begin one to listen on."""
        session = self._session_of(head, principal)
        if isinstance(session, Answer):
            reply.send(with_fields(session, fields))
            return
        talk = self._talk_of(session)
        last_event_id = head.fields.get("last-event-id")
        if last_event_id is not None:
            fault = talk.resume(last_event_id, reply, fields)
            if fault is not None:
                # RFC 9110 › 405: it says which methods there are.
                allow = (("Allow", "GET, POST, DELETE"),) if fault.status == 405 else ()
                reply.send(refused(fault.status, fault.detail, fields=(*allow, *fields)))
            return
        session.listens = True
        if talk.aside.attached:
            self._setting.backend.spawn(self._take_over(talk, reply, fields))
        else:
            talk.listen(reply, fields)

    def delete(
        self, head: RequestFacts, reply: Reply, principal: Principal | None, fields: Fields
    ) -> None:
        """Answer a DELETE: the session is over."""
        session = self._session_of(head, principal)
        if isinstance(session, Answer):
            reply.send(with_fields(session, fields))
            return
        self._end(session)
        reply.send(Answer(200, fields))

    def publish(self, method: str, params: Params | None) -> None:
        """Tell the clients that listen, or did, of a change."""
        for session in list(self._sessions):
            if session.listens:
                self._talk_of(session).publish(method, params)

    def end_streams(self) -> None:
        """End the streams on which clients listen."""
        for talk in self._talks.values():
            talk.aside.end()

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions):
            self._end(session)
        self._alarm.dismiss()

    # Sessions.

    def _session_of(
        self, head: RequestFacts, principal: Principal | None, id: RequestId | None = None
    ) -> _Session | Answer:
        name = head.fields.get(_SESSION_HEADER.lower())
        if name is None:
            return refused(400, f"{_SESSION_HEADER} is missing", id)
        session = self._sessions.find(name, principal, self._setting.now())
        if session is None:
            return refused(404, "no such session: send initialize without an id", id)
        fault = _version_fault(head, session.session.revision)
        return session if fault is None else _refused(id, fault, session.session)

    def _initialize(
        self,
        request: Request,
        reply: Reply,
        accepts: Acceptable,
        principal: Principal | None,
        fields: Fields,
    ) -> None:
        stateless = self._setting.options.stateless
        if self._sessions.full and not stateless:
            reply.send(refused(503, "too many sessions (limits.sessions)", request.id, fields))
            return
        most = self._limits.initialize
        if not stateless and len(encode(request)) > most:
            detail = f"initialize has at most {most} bytes (limits.initialize)"
            reply.send(refused(413, detail, request.id, fields))
            return
        opened = receive_initialize(
            request, self._setting.application.local, None, principal=principal
        )
        if isinstance(opened, Refusal):
            reply.send(with_fields(_refused(request.id, opened), fields))
            return
        session, answer = opened
        if not stateless:
            now = self._setting.now()
            kept = self._sessions.open(session, principal, now)
            fields = (*fields, (_SESSION_HEADER, kept.id))
            self._alarm.set(self._sessions.deadline())
        post = LegacyPost(self._setting, reply, accepts, fields, log=None)
        post.answer(answer)

    def _end(self, session: _Session) -> None:
        self._sessions.end(session)
        talk = self._talks.pop(session, None)
        if talk is not None:
            talk.end()

    # What goes on in them.

    def _talk_of(self, session: _Session) -> Talk:
        talk = self._talks.pop(session, None)
        if talk is None:
            talk = self._begin_talk(session)
        self._talks[session] = talk
        return talk

    def _begin_talk(self, session: _Session) -> Talk:
        if len(self._talks) >= _AT_HAND:
            self._drop_some(2)  # so that there are not many more than that for long
        if not self._talks:
            self._alarm.set(self._setting.now() + _LOOK)
        limits = self._limits
        # Ids of events tell one session from another, and from what the same one said before.
        tag = blake2b(session.id.encode(), digest_size=4).hexdigest() + "-"
        streams = Streams(limits.kept, limits.kept_time, tag=tag, opened=session.opened)
        # What ends in a session happens in it too: then it begins to be idle.
        on_quiet = partial(self._used, session)
        return Talk(self._setting, session.session, streams, on_quiet)

    def _used(self, session: _Session) -> None:
        self._sessions.touch(session, self._setting.now())

    def _drop_some(self, most: int) -> None:
        for session in list(self._talks)[:most]:
            talk = self._talks.pop(session)
            if talk.idle:
                self._drop(session, talk)
            else:
                self._talks[session] = talk

    def _drop(self, session: _Session, talk: Talk) -> None:
        if talk.streams is not None:
            session.opened = talk.streams.opened

    def _look(self) -> None:
        now = self._setting.now()
        for session in self._sessions.idle(now):
            if session in self._talks and self._talks[session].engaged:
                self._sessions.touch(session, now)
            else:
                self._end(session)
        for talk in self._talks.values():
            talk.expire(now)
        self._drop_some(max(0, len(self._talks) - _AT_HAND))
        self._alarm.set(self._sessions.deadline())
        if self._talks:
            self._alarm.set(now + _LOOK)

    async def _take_over(self, talk: Talk, reply: Reply, fields: Fields) -> None:
        # A client that was cut comes back before we know of it; two that listen at once would each
        # get a part.
        listened_to = False
        while talk.aside.attached and not listened_to:
            listened_to = await talk.aside.alive()
        if talk.session.phase == "closed":
            reply.send(refused(404, "the session was ended", fields=fields))
        elif listened_to:
            reply.send(refused(409, "a stream is open already", fields=fields))
        elif not reply.gone:
            talk.listen(reply, fields)

    # Requests.

    def _receive(
        self, frame: Frame, talk: Talk, reply: Reply, accepts: Acceptable, fields: Fields
    ) -> None:
        connection, revision = talk.connection, talk.session.revision
        nothing = with_fields(ACCEPTED, fields)
        if isinstance(frame, Request) and frame.id in connection.exchanges.theirs:
            fault: Refusal | None = Refusal(Reason.DUPLICATE_ID, f"{frame.id!r:.128}")
        else:
            fault = connection.batch_fault(frame) if isinstance(frame, Batch) else None
        if fault is not None:
            reply.send(with_fields(_refused(_id_of(frame), fault), fields))
            return
        if isinstance(frame, Malformed):
            nothing = with_fields(_refused(None, Refusal(frame.reason, frame.detail)), fields)
        post = LegacyPost(
            self._setting,
            reply,
            accepts,
            fields,
            log=talk.streams,
            prime=revision.priming and talk.streams is not None,
            batch=isinstance(frame, Batch),
            nothing=nothing,
        )
        talk.receive(frame, post)

    def _post_alone(
        self,
        frame: Frame,
        head: RequestFacts,
        reply: Reply,
        accepts: Acceptable,
        principal: Principal | None,
        fields: Fields,
    ) -> None:
        local = self._setting.application.local
        named = head.fields.get(VERSION_HEADER.lower())
        revision = ASSUMED if named is None else revision_named(named)
        if revision is None or revision not in local.legacy:
            # The error of a modern server would keep clients of both eras from `initialize`.
            reason = Reason.UNSUPPORTED_VERSION if local.modern else Reason.INVALID_REQUEST
            detail = f"{VERSION_HEADER} is {named!r:.64}"
            fault = Refusal(reason, detail, {"supported": local.versions})
            reply.send(with_fields(_refused(_id_of(frame), fault), fields))
            return
        session = Session.standing(local, revision, principal)
        self._receive(frame, Talk(self._setting, session, None), reply, accepts, fields)


def _version_fault(head: RequestFacts, revision: Revision) -> Refusal | None:
    """Return what is wrong with the version that a request in a session names.

    Protocol Version Header: an invalid or unsupported one MUST be answered 400; here so is one that
    is not the session's own. Before there was the header, it meant nothing.
    """
    named = head.fields.get(VERSION_HEADER.lower())
    if named is None or not revision.version_header or revision_named(named) == revision:
        return None
    detail = f"{VERSION_HEADER} is {named!r:.64}; this session follows {revision.name}"
    return Refusal(Reason.HEADER_MISMATCH, detail)


def _id_of(frame: Frame) -> RequestId | None:
    return frame.id if isinstance(frame, Request) else None


def _refused(id: RequestId | None, fault: Refusal, session: Session | None = None) -> Answer:
    failure = failure_for(id, fault, session)
    if id is None:  # the bodies of refusals then have none, not even `null`
        failure = Failure(None, failure.code, failure.message, failure.data)
    return refusal(failure, fault.reason, modern=fault.modern)
