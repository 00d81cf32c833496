"""Finds the backend of the event loop that runs.

Only `backend_asyncio` and `backend_trio` know these libraries; each is imported with its loop.
"""

import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from barewire.transports.backend_base import Backend, Future, Handle, Signal, Timer, guarded

__all__ = ["Backend", "Future", "Handle", "Signal", "Timer", "current", "guarded", "run"]

T = TypeVar("T")


def current() -> Backend:
    """Return the backend of the running event loop.

    Raises RuntimeError when neither asyncio nor trio runs in this thread.
    """
    if "trio" in sys.modules:
        from barewire.transports import backend_trio

        if backend_trio.is_running():
            return backend_trio.current()
    from barewire.transports import backend_asyncio

    return backend_asyncio.current()


def run(main: Callable[[], Coroutine[Any, Any, T]], *, backend: str = "asyncio") -> T:
    """Run `main` on a new event loop, of asyncio or of trio, and return what it returns."""
    if backend == "trio":
        from barewire.transports import backend_trio

        return backend_trio.run(main)
    if backend == "asyncio":
        from barewire.transports import backend_asyncio

        return backend_asyncio.run(main)
    raise ValueError(f"backend must be 'asyncio' or 'trio', not {backend!r}")
