"""A connection on a pipe: what is written when, deadlines, back-pressure, the end."""

import logging
from collections.abc import Callable

import anyio
import pytest

from barewire import ConnectionLost
from barewire.protocol.jsonrpc import Notification
from barewire.protocol.methods import Role
from barewire.protocol.revisions import V2026_07_28
from barewire.session.connection import Connection
from barewire.session.events import Ended, Event, Expired, Lost, Requested, Violated
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.transports.link import Link
from barewire.transports.pipe import LOW_WATER, OnData, OnEof
from tests.transports.waiting import a_few_turns


class ByHand:
    """A pipe whose other end takes bytes when the test says so."""

    on_drained: Callable[[], object] | None = None
    low_water = LOW_WATER

    def __init__(self, takes_all: bool = False) -> None:
        self.writes: list[list[bytes]] = []
        self.pending = 0
        self.closed = 0
        self.takes_all = takes_all
        self.on_data: OnData = lambda data: None
        self.on_eof: OnEof = lambda reason: None

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        self.on_data, self.on_eof = on_data, on_eof

    def write(self, buffers: list[bytes]) -> None:
        self.writes.append(buffers)
        if not self.takes_all:
            self.pending += sum(map(len, buffers))

    def take(self, size: int | None = None) -> None:
        before, self.pending = self.pending, 0 if size is None else self.pending - size
        if before > self.low_water >= self.pending and self.on_drained is not None:
            self.on_drained()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    async def aclose(self) -> object:
        self.closed += 1
        return "closed"


class Linked:
    """A link over such a pipe, and the events that it told of."""

    def __init__(self, role: Role, limits: Limits | None = None, takes_all: bool = False) -> None:
        local = Local(role, {"name": "n", "version": "v"}, {"tools": {}})
        self.connection = Connection(local, limits=limits or Limits())
        if role == "client":
            self.connection.adopt(V2026_07_28, {"capabilities": {"tools": {}}})
        self.pipe = ByHand(takes_all)
        self.events: list[Event] = []
        self.link = Link(self.connection, self.pipe, self.events.append)
        self.link.start()

    def ask(self, timeout: float | None = None) -> None:
        now = self.link.now()
        self.connection.request("tools/list", now=now, timeout=timeout)
        self.link.wake()
        self.link.keep_time()

    def say(self, size: int) -> None:
        """Have the server send about so many bytes, as the answer to a question of the client."""
        self.connection.send(_note("x" * size))
        self.link.wake()


def _note(text: str) -> Notification:
    return Notification("notifications/message", {"level": "info", "data": text})


PING = b'{"jsonrpc": "2.0", "id": %d, "method": "ping"}\n'


class TestWriting:
    async def test_what_is_said_in_one_turn_is_written_at_once(self) -> None:
        linked = Linked("client")
        for _ in range(5):
            linked.ask()
        assert linked.pipe.writes == []
        await a_few_turns()
        (buffers,) = linked.pipe.writes
        assert len(buffers) == 5

    async def test_answers_to_one_chunk_are_written_together(self) -> None:
        linked = Linked("server")
        linked.pipe.on_data(b"".join(PING % number for number in range(3)))
        await a_few_turns()
        assert [len(buffers) for buffers in linked.pipe.writes] == [3]


