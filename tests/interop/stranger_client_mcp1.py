"""A client written with the official Python SDK 1.x: plays the script with a stdio server.

    stranger_client_mcp1.py REVISION... -- COMMAND...

The handshake asks for REVISION.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import mcp.types
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import (
    CallToolResult,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    Implementation,
    InitializeResult,
    LoggingMessageNotificationParams,
)
from script import OnProgress, main


class Stranger:
    """The verbs of the script."""

    is_legacy = True
    cancels_on_timeout = False

    def __init__(
        self, session: ClientSession, opening: InitializeResult, messages: list[dict[str, Any]]
    ) -> None:
        self.session = session
        self.opening = opening
        self.messages = messages

    async def opened(self) -> dict[str, Any]:
        info = self.opening.serverInfo
        return {
            "protocol_version": self.opening.protocolVersion,
            "server": [info.name, info.version],
            "instructions": self.opening.instructions,
            "capabilities": sorted(self.opening.capabilities.model_dump(exclude_none=True)),
        }

    async def tools(self) -> list[dict[str, Any]]:
        result = await self.session.list_tools()
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "input": tool.inputSchema,
                "output": tool.outputSchema,
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
        limit = None if timeout is None else timedelta(seconds=timeout)
        result = await self.session.call_tool(name, arguments, limit, on_progress)
        return described(result)

    async def cancel_when_started(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        request_id = self.session._request_id  # of the next request: the SDK tells it nowhere else

        with anyio.CancelScope() as scope:

            async def on_progress(*_: object) -> None:
                params = CancelledNotificationParams(requestId=request_id, reason="enough")
                await self.session.send_notification(
                    ClientNotification(CancelledNotification(params=params))
                )
                scope.cancel()

            return await self.call(name, arguments, on_progress)
        return {"cancelled": True}

    async def ping(self) -> dict[str, Any]:
        return (await self.session.send_ping()).model_dump(exclude_none=True)

    async def set_level(self, level: str) -> dict[str, Any]:
        return (await self.session.set_logging_level(level)).model_dump(exclude_none=True)

    def error(self, error: Exception) -> dict[str, Any]:
        if isinstance(error, McpError):
            return {
                "code": error.error.code,
                "message": error.error.message,
                "data": error.error.data,
            }
        return {"type": type(error).__name__, "message": str(error)}


def described(result: CallToolResult) -> dict[str, Any]:
    return {
        "content": [block.model_dump(mode="json", exclude_none=True) for block in result.content],
        "structured": result.structuredContent,
        "is_error": result.isError,
    }


@asynccontextmanager
async def connect(revision: str, command: list[str]) -> AsyncGenerator[Stranger]:
    mcp.types.LATEST_PROTOCOL_VERSION = revision  # the SDK has no option for it
    messages: list[dict[str, Any]] = []

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        messages.append({"level": params.level, "data": params.data, "logger": params.logger})

    async with (
        stdio_client(StdioServerParameters(command=command[0], args=command[1:])) as streams,
        ClientSession(
            *streams,
            client_info=Implementation(name="stranger-mcp1", version="1.0.1"),
            logging_callback=on_log,
        ) as session,
    ):
        yield Stranger(session, await session.initialize(), messages)


if __name__ == "__main__":
    anyio.run(main, connect)
