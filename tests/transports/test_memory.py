"""Two pipes joined in memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.transports.backend import Signal, current
from barewire.transports.memory import memory_pair
from tests.transports.recorder import Recorder
from tests.transports.waiting import a_few_turns


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


async def test_what_one_end_writes_the_other_reads_later() -> None:
    left, right = memory_pair()
    reader = Recorder(right)
    left.write([b"one", b"", b"two"])
    left.write([b"three"])
    assert not reader.chunks
    assert left.pending == 11
    assert await reader.receive(11) == b"onetwothree"
    assert len(reader.chunks) == 1
    assert left.pending == 0


async def test_a_single_buffer_is_handed_over_uncopied() -> None:
    left, right = memory_pair()
    reader = Recorder(right)
    data = b"x" * 1000
    left.write([data])
    await reader.receive(1000)
    assert reader.chunks[0] is data


async def test_both_directions_are_independent() -> None:
    left, right = memory_pair()
    at_left, at_right = Recorder(left), Recorder(right)
    left.write([b"ping"])
    right.write([b"pong"])
    assert await at_right.receive(4) == b"ping"
    assert await at_left.receive(4) == b"pong"


@settings(max_examples=25)
@given(st.lists(st.lists(st.binary(max_size=20), max_size=4), max_size=6), st.integers(1, 7))
@pytest.mark.rule("S-20")
async def test_any_cutting_delivers_the_same_bytes(writes: list[list[bytes]], size: int) -> None:
    left, right = memory_pair(lambda data: [data[i : i + size] for i in range(0, len(data), size)])
    reader = Recorder(right)
    for buffers in writes:
        left.write(buffers)
    whole = b"".join(b"".join(buffers) for buffers in writes)
    assert await reader.receive(len(whole)) == whole
    assert all(len(chunk) <= size for chunk in reader.chunks)


async def test_pieces_arrive_one_by_one_and_are_pending_until_then() -> None:
    left, right = memory_pair(byte_by_byte)
    done = Signal(current())
    seen: list[tuple[bytes, int]] = []

    def on_data(data: bytes) -> None:
        seen.append((data, left.pending))
        if not left.pending:
            done.set()

    right.start(on_data, print)
    left.write([b"ab", b"c"])
    await done.wait()
    assert seen == [(b"a", 2), (b"b", 1), (b"c", 0)]


async def test_closing_one_end_lets_the_other_read_what_was_sent() -> None:
    left, right = memory_pair(byte_by_byte)
    left.write([b"last words"])
    await left.aclose()
    await left.aclose()
    reader = Recorder(right)
    assert await reader.end() is None
    assert reader.data == b"last words"


async def test_what_is_written_to_a_closed_end_vanishes() -> None:
    left, right = memory_pair()
    reader = Recorder(right)
    await right.aclose()
    left.write([b"lost"])
    assert left.pending == 0
    await left.aclose()
    left.write([b"late"])
    await a_few_turns()
    assert not reader.chunks
    assert not reader.ends


@pytest.mark.rule("T23")
async def test_an_end_that_does_not_read_holds_its_peer_back() -> None:
    left, right = memory_pair()
    drained: list[int] = []
    left.low_water = 10
    left.on_drained = lambda: drained.append(left.pending)
    left.write([b"x" * 11])
    await a_few_turns()
    assert left.pending == 11
    reader = Recorder(right)
    right.pause()
    await a_few_turns()
    assert left.pending == 11
    right.resume()
    await reader.receive(11)
    await a_few_turns()
    assert drained == [0]
    left.write([b"x" * 10])
    await reader.receive(21)
    await a_few_turns()
    assert drained == [0]


async def test_closing_wakes_a_peer_that_is_held_back() -> None:
    left, right = memory_pair()
    drained: list[int] = []
    left.low_water = 10
    left.on_drained = lambda: drained.append(left.pending)
    left.write([b"x" * 11])
    await right.aclose()
    assert not drained
    await a_few_turns()
    assert drained == [0]


async def test_a_pause_holds_the_end_back_too() -> None:
    left, right = memory_pair()
    reader = Recorder(right)
    right.pause()
    left.write([b"data"])
    await left.aclose()
    await a_few_turns()
    assert not reader.ends
    right.resume()
    assert await reader.end() is None
    assert reader.data == b"data"


async def test_an_owner_that_raises_does_not_stop_the_pipe(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left, right = memory_pair()
    seen: list[bytes] = []
    done = Signal(current())

    def on_data(data: bytes) -> None:
        seen.append(data)
        if len(seen) == 1:
            raise ValueError("a bug")
        done.set()

    right.start(on_data, print)
    left.write([b"one"])
    await a_few_turns()
    left.write([b"two"])
    await done.wait()
    assert seen == [b"one", b"two"]
    assert "ValueError: a bug" in caplog.text
