"""Two ends, the wire between them, and a model of what must happen.

The model is written from the specification. For each line that arrives it says which events must
come of it, and for each line that leaves, whether it was owed. A judge that knows the shapes of all
revisions looks at every line.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from barewire.protocol.envelope import LOG_LEVEL, LOG_LEVELS, SUBSCRIPTION_ID
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Failure
from barewire.protocol.methods import Role, other
from barewire.protocol.revisions import LATEST, LEGACY, Revision
from barewire.protocol.values import as_object
from barewire.session.connection import Connection
from barewire.session.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Ended,
    Event,
    Notified,
    Opened,
    Progressed,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exceptions import ConnectionLost, LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.session.negotiation import (
    Action,
    Agreed,
    Discovered,
    Done,
    Fail,
    Initialize,
    Mode,
    Observation,
    Plan,
    Probe,
    RefusedWith,
    Silence,
    begin,
    follow,
)
from barewire.session.rounds import Question, ask, read_round, retry
from barewire.session.subscriptions import CHANGES, UPDATED
from tests.session.judge import Judge
from tests.session.wire import (
    CLIENT_CAPABILITIES_VALUE,
    CLIENT_INFO_VALUE,
    SERVER_CAPABILITIES,
    Json,
)
from tests.session.wire import SERVER_INFO as US

LIMITS = Limits(running=5, queued=3)
BUSY_AT = 8
ROLES: tuple[Role, Role] = ("client", "server")

# What is asked and how it is answered. All of it fits every revision that knows the method.
RESULTS: dict[str, Json] = {
    "tools/call": {"content": [{"type": "text", "text": "é\u2028"}]},
    "tools/list": {"tools": []},
    "resources/list": {"resources": []},
    "resources/read": {"contents": [{"uri": "a:1", "text": "x"}]},
    "prompts/get": {"messages": []},
    "completion/complete": {"completion": {"values": ["a"]}},
    "roots/list": {"roots": [{"uri": "file:///a"}]},
    "sampling/createMessage": {
        "role": "assistant",
        "content": {"type": "text", "text": "hi"},
        "model": "m",
    },
    "elicitation/create": {"action": "decline"},
}
PARAMS: dict[str, Json | None] = {
    "tools/call": {"name": "é", "arguments": {"deep": [{"x": 1}], "text": "a\nb"}},
    "tools/list": None,
    "resources/list": {"cursor": ""},
    "resources/read": {"uri": "a:1"},
    "prompts/get": {"name": "p", "arguments": {"a": "b"}},
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "p"},
        "argument": {"name": "a", "value": "b"},
    },
    "roots/list": None,
    "sampling/createMessage": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}],
        "maxTokens": 5,
    },
    "elicitation/create": {
        "message": "?",
        "requestedSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
    "ping": None,
    "logging/setLevel": {"level": "error"},
    "resources/subscribe": {"uri": "a:"},
    "resources/unsubscribe": {"uri": "a:"},
}
OF_CLIENTS = [
    *("tools/call", "tools/list", "resources/list", "resources/read", "prompts/get"),
    "completion/complete",
]
OF_LEGACY_CLIENTS = ["ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"]
OF_SERVERS = ["roots/list", "sampling/createMessage", "elicitation/create", "ping"]
SETTLED = {*OF_LEGACY_CLIENTS, "server/discover", "initialize"}
MAY_ASK = {"tools/call", "resources/read", "prompts/get"}
FILTERS: list[Json] = [
    {},
    {"toolsListChanged": True},
    {"promptsListChanged": True, "resourcesListChanged": False},
    {"resourceSubscriptions": ["a:1", "b:/x"]},
    {"toolsListChanged": True, "resourcesListChanged": True, "resourceSubscriptions": ["a:1"]},
]
PUBLISHED: list[tuple[str, Json | None]] = [
    *((method, None) for method in CHANGES),
    *((UPDATED, {"uri": uri}) for uri in ("a:1", "a:1/deep", "b:/x", "c:")),
]
TOKENS: list[int | str | bool | None] = [True, True, None, True, "t", 0, "0", ""]
# Lines that nobody has sent: what comes of them, and whether a server answers.
NOISE: dict[bytes, tuple[str | None, bool]] = {
    b"garbage": ("Violated", True),
    b"{}": ("Violated", True),
    b"\xff": ("Violated", True),
    b'{"jsonrpc":"2.0","method":"nobody/knows"}': (None, False),
    b'{"jsonrpc":"2.0","id":99999,"result":{}}': ("Violated", False),
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"99"}}': (
        None,
        False,
    ),
    b"": (None, False),
}

Line = Json | bytes
"""A line on the wire: a message, or noise."""


@dataclass(eq=False)
class Ask:
    """One request, as the model sees it."""

    asker: Role
    exchange: Exchange
    params: Json | None
    deadline: float | None = None
    timeout: float | None = None
    latest: float | None = None
    parent: "Ask | None" = None
    held: bool = False
    outcomes: list[str] = field(default_factory=list[str])
    """How it ended at the asker's: exactly one in the end."""
    guessed: bool = False
    """Whether it was ended by an error without id, so that its own answer comes unexpected."""
    serving: Exchange | None = None
    """The other end's exchange, while it is served there."""
    owed: bool = False
    """Whether the other end will answer by itself."""
    answered: bool = False
    answer: Json | Failure | None = None
    """What the other end answered."""
    reported: list[float] = field(default_factory=list[float])
    heard: list[float] = field(default_factory=list[float])
    acknowledged: bool = False

    @property
    def id(self) -> int | str:
        return self.exchange.id

    @property
    def method(self) -> str:
        return self.exchange.request.method

    @property
    def modern(self) -> bool:
        return self.exchange.revision.modern

    @property
    def token(self) -> int | str | None:
        return self.exchange.progress_token

    @property
    def waits(self) -> bool:
        return not self.outcomes

    def __repr__(self) -> str:
        return f"<{self.asker} {self.method} {self.id!r} {self.outcomes}>"


