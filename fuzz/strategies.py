"""Hypothesis strategies for everything that goes over the wire, sound and otherwise.

What a definition of `barewire.protocol.payloads` accepts in a revision is read from its shape, so
that a payload is described once. Everything shrinks: towards short, plain and few.

Needs Hypothesis, the extra `fuzz`.
"""

import json
from functools import cache
from random import Random
from typing import Any, TypeAlias, TypeVar, cast

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as _absent:
    raise ModuleNotFoundError(
        "barewire.fuzz.strategies needs Hypothesis: pip install hypothesis", name=_absent.name
    ) from _absent

from barewire.fuzz.mutate import LINE_MUTATORS, MESSAGE_MUTATORS, dump
from barewire.fuzz.samples import EDGE_IDS, FORMATTED, TEXTS, envelope
from barewire.protocol import payloads
from barewire.protocol.envelope import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
    LOG_LEVELS,
    PROTOCOL_VERSION,
)
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.methods import Role, other, sent_by
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

__all__ = [
    "answers",
    "damaged_envelopes",
    "envelopes",
    "ids",
    "json_texts",
    "json_values",
    "lines",
    "messages",
    "method_names",
    "mutated_lines",
    "mutated_messages",
    "notifications",
    "payload",
    "requests",
    "texts",
    "values_of",
]

Json: TypeAlias = dict[str, Any]

T = TypeVar("T")


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Strings that UTF-8 can carry, those that have made somebody stumble among them."""
    return st.text(st.characters(codec="utf-8"), max_size=max_size) | st.sampled_from(TEXTS)


def json_values(max_leaves: int = 12) -> st.SearchStrategy[Any]:
    """JSON values that every reader reads alike: integers of 64 bits, finite doubles."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts()
    )

    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=4) | st.dictionaries(texts(6), inner, max_size=4)

    return _shown_as("json_values", st.recursive(leaves, around, max_leaves=max_leaves))


def json_texts() -> st.SearchStrategy[bytes]:
    """JSON texts, of the kinds also on which readers differ.

    Giant and overprecise numbers, halves of surrogate pairs, repeated keys, deep nesting, escapes
    and white space where nobody puts them.
    """
    odd = st.sampled_from(
        [
            *(
                "1" * 20,
                "7" * 400,
                "-" + "9" * 5000,
                "1e999",
                "-0",
                "-0.0",
                "1E+2",
                "0." + "3" * 60,
            ),
            *('"\\ud800"', '"\\udfff\\ud800"', '"\\u0041\\/"', '"\\u0000"', '"\u2028"'),
            *('{"a":1,"a":2}', '{"a":{"b":1,"b":[]}}', ' { "a" : [ 1 , 2 ] } ', '{"":{"":{}}}'),
            *("[" * depth + "]" * depth for depth in (200, 1000, 1025)),
        ]
    )
    plain = json_values().map(json.dumps)
    unescaped = json_values().map(lambda value: json.dumps(value, ensure_ascii=False))
    return _shown_as("json_texts", (plain | unescaped | odd).map(str.encode))


def ids() -> st.SearchStrategy[RequestId]:
    """Legal ids: strings, and integers of at most 64 bits."""
    any_integer = st.integers(-(2**63), 2**64 - 1)
    return _shown_as("ids", st.integers(0, 99) | st.sampled_from(EDGE_IDS) | texts() | any_integer)


def method_names(sender: Role, revision: Revision) -> st.SearchStrategy[str]:
    """Names of everything that `sender` may say in `revision`."""
    return st.sampled_from(list(sent_by(sender, revision)))


@cache
def payload(name: str, revision: Revision) -> st.SearchStrategy[Any]:
    """Values that a definition of `barewire.protocol.payloads` accepts in `revision`.

    Raises `LookupError` if there is no such definition, or it is not part of the revision.
    """
    if name not in payloads.__all__:
        raise LookupError(f"there is no payload called {name}")
    shape = shape_of(getattr(payloads, name), revision)
    if shape is None:
        raise LookupError(f"{name} is not part of {revision.name}")
    return _shown_as(name, values_of(shape))


