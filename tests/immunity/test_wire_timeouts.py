"""T18: time-outs by default, reset by progress whether or not anybody listens, and a maximum.

Over stdio to a real process, on a clock that the tests put forward.
"""

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from barewire import Client, Stdio, TimedOut
from tests.app.peers import until
from tests.conftest import ROOT
from tests.immunity.clocks import Skip, run_with_skips

each_mode = pytest.mark.parametrize("mode", ["legacy", "modern"])

Act = Callable[[Client, Skip], Awaitable[None]]


def play(backend: str, mode: Any, act: Act, **options: Any) -> None:
    """Connect to our server and act; afterwards the connection still works."""
    command = [sys.executable, "-m", "tests.immunity.wire_server", backend]

    async def main(skip: Skip) -> None:
        async with Client(Stdio(command, cwd=ROOT), mode=mode, **options) as client:
            await act(client, skip)
            assert (await client.call_tool("echo", {"text": "next"})).text == "next"

    run_with_skips(backend, main)


async def progressed(client: Client, times: int) -> None:
    """Wait until a call in flight has been told of so much progress."""
    wire: Any = client._wire
    exchanges = wire.connection.exchanges.ours
    await until(lambda: any((one.progressed or 0) >= times for one in exchanges.values()))


async def step(client: Client, *, last: bool = False) -> None:
    await client.call_tool("step", {"key": "k", "last": last})


@pytest.mark.rule("T18")
def test_the_defaults_are_what_the_documentation_says() -> None:
    parameters = inspect.signature(Client).parameters
    defaults = {name: parameters[name].default for name in parameters if "timeout" in name}
    assert defaults == {"timeout": 60.0, "connect_timeout": 30.0, "probe_timeout": 2.5}
    assert parameters["reset_on_progress"].default is True
    documented = " ".join((Client.__doc__ or "").split())
    for said in ("(default 60, `None` for ever)", "stands (30)", "a legacy one (2.5)"):
        assert said in documented


@each_mode
@pytest.mark.rule("T18", "T9", "C-11", "M0728-TIME-03")
def test_by_default_a_call_is_given_up_after_a_minute_and_the_server_told(
    anyio_backend: str, mode: str
) -> None:
    async def act(client: Client, skip: Skip) -> None:
        async def call() -> None:
            with pytest.raises(TimedOut, match=r"timeout 60 s"):
                await client.call_tool("wait", {"key": "k"})
            ended.set()

        ended = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await progressed(client, 1)
            skip(58)
            await client.ping()
            assert not ended.is_set()
            skip(3)
        assert (await client.call_tool("when_ended", {"key": "k"})).is_error is False

    play(anyio_backend, mode, act)


@each_mode
@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.rule("T18", "M0326-TIME-04", "M0326-TIME-05")
def test_progress_gives_a_call_more_time_with_a_callback_or_without(
    anyio_backend: str, mode: str, listens: bool
) -> None:
    async def act(client: Client, skip: Skip) -> None:
        answers: list[str] = []
        seen: list[float] = []

        def hear(progress: float, *_: object) -> None:
            seen.append(progress)

        async def call() -> None:
            heard = hear if listens else None
            result = await client.call_tool("hold", {"key": "k"}, on_progress=heard)
            answers.append(result.text)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            for times in range(1, 5):
                await progressed(client, times)
                skip(50)
                await step(client, last=times == 4)
        assert answers == ["held k"]
        assert seen == ([1, 2, 3, 4, 5] if listens else [])

    play(anyio_backend, mode, act)


@each_mode
@pytest.mark.rule("T18", "M0326-TIME-05")
def test_no_progress_moves_the_maximum(anyio_backend: str, mode: str) -> None:
    async def act(client: Client, skip: Skip) -> None:
        async def call() -> None:
            with pytest.raises(TimedOut, match="its maximum"):
                await client.call_tool("hold", {"key": "k"}, maximum=120)
            ended.set()

        ended = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            for times in range(1, 3):
                await progressed(client, times)
                skip(50)
                await step(client)
            await progressed(client, 3)
            assert not ended.is_set()
            skip(25)

    play(anyio_backend, mode, act)


@each_mode
@pytest.mark.rule("T18")
def test_progress_moves_nothing_where_it_is_not_to(anyio_backend: str, mode: str) -> None:
    async def act(client: Client, skip: Skip) -> None:
        async def call() -> None:
            with pytest.raises(TimedOut):
                await client.call_tool("hold", {"key": "k"}, on_progress=lambda *_: None)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await progressed(client, 1)
            skip(50)
            await step(client)
            await progressed(client, 2)
            skip(15)

    play(anyio_backend, mode, act, reset_on_progress=False)
