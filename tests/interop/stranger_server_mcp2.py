"""A stdio server written with the official Python SDK 2.x, for our client to use."""

import warnings

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.types import EmptyResult, SetLevelRequestParams
from stranger_tools import Peer, offer_tools

warnings.simplefilter("ignore", MCPDeprecationWarning)


def identify(ctx: Context) -> Peer:
    client = ctx.session.client_params
    return Peer(ctx.session.protocol_version, client.client_info.name if client else "")


async def set_level(_context: object, params: SetLevelRequestParams) -> EmptyResult:
    state.least_level = params.level
    return EmptyResult()


server = MCPServer(
    "stranger-mcp2", version="2.0.1", instructions="Use echo first.", log_level="ERROR"
)
state = offer_tools(server, Context, ToolError, identify)
# The high-level server of this SDK has no public way to offer logging/setLevel.
server._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)
server.run("stdio")
