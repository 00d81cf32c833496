"""A server for the tests of messages: `python -m tests.immunity.wire_server [asyncio|trio]`.

Its tools say what JSON cannot carry, wait until somebody gives them up, and tell what happened.
"""

import asyncio
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any

import anyio

from barewire import Cancelled, Context, Limits, Server, SyncContext, ToolError, Violated
from barewire.content import ToolResult, link, text

SURROGATE = "a\ud800b"
LINE = 1_000_000

faults: list[list[str]] = []
ends: dict[str, float] = {}
releases: dict[str, anyio.Event] = {}
whose: ContextVar[str] = ContextVar("whose", default="nobody's")


def keep(fault: Violated) -> None:
    faults.append([fault.reason.name, fault.detail])


server = Server("wire", version="1", limits=Limits(line=LINE), on_fault=keep)


@server.tool
async def echo(text: str) -> str:
    return text


@server.tool(blocking=False)
def take_faults() -> list[list[str]]:
    """What was wrong with what was received since the last time."""
    taken = faults.copy()
    faults.clear()
    return taken


# What JSON cannot carry


@server.tool
async def surrogate_in(place: str, ctx: Context) -> Any:
    """Put a lone surrogate there."""
    await ctx.report_progress(1, message="fine")
    await ctx.report_progress(2, message=SURROGATE if place == "progress" else None)
    await ctx.info(SURROGATE if place == "log" else "fine")
    await ctx.info("fine", SURROGATE if place == "logger" else None)
    if place == "error":
        raise ToolError(SURROGATE)
    if place == "exception":
        raise ValueError(SURROGATE)
    values: dict[str, Any] = {
        "text": SURROGATE,
        "block": [text(SURROGATE)],
        "name": [link("file:///a", SURROGATE)],
        "data": {"value": [SURROGATE]},
        "key": {SURROGATE: 1},
        "result": ToolResult([text("fine")], structured_content={"a": {SURROGATE: SURROGATE}}),
        "meta": ToolResult([text("fine")], meta={"a": SURROGATE}),
        "huge": {"number": 2**70},
    }
    return values.get(place, "fine")


@server.tool
async def number(x: float) -> float:
    return x * 1e308 * 10


@server.tool
async def report(values: list[float], ctx: Context) -> str:
    for value in values:
        await ctx.report_progress(value)
    return "done"


# What waits


@server.tool
async def wait(key: str, ctx: Context) -> str:
    """Wait until it is given up; note when that was."""
    try:
        await ctx.report_progress(1)
        await anyio.sleep(60)
    finally:
        ends[key] = time.monotonic()
    return "never"


@server.tool
def work(key: str, ctx: SyncContext) -> str:
    """Work until it is given up, then try to say so."""
    ctx.report_progress(1)
    while not ctx.cancelled:
        time.sleep(0.002)
    noticed = time.monotonic()
    try:
        ctx.report_progress(2)
    except Cancelled:
        ends[key] = noticed
    return "too late"


@server.tool
async def when_ended(key: str) -> float:
    """When the handler of that key was given up, by the clock that processes share."""
    with anyio.fail_after(20):
        while key not in ends:
            await anyio.sleep(0.001)
    return ends[key]


@server.tool
async def hold(key: str, ctx: Context) -> str:
    """Wait until it is released; report each call of `step`."""
    event = releases.setdefault(key, anyio.Event())
    await ctx.report_progress(1)
    step = 1
    while key in releases:
        await event.wait()
        event = releases.get(key, event)
        step += 1
        await ctx.report_progress(step)
    return f"held {key}"


@server.tool
async def step(key: str, last: bool = False) -> str:
    """Let the holder of that key report progress, and end if it is the `last`."""
    event = releases.pop(key)
    if not last:
        releases[key] = anyio.Event()
    event.set()
    return key


@server.tool
async def tasks() -> int:
    """How many tasks there are."""
    if "trio" in sys.argv:
        import trio  # late: it takes long, and only this one needs it

        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


# What calls back


@server.tool
async def dig(depth: int, ctx: Context) -> str:
    await ctx.report_progress(depth)
    await ctx.info(depth)
    return f"dug {depth}"


@server.tool
async def change() -> None:
    """Change the list of tools, which the client may want to know."""
    name = f"tool{time.monotonic_ns()}"
    server.tool(name=name)(echo)
    server.tools.remove(name)


# What is there


@server.tool
async def blob(size: int, letter: str = "x") -> str:
    return letter * size


@server.tool
async def mine() -> str:
    return whose.get()


@server.tool
def mine_in_a_thread() -> str:
    return f"{whose.get()} {threading.current_thread() is threading.main_thread()}"


if __name__ == "__main__":
    whose.set("the program's")
    server.run(backend=sys.argv[1])
