"""Tasks of 2025-11-25: progress goes on beyond the answer, until the task has ended."""

from collections.abc import Callable
from typing import Any

import pytest

from barewire.protocol.revisions import V2025_06_18, V2025_11_25
from barewire.session.connection import Connection
from barewire.session.events import Answered, Progressed, Violated
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.limits import Limits
from tests.session.wire import (
    SERVER_CAPABILITIES,
    Json,
    a_session,
    a_session_of_a_client,
    asked,
    feed,
    notice,
    only,
    request,
    result,
    sent,
)

TASKS: Json = {"cancel": {}, "list": {}, "requests": {"tools": {"call": {}}}}
CAPABILITIES: Json = {**SERVER_CAPABILITIES, "tasks": TASKS}


def task(status: str = "working", id: object = "t1") -> Json:
    at = "2026-01-01T00:00:00Z"
    return {"taskId": id, "status": status, "createdAt": at, "lastUpdatedAt": at, "ttl": None}


def progress(token: object, value: float) -> Json:
    return notice("notifications/progress", {"progressToken": token, "progress": value})


def a_client_with_a_task(limits: Limits | None = None) -> tuple[Connection, Exchange]:
    client = a_session_of_a_client(
        V2025_11_25, server_capabilities=CAPABILITIES, limits=limits or Limits()
    )
    return client, begun(client, "t1")


def begun(client: Connection, id: str) -> Exchange:
    exchange = client.request("tools/call", {"name": "x", "task": {}}, now=0.0, progress=True)
    sent(client)
    assert isinstance(only(feed(client, result(exchange.id, {"task": task(id=id)}))), Answered)
    return exchange


def said_by_a_notice(client: Connection, status: str) -> None:
    feed(client, notice("notifications/tasks/status", task(status)))


def said_when_asked(client: Connection, status: str) -> None:
    exchange = client.request("tasks/get", {"taskId": "t1"}, now=0.0)
    feed(client, result(exchange.id, task(status)))


def said_when_cancelled(client: Connection, status: str) -> None:
    exchange = client.request("tasks/cancel", {"taskId": "t1"}, now=0.0)
    feed(client, result(exchange.id, task(status)))


EVERY_WAY = (said_by_a_notice, said_when_asked, said_when_cancelled)


def test_a_task_id_that_is_given_out_twice_leaves_no_token_behind() -> None:
    client, first = a_client_with_a_task()
    second = begun(client, "t1")
    assert client.exchanges.tokens == {second.progress_token: second}
    assert feed(client, progress(first.progress_token, 1)) == []
    assert feed(client, progress(second.progress_token, 1)) == [Progressed(second, 1)]
    said_by_a_notice(client, "completed")
    assert client.exchanges.tokens == {}


@pytest.mark.rule("S-34", "C-13")
@pytest.mark.parametrize("say", EVERY_WAY)
@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_progress_is_heard_until_the_task_has_ended(
    say: Callable[[Connection, str], None], status: str
) -> None:
    client, exchange = a_client_with_a_task()
    token = exchange.progress_token
    assert feed(client, progress(token, 1)) == [Progressed(exchange, 1)]
    say(client, "input_required")
    assert feed(client, progress(token, 2)) == [Progressed(exchange, 2)]
    say(client, status)
    assert exchange.state == "answered"
    assert feed(client, progress(token, 3)) == []
    assert not client.exchanges.tokens
    assert not client.exchanges.tasks


def test_what_the_task_came_to_ends_it_as_well() -> None:
    client, exchange = a_client_with_a_task()
    asking = client.request("tasks/result", {"taskId": "t1"}, now=0.0)
    assert feed(client, progress(exchange.progress_token, 1)) == [Progressed(exchange, 1)]
    feed(client, result(asking.id, {"content": []}))
    assert feed(client, progress(exchange.progress_token, 2)) == []


def test_the_end_of_another_task_says_nothing_of_this_one() -> None:
    client, exchange = a_client_with_a_task()
    feed(client, notice("notifications/tasks/status", task("completed", "t2")))
    assert feed(client, progress(exchange.progress_token, 1)) == [Progressed(exchange, 1)]


def test_other_messages_with_the_members_of_a_task_end_none() -> None:
    client, exchange = a_client_with_a_task()
    ended = task("completed")
    feed(client, notice("notifications/message", {"level": "info", "data": 1, **ended}))
    asking = client.request("tools/list", now=0.0)
    feed(client, result(asking.id, {"tools": [], **ended}))
    assert feed(client, progress(exchange.progress_token, 1)) == [Progressed(exchange, 1)]


def test_a_task_without_an_id_cannot_be_followed() -> None:
    client = a_session_of_a_client(V2025_11_25, server_capabilities=CAPABILITIES)
    exchange = client.request("tools/call", {"name": "x", "task": {}}, now=0.0, progress=True)
    feed(client, result(exchange.id, {"task": task(id=7)}))
    assert (exchange.state, client.exchanges.tokens) == ("answered", {})


