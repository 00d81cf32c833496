"""The least server of all: read a line, answer it, `floor_block.py [CPU]` to stay on one CPU."""

import os
import sys
from typing import Any

from orjson import OPT_APPEND_NEWLINE, dumps, loads

from bench.servers.floor_common import handle

if sys.argv[1:]:
    os.sched_setaffinity(0, {int(sys.argv[1])})

output = sys.stdout.buffer


def emit(message: dict[str, Any]) -> None:
    output.write(dumps(message, None, OPT_APPEND_NEWLINE))
    output.flush()


for line in sys.stdin.buffer:
    reply = handle(loads(line), emit)
    if reply is not None:
        emit(reply)
