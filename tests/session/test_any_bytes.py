"""Whatever arrives, in whatever phase: nothing is raised and every request is answered once."""

import copy
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.envelope import CLIENT_CAPABILITIES, PROTOCOL_VERSION, SUBSCRIPTION_ID
from barewire.protocol.revisions import LATEST, LATEST_LEGACY, LEGACY, V2025_03_26, V2025_06_18
from barewire.protocol.values import as_array, as_object
from barewire.session.connection import Connection
from barewire.session.events import Acknowledged, Answered, Event, Requested, Violated
from barewire.session.limits import Limits
from tests.session.wire import (
    INITIALIZED,
    STRICT,
    Json,
    a_client,
    a_modern_client,
    a_server,
    a_session,
    a_session_of_a_client,
    call,
    envelope,
    error,
    feed,
    initialize,
    modern,
    modern_call,
    notice,
    request,
    result,
    sent,
)

# Phases, each made anew for every example.


def a_busy_server() -> Connection:
    """Return a server with requests in flight in both directions, both eras and a subscription."""
    server = a_session(V2025_06_18, limits=Limits(running=3, queued=1, line=2_000))
    feed(server, call(1, progressToken=1), call("1"), modern_call(2))
    feed(server, modern("s", "subscriptions/listen", {"notifications": {"toolsListChanged": True}}))
    parent = server.exchanges.theirs[1]
    server.request("roots/list", now=0.0, progress=True, parent=parent)
    server.request("roots/list", now=0.0)
    return server


def a_server_that_holds() -> Connection:
    """Return a server whose session was agreed and is not ready, with a request held back."""
    server = a_server()
    feed(server, initialize("i"))
    server.request("roots/list", now=0.0)
    return server


def a_busy_client(client: Connection) -> Connection:
    """Return the client with requests in flight."""
    client.request("tools/list", now=0.0, progress=True)
    client.cancel(client.request("tools/list", now=0.0))
    if client.modern is not None:
        client.request("subscriptions/listen", {"notifications": {}}, now=0.0)
    if client.session is not None:
        feed(client, request(1, "roots/list"))
    return client


def a_client_with_a_task() -> Connection:
    """Return a client with a request that was answered by a task, and one that will be."""
    client = a_session_of_a_client(
        LATEST_LEGACY,
        server_capabilities={"tools": {}, "tasks": {"requests": {"tools": {"call": {}}}}},
    )
    for _ in range(2):
        client.request("tools/call", {"name": "x", "task": {}}, now=0.0, progress=True)
    feed(client, result(2, {"task": {"taskId": "t"}}))
    client.request("tasks/result", {"taskId": "t"}, now=0.0)
    return client


def a_client_in_its_handshake() -> Connection:
    client = a_client()
    client.initialize(V2025_06_18, now=0.0)
    return client


def a_client_that_probes() -> Connection:
    client = a_client()
    client.discover(LATEST, now=0.0)
    return client


SERVERS: list[Callable[[], Connection]] = [
    a_server,
    lambda: a_server(revisions=LEGACY),
    lambda: a_server(revisions=(LATEST,)),
    lambda: a_server(leniencies=STRICT),
    a_server_that_holds,
    a_session,
    lambda: a_session(V2025_03_26),
    lambda: a_session(leniencies=STRICT),
    a_busy_server,
]
CLIENTS: list[Callable[[], Connection]] = [
    a_client,
    a_client_that_probes,
    a_client_in_its_handshake,
    lambda: a_busy_client(a_modern_client()),
    lambda: a_busy_client(a_session_of_a_client()),
    lambda: a_busy_client(a_session_of_a_client(V2025_03_26)),
    lambda: a_busy_client(a_modern_client(leniencies=STRICT)),
    a_client_with_a_task,
]

# Lines: valid ones of either side, and what becomes of them.

