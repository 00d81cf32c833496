"""What the fast parser cannot tell: repeated members, and the id of a frame that does not parse.

Both matter because somebody waits. A request whose `id` can still be read deserves its error; and a
message that two readers read differently must reach neither.

Everything here is linear in the size of the frame and keeps no stack of its nesting: strings, flat
objects and arrays, and members that mean nothing are each taken in one step of a regular
expression that never backtracks.
"""

import json
import re
from typing import Any

from barewire.protocol.envelope import ENVELOPE_KEYS
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.record import record

__all__ = ["Salvaged", "elements", "may_repeat", "repeated_members", "salvage"]

Buffer = bytes | bytearray

# Members whose repetition makes a message ambiguous, by the object that holds them.
_WATCHED = {
    "": frozenset({"jsonrpc", "id", "method", "params"}),
    "params": frozenset({"name", "uri", "_meta"}),
    "params._meta": frozenset(ENVELOPE_KEYS),
}
_OUTCOMES = ("result", "error")

# The last part of an envelope key stands for the key: `/` may be written `\/`, and often is.
_ENDS = "|".join(key.rsplit("/", 1)[1] for key in ENVELOPE_KEYS)
_CALL_KEYS = re.compile(
    rb'"(?:io\.modelcontextprotocol\\?/)?(jsonrpc|id|method|params|name|uri|_meta|%b)"\s*+:'
    % _ENDS.encode()
)
_ANSWER_KEYS = re.compile(rb'"(jsonrpc|id|params)"\s*+:')
# A letter, `.`, `/` or `_` written as an escape can spell any of these keys. Nobody does that
# without a reason; what some writers do escape (`<`, `>`, `&`, `'`, `=`) occurs in none of them.
_ESCAPED_LETTER = re.compile(rb"\\u00(?:2[eEfF]|[4-7])")

