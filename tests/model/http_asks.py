"""Requests that the tests send: sound ones, and the parts to make others of."""

import json
from typing import Any

from tests.model.http_words import (
    LAST_EVENT,
    METHOD_FIELD,
    NAME_FIELD,
    NAMED,
    SESSION,
    USER,
    VERSION_FIELD,
    Ask,
    mirrored,
)
from tests.model.words import CLIENT_CAPABILITIES, MODERN, REVISIONS, VERSION, Json

BOTH = "application/json, text/event-stream"
ENVELOPE: Json = {VERSION: REVISIONS[MODERN], CLIENT_CAPABILITIES: {}}


def body_of(said: Any) -> bytes:
    """Return what goes over the wire for a message, or for bytes that are none."""
    return said if isinstance(said, bytes) else json.dumps(said).encode()


def fields_of(
    session: str | None = None, version: str | int | None = None, user: str | None = None
) -> dict[str, str]:
    """Return the fields of a client in a session."""
    version = REVISIONS[version] if isinstance(version, int) else version
    named = {SESSION: session, VERSION_FIELD: version, USER: user}
    return {name: value for name, value in named.items() if value is not None}


def changed(ask: Ask, **fields: str | None) -> Ask:
    """Return a request with other fields: `None` leaves one out."""
    made = dict(ask.fields)
    for name, value in fields.items():
        made.pop(name.replace("_", "-"), None)
        if value is not None:
            made[name.replace("_", "-")] = value
    return Ask(ask.method, made, ask.body, ask.path)


def posting(
    said: Any,
    session: str | None = None,
    version: str | int | None = None,
    user: str | None = None,
) -> Ask:
    """Return the POST of a message by a client that does everything right."""
    fields = {"content-type": "application/json", "accept": BOTH, "host": "127.0.0.1:8000"}
    return Ask("POST", fields | fields_of(session, version, user), body_of(said))


def getting(
    session: str | None,
    version: str | int | None = None,
    user: str | None = None,
    last: str | None = None,
) -> Ask:
    """Return the GET of a client that listens, or resumes."""
    fields = {"accept": "text/event-stream"} | fields_of(session, version, user)
    if last is not None:
        fields[LAST_EVENT] = last
    return Ask("GET", fields)


def deleting(session: str | None, version: str | int | None = None, user: str | None = None) -> Ask:
    """Return the DELETE of a client that needs its session no longer."""
    return Ask("DELETE", fields_of(session, version, user))


def modern(
    method: str,
    params: Json | None = None,
    id: Any = None,
    user: str | None = None,
    meta: Json | None = None,
) -> Ask:
    """Return the POST of a modern client: a request, or without an id a notification."""
    given = params or {}
    named = NAMED.get(method)
    said: Json = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        said["id"] = id
    said["params"] = {**given, "_meta": {**ENVELOPE, **(meta or {})}}
    ask = posting(said, version=MODERN, user=user)
    ask.fields[METHOD_FIELD] = method
    if named is not None and isinstance(given.get(named), str):
        ask.fields[NAME_FIELD] = mirrored(given[named])
    return ask


def working(number: int, **more: Any) -> Json:
    """Return the params of a call that the test plays step by step."""
    return {"name": "work", "arguments": {"n": number}, **more}
