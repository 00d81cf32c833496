"""B6, T16: a line costs what its length says, however it arrives; a limit is named by its option.

Cost is CPU time, of the process that reads. Sixteen megabytes may cost four times as much as four;
the bar leaves room for a machine with other work, whose caches and clock speed we do not own, and
is far below the sixteen times of a reader that joins what it has with each chunk.
"""

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from barewire import Client, Server
from barewire.transports.memory import memory_pair
from barewire.transports.pipe import Pipe
from tests.app.peers import Peer, text_of
from tests.immunity.processes import bad_server
from tests.transports.test_fdpipe import pipe_pair

MEGABYTE = 1_000_000
BAR = 6.0
"""How many times as much four times as many bytes may cost."""

FLOOR = 0.02
"""Seconds of CPU below which a measurement says more about the clock than about the reader."""


async def cheapest(cost: Callable[[], Any], times: int = 2) -> float:
    """Return the least CPU time that something took."""
    took: list[float] = []
    for _ in range(times):
        gc.collect()
        began = time.process_time()
        await cost()
        took.append(time.process_time() - began)
    return max(min(took), FLOOR)


@pytest.mark.rule("B6", "T16")
async def test_a_client_reads_long_lines_in_linear_time() -> None:
    async with Client(bad_server("does_as_told"), mode="legacy") as client:

        async def read(megabytes: int) -> None:
            result = await client.call_tool("long", {"size": megabytes * MEGABYTE})
            assert len(result.text) == megabytes * MEGABYTE

        await read(1)
        four = await cheapest(lambda: read(4))
        sixteen = await cheapest(lambda: read(16))
        assert sixteen < BAR * four
        fifty = await cheapest(lambda: read(50), times=1)
        assert fifty < 50 / 16 * BAR / 4 * max(sixteen, 4 * four)


@pytest.mark.rule("B6", "T16")
@pytest.mark.parametrize("chunk", [1, 100, 4096])
async def test_also_in_small_pieces(chunk: int) -> None:
    async with Client(bad_server("does_as_told"), mode="legacy") as client:
        sizes = (2_000 * chunk, 8_000 * chunk) if chunk < 4096 else (MEGABYTE, 4 * MEGABYTE)

        async def read(size: int) -> None:
            told = {"size": size, "chunk": chunk, "packets": True}
            assert len((await client.call_tool("long", told)).text) == size

        one = await cheapest(lambda: read(sizes[0]))
        four = await cheapest(lambda: read(sizes[1]))
        assert four < BAR * one


def in_pieces(size: int) -> Callable[[], tuple[Pipe, Pipe]]:
    """Make pipes in memory by which no more bytes than `size` arrive at a time."""

    def pieces(data: bytes) -> Iterator[bytes]:
        return (data[start : start + size] for start in range(0, len(data), size))

    return lambda: memory_pair(pieces)


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

        one = await cheapest(lambda: read(size))
        four = await cheapest(lambda: read(4 * size))
        assert four < BAR * one