def described(event: Event) -> tuple[Any, ...]:
    """Return what can be compared of an event."""
    if isinstance(event, Opened | Ended | Violated):
        return (type(event).__name__,)
    if isinstance(event, Answered):
        return ("Answered", event.exchange.id, bare(event.result))
    if isinstance(event, Refused):
        failure = event.failure
        return ("Refused", event.exchange.id, failure.code, failure.message, failure.data)
    if isinstance(event, Requested):
        exchange = event.exchange
        return ("Requested", exchange.id, exchange.request.method, unstamped(exchange.params))
    if isinstance(event, Abandoned):
        return ("Abandoned", event.exchange.ours, event.exchange.id)
    if isinstance(event, Progressed):
        return ("Progressed", event.exchange.id, event.progress, event.total, event.message)
    if isinstance(event, Acknowledged):
        return ("Acknowledged", event.exchange.ours, event.exchange.id, event.honoured)
    if isinstance(event, Notified):
        notification, stream = event.notification, event.exchange
        return ("Notified", notification.method, notification.params, stream and stream.id)
    return (type(event).__name__, event.exchange.id)


def unstamped(params: Json) -> Json:
    """Return params without the envelope and the progress token."""
    meta = {
        key: value
        for key, value in params.get("_meta", {}).items()
        if not key.startswith("io.modelcontextprotocol/") and key != "progressToken"
    }
    rest = {key: value for key, value in params.items() if key != "_meta"}
    return {**rest, "_meta": meta} if meta else rest


def bare(result: Json) -> Json:
    """Return a result without the stamps of the modern revision."""
    if result.get("resultType", "complete") != "complete":
        return {key: value for key, value in result.items() if key != "_meta"}
    stamps = {"resultType", "ttlMs", "cacheScope", "_meta"}
    return {key: value for key, value in result.items() if key not in stamps}


def honoured_of(wanted: Json) -> Json:
    """Return the part of a filter that a server with every capability honours."""
    return {key: value for key, value in wanted.items() if value}


def hears(honoured: Json, method: str, params: Json | None) -> bool:
    """Whether a subscription hears of a change, by the words of the specification."""
    if method != UPDATED:
        return bool(honoured.get(CHANGES[method]))
    uri = (params or {})["uri"]
    return any(
        uri == one or uri.startswith(one.removesuffix("/") + "/")
        for one in honoured.get("resourceSubscriptions", [])
    )


