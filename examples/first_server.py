"""A server with three tools. Run it by `barewire run examples/first_server.py`."""

import anyio

from barewire import Context, Server, ToolError

server = Server("first", version="1.0", instructions="Greets, counts and waits.")


@server.tool
async def greet(name: str, times: int = 1) -> str:
    """Return a greeting."""
    if times < 1:
        raise ToolError("Greet somebody at least once.")
    return " ".join([f"Hello, {name}!"] * times)


@server.tool
async def count(to: int, ctx: Context) -> list[int]:
    """Count, and report how far it has come."""
    counted: list[int] = []
    for number in range(1, to + 1):
        counted.append(number)
        await ctx.report_progress(number, to, f"counted {number}")
    await ctx.info({"counted": to})
    return counted


@server.tool
async def wait(seconds: float) -> str:
    """Wait, for somebody to change their mind."""
    await anyio.sleep(seconds)
    return f"waited {seconds:g} s"


if __name__ == "__main__":
    server.run()
