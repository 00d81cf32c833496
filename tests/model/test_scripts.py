"""Scripts that lead our peer, beside the model, where chance seldom gets."""

from typing import Any

import pytest

from tests.model.samples import CLIENTS, ENVELOPES, READY, SERVERS, agreed, hello, message
from tests.model.sides import BOUNDS, Sides
from tests.model.state import Ours, tag
from tests.model.test_walk import ALL, LEGACY, a_client, a_server
from tests.model.words import ASKED_BY, FILTERS, LOG_LEVEL, SUBSCRIPTION, Json

TOOL = {"name": "t"}
MESSAGES: Json = {"messages": [], "maxTokens": 1}
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
NEAR_IDS: list[Any] = [1, "1", 1.0, True, None, [1], 2]
AT = "2026-01-01T00:00:00Z"


def result(id: Any, value: Any) -> Json:
    return {"jsonrpc": "2.0", "id": id, "result": value}


def error(id: Any, code: int = -32601) -> Json:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "m"}}


def refusal(id: Any, _: Any) -> Json:
    return error(id)


def nonsense(id: Any, _: Any) -> Json:
    return result(id, 3)


def cancelled(id: Any) -> Json:
    return message("notifications/cancelled", {"requestId": id})


def progress(token: Any, value: Any) -> Json:
    return message("notifications/progress", {"progressToken": token, "progress": value})


def call(id: Any, revision: int, **meta: Any) -> Json:
    """Return a `tools/call` of a client by this revision."""
    whole: Json = {**(ENVELOPES[0] if revision == ALL[-1] else {}), **meta}
    return message("tools/call", TOOL, id=id, meta=whole or None)


def asked(sides: Sides, method: str, params: Json | None = None, **more: Any) -> Ours:
    """Let the application ask what must be possible."""
    made = sides.ask(method, params, **more)
    assert made is not None, method
    return made


def a_pair_of_roles(revision: int) -> list[tuple[Sides, str]]:
    """Return both ends that can ask, each with a method that it asks."""
    client = (a_client(revision, CLIENTS[0]), "tools/list")
    if revision not in LEGACY:
        return [client]
    return [client, (a_server(revision, SERVERS[0]), "roots/list")]


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("C-04", "C-05", "C-06", "M1105-RPC-06")
def test_an_answer_is_for_the_request_with_that_very_id(revision: int) -> None:
    for sides, method in a_pair_of_roles(revision):
        for id in NEAR_IDS:
            one, two = asked(sides, method), asked(sides, method)
            sides.hear(result(id, {}), error(id), error(None))
            sides.hear(result(one.id, {}), result(one.id, {}), error(one.id))
            sides.hear(error(None), error(two.id), result(two.id, {}))


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("C-11", "C-12", "M1105-CAN-05", "M0728-CAN-13", "M0728-STD-11")
@pytest.mark.rule("M0728-CAN-06")
def test_what_was_given_up_is_cancelled_and_its_late_answer_dropped_once(revision: int) -> None:
    for sides, method in a_pair_of_roles(revision):
        for late in (result, refusal, nonsense):
            given_up, expired = asked(sides, method), asked(sides, method, timeout=2.0)
            sides.cancel(given_up, "why")
            sides.wait(1.0)
            sides.wait(1.0)
            for one in (expired, given_up, expired, given_up):
                sides.hear(late(str(one.id), {}), late(one.id, {}))


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("C-13", "M1105-PROG-02", "M1105-PROG-05", "M1105-PROG-03")
def test_progress_moves_the_deadline_up_to_the_last(revision: int) -> None:
    for sides, method in a_pair_of_roles(revision):
        one = asked(sides, method, token="t", timeout=4.0, maximum=9.0)
        other = asked(sides, method, token=7, timeout=5.0)
        assert sides.ask(method, None, token="t") is None
        for value in (1, 1, 0.5, 2, 2.0, 2.5, "3", True, None):
            sides.hear(progress("t", value), progress("7", value), progress(7.0, value))
            sides.wait(0.5)
        sides.hear(progress("t", 9), progress(7, 1))
        for value in range(10, 19):
            sides.hear(progress("t", value))
            sides.wait(1.0)
        sides.hear(progress("t", 99), result(one.id, {}), result(other.id, {}), progress(7, 2))
        asked(sides, method, token="t")


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("S-35", "S-36", "S-37", "M1105-CAN-04", "M1105-CAN-17", "M0728-CAN-12")
@pytest.mark.rule("M0728-STD-13")
def test_a_request_is_given_up_by_its_very_id_and_never_answered_then(revision: int) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    for id in NEAR_IDS:
        server.hear(call(1, revision), call("1", revision), call(1, revision), cancelled(id))
        server.hear(cancelled(id), cancelled(1), cancelled("1"), cancelled("1"))
    if revision in LEGACY:
        client = a_client(revision, CLIENTS[0])
        for id in NEAR_IDS:
            client.hear(message("roots/list", id=1), message("roots/list", id="1"), cancelled(id))
            client.hear(cancelled(1), cancelled("1"))


