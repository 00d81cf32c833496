"""`notifications/cancelled`: who may give up what, and the seven races."""

from typing import Any

import pytest

from barewire.protocol.errors import Reason
from barewire.protocol.revisions import LATEST, LEGACY, V2025_06_18, V2025_11_25, Revision
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Answered, Expired, Progressed, Requested, Violated
from barewire.session.exceptions import LocalProtocolError
from tests.session.wire import (
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


def cancelled(id: object, **more: Any) -> Json:
    return notice("notifications/cancelled", {"requestId": id, **more})


def clients() -> list[Connection]:
    return [a_modern_client(), a_session_of_a_client()]


@pytest.mark.rule("SR-055", "SR-056", "M1105-CAN-04", "M0728-CAN-12", "M0728-STD-13", "S-35", "T9")
@pytest.mark.parametrize("make", [call, modern_call])
@pytest.mark.parametrize("id", [0, "", "0", -1, 2**53, "six"])
def test_a_cancelled_request_is_abandoned_and_nothing_more_is_said_for_it(
    make: Any, id: int | str
) -> None:
    server = a_session()
    exchange = asked(feed(server, make(id, progressToken="t", **_level(make))))
    event = only(feed(server, cancelled(id, reason="enough")))
    assert event == Abandoned(exchange, "enough")
    assert exchange.state == "cancelled"
    for say in (
        lambda: server.respond(exchange, {}),
        lambda: server.fail(exchange, Reason.INTERNAL_ERROR),
        lambda: server.fail_with(exchange, 1, "mine"),
        lambda: server.progress(exchange, 1),
    ):
        with pytest.raises(LocalProtocolError):
            say()
    if exchange.revision.modern:
        with pytest.raises(LocalProtocolError):
            server.log(exchange, "error", "late")
    assert sent(server) == []
    assert server.exchanges.theirs == {}


def _level(make: Any) -> Json:
    key = "io.modelcontextprotocol/logLevel"
    return {key: "debug"} if make is modern_call else {}


@pytest.mark.rule("S-36", "B15", "T9")
@pytest.mark.parametrize(("running", "named"), [(6, "6"), ("6", 6), (0, ""), ("", 0), (1, True)])
def test_an_id_of_another_type_cancels_nothing(running: int | str, named: object) -> None:
    server = a_session()
    exchange = asked(feed(server, call(running)))
    assert feed(server, cancelled(named)) == []
    server.respond(exchange, {"content": []})
    assert only(sent(server))["id"] == running


@pytest.mark.rule("S-36")
def test_of_twins_only_the_one_that_is_named_is_cancelled() -> None:
    server = a_session()
    number, text = (only(feed(server, call(id))) for id in (6, "6"))
    assert isinstance(number, Requested)
    assert isinstance(text, Requested)
    assert feed(server, cancelled("6")) == [Abandoned(text.exchange)]
    server.respond(number.exchange, {"content": []})
    assert sent(server) == [result(6, {"content": []})]


# The races.


@pytest.mark.rule("M1105-CAN-14")
def test_race_1_a_cancel_that_comes_after_the_answer_is_dropped() -> None:
    server = a_session()
    server.respond(asked(feed(server, call(1))), {"content": []})
    sent(server)
    assert feed(server, cancelled(1)) == []
    assert sent(server) == []


@pytest.mark.rule("M1105-CAN-05", "M0728-CAN-13", "C-12", "M1105-CAN-14")
@pytest.mark.parametrize("late", [result(2, {"tools": []}), error(2, -32603)])
def test_race_2_an_answer_that_comes_after_our_cancel_is_dropped_once(late: object) -> None:
    client = a_session_of_a_client()
    exchange = client.request("tools/list", now=0.0)
    assert exchange.id == 2
    client.cancel(exchange)
    assert feed(client, late) == []
    assert exchange.state == "settled"
    assert isinstance(only(feed(client, late)), Violated)


@pytest.mark.rule("S-35")
def test_race_3_a_cancel_in_the_same_bytes_comes_before_the_request_is_run() -> None:
    server = a_session()
    lines = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n' + (
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n'
    )
    requested, abandoned = server.receive_data(lines, now=0.0)
    assert isinstance(requested, Requested)
    assert abandoned == Abandoned(requested.exchange)
    assert requested.exchange.over


@pytest.mark.rule("S-37", "M1105-CAN-17", "S-12")
@pytest.mark.parametrize(
    "message",
    [
        cancelled(1),
        cancelled("never"),
        cancelled(None),
        cancelled(1.5),
        cancelled({}),
        notice("notifications/cancelled", {}),
        notice("notifications/cancelled"),
        notice("notifications/cancelled", {"reason": "why not"}),
    ],
)
def test_race_4_a_cancel_that_is_double_unknown_or_malformed_is_ignored(message: Json) -> None:
    for connection in (a_session(), a_server(), *clients(), a_client()):
        if connection.local.role == "server":
            feed(connection, modern_call(1), cancelled(1))
        assert feed(connection, message) == []
        assert sent(connection) == []


