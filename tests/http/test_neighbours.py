"""T24: who is slow, stalled or loud holds up nobody else."""

import statistics
import time

import anyio
import pytest

from barewire import Context
from tests.http.hosting import Calls, Host, hosted, target
from tests.http.raw import Wire
from tests.http.words import call, modern

CLIENTS = 100
CALLS = 3
ROUNDS = 3


@pytest.fixture(params=["asyncio"], scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One loop: the test compares two runs on the same."""
    backend: str = request.param
    return backend


async def slowest(host: Host) -> float:
    """Let all clients ask at once; return the time that 99 of 100 answers take at most."""
    took: list[float] = []
    wires = [Wire(host.port) for _ in range(CLIENTS)]

    async def ask(wire: Wire) -> None:
        for number in range(CALLS):
            began = time.perf_counter()
            assert (await wire.ask(modern(call(number, "echo", text="x")))).status == 200
            took.append(time.perf_counter() - began)
        wire.close()

    async with anyio.create_task_group() as group:
        for wire in wires:
            group.start_soon(ask, wire)
    return statistics.quantiles(took, n=100)[98]


@pytest.mark.rule("T24", "T23", "S-59")
@pytest.mark.cost
async def test_a_client_that_reads_nothing_slows_down_no_other() -> None:
    calls = Calls()
    server = target(calls)

    @server.tool
    async def pour(ctx: Context) -> None:
        step = 0
        while True:
            step += 1
            await ctx.report_progress(step, message="x" * 10_000)
            await anyio.sleep(0)

    async with hosted(server) as host:
        await slowest(host)
        alone: list[float] = []
        beside: list[float] = []
        for _ in range(ROUNDS):
            alone.append(await slowest(host))
            stalled = [host.wire(room=4096) for _ in range(3)]
            await stalled[0].send(modern(call(1, "pour", "token")))
            await stalled[1].send(modern(call(1, "echo", text="x" * 3_000_000)))
            await stalled[2].send(modern(call(1, "hold", key="k")) * 50)
            await stalled[0].begin()
            await stalled[1].begin()
            beside.append(await slowest(host))
            for wire in stalled:
                wire.reset()
            await host.until_alone()
        assert min(b / a for a, b in zip(alone, beside, strict=True)) < 1.5, (alone, beside)
        assert min(beside) < 1.5 * min(alone), (alone, beside)
