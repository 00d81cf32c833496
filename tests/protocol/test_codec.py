"""Bytes to messages and back: total on any bytes, inverse on every record, strict at every edge."""

import itertools
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from barewire.protocol.codec import (
    BATCH_LIMIT,
    EncodeError,
    decode,
    dumps,
    encode,
    encode_batch,
    json_type,
    loads,
    not_finite,
)
from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION
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

MIB = 1 << 20
SLOWER = 10 if sys.gettrace() else 1  # what measuring coverage costs
BOM = b"\xef\xbb\xbf"
PARSE, INVALID, PARAMS = Reason.PARSE_ERROR, Reason.INVALID_REQUEST, Reason.INVALID_PARAMS


def refused(frame: bytes) -> tuple[Reason, RequestId | None, Shape]:
    """What a frame that is no message is found to be."""
    found = decode(frame)
    assert isinstance(found, Malformed), found
    return found.reason, found.id, found.kind


# What may come.

texts = st.text(st.characters(codec="utf-8"), max_size=12)
ids = st.one_of(texts, st.integers(-(2**63), 2**64 - 1))
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=4)
requests = st.builds(Request, ids, texts, st.none() | objects)
notifications = st.builds(Notification, texts, st.none() | objects)
successes = st.builds(Success, ids, objects)
failures = st.builds(Failure, ids, st.integers(-(2**63), 2**64 - 1), texts, values) | st.builds(
    Failure, st.none(), st.integers(-33000, 100), texts, values, st.booleans()
)
messages: st.SearchStrategy[Message] = st.one_of(requests, notifications, successes, failures)
few = settings(max_examples=40)


# Encode and decode are inverse.


@pytest.mark.rule("SR-101", "SR-102", "SR-103", "SR-104", "M1105-RPC-01", "S-03", "S-05", "S-06")
@given(messages)
@example(Request(0, "", {}))
@example(Request("", "x"))
@example(Request(2**64 - 1, "x"))
@example(Request(-(2**63), "x"))
@example(Failure(None, -32700, "Parse error", None, True))
@example(Failure(None, -32700, "Parse error", None, False))
def test_what_is_written_is_read_again(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.rule("S-01", "S-04", "M0326-STD-01")
@given(messages)
def test_a_message_is_one_line_of_utf_8(message: Message) -> None:
    line = encode(message, newline=True)
    assert line == encode(message) + b"\n"
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert json.loads(line.decode("utf-8"))["jsonrpc"] == "2.0"


@few
@given(st.lists(messages, min_size=1, max_size=3))
def test_a_batch_that_is_written_is_read_again(batch: list[Message]) -> None:
    assert decode(encode_batch(batch)) == Batch([*batch])
    assert encode_batch(batch, newline=True) == encode_batch(batch) + b"\n"


@pytest.mark.rule("S-09", "SR-114", "M1105-RPC-06")
@given(messages)
def test_a_message_is_written_alone_as_it_is_in_a_batch(message: Message) -> None:
    assert encode_batch([message]) == b"[%b]" % encode(message)
    assert encode(message, newline=True) == encode(message) + b"\n"


@given(ids)
def test_an_id_keeps_its_value_and_its_type(identifier: RequestId) -> None:
    read = decode(encode(Success(identifier, {})))
    assert isinstance(read, Success)
    assert read.id == identifier
    assert type(read.id) is type(identifier)


@pytest.mark.rule("S-01", "S-04")
@pytest.mark.parametrize(
    "text",
    ["\u2028\u2029\u0085", "\x00", "a\rb\nc\td", "\U0001f40d", "\x7f\x1b", '"\\/', "\ufeff", ""],
)
def test_no_character_is_lost_and_none_ends_the_line(text: str) -> None:
    message = Request(text, text, {text: [text]})
    line = encode(message, newline=True)
    assert line.count(b"\n") == 1
    assert decode(line) == message


def test_no_optional_member_is_written_as_null() -> None:
    assert encode(Request(1, "ping")) == b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    assert encode(Notification("a")) == b'{"jsonrpc":"2.0","method":"a"}'
    assert encode(Success(1, {})) == b'{"jsonrpc":"2.0","id":1,"result":{}}'
    assert encode(Failure("a", -1, "no")) == (
        b'{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"no"}}'
    )


@pytest.mark.rule("SR-105", "M1125-RPC-14")
def test_an_error_without_an_id_says_null_or_leaves_it_out() -> None:
    assert encode(Failure(None, -32700, "x")) == (
        b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}'
    )
    assert encode(Failure(None, -32700, "x", null_id=True)) == (
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}'
    )


# Decoding is total.


def check(frame: bytes) -> Frame:
    """Decode, and hold what must hold whatever the bytes."""
    found = decode(frame)
    assert isinstance(found, Request | Notification | Success | Failure | Batch | Malformed)
    if isinstance(found, Malformed):
        assert (found.kind == "request") <= (found.id is not None)
        assert (found.kind == "unknown") <= (found.id is None)
        assert len(found.detail) < 1000
        # Whatever is given back as an id is one that was legal, and can be written.
        assert decode(encode(Failure(found.id, -32600, "x"))) == Failure(found.id, -32600, "x")
        assert found.id.__class__ in (str, int, type(None))
    elif isinstance(found, Batch):
        assert found.items
        assert not any(isinstance(item, Batch) for item in found.items)
    else:
        assert decode(encode(found)) == found
    return found


