"""B2, T5: whatever a server reads, in every phase: one answer or none, a fault told, and it lives.

What is expected is said here line by line: the id and the code of the one answer, no id and a code,
or silence.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from barewire import Server, Violated
from barewire.protocol.revisions import ALL, V2025_03_26, V2025_11_25, V2026_07_28, Revision
from tests.app.peers import Object, Peer
from tests.immunity.processes import request_line
from tests.immunity.wire_server import LINE
from tests.immunity.wires import WireServer, initialize_line

PARSE, REQUEST, METHOD, PARAMS = -32700, -32600, -32601, -32602

NOBODY = "nobody"
"""The answer has no id, or null where the revision of the session wants one."""

Expected = tuple[object, int] | None
"""The id and the error code of the answer, or `None` for silence."""

HEAD = b'{"jsonrpc": "2.0", "id": %d, "method": "tools/call", "params": '


def line(**members: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


def call(argument: bytes) -> bytes:
    return b'%s{"name": "echo", "arguments": {"text": %s}}}' % (HEAD % 7, argument)


# The lines of B2, in its order; two of the 19 are none of these, for they are well-formed or have
# an answer that depends on the revision: a mark before a ping, and a batch.
OF_B2: dict[str, tuple[bytes, Expected]] = {
    "no JSON": (b"hello", (NOBODY, PARSE)),
    "invalid UTF-8": (b"\xff\xfe", (NOBODY, PARSE)),
    "id null": (line(id=None, method="ping"), (NOBODY, REQUEST)),
    "id 1.5": (line(id=1.5, method="ping"), (NOBODY, REQUEST)),
    "id 1.0": (line(id=1.0, method="ping"), (NOBODY, REQUEST)),
    "id true": (line(id=True, method="ping"), (NOBODY, REQUEST)),
    "id an object": (line(id={}, method="ping"), (NOBODY, REQUEST)),
    "no method": (line(id=7), (7, REQUEST)),
    "a number as method": (line(id=7, method=5), (7, REQUEST)),
    "Method": (line(id=7, Method="ping"), (7, REQUEST)),
    "params an array": (line(id=7, method="ping", params=[]), (7, PARAMS)),
    "no jsonrpc": (b'{"id": 7, "method": "ping"}', (7, REQUEST)),
    "jsonrpc 1.0": (b'{"jsonrpc": "1.0", "id": 7, "method": "ping"}', (7, REQUEST)),
    "an empty batch": (b"[]", (NOBODY, REQUEST)),
    "an integer of 5,000 digits": (call(b"9" * 5_000), (7, PARSE)),
    "a lone surrogate": (call(rb'"\ud800"'), (7, PARSE)),
    "nested 100,000 deep": (call(b"[" * 100_000 + b"]" * 100_000), (7, PARSE)),
}

AND_MORE: dict[str, tuple[bytes, Expected]] = {
    "a number": (b"1", (NOBODY, REQUEST)),
    "a string": (b'"ping"', (NOBODY, REQUEST)),
    "null": (b"null", (NOBODY, REQUEST)),
    "an empty object": (b"{}", (NOBODY, REQUEST)),
    "two marks": (b"\xef\xbb\xbf" * 2 + line(id=7, method="ping"), (NOBODY, PARSE)),
    "a mark and nothing": (b"\xef\xbb\xbf", (NOBODY, PARSE)),
    "UTF-16": (line(id=7, method="ping").decode().encode("utf-16-le"), (NOBODY, PARSE)),
    "an id beyond 64 bits": (line(id=2**70, method="ping"), (NOBODY, REQUEST)),
    "an id that is a list": (line(id=[7], method="ping"), (NOBODY, REQUEST)),
    "an empty id": (line(id="", method="nothing", params=[]), ("", PARAMS)),
    "a negative id": (line(id=-1, method="ping", params=7), (-1, PARAMS)),
    "an id of 2**63": (line(id=2**63, method="ping", params=[]), (2**63, PARAMS)),
    "an id given twice": (
        b'{"jsonrpc": "2.0", "id": 7, "id": 8, "method": "a"}',
        (NOBODY, REQUEST),
    ),
    "a method given twice": (
        b'{"jsonrpc": "2.0", "id": 7, "method": "a", "method": "ping"}',
        (7, REQUEST),
    ),
    "a name given twice": (
        b'%s{"name": "a", "name": "echo"}}' % (HEAD % 7),
        (7, REQUEST),
    ),
    "cut off": (line(id=7, method="ping", params={})[:-1], (7, PARSE)),
    "cut off where the method may go on": (line(id=7, method="ping")[:-1], (NOBODY, PARSE)),
    "cut off in a string": (call(b'"abc')[:-20], (7, PARSE)),
    "a tail": (line(id=7, method="ping") + b"}", (7, PARSE)),
    "two in one line": (line(id=7, method="ping") * 2, (7, PARSE)),
    "a comment": (line(id=7, method="ping") + b" // please", (7, PARSE)),
    "single quotes": (b"{'jsonrpc': '2.0', 'id': 7, 'method': 'ping'}", (NOBODY, PARSE)),
    "not a number": (call(b"NaN"), (7, PARSE)),
    "infinity": (call(b"1e999"), (7, PARSE)),
    "invalid UTF-8 in a string": (call(b'"\xc3("'), (7, PARSE)),
    "a surrogate as UTF-8": (call(b'"\xed\xa0\x80"'), (7, PARSE)),
    "a zero byte": (b"\0", (NOBODY, PARSE)),
    "a control character in a string": (call(b'"\x01"'), (7, PARSE)),
    "a request with a result": (line(id=7, method="ping", result={}), (7, REQUEST)),
    "a notification without jsonrpc": (b'{"method": "notifications/x"}', (NOBODY, REQUEST)),
    "HTTP": (b"POST /mcp HTTP/1.1", (NOBODY, PARSE)),
    "a header": (b"Content-Length: 40", (NOBODY, PARSE)),
    "too long": (b"x" * (LINE + 1), (NOBODY, REQUEST)),
    "a request that is too long": (call(b'"%s"' % (b"x" * LINE)), (NOBODY, REQUEST)),
    "a surrogate in a tool's name": (rb'%s{"name": "\ud800"}}' % (HEAD % 7), (7, PARSE)),
    "a surrogate in a method": (rb'{"jsonrpc": "2.0", "id": 7, "method": "\ud800"}', (7, PARSE)),
    "a surrogate in an id": (
        rb'{"jsonrpc": "2.0", "id": "\ud800", "method": "a"}',
        (NOBODY, PARSE),
    ),
    # None of these asks for an answer.
    "an answer that nobody waits for": (line(id=7, result={}), None),
    "an error that nobody waits for": (line(id=7, error={"code": 1, "message": "no"}), None),
    "an error without an id": (line(id=None, error={"code": 1, "message": "no"}), None),
    "an answer with both": (line(id=7, result={}, error={"code": 1, "message": "no"}), None),
    "an answer that is a string": (line(id=7, result="yes"), None),
    "an answer cut off": (line(id=7, result={})[:-1], None),
    "a notification with an array": (line(method="notifications/x", params=[]), None),
}

NO_FAULT: dict[str, bytes] = {
    "nothing": b"",
    "a carriage return": b"\r",
    "an unknown notification": line(method="notifications/unknown"),
    "progress of nobody": line(
        method="notifications/progress", params={"progressToken": 7, "progress": 1}
    ),
    "a cancellation of nobody": line(method="notifications/cancelled", params={"requestId": 7}),
    "a cancellation of nothing": line(method="notifications/cancelled", params={}),
}

ACCEPTED: dict[str, bytes] = {
    "a mark": b"\xef\xbb\xbf" + line(id=7, method="ping"),
    "a carriage return at the end": line(id=7, method="ping") + b"\r",
    "spaces around": b" \t" + line(id=7, method="ping") + b" ",
    "members that nobody knows": line(id=7, method="ping", extra={"a": [1]}),
    "params null": line(id=7, method="ping", params=None),
}


@dataclass(frozen=True)
class Phase:
    """How far a conversation has come; `null_id` is how an error without an id is written."""

    revision: Revision
    null_id: bool
    begin: Callable[[WireServer], object]


def nothing_yet(server: WireServer) -> None:
    """Leave it as it started."""


def only_initialize(server: WireServer) -> None:
    server.send(initialize_line(1, server.revision))
    server.answer(1)


def shake_hands(server: WireServer) -> None:
    server.shake_hands()


def discover(server: WireServer) -> None:
    server.answer(server.request("server/discover"))


def both_eras(server: WireServer) -> None:
    server.shake_hands()
    server.send(request_line(2, "server/discover", {}, V2026_07_28))
    server.answer(2)


PHASES: dict[str, Phase] = {
    "before anything": Phase(V2026_07_28, False, nothing_yet),
    "after discover": Phase(V2026_07_28, False, discover),
    "before initialized": Phase(V2025_11_25, False, only_initialize),
    "both eras": Phase(V2025_11_25, False, both_eras),
    **{
        f"in {revision.name}": Phase(revision, revision.name < "2025-11", shake_hands)
        for revision in ALL
        if not revision.modern
    },
}


@pytest.fixture(scope="module", params=PHASES)
def phase(request: pytest.FixtureRequest) -> Phase:
    return PHASES[request.param]


@pytest.fixture(scope="module")
def server(anyio_backend: str, phase: Phase) -> Iterator[WireServer]:
    with WireServer(anyio_backend, phase.revision) as server:
        phase.begin(server)
        server.take()
        yield server
        assert server.finish() == 0


def what_comes_of(server: WireServer, data: bytes) -> tuple[list[Any], list[Any]]:
    """Send a line; return what was said, and which faults were told, until the server went on."""
    server.send(data + b"\n")
    # By envelope, which is understood in every phase.
    params = {"name": "take_faults", "arguments": {}}
    id = server.next_id()
    server.send(request_line(id, "tools/call", params, V2026_07_28))
    answer = server.answer(id)
    faults: list[Any] = answer["result"]["structuredContent"]
    return server.take(), faults


def codes(said: list[Any]) -> list[Object]:
    """The error codes of what was said, with the ids as far as there are any."""
    return [
        {**({"id": one["id"]} if "id" in one else {}), "code": one.get("error", one).get("code")}
        for one in said
    ]


def what_is_due(expected: Expected, phase: Phase) -> list[Object]:
    if expected is None:
        return []
    id, code = expected
    if id != NOBODY:
        return [{"id": id, "code": code}]
    return [{"id": None, "code": code}] if phase.null_id else [{"code": code}]


@pytest.mark.rule("B2", "T5", "T3", "S-11", "S-16")
@pytest.mark.parametrize("lines", [OF_B2, AND_MORE], ids=["of B2", "and more"])
def test_a_bad_line_gets_its_one_answer_or_none_and_is_told_as_one_fault(
    server: WireServer, phase: Phase, lines: dict[str, tuple[bytes, Expected]]
) -> None:
    wrong: Object = {}
    for name, (data, expected) in lines.items():
        said, faults = what_comes_of(server, data)
        if codes(said) != what_is_due(expected, phase) or len(faults) != 1:
            wrong[name] = said, faults
    assert wrong == {}


@pytest.mark.rule("B2", "S-16")
def test_what_breaks_no_rule_is_neither_answered_nor_a_fault(server: WireServer) -> None:
    for name, data in NO_FAULT.items():
        assert what_comes_of(server, data) == ([], []), name


@pytest.mark.rule("B2", "B4", "T5")
def test_what_is_only_unusual_is_accepted(server: WireServer) -> None:
    for name, data in ACCEPTED.items():
        said, faults = what_comes_of(server, data)
        assert said == [{"jsonrpc": "2.0", "id": 7, "result": {}}], name
        assert faults == [], name


@pytest.mark.rule("B2", "T5", "SR-105")
def test_a_batch_is_answered_where_there_are_batches_and_refused_elsewhere(
    server: WireServer, phase: Phase
) -> None:
    batch = b"[%s, %s]" % (line(id=7, method="ping"), line(id=8, method="ping", params=[]))
    (answer,), faults = what_comes_of(server, batch)
    if phase.revision is V2025_03_26:
        first, second = answer
        assert first == {"jsonrpc": "2.0", "id": 7, "result": {}}
        assert (second["id"], second["error"]["code"]) == (8, PARAMS)
    else:
        assert answer.get("id") is None
        assert answer["error"]["code"] == REQUEST
    assert len(faults) == 1


@pytest.mark.rule("T5", "T16", "T33")
def test_a_line_that_is_too_long_takes_no_memory_and_the_limit_is_named(
    server: WireServer,
) -> None:
    before = server.peak_memory()
    (answer,), faults = what_comes_of(server, b"x" * (20 * LINE))
    assert f"limits.line is {LINE}" in answer["error"]["message"]
    assert f"limits.line is {LINE}" in faults[0][1]
    assert server.peak_memory() - before < 3 * LINE


@pytest.mark.rule("B2", "T5")
async def test_whoever_is_told_of_a_fault_and_raises_harms_nothing() -> None:
    told: list[str] = []

    def tell(fault: Violated) -> None:
        told.append(fault.detail)
        raise ValueError

    async with Peer(Server("s", on_fault=tell)) as peer:
        peer.send(b"noise\n", b"noise\n")
        assert "result" in await peer.ask("server/discover")
    assert len(told) == 2
