"""The kinds of shape: what each of them accepts, and what it says when it does not.

A shape tests a value in two ways that agree. `fits` is a generated function that only says yes or
no, and is fast. When it says no, `fault` walks the same shape once more, slowly, and finds the
words. Shapes are data: generators and explanations can read them as well.

A value is what a JSON parser makes: `dict`, `list`, `str`, `int`, `float`, `bool` or `None`, and no
subclass of these. Neither way ever raises, on these or on anything else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias, TypeGuard

from barewire.protocol.record import record

__all__ = [
    "Anything",
    "Array",
    "Choice",
    "Dictionary",
    "Either",
    "Fault",
    "Flag",
    "Member",
    "Null",
    "Number",
    "Object",
    "Path",
    "Scope",
    "Shape",
    "Tagged",
    "Test",
    "Text",
]

Path: TypeAlias = tuple[str | int, ...]
"""The way to a value from the outside in: names of members and places in arrays."""

Test: TypeAlias = Callable[[object], bool]
"""Whether a value fits."""

LONGEST_ECHO: Final = 40
"""How many characters of a peer's text a fault repeats at most."""

NOTHING: Final = "nothing"
"""What a fault has got where a member is missing."""

SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**64 - 1
"""The integers that the JSON parser keeps. It makes a float of any other, which is no longer the
number that the peer has sent, so it is refused where an integer is due."""


@record
class Fault:
    """Where a value does not fit, and why. Every part is short, whatever the peer has sent."""

    path: Path
    """The way to the value at fault, or to where it is missing."""
    expected: str
    """What should be there, such as `a string`."""
    got: str
    """What is there: a JSON type, a short value, or `nothing` for a missing member."""

    @property
    def where(self) -> str:
        """The path as text, such as `params.messages[2].role`."""
        text = ""
        for step in self.path:
            if isinstance(step, int):
                text += f"[{step}]"
            elif step.isidentifier():
                text += f".{step}" if text else step
            else:
                text += f'["{step}"]'
        return text or "the value"

    @property
    def message(self) -> str:
        """One sentence: where it is, what was expected, what was there."""
        if self.got == NOTHING:
            return f"{self.where} is missing; it must be {self.expected}"
        return f"{self.where} must be {self.expected}, not {self.got}"


class Scope:
    """The names in a generated test and what they stand for."""

    def __init__(self) -> None:
        """Start with no names."""
        self.names: dict[str, Any] = {}
        self._variables = 0

    def name(self, thing: object) -> str:
        """Return a name for `thing`, which has no literal."""
        name = f"c{len(self.names)}"
        self.names[name] = thing
        return name

    def hold(self, value: str) -> tuple[str, str]:
        """Return two expressions for `value`: the first evaluates it, the second has it still."""
        if value.isidentifier():
            return value, value
        self._variables += 1
        variable = f"x{self._variables}"
        return f"({variable} := {value})", variable


class Shape(ABC):
    """What a value may be."""

    expected: str
    """What a sentence calls it, such as `a string`."""
    types: frozenset[type]
    """The Python types that a value of this shape can have."""

    @abstractmethod
    def source(self, value: str, scope: Scope) -> str:
        """Return an expression that is true when the value of the expression `value` fits.

        Unless it accepts everything, it evaluates `value` first and only once.
        """

    @abstractmethod
    def fault(self, value: object, path: Path) -> Fault | None:
        """Return what is wrong with `value`, which stands at `path`."""

    @cached_property
    def fits(self) -> Test:
        """Whether a value fits, as a function made for this shape."""
        # The source is made of definitions alone: nothing that a peer has sent gets into it.
        scope = Scope()
        body = self.body(scope)
        test: Test = eval(f"lambda value: {body}", scope.names)
        return test

    def body(self, scope: Scope) -> str:
        """Return what `fits` evaluates for its argument, `value`."""
        return self.source("value", scope)

    @property
    def label(self) -> str:
        """What a sentence calls it beside other shapes."""
        return self.expected

    def resembles(self, value: object) -> bool:
        """Whether `value`, of the right type, may have been meant to be of this shape."""
        return True


