"""Scripts of sessions and streams that lead our peer, beside the model, from begin to end."""

import pytest

from tests.model.samples import (
    ALL,
    CLIENTS,
    ENVELOPES,
    LEGACY,
    READY,
    SERVERS,
    agreed,
    hello,
    message,
)
from tests.model.scripts import CHANGES, asked, call, cancelled, error, progress, result
from tests.model.sides import BOUNDS, Sides, a_client, a_server
from tests.model.words import FILTERS, LEVELS, LOG_LEVEL, SUBSCRIPTION, Json

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"


@pytest.mark.parametrize("revision", LEGACY)
def test_changes_are_told_when_the_session_is_ready_and_not_before(revision: int) -> None:
    server = a_server(None, SERVERS[0])
    for said in (hello(revision, CLIENTS[0]), READY):
        server.publish("notifications/tools/list_changed", None)
        server.log(None, "error")
        server.hear(said, message("resources/subscribe", {"uri": "a:1"}, id=1))
        for name, params in CHANGES:
            server.publish(name, params or None)
            server.notify(name, params or None)


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("L-03", "M1105-LIFE-06")
def test_a_held_request_waits_for_the_session_and_may_end_before(revision: int) -> None:
    server = a_server(None, SERVERS[0])
    server.hear(hello(revision, CLIENTS[0]))
    kept, given_up = asked(server, "roots/list", token="k"), asked(server, "roots/list")
    asked(server, "roots/list", timeout=1.0)
    server.hear(progress("k", 1), result(kept.id, {}), error(None), error(kept.id))
    server.cancel(given_up, None)
    server.wait(2.0)
    server.hear(READY, result(kept.id, {"roots": []}), result(given_up.id, {}))


def test_an_error_without_an_id_is_not_about_what_is_held() -> None:
    server = a_server(None, SERVERS[0])
    server.hear(hello(4, CLIENTS[0]))
    asked(server, "roots/list")
    server.hear(error(None))
    asked(server, "ping")
    server.hear(error(None), READY, error(None))


@pytest.mark.rule("C-18", "M0728-STD-09", "M0728-SUB-02", "M0728-SUB-03")
def test_a_stream_begins_with_its_acknowledgement_and_carries_what_was_asked_for() -> None:
    client = a_client(5, CLIENTS[0])
    wanted: Json = {"toolsListChanged": True, "resourceSubscriptions": ["a:1"]}
    listening = [
        asked(client, "subscriptions/listen", {"notifications": one}, timeout=5.0, token=token)
        for one, token in ((wanted, None), ({"promptsListChanged": True}, "t"))
    ]
    ids = [near for one in listening for near in (one.id, str(one.id), float(one.id))]
    for honoured in (3, {"toolsListChanged": "yes"}, wanted, {}):
        for id in ids:
            for name, params in [*CHANGES, ("notifications/message", {"level": "info", "data": 1})]:
                client.hear(message(name, params, meta={SUBSCRIPTION: id}))
        for id in [9, *ids, None]:
            said = {"notifications": honoured}
            client.hear(message(ACKNOWLEDGED, said, meta={SUBSCRIPTION: id}))
    client.wait(50.0)
    one = listening[0]
    client.hear(progress("t", 1), cancelled(one.id, reason="bye"), result(one.id, {}))
    client.hear(result(listening[1].id, {}), cancelled(listening[1].id))
    one = asked(client, "tools/list")
    client.hear(cancelled(one.id), result(one.id, {}))
    asked(client, "subscriptions/listen", {"notifications": {}}, timeout=5.0)
    client.wait(5.0)


