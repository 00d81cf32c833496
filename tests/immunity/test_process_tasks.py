"""T2, B12: a client belongs to no task, and what it raises is never a group.

It is opened in one task, used in another and closed in a third, by a finaliser, or in any order.
"""

import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from barewire import Client
from barewire.transports.backend import current
from tests.app.peers import until
from tests.immunity.processes import bad_server, children, nothing_is_left

SERVER = bad_server("exits_on_eof")


async def in_a_task(step: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Take a step in a task of its own, within a scope of its own."""
    async with anyio.create_task_group() as group:
        group.start_soon(step)


async def says_hello(client: Client) -> None:
    assert (await client.call_tool("hello")).text == "hello"


@pytest.mark.rule("T2", "B12")
async def test_opened_used_and_closed_in_three_tasks() -> None:
    client = Client(SERVER)
    async with nothing_is_left():
        await in_a_task(client.__aenter__)
        await in_a_task(lambda: says_hello(client))
        await in_a_task(lambda: client.__aexit__(None, None, None))


@pytest.mark.rule("T2", "B12")
async def test_a_task_that_is_cancelled_takes_no_client_with_it_that_it_opened() -> None:
    client = Client(SERVER)
    async with nothing_is_left():
        async with anyio.create_task_group() as group:
            await client.connect()
            group.cancel_scope.cancel()
        await says_hello(client)
        await client.aclose()


@pytest.mark.rule("T2", "B12")
async def test_exit_stacks_that_are_unwound_out_of_order() -> None:
    async with nothing_is_left():
        first, second = AsyncExitStack(), AsyncExitStack()
        clients = [
            await first.enter_async_context(Client(SERVER)),
            await second.enter_async_context(Client(SERVER)),
        ]
        moved = second.pop_all()
        await in_a_task(first.aclose)
        await says_hello(clients[1])
        await in_a_task(moved.aclose)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(SERVER) as client:
        yield client


@pytest.mark.rule("T2", "B12")
async def test_a_fixture_opens_and_closes(client: Client) -> None:
    await says_hello(client)


@pytest.mark.rule("T2", "B12")
async def test_a_fixture_each_of_whose_steps_is_a_task() -> None:
    async def fixture() -> AsyncIterator[Client]:
        async with Client(SERVER) as client:
            yield client

    async with nothing_is_left():
        steps = fixture()
        clients: list[Client] = []

        async def set_up() -> None:
            clients.append(await anext(steps))

        async def tear_down() -> None:
            assert await anext(steps, None) is None

        await in_a_task(set_up)
        await in_a_task(lambda: says_hello(clients[0]))
        await in_a_task(tear_down)


class Owner:
    """Something that closes its client when it is dropped."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __del__(self) -> None:
        current().spawn(self._client.aclose())


@pytest.mark.rule("T2")
async def test_a_finaliser_closes() -> None:
    async with nothing_is_left():
        owner = Owner(await Client(SERVER).connect())
        assert children("exits_on_eof")
        del owner
        gc.collect()
        await until(lambda: not children())


@pytest.mark.rule("T2")
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio says so, rightly
async def test_a_generator_that_is_dropped_closes() -> None:
    async def generator() -> AsyncIterator[Client]:
        async with Client(SERVER) as client:
            yield client

    async def drop_one() -> None:
        steps = generator()
        await says_hello(await anext(steps))

    async with nothing_is_left():
        await drop_one()
        gc.collect()
        await until(lambda: not children())


# Groups


@pytest.mark.rule("T2", "B12")
def test_a_program_without_a_loop_uses_a_client_through_a_portal(anyio_backend: str) -> None:
    client = Client(SERVER)
    with start_blocking_portal(anyio_backend) as portal:  # each call is a task of its own
        portal.call(client.connect)
        portal.call(says_hello, client)
        portal.call(client.aclose)
    assert not children("exits_on_eof")
