"""Bytes to messages and back.

`decode` is total: whatever the bytes, it returns a message, a `Batch` or a `Malformed`, and never
raises. `encode` raises `EncodeError` for what JSON cannot carry and nothing else.

orjson does the parsing. Where it differs from what the protocol needs:

* an integer beyond 64 bits decodes as a float, so an id that large is malformed and never echoed;
* NaN and Infinity are refused on the way in and written as `null` on the way out. Looking for them
  in every message would cost more than writing it, so whoever writes numbers that an application
  gave asks `not_finite` first;
* nesting deeper than 1024 is refused on the way in, deeper than 254 on the way out;
* a byte order mark is refused, so one is stripped here;
* of repeated members the last wins. That is tolerable for data but not for the members that decide
  what a message is or what it may reach: two readers of one message must not see two messages.
  Those are looked for by `scan`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, cast

import orjson

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import (
    Batch,
    Failure,
    Frame,
    Malformed,
    Message,
    Notification,
    Request,
    RequestId,
    Shape,
    Success,
)
from barewire.protocol.scan import (
    SHORT,
    elements,
    loses_members,
    names_no_member_twice,
    repeated_members,
    salvage,
)

__all__ = [
    "BATCH_LIMIT",
    "EncodeError",
    "decode",
    "dumps",
    "encode",
    "encode_batch",
    "json_type",
    "loads",
    "not_finite",
]

Buffer = bytes | bytearray

BATCH_LIMIT = 10_000
"""An array of more elements is not taken apart. What is accepted is for the session to say."""

_BOM = b"\xef\xbb\xbf"
_SPACIOUS = 2048
"""Longer messages are worth the room that they take."""
_NONE: frozenset[str] = frozenset()
_loads = orjson.loads


class EncodeError(ValueError):
    """A message holds something that JSON cannot carry: a lone surrogate, a huge integer, a set."""


def loads(data: Buffer) -> Any:
    """Parse JSON bytes; raises `ValueError`."""
    return _loads(data)


def dumps(value: Any, *, newline: bool = False) -> bytes:
    """Write a value as JSON on one line, with a line feed behind it if `newline`.

    Raises `EncodeError` when the value holds what JSON cannot carry. NaN and infinities are written
    as `null`; see `not_finite`.
    """
    try:
        data = orjson.dumps(value, None, orjson.OPT_APPEND_NEWLINE if newline else None)
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from None
    # orjson gives away the buffer that it wrote to, of 4 KiB at least. What waits to be written may
    # be many small messages, so each gets a place of its own size.
    return b"%b" % data if len(data) < _SPACIOUS else data


def not_finite(value: Any, name: str = "") -> str | None:
    """Return the place of the first NaN or infinity in `value`, `None` when all numbers are finite.

    The place begins with `name`: `result.rows[3].mean`. Looks 254 levels deep, for `dumps` refuses
    what is deeper.
    """
    return _not_finite(value, name, 254)


def _not_finite(value: Any, name: str, depth: int) -> str | None:
    if isinstance(value, float):
        return None if isfinite(value) else name
    inner: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        members = cast("Mapping[object, object]", value).items()
        inner = ((f"{name}.{key}" if name else str(key), item) for key, item in members)
    elif isinstance(value, list | tuple):
        items = enumerate(cast("Iterable[Any]", value))
        inner = ((f"{name}[{place}]", item) for place, item in items)
    if depth:
        for place, item in inner:
            found = _not_finite(item, place, depth - 1)
            if found is not None:
                return found
    return None


def decode(frame: Buffer) -> Frame:
    """Read one frame: a line without its end, an HTTP body or the data of one event."""
    try:
        value = _loads(frame)
    except ValueError:
        if not frame.startswith(_BOM):
            return _unreadable(frame)
        frame = frame[len(_BOM) :]
        try:
            value = _loads(frame)
        except ValueError:
            return _unreadable(frame)
    if value.__class__ is dict:
        return _message(value, frame)
    if value.__class__ is list:
        return _batch(value, frame)
    return _no_message(value)


def encode(message: Message, *, newline: bool = False) -> bytes:
    """Write one message on one line, with a line feed behind it if `newline`.

    Raises `EncodeError` when the payload holds what JSON cannot carry.
    """
    if isinstance(message, Notification) and message.params is not None:
        # These come by the thousand, short and alike: all but the params is put there as text.
        try:
            opening, params = _up_to_params(message.method), orjson.dumps(message.params)
        except (TypeError, ValueError, RecursionError) as error:
            raise EncodeError(str(error)) from None
        return b"".join((opening, params, b"}\n" if newline else b"}"))
    return dumps(_plain(message), newline=newline)


@lru_cache(maxsize=64)
def _up_to_params(method: str) -> bytes:
    return b'{"jsonrpc":"2.0","method":%b,"params":' % orjson.dumps(method)


def encode_batch(messages: Sequence[Message], *, newline: bool = False) -> bytes:
    """Write several messages as one array; raises `EncodeError`."""
    return dumps([_plain(message) for message in messages], newline=newline)


def json_type(value: object) -> str:
    """Name the JSON type of a parsed value, with its article: "an object", "null"."""
    if value is None:
        return "null"
    return _JSON_TYPES.get(type(value), "a value that JSON does not have")


_JSON_TYPES: dict[type, str] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number with a fraction or beyond 64 bits",
    int: "an integer",
    list: "an array",
    str: "a string",
}


def _plain(message: Message) -> dict[str, Any]:
    if isinstance(message, Success):
        return {"jsonrpc": "2.0", "id": message.id, "result": message.result}
    plain: dict[str, Any] = {"jsonrpc": "2.0"}
    if isinstance(message, Failure):
        if message.id is not None or message.null_id:
            plain["id"] = message.id
        error = plain["error"] = {"code": message.code, "message": message.message}
        if message.data is not None:
            error["data"] = message.data
        return plain
    if isinstance(message, Request):
        plain["id"] = message.id
    plain["method"] = message.method
    if message.params is not None:
        plain["params"] = message.params
    return plain


# Classification goes by the presence of members, never by their truth: `"method": ""` is a method.
# `frame` is where a message was read from, to look for repeated members there, or `None` when it is
# known to have none. Types are compared by `__class__`: `True` is no integer here.


def _message(value: dict[str, Any], frame: Buffer | None) -> Message | Malformed:
    if "method" not in value:
        return _answer(value, frame)
    method: Any = value["method"]
    if method.__class__ is not str:
        return _bad_call(value, frame, f"method must be a string, not {json_type(method)}")
    identifier: Any = value.get("id")
    if "id" in value and identifier.__class__ is not int and identifier.__class__ is not str:
        what = f"id must be a string or an integer, not {json_type(identifier)}"
        return _bad_call(value, frame, what)
    if value.get("jsonrpc") != "2.0":
        return _bad_call(value, frame, 'jsonrpc must be "2.0"')
    params: Any = value.get("params")
    if params.__class__ is not dict and params is not None:
        what = f"params must be an object, not {json_type(params)}"
        return _bad_call(value, frame, what, Reason.INVALID_PARAMS)
    if "result" in value or "error" in value:
        return _bad_call(value, frame, "a request has neither result nor error")
    repeated = _repeated(frame, value)
    if repeated != _NONE:
        return _bad_call(value, frame, _ambiguous(repeated))
    if "id" in value:
        return Request(identifier, method, params)
    return Notification(method, params)


def _answer(value: dict[str, Any], frame: Buffer | None) -> Message | Malformed:
    if "error" in value:
        return _failure(value, frame)
    if "result" not in value:
        # JSON-RPC 2.0 › Request object: without method there is no request, but an id asks.
        legible = _legible_id(value, frame)
        shape: Shape = "unknown" if legible is None else "request"
        return Malformed(Reason.INVALID_REQUEST, "method is missing", legible, shape)
    identifier: Any = value.get("id")
    if identifier.__class__ is not int and identifier.__class__ is not str:
        return _bad_answer(value, frame, "id must be a string or an integer")
    if value.get("jsonrpc") != "2.0":
        return _bad_answer(value, frame, 'jsonrpc must be "2.0"')
    result: Any = value["result"]
    if result.__class__ is not dict:
        return _bad_answer(value, frame, f"result must be an object, not {json_type(result)}")
    repeated = _repeated(frame, value)
    if repeated != _NONE:
        return _bad_answer(value, frame, _ambiguous(repeated))
    return Success(identifier, result)


def _failure(value: dict[str, Any], frame: Buffer | None) -> Message | Malformed:
    identifier: Any = value.get("id")
    if identifier is not None and identifier.__class__ not in (int, str):
        return _bad_answer(value, frame, "id must be a string, an integer or, in an error, null")
    if value.get("jsonrpc") != "2.0":
        return _bad_answer(value, frame, 'jsonrpc must be "2.0"')
    if "result" in value:
        return _bad_answer(value, frame, "a response has a result or an error, not both")
    error: Any = value["error"]
    if error.__class__ is not dict:
        return _bad_answer(value, frame, f"error must be an object, not {json_type(error)}")
    code, text = error.get("code"), error.get("message")
    if code.__class__ is not int:
        return _bad_answer(value, frame, f"error.code must be an integer, not {json_type(code)}")
    if text.__class__ is not str:
        return _bad_answer(value, frame, f"error.message must be a string, not {json_type(text)}")
    repeated = _repeated(frame, value)
    if repeated != _NONE:
        return _bad_answer(value, frame, _ambiguous(repeated))
    return Failure(identifier, code, text, error.get("data"), identifier is None and "id" in value)


def _bad_call(
    value: dict[str, Any],
    frame: Buffer | None,
    detail: str,
    reason: Reason = Reason.INVALID_REQUEST,
) -> Malformed:
    """Refuse what has a `method`: with its id, when there is one that is legible.

    Without one the reason matters: a notification with bad params is never answered (JSON-RPC 2.0 ›
    Notification), but who gave two ids waits.
    """
    identifier = _legible_id(value, frame)
    if identifier is not None:
        return Malformed(reason, detail, identifier, "request")
    if "id" in value:
        reason = Reason.INVALID_REQUEST
    return Malformed(reason, detail)


def _bad_answer(value: dict[str, Any], frame: Buffer | None, detail: str) -> Malformed:
    return Malformed(Reason.INVALID_REQUEST, detail, _legible_id(value, frame), "response")


def _legible_id(value: dict[str, Any], frame: Buffer | None) -> RequestId | None:
    """Return the id if there is one, of a legal type, and no second one."""
    identifier: Any = value.get("id")
    if not isinstance(identifier, str) and identifier.__class__ is not int:
        return None
    repeated = _repeated(frame, value)
    return identifier if repeated is not None and "id" not in repeated else None


def _repeated(frame: Buffer | None, value: Any) -> frozenset[str] | None:
    """Return the members that are repeated although they matter, `None` when nobody can tell."""
    if frame is None or not _may_repeat(frame, value):
        return _NONE
    return repeated_members(frame)


def _may_repeat(frame: Buffer, value: Any) -> bool:
    """Whether `frame`, which parsed to `value`, may repeat a member; `False` is certain."""
    if len(frame) > SHORT and names_no_member_twice(frame):
        return False
    try:
        again = orjson.dumps(value)
    except TypeError:  # nested more deeply than orjson writes
        return True
    # Most were written as compactly as this, and are equal to it.
    return frame != again and loses_members(frame, again)


def _ambiguous(repeated: frozenset[str] | None) -> str:
    if repeated is None:
        return "there is too much in it to tell whether members are given more than once"
    return f"{', '.join(sorted(repeated))}: given more than once"


def _batch(values: list[Any], frame: Buffer) -> Batch | Malformed:
    if not values:
        return Malformed(Reason.EMPTY_BATCH, "an empty array holds no message")
    if len(values) > BATCH_LIMIT:
        return Malformed(Reason.INVALID_REQUEST, f"an array of more than {BATCH_LIMIT} elements")
    if not _may_repeat(frame, values):
        return Batch([_element(value, None) for value in values])
    parts = elements(frame)
    if parts is None:
        return Malformed(Reason.INVALID_REQUEST, _ambiguous(None))
    return Batch([_element(value, part) for value, part in zip(values, parts, strict=True)])


def _element(value: Any, frame: Buffer | None) -> Message | Malformed:
    return _message(value, frame) if value.__class__ is dict else _no_message(value)


def _no_message(value: object) -> Malformed:
    return Malformed(Reason.INVALID_REQUEST, f"a message is an object, not {json_type(value)}")


def _unreadable(frame: Buffer) -> Malformed:
    found = salvage(frame)
    detail = "not JSON, not UTF-8, or beyond what is read (numbers, nesting)"
    if found.method and found.id is not None:
        return Malformed(Reason.PARSE_ERROR, detail, found.id, "request")
    if found.answer and not found.method:
        return Malformed(Reason.PARSE_ERROR, detail, found.id, "response")
    return Malformed(Reason.PARSE_ERROR, detail)
