"""A handler's signature as JSON Schema, and arguments as its values."""

import dataclasses
import datetime
import enum
import functools
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict

import jsonschema_rs
import msgspec
import pytest

from barewire import Context, Server, SyncContext
from barewire.errors import ArgumentError
from barewire.invoke import kind_of
from barewire.server.signature import Signature
from tests.app import annotated


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Leaf(msgspec.Struct):
    name: str


class Tree(msgspec.Struct):
    value: int
    leaf: Leaf | None = None
    children: list["Tree"] = []


class Options(TypedDict):
    depth: int
    follow: NotRequired[bool]


class Pair(NamedTuple):
    left: int
    right: str


def signature(function: Callable[..., Any]) -> Signature:
    return Signature(function, "tool", is_async=kind_of(function, blocking=True) == "task")


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = signature(function).schema["properties"]
    return found


def read(function: Callable[..., Any], **arguments: Any) -> Any:
    """Read arguments and call the function with them."""
    made = signature(function)
    return made.call(function, made.read(arguments), "the context")


def refusal(function: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        signature(function).read(arguments)
    return str(caught.value)


class TestSchema:
    @pytest.mark.rule("SR-132", "M1125-TOOL-08", "S-50")
    def test_a_parameter_without_a_default_is_required(self) -> None:
        def tool(a: int, b: str = "x", c: float = 1.5, d: bool = True) -> None: ...

        assert signature(tool).schema == {
            "type": "object",
            "properties": {
                "a": {"type": "integer"},
                "b": {"type": "string", "default": "x"},
                "c": {"type": "number", "default": 1.5},
                "d": {"type": "boolean", "default": True},
            },
            "required": ["a"],
        }

    def test_no_parameters_take_an_object_with_no_members(self) -> None:
        def tool() -> None: ...

        assert signature(tool).schema == {"type": "object", "properties": {}, "required": []}

    def test_unions_and_optionals_say_each_type(self) -> None:
        def tool(a: int | None, b: Optional[str] = None, c: int | str = 1) -> None: ...  # noqa: UP045

        assert properties(tool) == {
            "a": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "b": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "c": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1},
        }

    def test_a_default_of_none_means_that_none_may_be_given(self) -> None:
        def tool(a: int = None) -> Any:  # type: ignore[assignment]  # noqa: RUF013  # as people do
            return a

        assert properties(tool)["a"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
        assert read(tool, a=None) is None
        assert read(tool) is None

    def test_literals_and_enums_list_their_values(self) -> None:
        def tool(mode: Literal["fast", "slow"], color: Color = Color.RED) -> Color:
            return color

        schema = signature(tool).schema
        assert schema["properties"]["mode"] == {"enum": ["fast", "slow"]}
        assert schema["properties"]["color"]["default"] == "red"
        assert sorted(schema["$defs"]["Color"]["enum"]) == ["blue", "red"]
        assert read(tool, mode="slow", color="blue") is Color.BLUE
        assert read(tool, mode="fast") is Color.RED

    def test_dataclasses_structs_and_typed_dicts_nest(self) -> None:
        def tool(point: Point, tree: Tree, options: Options, pair: Pair) -> Any:
            return point, tree, options, pair

        schema = signature(tool).schema
        assert schema["$defs"]["Point"]["required"] == ["x"]
        assert schema["$defs"]["Options"]["required"] == ["depth"]
        children = schema["$defs"]["Tree"]["properties"]["children"]
        assert children["items"] == {"$ref": "#/$defs/Tree"}
        given = {
            "point": {"x": 1},
            "tree": {"value": 1, "children": [{"value": 2, "leaf": {"name": "l"}}]},
            "options": {"depth": 3},
            "pair": [1, "r"],
        }
        jsonschema_rs.validator_for(schema).validate(given)
        assert read(tool, **given) == (
            Point(1),
            Tree(1, children=[Tree(2, Leaf("l"))]),
            {"depth": 3},
            Pair(1, "r"),
        )

    def test_constraints_and_descriptions_come_from_annotated(self) -> None:
        def tool(count: Annotated[int, msgspec.Meta(ge=1, le=9, description="How many.")]) -> int:
            return count

        expected = {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many."}
        assert properties(tool)["count"] == expected
        assert "arguments.count" in refusal(tool, count=0)

    def test_defaults_that_json_can_write_are_in_the_schema(self) -> None:
        tags = ["a"]

        def tool(
            tags: list[str] = tags,
            point: Point = Point(1),  # noqa: B008
            by: dict[int, str] = {1: "one"},  # noqa: B006
            odd: Any = object(),  # noqa: B008
            limit: float = float("inf"),
        ) -> Any:
            return tags, point

        assert properties(tool)["tags"]["default"] == ["a"]
        assert properties(tool)["point"]["default"] == {"x": 1, "y": 0}
        assert properties(tool)["by"]["default"] == {"1": "one"}
        assert "default" not in properties(tool)["odd"]
        assert "default" not in properties(tool)["limit"]
        assert read(tool) == (tags, Point(1))

    def test_without_an_annotation_anything_goes(self) -> None:
        def tool(value, other=None):  # type: ignore[no-untyped-def]
            return value, other

        assert properties(tool) == {"value": {}, "other": {"default": None}}
        assert read(tool, value=[1, {"a": None}]) == ([1, {"a": None}], None)

    def test_dates_ids_and_bytes_travel_as_text(self) -> None:
        def tool(at: datetime.date, id: uuid.UUID, data: bytes, by: dict[int, str]) -> Any:
            return at, id, data, by

        given = {
            "at": "2020-02-03",
            "id": "12345678-1234-5678-1234-567812345678",
            "data": "aGk=",
            "by": {"1": "one"},
        }
        assert read(tool, **given) == (
            datetime.date(2020, 2, 3),
            uuid.UUID("12345678-1234-5678-1234-567812345678"),
            b"hi",
            {1: "one"},
        )

    def test_annotations_that_are_strings_are_resolved(self) -> None:
        made = signature(annotated.move)
        assert list(made.schema["properties"]) == ["point", "by"]
        assert made.returns is annotated.Point
        assert made.wants_context
        assert signature(annotated.name).wants_context

    def test_a_string_that_names_nothing_fails_and_says_so(self) -> None:
        with pytest.raises(TypeError, match=r"tool: .*'Missing' is not defined"):
            signature(annotated.lost)

    @pytest.mark.parametrize(
        "function",
        [Signature.read, functools.partial(lambda a, b: None, b=1)],
        ids=["method", "partial"],
    )
    def test_whatever_can_be_called_has_a_signature(self, function: Callable[..., Any]) -> None:
        assert signature(function).schema["type"] == "object"

    def test_methods_wrappers_and_callable_objects_are_handlers(self) -> None:
        class Counter:
            def add(self, by: int) -> int:
                return by + 1

            async def __call__(self, by: int, ctx: Context) -> int:
                return by

        async def plain(by: int, ctx: Context) -> int:
            return by

        @functools.wraps(plain)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return plain(*args, **kwargs)

        assert read(Counter().add, by=2) == 3
        assert list(properties(Counter())) == ["by"]
        assert kind_of(Counter(), blocking=True) == "task"
        assert kind_of(functools.partial(plain, 1), blocking=True) == "task"
        assert kind_of(wrapped, blocking=True) == "task"
        assert list(properties(wrapped)) == ["by"]


class TestWhatCannotBe:
    def test_any_number_of_arguments(self) -> None:
        def several(*rest: int) -> None: ...

        def named(**rest: int) -> None: ...

        with pytest.raises(TypeError, match=r"tool: parameter rest .* name each of them"):
            signature(several)
        with pytest.raises(TypeError, match="tool: parameter rest "):
            signature(named)

    def test_a_positional_only_parameter_has_no_name_to_give(self) -> None:
        def tool(a: int, /, b: int) -> None: ...

        with pytest.raises(TypeError, match="tool: parameter a is positional-only"):
            signature(tool)

    @pytest.mark.parametrize("kind", [complex, object, Callable[[], int], type, "local"])
    def test_a_type_without_a_schema(self, kind: Any) -> None:
        class Recursive(msgspec.Struct):
            inner: "Recursive | None" = None

        def tool(fine: int, strange: Any) -> None: ...

        tool.__annotations__["strange"] = Recursive if kind == "local" else kind
        with pytest.raises(TypeError, match="tool: parameter strange cannot be described"):
            signature(tool)

    def test_a_result_without_a_schema(self) -> None:
        server = Server("s")
        with pytest.raises(TypeError, match="odd: what it returns cannot be described"):

            @server.tool
            async def odd() -> complex:
                return 1j

    def test_a_generator_never_returns_a_result(self) -> None:
        def plain() -> Any:
            yield 1

        async def asynchronous() -> Any:
            yield 1

        for function in (plain, asynchronous):
            with pytest.raises(TypeError, match="generator"):
                kind_of(function, blocking=True)

    @pytest.mark.parametrize("thing", [Point, 7])
    def test_a_class_or_a_value_is_no_handler(self, thing: Any) -> None:
        with pytest.raises(TypeError, match="a handler is a function"):
            kind_of(thing, blocking=True)

    def test_two_contexts(self) -> None:
        async def tool(one: Context, two: Context) -> None: ...

        with pytest.raises(TypeError, match="tool: parameter two is a second context"):
            signature(tool)

    def test_the_context_of_the_other_kind_of_function(self) -> None:
        def plain(ctx: Context) -> None: ...

        async def asynchronous(ctx: SyncContext) -> None: ...

        with pytest.raises(TypeError, match="parameter ctx must be annotated with SyncContext"):
            signature(plain)
        with pytest.raises(TypeError, match="parameter ctx must be annotated with Context"):
            signature(asynchronous)


class TestContext:
    @pytest.mark.rule("SR-078")
    def test_it_may_stand_anywhere_among_the_parameters(self) -> None:
        def first(ctx: SyncContext, a: int, b: int = 2) -> Any:
            return a, b, ctx

        def middle(a: int, ctx: SyncContext, b: int = 2) -> Any:
            return a, b, ctx

        def last(a: int, b: int, ctx: SyncContext | None = None) -> Any:
            return a, b, ctx

        def keyword(a: int, *, ctx: SyncContext, b: int = 2) -> Any:
            return a, b, ctx

        def marked(a: int, *, b: int = 2, ctx: Annotated[SyncContext, "it"]) -> Any:
            return a, b, ctx

        for function in (first, middle, last, keyword, marked):
            assert list(properties(function)) == ["a", "b"]
            assert read(function, a=1, b=3) == (1, 3, "the context"), function

    def test_keyword_only_parameters_are_given_by_name(self) -> None:
        def tool(a: int, *, b: int, c: int = 3) -> Any:
            return a, b, c

        assert read(tool, a=1, b=2) == (1, 2, 3)
        assert read(tool, c=6, b=5, a=4) == (4, 5, 6)


def plain(a: int, b: float = 0.5, c: list[int] | None = None, d: bool = False) -> Any:
    return a, b, c, d


@pytest.mark.rule("SR-179", "M1105-TOOL-23")
class TestArguments:
    def test_a_number_without_a_fraction_is_an_integer(self) -> None:
        assert read(plain, a=1.0, c=[2.0, 3]) == (1, 0.5, [2, 3], False)
        assert type(read(plain, a=1.0)[0]) is int

    def test_an_integer_is_a_number(self) -> None:
        assert read(plain, a=1, b=2) == (1, 2.0, None, False)

    @pytest.mark.parametrize("value", [1.5, 1e30, float(2**53) * 4, "1", True, None, [1], {}])
    def test_what_is_no_integer_is_refused_by_name(self, value: Any) -> None:
        assert "`arguments.a`" in refusal(plain, a=value)

    @pytest.mark.parametrize("value", [0, 1, "true", None, 1.0])
    def test_what_is_no_boolean_is_refused_by_name(self, value: Any) -> None:
        assert "`arguments.d`" in refusal(plain, a=1, d=value)

    def test_null_stands_for_none_and_for_nothing_else(self) -> None:
        assert read(plain, a=1, c=None)[2] is None
        assert refusal(plain, a=1, b=None) == "Expected `float`, got `null` - at `arguments.b`"

    def test_a_missing_argument_is_named(self) -> None:
        assert refusal(plain) == "Object missing required field `a`"

    def test_a_wrong_value_inside_is_named_by_its_path(self) -> None:
        def tool(tree: Tree) -> None: ...

        wrong = {"value": 1, "children": [{"value": "x"}]}
        assert refusal(tool, tree=wrong).endswith("at `arguments.tree.children[0].value`")

    @pytest.mark.rule("DEV-29")
    def test_members_that_no_parameter_has_are_ignored(self) -> None:
        assert "additionalProperties" not in signature(plain).schema
        assert read(plain, a=1, z=9) == (1, 0.5, None, False)

    def test_a_schema_and_its_reader_agree_about_many_values(self) -> None:
        def tool(
            a: int, b: float, c: Literal["x", 1], d: list[int], e: str | int | None
        ) -> None: ...

        made = signature(tool)
        judge = jsonschema_rs.validator_for(made.schema)
        good = {"a": 1, "b": 1.5, "c": "x", "d": [1], "e": None}
        values: list[Any] = [
            None,
            True,
            0,
            1,
            -1,
            1.0,
            1.5,
            1e15,
            "",
            "x",
            "1",
            [],
            [1],
            [1.0],
            ["x"],
            {},
        ]
        for key in good:
            for value in values:
                arguments = good | {key: value}
                try:
                    made.read(arguments)
                except ArgumentError:
                    assert not judge.is_valid(arguments), arguments
                else:
                    assert judge.is_valid(arguments), arguments

    def test_arguments_nested_beyond_reason_are_refused(self) -> None:
        def tool(tree: Tree) -> None: ...

        deep: Any = {"value": 1.0}
        for _ in range(20_000):
            deep = {"value": 1, "children": [deep]}
        assert "nested too deeply" in refusal(tool, tree=deep)