_SHORT = 4096
"""A stretch longer than this without a quotation mark holds no key of ours, however it is spelled."""

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[\[{](?:[^"\[\]{}]++|' + _STRING + rb")*+[\]}]"
_SIMPLE = _STRING + b"|" + _FLAT + rb'|[^\s,:"\[\]{}]++'
_NAMED = "|".join([*_WATCHED[""], *_WATCHED["params"], *map(re.escape, ENVELOPE_KEYS), *_OUTCOMES])

_string = re.compile(_STRING, re.DOTALL)
_simple = re.compile(_SIMPLE, re.DOTALL)
_integer = re.compile(rb"(-?(?:0|[1-9][0-9]{0,19}))\s*[,}]")
_between = re.compile(rb"[\s,]*+")
_member = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_meaningless = re.compile(
    rb'(?:[\s,]*+"(?!(?:%b)")[^"\\]*+"\s*+:\s*+(?:%b))*+' % (_NAMED.encode(), _SIMPLE), re.DOTALL
)
_brackets = re.compile(rb'(?:[^"\[\]{}]++|%b|%b)*+([\[{]++|[\]}]++)' % (_STRING, _FLAT), re.DOTALL)

_MEMBER_LIMIT = 1000
"""More members with names that matter than this in one message: they are repeated, and how often
does not matter any more."""
_SALVAGE_LIMIT = 20_000
"""How many changes of nesting salvage follows within one member of a broken frame."""
_UNLIMITED = 2**63


def may_repeat(frame: Buffer, value: dict[str, Any]) -> bool:
    """Whether `frame`, which parsed to `value`, may repeat a member that matters.

    `False` is certain; `True` asks for `repeated_members`. Every member has one colon, so a frame
    with no more colons than the parsed message has members repeats nothing. That settles nearly all
    small requests by one count; text with colons in it, nested arguments and long frames take a
    second look, which searches for the keys themselves.
    """
    if len(frame) <= _SHORT:
        if frame.count(b":") <= _members_seen(value):
            return False
        outline = frame
    else:
        outline = _outline(frame)
    if b"\\u00" in outline and _ESCAPED_LETTER.search(outline) is not None:
        return True
    keys: list[bytes] = (_CALL_KEYS if "method" in value else _ANSWER_KEYS).findall(outline)
    return len(keys) != len(set(keys))


def _members_seen(value: dict[str, Any]) -> int:
    """Count the members of a message, of its params, and of the flat objects usual in there."""
    count = len(value)
    params = value.get("params")
    kind = type(params)
    if kind is dict:
        count += len(params)
        if "arguments" in params:
            count += _members_of(params["arguments"])
        if "_meta" in params:
            meta = params["_meta"]
            kind = type(meta)
            if kind is dict:
                count += len(meta)
                for inner in meta.values():
                    count += _members_of(inner)
    return count


def _members_of(value: Any) -> int:
    kind = type(value)
    return len(value) if kind is dict else 0


def _outline(frame: Buffer) -> bytes:
    """Return the parts of a long frame that can hold a key, and its escapes.

    A key has a quotation mark at both ends and little between them. Long stretches without one, such
    as base64 and prose, are leapt over by a search for a single byte, which costs next to nothing.
    """
    parts: list[Buffer] = []
    at = frame.find(b'"')
    while at >= 0:
        end = frame.rfind(b'"', at + 1, at + _SHORT)
        if end < 0:
            at = frame.find(b'"', at + 1)
        else:
            parts.append(frame[at : end + 1])
            at = end
    return b"".join(parts)


def repeated_members(frame: Buffer) -> frozenset[str]:
    """Return the members that `frame` repeats although they decide what the message means.

    The frame must hold an object and have parsed before. Members inside others are named with dots,
    `params.name`. A frame that repeats beyond measure is taken to repeat its id, too.
    """
    found: list[tuple[str, str, int]] = []
    _walk(frame, frame.index(b"{"), "", found, _UNLIMITED)
    seen: set[str] = set()
    repeated: set[str] = set()
    for path, key, _ in found:
        if key in _WATCHED[path]:
            name = f"{path}.{key}" if path else key
            (repeated if name in seen else seen).add(name)
    if len(found) > _MEMBER_LIMIT:
        repeated.add("id")
    return frozenset(repeated)


def elements(frame: Buffer) -> list[Buffer]:
    """Cut an array, which must have parsed before, into its elements."""
    parts: list[Buffer] = []
    at = _skip(_between, frame, frame.index(b"[") + 1)
    while frame[at : at + 1] != b"]":
        end = _end_of_value(frame, at, _UNLIMITED)
        parts.append(frame[at:end])
        at = _skip(_between, frame, end)
    return parts


@record
class Salvaged:
    """What could still be read at the top level of a frame that is no JSON."""

    id: RequestId | None
    method: bool
    """Whether there is a member `method` with a string."""
    answer: bool
    """Whether there is a member `result` or `error`."""


def salvage(frame: Buffer) -> Salvaged:
    """Read what can be read at the top level of a frame that is no JSON.

    Follows the frame up to the place where it stops making sense. An id is read when it is the only
    one, whole, and one that `decode` would have accepted.
    """
    start = frame.find(b"{")
    if start < 0 or frame[:start].strip():
        return Salvaged(None, False, False)
    found: list[tuple[str, str, int]] = []
    _walk(frame, start, "", found, _SALVAGE_LIMIT)
    top = [(key, at) for path, key, at in found if path == ""]
    ids = [at for key, at in top if key == "id"]
    return Salvaged(
        _id_at(frame, ids[0]) if len(ids) == 1 and len(found) <= _MEMBER_LIMIT else None,
        any(key == "method" and _string.match(frame, at) for key, at in top),
        any(key in _OUTCOMES for key, _ in top),
    )


def _id_at(frame: Buffer, at: int) -> RequestId | None:
    text = _string.match(frame, at)
    if text is not None:
        try:
            identifier = json.loads(text[0].decode())
            identifier.encode()
        except ValueError:  # not UTF-8, a bad escape, half of a surrogate pair
            return None
        return str(identifier)
    integer = _integer.match(frame, at)
    if integer is None:
        return None
    number = int(integer[1])
    return number if -(2**63) <= number < 2**64 else None


def _walk(frame: Buffer, at: int, path: str, found: list[tuple[str, str, int]], limit: int) -> int:
    """Add path, name and place of the value of each member that may matter to `found`.

    Looks at the object that opens at `at` and at the watched objects in it. Returns the place behind
    the object, or -1 when the frame makes no sense before that place or has more than `limit`
    changes of nesting in one member.
    """
    at += 1
    while len(found) <= _MEMBER_LIMIT:
        at = _skip(_meaningless, frame, at)
        member = _member.match(frame, at)
        if member is None:
            at = _skip(_between, frame, at)
            return at + 1 if frame[at : at + 1] == b"}" else -1
        at = member.end()
        key = _name(member[1])
        if key in _WATCHED[path] or key in _OUTCOMES:
            found.append((path, key, at))
        inner = f"{path}.{key}" if path else key
        if inner in _WATCHED and frame[at : at + 1] == b"{":
            at = _walk(frame, at, inner, found, limit)
        else:
            at = _end_of_value(frame, at, limit)
        if at < 0:
            return -1
    return -1


def _name(quoted: bytes) -> str:
    if b"\\" not in quoted:
        return quoted[1:-1].decode(errors="replace")
    try:
        return str(json.loads(quoted.decode()))
    except ValueError:
        return ""


def _end_of_value(frame: Buffer, at: int, limit: int) -> int:
    """Return the place behind the value that begins at `at`, -1 when there is none."""
    simple = _simple.match(frame, at)
    if simple is not None:
        return simple.end()
    depth = 0
    while limit:
        brackets = _brackets.match(frame, at)
        if brackets is None:
            return -1
        start, at = brackets.span(1)
        if frame[start] in b"[{":
            depth += at - start
        elif depth > at - start:
            depth -= at - start
        else:
            return start + depth
        limit -= 1
    return -1


def _skip(pattern: re.Pattern[bytes], frame: Buffer, at: int) -> int:
    """Return the place behind what `pattern`, which also matches nothing, matches at `at`."""
    match = pattern.match(frame, at)
    return at if match is None else match.end()


def repeated_member(frame: Buffer) -> str | None:
    """Return one of `repeated_members`."""
    for part in elements(frame) if frame.lstrip()[:1] == b"[" else [frame]:
        if part.lstrip()[:1] == b"{":
            for name in repeated_members(part):
                return name
    return None