@pytest.mark.rule("S-16", "T5")
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(frame: bytes) -> None:
    check(frame)


noise = st.one_of(
    st.binary(max_size=3),
    st.sampled_from(
        [
            *(b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b" ", b"\x00", b"\xff", BOM, b"\n"),
            *(b"NaN", b"Infinity", b"1e999", b"9" * 400, b"\\ud800", b"\\u0069d", b"null", b"-"),
            *(b'"id":1,', b'"\\u0069d":2,', b'"method":"x",', b'"result":{},', b'"error":null,'),
            *(b"[" * 2000, b'{"a":' * 1100, b'"_meta":{},', b'"params":[],', b'"jsonrpc":"1.0",'),
        ]
    ),
)


@pytest.mark.rule("S-16", "T5")
@given(st.data())
def test_a_damaged_message_is_read_or_refused(data: st.DataObject) -> None:
    whole = encode(data.draw(messages))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(start, min(len(whole), start + 9)))
        whole = whole[:start] + data.draw(noise) + whole[end:]
    check(whole)
    check(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@few
@given(messages)
def test_a_bytearray_reads_like_bytes(message: Message) -> None:
    frame = encode(message)
    assert decode(bytearray(frame)) == message
    assert decode(bytearray(BOM + frame)) == message
    cut = frame[:-1]
    assert decode(bytearray(cut)) == decode(cut)


# Which of the five a frame is, and to whom a refusal goes.


def expected(value: dict[str, Any]) -> Frame:
    """Say what JSON-RPC 2.0 makes of an object, where ids have up to 64 bits, params members."""
    identifier = value.get("id")
    legible = isinstance(identifier, str) or (
        type(identifier) is int and -(2**63) <= identifier < 2**64
    )
    name = identifier if legible else None
    asks: Shape = "request" if legible else "unknown"
    right = value.get("jsonrpc") == "2.0"
    params: Any = value.get("params")
    error: Any = value.get("error")
    result: Any = value.get("result")
    structured = params is None or type(value_of(value, "params")) is dict
    if "method" in value:
        called = isinstance(value["method"], str) and (legible or "id" not in value)
        if not (called and right):
            return Malformed(INVALID, "", name, asks)
        if not structured:
            return Malformed(PARAMS, "", name, asks)
        if "result" in value or "error" in value:
            return Malformed(INVALID, "", name, asks)
        return (
            Request(name, value["method"], params)
            if name is not None
            else Notification(value["method"], params)
        )
    if "result" not in value and "error" not in value:
        return Malformed(INVALID, "", name, asks)
    if right and "error" not in value and name is not None and type(result) is dict:
        return Success(name, value["result"])
    if right and "result" not in value and (legible or identifier is None) and is_error(error):
        null = "id" in value and name is None
        return Failure(name, error["code"], error["message"], error.get("data"), null)
    return Malformed(INVALID, "", name, "response")


def is_error(error: Any) -> bool:
    if type(error) is not dict:
        return False
    return type(value_of(error, "code")) is int and type(value_of(error, "message")) is str


def value_of(value: Any, key: str) -> Any:
    return value.get(key)


POOL: dict[str, list[str | None]] = {
    "jsonrpc": ['"2.0"', '"1.0"', "2.0", None],
    "id": [None, "null", "0", '"0"', "1.5", "1.0", "true", "[]", "{}", "18446744073709551616"],
    "method": [None, '""', '"tools/call"', "1", "null"],
    "params": [None, "null", "{}", "[]", '"x"'],
    "result": [None, "{}", "null"],
    "error": [
        None,
        "null",
        '{"code":-1,"message":""}',
        '{"code":-1.0,"message":"x"}',
        '{"code":1}',
        '{"code":true,"message":"x"}',
    ],
}


@pytest.mark.rule("SR-101", "SR-106", "S-14", "S-15", "S-19", "M1105-RPC-02", "M1105-RPC-03")
@pytest.mark.rule("M1105-RPC-07", "M1105-RPC-08", "M0326-RPC-09", "M1105-RPC-10", "M1105-RPC-17")
@pytest.mark.rule("M1125-RPC-11", "M1125-RPC-12", "M1125-RPC-15", "M1125-RPC-16", "SR-115")
def test_every_combination_of_members_is_what_json_rpc_says_it_is() -> None:
    for texts_of in itertools.product(*POOL.values()):
        parts = {key: text for key, text in zip(POOL, texts_of, strict=True) if text is not None}
        frame = "{" + ",".join(f'"{key}":{text}' for key, text in parts.items()) + "}"
        found = decode(frame.encode())
        if isinstance(found, Malformed):
            found = replace(found, detail="")
        value = {key: json.loads(text) for key, text in parts.items()}
        assert found == expected(value), frame


PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'

# IMMUNITY B2: nineteen lines to which a widely used server answers nothing at all.
B2: dict[str, tuple[bytes, Frame | tuple[Reason, RequestId | None, Shape]]] = {
    "no JSON": (b"hello", (PARSE, None, "unknown")),
    "not UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', (PARSE, 1, "request")),
    "byte order mark": (BOM + PING, Request(1, "ping")),
    "id null": (PING.replace(b"1,", b"null,"), (INVALID, None, "unknown")),
    "id 1.5": (PING.replace(b"1,", b"1.5,"), (INVALID, None, "unknown")),
    "id 1.0": (PING.replace(b"1,", b"1.0,"), (INVALID, None, "unknown")),
    "id true": (PING.replace(b"1,", b"true,"), (INVALID, None, "unknown")),
    "id {}": (PING.replace(b"1,", b"{},"), (INVALID, None, "unknown")),
    "no method": (b'{"jsonrpc":"2.0","id":1}', (INVALID, 1, "request")),
    "method 1": (PING.replace(b'"ping"', b"1"), (INVALID, 1, "request")),
    "Method": (PING.replace(b"method", b"Method"), (INVALID, 1, "request")),
    "params []": (PING[:-1] + b',"params":[1]}', (PARAMS, 1, "request")),
    "no jsonrpc": (b'{"id":1,"method":"ping"}', (INVALID, 1, "request")),
    "jsonrpc 1.0": (PING.replace(b"2.0", b"1.0"), (INVALID, 1, "request")),
    "batch": (b"[" + PING + b"]", Batch([Request(1, "ping")])),
    "empty batch": (b"[]", (Reason.EMPTY_BATCH, None, "unknown")),
    "5,000 digits": (PING[:-1] + b',"params":{"n":' + b"7" * 5000 + b"}}", (PARSE, 1, "request")),
    "lone surrogate": (PING[:-1] + b',"params":{"s":"\\ud800"}}', (PARSE, 1, "request")),
    "100,000 deep": (
        PING[:-1] + b',"params":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        (PARSE, 1, "request"),
    ),
}


@pytest.mark.rule("B2", "B4", "B16", "T5", "S-11", "S-14", "S-15", "S-16", "SR-105", "SR-106")
@pytest.mark.parametrize(("frame", "outcome"), B2.values(), ids=B2)
def test_a_bad_line_is_refused_with_its_id_when_that_is_legible(
    frame: bytes, outcome: Frame | tuple[Reason, RequestId | None, Shape]
) -> None:
    assert len(B2) == 19
    if isinstance(outcome, tuple):
        assert refused(frame) == outcome
    else:
        assert decode(frame) == outcome


@pytest.mark.rule("S-12", "M0326-RPC-18")
def test_a_notification_with_bad_params_has_no_id_and_that_reason() -> None:
    for params in (b"[]", b'"x"', b"0", b"false"):
        frame = b'{"jsonrpc":"2.0","method":"notifications/x","params":' + params + b"}"
        assert refused(frame) == (PARAMS, None, "unknown")


def test_what_has_an_id_that_is_none_is_no_notification_with_bad_params() -> None:
    assert refused(b'{"jsonrpc":"2.0","id":null,"method":"x","params":[]}')[0] is INVALID
    assert refused(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"x","params":[]}') == (
        INVALID,
        None,
        "unknown",
    )


