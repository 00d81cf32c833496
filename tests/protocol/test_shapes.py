"""Checkers are made of definitions: what they accept, what they say, and that they never raise."""

import math
import subprocess
import sys
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol import payloads
from barewire.protocol.revisions import (
    ALL,
    LATEST,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)
from barewire.protocol.shapes import Fault, checker, checker_named, shape_of
from barewire.protocol.shapes_kinds import (
    Anything,
    Array,
    Choice,
    Dictionary,
    Either,
    Flag,
    Member,
    Null,
    Number,
    Object,
    Shape,
    Tagged,
    Text,
)
from barewire.protocol.shapes_marks import (
    EXTENSIBLE,
    AtLeast,
    AtMost,
    AtMostItems,
    Format,
    Only,
    Presumed,
    RequiredSince,
    RequiredUntil,
    Since,
    Until,
)


def accepts(definition: object, value: object, revision: Revision = LATEST) -> bool:
    return checker(definition, revision)(value) is None


def message(name: str, value: object, revision: Revision, at: str = "params") -> str:
    fault = checker_named(name, revision)(value, at)
    assert fault is not None
    return fault.message


class Circle(TypedDict):
    kind: Literal["circle"]
    radius: Annotated[float, AtLeast(0)]
    colour: NotRequired[str]


class Square(TypedDict):
    kind: Literal["square"]
    side: int


class Slow(TypedDict):
    kind: Literal["square"]
    after: str


Figure = Annotated[Circle | Square, EXTENSIBLE]


class Changing(TypedDict, total=False):
    always: Required[str]
    later: Annotated[str, Since(V2025_06_18)]
    earlier: Annotated[str, Until(V2025_03_26)]
    once: Annotated[str, Only(V2025_06_18)]
    required_later: Annotated[str, RequiredSince(V2025_11_25)]
    required_earlier: Annotated[str, RequiredUntil(V2024_11_05)]
    of_two_types: Annotated[str, Until(V2025_03_26)] | Annotated[int, Since(V2025_06_18)]


@Since(V2025_03_26)
@Until(V2025_06_18)
class ShortLived(TypedDict):
    name: str


# What fits


@pytest.mark.parametrize(
    ("definition", "fitting", "others"),
    [
        (str, ["", "x"], [None, 1, True, [], {}]),
        (bool, [True, False], [None, 0, 1, "true"]),
        (None, [None], [0, "", False, [], {}]),
        (float, [0, -1, 0.5, 1e300, 10**400], [None, True, False, "1"]),
        (int, [0, -1, 1.0, -0.0, 2**53], [None, True, 0.5, "1", math.inf, math.nan]),
        (Annotated[float, AtLeast(0), AtMost(1)], [0, 1, 0.5, 1.0], [-0.1, 1.1, 2, True, math.nan]),
        (Literal["a", "b"], ["a", "b"], ["c", "", None, 1, ["a"], {"a": 1}]),
        (Literal[-32020], [-32020, -32020.0], [-32021, "-32020", None, True]),
        (Literal[1], [1, 1.0], [True, "1"]),
        (list[str], [[], ["x"]], [["x", 1], {}, "x", None, ("x",)]),
        (Annotated[list[str], AtMostItems(2)], [[], ["x"] * 2], [["x"] * 3]),
        (dict[str, int], [{}, {"a": 1}], [{"a": "x"}, [], None]),
        (dict[str, Any], [{}, {"a": None}], [[], None]),
        (str | int, ["x", 1, 1.0], [None, True, 1.5, []]),
        (int | None, [None, 1], ["x", False]),
        (str | Any, [None, [], {}], []),
        (Circle, [{"kind": "circle", "radius": 1}], [{"kind": "circle"}, {"radius": 1}, [], "x"]),
        (
            Circle | Square,
            [{"kind": "square", "side": 1}],
            [{"kind": "square", "radius": 1}, {}, 1],
        ),
        (Square | Slow, [{"kind": "square", "after": ""}], [{"kind": "square"}, {"kind": []}]),
        (Circle | list[Circle], [[], [{"kind": "circle", "radius": 0}]], [[{}], {}, "x"]),
    ],
)
def test_a_value_fits_its_definition_or_does_not(
    definition: object, fitting: list[object], others: list[object]
) -> None:
    assert [value for value in fitting if not accepts(definition, value)] == []
    assert [value for value in others if accepts(definition, value)] == []


