"""How long the collector of garbage stops a program.

Where the environment variable BENCH_PAUSES names a file, each full collection writes a line to it:
how long it took, in seconds of CPU time, which other work on the machine does not lengthen.
"""

import gc
import os
import time
from typing import Any, Final

VARIABLE: Final = "BENCH_PAUSES"
_OLDEST: Final = 2


def record_pauses() -> None:
    """Begin to write, if anybody wants to know."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    began = 0.0

    def tell(phase: str, info: dict[str, Any]) -> None:
        nonlocal began
        if info["generation"] != _OLDEST:
            return
        if phase == "start":
            began = time.thread_time()
        else:
            os.write(file, b"%.9f\n" % (time.thread_time() - began))

    gc.callbacks.append(tell)