@cache
def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that `shape` accepts."""
    match shape:
        case Text():
            return st.sampled_from(FORMATTED[shape.format]) if shape.format else texts()
        case Flag():
            return st.booleans()
        case Null():
            return st.none()
        case Number():
            return _numbers(shape)
        case Choice():
            return st.sampled_from(shape.values)
        case Array():
            most = 3 if shape.at_most is None else min(3, shape.at_most)
            return st.lists(st.deferred(lambda: values_of(shape.items)), max_size=most)
        case Dictionary():
            values = st.deferred(lambda: values_of(shape.values))
            return st.dictionaries(texts(6), values, max_size=3)
        case Object():
            return _objects(shape)
        case Tagged():
            return st.one_of([_tagged(shape, word, case) for word, case in shape.cases.items()])
        case Either():
            return st.one_of([values_of(one) for one in shape.alternatives])
        case _:
            return json_values(4)


@cache
def envelopes(revision: Revision) -> st.SearchStrategy[Json]:
    """Sound `_meta` objects of modern requests."""
    capabilities = payload("ClientCapabilities", revision)
    required = {PROTOCOL_VERSION: st.just(revision.name), CLIENT_CAPABILITIES: capabilities}
    optional = {
        CLIENT_INFO: payload("Implementation", revision),
        LOG_LEVEL: st.sampled_from(list(LOG_LEVELS)),
        "progressToken": ids(),
        "com.example/own": json_values(3),
    }
    return _shown_as("envelopes", st.fixed_dictionaries(required, optional=optional))


def damaged_envelopes(revision: Revision) -> st.SearchStrategy[Any]:
    """`_meta` values with a member missing, mistyped or of another revision, and no objects."""

    @st.composite
    def damaged(draw: st.DrawFn) -> Any:
        meta = draw(envelopes(revision))
        key = draw(st.sampled_from(list(meta)))
        if draw(st.booleans()):
            return {name: value for name, value in meta.items() if name != key}
        return {**meta, key: draw(json_values(3))}

    return damaged() | json_values(3)


@cache
def requests(sender: Role, revision: Revision) -> st.SearchStrategy[Json]:
    """Sound requests of `sender`, which in a modern revision only a client makes."""
    return _calls(sender, revision, "request")


@cache
def notifications(sender: Role, revision: Revision) -> st.SearchStrategy[Json]:
    """Sound notifications of `sender`."""
    return _calls(sender, revision, "notification")


@cache
def answers(sender: Role, revision: Revision) -> st.SearchStrategy[Json]:
    """Sound results and errors of `sender`, for whatever the other role may ask."""
    asked = sent_by(other(sender), revision).values()
    results = [payload(row.result, revision) for row in asked if row.result is not None]
    error = st.fixed_dictionaries(
        {"code": st.integers(-33_000, 100), "message": texts()}, optional={"data": json_values(4)}
    )
    failed = _message({"id": ids(), "error": error})
    succeeded = [_message({"id": ids(), "result": result}) for result in results]
    return _shown_as("answers", st.one_of([*succeeded, failed]))


@cache
def messages(sender: Role, revision: Revision) -> st.SearchStrategy[Json]:
    """Sound messages of any kind."""
    kinds = [notifications(sender, revision)]
    if any(row.kind == "request" for row in sent_by(sender, revision).values()):
        kinds.append(requests(sender, revision))
    if sender == "server" or not revision.modern:
        kinds.append(answers(sender, revision))
    return _shown_as("messages", st.one_of(kinds))


@st.composite
def mutated_messages(draw: st.DrawFn, sender: Role, revision: Revision) -> Any:
    """JSON values that were messages before one to three mutators of messages met them."""
    value: Any = draw(messages(sender, revision))
    random = Random(draw(st.integers(0, 2**32)))
    for mutator in draw(st.lists(st.sampled_from(MESSAGE_MUTATORS), min_size=1, max_size=3)):
        if isinstance(value, dict):
            value = mutator.apply(dict(cast(Json, value)), random)
    return value


@st.composite
def mutated_lines(draw: st.DrawFn, sender: Role, revision: Revision) -> bytes:
    """Lines that were messages before up to three mutators of either kind met them."""
    value = draw(messages(sender, revision) | mutated_messages(sender, revision))
    line = dump(value)
    random = Random(draw(st.integers(0, 2**32)))
    cheap = [mutator for mutator in LINE_MUTATORS if not mutator.rare]
    for mutator in draw(st.lists(st.sampled_from(cheap), max_size=2)):
        line = mutator.apply(line, random)
    return line


@cache
def lines(sender: Role, revision: Revision) -> st.SearchStrategy[bytes]:
    """Any bytes without a line feed: sound messages, damaged ones, other JSON, noise."""
    kinds = (
        messages(sender, revision).map(dump),
        mutated_lines(sender, revision),
        json_texts(),
        st.binary(max_size=80),
    )
    return _shown_as("lines", st.one_of(kinds).map(lambda line: line.replace(b"\n", b"")))


# Parts.


def _shown_as(name: str, strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Return the same strategy with a short `repr`, a call of `name`.

    Hypothesis writes out what a strategy is made of wherever it mentions one: in a failure, and
    whenever a filter turns a value down. For some of these that is a hundred kilobytes, which
    takes its time and ends in a warning.
    """

    def drawn(draw: st.DrawFn) -> T:
        return draw(strategy)

    drawn.__name__ = name
    return st.composite(drawn)()


def _message(members: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"jsonrpc": st.just("2.0"), **members})


def _calls(sender: Role, revision: Revision, kind: str) -> st.SearchStrategy[Json]:
    rows = [row for row in sent_by(sender, revision).values() if row.kind == kind]
    if not rows:
        raise LookupError(f"a {sender} sends no {kind} in {revision.name}")
    made: list[st.SearchStrategy[Json]] = []
    for row in rows:
        params = payload(row.params, revision)
        if kind == "request" and revision.modern:
            meta = st.just(envelope(revision)) | envelopes(revision)
            params = st.builds(_with_meta, params, meta)
        members = {"method": st.just(row.name), "params": params}
        made.append(_message({"id": ids(), **members} if kind == "request" else members))
    return _shown_as(f"{kind}s", st.one_of(made))


def _with_meta(params: Json, meta: Json) -> Json:
    return {**params, "_meta": meta}


def _numbers(shape: Number) -> st.SearchStrategy[float]:
    at_least, at_most = shape.bounds
    least = None if at_least is None else int(at_least)
    most = None if at_most is None else int(at_most)
    whole = st.integers(least, most)
    if shape.integer:
        return whole
    return whole.filter(lambda n: -(2**63) <= n < 2**64) | st.floats(
        at_least, at_most, allow_nan=False, allow_infinity=False
    )


def _objects(shape: Object) -> st.SearchStrategy[Json]:
    def member(one: Shape) -> st.SearchStrategy[Any]:
        return st.deferred(lambda: values_of(one))

    required = {one.name: member(one.shape) for one in shape.members if one.required}
    optional = {one.name: member(one.shape) for one in shape.members if not one.required}
    known = {one.name for one in shape.members}
    if "x-unknown" not in known:
        optional["x-unknown"] = json_values(3)
    return st.fixed_dictionaries(required, optional=optional)


def _tagged(shape: Tagged, word: str, case: Shape) -> st.SearchStrategy[Json]:
    return values_of(case).map(lambda value: {**value, shape.tag: word})