@pytest.mark.rule("S-19")
def test_null_params_count_as_absent() -> None:
    assert decode(PING[:-1] + b',"params":null}') == Request(1, "ping", None)


def test_an_empty_string_is_a_method() -> None:
    assert decode(b'{"jsonrpc":"2.0","id":1,"method":""}') == Request(1, "")
    assert decode(b'{"jsonrpc":"2.0","method":""}') == Notification("")


def test_members_that_nobody_knows_are_passed_over() -> None:
    assert decode(PING[:-1] + b',"extra":{"id":3},"Id":4,"ID":5}') == Request(1, "ping")


@pytest.mark.rule("S-16")
@pytest.mark.parametrize("frame", [b"", b" ", b"\n", BOM, b"\x00", b"{", b'"', b"}", b"{]", b"tru"])
def test_what_is_no_json_is_a_parse_error(frame: bytes) -> None:
    assert refused(frame) == (PARSE, None, "unknown")


@pytest.mark.rule("S-15")
@pytest.mark.parametrize("frame", [b"1", b"null", b'"x"', b"true", b"0.5", b"{}"])
def test_what_is_json_but_no_message_is_an_invalid_request(frame: bytes) -> None:
    assert refused(frame) == (INVALID, None, "unknown")


# Where the parser differs from what is needed.


@pytest.mark.rule("S-09", "M1105-RPC-02")
@pytest.mark.parametrize("digits", [str(2**64), str(-(2**63) - 1), "9" * 30, "1" + "0" * 300])
def test_an_id_beyond_64_bits_is_malformed_and_never_given_back(digits: str) -> None:
    assert refused(f'{{"jsonrpc":"2.0","id":{digits},"method":"ping"}}'.encode()) == (
        INVALID,
        None,
        "unknown",
    )
    cut = f'{{"jsonrpc":"2.0","id":{digits},"method":"ping","params":{{"'.encode()
    assert refused(cut) == (PARSE, None, "unknown")
    assert refused(f'{{"jsonrpc":"2.0","id":{digits},"result":{{}}}}'.encode()) == (
        INVALID,
        None,
        "response",
    )


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**63, 2**64 - 1, -(2**63)])
def test_an_id_of_up_to_64_bits_is_kept_to_the_digit(number: int) -> None:
    frame = f'{{"jsonrpc":"2.0","id":{number},"method":"ping"}}'.encode()
    assert decode(frame) == Request(number, "ping")
    assert refused(frame[:-1] + b',"params":') == (PARSE, number, "request")


