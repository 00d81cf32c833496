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
from barewire.protocol.jsonrpc import Frame, Malformed, Notification, Params, Request
from barewire.protocol.revisions import revision_named
from barewire.session.admission import Refusal
from barewire.session.exchange import Exchange
from barewire.session.principal import Authenticate, Principal, RequestFacts
from barewire.session.settled import SETTLED
from barewire.transports.backend import Backend
from barewire.transports.http.accept import Acceptable, acceptable, is_json
from barewire.transports.http.answers import ACCEPTED, refused, with_fields, wrong_method
from barewire.transports.http.application import Application
from barewire.transports.http.asks import Ask
from barewire.transports.http.identifying import Identifying, Nobody
from barewire.transports.http.legacy import Legacy
from barewire.transports.http.listens import Listens
from barewire.transports.http.messages import Answer, Fields, HttpRequest, Reply
from barewire.transports.http.modern import admit_post, is_modern, judge_notification
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.posts import Post
from barewire.transports.http.setting import ENDING, Setting

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

    def judge(self, head: RequestFacts) -> Answer | None:
        """Return the answer to what needs no body to be refused, `None` to what may go on."""
        answer = self._judged(head)
        if answer is None:
            return None
        return with_fields(answer, self._cors(head))

    def receive(self, request: HttpRequest, reply: Reply) -> None:
        """Answer a request that `judge` let through."""
        authenticate = self._application.authenticate
        if authenticate is None:
            self._serve(request, reply, None)
        else:
            self._identify(authenticate, request, reply)

    def refused(self, status: int, detail: str, head: RequestFacts | None) -> Answer:
        """Return the answer to what comes no further, with what the browser of a page needs."""
        return refused(status, detail, fields=() if head is None else self._cors(head))

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell all clients that want to know of a change."""
        self._listens.publish(method, params)
        self._legacy.publish(method, params)

    def end(self) -> None:
        """End what lasts: streams of those who listen. What was asked may still be answered."""
        self._setting.ending = True
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
        if self._setting.ending:
            return refused(503, ENDING)
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
        return refused(status, why.value, fields=(*fields, *self._cors(head)))

    def _serve(self, request: HttpRequest, reply: Reply, principal: Principal | None) -> None:
        if reply.gone:
            return
        facts = request.head
        accepts = self._form(facts)
        ask = Ask(facts, reply, accepts, principal, self._cors(facts), len(request.body))
        try:
            if self._setting.ending:  # since the head was judged
                ask.refuse(503, ENDING)
            elif facts.method == "POST":
                self._post(decode(request.body), ask)
            elif facts.method == "GET":
                self._legacy.get(ask)
            else:
                self._legacy.delete(ask)
        except Exception:
            _log.exception("%s failed", facts.method)
            ask.refuse(500, "internal error")

    def _cors(self, head: RequestFacts) -> Fields:
        return self._guard.cors_fields(head.fields)

    def _form(self, facts: RequestFacts) -> Acceptable:
        accepts = acceptable(facts.fields.get("accept"))
        if self._options.json_response and accepts.json:
            return Acceptable(accepts.json, 0)
        return accepts

    # POST.

    def _post(self, frame: Frame, ask: Ask) -> None:
        if not self._is_modern(frame, ask):
            self._legacy.post(frame, ask)
        elif isinstance(frame, Request):
            self._request(frame, ask)
        elif isinstance(frame, Notification):
            fault = judge_notification(frame, ask.facts.fields, self._application.local)
            ask.answer(ACCEPTED) if fault is None else ask.fail(None, fault)
        elif isinstance(frame, Malformed):
            ask.reject(frame, modern=True)
        else:
            ask.fail(None, _NO_REQUEST)

    def _is_modern(self, frame: Frame, ask: Ask) -> bool:
        local, fields = self._application.local, ask.facts.fields
        if not local.modern or not local.legacy:
            return bool(local.modern)
        if isinstance(frame, Request | Notification):
            return is_modern(frame, fields)
        revision = revision_named(fields.get(VERSION_HEADER.lower()))
        return revision is not None and revision.modern

    def _request(self, request: Request, ask: Ask) -> None:
        application, fields = self._application, ask.facts.fields
        exchange = admit_post(
            request, fields, application.local, application.annotations_of, ask.principal
        )
        if isinstance(exchange, Refusal):
            ask.fail(request.id, exchange)
            return
        post = Post(self._setting, exchange, ask)
        settle = SETTLED.get(request.method)
        if settle is not None:
            post.answer(settle(exchange, None, application.limits))
        elif request.method == "subscriptions/listen":
            self._listen(exchange, post, ask)
        else:
            self._begin(exchange, post)

    def _listen(self, exchange: Exchange, post: Post, ask: Ask) -> None:
        if acceptable(ask.facts.fields.get("accept")).stream:
            self._listens.open(exchange, post, ask)
        else:
            ask.refuse(406, "a subscription is answered by text/event-stream", exchange.id)

    def _begin(self, exchange: Exchange, post: Post) -> None:
        limits, handlers = self._options.limits, self._setting.handlers
        if handlers.load >= limits.running + limits.queued:
            post.fail(exchange, Reason.BUSY, None, {"retryable": True})
            return
        handlers.begin(exchange, post)
        if not exchange.over:
            post.wait()
