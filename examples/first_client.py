"""A client of that server: `python -m examples.first_client`."""

import asyncio
import sys

from barewire import Client

COMMAND = [sys.executable, "-m", "barewire", "run", "examples/first_server.py"]


async def main() -> None:
    """List what is there and call it."""
    async with Client(COMMAND) as client:
        print(f"{client.server_info} speaks {client.protocol_version}")
        for tool in await client.list_tools():
            print(f"{tool.name}: {tool.description}")
        print((await client.call_tool("greet", {"name": "world"})).text)
        counted = await client.call_tool(
            "count", {"to": 3}, on_progress=lambda done, total, message: print(f"  {message}")
        )
        print(counted.structured_content)


if __name__ == "__main__":
    asyncio.run(main())
