"""`initialize` and `notifications/initialized`, seen from both ends."""

import pytest

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Request
from barewire.protocol.revisions import (
    ALL,
    LATEST,
    LATEST_LEGACY,
    LEGACY,
    MODERN,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    Revision,
)
from barewire.session.admission import Refusal
from barewire.session.connection import Connection
from barewire.session.events import Answered, Expired, Opened, Refused, Violated
from barewire.session.exceptions import LocalProtocolError
from barewire.session.facts import Local
from barewire.session.handshake import receive_initialize
from barewire.session.principal import Principal
from barewire.session.session import Session, choose_revision
from tests.session.wire import (
    CLIENT_CAPABILITIES_VALUE,
    CLIENT_INFO_VALUE,
    INITIALIZED,
    SERVER_CAPABILITIES,
    SERVER_INFO,
    Json,
    a_client,
    a_server,
    a_session,
    call,
    envelope,
    error,
    feed,
    initialize,
    modern_call,
    notice,
    only,
    request,
    result,
    sent,
)

ANN = Principal("https://issuer.example", "ann")


def agreed(revision: Revision, **more: object) -> Json:
    return {
        "protocolVersion": revision.name,
        "capabilities": SERVER_CAPABILITIES,
        "serverInfo": SERVER_INFO,
        **more,
    }


def phase_of(connection: Connection) -> str:
    assert connection.session is not None
    return connection.session.phase


# The server's end.


@pytest.mark.rule("SR-004", "SR-122", "M1105-LIFE-03", "M1105-LIFE-09", "L-01")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_revision_that_the_server_speaks_is_agreed_to(revision: Revision) -> None:
    server = a_server()
    assert feed(server, initialize(1, revision.name)) == []
    answer = only(sent(server))
    assert answer["id"] == 1
    assert answer["result"]["protocolVersion"] == revision.name
    assert answer["result"]["serverInfo"] == SERVER_INFO
    assert answer["result"]["capabilities"]["tools"] == {"listChanged": True}
    assert phase_of(server) == "opened"
    event = only(feed(server, INITIALIZED))
    assert isinstance(event, Opened)
    assert event.session is server.session
    assert phase_of(server) == "ready"
    assert server.session is not None
    assert server.session.revision is revision


@pytest.mark.rule("M1105-LIFE-10", "M1105-LIFE-11", "L-01")
@pytest.mark.parametrize("version", ["1.0.0", "1999-01-01", "2999-12-31", "", LATEST.name])
def test_a_version_that_is_unknown_or_has_no_handshake_is_answered_with_the_newest_that_has_one(
    version: str,
) -> None:
    server = a_server()
    feed(server, initialize(1, version))
    assert only(sent(server))["result"]["protocolVersion"] == LATEST_LEGACY.name


@pytest.mark.rule("M1105-LIFE-11")
def test_a_known_version_that_this_server_does_not_speak_is_answered_with_its_newest() -> None:
    server = a_server(revisions=(V2025_06_18, V2024_11_05))
    feed(server, initialize(1, V2025_03_26.name))
    assert only(sent(server))["result"]["protocolVersion"] == V2025_06_18.name


@pytest.mark.rule("SR-123", "M1105-RPC-06")  # DEV-48
@pytest.mark.parametrize("id", [0, "", "0", -1, 2**53, 2**63 - 1, "é\u2028"])
def test_initialize_may_have_any_id(id: object) -> None:
    server = a_server()
    feed(server, initialize(id))
    answer = only(sent(server))
    assert answer["id"] == id
    assert type(answer["id"]) is type(id)


@pytest.mark.rule("T32")
def test_a_second_initialize_is_refused_and_the_first_session_kept() -> None:
    server = a_session(V2025_06_18)
    session = server.session
    assert feed(server, initialize("again", V2024_11_05.name)) == []
    refusal = only(sent(server))
    told = {"code": -32600, "message": "The session is already initialized"}
    assert (refusal["id"], refusal["error"]) == ("again", told)
    assert server.session is session
    assert phase_of(server) == "ready"
    feed(server, call(2))
    assert 2 in server.exchanges.theirs


def test_a_second_initialize_is_refused_before_the_session_is_ready_as_well() -> None:
    server = a_server()
    feed(server, initialize(1), initialize(2))
    first, second = sent(server)
    assert "result" in first
    assert second["error"]["code"] == -32600
    assert isinstance(only(feed(server, INITIALIZED)), Opened)


