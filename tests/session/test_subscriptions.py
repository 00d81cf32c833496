"""Subscriptions of both eras, at the server's end and at the client's."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.envelope import SERVER_INFO, SUBSCRIPTION_ID
from barewire.protocol.jsonrpc import Notification
from barewire.protocol.revisions import LEGACY, V2025_06_18, Revision
from barewire.session.connection import Connection
from barewire.session.events import (
    Abandoned,
    Acknowledged,
    Answered,
    Event,
    Notified,
    Violated,
)
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.limits import Limits
from barewire.session.subscriptions import (
    ACKNOWLEDGED,
    CHANGES,
    UPDATED,
    Subscription,
    accept_listen,
    covers,
    end_listen,
)
from tests.session.wire import (
    SERVER_INFO as US,
)
from tests.session.wire import (
    Json,
    a_client,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    asked,
    call,
    feed,
    initialize,
    modern,
    modern_call,
    notice,
    only,
    request,
    result,
    sent,
)

TOOLS, PROMPTS, RESOURCES = (
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
)
EVERYTHING: Json = {
    "toolsListChanged": True,
    "promptsListChanged": True,
    "resourcesListChanged": True,
    "resourceSubscriptions": ["file:///a", "file:///b/"],
}


def listen(id: object, notifications: Mapping[str, Any], **meta: Any) -> Json:
    return modern(id, "subscriptions/listen", {"notifications": dict(notifications)}, **meta)


def tagged(id: object, method: str, **params: Any) -> Json:
    return notice(method, {**params, "_meta": {SUBSCRIPTION_ID: id}})


def ack(id: object, honoured: Mapping[str, Any]) -> Json:
    return tagged(id, ACKNOWLEDGED, notifications=dict(honoured))


# Modern, at the server's end.


@pytest.mark.rule("S-39", "S-40", "M0728-SUB-02", "M0728-META-16", "S-09")
@pytest.mark.parametrize("id", [1, "1", 0, "", 2**53])
def test_the_acknowledgement_comes_first_and_carries_the_id_in_its_type(id: int | str) -> None:
    server = a_server()
    event = only(feed(server, listen(id, EVERYTHING)))
    assert event == Acknowledged(server.exchanges.theirs[id], EVERYTHING)
    server.publish(TOOLS)
    first, second = sent(server)
    assert first == ack(id, EVERYTHING)
    assert second == tagged(id, TOOLS)
    for message in (first, second):
        assert type(message["params"]["_meta"][SUBSCRIPTION_ID]) is type(id)


@pytest.mark.rule("S-41", "M0728-SUB-01", "M0728-SUB-04", "SR-047", "SR-049", "SR-050", "SR-051")
@given(st.sets(st.sampled_from(sorted(EVERYTHING))), st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_only_what_was_asked_for_and_is_offered_is_honoured_and_sent(
    wanted: set[str], offered: set[str]
) -> None:
    declared: Json = {
        "tools": {"listChanged": "toolsListChanged" in offered},
        "prompts": {"listChanged": "promptsListChanged" in offered},
        "resources": {
            "listChanged": "resourcesListChanged" in offered,
            "subscribe": "resourceSubscriptions" in offered,
        },
    }
    server = a_server(declared)
    feed(server, listen("s", {key: EVERYTHING[key] for key in wanted}))
    honoured = {key: EVERYTHING[key] for key in EVERYTHING if key in wanted & offered}
    assert only(sent(server)) == ack("s", honoured)
    for method, member in CHANGES.items():
        assert server.publish(method) == (member in honoured)
    assert server.publish(UPDATED, {"uri": "file:///a"}) == ("resourceSubscriptions" in honoured)
    assert server.publish(UPDATED, {"uri": "file:///other"}) == 0
    assert len(sent(server)) == len(honoured)


@pytest.mark.rule("S-41")
@pytest.mark.parametrize("no", [{}, {"toolsListChanged": False}, {"resourceSubscriptions": []}])
def test_what_is_denied_or_empty_is_not_honoured(no: Json) -> None:
    server = a_server()
    feed(server, listen(1, no))
    assert only(sent(server)) == ack(1, {})
    assert server.publish(TOOLS) == 0
    assert sent(server) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"toolsListChanged": "yes"},
        {"resourceSubscriptions": "file:///a"},
        {"resourceSubscriptions": [3]},
    ],
)
def test_a_filter_that_does_not_fit_is_refused(wrong: Json) -> None:
    server = a_server()
    assert feed(server, listen(1, wrong)) == []
    assert only(sent(server))["error"]["code"] == -32602
    assert server.listeners.open == {}


@pytest.mark.rule("S-42", "C-18", "M0728-STD-09")
def test_several_subscriptions_are_told_apart_and_cancelling_one_leaves_the_others() -> None:
    server = a_server()
    feed(server, listen(1, {"toolsListChanged": True}), listen("1", EVERYTHING))
    feed(server, listen(2, {"promptsListChanged": True}))
    sent(server)
    assert server.publish(TOOLS) == 2
    assert sent(server) == [tagged(1, TOOLS), tagged("1", TOOLS)]
    event = only(feed(server, notice("notifications/cancelled", {"requestId": "1"})))
    assert isinstance(event, Abandoned)
    assert server.publish(TOOLS) == 1
    assert server.publish(PROMPTS) == 1
    assert sent(server) == [tagged(1, TOOLS), tagged(2, PROMPTS)]
    assert list(server.exchanges.theirs) == [1, 2]


@pytest.mark.rule("M0728-SUB-05", "M0728-SUB-06", "M0728-CAN-07", "M0728-CAN-11", "S-38", "S-40")
def test_a_server_that_goes_away_says_cancelled_and_then_answers() -> None:
    server = a_server()
    feed(server, listen(1, EVERYTHING), listen("a", {}), modern_call(2))
    sent(server)
    subscription = server.exchanges.theirs[1].subscription
    server.end_subscriptions()
    assert isinstance(subscription, Subscription)
    assert subscription.state == "ended"
    messages = sent(server)
    expected: list[Json] = []
    for id in (1, "a"):
        meta = {SERVER_INFO: US, SUBSCRIPTION_ID: id}
        expected.append(tagged(id, "notifications/cancelled", requestId=id))
        expected.append(result(id, {"resultType": "complete", "_meta": meta}))
    assert messages == expected
    assert server.listeners.open == {}
    assert list(server.exchanges.theirs) == [2]
    assert server.publish(TOOLS) == 0
    server.end_subscriptions()
    assert sent(server) == []


@pytest.mark.rule("S-40")
def test_an_answer_to_a_subscription_carries_its_id_whoever_gives_it() -> None:
    server = a_server()
    feed(server, listen(7, EVERYTHING))
    sent(server)
    server.respond(server.exchanges.theirs[7], {"_meta": {"own": 1}})
    assert only(sent(server))["result"]["_meta"] == {SERVER_INFO: US, SUBSCRIPTION_ID: 7, "own": 1}
    assert server.listeners.open == {}


@pytest.mark.rule("SR-047", "M0728-META-16")
def test_an_update_of_a_sub_resource_is_told_and_keeps_its_own_members() -> None:
    server = a_server()
    feed(server, listen(1, {"resourceSubscriptions": ["file:///b"]}))
    sent(server)
    assert server.publish(UPDATED, {"uri": "file:///b/c", "_meta": {"own": 1}}) == 1
    assert server.publish(UPDATED, {"uri": "file:///bc"}) == 0
    message = only(sent(server))
    assert message["params"]["uri"] == "file:///b/c"
    assert message["params"]["_meta"] == {"own": 1, SUBSCRIPTION_ID: 1}


@pytest.mark.parametrize(
    ("subscribed", "uri", "told"),
    [
        ("file:///a", "file:///a", True),
        ("file:///a", "file:///a/", True),
        ("file:///a/", "file:///a/b/c", True),
        ("file:///a", "file:///a/b", True),
        ("file:///a", "file:///ab", False),
        ("file:///a/b", "file:///a", False),
        ("file:///", "file:///a", True),
        ("db:x", "db:x/1", True),
        ("a", "a/b", True),
        ("db:x", "db:xy", False),
        ("", "/a", False),
        ("/", "/a", False),
    ],
)
def test_a_resource_holds_what_is_below_it(subscribed: str, uri: str, told: bool) -> None:
    assert covers(frozenset({subscribed}), uri) is told


def test_resources_that_are_listed_twice_are_honoured_once() -> None:
    server = a_server()
    feed(server, listen(1, {"resourceSubscriptions": ["a:1", "a:2", "a:1"]}))
    assert only(sent(server)) == ack(1, {"resourceSubscriptions": ["a:1", "a:2"]})


def test_too_many_resources_or_subscriptions_are_refused() -> None:
    server = a_server(limits=Limits(subscriptions=2, listening=2))
    feed(server, listen(1, {"resourceSubscriptions": ["a:1", "a:2", "a:3"]}))
    refusal = only(sent(server))
    assert refusal["error"]["code"] == -32602
    assert "at most 2" in refusal["error"]["message"]
    feed(server, listen(2, {}), listen(3, {}), listen(4, {}))
    refusal = sent(server)[-1]
    assert (refusal["id"], refusal["error"]["code"]) == (4, -32603)
    assert refusal["error"]["data"] == {"retryable": True}
    assert "at most 2" in refusal["error"]["message"]
    feed(server, notice("notifications/cancelled", {"requestId": 2}), listen(5, {}))
    assert list(server.listeners.open) == [3, 5]


# Coalescing.


@pytest.mark.rule("T37")
def test_a_change_that_still_waits_is_not_queued_again() -> None:
    server = a_server()
    feed(server, listen(1, EVERYTHING), listen(2, EVERYTHING))
    feed(server, initialize("i"), notice("notifications/initialized"))
    sent(server)
    assert server.publish(TOOLS) == 3
    assert server.publish(TOOLS) == 0
    assert server.publish(PROMPTS) == 3
    assert server.publish(UPDATED, {"uri": "file:///a"}) == 2
    assert server.publish(UPDATED, {"uri": "file:///a"}) == 0
    assert server.publish(UPDATED, {"uri": "file:///a/b"}) == 2
    assert len(sent(server)) == 10
    assert server.publish(TOOLS) == 3


def test_a_change_that_cannot_be_written_does_not_count_as_waiting() -> None:
    server = a_server()
    feed(server, listen(1, {"toolsListChanged": True}))
    sent(server)
    with pytest.raises(LocalProtocolError, match="JSON"):
        server.publish(TOOLS, {"odd": {1}})
    assert server.publish(TOOLS) == 1
    assert sent(server) == [tagged(1, TOOLS)]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("notifications/message", {"level": "info", "data": 1}),
        ("notifications/progress", None),
        ("nonsense", None),
        (UPDATED, None),
        (UPDATED, {"uri": 3}),
    ],
)
def test_only_changes_are_published(method: str, params: Json | None) -> None:
    server = a_server()
    with pytest.raises(LocalProtocolError):
        server.publish(method, params)
    with pytest.raises(LocalProtocolError, match="only a server"):
        a_client().publish(TOOLS)


# Legacy, at the server's end.


@pytest.mark.rule("SR-047")  # DEV-43
@pytest.mark.parametrize("revision", LEGACY)
def test_updates_go_to_those_who_subscribed_and_stop_when_they_unsubscribe(
    revision: Revision,
) -> None:
    server = a_session(revision)
    assert server.publish(UPDATED, {"uri": "file:///a"}) == 0
    for method, told in (("resources/subscribe", 1), ("resources/unsubscribe", 0)):
        event = only(feed(server, request(1, method, {"uri": "file:///a"})))
        assert isinstance(event, Notified)
        assert event.notification.method == method
        assert sent(server) == [result(1, {})]
        assert server.publish(UPDATED, {"uri": "file:///a/b"}) == told
        assert sent(server) == [notice(UPDATED, {"uri": "file:///a/b"})] * told
    feed(server, request(2, "resources/unsubscribe", {"uri": "never"}))
    assert sent(server) == [result(2, {})]


@pytest.mark.rule("SR-049", "SR-050", "SR-051", "M1105-RES-04")
@pytest.mark.parametrize("declared", [True, False])
def test_changed_lists_are_told_to_every_session_if_that_was_declared(declared: bool) -> None:
    capabilities = {
        "tools": {"listChanged": declared},
        "prompts": {"listChanged": declared},
        "resources": {"listChanged": declared},
    }
    server = a_session(V2025_06_18, capabilities)
    for method in CHANGES:
        assert server.publish(method) == declared
    assert [message["method"] for message in sent(server)] == list(CHANGES) * declared


@pytest.mark.rule("M1105-LIFE-06", "L-03")
def test_a_session_that_is_not_ready_hears_of_no_change() -> None:
    server = a_server()
    assert server.publish(TOOLS) == 0
    feed(server, initialize(1))
    sent(server)
    assert server.publish(TOOLS) == 0
    assert sent(server) == []


def test_a_session_has_so_many_subscriptions_and_no_more() -> None:
    server = a_session(limits=Limits(subscriptions=2))
    uris = ["a:1", "a:2", "a:1", "a:3"]
    events = [feed(server, request(uri, "resources/subscribe", {"uri": uri})) for uri in uris]
    assert [len(found) for found in events] == [1, 1, 1, 0]
    *granted, refused = sent(server)
    assert granted == [result(uri, {}) for uri in uris[:3]]
    assert refused["error"]["code"] == -32603
    assert "at most 2" in refused["error"]["message"]
    assert server.listeners.watched(server.session) == {"a:1", "a:2"}


def test_subscribing_takes_the_capability() -> None:
    server = a_session(capabilities={"resources": {"subscribe": False}})
    feed(server, request(1, "resources/subscribe", {"uri": "a:1"}))
    assert only(sent(server))["error"]["code"] == -32601
    feed(server, request(2, "resources/subscribe", {}))
    assert only(sent(server))["error"]["code"] == -32601


def test_what_anybody_watches_can_be_asked() -> None:
    server = a_session()
    assert server.listeners.watched(None) == frozenset()
    feed(server, request(1, "resources/subscribe", {"uri": "a:1"}))
    feed(server, listen(2, {"resourceSubscriptions": ["a:2", "a:3"]}), listen(3, {}))
    assert server.listeners.watched(server.session) == {"a:1", "a:2", "a:3"}
    assert server.listeners.watched(None) == {"a:2", "a:3"}


@pytest.mark.rule("S-41")
def test_both_eras_on_one_pipe_hear_each_by_its_own_rules() -> None:
    server = a_session()
    feed(server, listen(1, {"toolsListChanged": True}))
    sent(server)
    assert server.publish(TOOLS) == 2
    assert server.publish(PROMPTS) == 1
    assert sent(server) == [notice(TOOLS), tagged(1, TOOLS), notice(PROMPTS)]


# Modern, at the client's end.


def listening(
    client: Connection, asked_for: Json | None = None, honoured: Json | None = None
) -> Exchange:
    """Return a subscription of a client's that was acknowledged."""
    wanted = EVERYTHING if asked_for is None else asked_for
    exchange = client.request("subscriptions/listen", {"notifications": wanted}, now=0.0)
    event = only(feed(client, ack(exchange.id, wanted if honoured is None else honoured)))
    assert isinstance(event, Acknowledged)
    sent(client)
    return exchange


