"""What is no message: answers per role and era, limits, and the life after it."""

import json
from typing import Any

import pytest

from barewire.protocol.jsonrpc import Failure, Notification, Request, Success
from barewire.protocol.revisions import LEGACY, V2025_06_18, Revision
from barewire.session.connection import Connection
from barewire.session.events import Answered, Refused, Requested, Violated
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import DEFAULT_TIMEOUT
from barewire.session.limits import DEFAULT_LIMITS, Limits
from barewire.session.outbox import Outbox
from tests.session.wire import (
    INITIALIZED,
    Json,
    a_client,
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

NOT_JSON = [b"garbage", b"{", b'{"jsonrpc":"2.0"', b"\xff\xfe", b"NaN", b'{"a":1}}', b"[" * 2000]
NOT_A_MESSAGE = [b"{}", b"1", b'"x"', b"null", b"[]", b'{"foo":1}', b'{"jsonrpc":"2.0","method":1}']


def still_serves(server: Connection) -> bool:
    feed(server, request("after", "ping"))
    return sent(server) == [result("after", {})]


# Garbage.


@pytest.mark.rule("S-16", "S-17", "SR-105", "T4", "T5", "M1125-RPC-14", "B2", "M1105-RPC-01")
@pytest.mark.parametrize("line", NOT_JSON)
def test_a_server_answers_what_is_not_json_without_an_id(line: bytes) -> None:
    server = a_server()
    assert isinstance(only(feed(server, line)), Violated)
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32700
    assert "id" not in refusal
    assert still_serves(server)


@pytest.mark.rule("S-15", "S-17", "SR-106", "B2")
@pytest.mark.parametrize("line", NOT_A_MESSAGE)
def test_a_server_answers_json_that_is_no_message_without_an_id(line: bytes) -> None:
    server = a_server()
    assert isinstance(only(feed(server, line)), Violated)
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32600
    assert "id" not in refusal
    assert still_serves(server)


@pytest.mark.rule("SR-105", "M1125-RPC-14")
@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize("line", [b"garbage", b"[]", b"1"])
def test_in_the_first_three_revisions_the_missing_id_is_null(
    revision: Revision, line: bytes
) -> None:
    server = a_session(revision)
    feed(server, line)
    refusal = only(sent(server))
    assert ("id" in refusal) is (revision in LEGACY[:3])
    assert refusal.get("id") is None


@pytest.mark.rule("S-11", "S-15", "S-19", "T5", "B2")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', -32600),
        (b'{"id":7,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":3}', -32600),
        (b'{"jsonrpc":"2.0","id":7}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}', -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"\\ud800"}}', -32700),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","method":"x"}', -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"', -32700),
    ],
)
def test_a_request_that_can_be_identified_gets_its_error(line: bytes, code: int) -> None:
    for server in (a_server(), a_session()):
        assert isinstance(only(feed(server, line)), Violated)
        refusal = only(sent(server))
        assert (refusal["id"], refusal["error"]["code"]) == (7, code)
        assert still_serves(server)


@pytest.mark.rule("C-03", "C-10", "T4", "B3")
@pytest.mark.parametrize("line", [*NOT_JSON, *NOT_A_MESSAGE])
def test_a_client_reports_noise_and_does_not_answer_it(line: bytes) -> None:
    for client in (a_client(), a_modern_client(), a_session_of_a_client()):
        exchanges = [client.request("ping", now=0.0)] if client.session else []
        sent(client)
        assert isinstance(only(feed(client, line)), Violated)
        assert sent(client) == []
        for exchange in exchanges:
            assert isinstance(only(feed(client, result(exchange.id, {}))), Answered)


@pytest.mark.rule("S-15", "C-32", "C-03")
def test_a_client_answers_a_broken_request_in_a_session_only() -> None:
    line = b'{"id":7,"method":"roots/list"}'
    client = a_session_of_a_client()
    assert isinstance(only(feed(client, line)), Violated)
    assert only(sent(client))["id"] == 7
    for without in (a_client(), a_modern_client()):
        assert isinstance(only(feed(without, line)), Violated)
        assert sent(without) == []


