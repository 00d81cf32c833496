"""Our peer beside the model: both are told the same, and compared after each step."""

import json
from collections import deque
from typing import Any

import pytest

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Notification
from barewire.protocol.revisions import LATEST, revision_named
from barewire.session.connection import Connection
from barewire.session.events import (
    Acknowledged,
    Event,
    Requested,
)
from barewire.session.exceptions import ConnectionLost, LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.session.tables import LENIENT, Leniency
from tests.model.due import Due
from tests.model.observed import compare, told_of
from tests.model.peer import Peer
from tests.model.samples import ALL, CLIENTS, READY, SERVERS, agreed, hello
from tests.model.state import Bounds, Ours, Theirs, tag
from tests.model.words import ASKED_BY, REVISIONS, SERVER_INFO, Json

INFO: dict[str, Json] = {
    "client": {"name": "client", "version": "1", "title": "C", "websiteUrl": "https://c.example"},
    "server": {"name": "server", "version": "2", "title": "S", "description": "d", "icons": []},
}
BOUNDS = Bounds()
LIMITS = Limits(
    line=BOUNDS.line,
    running=BOUNDS.serving - 2,
    queued=2,
    ours=BOUNDS.asking,
    listening=BOUNDS.listening,
    subscriptions=BOUNDS.watched,
    batch=BOUNDS.batch,
    consecutive_faults=BOUNDS.unreadable,
)
RECENT = 30


