"""A byte pipe: bytes in, events out; requests in, bytes out. No I/O, no clock, no tasks.

    events = connection.receive_data(data, now=now)
    exchange = connection.request("tools/list", now=now)
    connection.respond(exchange, {"tools": []})
    for buffer in connection.data_to_send(): ...

Receiving can cause sending (the answer to a ping, a parse error), therefore `data_to_send` stands
apart. Both roles and both eras use the same class, for the era is a fact of each request. Features
are functions in modules of their own; what is here routes.
"""

from typing import Any, Literal

from barewire.protocol.codec import decode
from barewire.protocol.envelope import SERVER_INFO, SUBSCRIPTION_ID, claims_modern, meta_of
from barewire.protocol.errors import Reason
from barewire.protocol.framing import LineFramer, Overlong
from barewire.protocol.jsonrpc import (
    Batch,
    Failure,
    Frame,
    Malformed,
    Message,
    Notification,
    Params,
    Request,
    RequestId,
    Success,
)
from barewire.protocol.methods import Method, Role, other, sent_by
from barewire.protocol.revisions import Revision, revision_named
from barewire.protocol.scan import salvage
from barewire.protocol.shapes import checker_named
from barewire.protocol.values import as_id, as_object, as_string
from barewire.session.admission import Refusal, admit, failure_for
from barewire.session.batches import BatchReply
from barewire.session.cancellation import receive_cancelled
from barewire.session.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Ended,
    Event,
    Expired,
    Lost,
    Notified,
    Opened,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exceptions import ConnectionLost, LocalProtocolError
from barewire.session.exchange import DEFAULT_TIMEOUT, Exchange
from barewire.session.exchanges import Exchanges
from barewire.session.facts import Facts, Local
from barewire.session.handshake import receive_initialize
from barewire.session.limits import DEFAULT_LIMITS, Limits
from barewire.session.outbox import Outbox, line_of
from barewire.session.progress import receive_progress
from barewire.session.session import Session
from barewire.session.settled import SETTLED
from barewire.session.speech import (
    SAID_BY_THE_ENGINE,
    progress_token_in,
    row_for,
    with_meta,
)
from barewire.session.subscriptions import (
    ACKNOWLEDGED,
    CHANGES,
    UPDATED,
    Listeners,
    Subscription,
    accept_listen,
    end_listen,
)
from barewire.session.tables import Leniency

__all__ = ["Connection"]


