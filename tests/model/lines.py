"""What one line is, by JSON-RPC 2.0 and the Base Protocol alone: the model's own reader."""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from tests.model.words import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LOG_LEVEL,
    PARSE_ERROR,
    VERSION,
    Json,
    as_list,
    as_object,
    legible,
)

Kind = Literal["nothing", "request", "notice", "result", "error", "batch", "bad"]


@dataclass
class Read:
    """A line, read."""

    kind: Kind
    id: Any = None
    method: str = ""
    params: Json | None = None
    value: Any = None
    """The result, or the error, or the members of a batch."""
    code: int = 0
    """What is wrong with a bad line."""
    shaped: Literal["request", "answer", "notice", "noise"] = "noise"
    """What a bad line would have been: a request has an id that its sender waits for."""


DECISIVE = {"jsonrpc", "id", "method", "params", "result", "error"}
DECISIVE_IN_PARAMS = {"name", "uri", "_meta"}
DECISIVE_IN_META = {VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL}
LARGEST, SMALLEST = 2**64 - 1, -(2**63)


class Members(dict[str, Any]):
    """A JSON object that remembers which of its members were given more than once."""

    repeated: set[str]


def _members(pairs: list[tuple[str, Any]]) -> Members:
    made = Members(pairs)
    keys = [key for key, _ in pairs]
    made.repeated = {key for key in keys if keys.count(key) > 1}
    return made


def _integer(text: str) -> int | float:
    number = int(text)
    return number if SMALLEST <= number <= LARGEST else float(number)


def _refuse(text: str) -> Any:
    raise ValueError(text)


def parse(line: bytes) -> Any:
    """Return the JSON value of a line; raises `ValueError` when it is none."""
    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    value = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse, parse_int=_integer)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # no half surrogates
    return value


def read(line: bytes) -> Read:
    """Tell what a line is."""
    line = line.removesuffix(b"\r")
    if not line:
        return Read("nothing")
    try:
        value = parse(line)
    except (ValueError, RecursionError, OverflowError):
        return _unreadable(line)
    items = as_list(value)
    if items is not None:
        if not items:
            return Read("bad", code=INVALID_REQUEST)
        return Read("batch", value=[_message(item) for item in items])
    return _message(value)


def _message(value: Any) -> Read:
    if not isinstance(value, Members):
        return Read("bad", code=INVALID_REQUEST)
    id = value.get("id")
    given = legible(id) and "id" not in value.repeated
    sound = value.get("jsonrpc") == "2.0" and not _repeats(value)
    if "method" in value:
        return _call(value, given, sound)
    if "result" not in value and "error" not in value:
        shaped: Literal["request", "noise"] = "request" if given else "noise"
        return Read("bad", id if given else None, code=INVALID_REQUEST, shaped=shaped)
    answer = Read("bad", id if given else None, code=INVALID_REQUEST, shaped="answer")
    if not sound or ("result" in value and "error" in value):
        return answer
    if "result" in value:
        if not legible(id) or as_object(value["result"]) is None:
            return answer
        return Read("result", id, value=value["result"])
    error = as_object(value["error"])
    if error is None or not (legible(id) or id is None):
        return answer
    code = error.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return answer
    return Read("error", id, value=error) if isinstance(error.get("message"), str) else answer


def _call(value: Members, given: bool, sound: bool) -> Read:
    id, method, params = value.get("id"), value["method"], value.get("params")
    code = INVALID_REQUEST
    if isinstance(method, str) and value.get("jsonrpc") == "2.0":
        if "id" in value and not legible(id):
            return Read("bad", code=code)
        if params is not None and as_object(params) is None:
            code = INVALID_PARAMS
        elif sound and "result" not in value and "error" not in value:
            if "id" in value:
                return Read("request", id, method, params)
            return Read("notice", method=method, params=params)
    if given:
        return Read("bad", id, code=code, shaped="request")
    if code == INVALID_PARAMS and "id" not in value:
        return Read("bad", code=code, shaped="notice")
    return Read("bad", code=INVALID_REQUEST)


def _repeats(value: Members) -> bool:
    params = value.get("params")
    meta = params.get("_meta") if isinstance(params, Members) else None
    return bool(
        value.repeated & DECISIVE
        or (isinstance(params, Members) and params.repeated & DECISIVE_IN_PARAMS)
        or (isinstance(meta, Members) and meta.repeated & DECISIVE_IN_META)
    )


# What can be saved of a line that is no JSON: the members at the top, up to where it stops making
# sense. Nonsense inside a value is passed over, and so is a comma too many or too few (decided).

_SPACE = re.compile(rb"[\s,]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COLON = re.compile(rb"\s*:\s*")
_PLAIN = re.compile(rb'[^\s,:"\[\]{}]+')
_INSIDE = re.compile(rb'[^"\[\]{}]*')
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_ENDED = re.compile(rb"\s*[,}]")


class _Stop(Exception):
    """Here it stops making sense."""


def _unreadable(line: bytes) -> Read:
    line = line.removeprefix(b"\xef\xbb\xbf")
    top = _top(line)
    ids = [_legible_at(line, at) for key, at in top if key == "id"]
    id = ids[0] if len(ids) == 1 else None
    calls = any(key == "method" and _string_at(line, at) is not None for key, at in top)
    answers = any(key in ("result", "error") for key, _ in top)
    if calls and id is not None:
        return Read("bad", id, code=PARSE_ERROR, shaped="request")
    if answers and not calls:
        return Read("bad", id, code=PARSE_ERROR, shaped="answer")
    return Read("bad", code=PARSE_ERROR)


def _top(line: bytes) -> list[tuple[str, int]]:
    """Return the members of the outermost object, and where their values begin."""
    found: list[tuple[str, int]] = []
    begin = re.match(rb"\s*\{", line)
    at = 0 if begin is None else begin.end()
    try:
        while at:
            at = _after(_SPACE, line, at)
            end = _after(_STRING, line, at)
            at, key = _after(_COLON, line, end), _text(line[at:end])
            found.append((key or "", at))
            at = _value(line, at)
    except _Stop:
        pass
    return found


def _after(pattern: re.Pattern[bytes], line: bytes, at: int) -> int:
    matched = pattern.match(line, at)
    if matched is None:
        raise _Stop
    return matched.end()


def _value(line: bytes, at: int) -> int:
    """Return where the value that begins here ends."""
    first = line[at : at + 1]
    if first == b'"':
        return _after(_STRING, line, at)
    if first not in (b"{", b"["):
        return _after(_PLAIN, line, at)
    depth = 0
    while True:
        at = _after(_INSIDE, line, at)
        mark = line[at : at + 1]
        if mark == b'"':
            at = _after(_STRING, line, at)
            continue
        if not mark:
            raise _Stop
        depth += 1 if mark in b"{[" else -1
        at += 1
        if depth == 0:
            return at


def _string_at(line: bytes, at: int) -> bytes | None:
    matched = _STRING.match(line, at)
    if matched is None or _ENDED.match(line, matched.end()) is None:
        return None
    return matched[0]


def _text(quoted: bytes) -> str | None:
    try:
        text: str = json.loads(quoted.decode())
        text.encode()
    except ValueError:
        return None
    return text


def _legible_at(line: bytes, at: int) -> Any:
    quoted = _string_at(line, at)
    if quoted is not None:
        return _text(quoted)
    matched = _INTEGER.match(line, at)
    if matched is None or _ENDED.match(line, matched.end()) is None:
        return None
    number = _integer(matched[0].decode())
    return number if isinstance(number, int) else None
