"""Requests over HTTP as they go over the wire, written without an SDK and without our own code."""

import json
from dataclasses import dataclass, field
from typing import Any

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
BOTH = "application/json, text/event-stream"
META = "io.modelcontextprotocol/"


@dataclass(frozen=True)
class Asked:
    """A request: its fields, and its body unless it has none."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    message: Any = None

    @property
    def body(self) -> bytes:
        return b"" if self.message is None else json.dumps(self.message).encode()

    def but(self, **fields: str) -> "Asked":
        """Return the request with some fields different; `_` in a name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return Asked({**self.fields, **named}, self.message)


def legacy(
    method: str | None,
    params: dict[str, Any] | None = None,
    *,
    session: str | None = None,
    id: int | None = 1,
) -> Asked:
    """Return a request of a session, or of no session; a notification without an `id`.

    Without a method it is one that has no body.
    """
    fields = {"Accept": BOTH}
    if session is not None:
        fields |= {"Mcp-Session-Id": session, "MCP-Protocol-Version": LEGACY}
    if method is None:
        return Asked(fields)
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        message["id"] = id
    if params is not None:
        message["params"] = params
    return Asked({**fields, "Content-Type": "application/json"}, message)


def initialize(revision: str = LEGACY) -> Asked:
    client = {"name": "by-hand", "version": "1"}
    params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": client}
    return legacy("initialize", params)


def modern(method: str, params: dict[str, Any] | None = None, **meta: Any) -> Asked:
    """Return a request that stands alone; `meta` joins what its `_meta` has to say."""
    whole = dict(params or {})
    whole["_meta"] = {
        META + "protocolVersion": MODERN,
        META + "clientCapabilities": {},
        META + "clientInfo": {"name": "by-hand", "version": "1"},
        **meta,
    }
    fields = {
        "Accept": BOTH,
        "Content-Type": "application/json",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
    }
    if "name" in whole:
        fields["Mcp-Name"] = whole["name"]
    return Asked(fields, {"jsonrpc": "2.0", "id": 1, "method": method, "params": whole})


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the params of a call."""
    return {"name": name, "arguments": arguments}


def text_of(message: dict[str, Any]) -> str:
    """Return the text of the one block in a call's answer."""
    (block,) = message["result"]["content"]
    text: str = block["text"]
    return text


def events_in(stream: bytes) -> list[dict[str, str]]:
    """Return the fields of each event of a stream; comments are left out."""
    events: list[dict[str, str]] = []
    for block in stream.decode().split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith(":")]
        if lines:
            events.append(dict(line.split(": ", 1) for line in lines))
    return events


def messages_in(stream: bytes) -> list[dict[str, Any]]:
    """Return the messages of an event stream."""
    return [json.loads(event["data"]) for event in events_in(stream) if event.get("data")]
