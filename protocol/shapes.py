"""Checkers of payloads, made from their definitions for one revision, when first asked for.

    check = checker_named("CallToolRequestParams", V2025_11_25)
    fault = check(params, "params")
    if fault is not None:
        ...  # fault.message == "params.name is missing; it must be a string"

A checker follows the definitions and nothing else. Members that are not written there, or not in
this revision, are not looked at. An exact checker says what a sender must keep to. A lenient one is
for reading what others have sent, where one odd detail should not lose the rest:

* a content block of a type that nobody knows in this revision passes as it is,
* a member that a reader may presume (`resultType`, `ttlMs`, `cacheScope`, a tool's `content`) may
  be missing,
* bounds of numbers and lengths are not looked at.
"""

import types
from collections.abc import Sequence
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Protocol,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from barewire.protocol.revisions import Revision
from barewire.protocol.shapes_kinds import (
    Anything,
    Array,
    Choice,
    Dictionary,
    Either,
    Fault,
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
    AtLeast,
    AtMost,
    AtMostItems,
    Extensible,
    Format,
    Mark,
    Presumed,
    exists,
    required,
)

__all__ = ["Checker", "Fault", "checker", "checker_named", "shape_of"]


class Checker(Protocol):
    """Finds what is wrong with a value, or `None`. It raises on no value."""

    def __call__(self, value: object, at: str = "") -> Fault | None:
        """Check `value`, which the path of a fault calls `at` (`params`, `result`)."""
        ...


@cache
def checker_named(name: str, revision: Revision, *, lenient: bool = False) -> Checker:
    """Return the checker of the definition with this name in `barewire.protocol.payloads`.

    Raises `LookupError` if there is no such definition or it is not part of `revision`.
    """
    # Most programs need a few checkers late or none at all, and the definitions take a while.
    from barewire.protocol import payloads

    if name not in payloads.__all__:
        raise LookupError(f"there is no payload called {name}")
    return _checker(name, getattr(payloads, name), revision, lenient)


def checker(definition: object, revision: Revision, *, lenient: bool = False) -> Checker:
    """Return the checker of a TypedDict or of any annotation that payloads are made of.

    Raises `LookupError` if it is not part of `revision`, `TypeError` if it cannot be a payload.
    """
    return _checker(str(definition), definition, revision, lenient)


def _checker(name: str, definition: object, revision: Revision, lenient: bool) -> Checker:
    shape = shape_of(definition, revision, lenient=lenient)
    if shape is None:
        raise LookupError(f"{name} is not part of {revision.name}")
    fits, find_fault = shape.fits, shape.fault

    def check(value: object, at: str = "") -> Fault | None:
        if fits(value):
            return None
        return find_fault(value, (at,) if at else ())

    return check


def shape_of(definition: object, revision: Revision, *, lenient: bool = False) -> Shape | None:
    """Return what `definition` looks like in `revision`, or `None` if it is not part of it.

    Raises `TypeError` if it cannot be a payload, or if it contains itself: shapes are finite, so
    no value drives a checker deeper than its definition goes.
    """
    return _Reader(revision, lenient).read(definition)


_OBJECTS: dict[tuple[object, Revision, bool], Object] = {}
"""The objects read so far, which many definitions share."""

_PLAIN: dict[object, Shape] = {
    Any: Anything(),
    bool: Flag(),
    None: Null(),
    types.NoneType: Null(),
}