@pytest.mark.rule("B29")
@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity", b"nan", b"1e999"])
def test_what_is_no_finite_number_is_refused(word: bytes) -> None:
    frame = b'{"jsonrpc":"2.0","id":"a","method":"x","params":{"v":' + word + b"}}"
    assert refused(frame) == (PARSE, "a", "request")


@pytest.mark.rule("B29")
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_written_as_null_unless_somebody_looks(number: float) -> None:
    result = {"rows": [{"mean": 1.0}, {"mean": number}]}
    assert decode(encode(Success(1, result))) == Success(
        1, {"rows": [{"mean": 1.0}, {"mean": None}]}
    )
    assert not_finite(result) == "rows[1].mean"
    assert not_finite(result, "structuredContent") == "structuredContent.rows[1].mean"


@pytest.mark.rule("B29")
def test_the_look_for_infinite_numbers_finds_the_first_one_wherever_it_stands() -> None:
    assert not_finite(math.nan, "progress") == "progress"
    assert not_finite((1, [2, (math.inf,)]), "x") == "x[1][1][0]"
    assert not_finite({"a": math.nan, "b": math.inf}) == "a"
    assert not_finite({1: {"b": math.inf}}) == "1.b"
    assert not_finite({"a": [1, 2.5, "NaN", None, True, {"b": {}}], "c": "nan"}) is None


@few
@given(values)
def test_what_was_read_is_finite(value: object) -> None:
    assert not_finite(value) is None


def test_the_look_for_infinite_numbers_ends_where_writing_does() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert not_finite(endless) is None
    with pytest.raises(EncodeError):
        dumps(endless)
    deepest: Any = math.nan
    for _ in range(253):
        deepest = [deepest]
    assert not_finite(deepest, "x") == "x" + "[0]" * 253
    dumps(deepest)


def nested(depth: int) -> bytes:
    """A request whose objects and arrays are so many deep."""
    inner = b"[" * (depth - 2) + b"]" * (depth - 2)
    return b'{"jsonrpc":"2.0","id":"d","method":"x","params":{"v":' + inner + b"}}"


@pytest.mark.rule("T33")
def test_nesting_deeper_than_1024_is_refused_with_the_id() -> None:
    assert isinstance(decode(nested(1024)), Request)
    assert refused(nested(1025)) == (PARSE, "d", "request")
    assert refused(nested(200_000)) == (PARSE, "d", "request")


@pytest.mark.rule("S-11")
def test_the_id_behind_deep_nesting_is_found_too() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    frame = b'{"method":"x","params":{"v":' + deep + b'},"jsonrpc":"2.0","id":"late"}'
    assert refused(frame) == (PARSE, "late", "request")


def test_nesting_deeper_than_254_cannot_be_written() -> None:
    deepest = decode(nested(254))
    assert isinstance(deepest, Request)
    assert decode(encode(deepest)) == deepest
    deeper = decode(nested(255))
    assert isinstance(deeper, Request)
    with pytest.raises(EncodeError):
        encode(deeper)


@pytest.mark.parametrize("depth", [253, 254, 255, 256, 1024])
def test_a_repeated_member_is_seen_at_any_depth_of_nesting(depth: int) -> None:
    frame = nested(depth)
    assert isinstance(decode(frame), Request)
    assert refused(frame[:-1] + b',"method":"y"}') == (INVALID, "d", "request")


def test_a_deep_message_may_say_a_name_twice_in_different_places() -> None:
    arguments = b'{"name":' * 900 + b"1" + b"}" * 900
    frame = PING[:-1] + b',"params":{"name":"x","arguments":' + arguments + b"}}"
    assert isinstance(decode(frame), Request)


@pytest.mark.rule("B4", "B2")
def test_one_byte_order_mark_is_dropped_and_a_second_is_an_error() -> None:
    assert decode(BOM + PING) == Request(1, "ping")
    assert decode(BOM + b"[" + PING + b"]") == Batch([Request(1, "ping")])
    assert refused(BOM + BOM + PING) == (PARSE, None, "unknown")
    assert refused(BOM * 100_000) == (PARSE, None, "unknown")
    assert refused(BOM + PING[:-1] + b",") == (PARSE, 1, "request")


# What can be saved of a frame that does not parse.


@pytest.mark.rule("T5", "S-11", "S-16")
@pytest.mark.parametrize(
    "frame",
    [
        b'{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"id":2,"method":"y","s":"\xc3"}}',
        b'{"method":"tools/call","params":{"id":2,"a":[{"id":3}]},"jsonrpc":"2.0","id":"q"}',
        b' { "id" : "q" , "method" : "x" , "params" : { "t" : "\\"id\\":9,\\\\" } , "z" : [ ] } ',
    ],
)
def test_a_cut_request_gives_its_own_id_or_none(frame: bytes) -> None:
    assert isinstance(decode(frame + b"x"), Malformed)
    for end in range(len(frame.rstrip())):
        reason, identifier, kind = refused(frame[:end])
        assert reason is PARSE
        assert (kind, identifier) in {("unknown", None), ("request", "q")}
        seen = frame[:end].replace(b" ", b"")
        if seen.startswith(b'{"jsonrpc":"2.0","id":"q","method":"tools/call",'):
            assert kind == "request"


