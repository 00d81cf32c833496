"""B14, B16, T15, T32: ids, their owners, and the order in which clients say things."""

import json
import resource
from collections.abc import Iterator
from itertools import permutations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.protocol.revisions import (
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    Revision,
)
from barewire.session.limits import HttpLimits
from tests.app.peers import until
from tests.http.hosting import SESSION, Calls, Host, hosted, target
from tests.http.raw import Wire
from tests.http.words import (
    INITIALIZED,
    PING,
    Changes,
    call,
    delete,
    get,
    initialize,
    modern,
    post,
    request,
)

each_revision = pytest.mark.parametrize(
    "revision", [V2025_03_26, V2025_06_18, V2025_11_25], ids=lambda one: one.name
)
FORMS = {
    "json": {"Accept": "application/json"},
    "events": {"Accept": "text/event-stream"},
    "either": {},
}
each_form = pytest.mark.parametrize("form", FORMS)


@each_revision
@each_form
@pytest.mark.rule("B14", "T15")
async def test_a_second_request_with_an_id_in_flight_is_refused_and_the_first_untouched(
    revision: Revision, form: str
) -> None:
    calls = Calls()
    async with hosted(target(calls)) as host:
        session = await host.open(revision)
        first = host.wire()
        await first.send(session.post(call(3, "hold", key="first"), FORMS[form]))
        await calls.begun["first"].wait()
        for message in (call(3, "hold", key="second"), request(3, "ping"), request(3, "no/such")):
            second = await session.ask(message, FORMS[form])
            assert second.status == 409
            assert second.error["code"] == -32600
            assert second.json["id"] == 3
        assert (await session.ask(request("3", "ping"))).status == 200, "another id"
        other = await host.open(revision)
        assert (await other.ask(request(3, "ping"))).status == 200, "another session"
        calls.released["first"].set()
        assert (await first.answer())["result"]["content"][0]["text"] == "first"
        assert calls.fates == {"first": "released"}
        assert (await session.ask(request(3, "ping"))).status == 200, "it is free again"


@pytest.mark.rule("B14", "T15")
@pytest.mark.parametrize("era", ["modern", "stateless"])
async def test_where_posts_stand_alone_their_ids_do_too(era: str) -> None:
    calls = Calls()
    async with hosted(target(calls), stateless_http=era == "stateless") as host:
        say = modern if era == "modern" else post
        wires = [host.wire() for _ in range(3)]
        for number, wire in enumerate(wires):
            await wire.send(say(call(0, "hold", key=str(number))))
        await until(lambda: len(calls.begun) == 3)
        for number, wire in reversed(list(enumerate(wires))):
            calls.released[str(number)].set()
            assert (await wire.answer())["result"]["content"][0]["text"] == str(number)


@pytest.mark.rule("B16", "B2", "T5")
@pytest.mark.parametrize("where", ["nowhere", "session", "stateless", "modern"])
async def test_a_request_whose_id_is_none_is_refused_and_no_notification(where: str) -> None:
    calls = Calls()
    async with hosted(target(calls), stateless_http=where == "stateless") as host:
        fields: Changes = {}
        if where == "session":
            fields = (await host.open()).fields
        ids: list[object] = [None, 1.5, True, [], {}, 2**64]
        for id in ids:
            for message in ({**PING, "id": id}, {**call(1, "echo", text="x"), "id": id}):
                wire = host.wire()
                refused = await wire.ask(
                    modern(message) if where == "modern" else post(message, fields)
                )
                assert refused.status == 400, message
                assert refused.error["code"] == -32600
                assert "id" not in refused.json
                assert refused.goes_on
        assert not calls.count