class TestEvents:
    async def test_one_that_is_handled_badly_does_not_lose_the_others(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        linked = Linked("server")
        seen: list[Event] = []

        def on_event(event: Event) -> None:
            seen.append(event)
            raise ValueError("a bug")

        linked.link = Link(linked.connection, linked.pipe, on_event)
        linked.link.start()
        linked.pipe.on_data(b"{}\n[]\n7\n")
        assert len(seen) == 3
        assert caplog.text.count("a handler of Violated raised") == 3
        assert caplog.records[0].levelno == logging.ERROR


class TestDeadlines:
    async def test_they_expire_in_order_with_one_timer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        linked = Linked("client")
        timers: list[float] = []
        call_at = type(linked.link.backend).call_at

        def counted(backend: object, when: float, callback: Callable[[], object]) -> object:
            timers.append(when)
            return call_at(backend, when, callback)  # type: ignore[arg-type]

        monkeypatch.setattr(type(linked.link.backend), "call_at", counted)
        for timeout in (0.02, 0.03, 0.03, 0.01, 60):
            linked.ask(timeout)
        with anyio.fail_after(5):
            while len(linked.events) < 4:
                await anyio.sleep(0.005)
        expired = [event.exchange.timeout for event in linked.events if isinstance(event, Expired)]
        assert expired == [0.01, 0.02, 0.03, 0.03]
        # Two when they were asked, one per time at which something expired, one for the last.
        assert len(timers) <= 6
        await linked.link.aclose()

    async def test_none_fires_after_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        linked = Linked("client")
        linked.ask(0.01)
        await linked.link.aclose()
        looked: list[float] = []

        def expire(now: float) -> list[Event]:
            looked.append(now)
            return []

        monkeypatch.setattr(linked.connection, "expire", expire)
        await anyio.sleep(0.03)
        assert looked == []
        assert [type(event) for event in linked.events] == [Lost]


class TestRoom:
    @pytest.mark.rule("T23")
    async def test_who_sends_waits_until_enough_was_read(self) -> None:
        linked = Linked("server", Limits(pending=1000))
        linked.say(2000)
        assert linked.link.congested
        passed: list[str] = []

        async def wait() -> None:
            await linked.link.room()
            passed.append("")

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            group.start_soon(wait)
            await a_few_turns()
            linked.pipe.take(500)
            await a_few_turns()
            assert passed == []
            linked.pipe.take()
        assert passed == ["", ""]

    async def test_who_sends_to_a_peer_that_takes_everything_lets_others_have_their_turn(
        self,
    ) -> None:
        linked = Linked("server", Limits(pending=1000), takes_all=True)
        turns: list[str] = []
        linked.link.backend.call_soon(lambda: turns.append("another's"))
        for _ in range(50):  # a turn may take a few
            linked.say(2000)
            if linked.link.congested:
                await linked.link.room()
        assert turns == ["another's"]

    async def test_a_pipe_that_takes_everything_leaves_nobody_waiting(self) -> None:
        linked = Linked("server", Limits(pending=1000))

        async def wait() -> None:
            await linked.link.room()
            linked.say(5000)  # the next one finds it congested again, but nothing will drain

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                linked.say(2000)
                for _ in range(3):
                    group.start_soon(wait)
                await a_few_turns()
                linked.pipe.takes_all = True
                linked.pipe.take()

    async def test_closing_ends_the_wait(self) -> None:
        linked = Linked("server", Limits(pending=1000))
        linked.say(2000)
        async with anyio.create_task_group() as group:
            group.start_soon(linked.link.room)
            await a_few_turns()
            await linked.link.aclose()

    async def test_the_end_of_reading_does_not(self) -> None:
        linked = Linked("server", Limits(pending=1000))
        linked.say(2000)
        passed: list[str] = []

        async def wait() -> None:
            await linked.link.room()
            passed.append("")

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await a_few_turns()
            linked.pipe.on_eof(None)
            await a_few_turns()
            assert passed == []
            linked.pipe.take()


class TestStalledClients:
    LIMITS = Limits(pending=1000, stalled=0.2)

    @pytest.mark.rule("T23", "T24")
    async def test_one_that_reads_nothing_is_given_up(self) -> None:
        linked = Linked("server", self.LIMITS)
        began = linked.link.now()
        linked.say(2000)
        with anyio.fail_after(5):
            while not linked.pipe.closed:
                await anyio.sleep(0.005)
        assert linked.link.now() - began >= 0.2
        (violated,) = linked.events
        assert isinstance(violated, Violated)
        assert violated.fatal
        assert violated.detail == "nothing was read for 0.2 s (limits.stalled)"
        assert isinstance(linked.link.broken, TimeoutError)

    async def test_also_when_only_the_engine_answers(self) -> None:
        linked = Linked("server", self.LIMITS)
        for number in range(100):
            linked.pipe.on_data(PING % number)
        with anyio.fail_after(5):
            while not linked.pipe.closed:
                await anyio.sleep(0.005)

    async def test_one_that_reads_slowly_is_not(self) -> None:
        linked = Linked("server", self.LIMITS)
        linked.say(100_000)
        for _ in range(15):
            await anyio.sleep(0.02)
            linked.pipe.take(10)
            linked.say(5000)  # more comes than goes
        assert not linked.pipe.closed
        await linked.link.aclose()

    async def test_one_that_reads_in_the_end_is_not(self) -> None:
        linked = Linked("server", self.LIMITS)
        linked.say(2000)
        await anyio.sleep(0.03)
        linked.pipe.take()
        await anyio.sleep(0.25)
        assert not linked.pipe.closed
        await linked.link.aclose()

    async def test_a_server_may_be_too_busy_to_read(self) -> None:
        linked = Linked("client", self.LIMITS)
        linked.connection.request("tools/call", {"name": "x" * 5000}, now=0.0)
        linked.link.wake()
        await anyio.sleep(0.25)
        assert linked.pipe.pending > 5000
        assert not linked.pipe.closed
        await linked.link.aclose()


class TestTheEnd:
    async def test_requests_of_ours_are_lost_when_the_pipe_ends(self) -> None:
        linked = Linked("client")
        linked.ask()
        reason = ConnectionError("broken")
        linked.pipe.on_eof(reason)
        linked.pipe.on_eof(None)
        assert [type(event) for event in linked.events] == [Lost, Ended]
        assert linked.link.broken is reason

    async def test_what_arrives_after_a_loss_is_not_looked_at(self) -> None:
        linked = Linked("server")
        linked.link.lose(None)
        linked.pipe.on_data(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        await a_few_turns()
        assert linked.pipe.writes == []

    async def test_what_was_asked_before_the_end_of_reading_may_be_answered(self) -> None:
        linked = Linked("server")
        linked.pipe.on_data(
            b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {'
            b'"io.modelcontextprotocol/protocolVersion": "2026-07-28",'
            b'"io.modelcontextprotocol/clientCapabilities": {}}}}\n'
        )
        linked.pipe.on_eof(None)
        requested, _ = linked.events
        assert isinstance(requested, Requested)
        linked.connection.respond(requested.exchange, {"tools": []})
        linked.link.wake()
        await a_few_turns()
        assert len(linked.pipe.writes) == 1

    async def test_closing_twice_is_closing(self) -> None:
        linked = Linked("client")
        linked.ask()
        assert await linked.link.aclose() == "closed"
        assert await linked.link.aclose() == "closed"
        assert [type(event) for event in linked.events] == [Lost]
        assert len(linked.pipe.writes) == 1  # the question went out before
        with pytest.raises(ConnectionLost):
            linked.ask()
