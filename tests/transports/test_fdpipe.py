"""Pipes over descriptors: pipes, sockets, files and terminals."""

import contextlib
import errno
import os
import pty
import socket
import struct
import time
import tty
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest

from barewire.transports.backend import Handle, Signal, current
from barewire.transports.fdpipe import FdPipe
from tests.transports.recorder import Recorder
from tests.transports.waiting import a_few_turns

MEBIBYTE = 1024 * 1024
Pair: TypeAlias = Callable[[], tuple[FdPipe, FdPipe]]


def pipe_pair(flush_timeout: float = 1.0) -> tuple[FdPipe, FdPipe]:
    """Return two ends joined by two pipes."""
    there, back = os.pipe(), os.pipe()
    return (
        FdPipe(back[0], there[1], flush_timeout=flush_timeout),
        FdPipe(there[0], back[1], flush_timeout=flush_timeout),
    )


def socket_pair() -> tuple[FdPipe, FdPipe]:
    left, right = (end.detach() for end in socket.socketpair())
    return FdPipe(left, left), FdPipe(right, right)


@contextlib.contextmanager
def descriptors(*fds: int) -> Generator[None]:
    """Close, at the end, those of `fds` that are not closed by then."""
    try:
        yield
    finally:
        for fd in fds:
            with contextlib.suppress(OSError):
                os.close(fd)


async def idles() -> bool:
    """Whether the loop sleeps while nothing happens."""
    used = time.process_time()
    await current().sleep(0.2)
    return time.process_time() - used < 0.02


@pytest.mark.parametrize("make", [pipe_pair, socket_pair])
async def test_what_one_end_writes_the_other_reads(make: Pair) -> None:
    left, right = make()
    reader = Recorder(right)
    left.write([b"one", b"", b"two"])
    left.write([])
    left.write([b"three"])
    assert left.pending == 0
    assert await reader.receive(11) == b"onetwothree"
    await left.aclose()
    assert await reader.end() is None
    await right.aclose()
    assert len(reader.ends) == 1


@pytest.mark.parametrize(("make", "mebibytes"), [(pipe_pair, 64), (socket_pair, 8)])
@pytest.mark.rule("T23")
async def test_much_passes_in_both_directions_at_once(make: Pair, mebibytes: int) -> None:
    left, right = make()
    at_left, at_right = Recorder(left), Recorder(right)
    block = os.urandom(MEBIBYTE)
    for _ in range(mebibytes):
        left.write([block])
        right.write([block])
    for reader in (at_left, at_right):
        assert await reader.receive(mebibytes * MEBIBYTE) == block * mebibytes
    assert left.pending == right.pending == 0
    await left.aclose()
    await right.aclose()


async def test_many_small_buffers_arrive_in_order() -> None:
    left, right = pipe_pair()
    reader = Recorder(right)
    buffers = [b"%06d\n" % number for number in range(30_000)]
    left.write(buffers[:10_000])
    for start in range(10_000, 30_000, 500):
        left.write(buffers[start : start + 500])
    assert await reader.receive(7 * 30_000) == b"".join(buffers)
    await left.aclose()
    await right.aclose()


@pytest.mark.rule("T23")
async def test_a_peer_that_does_not_read_stalls_only_its_own_pipe() -> None:
    backend = current()
    left, right = pipe_pair()
    other_left, other_right = pipe_pair()
    drained = Signal(backend)
    marks: list[int] = []

    def on_drained() -> None:
        marks.append(left.pending)
        drained.set()

    left.on_drained = on_drained
    left.low_water = MEBIBYTE
    for _ in range(8):
        left.write([bytes(MEBIBYTE)])
    stalled = left.pending
    assert 7 * MEBIBYTE < stalled < 8 * MEBIBYTE
    other_reader = Recorder(other_right)
    other_left.write([b"free"])
    assert await other_reader.receive(4) == b"free"
    assert left.pending == stalled
    assert not marks

    reader = Recorder(right)
    assert await drained.wait(10)
    assert 0 < marks[0] <= MEBIBYTE
    await reader.receive(8 * MEBIBYTE)
    assert len(marks) == 1
    assert await idles()
    for pipe in (left, right, other_left, other_right):
        await pipe.aclose()


@pytest.mark.rule("T7")
async def test_the_end_of_the_input_leaves_the_output_open_and_the_loop_idle() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1], from_us[0]):
        pipe = FdPipe(to_us[0], from_us[1])
        reader = Recorder(pipe)
        os.write(to_us[1], b"the only line\n")
        os.close(to_us[1])
        assert await reader.end() is None
        assert reader.data == b"the only line\n"
        pipe.write([b"its answer\n"])
        assert os.read(from_us[0], 100) == b"its answer\n"
        assert await idles()
        await pipe.aclose()


