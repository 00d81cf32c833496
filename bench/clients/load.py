"""The load that every client program makes: echo calls, some in flight, timed in slices.

A client program is run as `program.py CALLS IN_FLIGHT SLICES COMMAND...`; it prints, as JSON, the
seconds and the CPU seconds of each slice of so many calls.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable

import anyio

TEXT = "The quick brown fox jumps over the lazy dog, 64 bytes in all...."

CALLS, IN_FLIGHT, SLICES = (int(argument) for argument in sys.argv[1:4])
COMMAND = sys.argv[4:]


async def make_load(echo: Callable[[str], Awaitable[str]]) -> None:
    async def call(times: int) -> None:
        for _ in range(times):
            if await echo(TEXT) != TEXT:
                raise SystemExit("the server does not echo")

    async def one_slice() -> None:
        if IN_FLIGHT == 1:
            await call(CALLS)
            return
        async with anyio.create_task_group() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.start_soon(call, CALLS // IN_FLIGHT)

    await call(100)
    taken: list[tuple[float, float]] = []
    for _ in range(SLICES):
        begin, cpu = time.perf_counter(), time.process_time()
        await one_slice()
        taken.append((time.perf_counter() - begin, time.process_time() - cpu))
    print(json.dumps(taken))
