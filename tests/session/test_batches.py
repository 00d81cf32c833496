"""Batches: arrays of messages, which one revision has."""

import json

import pytest

from barewire.protocol.revisions import LEGACY, V2025_03_26, Revision
from barewire.session.batches import BatchReply
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Answered, Notified, Requested, Violated
from barewire.session.limits import Limits
from tests.session.wire import (
    STRICT,
    Json,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    call,
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


def a_batching_server(limits: Limits | None = None) -> Connection:
    return a_session(V2025_03_26, limits=limits or Limits())


@pytest.mark.rule("SR-116", "M0326-RPC-19")  # DEV-06
def test_the_answers_to_a_batch_go_back_together_once_the_last_is_there() -> None:
    server = a_batching_server()
    events = feed(server, [call(1), request(2, "ping"), call("3"), notice("nonsense")])
    assert [type(event) for event in events] == [Requested, Requested]
    assert sent(server) == []
    server.respond(server.exchanges.theirs["3"], {"content": []})
    assert sent(server) == []
    server.respond(server.exchanges.theirs[1], {"content": []})
    answers = only(sent(server))
    assert answers == [
        result(2, {}),
        result("3", {"content": []}),
        result(1, {"content": []}),
    ]


def test_the_answer_to_a_batch_counts_among_what_waits_to_be_written() -> None:
    server = a_batching_server()
    feed(server, [request(1, "ping"), request(2, "ping")])
    waiting = server.pending
    assert waiting == len(only(server.data_to_send()))
    assert server.pending == 0


def test_a_member_may_lead_to_several_events() -> None:
    cancel = notice("notifications/cancelled", {"requestId": 1})
    for last in (False, True):
        server = a_batching_server()
        parent = only(feed(server, call(1)))
        assert isinstance(parent, Requested)
        child = server.request("roots/list", now=0.0, parent=parent.exchange)
        if last:
            server.receive_data(json.dumps([cancel]).encode(), now=0.0)
            events = server.receive_eof()[:2]
        else:
            events = feed(server, [cancel])
        assert events == [
            Abandoned(parent.exchange),
            Abandoned(child, "the request that asked was cancelled"),
        ]


@pytest.mark.rule("SR-116", "M0326-RPC-19")
@pytest.mark.parametrize("revision", [r for r in LEGACY if not r.batch])
def test_other_revisions_refuse_an_array_whole(revision: Revision) -> None:
    server = a_session(revision)
    event = only(feed(server, [call(1), request(2, "ping")]))
    assert isinstance(event, Violated)
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32600
    assert refusal["error"]["message"] == event.detail
    assert refusal.get("id") is None
    assert server.exchanges.theirs == {}


def test_without_a_session_an_array_is_refused_whole() -> None:
    for server in (a_server(), a_server(leniencies=STRICT)):
        feed(server, [request(1, "ping"), modern_call(2)])
        refusal = only(sent(server))
        assert refusal["error"]["code"] == -32600
        assert "id" not in refusal


@pytest.mark.rule("S-15")
def test_an_empty_array_is_refused_wherever_it_comes() -> None:
    for server in (a_server(), *(a_session(revision) for revision in LEGACY)):
        assert isinstance(only(feed(server, [])), Violated)
        assert only(sent(server))["error"]["code"] == -32600


def test_a_batch_of_notifications_and_answers_is_answered_by_nothing() -> None:
    server = a_batching_server()
    exchange = server.request("roots/list", now=0.0)
    sent(server)
    roots = notice("notifications/roots/list_changed")
    events = feed(server, [roots, result(exchange.id, {"roots": []}), result(99, {})])
    assert [type(event) for event in events] == [Notified, Answered, Violated]
    assert sent(server) == []


@pytest.mark.rule("S-15", "S-05")
def test_members_that_are_no_messages_are_refused_one_by_one() -> None:
    server = a_batching_server()
    members = [
        1,
        request(None, "ping"),
        {"id": 3, "method": "ping"},
        request(4, "ping"),
        {"jsonrpc": "2.0", "id": 5, "result": 3},
        {"jsonrpc": "2.0", "method": "tools/call", "params": [1]},
        request(6, "nonsense"),
    ]
    events = feed(server, members)
    assert [type(event) for event in events] == [Violated] * 5
    answers = only(sent(server))
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        (None, -32600),
        (None, -32600),
        (3, -32600),
        (4, None),
        (6, -32601),
    ]


def test_a_member_that_is_cancelled_is_left_out_of_the_answer() -> None:
    server = a_batching_server()
    feed(server, [call(1), call(2)])
    event = only(feed(server, notice("notifications/cancelled", {"requestId": 1})))
    assert isinstance(event, Abandoned)
    assert sent(server) == []
    server.respond(server.exchanges.theirs[2], {"content": []})
    assert sent(server) == [[result(2, {"content": []})]]


