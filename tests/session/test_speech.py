"""What we may say ourselves, and how it is stamped."""

from typing import Any

import pytest

from barewire.protocol.envelope import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    PROTOCOL_VERSION,
    SERVER_INFO,
)
from barewire.protocol.errors import Reason
from barewire.protocol.methods import METHODS, Direction
from barewire.protocol.revisions import (
    ALL,
    LATEST,
    LATEST_LEGACY,
    LEGACY,
    V2024_11_05,
    V2025_06_18,
    V2025_11_25,
    Revision,
)
from barewire.session.connection import Connection
from barewire.session.exceptions import (
    BarewireError,
    Cancelled,
    ConnectionLost,
    Gone,
    LocalProtocolError,
    RemoteProtocolError,
    RequestError,
    TimedOut,
)
from barewire.session.exchange import Exchange
from barewire.session.facts import Facts, Local
from barewire.session.questions import capability_asked
from barewire.session.speech import row_for, with_meta
from tests.session.wire import (
    CLIENT_CAPABILITIES_VALUE,
    CLIENT_INFO_VALUE,
    SERVER_CAPABILITIES,
    Json,
    a_client,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    asked,
    call,
    feed,
    modern,
    modern_call,
    notice,
    only,
    request,
    sent,
)
from tests.session.wire import SERVER_INFO as US


@pytest.mark.rule("C-01", "M0728-META-06", "M0728-META-09", "M0728-MRTR-02")
def test_every_modern_request_carries_its_envelope() -> None:
    client = a_modern_client()
    client.request("tools/list", now=0.0)
    client.request("tools/call", {"name": "x", "_meta": {"own": 1}}, now=0.0, progress=True)
    client.request("subscriptions/listen", {"notifications": {}}, now=0.0)
    client.discover(LATEST, now=0.0)
    for message in sent(client):
        meta = message["params"]["_meta"]
        assert meta[PROTOCOL_VERSION] == LATEST.name
        assert meta[CLIENT_INFO] == CLIENT_INFO_VALUE
        assert meta[CLIENT_CAPABILITIES]["roots"] == {}
    assert client.request("tools/list", {"cursor": ""}, now=0.0).params["cursor"] == ""


def test_params_of_the_caller_are_left_as_they_are() -> None:
    client = a_modern_client()
    params: Json = {"name": "x", "_meta": {"own": 1}}
    client.request("tools/call", params, now=0.0, progress=True)
    assert params == {"name": "x", "_meta": {"own": 1}}
    assert only(sent(client))["params"]["_meta"]["own"] == 1


def test_legacy_requests_carry_nothing_that_was_not_asked_for() -> None:
    client = a_session_of_a_client()
    client.request("tools/list", now=0.0)
    client.request("tools/list", {}, now=0.0)
    client.request("tools/list", now=0.0, progress=True)
    plain, empty, progressing = sent(client)
    assert "params" not in plain
    assert empty["params"] == {}
    assert progressing["params"] == {"_meta": {"progressToken": progressing["id"]}}
    assert with_meta(None, None, Facts(client.local, LATEST_LEGACY, {})) is None


@pytest.mark.rule("M0618-LIFE-16", "S-31", "M0728-PAT-01", "M0728-STD-10", "SR-112")
@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize("role", ["client", "server"])
def test_only_what_a_role_sends_in_a_revision_is_said(revision: Revision, role: Any) -> None:
    """The method table against what can be sent, with every capability declared."""
    both: Json = {
        **SERVER_CAPABILITIES,
        **CLIENT_CAPABILITIES_VALUE,
        "tasks": {"list": {}, "cancel": {}},
    }
    facts = Facts(Local(role, US, both), revision, {**both, "elicitation": {}})
    for method in METHODS:
        direction = method.direction(revision)
        sends = {
            Direction.CLIENT: role == "client",
            Direction.SERVER: role == "server",
            Direction.BOTH: True,
            Direction.EMBEDDED: False,
            None: False,
        }[direction]
        if sends:
            assert row_for(method.name, method.kind, facts) is method
        else:
            with pytest.raises(LocalProtocolError, match="sends no"):
                row_for(method.name, method.kind, facts)
        other_kind: Any = "notification" if method.kind == "request" else "request"
        with pytest.raises(LocalProtocolError, match="sends no"):
            row_for(method.name, other_kind, facts)


@pytest.mark.rule("M0618-LIFE-17", "M1105-LIFE-15")
@pytest.mark.parametrize("client", [a_modern_client, a_session_of_a_client])
def test_a_method_of_a_capability_that_the_server_lacks_is_not_asked(client: Any) -> None:
    connection = client(server_capabilities={"tools": {}})
    connection.request("tools/list", now=0.0)
    for method in ("prompts/list", "resources/list", "completion/complete", "logging/setLevel"):
        with pytest.raises(LocalProtocolError, match=r"lacks|sends no"):
            connection.request(method, now=0.0)
    with pytest.raises(LocalProtocolError, match="sends no request nonsense"):
        connection.request("nonsense", now=0.0)


