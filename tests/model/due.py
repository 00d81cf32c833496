"""What is due after a step: what must be on the wire, what the application is told, and why.

`said` is what our documented decisions and the specification together call for. Where the
specification leaves a choice, `allowed` lists what else it would permit, and `freedom` says where;
a step without `allowed` has one legal outcome.

What is expected of a message is written as the message, with a function wherever any of several
values will do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.model.words import Json, as_list, as_object

Pattern: TypeAlias = Any
Told: TypeAlias = tuple[Any, ...]
"""What the application hears, as a tuple that begins with a word."""


@dataclass
class Due:
    """What is due after one step."""

    said: list[Pattern] = field(default_factory=list[Pattern])
    told: list[Told] = field(default_factory=list[Told])
    allowed: list[list[Pattern]] = field(default_factory=list[list[Pattern]])
    freedom: str = ""

    def judge(self, messages: list[Any], told: list[Told]) -> None:
        """Fail unless this is what was said and told."""
        if not fits(self.said, messages):
            legal = any(fits(other, messages) for other in self.allowed)
            whose = f"legal ({self.freedom}), but not decided so" if legal else "forbidden"
            raise AssertionError(f"{whose}: said {messages}, due {shown(self.said)}")
        due = [list(one) for one in self.told]
        whole = fits(due, [list(one) for one in told])
        assert whole, f"told {told}, due {shown(due)} (said {messages})"


def fits(pattern: Pattern, value: Any) -> bool:
    """Whether a JSON value is what the pattern describes: `1`, `1.0` and `True` all differ."""
    if callable(pattern):
        return bool(pattern(value))
    members, items = as_object(pattern), as_list(pattern)
    if members is not None:
        whole = as_object(value)
        return (
            whole is not None
            and members.keys() == whole.keys()
            and all(fits(one, whole[key]) for key, one in members.items())
        )
    if items is not None:
        parts = as_list(value)
        return (
            parts is not None
            and len(items) == len(parts)
            and all(fits(one, part) for one, part in zip(items, parts, strict=True))
        )
    return type(pattern) is type(value) and bool(pattern == value)


def shown(pattern: Pattern) -> Any:
    """Return a pattern as it can be read in a failure."""
    if callable(pattern):
        return pattern.__doc__ or "something"
    members, items = as_object(pattern), as_list(pattern)
    if members is not None:
        return {key: shown(item) for key, item in members.items()}
    return pattern if items is None else [shown(item) for item in items]


def described(word: str, test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a test that shows itself as a word."""

    def one(value: Any) -> bool:
        return test(value)

    one.__doc__ = word
    return one


def an_error(code: int | None, data: Pattern = None) -> Pattern:
    """An error object with this code, any if `None`; `data` is what it holds, if anything."""

    def one(value: Any) -> bool:
        error = as_object(value)
        return (
            error is not None
            and {"code", "message"} <= error.keys() <= {"code", "message", "data"}
            and type(error["code"]) is int
            and code in (None, error["code"])
            and isinstance(error["message"], str)
            and (data is None or ("data" in error and fits(data, error["data"])))
        )

    return described(f"error {code}", one)


def refused(id: Any, code: int | None, data: Pattern = None) -> Json:
    """An error that answers a request."""
    return {"jsonrpc": "2.0", "id": id, "error": an_error(code, data)}


def unaddressed(code: int | None, *, null: bool) -> Json:
    """An error with no id to give back, which is written as null or left out."""
    return {"jsonrpc": "2.0", **({"id": None} if null else {}), "error": an_error(code)}


def answered(id: Any, result: Pattern) -> Json:
    """An answer with a result."""
    return {"jsonrpc": "2.0", "id": id, "result": result}


def note(method: str, params: Pattern = None) -> Json:
    """A notification."""
    plain: Json = {"jsonrpc": "2.0", "method": method}
    return plain if params is None else {**plain, "params": params}


def holding(**members: Pattern) -> Pattern:
    """An object that has at least these members."""

    def one(value: Any) -> bool:
        whole = as_object(value)
        return whole is not None and all(
            key in whole and fits(pattern, whole[key]) for key, pattern in members.items()
        )

    return described(f"an object with {sorted(members)}", one)
