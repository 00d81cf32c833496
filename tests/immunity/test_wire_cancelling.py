"""B15, T9: what is given up is given up at the other end, at once, and nothing else is.

`test_handlers.py` shows the same in memory; here are real processes and real pipes.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import pytest

from barewire import Client, Stdio, TimedOut
from barewire.protocol.revisions import ALL, V2025_11_25, V2026_07_28, Revision
from tests.app.peers import until
from tests.conftest import ROOT
from tests.immunity.processes import bad_server, children, text_in
from tests.immunity.wires import WireServer

each_mode = pytest.mark.parametrize("mode", ["legacy", "modern"])

IDS: tuple[int | str, ...] = (0, "", "0", -1, 2**53, "1", 1, "é")
"""None of them is as good as none, and none is as good as another."""

PROMPT = 0.1
"""Seconds from a cancellation to the end of its handler: of several, the quickest."""


@pytest.fixture(scope="module", params=ALL, ids=lambda revision: revision.name)
def server(anyio_backend: str, request: pytest.FixtureRequest) -> Iterator[WireServer]:
    revision: Revision = request.param
    with WireServer(anyio_backend, revision) as server:
        yield server.shake_hands()
        assert server.finish() == 0


@pytest.mark.rule("B15", "T9", "S-35", "SR-055", "SR-056")
@pytest.mark.parametrize("tool", ["wait", "work"])
def test_a_handler_is_told_at_once_whatever_the_id_and_its_call_is_not_answered(
    server: WireServer, tool: str
) -> None:
    took: list[float] = []
    for number, id in enumerate(IDS):
        key = f"{tool} {number}"
        server.start(tool, id=id, key=key)
        server.running(id)
        began = time.monotonic()
        server.cancel(id)
        took.append(float(server.tell("when_ended", key=key)) - began)
    assert min(took) < PROMPT
    assert server.tell("echo", text="next") == "next"
    assert [one for one in server.take() if "method" not in one] == []


@pytest.mark.rule("B15", "T9", "T15")
def test_an_id_of_another_type_cancels_nothing(server: WireServer) -> None:
    for id, other in ((1, "1"), ("1", 1), (0, ""), ("", 0), (0, "0"), (1, True), (0, False)):
        server.start("hold", id=id, key=f"{id!r} {other!r}")
        server.running(id)
        server.cancel(other)
        server.tell("step", key=f"{id!r} {other!r}", last=True)
        assert text_in(server.answer(id)) == f"held {id!r} {other!r}"


@pytest.mark.rule("T15")
def test_an_id_and_the_same_as_text_are_two_calls(server: WireServer) -> None:
    server.start("hold", id=1, key="number")
    server.start("hold", id="1", key="text")
    server.running(1)
    server.running("1")
    server.tell("step", key="text", last=True)
    assert text_in(server.answer("1")) == "held text"
    server.tell("step", key="number", last=True)
    assert text_in(server.answer(1)) == "held number"


def our_server(backend: str) -> Stdio:
    return Stdio([sys.executable, "-m", "tests.immunity.wire_server", backend], cwd=ROOT)


@pytest.mark.parametrize("revision", ALL, ids=lambda one: one.name)
@pytest.mark.rule("T9", "T18")
async def test_a_caller_that_is_cancelled_or_waits_no_longer_ends_the_handler(
    revision: Revision, anyio_backend_name: str
) -> None:
    target = our_server(anyio_backend_name)
    async with Client(
        target, mode="modern" if revision.modern else "legacy", revisions=(revision,)
    ) as client:
        assert client.revision is revision
        with pytest.raises(TimedOut):
            await client.call_tool("wait", {"key": "too late"}, timeout=0.05)
        running = anyio.Event()
        async with anyio.create_task_group() as group:

            async def call() -> None:
                await client.call_tool(
                    "wait", {"key": "cancelled"}, on_progress=lambda *_: running.set()
                )

            group.start_soon(call)
            await running.wait()
            group.cancel_scope.cancel()
        for key in ("too late", "cancelled"):
            assert not (await client.call_tool("when_ended", {"key": key})).is_error


@each_mode
@pytest.mark.rule("T9", "T6")
async def test_a_thousand_cancelled_calls_leave_no_task_at_either_end(
    mode: Any, anyio_backend_name: str
) -> None:
    async with Client(our_server(anyio_backend_name), mode=mode) as client:

        async def tasks() -> int:
            return int((await client.call_tool("tasks")).text)

        before = await tasks()
        running: list[object] = []

        async def call() -> None:
            await client.call_tool("wait", {"key": "k"}, on_progress=lambda *_: running.append(1))

        for calls in range(50, 1_050, 50):
            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(call)
                await until(partial(reached, running, calls))
                group.cancel_scope.cancel()
        with anyio.fail_after(10):
            while await tasks() != before:
                await anyio.sleep(0.01)
        wire: Any = client._wire
        exchanges = wire.connection.exchanges
        assert (exchanges.ours, exchanges.tokens, wire._waiters, wire._listeners) == (
            {},
            {},
            {},
            {},
        )


@each_mode
@pytest.mark.rule("T9", "T23")
async def test_a_cancelled_caller_does_not_wait_for_a_server_that_reads_nothing(
    mode: Any,
) -> None:
    said: list[bytes] = []
    target = Stdio(bad_server("does_as_told", mode), stderr=said.append)
    async with Client(target, mode=mode) as client, anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "deaf", {"deaf": True})
        await until(lambda: said)
        took: list[float] = []
        for _ in range(5):
            began = 0.0
            async with anyio.create_task_group() as inner:
                inner.start_soon(client.call_tool, "big", {"text": "x" * 1_000_000})
                await until(lambda: wire_of(client).link.pipe.pending > 100_000)
                began = time.monotonic()
                inner.cancel_scope.cancel()
            took.append(time.monotonic() - began)
        assert min(took) < 0.01
        assert max(took) < 1
        (process,) = children("does_as_told")
        os.kill(process, signal.SIGUSR1)
        assert (await client.call_tool("next", {"size": 4})).text == "xxxx"


@pytest.mark.rule("T9", "C-12", "DEV-24")
@pytest.mark.parametrize("how", ["cancelled", "out of time"])
async def test_a_handshake_that_is_given_up_is_not_cancelled_on_the_wire(how: str) -> None:
    said: list[bytes] = []
    target = Stdio(["sh", "-c", "exec cat >&2"], stderr=said.append)
    client = Client(target, mode="legacy", connect_timeout=0.2 if how == "out of time" else 30)
    async with anyio.create_task_group() as group:

        async def connect() -> None:
            with pytest.raises(TimedOut):
                await client.connect()

        group.start_soon(connect)
        await until(lambda: b"initialize" in b"".join(said))
        if how == "cancelled":
            group.cancel_scope.cancel()
    await until(lambda: not children("exec cat >&2") and not children("cat"))
    assert b"cancelled" not in b"".join(said)
    assert b"".join(said).count(b"\n") == 1


@pytest.mark.rule("T9", "B15")
@pytest.mark.parametrize("revision", [V2025_11_25, V2026_07_28], ids=lambda one: one.name)
def test_the_handshake_cannot_be_cancelled_by_its_id(
    anyio_backend: str, revision: Revision
) -> None:
    with WireServer(anyio_backend, revision) as server:
        if not revision.modern:
            server.shake_hands()
        for id in (1_001, 0, None):
            server.cancel(id)  # type: ignore[arg-type]  # null is no id
        assert server.tell("echo", text="next") == "next"
        assert server.finish() == 0


def reached(events: list[object], count: int) -> bool:
    return len(events) >= count


def wire_of(client: Client) -> Any:
    return client._wire
