"""A client written with the official Python SDK 2.x: plays the script with a stdio server.

    stranger_client_mcp2.py MODE... -- COMMAND...

MODE is "auto", a modern revision, or a legacy revision (then the handshake asks for that one).
"""

import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.client.session
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.types import CallToolResult, Implementation, LoggingMessageNotificationParams
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from script import OnProgress, main

warnings.simplefilter("ignore", MCPDeprecationWarning)


class Stranger:
    """The verbs of the script."""

    cancels_on_timeout = True

    def __init__(self, client: Client, messages: list[dict[str, Any]]) -> None:
        self.client = client
        self.messages = messages
        self.is_legacy = client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS

    async def opened(self) -> dict[str, Any]:
        info = self.client.server_info
        return {
            "protocol_version": self.client.protocol_version,
            "server": [info.name, info.version] if info else None,
            "instructions": self.client.instructions,
            "capabilities": sorted(self.client.server_capabilities.model_dump(exclude_none=True)),
        }

    async def tools(self) -> list[dict[str, Any]]:
        result = await self.client.list_tools()
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "input": tool.input_schema,
                "output": tool.output_schema,
            }
            for tool in result.tools
        ]

    async def call(
        self,
        name: str,
        arguments: dict[str, Any],
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        return described(await self.client.call_tool(name, arguments, timeout, on_progress))

    async def cancel_when_started(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        with anyio.CancelScope() as scope:

            async def on_progress(*_: object) -> None:
                scope.cancel()

            return await self.call(name, arguments, on_progress)
        return {"cancelled": True}

    async def ping(self) -> dict[str, Any]:
        return (await self.client.send_ping()).model_dump(exclude_none=True)

    async def set_level(self, level: str) -> dict[str, Any]:
        return (await self.client.set_logging_level(level)).model_dump(exclude_none=True)

    def error(self, error: Exception) -> dict[str, Any]:
        if isinstance(error, MCPError):
            return {"code": error.code, "message": error.message, "data": error.data}
        return {"type": type(error).__name__, "message": str(error)}


def described(result: CallToolResult) -> dict[str, Any]:
    return {
        "content": [block.model_dump(mode="json", exclude_none=True) for block in result.content],
        "structured": result.structured_content,
        "is_error": bool(result.is_error),
    }


@asynccontextmanager
async def connect(mode: str, command: list[str]) -> AsyncGenerator[Stranger]:
    legacy = mode in HANDSHAKE_PROTOCOL_VERSIONS
    # The SDK has no option for the revision that its handshake asks for.
    mcp.client.session.LATEST_HANDSHAKE_VERSION = mode if legacy else LATEST_HANDSHAKE_VERSION
    messages: list[dict[str, Any]] = []

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        messages.append({"level": params.level, "data": params.data, "logger": params.logger})

    async with Client(
        StdioServerParameters(command=command[0], args=command[1:]),
        mode="legacy" if legacy else mode,
        client_info=Implementation(name="stranger-mcp2", version="2.0.1"),
        logging_callback=on_log,
        log_level="warning",
    ) as client:
        yield Stranger(client, messages)


if __name__ == "__main__":
    anyio.run(main, connect)
