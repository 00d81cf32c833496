"""Deadlines: a clock that the tests hold, and a heap that does not grow with history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.jsonrpc import Request
from barewire.protocol.methods import sent_by
from barewire.protocol.revisions import LATEST
from barewire.session.deadlines import Deadlines
from barewire.session.events import Answered, Expired, Progressed
from barewire.session.exchange import DEFAULT_TIMEOUT, Exchange
from barewire.session.facts import Facts, Local
from tests.session.wire import (
    CLIENT_INFO_VALUE,
    a_modern_client,
    a_session_of_a_client,
    feed,
    notice,
    only,
    result,
    sent,
)

FACTS = Facts(Local("client", CLIENT_INFO_VALUE), LATEST, {})
LIST = sent_by("client", LATEST)["tools/list"]


def an_exchange(deadline: float | None, id: int = 1) -> Exchange:
    exchange = Exchange(Request(id, "tools/list"), LIST, FACTS, ours=True)
    exchange.deadline = deadline
    return exchange


@pytest.mark.rule("C-11", "M0326-TIME-01", "M0326-TIME-02", "M0728-TIME-03", "T18")
def test_a_request_expires_and_the_peer_is_told() -> None:
    for client in (a_modern_client(), a_session_of_a_client()):
        exchange = client.request("tools/list", now=10.0)
        sent(client)
        assert client.deadline() == 10.0 + DEFAULT_TIMEOUT
        assert client.expire(10.0 + DEFAULT_TIMEOUT - 0.001) == []
        assert sent(client) == []
        assert client.expire(10.0 + DEFAULT_TIMEOUT) == [Expired(exchange)]
        told = only(sent(client))
        assert told["method"] == "notifications/cancelled"
        assert told["params"] == {"requestId": exchange.id, "reason": "timed out"}
        assert client.deadline() is None
        assert feed(client, result(exchange.id, {"tools": []})) == []


@pytest.mark.rule("M0326-TIME-04")
def test_each_request_has_its_own_time() -> None:
    client = a_modern_client()
    slow = client.request("tools/list", now=0.0, timeout=100.0)
    quick = client.request("tools/list", now=0.0, timeout=1.0)
    never = client.request("tools/list", now=0.0, timeout=None)
    assert client.deadline() == 1.0
    assert client.expire(50.0) == [Expired(quick)]
    assert client.deadline() == 100.0
    assert client.expire(1e9) == [Expired(slow)]
    assert client.deadline() is None
    assert never.state == "open"


def test_those_whose_time_is_up_together_expire_in_order() -> None:
    client = a_modern_client()
    exchanges = [client.request("tools/list", now=0.0, timeout=t) for t in (3, 1, 2, 1)]
    expired = [event.exchange for event in client.expire(9.0) if isinstance(event, Expired)]
    assert expired == [exchanges[1], exchanges[3], exchanges[2], exchanges[0]]


@pytest.mark.rule("T18")
def test_progress_moves_the_deadline() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, timeout=10.0, progress=True)
    for step in range(1, 5):
        params = {"progressToken": exchange.id, "progress": step}
        heard = only(feed(client, notice("notifications/progress", params), now=step * 9.0))
        assert isinstance(heard, Progressed)
        assert client.expire(step * 9.0 + 9.9) == []
    assert client.deadline() == 46.0
    assert client.expire(46.0) == [Expired(exchange)]


@pytest.mark.rule("M0326-TIME-05", "T18")
def test_no_amount_of_progress_moves_the_maximum() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, timeout=10.0, maximum=25.0, progress=True)
    for step in range(1, 25):
        params = {"progressToken": exchange.id, "progress": step}
        feed(client, notice("notifications/progress", params), now=float(step))
        assert client.expire(float(step)) == []
    assert client.expire(25.0) == [Expired(exchange)]


def test_a_maximum_alone_is_a_deadline_too() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=5.0, timeout=None, maximum=2.0, progress=True)
    feed(client, notice("notifications/progress", {"progressToken": 1, "progress": 1}), now=6.0)
    assert client.deadline() == 7.0
    assert client.expire(7.0) == [Expired(exchange)]


def test_stale_progress_moves_nothing() -> None:
    client = a_modern_client()
    client.request("tools/list", now=0.0, timeout=10.0, progress=True)
    params = {"progressToken": 1, "progress": 1}
    feed(client, notice("notifications/progress", params), now=1.0)
    feed(client, notice("notifications/progress", params), now=5.0)
    client.expire(10.0)
    assert client.deadline() == 11.0


def test_a_subscription_waits_for_its_acknowledgement_only() -> None:
    client = a_modern_client()
    silent = client.request("subscriptions/listen", {"notifications": {}}, now=0.0, timeout=5.0)
    listening = client.request("subscriptions/listen", {"notifications": {}}, now=0.0, timeout=5.0)
    meta = {"io.modelcontextprotocol/subscriptionId": listening.id}
    told = {"notifications": {}, "_meta": meta}
    feed(client, notice("notifications/subscriptions/acknowledged", told), now=1.0)
    assert client.expire(1e9) == [Expired(silent)]
    assert listening.state == "open"
    assert client.deadline() is None


# Memory.


@pytest.mark.rule("B27", "T6")
def test_a_hundred_thousand_quick_calls_leave_nothing_behind() -> None:
    deadlines = Deadlines()
    for id in range(100_000):
        exchange = an_exchange(60.0 + id, id)
        deadlines.add(exchange, 1)
        exchange.answered()
        assert len(deadlines) <= 65
    assert deadlines.next() is None
    assert len(deadlines) == 0


def test_many_in_flight_are_all_kept() -> None:
    deadlines = Deadlines()
    open_ = [an_exchange(float(1000 - id), id) for id in range(500)]
    for live, exchange in enumerate(open_, 1):
        deadlines.add(exchange, live)
    assert len(deadlines) == 500
    assert deadlines.due(2000.0) == open_[::-1]


def test_a_heap_that_was_cleared_of_what_is_over_is_still_in_order() -> None:
    deadlines, left = Deadlines(), list[float]()
    for id in range(300):
        exchange = an_exchange(float(id * 7919 % 1009), id)
        deadlines.add(exchange, len(left) + 1)
        if id % 3:
            exchange.answered()
        else:
            left.append(exchange.deadline or 0.0)
    assert len(deadlines) < 300
    assert deadlines.next() == min(left)
    assert [exchange.deadline for exchange in deadlines.due(2000.0)] == sorted(left)


def test_the_heap_of_a_connection_follows_what_is_in_flight() -> None:
    client = a_modern_client()
    kept = [client.request("tools/list", now=0.0, timeout=1e6) for _ in range(10)]
    for _ in range(2_000):
        exchange = client.request("tools/list", now=0.0)
        assert isinstance(only(feed(client, result(exchange.id, {"tools": []}))), Answered)
        client.data_to_send()
    assert len(client.exchanges.deadlines) <= 66
    assert len(client.expire(2e6)) == len(kept)


def test_what_has_no_deadline_is_not_watched() -> None:
    deadlines = Deadlines()
    deadlines.add(an_exchange(None), 1)
    assert len(deadlines) == 0
    exchange = an_exchange(5.0)
    deadlines.add(exchange, 1)
    exchange.disarm()
    assert deadlines.next() is None
    deadlines.add(an_exchange(7.0), 1)
    exchange = an_exchange(6.0)
    deadlines.add(exchange, 2)
    exchange.disarm()
    assert deadlines.due(6.5) == []
    assert deadlines.next() == 7.0


@given(st.data())
def test_the_heap_agrees_with_a_list_that_is_searched(data: st.DataObject) -> None:
    deadlines, model = Deadlines(), list[Exchange]()
    now = 0.0
    for _ in range(data.draw(st.integers(0, 30))):
        step = data.draw(st.sampled_from(["add", "answer", "move", "wait"]))
        living = [exchange for exchange in model if not exchange.over]
        if step == "add":
            exchange = an_exchange(now + data.draw(st.integers(0, 5)), len(model))
            model.append(exchange)
            deadlines.add(exchange, len(living) + 1)
        elif step == "answer" and living:
            data.draw(st.sampled_from(living)).answered()
        elif step == "move" and living:
            exchange = data.draw(st.sampled_from(living))
            exchange.deadline = (exchange.deadline or 0.0) + data.draw(st.integers(0, 5))
        elif step == "wait":
            now += data.draw(st.integers(0, 5))
            due = deadlines.due(now)
            assert {id(one) for one in due} == {
                id(one) for one in living if one.deadline is not None and one.deadline <= now
            }
            assert [one.deadline for one in due] == sorted(one.deadline or 0.0 for one in due)
            for exchange in due:
                exchange.expire()
        left = [one.deadline for one in model if not one.over and one.deadline is not None]
        soonest = deadlines.next()
        # It may be early, since progress moves a deadline without a word; never late.
        assert (soonest is None) == (not left)
        assert soonest is None or soonest <= min(left)