@pytest.mark.rule("M0728-SUB-04", "C-01", "M0728-META-06")
def test_a_client_hears_which_part_of_its_filter_is_honoured() -> None:
    client = a_modern_client()
    exchange = client.request("subscriptions/listen", {"notifications": EVERYTHING}, now=0.0)
    message = only(sent(client))
    assert message["params"]["notifications"] == EVERYTHING
    assert "io.modelcontextprotocol/clientCapabilities" in message["params"]["_meta"]
    honoured = {"toolsListChanged": True}
    assert feed(client, ack(exchange.id, honoured)) == [Acknowledged(exchange, honoured)]
    assert feed(client, ack(exchange.id, EVERYTHING)) == []


@pytest.mark.rule("C-18", "M0728-STD-09")
def test_a_client_tells_its_subscriptions_apart() -> None:
    client = a_modern_client()
    first, second = listening(client), listening(client)
    for exchange in (second, first, second):
        event = only(feed(client, tagged(exchange.id, TOOLS)))
        assert isinstance(event, Notified)
        assert event.exchange is exchange
    for wrong in ("1", 99, str(first.id)):
        assert feed(client, tagged(wrong, TOOLS)) == []
    assert only(feed(client, tagged(first.id, UPDATED, uri="file:///b/x")))


@pytest.mark.rule("M0728-SUB-03", "S-39")
def test_what_comes_before_the_acknowledgement_is_a_violation() -> None:
    client = a_modern_client()
    exchange = client.request("subscriptions/listen", {"notifications": EVERYTHING}, now=0.0)
    event = only(feed(client, tagged(exchange.id, TOOLS)))
    assert isinstance(event, Violated)
    assert "before" in event.detail
    assert isinstance(only(feed(client, ack(exchange.id, EVERYTHING))), Acknowledged)


