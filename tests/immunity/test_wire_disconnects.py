"""T17: a connection may break after any byte, in either direction: no traceback, nothing left.

A whole session of ours, with everything that a client uses, is played over a wire that breaks one
byte later each time. Whoever is at an end of it raises what is documented, says nothing worse than
a warning without a traceback, and goes on.
"""

import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeAlias

import anyio
import pytest

from barewire import BarewireError, Client, Context, Server, SyncContext
from barewire.run import serve_pipe
from barewire.transports.backend import Handle, current
from barewire.transports.memory import memory_pair
from barewire.transports.pipe import Pipe
from barewire.transports.threads import ThreadPool
from tests.app.peers import until
from tests.immunity.processes import nothing_is_left
from tests.transports.test_fdpipe import pipe_pair

Pair: TypeAlias = Callable[[], tuple[Pipe, Pipe]]
Direction: TypeAlias = Literal["to the server", "to the client"]

DIRECTIONS: tuple[Direction, ...] = ("to the server", "to the client")
WHOLE = 1_000_000
"""More bytes than a session has."""

CUT_OFF = {
    f"the {who} broke the protocol: the stream ended in the middle of a line"
    for who in ("client", "server")
}
"""What may be said of it."""

STEP = int(os.environ.get("BAREWIRE_BREAKS", "16"))
"""Over pipes of the system, every so manieth byte is the last; the bar of T17 is every one."""

TOGETHER = 20
"""Sessions at the same time."""


class BreakingWire:
    """Joins a client and a server until so many bytes went one way; then both lose each other."""

    def __init__(self, pair: Pair, direction: Direction, after: int) -> None:
        self.client_end, near = pair()
        far, self.server_end = pair()
        self.passed: dict[Direction, int] = dict.fromkeys(DIRECTIONS, 0)
        self._left = dict.fromkeys(DIRECTIONS, WHOLE) | {direction: after}
        self._ends = near, far
        self._broken = False
        self._carry("to the server", near, far)
        self._carry("to the client", far, near)

    def _carry(self, direction: Direction, source: Pipe, sink: Pipe) -> None:
        def carry(data: bytes) -> None:
            if not self._broken:
                sink.write([data[: self._left[direction]]])
                self.passed[direction] += len(data)
                self._left[direction] -= len(data)
                if self._left[direction] <= 0:
                    self._break()

        source.start(carry, lambda _: self._break())

    def _break(self) -> None:
        self._broken = True
        for end in self._ends:
            current().spawn(end.aclose())


def talkative() -> Server:
    server = Server("s")

    @server.tool
    async def talk(ctx: Context) -> str:
        await ctx.report_progress(1)
        await ctx.info("a")
        return "talked"

    @server.tool
    def talk_in_a_thread(ctx: SyncContext) -> str:
        ctx.report_progress(1)
        return "talked"

    @server.tool
    async def wait(ctx: Context) -> None:
        await ctx.report_progress(1)
        await anyio.sleep_forever()

    return server


async def whole_session(client: Client) -> None:
    """Use everything that a client has."""
    async with client:
        await client.list_tools()
        await client.set_log_level("info")
        assert (await client.call_tool("talk", on_progress=ignore)).text == "talked"
        running = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(wait_in_vain, client, running)
            with suppress(BarewireError):
                await client.call_tool("talk_in_a_thread")
            await running.wait()
            group.cancel_scope.cancel()
        await client.ping()


async def wait_in_vain(client: Client, running: anyio.Event) -> None:
    """Call a tool that does not end by itself; say when it runs, or never will."""
    try:
        await client.call_tool("wait", on_progress=lambda *_: running.set())
    except BarewireError:
        running.set()


def ignore(*_: object) -> None:
    """Hear of progress."""


class Plays:
    """Plays sessions with one server, each over a wire of its own."""

    def __init__(self, patch: pytest.MonkeyPatch, pair: Pair, mode: Any) -> None:
        self._server = talkative()
        self._pair = pair
        self._mode = mode
        self._wires: dict[str, Iterator[BreakingWire]] = {}
        self._servings: list[Handle[None]] = []
        patch.setattr("barewire.connecting.open_process", self._open)

    async def play_to_its_end(self) -> dict[Direction, int]:
        """Play the session; return how many bytes went each way."""
        wire = BreakingWire(self._pair, "to the server", WHOLE)
        await whole_session(self._client(wire))
        return wire.passed

    async def play_until(self, direction: Direction, after: int) -> None:
        """Play the session until the wire breaks; now and then, use the client again."""
        wires = [BreakingWire(self._pair, direction, at) for at in (after, WHOLE)]
        client = self._client(*wires)
        with suppress(BarewireError):
            await whole_session(client)
        if after % STEP == 0:
            async with client:
                assert (await client.call_tool("talk")).text == "talked"

    def _client(self, *wires: BreakingWire) -> Client:
        """Make a client that opens these wires, one after the other."""
        name = str(len(self._wires))
        self._wires[name] = iter(wires)
        return Client([name], mode=self._mode)

    def _open(self, command: list[str], **_: object) -> Pipe:
        wire = next(self._wires[command[0]])
        serving = serve_pipe(self._server, wire.server_end)

        async def serve() -> None:
            await serving.ended.wait()
            assert await serving.finish(0), "a handler goes on"

        self._servings.append(current().spawn(serve()))
        return wire.client_end

    def all_served(self) -> bool:
        """Whether every handler of every connection has ended."""
        return all(one.done() and one.result() is None for one in self._servings)


@asynccontextmanager
async def threads(patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let handlers have threads that are gone at the end."""
    pool = ThreadPool()
    patch.setattr("barewire.run._threads", pool)
    yield
    pool.close()


@pytest.mark.rule("T17", "T2")
@pytest.mark.parametrize("mode", ["legacy", "modern"])
@pytest.mark.parametrize(
    ("pair", "step"), [(memory_pair, 1), (pipe_pair, STEP)], ids=["memory", "pipes"]
)
async def test_a_connection_may_break_after_any_byte(
    pair: Pair,
    step: int,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plays = Plays(monkeypatch, pair, mode)
    async with nothing_is_left(), threads(monkeypatch):
        whole = await plays.play_to_its_end()
        for direction in DIRECTIONS:
            ends = range(0, whole[direction], step)
            for first in range(0, len(ends), TOGETHER):
                async with anyio.create_task_group() as group:
                    for after in ends[first : first + TOGETHER]:
                        group.start_soon(plays.play_until, direction, after)
        await until(plays.all_served)
    gc.collect()  # what was not awaited, and exceptions that nobody looked at, are heard of now
    said = {one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING}
    assert said <= CUT_OFF
    assert not [one for one in caplog.records if one.exc_info]
