"""T8: a server ends wherever its client is cancelled, while it connects, calls or closes.

A connection has a life: it is opened, used and closed. It lives again and again, cancelled one wait
later each time, until there is nothing left to cancel. With the default graces.
"""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeAlias

import anyio
import pytest

from barewire import Client
from barewire.transports.backend import current
from tests.immunity.processes import bad_server, children, nothing_is_left

BAR = 3.0
"""Seconds from a cancellation to the end of the server."""

WAITS = 8
"""More than the waits of a life."""


class AtWait:
    """Awaits a coroutine, and calls back when it is about to wait for the n-th time."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], n: int, callback: Callable[[], object]
    ) -> None:
        self._coroutine = coroutine
        self._left = n
        self._callback = callback

    def __await__(self) -> Generator[Any, Any, None]:
        # Any: what a coroutine and its loop say to each other is private to them.
        steps = self._coroutine.__await__()
        resume: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                wait = resume()
            except StopIteration:
                return
            self._left -= 1
            if not self._left:
                self._callback()
            try:
                resume = partial(steps.send, (yield wait))
            except BaseException as error:
                resume = partial(steps.throw, error)


async def in_a_scope(life: Coroutine[Any, Any, None], n: int) -> bool:
    """Cancel a scope at the n-th wait in it; return whether it was in time."""
    with anyio.CancelScope() as scope:
        await AtWait(life, n, scope.cancel)
    return scope.cancelled_caught


async def in_a_task(life: Coroutine[Any, Any, None], n: int) -> bool:
    """Cancel a task, once and not again and again, at its n-th wait; return the same."""

    async def live() -> None:
        await anyio.sleep(0)  # until the task has a name
        await AtWait(life, n, lambda: task.cancel())

    task = current().spawn(live())
    await task.wait()
    if not task.cancelled():
        task.result()
    return task.cancelled()


Canceller: TypeAlias = Callable[[Coroutine[Any, Any, None], int], Coroutine[Any, Any, bool]]


async def live(command: list[str]) -> None:
    async with Client(command, probe_timeout=0.1) as client:
        await client.call_tool("hello")


@pytest.mark.rule("T8")
@pytest.mark.parametrize(
    "behaviour",
    ["exits_on_eof", "exits_on_the_probe", "silent_on_the_probe", "ignores_eof_and_term"],
)
async def test_a_server_ends_wherever_its_client_is_cancelled(behaviour: str) -> None:
    in_time: dict[tuple[Canceller, int], bool] = {}
    seconds: list[float] = []

    async def cancel_at(n: int, canceller: Canceller) -> None:
        python, *arguments = bad_server(behaviour)
        mark = f"{canceller.__name__}={n}"
        life = live([python, "-X", mark, *arguments])
        in_time[canceller, n] = await canceller(life, n)
        began = current().now()
        while children(mark):
            await anyio.sleep(0.02)
        seconds.append(current().now() - began)

    async with nothing_is_left(), anyio.create_task_group() as group:
        for n in range(1, WAITS + 1):
            for canceller in (in_a_scope, in_a_task):
                group.start_soon(cancel_at, n, canceller)
    for canceller in (in_a_scope, in_a_task):
        assert in_time[canceller, 1]
        assert not in_time[canceller, WAITS]
    assert max(seconds) < BAR
