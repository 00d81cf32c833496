"""The half of a connection that hears: frames in, events out, and the answers that are due at once.

Features are functions in modules of their own; what is here routes. `Connection` is this and the
half that speaks.
"""

from typing import Any, Literal

from barewire.protocol.codec import decode
from barewire.protocol.envelope import SUBSCRIPTION_ID, claims_modern, meta_of
from barewire.protocol.errors import Reason
from barewire.protocol.framing import LineFramer, Overlong
from barewire.protocol.jsonrpc import (
    Batch,
    Failure,
    Frame,
    Malformed,
    Notification,
    Request,
    RequestId,
    Success,
)
from barewire.protocol.methods import other, sent_by
from barewire.protocol.revisions import revision_named
from barewire.protocol.scan import salvage
from barewire.protocol.shapes import checker_named
from barewire.protocol.values import as_id
from barewire.session.admission import Refusal, admit, failure_for
from barewire.session.batches import Answers, BatchReply
from barewire.session.cancellation import receive_cancelled
from barewire.session.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Ended,
    Event,
    Lost,
    Notified,
    Opened,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.exchanges import Exchanges
from barewire.session.facts import Facts, Local
from barewire.session.handshake import receive_initialize
from barewire.session.limits import DEFAULT_LIMITS, Limits
from barewire.session.outbox import Outbox
from barewire.session.progress import receive_progress
from barewire.session.session import Session
from barewire.session.settled import SETTLED
from barewire.session.subscriptions import ACKNOWLEDGED, Listeners, Subscription, accept_listen
from barewire.session.tables import Leniency
from barewire.session.tasks import receive_status, task_answered

__all__ = ["Receiver"]


