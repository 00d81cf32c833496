"""Bytes to messages and back.

`decode` is total: whatever the bytes, it returns a message, a `Batch` or a `Malformed`, and never
raises. `encode` raises `EncodeError` for what JSON cannot carry and nothing else.

orjson does the parsing. Where it differs from what the protocol needs:

* an integer beyond 64 bits decodes as a float, so an id that large is malformed and never echoed;
* NaN and Infinity are refused on the way in and would be written as `null` on the way out;
* nesting deeper than 1024 is refused;
* a byte order mark is refused, so it is stripped here;
* of repeated members the last wins. That is tolerable for data but not for the members that decide
  what a message is or what it may reach: two readers of one message must not see two messages. Those
  are looked for by `scan`.
"""

from collections.abc import Sequence
from typing import Any, Literal

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
    Success,
)
from barewire.protocol.scan import may_repeat, repeated_member, salvage

__all__ = ["EncodeError", "decode", "dumps", "encode", "encode_batch", "json_type", "loads"]

Buffer = bytes | bytearray

_BOM = b"\xef\xbb\xbf"
_loads = orjson.loads


class EncodeError(ValueError):
    """A message holds something that JSON cannot carry: a lone surrogate, a huge integer, a set."""


def loads(data: Buffer) -> Any:
    """Parse JSON bytes; raises `ValueError`."""
    return _loads(data)


def dumps(value: Any, *, newline: bool = False) -> bytes:
    """Write a value as JSON on one line, with a line feed behind it if `newline`.

    Raises `EncodeError` when the value holds what JSON cannot carry.
    """
    try:
        return orjson.dumps(value, None, orjson.OPT_APPEND_NEWLINE if newline else 0)
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from None


def decode(frame: Buffer) -> Frame:
    """Read one frame: a line without its end, an HTTP body or the data of one event."""
    try:
        value = _loads(frame)
    except ValueError:
        return _undecodable(frame)
    if type(value) is dict:
        return _message(value, frame)
    if type(value) is list:
        return _batch(value, frame)
    return Malformed(Reason.INVALID_REQUEST, f"a message is an object, not {json_type(value)}")


def encode(message: Message, *, newline: bool = False) -> bytes:
    """Write one message on one line, with a line feed behind it if `newline`.

    Raises `EncodeError` when the payload holds what JSON cannot carry.
    """
    return dumps(_plain(message), newline=newline)


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
    if isinstance(message, Failure):
        error: dict[str, Any] = {"code": message.code, "message": message.message}
        if message.data is not None:
            error["data"] = message.data
        if message.id is None and not message.null_id:
            return {"jsonrpc": "2.0", "error": error}
        return {"jsonrpc": "2.0", "id": message.id, "error": error}
    plain: dict[str, Any] = {"jsonrpc": "2.0"}
    if isinstance(message, Request):
        plain["id"] = message.id
    plain["method"] = message.method
    if message.params is not None:
        plain["params"] = message.params
    return plain


def _message(value: dict[str, Any], frame: Buffer | None) -> Message | Malformed:
    """Classify a parsed object by the presence of its members, never by their truth."""
    if "method" not in value:
        return _answer(value)
    method = value["method"]
    identifier = value.get("id")
    if "id" in value:
        kind = type(identifier)
        if kind is not int and kind is not str:
            return Malformed(
                Reason.INVALID_REQUEST,
                f"id must be a string or an integer, not {json_type(identifier)}",
            )
        if type(method) is not str:
            # Not request-shaped, and yet somebody waits: the id is legible.
            return Malformed(
                Reason.INVALID_REQUEST,
                f"method must be a string, not {json_type(method)}",
                identifier,
                "request",
            )
        shape: Literal["request", "unknown"] = "request"
    else:
        shape = "unknown"
        if type(method) is not str:
            return Malformed(
                Reason.INVALID_REQUEST, f"method must be a string, not {json_type(method)}"
            )
    if value.get("jsonrpc") != "2.0":
        return Malformed(Reason.INVALID_REQUEST, 'jsonrpc must be "2.0"', identifier, shape)
    params = value.get("params")
    if params is not None and type(params) is not dict:
        return Malformed(
            Reason.INVALID_PARAMS,
            f"params must be an object, not {json_type(params)}",
            identifier,
            shape,
        )
    if "result" in value or "error" in value:
        return Malformed(
            Reason.INVALID_REQUEST, "a request has neither result nor error", identifier, shape
        )
    if frame is not None and may_repeat(frame, value):
        repeated = repeated_member(frame)
        if repeated is not None:
            return _ambiguous(repeated, identifier if repeated != "id" else None, shape)
    if shape == "request":
        return Request(identifier, method, params)  # type: ignore[arg-type]
    return Notification(method, params)