@pytest.mark.rule("M0728-SUB-01", "S-41")
@pytest.mark.parametrize(
    "message", [(PROMPTS, {}), (UPDATED, {"uri": "file:///z"}), (RESOURCES, {})]
)
def test_a_kind_that_was_not_asked_for_is_a_violation(message: tuple[str, Json]) -> None:
    client = a_modern_client()
    exchange = listening(client, {"toolsListChanged": True, "resourcesListChanged": False})
    method, params = message
    event = only(feed(client, tagged(exchange.id, method, **params)))
    assert isinstance(event, Violated)
    assert method in event.detail
    assert len(feed(client, tagged(exchange.id, TOOLS))) == 1


def test_a_server_may_write_a_uri_in_its_own_way() -> None:
    client = a_modern_client()
    exchange = listening(client, {"resourceSubscriptions": ["file:///a b"]})
    event = only(feed(client, tagged(exchange.id, UPDATED, uri="file:///a%20b")))
    assert isinstance(event, Notified)
    assert event.exchange is exchange


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"notifications": 3},
        {"notifications": {"toolsListChanged": "yes"}},
        {"notifications": {"resourceSubscriptions": [1]}},
    ],
)
def test_an_acknowledgement_of_the_wrong_shape_is_a_violation(params: Json) -> None:
    client = a_modern_client()
    exchange = client.request("subscriptions/listen", {"notifications": EVERYTHING}, now=0.0)
    assert isinstance(only(feed(client, tagged(exchange.id, ACKNOWLEDGED, **params))), Violated)
    assert feed(client, tagged(99, ACKNOWLEDGED, **params)) == []
    assert feed(client, notice(ACKNOWLEDGED, params)) == []
    assert isinstance(only(feed(client, ack(exchange.id, {}))), Acknowledged)