def test_what_is_a_cancellation_itself_is_not_cancelled() -> None:
    for sides in (a_server(4, SERVERS[0]), a_client(4, CLIENTS[0])):
        sides.hear(message("tasks/cancel", {"taskId": "t"}, id=1), cancelled(1))
        sides.respond(sides.model.theirs[tag(1)], status("t", "cancelled"))
        one = asked(sides, "tasks/cancel", {"taskId": "t"}, timeout=3.0)
        sides.cancel(one, None)
        sides.wait(3.0)


@pytest.mark.rule("S-28", "S-45")
def test_a_question_holds_for_no_time() -> None:
    server = a_server(None, SERVERS[0])
    values: list[Json] = [{"resultType": "input_required", "requestState": "s"}, {"contents": []}]
    for value in values:
        for more in ({}, {"ttlMs": 5, "cacheScope": "public", "_meta": {"a": 1}}):
            server.hear(message("resources/read", {"uri": "a:1"}, id=1, meta=ENVELOPES[0]))
            server.respond(server.model.theirs[tag(1)], {**value, **more})


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
@pytest.mark.rule("M1105-CAN-01", "L-03")
def test_what_a_server_asks_in_the_course_of_a_request_ends_with_it(revision: int) -> None:
    server = a_server(None, SERVERS[0])
    server.hear(hello(revision, CLIENTS[0]), call(1, revision), call(2, revision))
    one, two = server.model.theirs.values()
    for parent in (one, two, one):
        asked(server, "roots/list", parent=parent, timeout=9.0)
    asked(server, "ping", parent=one)
    for parent in (one, two):
        asked(server, "sampling/createMessage", {**MESSAGES, "task": {}}, parent=parent)
    server.hear(cancelled(1), READY, READY, cancelled(2))
    assert server.ask("roots/list", parent=two) is None


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


@pytest.mark.rule("S-31", "M0728-PAT-01")
def test_a_modern_request_has_no_course_in_which_a_server_asks() -> None:
    server = a_server(4, SERVERS[0])
    server.hear(call(1, 5), call(2, 4))
    modern, legacy = server.model.theirs.values()
    assert server.ask("roots/list", parent=modern) is None
    asked(server, "roots/list", parent=legacy)


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("S-10", "M0728-RPC-05")
def test_an_id_in_flight_is_taken_and_free_again_after_the_answer(revision: int) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    listen = message("subscriptions/listen", {"notifications": {}}, id=1, meta=ENVELOPES[0])
    for how in ("respond", "fail", "cancel"):
        server.hear(call(1, revision), call(1, revision), listen, message("ping", id=1))
        server.line(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}')
        (served,) = server.model.theirs.values()
        if how == "respond":
            server.respond(served, {})
        elif how == "fail":
            server.fail(served, "UNKNOWN_TOOL")
        else:
            server.hear(cancelled(1))


@pytest.mark.parametrize("revision", ALL)
def test_over_the_bounds_it_is_busy_and_goes_on(revision: int) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    for number in range(BOUNDS.listening + 1):
        params: Json = {"notifications": {}}
        server.hear(message("subscriptions/listen", params, id=f"l{number}", meta=ENVELOPES[0]))
    for number in range(BOUNDS.serving + 2):
        server.hear(call(number, revision), message("ping", id="p"))
    server.respond(server.model.theirs[tag(0)], {})
    server.hear(call("again", revision), call("too many", revision))
    client = a_client(revision, CLIENTS[0])
    for _ in range(BOUNDS.asking + 2):
        client.ask("tools/list")
    client.discover(None)


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.rule("M0326-RPC-19", "M0326-RPC-20")
def test_a_batch_is_answered_at_once_when_all_of_it_is_done(modern: bool) -> None:
    server = a_server(2, SERVERS[0])
    members = [call(1, 2), message("ping", id=2), READY, call(3, 2)]
    if modern:
        members[1] = call(2, 5)
    server.hear(members)
    server.respond(server.model.theirs[tag(3)], {"content": []})
    server.hear([call(1, 2), call(4, 2), call(4, 2)], [result(1, {}), READY], [])
    server.hear(cancelled(1), [message("initialize", {}, id=5), {"jsonrpc": "2.0", "id": 6}, 3])
    server.hear(cancelled(4), [call(7, 2)], cancelled(7))
    server.hear([READY] * BOUNDS.batch, [READY] * (BOUNDS.batch + 1), [None, [], {}])
    server.hear([call(8, 2), {"jsonrpc": "2.0", "id": 8, "method": 3}])
    server.fail_with(server.model.theirs[tag(8)], 7)


@pytest.mark.parametrize("revision", [1, 2, 3, 4, None])
@pytest.mark.parametrize("role", ["server", "client"])
def test_only_one_revision_has_batches(role: str, revision: int | None) -> None:
    make = a_server if role == "server" else a_client
    sides = make(revision, (SERVERS if role == "server" else CLIENTS)[0])
    sides.hear([message("ping", id=1)], [READY], [result(1, {})], [3])


