"""The judge of what is request-shaped, and how the codec, of which it knows nothing, agrees."""

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.fuzz import judge as module
from barewire.fuzz.judge import judge, numbers_and_strings
from barewire.fuzz.strategies import lines
from barewire.protocol.codec import decode
from barewire.protocol.jsonrpc import Batch, Failure, Malformed, Notification, Request, Success
from barewire.protocol.methods import Role
from barewire.protocol.revisions import ALL, Revision

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


@pytest.mark.parametrize(
    ("line", "shape", "id"),
    [
        (PING, "request", 1),
        (b" \t" + PING + b" \r\r", "request", 1),
        (b"\xef\xbb\xbf" + PING, "request", 1),
        (PING.replace(b"1,", b'"1",'), "request", "1"),
        (PING.replace(b"1,", b"18446744073709551615,"), "request", 2**64 - 1),
        (PING.replace(b"1,", b"18446744073709551616,"), "noise", None),
        (PING.replace(b"1,", b"1.0,"), "noise", None),
        (PING.replace(b"1,", b"true,"), "noise", None),
        (PING.replace(b"1,", b"null,"), "noise", None),
        (PING.replace(b"1,", b'"\\ud800",'), "noise", None),
        (PING.replace(b'"id":1,', b'"id":2,"id":1,'), "request", None),
        (PING.replace(b'"id":1,', b'"\\u0069d":1,'), "request", 1),
        (PING.replace(b"2.0", b"1.0"), "request", 1),
        (PING.replace(b'"ping"', b"5"), "noise", 1),
        (PING[:-1] + b',"result":{}}', "request", 1),
        (b'{"id":1}', "noise", 1),
        (b'{"jsonrpc":"2.0","method":"ping"}', "notification", None),
        (b'{"method":"ping"}', "noise", None),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', "response", 1),
        (b'{"jsonrpc":"2.0","id":null,"error":{}}', "response", None),
        (b"[]", "batch", None),
        (b"1", "noise", None),
        (b"", "blank", None),
        (b"\r", "blank", None),
        (b" ", "unreadable", None),
        (PING + PING, "unreadable", None),
        (PING[:-1], "unreadable", None),
        (PING[:-1] + b',"x":NaN}', "unreadable", None),
        (PING[:-1] + b',"x":"\xff"}', "unreadable", None),
        (PING.decode().encode("utf-16"), "unreadable", None),
        (PING[:-1] + b',"x":' + b"[" * 1025 + b"]" * 1025 + b"}", "request", 1),
    ],
)
def test_a_line_is_judged_by_its_shape(line: bytes, shape: str, id: object) -> None:
    verdict = judge(line)
    assert (verdict.shape, verdict.id, type(verdict.id)) == (shape, id, type(id))


def test_a_line_beyond_the_limit_is_not_read() -> None:
    assert judge(PING, limit=len(PING)).shape == "request"
    assert judge(PING + b"\r", limit=len(PING)).shape == "request"
    assert judge(PING + b" ", limit=len(PING)).shape == "overlong"


@pytest.mark.parametrize(
    "member",
    [b'"x":"\\ud800"', b'"x":1e999', b'"x":' + b"7" * 400, b'"x":' + b"[" * 1100 + b"]" * 1100],
)
def test_what_the_engine_may_refuse_although_it_is_json_is_an_edge(member: bytes) -> None:
    verdict = judge(PING[:-1] + b"," + member + b"}")
    assert (verdict.shape, verdict.edge) == ("request", True)
    assert not judge(PING).edge


@pytest.mark.parametrize(
    ("line", "asks", "answers"),
    [
        (PING[:-1], True, False),
        (b'{"id":1,"result":{}', False, True),
        (b'{"id":1,"me\\u0074hod":"ping"', True, True),  # what it spells is not for us to tell
        (b'{"id":1,"name":"\\u00e9","x":', False, False),
        (b"hello", False, False),
    ],
)
def test_of_a_line_that_cannot_be_read_the_keys_tell_what_it_may_have_been(
    line: bytes, asks: bool, answers: bool
) -> None:
    verdict = judge(line)
    assert verdict.shape == "unreadable"
    assert (verdict.asks, verdict.answers) == (asks, answers)


@pytest.mark.parametrize(("depth", "shape"), [(3990, "request"), (4010, "unreadable")])
def test_nesting_is_judged_alike_by_every_interpreter(depth: int, shape: str) -> None:
    nested = b"[" * depth + b"]" * depth
    line = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":' + nested + b"}}"
    assert judge(line).shape == shape


def test_repeated_members_leave_doubt() -> None:
    assert judge(PING[:-1] + b',"params":{"x":1,"x":2}}').doubtful
    assert judge(PING.replace(b'"id":1,', b'"id":[],"id":1,')).ids == (1,)
    assert judge(PING.replace(b'"id":1,', b'"id":[],"id":1,')).id is None
    assert not judge(PING[:-1] + b',"params":{"x":1,"y":{"x":2}}}').doubtful


def test_a_cancellation_names_what_it_cancels() -> None:
    line = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%b}}'
    assert judge(line % b'"1"').cancels == "1"
    assert judge(line % b"1").cancels == 1
    assert judge(line % b"1.0").cancels is None
    assert judge(line % b"true").cancels is None


def test_the_elements_of_a_batch_are_judged_one_by_one() -> None:
    shapes = [item.shape for item in judge(b"[" + PING + b',1,{"id":2,"result":{}},[]]').items]
    assert shapes == ["request", "noise", "response", "noise"]


def test_ids_are_found_in_what_cannot_be_read() -> None:
    assert numbers_and_strings(b'{"id":1,"method":"a\\"b","x":[-2') == {1, 'a"b'}
    assert numbers_and_strings(b'{"x":"\\ud8') == set()


def test_the_judge_imports_nothing_of_ours_but_the_record() -> None:
    tree = ast.parse(inspect.getsource(module))
    imports = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [name for name in imports if name and name.startswith("barewire")]
    assert ours == ["barewire.protocol.record"]


KINDS = {
    "request": (Request, Malformed),
    "notification": (Notification, Malformed),
    "response": (Success, Failure, Malformed),
    "noise": (Malformed,),
    "batch": (Batch, Malformed),
    "unreadable": (Malformed,),
}


@pytest.mark.rule("S-09", "S-14", "S-15", "S-16")
@given(st.sampled_from(["client", "server"]), st.sampled_from(ALL), st.data())
def test_the_codec_and_the_judge_see_the_same_in_every_line(
    sender: Role, revision: Revision, data: st.DataObject
) -> None:
    line = data.draw(lines(sender, revision)).removesuffix(b"\r")
    if not line:
        return
    verdict, frame = judge(line), decode(line)
    assert isinstance(frame, KINDS[verdict.shape])
    if isinstance(frame, Request):
        assert (frame.id, type(frame.id)) == (verdict.id, type(verdict.id))
    elif isinstance(frame, Malformed) and verdict.shape == "request":
        # Refused, but its sender hears of it, by its id unless there are two.
        assert frame.kind == ("unknown" if verdict.id is None else "request")
        assert frame.id == verdict.id
    elif isinstance(frame, Malformed) and verdict.shape == "response":
        assert frame.kind == "response"
