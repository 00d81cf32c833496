"""A client written with FastMCP: plays over HTTP, see stranger_http_script.

A mode is "auto", a modern revision, or a legacy revision (then the handshake asks for that one).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import mcp.client.session
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp.types import Implementation, LoggingMessageNotificationParams
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from script import OnProgress
from stranger_client_mcp2 import Stranger, described
from stranger_http_script import cancel_scoped, main


class FastStranger(Stranger):
    """FastMCP's client where it differs from that of the SDK beneath it."""

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
        result = await self.client.call_tool_mcp(name, arguments, on_progress, timeout)
        return described(result)

    async def cancel(
        self, name: str, arguments: dict[str, Any], when: Callable[[], Awaitable[object]]
    ) -> dict[str, Any]:
        return await cancel_scoped(self, name, arguments, when)

    async def ping(self) -> dict[str, Any]:
        return {} if await self.client.ping() else {"answered": False}

    async def set_level(self, level: str) -> dict[str, Any]:
        await self.client.set_logging_level(level)
        return {}


@asynccontextmanager
async def connect(mode: str, url: str, on_response: Any) -> AsyncGenerator[FastStranger]:
    legacy = mode in HANDSHAKE_PROTOCOL_VERSIONS
    # The SDK has no option for the revision that its handshake asks for.
    mcp.client.session.LATEST_HANDSHAKE_VERSION = mode if legacy else LATEST_HANDSHAKE_VERSION
    messages: list[dict[str, Any]] = []

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        messages.append({"level": params.level, "data": params.data, "logger": params.logger})

    def http(**options: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(event_hooks={"response": [on_response]}, **options)

    async with Client(
        StreamableHttpTransport(url, httpx_client_factory=http),
        mode="legacy" if legacy else mode,
        client_info=Implementation(name="stranger-fastmcp", version="4.0.1"),
        log_handler=on_log,
        timeout=30,
    ) as client:
        yield FastStranger(client, messages)


anyio.run(main, connect)