@pytest.mark.rule("M1105-CAN-15")
@pytest.mark.parametrize("reason", [3, None, {}])
def test_a_reason_that_is_no_text_is_left_out(reason: object) -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    assert feed(server, cancelled(1, reason=reason)) == [Abandoned(exchange, None)]


@pytest.mark.rule("M0728-MRTR-16")
def test_race_5_between_two_rounds_nothing_is_in_flight_that_could_be_cancelled() -> None:
    server = a_server()
    exchange = asked(feed(server, modern_call(1)))
    server.respond(exchange, {"resultType": "input_required", "requestState": "s"})
    sent(server)
    assert feed(server, cancelled(1)) == []
    assert (server.exchanges.theirs, server.exchanges.ours) == ({}, {})


@pytest.mark.rule("M1105-CAN-01")  # DEV-04
def test_race_6_what_was_asked_in_the_course_of_a_cancelled_request_is_cancelled_too() -> None:
    server = a_session()
    parent, other = (server_event for server_event in feed(server, call(1), call(2)))
    assert isinstance(parent, Requested)
    assert isinstance(other, Requested)
    children = [server.request("roots/list", now=0.0, parent=parent.exchange) for _ in range(2)]
    stays = server.request("roots/list", now=0.0, parent=other.exchange)
    sent(server)
    events = feed(server, cancelled(1))
    assert [event.exchange for event in events if isinstance(event, Abandoned)] == [
        parent.exchange,
        *children,
    ]
    notices = sent(server)
    assert [message["method"] for message in notices] == ["notifications/cancelled"] * 2
    assert [message["params"]["requestId"] for message in notices] == [c.id for c in children]
    assert server.exchanges.ours == {stays.id: stays}
    assert feed(server, result(children[0].id, {"roots": []})) == []


@pytest.mark.rule("M1105-CAN-18", "S-35")
def test_nothing_is_asked_in_the_course_of_a_request_that_is_over() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    feed(server, cancelled(1))
    with pytest.raises(LocalProtocolError, match="in the course of"):
        server.request("roots/list", now=0.0, parent=exchange)
    assert sent(server) == []


@pytest.mark.rule("S-34", "S-35", "M1105-PROG-05")
def test_race_7_progress_after_the_cancel_is_neither_sent_nor_heard() -> None:
    client = a_modern_client()
    exchange = client.request("tools/call", {"name": "x"}, now=0.0, progress=True)
    message = {"progressToken": exchange.progress_token, "progress": 1}
    heard = only(feed(client, notice("notifications/progress", message)))
    assert isinstance(heard, Progressed)
    client.cancel(exchange)
    message["progress"] = 2
    assert feed(client, notice("notifications/progress", message)) == []
    assert client.exchanges.tokens == {}


@pytest.mark.rule("M1105-CAN-14")
def test_a_cancel_of_what_has_ended_by_its_own_methods_is_dropped() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    exchange.respond({"content": []})
    assert feed(server, cancelled(1)) == []

    client = a_modern_client()
    stream = client.request("subscriptions/listen", {"notifications": {}}, now=0.0)
    stream.cancel()
    assert feed(client, cancelled(stream.id)) == []


# Our own requests.


@pytest.mark.rule("M0728-STD-11", "M1125-CAN-03", "M0728-CAN-06", "M0728-CAN-10")
def test_cancelling_says_which_and_why() -> None:
    for client in clients():
        exchange = client.request("tools/list", now=0.0)
        sent(client)
        client.cancel(exchange, "no longer needed")
        assert sent(client) == [cancelled(exchange.id, reason="no longer needed")]
        assert client.exchanges.ours == {}


@pytest.mark.rule("M1105-CAN-01")  # DEV-04
@pytest.mark.parametrize("revision", LEGACY)
def test_a_legacy_server_cancels_its_own_requests(revision: Revision) -> None:
    server = a_session(revision)
    exchange = server.request("roots/list", now=0.0, timeout=3.0)
    sent(server)
    assert server.expire(3.0) == [Expired(exchange)]
    assert only(sent(server))["params"]["requestId"] == exchange.id


@pytest.mark.rule("M1105-CAN-01", "SR-055")
def test_a_client_stops_what_its_server_gave_up() -> None:
    client = a_session_of_a_client()
    exchange = asked(feed(client, request("q", "roots/list")))
    assert feed(client, cancelled("q")) == [Abandoned(exchange)]
    with pytest.raises(LocalProtocolError):
        client.respond(exchange, {"roots": []})


