"""What a line is shaped like, judged by the standard library's JSON parser and nothing of ours.

JSON-RPC 2.0 › Request object. A line is *request-shaped* when it is an object with a string
`method` and an `id` that is a string or an integer of at most 64 bits: then somebody waits, and
exactly one answer is due. The judge shares no code with `barewire.protocol`, so that it shares no
mistake with it either. Where the standard parser is more tolerant than the wire (NaN, UTF-16) it is
held to the rules; where the engine may say "parse error" to what is JSON all the same (half of a
surrogate pair, a number that no double holds, nesting beyond 1024), the verdict says `edge`.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias, cast

from barewire.protocol.record import record

__all__ = ["LineShape", "RequestId", "Verdict", "judge", "numbers_and_strings"]

RequestId: TypeAlias = str | int

LineShape: TypeAlias = Literal[
    "blank", "request", "notification", "response", "noise", "batch", "unreadable", "overlong"
]
"""`noise` is JSON and no message, `unreadable` no JSON, `overlong` longer than is read at all."""


@record
class Verdict:
    """What a line is shaped like."""

    shape: LineShape
    ids: tuple[RequestId, ...] = ()
    """The legal ids at its top level; more than one when the member is repeated."""
    id: RequestId | None = None
    """The id that an answer must carry, `None` when there is none, or the member is repeated."""
    method: str | None = None
    doubtful: bool = False
    """Whether two readers may differ on it: a member is repeated, or it both asks and answers."""
    edge: bool = False
    """Whether it holds what is JSON and may all the same be refused as a parse error."""
    answers: bool = False
    """Whether it may have been meant as an answer, as far as its bytes tell."""
    cancels: RequestId | None = None
    """The request that it gives up, for a `notifications/cancelled`."""
    items: "tuple[Verdict, ...]" = ()
    """The elements of a batch."""
    asks: bool = False
    """Whether it names a method, as far as its bytes tell: told of lines that are not read."""


def judge(line: bytes, limit: int | None = None) -> Verdict:
    """Say what `line`, without its line feed, is shaped like; lines above `limit` bytes are not
    read."""
    if line.endswith(b"\r"):
        line = line[:-1]  # stdio: a CR before the LF belongs to the line end
    if not line:
        return Verdict("blank")
    if limit is not None and len(line) > limit:
        return Verdict("overlong", answers=_may_answer(line), asks=_may_ask(line))
    line = line.removeprefix(b"\xef\xbb\xbf")
    doubts: list[bool] = []
    outer: list[tuple[str, Any]] = []

    def take(members: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(members)
        if len(made) < len(members):
            doubts.append(True)
        outer[:] = members  # the outermost object is closed last: in the end these are its members
        return made

    try:
        value = _parse(line.decode(), take)
    except (ValueError, RecursionError):  # no UTF-8, no JSON, or nested beyond the parser
        return Verdict("unreadable", answers=_may_answer(line), asks=_may_ask(line))
    edge = _is_edge(line)
    if isinstance(value, list):
        return _batch(line, cast("list[object]", value), edge, bool(doubts))
    if not isinstance(value, dict):
        return Verdict("noise", edge=edge)
    return _object(cast("dict[str, Any]", value), outer, edge, bool(doubts))


def numbers_and_strings(line: bytes) -> set[RequestId]:
    """Return everything in `line`, readable or not, that a generous reader could take for an id."""
    found: set[RequestId] = set()
    for text in _VALUE.findall(line):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, str | int):
            found.add(value)
    return found


_VALUE = re.compile(rb':\s*("(?:[^"\\]|\\.)*"|-?\d{1,20})')


_DEPTH = 4000


def _parse(text: str, take: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> object:
    """Parse as the wire wants it; up to a depth that is beyond what any peer reads.

    Raises `RecursionError` beyond it, whatever the interpreter could do.
    """
    value = _decode(text, take)
    if text.count("[") + text.count("{") > _DEPTH and _deeper(value, _DEPTH):
        raise RecursionError
    return value


def _deeper(value: object, depth: int) -> bool:
    level = [value]
    while level and depth:
        depth -= 1
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner += cast("dict[str, object]", one).values()
            elif isinstance(one, list):
                inner += cast("list[object]", one)
        level = inner
    return any(isinstance(one, dict | list) for one in level)


def _decode(text: str, take: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> object:
    decoder = json.JSONDecoder(
        object_pairs_hook=take, parse_constant=_refuse, parse_int=_integer, strict=True
    )
    try:
        return decoder.decode(text)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + _DEPTH)
        try:
            return decoder.decode(text)
        finally:
            sys.setrecursionlimit(limit)


class _Giant:
    """An integer beyond 64 bits, which the engine reads as a float: no id."""


_GIANT = _Giant()
_EDGE = re.compile(rb"\\u[dD][89a-fA-F]|\d{300}|\d[eE]\+?\d{3}")


def _integer(text: str) -> object:
    if len(text) > 20:
        return _GIANT
    number = int(text)
    return number if -(2**63) <= number < 2**64 else _GIANT


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _is_edge(line: bytes) -> bool:
    return _EDGE.search(line) is not None or line.count(b"[") + line.count(b"{") > 1000


_ESCAPED_KEY = re.compile(rb'\\u[^"]*"\s*:')
"""What may be any key."""


def _may_answer(line: bytes) -> bool:
    return b'"result"' in line or b'"error"' in line or _ESCAPED_KEY.search(line) is not None


def _may_ask(line: bytes) -> bool:
    return b'"method"' in line or _ESCAPED_KEY.search(line) is not None


def _object(
    value: dict[str, Any], members: Iterable[tuple[str, Any]], edge: bool, doubtful: bool
) -> Verdict:
    given = [item for key, item in members if key == "id"]
    ids = tuple(item for item in given if _is_id(item))
    id = ids[0] if len(given) == len(ids) == 1 else None
    method = value.get("method")
    answers = "result" in value or "error" in value
    if "method" not in value and answers:
        return Verdict("response", ids, id, doubtful=doubtful, edge=edge, answers=True)
    if not isinstance(method, str):
        return Verdict("noise", ids, id, doubtful=doubtful, edge=edge, answers=answers)
    cancels = _cancelled(method, value)
    if "id" in value:
        shape: LineShape = "request" if _is_id(value["id"]) else "noise"
        return Verdict(shape, ids, id, method, doubtful or answers, edge, answers, cancels)
    sound = value.get("jsonrpc") == "2.0"
    shape = "notification" if sound else "noise"
    return Verdict(shape, (), None, method, doubtful or answers, edge, answers, cancels)


def _is_id(value: object) -> bool:
    """Whether `value` can be echoed: an integer, or a string without half a surrogate pair."""
    if not isinstance(value, str):
        return type(value) is int
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cancelled(method: str, value: dict[str, Any]) -> RequestId | None:
    params = value.get("params")
    if method != "notifications/cancelled" or not isinstance(params, dict):
        return None
    id = cast("dict[str, object]", params).get("requestId")
    return id if isinstance(id, str) or type(id) is int else None


def _batch(line: bytes, values: list[object], edge: bool, doubtful: bool) -> Verdict:
    items: list[Verdict] = []
    for value in values:
        if isinstance(value, dict):
            plain = cast("dict[str, Any]", value)
            items.append(_object(plain, plain.items(), edge, doubtful))
        else:
            items.append(Verdict("noise", edge=edge))
    return Verdict("batch", doubtful=doubtful, edge=edge, items=tuple(items))