async def test_when_writing_breaks_what_had_arrived_is_delivered_first() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1]):
        pipe = FdPipe(to_us[0], from_us[1])
        reader = Recorder(pipe)
        os.write(to_us[1], b"last words")
        os.close(from_us[0])
        pipe.write([b"question"])
        assert pipe.pending == 0
        assert not reader.ends
        reason = await reader.end()
        assert isinstance(reason, BrokenPipeError)
        assert reader.data == b"last words"
        pipe.write([b"dropped"])
        await pipe.aclose()
        assert len(reader.ends) == 1


async def test_when_writing_breaks_with_bytes_pending_they_are_dropped() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1]):
        pipe = FdPipe(to_us[0], from_us[1])
        drained: list[int] = []
        pipe.on_drained = lambda: drained.append(pipe.pending)
        pipe.write([bytes(MEBIBYTE)])
        reader = Recorder(pipe)
        assert pipe.pending
        os.close(from_us[0])
        assert isinstance(await reader.end(), BrokenPipeError)
        await a_few_turns()
        assert drained == [0]
        await pipe.aclose()


async def test_a_peer_that_is_gone_is_one_end() -> None:
    left, right = pipe_pair()
    reader = Recorder(left)
    await right.aclose()
    left.write([b"anybody?"])
    assert await reader.end() is None
    await a_few_turns()
    assert len(reader.ends) == 1
    await left.aclose()


async def test_a_pipe_that_breaks_while_paused_says_so_afterwards() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1]):
        os.close(from_us[0])
        pipe = FdPipe(to_us[0], from_us[1])
        reader = Recorder(pipe)
        pipe.pause()
        pipe.write([b"lost"])
        await a_few_turns()
        assert not reader.ends
        pipe.resume()
        assert isinstance(await reader.end(), BrokenPipeError)
        await pipe.aclose()


async def test_a_pipe_that_broke_before_it_was_started_says_so() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1]):
        os.close(from_us[0])
        pipe = FdPipe(to_us[0], from_us[1])
        pipe.write([b"lost"])
        await current().sleep(0.01)
        assert isinstance(await Recorder(pipe).end(), BrokenPipeError)
        await pipe.aclose()


async def test_a_reset_connection_is_reported_as_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
        fd = near.detach()
        pipe = FdPipe(fd, fd)
        reader = Recorder(pipe)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        assert isinstance(await reader.end(), ConnectionResetError)
        await pipe.aclose()


async def test_while_paused_nothing_arrives_not_even_the_end() -> None:
    left, right = pipe_pair()
    right.pause()
    reader = Recorder(right)
    left.write([b"one"])
    await current().sleep(0.01)
    assert not reader.chunks
    right.resume()
    assert await reader.receive(3) == b"one"
    right.pause()
    right.pause()
    left.write([b"two"])
    await left.aclose()
    right.write([b"nobody reads this"])
    await current().sleep(0.01)
    assert reader.data == b"one"
    assert not reader.ends
    right.resume()
    await reader.end()
    assert reader.data == b"onetwo"
    await right.aclose()


async def test_an_owner_that_raises_does_not_stop_the_reader(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left, right = pipe_pair()
    seen: list[bytes] = []
    done = Signal(current())

    def on_data(data: bytes) -> None:
        seen.append(data)
        if len(seen) == 1:
            raise ValueError("a bug")
        done.set()

    right.start(on_data, print)
    left.write([b"one"])
    await current().sleep(0.01)
    left.write([b"two"])
    await done.wait()
    assert seen == [b"one", b"two"]
    assert "ValueError: a bug" in caplog.text
    await left.aclose()
    await right.aclose()


async def test_closing_sends_what_is_pending() -> None:
    left, right = pipe_pair()
    left.write([bytes(4 * MEBIBYTE)])
    assert left.pending
    reader = Recorder(right)
    await left.aclose()
    await reader.end()
    assert reader.size == 4 * MEBIBYTE
    left.write([b"too late"])
    await right.aclose()


async def test_closing_gives_up_on_a_peer_that_does_not_read() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1], from_us[0]):
        pipe = FdPipe(to_us[0], from_us[1], flush_timeout=0.05)
        drained: list[int] = []
        pipe.on_drained = lambda: drained.append(pipe.pending)
        pipe.write([bytes(MEBIBYTE)])
        started = current().now()
        await pipe.aclose()
        assert 0.04 < current().now() - started < 1
        await a_few_turns()
        assert drained == [0]


