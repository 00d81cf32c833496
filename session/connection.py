"""A byte pipe: bytes in, events out; requests in, bytes out. No I/O, no clock, no tasks.

    events = connection.receive_data(data, now=now)
    exchange = connection.request("tools/list", now=now)
    connection.respond(exchange, {"tools": []})
    for buffer in connection.data_to_send(): ...

Receiving can cause sending (the answer to a ping, a parse error), therefore `data_to_send` stands
apart. Both roles and both eras use the same class, for the era is a fact of each request. Features
are functions in modules of their own; what is here routes.
"""

from typing import Any

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
from barewire.protocol.methods import Method, other, sent_by
from barewire.protocol.revisions import Revision
from barewire.protocol.shapes import checker_named
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
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import DEFAULT_TIMEOUT, Exchange
from barewire.session.exchanges import Exchanges
from barewire.session.facts import Facts, Local
from barewire.session.handshake import receive_initialize
from barewire.session.limits import DEFAULT_LIMITS, Limits
from barewire.session.outbox import Outbox
from barewire.session.progress import receive_progress
from barewire.session.session import Session
from barewire.session.settled import SETTLED
from barewire.session.speech import row_for, with_meta
from barewire.session.subscriptions import (
    ACKNOWLEDGED,
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
        """At the client's end: what holds for modern requests, once the server is known to be one."""
        self.instructions: str | None = None
        """At the client's end: the server's advice on how to use it."""
        self.listeners = Listeners()
        self._framer = LineFramer(limits.line)
        self._outbox = Outbox()
        self._held: list[Exchange] = []
        self._unreadable = 0

    # Receiving.

    def receive_data(self, data: bytes, *, now: float) -> list[Event]:
        """Take bytes from the peer and return what they lead to. Never raises, on any bytes."""
        events: list[Event] = []
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

        The peer's own requests stay open, for it may still read their answers.
        """
        events: list[Event] = []
        if self._framer.receive_eof() is not None:
            events.append(Violated(Reason.PARSE_ERROR, "the stream ended in the middle of a line"))
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
        if id in exchanges.theirs:
            # An error with this id would answer the request that has it already.
            return self._object(Reason.DUPLICATE_ID, f"{id!r:.128}", batch)
        if exchanges.seen is not None and not exchanges.first_use(request):
            self._refuse(id, Refusal(Reason.DUPLICATE_ID, "it was used before"), batch)
            return Violated(Reason.DUPLICATE_ID, f"{id!r:.128} was used before")
        if request.method == "initialize" and not claims_modern(meta_of(request.params)):
            return self._initialize_received(request, batch)
        if self.local.role == "client" and self.session is None:
            # Message Patterns: a modern server sends no requests and gets no responses.
            return Violated(Reason.INVALID_REQUEST, f"servers do not send {request.method:.64}")
        exchange = admit(request, self.local, self.session)
        if isinstance(exchange, Refusal):
            self._refuse(id, exchange, batch)
            return None
        exchange.via = batch
        settle = SETTLED.get(request.method)
        if settle is not None:
            self._answer(exchange, settle(exchange, self.session, self.limits))
            return _settled_event(exchange)
        if request.method == "subscriptions/listen":
            return self._listen_received(exchange)
        if len(exchanges.theirs) - len(self.listeners.open) >= self.limits.theirs:
            self._answer(exchange, exchange.fail(Reason.BUSY, None, {"retryable": True}))
            return None
        exchanges.theirs[id] = exchange
        return Requested(exchange)

    def _initialize_received(self, request: Request, batch: BatchReply | None) -> Event | None:
        if self.local.role == "client":
            return Violated(Reason.METHOD_NOT_FOUND, "servers do not initialize")
        opened = receive_initialize(request, self.local, self.session, batched=batch is not None)
        if isinstance(opened, Refusal):
            self._refuse(request.id, opened, batch)
            return None
        self.session, answer = opened
        self._outbox.send(answer)
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
        # Shape is judged by the newest revision: the one to follow stands in the result itself.
        fault = checker_named("InitializeResult", self.local.legacy[-1])(result, "result")
        if fault is not None:
            session.step("refuse")
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
        if exchange.request.method == "initialize" and self.session is not None:
            self.session.step("refuse")
        return Refused(exchange, failure)

    # Notifications of the peer.

    def _notification_received(self, notification: Notification, now: float) -> Event | None:
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

    def _cancelled_received(self, notification: Notification) -> Event | None:
        event = receive_cancelled(self.exchanges, notification)
        if isinstance(event, Abandoned) and not event.exchange.ours:
            exchange = event.exchange
            self.listeners.open.pop(exchange.id, None)
            for child in self.exchanges.children_of(exchange):
                self.cancel(child, "the request that asked was cancelled")
            if exchange.via is not None:
                self._collect(exchange.via, None)
        return event

    def _initialized_received(self) -> Event | None:
        session = self.session
        if self.local.role != "server" or session is None or session.phase != "opened":
            return None  # early, late or again: it changes nothing
        session.step("initialized")
        held, self._held = self._held, []
        for exchange in held:
            if exchange.state == "held":
                exchange.sent()
                self._outbox.send(exchange.request)
        return Opened(session)

    def _acknowledged_received(self, notification: Notification) -> Event | None:
        exchange = self._stream_of(notification)
        honoured = (notification.params or {}).get("notifications")
        if exchange is None or not isinstance(honoured, dict):
            return None
        subscription = exchange.subscription
        if not isinstance(subscription, Subscription) or subscription.state != "asked":
            return None
        subscription.step("acknowledge")
        subscription.honoured = honoured
        return Acknowledged(exchange, honoured)

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
                return Notified(notification, self._stream_of(notification))
        return None  # unknown, or of another revision: not answered either way

    def _stream_of(self, notification: Notification) -> Exchange | None:
        id = (meta_of(notification.params) or {}).get(SUBSCRIPTION_ID)
        if type(id) is not int and type(id) is not str:
            return None
        exchange = self.exchanges.ours.get(id)
        return exchange if exchange is not None and exchange.subscription is not None else None

    def _spoken(self) -> list[Facts]:
        spoken = [] if self.modern is None else [self.modern]
        if self.session is not None:
            spoken.append(self.session.facts)
        return spoken

    # What is no message, or several.

    def _batch_received(self, batch: Batch, now: float) -> list[Event]:
        session = self.session
        if session is None or not session.established or not session.revision.batch:
            return [self._object(Reason.BATCH_NOT_ALLOWED, None, None)]
        if len(batch.items) > self.limits.batch:
            detail = f"at most {self.limits.batch} messages in a batch"
            return [self._object(Reason.INVALID_REQUEST, detail, None)]
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
            exchange = self.exchanges.ours.get(id) if id is not None else None
            if exchange is not None:
                exchange.lost()
                self.exchanges.end_ours(exchange)
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
        if self.local.role == "server":
            return True
        return self.session is not None and malformed.kind == "request"

    def _overlong(self, line: Overlong) -> Event:
        self._unreadable += 1
        detail = f"{line.size} bytes in one line; limits.line is {line.limit}"
        if self.local.role == "server":
            self._refuse(None, Refusal(Reason.TOO_LARGE, detail), None)
        return self._violated(Reason.TOO_LARGE, detail, None)

    def _object(self, reason: Reason, detail: str | None, batch: BatchReply | None) -> Event:
        """Refuse what has no id to give back."""
        if self.local.role == "server":
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
        all. `progress` asks for progress by a token of our choice, `progress_token` by that one.
        `parent` is the peer's request in whose course this is asked. A server's request waits by
        itself for a session that is not ready.

        Raises `LocalProtocolError` when it may not be said: an unknown method, one whose capability
        the peer lacks, too many requests in flight, nothing agreed yet, params that JSON cannot
        carry.
        """
        facts = self._facts()
        row = row_for(method, "request", facts)
        exchange = self._open(method, params, row, facts, progress_token, asks_progress=progress)
        exchange.parent = parent
        exchange.arm(now, timeout, maximum)
        if self._permits(method):
            self._outbox.send(exchange.request)
        else:
            exchange.hold()
            self._held.append(exchange)
        self.exchanges.add_ours(exchange)
        return exchange

    def discover(
        self, revision: Revision, *, now: float, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Exchange:
        """Probe, as a client, whether the server speaks the modern `revision`.

        The probe is never cancelled on the wire (a legacy server would not know what that means),
        and an answer after `timeout` seconds is dropped.
        """
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
        """Open a legacy session, as a client; raises `LocalProtocolError` if that was done before."""
        if self.session is None:
            self.session = Session(self.local)
        params = self.session.propose(revision)
        row = sent_by("client", revision)["initialize"]
        exchange = self._open("initialize", params, row, Facts(self.local, revision, {}), None)
        exchange.arm(now, timeout, None)
        self._outbox.send(exchange.request)
        self.exchanges.add_ours(exchange)
        return exchange

    def adopt(self, revision: Revision, discovered: dict[str, Any]) -> None:
        """Speak the modern `revision` from now on, as the result of `server/discover` allows."""
        info = (meta_of(discovered) or {}).get(SERVER_INFO)
        capabilities = discovered.get("capabilities")
        instructions = discovered.get("instructions")
        self.instructions = instructions if isinstance(instructions, str) else None
        self.modern = Facts(
            self.local,
            revision,
            capabilities if isinstance(capabilities, dict) else {},
            info if isinstance(info, dict) else None,
        )

    def notify(self, method: str, params: Params | None = None) -> None:
        """Send a notification; raises `LocalProtocolError` when it may not be said now."""
        row_for(method, "notification", self._facts())
        if not self._permits(method):
            raise LocalProtocolError(f"{method} has to wait until the session is ready")
        self._outbox.send(Notification(method, params))

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer a request of the peer; raises `LocalProtocolError` when it is over."""
        self._answer(exchange, exchange.respond(result))

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer a request of the peer with an error; raises `LocalProtocolError` when it is over."""
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
        self.exchanges.end_ours(exchange)
        if notice is not None:
            self._outbox.send(notice)

    def publish(self, method: str, params: Params | None = None) -> int:
        """Tell the client of a changed list or an updated resource; return how often.

        It goes to the legacy session and to every `subscriptions/listen` that wants it. A change
        that still waits in `data_to_send` is not queued again. Raises `LocalProtocolError` when
        `method` is no such change.
        """
        uri = (params or {}).get("uri")
        queued = 0
        for id, notification in self.listeners.hear(self.session, method, params):
            if self._outbox.first((id, method, uri)):
                self._outbox.send(notification)
                queued += 1
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
            notice = exchange.expire()
            self.exchanges.end_ours(exchange)
            if notice is not None:
                self._outbox.send(notice)
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

    def _facts(self) -> Facts:
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
        exchanges = self.exchanges
        if len(exchanges.ours) >= self.limits.ours:
            raise LocalProtocolError(f"limits.ours is {self.limits.ours}: as many are in flight")
        id = exchanges.next_id()
        if token is None and asks_progress:
            token = id
        if token is not None and token in exchanges.tokens:
            raise LocalProtocolError(f"the progress token {token!r} is in use")
        request = Request(id, method, with_meta(params, token, facts))
        exchange = Exchange(request, row, facts, ours=True, progress_token=token)
        if method == "subscriptions/listen":
            exchange.subscription = Subscription((params or {}).get("notifications", {}))
        return exchange

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
        for exchange in list(self.exchanges.ours.values()):
            exchange.lost()
            self.exchanges.end_ours(exchange)
            events.append(Lost(exchange))
        return events


def _settled_event(exchange: Exchange) -> Event | None:
    # The application wants to know which resources are watched.
    if exchange.request.method in ("resources/subscribe", "resources/unsubscribe"):
        return Notified(Notification(exchange.request.method, exchange.request.params))
    return None
