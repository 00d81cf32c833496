"""A stdio server written with the official Python SDK 2.x, for our client to use.

With the argument "everything" it offers what a session to be recorded needs besides the tools.
"""

import sys
import warnings
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.types import (
    Completion,
    EmptyResult,
    InputRequiredResult,
    ListResourcesResult,
    PaginatedRequestParams,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from stranger_tools import (
    COLOUR_SCHEMA,
    QUESTION,
    SAMPLING,
    Peer,
    offer_everything,
    offer_tools,
    page_of,
)

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


def offer_pages() -> None:
    async def list_resources(
        _context: object, params: PaginatedRequestParams
    ) -> ListResourcesResult:
        resources, following = page_of(await server.list_resources(), params.cursor)
        return ListResourcesResult(resources=resources, next_cursor=following)

    add = server._lowlevel_server.add_request_handler
    add("resources/list", PaginatedRequestParams, list_resources)


def is_modern(ctx: Context) -> bool:
    return ctx.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS


def round_for(ctx: Context, method: str, params: dict[str, Any] | None) -> Any:
    """Return the answer to a question of ours, or what asks it: input_required."""
    if ctx.input_responses:
        return ctx.input_responses["it"]
    question = {"method": method} if params is None else {"method": method, "params": params}
    return InputRequiredResult.model_validate(
        {"resultType": "input_required", "inputRequests": {"it": question}, "requestState": "one"}
    )


def offer_questions() -> None:
    @server.tool()
    async def ask_roots(ctx: Context) -> str | InputRequiredResult:
        """Ask the client for its roots."""
        if is_modern(ctx):
            result = round_for(ctx, "roots/list", None)
            if isinstance(result, InputRequiredResult):
                return result
        else:
            result = await ctx.session.list_roots()
        return ", ".join(str(root.name) for root in result.roots)

    @server.tool()
    async def ask_model(ctx: Context) -> str | InputRequiredResult:
        """Ask the client's model for a colour."""
        if is_modern(ctx):
            result = round_for(ctx, "sampling/createMessage", SAMPLING)
            if isinstance(result, InputRequiredResult):
                return result
        else:
            messages = [SamplingMessage.model_validate(item) for item in SAMPLING["messages"]]
            result = await ctx.session.create_message(messages, max_tokens=SAMPLING["maxTokens"])
        return result.content.text

    @server.tool()
    async def ask_user(ctx: Context) -> str | InputRequiredResult:
        """Ask the client's user for a colour."""
        if is_modern(ctx):
            params = {"message": QUESTION, "requestedSchema": COLOUR_SCHEMA}
            result = round_for(ctx, "elicitation/create", params)
            if isinstance(result, InputRequiredResult):
                return result
        else:
            result = await ctx.session.elicit_form(QUESTION, COLOUR_SCHEMA, ctx.request_id)
        return str(result.content["colour"])

    @server.tool()
    async def touch(uri: str, ctx: Context) -> str:
        """Tell of a change of a resource, and of the list of tools."""
        if is_modern(ctx):
            await ctx.notify_resource_updated(uri)
            await ctx.notify_tools_changed()
        else:
            await ctx.session.send_resource_updated(uri)
            await ctx.session.send_tool_list_changed()
        return "touched"

    async def grant(_context: object, _params: object) -> EmptyResult:
        return EmptyResult()

    add = server._lowlevel_server.add_request_handler
    add("resources/subscribe", SubscribeRequestParams, grant)
    add("resources/unsubscribe", UnsubscribeRequestParams, grant)


if "everything" in sys.argv:
    offer_everything(server, Completion)
    offer_pages()
    offer_questions()
server.run("stdio")
