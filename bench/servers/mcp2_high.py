"""The official Python SDK 2.x, as its users write servers."""

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

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


server.run("stdio")