@pytest.mark.parametrize("params", [{"name": "x"}, {"name": "x", "task": {}}])
def test_without_tasks_the_answer_is_the_end(params: dict[str, Any]) -> None:
    revision = V2025_06_18 if "task" in params else V2025_11_25
    client = a_session_of_a_client(revision, server_capabilities=CAPABILITIES)
    exchange = client.request("tools/call", params, now=0.0, progress=True)
    feed(client, result(exchange.id, {"task": task(), "content": []}))
    assert feed(client, progress(exchange.progress_token, 1)) == []
    assert exchange.state == "answered"


def test_a_server_may_answer_at_once_what_was_asked_for_as_a_task() -> None:
    client = a_session_of_a_client(V2025_11_25, server_capabilities=CAPABILITIES)
    exchange = client.request("tools/call", {"name": "x", "task": {}}, now=0.0, progress=True)
    assert isinstance(only(feed(client, result(exchange.id, {"content": []}))), Answered)
    assert (exchange.state, client.exchanges.tokens) == ("answered", {})


def test_a_task_that_begins_after_nobody_waits_for_it_is_not_followed() -> None:
    client = a_session_of_a_client(V2025_11_25, server_capabilities=CAPABILITIES)
    exchange = client.request("tools/call", {"name": "x", "task": {}}, now=0.0, timeout=1.0)
    client.expire(1.0)
    assert feed(client, result(exchange.id, {"task": task()})) == []
    assert (exchange.state, client.exchanges.tasks) == ("settled", {})


@pytest.mark.parametrize("tasks", [None, {}, {"cancel": {}, "requests": {"sampling": {}}}])
@pytest.mark.rule("M1125-TASK-02", "M1125-TASK-03", "M1125-TASK-04")
def test_nothing_is_asked_for_as_a_task_that_the_peer_does_not_run_as_one(
    tasks: Json | None,
) -> None:
    capabilities: Json = SERVER_CAPABILITIES if tasks is None else {**CAPABILITIES, "tasks": tasks}
    client = a_session_of_a_client(V2025_11_25, server_capabilities=capabilities)
    with pytest.raises(LocalProtocolError, match=r"takes the capability tasks\.requests"):
        client.request("tools/call", {"name": "x", "task": {}}, now=0.0)
    client.request("tools/call", {"name": "x"}, now=0.0)


@pytest.mark.rule("M1125-TASK-15")
def test_a_server_without_tasks_ignores_that_it_was_asked_for_one() -> None:
    server = a_session(V2025_11_25)
    exchange = asked(feed(server, request(1, "tools/call", {"name": "x", "task": {}})))
    server.respond(exchange, {"content": [], "task": task()})
    assert exchange.state == "answered"


def test_the_oldest_tasks_are_forgotten_when_there_are_too_many() -> None:
    client, first = a_client_with_a_task(Limits(given_up=2))
    second, third = begun(client, "t2"), begun(client, "t3")
    assert feed(client, progress(first.progress_token, 1)) == []
    for exchange in (second, third):
        assert feed(client, progress(exchange.progress_token, 1)) == [Progressed(exchange, 1)]


def test_the_end_of_the_connection_ends_what_is_heard_of_tasks() -> None:
    client, exchange = a_client_with_a_task()
    client.close()
    assert (exchange.state, client.exchanges.tokens, client.exchanges.tasks) == ("answered", {}, {})


@pytest.mark.rule("S-34")
def test_progress_is_sent_until_the_task_is_finished() -> None:
    server = a_session(V2025_11_25, CAPABILITIES)
    params = {"name": "x", "task": {}, "_meta": {"progressToken": "p"}}
    exchange = asked(feed(server, request(1, "tools/call", params)))
    server.respond(exchange, {"task": task()})
    assert server.progress(exchange, 1)
    assert [one.get("id") for one in sent(server)] == [1, None]
    exchange.finish()
    with pytest.raises(LocalProtocolError, match="cannot report progress"):
        server.progress(exchange, 2)
    with pytest.raises(LocalProtocolError, match="cannot finish"):
        exchange.finish()


def test_nothing_but_progress_follows_the_answer_that_a_task_began() -> None:
    server = a_session(V2025_11_25, CAPABILITIES)
    params = {"name": "x", "task": {}, "_meta": {"progressToken": "p"}}
    exchange = asked(feed(server, request(1, "tools/call", params)))
    server.respond(exchange, {"task": task()})
    with pytest.raises(LocalProtocolError):
        server.respond(exchange, {"content": []})
    with pytest.raises(LocalProtocolError):
        exchange.notify("notifications/message", {"level": "info", "data": 1})


def test_a_status_that_is_broken_ends_no_task() -> None:
    client, exchange = a_client_with_a_task()
    broken = notice("notifications/tasks/status", {"taskId": "t1", "status": "completed"})
    assert isinstance(only(feed(client, broken)), Violated)
    assert feed(client, progress(exchange.progress_token, 1)) == [Progressed(exchange, 1)]