@pytest.mark.rule("S-13", "C-10")
@pytest.mark.parametrize(
    "frame",
    [
        b'{"jsonrpc":"2.0","id":"q","result":{"method":"x","id":1,"content":[{"method":"y"}]}}',
        b'{"jsonrpc":"2.0","id":"q","error":{"code":-1,"message":"\\"method\\":\\"x\\"","data":{"id":2}}}',
        b'{"result":{"a":"{\\"id\\":1,\\"method\\":\\"x\\"}","method":"x"},"jsonrpc":"2.0","id":"q"}',
    ],
)
def test_a_broken_response_is_never_shaped_like_a_request(frame: bytes) -> None:
    for end in range(len(frame)):
        for broken in (
            frame[:end],
            frame[:end] + b"\xff" + frame[end:],
            frame[:end] + b'"\\ud800"',
        ):
            found = check(broken)
            assert isinstance(found, Malformed | Success | Failure)
            if isinstance(found, Malformed):
                assert found.kind in {"unknown", "response"}
                assert found.id in {None, "q"}


UNREADABLE = [
    b'"\\ud800"',
    b"\xff",
    b"9" * 400,
    b"NaN",
    b"'x'",
    b"[" * 1100 + b"]" * 1100,
    b"1e999",
]


@pytest.mark.rule("T5", "S-11", "S-16")
@given(objects, ids, st.sampled_from(UNREADABLE), st.booleans())
def test_one_unreadable_value_does_not_cost_the_id(
    params: dict[str, Any], identifier: RequestId, unreadable: bytes, id_last: bool
) -> None:
    before, after = b'"id":' + dumps(identifier) + b",", b""
    if id_last:
        before, after = b"", b',"id":' + dumps(identifier)
    payload = b'{"\xc2\xa7":[' + dumps(params) + b"," + unreadable + b"]}"
    frame = b'{"jsonrpc":"2.0",' + before + b'"method":"x","params":' + payload + after + b"}"
    assert refused(frame) == (PARSE, identifier, "request")
    frame = b'{"jsonrpc":"2.0",' + before + b'"result":' + payload + after + b"}"
    assert refused(frame) == (PARSE, identifier, "response")


@pytest.mark.rule("T5")
@pytest.mark.parametrize(
    ("members", "identifier", "kind"),
    [
        (b'"id":1,"method":"x",', 1, "request"),
        (b'"\\u0069d":1,"m\\u0065thod":"x",', 1, "request"),
        (b'"id":"\\u00e9\\n","method":"x",', "é\n", "request"),
        (b'"id":-0,"method":"x",', 0, "request"),
        (b'"id":1,"method":"x","result":1,', 1, "request"),
        (b'"id":1,', None, "unknown"),
        (b'"method":"x",', None, "unknown"),
        (b'"id":1,"method":5,', None, "unknown"),
        (b'"id":1 "method":"x",', None, "unknown"),
        (b'"id":"a"b,"method":"x",', None, "unknown"),
        (b'"id":"a","method":"x"y,', None, "unknown"),
        (b'"id":1,"id":1,"method":"x",', None, "unknown"),
        (b'"id":1,"\\u0069d":2,"method":"x",', None, "unknown"),
        (b'"id":null,"method":"x",', None, "unknown"),
        (b'"id":1.0,"method":"x",', None, "unknown"),
        (b'"id":01,"method":"x",', None, "unknown"),
        (b'"id":1e2,"method":"x",', None, "unknown"),
        (b'"id":true,"method":"x",', None, "unknown"),
        (b'"id":[1],"method":"x",', None, "unknown"),
        (b'"id":{"id":1},"method":"x",', None, "unknown"),
        (b'"id":"\\ud800","method":"x",', None, "unknown"),
        (b'"id":"\xff","method":"x",', None, "unknown"),
        (b'"id":"\n","method":"x",', None, "unknown"),
        (b'"id":1,"error":1,', 1, "response"),
        (b'"id":1,"id":2,"result":1,', None, "response"),
        (b'"result":1,', None, "response"),
        (b'"method":"x","result":1,', None, "unknown"),
    ],
)
def test_an_id_is_saved_when_it_is_whole_legal_and_alone(
    members: bytes, identifier: RequestId | None, kind: Shape
) -> None:
    assert refused(b"{" + members + b'"v":NaN}') == (PARSE, identifier, kind)


def test_nothing_is_saved_from_what_is_no_object() -> None:
    for frame in (b"[" + PING + b",", b"x" + PING, b'"' + PING, PING[1:]):
        assert refused(frame) == (PARSE, None, "unknown")


def cpu(work: Callable[[], object], rounds: int = 3) -> float:
    """The least processor time that `work` takes, in seconds."""
    best = math.inf
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


HOSTILE = {
    "[": b"[",
    '{"a":': b'{"a":',
    "quotes": b'"',
    "backslashes": b"\\",
    "an open string of backslashes": b'{"|\\',
    "an open string of escaped quotes": b'{"a":["|\\"',
    "commas": b"{|,",
    "colons": b'{"a"|:',
    "many members": b'{|"a":1,',
    "many ids": b'{|"id":1,',
    "members with arrays in arrays": b'{|"a":[[],',
    "opened strings in arrays": b'{"a":|["',
    "objects without commas": b'{"a":{|"a""',
    "escapes": b'{"a":[|"\\u0069",',
    "digits": b'{"a":[|1',
    "byte order marks": BOM,
    "spaces": b"| ",
    "closed arrays": b'{"a":[|[{}],',
}


