"""The endpoint: what becomes of each HTTP request. It knows nothing of sockets or of parsers.

One path serves both eras. A request that carries the modern envelope stands alone; the others
belong to a session, or where there are none each to itself. Streamable HTTP of each revision, and
where they are silent the most that any of them allows.
"""

import logging
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

from barewire.protocol.codec import decode
from barewire.protocol.errors import Reason
from barewire.protocol.headers import VERSION_HEADER
from barewire.protocol.jsonrpc import Frame, Malformed, Notification, Params, Request, RequestId
from barewire.protocol.revisions import revision_named
from barewire.session.admission import Refusal, failure_for
from barewire.session.exchange import Exchange
from barewire.session.principal import Authenticate, Principal, RequestFacts
from barewire.session.settled import SETTLED
from barewire.transports.backend import Backend
from barewire.transports.http.accept import Acceptable, acceptable, is_json
from barewire.transports.http.answers import (
    ACCEPTED,
    refusal,
    refused,
    with_fields,
    wrong_method,
)
from barewire.transports.http.application import Application
from barewire.transports.http.identifying import Identifying, Nobody
from barewire.transports.http.legacy import Legacy
from barewire.transports.http.listens import Listens
from barewire.transports.http.messages import Answer, Fields, HttpRequest, Reply
from barewire.transports.http.modern import admit_post, is_modern, judge_notification
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.posts import Post
from barewire.transports.http.setting import Setting

__all__ = ["Endpoint"]

_log = logging.getLogger("barewire.http")

_NO_REQUEST: Final = Refusal(
    Reason.INVALID_REQUEST, "a body is one request or one notification", modern=True
)

_NEW_ID: Final = partial(secrets.token_hex, 16)

_UNKNOWN: Final[dict[Nobody, tuple[int, Fields]]] = {
    Nobody.UNPROVEN: (401, (("WWW-Authenticate", "Bearer"),)),
    Nobody.FAILED: (500, ()),
    Nobody.LATE: (503, ()),
}
"""What somebody is answered who is not known: a status and fields."""