@pytest.mark.rule("DEV-29")
@pytest.mark.parametrize("revision", ALL, ids=repr)
def test_members_that_nobody_knows_are_not_looked_at(revision: Revision) -> None:
    check = checker_named("Tool", revision)
    tool: object = {
        "name": "t",
        "inputSchema": {"type": "object", "x": 1},
        "x": None,
        "vendor/y": [{}],
    }
    assert check(tool) is None


def test_the_integers_of_64_bits_are_the_ones_that_the_json_parser_keeps() -> None:
    edges = [2**63 - 1, 2**63, 2**64 - 1, -(2**63), float(2**63)]
    beyond = [2**64, -(2**63) - 1, float(2**64), -1e19, 1e300, 10**5000]
    assert [number for number in edges if not accepts(int, number)] == []
    assert [number for number in beyond if accepts(int, number)] == []


def test_a_subclass_of_a_plain_type_is_not_what_a_parser_makes() -> None:
    class Name(str):
        __slots__ = ()

    assert not accepts(str, Name("x"))
    assert not accepts(dict[str, Any], type("Box", (dict,), {})())


# What changes from revision to revision


@pytest.mark.parametrize(
    ("revision", "required", "checked"),
    [
        (V2024_11_05, {"required_earlier"}, {"earlier", "required_later"}),
        (V2025_03_26, set(), {"earlier", "required_later", "required_earlier"}),
        (V2025_06_18, set(), {"later", "once", "required_later", "required_earlier"}),
        (V2025_11_25, {"required_later"}, {"later", "required_earlier"}),
        (V2026_07_28, {"required_later"}, {"later", "required_earlier"}),
    ],
)
def test_a_member_exists_and_is_required_where_its_marks_say(
    revision: Revision, required: set[str], checked: set[str]
) -> None:
    shape = shape_of(Changing, revision)
    assert isinstance(shape, Object)
    assert {member.name for member in shape.members if member.required} == required | {"always"}
    names = {member.name for member in shape.members} - {"always", "of_two_types"}
    assert names == required | checked


def test_a_member_may_change_its_type() -> None:
    for revision in ALL:
        early = revision.order < V2025_06_18.order
        whole = {"always": "", "required_later": "", "required_earlier": ""}
        assert accepts(Changing, {**whole, "of_two_types": "x"}, revision) is early
        assert accepts(Changing, {**whole, "of_two_types": 1}, revision) is not early


def test_a_definition_exists_where_its_marks_say() -> None:
    alive = [revision for revision in ALL if shape_of(ShortLived, revision) is not None]
    assert alive == [V2025_03_26, V2025_06_18]


def test_a_union_loses_the_alternatives_that_do_not_exist() -> None:
    assert accepts(Circle | ShortLived, {"name": "x"}, V2025_03_26)
    assert not accepts(Circle | ShortLived, {"name": "x"}, V2025_11_25)
    assert shape_of(list[ShortLived], LATEST) is None
    assert shape_of(dict[str, ShortLived], LATEST) is None
    assert shape_of(ShortLived | Annotated[str, Only(V2024_11_05)], LATEST) is None


def test_what_is_not_part_of_a_revision_has_no_checker() -> None:
    with pytest.raises(LookupError, match=r"Task is not part of 2026-07-28"):
        checker_named("Task", V2026_07_28)
    with pytest.raises(LookupError, match=r"ShortLived"):
        checker(ShortLived, V2026_07_28)
    for unknown in ("NoSuchPayload", "Annotated", "_TypedResult", "__doc__"):
        with pytest.raises(LookupError, match=r"no payload"):
            checker_named(unknown, LATEST)