async def test_two_ends_that_fill_each_other_up_can_both_close() -> None:
    left, right = pipe_pair(flush_timeout=10)
    readers = Recorder(left), Recorder(right)
    for pipe in (left, right):
        pipe.pause()
        pipe.write([bytes(4 * MEBIBYTE)])
    started = current().now()
    async with anyio.create_task_group() as group:
        group.start_soon(left.aclose)
        group.start_soon(right.aclose)
    assert current().now() - started < 5
    assert not readers[0].chunks
    assert not readers[1].chunks


async def test_what_is_written_to_a_pipe_that_closes_is_dropped() -> None:
    left, right = pipe_pair()
    left.write([bytes(MEBIBYTE)])
    closing = current().spawn(left.aclose())
    await a_few_turns()
    left.write([b"too late"])
    reader = Recorder(right)
    await closing.wait()
    await reader.end()
    assert reader.size == MEBIBYTE
    await right.aclose()


@pytest.mark.rule("B12", "T2")
async def test_any_task_may_close_and_all_who_do_wait_for_the_end() -> None:
    left, right = pipe_pair()

    async def open_in_another_task() -> FdPipe:
        Recorder(right)
        return right

    opener: Handle[FdPipe] = current().spawn(open_in_another_task())
    await opener.wait()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(opener.result().aclose)
    await left.aclose()
    await left.aclose()


async def test_a_cancelled_close_still_closes() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1], from_us[0]):
        pipe = FdPipe(to_us[0], from_us[1], flush_timeout=0.1)
        pipe.write([bytes(MEBIBYTE)])
        with anyio.move_on_after(0.01) as scope:
            await pipe.aclose()
        assert scope.cancelled_caught
        await pipe.aclose()


