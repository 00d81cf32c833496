"""A client written with the official Python SDK 2.x, taking a tour of our server to be recorded.

stranger_tour_mcp2.py REVISION -- COMMAND...
"""

import sys
import warnings
from typing import Any

import anyio
import mcp.client.session
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.types import (
    CreateMessageResult,
    ElicitResult,
    Implementation,
    ListRootsResult,
    PromptReference,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from stranger_tools import ANSWERS

warnings.simplefilter("ignore", MCPDeprecationWarning)


async def on_roots(_context: object) -> ListRootsResult:
    return ListRootsResult.model_validate(ANSWERS["roots"])


async def on_sampling(_context: object, _params: object) -> CreateMessageResult:
    return CreateMessageResult.model_validate(ANSWERS["sampling"])


async def on_elicitation(_context: object, _params: object) -> ElicitResult:
    return ElicitResult.model_validate(ANSWERS["elicitation"])


async def tour(client: Client, *, legacy: bool) -> None:
    page = await client.list_tools()
    while page.next_cursor:
        page = await client.list_tools(cursor=page.next_cursor)
    await client.call_tool("echo", {"text": "grüße ✓ 日本語 🎉\n\u2028"})
    await client.call_tool("add", {"a": 2, "b": 3})
    await client.call_tool("whoami")
    await client.call_tool("fail", {"message": "out of stock"})
    await refused(client.call_tool("nothing"))
    await refused(client.call_tool("add", {"a": "x"}))
    async with anyio.create_task_group() as group:
        for text in ("one", "two", "three"):
            group.start_soon(client.call_tool, "echo", {"text": text})
    await client.call_tool("picture")
    await client.call_tool("progress", {"n": 3}, progress_callback=on_progress)
    await cancel(client)
    if legacy:
        await client.send_ping()
        await client.set_logging_level("warning")
    await client.call_tool("log", {"level": "debug", "text": "a debug"})
    await client.call_tool("log", {"level": "warning", "text": "a warning"})
    for tool in ("ask_roots", "ask_model", "ask_user"):
        await client.call_tool(tool)
    if legacy:
        await client.send_roots_list_changed()
    first = await client.list_resources()
    await client.list_resources(cursor=first.next_cursor)
    await client.list_resource_templates()
    await client.read_resource("note://hello")
    await client.read_resource("note://seal")
    await refused(client.read_resource("other://nowhere"))
    await client.list_prompts()
    await refused(client.list_prompts(cursor="nowhere"))
    await client.get_prompt("greet", {"name": "ann"})
    await refused(client.get_prompt("nothing"))
    ref = PromptReference(type="ref/prompt", name="greet")
    await client.complete(ref, {"name": "name", "value": "bl"})
    if legacy:
        await client.subscribe_resource("note://hello")
        await client.call_tool("touch", {"uri": "note://hello"})
        await client.unsubscribe_resource("note://hello")
    else:
        uris = ["note://hello"]
        async with client.listen(tools_list_changed=True, resource_subscriptions=uris) as changes:
            await client.call_tool("touch", {"uri": "note://hello"})
            await anext(aiter(changes))
    await client.call_tool("noise")
    await client.call_tool("echo", {"text": "still there"})


async def refused(call: Any) -> None:
    try:
        await call
    except MCPError:
        return


async def on_progress(*_: object) -> None:
    pass


async def cancel(client: Client) -> None:
    with anyio.CancelScope() as scope:

        async def give_up(*_: object) -> None:
            scope.cancel()

        await client.call_tool("slow", {"seconds": 30}, progress_callback=give_up)
    await client.call_tool("cancelled_count", {"at_least": 1})


async def main() -> None:
    revision = sys.argv[1]
    command = sys.argv[sys.argv.index("--") + 1 :]
    legacy = revision in HANDSHAKE_PROTOCOL_VERSIONS
    if legacy:  # the SDK has no option for the revision that its handshake asks for
        mcp.client.session.LATEST_HANDSHAKE_VERSION = revision
    async with Client(
        StdioServerParameters(command=command[0], args=command[1:]),
        mode="legacy" if legacy else "auto",
        client_info=Implementation(name="stranger-mcp2", version="2.0.1"),
        list_roots_callback=on_roots,
        sampling_callback=on_sampling,
        elicitation_callback=on_elicitation,
        log_level="warning",
    ) as client:
        await tour(client, legacy=legacy)


anyio.run(main)