@pytest.mark.rule("C-09", "C-10", "S-05", "M1105-RPC-08")
@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":3}',
        b'{"jsonrpc":"2.0","id":1,"error":3}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
        b'{"jsonrpc":"1.0","id":1,"result":{}}',
        b'{"id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"a":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"a":',
    ],
)
def test_a_broken_answer_ends_the_request_it_was_for(line: bytes) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    other = client.request("tools/list", now=0.0)
    sent(client)
    event = only(feed(client, line))
    assert isinstance(event, Violated)
    assert event.exchange is exchange
    assert exchange.state == "lost"
    assert client.exchanges.ours == {other.id: other}
    assert client.exchanges.tokens == {}
    assert sent(client) == []
    event = only(feed(client, line))
    assert isinstance(event, Violated)
    assert event.exchange is None


@pytest.mark.rule("C-12")
def test_a_broken_answer_to_what_was_given_up_is_nobody_s() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    client.cancel(exchange)
    event = only(feed(client, b'{"jsonrpc":"2.0","id":1,"result":3}'))
    assert isinstance(event, Violated)
    assert event.exchange is None
    assert exchange.state == "cancelled"


@pytest.mark.rule("B5")
def test_an_error_without_id_fails_the_only_request_in_flight_and_no_one_of_several() -> None:
    client = a_modern_client()
    nobody_s = only(feed(client, error(None, -32700, "Parse error")))
    assert isinstance(nobody_s, Violated)
    assert nobody_s.detail == "an error for no request: -32700 'Parse error'"
    unknown = only(feed(client, error("seven", -32700, "Parse error")))
    assert isinstance(unknown, Violated)
    assert unknown.detail == "an error for 'seven': -32700 'Parse error'"
    first = client.request("tools/list", now=0.0)
    without_id: Json = {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}}
    event = only(feed(client, without_id))
    assert event == Refused(first, Failure(None, -32700, "Parse error"))
    for _ in range(2):
        client.request("tools/list", now=0.0)
    assert isinstance(only(feed(client, error(None, -32700))), Violated)
    assert len(client.exchanges.ours) == 2


@pytest.mark.rule("S-06", "SR-104", "M0728-RPC-26", "M0728-RPC-30")
@pytest.mark.parametrize("code", [-32603, -32002, -32000, 0, 1, 10**9, -1])
def test_an_error_reaches_who_asked_with_everything_it_says(code: int) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    event = only(feed(client, error(exchange.id, code, "sorry", data={"field": "x"})))
    assert event == Refused(exchange, Failure(exchange.id, code, "sorry", {"field": "x"}))


def test_a_notification_that_is_unknown_or_of_another_revision_is_dropped() -> None:
    client = a_modern_client()
    for method in ("nonsense", "notifications/elicitation/complete", "tools/list"):
        assert feed(client, notice(method)) == []
    server = a_session(V2025_06_18)
    for method in ("nonsense", "notifications/tasks/status", "notifications/message"):
        assert feed(server, notice(method)) == []
    assert feed(a_server(), notice("notifications/roots/list_changed")) == []
    assert len(feed(server, notice("notifications/roots/list_changed"))) == 1


@pytest.mark.rule("B4")
def test_a_byte_order_mark_is_no_fault() -> None:
    server = a_server()
    feed(server, b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}')
    assert sent(server) == [result(1, {})]


def test_many_unreadable_frames_in_a_row_are_fatal_and_a_good_one_starts_anew() -> None:
    server = a_server(limits=Limits(consecutive_faults=3, line=100))
    for _ in range(2):
        events = [only(feed(server, noise)) for noise in (b"x", b"y" * 101, b"{}")]
        fatal = [event.fatal for event in events if isinstance(event, Violated)]
        assert fatal == [False, False, True]
        feed(server, b"", request(1, "ping"))


# Lines that are too long.


