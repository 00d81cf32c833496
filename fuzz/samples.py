"""Sound values and messages, made from the shapes with a seeded `random.Random`.

For runs of a million lines, where Hypothesis is too slow and nothing is to be shrunk by it. The
properties of a test draw from `barewire.fuzz.strategies` instead.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from barewire.protocol import payloads
from barewire.protocol.envelope import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
    PROTOCOL_VERSION,
    SUBSCRIPTION_ID,
)
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.methods import Method, Role, other, sent_by
from barewire.protocol.revisions import Revision
from barewire.protocol.shapes import shape_of
from barewire.protocol.shapes_kinds import (
    Array,
    Choice,
    Dictionary,
    Either,
    Flag,
    Null,
    Number,
    Object,
    Shape,
    Tagged,
    Text,
)

__all__ = ["EDGE_IDS", "FORMATTED", "TEXTS", "VALUES", "envelope", "messages", "sample"]

TEXTS = (
    *("", "a", "echo", "é", "\u2028\u2029\u0085", "\x00", 'a"b\\c/', "a\nb\rc\td", "\ufeff"),
    *("\U0001f98a", "\U0010ffff", "id", '"id":1,"method":"x"', "x" * 200, "2.0", "null", "-0"),
)
"""Strings that JSON can carry and that have made somebody stumble."""

FORMATTED: dict[str, tuple[str, ...]] = {
    "uri": ("file:///tmp/x", "https://example.com/?q=%20", "urn:x:y"),
    "uri-template": ("file:///{path}", "x:{?a,b}"),
    "date-time": ("2025-01-01T00:00:00Z",),
    "byte": ("", "aGk=", "AAAA"),
}
"""Strings of each format that a shape may name."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.0, 1.5, -0.0, 1e308, 2**53 + 1, 2**63, 2**64 - 1, -(2**63)),
    *([], {}, [[]], {"": ""}, {"id": 1, "method": "x"}, [1, "2", None, {"a": [0.5]}]),
    *TEXTS,
)
"""JSON values of every kind."""

EDGE_IDS: tuple[RequestId, ...] = (
    *(0, -1, 2**31, 2**53 - 1, 2**53 + 1, 2**63, 2**64 - 1, -(2**63)),
    *("", "0", "1", "null", "é\u2028\U0001f98a", "\x00", 'a"\\', "x" * 5000),
)
"""Ids that are legal and easily mistaken."""

_NUMBERS = (0, 1, -1, 0.5, 2, 10, 100, 2**53, 1e300, -2.5)


def envelope(revision: Revision) -> dict[str, Any]:
    """Return the `_meta` that a modern request carries."""
    return {
        PROTOCOL_VERSION: revision.name,
        CLIENT_CAPABILITIES: {},
        CLIENT_INFO: {"name": "fuzz", "version": "1"},
    }


def sample(shape: Shape, random: Random, depth: int = 0) -> Any:
    """Return a value that `shape` accepts."""
    for kind, make in _MAKERS.items():
        if isinstance(shape, kind):
            return make(shape, random, depth + 1)
    return random.choice(VALUES)


def messages(sender: Role, revision: Revision, random: Random, each: int = 3) -> list[Any]:
    """Return `each` sound messages for everything that `sender` may say in `revision`.

    Requests and notifications of every method, and answers to every request of the other role. Ids
    and the tokens that refer to them are small integers.
    """
    found: list[Any] = []
    for row in sent_by(sender, revision).values():
        found += [_call(row, sender, revision, random) for _ in range(each)]
    for row in sent_by(other(sender), revision).values():
        if row.kind == "request" and row.result is not None:
            shape = _shape(row.result, revision)
            if shape is not None:
                found += [_answer(sample(shape, random), random) for _ in range(each)]
    found += [_error(code, random) for code in (-32700, -32600, -32603, -32022, 0, 1)]
    return found


def _call(row: Method, sender: Role, revision: Revision, random: Random) -> dict[str, Any]:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": row.name}
    if row.kind == "request":
        message["id"] = random.randrange(1, 100)
    shape = _shape(row.params, revision)
    params: dict[str, Any] = {} if shape is None else sample(shape, random)
    if revision.modern and sender == "client":
        params["_meta"] = envelope(revision)
        if random.random() < 0.3:
            params["_meta"][LOG_LEVEL] = random.choice(("debug", "error"))
    elif revision.modern and row.kind == "notification" and random.random() < 0.5:
        params["_meta"] = {SUBSCRIPTION_ID: random.randrange(1, 100)}
    if row.kind == "request" and random.random() < 0.3:
        params.setdefault("_meta", {})["progressToken"] = random.choice(EDGE_IDS[:12])
    if params or random.random() < 0.5:
        message["params"] = params
    return message


def _answer(result: Any, random: Random) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": random.randrange(1, 100), "result": result}


def _error(code: int, random: Random) -> dict[str, Any]:
    error = {"code": code, "message": random.choice(TEXTS), "data": random.choice(VALUES)}
    return {"jsonrpc": "2.0", "id": random.choice((None, random.randrange(1, 100))), "error": error}


def _shape(name: str | None, revision: Revision) -> Shape | None:
    return None if name is None else shape_of(getattr(payloads, name), revision)


# One maker per kind of shape.


def _text(shape: Text, random: Random, _: int) -> str:
    return random.choice(FORMATTED.get(shape.format or "", TEXTS))


def _number(shape: Number, random: Random, _: int) -> float:
    at_least, at_most = shape.bounds
    fitting = [
        number
        for number in _NUMBERS
        if (at_least is None or number >= at_least)
        and (at_most is None or number <= at_most)
        and not (shape.integer and isinstance(number, float))
    ]
    return random.choice(fitting)


def _array(shape: Array, random: Random, depth: int) -> list[Any]:
    most = 2 if depth < 6 else 1
    return [sample(shape.items, random, depth) for _ in range(random.randint(0, most))]


def _dictionary(shape: Dictionary, random: Random, depth: int) -> dict[str, Any]:
    keys = random.sample(("a", "é", "x/y", ""), random.randint(0, 2))
    return {key: sample(shape.values, random, depth) for key in keys}


def _object(shape: Object, random: Random, depth: int) -> dict[str, Any]:
    often = 0.6 if depth < 4 else 0.2
    made = {
        member.name: sample(member.shape, random, depth)
        for member in shape.members
        if member.required or random.random() < often
    }
    if random.random() < 0.1:
        made["x-unknown"] = random.choice(VALUES)
    return made


def _tagged(shape: Tagged, random: Random, depth: int) -> dict[str, Any]:
    word, case = random.choice(list(shape.cases.items()))
    return {**sample(case, random, depth), shape.tag: word}


_MAKERS: dict[type[Shape], Callable[[Any, Random, int], Any]] = {
    Text: _text,
    Number: _number,
    Array: _array,
    Dictionary: _dictionary,
    Object: _object,
    Tagged: _tagged,
    Choice: lambda shape, random, _: random.choice(shape.values),
    Either: lambda shape, random, depth: sample(random.choice(shape.alternatives), random, depth),
    Flag: lambda _, random, __: random.random() < 0.5,
    Null: lambda _, __, ___: None,
}