AGREED: Json = {
    "protocolVersion": V2025_06_18.name,
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "s", "version": "1"},
}
AT = "2026-01-01T00:00:00Z"
TASK: Json = {
    **{"taskId": "t", "status": "failed", "ttl": None},
    **{"createdAt": AT, "lastUpdatedAt": AT},
}
VALID: list[Any] = [
    initialize(9),
    INITIALIZED,
    call(3),
    call(1, progressToken="t"),
    modern_call(4),
    modern(5, "server/discover"),
    modern("l", "subscriptions/listen", {"notifications": {"resourceSubscriptions": ["a:1"]}}),
    modern(6, "tools/call", {"name": "x", "inputResponses": {"a": {"roots": []}}}),
    request(7, "ping"),
    request("7", "logging/setLevel", {"level": "info"}),
    request(8, "resources/subscribe", {"uri": "a:1"}),
    request(1, "roots/list"),
    request(2, "elicitation/create", {"message": "?", "requestedSchema": {}}),
    notice("notifications/cancelled", {"requestId": 1, "reason": "r"}),
    notice("notifications/cancelled", {"requestId": "s"}),
    notice("notifications/progress", {"progressToken": 1, "progress": 1, "total": 2}),
    notice("notifications/message", {"level": "info", "data": 1}),
    notice("notifications/roots/list_changed"),
    notice("notifications/tools/list_changed", {"_meta": {SUBSCRIPTION_ID: 3}}),
    notice(
        "notifications/subscriptions/acknowledged",
        {"notifications": {"toolsListChanged": True}, "_meta": {SUBSCRIPTION_ID: 3}},
    ),
    result(1, {"tools": []}),
    result(1, AGREED),
    result(2, {"roots": []}),
    result(3, {"task": {"taskId": "t", "status": "working"}}),
    result(4, {"taskId": "t", "status": "completed"}),
    notice("notifications/tasks/status", TASK),
    error(1, -32602, "no", data={"supported": [LATEST.name]}),
    error(None, -32700),
    [call(11), request(12, "ping"), INITIALIZED],
    [request(13, "ping"), result(1, {})],
]
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 1, 1.5, 2**63, 10**30, "", "1", "x" * 300, "\u2028"),
        *([], [1], [[[]]], {}, {"a": 1}, "notifications/x", "initialize"),
        *({"_meta": 3}, {"_meta": {PROTOCOL_VERSION: 3}}, {"_meta": envelope()}),
        *({"_meta": {CLIENT_CAPABILITIES: []}}, {"_meta": {"progressToken": 1.5}}),
    ]
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to everything inside a JSON value."""
    keys: list[Any] = [*(as_object(value) or {}), *range(len(as_array(value) or []))]
    return [at] + [place for key in keys for place in places(value[key], (*at, key))]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid line after some damage to its members and some to its bytes."""
    message = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from(places(message)))
        junk = copy.deepcopy(draw(JUNK))
        if not place:
            message = junk
            continue
        inside = message
        for key in place[:-1]:
            inside = inside[key]
        if draw(st.booleans()):
            inside[place[-1]] = junk
        elif isinstance(inside, dict):
            del inside[place[-1]]
            inside[draw(st.sampled_from(["x", "id", "result", "params"]))] = junk
    line = bytearray(json.dumps(message, ensure_ascii=draw(st.booleans())).encode())
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(line)))
        line[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\\ud800", b"}", b'"id":1,'])
        )
    return bytes(line.replace(b"\n", b""))


LINES = damaged() | damaged() | st.binary(max_size=60).map(lambda data: data.replace(b"\n", b""))


def shape_of(line: bytes) -> str:
    """Tell what a line is shaped like, by JSON-RPC alone."""
    try:
        value = orjson.loads(line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r"))
    except ValueError:
        return "noise"
    value = as_object(value)
    if value is None:
        return "noise"
    identified = type(value.get("id")) in (int, str)
    if "result" in value or "error" in value:
        return "noise" if "method" in value else "response"
    if type(value.get("method")) is not str:
        return "noise"
    if "id" in value:
        return "request" if identified else "noise"
    # Without the version it is no notification, and no error tells its sender but this one.
    return "notification" if value.get("jsonrpc") == "2.0" else "noise"


def answers_in(messages: list[Any]) -> list[Any]:
    flat: list[Any] = [one for message in messages for one in as_array(message) or [message]]
    return [one for one in flat if "method" not in one]


def check_line(connection: Connection, line: bytes, events: list[Event], said: list[Any]) -> None:
    """Fail unless a line that stood alone was answered as it deserves."""
    shape, answers = shape_of(line), answers_in(said)
    assert len(answers) <= 1
    if shape in ("response", "notification"):
        # What is said in return are cancellations of ours and the end of a handshake.
        assert answers == [] or json_is_odd(line), (line, said)
    if shape != "request" or json_is_odd(line):
        return
    id = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))["id"]
    taken = [
        event.exchange
        for event in events
        if isinstance(event, Requested | Acknowledged) and not event.exchange.ours
    ]
    if connection.local.role == "client" and connection.session is None and not answers:
        assert [type(event) for event in events] == [Violated]
        return
    assert len(answers) + len(taken) == 1, (line, events, said)
    for answer in answers:
        named = answer.get("id")
        assert named is None or (named == id and type(named) is type(id))
    for exchange in taken:
        assert exchange.id == id
        assert type(exchange.id) is type(id)


