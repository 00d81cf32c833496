"""The client of the official Python SDK 2.x under load; see load.py."""

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import TextContent

from bench.clients.load import COMMAND, make_load


async def main() -> None:
    command, *arguments = COMMAND
    target = StdioServerParameters(command=command, args=arguments)
    async with Client(target, mode="legacy") as client:

        async def echo(text: str) -> str:
            (block,) = (await client.call_tool("echo", {"text": text})).content
            assert isinstance(block, TextContent)
            return block.text

        await make_load(echo)


anyio.run(main)
