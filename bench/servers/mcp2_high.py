"""The official Python SDK 2.x, as its users write servers; over HTTP with Uvicorn, on h11."""

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from bench.servers.options import parser

options = parser().parse_args()

server = MCPServer("bench", log_level="ERROR")


@server.tool()
async def echo(text: str) -> str:
    """Echo."""
    return text


@server.tool()
async def progress(n: int, ctx: Context) -> str:
    """Report progress n times."""
    for i in range(n):
        await ctx.report_progress(i + 1, n)
    return "done"


if options.http is None:
    server.run("stdio")
else:
    app = server.streamable_http_app(
        json_response=options.json_response is True, stateless_http=options.stateless
    )
    uvicorn.run(
        app,
        port=options.http,
        loop="asyncio",
        http="h11",
        log_level="error",
        access_log=False,
        timeout_keep_alive=120,
    )