@pytest.fixture
def descriptors() -> Iterator[int]:
    """Let this process have many files; give how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = min(hard, max(soft, 4_096)) if hard > 0 else 4_096
    resource.setrlimit(resource.RLIMIT_NOFILE, (many, hard))
    yield many
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@each_form
@pytest.mark.rule("T15")
async def test_a_thousand_clients_with_the_same_id_get_each_their_own(
    form: str, anyio_backend_name: str, descriptors: int
) -> None:
    calls = Calls()
    thousand = form == "either" and anyio_backend_name == "asyncio"
    many = min(1_000, descriptors // 2 - 200) if thousand else 100
    async with hosted(target(calls), limits=HttpLimits(connections=2_000)) as host:
        wires = [host.wire() for _ in range(many)]
        for number, wire in enumerate(wires):
            say = (await host.open()).post if number % 4 == 0 else modern
            await wire.send(say(call(0, "hold", key=str(number)), FORMS[form]))
        await until(lambda: len(calls.begun) == many)
        for number in reversed(range(many)):
            calls.released[str(number)].set()
        for number, wire in enumerate(wires):
            answer = await wire.answer()
            assert answer["id"] == 0
            assert answer["result"]["content"][0]["text"] == str(number)


@pytest.mark.rule("T13", "T14")
async def test_the_id_of_a_session_is_the_servers_to_choose() -> None:
    async with hosted() as host:
        chosen = "0" * 32
        refused = await host.ask(post(initialize(), {"Mcp-Session-Id": chosen}))
        assert refused.field(SESSION) is None
        for data in (post(PING, {"Mcp-Session-Id": chosen}), get({"Mcp-Session-Id": chosen})):
            assert (await host.ask(data)).status == 404
        ids = {(await host.open()).id for _ in range(50)}
        assert len(ids) == 50
        assert all(len(id) == 32 and int(id, 16) >> 64 for id in ids)
    async with hosted(stateless_http=True) as host:
        opened = await host.ask(post(initialize(), {"Mcp-Session-Id": chosen}))
        assert opened.field(SESSION) is None


@pytest.mark.rule("T32")
async def test_a_session_is_initialized_once_and_others_go_on() -> None:
    async with hosted() as host:
        session = await host.open()
        again = await session.ask(initialize(9))
        assert (again.status, again.error["code"], again.json["id"]) == (400, -32600, 9)
        assert (await session.ask(PING)).status == 200
        assert (await session.ask(INITIALIZED)).status == 202
        assert (await host.ask(delete(session.fields))).status == 200
        for data in (post(initialize(), session.fields), session.post(INITIALIZED)):
            assert (await host.ask(data)).status == 404


@each_form
@pytest.mark.rule("T32", "T9", "T14")
async def test_the_end_of_a_session_ends_what_goes_on_in_it_and_nothing_else(form: str) -> None:
    calls = Calls()
    async with hosted(target(calls)) as host:
        session, other = await host.open(), await host.open()
        wires = [host.wire(), host.wire()]
        for wire, asked, key in zip(wires, (session, other), ("ours", "theirs"), strict=True):
            await wire.send(asked.post(call(2, "hold", key=key), FORMS[form]))
            await calls.begun[key].wait()
        listening = host.wire()
        await listening.send(get(session.fields))
        await listening.begin()
        assert (await host.ask(delete(session.fields))).status == 200
        await until(lambda: calls.fates == {"ours": "cancelled"})
        assert await listening.message() is None
        head = await wires[0].begin()
        if head.field("content-type") == "text/event-stream":
            assert await wires[0].message() is None
        else:
            assert head.status == 404
            assert json.loads(await wires[0].body())["error"]["code"] == -32600
        calls.released["theirs"].set()
        assert (await wires[1].answer())["id"] == 2


@pytest.mark.rule("T32", "T11")
async def test_without_sessions_nothing_is_remembered_and_nothing_can_be_ended() -> None:
    async with hosted(stateless_http=True) as host:
        wire = host.wire()
        opened = await wire.ask(post(initialize()))
        assert opened.status == 200
        assert opened.field(SESSION) is None
        made_up: Changes = {"Mcp-Session-Id": "made up"}
        for fields in ({}, made_up):
            assert (await wire.ask(post(INITIALIZED, fields))).status == 202
            assert (await wire.ask(post(PING, fields))).json["result"] == {}
            for data in (get(fields), delete(fields)):
                refused = await wire.ask(data)
                assert (refused.status, refused.error["code"]) == (405, -32600)
                assert refused.field("allow") == "POST"
                assert refused.field(SESSION) is None


LATER = [INITIALIZED, PING, request("list", "tools/list"), call(7, "echo", text="x")]


@each_revision
@pytest.mark.rule("T32")
async def test_whatever_follows_initialize_comes_in_any_order(revision: Revision) -> None:
    """Clients that send several POSTs at once cannot say which one arrives first."""
    async with hosted() as host:
        for order in permutations(LATER):
            opened = await host.ask(post(initialize(1, revision)))
            fields: Changes = {"Mcp-Session-Id": opened.field(SESSION)}
            for message in order:
                answer = await host.ask(post(message, fields))
                if message is INITIALIZED:
                    assert answer.status == 202
                else:
                    assert answer.status == 200, (order, answer)
                    assert "result" in answer.json, (order, answer)


ACTS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["init", "initialized", "ping", "call", "get", "end"])
    ),
    max_size=30,
)


class Client:
    """One client that acts as it is told, and knows what has to come of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.fields: Changes = {}
        self.listening: list[Wire] = []

    async def act(self, act: str) -> None:
        host, known = self.host, bool(self.fields)
        if act == "init":
            opened = await host.ask(post(initialize()))
            assert opened.status == 200
            self.stop_listening()
            self.fields = {"Mcp-Session-Id": opened.field(SESSION)}
        elif act == "initialized":
            answer = await host.ask(post(INITIALIZED, self.fields))
            assert answer.status == (202 if known else 400)
        elif act in ("ping", "call"):
            answer = await host.ask(post(PING if act == "ping" else LATER[3], self.fields))
            assert answer.status == (200 if known else 400)
            assert ("result" in answer.json) == known
        elif act == "get":
            self.stop_listening()
            wire = host.wire()
            await wire.send(get(self.fields))
            assert (await wire.begin()).status == (200 if known else 400)
            self.listening.append(wire)
        else:
            answer = await host.ask(delete(self.fields))
            assert answer.status == (200 if known else 400)
            if known:
                for wire in self.listening:
                    await wire.messages()
            self.fields = {}

    def stop_listening(self) -> None:
        while self.listening:
            self.listening.pop().reset()


@pytest.mark.rule("T32", "T6")
@settings(max_examples=40)
@given(acts=ACTS)
def test_clients_may_do_everything_in_any_order(acts: list[tuple[int, str]]) -> None:
    async def play() -> None:
        async with hosted() as host:
            clients = [Client(host) for _ in range(4)]

            async def one(number: int) -> None:
                for who, act in acts:
                    if who == number:
                        await clients[number].act(act)

            async with anyio.create_task_group() as group:
                for number in range(4):
                    group.start_soon(one, number)

    anyio.run(play)


@pytest.mark.rule("T15", "T32")
async def test_one_session_may_ask_many_things_at_once() -> None:
    async with hosted() as host:
        session = await host.open()
        wires = [host.wire() for _ in range(50)]
        for number, wire in enumerate(wires):
            await wire.send(session.post(call(number, "echo", text=str(number))))
        for number, wire in enumerate(wires):
            answer = await wire.answer()
            assert (answer["id"], answer["result"]["content"][0]["text"]) == (number, str(number))