@pytest.mark.rule("T16", "B6", "B7")
def test_a_line_that_is_too_long_is_refused_and_the_limit_named() -> None:
    server = a_server(limits=Limits(line=200))
    event = only(feed(server, json.dumps(call(1, "x" * 300)).encode()))
    assert isinstance(event, Violated)
    assert "limits.line is 200" in event.detail
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32600
    assert "limits.line is 200" in refusal["error"]["message"]
    assert "id" not in refusal
    assert still_serves(server)


@pytest.mark.rule("T16", "S-13", "C-10")
def test_an_answer_that_is_too_long_ends_the_request_and_is_not_answered() -> None:
    limits = Limits(line=200)
    client, server = a_modern_client(limits=limits), a_session(limits=Limits(line=300))
    call_of_client = client.request("tools/list", now=0.0)
    stays = client.request("tools/list", now=0.0)
    question = server.request("roots/list", now=0.0)
    for connection, exchange in ((client, call_of_client), (server, question)):
        sent(connection)
        line = json.dumps(result(exchange.id, {"a": "x" * 400})).encode()
        event = only(feed(connection, line))
        assert isinstance(event, Violated)
        assert event.exchange is exchange
        assert "limits.line" in event.detail
        assert sent(connection) == []
    assert client.exchanges.ours == {stays.id: stays}


def test_a_client_does_not_answer_a_line_that_is_too_long() -> None:
    client = a_session_of_a_client(limits=Limits(line=200))
    event = only(feed(client, json.dumps(request(1, "ping", {"a": "x" * 300})).encode()))
    assert isinstance(event, Violated)
    assert sent(client) == []


# Too much at once.


@pytest.mark.rule("T33")
@pytest.mark.parametrize("make", [call, modern_call])
def test_beyond_the_limits_a_request_is_refused_as_busy_and_everything_else_passes(
    make: Any,
) -> None:
    server = a_session(limits=Limits(running=2, queued=1))
    question = server.request("roots/list", now=0.0)
    exchanges = [asked(feed(server, make(id))) for id in range(3)]
    sent(server)
    assert feed(server, make("more")) == []
    refusal = only(sent(server))
    assert (refusal["id"], refusal["error"]["code"]) == ("more", -32603)
    assert refusal["error"]["data"] == {"retryable": True}
    assert "more" not in server.exchanges.theirs

    feed(server, request("p", "ping"))
    assert sent(server) == [result("p", {})]
    assert isinstance(only(feed(server, result(question.id, {"roots": []}))), Answered)
    assert len(feed(server, notice("notifications/cancelled", {"requestId": 0}))) == 1
    assert asked(feed(server, make("more"))).id == "more"
    server.respond(exchanges[1], {"content": []})
    assert asked(feed(server, make("again"))).id == "again"
    feed(server, make("too many"))
    assert sent(server)[-1]["error"]["data"] == {"retryable": True}


def test_open_subscriptions_take_no_place_among_the_running() -> None:
    server = a_server(limits=Limits(running=1, queued=0))
    listen = modern_call("s")
    listen["method"], listen["params"]["notifications"] = "subscriptions/listen", {}
    feed(server, listen)
    assert len(feed(server, modern_call(1))) == 1
    assert feed(server, modern_call(2)) == []
    assert Limits(running=3, queued=4).theirs == 7


def test_the_limits_are_those_that_were_settled() -> None:
    assert DEFAULT_LIMITS.theirs == 64 + 1_000
    assert DEFAULT_LIMITS.line == 128 * 1024 * 1024
    assert DEFAULT_LIMITS.batch == 100
    assert DEFAULT_LIMITS.pending == 256 * 1024
    assert DEFAULT_LIMITS.ours == DEFAULT_LIMITS.subscriptions == 10_000
    assert DEFAULT_LIMITS.given_up == DEFAULT_LIMITS.consecutive_faults == 1_000
    assert DEFAULT_LIMITS.listening == 100
    assert DEFAULT_LIMITS.stalled == DEFAULT_TIMEOUT == 60.0


