"""Log messages: eight levels against every threshold, in both eras."""

from typing import Any

import pytest

from barewire.protocol.envelope import LOG_LEVEL, LOG_LEVELS
from barewire.protocol.revisions import LEGACY, V2025_06_18, Revision
from barewire.session.events import Notified, Violated
from barewire.session.exceptions import LocalProtocolError
from barewire.session.session import Session
from tests.session.wire import (
    INITIALIZED,
    Json,
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

NAMES = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


def with_level(id: object, level: str) -> Json:
    message = modern_call(id)
    message["params"]["_meta"][LOG_LEVEL] = level
    return message


def set_level(id: object, level: Any) -> Json:
    return request(id, "logging/setLevel", {"level": level})


@pytest.mark.rule("SR-066", "SR-075")  # DEV-26
def test_there_are_eight_levels_and_the_last_is_the_most_severe() -> None:
    assert sorted(LOG_LEVELS, key=lambda name: -LOG_LEVELS[name]) == NAMES
    assert sorted(LOG_LEVELS.values()) == list(range(8))


@pytest.mark.rule("SR-067", "SR-068", "SR-069", "SR-070", "SR-071", "SR-072", "SR-073", "SR-074")
@pytest.mark.rule("M1105-LOG-02", "SR-076")  # DEV-44
@pytest.mark.parametrize("threshold", NAMES)
@pytest.mark.parametrize("revision", LEGACY)
def test_a_session_hears_what_is_as_severe_as_it_wants(threshold: str, revision: Revision) -> None:
    server = a_session(revision)
    feed(server, set_level(1, threshold))
    assert sent(server) == [result(1, {})]
    heard = [name for name in NAMES if server.log(None, name, {"n": name}, "db")]
    assert heard == NAMES[NAMES.index(threshold) :]
    assert sent(server) == [
        notice("notifications/message", {"level": name, "data": {"n": name}, "logger": "db"})
        for name in heard
    ]


@pytest.mark.rule("SR-067", "SR-074", "S-43", "SR-075")
@pytest.mark.parametrize("threshold", NAMES)
def test_a_modern_request_hears_what_is_as_severe_as_it_wants(threshold: str) -> None:
    server = a_server()
    exchange = asked(feed(server, with_level(1, threshold)))
    heard = [name for name in NAMES if server.log(exchange, name, name)]
    assert heard == NAMES[NAMES.index(threshold) :]
    assert [message["params"]["level"] for message in sent(server)] == heard


@pytest.mark.rule("M0728-LOG-04", "S-43", "M0728-STLS-01")
def test_a_modern_request_that_names_no_level_hears_nothing_whatever_the_session_wants() -> None:
    server = a_session()
    feed(server, set_level(1, "debug"))
    quiet, loud = (
        asked(feed(server, message)) for message in (modern_call(2), with_level(3, "info"))
    )
    sent(server)
    assert not server.log(quiet, "emergency", "fire")
    assert server.log(loud, "info", "smoke")
    assert len(sent(server)) == 1


@pytest.mark.rule("SR-065", "SR-053")
@pytest.mark.parametrize("data", ["text", 1, 1.5, None, True, [1], {"a": {"b": []}}])
def test_data_may_be_any_json(data: object) -> None:
    server = a_session()
    assert server.log(None, "error", data)
    params = only(sent(server))["params"]
    assert params == {"level": "error", "data": data}


def test_until_a_level_is_set_a_session_hears_everything() -> None:
    server = a_session()
    assert all(server.log(None, name, "x") for name in NAMES)


@pytest.mark.rule("SR-076")
def test_a_level_set_in_the_middle_of_a_call_counts_from_then_on() -> None:
    server = a_session()
    exchange = asked(feed(server, call(1)))
    assert server.log(exchange, "info", 1)
    feed(server, set_level(2, "error"))
    assert not server.log(exchange, "info", 2)
    assert server.log(exchange, "error", 3)
    feed(server, set_level(3, "debug"))
    assert server.log(exchange, "info", 4)
    server.respond(exchange, {"content": []})
    assert server.log(None, "info", 5)
    data = [m["params"]["data"] for m in sent(server) if m.get("method") == "notifications/message"]
    assert data == [1, 3, 4, 5]


@pytest.mark.rule("M1105-LOG-02", "SR-066")
@pytest.mark.parametrize("level", ["loud", "INFO", "", 3, None])
def test_a_level_that_does_not_exist_is_refused_and_changes_nothing(level: object) -> None:
    server = a_session()
    feed(server, set_level(1, "error"), set_level(2, level))
    _, refusal = sent(server)
    assert (refusal["id"], refusal["error"]["code"]) == (2, -32602)
    assert not server.log(None, "warning", "x")


def test_we_log_at_no_level_that_does_not_exist() -> None:
    server = a_session()
    exchange = asked(feed(server, with_level(1, "debug")))
    for where in (exchange, None):
        with pytest.raises(LocalProtocolError, match="log level must be one of"):
            server.log(where, "loud", "x")
    session = server.session
    assert session is not None
    with pytest.raises(LocalProtocolError, match="log level must be one of"):
        session.set_log_level("loud")


@pytest.mark.rule("M1105-LOG-01")
def test_a_server_that_does_not_declare_logging_does_not_log() -> None:
    server = a_session(capabilities={"tools": {}})
    exchange = asked(feed(server, with_level(1, "debug")))
    assert not server.log(None, "emergency", "x")
    assert not server.log(exchange, "emergency", "x")
    assert sent(server) == []
    feed(server, set_level(2, "debug"))
    assert only(sent(server))["error"]["code"] == -32601


@pytest.mark.rule("M1105-LIFE-06", "L-03")
def test_a_session_hears_log_messages_before_it_is_ready_but_not_before_it_is_agreed() -> None:
    server = a_server()
    assert not server.log(None, "error", 1)
    feed(server, initialize(1))
    sent(server)
    assert server.log(None, "error", 2)
    feed(server, INITIALIZED)
    assert server.log(None, "error", 3)
    assert [message["params"]["data"] for message in sent(server)] == [2, 3]


@pytest.mark.rule("M0728-LOG-05")
def test_a_subscription_hears_no_log_messages_whatever_it_asks_for() -> None:
    server = a_server()
    message = modern(1, "subscriptions/listen", {"notifications": {}})
    message["params"]["_meta"][LOG_LEVEL] = "debug"
    feed(server, message)
    sent(server)
    assert not server.log(server.exchanges.theirs[1], "emergency", "x")
    assert sent(server) == []


def test_a_session_with_no_level_at_all_hears_nothing() -> None:
    session = Session(a_server().local)
    session.log_level = None
    assert session.log("emergency", "x") is None


@pytest.mark.rule("SR-057")
def test_a_client_hears_log_messages_in_both_eras() -> None:
    message = notice("notifications/message", {"level": "info", "logger": "db", "data": [1]})
    for client in (a_modern_client(), a_session_of_a_client(V2025_06_18)):
        event = only(feed(client, message))
        assert isinstance(event, Notified)
        assert event.notification.params == message["params"]
        assert event.exchange is None


@pytest.mark.parametrize("params", [{"level": "loud", "data": 1}, {"level": "info"}, {}])
def test_a_log_message_of_the_wrong_shape_is_a_violation_and_is_not_answered(params: Json) -> None:
    client = a_session_of_a_client()
    event = only(feed(client, notice("notifications/message", params)))
    assert isinstance(event, Violated)
    assert "notifications/message" in event.detail
    assert sent(client) == []
