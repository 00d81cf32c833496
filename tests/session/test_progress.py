"""Progress, at the end that reports it and at the end that asked for it."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.envelope import PROTOCOL_VERSION
from barewire.protocol.revisions import LATEST, LEGACY, V2024_11_05, Revision
from barewire.session.events import Event, Progressed, Violated
from barewire.session.exceptions import LocalProtocolError
from tests.session.wire import (
    STRICT,
    Json,
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
    result,
    sent,
)


def progress(token: object, value: object, **more: Any) -> Json:
    return notice("notifications/progress", {"progressToken": token, "progress": value, **more})


# Reporting it.


@pytest.mark.rule("SR-052", "SR-058", "SR-059", "SR-061", "S-32", "M1105-PROG-01")
@pytest.mark.parametrize("token", ["index-job-42", "", 0, 7, "7", -1, 2**53])
def test_progress_names_the_token_of_the_request_in_its_type(token: int | str) -> None:
    server = a_session()
    exchange = asked(feed(server, call(1, progressToken=token)))
    assert server.progress(exchange, 0.5, 2, "Half of the first.")
    message = only(sent(server))
    assert message == progress(token, 0.5, total=2, message="Half of the first.")
    assert type(message["params"]["progressToken"]) is type(token)


@pytest.mark.rule("SR-062", "S-32", "M1105-PROG-05")
def test_progress_without_a_token_is_sent_to_nobody() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    assert not server.progress(exchange, 1)
    assert sent(server) == []


@pytest.mark.rule("M0326-PROG-04", "SR-059")
@pytest.mark.parametrize("revision", LEGACY)
def test_the_first_revision_has_no_message(revision: Revision) -> None:
    server = a_session(revision)
    exchange = asked(feed(server, call(1, progressToken="t")))
    server.progress(exchange, 1, message="One.")
    assert ("message" in only(sent(server))["params"]) is (revision is not V2024_11_05)


@pytest.mark.rule("S-33", "B23", "M1105-PROG-03")
@pytest.mark.parametrize("value", [1, 0.5, 0, -1, 1.0])
def test_progress_that_does_not_increase_is_not_sent(value: float) -> None:
    server = a_session()
    exchange = asked(feed(server, call(1, progressToken="t")))
    server.progress(exchange, 1)
    with pytest.raises(LocalProtocolError, match="must increase"):
        server.progress(exchange, value)
    server.progress(exchange, 1.5)
    assert [message["params"]["progress"] for message in sent(server)] == [1, 1.5]


@pytest.mark.rule("B29")
@pytest.mark.parametrize(
    ("value", "total"), [(nan, None), (inf, None), (-inf, 1), (1, nan), (1, inf)]
)
def test_numbers_that_json_does_not_have_are_not_sent(value: float, total: float | None) -> None:
    server = a_session()
    exchange = asked(feed(server, call(1, progressToken="t")))
    with pytest.raises(LocalProtocolError, match="no such number"):
        server.progress(exchange, value, total)
    assert sent(server) == []
    assert server.progress(exchange, -5)


@pytest.mark.parametrize(("value", "total"), [(10**400, None), (1, 10**400), (2**64, None)])
def test_nor_are_integers_that_it_can_write_but_nobody_reads(value: int, total: int | None) -> None:
    server = a_session()
    exchange = asked(feed(server, call(1, progressToken="t")))
    with pytest.raises(LocalProtocolError, match="cannot be written as JSON"):
        server.progress(exchange, value, total)
    assert sent(server) == []
    assert server.progress(exchange, 1)


@pytest.mark.rule("S-34", "SR-060", "M1105-PROG-08")
def test_progress_ends_with_the_answer() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1, progressToken="t")))
    server.respond(exchange, {"content": []})
    with pytest.raises(LocalProtocolError, match="cannot report progress"):
        server.progress(exchange, 1)


def test_a_token_of_the_wrong_type_is_an_invalid_param() -> None:
    for message in (call(1, progressToken=1.5), modern_call(1, progressToken=True)):
        server = a_session()
        feed(server, message)
        assert only(sent(server))["error"]["code"] == -32602


@pytest.mark.rule("M0728-LOG-05")
def test_a_subscription_has_no_progress_of_its_own() -> None:
    server = a_server()
    message = modern(1, "subscriptions/listen", {"notifications": {}}, progressToken="t")
    feed(server, message)
    sent(server)
    assert not server.progress(server.exchanges.theirs[1], 1)
    assert sent(server) == []


@pytest.mark.rule("SR-052")  # DEV-05
def test_a_client_reports_progress_of_what_a_legacy_server_asked() -> None:
    client = a_session_of_a_client()
    message = request("q", "roots/list", {"_meta": {"progressToken": "t"}})
    exchange = asked(feed(client, message))
    assert client.progress(exchange, 1)
    assert sent(client) == [progress("t", 1)]


# Asking for it.


def test_a_token_of_one_s_own_goes_before_any_other() -> None:
    client = a_modern_client()
    asked_for = [
        client.request("tools/list", now=0.0, progress=True, progress_token="mine"),
        client.request("tools/list", {"_meta": {"progressToken": "a"}}, now=0.0, progress=True),
        client.request(
            "tools/list", {"_meta": {"progressToken": "b"}}, now=0.0, progress_token="c"
        ),
    ]
    assert [exchange.progress_token for exchange in asked_for] == ["mine", "a", "c"]
    tokens = [message["params"]["_meta"]["progressToken"] for message in sent(client)]
    assert tokens == ["mine", "a", "c"]


def test_a_meta_that_is_no_object_brings_no_token_and_gives_way_to_the_envelope() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", {"_meta": 7}, now=0.0)
    assert exchange.progress_token is None
    assert PROTOCOL_VERSION in exchange.params["_meta"]


@pytest.mark.rule("SR-058", "M1105-PROG-02")
def test_a_token_is_the_request_s_id_unless_it_is_chosen() -> None:
    for client in (a_modern_client(), a_session_of_a_client()):
        own = client.request("tools/list", now=0.0, progress=True)
        chosen = client.request("tools/list", now=0.0, progress_token="index-job-42")
        brought = client.request("tools/list", {"_meta": {"progressToken": 0}}, now=0.0)
        none = client.request("tools/list", now=0.0)
        metas = [message.get("params", {}).get("_meta", {}) for message in sent(client)]
        assert [meta.get("progressToken") for meta in metas] == [own.id, "index-job-42", 0, None]
        assert none.progress_token is None
        for exchange in (own, chosen, brought):
            event = only(feed(client, progress(exchange.progress_token, 1)))
            assert isinstance(event, Progressed)
            assert event.exchange is exchange


@pytest.mark.rule("M1105-PROG-02")
def test_a_token_in_use_is_not_used_twice() -> None:
    client = a_modern_client()
    first = client.request("tools/list", now=0.0, progress_token="t")
    with pytest.raises(LocalProtocolError, match="is in use"):
        client.request("tools/list", now=0.0, progress_token="t")
    with pytest.raises(LocalProtocolError, match="is in use"):
        client.request("tools/list", {"_meta": {"progressToken": "t"}}, now=0.0)
    feed(client, result(first.id, {"tools": []}))
    client.request("tools/list", now=0.0, progress_token="t")


@pytest.mark.rule("M1105-PROG-02")
def test_a_token_of_our_own_choice_is_never_one_that_somebody_chose() -> None:
    client = a_modern_client()
    chosen = client.request("tools/list", now=0.0, progress_token=2)
    own = client.request("tools/list", now=0.0, progress=True)
    assert own.id == 2
    assert own.progress_token not in (None, 2)
    assert feed(client, progress(2, 1)) == [Progressed(chosen, 1)]
    assert feed(client, progress(own.progress_token, 1)) == [Progressed(own, 1)]


@pytest.mark.rule("M1105-PROG-01")
@pytest.mark.parametrize("token", [True, 1.5, [], {}])
def test_a_token_is_a_string_or_an_integer(token: object) -> None:
    client = a_modern_client()
    with pytest.raises(LocalProtocolError, match="string or an integer"):
        client.request("tools/list", {"_meta": {"progressToken": token}}, now=0.0)
    assert sent(client) == []


# Hearing it.


@pytest.mark.rule("SR-059", "SR-060")
def test_progress_is_heard_with_what_it_says() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    told = feed(
        client,
        progress(exchange.id, -1),
        progress(exchange.id, 0.25, total=4, message="One quarter."),
        progress(exchange.id, 3, total="many", message=7),
    )
    assert told == [
        Progressed(exchange, -1),
        Progressed(exchange, 0.25, 4, "One quarter."),
        Progressed(exchange, 3),
    ]


@pytest.mark.rule("C-13", "S-32")
@pytest.mark.parametrize("token", ["1", 2, "", "other"])
def test_progress_for_an_unknown_token_reaches_nobody(token: object) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    assert exchange.progress_token == 1
    assert feed(client, progress(token, 1)) == []
    assert exchange.progressed is None


@pytest.mark.rule("C-13")
def test_progress_after_the_end_reaches_nobody() -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    feed(client, result(exchange.id, {"tools": []}))
    assert feed(client, progress(exchange.id, 1)) == []
    assert client.exchanges.tokens == {}


@pytest.mark.rule("C-13", "B23")
@pytest.mark.parametrize("value", [5, 4.9, -5])
def test_progress_that_does_not_increase_is_dropped_and_a_strict_client_says_so(
    value: float,
) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    assert len(feed(client, progress(exchange.id, 5))) == 1
    assert feed(client, progress(exchange.id, value)) == []
    assert len(feed(client, progress(exchange.id, 6))) == 1

    client = a_modern_client(leniencies=STRICT)
    exchange = client.request("tools/list", now=0.0, progress=True)
    feed(client, progress(exchange.id, 5))
    assert isinstance(only(feed(client, progress(exchange.id, value))), Violated)
    assert exchange.progressed == 5


@pytest.mark.parametrize(
    "params",
    [
        {"progress": 1},
        {"progressToken": None, "progress": 1},
        {"progressToken": 1.5, "progress": 1},
        {"progressToken": True, "progress": 1},
        {"progressToken": 1},
        {"progressToken": 1, "progress": "1"},
        {"progressToken": 1, "progress": True},
        {"progressToken": 1, "progress": None},
        {},
        None,
    ],
)
def test_progress_of_the_wrong_shape_is_a_violation_and_is_not_answered(  # DEV-46
    params: Json | None,
) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    sent(client)
    event = only(feed(client, notice("notifications/progress", params)))
    assert isinstance(event, Violated)
    assert "params.progress" in event.detail
    assert sent(client) == []
    assert exchange.progressed is None


@pytest.mark.rule("SR-059")  # DEV-03
def test_the_guide_s_name_of_the_token_is_understood_and_a_strict_client_does_not() -> None:
    spelled = notice("notifications/progress", {"token": 1, "progress": 1})
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    assert feed(client, spelled) == [Progressed(exchange, 1)]
    both = notice("notifications/progress", {"token": 1, "progressToken": "x", "progress": 2})
    assert feed(client, both) == []

    strict = a_modern_client(leniencies=STRICT)
    strict.request("tools/list", now=0.0, progress=True)
    assert isinstance(only(feed(strict, spelled)), Violated)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-10, 10)))
@pytest.mark.rule("S-33", "C-13", "M1105-PROG-03")
def test_what_is_heard_strictly_increases_whatever_is_said(values: list[float]) -> None:
    client = a_modern_client()
    exchange = client.request("tools/list", now=0.0, progress=True)
    events: list[Event] = []
    for value in values:
        events += feed(client, progress(exchange.id, value))
    heard = [event.progress for event in events if isinstance(event, Progressed)]
    assert heard == sorted(set(heard))
    best: list[float] = []
    for value in values:
        if not best or value > best[-1]:
            best.append(value)
    assert heard == best


def test_the_modern_revision_knows_no_progress_from_clients() -> None:
    client = a_modern_client()
    with pytest.raises(LocalProtocolError, match=f"sends no notification .* in {LATEST.name}"):
        client.notify("notifications/progress", {"progressToken": 1, "progress": 1})