@pytest.mark.rule("M0326-RPC-20")
def test_initialize_is_never_part_of_a_batch() -> None:
    server = a_server()
    feed(server, [initialize(1)])
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32600
    assert "id" not in refusal
    assert server.session is None

    server = a_session(V2025_03_26)
    feed(server, [initialize(1), request(2, "ping")])
    refused, pong = only(sent(server))
    assert (refused["id"], refused["error"]["code"]) == (1, -32600)
    assert pong == result(2, {})


@pytest.mark.rule("M0728-VER-08")
def test_a_server_without_handshake_names_the_versions_it_speaks() -> None:
    server = a_server(revisions=MODERN)
    feed(server, initialize(1))
    refusal = only(sent(server))
    assert refusal["id"] == 1
    assert refusal["error"]["code"] == -32601
    assert refusal["error"]["data"] == {"supported": [LATEST.name]}
    assert LATEST.name in refusal["error"]["message"]
    assert server.session is None


@pytest.mark.rule("M0728-VER-08")
@pytest.mark.parametrize("revisions", [MODERN, ALL])
def test_initialize_with_an_envelope_is_an_unknown_method_that_is_answered_with_the_versions(
    revisions: tuple[Revision, ...],
) -> None:
    server = a_server(revisions=revisions)
    message = initialize(1)
    message["params"]["_meta"] = envelope()
    feed(server, message)
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32601
    assert refusal["error"]["data"]["supported"][0] == LATEST.name
    assert server.session is None


def test_a_server_without_modern_revisions_does_not_look_at_envelopes() -> None:
    server = a_server(revisions=LEGACY)
    message = initialize(1)
    message["params"]["_meta"] = envelope()
    feed(server, message, INITIALIZED, modern_call(2))
    assert only(sent(server))["result"]["protocolVersion"] == LATEST_LEGACY.name
    assert server.exchanges.theirs[2].revision is LATEST_LEGACY


@pytest.mark.parametrize(
    "damage",
    [
        {"protocolVersion": None},
        {"protocolVersion": 7},
        {"capabilities": None},
        {"capabilities": []},
        {"clientInfo": "me"},
        {"clientInfo": {"name": "me"}},
    ],
)
@pytest.mark.rule("SR-121", "M1105-LIFE-02")
def test_initialize_with_params_that_do_not_fit_is_refused_and_may_be_tried_again(
    damage: Json,
) -> None:
    server = a_server()
    message = initialize(1)
    message["params"].update(damage)
    feed(server, message)
    refusal = only(sent(server))
    assert (refusal["id"], refusal["error"]["code"]) == (1, -32602)
    assert refusal["error"]["message"].startswith("Invalid params: params.")
    assert server.session is None
    feed(server, initialize(2))
    assert "result" in only(sent(server))


def test_initialize_without_params_is_refused() -> None:
    server = a_server()
    feed(server, request(1, "initialize"))
    assert only(sent(server))["error"]["code"] == -32602


def test_members_that_came_later_are_not_judged_in_an_older_revision() -> None:
    server = a_server()
    message = initialize(1, V2024_11_05.name)
    message["params"]["clientInfo"] = {**CLIENT_INFO_VALUE, "icons": "none", "title": 7}
    feed(server, message)
    assert "result" in only(sent(server))

    server = a_server()
    message["params"]["protocolVersion"] = V2025_11_25.name
    feed(server, message)
    assert only(sent(server))["error"]["code"] == -32602


@pytest.mark.rule("M0618-LIFE-16", "M0618-LIFE-17")
def test_a_server_introduces_itself_by_the_means_of_the_revision() -> None:
    info = {
        "name": "s",
        "version": "1",
        "title": "S",
        "description": "d",
        "websiteUrl": "https://s",
    }
    capabilities: Json = {"tools": {}, "completions": {}, "tasks": {"list": {}}, "x-own": {"a": 1}}
    seen: dict[str, Json] = {}
    for revision in LEGACY:
        server = Connection(Local("server", info, capabilities, instructions="Be kind."))
        feed(server, initialize(1, revision.name))
        seen[revision.name] = only(sent(server))["result"]
        assert seen[revision.name]["instructions"] == "Be kind."
    assert set(seen[V2024_11_05.name]["serverInfo"]) == {"name", "version"}
    assert set(seen[V2025_03_26.name]["serverInfo"]) == {"name", "version"}
    assert set(seen[V2025_06_18.name]["serverInfo"]) == {"name", "version", "title"}
    assert seen[V2025_11_25.name]["serverInfo"] == info
    assert set(seen[V2024_11_05.name]["capabilities"]) == {"tools", "x-own"}
    assert set(seen[V2025_03_26.name]["capabilities"]) == {"tools", "completions", "x-own"}
    assert "tasks" in seen[V2025_11_25.name]["capabilities"]


