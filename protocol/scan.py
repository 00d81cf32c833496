"""What the fast parser cannot tell: repeated members, and the id of a frame that does not parse.

Both matter because somebody waits. A request whose `id` can still be read deserves its error; and a
message that two readers read differently must reach neither.

Nearly every frame is cleared of repeated members by comparing it with the message written again,
or by a search when it is long. What is left over, and frames that do not parse, are walked through,
in a bounded number of steps and with no stack of their nesting.
"""

import json
import re
from contextlib import suppress

from barewire.protocol.envelope import ENVELOPE_KEYS
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.record import record

__all__ = [
    "SHORT",
    "Salvaged",
    "elements",
    "loses_members",
    "names_no_member_twice",
    "repeated_members",
    "salvage",
]

Buffer = bytes | bytearray

SHORT = 4096
"""Frames of up to so many bytes are cheaper compared than searched."""

_MEANINGFUL = {
    "": frozenset({"jsonrpc", "id", "method", "params"}),
    "params": frozenset({"name", "uri", "_meta"}),
    "params._meta": frozenset(ENVELOPE_KEYS),
}
"""The members whose repetition makes a message ambiguous, by the object that holds them."""
_TELLING = frozenset({"id", "method", "result", "error"})
"""The members that tell what a message is."""


def loses_members(frame: Buffer, again: bytes) -> bool:
    """Whether members may have got lost when `frame` was parsed to what `again` writes once more.

    `False` is certain. Most frames were written as compactly as `again` and are equal to it, which
    is for the caller to see. For the others: every member has one colon, and the parser drops all
    but the last of repeated members, so a frame with no more colons than `again` repeats none. A
    colon inside a string counts on both sides, unless the frame writes it as an escape, which
    nobody does without a reason.
    """
    if frame.count(b":") > again.count(b":"):
        return True
    if 0x5C not in frame or b"\\u003" not in frame:
        return False
    return b"\\u003a" in frame or b"\\u003A" in frame


_KEY = re.compile(
    rb'"(%b)"\s*+:'
    % b"|".join(re.escape(key.encode()) for keys in _MEANINGFUL.values() for key in sorted(keys))
)
# A letter, `.`, `/` or `_` written as an escape can spell any of these keys. Careful writers escape
# `<`, `>`, `&`, `'`, `+` and `` ` ``, none of which is in a key, and some write `/` as `\/`.
_ESCAPED_LETTER = re.compile(
    rb"\\(?:u00(?:2[eEfF]|[46][1-9a-fA-F]|5[0-9aAfF]|7[0-9aA])|/(?:%b))"
    % b"|".join(key.split("/")[1].encode() for key in ENVELOPE_KEYS)
)


def names_no_member_twice(frame: Buffer) -> bool:
    """Whether a long frame, mostly text, surely repeats no member that matters.

    `False` says nothing. Long stretches without a quotation mark, such as base64 and prose, are
    leapt over by a search for a single byte, which costs next to nothing, and what is left is
    searched for keys. When most of the frame is left, it is cheaper compared.
    """
    outline = _outline(frame)
    if 2 * len(outline) > len(frame) or _ESCAPED_LETTER.search(outline):
        return False
    keys = _KEY.findall(outline)
    return len(keys) == len(set(keys))


def _outline(frame: Buffer) -> bytes:
    """Return the parts of a frame that can hold a key, with a colon for each part left out.

    A key has a quotation mark at both ends and, however it is spelled, less than `SHORT` between.
    """
    parts: list[Buffer] = []
    at = frame.find(b'"')
    while at >= 0:
        end = at
        while (further := frame.rfind(b'"', end + 1, end + SHORT)) > 0:
            end = further
        if end > at:
            parts.append(frame[at : end + 1])
        at = frame.find(b'"', end + 1)
    return b":".join([*parts, b""])


class _Senseless(Exception):
    """The frame stops making sense, or takes more steps than it is worth."""


_STEPS = 50_000
"""How many strings and changes of nesting are looked at in one walk: some 20 ms."""
_MEMBER_STEPS = 10
"""What a member of an object on the way costs of them."""

_space = re.compile(rb"[\s,]*+")
_colon = re.compile(rb"\s*+:\s*+")
_token = re.compile(rb'[^"\[\]{}]*+("|[\[{]++|[\]}]++)')
_scalar = re.compile(rb'[^\s,:"\[\]{}]++')
_integer = re.compile(rb"(-?(?:0|[1-9][0-9]{0,19}))\s*+[,}]")
_end = re.compile(rb"\s*+[,}]")