def test_every_payload_is_part_of_some_revision() -> None:
    for name in payloads.__all__:
        definition = getattr(payloads, name)
        assert any(shape_of(definition, revision) is not None for revision in ALL), name
        assert not isinstance(definition, type) or definition.__doc__, name


class Endless(TypedDict):
    more: list["Endless"]


@pytest.mark.parametrize("definition", [bytes, set[str], dict[int, str], Endless, "str"], ids=repr)
def test_what_json_has_no_shape_for_is_refused(definition: object) -> None:
    with pytest.raises(TypeError):
        checker(definition, LATEST)


# What is said


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param(
            "CallToolRequestParams",
            {},
            "params.name is missing; it must be a string",
            marks=pytest.mark.rule("DEV-52"),
        ),
        ("CallToolRequestParams", [], "params must be an object, not an array"),
        (
            "CallToolRequestParams",
            {"name": "t", "arguments": [1]},
            "params.arguments must be an object, not an array",
        ),
        (
            "CallToolRequestParams",
            {"name": "t", "_meta": {"progressToken": 1.5}},
            "params._meta.progressToken must be a string or an integer, not 1.5",
        ),
        pytest.param(
            "ProgressNotificationParams",
            {"progress": 1},
            "params.progressToken is missing; it must be a string or an integer",
            marks=pytest.mark.rule("DEV-46"),
        ),
        (
            "SetLevelRequestParams",
            {"level": "loud"},
            'params.level must be one of "debug", "info", "notice", "warning", "error", "critical",'
            ' "alert", "emergency", not "loud"',
        ),
        (
            "CreateMessageRequestParams",
            {"messages": [], "maxTokens": True},
            "params.maxTokens must be an integer, not true",
        ),
        (
            "CreateMessageRequestParams",
            {"messages": [], "maxTokens": 1e30},
            "params.maxTokens must be an integer, not a number beyond 64 bits",
        ),
        (
            "CreateMessageRequestParams",
            {"messages": [{"role": "user", "content": {"type": "hologram"}}], "maxTokens": 1},
            'params.messages[0].content.type must be one of "text", "image", "audio", "tool_use",'
            ' "tool_result", not "hologram"',
        ),
        (
            "CreateMessageRequestParams",
            {"messages": [{"role": "user", "content": [{"type": "text"}]}], "maxTokens": 1},
            "params.messages[0].content[0].text is missing; it must be a string",
        ),
        (
            "CreateMessageRequestParams",
            {"messages": [{"role": "user", "content": "hello"}], "maxTokens": 1},
            "params.messages[0].content must be an object or an array, not a string",
        ),
        (
            "ElicitRequestParams",
            {"mode": "url", "message": "m", "elicitationId": "e"},
            "params.url is missing; it must be a string",
        ),
        (
            "ElicitRequestParams",
            {"message": "m", "requestedSchema": {"type": "object", "properties": {"a b": {}}}},
            'params.requestedSchema.properties["a b"].type is missing; it must be one of "string",'
            ' "number", "integer", "boolean", "array"',
        ),
        (
            "CompleteRequestParams",
            {"ref": {"type": "ref/tool"}, "argument": {"name": "a", "value": ""}},
            'params.ref.type must be one of "ref/prompt", "ref/resource", not "ref/tool"',
        ),
        (
            "EmbeddedResource",
            {"type": "resource", "resource": {"uri": "file:///x"}},
            "params.resource must be a TextResourceContents or a BlobResourceContents,"
            " not an object",
        ),
        (
            "EmbeddedResource",
            {"type": "resource", "resource": {"text": ""}},
            "params.resource.uri is missing; it must be a string",
        ),
        (
            "CompleteResult",
            {"completion": {"values": [""] * 101}},
            "params.completion.values must be an array of at most 100 items, not an array of 101",
        ),
        ("GetTaskResult", None, "params must be an object, not null"),
    ],
)
def test_a_fault_tells_where_it_is_and_what_was_expected(
    name: str, value: object, expected: str
) -> None:
    assert message(name, value, V2025_11_25) == expected


