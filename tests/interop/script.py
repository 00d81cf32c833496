"""The script that every client plays with every server, in the environment of any SDK.

A client program gives the verbs of `Client` in terms of its SDK. `play` takes the steps in order
and returns what each gave, as JSON values; a step that raised gives {"error": {...}}. `main` plays
it once in each of several modes, each with a server process of its own.
"""

import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import anyio

TEXT = 'grüße ✓ 日本語 🎉\n\ttab \u2028 \u0000 "quoted" \\ end'

OnProgress = Callable[[float, float | None, str | None], Awaitable[None]]


class Client(Protocol):
    """A connected client of an SDK."""

    is_legacy: bool
    cancels_on_timeout: bool
    messages: list[dict[str, Any]]
    """The log messages received so far: level, data, logger."""

    async def opened(self) -> dict[str, Any]:
        """Tell protocol_version, server (name and version), instructions, capabilities (names)."""
        ...

    async def tools(self) -> list[dict[str, Any]]:
        """List the tools: name, description, input, output."""
        ...

    async def call(
        self,
        name: str,
        arguments: dict[str, Any],
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Call a tool: content, structured, is_error."""
        ...

    async def cancel_when_started(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and cancel the call when it first reports progress: {"cancelled": true}."""
        ...

    async def ping(self) -> dict[str, Any]:
        """Ping the server."""
        ...

    async def set_level(self, level: str) -> dict[str, Any]:
        """Set the least level of log messages for the session."""
        ...

    def error(self, error: Exception) -> dict[str, Any]:
        """Describe an exception: code, message and data if the peer sent it, else type, message."""
        ...


Connect = Callable[[str, list[str]], AbstractAsyncContextManager[Client]]
"""Start a server by its command, connect in a mode, close."""


async def main(connect: Connect) -> None:
    """Read `MODE... -- COMMAND...`, play in each mode, print {mode: what the steps gave}."""
    split = sys.argv.index("--")
    modes, command = sys.argv[1:split], sys.argv[split + 1 :]
    played: dict[str, dict[str, Any]] = {}
    for mode in modes:
        played[mode] = {}
        try:
            async with connect(mode, command) as client:
                played[mode] = await play(client)
                started = time.monotonic()
            played[mode]["closed_in"] = time.monotonic() - started
        except Exception:
            played[mode]["failed"] = traceback.format_exc()
    print(json.dumps(played))


async def play(client: Client) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def step(name: str, action: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        try:
            with anyio.fail_after(20):
                seen[name] = await action(*arguments)
        except Exception as error:
            seen[name] = {"error": client.error(error)}

    async def progress() -> dict[str, Any]:
        steps: list[tuple[float, float | None, str | None]] = []

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            steps.append((done, total, message))

        result = await client.call("progress", {"n": 3}, on_progress)
        return {"steps": steps, **result}

    async def together() -> list[str]:
        texts = [""] * 8

        async def one(number: int) -> None:
            result = await client.call("echo", {"text": f"text {number}"})
            texts[number] = result["content"][0]["text"]

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(one, number)
        return texts

    async def log() -> list[dict[str, Any]]:
        for level in ("debug", "warning"):
            await client.call("log", {"level": level, "text": f"a {level}"})
        return client.messages

    await step("opened", client.opened)
    await step("tools", client.tools)
    await step("whoami", client.call, "whoami", {})
    await step("echo", client.call, "echo", {"text": TEXT})
    await step("add", client.call, "add", {"a": 2, "b": 3})
    await step("progress", progress)
    await step("fail", client.call, "fail", {"message": "out of stock"})
    await step("unknown_tool", client.call, "nothing", {})
    await step("bad_arguments", client.call, "add", {"a": "x"})
    await step("together", together)
    await step("cancel", client.cancel_when_started, "slow", {"seconds": 30})
    await step("cancelled_after_cancel", client.call, "cancelled_count", {"at_least": 1})
    if client.is_legacy:
        await step("ping", client.ping)
        await step("set_level", client.set_level, "warning")
    await step("log", log)
    await step("timeout", client.call, "slow", {"seconds": 1}, None, 0.3)
    if client.cancels_on_timeout:
        await step("after_timeout", client.call, "cancelled_count", {"at_least": 2})
    else:  # the late answer to the first call arrives while the second runs
        await step("after_timeout", client.call, "slow", {"seconds": 1})
    return seen