@pytest.mark.rule("T33", "B2")
@pytest.mark.parametrize("pattern", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.cost
def test_what_does_not_parse_costs_little_however_long(pattern: bytes) -> None:
    start, _, unit = pattern.rpartition(b"|")

    def frame(size: int) -> bytes:
        return start + unit * (size // len(unit))

    small, large = frame(MIB), frame(4 * MIB)
    assert isinstance(decode(small), Malformed)
    assert cpu(partial(decode, small), 2) < 0.2 * SLOWER  # about 0.03 on an idle core
    assert cpu(partial(decode, large), 1) < 0.3 * SLOWER


@pytest.mark.rule("T33")
@pytest.mark.cost
def test_hostile_repetitions_are_refused_in_little_time() -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{%b"z":1}}'
    for unit, reason in (
        (b'"name":1,', INVALID),
        (b'"a":[[]],', INVALID),
        (b'"a":"\\u003a",', INVALID),
    ):
        frame = call % (unit * (MIB // len(unit)))
        assert refused(frame) == (reason, None, "unknown")
        assert cpu(partial(decode, frame), 1) < 0.4 * SLOWER


# Repeated members.

ENVELOPE = (PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL)


@pytest.mark.rule("M1105-RPC-01", "S-15")
@pytest.mark.parametrize(
    "second", ['"id"', '"\\u0069d"', '"i\\u0064"', '"\\u0069\\u0064"', '"id" \t\n']
)
def test_a_request_with_two_ids_is_refused_without_one(second: str) -> None:
    for frame in (
        f'{{"jsonrpc":"2.0","id":1,{second}:2,"method":"x"}}',
        f'{{"jsonrpc":"2.0",{second}:1,"method":"x","params":{{"id":5}},"id":1}}',
        f'{{"jsonrpc":"2.0",{second}:1,"method":4,"id":1}}',
        f'{{"jsonrpc":"1.0",{second}:1,"method":"x","id":1}}',
        f'{{"jsonrpc":"2.0",{second}:1,"id":1}}',
    ):
        assert refused(frame.encode()) == (INVALID, None, "unknown")


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        ('{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"x"}', "jsonrpc"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', "method"),
        ('{"jsonrpc":"2.0","id":1,"method":"x","params":{},"params":{}}', "params"),
        ('{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":1,"n\\u0061me":2}}', "params.name"),
        (
            '{"jsonrpc":"2.0","id":1,"method":"x","params":{"uri":1,"x":{"uri":2},"uri":3}}',
            "params.uri",
        ),
        ('{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":1,"_meta":{}}}', "params._meta"),
    ],
)
def test_a_request_that_repeats_another_member_is_refused_with_its_id(
    frame: str, named: str
) -> None:
    found = decode(frame.encode())
    assert isinstance(found, Malformed)
    assert (found.reason, found.id, found.kind) == (INVALID, 1, "request")
    assert found.detail == f"{named}: given more than once"


@pytest.mark.parametrize("key", ENVELOPE)
@pytest.mark.parametrize("slash", ["/", "\\/", "\\u002f", "\\u002F"])
def test_a_request_that_repeats_a_member_of_its_envelope_is_refused(key: str, slash: str) -> None:
    other = key.replace("/", slash)
    meta = f'{{"{key}":{{}},"{other}":{{}}}}'
    frame = f'{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"_meta":{meta}}}}}'
    found = decode(frame.encode())
    assert isinstance(found, Malformed)
    assert (found.reason, found.id, found.kind) == (INVALID, 1, "request")
    assert key in found.detail


def test_a_response_that_repeats_a_member_is_refused_as_a_response() -> None:
    assert refused(b'{"jsonrpc":"2.0","id":1,"id":2,"result":{}}') == (INVALID, None, "response")
    assert refused(b'{"jsonrpc":"2.0","id":1,"jsonrpc":"2.0","result":{}}') == (
        INVALID,
        1,
        "response",
    )
    assert refused(b'{"jsonrpc":"2.0","id":1,"id":1,"error":{"code":1,"message":""}}') == (
        INVALID,
        None,
        "response",
    )


def test_what_takes_too_long_to_tell_is_refused_without_an_id() -> None:
    members = b",".join([b'"a":1'] * 6_000)
    frame = b'{"jsonrpc":"2.0","id":7,"method":"x","params":{%b}}' % members
    too_much = "there is too much in it to tell whether members are given more than once"
    assert decode(frame) == Malformed(INVALID, too_much, None, "unknown")


@pytest.mark.parametrize("version", [b'"1.0"', b"2.0", b"null"])
def test_a_failure_of_another_version_is_refused_as_a_response(version: bytes) -> None:
    frame = b'{"jsonrpc":%b,"id":7,"error":{"code":1,"message":""}}' % version
    assert decode(frame) == Malformed(INVALID, 'jsonrpc must be "2.0"', 7, "response")


def test_of_other_repeated_members_the_last_wins() -> None:
    params = b'{"a":1,"a":{"name":1,"name":2}}'
    frame = b'{"jsonrpc":"2.0","id":1,"method":"x","x":1,"x":2,"params":%b}' % params
    assert decode(frame) == Request(1, "x", {"a": {"name": 2}})
    frame = b'{"jsonrpc":"2.0","id":1,"result":{"id":1,"id":2,"name":3,"name":4},"result":{"a":5}}'
    assert decode(frame) == Success(1, {"a": 5})


def test_in_a_batch_only_the_element_that_repeats_a_member_is_refused() -> None:
    frame = b'[%b, {"jsonrpc":"2.0","id":2,"method":"x","method":"y"} ,{"id":1,"id":2},[%b],7,%b]'
    found = decode(frame % (PING, PING, PING))
    assert isinstance(found, Batch)
    assert [
        (item.id, item.kind) if isinstance(item, Malformed) else item for item in found.items
    ] == [
        Request(1, "ping"),
        (2, "request"),
        (None, "unknown"),
        (None, "unknown"),
        (None, "unknown"),
        Request(1, "ping"),
    ]


@st.composite
def spelled(draw: st.DrawFn, key: str) -> str:
    """Write a key with some of its characters as escapes."""
    size = draw(st.sampled_from([0, 0, 2]))
    chosen = draw(st.sets(st.integers(0, len(key) - 1), max_size=size))
    form = draw(st.sampled_from(["\\u%04x", "\\u%04X"]))
    return '"' + "".join(form % ord(c) if i in chosen else c for i, c in enumerate(key)) + '"'


spaces = st.sampled_from(["", "", "", " ", "\n\t ", " " * 5000])
traps = st.sampled_from(
    [
        *(
            '"name"',
            '"\\"name\\":1"',
            '"\\\\"',
            '"\\u0022id\\u0022\\u003a"',
            '"a:b:c"',
            '"' + "x" * 5000 + '"',
        ),
        *(
            '{"id":1}',
            '{"name":{"name":["uri"]}}',
            '[{"id":1},{"id":2}]',
            '"\\u003c\\u0060"',
            "1e5",
            "[]",
        ),
        *('{"_meta":{},"jsonrpc":0}', '"http:\\/\\/a:1"', '"\\ud83d\\udc0d"', '"é"', "-0", "null"),
    ]
)


@st.composite
def written(draw: st.DrawFn, members: list[tuple[str, str]]) -> str:
    """Write an object with its members in any order, spelling and spacing."""
    text: list[str] = []
    for key, value in draw(st.permutations(members)):
        gaps = [draw(spaces) for _ in range(3)]
        text.append(f"{gaps[0]}{draw(spelled(key))}{gaps[1]}:{gaps[2]}{value}")
    return "{" + ",".join(text) + draw(spaces) + "}"


@st.composite
def objects_with(draw: st.DrawFn, members: dict[str, str], repeat: str | None) -> str:
    """Write an object with some members more, and one of the given ones twice."""
    pairs = [
        *members.items(),
        *((key, draw(traps)) for key in draw(st.sets(st.sampled_from("bcd")))),
    ]
    if repeat is not None:
        pairs.append((repeat, members[repeat]))
    return draw(written(pairs))


@st.composite
def frames(draw: st.DrawFn) -> tuple[bytes, str | None]:
    """Write a message, and name the one member that it repeats, if any."""
    names = {"": ("jsonrpc", "id", "method", "params"), "params": ("name", "uri", "_meta")}
    names["params._meta"] = ENVELOPE
    if answer := draw(st.booleans()):
        names = {"": ("jsonrpc", "id")}
    repeat: dict[str, str] = {}
    if draw(st.booleans()):
        place = draw(st.sampled_from(sorted(names)))
        repeat[place] = draw(st.sampled_from(names[place]))
    members = {"jsonrpc": '"2.0"', "id": draw(st.sampled_from(['"i"', "7"]))}
    if answer:
        members["result"] = draw(written([("id", "1"), ("x", draw(traps))]))
    else:
        envelope = {key: draw(traps) for key in ENVELOPE}
        meta = draw(objects_with(envelope, repeat.get("params._meta")))
        params = {"name": draw(traps), "uri": draw(traps), "a": draw(traps), "_meta": meta}
        members["method"] = '"x"'
        members["params"] = draw(objects_with(params, repeat.get("params")))
    named = [f"{place}.{key}".lstrip(".") for place, key in repeat.items()]
    return draw(objects_with(members, repeat.get(""))).encode(), named[0] if named else None


@given(frames())
def test_a_message_is_refused_for_a_repeated_member_exactly_when_it_repeats_one(
    case: tuple[bytes, str | None],
) -> None:
    frame, repeated = case
    assert orjson.loads(frame)
    found = check(frame)
    assert isinstance(found, Malformed) == (repeated is not None)
    if isinstance(found, Malformed) and found.detail.endswith("given more than once"):
        assert repeated is not None
        assert repeated in found.detail
        assert (found.id is None) == (repeated == "id")


# Batches.


@pytest.mark.rule("M0326-RPC-19", "SR-116")
def test_a_batch_holds_what_each_of_its_elements_is() -> None:
    found = decode(
        b'[%b,{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":3,"result":{}},1,{},[]]' % PING
    )
    assert isinstance(found, Batch)
    assert found.items[:3] == [Request(1, "ping"), Notification("n"), Success(3, {})]
    assert all(isinstance(item, Malformed) and item.id is None for item in found.items[3:])


def test_a_batch_of_too_many_elements_is_not_taken_apart() -> None:
    found = decode(b"[" + b",".join([b"1"] * BATCH_LIMIT) + b"]")
    assert isinstance(found, Batch)
    assert len(found.items) == BATCH_LIMIT
    assert refused(b"[" + b",".join([b"1"] * (BATCH_LIMIT + 1)) + b"]") == (
        INVALID,
        None,
        "unknown",
    )


def test_a_batch_that_is_too_tangled_to_take_apart_is_refused_whole() -> None:
    frame = b'[{"id":1,"id":[' + b"[[]]," * 60_000 + b"1]}]"
    assert refused(frame) == (INVALID, None, "unknown")


# What cannot be written.


@pytest.mark.rule("B1", "T3")
@pytest.mark.parametrize(
    "value",
    [
        "a\ud800b",
        {"\udfff": 1},
        2**64,
        -(2**63) - 1,
        {1, 2},
        {1: "a"},
        object(),
        b"x",
        1j,
        {"a": ...},
    ],
)
def test_what_json_cannot_carry_raises_encode_error_and_nothing_else(value: object) -> None:
    for message in (
        Success(1, {"v": value}),
        Request(1, "x", {"v": value}),
        Notification("x", {"v": value}),
        Failure(1, -1, "x", value),
    ):
        with pytest.raises(EncodeError):
            encode(message)
        with pytest.raises(EncodeError):
            encode_batch([Success(1, {}), message])
    with pytest.raises(EncodeError):
        dumps(value)


@pytest.mark.rule("T3")
def test_an_id_or_a_text_that_cannot_be_written_is_an_encode_error_too() -> None:
    for message in (
        Success("\ud800", {}),
        Request(2**64, "x"),
        Request(1, "\ud800"),
        Failure(1, 0, "\ud800"),
    ):
        with pytest.raises(EncodeError):
            encode(message)


# Small things.


def test_plain_json_is_read_and_written() -> None:
    assert loads(b'{"a":[1,2.5,null]}') == {"a": [1, 2.5, None]}
    assert loads(bytearray(b"1")) == 1
    with pytest.raises(ValueError, match="line 1"):
        loads(b"{")
    assert dumps({"a": [1, 2.5, None]}) == b'{"a":[1,2.5,null]}'
    assert dumps([], newline=True) == b"[]\n"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "an integer"),
        (1.0, "a number with a fraction or beyond 64 bits"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
        (object(), "a value that JSON does not have"),
    ],
)
def test_a_value_is_called_by_its_json_type(value: object, name: str) -> None:
    assert json_type(value) == name


