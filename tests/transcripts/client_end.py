"""Our client's end of a session with a foreign server: a tour of what the protocol has.

It is made of the engine alone, without clock or streams: what it says depends on nothing but what
it has read. So a session that was recorded with it can be held again from the recording.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from barewire.protocol.codec import dumps
from barewire.protocol.envelope import CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION, tagged
from barewire.protocol.methods import method_named
from barewire.protocol.revisions import Revision
from barewire.session.connection import Connection
from barewire.session.events import (
    Acknowledged,
    Answered,
    Event,
    Progressed,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.rounds import read_round, retry
from tests.transcripts.words import (
    ANSWERS,
    ODD,
    QUESTIONS,
    TEXT,
    UNKNOWN_NOTIFICATION,
    Json,
)

INFO: Json = {"name": "barewire", "version": "1"}
CAPABILITIES: Json = {
    "roots": {"listChanged": True},
    "sampling": {},
    "elicitation": {"form": {}},
}


@dataclass(frozen=True)
class Note:
    """What is coming, for whoever reads the transcript."""

    text: str


@dataclass(frozen=True)
class Raw:
    """A line that the engine would not write."""

    line: bytes


@dataclass(frozen=True)
class Until:
    """Wait for an event."""

    matches: Callable[[Event], bool]


@dataclass(frozen=True)
class Settle:
    """Wait until the server has nothing more to say."""


Step: TypeAlias = Note | Raw | Until | Settle
Tour: TypeAlias = Generator[Step, Event | None, None]
Asking: TypeAlias = Generator[Step, Event | None, Json | None]
"""Gives the result, or `None` for an error."""


class ClientEnd:
    """Bytes in, bytes out; `waiting` says what for, `None` when the tour is over."""

    def __init__(self, revision: Revision) -> None:
        local = Local("client", INFO, CAPABILITIES, revisions=(revision,))
        self.connection = Connection(local)
        self.revision = revision
        self.events: list[Event] = []
        self.waiting: Until | Settle | None = None
        self._output: list[bytes | Note] = []
        self._envelope: Json | None = None
        self._tour = self._take()
        self._go_on(None)

    def receive(self, data: bytes) -> None:
        """Take what the server wrote."""
        for event in self.connection.receive_data(data, now=0.0):
            self.events.append(event)
            if isinstance(event, Requested):
                self.connection.respond(event.exchange, ANSWERS[event.exchange.request.method])
            if isinstance(self.waiting, Until) and self.waiting.matches(event):
                self._go_on(event)
        self._flush()

    def settled(self) -> None:
        """Note that the server has nothing more to say."""
        self._go_on(None)

    def output(self) -> list[bytes | Note]:
        """Take what is to be written, and what to note between."""
        taken, self._output = self._output, []
        return taken

    def _go_on(self, event: Event | None) -> None:
        """Take the tour to the next thing to wait for."""
        self.waiting = None
        while self.waiting is None:
            try:
                step = self._tour.send(event)
            except StopIteration:
                break
            event = None
            self._flush()
            if isinstance(step, Until | Settle):
                self.waiting = step
            else:
                self._output.append(step if isinstance(step, Note) else step.line + b"\n")
        self._flush()

    def _flush(self) -> None:
        self._output += self.connection.data_to_send()

    # The tour.

    def _take(self) -> Tour:
        yield from self._open()
        yield from self._tools()
        yield from self._progress_and_cancellation()
        yield from self._logging()
        yield from self._questions()
        yield from self._resources()
        yield from self._prompts()
        yield from self._changes()
        yield from self._oddities()
        yield Note("it lives")
        yield from self._call("echo", {"text": "still there"})

    def _open(self) -> Tour:
        connection = self.connection
        if not self.revision.modern:
            yield Note("initialize")
            yield _end_of(connection.initialize(self.revision, now=0.0, timeout=None))
            return
        yield Note("server/discover")
        probe = connection.discover(self.revision, now=0.0, timeout=None)
        self._envelope = (probe.request.params or {})["_meta"]
        event = yield _end_of(probe)
        if isinstance(event, Answered):
            connection.adopt(self.revision, event.result)

    def _tools(self) -> Tour:
        yield Note("tools/list")
        yield from self._list("tools/list")
        yield Note("tools/call: a text, data, a picture and a note, a failing tool")
        yield from self._call("echo", {"text": TEXT})
        yield from self._call("add", {"a": 2, "b": 3})
        yield from self._call("whoami", {})
        yield from self._call("picture", {})
        yield from self._call("fail", {"message": "out of stock"})
        yield Note("tools/call: several in flight")
        yield from self._together(*({"name": "echo", "arguments": {"text": n}} for n in "abc"))
        yield Note("tools/call: an unknown tool, arguments and params that are wrong")
        yield from self._call("nothing", {})
        yield from self._call("add", {"a": "x"})
        yield self._raw(f"{ODD}-0", "tools/call", {"name": 7})
        yield Settle()

    def _progress_and_cancellation(self) -> Tour:
        yield Note("progress")
        yield from self._call("progress", {"n": 3}, progress=True)
        yield Note("cancellation")
        params: Json = {"name": "slow", "arguments": {"seconds": 30}}
        slow = self.connection.request("tools/call", params, now=0.0, timeout=None, progress=True)
        yield Until(lambda event: isinstance(event, Progressed) and event.exchange is slow)
        self.connection.cancel(slow, "enough")
        yield from self._call("cancelled_count", {"at_least": 1})
        if not self.revision.modern:
            yield Note("ping")
            yield from self._ask("ping")

    def _logging(self) -> Tour:
        yield Note("log messages")
        if not self.revision.modern:
            yield from self._ask("logging/setLevel", {"level": "warning"})
            yield self._raw(f"{ODD}-7", "logging/setLevel", {"level": "loud"})
            yield Settle()
        for level in ("debug", "warning"):
            yield from self._call("log", {"level": level, "text": f"a {level}"}, log="warning")

    def _questions(self) -> Tour:
        for tool, (method, _) in QUESTIONS.items():
            row = method_named(method)
            if row is None or row.direction(self.revision) is None:
                continue  # elicitation came later
            yield Note(f"the server asks: {method}")
            yield from self._call(tool, {})
        if not self.revision.modern:
            yield Note("the roots have changed")
            self.connection.notify("notifications/roots/list_changed")

    def _resources(self) -> Tour:
        yield Note("resources")
        yield from self._list("resources/list")
        yield from self._list("resources/templates/list")
        yield from self._ask("resources/read", {"uri": "note://hello"})
        yield from self._ask("resources/read", {"uri": "note://of/ann"})
        yield from self._ask("resources/read", {"uri": "note://seal"})
        yield Note("an unknown resource")
        yield from self._ask("resources/read", {"uri": "other://nowhere"})

    def _prompts(self) -> Tour:
        yield Note("prompts")
        yield from self._list("prompts/list")
        yield Note("a cursor that nobody gave out")
        yield from self._ask("prompts/list", {"cursor": "nowhere"})
        yield from self._ask("prompts/get", {"name": "greet", "arguments": {"name": "ann"}})
        yield Note("a prompt without its argument, an unknown prompt")
        yield from self._ask("prompts/get", {"name": "greet"})
        yield from self._ask("prompts/get", {"name": "nothing"})
        yield Note("completion")
        ref = {"type": "ref/prompt", "name": "greet"}
        argument = {"name": "name", "value": "bl"}
        yield from self._ask("completion/complete", {"ref": ref, "argument": argument})

    def _changes(self) -> Tour:
        yield Note("changes")
        uri = "note://hello"
        if not self.revision.modern:
            yield from self._ask("resources/subscribe", {"uri": uri})
            yield from self._call("touch", {"uri": uri})
            yield Settle()
            yield from self._ask("resources/unsubscribe", {"uri": uri})
            return
        wanted: Json = {"toolsListChanged": True, "resourceSubscriptions": [uri]}
        listening = self.connection.request(
            "subscriptions/listen", {"notifications": wanted}, now=0.0, timeout=None
        )
        yield Until(lambda event: isinstance(event, Acknowledged) or _ends(event, listening))
        yield from self._call("touch", {"uri": uri})
        yield Settle()
        if not listening.over:
            self.connection.cancel(listening, "enough")
        yield Settle()

    def _oddities(self) -> Tour:
        yield Note("an unknown method")
        yield self._raw(f"{ODD}-1", "tools/frobnicate")
        yield Settle()
        yield Note("a request of the other era")
        yield self._raw(f"{ODD}-2", "ping" if self.revision.modern else "server/discover")
        yield Settle()
        if self.revision.modern:
            yield from self._envelopes()
        if self.revision.batch:
            yield Note("a batch")
            pings = [{"jsonrpc": "2.0", "id": f"{ODD}-{n}", "method": "ping"} for n in (3, 4)]
            yield Raw(dumps(pings))
            yield Settle()
        yield Note("a malformed line")
        yield Raw(b'{"jsonrpc":"2.0","id":"odd-5","method":"ping"')
        yield Settle()
        yield Note("JSON that is no message")
        yield Raw(b'{"jsonrpc":"2.0","id":"odd-6"}')
        yield Settle()
        yield Note("what is to be ignored: an unknown notification, a cancellation, an answer")
        yield Raw(dumps({"jsonrpc": "2.0", "method": UNKNOWN_NOTIFICATION}))
        yield Raw(
            b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"odd-13"}}'
        )
        yield Raw(b'{"jsonrpc":"2.0","id":"odd-8","result":{}}')
        yield Settle()

    def _envelopes(self) -> Tour:
        envelope = self._envelope or {}
        yield Note("no envelope; one without the capabilities; one of a revision that nobody knows")
        yield Raw(dumps({"jsonrpc": "2.0", "id": f"{ODD}-9", "method": "prompts/list"}))
        yield Settle()
        without = {key: envelope[key] for key in envelope if key != CLIENT_CAPABILITIES}
        yield self._raw(f"{ODD}-10", "prompts/list", envelope=without)
        yield Settle()
        yield self._raw(f"{ODD}-11", "prompts/list", envelope={**envelope, PROTOCOL_VERSION: "?"})
        yield Settle()
        yield Note("a tool that asks a client that cannot be asked")
        deaf: Json = {**envelope, CLIENT_CAPABILITIES: {}}
        ask: Json = {"name": "ask_user", "arguments": {}}
        yield self._raw(f"{ODD}-12", "tools/call", ask, envelope=deaf)
        yield Settle()

    # Parts.

    def _ask(self, method: str, params: Json | None = None, **options: Any) -> Asking:
        """Send a request and wait for its end, through the rounds that the server wants."""
        try:
            exchange = self.connection.request(method, params, now=0.0, timeout=None, **options)
        except LocalProtocolError:
            yield Note(f"{method} is not offered")
            return None
        event = yield _end_of(exchange)
        if not isinstance(event, Answered):
            return None
        wanted = read_round(exchange, event.result)
        if wanted is None:
            return event.result
        answers = {key: ANSWERS[one.method] for key, one in wanted.questions.items()}
        return (yield from self._ask(method, retry(params or {}, answers, wanted)))

    def _call(
        self, name: str, arguments: Json, *, log: str | None = None, progress: bool = False
    ) -> Asking:
        params: Json = {"name": name, "arguments": arguments}
        if log is not None and self.revision.modern:
            params = tagged(params, LOG_LEVEL, log)
        return (yield from self._ask("tools/call", params, progress=progress))

    def _list(self, method: str) -> Tour:
        """Ask for every page."""
        result = yield from self._ask(method)
        while result is not None and "nextCursor" in result:
            result = yield from self._ask(method, {"cursor": result["nextCursor"]})

    def _together(self, *calls: Json) -> Tour:
        """Call tools at once and wait for the end of all."""
        exchanges = [
            self.connection.request("tools/call", params, now=0.0, timeout=None) for params in calls
        ]
        yield Until(lambda _: all(exchange.over for exchange in exchanges))

    def _raw(
        self, id: str, method: str, params: Json | None = None, envelope: Json | None = None
    ) -> Raw:
        plain: Json = {"jsonrpc": "2.0", "id": id, "method": method}
        envelope = envelope or self._envelope
        if envelope is not None:
            params = {**(params or {}), "_meta": envelope}
        if params is not None:
            plain["params"] = params
        return Raw(dumps(plain))


def _ends(event: Event, exchange: Exchange) -> bool:
    return isinstance(event, Answered | Refused | Violated) and event.exchange is exchange


def _end_of(exchange: Exchange) -> Until:
    return Until(lambda event: _ends(event, exchange))
