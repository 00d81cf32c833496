"""B6, T16: a line costs what its length says, however it arrives.

Cost is CPU time, of the process that reads. Sixteen megabytes may cost four times as much as four;
the bar leaves room for a machine with other work, whose caches and clock speed we do not own, and
is far below the sixteen times of a reader that joins what it has with each chunk. What disturbs a
measurement makes it worse, never better, so the best of several is judged.
"""

import gc
import math
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeAlias

import pytest

from barewire import Client, Server
from barewire.transports.memory import memory_pair
from barewire.transports.pipe import Pipe
from tests.app.peers import Peer, text_of
from tests.immunity.processes import bad_server
from tests.transports.test_fdpipe import pipe_pair

MEGABYTE = 1_000_000
BAR = 8.0
"""How many times as much four times as many bytes may cost."""

FLOOR = 0.02
"""Seconds of CPU below which a measurement says more about the clock than about the reader."""


ATTEMPTS = 6
"""How often a ratio is measured at most."""

Read: TypeAlias = Callable[[int], Coroutine[Any, Any, object]]
"""Reads one line of so many bytes."""


async def cost(read: Read, size: int) -> float:
    """Return the CPU time that reading a line takes."""
    gc.collect()
    began = time.process_time()
    await read(size)
    return max(time.process_time() - began, FLOOR)


async def ratio(read: Read, size: int) -> float:
    """Return by how much more a line of four times the `size` costs: the least of each is judged.

    Measured until that is below the bar, or too often.
    """
    one = four = math.inf
    for _ in range(ATTEMPTS):
        one = min(one, await cost(read, size), await cost(read, size))
        four = min(four, await cost(read, 4 * size))
        if four < BAR * one:
            break
    return four / one


@pytest.mark.cost
@pytest.mark.rule("B6", "T16")
async def test_a_client_reads_long_lines_in_linear_time() -> None:
    async with Client(bad_server("does_as_told"), mode="legacy") as client:

        async def read(size: int) -> None:
            assert len((await client.call_tool("long", {"size": size})).text) == size

        await read(MEGABYTE)
        assert await ratio(read, 4 * MEGABYTE) < BAR
        assert await ratio(read, 16 * MEGABYTE) < BAR


@pytest.mark.cost
@pytest.mark.rule("B6", "T16")
@pytest.mark.parametrize("chunk", [1, 100, 4096])
async def test_also_in_small_pieces(chunk: int) -> None:
    async with Client(bad_server("does_as_told"), mode="legacy") as client:

        async def read(size: int) -> None:
            told = {"size": size, "chunk": chunk, "packets": True}
            assert len((await client.call_tool("long", told)).text) == size

        assert await ratio(read, min(2_000 * chunk, MEGABYTE)) < BAR


def in_pieces(size: int) -> Callable[[], tuple[Pipe, Pipe]]:
    """Make pipes in memory by which no more bytes than `size` arrive at a time."""

    def pieces(data: bytes) -> Iterator[bytes]:
        return (data[start : start + size] for start in range(0, len(data), size))

    return lambda: memory_pair(pieces)


@pytest.mark.cost
@pytest.mark.parametrize(
    ("pipes", "size"),
    [(pipe_pair, 4_000_000), (in_pieces(1), 2_000), (in_pieces(65_536), 1_000_000)],
    ids=["pipes of the system", "memory, byte by byte", "memory, 64 KiB at a time"],
)
@pytest.mark.rule("T16")
async def test_a_server_reads_long_lines_in_linear_time(
    pipes: Callable[[], tuple[Pipe, Pipe]], size: int
) -> None:
    server = Server("s")

    @server.tool
    async def length(text: str) -> int:
        return len(text)

    async with Peer(server, pipes=pipes()) as peer:

        async def read(size: int) -> None:
            assert text_of(await peer.call("length", {"text": "x" * size})) == str(size)

        assert await ratio(read, size) < BAR
