"""What every client does over HTTP, in the environment of any Python SDK.

A client program gives the verbs of `HttpClient` in terms of its SDK. `main` reads the plays from
standard input, a JSON array, and prints one line of JSON for each, as soon as it is over: the play,
what its steps gave (`steps`; a step that raised gives {"error": {...}}), every HTTP response that
the SDK got (`http`), and why it could not be played to its end, if so (`failed`).
"""

import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Protocol

import anyio
from mcp import ClientSession
from mcp.shared.message import ClientMessageMetadata
from mcp.types import CallToolRequestParams, CallToolResult
from script import TEXT, Client

PATIENCE = 20
"""Seconds for one step."""

STEPS = 5
"""Reports of progress in one call."""


class HttpClient(Client, Protocol):
    """A connected client of an SDK."""

    async def cancel(
        self, name: str, arguments: dict[str, Any], when: Callable[[], Awaitable[object]]
    ) -> dict[str, Any]:
        """Call a tool and cancel the call as soon as `when` returns: {"cancelled": true}."""
        ...


class Visit:
    """A while in a session that is left without being ended, with an SDK that can resume streams.

    `request` makes a request of an SDK of the params of a call, `describe` what its result gave.
    """

    def __init__(
        self,
        session: ClientSession,
        session_id: str,
        request: Callable[[CallToolRequestParams], Any],
        describe: Callable[[CallToolResult], dict[str, Any]],
    ) -> None:
        self.session = session
        self.session_id = session_id
        self._request = request
        self._describe = describe

    async def march(
        self,
        arguments: dict[str, Any],
        *,
        on_token: Callable[[str], Awaitable[None]] | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Call march with progress, telling each event's id; or resume its stream behind one."""
        result = await self.session.send_request(
            self._request(CallToolRequestParams(name="march", arguments=arguments)),
            CallToolResult,
            metadata=ClientMessageMetadata(
                resumption_token=token, on_resumption_token_update=on_token
            ),
            progress_callback=ignore,
        )
        return self._describe(result)


async def ignore(*_: object) -> None:
    """Stand in for a callback."""


Connect = Callable[[str, str, Any], AbstractAsyncContextManager[HttpClient]]
"""Connect to a URL in a mode, with what is called with each response; close."""


async def main(connect: Connect) -> None:
    for play in json.load(sys.stdin):
        responses: list[dict[str, Any]] = []

        async def on_response(response: Any, responses: Any = responses) -> None:
            responses.append(
                {
                    "method": response.request.method,
                    "status": response.status_code,
                    "type": response.headers.get("content-type"),
                    "session": response.headers.get("mcp-session-id"),
                }
            )

        seen: dict[str, Any] = {}
        played = {**play, "steps": seen, "http": responses}
        try:
            async with connect(play["mode"], play["url"], on_response) as client:
                await Script(client, play, seen).run()
                started = time.monotonic()
            seen["closed_in"] = time.monotonic() - started
        except Exception:
            played["failed"] = traceback.format_exc()
        print(json.dumps(played), flush=True)


class Script:
    """The steps of one play, which has a `key` of its own and says of the server:

    `streams`, whether its replies can be event streams; `stateless`, whether it does without
    sessions; `cut`, whether something on the way to it cuts a stream.
    """

    def __init__(self, client: HttpClient, play: dict[str, Any], seen: dict[str, Any]) -> None:
        self.client = client
        self.key: str = play["key"]
        self.streams: bool = play["streams"]
        self.stateless: bool = play["stateless"]
        self.cut: bool = play["cut"]
        self.seen = seen

    async def run(self) -> None:
        client = self.client
        await self.step("opened", client.opened)
        if self.cut:
            await self.step("march", self.march)
            await self.step("fate", client.call, "fate", {"key": self.key})
            return
        await self.step("tools", client.tools)
        await self.step("whoami", client.call, "whoami", {})
        await self.step("echo", client.call, "echo", {"text": TEXT})
        await self.step("fail", client.call, "fail", {"message": "out of stock"})
        await self.step("unknown_tool", client.call, "nothing", {})
        await self.step("together", self.together)
        if self.streams:
            await self.step("march", self.march)
        else:
            await self.step("march", self.march_unseen)
        if client.is_legacy:
            await self.step("ping", client.ping)
            await self.step("set_level", client.set_level, "warning")
        await self.step("log", self.log)
        await self.step("cancel", self.cancel)
        await self.step("echo_again", client.call, "echo", {"text": "still there"})
        visit = getattr(client, "visit", None)
        if visit is not None and client.is_legacy and self.streams and not self.stateless:
            await self.step("take_up", self.take_up, visit)

    async def step(self, name: str, action: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        try:
            with anyio.fail_after(PATIENCE):
                self.seen[name] = await action(*arguments)
        except Exception as error:
            self.seen[name] = {"error": self.client.error(error)}

    async def together(self) -> list[str]:
        texts = [""] * 4

        async def one(number: int) -> None:
            result = await self.client.call("echo", {"text": f"text {number}"})
            texts[number] = result["content"][0]["text"]

        async with anyio.create_task_group() as group:
            for number in range(len(texts)):
                group.start_soon(one, number)
        return texts

    async def march(self) -> dict[str, Any]:
        """Make a call that ends only after its last report of progress has arrived here."""
        steps: list[tuple[float, float | None, str | None]] = []
        arrived = anyio.Event()

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            steps.append((done, total, message))
            if done == STEPS:
                arrived.set()

        async def release() -> None:
            await arrived.wait()
            await self.client.call("release", {"key": self.key})

        async with anyio.create_task_group() as group:
            group.start_soon(release)
            arguments = {"n": STEPS, "key": self.key}
            result = await self.client.call("march", arguments, on_progress)
            arrived.set()  # if it has not, nothing will
        return {"steps": steps, **result}

    async def march_unseen(self) -> dict[str, Any]:
        """Make the same call where its progress has no way to get here."""
        steps: list[tuple[float, float | None, str | None]] = []

        async def on_progress(done: float, total: float | None, message: str | None) -> None:
            steps.append((done, total, message))

        await self.client.call("release", {"key": self.key})
        arguments = {"n": STEPS, "key": self.key}
        return {"steps": steps, **await self.client.call("march", arguments, on_progress)}

    async def take_up(
        self, visit: Callable[..., AbstractAsyncContextManager[Visit]]
    ) -> dict[str, Any]:
        """Go away from a call, and take it up with another client behind its second report.

        `visit` opens a session, or goes on with one by its id and tells all messages of progress.
        """
        arguments = {"n": STEPS, "key": f"{self.key} taken up"}
        tokens: list[str] = []
        enough = anyio.Event()
        primed = self.seen["opened"]["protocol_version"] == "2025-11-25"

        async def on_token(token: str) -> None:
            tokens.append(token)
            if len(tokens) == STEPS + primed:
                enough.set()

        async with visit() as first, anyio.create_task_group() as group:
            session_id = first.session_id
            group.start_soon(partial(first.march, arguments, on_token=on_token))
            await enough.wait()
            group.cancel_scope.cancel()

        steps: list[str] = []
        arrived = anyio.Event()

        async def on_message(message: str) -> None:
            steps.append(message)
            if len(steps) == STEPS - 2:
                arrived.set()

        async def release(second: Visit) -> None:
            await arrived.wait()
            await second.session.call_tool("release", {"key": arguments["key"]})

        async with visit(session_id, on_message) as second, anyio.create_task_group() as group:
            group.start_soon(release, second)
            result = await second.march(arguments, token=tokens[1 + primed])
            arrived.set()
        return {"steps": steps, **result}

    async def log(self) -> list[dict[str, Any]]:
        for level in ("debug", "warning"):
            await self.client.call("log", {"level": level, "text": f"a {level}"})
        return self.client.messages

    async def cancel(self) -> dict[str, Any]:
        held = {"key": f"{self.key} held"}
        outcome = await self.client.cancel(
            "hold", held, lambda: self.client.call("until_held", held)
        )
        if self.stateless and self.client.is_legacy:
            # The notice of it is a request of its own, which nothing links to the call.
            await self.client.call("release", held)
        fate = await self.client.call("fate", held)
        return {**outcome, "fate": fate["content"][0]["text"]}


async def cancel_scoped(
    client: Client, name: str, arguments: dict[str, Any], when: Callable[[], Awaitable[object]]
) -> dict[str, Any]:
    """Cancel a call of an SDK that cancels a request when its caller is cancelled."""
    outcome: dict[str, Any] = {"cancelled": True}
    scope = anyio.CancelScope()

    async def call() -> None:
        with scope:
            outcome.update(cancelled=False, **await client.call(name, arguments))

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await when()
        scope.cancel()
    return outcome
