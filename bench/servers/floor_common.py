"""The least that a server can do and still answer: no check, no session, no cancellation."""

from collections.abc import Callable, Iterator
from typing import Any

TOOLS = [
    {"name": name, "description": name, "inputSchema": {"type": "object"}}
    for name in ("echo", "progress")
]
SERVER = {"name": "floor", "version": "0"}
COMPLETE = {"resultType": "complete"}
CACHEABLE = {**COMPLETE, "ttlMs": 0, "cacheScope": "private"}


def handle(
    message: dict[str, Any], emit: Callable[[dict[str, Any]], None]
) -> dict[str, Any] | None:
    """Answer a message, None if it wants no answer; progress goes to `emit`."""
    method, id = message.get("method"), message.get("id")
    if method is None or id is None:
        return None
    found: dict[str, Any]
    if method == "tools/call":
        found = call(message["params"], emit)
    elif method == "initialize":
        version = message["params"]["protocolVersion"]
        found = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": SERVER}
    elif method == "server/discover":
        versions = ["2026-07-28", "2025-11-25"]
        found = {"supportedVersions": versions, "capabilities": {"tools": {}}, **CACHEABLE}
        found["_meta"] = {"io.modelcontextprotocol/serverInfo": SERVER}
    elif method == "tools/list":
        modern = "_meta" in (message.get("params") or {})
        found = {"tools": TOOLS, **(CACHEABLE if modern else {})}
    elif method == "ping":
        found = {}
    else:
        error = {"code": -32601, "message": "Method not found"}
        return {"jsonrpc": "2.0", "id": id, "error": error}
    return {"jsonrpc": "2.0", "id": id, "result": found}


def call(params: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    if params["name"] == "echo":
        return result(params, params["arguments"]["text"])
    for report in reports(params):
        emit(report)
    return result(params, "done")


def result(params: dict[str, Any], text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": False}
    if "_meta" in params:
        found["resultType"] = "complete"
    return found


def reports(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The notifications that a call of `progress` wants."""
    token, total = params["_meta"]["progressToken"], params["arguments"]["n"]
    for i in range(1, total + 1):
        report = {"progressToken": token, "progress": i, "total": total}
        yield {"jsonrpc": "2.0", "method": "notifications/progress", "params": report}
