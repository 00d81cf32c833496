"""The framing of a chunked body: beyond doubt, or refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.transports.http.chunks import CHUNKS, EXTRAS, ChunkReader
from barewire.transports.http.wire import HeadFault

GOOD = b'3;a;b=c;d="e \\" f"\r\nabc\r\n00A\r\n0123456789\r\n0;last\r\nX-Sum: 1\r\nY:\r\n\r\n'


def read(data: bytes, limit: int = 1000) -> ChunkReader | HeadFault:
    """Read a body; what comes back has found its end or not."""
    reader = ChunkReader(limit)
    framed = reader.receive(data)
    return framed if isinstance(framed, HeadFault) else reader


def status_of(data: bytes, limit: int = 1000) -> int:
    fault = read(data, limit)
    assert isinstance(fault, HeadFault), fault
    return fault.status


def test_a_body_ends_with_its_trailers() -> None:
    reader = ChunkReader(13)
    assert reader.receive(GOOD + b"POST /") == GOOD
    assert reader.ended
    assert reader.rest == b"POST /"


def test_no_line_is_let_through_before_it_is_whole() -> None:
    reader = ChunkReader(1000)
    assert reader.receive(b"3\r") == b""
    assert reader.receive(b"\na") == b"3\r\na"
    assert reader.receive(b"bc\r") == b"bc"
    assert reader.receive(b"\n0\r\n\r") == b"\r\n0\r\n"
    assert not reader.ended
    assert reader.receive(b"\nPOST") == b"\r\n"
    assert reader.ended
    assert reader.rest == b"POST"


@given(cuts=st.lists(st.integers(0, len(GOOD))))
def test_pieces_may_end_anywhere(cuts: list[int]) -> None:
    reader = ChunkReader(1000)
    framed = b""
    for start, end in pairwise([0, *sorted(cuts), len(GOOD)]):
        piece = reader.receive(GOOD[start:end])
        assert isinstance(piece, bytes)
        framed += piece
    assert framed == GOOD
    assert reader.ended


BROKEN = [
    pytest.param(b"0x3\r\nabc\r\n", id="0x"),
    pytest.param(b"+3\r\nabc\r\n", id="plus"),
    pytest.param(b"-3\r\nabc\r\n", id="minus"),
    pytest.param(b"1_0\r\n", id="underscore"),
    pytest.param(b"\xef\xbc\x93\r\nabc\r\n", id="a digit that is not ASCII"),
    pytest.param(b"\r\nabc\r\n", id="no size"),
    pytest.param(b";a\r\nabc\r\n", id="an extension without a size"),
    pytest.param(b"g\r\n", id="no digit"),
    pytest.param(b" 3\r\nabc\r\n", id="a space before"),
    pytest.param(b"3 \r\nabc\r\n", id="a space behind"),
    pytest.param(b"3\t;a\r\nabc\r\n", id="a tab before an extension"),
    pytest.param(b"3; a\r\nabc\r\n", id="a space in an extension"),
    pytest.param(b"3;\r\nabc\r\n", id="an extension without a name"),
    pytest.param(b'3;a="b\r\nabc\r\n', id="a quote that does not end"),
    pytest.param(b"3;a=\x00\r\nabc\r\n", id="NUL in an extension"),
    pytest.param(b"3;a\nabc\r\n", id="an extension that ends with LF"),
    pytest.param(b"3\nabc\r\n", id="a size that ends with LF"),
    pytest.param(b"3\r\r\nabc\r\n", id="CR twice"),
    pytest.param(b"3\r\nabc\n", id="data that ends with LF"),
    pytest.param(b"3\r\nabcd\r\n", id="data longer than its size"),
    pytest.param(b"3\r\nab\r\n0\r\n", id="data shorter than its size"),
    pytest.param(b"00000000000000003\r\nabc\r\n", id="seventeen digits"),
    pytest.param(b"f" * 2000, id="a line without end"),
    pytest.param(b"0\r\nX\r\n\r\n", id="a trailer without a colon"),
    pytest.param(b"0\r\nX : a\r\n\r\n", id="a trailer with a space before its colon"),
    pytest.param(b"0\r\n X: a\r\n\r\n", id="a trailer that goes on"),
    pytest.param(b"0\r\nX: a\n\r\n", id="a trailer that ends with LF"),
    pytest.param(b"0\r\nX: \0\r\n\r\n", id="NUL in a trailer"),
    pytest.param(b"0\r\nContent-Length: 3\r\n\r\n", id="a length as a trailer"),
    pytest.param(b"0\r\ntransfer-encoding: chunked\r\n\r\n", id="a coding as a trailer"),
    pytest.param(b"0\r\n\n", id="an end with LF"),
]


@pytest.mark.parametrize("body", BROKEN)
def test_what_leaves_a_doubt_is_refused(body: bytes) -> None:
    assert status_of(body) == 400
    reader = ChunkReader(1000)
    outcomes = [reader.receive(body[i : i + 1]) for i in range(len(body))]
    assert any(isinstance(outcome, HeadFault) for outcome in outcomes)


@pytest.mark.rule("T33")
@pytest.mark.parametrize("size", [b"b", b"ffffffffffffffff", b"7fffffffffffffff"])
def test_a_body_that_says_it_is_too_long_is_refused_at_once(size: bytes) -> None:
    assert status_of(size + b"\r\n", limit=10) == 413


@pytest.mark.rule("T33")
def test_chunks_count_together() -> None:
    assert isinstance(read(b"5\r\nabcde\r\n" * 2, limit=10), ChunkReader)
    assert status_of(b"5\r\nabcde\r\n" * 2 + b"1\r\n", limit=10) == 413


@pytest.mark.rule("T33")
def test_tiny_chunks_come_to_an_end() -> None:
    assert isinstance(read(b"1\r\na\r\n" * CHUNKS, limit=1 << 20), ChunkReader)
    assert status_of(b"1\r\na\r\n" * (CHUNKS + 1), limit=1 << 20) == 413


@pytest.mark.rule("T33")
def test_extensions_and_trailers_have_a_bound_together() -> None:
    extension = b"1;" + b"a" * 1000 + b"\r\nx\r\n"
    trailer = b"X: " + b"a" * 1000 + b"\r\n"
    assert status_of(extension * (EXTRAS // 1000 + 1)) == 431
    assert status_of(b"0\r\n" + trailer * (EXTRAS // 1000 + 1)) == 431
    half = EXTRAS // 2000 - 1
    assert isinstance(read(extension * half + b"0\r\n" + trailer * half), ChunkReader)


@given(data=st.binary(max_size=60) | st.text('0123abc;=" \r\n', max_size=40).map(str.encode))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    read(data)
    read(b"3\r\nabc\r\n0\r\n" + data)
