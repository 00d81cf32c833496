"""T6, T15, T24, T39: many calls at once or in a row, many clients: each gets its own, promptly."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from barewire import Client, Server, Stdio
from barewire.protocol.revisions import V2025_11_25, V2026_07_28, Revision
from barewire.transports.memory import memory_pair
from barewire.transports.pipe import Pipe
from tests.app.peers import Peer, text_of, until
from tests.conftest import ROOT
from tests.immunity.processes import request_line
from tests.immunity.wires import WireServer
from tests.transports.test_fdpipe import pipe_pair

each_mode = pytest.mark.parametrize("mode", ["legacy", "modern"])

CALLS = int(os.environ.get("BAREWIRE_CALLS", "10000"))
"""Calls in a row on one connection, after as many to warm up; the bar of the row is a million."""

FLAT = 2_000_000
"""Bytes by which memory may differ after them."""


@pytest.fixture(scope="module", params=[V2025_11_25, V2026_07_28], ids=lambda one: one.name)
def server(anyio_backend: str, request: pytest.FixtureRequest) -> Iterator[WireServer]:
    revision: Revision = request.param
    with WireServer(anyio_backend, revision) as server:
        yield server.shake_hands()
        assert server.finish() == 0


@pytest.mark.rule("T24", "S-59")
def test_slow_calls_hold_up_nobody(server: WireServer) -> None:
    for key in ("one", "two"):
        server.start("wait", id=key, key=key)  # which suspend
        server.start("work", id=f"{key} thread", key=f"{key} thread")  # and keep a thread busy
    for key in ("one", "two", "one thread", "two thread"):
        server.running(key)
    took: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        server.answer(server.request("server/discover" if server.revision.modern else "ping"))
        took.append(time.monotonic() - began)
    assert min(took) < 0.05
    for key in ("one", "two"):
        server.cancel(key)
        server.cancel(f"{key} thread")
        server.tell("when_ended", key=f"{key} thread")


@pytest.mark.rule("T39")
def test_handlers_of_every_kind_see_the_context_of_the_program(server: WireServer) -> None:
    assert server.tell("mine") == "the program's"
    assert server.tell("mine_in_a_thread") == "the program's False"


@pytest.mark.rule("T6", "S-54")
def test_a_long_session_takes_no_more_memory(server: WireServer) -> None:
    def calls(count: int) -> None:
        call = {"name": "echo", "arguments": {"text": "x" * 100}}
        for first in range(0, count, 50):
            ids = [server.next_id() for _ in range(50)]
            lines = [request_line(id, "tools/call", call, server.revision) for id in ids]
            server.send(b"".join(lines))
            answered = [server.read()["id"] for _ in ids]
            assert sorted(answered) == ids, first

    calls(CALLS)
    before = server.memory()
    calls(CALLS)
    assert abs(server.memory() - before) < FLAT


@each_mode
@pytest.mark.rule("T15", "T16", "T9")
async def test_large_answers_at_the_same_time_all_arrive_whoever_gives_up(
    mode: Any, anyio_backend_name: str
) -> None:
    command = [sys.executable, "-m", "tests.immunity.wire_server", anyio_backend_name]
    got: dict[int, str] = {}
    async with Client(Stdio(command, cwd=ROOT), mode=mode) as client:

        async def call(number: int) -> None:
            letter = chr(0x4E00 + number)  # three bytes: chunks end within characters as well
            told = {"size": 65_536 // 3, "letter": letter}
            with anyio.CancelScope() as scope:
                if number % 4 == 3:
                    scopes.append(scope)
                got[number] = (await client.call_tool("blob", told)).text

        scopes: list[anyio.CancelScope] = []
        async with anyio.create_task_group() as group:
            for number in range(268):
                group.start_soon(call, number)
            await until(lambda: len(got) > 20)
            for scope in scopes:
                scope.cancel()
    kept = {number: text for number, text in got.items() if number % 4 != 3}
    assert kept == {n: chr(0x4E00 + n) * (65_536 // 3) for n in range(268) if n % 4 != 3}


@pytest.mark.rule("T15")
@pytest.mark.parametrize(
    ("pipes", "many"), [(memory_pair, 1_000), (pipe_pair, 100)], ids=["memory", "pipes"]
)
@pytest.mark.parametrize("revision", [V2025_11_25, V2026_07_28], ids=lambda one: one.name)
async def test_all_clients_of_one_server_may_use_the_same_id(
    revision: Revision, pipes: Callable[[], tuple[Pipe, Pipe]], many: int
) -> None:
    server = Server("s")
    waiting: list[int] = []
    cancelled: list[int] = []
    everybody = anyio.Event()

    @server.tool
    async def whose(number: int) -> int:
        waiting.append(number)
        try:
            await everybody.wait()
        except BaseException:
            cancelled.append(number)
            raise
        return number

    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(Peer(server, revision, pipes())) for _ in range(many)
        ]
        for number, peer in enumerate(peers):
            peer.start_call("whose", {"number": number}, id=0)
        await until(lambda: len(waiting) == many)
        for peer in peers[::10]:
            peer.cancel(0)
        await until(lambda: len(cancelled) == many // 10)
        everybody.set()
        for number, peer in enumerate(peers):
            if number % 10:
                assert text_of((await peer.answer(0))["result"]) == str(number)
        assert sorted(cancelled) == list(range(0, many, 10))
        for peer in peers:
            await peer.ask("tools/list")
        assert not any(peer.answered(0) for peer in peers[::10])
