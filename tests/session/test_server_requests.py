"""What a legacy server asks: held back until the session is ready."""

import pytest

from barewire.protocol.revisions import LEGACY, Revision
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Answered, Expired, Lost, Opened, Refused, Violated
from barewire.session.exceptions import LocalProtocolError
from tests.session.wire import (
    INITIALIZED,
    a_server,
    call,
    error,
    feed,
    initialize,
    notice,
    only,
    result,
    sent,
)


def an_opened_server(revision: Revision = LEGACY[-1]) -> Connection:
    """Return a server that has answered `initialize` and has not heard `initialized`."""
    server = a_server()
    feed(server, initialize("i", revision.name))
    sent(server)
    return server


@pytest.mark.rule("M1105-LIFE-06", "L-03", "SR-112")
@pytest.mark.parametrize("revision", LEGACY)
def test_requests_wait_for_initialized_and_go_out_in_order(revision: Revision) -> None:
    server = an_opened_server(revision)
    first = server.request("roots/list", now=0.0)
    second = server.request("roots/list", now=0.0)
    assert (first.state, second.state, sent(server)) == ("held", "held", [])
    assert server.pending == 0
    assert isinstance(only(feed(server, INITIALIZED)), Opened)
    assert server.pending > 0
    assert [message["id"] for message in sent(server)] == [first.id, second.id]
    assert (first.state, second.state) == ("open", "open")
    event = only(feed(server, result(second.id, {"roots": []})))
    assert isinstance(event, Answered)
    assert event.exchange is second


@pytest.mark.rule("M1105-LIFE-06", "M1105-PING-01")
def test_a_ping_does_not_wait() -> None:
    server = an_opened_server()
    server.request("ping", now=0.0)
    assert only(sent(server))["method"] == "ping"


@pytest.mark.rule("S-13")
def test_nothing_answers_a_request_that_is_held() -> None:
    server = an_opened_server()
    exchange = server.request("roots/list", now=0.0)
    broken = {"jsonrpc": "2.0", "id": exchange.id, "result": 3}
    for message in (
        result(exchange.id, {"roots": []}),
        error(exchange.id, -32603),
        error(None, -32700),
        broken,
    ):
        event = only(feed(server, message))
        assert isinstance(event, Violated)
        assert event.exchange is None
        assert exchange.state == "held"
    feed(server, INITIALIZED)
    assert only(sent(server))["id"] == exchange.id
    assert isinstance(only(feed(server, error(None, -32700))), Refused)
    assert exchange.over


def test_a_held_request_that_is_given_up_is_never_sent_and_nothing_is_said_about_it() -> None:
    server = an_opened_server()
    cancelled = server.request("roots/list", now=0.0)
    expired = server.request("roots/list", now=0.0, timeout=1.0)
    stays = server.request("roots/list", now=0.0)
    server.cancel(cancelled)
    assert server.expire(1.0) == [Expired(expired)]
    assert sent(server) == []
    feed(server, INITIALIZED)
    assert [message["id"] for message in sent(server)] == [stays.id]
    for never_sent in (cancelled, expired):
        event = only(feed(server, result(never_sent.id, {"roots": []})))
        assert isinstance(event, Violated)


def test_a_held_request_is_cancelled_with_its_parent() -> None:
    server = an_opened_server()
    feed(server, call(1))
    child = server.request("roots/list", now=0.0, parent=server.exchanges.theirs[1])
    cancelled = notice("notifications/cancelled", {"requestId": 1})
    events = feed(server, cancelled)
    assert [event.exchange for event in events if isinstance(event, Abandoned)][1] is child
    feed(server, INITIALIZED)
    assert sent(server) == []


def test_a_held_request_is_lost_with_the_connection() -> None:
    server = an_opened_server()
    exchange = server.request("roots/list", now=0.0)
    assert server.receive_eof()[0] == Lost(exchange)
    feed(server, INITIALIZED)
    assert sent(server) == []


def test_a_held_request_that_cannot_be_written_is_refused_at_once() -> None:
    server = an_opened_server()
    with pytest.raises(LocalProtocolError, match="cannot be written"):
        server.request("roots/list", {"odd": {1, 2}}, now=0.0)
    assert server.exchanges.ours == {}
    feed(server, INITIALIZED)
    assert sent(server) == []


def test_what_is_held_stays_as_it_was_asked() -> None:
    server = an_opened_server()
    params = {"n": 1}
    server.request("roots/list", params, now=0.0)
    params["n"] = 2
    feed(server, INITIALIZED)
    assert only(sent(server))["params"] == {"n": 1}


@pytest.mark.rule("B5")
def test_an_error_without_id_belongs_to_the_one_request_that_is_in_flight() -> None:
    server = an_opened_server()
    ping = server.request("ping", now=0.0)
    held = server.request("roots/list", now=0.0)
    event = only(feed(server, error(None, -32700)))
    assert isinstance(event, Refused)
    assert ping.over
    assert held.state == "held"
