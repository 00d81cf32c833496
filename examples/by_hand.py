"""Requests over HTTP made by hand, with the standard library: to see what a server answers.

python -m examples.by_hand http://127.0.0.1:8000/mcp tools/list
python -m examples.by_hand http://127.0.0.1:8000/mcp tools/call '{"name": "greet", ...}'
"""

import json
import sys
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from barewire.protocol.revisions import V2025_11_25, V2026_07_28

__all__ = ["Heard", "ask", "initialize", "post", "request", "send"]

BOTH = "application/json, text/event-stream"


class Heard(NamedTuple):
    """An answer."""

    status: int
    fields: dict[str, str]
    body: str


def send(url: str, verb: str, fields: dict[str, str], body: bytes | None = None) -> Heard:
    """Make one request, on a connection of its own."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request(verb, parts.path, body, fields)
        answer = connection.getresponse()
        return Heard(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


def post(url: str, message: object, fields: dict[str, str] | None = None) -> Heard:
    """Post a message; `fields` are added to those that every POST has, or replace them."""
    usual = {"Accept": BOTH, "Content-Type": "application/json"}
    return send(url, "POST", usual | (fields or {}), json.dumps(message).encode())


def request(id: int, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a request as it stands in a body."""
    asked = {"jsonrpc": "2.0", "id": id, "method": method}
    return asked if params is None else asked | {"params": params}


def ask(url: str, method: str, params: dict[str, Any] | None = None, **fields: str) -> Heard:
    """Ask as a modern client does: with an envelope, and with what the head has to repeat.

    `fields` are further ones, with underscores for hyphens.
    """
    params = params or {}
    version = V2026_07_28.name
    envelope = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        **params.get("_meta", {}),
    }
    head = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    if name := params.get("name", params.get("uri")):
        head["Mcp-Name"] = name
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    return post(url, request(1, method, params | {"_meta": envelope}), head)


def initialize(url: str, version: str = V2025_11_25.name, **fields: str) -> dict[str, str]:
    """Open a session as a legacy client does; return the fields that belong to it from then on.

    Raises KeyError when there is none.
    """
    hello = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "by hand", "version": "1"},
    }
    told = {name.replace("_", "-"): value for name, value in fields.items()}
    heard = post(url, request(0, "initialize", hello), told)
    session = {"Mcp-Session-Id": heard.fields["Mcp-Session-Id"], "MCP-Protocol-Version": version}
    post(url, {"jsonrpc": "2.0", "method": "notifications/initialized"}, told | session)
    return told | session


def main() -> None:
    """Ask, and print the answer."""
    url, method, *rest = sys.argv[1:]
    heard = ask(url, method, json.loads(rest[0]) if rest else None)
    print(f"{heard.status}\n{heard.body}")


if __name__ == "__main__":
    main()
