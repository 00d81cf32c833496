"""A stdio server written with the official Python SDK 1.x, for our client to use.

With the argument "everything" it offers what a session to be recorded needs besides the tools.
"""

import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import Completion, ListResourcesRequest, ListResourcesResult, SamplingMessage
from pydantic import AnyUrl
from stranger_tools import (
    COLOUR_SCHEMA,
    QUESTION,
    SAMPLING,
    Level,
    Peer,
    offer_everything,
    offer_tools,
    page_of,
)


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


def offer_pages() -> None:
    @server._mcp_server.list_resources()
    async def list_resources(request: ListResourcesRequest) -> ListResourcesResult:
        cursor = request.params.cursor if request.params else None
        resources, following = page_of(await server.list_resources(), cursor)
        return ListResourcesResult(resources=resources, nextCursor=following)


def offer_questions() -> None:
    @server.tool()
    async def ask_roots(ctx: Context) -> str:
        """Ask the client for its roots."""
        result = await ctx.session.list_roots()
        return ", ".join(str(root.name) for root in result.roots)

    @server.tool()
    async def ask_model(ctx: Context) -> str:
        """Ask the client's model for a colour."""
        messages = [SamplingMessage.model_validate(item) for item in SAMPLING["messages"]]
        result = await ctx.session.create_message(messages, max_tokens=SAMPLING["maxTokens"])
        return result.content.text

    @server.tool()
    async def ask_user(ctx: Context) -> str:
        """Ask the client's user for a colour."""
        result = await ctx.session.elicit(QUESTION, COLOUR_SCHEMA, ctx.request_id)
        return str(result.content["colour"])

    @server.tool()
    async def touch(uri: str, ctx: Context) -> str:
        """Tell of a change of a resource, and of the list of tools."""
        await ctx.session.send_resource_updated(AnyUrl(uri))
        await ctx.session.send_tool_list_changed()
        return "touched"

    @server._mcp_server.subscribe_resource()
    async def subscribe(uri: AnyUrl) -> None:
        pass

    @server._mcp_server.unsubscribe_resource()
    async def unsubscribe(uri: AnyUrl) -> None:
        pass


if "everything" in sys.argv:
    offer_everything(server, Completion)
    offer_pages()
    offer_questions()
server.run("stdio")
