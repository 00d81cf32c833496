"""The parsers behind the judges: an opinion on heads, and readers of chunks."""

import dataclasses

import pytest

from barewire.transports.http.parsing import ParserName, RequestParser, Unparsable, make_parser_of
from barewire.transports.http.wire import Head, HeadReader
from tests.transports.http.dialogue import PARSERS, get, post

CHUNKED = get("/a", "Transfer-Encoding: chunked").replace(b"GET", b"POST")


def head_of(data: bytes) -> Head:
    head = HeadReader().receive(data)
    assert isinstance(head, Head)
    return head


@pytest.fixture(params=PARSERS)
def name(request: pytest.FixtureRequest) -> ParserName:
    name: ParserName = request.param
    return name


@pytest.fixture
def parser(name: ParserName) -> RequestParser:
    return make_parser_of(name)()


@pytest.mark.parametrize(
    "data", [get(), post("/a?b", b"abc"), CHUNKED, get("*").replace(b"GET", b"OPTIONS")]
)
def test_what_is_read_in_the_same_way_passes(parser: RequestParser, data: bytes) -> None:
    parser.read_head(head_of(data))


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        post("/", b"").replace(b"POST", b"GET"),
        get("/b"),
        get("/", "Content-Length: 3"),
        CHUNKED,
    ],
)
def test_what_is_read_in_another_way_does_not(parser: RequestParser, raw: bytes) -> None:
    head = dataclasses.replace(head_of(post("/", b"")), raw=raw)
    with pytest.raises(Unparsable):
        parser.read_head(head)


def test_chunks_come_in_any_pieces(name: ParserName) -> None:
    body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
    for cut in range(len(body)):
        parser = make_parser_of(name)()
        parser.read_head(head_of(CHUNKED))
        parts = [parser.read_chunks(body[:cut], last=False)]
        parts.append(parser.read_chunks(body[cut:], last=True))
        assert b"".join(parts) == b"abcde"


@pytest.mark.parametrize(
    ("body", "last"),
    [
        (b"x\r\n", False),
        (b"3\r\nabcd\r\n", False),
        (b"3\r\nabc\r\n", True),
        (b"0\r\n\r\n", False),
        (b"0\r\n\r\nGET", True),
    ],
)
def test_chunks_that_end_elsewhere_do_not_pass(
    parser: RequestParser, body: bytes, last: bool
) -> None:
    parser.read_head(head_of(CHUNKED))
    with pytest.raises(Unparsable):
        parser.read_chunks(body, last=last)