@pytest.mark.rule("S-42", "M0728-SUB-05", "M0728-CAN-13")
def test_a_client_that_cancels_a_subscription_hears_no_more_of_it() -> None:
    client = a_modern_client()
    ended, stays = listening(client), listening(client)
    client.cancel(ended)
    assert only(sent(client))["params"] == {"requestId": ended.id}
    assert feed(client, tagged(ended.id, TOOLS)) == []
    assert feed(client, ack(ended.id, EVERYTHING)) == []
    assert len(feed(client, tagged(stays.id, TOOLS))) == 1


@pytest.mark.rule("M0728-SUB-05", "M0728-CAN-07")
@pytest.mark.parametrize("order", ["cancelled, result", "result, cancelled", "result", "cancelled"])
def test_a_subscription_that_its_server_ends_ends_once_in_whatever_order_that_is_said(
    order: str,
) -> None:
    client = a_modern_client()
    exchange = listening(client)
    events: list[Event] = []
    for said in order.split(", "):
        meta = {SUBSCRIPTION_ID: exchange.id}
        if said == "result":
            events += feed(client, result(exchange.id, {"resultType": "complete", "_meta": meta}))
        else:
            events += feed(
                client, tagged(exchange.id, "notifications/cancelled", requestId=exchange.id)
            )
    event = only(events)
    assert isinstance(event, Answered if order.startswith("result") else Abandoned)
    assert event.exchange is exchange
    assert client.exchanges.ours == {}
    assert sent(client) == []


