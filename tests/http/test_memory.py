"""B27, T6: what a session takes, and that it is given back."""

import gc
import os
import sys
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from barewire.protocol.revisions import V2025_11_25
from barewire.session.limits import HttpLimits
from tests.app.peers import SECONDS, until
from tests.http.hosting import SESSION, Host, hosted
from tests.http.raw import Wire
from tests.http.words import INITIALIZED, Changes, call, delete, get, initialize, modern, post

SESSIONS = int(os.environ.get("BAREWIRE_SESSIONS", "200"))
"""Sessions that are opened and ended in a row; T6 says 100,000."""

WARM = 50
"""Sessions to warm up with."""

ROUGHLY = max(1, 1000 / SESSIONS)
"""The system gives memory by the page: of what few leave nothing can be said more exactly."""

KIB = 1024


@pytest.fixture(params=["asyncio"], scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One loop: what is measured here is not the loop's."""
    backend: str = request.param
    return backend


@pytest.fixture
def traced() -> Iterator[None]:
    """Let allocations be counted."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def allocated() -> int:
    """Bytes that Python has allocated and not freed."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def client_of(host: Host) -> AsyncGenerator[Wire]:
    """One connection for everything."""
    wire = Wire(host.port)
    try:
        yield wire
    finally:
        wire.close()


async def open_session(wire: Wire, *, calls: int = 1) -> Changes:
    """Open a session, use it a little, and leave it."""
    opened = await wire.ask(post(initialize()))
    fields = {"Mcp-Session-Id": opened.field(SESSION), "MCP-Protocol-Version": V2025_11_25.name}
    assert (await wire.ask(post(INITIALIZED, fields))).status == 202
    for number in range(calls):
        assert (await wire.ask(post(call(number, "echo", text="x"), fields))).status == 200
    return fields


async def rises(
    wire: Wire, many: int, begin: Callable[[], Awaitable[Changes]]
) -> tuple[float, float]:
    """Return what each of many sessions takes, and what is left of it when it has ended.

    The second time: what many sessions bring about the first time serves all that follow.
    """
    found: list[tuple[float, float]] = []
    for _ in range(2):
        before = allocated()
        sessions = [(await begin())["Mcp-Session-Id"] for _ in range(many)]
        ids = sum(map(sys.getsizeof, sessions)) + sys.getsizeof(sessions)
        taken = allocated() - before - ids
        for id in sessions:
            assert (await wire.ask(delete({"Mcp-Session-Id": id}))).status == 200
        sessions.clear()
        found.append((taken / many, (allocated() - before) / many))
    return found[1]


@pytest.mark.rule("B27", "T6")
@pytest.mark.usefixtures("traced")
async def test_an_idle_session_takes_little_and_gives_it_back() -> None:
    async with hosted() as host, client_of(host) as wire:
        taken, left = await rises(wire, 100, lambda: open_session(wire))
        assert taken < 4 * KIB, "the bar is 8 KiB"
        assert left < 64, "the bar is half a KiB"


@pytest.mark.rule("B27", "T6")
@pytest.mark.usefixtures("traced")
async def test_a_session_whose_client_listened_and_left_takes_little_too() -> None:
    async with hosted() as host, client_of(host) as wire:

        async def begin() -> Changes:
            fields = await open_session(wire)
            listening = Wire(host.port)
            await listening.send(get(fields))
            assert (await listening.begin()).status == 200
            listening.reset()
            await until(lambda: host.serving.http.connections == 1)
            return fields

        taken, left = await rises(wire, 50, begin)
        assert taken < 8 * KIB
        assert left < KIB / 2


async def left_by(some: Callable[[int], Awaitable[None]]) -> tuple[float, float]:
    """Return what is left of each of many by then: bytes in objects, and bytes of memory."""
    await some(WARM)
    before, resident_before = allocated(), resident()
    await some(SESSIONS)
    return (allocated() - before) / SESSIONS, (resident() - resident_before) / SESSIONS


@pytest.mark.rule("B27", "T6", "S-54")
@pytest.mark.usefixtures("traced")
async def test_sessions_that_were_ended_leave_nothing() -> None:
    async with hosted() as host, client_of(host) as wire:

        async def some(many: int) -> None:
            for _ in range(many):
                fields = await open_session(wire)
                assert (await wire.ask(delete(fields))).status == 200

        objects, memory = await left_by(some)
        assert objects < KIB / 4, "the bar is 1 KiB, and what a table keeps of one is less"
        assert memory < KIB * ROUGHLY


@pytest.mark.rule("T6", "S-54")
@pytest.mark.usefixtures("traced")
async def test_connections_and_modern_calls_leave_nothing() -> None:
    async with hosted() as host:

        async def some(many: int) -> None:
            for number in range(many):
                wire = Wire(host.port)
                assert (await wire.ask(modern(call(number, "echo", text="x")))).status == 200
                wire.reset() if number % 2 else wire.close()
            await host.until_alone()

        objects, memory = await left_by(some)
        assert objects < KIB / 4, "the bar is 1 KiB, and what a table keeps of one is less"
        assert memory < KIB * ROUGHLY


@pytest.mark.rule("B27", "T6")
async def test_an_idle_session_ends_by_itself_and_one_that_is_used_does_not() -> None:
    limits = HttpLimits(session_idle=0.3, sessions=4)
    async with hosted(limits=limits) as host:
        used, listening = await host.open(), await host.open()
        stream = host.wire()
        await stream.send(get(listening.fields))
        await stream.begin()
        idle = [await host.open() for _ in range(2)]
        for _ in range(2):  # as soon as there is room again
            with anyio.fail_after(SECONDS):
                while (await host.ask(post(initialize()))).status == 503:
                    assert (await used.ask(call(1, "echo", text="x"))).status == 200
        for session in idle:
            assert (await session.ask(INITIALIZED)).status == 404
        assert (await used.ask(INITIALIZED)).status == 202
        assert (await listening.ask(INITIALIZED)).status == 202, "its client is there"
