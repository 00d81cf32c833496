"""A stdio server written with the official Python SDK 1.x, for our client to use."""

from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from stranger_tools import Level, Peer, offer_tools


def identify(ctx: Context) -> Peer:
    client = ctx.session.client_params
    return Peer(str(client.protocolVersion), client.clientInfo.name)


server = FastMCP("stranger-mcp1", instructions="Use echo first.", log_level="ERROR")
# The high-level server of this SDK has no public way to set its version or offer logging/setLevel.
server._mcp_server.version = "1.0.1"
state = offer_tools(server, Context, ToolError, identify)


@server._mcp_server.set_logging_level()
async def set_level(level: Level) -> None:
    state.least_level = level


server.run("stdio")
