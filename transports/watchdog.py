"""Ends this process when the one that started it is gone.

The end of standard input says so too, but not when a sibling has inherited the other end of it, nor
when the event loop is stuck in a handler. A thread needs neither.
"""

import os
import threading
from collections.abc import Callable

__all__ = ["watch_parent"]


def watch_parent(
    *,
    interval: float = 0.25,
    grace: float = 1.25,
    exit_process: Callable[[int], object] = os._exit,
) -> Callable[[], None]:
    """Watch the parent process from a daemon thread; return a function that stops the watch.

    Once the parent has died, noticed within `interval` seconds, the process has another `grace`
    seconds to end by itself; then `exit_process(1)` is called (default: `os._exit`, which waits for
    nothing). With the defaults that is 1.5 seconds in all, also while a function blocks the
    loop or a thread, unless it keeps the interpreter's lock.

    A server that outlives its parent on purpose must not be watched. Nothing happens on Windows,
    nor when the parent is process 1, which adopts orphans.
    """
    parent = os.getppid()
    stop = threading.Event()
    if os.name == "posix" and parent > 1:

        def watch() -> None:
            # An orphan gets another parent. Asking costs a system call, four times a second.
            while os.getppid() == parent:
                if stop.wait(interval):
                    return
            if not stop.wait(grace):
                exit_process(1)

        threading.Thread(target=watch, name="barewire-watchdog", daemon=True).start()
    return stop.set
