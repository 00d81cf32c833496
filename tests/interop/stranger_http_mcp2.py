"""A client written with the official Python SDK 2.x: plays over HTTP, see stranger_http_script.

A mode is "auto", a modern revision, or a legacy revision (then the handshake asks for that one).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import mcp.client.session
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation, LoggingMessageNotificationParams
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from stranger_client_mcp2 import Stranger
from stranger_http_script import cancel_scoped, main


class HttpStranger(Stranger):
    async def cancel(
        self, name: str, arguments: dict[str, Any], when: Callable[[], Awaitable[object]]
    ) -> dict[str, Any]:
        return await cancel_scoped(self, name, arguments, when)


@asynccontextmanager
async def connect(mode: str, url: str, on_response: Any) -> AsyncGenerator[HttpStranger]:
    legacy = mode in HANDSHAKE_PROTOCOL_VERSIONS
    # The SDK has no option for the revision that its handshake asks for.
    mcp.client.session.LATEST_HANDSHAKE_VERSION = mode if legacy else LATEST_HANDSHAKE_VERSION
    messages: list[dict[str, Any]] = []

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        messages.append({"level": params.level, "data": params.data, "logger": params.logger})

    async with (
        httpx2.AsyncClient(timeout=30, event_hooks={"response": [on_response]}) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode="legacy" if legacy else mode,
            client_info=Implementation(name="stranger-mcp2", version="2.0.1"),
            logging_callback=on_log,
            log_level="warning",
        ) as client,
    ):
        yield HttpStranger(client, messages)


anyio.run(main, connect)
