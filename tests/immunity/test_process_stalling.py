"""T23: who reads nothing holds up its own connection and nobody else; standard error is read.

Over the pipes of real processes, either of which may be the one that reads nothing.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from barewire import Client, ConnectionLost, Stdio
from barewire.protocol.revisions import V2025_11_25, V2026_07_28, Revision
from tests.app.peers import until
from tests.immunity.processes import bad_server, children, killed_at_the_end, text_in
from tests.immunity.wires import WireServer

MEGABYTE = 1_000_000
PROMPT = 0.1
"""Seconds from a cancellation to the end of its handler: of several, the quickest."""


# A client that reads nothing


@pytest.fixture(params=[V2025_11_25, V2026_07_28], ids=lambda one: one.name)
def server(anyio_backend: str, request: pytest.FixtureRequest) -> Iterator[WireServer]:
    revision: Revision = request.param
    with WireServer(anyio_backend, revision) as server:
        yield server.shake_hands()
        assert server.finish() == 0


@pytest.mark.rule("T23", "T24")
def test_a_server_reads_and_works_on_while_its_client_reads_nothing(server: WireServer) -> None:
    took: list[float] = []
    for key in ("one", "two", "three"):
        server.start("wait", id=key, key=key)
        server.running(key)
        big = server.start("blob", size=MEGABYTE)
        server.stall()
        began = time.monotonic()
        server.cancel(key)
        server.wait_until_it_has_read()
        time.sleep(2 * PROMPT)  # for so long at least nothing is read
        ended = server.tell("when_ended", key=key)
        assert text_in(server.answer(big)) == "x" * MEGABYTE
        took.append(float(ended) - began)
    assert min(took) < PROMPT


@pytest.mark.rule("T23")
def test_what_a_client_does_not_read_takes_twice_its_size_at_most(server: WireServer) -> None:
    size = 32 * MEGABYTE
    server.tell("blob", size=1)  # what is imported late is imported by now
    before = server.peak_memory()
    big = server.start("blob", size=size)
    server.stall()
    assert server.peak_memory() - before < 2 * size + MEGABYTE
    assert text_in(server.answer(big)) == "x" * size


# A server that reads nothing


@asynccontextmanager
async def stalled(behaviour: str) -> AsyncIterator[None]:
    """Have a client with calls that its server does not read."""
    async with Client(bad_server(behaviour)) as client, anyio.create_task_group() as group:
        (process,) = children(behaviour)

        async def call() -> None:
            with pytest.raises(ConnectionLost):
                await client.call_tool("big", {"text": "x" * MEGABYTE})

        with killed_at_the_end(process):
            for _ in range(5):
                group.start_soon(call)
            wire: Any = client._wire
            await until(lambda: wire.link.pipe.pending > 4 * MEGABYTE)
            yield


@pytest.mark.rule("T23", "T24")
@pytest.mark.parametrize("behaviour", ["stops_reading", "stops"])
async def test_a_server_that_reads_nothing_holds_up_no_other_server(behaviour: str) -> None:
    async with Client(bad_server("does_as_told")) as other:

        async def quickest(calls: int) -> float:
            took: list[float] = []
            for _ in range(calls):
                began = time.perf_counter()
                assert (await other.call_tool("t", {"size": 1_000})).text == "x" * 1_000
                took.append(time.perf_counter() - began)
            return sorted(took)[calls // 10]

        usual = await quickest(50)
        async with stalled(behaviour):
            assert await quickest(50) < 2 * usual + 0.005


# Standard error


@pytest.mark.rule("T23", "T12")
@pytest.mark.parametrize("copied", [False, True])
async def test_a_server_may_flood_standard_error_during_a_call(copied: bool) -> None:
    size = 100 * MEGABYTE
    copy = [0]

    def count(data: bytes) -> None:
        copy[0] += len(data)

    command = bad_server("floods_stderr_on_a_call", size)
    async with Client(Stdio(command, stderr=count if copied else None)) as client:
        assert (await client.call_tool("hello")).text == "hello"
    assert copy[0] == (size if copied else 0)