@pytest.mark.rule("SR-012", "SR-013", "SR-014")
@pytest.mark.parametrize("priority", ["intelligencePriority", "speedPriority", "costPriority"])
@pytest.mark.parametrize("revision", ALL, ids=repr)
def test_model_priorities_lie_between_0_and_1(priority: str, revision: Revision) -> None:
    check = checker_named("ModelPreferences", revision)
    assert [number for number in (0, 0.5, 1, 1.0) if check({priority: number}) is not None] == []
    for number in (-0.1, 1.1, 2):
        assert message("ModelPreferences", {priority: number}, revision) == (
            f"params.{priority} must be a number from 0 to 1, not {number}"
        )


def test_a_fault_has_its_parts() -> None:
    fault = checker_named("ListToolsResult", V2024_11_05)({"tools": [{"name": 1}]}, "result")
    assert fault == Fault(("result", "tools", 0, "name"), "a string", "1")
    assert fault is not None
    assert fault.where == "result.tools[0].name"


def test_a_fault_at_the_top_without_a_name_is_one_of_the_value() -> None:
    fault = checker_named("Tool", LATEST)(5)
    assert fault is not None
    assert fault.path == ()
    assert fault.message == "the value must be an object, not 5"


def test_a_bound_on_one_side_is_said() -> None:
    low, high = (
        checker(Annotated[int, mark], LATEST)(number)
        for mark, number in ((AtLeast(1), 0), (AtMost(1), 2))
    )
    assert low is not None
    assert low.expected == "an integer of at least 1"
    assert high is not None
    assert high.expected == "an integer of at most 1"


def test_a_fault_repeats_little_of_what_a_peer_has_sent() -> None:
    long = "\n\x1b[31m\ud800" + "x" * 100_000
    for fault in (
        checker_named("Role", LATEST)(long, "role"),
        checker_named("InputRequests", V2026_07_28)({long: 5}, "requests"),
        checker_named("ContentBlock", LATEST)({"type": long}, "block"),
        checker_named("ProgressToken", LATEST)(10**5000, "token"),
    ):
        assert fault is not None
        assert len(fault.message) < 200
        assert sum(len(str(step)) for step in fault.path) < 80
        assert fault.message.isprintable()


# Reading what others have sent


def test_a_lenient_checker_lets_a_union_grow() -> None:
    strict, lenient = (checker(Figure, LATEST, lenient=lenient) for lenient in (False, True))
    hexagon = {"kind": "hexagon", "sides": 6}
    assert strict(hexagon) is not None
    assert lenient(hexagon) is None
    for broken in ({"kind": "circle"}, {"kind": 6}, {"sides": 6}, "hexagon", {"kind": ["circle"]}):
        assert strict(broken) is not None
        assert lenient(broken) is not None


def test_a_union_that_is_not_marked_does_not_grow() -> None:
    assert checker(Circle | Square, LATEST, lenient=True)({"kind": "hexagon"}) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CallToolResult", {"content": [{"type": "hologram"}], "resultType": "complete"}),
        ("CallToolResult", {"structuredContent": [1], "resultType": "complete"}),
        ("CallToolResult", {"content": []}),
        ("ListToolsResult", {"tools": []}),
        ("ListToolsResult", {"tools": [], "resultType": "", "ttlMs": -1, "cacheScope": "public"}),
        ("PromptMessage", {"role": "user", "content": {"type": "video"}}),
        ("CompleteResult", {"resultType": "complete", "completion": {"values": ["x"] * 101}}),
        ("Annotations", {"priority": 5}),
    ],
)
def test_a_lenient_checker_forgives_what_costs_nobody_anything(name: str, value: object) -> None:
    assert checker_named(name, LATEST)(value) is not None
    assert checker_named(name, LATEST, lenient=True)(value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CallToolResult", {"content": "hello"}),
        ("CallToolResult", {"content": [{"type": "text"}]}),
        ("ListToolsResult", {"tools": [{"name": "t"}]}),
        ("ListToolsResult", {"tools": [], "ttlMs": "soon"}),
        ("PromptMessage", {"role": "narrator", "content": {"type": "text", "text": ""}}),
    ],
)
def test_a_lenient_checker_still_refuses_what_cannot_be_used(name: str, value: object) -> None:
    assert checker_named(name, LATEST, lenient=True)(value) is not None


