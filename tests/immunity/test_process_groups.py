"""T2: nothing that our public interface lets out is an exception group, whatever goes wrong.

A client and a server in one process, for speed; faults and uses of both in any order.
"""

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire import BarewireError, Client, Context, RequestError, Server
from barewire.transports.backend import current
from tests.app.peers import Object, Script, Scripts

# What a server does instead of answering as it should.

SHAKEN = {
    "server/discover": {
        "resultType": "complete",
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}, "logging": {}},
    },
    "initialize": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}, "logging": {}},
        "serverInfo": {"name": "script", "version": "1"},
    },
}
ANSWER: Object = {"resultType": "complete", "content": [], "tools": []}


def answers(server: Script, request: Object) -> Object:
    return SHAKEN.get(request["method"], ANSWER)


def answers_twice(server: Script, request: Object) -> None:
    server.answer(request, answers(server, request))
    server.answer(request, answers(server, request))


def refuses(server: Script, request: Object) -> None:
    server.fail(request, -32603)


def refuses_without_an_id(server: Script, request: Object) -> None:
    server.fail({"id": None}, -32700)


def says_nothing(server: Script, request: Object) -> None:
    pass


def hangs_up(server: Script, request: Object) -> None:
    server.hang_up()


def hangs_up_in_the_middle(server: Script, request: Object) -> None:
    server.send(b'{"jsonrpc":"2.0","id":')
    server.hang_up()


def answers_nonsense(server: Script, request: Object) -> Object:
    return {"content": 7, "tools": 7, "resultType": 7, "supportedVersions": 7}


def makes_noise(server: Script, request: Object) -> None:
    server.send(b"\xff\xfe{[\n" * 2_000)  # more than is put up with


def wants_more(server: Script, request: Object) -> Object:
    return {"resultType": "input_required", "requestState": "again"}


def reports_progress(server: Script, request: Object) -> Object:
    token = request["params"].get("_meta", {}).get("progressToken")
    for progress in (1, 3, 2, "x"):
        params = {"progressToken": token, "progress": progress}
        server.notify("notifications/progress", params)
    return answers(server, request)


FAULTS = [
    answers,
    answers_twice,
    refuses,
    refuses_without_an_id,
    says_nothing,
    hangs_up,
    hangs_up_in_the_middle,
    answers_nonsense,
    makes_noise,
    wants_more,
    reports_progress,
]


# What a client is used for.


def raise_group(*_: object) -> None:
    raise ExceptionGroup("from a callback", [ValueError()])


async def raise_group_later(*_: object) -> None:
    await anyio.sleep(0)
    raise_group()


async def give_up(client: Client) -> None:
    with anyio.move_on_after(0):
        await client.call_tool("tool")


async def call_together(client: Client) -> None:
    handles = [current().spawn(client.call_tool("tool")) for _ in range(3)]
    for handle in handles:
        await handle.wait()
    for handle in handles:
        handle.result()


USES: list[Callable[[Client], Coroutine[Any, Any, object]]] = [
    Client.connect,
    Client.list_tools,
    Client.ping,
    Client.aclose,
    give_up,
    call_together,
    lambda client: client.call_tool("tool", on_progress=raise_group),
    lambda client: client.call_tool("tool", on_progress=raise_group_later),
    lambda client: client.set_log_level("error"),
    lambda client: client.notify("notifications/roots/list_changed"),
]


@pytest.mark.rule("T2")
@settings(max_examples=60)
@given(
    mode=st.sampled_from(["auto", "legacy", "modern"]),
    faults=st.lists(st.sampled_from(FAULTS), max_size=6),
    uses=st.lists(st.sampled_from(USES), min_size=1, max_size=6),
)
def test_what_a_client_raises_is_ours_and_plain(
    anyio_backend: str, mode: Any, faults: list[Any], uses: list[Any]
) -> None:
    script = iter(faults)

    def reply(server: Script, request: Object) -> object:
        return next(script, answers)(server, request)

    async def main() -> None:
        with pytest.MonkeyPatch.context() as patch:
            client = Client(
                Scripts(patch).play(reply),
                mode=mode,
                timeout=0.01,
                connect_timeout=0.02,
                probe_timeout=0.01,
                on_notification=raise_group_later,
            )
            for use in [Client.connect, *uses, Client.aclose]:
                with contextlib.suppress(BarewireError):
                    await use(client)

    anyio.run(main, backend=anyio_backend)


# What a handler does.


async def raises_a_group(ctx: Context) -> None:
    raise BaseExceptionGroup("from a handler", [ValueError(), KeyboardInterrupt()])


async def fails_in_a_task_group(ctx: Context) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(raise_group_later)
        await anyio.sleep(60)


async def is_cancelled_by_itself(ctx: Context) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anyio.sleep(60)


async def leaves(ctx: Context) -> None:
    raise SystemExit(3)


def raises_a_group_in_a_thread() -> None:
    raise_group()


def leaves_in_a_thread() -> None:
    raise SystemExit(3)


HANDLERS: list[Callable[..., Any]] = [
    raises_a_group,
    fails_in_a_task_group,
    is_cancelled_by_itself,
    leaves,
    raises_a_group_in_a_thread,
    leaves_in_a_thread,
]


async def fails(client: Client, tool: str) -> bool:
    try:
        return (await client.call_tool(tool)).is_error
    except RequestError as error:
        return error.code == -32603


@pytest.mark.rule("T2")
@pytest.mark.parametrize("blocking", [True, False])
async def test_whatever_a_handler_raises_its_server_and_client_go_on(blocking: bool) -> None:
    server = Server("s")
    for handler in HANDLERS:
        server.tool(blocking=blocking)(handler)
    async with Client(server) as client:
        for handler in HANDLERS:
            failed = await fails(client, handler.__name__)
            assert failed is (handler is not is_cancelled_by_itself), handler