@pytest.mark.rule("T36")
def test_a_refusal_says_what_is_wrong_and_quotes_nothing() -> None:
    details = {
        b'{"jsonrpc":"2.0","id":[],"method":"x"}': (
            "id must be a string or an integer, not an array"
        ),
        b'{"jsonrpc":"2.0","id":1,"method":null}': "method must be a string, not null",
        b'{"id":1,"method":"x"}': 'jsonrpc must be "2.0"',
        b'{"jsonrpc":"2.0","method":"x","params":true}': "params must be an object, not a boolean",
        b'{"jsonrpc":"2.0","method":"x","error":1}': "a request has neither result nor error",
        b'{"id":1,"method":1,"x":"secret"}': "method must be a string, not an integer",
        b'"secret"': "a message is an object, not a string",
        b'{"jsonrpc":"2.0","id":1,"result":"secret"}': "result must be an object, not a string",
        b'{"jsonrpc":"2.0","id":1,"error":[]}': "error must be an object, not an array",
        b'{"jsonrpc":"2.0","id":1,"error":{"message":""}}': (
            "error.code must be an integer, not null"
        ),
        b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}': "error.message must be a string, not null",
        b'{"jsonrpc":"2.0","id":1,"error":{},"result":{}}': (
            "a response has a result or an error, not both"
        ),
        b'{"secret': "not JSON, not UTF-8, or beyond what is read (numbers, nesting)",
    }
    for frame, detail in details.items():
        found = decode(frame)
        assert isinstance(found, Malformed)
        assert found.detail == detail


# Speed, as ratios within one run.


@pytest.mark.rule("T38")
@pytest.mark.parametrize("text", ["x" * MIB, "A line of prose: with colons.\n" * (MIB // 30)])
@pytest.mark.cost
def test_a_long_text_costs_little_more_than_parsing_it(text: str) -> None:
    frame = encode(Request(1, "tools/call", {"name": "x", "arguments": {"text": text}}))
    bare = cpu(lambda: [orjson.loads(frame) for _ in range(8)], 8)
    ours = cpu(lambda: [decode(frame) for _ in range(8)], 8)
    assert ours < 2 * bare  # about 1.1 on an idle core


@pytest.mark.rule("T38")
def test_a_small_call_is_read_in_a_handful_of_steps() -> None:
    frame = encode(
        Request(7, "tools/call", {"name": "add", "arguments": {"a": 1, "b": "http://c"}})
    )
    entered: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            entered.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        decode(frame)
    finally:
        sys.setprofile(before)
    assert len(entered) <= 7, entered
