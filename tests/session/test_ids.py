"""Ids: every legal one, duplicates in flight, both directions, reuse."""

import pytest

from barewire.protocol.jsonrpc import Request
from barewire.protocol.revisions import LEGACY, V2025_06_18, Revision
from barewire.session.events import Answered, Requested, Violated
from barewire.session.exchanges import Exchanges
from barewire.session.limits import DEFAULT_LIMITS
from tests.session.wire import (
    STRICT,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    asked,
    call,
    error,
    feed,
    modern_call,
    notice,
    only,
    request,
    result,
    sent,
)

LEGAL = [0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
LEGAL_STRINGS = ["", "0", "1", "true", "null", "é\u2028", "x" * 5000, "🦊"]


@pytest.mark.rule("S-09", "S-11", "SR-113", "SR-114", "M1125-RPC-11", "M1105-RPC-06", "T5")
@pytest.mark.parametrize("id", [*LEGAL, *LEGAL_STRINGS])
def test_an_id_comes_back_as_it_was(id: int | str) -> None:
    server = a_session()
    server.respond(asked(feed(server, call(id))), {"content": []})
    feed(server, request(id, "nonsense"), modern_call(id))
    answers = sent(server)
    assert len(answers) == 2
    for answer in answers:
        assert answer["id"] == id
        assert type(answer["id"]) is type(id)


@pytest.mark.rule("S-09", "T15", "B15")
def test_ids_of_different_types_are_different_ids() -> None:
    server = a_session()
    twins: list[int | str] = [0, "0", "", 1, "1", -1, "-1"]
    for id in twins:
        assert len(feed(server, call(id))) == 1
    for id in reversed(twins):
        exchange = server.exchanges.theirs[id]
        server.respond(exchange, {"content": [], "for": repr(id)})
    answers = sent(server)
    assert [(answer["id"], answer["result"]["for"]) for answer in answers] == [
        (id, repr(id)) for id in reversed(twins)
    ]


@pytest.mark.rule("S-14", "M1105-RPC-02", "M1105-RPC-03", "B16")
@pytest.mark.parametrize("id", [b"null", b"true", b"1.5", b"1.0", b"[]", b"{}", b"1e3", b"9" * 30])
@pytest.mark.parametrize("method", [b"tools/list", b"ping", b"nonsense"])
def test_an_id_that_is_none_is_refused_and_not_given_back(id: bytes, method: bytes) -> None:
    server = a_session()
    line = b'{"jsonrpc":"2.0","id":' + id + b',"method":"' + method + b'"}'
    event = only(feed(server, line))
    assert isinstance(event, Violated)
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32600
    assert "id" not in refusal


@pytest.mark.rule("B14", "T15", "M1105-RPC-04", "M0728-RPC-05")
@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("id", [0, "", "a", 7])
def test_a_second_request_with_an_id_in_flight_gets_an_error_without_id_and_the_first_its_answer(
    id: int | str, era: str
) -> None:
    server = a_session()
    make = call if era == "legacy" else modern_call
    first = asked(feed(server, make(id)))
    event = only(feed(server, make(id, name="other")))
    assert isinstance(event, Violated)
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32600
    assert "id" not in refusal
    assert server.exchanges.theirs == {id: first}
    server.respond(first, {"content": []})
    assert only(sent(server))["id"] == id


@pytest.mark.rule("B14")
@pytest.mark.parametrize(
    "message", [request(1, "ping"), request(1, "nonsense"), {"id": 1, "method": "x"}]
)
def test_an_id_in_flight_is_answered_by_nobody_else(message: object) -> None:
    server = a_session()
    first = asked(feed(server, call(1)))
    feed(server, message)
    refusal = only(sent(server))
    assert "id" not in refusal
    server.respond(first, {"content": []})
    assert only(sent(server))["id"] == 1


@pytest.mark.rule("B14")
def test_the_id_of_an_open_subscription_is_in_flight() -> None:
    server = a_server()
    listen = modern_call(5)
    listen["method"], listen["params"]["notifications"] = "subscriptions/listen", {}
    feed(server, listen)
    sent(server)
    feed(server, modern_call(5))
    assert "id" not in only(sent(server))
    assert list(server.listeners.open) == [5]


@pytest.mark.parametrize("revision", LEGACY)
def test_an_error_without_id_is_written_as_the_session_s_revision_has_it(
    revision: Revision,
) -> None:
    server = a_session(revision)
    feed(server, call(1), call(1))
    refusal = only(sent(server))
    if revision.null_id:
        assert refusal["id"] is None
    else:
        assert "id" not in refusal


@pytest.mark.rule("SR-112")
def test_the_same_id_may_be_in_flight_in_both_directions() -> None:
    server = a_session()
    question = server.request("roots/list", now=0.0)
    sent(server)
    exchange = asked(feed(server, call(question.id)))
    feed(server, result(question.id, {"roots": []}))
    server.respond(exchange, {"content": []})
    assert sent(server) == [result(question.id, {"content": []})]
    assert (server.exchanges.ours, server.exchanges.theirs) == ({}, {})


def test_an_error_about_a_duplicate_reaches_a_server_too() -> None:
    client = a_session_of_a_client(V2025_06_18)
    assert isinstance(only(feed(client, request("q", "roots/list"))), Requested)
    assert isinstance(only(feed(client, request("q", "roots/list"))), Violated)
    refusal = only(sent(client))
    assert (refusal["id"], refusal["error"]["code"]) == (None, -32600)


@pytest.mark.rule("M0728-RPC-05")
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_an_id_that_was_answered_may_be_used_again(era: str) -> None:
    server = a_session()
    make = call if era == "legacy" else modern_call
    for _ in range(3):
        server.respond(asked(feed(server, make(1))), {"content": []})
    assert [answer["id"] for answer in sent(server)] == [1, 1, 1]
    assert server.exchanges.seen is None


@pytest.mark.rule("M1105-RPC-04", "SR-113")  # DEV-30
def test_a_strict_peer_remembers_the_ids_of_a_legacy_session() -> None:
    server = a_session(leniencies=STRICT)
    server.respond(asked(feed(server, call(1))), {"content": []})
    sent(server)
    event = only(feed(server, call(1)))
    assert isinstance(event, Violated)
    refusal = only(sent(server))
    assert (refusal["id"], refusal["error"]["code"]) == (1, -32600)
    assert asked(feed(server, call("1"))).id == "1"
    for _ in range(2):
        server.respond(asked(feed(server, modern_call(9))), {"content": []})


def test_who_does_not_remember_takes_every_id_for_new() -> None:
    exchanges = Exchanges(DEFAULT_LIMITS)
    assert all(exchanges.first_use(Request(1, "tools/list")) for _ in range(2))


@pytest.mark.rule("C-02", "M1105-RPC-04", "M0728-RPC-05")
def test_our_own_ids_are_never_used_twice() -> None:
    client = a_modern_client()
    ids = set[int | str]()
    for _ in range(200):
        exchange = client.request("tools/list", now=0.0)
        assert exchange.id not in ids
        ids.add(exchange.id)
        feed(client, result(exchange.id, {"tools": []}))


@pytest.mark.rule("C-04", "B15")
@pytest.mark.parametrize("wrong", ["1", 2, 0, "", True, 1.0, None])
def test_an_answer_under_another_id_answers_nothing(wrong: object) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    assert exchange.id == 1
    event = only(feed(client, result(wrong, {"tools": []})))
    assert isinstance(event, Violated)
    assert client.exchanges.ours == {1: exchange}
    assert isinstance(only(feed(client, result(1, {"tools": []}))), Answered)


@pytest.mark.rule("C-06")
def test_answers_in_any_order_reach_those_who_asked() -> None:
    client = a_modern_client()
    exchanges = [client.request("tools/list", now=0.0) for _ in range(5)]
    for exchange in reversed(exchanges):
        event = only(feed(client, result(exchange.id, {"tools": [], "for": exchange.id})))
        assert isinstance(event, Answered)
        assert event.exchange is exchange
        assert event.result["for"] == exchange.id


@pytest.mark.rule("C-05", "S-13")
@pytest.mark.parametrize("second", [result(1, {"tools": ["other"]}), error(1, -32603)])
def test_a_second_answer_is_a_violation_and_changes_nothing(second: object) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    sent(client)
    assert isinstance(only(feed(client, result(exchange.id, {"tools": []}))), Answered)
    assert isinstance(only(feed(client, second)), Violated)
    assert exchange.state == "answered"
    assert sent(client) == []


@pytest.mark.rule("S-13", "M0326-RPC-18", "S-12")
@pytest.mark.parametrize(
    "message",
    [
        result(99, {}),
        error("x", -32603),
        error(None, -32700),
        {"jsonrpc": "2.0", "id": 3, "result": 4},
        notice("nonsense"),
        notice("tools/list"),
        notice("notifications/progress", {"progress": "x"}),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": [1]},
        {"jsonrpc": "2.0", "method": "tools/call", "params": "no"},
    ],
)
def test_responses_and_notifications_are_never_answered(message: object) -> None:
    for server in (a_server(), a_session()):
        feed(server, message)
        assert sent(server) == []
        feed(server, request("after", "ping"))
        assert sent(server) == [result("after", {})]