@pytest.mark.rule("S-38", "S-39", "S-40", "S-41", "S-42", "S-43", "M0728-META-16")
@pytest.mark.rule("M0728-SUB-01", "M0728-SUB-05", "M0728-CAN-07", "M0728-LOG-05")
def test_a_server_sends_each_listener_what_it_asked_for_until_the_end() -> None:
    for capabilities in SERVERS:
        server = a_server(3, capabilities)
        everything = dict.fromkeys(FILTERS, True) | {"resourceSubscriptions": ["a:1", "b:/"]}
        for number, wanted in enumerate([everything, {"toolsListChanged": True}]):
            meta = {**ENVELOPES[0], LOG_LEVEL: "debug", "progressToken": number}
            listen = {"notifications": wanted}
            server.hear(message("subscriptions/listen", listen, id=number, meta=meta))
        for name, params in CHANGES:
            server.publish(name, params or None)
        for served in list(server.model.theirs.values()):
            server.report(served, 1)
            server.log(served, "emergency")
        server.hear(cancelled("0"), cancelled(1))
        server.publish("notifications/tools/list_changed", None)
        server.end_subscriptions()
        server.publish("notifications/tools/list_changed", None)


@pytest.mark.parametrize("wanted", [*LEVELS, None])
@pytest.mark.rule("M0728-LOG-04")
def test_a_modern_request_has_a_log_level_of_its_own(wanted: str | None) -> None:
    server = a_server(4, SERVERS[0])
    server.hear(message("logging/setLevel", {"level": "error"}, id="l"))
    level: Json = {} if wanted is None else {LOG_LEVEL: wanted}
    server.hear(call(1, 5, **level), call(2, 4), call(3, 5))
    for served in [*server.model.theirs.values(), None]:
        for said in LEVELS:
            server.log(served, said)


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("M1105-LIFE-05", "M1105-LIFE-19", "M1105-LIFE-21", "C-32")
def test_a_handshake_fails_in_many_ways_and_may_be_tried_again(revision: int) -> None:
    client = Sides("client", ALL, CLIENTS[0])
    for how in range(6):
        client.initialize(revision, timeout=3.0)
        client.initialize(revision)
        assert client.ask("ping") is None
        (one,) = client.model.ours.values()
        client.hear(message("ping", id=1), message("roots/list", id=2))
        client.hear(message("notifications/message", {"level": "info", "data": 1}))
        client.cancel(one, None)
        if how == 0:
            client.wait(3.0)
            client.hear(result(one.id, agreed(revision, {})))
        elif how == 1:
            client.hear(error(one.id), error(one.id))
        elif how == 2:
            client.hear(error(None, -32700))
        elif how == 3:
            client.hear(result(one.id, {"protocolVersion": "2025-06-18", "capabilities": {}}))
        elif how == 4:
            client.hear(result(one.id, 3))
        else:
            client.hear(result(one.id, agreed(revision, SERVERS[1])))
        client.hear(message("roots/list", id=3), message("ping", id=4))
    client.close()


@pytest.mark.rule("L-04", "C-12")
def test_a_probe_is_never_cancelled_and_pins_nothing() -> None:
    client = Sides("client", ALL, CLIENTS[0])
    client.discover(3.0)
    client.discover(None)
    first, second = client.model.ours.values()
    client.cancel(first, None)
    client.wait(3.0)
    client.hear(result(first.id, {}), message("ping", id=1), error(second.id))
    assert client.ask("tools/list") is None
    client.initialize(4)
    (one,) = client.model.ours.values()
    client.hear(result(one.id, agreed(4, SERVERS[0])))
    client.discover(None)
    asked(client, "resources/subscribe", {"uri": "a:1"})
    client.adopt(SERVERS[1])
    assert client.ask("resources/subscribe", {"uri": "a:1"}) is None
    asked(client, "tools/list")
    client.hear(message("roots/list", id=1), message("ping", id=2))


