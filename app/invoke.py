"""How a handler is called: once prepared, the same for every transport and both eras.

Three kinds: `async def` runs as a task; a plain function runs in a thread, so that it cannot hold
up the loop; a plain one registered with `blocking=False` promises to be quick and runs at once.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol, TypeAlias

from barewire.context import Context, SyncContext
from barewire.session.carrier import Carrier
from barewire.session.exchange import Exchange

__all__ = ["Answer", "Call", "Kind", "Places", "behind", "kind_of"]

Kind: TypeAlias = Literal["task", "thread", "loop"]

Answer: TypeAlias = dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]
"""A result that is there at once, or a coroutine that returns one, when it is its turn to run."""


class Places(Protocol):
    """Where handlers run."""

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """Call `function` in a thread and return its result."""
        ...

    def from_thread(self, exchange: Exchange, carrier: Carrier, send: Callable[[], bool]) -> None:
        """From such a thread, call `send` on the loop, then wait until there is room for more."""
        ...


class Call:
    """One request on its way to a handler: the exchange, what carries it, the places to run in."""

    __slots__ = ("carrier", "exchange", "places")

    def __init__(self, exchange: Exchange, carrier: Carrier, places: Places) -> None:
        self.exchange: Exchange = exchange
        self.carrier: Carrier = carrier
        self.places: Places = places

    def context(self, kind: Kind) -> Context | SyncContext:
        """Return the context that a handler of this kind gets."""
        if kind == "task":
            return Context(self.exchange, self.carrier)
        on_loop = None
        if kind == "thread":
            on_loop = functools.partial(self.places.from_thread, self.exchange, self.carrier)
        return SyncContext(self.exchange, self.carrier, on_loop)


def behind(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the plain function behind wrappers, partial applications and callable objects.

    Raises `TypeError` for what is no function at all.
    """
    inner = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inner.func
    if inspect.isroutine(inner):
        return inner
    if inspect.isclass(inner) or not callable(inner):
        raise TypeError(f"a handler is a function, not {function!r}")
    return type(inner).__call__


def kind_of(function: Callable[..., Any], *, blocking: bool) -> Kind:
    """Return how a handler is to be run.

    Raises `TypeError` for a generator, which never returns a result, and for what is no function.
    """
    inner = behind(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TypeError(f"{function!r} is a generator: a handler returns its result")
    if inspect.iscoroutinefunction(inner):
        return "task"
    return "thread" if blocking else "loop"