class Sides:
    """One of our peers and the model of it."""

    def __init__(
        self,
        role: str,
        speaks: tuple[int, ...],
        capabilities: Json,
        *,
        strict: bool = False,
        instructions: str | None = None,
    ) -> None:
        self.role = role
        self.now = 0.0
        revisions = tuple(revision_named(REVISIONS[one]) for one in speaks)
        local = Local(
            "client" if role == "client" else "server",
            INFO[role],
            capabilities,
            instructions,
            revisions=tuple(one for one in revisions if one is not None),
            leniencies=Leniency(0) if strict else LENIENT,
        )
        assert len(local.revisions) == len(speaks)
        self.peer = Connection(local, limits=LIMITS)
        self.model = Peer(
            role,
            speaks,
            capabilities,
            INFO[role],
            bounds=BOUNDS,
            instructions=instructions,
            strict=strict,
        )
        self.exchanges: dict[str, Exchange] = {}
        """What the peer is serving, by id."""
        self.sent: dict[str, Exchange] = {}
        """What the peer has asked, by id."""
        self.history: deque[tuple[object, ...]] = deque(maxlen=RECENT)
        self.failed = False
        """Whether the two have come apart."""

    # Comparing.

    def judge(self, due: Due, events: list[Event]) -> None:
        """Compare what was said and told, and then the state."""
        messages = [self.message(buffer) for buffer in self.peer.data_to_send()]
        for event in events:
            if isinstance(event, Requested) or (
                isinstance(event, Acknowledged) and not event.exchange.ours
            ):
                self.exchanges[tag(event.exchange.id)] = event.exchange
        try:
            due.judge(messages, [told_of(event) for event in events])
            compare(self.peer, self.model, self.exchanges, self.sent)
        except AssertionError as error:
            self.failed = True
            steps = "\n".join(" ".join(map(str, step)) for step in self.history)
            raise AssertionError(f"{error}\n{self.role}, after\n{steps}") from None
        for word, *rest in due.told:
            self.is_over(word, rest)

    def is_over(self, word: str, rest: list[Any]) -> None:
        """Fail if what has just ended can still be spoken of."""
        if word == "given up":
            exchange = self.exchanges[rest[0]]
            self.refused(lambda: self.peer.respond(exchange, {}))
            if exchange.progress_token is not None and exchange.subscription is None:
                self.refused(lambda: self.peer.progress(exchange, 1e308))
        elif word in ("answered", "refused", "expired", "lost", "ended") and rest:
            asked = self.sent[rest[0]]
            self.refused(lambda: self.peer.cancel(asked))

    @staticmethod
    def message(buffer: bytes) -> Any:
        """Return what stands on one line: it must be one."""
        assert buffer.endswith(b"\n")
        assert buffer.count(b"\n") == 1
        return json.loads(buffer)

    def is_known(self, served: Theirs) -> bool:
        """Whether the peer's own record of a request is still the one that the model means."""
        exchange = self.exchanges.get(tag(served.id))
        return exchange is not None and exchange.params == served.params

    # What happens.

    def note(self, *what: object) -> None:
        self.history.append(what)

    def line(self, line: bytes, cut: int | None = None) -> None:
        """Let a line arrive, in one piece or cut in two."""
        self.note("line", line)
        assert b"\n" not in line
        data = line + b"\n"
        at = len(data) if cut is None else cut % len(data)
        events = self.peer.receive_data(data[:at], now=self.now)
        assert events == [] or at == len(data)
        events += self.peer.receive_data(data[at:], now=self.now)
        self.judge(self.model.hears(line, self.now), events)

    def burst(self, messages: list[Any]) -> None:
        """Let messages arrive by one chunk: the same comes of them as if they came one by one."""
        lines = [json.dumps(one).encode() for one in messages]
        self.note("burst", *lines)
        due = Due()
        for line in lines:
            one = self.model.hears(line, self.now)
            due.said += one.said
            due.told += one.told
        events = self.peer.receive_data(b"".join(line + b"\n" for line in lines), now=self.now)
        self.judge(due, events)

    def hear(self, *messages: Any) -> None:
        """Let messages arrive, each on a line."""
        for message in messages:
            self.line(json.dumps(message).encode())

    def ask(
        self,
        method: str,
        params: Json | None = None,
        *,
        token: Any = None,
        progress: bool = False,
        timeout: float | None = None,
        maximum: float | None = None,
        parent: Theirs | None = None,
    ) -> Ours | None:
        """Let the application ask; return the request if that was possible.

        With `progress` and without a token, the peer chooses one.
        """
        self.note("ask", method, params, token, progress, timeout, maximum, parent and parent.id)
        possible = self.model.may_ask(method, params, token, parent)
        if method == "initialize":
            return None
        keywords: Json = {
            "now": self.now,
            "timeout": timeout,
            "maximum": maximum,
            "progress": progress,
            "progress_token": token,
            "parent": None if parent is None else self.exchanges[tag(parent.id)],
        }
        if not possible:
            self.refused(lambda: self.peer.request(method, params, **keywords))
            return None
        exchange = self.peer.request(method, params, **keywords)
        self.sent[tag(exchange.id)] = exchange
        if progress:
            token = exchange.progress_token
            assert token is not None
        model = self.model.asks(
            exchange.id,
            method,
            params,
            now=self.now,
            token=token,
            timeout=timeout,
            maximum=maximum,
            parent=parent,
        )
        self.judge(model, [])
        return self.model.ours[tag(exchange.id)]

    def refused(self, act: Any) -> None:
        """Let the application try what is forbidden: nothing comes of it."""
        with pytest.raises((LocalProtocolError, ConnectionLost)):
            act()
        self.judge(Due(), [])

    def discover(self, timeout: float | None) -> None:
        """Let a client probe."""
        self.note("discover", timeout)
        if not self.model.may_discover():
            self.refused(lambda: self.peer.discover(LATEST, now=self.now))
            return
        exchange = self.peer.discover(LATEST, now=self.now, timeout=timeout)
        self.sent[tag(exchange.id)] = exchange
        self.judge(self.model.discovers(exchange.id, self.now, timeout), [])

    def initialize(self, revision: int, timeout: float | None = None) -> None:
        """Let a client begin a handshake."""
        self.note("initialize", revision, timeout)
        named = revision_named(REVISIONS[revision])
        assert named is not None
        if not self.model.may_initialize(revision):
            self.refused(lambda: self.peer.initialize(named, now=self.now))
            return
        exchange = self.peer.initialize(named, now=self.now, timeout=timeout)
        self.sent[tag(exchange.id)] = exchange
        self.judge(self.model.initializes(exchange.id, revision, self.now, timeout), [])

    def adopt(self, capabilities: Json) -> None:
        """Let a client take its server for modern, with these capabilities."""
        self.note("adopt", capabilities)
        meta = {SERVER_INFO: INFO["server"]}
        discovered = {"capabilities": capabilities, "_meta": meta}
        if not self.model.modern:
            self.refused(lambda: self.peer.adopt(LATEST, discovered))
            return
        self.peer.adopt(LATEST, discovered)
        self.model.adopted = capabilities
        self.judge(Due(), [])

    def respond(self, served: Theirs, result: Json) -> None:
        """Let the application answer; a second answer must not get out."""
        self.note("respond", served.id, result)
        exchange = self.exchanges[tag(served.id)]
        self.peer.respond(exchange, result)
        self.judge(self.model.responds(served, result), [])
        self.refused(lambda: self.peer.respond(exchange, {}))

    def respond_badly(self, served: Theirs) -> None:
        """Let the application answer with what JSON cannot carry."""
        self.note("respond badly", served.id)
        self.peer.respond(self.exchanges[tag(served.id)], {"half": "\ud800"})
        self.judge(self.model.cannot_say(served), [])

    def fail(self, served: Theirs, reason: str, data: Any = None) -> None:
        """Let the application answer with an error, by its reason."""
        self.note("fail", served.id, reason, data)
        self.peer.fail(self.exchanges[tag(served.id)], Reason[reason], "so", data)
        self.judge(self.model.fails(served, reason, data), [])

    def fail_with(self, served: Theirs, code: int) -> None:
        """Let the application answer with an error of its own."""
        self.note("fail with", served.id, code)
        self.peer.fail_with(self.exchanges[tag(served.id)], code, "mine")
        self.judge(self.model.fails_with(served, code), [])

    def report(
        self, served: Theirs, value: float, total: float | None = None, text: str | None = None
    ) -> None:
        """Let the application report progress."""
        self.note("report", served.id, value, total, text)
        exchange = self.exchanges[tag(served.id)]
        goes = self.model.may_report(served, value)
        if goes is None:
            self.refused(lambda: self.peer.progress(exchange, value, total, text))
            return
        assert self.peer.progress(exchange, value, total, text) is goes
        self.judge(self.model.reports(served, value, total, text) if goes else Due(), [])

    def log(self, served: Theirs | None, level: str, logger: str | None = None) -> None:
        """Let a server log, for a request or for the session."""
        self.note("log", served and served.id, level, logger)
        exchange = None if served is None else self.exchanges[tag(served.id)]
        due = self.model.logs(served, level, [1], logger)
        assert self.peer.log(exchange, level, [1], logger) is bool(due.said)
        self.judge(due, [])

    def publish(self, method: str, params: Json | None) -> None:
        """Let a server publish a change, twice before anything is written: it is told once."""
        self.note("publish", method, params)
        due = self.model.publishes(method, params)
        assert self.peer.publish(method, params) == len(due.said)
        assert self.peer.publish(method, params) == 0
        self.judge(due, [])

    def notify(self, method: str, params: Json | None) -> None:
        """Let the application notify."""
        self.note("notify", method, params)
        if not self.model.may_notify(method, params):
            self.refused(lambda: self.peer.notify(method, params))
            return
        self.peer.notify(method, params)
        if method in ASKED_BY:
            self.judge(self.model.publishes(method, params), [])
            return
        plain: Json = {"jsonrpc": "2.0", "method": method}
        said = plain if params is None else {**plain, "params": params}
        self.judge(Due([said]), [])

    def cancel(self, asked: Ours, reason: str | None) -> None:
        """Let the application give up what it asked; twice is once too often."""
        self.note("cancel", asked.id, reason)
        exchange = self.sent[tag(asked.id)]
        if not self.model.may_cancel(asked):
            self.refused(lambda: self.peer.cancel(exchange, reason))
            return
        self.peer.cancel(exchange, reason)
        self.judge(self.model.cancels(asked, reason), [])
        self.refused(lambda: self.peer.cancel(exchange, reason))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.note("wait", seconds)
        self.now += seconds
        events = self.peer.expire(self.now)
        self.judge(self.model.waits(self.now), events)

    def end_subscriptions(self) -> None:
        """Let a server end what its clients listen to."""
        self.note("end subscriptions")
        self.peer.end_subscriptions()
        self.judge(self.model.ends_subscriptions(), [])

    def end(self, rest: bytes = b"") -> None:
        """Let the stream end, perhaps in the middle of a line."""
        self.note("end", rest)
        events = self.peer.receive_data(rest, now=self.now)
        events += self.peer.receive_eof()
        self.judge(self.model.hears_the_end(rest), events)

    def close(self) -> None:
        """Let the application end it: nothing gets in or out any more."""
        self.note("close")
        served = [self.exchanges[name] for name in self.model.theirs]
        events = self.peer.close()
        self.judge(self.model.closes(), events)
        self.line(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        for exchange in served:
            self.refused(lambda exchange=exchange: self.peer.respond(exchange, {}))
        self.ask("ping")
        self.notify("notifications/roots/list_changed", None)
        if self.role == "server":
            self.log(None, "emergency")
            self.publish("notifications/tools/list_changed", None)
            self.end_subscriptions()
        else:
            self.discover(None)
            self.initialize(4)
        self.peer.send(Notification("notifications/anything"))
        self.wait(1e9)
        self.end()


def a_server(revision: int | None, capabilities: Json, speaks: tuple[int, ...] = ALL) -> Sides:
    """Return a server whose session, if it has one, is ready."""
    sides = Sides("server", speaks, capabilities)
    if revision is not None:
        sides.hear(hello(revision, CLIENTS[0]), READY)
    return sides


def a_client(revision: int | None, capabilities: Json, theirs: Json = SERVERS[0]) -> Sides:
    """Return a client that has agreed on a revision, by handshake or by discovery."""
    sides = Sides("client", ALL, capabilities)
    if revision == ALL[-1]:
        sides.adopt(theirs)
    elif revision is not None:
        sides.initialize(revision)
        (asked,) = sides.model.ours.values()
        sides.hear({"jsonrpc": "2.0", "id": asked.id, "result": agreed(revision, theirs)})
    return sides
