"""Ends of a wire and what goes over it, for the tests of sessions."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from barewire.protocol.capabilities import Capabilities
from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from barewire.protocol.revisions import ALL, LATEST, LATEST_LEGACY, Revision
from barewire.session.connection import Connection
from barewire.session.events import Event, Requested
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.limits import DEFAULT_LIMITS, Limits
from barewire.session.tables import LENIENT, Leniency

Json = dict[str, Any]
E = TypeVar("E")

SERVER_INFO: Json = {"name": "server", "version": "1"}
CLIENT_INFO_VALUE: Json = {"name": "client", "version": "1"}
SERVER_CAPABILITIES: Capabilities = {
    "tools": {"listChanged": True},
    "resources": {"listChanged": True, "subscribe": True},
    "prompts": {"listChanged": True},
    "completions": {},
    "logging": {},
}
CLIENT_CAPABILITIES_VALUE: Capabilities = {
    "roots": {"listChanged": True},
    "sampling": {},
    "elicitation": {"form": {}, "url": {}},
}
STRICT = Leniency(0)


def a_server(
    capabilities: Capabilities = SERVER_CAPABILITIES,
    *,
    revisions: Sequence[Revision] = ALL,
    leniencies: Leniency = LENIENT,
    limits: Limits = DEFAULT_LIMITS,
    instructions: str | None = None,
) -> Connection:
    """Return the server's end of a pipe on which nothing has been said."""
    local = Local(
        "server",
        SERVER_INFO,
        capabilities,
        revisions=tuple(revisions),
        leniencies=leniencies,
        instructions=instructions,
    )
    return Connection(local, limits=limits)


def a_client(
    capabilities: Capabilities = CLIENT_CAPABILITIES_VALUE,
    *,
    revisions: Sequence[Revision] = ALL,
    leniencies: Leniency = LENIENT,
    limits: Limits = DEFAULT_LIMITS,
) -> Connection:
    """Return the client's end of a pipe on which nothing has been said."""
    local = Local(
        "client",
        CLIENT_INFO_VALUE,
        capabilities,
        revisions=tuple(revisions),
        leniencies=leniencies,
    )
    return Connection(local, limits=limits)


def request(id: object, method: str, params: Json | None = None) -> Json:
    """Return a request as plain JSON values."""
    plain: Json = {"jsonrpc": "2.0", "id": id, "method": method}
    return plain if params is None else {**plain, "params": params}


def notice(method: str, params: Json | None = None) -> Json:
    """Return a notification as plain JSON values."""
    plain: Json = {"jsonrpc": "2.0", "method": method}
    return plain if params is None else {**plain, "params": params}


def result(id: object, value: Json) -> Json:
    """Return an answer as plain JSON values."""
    return {"jsonrpc": "2.0", "id": id, "result": value}


def error(id: object, code: int, message: str = "no", **more: Any) -> Json:
    """Return an error as plain JSON values."""
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message, **more}}


def envelope(capabilities: Capabilities | None = None, **more: Any) -> Json:
    """Return the `_meta` of a modern request."""
    return {
        PROTOCOL_VERSION: LATEST.name,
        CLIENT_CAPABILITIES: {} if capabilities is None else capabilities,
        CLIENT_INFO: CLIENT_INFO_VALUE,
        **more,
    }


def modern(id: object, method: str, params: Json | None = None, **meta: Any) -> Json:
    """Return a request with a modern envelope."""
    return request(id, method, {**(params or {}), "_meta": envelope(**meta)})


def call(id: object, name: str = "echo", **meta: Any) -> Json:
    """Return a legacy `tools/call`."""
    return request(id, "tools/call", {"name": name, "_meta": meta} if meta else {"name": name})


def modern_call(id: object, name: str = "echo", **meta: Any) -> Json:
    """Return a modern `tools/call`."""
    return modern(id, "tools/call", {"name": name}, **meta)


def initialize(
    id: object = 0,
    version: str = LATEST_LEGACY.name,
    capabilities: Capabilities | None = None,
) -> Json:
    """Return an `initialize` request."""
    params = {
        "protocolVersion": version,
        "capabilities": CLIENT_CAPABILITIES_VALUE if capabilities is None else capabilities,
        "clientInfo": CLIENT_INFO_VALUE,
    }
    return request(id, "initialize", params)


INITIALIZED = notice("notifications/initialized")


def feed(connection: Connection, *messages: object, now: float = 0.0) -> list[Event]:
    """Give messages to a connection, each as a line: bytes as they are, the rest as JSON."""
    events: list[Event] = []
    for message in messages:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        events += connection.receive_data(line + b"\n", now=now)
    return events


def sent(connection: Connection) -> list[Any]:
    """Take what a connection wants written, as plain JSON values: one to a line."""
    buffers = connection.data_to_send()
    assert all(buffer.endswith(b"\n") and buffer.count(b"\n") == 1 for buffer in buffers)
    return [json.loads(buffer) for buffer in buffers]


def only(items: Sequence[E]) -> E:
    """Return the one item that there is."""
    assert len(items) == 1, items
    return items[0]


def asked(events: Sequence[Event]) -> Exchange:
    """Return the exchange of the one request that came."""
    event = only(events)
    assert isinstance(event, Requested), event
    return event.exchange


def a_session(
    revision: Revision = LATEST_LEGACY,
    capabilities: Capabilities = SERVER_CAPABILITIES,
    *,
    client_capabilities: Capabilities = CLIENT_CAPABILITIES_VALUE,
    revisions: Sequence[Revision] = ALL,
    leniencies: Leniency = LENIENT,
    limits: Limits = DEFAULT_LIMITS,
) -> Connection:
    """Return the server's end of a session that is ready."""
    server = a_server(capabilities, revisions=revisions, leniencies=leniencies, limits=limits)
    feed(server, initialize("hello", revision.name, client_capabilities), INITIALIZED)
    sent(server)
    return server


def a_session_of_a_client(
    revision: Revision = LATEST_LEGACY,
    capabilities: Capabilities = CLIENT_CAPABILITIES_VALUE,
    *,
    server_capabilities: Capabilities = SERVER_CAPABILITIES,
    leniencies: Leniency = LENIENT,
    limits: Limits = DEFAULT_LIMITS,
) -> Connection:
    """Return the client's end of a session that is ready."""
    client = a_client(capabilities, leniencies=leniencies, limits=limits)
    exchange = client.initialize(revision, now=0.0)
    agreed = {
        "protocolVersion": revision.name,
        "capabilities": server_capabilities,
        "serverInfo": SERVER_INFO,
    }
    feed(client, result(exchange.id, agreed))
    sent(client)
    return client


def a_modern_client(
    capabilities: Capabilities = CLIENT_CAPABILITIES_VALUE,
    *,
    server_capabilities: Capabilities = SERVER_CAPABILITIES,
    leniencies: Leniency = LENIENT,
    limits: Limits = DEFAULT_LIMITS,
) -> Connection:
    """Return the client's end of a pipe whose server is known to be modern."""
    client = a_client(capabilities, leniencies=leniencies, limits=limits)
    client.adopt(LATEST, {"capabilities": server_capabilities})
    return client
