"""A stdio server written with barewire, for the clients of foreign SDKs to use.

    our_server.py LOOP

LOOP is "asyncio" or "trio".
"""

import sys
from dataclasses import dataclass
from typing import Literal

import anyio

from barewire import Context, Server, ToolError

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

server = Server("ours", version="1.0", instructions="Use echo first.")
cancelled = 0


@dataclass
class Sum:
    sum: int


@dataclass
class Peer:
    protocol_version: str
    client_name: str


@server.tool
async def echo(text: str) -> str:
    """Return the text."""
    return text


@server.tool
def add(a: int, b: int) -> Sum:
    """Add two integers."""
    return Sum(a + b)


@server.tool
async def progress(n: int, ctx: Context) -> str:
    """Report n steps, then end."""
    for step in range(1, n + 1):
        await ctx.report_progress(step, total=n, message=f"step {step}")
    return "done"


@server.tool
async def slow(seconds: float, ctx: Context) -> str:
    """Report that it has started, then sleep."""
    global cancelled
    try:
        await ctx.report_progress(0, total=1, message="started")
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise
    return "slept"


@server.tool
async def cancelled_count(at_least: int) -> str:
    """Count the cancelled calls of slow, after waiting up to 5 s for this many."""
    with anyio.move_on_after(5):
        while cancelled < at_least:
            await anyio.sleep(0.01)
    return str(cancelled)


@server.tool
async def fail(message: str) -> str:
    """Fail with the message."""
    raise ToolError(message)


@server.tool
async def log(level: Level, text: str, ctx: Context) -> str:
    """Send a log message."""
    await ctx.log(level, text, logger="tools")
    return "logged"


@server.tool
async def whoami(ctx: Context) -> Peer:
    """Tell who the client says it is, and what it speaks."""
    name = ctx.client_info["name"] if ctx.client_info else ""
    return Peer(ctx.protocol_version, name)


if __name__ == "__main__":
    server.run(backend=sys.argv[1])