class Endpoint:
    """Answers the requests to one endpoint: the `Handler` behind whatever speaks HTTP."""

    def __init__(
        self,
        application: Application,
        backend: Backend,
        options: HttpOptions,
        new_id: Callable[[], str] = _NEW_ID,
    ) -> None:
        """Create it; `new_id` gives ids of sessions, which nobody can guess."""
        self._application = application
        self._options = options
        self._guard = options.guard
        self._path = options.path.rstrip("/")
        self._setting = Setting(backend, application, options)
        self._listens = Listens(self._setting)
        self._legacy = Legacy(self._setting, new_id)
        self._ending = False

    def judge(self, head: RequestFacts) -> Answer | None:
        """Return the answer to what needs no body to be refused, `None` to what may go on."""
        answer = self._judged(head)
        if answer is None:
            return None
        return with_fields(answer, self._guard.cors_fields(head.fields))

    def receive(self, request: HttpRequest, reply: Reply) -> None:
        """Answer a request that `judge` let through."""
        authenticate = self._application.authenticate
        if authenticate is None:
            self._serve(request, reply, None)
        else:
            self._identify(authenticate, request, reply)

    def refused(self, status: int, detail: str) -> Answer:
        """Return the answer to what is no request."""
        return refused(status, detail)

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell all clients that want to know of a change."""
        self._listens.publish(method, params)
        self._legacy.publish(method, params)

    def end(self) -> None:
        """End what lasts: streams of those who listen. What was asked may still be answered."""
        self._ending = True
        self._listens.end()
        self._legacy.end_streams()

    def close(self) -> None:
        """End all sessions."""
        self._legacy.close()
        self._setting.deferrals.close()

    # Before the body.

    def _judged(self, head: RequestFacts) -> Answer | None:
        forbidden = self._guard.forbids(head.fields)
        if forbidden is not None:
            return refused(forbidden.status, forbidden.detail)
        if head.path.rstrip("/") != self._path:
            return refused(404, f"nothing is served here; the endpoint is {self._options.path}")
        if head.method == "OPTIONS":
            fields = self._guard.preflight_fields(head.fields)
            return Answer(204, fields) if fields else self._wrong_method()
        if self._ending:
            return refused(503, "this server is shutting down")
        if head.method == "POST":
            return self._judge_post(head)
        if head.method in ("GET", "DELETE") and self._has_sessions(head):
            takes = acceptable(head.fields.get("accept"))
            if head.method == "GET" and not takes.stream:
                return refused(406, "the answer to a GET is text/event-stream")
            return None
        return self._wrong_method()

    def _judge_post(self, head: RequestFacts) -> Answer | None:
        limit = self._options.limits.body
        if head.length is not None and head.length > limit:
            return refused(413, f"a body has at most {limit} bytes (limits.body)")
        if not is_json(head.fields.get("content-type")):
            return refused(415, "the body of a POST is application/json, in UTF-8")
        if not acceptable(head.fields.get("accept")):
            return refused(406, "answers are application/json or text/event-stream")
        return None

    def _has_sessions(self, head: RequestFacts) -> bool:
        local = self._application.local
        modern = revision_named(head.fields.get(VERSION_HEADER.lower())) in local.modern
        return not self._options.stateless and bool(local.legacy) and not modern

    def _wrong_method(self) -> Answer:
        sessions = not self._options.stateless and bool(self._application.local.legacy)
        return wrong_method("GET, POST, DELETE" if sessions else "POST")

    # Who asks.

    def _identify(self, authenticate: Authenticate, request: HttpRequest, reply: Reply) -> None:
        def serve(who: Principal | Nobody) -> None:
            reply.on_gone = None
            if isinstance(who, Principal):
                self._serve(request, reply, who)
            else:
                reply.send(self._unknown(who, request.head))

        head, seconds = request.head, self._options.limits.authenticate_time
        asked = Identifying(self._setting.backend, authenticate, head, seconds, serve)
        if asked.pending:
            reply.on_gone = asked.give_up

    def _unknown(self, why: Nobody, head: RequestFacts) -> Answer:
        status, fields = _UNKNOWN[why]
        return refused(status, why.value, fields=(*fields, *self._guard.cors_fields(head.fields)))

    def _serve(self, request: HttpRequest, reply: Reply, principal: Principal | None) -> None:
        if reply.gone:
            return
        head = request.head
        fields = self._guard.cors_fields(head.fields)
        try:
            if head.method == "POST":
                self._post(request, reply, principal, fields)
            elif head.method == "GET":
                self._legacy.get(head, reply, principal, fields)
            else:
                self._legacy.delete(head, reply, principal, fields)
        except Exception:
            _log.exception("%s failed", head.method)
            reply.send(refused(500, "internal error", fields=fields))

    # POST.

    def _post(
        self, request: HttpRequest, reply: Reply, principal: Principal | None, fields: Fields
    ) -> None:
        head = request.head
        frame = decode(request.body)
        accepts = self._form(head)
        if self._is_modern(frame, head):
            self._modern(frame, head, reply, accepts, principal, fields)
        else:
            self._legacy.post(frame, head, reply, accepts, principal, fields)

    def _form(self, head: RequestFacts) -> Acceptable:
        accepts = acceptable(head.fields.get("accept"))
        if self._options.json_response and accepts.json:
            return Acceptable(accepts.json, 0)
        return accepts

    def _is_modern(self, frame: Frame, head: RequestFacts) -> bool:
        local = self._application.local
        if not local.modern or not local.legacy:
            return bool(local.modern)
        if isinstance(frame, Request | Notification):
            return is_modern(frame, head.fields)
        revision = revision_named(head.fields.get(VERSION_HEADER.lower()))
        return revision is not None and revision.modern

    def _modern(
        self,
        frame: Frame,
        head: RequestFacts,
        reply: Reply,
        accepts: Acceptable,
        principal: Principal | None,
        fields: Fields,
    ) -> None:
        if isinstance(frame, Notification):
            fault = judge_notification(frame, head.fields)
            answer = ACCEPTED if fault is None else _refused(None, fault)
            reply.send(with_fields(answer, fields))
        elif not isinstance(frame, Request):
            if isinstance(frame, Malformed):
                fault = Refusal(frame.reason, frame.detail, modern=True)
                id = None if frame.kind == "response" else frame.id
            else:
                fault, id = _NO_REQUEST, None
            reply.send(with_fields(_refused(id, fault), fields))
        else:
            application = self._application
            exchange = admit_post(
                frame, head.fields, application.local, application.annotations_of, principal
            )
            if isinstance(exchange, Refusal):
                reply.send(with_fields(_refused(frame.id, exchange), fields))
            elif _listens(frame) and not acceptable(head.fields.get("accept")).stream:
                detail = "a subscription is answered by text/event-stream"
                reply.send(refused(406, detail, frame.id, fields))
            else:
                self._begin(exchange, reply, accepts, fields)

    def _begin(self, exchange: Exchange, reply: Reply, accepts: Acceptable, fields: Fields) -> None:
        post = Post(self._setting, exchange, reply, accepts, fields)
        settle = SETTLED.get(exchange.request.method)
        if settle is not None:
            post.answer(settle(exchange, None, self._application.limits))
            return
        if _listens(exchange.request):
            self._listens.open(exchange, post, reply, fields)
            return
        limits, handlers = self._options.limits, self._setting.handlers
        if handlers.load >= limits.running + limits.queued:
            post.fail(exchange, Reason.BUSY, None, {"retryable": True})
            return
        handlers.begin(exchange, post)
        if not exchange.over:
            post.wait()


def _listens(request: Request) -> bool:
    return request.method == "subscriptions/listen"


def _refused(id: RequestId | None, fault: Refusal) -> Answer:
    return refusal(failure_for(id, fault, None), fault.reason, modern=True)