def test_a_batch_whose_members_are_all_cancelled_is_answered_by_nothing() -> None:
    server = a_batching_server()
    feed(server, [call(1), notice("notifications/cancelled", {"requestId": 1}), call(2)])
    feed(server, [notice("notifications/cancelled", {"requestId": 2})])
    assert sent(server) == []
    assert server.exchanges.theirs == {}


@pytest.mark.rule("B14")
def test_an_id_that_is_used_twice_in_a_batch_is_refused_the_second_time() -> None:
    server = a_batching_server()
    events = feed(server, [call(1), call(1)])
    assert [type(event) for event in events] == [Requested, Violated]
    server.respond(server.exchanges.theirs[1], {"content": []})
    refused, answered = only(sent(server))
    assert (refused["id"], refused["error"]["code"]) == (None, -32600)
    assert answered == result(1, {"content": []})


def test_more_members_than_the_limit_are_refused_whole() -> None:
    server = a_batching_server()
    members = [request(id, "ping") for id in range(101)]
    event = only(feed(server, members))
    assert isinstance(event, Violated)
    assert "at most 100" in event.detail
    assert only(sent(server))["error"]["code"] == -32600
    feed(server, members[:100])
    assert len(only(sent(server))) == 100


def test_members_beyond_the_limit_of_a_server_are_refused_as_busy_in_the_same_answer() -> None:
    server = a_batching_server(Limits(running=1, queued=1))
    feed(server, [call(id) for id in range(4)])
    for id in (0, 1):
        server.respond(server.exchanges.theirs[id], {"content": []})
    answers = only(sent(server))
    assert [answer["id"] for answer in answers] == [2, 3, 0, 1]
    assert answers[0]["error"]["data"] == {"retryable": True}


@pytest.mark.rule("M0728-STLS-01")
def test_a_modern_request_is_no_member_of_a_batch() -> None:
    server = a_batching_server()
    events = feed(server, [modern_call(1), request(2, "ping")])
    assert events == []
    refused, pong = only(sent(server))
    assert (refused["id"], refused["error"]["code"]) == (1, -32600)
    assert pong == result(2, {})


def test_a_strict_server_refuses_reused_ids_inside_a_batch() -> None:
    server = a_session(V2025_03_26, leniencies=STRICT)
    feed(server, [request(1, "ping"), request(1, "ping")])
    pong, refused = only(sent(server))
    assert pong == result(1, {})
    assert (refused["id"], refused["error"]["code"]) == (1, -32600)


def test_an_answer_that_cannot_be_written_spoils_no_other() -> None:
    server = a_batching_server()
    feed(server, [call(1), call(2)])
    server.respond(server.exchanges.theirs[1], {"content": {1, 2}})
    server.respond(server.exchanges.theirs[2], {"content": []})
    unwritable, good = only(sent(server))
    assert (unwritable["id"], unwritable["error"]["code"]) == (1, -32603)
    assert good == result(2, {"content": []})


# Batches of a server.


def test_a_client_answers_the_batch_of_a_server() -> None:
    client = a_session_of_a_client(V2025_03_26)
    events = feed(
        client,
        [
            request("a", "roots/list"),
            request("b", "ping"),
            request("a", "roots/list"),
            initialize(5),
        ],
    )
    assert [type(event) for event in events] == [Requested, Violated]
    assert sent(client) == []
    client.respond(client.exchanges.theirs["a"], {"roots": []})
    pong, duplicate, unknown, roots = only(sent(client))
    assert (pong, roots) == (result("b", {}), result("a", {"roots": []}))
    assert (duplicate["id"], duplicate["error"]["code"]) == (None, -32600)
    assert (unknown["id"], unknown["error"]["code"]) == (5, -32601)


def test_a_client_hears_answers_in_a_batch() -> None:
    client = a_session_of_a_client(V2025_03_26)
    exchanges = [client.request("tools/list", now=0.0) for _ in range(3)]
    answers: list[Json] = [result(exchange.id, {"tools": []}) for exchange in exchanges]
    answers[1] = error(exchanges[1].id, -32603)
    events = feed(client, answers)
    assert [type(event).__name__ for event in events] == ["Answered", "Refused", "Answered"]


@pytest.mark.rule("C-03")
@pytest.mark.parametrize("members", [[notice("x")], [result(1, {})], [3], [request(1, "ping")]])
def test_a_client_objects_to_an_array_only_if_a_request_is_in_it(members: list[object]) -> None:
    client = a_session_of_a_client()
    assert isinstance(only(feed(client, members)), Violated)
    asks = members == [request(1, "ping")]
    assert [message["error"]["code"] for message in sent(client)] == [-32600] * asks

    modern = a_modern_client()
    assert isinstance(only(feed(modern, members)), Violated)
    assert sent(modern) == []


def test_a_reply_is_complete_when_everything_expected_was_collected() -> None:
    reply = BatchReply()
    reply.expect()
    reply.expect()
    assert reply.collect(None) is None
    assert reply.collect(None) == []
