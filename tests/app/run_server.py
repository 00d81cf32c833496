"""A server to be run as a process: `python -m tests.app.run_server [asyncio|trio]`."""

import os
import subprocess
import sys
import time

import anyio

from barewire import Context, Server, SyncContext

server = Server("run", version="1")


@server.tool
async def echo(text: str) -> str:
    return text


@server.tool
async def wait(seconds: float, ctx: Context) -> str:
    await ctx.report_progress(1)
    await anyio.sleep(seconds)
    return f"waited {seconds:g}"


@server.tool
def block(seconds: float, ctx: SyncContext) -> str:
    ctx.report_progress(1)
    time.sleep(seconds)
    return f"blocked {seconds:g}"


@server.tool
async def tidy_up(ctx: Context) -> str:
    await ctx.report_progress(1)
    try:
        await anyio.sleep(60)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.1)
        print("tidied up")
    return ""


@server.tool
async def refuse_to_end(ctx: Context) -> str:
    await ctx.report_progress(1)
    while True:
        try:
            await anyio.sleep(60)
        except BaseException:  # the worst that a handler can do
            print("no", file=sys.stderr, flush=True)


@server.tool
def shout(text: str) -> str:
    print(text)
    os.write(1, f"{text} from a library\n".encode())
    subprocess.run(["echo", f"{text} from a child"], check=True)
    return sys.stdin.read()


@server.tool
async def leave() -> str:
    sys.exit(7)


if __name__ == "__main__":
    server.run(backend=sys.argv[1] if sys.argv[1:] else "asyncio")