class Anything(Shape):
    """Any value."""

    expected: str = "anything"
    types: frozenset[type[Any]] = frozenset({dict, list, str, int, float, bool, type(None)})

    def source(self, value: str, scope: Scope) -> str:
        """Accept without looking."""
        return "True"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Find none."""
        return None


class _OfOneType(Shape):
    """Every value of one Python type."""

    kind: type[Any]

    def source(self, value: str, scope: Scope) -> str:
        """Look at the type."""
        return f"type({value}) is {self.kind.__name__}"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Name the type that is there instead."""
        return None if type(value) is self.kind else Fault(path, self.expected, describe(value))


class Text(_OfOneType):
    """A string. Its `format` says what it is, but is not asserted."""

    expected: str = "a string"
    types: frozenset[type[Any]] = frozenset({str})
    kind: type[Any] = str

    def __init__(self, format: str | None = None) -> None:
        """Take any string; `format` is a word of `Format`."""
        self.format = format


class Flag(_OfOneType):
    """`true` or `false`."""

    expected: str = "a boolean"
    types: frozenset[type[Any]] = frozenset({bool})
    kind: type[Any] = bool


class Null(Shape):
    """`null`."""

    expected: str = "null"
    types: frozenset[type[Any]] = frozenset({type(None)})

    def source(self, value: str, scope: Scope) -> str:
        """Compare with the one value there is."""
        return f"{value} is None"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Name what is there instead."""
        return None if value is None else Fault(path, self.expected, describe(value))


class Number(Shape):
    """A number within bounds, or an integer of at most 64 bits.

    A boolean is no number. `1.0` is an integer, as JSON Schema says: JSON has one kind of number.
    """

    types: frozenset[type[Any]] = frozenset({int, float})

    def __init__(
        self, integer: bool, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """Take numbers, or integers alone, from `at_least` to `at_most`, both included."""
        self.integer = integer
        self.at_least = at_least
        self.at_most = at_most
        self.expected: str = ("an integer" if integer else "a number") + _range(at_least, at_most)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The smallest and the largest number accepted."""
        if not self.integer:
            return self.at_least, self.at_most
        return (
            SMALLEST_INTEGER if self.at_least is None else self.at_least,
            LARGEST_INTEGER if self.at_most is None else self.at_most,
        )

    def source(self, value: str, scope: Scope) -> str:
        """Look at the type, then at the bounds."""
        first, again = scope.hold(value)
        whole = f" and {again}.is_integer()" if self.integer else ""
        test = f"(type({first}) is int or type({again}) is float{whole})"
        at_least, at_most = self.bounds
        if at_least is not None:
            test += f" and {again} >= {at_least!r}"
        if at_most is not None:
            test += f" and {again} <= {at_most!r}"
        return f"({test})"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Show the number, unless it is a giant."""
        if not isinstance(value, (int, float)) or type(value) not in self.types:
            return Fault(path, self.expected, describe(value))
        at_least, at_most = self.bounds
        if (
            (self.integer and type(value) is float and not value.is_integer())
            or (at_least is not None and not value >= at_least)
            or (at_most is not None and not value <= at_most)
        ):
            return Fault(path, self.expected, describe(value))
        return None


class Choice(Shape):
    """One of several strings, or one of several integers."""

    def __init__(self, values: Sequence[str] | Sequence[int]) -> None:
        """Take these values, of which there is at least one."""
        self.values: tuple[int | str, ...] = tuple(values)
        self.types: frozenset[type[Any]] = frozenset(
            {str} if isinstance(values[0], str) else {int, float}
        )
        words = [_quoted(value) if isinstance(value, str) else str(value) for value in values]
        self.expected: str = words[0] if len(words) == 1 else f"one of {', '.join(words)}"

    def source(self, value: str, scope: Scope) -> str:
        """Look at the type first, since not every value can be looked up."""
        first, again = scope.hold(value)
        types = " or ".join(
            f"type({again if place else first}) is {type_.__name__}"
            for place, type_ in enumerate(sorted(self.types, key=lambda type_: type_.__name__))
        )
        if len(self.values) == 1:
            return f"(({types}) and {again} == {self.values[0]!r})"
        return f"(({types}) and {again} in {scope.name(frozenset(self.values))})"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Show the word that is there instead."""
        if type(value) in self.types and value in self.values:
            return None
        got = _quoted(value) if str in self.types and isinstance(value, str) else describe(value)
        return Fault(path, self.expected, got)


