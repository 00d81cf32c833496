"""Pipes over TCP connections."""

import contextlib
import gc
import os
import socket
import struct
import sys
import weakref
from collections.abc import Callable, Generator, Iterator

import anyio
import pytest

from barewire.transports.backend import Signal, current
from barewire.transports.netpipe import NetPipe
from barewire.transports.tcp import SocketPipe
from tests.transports.recorder import Recorder
from tests.transports.test_fdpipe import idles
from tests.transports.waiting import a_few_turns

MEBIBYTE = 1024 * 1024
RESET = struct.pack("ii", 1, 0)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert not caplog.records


def connected(room: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a TCP connection; with `room` the second takes few bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.socket()
        if room is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        client.connect(server.getsockname())
        accepted, _ = server.accept()
    return accepted, client


@contextlib.contextmanager
def pipe_and_peer(*, flush_timeout: float = 1.0) -> Generator[tuple[SocketPipe, socket.socket]]:
    """Give a pipe, which the test has to close, and the socket at its other end."""
    ours, peer = connected()
    with peer:
        peer.settimeout(10)
        yield SocketPipe(ours, flush_timeout=flush_timeout), peer


def pair() -> tuple[SocketPipe, SocketPipe]:
    ours, theirs = connected()
    return SocketPipe(ours), SocketPipe(theirs)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until `condition` holds."""
    with anyio.fail_after(10):
        while not condition():
            await current().sleep(0.001)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    peer.close()


def read_all(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(MEBIBYTE), b""))


async def test_what_one_end_writes_the_other_reads() -> None:
    left, right = pair()
    at_left, at_right = Recorder(left), Recorder(right)
    left.write([b"one", b"", b"two"])
    right.write([b"three"])
    assert left.pending == right.pending == 0
    assert await at_right.receive(6) == b"onetwo"
    assert await at_left.receive(5) == b"three"
    await left.aclose()
    assert await at_right.end() is None
    await right.aclose()
    assert not at_left.ends
    assert left.broken is right.broken is None


async def test_a_socket_pipe_is_a_net_pipe_and_knows_both_ends() -> None:
    with pipe_and_peer() as (socket_pipe, peer):
        pipe: NetPipe = socket_pipe
        assert pipe.local == peer.getpeername()
        assert pipe.remote == peer.getsockname()
        assert not pipe.secure
        assert pipe.certificate is None
        await pipe.aclose()
        assert pipe.local == peer.getpeername()


async def test_small_writes_are_not_delayed() -> None:
    ours, peer = connected()
    with peer:
        pipe = SocketPipe(ours)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await pipe.aclose()


async def test_addresses_of_ipv6_are_host_and_port() -> None:
    class Somewhere(socket.socket):
        def getpeername(self) -> tuple[str, int, int, int]:
            return "fe80::1", 4321, 0, 2

    ours, peer = connected()
    with peer:
        pipe = SocketPipe(Somewhere(fileno=ours.detach()))
        assert pipe.remote == ("fe80::1", 4321)
        await pipe.aclose()


async def test_unix_domain_sockets_have_no_address() -> None:
    ours, peer = socket.socketpair()
    with peer:
        pipe = SocketPipe(ours)
        assert pipe.local is pipe.remote is None
        pipe.write([b"hello"])
        assert peer.recv(10) == b"hello"
        await pipe.aclose()


async def test_a_connection_that_was_reset_before_we_came_to_it_just_ends() -> None:
    ours, peer = connected()
    reset(peer)
    pipe = SocketPipe(ours)
    assert pipe.remote is None
    assert isinstance(await Recorder(pipe).end(), ConnectionResetError)
    await pipe.aclose()


@pytest.mark.rule("T23")
async def test_much_passes_in_both_directions_at_once() -> None:
    left, right = pair()
    at_left, at_right = Recorder(left), Recorder(right)
    block = os.urandom(MEBIBYTE)
    for _ in range(8):
        left.write([block])
        right.write([block])
    for reader in (at_left, at_right):
        assert await reader.receive(8 * MEBIBYTE) == block * 8
    left.write([b"and more"])
    assert (await at_right.receive(8 * MEBIBYTE + 8)).endswith(b"and more")
    await left.aclose()
    await right.aclose()


@pytest.mark.rule("T23")
async def test_a_peer_that_does_not_read_is_told_by_pending_and_drained() -> None:
    left, right = pair()
    drained = Signal(current())
    left.on_drained = drained.set
    for _ in range(16):
        left.write([bytes(MEBIBYTE)])
    assert left.pending > left.low_water
    reader = Recorder(right)
    right.pause()
    await current().sleep(0.01)
    assert not drained.is_set
    right.resume()
    await reader.receive(16 * MEBIBYTE)
    assert await drained.wait(10)
    assert left.pending == 0
    assert await idles()
    await left.aclose()
    await right.aclose()


@pytest.mark.rule("T17")
async def test_a_peer_that_leaves_is_noticed_while_we_say_nothing() -> None:
    with pipe_and_peer() as (pipe, peer):
        reader = Recorder(pipe)
        peer.sendall(b"request")
        await reader.receive(7)
        peer.close()
        assert await reader.end() is None
        assert pipe.broken is None
        assert await idles()
        await pipe.aclose()


@pytest.mark.rule("T17")
async def test_a_peer_that_resets_is_noticed_while_we_say_nothing() -> None:
    with pipe_and_peer() as (pipe, peer):
        reader = Recorder(pipe)
        reset(peer)
        reason = await reader.end()
        assert isinstance(reason, ConnectionResetError)
        assert pipe.broken is reason
        pipe.write([b"dropped"])
        await pipe.aclose(linger=10)
        assert len(reader.ends) == 1


async def test_a_peer_that_ended_its_direction_still_reads() -> None:
    with pipe_and_peer() as (pipe, peer):
        reader = Recorder(pipe)
        peer.sendall(b"question")
        peer.shutdown(socket.SHUT_WR)
        assert await reader.end() is None
        assert reader.data == b"question"
        pipe.write([b"answer"])
        assert peer.recv(100) == b"answer"
        await pipe.aclose()


async def test_a_peer_that_ended_and_then_left_breaks_the_next_write() -> None:
    with pipe_and_peer() as (pipe, peer):
        reader = Recorder(pipe)
        peer.close()
        await reader.end()
        pipe.write([b"into the void"])  # answered by a reset
        while pipe.broken is None:
            await current().sleep(0.001)
            pipe.write([b"again"])
        assert isinstance(pipe.broken, BrokenPipeError | ConnectionResetError)
        assert pipe.pending == 0
        await pipe.aclose()
        assert reader.ends == [None]


async def test_our_direction_ends_once_everything_is_taken_and_reading_goes_on() -> None:
    left, right = pair()
    at_left = Recorder(left)
    left.write([bytes(16 * MEBIBYTE)])
    assert left.pending
    left.write_eof()
    left.write([b"too late"])
    at_right = Recorder(right)
    assert await at_right.end() is None
    assert at_right.size == 16 * MEBIBYTE
    right.write([b"answer"])
    assert await at_left.receive(6) == b"answer"
    right.write_eof()
    right.write_eof()
    assert await at_left.end() is None
    await left.aclose()
    await right.aclose()


async def test_closing_sends_what_is_pending() -> None:
    left, right = pair()
    left.write([bytes(16 * MEBIBYTE)])
    assert left.pending
    reader = Recorder(right)
    await left.aclose()
    assert await reader.end() is None
    assert reader.size == 16 * MEBIBYTE
    await right.aclose()


@pytest.mark.rule("T19")
async def test_closing_resets_a_peer_that_does_not_take_what_is_pending() -> None:
    with pipe_and_peer(flush_timeout=0.05) as (pipe, peer):
        drained = Signal(current())
        pipe.on_drained = drained.set
        pipe.write([bytes(16 * MEBIBYTE)])
        await pipe.aclose()
        assert pipe.pending == 0
        assert await drained.wait(10)
        with pytest.raises(ConnectionResetError):
            read_all(peer)


async def test_without_lingering_a_refusal_is_lost_to_a_peer_that_still_sends() -> None:
    with pipe_and_peer() as (pipe, peer):
        peer.sendall(bytes(100_000))
        pipe.write([b"refused"])
        await pipe.aclose()
        with pytest.raises(ConnectionError):
            peer.sendall(bytes(32 * MEBIBYTE))


async def test_lingering_lets_a_peer_that_still_sends_read_the_refusal() -> None:
    with pipe_and_peer() as (pipe, peer):

        def send_all_then_read() -> bytes:
            peer.sendall(bytes(32 * MEBIBYTE))
            answer = peer.recv(100)
            assert peer.recv(100) == b""
            peer.close()
            return answer

        pipe.write([b"refused"])
        closing = current().spawn(pipe.aclose(linger=10))
        assert await anyio.to_thread.run_sync(send_all_then_read) == b"refused"
        await closing.wait()


async def test_lingering_ends_with_the_peer() -> None:
    with pipe_and_peer() as (pipe, peer):
        reader = Recorder(pipe)
        pipe.close(linger=60)
        assert peer.recv(100) == b""
        peer.sendall(b"unheard")
        peer.close()
        with anyio.fail_after(10):
            await pipe.aclose()
        assert not reader.chunks
        assert not reader.ends


@pytest.mark.rule("T19")
async def test_lingering_ends_with_its_time() -> None:
    with pipe_and_peer() as (pipe, peer):
        began = current().now()
        with anyio.fail_after(10):
            await pipe.aclose(linger=0.05)
        assert current().now() - began >= 0.05
        assert peer.recv(100) == b""


async def test_lingering_does_not_wait_for_a_peer_that_has_ended() -> None:
    ours, peer = connected()
    with peer:
        pipe = SocketPipe(ours)
        reader = Recorder(pipe)
        peer.shutdown(socket.SHUT_WR)
        await reader.end()
        pipe.close(linger=60)
        assert ours.fileno() == -1
        assert peer.recv(100) == b""


async def test_lingering_does_not_wait_when_writing_broke() -> None:
    ours, peer = connected()
    with peer:
        pipe = SocketPipe(ours)
        ours.shutdown(socket.SHUT_WR)
        pipe.write([b"broken"])
        pipe.close(linger=60)
        assert ours.fileno() == -1


async def test_the_first_who_closes_decides_how() -> None:
    ours, peer = connected()
    with peer:
        pipe = SocketPipe(ours)
        pipe.write([bytes(16 * MEBIBYTE)])
        pipe.close(linger=60)
        pipe.close()
        pipe.write([b"too late"])
        assert len(await anyio.to_thread.run_sync(read_all, peer)) == 16 * MEBIBYTE
        pipe.close()
        assert ours.fileno() != -1
        peer.close()
        await pipe.aclose()
        assert ours.fileno() == -1


async def test_a_reset_ends_lingering() -> None:
    with pipe_and_peer() as (pipe, peer):
        pipe.close(linger=60)
        reset(peer)
        with anyio.fail_after(10):
            await pipe.aclose()


async def test_a_pipe_with_nothing_pending_is_closed_at_once_and_tells_so_once() -> None:
    ours, peer = connected()
    with peer:
        closed: list[str] = []
        pipe = SocketPipe(ours, on_closed=lambda: closed.append("closed"))
        with pytest.raises(StopIteration):
            pipe.aclose().send(None)
        assert closed == ["closed"]
        pipe.close(linger=1)
        pipe.abort()
        await pipe.aclose()
        assert closed == ["closed"]
        assert peer.recv(100) == b""


async def test_a_pipe_that_was_closed_before_its_start_reads_nothing() -> None:
    for linger in (0, 10):
        with pipe_and_peer() as (pipe, peer):
            peer.sendall(b"unread")
            pipe.close(linger=linger)
            reader = Recorder(pipe)
            peer.close()
            await pipe.aclose()
            assert not reader.chunks
            assert not reader.ends


@pytest.mark.parametrize("way", ["close", "linger", "abort", "reset"])
async def test_a_closed_pipe_needs_no_garbage_collector(way: str) -> None:
    class Owner:
        def __init__(self, pipe: SocketPipe) -> None:
            self.pipe = pipe
            self.ended = Signal(current())
            pipe.on_drained = self.drained
            pipe.start(self.on_data, self.on_eof)

        def drained(self) -> None: ...
        def on_data(self, data: bytes) -> None: ...
        def on_eof(self, reason: object) -> None:
            self.ended.set()

    with pipe_and_peer() as (pipe, peer):
        owner = Owner(pipe)
        owner.pipe.write([b"answer"])
        reset(peer) if way == "reset" else peer.close()
        await owner.ended.wait()
        if way == "abort":
            owner.pipe.abort()
        else:
            await owner.pipe.aclose(linger=1 if way == "linger" else 0)
    await a_few_turns()
    gc.disable()
    try:
        left = weakref.ref(pipe)
        del pipe, owner
        assert left() is None
    finally:
        gc.enable()


async def test_aborting_resets_the_connection_and_drops_what_is_pending() -> None:
    with pipe_and_peer() as (pipe, peer):
        reader = Recorder(pipe)
        drained = Signal(current())
        pipe.on_drained = drained.set
        pipe.write([bytes(16 * MEBIBYTE)])
        pipe.abort()
        assert pipe.pending == 0
        assert not drained.is_set
        assert await drained.wait(10)
        with pytest.raises(ConnectionResetError):
            read_all(peer)
        assert not reader.ends


async def test_aborting_cuts_closing_short() -> None:
    for pending in (b"", bytes(16 * MEBIBYTE)):
        with pipe_and_peer(flush_timeout=60) as (pipe, _):
            pipe.write([pending])
            pipe.close(linger=60)
            await a_few_turns()
            pipe.abort()
            with anyio.fail_after(10):
                await pipe.aclose()


async def test_a_closed_pipe_leaves_the_number_of_its_descriptor_to_others() -> None:
    ours, peer = connected()
    with peer:
        fd = ours.fileno()
        pipe = SocketPipe(ours)
        Recorder(pipe)
        pipe.close()
        left, right = connected()
        other = left if left.fileno() == fd else right
        assert other.fileno() == fd
        with left, right:
            other_pipe = SocketPipe(other)
            reader = Recorder(other_pipe)
            pipe.pause()
            pipe.resume()
            pipe.write([b"nobody"])
            pipe.write_eof()
            pipe.abort()
            (right if other is left else left).sendall(b"still read")
            assert await reader.receive(10) == b"still read"
            await other_pipe.aclose()


@pytest.mark.parametrize("way", ["close", "abort"])
async def test_an_owner_may_end_the_pipe_inside_a_callback(way: str) -> None:
    with pipe_and_peer() as (pipe, peer):
        chunks: list[object] = []

        def on_data(data: bytes) -> None:
            chunks.append(data)
            getattr(pipe, way)()

        peer.sendall(b"last words")
        pipe.start(on_data, chunks.append)
        await until(lambda: chunks)
        await a_few_turns()
        assert chunks == [b"last words"]
        await pipe.aclose()


@pytest.mark.parametrize("way", ["close", "abort", "pause"])
async def test_also_while_the_rest_is_read_after_writing_broke(way: str) -> None:
    ours, peer = connected()
    with peer:
        pipe = SocketPipe(ours)
        chunks: list[bytes] = []
        ends: list[object] = []

        def on_data(data: bytes) -> None:
            chunks.append(data)
            if len(chunks) == 1:
                getattr(pipe, way)()

        pipe.pause()
        pipe.start(on_data, ends.append)
        peer.sendall(bytes(200_000))
        ours.shutdown(socket.SHUT_WR)
        pipe.write([b"broken"])
        assert isinstance(pipe.broken, BrokenPipeError)
        pipe.resume()
        await until(lambda: chunks)
        await a_few_turns()
        assert len(chunks) == 1
        assert not ends
        if way == "pause":
            pipe.resume()
            await until(lambda: ends)
            assert sum(map(len, chunks)) == 200_000
        await pipe.aclose()


async def test_a_cancelled_close_still_closes() -> None:
    with pipe_and_peer() as (pipe, peer):
        with anyio.move_on_after(0.01) as scope:
            await pipe.aclose(linger=0.1)
        assert scope.cancelled_caught
        await pipe.aclose()
        assert peer.recv(100) == b""


def test_a_close_that_the_end_of_the_run_interrupts_is_finished(anyio_backend: str) -> None:
    ours, peer = connected()
    with peer:

        async def send_at_last() -> None:
            await current().sleep(0.02)
            peer.sendall(b"unread, this would make closing a reset")

        async def main() -> None:
            pipe = SocketPipe(ours)
            Recorder(pipe)
            pipe.write([b"answer"])
            pipe.close(linger=0.4)
            current().spawn(send_at_last(), shield=True)

        anyio.run(main, backend=anyio_backend)
        assert read_all(peer) == b"answer"
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert ours.fileno() == -1


# What became of what was sent.

tells = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@tells
async def test_what_the_system_took_is_under_way_until_the_peers_system_has_it() -> None:
    ours, peer = connected(room=4096)
    with peer:
        pipe = SocketPipe(ours)
        pipe.write([b"x" * 100])
        await until(lambda: pipe.underway == 0)
        pipe.write([b"x" * 50_000])
        await a_few_turns()
        assert pipe.pending == 0
        assert 0 < pipe.underway <= 50_000
        peer.settimeout(10)
        left = 50_100
        while left:
            left -= len(peer.recv(left))
        await until(lambda: pipe.underway == 0)
        await pipe.aclose()
    assert pipe.underway == 0


async def test_what_is_pending_is_under_way_too() -> None:
    with pipe_and_peer() as (pipe, _peer):
        pipe.write([b"x" * 30 * MEBIBYTE])
        assert pipe.underway >= pipe.pending > 0
        pipe.abort()


async def test_on_a_unix_domain_socket_what_is_pending_is_all_that_is_known() -> None:
    ours, peer = socket.socketpair(socket.AF_UNIX)
    with peer:
        pipe = SocketPipe(ours)
        pipe.write([b"unread"])
        assert pipe.underway == 0
        await pipe.aclose()


@tells
@pytest.mark.rule("B30")
async def test_a_peer_whose_system_takes_nothing_is_lost_after_a_time() -> None:
    ours, peer = connected(room=4096)
    with peer:
        pipe = SocketPipe(ours, arrival_timeout=0.05)
        reader = Recorder(pipe)
        pipe.write([b"x" * 50_000])
        assert isinstance(await reader.end(), TimeoutError)
        assert isinstance(pipe.broken, TimeoutError)
        await pipe.aclose()