def test_an_answer_that_cannot_be_written_opens_no_session() -> None:
    server = a_server({"tools": {}, "experimental": {"set": {1, 2}}})
    feed(server, initialize(1))
    refusal = only(sent(server))
    assert (refusal["id"], refusal["error"]["code"]) == (1, -32603)
    assert server.session is None


def test_initialized_changes_nothing_when_it_is_early_late_or_said_again() -> None:
    server = a_server()
    assert feed(server, INITIALIZED) == []
    feed(server, initialize(1))
    assert isinstance(only(feed(server, INITIALIZED)), Opened)
    assert feed(server, INITIALIZED) == []
    assert phase_of(server) == "ready"


def test_a_handshake_carries_who_was_authenticated() -> None:
    local = Local("server", SERVER_INFO, {})
    params = initialize()["params"]
    opened = receive_initialize(Request(1, "initialize", params), local, None, principal=ANN)
    assert not isinstance(opened, Refusal)
    assert opened[0].facts.principal == ANN


def test_there_is_nothing_to_choose_where_no_handshake_is_spoken() -> None:
    local = Local("server", SERVER_INFO, {}, revisions=MODERN)
    assert choose_revision(LATEST_LEGACY.name, local) is None
    with pytest.raises(LocalProtocolError, match="no revision with a handshake"):
        Session(local).answer(initialize()["params"])


# The client's end.


@pytest.mark.rule("SR-121", "M1105-LIFE-02", "M1105-LIFE-04", "M1105-LIFE-07", "C-31")
@pytest.mark.parametrize("revision", LEGACY)
def test_a_client_offers_a_revision_and_confirms_the_agreement(revision: Revision) -> None:
    client = a_client()
    exchange = client.initialize(revision, now=0.0)
    message = only(sent(client))
    assert message["method"] == "initialize"
    assert message["params"]["protocolVersion"] == revision.name
    assert message["params"]["clientInfo"] == CLIENT_INFO_VALUE
    assert ("elicitation" in message["params"]["capabilities"]) is (revision in LEGACY[2:])
    assert "_meta" not in message["params"]
    assert phase_of(client) == "opening"
    event = only(feed(client, result(exchange.id, agreed(revision))))
    assert isinstance(event, Answered)
    assert sent(client) == [INITIALIZED]
    assert phase_of(client) == "ready"
    assert client.session is not None
    assert client.session.revision is revision
    assert client.session.facts.peer_info == SERVER_INFO


@pytest.mark.rule("M1105-LIFE-19")
def test_a_client_takes_another_revision_that_it_speaks() -> None:
    client = a_client()
    exchange = client.initialize(V2025_11_25, now=0.0)
    feed(client, result(exchange.id, agreed(V2024_11_05, instructions="Ask first.")))
    assert phase_of(client) == "ready"
    assert client.session is not None
    assert client.session.revision is V2024_11_05
    assert client.session.instructions == client.instructions == "Ask first."


@pytest.mark.rule("M1105-LIFE-12", "M1105-LIFE-13")
@pytest.mark.parametrize("version", ["1.0.0", LATEST.name, V2024_11_05.name])
def test_a_client_that_cannot_use_the_answer_says_nothing_more(version: str) -> None:
    client = a_client(revisions=(V2025_06_18, V2025_11_25))
    exchange = client.initialize(V2025_11_25, now=0.0)
    sent(client)
    event = only(
        feed(client, result(exchange.id, {**agreed(V2025_11_25), "protocolVersion": version}))
    )
    assert isinstance(event, Answered)
    assert sent(client) == []
    assert phase_of(client) == "new"
    with pytest.raises(LocalProtocolError, match="no revision"):
        client.request("tools/list", now=0.0)


@pytest.mark.parametrize(
    "value", [{}, {"protocolVersion": 3}, {**agreed(V2025_11_25), "capabilities": "all"}]
)
def test_an_answer_to_initialize_of_the_wrong_shape_is_a_violation_and_opens_nothing(
    value: Json,
) -> None:
    client = a_client()
    exchange = client.initialize(V2025_11_25, now=0.0)
    sent(client)
    event = only(feed(client, result(exchange.id, value)))
    assert isinstance(event, Violated)
    assert event.exchange is exchange
    assert (phase_of(client), sent(client), client.exchanges.ours) == ("new", [], {})