def test_a_close_that_the_end_of_the_run_interrupts_is_finished(anyio_backend: str) -> None:
    to_us, from_us = os.pipe(), os.pipe()
    with descriptors(to_us[1], from_us[0]):
        os.set_blocking(from_us[0], False)

        received: list[int] = []

        async def drain() -> None:
            while not received or received[-1]:
                try:
                    received.append(len(os.read(from_us[0], MEBIBYTE)))
                except BlockingIOError:
                    await current().sleep(0.001)

        async def main() -> None:
            pipe = FdPipe(to_us[0], from_us[1], flush_timeout=5)
            pipe.write([bytes(MEBIBYTE // 2)])
            current().spawn(pipe.aclose())
            await current().sleep(0)
            current().spawn(drain(), shield=True)

        anyio.run(main, backend=anyio_backend)
        assert sum(received) == MEBIBYTE // 2


async def test_shared_descriptors_get_their_mode_back() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    ours = os.dup(to_us[0]), os.dup(from_us[1])
    with descriptors(*to_us, *from_us):
        pipe = FdPipe(*ours)
        assert not os.get_blocking(to_us[0])
        assert not os.get_blocking(from_us[1])
        await pipe.aclose()
        assert os.get_blocking(to_us[0])
        assert os.get_blocking(from_us[1])


async def test_a_socket_for_both_directions_gets_its_mode_back() -> None:
    left, right = (end.detach() for end in socket.socketpair())
    with descriptors(left, right):
        pipe = FdPipe(os.dup(left), os.dup(left))
        assert not os.get_blocking(left)
        await pipe.aclose()
        assert os.get_blocking(left)


async def test_a_descriptor_that_was_non_blocking_stays_so() -> None:
    to_us, from_us = os.pipe(), os.pipe()
    ours = os.dup(to_us[0]), os.dup(from_us[1])
    with descriptors(*to_us, *from_us):
        os.set_blocking(to_us[0], False)
        await FdPipe(*ours).aclose()
        assert not os.get_blocking(to_us[0])


async def test_a_descriptor_that_is_not_open_is_refused_and_nothing_taken() -> None:
    to_us = os.pipe()
    with descriptors(*to_us):
        with pytest.raises(OSError, match="Bad file descriptor"):
            FdPipe(to_us[0], 999)
        assert os.get_blocking(to_us[0])


async def test_files_are_read_and_written(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    content = os.urandom(MEBIBYTE + 1)
    source.write_bytes(content)
    pipe = FdPipe(os.open(source, os.O_RDONLY), os.open(target, os.O_WRONLY | os.O_CREAT))
    reader = Recorder(pipe)
    pipe.write([b"one ", b"two "])
    pipe.write([b"three"])
    assert await reader.end() is None
    assert reader.data == content
    await pipe.aclose()
    assert target.read_bytes() == b"one two three"


async def test_reading_a_large_file_waits_for_a_paused_owner(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(bytes(4 * MEBIBYTE))
    fd = os.open(source, os.O_RDONLY)
    position = os.dup(fd)
    with descriptors(position):
        pipe = FdPipe(fd, os.open(os.devnull, os.O_WRONLY))
        reader = Recorder(pipe)
        pipe.pause()
        await current().sleep(0.05)
        assert os.lseek(position, 0, os.SEEK_CUR) < MEBIBYTE
        pipe.resume()
        await reader.end()
        assert reader.size == 4 * MEBIBYTE
        await pipe.aclose()


async def test_the_end_of_a_small_file_waits_too(tmp_path: Path) -> None:
    (tmp_path / "in").touch()
    pipe = FdPipe(os.open(tmp_path / "in", os.O_RDONLY), os.open(os.devnull, os.O_WRONLY))
    pipe.pause()
    reader = Recorder(pipe)
    await current().sleep(0.02)
    assert not reader.ends
    pipe.resume()
    assert await reader.end() is None
    await pipe.aclose()


async def test_a_reader_that_comes_too_late_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_bytes(b"data")
    failures = iter([BlockingIOError()] * 10)
    read = os.read

    def read_at_last(fd: int, size: int) -> bytes:
        for failure in failures:
            raise failure
        return read(fd, size)

    monkeypatch.setattr(os, "read", read_at_last)
    pipe = FdPipe(os.open(tmp_path / "in", os.O_RDONLY), os.open(os.devnull, os.O_WRONLY))
    reader = Recorder(pipe)
    assert await reader.end() is None
    assert reader.data == b"data"
    await pipe.aclose()


async def test_a_pipe_may_have_a_file_on_one_side(tmp_path: Path) -> None:
    to_us = os.pipe()
    target = tmp_path / "out"
    with descriptors(to_us[1]):
        pipe = FdPipe(to_us[0], os.open(target, os.O_WRONLY | os.O_CREAT))
        reader = Recorder(pipe)
        os.write(to_us[1], b"line")
        assert await reader.receive(4) == b"line"
        pipe.write([b"answer"])
        await pipe.aclose()
    assert target.read_bytes() == b"answer"


async def test_a_full_disk_breaks_the_pipe() -> None:
    to_us = os.pipe()
    with descriptors(to_us[1]):
        pipe = FdPipe(to_us[0], os.open("/dev/full", os.O_WRONLY))
        reader = Recorder(pipe)
        pipe.write([b"answer"])
        reason = await reader.end()
        assert isinstance(reason, OSError)
        assert reason.errno == errno.ENOSPC
        pipe.write([b"dropped"])
        assert pipe.pending == 0
        await pipe.aclose()


async def test_a_terminal_never_becomes_non_blocking() -> None:
    keyboard, terminal = pty.openpty()
    tty.setraw(terminal)
    with descriptors(keyboard, terminal):
        pipe = FdPipe(os.dup(terminal), os.dup(terminal))
        reader = Recorder(pipe)
        os.write(keyboard, b"typed\n")
        assert await reader.receive(6) == b"typed\n"
        pipe.write([b"shown\n"])
        while pipe.pending:
            await current().sleep(0)
        assert os.read(keyboard, 100) == b"shown\n"
        assert os.get_blocking(terminal)
        await pipe.aclose()


async def test_closing_a_terminal_leaves_the_next_line_to_others() -> None:
    keyboard, terminal = pty.openpty()
    tty.setraw(terminal)
    with descriptors(keyboard, terminal):
        pipe = FdPipe(os.dup(terminal), os.dup(terminal))
        Recorder(pipe)
        await pipe.aclose()
        os.write(keyboard, b"for the shell\n")
        assert os.read(terminal, 100) == b"for the shell\n"


async def test_a_terminal_that_hangs_up_is_an_end_with_a_reason() -> None:
    keyboard, terminal = pty.openpty()
    pipe = FdPipe(os.dup(keyboard), keyboard)
    reader = Recorder(pipe)
    os.close(terminal)
    reason = await reader.end()
    assert isinstance(reason, OSError)
    assert reason.errno == errno.EIO
    await pipe.aclose()


async def test_a_file_that_others_made_non_blocking_is_waited_for() -> None:
    keyboard, terminal = pty.openpty()
    tty.setraw(terminal)
    with descriptors(keyboard, terminal):
        os.set_blocking(terminal, False)
        pipe = FdPipe(os.dup(terminal), os.dup(terminal), flush_timeout=5)
        reader = Recorder(pipe)
        pipe.write([bytes(200_000)])
        received = 0
        while received < 200_000:
            received += len(await anyio.to_thread.run_sync(os.read, keyboard, MEBIBYTE))
        os.write(keyboard, b"still here")
        assert await reader.receive(10) == b"still here"
        await pipe.aclose()