def test_a_client_asks_only_for_what_a_filter_can_say() -> None:
    client = a_modern_client()
    for params in (None, {}, {"notifications": 3}, {"notifications": {"toolsListChanged": 1}}):
        with pytest.raises(LocalProtocolError, match=r"^params\.notifications"):
            client.request("subscriptions/listen", params, now=0.0)
    assert sent(client) == []
    assert client.exchanges.ours == {}


# The functions that do it, without a pipe.


def test_before_its_acknowledgement_a_subscription_is_what_was_asked_for() -> None:
    subscription = Subscription({"resourceSubscriptions": ["a:1"], "toolsListChanged": True})
    assert subscription.uris == {"a:1"}
    assert [subscription.asks_for(method) for method in (UPDATED, TOOLS, PROMPTS)] == [
        *(True, True, False),
    ]
    assert subscription.wants(UPDATED, {"uri": "a:1/b"})
    assert not subscription.wants(UPDATED, None)


@pytest.mark.rule("S-40", "M0728-SUB-02")
def test_what_is_tagged_with_the_id_of_another_request_belongs_to_no_subscription() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0)
    assert feed(client, tagged(exchange.id, TOOLS), ack(exchange.id, {})) == []


def test_tags_mean_nothing_in_a_session() -> None:
    client = a_session_of_a_client()
    message = tagged(1, TOOLS)
    event = only(feed(client, message))
    assert event == Notified(Notification(TOOLS, message["params"]), None)


