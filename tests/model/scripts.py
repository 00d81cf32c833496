"""The words that scripts are written in."""

from typing import Any

from tests.model.samples import ALL, ENVELOPES, message
from tests.model.sides import Sides
from tests.model.state import Ours
from tests.model.words import ASKED_BY, Json

TOOL = {"name": "t"}
CHANGES: list[tuple[str, Json]] = [
    (name, {"uri": "a:1"} if name.endswith("updated") else {}) for name in ASKED_BY
]


def result(id: Any, value: Any) -> Json:
    return {"jsonrpc": "2.0", "id": id, "result": value}


def error(id: Any, code: int = -32601) -> Json:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "m"}}


def cancelled(id: Any, **more: Any) -> Json:
    return message("notifications/cancelled", {"requestId": id, **more})


def progress(token: Any, value: Any) -> Json:
    return message("notifications/progress", {"progressToken": token, "progress": value})


def call(id: Any, revision: int, **meta: Any) -> Json:
    """Return a `tools/call` of a client by this revision."""
    whole: Json = {**(ENVELOPES[0] if revision == ALL[-1] else {}), **meta}
    return message("tools/call", TOOL, id=id, meta=whole or None)


def asked(sides: Sides, method: str, params: Json | None = None, **more: Any) -> Ours:
    """Let the application ask what must be possible."""
    made = sides.ask(method, params, **more)
    assert made is not None, method
    return made