@pytest.mark.rule("M1105-CAN-18")
def test_only_a_request_of_ours_that_is_in_flight_can_be_cancelled() -> None:
    client = a_session_of_a_client()
    exchange = client.request("tools/list", now=0.0)
    feed(client, result(exchange.id, {"tools": []}))
    with pytest.raises(LocalProtocolError):
        client.cancel(exchange)
    theirs = asked(feed(client, request("q", "roots/list")))
    with pytest.raises(LocalProtocolError, match="only the sender"):
        client.cancel(theirs)
    given_up = client.request("tools/list", now=0.0)
    client.cancel(given_up)
    with pytest.raises(LocalProtocolError):
        client.cancel(given_up)


def test_a_probe_is_never_cancelled_and_its_late_answer_is_dropped() -> None:
    client = a_client()
    exchange = client.discover(LATEST, now=0.0, timeout=2.0)
    sent(client)
    with pytest.raises(LocalProtocolError, match="cannot be cancelled"):
        client.cancel(exchange)
    assert client.expire(2.0) == [Expired(exchange)]
    assert sent(client) == []
    assert feed(client, result(exchange.id, {"supportedVersions": []})) == []


@pytest.mark.rule("M1125-CAN-02")
def test_a_request_that_runs_as_a_task_is_not_ended_by_a_notification() -> None:
    capabilities: Json = {"tools": {}, "tasks": {"requests": {"tools": {"call": {}}}}}
    client = a_session_of_a_client(V2025_11_25, server_capabilities=capabilities)
    exchange = client.request("tools/call", {"name": "x", "task": {}}, now=0.0, timeout=1.0)
    sent(client)
    with pytest.raises(LocalProtocolError, match="cannot be cancelled"):
        client.cancel(exchange)
    assert client.expire(1.0) == [Expired(exchange)]
    assert sent(client) == []

    older = a_session_of_a_client(V2025_06_18)
    exchange = older.request("tools/call", {"name": "x", "task": {}}, now=0.0)
    sent(older)
    older.cancel(exchange)
    assert only(sent(older))["method"] == "notifications/cancelled"


@pytest.mark.rule("M1105-LIFE-21", "M0728-CAN-08", "M0728-CAN-11")
def test_a_server_cannot_cancel_what_the_client_asked_unless_it_is_a_subscription() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    assert feed(client, cancelled(exchange.id)) == []
    assert isinstance(only(feed(client, result(exchange.id, {"tools": []}))), Answered)


@pytest.mark.rule("M1125-CAN-02", "T17")
def test_what_cannot_be_cancelled_outlives_the_request_in_whose_course_it_was_asked() -> None:
    tasks: Json = {"cancel": {}, "requests": {"sampling": {"createMessage": {}}}}
    server = a_session(
        V2025_11_25, client_capabilities={"sampling": {}, "roots": {}, "tasks": tasks}
    )
    parent = asked(feed(server, call(1)))
    prompt: Json = {"messages": [], "maxTokens": 1, "task": {}}
    stay = [
        server.request("sampling/createMessage", prompt, now=0.0, parent=parent),
        server.request("tasks/cancel", {"taskId": "t"}, now=0.0, parent=parent),
    ]
    goes = server.request("roots/list", now=0.0, parent=parent)
    sent(server)
    events = feed(server, cancelled(1))
    assert [event.exchange for event in events if isinstance(event, Abandoned)] == [parent, goes]
    assert only(sent(server))["params"]["requestId"] == goes.id
    for exchange in stay:
        assert isinstance(only(feed(server, result(exchange.id, {}))), Answered)


def test_a_request_that_cannot_be_cancelled_goes_on() -> None:
    server = a_session(V2025_11_25, {"tasks": {"cancel": {}}})
    exchange = asked(feed(server, request(1, "tasks/cancel", {"taskId": "t"})))
    assert feed(server, cancelled(1)) == []
    assert exchange.state == "open"


# Ids of what was given up.


def test_a_late_answer_is_waited_for_only_as_long_as_there_is_room() -> None:
    from barewire.session.limits import Limits

    client = a_modern_client(limits=Limits(given_up=3))
    exchanges = [client.request("tools/list", now=0.0) for _ in range(5)]
    for exchange in exchanges:
        client.cancel(exchange)
    late = [feed(client, result(exchange.id, {"tools": []})) for exchange in exchanges]
    assert [[type(event) for event in events] for events in late] == [
        [Violated],
        [Violated],
        [],
        [],
        [],
    ]
