"""A session by itself: phases, and its snapshot."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.revisions import (
    LATEST,
    LEGACY,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    Revision,
)
from barewire.session.exceptions import LocalProtocolError
from barewire.session.facts import Facts, Local
from barewire.session.principal import Principal
from barewire.session.session import Session
from barewire.session.tables import SESSION, Phase, PhaseStep
from tests.session.wire import (
    CLIENT_INFO_VALUE,
    INITIALIZED,
    SERVER_CAPABILITIES,
    SERVER_INFO,
    a_server,
    a_session,
    asked,
    call,
    feed,
    initialize,
    only,
    request,
    result,
    sent,
)

SERVER = Local("server", SERVER_INFO, SERVER_CAPABILITIES)
CLIENT = Local("client", CLIENT_INFO_VALUE, {"roots": {}})
ANN = Principal("https://issuer.example", "ann")


@given(st.lists(st.sampled_from(["initialize", "refuse", "agree", "initialized", "close"])))
def test_a_session_takes_the_steps_of_its_table_and_no_other(steps: list[PhaseStep]) -> None:
    session = Session(SERVER)
    for step in steps:
        before = session.phase
        if (before, step) in SESSION:
            session.step(step)
            assert session.phase == SESSION[before, step]
        else:
            with pytest.raises(LocalProtocolError, match=f"cannot {step}: the session is {before}"):
                session.step(step)
            assert session.phase == before
        assert session.established == (session.phase in ("opened", "ready"))


@pytest.mark.rule("SR-124", "M1105-LIFE-05", "M1105-LIFE-06")
def test_who_may_say_what_before_a_session_is_ready() -> None:
    told: dict[tuple[Phase, str, str], bool] = {
        ("new", "client", "initialize"): True,
        ("new", "client", "tools/list"): False,
        ("new", "server", "ping"): True,
        ("opening", "client", "initialize"): False,
        ("opening", "client", "ping"): True,
        ("opened", "client", "notifications/initialized"): True,
        ("opened", "client", "tools/list"): False,
        ("opening", "server", "notifications/message"): True,
        ("opened", "server", "notifications/message"): True,
        ("opened", "server", "roots/list"): False,
        ("ready", "client", "tools/list"): True,
        ("ready", "server", "roots/list"): True,
        ("closed", "client", "ping"): False,
    }
    for (phase, role, method), allowed in told.items():
        session = Session(SERVER)
        session.phase = phase
        assert session.permits("client" if role == "client" else "server", method) is allowed


@pytest.mark.rule("SR-161", "T11")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_session_survives_a_trip_through_json(revision: Revision) -> None:
    server = a_session(revision)
    feed(server, request(1, "logging/setLevel", {"level": "error"}))
    for uri in ("a:2", "a:1"):
        feed(server, request(uri, "resources/subscribe", {"uri": uri}))
    session = server.session
    assert session is not None
    snapshot = json.loads(json.dumps(session.snapshot()))
    again = Session.restore(snapshot, server.local, principal=ANN)
    assert again.snapshot() == session.snapshot()
    assert again.phase == "ready"
    assert again.revision is revision
    assert again.facts.peer_info == CLIENT_INFO_VALUE
    assert again.facts.principal == ANN
    assert list(again.subscriptions) == ["a:2", "a:1"]
    assert again.log("warning", 1) is None


@pytest.mark.rule("SR-161")
def test_a_restored_session_serves() -> None:
    session = a_session(V2025_06_18).session
    assert session is not None
    server = a_server()
    server.session = Session.restore(session.snapshot(), server.local)
    exchange = asked(feed(server, call(1)))
    assert exchange.revision is V2025_06_18
    assert exchange.declares("roots")
    server.respond(exchange, {"content": []})
    question = server.request("roots/list", now=0.0)
    assert [message["id"] for message in sent(server)] == [1, question.id]
    feed(server, initialize("again"))
    assert only(sent(server))["error"]["code"] == -32600


def test_a_session_of_every_phase_survives_and_so_does_a_client_s() -> None:
    server = a_server(revisions=(V2024_11_05,))
    for session in (Session(server.local), Session(CLIENT)):
        again = Session.restore(session.snapshot(), session.local)
        assert again.snapshot() == session.snapshot()
    client = Session(CLIENT)
    client.propose(V2025_06_18)
    client.accept(
        {
            "protocolVersion": V2025_03_26.name,
            "capabilities": {"tools": {}},
            "serverInfo": SERVER_INFO,
            "instructions": "Be kind.",
        }
    )
    client.step("initialized")
    again = Session.restore(json.loads(json.dumps(client.snapshot())), CLIENT)
    assert again.instructions == "Be kind."
    assert again.offers("tools")
    assert not again.offers("prompts")


@pytest.mark.parametrize(
    "damage",
    [
        {"revision": LATEST.name},
        {"revision": "1999-01-01"},
        {"revision": None},
        {"revision": V2025_03_26.name},
        {"phase": "asleep"},
        {"phase": None},
    ],
)
def test_a_snapshot_of_what_is_not_spoken_here_is_refused(damage: dict[str, Any]) -> None:
    local = Local("server", SERVER_INFO, revisions=(V2024_11_05, V2025_06_18))
    snapshot = {**Session(local).snapshot(), **damage}
    with pytest.raises(LocalProtocolError, match="cannot restore"):
        Session.restore(snapshot, local)


def test_who_offers_what_depends_on_the_end() -> None:
    session = a_session(capabilities={"tools": {}}).session
    assert session is not None
    assert session.offers("tools")
    assert not session.offers("roots")
    assert (session.peer, Session(CLIENT).peer) == ("client", "server")


@pytest.mark.rule("M1105-PING-01")
def test_a_session_that_is_agreed_answers_before_it_is_ready() -> None:
    server = a_server()
    feed(server, initialize(1), request(2, "ping"), INITIALIZED, request(3, "ping"))
    assert sent(server)[1:] == [result(2, {}), result(3, {})]


# Ourselves.


def test_we_are_asked_what_we_speak_in_the_order_of_history() -> None:
    local = Local("server", SERVER_INFO, revisions=(LATEST, V2025_06_18, V2024_11_05))
    assert local.legacy == (V2024_11_05, V2025_06_18)
    assert local.modern == (LATEST,)
    assert local.versions == [LATEST.name, V2025_06_18.name, V2024_11_05.name]
    assert Local("server", SERVER_INFO, revisions=(V2024_11_05,)).modern == ()


def test_what_is_served_depends_on_role_revision_and_capabilities() -> None:
    bare = Local("server", SERVER_INFO)
    assert set(bare.served_in(LATEST)) == {"server/discover", "subscriptions/listen"}
    assert set(bare.served_in(V2024_11_05)) == {"initialize", "ping", "completion/complete"}
    assert set(CLIENT.served_in(V2025_06_18)) == {"ping", "roots/list"}
    assert set(CLIENT.served_in(LATEST)) == set()
    assert bare.served_in(LATEST) is bare.served_in(LATEST)


def test_what_we_declare_in_a_revision_is_worked_out_once() -> None:
    assert SERVER.capabilities_in(V2024_11_05) is SERVER.capabilities_in(V2024_11_05)


def test_facts_are_those_of_an_exchange() -> None:
    facts = Facts(SERVER, LATEST, {"roots": {}}, principal=ANN)
    assert (facts.log_level, facts.peer_info, facts.principal) == (None, None, ANN)