@pytest.mark.rule("C-03", "M0728-STD-08")
def test_a_client_that_turns_modern_after_a_failed_handshake_writes_no_responses() -> None:
    client = Sides("client", ALL, CLIENTS[0])
    client.initialize(4)
    client.hear(error(1), message("ping", id=1), message("roots/list", id=2))
    client.adopt(SERVERS[0])
    client.hear(message("ping", id=1), message("roots/list", id=2), message("x", id=3))
    client.hear([message("ping", id=4)], {"jsonrpc": "2.0", "id": 5, "method": 6})


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.rule("M1105-RPC-04", "M1105-PROG-03")
def test_a_strict_peer_forgives_nothing(role: str, revision: int) -> None:
    sides = Sides(role, ALL, (SERVERS if role == "server" else CLIENTS)[0], strict=True)
    method = "roots/list" if role == "client" else "tools/list"
    if role == "server":
        sides.hear(hello(revision, CLIENTS[0]), message(method, id=1), message("ping", id=2))
        sides.hear(message("initialized"), message(method, id=3), READY)
    else:
        sides.initialize(revision)
        sides.hear(result(1, agreed(revision, SERVERS[0])))
    for id in (1, 4, 4, "4"):
        sides.hear(message(method, id=id), message(method, id=id))
        for served in list(sides.model.theirs.values()):
            sides.respond(served, {})
        sides.hear(message(method, id=id), message("server/discover", id=id, meta=ENVELOPES[0]))
    asked(sides, "ping", token="t")
    for value in (2, 2, 1, 3):
        guide = {"token": "t", "progress": value + 1}
        sides.hear(progress("t", value), message("notifications/progress", guide))


@pytest.mark.parametrize("revision", LEGACY)
def test_what_a_client_watches_is_bounded_and_kept_in_its_session(revision: int) -> None:
    server = a_server(revision, SERVERS[0])
    for number in range(BOUNDS.watched + 2):
        for method in ("subscribe", "subscribe", "unsubscribe", "subscribe"):
            params = {"uri": f"a:{number}"}
            server.hear(message(f"resources/{method}", params, id=f"{number}{method}"))
            server.publish("notifications/resources/updated", {"uri": f"a:{number}/x"})
    watched: Json = {"resourceSubscriptions": [f"a:{one}" for one in range(BOUNDS.watched + 1)]}
    listen = {"notifications": watched}
    server.hear(message("subscriptions/listen", listen, id="l", meta=ENVELOPES[0]))


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("revision", [*LEGACY, None])
@pytest.mark.rule("S-17", "C-10")
def test_many_unreadable_lines_in_a_row_are_fatal_and_others_are_not(
    role: str, revision: int | None
) -> None:
    make = a_server if role == "server" else a_client
    sides = make(revision, (SERVERS if role == "server" else CLIENTS)[0])
    long = b"x" * (BOUNDS.line + 1)
    answer = b'{"jsonrpc":"2.0","id":1,"result":{"a":"' + long + b'"}}'
    for lines in ([b"{", long], [answer, b"[]"]):
        for number in range(BOUNDS.unreadable + 1):
            sides.line(lines[number % 2])
        sides.hear(message("ping", id=1))
    for _ in range(BOUNDS.unreadable - 1):
        sides.line(long[:-1])
    sides.hear([3] * BOUNDS.batch, READY)
    if revision in LEGACY and role == "client":
        one = asked(sides, "tools/list")
        sides.line(answer.replace(b"1", str(one.id).encode(), 1))
        two = asked(sides, "tools/list")
        at = b'"id":%d,' % two.id
        sides.line(b"{" + at + b'"result":{"a":"' + long)


@pytest.mark.parametrize("revision", [*ALL, None])
def test_at_the_end_what_is_owed_may_be_said_and_what_is_awaited_is_lost(
    revision: int | None,
) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    server.hear(call(1, revision or 5), call(2, revision or 5))
    server.ask("roots/list", timeout=3.0)
    server.end(b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t"')
    server.end()
    server.wait(9.0)
    for served in list(server.model.theirs.values()):
        server.respond(served, {})
    assert server.ask("roots/list") is None
    server.close()
    client = a_client(revision, CLIENTS[0])
    client.ask("tools/list", token=1)
    client.end(b'{"jsonrpc":"2.0","id":1,"result":{}}')
    client.close()


def test_a_handshake_that_cannot_be_sent_changes_nothing() -> None:
    client = Sides("client", ALL, CLIENTS[0])
    for _ in range(BOUNDS.asking + 1):
        client.discover(5.0)
    client.initialize(4)
    client.hear(message("roots/list", id=1), message("ping", id=2))
    client.wait(5.0)
    client.initialize(4)
    client.hear(error(BOUNDS.asking + 1))
    client.end()
    client.initialize(4)
    client.close()
    client.initialize(4)