def test_the_first_revision_declares_no_completions_and_has_them() -> None:
    client = a_session_of_a_client(V2024_11_05, server_capabilities={})
    client.request("completion/complete", now=0.0)
    assert only(sent(client))["method"] == "completion/complete"


@pytest.mark.rule("SR-054", "SR-091", "M1105-ROOT-03", "SR-046")
def test_a_client_says_that_its_roots_changed_if_it_declared_so() -> None:
    client = a_session_of_a_client()
    client.notify("notifications/roots/list_changed")
    assert sent(client) == [notice("notifications/roots/list_changed")]
    silent = a_session_of_a_client(capabilities={"roots": {}})
    with pytest.raises(LocalProtocolError, match="did not declare"):
        silent.notify("notifications/roots/list_changed")
    with pytest.raises(LocalProtocolError, match="sends no notification"):
        a_modern_client().notify("notifications/roots/list_changed")


@pytest.mark.parametrize(
    ("method", "by"),
    [
        ("notifications/initialized", "initialize"),
        ("notifications/cancelled", "cancel"),
        ("notifications/progress", "progress"),
        ("notifications/message", "log"),
    ],
)
def test_what_has_rules_of_its_own_is_not_said_past_them(method: str, by: str) -> None:
    refused: list[str] = []
    for connection in (a_session(), a_session_of_a_client(), a_modern_client()):
        with pytest.raises(LocalProtocolError) as raised:
            connection.notify(method, {"requestId": 1})
        refused.append(str(raised.value))
        assert sent(connection) == []
    assert f"{method} is sent by Connection.{by}" in refused
    assert hasattr(Connection, by)


@pytest.mark.rule("SR-047")  # DEV-43
def test_a_change_that_is_notified_goes_to_those_who_want_it() -> None:
    server = a_session()
    server.notify("notifications/resources/updated", {"uri": "a:1"})
    assert sent(server) == []
    feed(server, request(1, "resources/subscribe", {"uri": "a:1"}))
    sent(server)
    server.notify("notifications/resources/updated", {"uri": "a:1"})
    server.notify("notifications/tools/list_changed")
    server.notify("notifications/tools/list_changed")
    assert len(sent(server)) == 2


@pytest.mark.rule("M1105-LIFE-06")
def test_a_server_notifies_nobody_of_anything_before_its_session_is_ready() -> None:
    server = a_server(capabilities={"tools": {}})
    with pytest.raises(LocalProtocolError, match="no revision"):
        server.notify("notifications/elicitation/complete", {"elicitationId": "e"})
    opened = a_session(V2025_11_25)
    assert opened.session is not None
    opened.session.phase = "opened"
    with pytest.raises(LocalProtocolError, match="has to wait"):
        opened.notify("notifications/elicitation/complete", {"elicitationId": "e"})
    opened.session.phase = "ready"
    opened.notify("notifications/elicitation/complete", {"elicitationId": "e"})
    assert len(sent(opened)) == 1


def test_each_role_does_its_own_part() -> None:
    for say in (
        lambda: a_server().discover(LATEST, now=0.0),
        lambda: a_server().adopt(LATEST, {}),
        lambda: a_client().publish("notifications/tools/list_changed"),
    ):
        with pytest.raises(LocalProtocolError, match="only a"):
            say()
    for say in (
        lambda: a_client().discover(LATEST_LEGACY, now=0.0),
        lambda: a_client().adopt(LATEST_LEGACY, {}),
        lambda: a_client(revisions=LEGACY).adopt(LATEST, {}),
        lambda: a_client(revisions=LEGACY).discover(LATEST, now=0.0),
    ):
        with pytest.raises(LocalProtocolError, match="not a modern revision"):
            say()


def test_what_was_discovered_is_taken_as_far_as_it_has_the_right_types() -> None:
    client = a_client()
    client.adopt(LATEST, {"capabilities": 3, "instructions": 4, "_meta": {SERVER_INFO: 5}})
    assert client.modern is not None
    assert (client.modern.capabilities, client.modern.peer_info) == ({}, None)
    assert client.instructions is None
    found: Json = {
        "capabilities": {"tools": {}},
        "instructions": "Be kind.",
        "_meta": {SERVER_INFO: US},
    }
    client.adopt(LATEST, found)
    assert client.modern.peer_info == US
    assert client.instructions == "Be kind."


# An exchange by itself.


def a_modern_exchange(method: str = "tools/list", **params: Any) -> Exchange:
    return asked(feed(a_server(), modern(1, method, params)))