class _Walk:
    """A walk through a frame that notes what it meets."""

    __slots__ = ("frame", "repeated", "steps", "top")

    def __init__(self, frame: Buffer) -> None:
        self.frame = frame
        self.top: list[tuple[str, int]] = []
        """The members of the outermost object that say what it is, and where their values begin."""
        self.repeated: set[str] = set()
        """The members that matter and were met more than once, named with dots."""
        self.steps = _STEPS

    def object(self, at: int, path: str = "") -> int:
        """Walk through the object that opens at `at`; return the place behind it."""
        frame = self.frame
        seen: set[str] = set()
        at = self.skip(_space, at + 1)
        while frame[at : at + 1] == b'"':
            self.step(_MEMBER_STEPS)
            end = self.string(at)
            key = _name(frame[at:end])
            at = self.skip(_colon, end)
            if at == end:
                raise _Senseless
            inner = f"{path}.{key}" if path else key
            if key in seen and key in _MEANINGFUL[path]:
                self.repeated.add(inner)
            seen.add(key)
            if not path and key in _TELLING:
                self.top.append((key, at))
            if inner and inner in _MEANINGFUL and frame[at : at + 1] == b"{":
                at = self.object(at, inner)
            else:
                at = self.value(at)
            at = self.skip(_space, at)
        if frame[at : at + 1] != b"}":
            raise _Senseless
        return at + 1

    def value(self, at: int) -> int:
        """Return the place behind the value that begins at `at`."""
        first = self.frame[at : at + 1]
        if first == b'"':
            return self.string(at)
        if first != b"{" and first != b"[":
            end = self.skip(_scalar, at)
            if end == at:
                raise _Senseless
            return end
        depth = 0
        while True:
            self.step()
            token = _token.match(self.frame, at)
            if token is None:
                raise _Senseless
            start, at = token.span(1)
            if self.frame[start] == 0x22:
                at = self.string(start)
            elif self.frame[start] in b"[{":
                depth += at - start
            elif depth > at - start:
                depth -= at - start
            else:
                return start + depth

    def string(self, at: int) -> int:
        """Return the place behind the string that opens at `at`."""
        frame = self.frame
        while True:
            self.step()
            begin = at + 1
            at = frame.find(b'"', begin)
            if at < 0:
                raise _Senseless
            if frame[at - 1] != 0x5C:
                return at + 1
            before = frame[begin:at]
            if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
                return at + 1

    def skip(self, pattern: re.Pattern[bytes], at: int) -> int:
        """Return the place behind what `pattern` matches at `at`, which may be nothing."""
        match = pattern.match(self.frame, at)
        return at if match is None else match.end()

    def step(self, cost: int = 1) -> None:
        """Count what has been looked at."""
        self.steps -= cost
        if self.steps < 0:
            raise _Senseless


def repeated_members(frame: Buffer) -> frozenset[str] | None:
    """Return the members that `frame` repeats although they decide what the message means.

    The frame must hold an object and have parsed before. Members inside others are named with dots,
    `params.name`. `None` when the frame takes too many steps to tell.
    """
    walk = _Walk(frame)
    try:
        walk.object(frame.index(b"{"))
    except _Senseless:
        return None
    return frozenset(walk.repeated)


def elements(frame: Buffer) -> list[Buffer] | None:
    """Cut an array, which must have parsed before, into its elements.

    `None` when it takes too many steps.
    """
    walk = _Walk(frame)
    parts: list[Buffer] = []
    try:
        at = walk.skip(_space, frame.index(b"[") + 1)
        while frame[at : at + 1] != b"]":
            walk.step()
            end = walk.value(at)
            parts.append(frame[at:end])
            at = walk.skip(_space, end)
    except _Senseless:
        return None
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

    Follows the frame up to the place where it stops making sense. An id is read when it is whole,
    the only one there, and one that a frame in good order could have.
    """
    start = frame.find(b"{")
    if start < 0 or frame[:start].strip():
        return Salvaged(None, False, False)
    walk = _Walk(frame)
    with suppress(_Senseless):  # what stands before that place is as good as ever
        walk.object(start)
    ids = [at for key, at in walk.top if key == "id"]
    return Salvaged(
        _id_at(walk, ids[0]) if len(ids) == 1 else None,
        any(key == "method" and _string_at(walk, at) is not None for key, at in walk.top),
        any(key in ("result", "error") for key, _ in walk.top),
    )


def _id_at(walk: _Walk, at: int) -> RequestId | None:
    text = _string_at(walk, at)
    if text is not None:
        return _unquoted(text)
    integer = _integer.match(walk.frame, at)
    if integer is None:
        return None
    number = int(integer[1])
    return number if -(2**63) <= number < 2**64 else None


def _string_at(walk: _Walk, at: int) -> Buffer | None:
    """Return the string that stands at `at` with its marks, `None` when it is not whole."""
    if walk.frame[at : at + 1] != b'"':
        return None
    walk.steps = _STEPS
    try:
        end = walk.string(at)
    except _Senseless:
        return None
    return walk.frame[at:end] if _end.match(walk.frame, end) else None


def _name(quoted: Buffer) -> str:
    """Return the key that is written so, an empty one when it is unreadable."""
    if b"\\" not in quoted:
        return quoted[1:-1].decode(errors="replace")
    return _unquoted(quoted) or ""


def _unquoted(quoted: Buffer) -> str | None:
    """Return the string that is written so, `None` when it is unreadable."""
    try:
        text: str = json.loads(quoted.decode())
        text.encode()
    except ValueError:  # not UTF-8, a bad escape, half of a surrogate pair
        return None
    return text