def test_our_own_requests_have_a_limit_that_is_named() -> None:
    client = a_modern_client(limits=Limits(ours=2))
    first = client.request("tools/list", now=0.0)
    client.request("tools/list", now=0.0)
    with pytest.raises(LocalProtocolError, match=r"limits\.ours is 2"):
        client.request("tools/list", now=0.0)
    feed(client, result(first.id, {"tools": []}))
    client.request("tools/list", now=0.0)


# What JSON cannot carry.


@pytest.mark.rule("B1", "T3", "SR-109", "SR-119")
@pytest.mark.parametrize("odd", ["a\ud800b", {1, 2}, 10**30, {3: 4}, object()])
def test_an_answer_that_cannot_be_written_is_an_internal_error_and_the_session_lives(
    odd: object,
) -> None:
    for make in (call, modern_call):
        server = a_session()
        server.respond(asked(feed(server, make(1))), {"content": odd})
        refusal = only(sent(server))
        assert (refusal["id"], refusal["error"]["code"]) == (1, -32603)
        assert "JSON" in refusal["error"]["message"]
        assert still_serves(server)
        server.fail_with(asked(feed(server, make(2))), 5, "mine", odd)
        refusal = only(sent(server))
        assert (refusal["id"], refusal["error"]["code"]) == (2, -32603)


@pytest.mark.rule("B1")
def test_what_is_no_answer_and_cannot_be_written_is_not_sent() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1, progressToken="t")))
    for say in (
        lambda: server.log(None, "info", {1}),
        lambda: server.progress(exchange, 1, None, "\ud800"),
        lambda: server.request("roots/list", {"a": {1}}, now=0.0),
        lambda: server.send(Notification("x", {"a": {1}})),
        lambda: server.send(Request(1, "x", {"a": {1}})),
    ):
        with pytest.raises(LocalProtocolError, match="JSON"):
            say()
    assert sent(server) == []
    assert (server.exchanges.ours, server.pending) == ({}, 0)
    assert still_serves(server)


# The queue of what is to be written.


def test_the_queue_counts_its_bytes_and_keeps_its_order() -> None:
    server = a_server()
    assert server.pending == 0
    server.send(Notification("a"))
    server.send(Success(1, {}))
    assert server.pending == sum(map(len, (b'{"jsonrpc":"2.0","method":"a"}\n',))) + len(
        b'{"jsonrpc":"2.0","id":1,"result":{}}\n'
    )
    buffers = server.data_to_send()
    assert [json.loads(buffer).get("method") for buffer in buffers] == ["a", None]
    assert all(buffer.endswith(b"\n") and buffer.count(b"\n") == 1 for buffer in buffers)
    assert (server.pending, server.data_to_send()) == (0, [])


@pytest.mark.rule("S-04", "M1105-STD-03", "M0326-STD-01")
def test_no_message_holds_a_line_end_whatever_it_says() -> None:
    server = a_session()
    text = "a\nb\rc\u2028d\u0085e\x00f\U0001f98a"
    server.respond(asked(feed(server, call(1))), {"content": [], "text": text})
    buffer = only(server.data_to_send())
    assert buffer.count(b"\n") == 1
    assert b"\r" not in buffer
    assert json.loads(buffer.decode())["result"]["text"] == text


def test_a_closed_queue_drops_what_it_is_given() -> None:
    outbox = Outbox()
    outbox.closed = True
    assert not outbox.send(Success(1, {}))
    outbox.send_batch([Success(1, {})])
    assert outbox.take() == []


@pytest.mark.rule("S-20")
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_messages_are_the_same_however_their_bytes_are_cut(size: int) -> None:
    lines = [call(1, "é\u2028\U0001f98a"), INITIALIZED, request(2, "ping")]
    data = b"\r\n\n".join(json.dumps(line, ensure_ascii=False).encode() for line in lines) + b"\n"
    server = a_session()
    events = [
        event
        for start in range(0, len(data), size)
        for event in server.receive_data(data[start : start + size], now=0.0)
    ]
    event = only(events)
    assert isinstance(event, Requested)
    assert event.exchange.params["name"] == "é\u2028\U0001f98a"
    assert sent(server) == [result(2, {})]
