"""What clients say: requests over HTTP as bytes, right in everything but what a test spoils."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION
from barewire.protocol.revisions import V2025_11_25, V2026_07_28, Revision
from tests.app.peers import INFO

__all__ = [
    "INITIALIZED",
    "PING",
    "Changes",
    "asking",
    "call",
    "chunked",
    "delete",
    "get",
    "initialize",
    "modern",
    "post",
    "request",
]

Changes: TypeAlias = Mapping[str, str | None]
"""Fields to set; `None` takes one away."""

FIELDS: dict[str, str] = {
    "Host": "localhost",
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}


def head(
    method: str, changes: Changes | None, defaults: Iterable[str], more: Changes, *, target: str
) -> bytes:
    fields: dict[str, str | None] = {name: FIELDS[name] for name in defaults}
    fields |= more
    fields |= changes or {}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if value is not None]
    return "".join((f"{method} {target} HTTP/1.1\r\n", *lines, "\r\n")).encode("latin-1")


def post(body: object, changes: Changes | None = None, *, target: str = "/mcp") -> bytes:
    """A POST of a message, or of bytes just as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = {"Content-Length": str(len(data))}
    return head("POST", changes, FIELDS, length, target=target) + data


def chunked(*parts: bytes, changes: Changes | None = None) -> bytes:
    """A POST whose body comes in these chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
    coding = {"Transfer-Encoding": "chunked"}
    return head("POST", changes, FIELDS, coding, target="/mcp") + body


def get(changes: Changes | None = None, *, target: str = "/mcp") -> bytes:
    return head("GET", changes, ("Host", "Accept"), {}, target=target)


def delete(changes: Changes | None = None, *, target: str = "/mcp") -> bytes:
    return head("DELETE", changes, ("Host",), {}, target=target)


def asking(
    origin: str, method: str = "POST", wanted: str | None = None, changes: Changes | None = None
) -> bytes:
    """A preflight: what a browser asks before it lets a page of `origin` send something."""
    fields = {"Origin": origin, "Access-Control-Request-Method": method}
    if wanted is not None:
        fields["Access-Control-Request-Headers"] = wanted
    return head("OPTIONS", changes, ("Host",), fields, target="/mcp")


def request(id: object, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": id, "method": method}
    return message if params is None else {**message, "params": params}


def call(
    id: object, name: str, token: int | str | None = None, /, **arguments: object
) -> dict[str, Any]:
    """A call of a tool; with `token` it asks for progress."""
    params: dict[str, Any] = {"name": name, "arguments": arguments}
    if token is not None:
        params["_meta"] = {"progressToken": token}
    return request(id, "tools/call", params)


def initialize(id: object = 1, revision: Revision = V2025_11_25) -> dict[str, Any]:
    params = {"protocolVersion": revision.name, "capabilities": {}, "clientInfo": INFO}
    return request(id, "initialize", params)


def modern(message: dict[str, Any], changes: Changes | None = None) -> bytes:
    """A POST of the modern revision: the message with its envelope, and the headers it wants."""
    meta = {
        PROTOCOL_VERSION: V2026_07_28.name,
        CLIENT_CAPABILITIES: {},
        CLIENT_INFO: INFO,
        **message.get("params", {}).get("_meta", {}),
    }
    params: dict[str, Any] = {**message.get("params", {}), "_meta": meta}
    fields = {"MCP-Protocol-Version": V2026_07_28.name, "Mcp-Method": str(message["method"])}
    if "name" in params:
        fields["Mcp-Name"] = params["name"]
    return post({**message, "params": params}, {**fields, **(changes or {})})


INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}

PING = request(1, "ping")