def _ambiguous(
    member: str, identifier: RequestId | None, shape: Literal["request", "unknown"]
) -> Malformed:
    if identifier is None:
        shape = "unknown"
    return Malformed(Reason.INVALID_REQUEST, f"{member} is given more than once", identifier, shape)


def _answer(value: dict[str, Any]) -> Message | Malformed:
    identifier = value.get("id")
    if "result" not in value and "error" not in value:
        kind = type(identifier)
        if kind is int or kind is str:
            # JSON-RPC 2.0 › Request object: without method there is no request, but an id asks.
            return Malformed(Reason.INVALID_REQUEST, "method is missing", identifier, "request")
        return Malformed(Reason.INVALID_REQUEST, "method is missing")
    if type(identifier) is not int and type(identifier) is not str:
        if identifier is not None or "result" in value:
            return _broken("id must be a string or an integer", None)
        identifier = None
    if value.get("jsonrpc") != "2.0":
        return _broken('jsonrpc must be "2.0"', identifier)
    if "error" not in value:
        result = value["result"]
        if type(result) is not dict:
            return _broken(f"result must be an object, not {json_type(result)}", identifier)
        return Success(identifier, result)  # type: ignore[arg-type]
    if "result" in value:
        return _broken("a response has a result or an error, not both", identifier)
    error = value["error"]
    if type(error) is not dict:
        return _broken(f"error must be an object, not {json_type(error)}", identifier)
    code, text = error.get("code"), error.get("message")
    if type(code) is not int:
        return _broken(f"error.code must be an integer, not {json_type(code)}", identifier)
    if type(text) is not str:
        return _broken(f"error.message must be a string, not {json_type(text)}", identifier)
    return Failure(identifier, code, text, error.get("data"), identifier is None and "id" in value)


def _broken(detail: str, identifier: RequestId | None) -> Malformed:
    return Malformed(Reason.INVALID_REQUEST, detail, identifier, "response")


def _batch(values: list[Any], frame: Buffer) -> Batch | Malformed:
    if not values:
        return Malformed(Reason.EMPTY_BATCH, "an empty array holds no message")
    repeated = repeated_member(frame)
    if repeated is not None:
        return Malformed(Reason.INVALID_REQUEST, f"{repeated} is given more than once")
    items: list[Message | Malformed] = []
    for value in values:
        if type(value) is dict:
            items.append(_message(value, None))
        else:
            items.append(
                Malformed(Reason.INVALID_REQUEST, f"a message is an object, not {json_type(value)}")
            )
    return Batch(items)


def _undecodable(frame: Buffer) -> Frame:
    if frame[:3] == _BOM:
        return decode(frame[3:])
    found = salvage(frame)
    detail = "not JSON, not UTF-8, or beyond what is read (numbers, nesting)"
    if found.method:
        shape: Literal["request", "unknown"] = "request" if found.id is not None else "unknown"
        return Malformed(Reason.PARSE_ERROR, detail, found.id, shape)
    if found.answer:
        return Malformed(Reason.PARSE_ERROR, detail, found.id, "response")
    return Malformed(Reason.PARSE_ERROR, detail)
