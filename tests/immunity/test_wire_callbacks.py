"""T10: a callback may call any method of its client, as deep as it likes; nothing waits for it.

Over stdio to real processes. Handlers that ask their client something come with those features.
"""

import sys
from base64 import b64encode
from typing import Any

import anyio
import pytest

from barewire import Client, Stdio, Violated
from barewire.protocol.jsonrpc import Notification
from tests.app.peers import until
from tests.conftest import ROOT
from tests.immunity.processes import bad_server

each_mode = pytest.mark.parametrize("mode", ["legacy", "modern"])

DEPTH = 3


def our_server(backend: str) -> Stdio:
    return Stdio([sys.executable, "-m", "tests.immunity.wire_server", backend], cwd=ROOT)


async def use_all_of(client: Client) -> None:
    """Call every method that a client has."""
    await client.ping()
    assert await client.list_tools()
    assert (await client.call_tool("echo", {"text": "a"})).text == "a"
    await client.set_log_level("info")
    await client.request("tools/list")


@each_mode
@pytest.mark.rule("T10")
async def test_progress_and_logging_callbacks_may_use_the_client(
    mode: Any, anyio_backend_name: str
) -> None:
    dug: list[str] = []
    client: Client

    async def dig(depth: int) -> None:
        result = await client.call_tool("dig", {"depth": depth}, on_progress=on_progress)
        await use_all_of(client)
        dug.append(result.text)

    async def on_progress(depth: float, *_: object) -> None:
        if depth < DEPTH:
            await dig(int(depth) + 1)

    async def on_log(level: str, data: Any, _: object) -> None:
        if 10 <= data < 10 + DEPTH:
            await dig(data + 1)

    target = our_server(anyio_backend_name)
    async with Client(target, mode=mode, on_log=on_log) as client:
        with anyio.fail_after(20):
            await dig(0)
            assert dug == ["dug 3", "dug 2", "dug 1", "dug 0"]
            await client.call_tool("dig", {"depth": 10})
            await until(lambda: len(dug) == 4 + DEPTH)


@pytest.mark.rule("T10")
async def test_a_notification_callback_may_use_the_client(anyio_backend_name: str) -> None:
    heard: list[str] = []
    client: Client

    async def on_notification(notification: Notification) -> None:
        heard.append(notification.method)
        await use_all_of(client)
        if len(heard) < DEPTH:
            await client.call_tool("change")

    target = our_server(anyio_backend_name)
    async with Client(target, mode="legacy", on_notification=on_notification) as client:
        with anyio.fail_after(20):
            await client.call_tool("change")
            await until(lambda: len(heard) >= DEPTH)
    assert set(heard) == {"notifications/tools/list_changed"}


@each_mode
@pytest.mark.rule("T10")
async def test_a_fault_callback_may_use_the_client(mode: Any) -> None:
    client: Client
    depth = 0

    async def on_fault(fault: Violated) -> None:
        nonlocal depth
        depth += 1
        if depth < DEPTH:
            await client.call_tool("noise", {"raw": b64encode(b"noise\n").decode()})

    target = bad_server("does_as_told", mode)
    async with Client(target, mode=mode, on_fault=on_fault) as client:
        with anyio.fail_after(20):
            await client.call_tool("noise", {"raw": b64encode(b"noise\n").decode()})
            await until(lambda: depth == DEPTH)


@each_mode
@pytest.mark.rule("T10", "T24")
async def test_a_callback_that_never_returns_holds_up_nothing_but_its_own(
    mode: Any, anyio_backend_name: str
) -> None:
    stuck = anyio.Event()

    async def never(*_: object) -> None:
        stuck.set()
        await anyio.sleep_forever()

    target = our_server(anyio_backend_name)
    async with Client(target, mode=mode, on_log=never, on_notification=never) as client:
        with anyio.fail_after(20):
            await client.call_tool("dig", {"depth": 1})
            await stuck.wait()
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: client.call_tool("dig", {"depth": 1}, on_progress=never))
                await use_all_of(client)
                group.cancel_scope.cancel()


@each_mode
@pytest.mark.rule("T10")
async def test_a_callback_that_raises_harms_nothing(mode: Any, anyio_backend_name: str) -> None:
    raised: list[str] = []

    def plain(*_: object) -> None:
        raised.append("plain")
        raise ValueError

    async def later(*_: object) -> None:
        raised.append("later")
        raise ValueError

    target = our_server(anyio_backend_name)
    async with Client(target, mode=mode, on_log=plain) as client:
        for callback in (plain, later):
            result = await client.call_tool("dig", {"depth": 1}, on_progress=callback)
            assert result.text == "dug 1"
        await until(lambda: len(raised) == 4)