@pytest.mark.rule("M1105-LIFE-19")
def test_an_answer_to_initialize_is_judged_by_the_revision_that_it_names() -> None:
    info = {**SERVER_INFO, "icons": "none"}
    for revision, event in ((V2024_11_05, Answered), (V2025_11_25, Violated)):
        client = a_client()
        exchange = client.initialize(V2025_11_25, now=0.0)
        answer = {**agreed(revision), "serverInfo": info}
        heard = only(feed(client, result(exchange.id, answer)))
        assert type(heard) is event
        if isinstance(heard, Violated):
            assert heard.detail.startswith("result.serverInfo.icons must be")


@pytest.mark.rule("T12")
def test_a_probe_that_is_refused_late_does_not_disturb_the_handshake() -> None:
    client = a_client()
    probe = client.discover(LATEST, now=0.0)
    exchange = client.initialize(LATEST_LEGACY, now=0.0)
    assert isinstance(only(feed(client, error(probe.id, -32601))), Refused)
    feed(client, result(exchange.id, agreed(LATEST_LEGACY)))
    assert phase_of(client) == "ready"


@pytest.mark.parametrize("ending", ["refused", "expired", "malformed"])
def test_a_handshake_that_came_to_nothing_may_be_tried_again(ending: str) -> None:
    client = a_client()
    exchange = client.initialize(V2025_11_25, now=0.0, timeout=5.0)
    sent(client)
    if ending == "refused":
        assert isinstance(only(feed(client, error(exchange.id, -32602))), Refused)
    elif ending == "malformed":
        broken: Json = {"jsonrpc": "2.0", "id": exchange.id, "result": [], "error": {}}
        assert isinstance(only(feed(client, broken)), Violated)
    else:
        assert only(client.expire(5.0)) == Expired(exchange)
    assert sent(client) == []
    again = client.initialize(V2024_11_05, now=5.0)
    assert only(sent(client))["params"]["protocolVersion"] == V2024_11_05.name
    feed(client, result(again.id, agreed(V2024_11_05)))
    assert phase_of(client) == "ready"


@pytest.mark.rule("M1105-LIFE-21", "M1105-CAN-18")
def test_initialize_is_never_cancelled() -> None:
    client = a_client()
    exchange = client.initialize(LATEST_LEGACY, now=0.0, timeout=5.0)
    sent(client)
    with pytest.raises(LocalProtocolError, match="cannot be cancelled"):
        client.cancel(exchange)
    assert client.expire(10.0) == [Expired(exchange)]
    assert sent(client) == []


def test_a_handshake_that_failed_keeps_nothing_from_a_modern_server() -> None:
    client = a_client()
    exchange = client.initialize(LATEST_LEGACY, now=0.0)
    feed(client, error(exchange.id, -32022))
    client.adopt(LATEST, {"capabilities": {"tools": {}}})
    sent(client)
    client.request("tools/list", now=0.0)
    assert only(sent(client))["method"] == "tools/list"


def test_what_is_no_longer_open_is_not_refused() -> None:
    session = Session(Local("client", CLIENT_INFO_VALUE))
    session.refuse()
    assert session.phase == "new"


def test_a_late_answer_to_initialize_is_dropped() -> None:
    client = a_client()
    exchange = client.initialize(LATEST_LEGACY, now=0.0, timeout=5.0)
    client.expire(10.0)
    assert feed(client, result(exchange.id, agreed(LATEST_LEGACY))) == []
    assert phase_of(client) == "new"


def test_a_client_initializes_once() -> None:
    client = a_client()
    client.initialize(LATEST_LEGACY, now=0.0)
    with pytest.raises(LocalProtocolError, match="the session is opening"):
        client.initialize(LATEST_LEGACY, now=0.0)


@pytest.mark.rule("M1105-LIFE-07")
def test_a_client_offers_no_revision_that_it_does_not_speak() -> None:
    client = a_client(revisions=(V2025_06_18,))
    for revision in (V2025_11_25, LATEST):
        with pytest.raises(LocalProtocolError, match="no handshake"):
            client.initialize(revision, now=0.0)
    assert client.session is None
    with pytest.raises(LocalProtocolError, match="only a client"):
        a_server().initialize(LATEST_LEGACY, now=0.0)