class Array(Shape):
    """An array whose items are all of one shape."""

    types: frozenset[type[Any]] = frozenset({list})

    def __init__(self, items: Shape, at_most: int | None = None) -> None:
        """Take arrays of `items`, `at_most` so many."""
        self.items = items
        self.at_most = at_most
        self.expected: str = (
            "an array" if at_most is None else f"an array of at most {at_most} items"
        )

    def source(self, value: str, scope: Scope) -> str:
        """Look at the type, the length, and every item."""
        first, again = scope.hold(value)
        test = f"type({first}) is list"
        if self.at_most is not None:
            test += f" and len({again}) <= {self.at_most}"
        if not isinstance(self.items, Anything):
            test += f" and all(map({scope.name(self.items.fits)}, {again}))"
        return f"({test})"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Find the first bad item."""
        if not _is_array(value):
            return Fault(path, self.expected, describe(value))
        if self.at_most is not None and len(value) > self.at_most:
            return Fault(path, self.expected, f"an array of {len(value)}")
        for place, item in enumerate(value):
            fault = self.items.fault(item, (*path, place))
            if fault is not None:
                return fault
        return None


class Dictionary(Shape):
    """An object with any member names, whose values are all of one shape."""

    expected: str = "an object"
    types: frozenset[type[Any]] = frozenset({dict})

    def __init__(self, values: Shape) -> None:
        """Take objects of `values`."""
        self.values = values

    def source(self, value: str, scope: Scope) -> str:
        """Look at the type and at every value."""
        if isinstance(self.values, Anything):
            return f"type({value}) is dict"
        first, again = scope.hold(value)
        fits = scope.name(self.values.fits)
        return f"(type({first}) is dict and all(map({fits}, {again}.values())))"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Find the first bad value."""
        if not _is_object(value):
            return Fault(path, self.expected, describe(value))
        for key, item in value.items():
            fault = self.values.fault(item, (*path, _step(key)))
            if fault is not None:
                return fault
        return None


@record
class Member:
    """One member of an object."""

    name: str
    shape: Shape
    required: bool


class Object(Shape):
    """An object with known members. It may have others, and nobody looks at them."""

    expected: str = "an object"
    types: frozenset[type[Any]] = frozenset({dict})

    def __init__(self, name: str, members: Sequence[Member]) -> None:
        """Take objects with these members; `name` is for sentences."""
        self.name = name
        self.members: tuple[Member, ...] = tuple(members)

    @property
    def label(self) -> str:
        """Its name with an article."""
        return f"{'an' if self.name[0] in 'AEIO' else 'a'} {self.name}"

    def source(self, value: str, scope: Scope) -> str:
        """Call the function made for this object."""
        return f"{scope.name(self.fits)}({value})"

    def body(self, scope: Scope) -> str:
        """Look at the type and at each known member."""
        tests = ["type(value) is dict"]
        for member in self.members:
            test = member.shape.source(f"value[{member.name!r}]", scope)
            if member.required:
                tests.append(f"{member.name!r} in value and {test}")
            elif test != "True":
                tests.append(f"({member.name!r} not in value or {test})")
        return " and ".join(tests)

    def fault(self, value: object, path: Path) -> Fault | None:
        """Find the first member that is missing or bad."""
        if not _is_object(value):
            return Fault(path, self.expected, describe(value))
        for member in self.members:
            here = (*path, member.name)
            if member.name in value:
                fault = member.shape.fault(value[member.name], here)
                if fault is not None:
                    return fault
            elif member.required:
                return Fault(here, member.shape.expected, NOTHING)
        return None

    def resembles(self, value: object) -> bool:
        """Whether every constant that is there is the right one."""
        return _is_object(value) and all(
            member.shape.fault(value[member.name], ()) is None
            for member in self.members
            if isinstance(member.shape, Choice) and member.name in value
        )