def test_no_revision_has_batches_before_it_is_agreed_on() -> None:
    for speaks in ((2,), (1, 2, 5)):
        client = Sides("client", speaks, CLIENTS[0])
        client.initialize(2)
        client.hear([message("ping", id=1)], [READY], [result(1, agreed(2, {}))], [3])


@pytest.mark.rule("M0326-RPC-19")
def test_a_batch_of_a_server_is_answered_by_a_client_too() -> None:
    client = a_client(2, CLIENTS[0])
    one = asked(client, "tools/list")
    client.hear([message("roots/list", id=1), result(one.id, {}), message("ping", id=2), 3])
    client.respond(client.model.theirs[tag(1)], {"roots": []})


CHANGES: list[tuple[str, Json]] = [
    (name, {"uri": "a:1"} if name.endswith("updated") else {}) for name in ASKED_BY
]


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
    client.hear(progress("t", 1), cancelled(listening[0].id), result(listening[0].id, {}))
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


TASK: Json = {"name": "t", "task": {}}


def status(task: str, state: str) -> Json:
    return {"taskId": task, "status": state, "ttl": None, "createdAt": AT, "lastUpdatedAt": AT}


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "get", "cancel", "result"])
@pytest.mark.rule("M1125-PROG-09", "M1125-CAN-02", "C-13")
def test_progress_of_a_task_goes_on_until_the_task_has_ended(end: str) -> None:
    client = a_client(4, CLIENTS[0])
    one = asked(client, "tools/call", TASK, token="t", timeout=5.0)
    client.hear(progress("t", 1), result(one.id, {"task": {"taskId": "k"}}), progress("t", 2))
    client.wait(9.0)
    assert client.ask("tools/call", TASK, token="t") is None
    for state in ("working", "input_required"):
        client.hear(message("notifications/tasks/status", status("k", state)), progress("t", 1e3))
    look = asked(client, "tasks/get", {"taskId": "k"})
    client.hear(result(look.id, status("k", "working")), progress("t", 1e4))
    if end == "result":
        look = asked(client, "tasks/result", {"taskId": "k"})
        client.hear(result(look.id, {"content": []}))
    elif end in ("get", "cancel"):
        look = asked(client, f"tasks/{end}", {"taskId": "k"})
        client.hear(result(look.id, status("k", "cancelled")))
    else:
        client.hear(message("notifications/tasks/status", status("k", end)))
    client.hear(progress("t", 1e5))
    again = asked(client, "tools/call", TASK, token="t")
    for value in ({"task": 3}, {"task": {"taskId": "k"}}):
        client.hear(result(again.id, value), progress("t", 1))
    client.cancel(asked(client, "tools/call", TOOL, timeout=5.0), None)
    held = asked(client, "tools/call", TASK, timeout=5.0)
    client.cancel(held, None)
    client.wait(5.0)


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("S-33", "S-34", "M1105-PROG-03", "M1105-PROG-08", "M1125-PROG-09")
@pytest.mark.rule("M1125-PROG-10")
def test_a_server_reports_on_a_task_after_it_has_answered_by_it(revision: int) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    meta: Json = {**(ENVELOPES[0] if revision == ALL[-1] else {}), "progressToken": "t"}
    server.hear(message("tools/call", TASK, id=1, meta=meta), cancelled("1"))
    served = server.model.theirs[tag(1)]
    for value in (1, 1, 0, 1.5):
        server.report(served, value, 9, "half")
    server.respond(served, {"task": {"taskId": "k"}})
    server.report(served, 2)
    server.report(served, 2)


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


@pytest.mark.rule("C-04", "S-36", "M1105-CAN-01")
def test_the_same_id_is_in_flight_both_ways() -> None:
    server = a_server(3, SERVERS[0])
    one = asked(server, "roots/list")
    server.hear(call(one.id, 3), call(str(one.id), 3), result(one.id, {}), cancelled(one.id))
    server.respond(server.model.theirs[tag(str(one.id))], {})


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


def test_what_json_cannot_carry_changes_nothing() -> None:
    half = "\ud800"
    client = a_client(4, CLIENTS[0])
    exchange = client.sent[tag(asked(client, "tools/list", timeout=5.0).id)]
    client.refused(lambda: client.peer.cancel(exchange, half))
    client.refused(lambda: client.peer.request("tools/list", {"cursor": half}, now=0.0))
    client.refused(lambda: client.peer.notify("notifications/roots/list_changed", {"a": half}))
    server = a_server(4, SERVERS[0])
    server.hear(message("tools/call", TOOL, id=1, meta={"progressToken": "t"}))
    served = server.model.theirs[tag(1)]
    server.refused(lambda: server.peer.progress(server.exchanges[tag(1)], 1.0, None, half))
    server.report(served, 1.0)
    server.refused(lambda: server.peer.log(None, "error", half))
    server.refused(lambda: server.peer.publish(CHANGES[0][0], {"a": half}))
