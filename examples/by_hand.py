"""Requests over HTTP made by hand, with the standard library: to see what a server answers.

python -m examples.by_hand http://127.0.0.1:8000/mcp tools/list
python -m examples.by_hand http://127.0.0.1:8000/mcp tools/call '{"name": "greet", ...}'
"""

import json
import ssl
import sys
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from barewire.protocol.revisions import V2025_11_25, V2026_07_28

__all__ = ["Heard", "ask", "initialize", "modern", "post", "request", "send"]

BOTH = "application/json, text/event-stream"


class Heard(NamedTuple):
    """An answer."""

    status: int
    fields: dict[str, str]
    body: str


def send(
    url: str,
    verb: str,
    fields: dict[str, str],
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> Heard:
    """Make one request, on a connection of its own."""
    parts = urlsplit(url)
    if tls is None:
        connection = HTTPConnection(parts.netloc, timeout=20)
    else:
        connection = HTTPSConnection(parts.netloc, timeout=20, context=tls)
    try:
        connection.request(verb, parts.path, body, fields)
        answer = connection.getresponse()
        return Heard(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


def post(
    url: str,
    message: object,
    fields: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Heard:
    """Post a message; `fields` are added to those that every POST has, or replace them."""
    usual = {"Accept": BOTH, "Content-Type": "application/json"}
    return send(url, "POST", usual | (fields or {}), json.dumps(message).encode(), tls)


def request(id: int, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a request as it stands in a body."""
    asked = {"jsonrpc": "2.0", "id": id, "method": method}
    return asked if params is None else asked | {"params": params}


def modern(
    id: int, method: str, params: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a modern request, with its envelope, and the fields by which the head repeats it."""
    params = params or {}
    version = V2026_07_28.name
    envelope: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "by hand", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = request(id, method, params | {"_meta": envelope | params.get("_meta", {})})
    fields = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    if name := params.get("name", params.get("uri")):
        fields["Mcp-Name"] = name
    return message, fields


def ask(
    url: str,
    method: str,
    params: dict[str, Any] | None = None,
    fields: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Heard:
    """Ask as a modern client does; `fields` are added to those that it sends."""
    message, told = modern(1, method, params)
    return post(url, message, told | (fields or {}), tls)


def initialize(
    url: str, version: str = V2025_11_25.name, fields: dict[str, str] | None = None
) -> dict[str, str]:
    """Open a session as a legacy client does; return the fields of all that is said in it.

    Raises KeyError when the server opens none.
    """
    hello = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "by hand", "version": "1"},
    }
    told = fields or {}
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