# Any shape, any value

NAMES = ("a", "b", "kind")
WORDS = ("x", "y", "z")

json_values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 0.5, -3, 2**70, 1e30, "", *WORDS]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)
odd_values = st.sampled_from(
    [b"", {1}, (1,), object(), math.nan, math.inf, 10**5000, {1: 2}, {None: {}}, type, 1j]
)
bounds = st.none() | st.sampled_from([-1, 0, 0.5, 1])


def choices() -> st.SearchStrategy[Choice]:
    words = st.lists(st.sampled_from(WORDS), min_size=1, unique=True)
    return words.map(Choice) | st.lists(st.sampled_from([0, 1]), min_size=1).map(Choice)


def objects(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Object]:
    member = st.builds(Member, st.sampled_from(NAMES), inner, st.booleans())
    return st.builds(Object, st.just("Thing"), st.lists(member, unique_by=lambda one: one.name))


def containers(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    cases = st.dictionaries(st.sampled_from(WORDS), objects(inner), min_size=1)
    return (
        st.builds(Array, inner, st.none() | st.integers(0, 2))
        | st.builds(Dictionary, inner)
        | objects(inner)
        | st.builds(Tagged, st.just("kind"), cases, st.booleans())
        | st.builds(Either, st.lists(inner, min_size=2, max_size=3))
    )


shapes = st.recursive(
    st.builds(Number, st.booleans(), bounds, bounds)
    | choices()
    | st.sampled_from([Text(), Flag(), Null(), Anything()]),
    containers,
    max_leaves=6,
)


@given(shape=shapes, value=json_values)
def test_the_quick_test_and_the_slow_one_agree(shape: Shape, value: object) -> None:
    assert shape.fits(value) is (shape.fault(value, ()) is None)
    assert not shape.fits(value) or type(value) in shape.types


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        (Text(), "a string"),
        (Flag(), "a boolean"),
        (Null(), "null"),
        (Number(integer=False), "a number"),
        (Number(integer=True), "an integer"),
        (Anything(), "anything"),
        (Array(Anything()), "an array"),
        (Dictionary(Anything()), "an object"),
        (Object("Thing", []), "an object"),
        (Tagged("kind", {"x": Object("X", [])}), "an object"),
        (Choice(["x"]), '"x"'),
        (Choice([1, 2]), "one of 1, 2"),
        (Either([Text(), Null()]), "a string or null"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_shape_has_the_types_of_what_fits_it_and_a_word_for_it(shape: Shape, word: str) -> None:
    one_of_each = [{"kind": "x"}, [], "x", 1, 1.0, True, None]
    assert {type(value) for value in one_of_each if shape.fits(value)} == shape.types
    assert shape.expected == word


def test_a_tag_that_nobody_knows_is_refused_unless_the_shape_is_open() -> None:
    cases = {"x": Object("X", [])}
    unknown = {"kind": "y"}
    assert [Tagged("kind", cases, open=open).fits(unknown) for open in (False, True)] == [
        *(False, True),
    ]
    assert not Tagged("kind", cases).fits(unknown)


def test_what_a_peer_wrote_is_shown_up_to_forty_characters() -> None:
    for length, shown in ((40, "x" * 40), (41, "x" * 39 + "…")):
        fault = Choice(["a"]).fault("x" * length, ("params",))
        assert fault is not None
        assert fault.message == f'params must be "a", not "{shown}"'


@pytest.mark.parametrize(
    ("shape", "fitting", "others"),
    [
        (Null(), [None], [0, False, ""]),
        (Number(integer=False), [0, -1.5], ["x", None, False]),
        (Number(integer=False, at_least=1), [1, 2.5], [0.5, None]),
        (Number(integer=False, at_most=1), [1, -2.5], [1.5, None]),
        (Number(integer=False, at_least=0.5, at_most=2), [0.5, 1, 2, 2.0], [0, 0.4, 2.1, True]),
        (Number(integer=True, at_least=1, at_most=2), [1, 1.0, 2], [0, 1.5, 3, 2.5]),
        (Array(Number(integer=True), at_most=2), [[], [1, 2]], [[1, 2, 3], ["x"], [1, None], {}]),
        (Dictionary(Flag()), [{}, {"a": True}], [{"a": 1}, {"a": True, "b": None}, []]),
        (Choice([1, 2]), [1, 2.0], [3, "1", True, None]),
        (Choice(["x"]), ["x"], ["y", 1, None]),
        (Tagged("kind", {"x": Object("X", [])}, open=True), [{"kind": "y"}], [{"kind": 1}, {}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_slow_test_finds_a_fault_exactly_in_what_does_not_fit(
    shape: Shape, fitting: list[object], others: list[object]
) -> None:
    assert [value for value in fitting + others if shape.fault(value, ()) is None] == fitting
    assert [value for value in fitting + others if shape.fits(value)] == fitting


def test_arrays_say_how_many_items_they_take() -> None:
    assert Array(Text()).expected == "an array"
    assert Array(Text(), at_most=3).expected == "an array of at most 3 items"


X, Y = (Object(word.upper(), [Member("kind", Choice([word]), True)]) for word in ("x", "y"))
NAMED = Object("Named", [Member("name", Text(), True)])


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        (Either([Text(), Flag()]), None, "it must be a string or a boolean, not null"),
        (Either([Array(Text()), Text()]), [1], "it[0] must be a string, not 1"),
        (Either([Array(Text()), Array(Flag())]), [1], "it must be an array, not an array"),
        (Either([NAMED, Null()]), {}, "it.name is missing; it must be a string"),
        (Either([X, NAMED]), {"kind": "y"}, "it.name is missing; it must be a string"),
        (Either([X, NAMED]), {"kind": "x"}, None),
        (Either([X, Text()]), {"kind": "z"}, 'it.kind must be "x", not "z"'),
        (Either([X, Dictionary(Text())]), {"kind": "z", "a": 1}, "it.a must be a string, not 1"),
        (Either([X, Y]), {"kind": "z"}, "it must be a X or a Y, not an object"),
        (Flag(), "true", "it must be a boolean, not a string"),
        (Text(), False, "it must be a string, not false"),
        (Text(), True, "it must be a string, not true"),
        (Text(), 2**64 - 1, f"it must be a string, not {2**64 - 1}"),
        (Text(), 2**64, "it must be a string, not a number beyond 64 bits"),
        (Text(), -(2**63), f"it must be a string, not {-(2**63)}"),
        (Text(), -(2**63) - 1, "it must be a string, not a number beyond 64 bits"),
        (Text(), b"", "it must be a string, not no JSON value"),
        (Dictionary(Text()), {1: 2}, 'it["?"] must be a string, not 2'),
        (Dictionary(Text()), {"a b": 2}, 'it["a b"] must be a string, not 2'),
        (Choice([1, 2]), "1", "it must be one of 1, 2, not a string"),
    ],
)
def test_what_a_shape_says_of_what_does_not_fit(
    shape: Shape, value: object, message: str | None
) -> None:
    fault = shape.fault(value, ("it",))
    assert (fault and fault.message) == message


class Unnamed(TypedDict):
    size: int


class First(TypedDict):
    version: Literal[1]


class Second(TypedDict):
    version: Literal[2]
    more: str


def test_alternatives_that_a_word_does_not_tell_apart_are_tried_one_by_one() -> None:
    assert accepts(Circle | Square | Unnamed, {"size": 1})
    assert accepts(Circle | Square | Unnamed, {"kind": "circle", "radius": 1})
    assert accepts(First | Second, {"version": 1})
    assert accepts(First | Second, {"version": 2, "more": ""})
    assert not accepts(First | Second, {"version": 2})


def test_alternatives_that_share_a_word_are_both_tried() -> None:
    for value in ({"kind": "square", "side": 1}, {"kind": "square", "after": ""}):
        assert accepts(Circle | Square | Slow, value)
    assert not accepts(Circle | Square | Slow, {"kind": "square"})
    fault = checker(Circle | Square | Slow, LATEST)({"kind": "circle"}, "it")
    assert fault == Fault(("it", "radius"), "a number of at least 0", "nothing")


def test_a_member_that_is_missing_has_got_nothing() -> None:
    fault = Object("Thing", [Member("a", Text(), required=True)]).fault({}, ())
    assert fault == Fault(("a",), "a string", "nothing")
    assert fault.message == "a is missing; it must be a string"


@given(
    shape=shapes,
    value=odd_values | st.lists(odd_values) | st.dictionaries(st.sampled_from(NAMES), odd_values),
)
def test_no_value_makes_a_checker_raise(shape: Shape, value: object) -> None:
    fault = shape.fault(value, ())
    assert shape.fits(value) is (fault is None)
    assert fault is None or fault.message


@given(name=st.sampled_from(payloads.__all__), revision=st.sampled_from(ALL), value=json_values)
def test_no_payload_checker_raises(name: str, revision: Revision, value: object) -> None:
    for lenient in (False, True):
        try:
            check = checker_named(name, revision, lenient=lenient)
        except LookupError:
            return
        fault = check(value)
        assert fault is None or fault.message


@given(value=json_values, wrapped=st.sampled_from(["params", "result", "messages", "content"]))
def test_what_is_exactly_right_is_right_for_a_lenient_reader(value: object, wrapped: str) -> None:
    for name in ("CallToolResult", "ListToolsResult", "CallToolRequestParams", "SamplingMessage"):
        message = {wrapped: value}
        if checker_named(name, V2025_11_25)(message) is None:
            assert checker_named(name, V2025_11_25, lenient=True)(message) is None


def test_depth_is_bounded_by_the_definition() -> None:
    deep: object = {}
    for _ in range(100_000):
        deep = {"content": [deep], "type": "tool_result", "toolUseId": "", "inputRequests": deep}
    for name in ("ContentBlock", "SamplingMessageContentBlock", "InputRequiredResult"):
        assert checker_named(name, V2026_07_28)(deep) is not None
    assert checker_named("JSONObject", V2026_07_28)(deep) is None


# The odds and ends


def test_marks_of_one_kind_and_value_are_equal() -> None:
    assert Since(V2025_06_18) == Since(V2025_06_18)
    assert hash(Since(V2025_06_18)) == hash(Since(V2025_06_18))
    assert Since(V2025_06_18) != Since(V2025_11_25)
    assert Since(V2025_06_18) != Until(V2025_06_18)
    assert AtLeast(0) != 0
    assert repr(Format("uri")) == "Format('uri')"
    assert Presumed("complete").value == "complete"


def test_a_string_keeps_its_format_as_a_word_and_no_more() -> None:
    shape = shape_of(payloads.Root, LATEST)
    assert isinstance(shape, Object)
    formats = {m.name: m.shape.format for m in shape.members if isinstance(m.shape, Text)}
    assert formats == {"uri": "uri", "name": None}
    assert accepts(payloads.Root, {"uri": "not a uri"})


def test_a_checker_is_made_once() -> None:
    assert checker_named("Tool", LATEST) is checker_named("Tool", LATEST)
    assert shape_of(payloads.Tool, LATEST) is shape_of(payloads.Tool, LATEST)
    assert shape_of(payloads.Tool, LATEST) is not shape_of(payloads.Tool, LATEST, lenient=True)


def test_definitions_are_read_when_the_first_checker_is_asked_for() -> None:
    program = (
        "import sys, barewire, barewire.protocol.shapes as shapes\n"
        "from barewire.protocol.revisions import LATEST\n"
        "assert 'barewire.protocol.payloads' not in sys.modules\n"
        "shapes.checker_named('Tool', LATEST)\n"
        "assert 'barewire.protocol.payloads' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
