"""The soak machines on peers in memory: sound ones pass, and each fault is found."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.fuzz.judge import judge
from barewire.fuzz.machines import LINE_LIMIT, THE_END, Broken, ClientSoak, ServerSoak
from barewire.fuzz.strategies import lines
from barewire.protocol.envelope import SUBSCRIPTION_ID
from barewire.protocol.revisions import ALL, LATEST, LATEST_LEGACY, LEGACY, V2025_03_26, Revision
from barewire.protocol.values import as_object
from barewire.session.connection import Connection
from barewire.session.events import Answered, Refused, Requested
from barewire.session.limits import Limits
from tests.session.wire import a_client, a_server

Message = dict[str, Any]
Tamper = Callable[[Message], list[Message]]
LIMITS = Limits(line=LINE_LIMIT)
PHASES = [None, *ALL]


def untouched(message: Message) -> list[Message]:
    return [message]


def written(connection: Connection, tamper: Tamper) -> bytes:
    messages: list[bytes] = []
    for buffer in connection.data_to_send():
        message = as_object(json.loads(buffer))
        if message is None:
            messages.append(buffer)
        else:
            messages += [json.dumps(one).encode() + b"\n" for one in tamper(message)]
    return b"".join(messages)


class FakeServer:
    """A connection that answers every call of a tool with its text, through hands that tamper."""

    def __init__(self, tamper: Tamper = untouched) -> None:
        self.connection = a_server({"tools": {}, "logging": {}}, limits=LIMITS)
        self.tamper = tamper

    def __call__(self, data: bytes) -> bytes:
        for event in self.connection.receive_data(data, now=0.0):
            if isinstance(event, Requested) and not event.exchange.over:
                arguments: Message = event.exchange.params.get("arguments") or {}
                text = {"type": "text", "text": str(arguments.get("text"))}
                self.connection.respond(event.exchange, {"content": [text]})
        return self.said()

    def said(self) -> bytes:
        return written(self.connection, self.tamper)


def soak(machine: ServerSoak, server: FakeServer, rounds: int = 3) -> ServerSoak:
    machine.receive(server(machine.open()))
    assert machine.ready
    go_on(machine, server, rounds)
    return machine


def go_on(machine: ServerSoak, server: FakeServer, rounds: int = 4) -> None:
    for _ in range(rounds):
        machine.receive(server(machine.round(500)))
        if not machine.ready:
            raise Broken(machine.owing())


@pytest.mark.rule("S-09", "S-10", "S-11", "S-12", "S-13", "S-15", "S-17")
@pytest.mark.parametrize("revision", PHASES, ids=str)
def test_a_sound_server_balances_in_every_phase(revision: Revision | None) -> None:
    server = FakeServer()
    machine = soak(ServerSoak(revision, Random(1)), server)
    assert machine.count >= 1500
    server.connection.end_subscriptions()
    machine.receive(server.said())
    machine.close()


def every(count: int, change: Tamper) -> Tamper:
    seen = iter(range(10**9))
    return lambda message: change(message) if next(seen) % count == count - 1 else [message]


def answers(change: Tamper) -> Tamper:
    return lambda message: [message] if "method" in message else change(message)


def with_id(change: Tamper) -> Tamper:
    return lambda message: change(message) if "id" in message else [message]


NOTICE: Message = {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}
FAULTS: dict[str, tuple[Tamper, str]] = {
    "answers twice": (answers(every(50, lambda m: [m, m])), "asked|owed"),
    "answers a request twice": (with_id(answers(every(20, lambda m: [m, m]))), "asked|owed"),
    "forgets an answer": (answers(every(50, lambda m: [])), "no answer|owed|not served"),
    "forgets an id": (
        with_id(answers(every(20, lambda m: [{k: v for k, v in m.items() if k != "id"}]))),
        "no answer|not served|needs an id",
    ),
    "makes strings of ids": (answers(lambda m: [{**m, "id": str(m.get("id"))}]), "asked 0x"),
    "answers what nobody asked": (every(50, lambda m: [m, {**m, "id": "nobody"}]), "asked 0x|say"),
    "asks": (every(50, lambda m: [m, {**NOTICE, "id": 1}]), "no reason to say"),
    "tells what it should not": (every(50, lambda m: [m, NOTICE]), "no reason to say"),
    "speaks another version": (every(50, lambda m: [{**m, "jsonrpc": "1.0"}]), "not a JSON-RPC"),
    "says both": (answers(every(50, lambda m: [{**m, "result": {}, "error": {}}])), "or an error"),
    "says nothing": (answers(every(50, lambda m: [{"jsonrpc": "2.0", "id": 1}])), "or an error"),
    "has codes of text": (
        answers(lambda m: [{**m, "error": {"code": "x"}} if "error" in m else m]),
        "a code and a message",
    ),
    "has results without an id": (
        answers(lambda m: [{**m, "id": None} if "result" in m else m]),
        "needs an id",
    ),
}


@pytest.mark.parametrize(("tamper", "found"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_with_a_server_is_found(tamper: Tamper, found: str) -> None:
    machine, server = ServerSoak(LATEST_LEGACY, Random(2)), FakeServer()
    machine.receive(server(machine.open()))
    server.tamper = tamper
    with pytest.raises(Broken, match=found):
        go_on(machine, server)


def test_a_correct_call_that_is_answered_wrongly_is_found() -> None:
    machine = ServerSoak(LATEST, Random(3))
    wrong = {"content": [{"type": "text", "text": "something else"}]}
    server = FakeServer(lambda m: [{**m, "result": wrong} if "result" in m else m])
    with pytest.raises(Broken, match="a correct call was not served"):
        machine.receive(server(machine.open()))


@pytest.mark.parametrize("line", [b"hello", b"[]", b'{"jsonrpc":"2.0","id":NaN}', b"\xff", b""])
def test_what_is_no_message_is_found(line: bytes) -> None:
    machine = ServerSoak(V2025_03_26, Random(0))
    with pytest.raises(Broken, match="not"):
        machine.receive(line + b"\n")


@pytest.mark.parametrize(
    "message",
    [
        {"method": []},
        {"method": "notifications/subscriptions/acknowledged"},
        {"id": 1, "error": "no"},
        {"id": 1, "error": None},
        {"id": "correct 1", "result": {"content": []}},
    ],
    ids=str,
)
def test_a_message_without_what_it_must_have_is_found(message: Message) -> None:
    machine = ServerSoak(LATEST, Random(0))
    machine.open()
    with pytest.raises(Broken):
        machine.receive(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def test_an_answer_after_the_last_round_is_found() -> None:
    machine, server = ServerSoak(V2025_03_26, Random(1)), FakeServer()
    soak(machine, server, rounds=1)
    machine.receive(b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"x"}}\n')
    with pytest.raises(Broken, match="1 answers, 1 of them without an id, where 0 were owed"):
        machine.close()


def test_a_server_with_tools_of_its_own_can_be_soaked() -> None:
    machine = ServerSoak(LATEST, Random(1), tools=("say",), line_limit=None)
    assert json.loads(machine.open())["params"]["name"] == "say"


def test_streams_have_their_last_word_before_the_end() -> None:
    machine, server = ServerSoak(LATEST, Random(5)), FakeServer()
    soak(machine, server, rounds=2)
    assert machine.ledger.streams
    with pytest.raises(Broken, match="streams without an end"):
        machine.close()
    machine = ServerSoak(LATEST, Random(5))
    machine.receive(b'{"jsonrpc":')
    with pytest.raises(Broken, match="has no end"):
        machine.close()


def test_the_same_seed_says_the_same() -> None:
    def said(seed: int) -> list[bytes]:
        machine = ServerSoak(LATEST, Random(seed))
        soak(machine, FakeServer(), rounds=2)
        return machine.window

    assert said(8) == said(8)
    assert said(8) != said(9)


# The other side.


class FakeClient:
    """A connection that calls tools as the soaked client does, through hands that tamper."""

    def __init__(self, revision: Revision, tamper: Tamper = untouched) -> None:
        self.connection = a_client({}, limits=LIMITS)
        self.tamper = tamper
        self.revision = revision
        self.over = False
        self._rights = 0
        self._right: Any = None
        opening = self.connection.discover if revision.modern else self.connection.initialize
        self._opening = opening(revision, now=0.0)

    def __call__(self, data: bytes) -> bytes:
        for event in self.connection.receive_data(data, now=0.0):
            if isinstance(event, Answered | Refused):
                self._ended(event.exchange, event)
        return written(self.connection, self.tamper)

    def _ended(self, exchange: Any, event: Answered | Refused) -> None:
        if exchange is self._opening:
            assert isinstance(event, Answered)
            if self.revision.modern:
                self.connection.adopt(self.revision, event.result)
            for name in ("hold", "hold", "bait", "bait", "bait"):
                self._call(name, progress=True)
            self._call_right()
        elif exchange is self._right:
            assert isinstance(event, Answered)
            text = event.result["content"][0]["text"]
            self.over = text == THE_END
            assert text in (f"right {self._rights}", THE_END)
            self._call_right()
        elif not self.over:
            self._call("bait", progress=True)

    def _call_right(self) -> None:
        self._rights += 1
        self._right = self._call("right", {"text": f"right {self._rights}"})

    def _call(self, name: str, arguments: Message | None = None, progress: bool = False) -> Any:
        params = {"name": name, "arguments": arguments or {}}
        return self.connection.request("tools/call", params, now=0.0, progress=progress)


def soak_client(client: FakeClient, rounds: int = 3) -> ClientSoak:
    machine = ClientSoak(client.revision, Random(1))
    data = machine.open()
    while not machine.ready:
        machine.receive(client(data))
        data = machine.replies()
    for _ in range(rounds):
        machine.receive(client(machine.round(500)))
        if not machine.ready:
            raise Broken(machine.owing())
    return machine


@pytest.mark.rule("C-03", "C-05", "C-10")
@pytest.mark.parametrize("revision", ALL, ids=str)
def test_a_sound_client_balances_by_every_revision(revision: Revision) -> None:
    client = FakeClient(revision)
    machine = soak_client(client)
    client(machine.close())
    assert client.over


CLIENT_FAULTS: dict[str, tuple[Tamper, str]] = {
    "answers a request twice": (answers(every(50, lambda m: [m, m])), "asked|owed"),
    "forgets an answer": (answers(every(50, lambda m: [])), "no answer|owed"),
    "answers pings with errors": (
        answers(lambda m: [{**m, "result": {"x": 1}} if "result" in m else m]),
        "a ping was not served",
    ),
    "asks for what it may not": (
        lambda m: [m, {**m, "method": "roots/list"}] if m.get("method") == "tools/call" else [m],
        "no reason to ask",
    ),
    "tells what it should not": (every(50, lambda m: [m, {**NOTICE, "method": "x"}]), "to say"),
}


@pytest.mark.parametrize(("tamper", "found"), CLIENT_FAULTS.values(), ids=CLIENT_FAULTS)
def test_what_is_wrong_with_a_client_is_found(tamper: Tamper, found: str) -> None:
    with pytest.raises(Broken, match=found):
        soak_client(FakeClient(LATEST_LEGACY, tamper))


def test_a_modern_client_that_answers_a_request_is_found() -> None:
    def answer(message: Message) -> list[Message]:
        return [message, {"jsonrpc": "2.0", "id": 1_000_001, "result": {}}]

    with pytest.raises(Broken, match="asked 0x"):
        soak_client(FakeClient(LATEST, every(5, answer)))


def test_correct_calls_are_never_aimed_at() -> None:
    client = FakeClient(LEGACY[0])
    machine = soak_client(client, rounds=0)
    for _ in range(5):
        ours = [exchange.id for exchange in client.connection.exchanges.ours.values()]
        data = machine.round(500)
        protected = {*ours[:2], ours[-1]}
        for line in machine.window:
            assert all(f'"id": {id},'.encode() not in line for id in protected)
        machine.receive(client(data))


def test_an_acknowledgement_names_its_stream() -> None:
    machine = ServerSoak(LATEST, Random(0))
    machine.ledger.sent(b'{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen"}')
    params = {"notifications": {}, "_meta": {SUBSCRIPTION_ID: 7}}
    notice = {"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged"}
    machine.receive(json.dumps({**notice, "params": params}).encode() + b"\n")
    assert machine.ledger.streams == {7}


# Any lines at all, and the fewest that show a fault.


@pytest.mark.rule("S-09", "S-10", "S-11", "S-12", "S-13", "S-15", "S-17", "S-19")
@given(st.sampled_from(ALL), st.data())
def test_a_server_answers_any_lines_as_they_deserve(
    revision: Revision, data: st.DataObject
) -> None:
    machine, server = ServerSoak(revision, Random(0)), FakeServer()
    machine.receive(server(machine.open()))
    machine.receive(
        server(machine.replay(data.draw(st.lists(lines("client", revision), max_size=12))))
    )
    assert machine.ready, machine.owing()


@pytest.mark.rule("C-03", "C-05", "C-10")
@given(st.sampled_from(ALL), st.data())
def test_a_client_answers_any_lines_as_they_deserve(
    revision: Revision, data: st.DataObject
) -> None:
    client = FakeClient(revision)
    machine = soak_client(client, rounds=0)
    # Its own calls have small ids, which lines that answer must not hit by chance.
    strangers = lines("server", revision).filter(lambda line: judge(line).shape != "response")
    machine.receive(client(machine.replay(data.draw(st.lists(strangers, max_size=12)))))
    assert machine.ready, machine.owing()
