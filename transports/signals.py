"""Asking a running program to end: SIGINT and SIGTERM as a callback on the loop."""

import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

from barewire.transports.backend import current

__all__ = ["on_signals"]


def on_signals(
    callback: Callable[[int], object],
    *,
    signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM),
    force: Callable[[int], object] = os._exit,
) -> Callable[[], None]:
    """Call `callback` with the number of the first of `signals` that arrives, on the running loop.

    Returns a function that puts the previous handlers back. A second signal finds the program
    unwilling to end: it calls `force(128 + number)` (default: `os._exit`) right in the handler,
    which works while something blocks the loop. Only the main thread can receive signals: in any
    other, nothing is installed.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    backend = current()
    asked = False

    # A plain handler rather than the loop's own interface: that of asyncio does not run while the
    # loop is blocked, and does not give back the handler that it found.
    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            force(128 + number)
            return
        asked = True
        backend.call_soon_threadsafe(partial(callback, number))

    previous = [(number, signal.signal(number, handle)) for number in signals]

    def restore() -> None:
        for number, handler in previous:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    return restore
