"""Scripts of requests that lead our peer, beside the model, where chance seldom gets."""

from typing import Any

import pytest

from tests.model.samples import (
    ALL,
    CLIENTS,
    ENVELOPES,
    LEGACY,
    ODD_TOKENS,
    READY,
    SERVERS,
    agreed,
    hello,
    message,
)
from tests.model.scripts import CHANGES, TOOL, asked, call, cancelled, error, progress, result
from tests.model.sides import BOUNDS, Sides, a_client, a_server
from tests.model.state import tag
from tests.model.words import Json

MESSAGES: Json = {"messages": [], "maxTokens": 1}
NEAR_IDS: list[Any] = [1, "1", 1.0, True, None, [1], 2]
AT = "2026-01-01T00:00:00Z"


def refusal(id: Any, _: Any) -> Json:
    return error(id)


def nonsense(id: Any, _: Any) -> Json:
    return result(id, 3)


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
@pytest.mark.rule("C-13", "M1105-PROG-01", "M1105-PROG-02")
def test_a_progress_token_is_chosen_or_brought_along_and_never_one_in_use(revision: int) -> None:
    for sides, method in a_pair_of_roles(revision):
        for token in (3, 5, 6):  # what the peer would choose, too
            asked(sides, method, {"_meta": {"progressToken": token, "x": 1}})
        chosen = [asked(sides, method, progress=True) for _ in range(3)]
        for odd in ODD_TOKENS[1:-1]:
            assert sides.ask(method, {"_meta": {"progressToken": odd}}) is None
        assert sides.ask(method, {"_meta": {"progressToken": 3}}) is None
        for one in chosen:
            sides.hear(progress(one.token, 1), result(one.id, {}), progress(one.token, 2))
        asked(sides, method, {"_meta": {"progressToken": 3}}, token="stronger")


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("S-35", "S-36", "S-37", "M1105-CAN-04", "M1105-CAN-17", "M0728-CAN-12")
@pytest.mark.rule("M0728-STD-13")
def test_a_request_is_given_up_by_its_very_id_and_never_answered_then(revision: int) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    for id in NEAR_IDS:
        server.hear(call(1, revision), call("1", revision), call(1, revision))
        server.hear(cancelled(id, reason="why"), cancelled(id), cancelled(1))
        server.hear(cancelled("1", reason=3), cancelled("1"))
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
    for how in ("respond", "fail", "cancel", "respond badly"):
        server.hear(call(1, revision), call(1, revision), listen, message("ping", id=1))
        server.line(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}')
        (served,) = server.model.theirs.values()
        if how == "respond":
            server.respond(served, {})
        elif how == "fail":
            server.fail(served, "UNKNOWN_TOOL", {"tools": ["a"]})
        elif how == "respond badly":
            server.respond_badly(served)
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


@pytest.mark.parametrize("tasks", [None, {}, {"requests": {}}, {"requests": {"tools": {}}}])
@pytest.mark.rule("M1125-TASK-02", "M1125-TASK-03", "M1125-TASK-04", "M1125-TASK-15")
def test_without_its_capability_nothing_runs_as_a_task(tasks: Json | None) -> None:
    capabilities: Json = {"tools": {}, **({} if tasks is None else {"tasks": tasks})}
    client = a_client(4, CLIENTS[0], capabilities)
    assert client.ask("tools/call", TASK) is None
    client.cancel(asked(client, "tools/call", TOOL), None)
    server = a_server(4, capabilities)
    server.hear(message("tools/call", TASK, id=1, meta={"progressToken": "t"}))
    served = server.model.theirs[tag(1)]
    server.report(served, 1)
    server.respond(served, {"content": [], "task": {"taskId": "k"}})
    server.report(served, 2)


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.rule("M1105-PROG-05")
def test_progress_is_told_to_whoever_asked_for_it_alone(revision: int) -> None:
    server = a_server(revision if revision in LEGACY else None, SERVERS[0])
    server.hear(call("none", revision))
    for number, token in enumerate([0, "", "t", "0"]):
        server.hear(call(number, revision, progressToken=token))
    for served in server.model.theirs.values():
        server.report(served, 1)


@pytest.mark.rule("C-04", "S-36", "M1105-CAN-01")
def test_the_same_id_is_in_flight_both_ways() -> None:
    server = a_server(3, SERVERS[0])
    one = asked(server, "roots/list")
    server.hear(call(one.id, 3), call(str(one.id), 3), result(one.id, {}), cancelled(one.id))
    server.respond(server.model.theirs[tag(str(one.id))], {})


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
