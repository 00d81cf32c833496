"""Our high-level server: `barewire_server.py async | inline`.

`async` has an `async def echo`, `inline` a plain one that runs on the loop (`blocking=False`).
"""

import sys

from barewire import Context, Server

server = Server("bench", version="1")

if sys.argv[1:] == ["inline"]:

    @server.tool(blocking=False)
    def echo(text: str) -> str:
        """Echo."""
        return text

else:

    @server.tool(name="echo")
    async def echo_later(text: str) -> str:
        """Echo."""
        return text


@server.tool
async def progress(n: int, ctx: Context) -> str:
    """Report progress n times."""
    for i in range(n):
        await ctx.report_progress(i + 1, n)
    return "done"


server.run()