class Receiver:
    """The state of one end of a byte pipe, and what receiving makes of it."""

    def __init__(
        self, local: Local, *, limits: Limits = DEFAULT_LIMITS, outbox: Outbox | None = None
    ) -> None:
        self.local = local
        self.limits = limits
        self.exchanges: Exchanges = Exchanges(
            limits, remember=not local.lenient(Leniency.REUSED_ID)
        )
        self.session: Session | None = None
        """The legacy session, once `initialize` has been said."""
        self.modern: Facts | None = None
        """At the client's end: what holds for modern requests, once the server is known."""
        self.instructions: str | None = None
        """At the client's end: the server's advice on how to use it."""
        self.listeners: Listeners = Listeners()
        self._framer = LineFramer(limits.line)
        self.outbox: Outbox = Outbox() if outbox is None else outbox
        """What waits to be written, for `data_to_send` to hand out."""
        self._held: dict[RequestId, bytes] = {}
        """Requests of ours, as lines, that wait for the session to be ready."""
        self._unreadable = 0
        self._ended = False

    # Receiving.

    def receive_data(self, data: bytes, *, now: float) -> list[Event]:
        """Take bytes from the peer and return what they lead to. Never raises, on any bytes."""
        events: list[Event] = []
        if self.outbox.closed:
            return events
        for line in self._framer.receive(data):
            if isinstance(line, Overlong):
                events.append(self._overlong(line))
                continue
            event = self._receive(decode(line), now, None)
            if event is not None:
                events.append(event) if not isinstance(event, list) else events.extend(event)
        return events

    def receive(self, frame: Frame, via: Answers, *, now: float) -> list[Event]:
        """Take what came by itself and not in a line; its answers, if any are due, go to `via`."""
        if isinstance(frame, Batch):
            return self._batch_received(frame, now, via)
        events: list[Event] = []
        via.expect()  # held open until all of it has been seen
        self._expect(frame, via)
        _gather(self._receive(frame, now, via), events)
        self._collect(via, None)
        return events

    def receive_eof(self) -> list[Event]:
        """Note that the peer will send nothing more: our requests cannot be answered.

        A last line without its end counts if it is a whole message. The peer's own requests stay
        open, for it may still read their answers.
        """
        events: list[Event] = []
        if self._ended or self.outbox.closed:
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

    def _receive(self, frame: Frame, now: float, via: Answers | None) -> Event | list[Event] | None:
        if isinstance(frame, Malformed):
            self._unreadable += 1
            return self._malformed(frame, via)
        self._unreadable = 0
        if isinstance(frame, Request):
            return self._request_received(frame, via)
        if isinstance(frame, Success):
            return self._success_received(frame)
        if isinstance(frame, Notification):
            return self._notification_received(frame, now)
        if isinstance(frame, Failure):
            return self._failure_received(frame)
        return self._batch_received(frame, now, via)

    # Requests of the peer.

    def _request_received(self, request: Request, via: Answers | None) -> Event | None:
        exchanges = self.exchanges
        id = request.id
        if (
            self.local.role == "client"
            and not self._server_may_ask()
            and not self._owes_pong(request)
        ):
            # Message Patterns: a modern server sends no requests and gets no responses.
            return Violated(Reason.INVALID_REQUEST, f"servers do not send {request.method!r:.64}")
        if id in exchanges.theirs:
            # An error with this id would answer the request that has it already.
            return self._object(Reason.DUPLICATE_ID, f"{id!r:.128}", via, asks=True)
        if exchanges.seen is not None and not exchanges.first_use(request):
            self._refuse(id, Refusal(Reason.DUPLICATE_ID, "it was used before"), via)
            return Violated(Reason.DUPLICATE_ID, f"{id!r:.128} was used before")
        if request.method == "initialize" and self._opens_session(request):
            return self._initialize_received(request, via)
        exchange = admit(request, self.local, self.session)
        if isinstance(exchange, Refusal):
            self._refuse(id, exchange, via)
            return None
        if via is not None:
            if exchange.revision.modern:
                # stdio: "Each message is a single JSON-RPC request, notification, or response."
                self._refuse(id, Refusal(Reason.BATCH_NOT_ALLOWED, modern=True), via)
                return None
            exchange.via = via
        settle = SETTLED.get(request.method)
        if settle is not None:
            answer = settle(exchange, self.session, self.limits)
            self._answer(exchange, answer)
            return _settled_event(exchange, answer)
        if request.method == "subscriptions/listen":
            return self._listen_received(exchange)
        if len(exchanges.theirs) - len(self.listeners.open) >= self.limits.theirs:
            self._answer(
                exchange, exchange.fail(Reason.BUSY, None, {"retryable": True}), Reason.BUSY
            )
            return None
        exchanges.theirs[id] = exchange
        return Requested(exchange)

    def _opens_session(self, request: Request) -> bool:
        local = self.local
        modern = bool(local.modern) and claims_modern(meta_of(request.params))
        return local.role == "server" and not modern

    def _server_may_ask(self) -> bool:
        """Whether a server sends us requests: in a session, or while one is tried to be opened."""
        session = self.session
        return session is not None and (self.modern is None or session.phase != "new")

    def _owes_pong(self, request: Request) -> bool:
        """Whether we answer, as a client without a session: a ping, by what may be legacy."""
        return request.method == "ping" and self.modern is None and bool(self.local.legacy)

    def _initialize_received(self, request: Request, via: Answers | None) -> Event | None:
        opened = receive_initialize(request, self.local, self.session, batched=via is not None)
        if isinstance(opened, Refusal):
            self._refuse(request.id, opened, via)
            return None
        session, answer = opened
        if self.outbox.send(answer):
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
        self.outbox.send(acknowledgement)
        return Acknowledged(exchange, (acknowledgement.params or {})["notifications"])

    # Answers of the peer.

    def _success_received(self, success: Success) -> Event | None:
        exchange = self.exchanges.awaited(success.id)
        if exchange is None:
            return Violated(Reason.INVALID_REQUEST, f"nobody asked {success.id!r:.128}")
        if not exchange.answered(success.result):
            return None
        self.exchanges.end_ours(exchange)
        if exchange.request.method == "initialize":
            return self._initialize_answered(exchange, success.result)
        if not exchange.revision.modern:
            task_answered(self.exchanges, exchange, success.result)
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
            self.outbox.send(Notification("notifications/initialized"))
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
            detail = f"an error for {about}: {failure.code} {failure.message!r:.128}"
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
            if child.cancellable or child.state == "held":
                reason = "the request that asked was cancelled"
                self._given_up(child, child.cancel(reason))
                events.append(Abandoned(child, reason))
        return events

    def _initialized_received(self) -> Event | None:
        session = self.session
        if self.local.role != "server" or session is None or session.phase != "opened":
            return None  # early, late or again: it changes nothing
        session.step("initialized")
        held, self._held = self._held, {}
        for id, line in held.items():
            exchange = self.exchanges.ours[id]
            exchange.sent()
            self.outbox.send_line(line, exchange)
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
                if notification.method == "notifications/tasks/status":
                    receive_status(self.exchanges, notification)
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
            # notification types the client has not explicitly requested". Of which resource it is
            # does not matter: servers may write a URI in another way than we did.
            if subscription.state == "asked":
                detail = f"{notification.method} before subscription {id!r:.64} was acknowledged"
                return Violated(Reason.INVALID_REQUEST, detail)
            if not subscription.asks_for(notification.method):
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

    def _batch_received(self, batch: Batch, now: float, via: Answers | None) -> list[Event]:
        fault = self.batch_fault(batch)
        if fault is not None:
            asks = any(isinstance(item, Request) for item in batch.items)
            return [self._object(fault.reason, fault.detail, via, asks=asks)]
        reply: Answers = BatchReply() if via is None else via
        reply.expect()  # held open until every member has been seen
        events: list[Event] = []
        for item in batch.items:
            self._expect(item, reply)
            _gather(self._receive(item, now, reply), events)
        self._collect(reply, None)
        return events

    def batch_fault(self, batch: Batch) -> Refusal | None:
        """Return why a batch is not taken apart, `None` when it is."""
        session = self.session
        if session is None or not session.established or not session.revision.batch:
            return Refusal(Reason.BATCH_NOT_ALLOWED)
        if len(batch.items) > self.limits.batch:
            return Refusal(
                Reason.INVALID_REQUEST, f"at most {self.limits.batch} messages in a batch"
            )
        return None

    def _expect(self, frame: Frame, via: Answers) -> None:
        if isinstance(frame, Request) or (isinstance(frame, Malformed) and self._answers(frame)):
            via.expect()

    def _malformed(self, malformed: Malformed, via: Answers | None) -> Event:
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
            self._refuse(id, Refusal(reason, detail), via)
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
        return self.local.role == "server" or (asks and self._server_may_ask())

    def _overlong(self, line: Overlong) -> Event:
        self._unreadable += 1
        detail = f"{line.size} bytes in one line; limits.line is {line.limit}"
        head = salvage(line.head)
        kind: Literal["response", "unknown"] = "response" if head.answer else "unknown"
        id = head.id if head.answer else None
        return self._malformed(Malformed(Reason.TOO_LARGE, detail, id, kind), None)

    def _object(
        self, reason: Reason, detail: str | None, via: Answers | None, *, asks: bool
    ) -> Event:
        """Refuse what has no id to give back; `asks` says whether a request is in it."""
        if self._owes_answer(asks=asks):
            self._refuse(None, Refusal(reason, detail), via)
        return Violated(reason, detail or reason.text)

    def _violated(self, reason: Reason, detail: str, exchange: Exchange | None) -> Violated:
        fatal = self._unreadable >= self.limits.consecutive_faults
        return Violated(reason, detail, exchange, fatal)

    # What both halves do.

    def _given_up(self, exchange: Exchange, notice: Notification | None) -> None:
        held = self._held.pop(exchange.id, None)
        self.exchanges.end_ours(exchange, sent=held is None)
        if notice is not None:
            self.outbox.send(notice, exchange)

    def _answer(
        self, exchange: Exchange, answer: Success | Failure, reason: Reason | None = None
    ) -> None:
        id = exchange.request.id
        self.exchanges.theirs.pop(id, None)
        if exchange.subscription is not None:
            self.listeners.open.pop(id, None)
        if exchange.via is None:
            self.outbox.send(answer)
        else:
            self._collect(exchange.via, answer, reason)

    def _refuse(self, id: RequestId | None, refusal: Refusal, via: Answers | None) -> None:
        failure = failure_for(id, refusal, self.session)
        if via is None:
            self.outbox.send(failure)
        else:
            self._collect(via, failure, refusal.reason)

    def _collect(
        self, via: Answers, answer: Success | Failure | None, reason: Reason | None = None
    ) -> None:
        answers = via.collect(answer, reason)
        if answers is not None:
            self.outbox.send_batch(answers)

    def _lose_ours(self) -> list[Event]:
        events: list[Event] = []
        self._held.clear()
        for task in list(self.exchanges.tasks):
            self.exchanges.end_task(task)
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