def json_is_odd(line: bytes) -> bool:
    """Whether two readers may differ on a line: a member is repeated."""
    repeated: list[bool] = []

    def pairs(members: list[tuple[str, Any]]) -> Json:
        repeated.append(len({key for key, _ in members}) != len(members))
        return dict(members)

    try:
        json.loads(line, object_pairs_hook=pairs)
    except ValueError:
        return False
    return any(repeated)


def still_serves(connection: Connection) -> None:
    """Fail unless a correct exchange still works."""
    if connection.local.role == "server":
        modern_server = bool(connection.local.modern)
        for id in list(connection.exchanges.theirs):
            if connection.exchanges.theirs[id].subscription is None:
                connection.respond(connection.exchanges.theirs[id], {"content": []})
        sent(connection)
        message = modern_call("at last") if modern_server else request("at last", "ping")
        events = feed(connection, message)
        if modern_server:
            assert [type(event) for event in events] == [Requested]
            connection.respond(connection.exchanges.theirs["at last"], {"content": []})
        (answer,) = answers_in(sent(connection))
        assert answer["id"] == "at last"
        assert "result" in answer
    elif connection.modern is not None:
        exchange = connection.request("tools/list", now=0.0)
        sent(connection)
        (event,) = feed(connection, result(exchange.id, {"tools": []}))
        assert isinstance(event, Answered)
    else:
        feed(connection, request("at last", "ping"))
        assert sent(connection)[-1] == result("at last", {})


@given(st.sampled_from([*SERVERS, *CLIENTS]), st.lists(LINES, max_size=12))
@pytest.mark.rule(
    "S-10", "S-11", "S-12", "S-13", "S-14", "S-15", "S-16", "S-17", "S-19", "B2", "T5"
)
@pytest.mark.rule("C-03", "C-04", "C-09", "C-10", "S-37", "T4", "T17")
def test_every_line_is_answered_as_it_deserves_in_any_phase(
    make: Callable[[], Connection], lines: list[bytes]
) -> None:
    connection = make()
    sent(connection)
    for line in lines:
        if len(line) > connection.limits.line:
            continue
        events = feed(connection, line)
        said = sent(connection)
        shape = line.lstrip(b"\xef\xbb\xbf \t\r")[:1]
        if shape != b"[":
            check_line(connection, line, events, said)
    still_serves(connection)


@given(
    st.sampled_from([*SERVERS, *CLIENTS]),
    st.lists(st.binary(max_size=200) | LINES.map(lambda line: line + b"\n"), max_size=12),
    st.booleans(),
)
@pytest.mark.rule("S-17", "S-20", "T4", "T17", "T33")
def test_any_bytes_in_any_chunks_raise_nothing_and_end_nothing(
    make: Callable[[], Connection], chunks: list[bytes], ends: bool
) -> None:
    connection = make()
    for number, chunk in enumerate(chunks):
        connection.receive_data(chunk, now=float(number))
        for buffer in connection.data_to_send():
            assert buffer.count(b"\n") == 1
            json.loads(buffer)
        connection.expire(float(number))
    if ends:
        connection.receive_eof()
        connection.close()
        assert (connection.exchanges.ours, connection.exchanges.theirs) == ({}, {})
    else:
        feed(connection, b"")
        still_serves(connection)
