"""The era is a fact of each request: both eras on one pipe, in any order."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.envelope import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
    PROTOCOL_VERSION,
    SERVER_INFO,
)
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Request
from barewire.protocol.revisions import (
    ALL,
    LATEST,
    LATEST_LEGACY,
    LEGACY,
    MODERN,
    V2024_11_05,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)
from barewire.session.admission import Refusal, admit, facts_of
from barewire.session.connection import Connection
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.principal import Principal
from barewire.session.session import Session
from tests.session.wire import (
    INITIALIZED,
    SERVER_CAPABILITIES,
    STRICT,
    Json,
    a_server,
    a_session,
    a_session_of_a_client,
    asked,
    call,
    envelope,
    feed,
    initialize,
    modern,
    modern_call,
    only,
    request,
    result,
    sent,
)
from tests.session.wire import SERVER_INFO as US


def refusal_of(connection: Connection, message: Json) -> Json:
    """Return the error that answers a request."""
    assert feed(connection, message) == []
    answer = only(sent(connection))
    assert answer["id"] == message["id"]
    failure: Json = answer["error"]
    return failure


@pytest.mark.rule("L-04", "M0728-STLS-01")
@pytest.mark.parametrize("order", list(permutations(["legacy", "modern", "legacy", "modern"])))
def test_requests_of_both_eras_share_a_pipe_in_any_order(order: tuple[str, ...]) -> None:
    server = a_session(V2025_06_18)
    for id, era in enumerate(order):
        exchange = asked(feed(server, call(id) if era == "legacy" else modern_call(id)))
        assert exchange.revision is (V2025_06_18 if era == "legacy" else LATEST)
        server.respond(exchange, {"content": []})
        answer = only(sent(server))["result"]
        assert ("resultType" in answer) is (era == "modern")
        assert ("_meta" in answer) is (era == "modern")


@pytest.mark.rule("L-04")
def test_a_modern_request_is_served_before_and_during_the_handshake_too() -> None:
    server = a_server()
    assert asked(feed(server, modern_call(1))).revision is LATEST
    feed(server, initialize(2))
    assert asked(feed(server, modern_call(3))).revision is LATEST
    assert asked(feed(server, INITIALIZED, modern_call(4))[1:]).revision is LATEST
    assert server.session is not None
    assert server.session.phase == "ready"


@pytest.mark.rule("L-04")
def test_discovery_pins_nothing() -> None:
    server = a_server()
    feed(server, modern(1, "server/discover"))
    feed(server, initialize(2, V2024_11_05.name), INITIALIZED)
    found, agreed = sent(server)
    assert "result" in found
    assert agreed["result"]["protocolVersion"] == V2024_11_05.name
    assert asked(feed(server, call(3))).revision is V2024_11_05


@pytest.mark.rule("M0728-VER-03", "M0728-DISC-02", "S-26", "S-27", "S-45", "M0728-META-13")
def test_discovery_tells_versions_capabilities_and_who_answers() -> None:
    server = a_server(instructions="Be brief.")
    feed(server, modern("d", "server/discover"))
    found = only(sent(server))
    assert found["id"] == "d"
    assert found["result"] == {
        "resultType": "complete",
        "supportedVersions": [revision.name for revision in reversed(ALL)],
        "capabilities": SERVER_CAPABILITIES,
        "instructions": "Be brief.",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {SERVER_INFO: US},
    }


@pytest.mark.rule("L-04", "S-22", "SR-124")
@pytest.mark.parametrize("method", ["tools/list", "tools/call", "resources/read", "nonsense"])
def test_a_request_of_neither_era_is_told_both_ways(method: str) -> None:
    failure = refusal_of(a_server(), request(1, method))
    assert failure["code"] == -32602
    for way in ("initialize", PROTOCOL_VERSION, CLIENT_CAPABILITIES):
        assert way in failure["message"]
    assert failure["data"]["supported"] == [revision.name for revision in reversed(ALL)]


@pytest.mark.rule("SR-124")
def test_a_server_of_one_era_names_its_own_way_only() -> None:
    failure = refusal_of(a_server(revisions=LEGACY), request(1, "tools/list"))
    assert failure["code"] == -32600
    assert "initialize" in failure["message"]
    assert PROTOCOL_VERSION not in failure["message"]

    failure = refusal_of(a_server(revisions=MODERN), request(1, "tools/list"))
    assert failure["code"] == -32602
    assert "initialize" not in failure["message"]
    assert PROTOCOL_VERSION in failure["message"]


@pytest.mark.rule("M1105-PING-01", "L-02")
@pytest.mark.parametrize("revisions", [ALL, LEGACY])
def test_a_ping_needs_no_session(revisions: tuple[Revision, ...]) -> None:
    server = a_server(revisions=revisions)
    feed(server, request(0, "ping"))
    assert sent(server) == [result(0, {})]


@pytest.mark.rule("M0728-META-07", "S-18")
def test_the_modern_revision_has_no_ping() -> None:
    assert refusal_of(a_server(revisions=MODERN), request(1, "ping"))["code"] == -32602
    assert refusal_of(a_server(), modern(1, "ping"))["code"] == -32601
    assert refusal_of(a_session(), modern(1, "ping"))["code"] == -32601


@pytest.mark.rule("S-18")
@pytest.mark.parametrize(
    "method",
    ["initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/get", "rpc.x", ""],
)
def test_what_the_modern_revision_removed_is_not_found_in_it(method: str) -> None:
    server = a_session()
    assert refusal_of(server, modern(1, method))["code"] == -32601


@pytest.mark.rule("S-18")
@pytest.mark.parametrize("method", ["server/discover", "subscriptions/listen", "Tools/List"])
def test_what_a_legacy_revision_does_not_know_is_not_found_in_it(method: str) -> None:
    assert refusal_of(a_session(), request(1, method))["code"] == -32601


@pytest.mark.rule("S-26", "SR-107", "M0618-LIFE-17")
@pytest.mark.parametrize("message", [request(1, "prompts/list"), modern(1, "prompts/list")])
def test_a_method_whose_capability_is_not_declared_is_not_found_and_the_error_says_why(
    message: Json,
) -> None:
    failure = refusal_of(a_session(capabilities={"tools": {}}), message)
    assert failure["code"] == -32601
    assert "prompts" in failure["message"]
    assert "not declared" in failure["message"]


def test_a_notification_s_name_is_no_request() -> None:
    failure = refusal_of(a_session(), request(1, "notifications/cancelled"))
    assert failure == {"code": -32601, "message": "Method not found: notifications/cancelled"}


@pytest.mark.rule("SR-115")
def test_an_unknown_method_is_named_but_not_at_any_length() -> None:
    failure = refusal_of(a_session(), request(1, "x" * 10_000))
    assert failure == {"code": -32601, "message": "Method not found: " + "x" * 128}


# Versions.


@pytest.mark.rule("M0728-VER-01", "S-24", "M0728-RPC-28")
@pytest.mark.parametrize(
    "version", ["1900-01-01", "2999-12-31", "", "2026-07-28 ", *(r.name for r in LEGACY)]
)
@pytest.mark.parametrize("method", ["tools/list", "server/discover", "nonsense"])
@pytest.mark.parametrize("session", [False, True])
def test_a_version_that_is_not_spoken_by_envelope_is_32022_with_what_is(
    version: str, method: str, session: bool
) -> None:
    server = a_session(V2024_11_05) if session else a_server()
    message = request(7, method, {"_meta": {**envelope(), PROTOCOL_VERSION: version}})
    failure = refusal_of(server, message)
    assert failure["code"] == -32022
    assert failure["data"] == {
        "supported": [revision.name for revision in reversed(ALL)],
        "requested": version,
    }


@pytest.mark.rule("M0728-VER-01")
def test_a_version_is_judged_before_the_rest_of_its_envelope() -> None:
    message = request(1, "tools/list", {"_meta": {PROTOCOL_VERSION: "2999-12-31"}})
    assert refusal_of(a_server(), message)["code"] == -32022


@pytest.mark.rule("T33")
def test_an_absurd_version_is_not_given_back_whole() -> None:
    message = modern_call(1)
    message["params"]["_meta"][PROTOCOL_VERSION] = "9" * 100_000
    requested = refusal_of(a_server(), message)["data"]["requested"]
    assert requested == "9" * 64


# The envelope.


@pytest.mark.rule("M0728-META-07", "S-22", "M0728-STLS-01", "M0728-META-18")
@pytest.mark.parametrize("missing", [PROTOCOL_VERSION, CLIENT_CAPABILITIES])
@pytest.mark.parametrize("session", [False, True])
def test_a_required_member_that_is_missing_is_named_also_right_after_a_good_request(
    missing: str, session: bool
) -> None:
    server = a_session() if session else a_server()
    server.respond(asked(feed(server, modern_call(1))), {"content": []})
    sent(server)
    message = modern_call(2)
    del message["params"]["_meta"][missing]
    failure = refusal_of(server, message)
    assert failure["code"] == -32602
    assert missing in failure["message"]


@pytest.mark.rule("S-23")
@pytest.mark.parametrize(
    ("member", "value"),
    [
        (PROTOCOL_VERSION, 20260728),
        (PROTOCOL_VERSION, None),
        (CLIENT_CAPABILITIES, "all"),
        (CLIENT_CAPABILITIES, None),
        (CLIENT_CAPABILITIES, []),
        (CLIENT_CAPABILITIES, {"sampling": True}),
        (CLIENT_INFO, "me"),
        (CLIENT_INFO, {"name": "me"}),
    ],
)
def test_a_member_of_the_wrong_type_is_named(member: str, value: object) -> None:
    server = a_server()
    message = modern_call(1)
    message["params"]["_meta"][member] = value
    failure = refusal_of(server, message)
    assert failure["code"] == -32602
    assert member in failure["message"]


@pytest.mark.rule("M0728-LOG-03", "S-44")
@pytest.mark.parametrize("level", ["loud", "INFO", 3, ["info"]])
def test_an_unknown_log_level_is_refused(level: object) -> None:
    message = modern_call(1)
    message["params"]["_meta"][LOG_LEVEL] = level
    assert refusal_of(a_server(), message)["code"] == -32602


@pytest.mark.rule("M0728-META-09")
def test_an_envelope_need_not_say_who_asks() -> None:
    message = modern_call(1)
    del message["params"]["_meta"][CLIENT_INFO]
    assert asked(feed(a_server(), message)).facts.peer_info is None


@pytest.mark.rule("M0728-META-10", "M0728-META-18", "M0728-STLS-01", "S-21")
def test_nothing_is_remembered_from_one_modern_request_to_the_next() -> None:
    server = a_server()
    told = modern_call(1, capabilities={"elicitation": {}})
    told["params"]["_meta"][LOG_LEVEL] = "info"
    first = asked(feed(server, told))
    second = asked(feed(server, modern_call(2)))
    assert first.declares("elicitation")
    assert first.facts.log_level == "info"
    assert not second.declares("elicitation")
    assert second.facts.log_level is None


@pytest.mark.rule("L-04")
def test_a_meta_without_envelope_members_is_legacy() -> None:
    server = a_session(V2025_11_25)
    meta: Json = {LOG_LEVEL: "info", CLIENT_INFO: {}, "progressToken": "t", "own": 1}
    exchange = asked(feed(server, request(1, "tools/call", {"name": "x", "_meta": meta})))
    assert exchange.revision is V2025_11_25
    assert exchange.progress_token == "t"


def test_a_meta_that_is_no_object_is_an_invalid_param() -> None:
    assert refusal_of(a_session(), request(1, "tools/list", {"_meta": 3}))["code"] == -32602


@pytest.mark.rule("SR-108", "S-19", "S-52")
@pytest.mark.parametrize(
    "params", [{}, {"name": 3}, {"name": "x", "arguments": [1]}, {"arguments": {}}]
)
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_params_that_do_not_fit_are_refused_and_the_fault_named(
    params: Json, era: str
) -> None:  # DEV-52
    message = request(1, "tools/call", params)
    if era == "modern":
        message = modern(1, "tools/call", params)
    failure = refusal_of(a_session(), message)
    assert failure["code"] == -32602
    assert "params." in failure["message"]


@pytest.mark.rule("SR-111")  # DEV-29
def test_members_that_nobody_knows_are_no_fault() -> None:
    exchange = asked(feed(a_session(), request(1, "tools/call", {"name": "x", "mood": "good"})))
    assert exchange.params["mood"] == "good"


# Requests before `notifications/initialized`.


@pytest.mark.rule("SR-124", "T32")
def test_a_request_between_the_answer_to_initialize_and_initialized_is_served() -> None:
    server = a_server()
    assert len(feed(server, initialize(1), call(2))) == 1


@pytest.mark.rule("SR-124")
def test_a_strict_server_serves_nothing_but_pings_until_initialized() -> None:
    server = a_server(leniencies=STRICT)
    feed(server, initialize(1))
    sent(server)
    assert refusal_of(server, call(2))["code"] == -32600
    feed(server, request(3, "ping"))
    assert sent(server) == [result(3, {})]
    assert len(feed(server, INITIALIZED, call(4))) == 2


@pytest.mark.rule("SR-124", "L-04")
def test_a_strict_server_serves_modern_requests_in_the_middle_of_a_handshake() -> None:
    server = a_server(leniencies=STRICT)
    feed(server, initialize(1))
    assert asked(feed(server, modern_call(2))).revision is LATEST


@pytest.mark.rule("L-04")
def test_an_envelope_means_nothing_to_a_client_for_only_requests_to_servers_have_one() -> None:
    client = a_session_of_a_client(V2025_06_18)
    assert asked(feed(client, modern("q", "roots/list"))).revision is V2025_06_18


# Any interleaving at all.


@given(
    st.lists(
        st.sampled_from(["legacy", "modern", "ping", "unknown version", "half an envelope"]),
        max_size=12,
    ),
    st.sampled_from(LEGACY),
)
@pytest.mark.rule("S-21", "L-04")
def test_no_request_changes_how_another_is_served(kinds: list[str], revision: Revision) -> None:
    server = a_session(revision)
    for id, kind in enumerate(kinds):
        if kind == "legacy":
            assert asked(feed(server, call(id))).revision is revision
        elif kind == "modern":
            assert asked(feed(server, modern_call(id))).revision is LATEST
        elif kind == "ping":
            feed(server, request(id, "ping"))
            assert sent(server) == [result(id, {})]
        elif kind == "unknown version":
            message = modern_call(id)
            message["params"]["_meta"][PROTOCOL_VERSION] = "2000-01-01"
            assert refusal_of(server, message)["code"] == -32022
        else:
            message = modern_call(id)
            del message["params"]["_meta"][CLIENT_CAPABILITIES]
            assert refusal_of(server, message)["code"] == -32602


# The same functions without a pipe.


ANN, BOB = Principal("https://issuer.example", "ann"), Principal("https://issuer.example", "bob")


def test_admission_works_without_a_connection() -> None:
    local = Local("server", US, SERVER_CAPABILITIES)
    message = Request(1, "tools/call", {"name": "x", "_meta": envelope()})
    exchange = admit(message, local, None, ANN)
    assert isinstance(exchange, Exchange)
    assert (exchange.principal, exchange.revision) == (ANN, V2026_07_28)
    nothing = facts_of(None, local, None)
    assert isinstance(nothing, Refusal)
    assert not nothing.modern
    pinged = admit(Request(1, "ping"), local, None, BOB)
    assert isinstance(pinged, Exchange)
    assert (pinged.principal, pinged.revision) == (BOB, LATEST_LEGACY)


def test_a_session_that_is_over_serves_nothing_not_even_a_ping() -> None:
    local = Local("server", US, SERVER_CAPABILITIES)
    session = Session(local)
    session.step("close")
    refusal = admit(Request(1, "ping"), local, session)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.detail) == (Reason.NOT_INITIALIZED, "the session is closed")


def test_a_client_that_has_opened_no_session_says_so() -> None:
    local = Local("client", US, {})
    for session in (None, Session(local)):
        refusal = admit(Request(1, "roots/list"), local, session)
        assert isinstance(refusal, Refusal)
        assert (refusal.reason, refusal.detail) == (Reason.NOT_INITIALIZED, "the session is new")