class _Reader:
    """Reads annotations for one revision."""

    def __init__(self, revision: Revision, lenient: bool) -> None:
        self.revision = revision
        self.lenient = lenient
        self._inside: list[object] = []

    def read(self, annotation: object) -> Shape | None:
        """Return the shape of `annotation`, or `None` if it is not part of the revision."""
        definition, marks = _unwrapped(annotation)
        if not exists(marks, definition, self.revision):
            return None
        if is_typeddict(definition):
            return self._object(cast(type, definition))
        if definition in _PLAIN:
            return _PLAIN[definition]
        if definition is str:
            return Text(_value(marks, Format))
        if definition is int or definition is float:
            return Number(
                definition is int, self._bound(marks, AtLeast), self._bound(marks, AtMost)
            )
        origin, arguments = get_origin(definition), get_args(definition)
        if origin is Literal:
            return Choice(arguments)
        if origin is Union or origin is types.UnionType:
            return self._union(arguments, _value(marks, Extensible, default=False))
        if origin is list:
            items = self.read(arguments[0])
            return items and Array(items, self._bound(marks, AtMostItems))
        if origin is dict and arguments[0] is str:
            values = self.read(arguments[1])
            return values and Dictionary(values)
        raise TypeError(f"{definition!r} cannot be a payload")

    def _object(self, definition: type) -> Object:
        key = (definition, self.revision, self.lenient)
        if key not in _OBJECTS:
            if definition in self._inside:
                raise TypeError(f"{definition.__name__} contains itself")
            self._inside.append(definition)
            _OBJECTS[key] = Object(definition.__name__, self._members(definition))
            self._inside.pop()
        return _OBJECTS[key]

    def _members(self, definition: type) -> list[Member]:
        always: frozenset[str] = getattr(definition, "__required_keys__")  # noqa: B009
        members: list[Member] = []
        for name, hint in get_type_hints(definition, include_extras=True).items():
            shape = self.read(hint)
            if shape is not None:
                _, marks = _unwrapped(hint)
                needed = name in always or required(marks, self.revision)
                forgiven = self.lenient and any(isinstance(mark, Presumed) for mark in marks)
                members.append(Member(name, shape, needed and not forgiven))
        return members

    def _union(self, alternatives: Sequence[object], extensible: bool) -> Shape | None:
        read = [self.read(alternative) for alternative in alternatives]
        shapes = [shape for shape in read if shape is not None]
        if not shapes:
            return None
        if any(isinstance(shape, Anything) for shape in shapes):
            return _PLAIN[Any]
        if len(shapes) == 1:
            return shapes[0]
        return _tagged(shapes, extensible and self.lenient) or Either(shapes)

    def _bound(self, marks: Sequence[object], kind: type[Mark]) -> Any:
        return None if self.lenient else _value(marks, kind)


def _tagged(shapes: Sequence[Shape], open: bool) -> Tagged | None:
    """Return the shapes as cases of a tag, if they are objects and share one that differs."""
    objects = [shape for shape in shapes if isinstance(shape, Object)]
    if len(objects) < len(shapes):
        return None
    for tag in (member.name for member in objects[0].members):
        cases = _cases(objects, tag)
        if len(cases) > 1:
            return Tagged(
                tag,
                {
                    word: group[0] if len(group) == 1 else Either(group)
                    for word, group in cases.items()
                },
                open,
            )
    return None


def _cases(objects: Sequence[Object], tag: str) -> dict[str, list[Object]]:
    """Return the objects that each word of `tag` can mean; nothing unless all are told apart."""
    cases: dict[str, list[Object]] = {}
    for shape in objects:
        words = [
            word
            for member in shape.members
            if member.name == tag and member.required and isinstance(member.shape, Choice)
            for word in member.shape.values
            if isinstance(word, str)
        ]
        if not words:
            return {}
        for word in words:
            cases.setdefault(word, []).append(shape)
    return cases


def _unwrapped(annotation: object) -> tuple[object, tuple[object, ...]]:
    """Return what `Annotated`, `Required` and `NotRequired` are wrapped around, and the marks."""
    marks: tuple[object, ...] = ()
    while True:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation, marks = arguments[0], (*marks, *arguments[1:])
        elif origin is NotRequired or origin is Required:
            annotation = arguments[0]
        else:
            return annotation, marks


def _value(marks: Sequence[object], kind: type[Mark], default: Any = None) -> Any:
    return next((mark.value for mark in marks if isinstance(mark, kind)), default)
