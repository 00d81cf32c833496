"""A byte pipe: bytes in, events out; requests in, bytes out. No I/O, no clock, no tasks.

    events = connection.receive_data(data, now=now)
    exchange = connection.request("tools/list", now=now)
    connection.respond(exchange, {"tools": []})
    for buffer in connection.data_to_send(): ...

Receiving can cause sending (the answer to a ping, a parse error), therefore `data_to_send` stands
apart. Both roles and both eras use the same class, for the era is a fact of each request.

What is here speaks; the half that hears is `barewire.session.receiver`.
"""

from typing import Any

from barewire.protocol.envelope import SERVER_INFO, meta_of
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Message, Notification, Params, Request, RequestId
from barewire.protocol.methods import Method, Role, sent_by
from barewire.protocol.revisions import Revision
from barewire.protocol.shapes import checker_named
from barewire.protocol.values import as_object, as_string
from barewire.session.events import Event, Expired
from barewire.session.exceptions import BarewireError, ConnectionLost, LocalProtocolError
from barewire.session.exchange import DEFAULT_TIMEOUT, Exchange
from barewire.session.facts import Facts
from barewire.session.outbox import line_of, must_be_writable
from barewire.session.receiver import Receiver
from barewire.session.session import Session
from barewire.session.speech import SAID_BY_THE_ENGINE, progress_token_in, row_for, with_meta
from barewire.session.subscriptions import CHANGES, UPDATED, Subscription, end_listen

__all__ = ["Connection"]


class Connection(Receiver):
    """One end of a byte pipe that carries one message per line."""

    session: Session | None
    modern: Facts | None
    instructions: str | None

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
            self.outbox.send(exchange.request, exchange)
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
        self.outbox.send(exchange.request)
        self.exchanges.add_ours(exchange)
        return exchange

    def initialize(
        self, revision: Revision, *, now: float, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Exchange:
        """Open a legacy session, as a client.

        Raises `LocalProtocolError` for a revision without a handshake or one that we do not speak,
        or if it was done before. What could not be sent changes nothing.
        """
        self._must_be("client", "initialize")
        session = Session(self.local) if self.session is None else self.session
        params = session.propose(revision)
        row = sent_by("client", revision)["initialize"]
        try:
            exchange = self._open("initialize", params, row, Facts(self.local, revision, {}), None)
            exchange.arm(now, timeout, None)
            self.outbox.send(exchange.request)
        except BarewireError:
            session.refuse()
            raise
        self.session = session
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
        self.modern = Facts(self.local, revision, capabilities, info)

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
        self.outbox.send(Notification(method, params))

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer a request of the peer; raises `LocalProtocolError` when it is over."""
        self._answer(exchange, exchange.respond(result))

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer a request of the peer with an error; raises `LocalProtocolError` likewise."""
        self._answer(exchange, exchange.fail(reason, detail, data), reason)

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
        """Report progress of a request of the peer; `False` when it did not ask for any.

        Raises `LocalProtocolError` as `Exchange.progress` does, or when JSON cannot carry it.
        """
        before = exchange.progressed
        notification = exchange.progress(progress, total, message)
        if notification is None:
            return False
        try:
            self.outbox.send(notification, exchange)
        except LocalProtocolError:
            exchange.progressed = before  # nobody has heard of it
            raise
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
        self.outbox.send(notification, exchange)
        return True

    def cancel(self, exchange: Exchange, reason: str | None = None) -> None:
        """Give up a request of ours.

        Raises `LocalProtocolError` when it is not ours, or over, or when JSON cannot carry the
        reason; then nothing has changed.
        """
        if reason is not None:
            must_be_writable(reason)
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
            queued += self.outbox.send_change((id, method, uri), notification)
        return queued

    def end_subscriptions(self) -> None:
        """End every `subscriptions/listen` of the peer gracefully, as a server that goes away."""
        for exchange in list(self.listeners.open.values()):
            notice, result = end_listen(exchange)
            self.outbox.send(notice)
            self._answer(exchange, result)

    def send(self, message: Message) -> None:
        """Queue one message just as it is; raises `LocalProtocolError` if JSON cannot carry it."""
        self.outbox.send(message)

    def data_to_send(self) -> list[bytes]:
        """Take what is to be written, in order."""
        return self.outbox.take()

    @property
    def pending(self) -> int:
        """Bytes queued and not yet taken by `data_to_send`."""
        return self.outbox.pending

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
        self.outbox.closed = True
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
        if self.outbox.closed:
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
        if self._ended or self.outbox.closed:
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
