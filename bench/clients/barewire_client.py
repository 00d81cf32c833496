"""Our client under load; see load.py."""

import anyio

from barewire import Client
from bench.clients.load import COMMAND, make_load


async def main() -> None:
    async with Client(COMMAND, mode="legacy") as client:

        async def echo(text: str) -> str:
            return (await client.call_tool("echo", {"text": text})).text

        await make_load(echo)


anyio.run(main)
