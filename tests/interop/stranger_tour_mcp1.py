"""A client written with the official Python SDK 1.x, taking a tour of our server to be recorded.

stranger_tour_mcp1.py REVISION -- COMMAND...
"""

import sys
from typing import Any

import anyio
import mcp.types
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import (
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    CreateMessageResult,
    ElicitResult,
    Implementation,
    ListRootsResult,
    PromptReference,
)
from pydantic import AnyUrl
from stranger_tools import ANSWERS


async def on_roots(_context: object) -> ListRootsResult:
    return ListRootsResult.model_validate(ANSWERS["roots"])


async def on_sampling(_context: object, _params: object) -> CreateMessageResult:
    return CreateMessageResult.model_validate(ANSWERS["sampling"])


async def on_elicitation(_context: object, _params: object) -> ElicitResult:
    return ElicitResult.model_validate(ANSWERS["elicitation"])


async def tour(session: ClientSession) -> None:
    page = await session.list_tools()
    while page.nextCursor:
        page = await session.list_tools(page.nextCursor)
    await session.call_tool("echo", {"text": "grüße ✓ 日本語 🎉\n\u2028"})
    await session.call_tool("add", {"a": 2, "b": 3})
    await session.call_tool("whoami")
    await session.call_tool("fail", {"message": "out of stock"})
    await refused(session.call_tool("nothing"))
    await refused(session.call_tool("add", {"a": "x"}))
    async with anyio.create_task_group() as group:
        for text in ("one", "two", "three"):
            group.start_soon(session.call_tool, "echo", {"text": text})
    await session.call_tool("picture")
    await session.call_tool("progress", {"n": 3}, progress_callback=on_progress)
    await cancel(session)
    await session.send_ping()
    await session.set_logging_level("warning")
    await session.call_tool("log", {"level": "debug", "text": "a debug"})
    await session.call_tool("log", {"level": "warning", "text": "a warning"})
    for tool in ("ask_roots", "ask_model", "ask_user"):
        await session.call_tool(tool)
    await session.send_roots_list_changed()
    first = await session.list_resources()
    await session.list_resources(first.nextCursor)
    await session.list_resource_templates()
    await session.read_resource(AnyUrl("note://hello"))
    await session.read_resource(AnyUrl("note://seal"))
    await refused(session.read_resource(AnyUrl("other://nowhere")))
    await session.list_prompts()
    await refused(session.list_prompts("nowhere"))
    await session.get_prompt("greet", {"name": "ann"})
    await refused(session.get_prompt("nothing"))
    ref = PromptReference(type="ref/prompt", name="greet")
    await session.complete(ref, {"name": "name", "value": "bl"})
    await session.subscribe_resource(AnyUrl("note://hello"))
    await session.call_tool("touch", {"uri": "note://hello"})
    await session.unsubscribe_resource(AnyUrl("note://hello"))
    await session.call_tool("noise")
    await session.call_tool("echo", {"text": "still there"})


async def refused(call: Any) -> None:
    try:
        await call
    except McpError:
        return


async def on_progress(*_: object) -> None:
    pass


async def cancel(session: ClientSession) -> None:
    request_id = session._request_id  # of the next request: the SDK tells it nowhere else
    with anyio.CancelScope() as scope:

        async def give_up(*_: object) -> None:
            params = CancelledNotificationParams(requestId=request_id, reason="enough")
            await session.send_notification(
                ClientNotification(CancelledNotification(params=params))
            )
            scope.cancel()

        await session.call_tool("slow", {"seconds": 30}, progress_callback=give_up)
    await session.call_tool("cancelled_count", {"at_least": 1})


async def main() -> None:
    split = sys.argv.index("--")
    mcp.types.LATEST_PROTOCOL_VERSION = sys.argv[1]  # the SDK has no option for it
    command = sys.argv[split + 1 :]
    async with (
        stdio_client(StdioServerParameters(command=command[0], args=command[1:])) as streams,
        ClientSession(
            *streams,
            client_info=Implementation(name="stranger-mcp1", version="1.0.1"),
            list_roots_callback=on_roots,
            sampling_callback=on_sampling,
            elicitation_callback=on_elicitation,
        ) as session,
    ):
        await session.initialize()
        await tour(session)


anyio.run(main)
