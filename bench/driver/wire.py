"""The bytes that are sent, prepared before the clock runs, and the check of what came back."""

import json
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any, Final, Literal, TypeAlias

Era: TypeAlias = Literal["legacy", "modern"]

LEGACY: Final = "2025-11-25"
MODERN: Final = "2026-07-28"
TEXT: Final = "The quick brown fox jumps over the lazy dog, 64 bytes in all...."

TEXTS: Final = tuple(TEXT[i:] for i in range(61))
"""For calls that differ in their length, as those of HTTP clients do."""

FIRST_ID: Final = 1_000_000  # ids of one width: requests that differ in nothing else

_CLIENT: Final = {"name": "bench", "version": "1"}
_MODERN_META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class BadReply(Exception):
    """A server answered something else than it was asked for."""


def line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def opening(era: Era) -> bytes:
    """The first request of a connection."""
    if era == "modern":
        return line(_request(0, "server/discover", {"_meta": _MODERN_META}))
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
    return line(_request(0, "initialize", params))


INITIALIZED: Final = line({"jsonrpc": "2.0", "method": "notifications/initialized"})


def echo_calls(count: int, era: Era, texts: Sequence[str] = (TEXT,)) -> list[bytes]:
    """Calls of `echo` with the ids FIRST_ID, FIRST_ID + 1, ..., and the texts in turn."""
    halves = [_echo_call(era, text).split(b"%d" % FIRST_ID, 1) for text in texts]
    return [
        b"%b%d%b" % (before, FIRST_ID + i, after)
        for i, (before, after) in zip(range(count), cycle(halves), strict=False)
    ]


def _echo_call(era: Era, text: str) -> bytes:
    params: dict[str, Any] = {"name": "echo", "arguments": {"text": text}}
    if era == "modern":
        params["_meta"] = _MODERN_META
    return line(_request(FIRST_ID, "tools/call", params))


def progress_call(count: int, era: Era) -> bytes:
    """One call of `progress`, which reports `count` times; its id is also its token."""
    meta: dict[str, Any] = {"progressToken": FIRST_ID}
    if era == "modern":
        meta |= _MODERN_META
    params = {"name": "progress", "arguments": {"n": count}, "_meta": meta}
    return line(_request(FIRST_ID, "tools/call", params))


def name_of_call(request: bytes) -> str:
    """The tool that a request calls."""
    name: str = json.loads(request)["params"]["name"]
    return name


def check_echoes(chunks: Iterable[bytes], count: int, texts: Sequence[str] = (TEXT,)) -> None:
    """Raise `BadReply` unless each of `count` calls was answered once, with its text."""
    wanted = dict(zip(range(FIRST_ID, FIRST_ID + count), cycle(texts), strict=False))
    for reply in _messages(chunks):
        if text_of(reply) != wanted.pop(reply["id"], None):
            raise BadReply(f"instead of an echo: {str(reply)[:300]}")
    if wanted:
        raise BadReply(f"{len(wanted)} of {count} calls have no answer")


def check_progress(chunks: Iterable[bytes], count: int) -> None:
    """Raise `BadReply` unless `count` rising reports with the token came, and then the answer."""
    *reports, answer = _messages(chunks)
    if text_of(answer) != "done" or answer["id"] != FIRST_ID:
        raise BadReply(f"instead of the answer: {str(answer)[:300]}")
    told = [r["params"]["progress"] for r in reports if r["params"]["progressToken"] == FIRST_ID]
    if told != list(range(1, count + 1)):
        raise BadReply(f"{len(told)} reports of {count}, or not in their order")


def text_of(reply: dict[str, Any]) -> str | None:
    """The text of a successful result, None if it is anything else."""
    result = reply.get("result", {})
    content: Sequence[dict[str, Any]] = result.get("content", ())
    return None if result.get("isError") or len(content) != 1 else content[0].get("text")


def _request(id: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def _messages(chunks: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    return map(json.loads, b"".join(chunks).splitlines())