def test_what_does_not_fit_a_notification_is_named() -> None:
    client = a_modern_client()
    stream = client.request("subscriptions/listen", {"notifications": {}}, now=0.0)
    wrong = [
        (ACKNOWLEDGED, {"notifications": 7}, "params.notifications must be"),
        (UPDATED, {"uri": 7}, "params.uri must be"),
    ]
    for method, params, said in wrong:
        event = only(feed(client, tagged(stream.id, method, **params)))
        assert isinstance(event, Violated)
        assert event.detail.startswith(f"{method}: {said}")


def test_as_many_resources_as_the_limit_says_are_honoured() -> None:
    wanted = ["a:1", "a:2", "a:3"]
    for limit, honoured in ((2, False), (3, True)):
        server = a_server(limits=Limits(subscriptions=limit))
        events = feed(server, listen(1, {"resourceSubscriptions": wanted}))
        assert bool(events) is honoured


def test_a_subscription_follows_its_table() -> None:
    subscription = Subscription({})
    exchange = asked(feed(a_server(), modern_call(1)))
    with pytest.raises(LocalProtocolError, match="cannot deliver: the subscription is asked"):
        subscription.deliver(exchange, TOOLS, None)
    subscription.acknowledge({})
    with pytest.raises(LocalProtocolError, match="cannot acknowledge"):
        subscription.acknowledge({})
    subscription.step("end")
    with pytest.raises(LocalProtocolError, match="cannot deliver"):
        subscription.step("deliver")


def test_only_a_subscription_ends_as_one() -> None:
    exchange = asked(feed(a_session(), call(1)))
    with pytest.raises(LocalProtocolError, match="not a subscription"):
        end_listen(exchange)


def test_a_listen_that_was_answered_cannot_be_acknowledged() -> None:
    exchange = asked(feed(a_server(), modern_call(1)))
    exchange.params["notifications"] = {}
    exchange.respond({})
    with pytest.raises(LocalProtocolError):
        accept_listen(exchange, 10)
