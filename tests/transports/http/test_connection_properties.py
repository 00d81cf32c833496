"""Whatever is sent, however it is cut and whoever parses it: the outcome is the same."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from barewire.transports.http.parsing import ParserName
from barewire.transports.http.wire import HeadReader
from tests.transports.http.dialogue import PARSERS, Dialogue, chunked, get, post

WHOLE = [
    get("/a"),
    get("/a?q=1", "Accept: x", "Accept: y"),
    get("/stream"),
    get("/forbidden"),
    get("*").replace(b"GET", b"OPTIONS"),
    get("/a").replace(b"GET", b"HEAD"),
    get("/stream").replace(b"GET", b"HEAD"),
    get("http://b/a"),
    get("/a", "Connection: Upgrade", "Upgrade: h2c"),
    get("/a", version="1.0"),
    get("/stream", "Connection: keep-alive", version="1.0"),
    post("/a", b""),
    post("/a", b"abc"),
    post("/a", b"abcdefghij"),
    post("/a", b"0", "Accept: x").replace(b"Length: 1", b"Length: 01"),
    post("/stream", b'{"jsonrpc":"2.0"}\r\n\r\n'),
    post("/forbidden", b"abc"),
    post("/a", b"abc", "Expect: 100-continue"),
    post("/a", b"abc", "Connection: close"),
    chunked("/a"),
    chunked("/a", b"abc", b"de"),
    chunked("/stream", b"abc", trailers=b"X: y\r\n"),
    chunked("/a", b"abc").replace(b"3\r\n", b'003;a="b";c\r\n'),
    chunked("/a", b"abc").replace(b"Host", b"Connection: upgrade\r\nUpgrade: x\r\nHost"),
    b"\r\n" + get("/a"),
]

# What attacks are made of.
SPICES = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b"\t",
            b":",
            b";",
            b",",
            b"=",
            b'"',
            b"0",
            b"9",
            b"f",
        ),
        *(
            b"\r\n\r\n",
            b"0\r\n\r\n",
            b"+",
            b"-",
            b"_",
            b"x",
            b"\xe9",
            b"\x7f",
            b"/",
            b"*",
            b"#",
            b"@",
        ),
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: b\r\n",
        b"Expect: 100-continue\r\n",
        b"Connection: close\r\n",
        b"X: y\r\n",
        b"HTTP/1.1",
        b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A request with something put in place of something."""
    data = draw(st.sampled_from(WHOLE))
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(SPICES) + data[at + draw(st.integers(0, 3)) :]


SEQUENCES = st.lists(st.sampled_from(WHOLE) | spoiled(), min_size=1, max_size=4).map(b"".join)


def outcome(dialogue: Dialogue) -> object:
    """What came of it. Interim answers are only for who waits, so they depend on the moment."""
    sent = bytes(dialogue.pipe.sent).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    return (
        [(r.head.method, r.head.path, r.head.fields, r.body) for r in dialogue.handler.requests],
        re.sub(rb"Date: [^\r]*", b"", sent),
        dialogue.closed,
    )


def delivered(parser: ParserName, chunks: list[bytes]) -> Dialogue:
    dialogue = Dialogue(parser)
    dialogue.send(*chunks)
    return dialogue


@pytest.mark.parametrize("parser", PARSERS)
@settings(max_examples=150)
@given(data=SEQUENCES, cuts=st.lists(st.integers(0, 300), max_size=12))
def test_where_bytes_are_cut_makes_no_difference(
    parser: ParserName, data: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert outcome(delivered(parser, pieces)) == outcome(delivered(parser, [data]))


@pytest.mark.parametrize("parser", PARSERS)
@settings(max_examples=60)
@given(data=SEQUENCES)
def test_bytes_may_come_one_by_one(parser: ParserName, data: bytes) -> None:
    pieces = [data[i : i + 1] for i in range(len(data))]
    assert outcome(delivered(parser, pieces)) == outcome(delivered(parser, [data]))


@settings(max_examples=150)
@given(data=spoiled(), limit=st.integers(10, 120))
def test_a_head_meets_its_limit_wherever_it_is_cut(data: bytes, limit: int) -> None:
    whole, piecewise = HeadReader(limit), HeadReader(limit)
    expected = whole.receive(data)
    for i in range(len(data)):
        found = piecewise.receive(data[i : i + 1])
        if found is not None:
            assert found == expected
            return
    assert expected is None


@settings(max_examples=300)
@given(data=SEQUENCES)
@example(get("/a#b"))
@example(get('/"<>\\^`{|}'))
def test_both_parsers_see_what_the_judges_see(data: bytes) -> None:
    plain, fast = (delivered(parser, [data]) for parser in PARSERS)
    assert outcome(plain) == outcome(fast)
    assert b"is not understood" not in plain.pipe.sent


TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
VALUES = st.binary(max_size=12)
NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=8)


@settings(max_examples=150)
@given(
    target=TARGETS,
    fields=st.lists(st.tuples(NAMES.map(str.encode) | st.just(b"Connection"), VALUES), max_size=4),
)
def test_both_parsers_read_every_head_that_is_let_through(
    target: str, fields: list[tuple[bytes, bytes]]
) -> None:
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    data = b"GET /%b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (target.encode(), lines)
    plain, fast = (delivered(parser, [data]) for parser in PARSERS)
    assert outcome(plain) == outcome(fast)
    assert b"is not understood" not in plain.pipe.sent


@settings(max_examples=150)
@given(data=st.binary(max_size=200))
def test_noise_is_refused_or_waited_for(data: bytes) -> None:
    dialogue = delivered("h11", [data])
    assert not dialogue.handler.requests
    assert dialogue.closed == bool(dialogue.pipe.sent)
