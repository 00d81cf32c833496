"""A client written with the official Python SDK 1.x: plays over HTTP, see stranger_http_script.

A mode is the revision that the handshake asks for.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx
import mcp.types
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CallToolRequest,
    CallToolRequestParams,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    ClientRequest,
    Implementation,
    LoggingMessageNotificationParams,
    ProgressNotification,
    ServerNotification,
)
from stranger_client_mcp1 import Stranger, described
from stranger_http_script import Visit, ignore, main


class HttpStranger(Stranger):
    visit: Callable[..., AbstractAsyncContextManager[Visit]]

    async def cancel(
        self, name: str, arguments: dict[str, Any], when: Callable[[], Awaitable[object]]
    ) -> dict[str, Any]:
        outcome: dict[str, Any] = {"cancelled": True}
        request_id = 0
        scope = anyio.CancelScope()

        async def call() -> None:
            nonlocal request_id
            request_id = self.session._request_id  # the next one: the SDK tells it nowhere else
            with scope:
                outcome.update(cancelled=False, **await self.call(name, arguments))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await when()
            params = CancelledNotificationParams(requestId=request_id, reason="enough")
            await self.session.send_notification(
                ClientNotification(CancelledNotification(params=params))
            )
            scope.cancel()
        return outcome


def requested(params: CallToolRequestParams) -> ClientRequest:
    return ClientRequest(CallToolRequest(params=params))


@asynccontextmanager
async def visit(
    url: str,
    session_id: str | None = None,
    on_message: Callable[[str], Awaitable[None]] = ignore,
) -> AsyncGenerator[Visit]:
    async def on_any(message: object) -> None:
        if isinstance(message, ServerNotification) and isinstance(
            message.root, ProgressNotification
        ):
            await on_message(message.root.params.message)

    fields = {} if session_id is None else {"Mcp-Session-Id": session_id}
    async with (
        httpx.AsyncClient(timeout=30, headers=fields) as http,
        streamable_http_client(url, http_client=http, terminate_on_close=False) as streams,
        ClientSession(*streams[:2], message_handler=on_any) as session,
    ):
        if session_id is None:
            await session.initialize()
        else:
            session._request_id = 100  # others are still in flight in this session
        yield Visit(session, session_id or streams[2](), requested, described)


@asynccontextmanager
async def connect(revision: str, url: str, on_response: Any) -> AsyncGenerator[HttpStranger]:
    mcp.types.LATEST_PROTOCOL_VERSION = revision  # the SDK has no option for it
    messages: list[dict[str, Any]] = []

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        messages.append({"level": params.level, "data": params.data, "logger": params.logger})

    async with (
        httpx.AsyncClient(timeout=30, event_hooks={"response": [on_response]}) as http,
        streamable_http_client(url, http_client=http) as (reading, writing, _),
        ClientSession(
            reading,
            writing,
            client_info=Implementation(name="stranger-mcp1", version="1.0.1"),
            logging_callback=on_log,
        ) as session,
    ):
        stranger = HttpStranger(session, await session.initialize(), messages)
        stranger.visit = partial(visit, url)
        yield stranger


anyio.run(main, connect)