@pytest.mark.rule("S-27", "S-45", "M0728-RPC-13", "M0728-META-13")
def test_a_modern_result_is_stamped_and_what_it_says_itself_stays() -> None:
    stamped = a_modern_exchange().respond({"tools": []}).result
    assert stamped == {
        "resultType": "complete",
        "tools": [],
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {SERVER_INFO: US},
    }
    own: Json = {"tools": [], "ttlMs": 5, "cacheScope": "public", "resultType": "complete"}
    meta = {"own": 1, SERVER_INFO: {"name": "other", "version": "2"}}
    stamped = a_modern_exchange().respond({**own, "_meta": meta}).result
    assert stamped == {**own, "_meta": meta}
    assert "ttlMs" not in a_modern_exchange("tools/call", name="x").respond({}).result


@pytest.mark.rule("S-45")
def test_a_round_is_not_cacheable() -> None:
    exchange = a_modern_exchange("resources/read", uri="a:1")
    stamped = exchange.respond({"resultType": "input_required", "requestState": "s"}).result
    assert "ttlMs" not in stamped
    assert "cacheScope" not in stamped


@pytest.mark.rule("S-08", "M0728-RPC-29", "M1105-RES-08", "SR-104")
@pytest.mark.parametrize(
    ("reason", "legacy", "modern_code"),
    [
        (Reason.RESOURCE_NOT_FOUND, -32002, -32602),
        (Reason.UNKNOWN_TOOL, -32602, -32602),
        (Reason.MISSING_CLIENT_CAPABILITY, -32603, -32021),
        (Reason.INTERNAL_ERROR, -32603, -32603),
    ],
)
def test_a_reason_has_the_code_of_the_exchange_s_revision(
    reason: Reason, legacy: int, modern_code: int
) -> None:
    server = a_session(V2025_06_18)
    for id, (make, code) in enumerate(((call, legacy), (modern_call, modern_code))):
        server.fail(asked(feed(server, make(id))), reason, "a:1", {"uri": "a:1"})
        failure = only(sent(server))["error"]
        assert failure == {"code": code, "message": f"{reason.text}: a:1", "data": {"uri": "a:1"}}


def test_a_reason_without_detail_is_told_by_its_text_alone() -> None:
    server = a_session()
    server.fail(asked(feed(server, call(1))), Reason.INTERNAL_ERROR)
    assert only(sent(server))["error"] == {"code": -32603, "message": "Internal error"}


def test_an_exchange_tells_what_it_is() -> None:
    server = a_session()
    exchange = asked(feed(server, call("a")))
    ours = server.request("roots/list", now=0.0)
    assert repr(exchange) == "<theirs tools/call 'a' open>"
    assert repr(ours) == f"<ours roots/list {ours.id} open>"
    assert (exchange.id, exchange.params, ours.params) == ("a", {"name": "echo"}, {})
    assert exchange.declares("sampling")
    assert not exchange.declares("sampling.tools")
    assert exchange.capabilities == CLIENT_CAPABILITIES_VALUE
    assert exchange.principal is None
    server.fail_with(exchange, 7, "no")
    assert exchange.over


def test_a_notice_in_the_course_of_an_exchange_ends_with_it() -> None:
    exchange = asked(feed(a_session(), call(1)))
    assert exchange.notify("x", {"a": 1}).params == {"a": 1}
    exchange.lost()
    with pytest.raises(LocalProtocolError, match="cannot send x"):
        exchange.notify("x")


def test_what_the_receiver_says_is_not_said_of_our_own_request() -> None:
    client = a_modern_client()
    ours = client.request("tools/list", now=0.0, progress=True)
    for say in (
        lambda: ours.respond({}),
        lambda: ours.fail(Reason.INTERNAL_ERROR),
        lambda: ours.fail_with(1, "x"),
        lambda: ours.progress(1),
        lambda: ours.log("info", 1),
        lambda: ours.notify("x"),
        lambda: client.respond(ours, {}),
        lambda: client.progress(ours, 1),
    ):
        with pytest.raises(LocalProtocolError):
            say()
    with pytest.raises(LocalProtocolError, match=r"^cannot log: <ours tools/list"):
        ours.log("info", 1)
    assert ours.state == "open"


def test_questions_take_capabilities_and_other_requests_take_none_of_them() -> None:
    assert capability_asked("tools/call", None, LATEST) is None
    assert capability_asked("roots/list", None, V2024_11_05) == "roots"
    assert capability_asked("elicitation/create", {"mode": "url"}, V2025_06_18) == "elicitation"
    assert capability_asked("sampling/createMessage", {"tools": []}, V2025_06_18) == "sampling"


# The exceptions.


def test_the_tree_of_exceptions_is_as_it_is_written_down() -> None:
    for child, parent in (
        (LocalProtocolError, BarewireError),
        (RemoteProtocolError, BarewireError),
        (RequestError, BarewireError),
        (Gone, BarewireError),
        (Cancelled, Gone),
        (TimedOut, Gone),
        (ConnectionLost, Gone),
    ):
        assert child.__bases__ == (parent,)
    raised = RequestError(-32602, "Unknown tool", {"name": "x"})
    assert (raised.code, raised.message, raised.data) == (-32602, "Unknown tool", {"name": "x"})
    assert str(raised) == "Unknown tool (-32602)"
