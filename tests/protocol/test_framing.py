"""Lines are the same however the stream is cut, cost what they weigh, and are bounded."""

import time
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.framing import DEFAULT_LINE_LIMIT, HEAD, Line, LineFramer, Overlong

MIB = 1 << 20


def lines(*chunks: bytes, limit: int = MIB) -> list[Line]:
    """Everything that a framer gives for these chunks, the end of the stream included."""
    framer = LineFramer(limit)
    found = [line for chunk in chunks for line in framer.receive(chunk)]
    last = framer.receive_eof()
    assert framer.buffered == 0
    assert framer.receive_eof() is None
    return found if last is None else [*found, last]


def expected(data: bytes, limit: int) -> list[Line]:
    """Say in the plainest way which lines there are."""
    found: list[Line] = []
    for piece in data.split(b"\n"):
        line = piece[:-1] if piece[-1:] == b"\r" else piece
        if len(line) > limit:
            found.append(Overlong(len(line), limit, line[:HEAD]))
        elif line:
            found.append(line)
    return found


def cut_at(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


streams = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b"a", b"bc", b"\r\n", b"{}", b"x" * 11, b"\xe2\x80\xa8", b"\xff"]
    ),
    max_size=30,
).map(b"".join)


@pytest.mark.rule("S-20")
@given(streams, st.integers(1, 14), st.lists(st.integers(0, 80), max_size=6))
def test_lines_are_the_same_under_every_chunking(
    data: bytes, limit: int, places: list[int]
) -> None:
    wanted = expected(data, limit)
    assert lines(data, limit=limit) == wanted
    assert lines(*one_by_one(data), limit=limit) == wanted
    assert lines(*cut_at(data, places), limit=limit) == wanted
    assert lines(b"", *cut_at(data, places), b"", limit=limit) == wanted


@pytest.mark.rule("S-20")
@given(streams)
def test_what_stands_behind_the_last_line_end_waits_for_more(data: bytes) -> None:
    framer = LineFramer()
    found = framer.receive(data + b"\n" + b"tail")
    assert found == expected(data, MIB)
    assert framer.buffered == 4
    assert framer.receive(b"\r") == []
    assert framer.receive(b"\nnext") == [b"tail"]
    assert framer.buffered == 4


@pytest.mark.rule("S-20")
def test_a_line_end_is_lf_with_or_without_one_cr_before_it() -> None:
    assert lines(b"a\nb\r\nc\r\r\n\r\n\nd") == [b"a", b"b", b"c\r", b"d"]
    assert lines(b"a\rb\n") == [b"a\rb"]
    assert lines(b"a\r") == [b"a"]
    assert lines(b"\r") == []


@pytest.mark.rule("S-20", "S-04")
@pytest.mark.parametrize(
    "character",
    ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x00", "\ufeff"],
)
def test_no_other_character_ends_a_line(character: str) -> None:
    line = f'"{character}"'.encode()
    assert lines(line + b"\n" + line) == [line, line]
    assert lines(*one_by_one(line + b"\n" + line)) == [line, line]


@pytest.mark.rule("T16", "T33")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("limit", [1, 10, 300])
def test_the_limit_holds_to_the_byte(limit: int, step: int, end: bytes) -> None:
    fits, over = b"f" * limit, b"o" * (limit + 1)
    data = fits + end + over + end + b"next"[:limit] + end
    chunks = cut_at(data, range(0, len(data), step))
    assert lines(*chunks, limit=limit) == [
        fits,
        Overlong(limit + 1, limit, over[:HEAD]),
        b"next"[:limit],
    ]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [4, 5, 6, 7, 30])
def test_an_overlong_line_has_one_size_however_it_ends_and_is_cut(size: int, end: bytes) -> None:
    line = b"0123456789" * 3
    data = line[:size] + end
    wanted = [Overlong(size, 4, line[:size])] if size > 4 else [line[:size]]
    for place in range(len(data) + 1):
        assert lines(data[:place], data[place:], limit=4) == wanted
        framer = LineFramer(4)
        framer.receive(line[:place])
        assert framer.buffered == (place if place <= 5 else 0)
    assert lines(*one_by_one(data), limit=4) == wanted


def test_an_overlong_line_is_reported_once_when_its_end_is_seen() -> None:
    framer = LineFramer(4)
    assert framer.receive(b"12345678") == []
    assert framer.receive(b"9") == []
    assert framer.buffered == 0
    assert framer.receive(b"0\nok\n12345") == [Overlong(10, 4, b"1234567890"), b"ok"]
    assert framer.receive_eof() == Overlong(5, 4, b"12345")
    assert framer.receive(b"again\nok") == [Overlong(5, 4, b"again")]


def test_only_the_head_of_an_overlong_line_is_kept() -> None:
    head = bytes(range(32, 127)) * 4
    for chunks in ([head + b"\n"], one_by_one(head + b"\n"), [head[:3], head[3:], b"\n"]):
        assert lines(*chunks, limit=2) == [Overlong(380, 2, head[:HEAD])]


@pytest.mark.rule("T16", "T33")
def test_an_overlong_line_takes_no_memory() -> None:
    framer = LineFramer(64 * 1024)
    chunk = b"x" * 64 * 1024
    tracemalloc.start()
    try:
        for _ in range(512):
            assert framer.receive(chunk) == []
            assert framer.buffered <= framer.limit + 1
        assert tracemalloc.get_traced_memory()[1] < 512 * 1024
    finally:
        tracemalloc.stop()
    assert framer.receive(b"\n") == [Overlong(32 * MIB, 64 * 1024, b"x" * HEAD)]


@pytest.mark.rule("B6", "T16")
@pytest.mark.cost
def test_the_cost_of_a_line_grows_with_its_length_and_no_faster() -> None:
    chunk = b"x" * 64 * 1024

    def cost(size: int) -> float:
        start = time.process_time()
        framer = LineFramer()
        for _ in range(size // len(chunk)):
            framer.receive(chunk)
        (line,) = framer.receive(b"\n")
        assert not isinstance(line, Overlong)
        assert len(line) == size
        return time.process_time() - start

    cost(4 * MIB)
    small = min(cost(4 * MIB) for _ in range(5))
    large = min(cost(16 * MIB) for _ in range(3))
    assert large < 12 * max(small, 0.002)  # four times as much when nothing else runs


@pytest.mark.rule("T16")
@pytest.mark.cost
def test_many_short_lines_in_one_chunk_cost_what_they_weigh() -> None:
    def cost(count: int) -> float:
        data = b"{}\n" * count
        start = time.process_time()
        assert len(LineFramer().receive(data)) == count
        return time.process_time() - start

    small = min(cost(20_000) for _ in range(3))
    assert min(cost(80_000) for _ in range(3)) < 12 * max(small, 0.002)


def test_a_line_of_128_mib_is_kept_unless_another_limit_is_set() -> None:
    assert DEFAULT_LINE_LIMIT == LineFramer().limit == 134_217_728
    assert LineFramer(5).limit == 5
