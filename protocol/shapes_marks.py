"""The words that `payloads` adds to a type: when it exists, when it is required, how far it goes.

They stand inside `Annotated`; `Since`, `Until` and `Only` may also decorate a whole definition. A
mark says nothing to a type checker: `barewire.protocol.shapes` reads it.
"""

from typing import Any, TypeVar

from barewire.protocol.revisions import Revision

__all__ = [
    "EXTENSIBLE",
    "AtLeast",
    "AtMost",
    "AtMostItems",
    "Extensible",
    "Format",
    "Mark",
    "Only",
    "Presumed",
    "RequiredSince",
    "RequiredUntil",
    "Since",
    "Until",
    "exists",
    "required",
]

T = TypeVar("T")


class Mark:
    """A word with one value. Marks of one kind with one value are equal, as `typing` expects."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        """Say `value`."""
        self.value: Any = value

    def __eq__(self, other: object) -> bool:
        """Whether both say the same."""
        return type(self) is type(other) and isinstance(other, Mark) and self.value == other.value

    def __hash__(self) -> int:
        """Agree with `==`; values need no hash."""
        return hash(type(self))

    def __repr__(self) -> str:
        """Return the call that makes this mark."""
        return f"{type(self).__name__}({self.value!r})"


class _RevisionMark(Mark):
    """A word about a stretch of history. Before a class it marks the whole definition."""

    __slots__ = ()

    def __init__(self, value: Revision) -> None:
        super().__init__(value)

    def __call__(self, definition: type[T]) -> type[T]:
        _LIFETIMES[definition] = (*_LIFETIMES.get(definition, ()), self)
        return definition

    def holds(self, revision: Revision) -> bool:
        """Whether `revision` lies in that stretch."""
        raise NotImplementedError


_LIFETIMES: dict[type, tuple[_RevisionMark, ...]] = {}


class _From(_RevisionMark):
    __slots__ = ()

    def holds(self, revision: Revision) -> bool:
        return bool(revision.order >= self.value.order)


class _UpTo(_RevisionMark):
    __slots__ = ()

    def holds(self, revision: Revision) -> bool:
        return bool(revision.order <= self.value.order)


class Since(_From):
    """It exists from this revision on; before it, a member of that name means nothing."""

    __slots__ = ()


class Until(_UpTo):
    """This revision is the last in which it exists."""

    __slots__ = ()


class Only(_RevisionMark):
    """This revision is the only one in which it exists."""

    __slots__ = ()

    def holds(self, revision: Revision) -> bool:
        """Whether `revision` is that one."""
        return bool(revision.order == self.value.order)


class RequiredSince(_From):
    """A `NotRequired` member that must be there from this revision on."""

    __slots__ = ()


class RequiredUntil(_UpTo):
    """A `NotRequired` member that must be there up to and including this revision."""

    __slots__ = ()


class AtLeast(Mark):
    """The smallest number allowed."""

    __slots__ = ()


class AtMost(Mark):
    """The largest number allowed."""

    __slots__ = ()


class AtMostItems(Mark):
    """The greatest length of an array."""

    __slots__ = ()


class Format(Mark):
    """What the text of a string is: `uri`, `uri-template`, `byte` (Base64), `date-time`.

    It describes, for readers and generators. JSON Schema asserts no format unless it is told to,
    and neither does a checker: whoever uses the value finds out whether it can be used.
    """

    __slots__ = ()


class Presumed(Mark):
    """What a lenient reader takes a required member for when it is missing."""

    __slots__ = ()


class Extensible(Mark):
    """A union that grows: a lenient reader keeps an alternative it does not know as it came."""

    __slots__ = ()


EXTENSIBLE = Extensible(True)


def exists(marks: tuple[object, ...], definition: object, revision: Revision) -> bool:
    """Whether what carries these marks, and is of this definition, is part of `revision`."""
    lifetime = _LIFETIMES.get(definition, ()) if isinstance(definition, type) else ()
    return all(
        mark.holds(revision)
        for mark in (*marks, *lifetime)
        if isinstance(mark, (Since, Until, Only))
    )


def required(marks: tuple[object, ...], revision: Revision) -> bool:
    """Whether these marks make a `NotRequired` member required in `revision`."""
    return any(
        mark.holds(revision) for mark in marks if isinstance(mark, (RequiredSince, RequiredUntil))
    )
