"""The least server with what a concurrent one cannot do without.

An anyio task and a cancel scope for each request, and a task that writes what they answer.
"""

import os
from typing import Any

import anyio
from orjson import OPT_APPEND_NEWLINE, dumps, loads

from bench.servers.floor_common import handle

replies: list[bytes] = []
running: dict[Any, anyio.CancelScope] = {}
wake = anyio.Event()


def flush() -> None:
    if replies:
        rest = memoryview(b"".join(replies))
        replies.clear()
        while rest:
            rest = rest[os.write(1, rest) :]


def emit(message: dict[str, Any]) -> None:
    replies.append(dumps(message, None, OPT_APPEND_NEWLINE))
    if len(replies) > 63:
        flush()


async def answer(message: dict[str, Any]) -> None:
    id = message.get("id")
    reply = None
    with anyio.CancelScope() as scope:
        running[id] = scope
        reply = handle(message, emit)
    running.pop(id, None)
    if reply is not None:
        replies.append(dumps(reply, None, OPT_APPEND_NEWLINE))
        wake.set()


async def write() -> None:
    global wake
    while True:
        await wake.wait()
        wake = anyio.Event()
        flush()


async def main() -> None:
    os.set_blocking(0, False)
    rest = b""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        while True:
            await anyio.wait_readable(0)
            data = os.read(0, 65536)
            if not data:
                tasks.cancel_scope.cancel()
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                tasks.start_soon(answer, loads(line))


anyio.run(main)