class Tagged(Shape):
    """One of several objects, told apart by the text of one member.

    If it is `open`, an object with a tag that nobody knows is accepted as it is.
    """

    expected: str = "an object"
    types: frozenset[type[Any]] = frozenset({dict})

    def __init__(self, tag: str, cases: Mapping[str, Shape], open: bool = False) -> None:
        """Take objects that fit the case which their member `tag` names."""
        self.tag = tag
        self.cases: dict[str, Shape] = dict(cases)
        self.open = open
        self._tags = Choice(list(self.cases))

    def source(self, value: str, scope: Scope) -> str:
        """Look at the tag and call the test of its case."""
        first, again = scope.hold(value)
        tag_first, tag = scope.hold(f"{again}.get({self.tag!r})")
        cases = scope.name({word: case.fits for word, case in self.cases.items()})
        otherwise = scope.name(_yes if self.open else _no)
        return (
            f"(type({first}) is dict and type({tag_first}) is str"
            f" and {cases}.get({tag}, {otherwise})({again}))"
        )

    def fault(self, value: object, path: Path) -> Fault | None:
        """Blame the tag, or ask its case."""
        if not _is_object(value):
            return Fault(path, self.expected, describe(value))
        here = (*path, self.tag)
        if self.tag not in value:
            return Fault(here, self._tags.expected, NOTHING)
        tag = value[self.tag]
        if type(tag) is str and tag in self.cases:
            return self.cases[tag].fault(value, path)
        return None if self.open and type(tag) is str else self._tags.fault(tag, here)


class Either(Shape):
    """A value of any one of several shapes."""

    def __init__(self, alternatives: Sequence[Shape]) -> None:
        """Take what fits one of these, of which there are at least two."""
        self.alternatives: tuple[Shape, ...] = tuple(alternatives)
        self.types: frozenset[type[Any]] = frozenset[type]().union(
            *(shape.types for shape in alternatives)
        )
        self.expected: str = " or ".join(dict.fromkeys(shape.label for shape in alternatives))

    def source(self, value: str, scope: Scope) -> str:
        """Try one after the other."""
        first, again = scope.hold(value)
        tests = [
            shape.source(again if place else first, scope)
            for place, shape in enumerate(self.alternatives)
        ]
        return f"({' or '.join(tests)})"

    def fault(self, value: object, path: Path) -> Fault | None:
        """Blame what the alternative that was meant blames, if it is clear which one that was."""
        faults: list[Fault] = []
        likely: list[Fault] = []
        for shape in self.alternatives:
            fault = shape.fault(value, path)
            if fault is None:
                return None
            if type(value) in shape.types:
                faults.append(fault)
                if shape.resembles(value):
                    likely.append(fault)
        candidates = likely or faults
        depth = max((len(fault.path) for fault in candidates), default=0)
        deepest = [fault for fault in candidates if len(fault.path) == depth]
        if depth > len(path) and deepest.count(deepest[0]) == len(deepest):
            return deepest[0]
        return Fault(path, self.expected, describe(value))


def _is_object(value: object) -> TypeGuard[dict[object, object]]:
    return type(value) is dict


def _is_array(value: object) -> TypeGuard[list[object]]:
    return type(value) is list


def describe(value: object) -> str:
    """Return a few words for a value: its JSON type, or the value if it is short by nature."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        inside = SMALLEST_INTEGER <= value <= LARGEST_INTEGER
        return repr(value) if inside else "a number beyond 64 bits"
    words: dict[type, str] = {dict: "an object", list: "an array", str: "a string"}
    return words.get(type(value), "no JSON value")


def _step(key: object) -> str:
    return _shortened(key) if isinstance(key, str) else "?"


def _quoted(text: str) -> str:
    return f'"{_shortened(text)}"'


def _shortened(text: str) -> str:
    # `repr` makes control characters, lone surrogates and the like visible.
    shown = repr(text[: LONGEST_ECHO + 1])[1:-1]
    return shown if len(shown) <= LONGEST_ECHO else shown[: LONGEST_ECHO - 1] + "…"


def _range(at_least: float | None, at_most: float | None) -> str:
    if at_least is not None and at_most is not None:
        return f" from {at_least} to {at_most}"
    if at_least is not None:
        return f" of at least {at_least}"
    return "" if at_most is None else f" of at most {at_most}"


def _yes(_value: object) -> bool:
    return True


def _no(_value: object) -> bool:
    return False
