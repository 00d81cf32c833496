"""A client written with barewire: plays the script with a stdio server.

    python -m tests.interop.our_client LOOP MODE... -- COMMAND...

LOOP is "asyncio" or "trio"; MODE is "auto" or the one revision that the client offers.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio

from barewire import Client, RequestError
from barewire.protocol.revisions import ALL, revision_named
from tests.interop.script import OnProgress, main


class Ours:
    """The verbs of the script."""

    cancels_on_timeout = True

    def __init__(self, client: Client, messages: list[dict[str, Any]]) -> None:
        self.client = client
        self.messages = messages
        self.is_legacy = not client.revision.modern

    async def opened(self) -> dict[str, Any]:
        info = self.client.server_info
        return {
            "protocol_version": self.client.protocol_version,
            "server": [info["name"], info["version"]] if info else None,
            "instructions": self.client.instructions,
            "capabilities": sorted(self.client.server_capabilities),
        }

    async def tools(self) -> list[dict[str, Any]]:
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "input": tool.input_schema,
                "output": tool.output_schema,
            }
            for tool in await self.client.list_tools()
        ]

    async def call(
        self,
        name: str,
        arguments: dict[str, Any],
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        result = await self.client.call_tool(
            name, arguments, on_progress=on_progress, timeout=timeout
        )
        return {
            "content": result.content,
            "structured": result.structured_content,
            "is_error": result.is_error,
        }

    async def cancel_when_started(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        with anyio.CancelScope() as scope:

            async def on_progress(*_: object) -> None:
                scope.cancel()

            return await self.call(name, arguments, on_progress)
        return {"cancelled": True}

    async def ping(self) -> dict[str, Any]:
        await self.client.ping()
        return {}

    async def set_level(self, level: str) -> dict[str, Any]:
        await self.client.set_log_level(level)
        return {}

    def error(self, error: Exception) -> dict[str, Any]:
        if isinstance(error, RequestError):
            return {"code": error.code, "message": error.message, "data": error.data}
        return {"type": type(error).__name__, "message": str(error)}


@asynccontextmanager
async def connect(mode: str, command: list[str]) -> AsyncGenerator[Ours]:
    messages: list[dict[str, Any]] = []

    def on_log(level: str, data: Any, logger: str | None) -> None:
        messages.append({"level": level, "data": data, "logger": logger})

    only = revision_named(mode)
    async with Client(
        command,
        name="ours",
        mode="auto" if only is None else only.era,
        revisions=ALL if only is None else (only,),
        probe_timeout=20,  # the machine may be busy
        on_log=on_log,
        log_level="warning",
    ) as client:
        yield Ours(client, messages)


if __name__ == "__main__":
    loop = sys.argv.pop(1)
    anyio.run(main, connect, backend=loop)
