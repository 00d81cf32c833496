"""A client written with the official Python SDK 2.x: plays over HTTP, see stranger_http_script.

A mode is "auto", a modern revision, or a legacy revision (then the handshake asks for that one).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx2
import mcp.client.session
from mcp import Client, ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CallToolRequest,
    CallToolRequestParams,
    Implementation,
    LoggingMessageNotificationParams,
    ProgressNotification,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from stranger_client_mcp2 import Stranger, described
from stranger_http_script import Visit, cancel_scoped, ignore, main


class HttpStranger(Stranger):
    visit: Callable[..., AbstractAsyncContextManager[Visit]]

    async def cancel(
        self, name: str, arguments: dict[str, Any], when: Callable[[], Awaitable[object]]
    ) -> dict[str, Any]:
        return await cancel_scoped(self, name, arguments, when)


def requested(params: CallToolRequestParams) -> CallToolRequest:
    return CallToolRequest(params=params)


@asynccontextmanager
async def visit(
    url: str,
    session_id: str | None = None,
    on_message: Callable[[str], Awaitable[None]] = ignore,
) -> AsyncGenerator[Visit]:
    async def on_any(message: object) -> None:
        if isinstance(message, ProgressNotification):
            await on_message(message.params.message)

    async def on_session(response: httpx2.Response) -> None:
        nonlocal session_id
        session_id = session_id or response.headers.get("mcp-session-id")

    hooks = {"response": [on_session]}
    fields = {} if session_id is None else {"Mcp-Session-Id": session_id}
    async with (
        httpx2.AsyncClient(timeout=30, event_hooks=hooks, headers=fields) as http,
        streamable_http_client(url, http_client=http, terminate_on_close=False) as streams,
        ClientSession(*streams, message_handler=on_any) as session,
    ):
        if session_id is None:
            await session.initialize()
        else:
            session._dispatcher._next_id = 100  # others are still in flight in this session
        yield Visit(session, session_id, requested, described)


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
        stranger = HttpStranger(client, messages)
        stranger.visit = partial(visit, url)
        yield stranger


anyio.run(main, connect)
