"""T8 and B28: closing a client ends its server, whatever the server does, and leaves nothing."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from signal import SIGKILL, SIGTERM

import anyio
import pytest

from barewire import Client, ConnectionLost, Stdio
from barewire.client.results import ServerEnd
from barewire.transports.backend import current
from barewire.transports.process import CloseResult
from tests.app.peers import until
from tests.immunity.processes import (
    bad_server,
    children,
    is_alive,
    killed_at_the_end,
    nothing_is_left,
)

BAR = 3.0
"""Seconds from closing, or from giving up a connect, to the end of the server."""

CONNECTED = {
    "exits_on_eof": CloseResult(0, (), False),
    "ignores_eof": CloseResult(-SIGTERM, (SIGTERM,), False),
    "ignores_term": CloseResult(0, (), False),
    "ignores_eof_and_term": CloseResult(-SIGKILL, (SIGTERM, SIGKILL), False),
    "forked_child_holds_the_pipes": CloseResult(0, (), True),
    "floods_stdout": CloseResult(-SIGTERM, (SIGTERM,), False),
    "floods_stderr": CloseResult(-SIGTERM, (SIGTERM,), False),
    "stops": CloseResult(-SIGKILL, (SIGTERM, SIGKILL), False),
    "dies_mid_message": CloseResult(1, (), False),
    "closes_stdout_only": CloseResult(0, (), False),
}
"""The servers that a client connects to, calls and closes; what the closing says of each."""

NOT_CONNECTED = ("exits_before_initialize", "never_answers")
"""The servers that there is no connection to: the client fails, or its caller gives up."""


@dataclass(frozen=True)
class Closed:
    """What was seen of one server."""

    seconds: float
    gone: bool
    end: ServerEnd | None = None


async def close_a_connection(behaviour: str) -> Closed:
    client = await Client(bad_server(behaviour)).connect()
    (server,) = children(behaviour)
    if behaviour in ("dies_mid_message", "closes_stdout_only"):
        with pytest.raises(ConnectionLost):
            await client.call_tool("hello")
    began = current().now()
    end = await client.aclose()
    took = current().now() - began
    if end is not None and end.leftovers:
        os.killpg(server, SIGKILL)
    return Closed(took, server not in children(), end)


async def fail_to_connect(behaviour: str) -> Closed:
    began = current().now()
    with pytest.raises(ConnectionLost, match=r"code 3; .*\nno configuration"):
        await Client(bad_server(behaviour)).connect()
    return Closed(current().now() - began, not children(behaviour))


async def give_up_connecting(behaviour: str) -> Closed:
    said: list[bytes] = []
    async with anyio.create_task_group() as group:
        client = Client(Stdio(bad_server(behaviour), stderr=said.append))
        group.start_soon(client.connect)
        await until(lambda: said)
        (server,) = children(behaviour)
        began = current().now()
        group.cancel_scope.cancel()
    await until(lambda: server not in children())
    return Closed(current().now() - began, gone=True)


@pytest.fixture(scope="module")
def closings(anyio_backend: str) -> dict[str, Closed]:
    """What was seen of every server: all at the same time, for some take seconds."""
    seen: dict[str, Closed] = {}

    async def see(close: Callable[[str], Awaitable[Closed]], behaviour: str) -> None:
        seen[behaviour] = await close(behaviour)

    async def main() -> None:
        async with nothing_is_left(), anyio.create_task_group() as group:
            for behaviour in CONNECTED:
                group.start_soon(see, close_a_connection, behaviour)
            group.start_soon(see, fail_to_connect, "exits_before_initialize")
            group.start_soon(see, give_up_connecting, "never_answers")

    anyio.run(main, backend=anyio_backend)
    return seen


@pytest.mark.rule("T8", "C-30", "SR-129")
@pytest.mark.parametrize("behaviour", [*CONNECTED, *NOT_CONNECTED])
def test_a_server_is_gone_within_three_seconds(closings: dict[str, Closed], behaviour: str) -> None:
    assert closings[behaviour].seconds < BAR
    assert closings[behaviour].gone


@pytest.mark.rule("T8", "B28")
@pytest.mark.parametrize("behaviour", CONNECTED)
def test_closing_says_how_a_server_ended(closings: dict[str, Closed], behaviour: str) -> None:
    assert closings[behaviour].end == CONNECTED[behaviour]


@pytest.mark.rule("B28")
async def test_a_grandchild_of_a_well_behaved_server_is_reported_and_left_alone() -> None:
    client = await Client(bad_server("forked_child_holds_the_pipes")).connect()
    (server,) = children("forked_child_holds_the_pipes")
    (grandchild,) = children(of=server)
    with killed_at_the_end(grandchild):
        assert await client.aclose() == CloseResult(0, (), leftovers=True)
        assert is_alive(grandchild)


@pytest.mark.rule("B28")
async def test_a_grandchild_is_killed_on_demand() -> None:
    target = Stdio(bad_server("forked_child_holds_the_pipes"), kill_tree="always")
    client = await Client(target).connect()
    (server,) = children("forked_child_holds_the_pipes")
    (grandchild,) = children(of=server)
    with killed_at_the_end(grandchild):
        assert await client.aclose() == CloseResult(0, (), leftovers=False)
        await until(lambda: not is_alive(grandchild))