class Pair:
    """Two ends of a wire, driven step by step and compared with the model after each."""

    def __init__(self, mode: Mode, client: Sequence[Revision], server: Sequence[Revision]) -> None:
        self.now = 0.0
        self.judge = Judge()
        self.asks: dict[Role, dict[int | str, Ask]] = {"client": {}, "server": {}}
        self.wire: dict[Role, deque[tuple[bytes, Line]]] = {"client": deque(), "server": deque()}
        self.arrived: dict[int | str, Exchange] = {}
        """The exchanges of the requests that the last bytes have brought."""
        self.errors_owed: dict[Role, int] = {"client": 0, "server": 0}
        self.phase: dict[Role, str] = {"client": "none", "server": "none"}
        self.agreed: dict[Role, Revision | None] = {"client": None, "server": None}
        self.offered: Revision | None = None
        self.level = "debug"
        self.subscribed: set[str] = set()
        self.rounds: list[tuple[Ask, Json]] = []
        self.speaking = False
        self.ended = False
        theirs = Local(
            "client", CLIENT_INFO_VALUE, CLIENT_CAPABILITIES_VALUE, revisions=tuple(client)
        )
        ours = Local("server", US, SERVER_CAPABILITIES, revisions=tuple(server))
        self.peers: dict[Role, Connection] = {
            "client": Connection(theirs),
            "server": Connection(ours, limits=LIMITS),
        }
        self.server_revisions = tuple(server)
        self.then: Observation | None = None
        self.plan, action = begin(Plan(mode, theirs.modern, theirs.legacy))
        self.act(action)

    # The handshake, or what stands for it.

    def act(self, action: Action) -> None:
        """Do what the negotiation says."""
        client = self.peers["client"]
        if isinstance(action, Probe):
            exchange = client.discover(action.revision, now=self.now, timeout=20.0)
        elif isinstance(action, Initialize):
            exchange = client.initialize(action.revision, now=self.now, timeout=20.0)
            self.phase["client"] = "opening"
        else:
            assert isinstance(action, Done | Fail), action
            self.speaking = isinstance(action, Done)
            return
        self.add("client", exchange, None, timeout=20.0)

    def observed(self, observation: Observation) -> None:
        """Tell the negotiation what was observed."""
        self.plan, action = follow(self.plan, observation)
        if isinstance(action, Done) and action.revision.modern:
            self.adopt()
        self.act(action)

    def adopt(self) -> None:
        self.peers["client"].adopt(LATEST, {"capabilities": SERVER_CAPABILITIES})

    # Helpers.

    def add(
        self,
        role: Role,
        exchange: Exchange,
        params: Json | None,
        *,
        timeout: float | None = None,
        maximum: float | None = None,
        parent: Ask | None = None,
    ) -> Ask:
        """Take a request that was just made into the model and its bytes onto the wire."""
        latest = None if maximum is None else self.now + maximum
        ends = [when for when in (latest, timeout and self.now + timeout) if when is not None]
        made = Ask(role, exchange, params, min(ends, default=None), timeout, latest, parent)
        assert exchange.id not in self.asks[role]
        self.asks[role][exchange.id] = made
        lines = self.collect(role)
        made.held = not lines
        assert made.held or [line.get("id") for line in lines] == [exchange.id]
        return made

    def waiting(self, role: Role) -> list[Ask]:
        """Return what `role` has asked and what has not ended at its end."""
        return [one for one in self.asks[role].values() if one.waits]

    def served(self, role: Role) -> list[Ask]:
        """Return what the other end has asked and what `role` is working on."""
        return [one for one in self.asks[other(role)].values() if one.serving is not None]

    def collect(self, role: Role) -> list[Json]:
        """Take what a peer wants written onto the wire; everything must be legal and owed."""
        messages: list[Json] = []
        for buffer in self.peers[role].data_to_send():
            assert buffer.endswith(b"\n")
            assert buffer.count(b"\n") == 1
            message: Json = json.loads(buffer)
            self.judge.judge(role, message)
            self.check_owed(role, message)
            self.wire[role].append((buffer, message))
            messages.append(message)
        return messages

    def check_owed(self, role: Role, message: Json) -> None:
        """Fail if nothing calls for this message, or something forbids it."""
        if "method" not in message:
            if message.get("id") is None:
                assert self.errors_owed[role] > 0, message
                self.errors_owed[role] -= 1
                return
            asked = self.asks[other(role)][message["id"]]
            assert type(asked.id) is type(message["id"])
            assert asked.owed or asked.serving is not None, f"{message} was not owed"
            assert not asked.answered
            asked.answered, asked.owed, asked.serving = True, False, None
            if "error" in message:
                error = message["error"]
                failure = Failure(asked.id, error["code"], error["message"], error.get("data"))
                assert asked.answer is None or asked.answer == failure
                asked.answer = failure
            elif asked.method in SETTLED:
                asked.answer = bare(message["result"])
            elif asked.method == "subscriptions/listen":
                assert message["result"]["_meta"][SUBSCRIPTION_ID] == asked.id
            else:
                assert bare(message["result"]) == asked.answer
        elif message["method"] == "notifications/progress":
            params = message["params"]
            token = params["progressToken"]
            asked = next(one for one in self.served(role) if self.is_token(one, token))
            assert not asked.reported or params["progress"] > asked.reported[-1]
            asked.reported.append(params["progress"])
        elif message["method"] == "notifications/initialized":
            assert self.phase["client"] == "ready"

    @staticmethod
    def is_token(asked: Ask, token: object) -> bool:
        return asked.token == token and type(asked.token) is type(token)

    def end(self, asked: Ask, outcome: str) -> None:
        """Note how a request ended for its asker."""
        assert asked.waits, f"{asked} ended twice: {outcome}"
        asked.outcomes.append(outcome)
        assert asked.exchange.over
        asked.held = False
        if asked.method in ("initialize", "server/discover") and not self.ended:
            self.handshake_ended(asked, outcome)

    def handshake_ended(self, asked: Ask, outcome: str) -> None:
        client = self.peers["client"]
        if outcome == "Expired":
            if asked.method == "initialize":
                self.phase["client"] = "none"
            self.then = Silence()
        elif outcome == "Refused":
            if asked.method == "initialize":
                self.phase["client"] = "none"
            assert isinstance(asked.answer, Failure)
            data = asked.answer.data
            supported: tuple[str, ...] = tuple((as_object(data) or {}).get("supported", ()))
            self.then = RefusedWith(asked.answer.code, asked.answer.message, supported)
        else:
            assert isinstance(asked.answer, dict)
            if asked.method == "initialize":
                version = asked.answer["protocolVersion"]
                accepted = version in [revision.name for revision in client.local.legacy]
                self.phase["client"] = "ready" if accepted else "none"
                self.agreed["client"] = next(
                    (one for one in client.local.legacy if one.name == version), None
                )
                self.then = Agreed(version)
            else:
                self.then = Discovered(tuple(asked.answer["supportedVersions"]))

    def go_on(self) -> None:
        """Let the negotiation react to what the last bytes, or the clock, have shown."""
        observation, self.then = self.then, None
        if observation is not None:
            self.observed(observation)

    # What must come of a line.

    def expect(self, role: Role, line: Line) -> list[tuple[Any, ...]]:
        """Return the events that a line leads to at `role`'s end, and move the model on."""
        if isinstance(line, bytes):
            event, answered = NOISE[line]
            self.errors_owed[role] += answered and role == "server"
            return [(event,)] if event else []
        if "method" not in line:
            return self.expect_answer(role, line)
        if "id" in line:
            return self.expect_request(role, line)
        return self.expect_notification(role, line)

    def expect_answer(self, role: Role, line: Json) -> list[tuple[Any, ...]]:
        if line.get("id") is None:
            flying = [one for one in self.waiting(role) if not one.held]
            if len(flying) != 1:
                return [("Violated",)]
            asked, asked_error = flying[0], line["error"]
            asked.guessed = True
            asked.answer = asked.answer if asked.method not in SETTLED else None
            code, message = asked_error["code"], asked_error["message"]
            if asked.method in ("initialize", "server/discover"):
                asked.answer = Failure(None, code, message, asked_error.get("data"))
            self.end(asked, "Refused")
            return [("Refused", asked.id, code, message, asked_error.get("data"))]
        asked = self.asks[role][line["id"]]
        if asked.guessed:
            return [("Violated",)]
        if not asked.waits:
            return []
        if "error" in line:
            failure = asked.answer
            assert isinstance(failure, Failure)
            self.end(asked, "Refused")
            return [("Refused", asked.id, failure.code, failure.message, failure.data)]
        self.end(asked, "Answered")
        if line["result"].get("resultType") == "input_required":
            self.rounds.append((asked, line["result"]))
        return [("Answered", asked.id, bare(line["result"]))]

    def expect_request(self, role: Role, line: Json) -> list[tuple[Any, ...]]:
        asked = self.asks[other(role)][line["id"]]
        peer = self.peers[role]
        method, modern = asked.method, asked.modern
        if role == "server" and not self.is_served(asked):
            asked.owed = True
            return []
        if method == "initialize":
            asked.owed = True
            if self.phase["server"] == "none":
                self.phase["server"] = "opened"
                version = line["params"]["protocolVersion"]
                self.offered = asked.exchange.revision
                legacy = peer.local.legacy
                self.agreed["server"] = next(
                    (one for one in legacy if one.name == version), legacy[-1]
                )
            return []
        if method in SETTLED:
            asked.owed = True
            assert not (modern and method == "ping")
            if method == "logging/setLevel":
                self.level = line["params"]["level"]
            if method == "resources/subscribe":
                self.subscribed.add(line["params"]["uri"])
            if method == "resources/unsubscribe":
                self.subscribed.discard(line["params"]["uri"])
            if method.startswith("resources/"):
                return [("Notified", method, line["params"], None)]
            return []
        if method == "subscriptions/listen":
            asked.serving = self.arrived.get(asked.id)
            return [("Acknowledged", False, asked.id, honoured_of(line["params"]["notifications"]))]
        running = [one for one in self.served(role) if one.method != "subscriptions/listen"]
        if role == "server" and len(running) >= BUSY_AT:
            asked.owed = True
            return []
        asked.serving = self.arrived.get(asked.id)
        return [("Requested", asked.id, method, asked.params or {})]

    def is_served(self, asked: Ask) -> bool:
        """Whether the server speaks the era of a request at all."""
        legacy = [one for one in self.server_revisions if not one.modern]
        if asked.modern:
            return LATEST in self.server_revisions
        if asked.method in ("initialize", "ping"):
            return bool(legacy)
        return self.phase["server"] != "none"

    def expect_notification(self, role: Role, line: Json) -> list[tuple[Any, ...]]:
        method, params = line["method"], line.get("params", {})
        if method == "notifications/initialized":
            if self.phase["server"] != "opened":
                return []
            self.phase["server"] = "ready"
            for asked in self.waiting("server"):
                asked.held = False
            return [("Opened",)]
        if method == "notifications/cancelled":
            return self.expect_cancelled(role, params)
        if method == "notifications/progress":
            return self.expect_progress(role, params)
        stream = None
        if SUBSCRIPTION_ID in params.get("_meta", {}):
            asked = self.asks[role][params["_meta"][SUBSCRIPTION_ID]]
            if not asked.waits:
                return []
            if method == "notifications/subscriptions/acknowledged":
                asked.acknowledged, asked.deadline = True, None
                return [("Acknowledged", True, asked.id, params["notifications"])]
            assert asked.acknowledged
            stream = asked.id
        return [("Notified", method, line.get("params"), stream)]

    def expect_cancelled(self, role: Role, params: Json) -> list[tuple[Any, ...]]:
        id = params["requestId"]
        asked = self.asks[other(role)].get(id)
        if asked is not None and type(asked.id) is type(id) and asked.serving is not None:
            asked.serving = None
            events: list[tuple[Any, ...]] = [("Abandoned", False, id)]
            for child in self.waiting(role):
                if child.parent is asked:
                    child.outcomes.append("Abandoned")
                    child.held = False
                    events.append(("Abandoned", True, child.id))
            return events
        stream = self.asks[role].get(id)
        if stream is None or stream.method != "subscriptions/listen" or not stream.waits:
            return []
        stream.outcomes.append("Abandoned")
        return [("Abandoned", True, id)]

    def expect_progress(self, role: Role, params: Json) -> list[tuple[Any, ...]]:
        for asked in self.waiting(role):
            if self.is_token(asked, params["progressToken"]):
                assert not asked.heard or params["progress"] > asked.heard[-1]
                asked.heard.append(params["progress"])
                if asked.timeout is not None:
                    ends = [asked.latest, self.now + asked.timeout]
                    asked.deadline = min(when for when in ends if when is not None)
                said = (params["progress"], params.get("total"), params.get("message"))
                return [("Progressed", asked.id, *said)]
        return []

    # The wire.

    def deliver(self, sender: Role, size: int) -> None:
        """Move the next bytes of a sender's wire to the other end."""
        receiver, wire = other(sender), self.wire[sender]
        chunk, lines = b"", list[Line]()
        while wire and len(chunk) < size:
            data, line = wire.popleft()
            room = size - len(chunk)
            chunk += data[:room]
            if len(data) > room:
                wire.appendleft((data[room:], line))
            else:
                lines.append(line)
        events = self.peers[receiver].receive_data(chunk, now=self.now)
        self.arrived = {
            event.exchange.id: event.exchange
            for event in events
            if isinstance(event, Requested | Acknowledged)
        }
        expected = [event for line in lines for event in self.expect(receiver, line)]
        assert [described(event) for event in events] == expected
        self.collect(receiver)
        if receiver == "client":
            self.go_on()

    def deliver_all(self) -> None:
        """Move everything, back and forth, until nothing is on its way."""
        while self.wire["client"] or self.wire["server"]:
            for sender in ROLES:
                if self.wire[sender]:
                    self.deliver(sender, 1 << 30)

    def make_noise(self, sender: Role, noise: bytes) -> None:
        """Put a line on the wire that the sender has not sent."""
        self.wire[sender].append((noise + b"\n", noise))

    # What the ends do. Each step is tried also where it must be refused.

    @property
    def client_is_modern(self) -> bool:
        """Whether the client asks by envelope from now on."""
        return self.peers["client"].modern is not None

    def ask(
        self,
        role: Role,
        method: str,
        params: Json | None,
        token: int | str | bool | None,
        timeout: float | None,
        maximum: float | None = None,
        *,
        possible: bool = True,
        parent: Ask | None = None,
    ) -> Ask | None:
        """Send a request; `possible` says whether that must work."""
        named = token if type(token) is not bool else None
        again = [one for one in self.asks[role].values() if self.is_token(one, named)]
        if named is not None and any(one.waits for one in again):
            possible = False
        elif named is not None and again:
            # The other end may still report on the last request with this token, for all we know.
            named = f"{named}, request {len(self.asks[role])}"
        keywords: Json = {
            "now": self.now,
            "timeout": timeout,
            "maximum": maximum,
            "progress": token is True,
            "progress_token": named,
            "parent": None if parent is None else parent.serving,
        }
        if not possible:
            with pytest.raises(LocalProtocolError):
                self.peers[role].request(method, params, **keywords)
            assert self.collect(role) == []
            return None
        exchange = self.peers[role].request(method, params, **keywords)
        given = unstamped(params) if params is not None else None
        asked = self.add(role, exchange, given, timeout=timeout, maximum=maximum, parent=parent)
        waits = role == "server" and self.phase["server"] != "ready" and method != "ping"
        assert asked.held is waits
        return asked

    def client_asks(
        self,
        method: str,
        token: int | str | bool | None,
        level: str | None,
        timeout: float | None,
        maximum: float | None,
    ) -> None:
        """Send a request of the client's, in the era that it speaks."""
        params = PARAMS[method]
        if level is not None and self.client_is_modern:
            params = {**(params or {}), "_meta": {LOG_LEVEL: level}}
        possible = method in OF_CLIENTS or not self.client_is_modern
        self.ask("client", method, params, token, timeout, maximum, possible=possible)

    def server_asks(
        self,
        method: str,
        token: int | str | bool | None,
        timeout: float | None,
        parent: Ask | None,
    ) -> None:
        """Send a request of the server's, in the course of the client's request `parent`."""
        revision = self.agreed["server"]
        assert revision is not None
        possible = parent is None or not parent.modern
        if method == "elicitation/create":
            # Both have to know it: the client when it declares, the server when it asks.
            possible &= revision in LEGACY[2:] and self.offered in LEGACY[2:]
        params = PARAMS[method]
        self.ask("server", method, params, token, timeout, possible=possible, parent=parent)

    def try_again(self, number: int) -> None:
        """Answer the questions of a round and send the request again."""
        first, result = self.rounds.pop(number)
        found = read_round(first.exchange, result)
        assert found is not None
        answers = {key: RESULTS["roots/list"] for key in found.questions}
        again = self.ask(
            "client", first.method, retry(first.params or {}, answers, found), None, None
        )
        assert again is not None
        assert again.id != first.id

    def answer(self, asked: Ask, how: str) -> None:
        """Answer a request: by its result, an error, a round, or by what cannot be written."""
        exchange, role = asked.serving, other(asked.asker)
        assert exchange is not None
        peer = self.peers[role]
        if how == "round" and asked.modern and asked.method in MAY_ASK:
            result = ask(exchange, {"where": Question("roots/list")}, "sealed \u2028")
            asked.answer = bare(result)
            peer.respond(exchange, result)
        elif how == "reason":
            asked.answer = Failure(asked.id, -32602, "Unknown tool: x", {"a": [1]})
            peer.fail(exchange, Reason.UNKNOWN_TOOL, "x", {"a": [1]})
        elif how == "own code":
            asked.answer = Failure(asked.id, 7, "mine", None)
            peer.fail_with(exchange, 7, "mine")
        elif how == "unwritable":
            peer.respond(exchange, {"odd": {1, 2}})
        else:
            asked.answer = RESULTS[asked.method]
            peer.respond(exchange, RESULTS[asked.method])
        assert [line["id"] for line in self.collect(role)] == [asked.id]
        with pytest.raises(LocalProtocolError):
            peer.respond(exchange, {})
        if asked.token is not None:
            with pytest.raises(LocalProtocolError):
                peer.progress(exchange, 1e9)

    def report(self, asked: Ask, value: float) -> None:
        """Report progress of a request, whether it wants any or not."""
        exchange, role = asked.serving, other(asked.asker)
        assert exchange is not None
        peer = self.peers[role]
        reports = asked.token is not None and asked.method != "subscriptions/listen"
        if reports and asked.reported and value <= asked.reported[-1]:
            with pytest.raises(LocalProtocolError):
                peer.progress(exchange, value)
            assert self.collect(role) == []
            return
        assert peer.progress(exchange, value, 20, "so far") is reports
        assert len(self.collect(role)) == reports

    def log(self, asked: Ask | None, level: str) -> None:
        """Log for a request, or for the session."""
        exchange = None if asked is None else asked.serving
        if asked is not None and asked.modern:
            assert exchange is not None
            meta = exchange.params["_meta"]
            threshold = None if asked.method == "subscriptions/listen" else meta.get(LOG_LEVEL)
        else:
            threshold = self.level if self.phase["server"] in ("opened", "ready") else None
        told = threshold is not None and LOG_LEVELS[level] <= LOG_LEVELS[threshold]
        assert self.peers["server"].log(exchange, level, {"n": 1}, "db") is told
        params = {"level": level, "data": {"n": 1}, "logger": "db"}
        lines = [{"jsonrpc": "2.0", "method": "notifications/message", "params": params}]
        assert self.collect("server") == lines * told

    def publish(self, method: str, params: Json | None) -> None:
        """Publish a change, twice: it is told once to each who wants to hear of it."""
        expected: list[Json] = []
        plain: Json = {"jsonrpc": "2.0", "method": method}
        filters: Json = {"resourceSubscriptions": sorted(self.subscribed)}
        if self.phase["server"] == "ready" and (
            method != UPDATED or hears(filters, method, params)
        ):
            expected.append(plain if params is None else {**plain, "params": params})
        for asked in self.served("server"):
            if asked.method == "subscriptions/listen" and hears(
                honoured_of((asked.params or {})["notifications"]), method, params
            ):
                meta = {"_meta": {SUBSCRIPTION_ID: asked.id}}
                expected.append({**plain, "params": {**(params or {}), **meta}})
        assert self.peers["server"].publish(method, params) == len(expected)
        assert self.peers["server"].publish(method, params) == 0
        assert self.collect("server") == expected

    def change_roots(self) -> None:
        """Tell the server of a legacy session that the roots have changed."""
        self.peers["client"].notify("notifications/roots/list_changed")
        assert len(self.collect("client")) == 1

    def end_subscriptions(self) -> None:
        """Let the server end all subscriptions."""
        ended = [one for one in self.served("server") if one.method == "subscriptions/listen"]
        self.peers["server"].end_subscriptions()
        lines = self.collect("server")
        assert [line.get("id", line.get("params", {}).get("requestId")) for line in lines] == [
            one.id for one in ended for _ in range(2)
        ]
        assert [("method" in line) for line in lines] == [True, False] * len(ended)

    def cancel(self, asked: Ask) -> None:
        """Give up a request."""
        peer = self.peers[asked.asker]
        if asked.method in ("initialize", "server/discover"):
            with pytest.raises(LocalProtocolError):
                peer.cancel(asked.exchange)
            return
        sent = not asked.held
        peer.cancel(asked.exchange, "enough")
        self.end(asked, "Cancelled")
        lines = self.collect(asked.asker)
        assert [line["params"]["requestId"] for line in lines] == [asked.id] * sent
        with pytest.raises(LocalProtocolError):
            peer.cancel(asked.exchange)

    def wait(self, seconds: float) -> None:
        """Let time pass: what is due expires, and nothing else."""
        self.now += seconds
        for role in ROLES:
            peer = self.peers[role]
            due = [
                one
                for one in self.waiting(role)
                if one.deadline is not None and one.deadline <= self.now
            ]
            told = {
                one.id
                for one in due
                if not one.held and one.method not in ("initialize", "server/discover")
            }
            soonest = peer.deadline()
            assert not due or (soonest is not None and soonest <= self.now)
            events = sorted((described(event) for event in peer.expire(self.now)), key=str)
            assert events == sorted((("Expired", one.id) for one in due), key=str)
            for one in due:
                self.end(one, "Expired")
            lines = self.collect(role)
            assert {line["params"]["requestId"] for line in lines} == told
            assert len(lines) == len(told)
        self.go_on()

    # What always holds.

    def check(self) -> None:
        """Compare the tables and the phases with the model's."""
        for role in ROLES:
            peer = self.peers[role]
            assert set(peer.exchanges.ours) == {one.id for one in self.waiting(role)}
            assert set(peer.exchanges.theirs) == {one.id for one in self.served(role)}
            assert set(peer.exchanges.tokens.values()) == {
                one.exchange for one in self.waiting(role) if one.token is not None
            }
            assert len(peer.exchanges.deadlines) <= 64 + 2 * len(self.asks[role])
            session = peer.session
            phase = "none" if session is None or session.phase == "new" else session.phase
            assert phase == self.phase[role]
            if session is not None and phase in ("opened", "ready"):
                assert session.revision is self.agreed[role]
        on_its_way = self.wire["client"] or self.wire["server"]
        if self.phase["client"] == "ready" and not on_its_way:
            assert self.phase["server"] == "ready"
            assert self.agreed["server"] is self.agreed["client"]

    # The end.

    def finish(self) -> None:
        """End it as a client does that closes its side: everything in flight ends exactly once."""
        self.deliver_all()
        self.ended = True
        client, server = self.peers["client"], self.peers["server"]
        # What the server has asked is lost; what it owes may still be said.
        lost = [("Lost", one.id) for one in self.waiting("server")]
        assert [described(event) for event in server.receive_eof()] == [*lost, ("Ended",)]
        for one in self.waiting("server"):
            self.end(one, "Lost")
        for one in self.served("server")[::2]:
            if one.method != "subscriptions/listen":
                self.answer(one, "result")
        with pytest.raises((ConnectionLost, LocalProtocolError)):
            server.request("ping", now=self.now)
        while self.wire["server"]:
            self.deliver("server", 17)
        lost = [("Lost", one.id) for one in self.waiting("client")]
        assert [described(event) for event in client.receive_eof()] == [*lost, ("Ended",)]
        for one in self.waiting("client"):
            self.end(one, "Lost")
        for role in ROLES:
            peer, exchanges = self.peers[role], self.peers[role].exchanges
            assert peer.close() == []
            assert peer.expire(1e12) == []
            assert peer.deadline() is None
            assert peer.data_to_send() == []
            assert (exchanges.ours, exchanges.theirs, exchanges.tokens) == ({}, {}, {})
            assert peer.listeners.open == {}
            for one in self.asks[role].values():
                assert len(one.outcomes) == 1, one
