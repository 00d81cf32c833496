"""What the fast parser cannot tell: repeated members, and the id of a frame that does not parse.

Both matter because somebody waits. A request whose `id` can still be read deserves its error; and a
message that two readers read differently must reach neither.
"""

import json
import re
from typing import Any

from barewire.protocol.envelope import ENVELOPE_KEYS
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.record import record

__all__ = ["Salvaged", "may_repeat", "repeated_member", "salvage"]

Buffer = bytes | bytearray

# Members whose repetition makes a message ambiguous, by the object that holds them.
_TOP = frozenset({"jsonrpc", "id", "method", "params"})
_PARAMS = frozenset({"name", "uri", "_meta"})
_META = frozenset(ENVELOPE_KEYS)

_SUSPECT = re.compile(
    rb'"(?:jsonrpc|id|method|params|name|uri|_meta'
    rb'|io\.modelcontextprotocol/(?:protocolVersion|clientInfo|clientCapabilities|logLevel))"'
)
# A member may be spelled with escapes; nobody escapes printable ASCII without a reason.
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")


def may_repeat(frame: Buffer, value: dict[str, Any]) -> bool:
    """Whether `frame`, which parsed to `value`, may repeat a member that matters.

    `False` is certain; `True` asks for `repeated_member`. Every member has one colon, so a frame
    with no more colons than the parsed message has members repeats nothing. That settles nearly all
    messages by one count; text with colons in it and nested arguments take the second look.
    """
    members = len(value)
    params = value.get("params")
    if type(params) is dict:
        members += len(params)
        for key in ("arguments", "_meta"):
            inner = params.get(key)
            if type(inner) is dict:
                members += len(inner)
                if key == "_meta":
                    for deeper in inner.values():
                        if type(deeper) is dict:
                            members += len(deeper)
    if frame.count(b":") <= members:
        return False
    found = _SUSPECT.findall(frame)
    if len(found) != len(set(found)):
        return True
    return b"\\u00" in frame and _ESCAPED_ASCII.search(frame) is not None


class _Object(dict[str, Any]):
    """A parsed object that remembers which of its members were repeated."""

    repeated: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        made.repeated = frozenset(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return made


_slow = json.JSONDecoder(object_pairs_hook=_object, parse_int=len, parse_float=len)


def repeated_member(frame: Buffer) -> str | None:
    """Return the member that `frame` repeats although it decides what the message means.

    The frame must have parsed before. `None` when nothing that matters is repeated. A frame nested
    too deeply for this parser counts as repeating everything, for nobody can vouch for it.
    """
    try:
        top = _slow.decode(bytes(frame).decode())
    except RecursionError:
        return "(nested too deeply)"
    for value in top if isinstance(top, list) else [top]:
        found = _repeated_in(value)
        if found is not None:
            return found
    return None


def _repeated_in(value: object) -> str | None:
    if not isinstance(value, _Object):
        return None
    for key in value.repeated & _TOP:
        return key
    params = value.get("params")
    if not isinstance(params, _Object):
        return None
    for key in params.repeated & _PARAMS:
        return f"params.{key}"
    meta = params.get("_meta")
    if isinstance(meta, _Object):
        for key in meta.repeated & _META:
            return f"params._meta.{key}"
    return None


@record
class Salvaged:
    """What could still be read at the top level of a frame that is no JSON."""

    id: RequestId | None
    method: bool
    """Whether there is a member `method` with a string."""
    answer: bool
    """Whether there is a member `result` or `error`."""


# Strings are taken whole and runs of brackets at once, without backtracking: the scan is linear.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]++|[\]}]++|[:,]|"', re.DOTALL)
_INTEGER = re.compile(rb"\s*(-?(?:0|[1-9][0-9]{0,18}))\s*[,}]")
_TOKEN_LIMIT = 200_000
_NOTHING = Salvaged(None, False, False)


def salvage(frame: Buffer) -> Salvaged:
    """Read what can be read at the top level of a frame that is no JSON.

    Looks at 200,000 tokens at most; an id that stands behind more of them is not found.
    """
    start = frame.find(b"{")
    if start < 0 or frame[:start].strip(b" \t\r\n\xef\xbb\xbf"):
        return _NOTHING
    found: dict[bytes, tuple[int, bytes]] = {}
    repeated: set[bytes] = set()
    depth = 0
    key: bytes | None = None
    expecting_key = False
    for count, token in enumerate(_TOKEN.finditer(frame, start)):
        text = token.group()
        first = text[0]
        if first == 0x22:
            if len(text) == 1 or count > _TOKEN_LIMIT:
                break  # a string without an end: what follows cannot be told apart
            if depth == 1:
                if expecting_key:
                    key = text
                    expecting_key = False
                elif key is not None and key in found and found[key][1] == b"":
                    found[key] = (found[key][0], text)
        elif first == 0x7B or first == 0x5B:
            if depth == 0:
                expecting_key = True
            depth += len(text)
            if depth > len(text):
                key = None if depth - len(text) == 1 else key
        elif first == 0x7D or first == 0x5D:
            depth -= len(text)
            if depth <= 0:
                break
        elif depth == 1:
            if first == 0x2C:
                expecting_key = True
                key = None
            elif key is not None:
                if key in found:
                    repeated.add(key)
                found[key] = (token.end(), b"")
    return _read(frame, found, repeated)


def _read(frame: Buffer, found: dict[bytes, tuple[int, bytes]], repeated: set[bytes]) -> Salvaged:
    identifier: RequestId | None = None
    if b'"id"' in found and b'"id"' not in repeated:
        at, text = found[b'"id"']
        if text:
            try:
                identifier = json.loads(text)
                identifier.encode()  # type: ignore[union-attr]
            except ValueError:
                identifier = None
        else:
            integer = _INTEGER.match(frame, at)
            if integer is not None:
                number = int(integer[1])
                identifier = number if -(2**63) <= number < 2**64 else None
    method = b'"method"' in found and found[b'"method"'][1] != b""
    answer = b'"result"' in found or b'"error"' in found
    return Salvaged(identifier, method, answer)
