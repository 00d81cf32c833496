"""The least that a server can do and still answer: no check, no session, no cancellation."""

from collections.abc import Callable
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
    result: dict[str, Any]
    if method == "tools/call":
        result = call(message["params"], emit)
    elif method == "initialize":
        version = message["params"]["protocolVersion"]
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": SERVER}
    elif method == "server/discover":
        versions = ["2026-07-28", "2025-11-25"]
        result = {"supportedVersions": versions, "capabilities": {"tools": {}}, **CACHEABLE}
        result["_meta"] = {"io.modelcontextprotocol/serverInfo": SERVER}
    elif method == "tools/list":
        modern = "_meta" in (message.get("params") or {})
        result = {"tools": TOOLS, **(CACHEABLE if modern else {})}
    elif method == "ping":
        result = {}
    else:
        error = {"code": -32601, "message": "Method not found"}
        return {"jsonrpc": "2.0", "id": id, "error": error}
    return {"jsonrpc": "2.0", "id": id, "result": result}


def call(params: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    arguments = params["arguments"]
    if params["name"] == "echo":
        text = arguments["text"]
    else:
        token, total = params["_meta"]["progressToken"], arguments["n"]
        for i in range(1, total + 1):
            report = {"progressToken": token, "progress": i, "total": total}
            emit({"jsonrpc": "2.0", "method": "notifications/progress", "params": report})
        text = "done"
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": False}
    if "_meta" in params:
        result["resultType"] = "complete"
    return result