@pytest.mark.rule("M1105-LIFE-05")
def test_a_client_asks_nothing_before_there_is_an_agreement() -> None:
    client = a_client()
    with pytest.raises(LocalProtocolError):
        client.request("tools/list", now=0.0)
    client.initialize(LATEST_LEGACY, now=0.0)
    sent(client)
    with pytest.raises(LocalProtocolError):
        client.request("tools/list", now=0.0)
    with pytest.raises(LocalProtocolError):
        client.notify("notifications/roots/list_changed")
    assert sent(client) == []


@pytest.mark.rule("M1105-PING-01", "M1105-LIFE-06", "C-32")
def test_a_client_answers_pings_before_during_and_after_the_handshake() -> None:
    client = a_client()
    assert feed(client, request("p0", "ping")) == []
    exchange = client.initialize(LATEST_LEGACY, now=0.0)
    feed(client, request("p1", "ping"))
    feed(client, result(exchange.id, agreed(LATEST_LEGACY)), request("p2", "ping"))
    pongs = [message for message in sent(client) if message.get("result") == {}]
    assert pongs == [result("p0", {}), result("p1", {}), result("p2", {})]


def test_a_client_that_speaks_no_legacy_revision_answers_no_ping() -> None:
    client = a_client(revisions=MODERN)
    assert isinstance(only(feed(client, request(1, "ping"))), Violated)
    assert sent(client) == []


@pytest.mark.rule("M1105-LIFE-06")
def test_a_client_refuses_other_requests_until_its_handshake_is_done() -> None:
    client = a_client()
    exchange = client.initialize(LATEST_LEGACY, now=0.0)
    sent(client)
    for method in ("roots/list", "nobody/knows"):
        assert feed(client, request(9, method)) == []
        refusal = only(sent(client))
        assert (refusal["id"], refusal["error"]["code"]) == (9, -32600)
        assert "opening" in refusal["error"]["message"]
    feed(client, result(exchange.id, agreed(LATEST_LEGACY)))
    assert len(feed(client, request(9, "roots/list"))) == 1


@pytest.mark.rule("M1105-LIFE-06")
def test_log_messages_are_heard_during_the_handshake() -> None:
    client = a_client()
    client.initialize(LATEST_LEGACY, now=0.0)
    event = only(feed(client, notice("notifications/message", {"level": "info", "data": "hi"})))
    assert type(event).__name__ == "Notified"


@pytest.mark.rule("S-15", "C-32")
def test_a_client_asked_to_initialize_knows_no_such_method() -> None:
    client = a_client()
    exchange = client.initialize(LATEST_LEGACY, now=0.0)
    feed(client, result(exchange.id, agreed(LATEST_LEGACY)))
    sent(client)
    feed(client, initialize(5))
    refusal = only(sent(client))
    assert (refusal["id"], refusal["error"]["code"]) == (5, -32601)


def test_what_is_said_of_capabilities_is_taken_only_if_it_is_an_object() -> None:
    session = Session(Local("client", CLIENT_INFO_VALUE, CLIENT_CAPABILITIES_VALUE))
    session.propose(V2024_11_05)
    odd: Json = {"protocolVersion": V2024_11_05.name, "capabilities": 3, "instructions": 4}
    assert session.accept(odd)
    assert session.facts.capabilities == {}
    assert session.facts.peer_info is None
    assert session.instructions is None


def test_a_session_of_which_nothing_was_said_yet_is_opened() -> None:
    local = Local("server", SERVER_INFO, {})
    message = Request(1, "initialize", initialize(1)["params"])
    assert not isinstance(receive_initialize(message, local, Session(local)), Refusal)


def test_only_clients_open_what_there_is_to_open() -> None:
    server = a_server()
    with pytest.raises(LocalProtocolError, match=r"^only a client can discover$"):
        server.discover(LATEST, now=0.0)
    with pytest.raises(LocalProtocolError, match=r"^only a client can initialize$"):
        server.initialize(LATEST_LEGACY, now=0.0)
    with pytest.raises(LocalProtocolError, match=r"^only a client can adopt a revision$"):
        server.adopt(LATEST, {})


def test_reasons_name_what_was_refused() -> None:
    local = Local("server", SERVER_INFO, {})
    batched = receive_initialize(Request(1, "initialize"), local, None, batched=True)
    assert isinstance(batched, Refusal)
    assert batched.reason is Reason.INVALID_REQUEST
