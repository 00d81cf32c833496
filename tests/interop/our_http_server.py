"""A server written with barewire, for the clients of foreign SDKs to use over HTTP.

    barewire run tests/interop/our_http_server.py:server --http 127.0.0.1:0
    python -m tests.interop.our_http_server '{"hosts": ["mcp.example"], "comment": 0.1}'

What `our_server` offers, and calls that clients hold, release and ask about by a key. It serves
many clients, each with keys of its own.
"""

import json
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from barewire import Context
from barewire.session.limits import HttpLimits
from tests.interop.our_server import server

__all__ = ["server"]

PATIENCE = 5
"""Seconds for which one call waits for another."""


@dataclass
class Held:
    begun: anyio.Event = field(default_factory=anyio.Event)
    released: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    fate: str = "held"


calls: defaultdict[str, Held] = defaultdict(Held)


@asynccontextmanager
async def noting(key: str) -> AsyncGenerator[Held]:
    """Note how what is done with a call of this key ends."""
    call = calls[key]
    call.begun.set()
    try:
        yield call
        call.fate = "released"
    except anyio.get_cancelled_exc_class():
        call.fate = "cancelled"
        raise
    finally:
        call.ended.set()


@server.tool
async def march(n: int, key: str, ctx: Context) -> str:
    """Report n steps, then wait to be released, and note how it ends."""
    async with noting(key) as call:
        for step in range(1, n + 1):
            await ctx.report_progress(step, total=n, message=f"{key} step {step}")
        await call.released.wait()
    return "done"


@server.tool
async def hold(key: str) -> str:
    """Wait to be released, and note how it ends."""
    async with noting(key) as call:
        await call.released.wait()
    return "released"


@server.tool
async def until_held(key: str) -> str:
    """Wait until a call is held."""
    with anyio.move_on_after(PATIENCE):
        await calls[key].begun.wait()
    return "held"


@server.tool
async def release(key: str) -> str:
    """Release a call, now or when it comes."""
    calls[key].released.set()
    return "released"


@server.tool
async def fate(key: str) -> str:
    """Wait until a call has ended, and tell how."""
    with anyio.move_on_after(PATIENCE):
        await calls[key].ended.wait()
    return calls[key].fate


@server.tool
async def learn(name: str) -> str:
    """Offer one more tool."""

    async def learnt() -> str:
        return name

    server.tool(name=name)(learnt)
    return name


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    server.run_http(port=0, hosts=options["hosts"], limits=HttpLimits(comment=options["comment"]))
