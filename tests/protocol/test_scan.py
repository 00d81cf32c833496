"""The scanner under the codec: exact about repetitions and about the rest of a broken frame."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.protocol.codec import decode
from barewire.protocol.jsonrpc import Malformed
from barewire.protocol.scan import (
    SHORT,
    Salvaged,
    elements,
    loses_members,
    names_no_member_twice,
    repeated_members,
    salvage,
)

NOTHING = Salvaged(None, False, False)
NONE = frozenset[str]()

texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.sampled_from(["name", "id", '"name":', ":::", "\\", '\\"', "]", "}{", "x" * SHORT, "\x00"]),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(-9, 9), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=15,
)


def spaced(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


@settings(max_examples=50)
@given(st.lists(values, max_size=6))
def test_an_array_is_cut_into_its_elements(array: list[Any]) -> None:
    for frame in (spaced(array), json.dumps(array).encode(), b" \n" + orjson.dumps(array) + b"\t"):
        parts = elements(frame)
        assert parts is not None
        assert [json.loads(part) for part in parts] == array
        assert elements(bytearray(frame)) == parts


@pytest.mark.parametrize("element", [b"[[]],", b"1,", b'"",'])
def test_an_array_of_too_many_steps_is_not_cut(element: bytes) -> None:
    assert elements(b"[" + element * 60_000 + b"1]") is None


def test_a_text_of_too_many_quotation_marks_is_not_read_to_its_end() -> None:
    assert repeated_members(b'{"id":"' + b'\\"' * 60_000 + b'"}') is None


def test_backslashes_count_only_right_before_a_quotation_mark() -> None:
    assert repeated_members(rb'{"id":"~\\","id":1}') == frozenset({"id"})
    assert repeated_members(rb'{"id":"\\~\"","name":1}') == NONE


# Where a frame stops making sense.


@pytest.mark.rule("T4", "B2")
@pytest.mark.parametrize("opening", [b'{"":', b'{"\\ud800":', b'{"params":', b"[", b'[{"":'])
def test_nesting_of_any_depth_is_walked_through_without_recursion(opening: bytes) -> None:
    assert salvage(opening * 50_000) == NOTHING
    assert isinstance(decode(opening * 50_000), Malformed)


def test_the_members_of_an_object_without_a_name_are_not_those_of_the_message() -> None:
    assert salvage(b'{"":{"id":7,"method":"x"},') == NOTHING
    assert salvage(b'{"":{"id":7},"id":8,"method":"x",') == Salvaged(8, True, False)
    assert repeated_members(b'{"":{"id":1,"id":2},"id":3}') == NONE


def test_nothing_is_read_behind_an_object_that_makes_no_sense() -> None:
    assert salvage(b'{"params":{x"id":5,"method":"m"}') == NOTHING


def test_a_method_that_is_no_string_is_none_whatever_follows() -> None:
    assert salvage(b'{"id":1,"method":5 ",') == Salvaged(1, False, False)


# A comparison that is certain when it says no.


def loses(frame: bytes) -> bool:
    return loses_members(frame, orjson.dumps(orjson.loads(frame)))


@given(values)
def test_nothing_is_lost_of_what_repeats_nothing(value: Any) -> None:
    for frame in (orjson.dumps(value), spaced(value), json.dumps(value).encode()):
        assert not loses(frame)


@given(values, st.data())
def test_a_repeated_member_is_missed_wherever_it_stands(value: Any, data: st.DataObject) -> None:
    text = spaced(value)
    key = data.draw(st.sampled_from([b'"a"', b'"\\u0061"', b'"a" \n']))
    inner = b'{"x":[' + text + b',{"a":' + text + b"," + key + b":" + text + b"}]}"
    assert loses(inner)


@pytest.mark.parametrize("colon", [b"\\u003a", b"\\u003A"])
def test_a_colon_written_as_an_escape_does_not_hide_a_repeated_member(colon: bytes) -> None:
    frame = b'{"id":1,"id":2,"x":"' + colon + b'"}'
    assert frame.count(b":") == orjson.dumps(orjson.loads(frame)).count(b":")
    assert loses(frame)


def test_a_repeated_member_is_missed_in_a_frame_that_is_as_long_without_it() -> None:
    frame = b'{"id":1,"id":2,"x":[1e5,1e2]}'
    assert len(frame) == len(orjson.dumps(orjson.loads(frame)))
    assert loses(frame)


@pytest.mark.parametrize("text", [b"\\u003c\\u003e", b"\\\\", b"\\n", b"\\u0026", b"\\/"])
def test_other_escapes_raise_no_suspicion(text: bytes) -> None:
    assert not loses(b'{"id":1,"x":"a:b' + text + b'"}')


# A search for long frames.

LONG = b"x" * 3 * SHORT


@pytest.mark.parametrize("text", [LONG, b"a: b, " * SHORT, b" " * 3 * SHORT, b"\\n" * 2 * SHORT])
def test_a_long_text_without_quotation_marks_needs_no_comparison(text: bytes) -> None:
    frame = b'{"id":1,"method":"x","params":{"name":"id","arguments":{"text":"%b","a":"b"}}}' % text
    assert names_no_member_twice(frame)
    assert names_no_member_twice(bytearray(frame))


def test_a_long_text_full_of_quotation_marks_is_left_to_the_comparison() -> None:
    assert not names_no_member_twice(b'{"id":1,"x":"' + b'\\"a' * SHORT + b'"}')


@pytest.mark.parametrize(
    "second",
    [
        b'"id"',
        b'"id"' + b" " * 2 * SHORT,
        b'"\\u0069d"',
        b'"i\\u0064"',
        b'"' + b"".join(b"\\u00%02x" % c for c in b"id") + b'"',
    ],
)
@pytest.mark.parametrize("first", [b'"id"', b'"id" \t\n', b'"id"' + b" " * 2 * SHORT])
def test_a_name_that_comes_twice_in_a_long_frame_is_seen(first: bytes, second: bytes) -> None:
    for between in (
        b',"x":"%b",' % LONG,
        b"," + b" " * 3 * SHORT,
        b',"x":[%b],' % (b"1," * SHORT + b"1"),
    ):
        frame = b'{"y":"%b",%b:1%b%b:2}' % (LONG, first, between, second)
        assert orjson.loads(frame)["id"] == 2
        assert not names_no_member_twice(frame)


@pytest.mark.parametrize("slash", [b"/", b"\\/", b"\\u002f", b"\\u002F"])
def test_an_envelope_key_may_be_spelled_in_many_ways(slash: bytes) -> None:
    key = b'"io.modelcontextprotocol%bclientInfo":{},'
    frame = b'{"params":{"_meta":{%b%b"x":"%b"}}}' % (key % b"/", key % slash, LONG)
    assert not names_no_member_twice(frame)


@pytest.mark.parametrize("key", ["_meta", "io.modelcontextprotocol/protocolVersion"])
@pytest.mark.parametrize("form", ["\\u%04x", "\\u%04X"])
def test_any_character_of_a_key_may_be_an_escape(key: str, form: str) -> None:
    for place, character in enumerate(key):
        other = key[:place] + form % ord(character) + key[place + 1 :]
        frame = f'{{"params":{{"{key}":{{}},"{other}":{{}},"x":"{"x" * 3 * SHORT}"}}}}'.encode()
        assert not names_no_member_twice(frame)


@pytest.mark.parametrize("letter", [b"\\u003c", b"\\u0060", b"\\u0026", b"\\u007f", b"\\u00e9"])
def test_escapes_that_no_key_holds_raise_no_suspicion(letter: bytes) -> None:
    frame = b'{"id":1,"y":"%b","x":"%b"}' % (letter, LONG)
    assert names_no_member_twice(frame)


@given(values, st.lists(st.sampled_from(["name", "uri", "id", "_meta", "other"]), max_size=6))
def test_a_long_frame_that_is_cleared_repeats_nothing(value: Any, keys: list[str]) -> None:
    members = [f"{json.dumps(key)}:{json.dumps(value)}" for key in keys]
    frame = ('{"params":{"z":"' + "x" * 9 * SHORT + '",' + ",".join([*members, '"y":1}}'])).encode()
    if names_no_member_twice(frame):
        assert all(keys.count(key) == 1 for key in keys if key != "other")
        assert repeated_members(frame) == NONE


# The walk, which is exact.


@pytest.mark.parametrize(
    ("frame", "repeated"),
    [
        (b"{}", NONE),
        (b'{"id":1}', NONE),
        (b' {"id":1, "\\u0069d":2}', frozenset({"id"})),
        (b'{"id":1,"id":2,"id":3,"method":1,"method":2}', frozenset({"id", "method"})),
        (b'{"a":{"id":1,"id":2},"b":[{"id":1,"id":2}]}', NONE),
        (b'{"name":1,"name":2,"uri":1,"uri":2,"_meta":1,"_meta":2}', NONE),
        (b'{"result":1,"result":2,"error":1,"error":2,"x":1,"x":2}', NONE),
        (b'{"params":{"name":1,"id":1,"id":2,"name":2}}', frozenset({"params.name"})),
        (b'{"params":{"arguments":{"name":1,"name":2}}}', NONE),
        (b'{"params":{"name":1},"params":{"name":1}}', frozenset({"params"})),
        (b'{"params":[{"name":1,"name":2}]}', NONE),
        (b'{"params":{"x":{"_meta":{"progressToken":1,"progressToken":2}}}}', NONE),
        (b'{"params":{"_meta":{"progressToken":1,"progressToken":2}}}', NONE),
        (b'{"_meta":{"_meta":1},"params":{"params":1,"_meta":{"_meta":1,"_meta":2}}}', NONE),
        (b'{"x":"\\"id\\":1","id":"\\\\","y":"\\\\\\"","z":{"}":"]"}}', NONE),
        (b'{"x":"\\\\","id":1,"y":"\\\\\\\\","id":2}', frozenset({"id"})),
        (b'{"":1,"":2,"id":{"id":[{"id":1}]},"z":[[[]],{"a":{}}]}', NONE),
    ],
)
def test_a_walk_tells_which_members_are_repeated_where_they_matter(
    frame: bytes, repeated: frozenset[str]
) -> None:
    assert orjson.loads(frame) is not None
    assert repeated_members(frame) == repeated
    assert repeated_members(bytearray(frame)) == repeated


@settings(max_examples=50)
@given(st.dictionaries(texts, values, max_size=5), values)
def test_a_walk_finds_the_end_of_every_value(members: dict[str, Any], value: Any) -> None:
    members.pop("id", None)
    inner = spaced(members)[1:-1]
    comma = b"," if members else b""
    once = b'{"id":' + spaced(value) + comma + inner + b"}"
    assert repeated_members(once) == NONE
    assert repeated_members(b'{"id":1' + comma + inner + b',"id":2}') == frozenset({"id"})


def test_a_walk_follows_any_nesting_that_the_parser_follows() -> None:
    deep = b'{"name":' * 1000 + b"1" + b"}" * 1000
    frame = b'{"id":1,"params":{"name":1,"arguments":' + deep + b',"uri":1}}'
    assert orjson.loads(frame)
    assert repeated_members(frame) == NONE


def test_a_walk_of_too_many_steps_says_that_it_cannot_tell() -> None:
    assert repeated_members(b'{"a":[' + b"[[]]," * 60_000 + b"1]}") is None
    assert repeated_members(b"{" + b'"a":1,' * 10_000 + b'"b":1}') is None
    assert repeated_members(b'{"a":"' + b'\\"' * 60_000 + b'"}') is None
    assert repeated_members(b'{"a":["' + b"x" * 60_000 + b'"],"id":1,"id":2}') == frozenset({"id"})


# What is left of a broken frame.


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b"", NOTHING),
        (b"  ", NOTHING),
        (b"[1,", NOTHING),
        (b"{", NOTHING),
        (b'{"id"', NOTHING),
        (b'{"id":', NOTHING),
        (b'{"id":1', NOTHING),
        (b'{"id":1,', Salvaged(1, False, False)),
        (b'{"id":1 }', Salvaged(1, False, False)),
        (b'{"id":"a', NOTHING),
        (b'{"id":"a"', NOTHING),
        (b'{"id":"a",', Salvaged("a", False, False)),
        (b'{"id" "a",', NOTHING),
        (b'{"id""a",', NOTHING),
        (b'{"id":,"method":"x"}', NOTHING),
        (b'{"method":"x",', Salvaged(None, True, False)),
        (b'{"method":1,', NOTHING),
        (b'{"result":', Salvaged(None, False, True)),
        (b'{"error"  :  ', Salvaged(None, False, True)),
        (b'{"id":1,"a":[}],"method":"x"}', Salvaged(1, False, False)),
        (b'{"a":]', NOTHING),
        (b'{"a":[1,{"id":2,"method":"x"', NOTHING),
        (b'{"a":{"id":2},"id":3}}}', Salvaged(3, False, False)),
        (b'{"id":1}{"id":2}', Salvaged(1, False, False)),
        (b'{"id":"\\', NOTHING),
        (b'{"id":"\\"', NOTHING),
        (b'{"id":"\\x",', NOTHING),
        (b'{"\\ud800":1,"id":1,', Salvaged(1, False, False)),
        (b'{"\xff":1,"id":1,', Salvaged(1, False, False)),
    ],
)
def test_salvage_reads_up_to_where_the_frame_stops_making_sense(
    frame: bytes, found: Salvaged
) -> None:
    assert salvage(frame) == found
    assert salvage(bytearray(frame)) == found


@pytest.mark.rule("T33")
def test_an_id_before_a_long_tangle_is_found_and_one_behind_it_is_not() -> None:
    tangle = b'"a":[' + b"[[]]," * 60_000 + b"1],"
    assert salvage(b'{"id":"a","method":"x",' + tangle) == Salvaged("a", True, False)
    assert salvage(b"{" + tangle + b'"id":"a","method":"x",') == NOTHING


@given(st.binary(max_size=100))
def test_salvage_takes_any_bytes(frame: bytes) -> None:
    salvage(frame)
    salvage(b'{"id":1,' + frame)
    salvage(b'{"method":"' + frame)