class Connection:
    """One end of a byte pipe that carries one message per line."""

    def __init__(self, local: Local, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.local = local
        self.limits = limits
        self.exchanges = Exchanges(limits, remember=not local.lenient(Leniency.REUSED_ID))
        self.session: Session | None = None
        """The legacy session, once `initialize` has been said."""
        self.modern: Facts | None = None
        """At the client's end: what holds for modern requests, once the server is known."""
        self.instructions: str | None = None
        """At the client's end: the server's advice on how to use it."""
        self.listeners = Listeners()
        self._framer = LineFramer(limits.line)
        self._outbox = Outbox()
        self._held: dict[RequestId, bytes] = {}
        """Requests of ours, as lines, that wait for the session to be ready."""
        self._unreadable = 0
        self._ended = False

    # Receiving.

    def receive_data(self, data: bytes, *, now: float) -> list[Event]:
        """Take bytes from the peer and return what they lead to. Never raises, on any bytes."""
        events: list[Event] = []
        if self._outbox.closed:
            return events
        for line in self._framer.receive(data):
            if isinstance(line, Overlong):
                events.append(self._overlong(line))
                continue
            event = self._receive(decode(line), now, None)
            if event is not None:
                events.append(event) if not isinstance(event, list) else events.extend(event)
        return events

    def receive_eof(self) -> list[Event]:
        """Note that the peer will send nothing more: our requests cannot be answered.

        A last line without its end counts if it is a whole message. The peer's own requests stay
        open, for it may still read their answers.
        """
        events: list[Event] = []
        if self._ended or self._outbox.closed:
            return events
        rest = self._framer.receive_eof()
        if rest is not None:
            frame = None if isinstance(rest, Overlong) else decode(rest)
            if frame is None or (
                isinstance(frame, Malformed) and frame.reason is Reason.PARSE_ERROR
            ):
                detail = "the stream ended in the middle of a line"
                events.append(Violated(Reason.PARSE_ERROR, detail))
            else:
                # What time it is matters to deadlines alone, and nothing of ours outlives this.
                _gather(self._receive(frame, 0.0, None), events)
        self._ended = True
        events += self._lose_ours()
        events.append(Ended())
        return events

    def _receive(
        self, frame: Frame, now: float, batch: BatchReply | None
    ) -> Event | list[Event] | None:
        if isinstance(frame, Malformed):
            self._unreadable += 1
            return self._malformed(frame, batch)
        self._unreadable = 0
        if isinstance(frame, Request):
            return self._request_received(frame, batch)
        if isinstance(frame, Success):
            return self._success_received(frame)
        if isinstance(frame, Notification):
            return self._notification_received(frame, now)
        if isinstance(frame, Failure):
            return self._failure_received(frame)
        return self._batch_received(frame, now)

    # Requests of the peer.

    def _request_received(self, request: Request, batch: BatchReply | None) -> Event | None:
        exchanges = self.exchanges
        id = request.id
        if self.session is None and self.local.role == "client" and not self._owes_pong(request):
            # Message Patterns: a modern server sends no requests and gets no responses.
            return Violated(Reason.INVALID_REQUEST, f"servers do not send {request.method:.64}")
        if id in exchanges.theirs:
            # An error with this id would answer the request that has it already.
            return self._object(Reason.DUPLICATE_ID, f"{id!r:.128}", batch, asks=True)
        if exchanges.seen is not None and not exchanges.first_use(request):
            self._refuse(id, Refusal(Reason.DUPLICATE_ID, "it was used before"), batch)
            return Violated(Reason.DUPLICATE_ID, f"{id!r:.128} was used before")
        if request.method == "initialize" and self._opens_session(request):
            return self._initialize_received(request, batch)
        exchange = admit(request, self.local, self.session)
        if isinstance(exchange, Refusal):
            self._refuse(id, exchange, batch)
            return None
        if batch is not None:
            if exchange.revision.modern:
                # stdio: "Each message is a single JSON-RPC request, notification, or response."
                self._refuse(id, Refusal(Reason.BATCH_NOT_ALLOWED, modern=True), batch)
                return None
            exchange.via = batch
        settle = SETTLED.get(request.method)
        if settle is not None:
            answer = settle(exchange, self.session, self.limits)
            self._answer(exchange, answer)
            return _settled_event(exchange, answer)
        if request.method == "subscriptions/listen":
            return self._listen_received(exchange)
        if len(exchanges.theirs) - len(self.listeners.open) >= self.limits.theirs:
            self._answer(exchange, exchange.fail(Reason.BUSY, None, {"retryable": True}))
            return None
        exchanges.theirs[id] = exchange
        return Requested(exchange)

    def _opens_session(self, request: Request) -> bool:
        local = self.local
        modern = bool(local.modern) and claims_modern(meta_of(request.params))
        return local.role == "server" and not modern

    def _owes_pong(self, request: Request) -> bool:
        """Whether we answer, as a client without a session: a ping, by what may be legacy."""
        return request.method == "ping" and self.modern is None and bool(self.local.legacy)

    def _initialize_received(self, request: Request, batch: BatchReply | None) -> Event | None:
        opened = receive_initialize(request, self.local, self.session, batched=batch is not None)
        if isinstance(opened, Refusal):
            self._refuse(request.id, opened, batch)
            return None
        session, answer = opened
        if self._outbox.send(answer):
            self.session = session
        return None

    def _listen_received(self, exchange: Exchange) -> Event | None:
        limits, listening = self.limits, self.listeners.open
        if len(listening) >= limits.listening:
            detail = f"at most {limits.listening} subscriptions"
            self._answer(exchange, exchange.fail(Reason.BUSY, detail, {"retryable": True}))
            return None
        try:
            acknowledgement = accept_listen(exchange, limits.subscriptions)
        except LocalProtocolError as error:
            self._answer(exchange, exchange.fail(Reason.INVALID_PARAMS, str(error)))
            return None
        self.exchanges.theirs[exchange.id] = listening[exchange.id] = exchange
        self._outbox.send(acknowledgement)
        return Acknowledged(exchange, (acknowledgement.params or {})["notifications"])

    # Answers of the peer.

    def _success_received(self, success: Success) -> Event | None:
        exchange = self.exchanges.awaited(success.id)
        if exchange is None:
            return Violated(Reason.INVALID_REQUEST, f"nobody asked {success.id!r:.128}")
        if not exchange.answered():
            return None
        self.exchanges.end_ours(exchange)
        if exchange.request.method == "initialize":
            return self._initialize_answered(exchange, success.result)
        return Answered(exchange, success.result)

    def _initialize_answered(self, exchange: Exchange, result: dict[str, Any]) -> Event:
        session = self.session
        if session is None:
            raise AssertionError("initialize was sent without a session")
        # Shape is judged by the revision that the result itself says to follow.
        revision = revision_named(result.get("protocolVersion"))
        if revision is None or revision not in self.local.legacy:
            revision = exchange.revision
        fault = checker_named("InitializeResult", revision, lenient=True)(result, "result")
        if fault is not None:
            session.refuse()
            return Violated(Reason.INVALID_PARAMS, fault.message, exchange)
        if session.accept(result):
            self._outbox.send(Notification("notifications/initialized"))
            session.step("initialized")
            self.instructions = session.instructions
        return Answered(exchange, result)

    def _failure_received(self, failure: Failure) -> Event | None:
        if failure.id is None:
            exchange = self.exchanges.only_one()
        else:
            exchange = self.exchanges.awaited(failure.id)
        if exchange is None:
            about = "no request" if failure.id is None else f"{failure.id!r:.128}"
            detail = f"an error for {about}: {failure.code} {failure.message:.128}"
            return Violated(Reason.INVALID_REQUEST, detail)
        if not exchange.answered():
            return None
        self.exchanges.end_ours(exchange)
        self._not_opened_by(exchange)
        return Refused(exchange, failure)

    def _not_opened_by(self, exchange: Exchange) -> None:
        if exchange.request.method == "initialize" and self.session is not None:
            self.session.refuse()

    # Notifications of the peer.

    def _notification_received(
        self, notification: Notification, now: float
    ) -> Event | list[Event] | None:
        name = notification.method
        if name == "notifications/progress":
            return receive_progress(self.exchanges, notification, self.local, now)
        if name == "notifications/cancelled":
            return self._cancelled_received(notification)
        if name == "notifications/initialized" or (
            name == "initialized" and self.local.lenient(Leniency.GUIDE_INITIALIZED)
        ):
            return self._initialized_received()
        if name == ACKNOWLEDGED:
            return self._acknowledged_received(notification)
        return self._other_notification(notification)

    def _cancelled_received(self, notification: Notification) -> Event | list[Event] | None:
        event = receive_cancelled(self.exchanges, notification)
        if event is None or event.exchange.ours:
            return event
        exchange = event.exchange
        self.listeners.open.pop(exchange.id, None)
        if exchange.via is not None:
            self._collect(exchange.via, None)
        events: list[Event] = [event]
        for child in self.exchanges.children_of(exchange):
            reason = "the request that asked was cancelled"
            self.cancel(child, reason)
            events.append(Abandoned(child, reason))
        return events

    def _initialized_received(self) -> Event | None:
        session = self.session
        if self.local.role != "server" or session is None or session.phase != "opened":
            return None  # early, late or again: it changes nothing
        session.step("initialized")
        held, self._held = self._held, {}
        for id, line in held.items():
            self.exchanges.ours[id].sent()
            self._outbox.send_line(line)
        return Opened(session)

    def _acknowledged_received(self, notification: Notification) -> Event | None:
        exchange = self._stream_of(_subscription_id(notification))
        if exchange is None:
            return None  # of a subscription that is over, or of nobody's
        params = notification.params or {}
        check = checker_named("SubscriptionsAcknowledgedNotificationParams", exchange.revision)
        fault = check(params, "params")
        if fault is not None:
            return Violated(Reason.INVALID_PARAMS, f"{ACKNOWLEDGED}: {fault.message}")
        subscription = exchange.subscription
        if not isinstance(subscription, Subscription) or subscription.state != "asked":
            return None
        subscription.acknowledge(params["notifications"])
        exchange.disarm()  # the time-out was for the acknowledgement: the stream lasts
        return Acknowledged(exchange, subscription.honoured)

    def _other_notification(self, notification: Notification) -> Event | None:
        for facts in self._spoken():
            method = sent_by(other(self.local.role), facts.revision).get(notification.method)
            if method is not None and method.kind == "notification":
                fault = checker_named(method.params, facts.revision)(
                    notification.params or {}, "params"
                )
                if fault is not None:
                    detail = f"{notification.method}: {fault.message}"
                    return Violated(Reason.INVALID_PARAMS, detail)
                id = _subscription_id(notification) if facts.revision.modern else None
                return Notified(notification) if id is None else self._delivered(notification, id)
        return None  # unknown, or of another revision: not answered either way

    def _delivered(self, notification: Notification, id: RequestId) -> Event | None:
        exchange = self._stream_of(id)
        if exchange is None:
            return None  # of a subscription that is over, or of nobody's
        subscription = exchange.subscription
        if isinstance(subscription, Subscription):
            # Subscriptions: nothing goes before the acknowledgement, and "the server MUST NOT send
            # notification types the client has not explicitly requested".
            if subscription.state == "asked":
                detail = f"{notification.method} before subscription {id!r:.64} was acknowledged"
                return Violated(Reason.INVALID_REQUEST, detail)
            if not subscription.wants(notification.method, notification.params):
                detail = f"{notification.method} was not asked for by subscription {id!r:.64}"
                return Violated(Reason.INVALID_REQUEST, detail)
        return Notified(notification, exchange)

    def _stream_of(self, id: RequestId | None) -> Exchange | None:
        exchange = None if id is None else self.exchanges.ours.get(id)
        return exchange if exchange is not None and exchange.subscription is not None else None

    def _spoken(self) -> list[Facts]:
        spoken = [] if self.modern is None else [self.modern]
        if self.session is not None:
            spoken.append(self.session.facts)
        return spoken

    # What is no message, or several.

    def _batch_received(self, batch: Batch, now: float) -> list[Event]:
        session = self.session
        asks = any(isinstance(item, Request) for item in batch.items)
        if session is None or not session.established or not session.revision.batch:
            return [self._object(Reason.BATCH_NOT_ALLOWED, None, None, asks=asks)]
        if len(batch.items) > self.limits.batch:
            detail = f"at most {self.limits.batch} messages in a batch"
            return [self._object(Reason.INVALID_REQUEST, detail, None, asks=asks)]
        reply = BatchReply()
        reply.expect()  # held open until every member has been seen
        events: list[Event] = []
        for item in batch.items:
            if isinstance(item, Request) or (isinstance(item, Malformed) and self._answers(item)):
                reply.expect()
            event = self._receive(item, now, reply)
            if event is not None:
                events.append(event) if not isinstance(event, list) else events.extend(event)
        self._collect(reply, None)
        return events

    def _malformed(self, malformed: Malformed, batch: BatchReply | None) -> Event:
        reason, detail, id = malformed.reason, malformed.detail, malformed.id
        exchange = None
        if malformed.kind == "response":
            # Whoever waits for this answer will not get a better one.
            exchange = self.exchanges.awaited(id) if id is not None else None
            if exchange is not None and exchange.over:
                exchange = None  # given up before: its answer would have been dropped anyway
            if exchange is not None:
                exchange.lost()
                self.exchanges.end_ours(exchange)
                self._not_opened_by(exchange)
        elif self._answers(malformed):
            if id is not None and id in self.exchanges.theirs:
                id = None
            self._refuse(id, Refusal(reason, detail), batch)
        return self._violated(reason, detail, exchange)

    def _answers(self, malformed: Malformed) -> bool:
        """Whether what is no message gets an error.

        A server answers everything that may have been a request. A client answers what is surely
        one, in a session: an error about noise would be noise in return.
        """
        if malformed.kind == "response":
            return False
        if malformed.kind == "unknown" and malformed.reason is Reason.INVALID_PARAMS:
            return False  # a method, and no id: Base Protocol › Notifications, never answered
        return self._owes_answer(asks=malformed.kind == "request")

    def _owes_answer(self, *, asks: bool) -> bool:
        return self.local.role == "server" or (asks and self.session is not None)

    def _overlong(self, line: Overlong) -> Event:
        self._unreadable += 1
        detail = f"{line.size} bytes in one line; limits.line is {line.limit}"
        head = salvage(line.head)
        kind: Literal["response", "unknown"] = "response" if head.answer else "unknown"
        id = head.id if head.answer else None
        return self._malformed(Malformed(Reason.TOO_LARGE, detail, id, kind), None)

    def _object(
        self, reason: Reason, detail: str | None, batch: BatchReply | None, *, asks: bool
    ) -> Event:
        """Refuse what has no id to give back; `asks` says whether a request is in it."""
        if self._owes_answer(asks=asks):
            self._refuse(None, Refusal(reason, detail), batch)
        return Violated(reason, detail or reason.text)

    def _violated(self, reason: Reason, detail: str, exchange: Exchange | None) -> Violated:
        fatal = self._unreadable >= self.limits.consecutive_faults
        return Violated(reason, detail, exchange, fatal)

    # Sending.

    def request(
        self,
        method: str,
        params: Params | None = None,
        *,
        now: float,
        timeout: float | None = DEFAULT_TIMEOUT,
        maximum: float | None = None,
        progress: bool = False,
        progress_token: RequestId | None = None,
        parent: Exchange | None = None,
    ) -> Exchange:
        """Send a request; its end comes as an event with the exchange that is returned.

        It expires when `timeout` seconds pass without answer or progress, or `maximum` seconds in
        all; a `subscriptions/listen` when it is not acknowledged by then. `progress` asks for
        progress by a token of our choice, `progress_token` by that one, which may as well stand in
        the `_meta` of `params`. `parent` is the peer's request in whose course this is asked: if
        that is cancelled, so is this, and an `Abandoned` says so. A server's request waits by
        itself for a session that is not ready.

        Raises `LocalProtocolError` when it may not be said: an unknown method, one whose capability
        the peer lacks, too many requests in flight, nothing agreed yet, a parent that is over, a
        progress token in use, params that JSON cannot carry. Raises `ConnectionLost` when nobody is
        there to answer any more.
        """
        facts = self._facts()
        row = row_for(method, "request", facts, params)
        if parent is not None and (parent.over or parent.revision.modern):
            raise LocalProtocolError(f"{method} cannot be asked in the course of {parent!r}")
        exchange = self._open(method, params, row, facts, progress_token, asks_progress=progress)
        exchange.parent = parent
        exchange.arm(now, timeout, maximum)
        if self._permits(method):
            self._outbox.send(exchange.request)
        else:
            self._held[exchange.id] = line_of(exchange.request)
            exchange.hold()
        self.exchanges.add_ours(exchange)
        return exchange

    def discover(
        self, revision: Revision, *, now: float, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Exchange:
        """Probe, as a client, whether the server speaks the modern `revision`.

        The probe is never cancelled on the wire (a legacy server would not know what that means),
        and an answer after `timeout` seconds is dropped. Raises `LocalProtocolError` for a revision
        that has no such request or that we do not speak.
        """
        self._must_be("client", "discover")
        if revision not in self.local.modern:
            raise LocalProtocolError(
                f"{revision.name} is not a modern revision that is spoken here"
            )
        row = sent_by("client", revision)["server/discover"].but(cancellable=False)
        facts = Facts(self.local, revision, {})
        exchange = self._open("server/discover", None, row, facts, None)
        exchange.arm(now, timeout, None)
        self._outbox.send(exchange.request)
        self.exchanges.add_ours(exchange)
        return exchange

    def initialize(
        self, revision: Revision, *, now: float, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Exchange:
        """Open a legacy session, as a client.

        Raises `LocalProtocolError` for a revision without a handshake or one that we do not speak,
        or if it was done before.
        """
        self._must_be("client", "initialize")
        session = Session(self.local) if self.session is None else self.session
        params = session.propose(revision)
        self.session = session
        row = sent_by("client", revision)["initialize"]
        exchange = self._open("initialize", params, row, Facts(self.local, revision, {}), None)
        exchange.arm(now, timeout, None)
        self._outbox.send(exchange.request)
        self.exchanges.add_ours(exchange)
        return exchange

    def adopt(self, revision: Revision, discovered: dict[str, Any]) -> None:
        """Speak the modern `revision` from now on, as the result of `server/discover` allows.

        Raises `LocalProtocolError` for a revision that is not modern or not spoken here.
        """
        self._must_be("client", "adopt a revision")
        if revision not in self.local.modern:
            raise LocalProtocolError(
                f"{revision.name} is not a modern revision that is spoken here"
            )
        info = as_object((meta_of(discovered) or {}).get(SERVER_INFO))
        capabilities = as_object(discovered.get("capabilities")) or {}
        self.instructions = as_string(discovered.get("instructions"))
        self.modern = Facts(
            self.local,
            revision,
            capabilities,
            info,
        )

    def notify(self, method: str, params: Params | None = None) -> None:
        """Send a notification.

        Raises `LocalProtocolError` when it may not be said now, or has a method of its own here:
        `progress`, `log`, `cancel`. A change of a list or a resource goes to `publish`.
        """
        row_for(method, "notification", self._facts())
        if method in SAID_BY_THE_ENGINE:
            raise LocalProtocolError(f"{method} is sent by {SAID_BY_THE_ENGINE[method]}")
        if method in CHANGES or method == UPDATED:
            self.publish(method, params)
            return
        if not self._permits(method):
            raise LocalProtocolError(f"{method} has to wait until the session is ready")
        self._outbox.send(Notification(method, params))

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer a request of the peer; raises `LocalProtocolError` when it is over."""
        self._answer(exchange, exchange.respond(result))

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer a request of the peer with an error; raises `LocalProtocolError` likewise."""
        self._answer(exchange, exchange.fail(reason, detail, data))

    def fail_with(self, exchange: Exchange, code: int, message: str, data: Any = None) -> None:
        """Answer with an error of the application's own; raises `LocalProtocolError` likewise."""
        self._answer(exchange, exchange.fail_with(code, message, data))

    def progress(
        self,
        exchange: Exchange,
        progress: float,
        total: float | None = None,
        message: str | None = None,
    ) -> bool:
        """Report progress of a request of the peer; `False` when it did not ask for any."""
        notification = exchange.progress(progress, total, message)
        if notification is None:
            return False
        self._outbox.send(notification)
        return True

    def log(
        self, exchange: Exchange | None, level: str, data: Any, logger: str | None = None
    ) -> bool:
        """Send a log message, for `exchange` or for the session; `False` when nobody wants it.

        Raises `LocalProtocolError` for an unknown level, or when the exchange is over.
        """
        if exchange is not None and exchange.revision.modern:
            notification = exchange.log(level, data, logger)
        elif self.session is not None and self.session.established:
            notification = self.session.log(level, data, logger)
        else:
            return False
        if notification is None or "logging" not in self.local.capabilities:
            return False
        self._outbox.send(notification)
        return True

    def cancel(self, exchange: Exchange, reason: str | None = None) -> None:
        """Give up a request of ours; raises `LocalProtocolError` when it is not ours, or over."""
        notice = exchange.cancel(reason)
        self._given_up(exchange, notice)

    def publish(self, method: str, params: Params | None = None) -> int:
        """Tell the client of a changed list or an updated resource; return how often.

        It goes to the legacy session and to every `subscriptions/listen` that wants it. A change
        that still waits in `data_to_send` is not queued again. Raises `LocalProtocolError` when
        `method` is no such change.
        """
        self._must_be("server", f"publish {method}")
        uri = (params or {}).get("uri")
        queued = 0
        for id, notification in self.listeners.hear(self.session, method, params):
            queued += self._outbox.send_change((id, method, uri), notification)
        return queued

    def end_subscriptions(self) -> None:
        """End every `subscriptions/listen` of the peer gracefully, as a server that goes away."""
        for exchange in list(self.listeners.open.values()):
            notice, result = end_listen(exchange)
            self._outbox.send(notice)
            self._answer(exchange, result)

    def send(self, message: Message) -> None:
        """Queue one message just as it is; raises `LocalProtocolError` if JSON cannot carry it."""
        self._outbox.send(message)

    def data_to_send(self) -> list[bytes]:
        """Take what is to be written, in order."""
        return self._outbox.take()

    @property
    def pending(self) -> int:
        """Bytes queued and not yet taken by `data_to_send`."""
        return self._outbox.pending

    # Time, and the end.

    def deadline(self) -> float | None:
        """Return when `expire` is to be called next, `None` for never."""
        return self.exchanges.deadlines.next()

    def expire(self, now: float) -> list[Event]:
        """Give up what has taken too long."""
        events: list[Event] = []
        for exchange in self.exchanges.deadlines.due(now):
            self._given_up(exchange, exchange.expire())
            self._not_opened_by(exchange)
            events.append(Expired(exchange))
        return events

    def close(self) -> list[Event]:
        """End it from our side: what is in flight is lost, and nothing more is queued."""
        self._outbox.closed = True
        for exchange in self.exchanges.theirs.values():
            exchange.lost()
        self.exchanges.theirs.clear()
        self.listeners.open.clear()
        if self.session is not None and self.session.phase != "closed":
            self.session.step("close")
        return self._lose_ours()

    # Parts.

    def _must_be(self, role: Role, what: str) -> None:
        if self.local.role != role:
            raise LocalProtocolError(f"only a {role} can {what}")

    def _facts(self) -> Facts:
        if self._outbox.closed:
            raise ConnectionLost("the connection is closed")
        if self.modern is not None:
            return self.modern
        if self.session is not None and self.session.established:
            return self.session.facts
        raise LocalProtocolError("no revision has been agreed on yet")

    def _permits(self, method: str) -> bool:
        if self.modern is not None or self.session is None:
            return True
        return self.session.permits(self.local.role, method)

    def _open(
        self,
        method: str,
        params: Params | None,
        row: Method,
        facts: Facts,
        token: RequestId | None,
        *,
        asks_progress: bool = False,
    ) -> Exchange:
        if self._ended or self._outbox.closed:
            raise ConnectionLost("nobody is there to answer: the connection has ended")
        exchanges = self.exchanges
        if len(exchanges.ours) >= self.limits.ours:
            raise LocalProtocolError(f"limits.ours is {self.limits.ours}: as many are in flight")
        id = exchanges.next_id()
        if token is None and params is not None and "_meta" in params:
            token = progress_token_in(params)
        if token is None and asks_progress:
            token = id
            while token in exchanges.tokens:  # somebody has chosen that one
                token = exchanges.next_id()
        elif token is not None and token in exchanges.tokens:
            raise LocalProtocolError(f"the progress token {token!r} is in use")
        request = Request(id, method, with_meta(params, token, facts))
        exchange = Exchange(request, row, facts, ours=True, progress_token=token)
        if method == "subscriptions/listen":
            fault = checker_named(row.params, facts.revision)(request.params, "params")
            if fault is not None:
                raise LocalProtocolError(fault.message)
            exchange.subscription = Subscription(exchange.params["notifications"])
        return exchange

    def _given_up(self, exchange: Exchange, notice: Notification | None) -> None:
        held = self._held.pop(exchange.id, None)
        self.exchanges.end_ours(exchange, sent=held is None)
        if notice is not None:
            self._outbox.send(notice)

    def _answer(self, exchange: Exchange, answer: Success | Failure) -> None:
        id = exchange.request.id
        self.exchanges.theirs.pop(id, None)
        if exchange.subscription is not None:
            self.listeners.open.pop(id, None)
        if exchange.via is None:
            self._outbox.send(answer)
        else:
            self._collect(exchange.via, answer)

    def _refuse(self, id: RequestId | None, refusal: Refusal, batch: BatchReply | None) -> None:
        failure = failure_for(id, refusal, self.session)
        if batch is None:
            self._outbox.send(failure)
        else:
            self._collect(batch, failure)

    def _collect(self, batch: object, answer: Success | Failure | None) -> None:
        if not isinstance(batch, BatchReply):
            raise AssertionError("on a pipe, a request comes alone or by a batch")
        answers = batch.collect(answer)
        if answers is not None:
            self._outbox.send_batch(answers)

    def _lose_ours(self) -> list[Event]:
        events: list[Event] = []
        self._held.clear()
        for exchange in list(self.exchanges.ours.values()):
            exchange.lost()
            self.exchanges.end_ours(exchange)
            events.append(Lost(exchange))
        return events


def _settled_event(exchange: Exchange, answer: Success | Failure) -> Event | None:
    # The application wants to know which resources are watched.
    request = exchange.request
    if request.method in ("resources/subscribe", "resources/unsubscribe"):
        return (
            Notified(Notification(request.method, request.params))
            if isinstance(answer, Success)
            else None
        )
    return None


def _gather(event: Event | list[Event] | None, events: list[Event]) -> None:
    if event is not None:
        events.append(event) if not isinstance(event, list) else events.extend(event)


def _subscription_id(notification: Notification) -> RequestId | None:
    return as_id((meta_of(notification.params) or {}).get(SUBSCRIPTION_ID))
