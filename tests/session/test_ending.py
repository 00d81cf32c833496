"""The end of a connection: everything in flight ends exactly once."""

import pytest

from barewire.protocol.errors import Reason
from barewire.protocol.revisions import LATEST, LATEST_LEGACY
from barewire.session.events import Answered, Ended, Lost, Requested, Violated
from barewire.session.exceptions import ConnectionLost, LocalProtocolError
from barewire.session.limits import Limits
from tests.session.wire import (
    a_client,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    asked,
    call,
    feed,
    initialize,
    modern_call,
    notice,
    only,
    request,
    result,
    sent,
)


@pytest.mark.rule("S-58", "SR-129")
def test_at_the_end_of_the_stream_our_requests_are_lost_and_the_peer_s_may_be_answered() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    questions = [server.request("roots/list", now=0.0) for _ in range(2)]
    sent(server)
    assert server.receive_eof() == [*map(Lost, questions), Ended()]
    assert [question.state for question in questions] == ["lost", "lost"]
    assert server.exchanges.ours == {}
    server.progress(exchange, 1)
    server.respond(exchange, {"content": []})
    assert sent(server) == [result(1, {"content": []})]


def test_the_stream_ends_once() -> None:
    client = a_modern_client()
    client.request("tools/list", now=0.0)
    assert len(client.receive_eof()) == 2
    assert client.receive_eof() == []


@pytest.mark.parametrize("rest", [b'{"jsonrpc":"2.0","id":1,"resu', b"{", b"\xff"])
def test_a_line_without_an_end_that_is_no_message_is_a_violation_and_not_answered(
    rest: bytes,
) -> None:
    server = a_server()
    server.receive_data(rest, now=0.0)
    violated, ended = server.receive_eof()
    assert isinstance(violated, Violated)
    assert "in the middle of a line" in violated.detail
    assert ended == Ended()
    assert sent(server) == []


def test_a_long_line_without_an_end_is_a_violation() -> None:
    server = a_server(limits=Limits(line=10))
    server.receive_data(b"x" * 100, now=0.0)
    violated, _ = server.receive_eof()
    assert isinstance(violated, Violated)


def test_a_whole_message_without_a_line_end_counts() -> None:
    server = a_server()
    server.receive_data(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', now=0.0)
    assert server.receive_eof() == [Ended()]
    assert sent(server) == [result(1, {})]

    server = a_session()
    server.receive_data(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', now=0.0)
    requested, ended = server.receive_eof()
    assert isinstance(requested, Requested)
    assert ended == Ended()

    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    client.receive_data(b'{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}', now=0.0)
    assert client.receive_eof() == [Answered(exchange, {"tools": []}), Ended()]

    server = a_server()
    server.receive_data(b'{"id":1,"method":"ping"}', now=0.0)
    assert [type(event) for event in server.receive_eof()] == [Violated, Ended]
    assert only(sent(server))["error"]["code"] == -32600


def test_nobody_is_asked_after_the_end_of_the_stream() -> None:
    for connection in (a_modern_client(), a_session_of_a_client(), a_session()):
        connection.receive_eof()
        method = "ping" if connection.session else "tools/list"
        with pytest.raises(ConnectionLost):
            connection.request(method, now=0.0)
        assert connection.exchanges.ours == {}
        assert sent(connection) == []
    client = a_client()
    client.receive_eof()
    with pytest.raises(ConnectionLost):
        client.discover(LATEST, now=0.0)
    with pytest.raises(ConnectionLost):
        client.initialize(LATEST_LEGACY, now=0.0)


def test_closing_ends_everything_in_both_directions() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    listen = modern_call("s")
    listen["method"], listen["params"]["notifications"] = (
        "subscriptions/listen",
        {"toolsListChanged": True},
    )
    feed(server, listen)
    subscription = server.exchanges.theirs["s"]
    question = server.request("roots/list", now=0.0)
    sent(server)
    assert server.close() == [Lost(question)]
    assert (exchange.state, subscription.state, question.state) == ("lost", "lost", "lost")
    assert server.session is not None
    assert server.session.phase == "closed"
    assert (server.exchanges.theirs, server.exchanges.ours) == ({}, {})
    assert server.listeners.open == {}
    assert server.exchanges.tokens == {}
    assert server.deadline() is None


def test_after_closing_nothing_is_said_or_heard() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    server.close()
    with pytest.raises(LocalProtocolError):
        server.respond(exchange, {})
    with pytest.raises(LocalProtocolError):
        server.fail(exchange, Reason.INTERNAL_ERROR)
    with pytest.raises(ConnectionLost):
        server.request("ping", now=0.0)
    with pytest.raises(ConnectionLost):
        server.notify("notifications/tools/list_changed")
    assert not server.log(None, "error", 1)
    assert server.publish("notifications/tools/list_changed") == 0
    server.end_subscriptions()
    assert feed(server, call(2), b"garbage", initialize(3), modern_call(4)) == []
    assert server.receive_eof() == []
    assert server.close() == []
    assert sent(server) == []
    assert server.exchanges.theirs == {}


def test_closing_before_there_is_a_session_is_nothing_special() -> None:
    client = a_client()
    exchange = client.discover(LATEST, now=0.0)
    assert client.close() == [Lost(exchange)]
    assert a_server().close() == []


@pytest.mark.rule("S-58")
def test_after_the_stream_and_the_connection_have_ended_nothing_ends_twice() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, timeout=1.0)
    assert client.receive_eof()[0] == Lost(exchange)
    assert client.close() == []
    assert client.expire(100.0) == []


def test_what_comes_after_a_cancel_and_an_end_is_not_waited_for() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    client.cancel(exchange)
    assert client.receive_eof() == [Ended()]
    assert exchange.state == "cancelled"


def test_a_subscription_is_lost_with_the_stream() -> None:
    client = a_modern_client()
    listening = client.request("subscriptions/listen", {"notifications": {}}, now=0.0)
    assert client.receive_eof() == [Lost(listening), Ended()]


def test_a_request_still_counts_when_it_came_before_the_end() -> None:
    server = a_session()
    events = [*feed(server, request(1, "tools/list"), notice("nonsense")), *server.receive_eof()]
    assert [type(event) for event in events] == [Requested, Ended]
