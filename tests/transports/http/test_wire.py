"""The raw head of a request: beyond doubt, or refused."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.transports.http.wire import HEAD_LIMIT, Head, HeadFault, HeadReader

GOOD = b"POST /mcp HTTP/1.1\r\nHost: localhost:8000\r\nContent-Length: 2\r\n\r\n"


def read(data: bytes, limit: int = HEAD_LIMIT) -> Head | HeadFault | None:
    return HeadReader(limit).receive(data)


def head_with(*lines: bytes, version: bytes = b"1.1", host: bytes = b"Host: a\r\n") -> bytes:
    return b"POST /mcp HTTP/%b\r\n%b%b\r\n" % (version, host, b"".join(lines))


def test_a_head_is_its_method_target_and_fields() -> None:
    head = read(GOOD + b"{}")
    assert isinstance(head, Head)
    assert (head.method, head.target, head.version) == ("POST", "/mcp", "1.1")
    assert head.fields == {"host": "localhost:8000", "content-length": "2"}
    assert head.length == 2
    assert head.raw == GOOD


def test_what_comes_behind_is_left_to_others() -> None:
    reader = HeadReader()
    assert isinstance(reader.receive(GOOD + b"{}"), Head)
    assert reader.rest == b"{}"
    assert not reader.begun
    assert isinstance(reader.receive(GOOD), Head)
    assert reader.rest == b""


@given(cuts=st.lists(st.integers(0, len(GOOD) - 1)))
def test_chunks_may_end_anywhere(cuts: list[int]) -> None:
    reader = HeadReader()
    at = 0
    for cut in sorted(cuts):
        assert reader.receive(GOOD[at:cut]) is None
        at = cut
    assert isinstance(reader.receive(GOOD[at:] + b"x"), Head)
    assert reader.rest == b"x"


def test_lists_in_parts_are_joined() -> None:
    head = read(head_with(b"Accept: a/b\r\n", b"accept:  c/d \r\n"))
    assert isinstance(head, Head)
    assert head.fields["accept"] == "a/b, c/d"


def test_an_empty_line_before_a_request_is_ignored() -> None:
    assert isinstance(read(b"\r\n" + GOOD), Head)


def test_a_chunked_body_has_no_length() -> None:
    head = read(head_with(b"Transfer-Encoding: Chunked\r\n"))
    assert isinstance(head, Head)
    assert head.length is None


def test_values_may_hold_what_is_not_ascii() -> None:
    head = read(head_with(b"X-Name: caf\xe9\r\n", b"X-Tab: a\tb\r\n", b"X-Empty:\r\n"))
    assert isinstance(head, Head)
    assert (head.fields["x-name"], head.fields["x-tab"]) == ("caf\xe9", "a\tb")
    assert head.fields["x-empty"] == ""


@pytest.mark.parametrize("host", [b"a:80", b"[::1]:80", b"[::1]", b"127.0.0.1", b"", b"a.b-c_d:"])
def test_hosts(host: bytes) -> None:
    assert isinstance(read(head_with(host=b"Host: " + host + b"\r\n")), Head)


def test_an_old_client_needs_no_host() -> None:
    assert isinstance(read(head_with(version=b"1.0", host=b"")), Head)


REFUSED = {
    "bare LF at the end of a field": (head_with(b"X: a\nY: b\r\n"), 400),
    "bare LF in the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare CR in a value": (head_with(b"X: a\rb\r\n"), 400),
    "folded field": (head_with(b"X: a\r\n b\r\n"), 400),
    "folded first field": (head_with(host=b" Host: a\r\n"), 400),
    "NUL in a value": (head_with(b"X: a\0b\r\n"), 400),
    "control character in a value": (head_with(b"X: a\x01\r\n"), 400),
    "DEL in a value": (head_with(b"X: a\x7f\r\n"), 400),
    "space before the colon": (head_with(b"Content-Length : 2\r\n"), 400),
    "space in a name": (head_with(b"X Y: 2\r\n"), 400),
    "no name": (head_with(b": 2\r\n"), 400),
    "no colon": (head_with(b"X\r\n"), 400),
    "name beyond ASCII": (head_with(b"X\xc3\xa9: 2\r\n"), 400),
    "two lengths": (head_with(b"Content-Length: 2\r\n", b"Content-Length: 2\r\n"), 400),
    "two lengths in one": (head_with(b"Content-Length: 2, 2\r\n"), 400),
    "signed length": (head_with(b"Content-Length: +2\r\n"), 400),
    "negative length": (head_with(b"Content-Length: -2\r\n"), 400),
    "hexadecimal length": (head_with(b"Content-Length: 0x2\r\n"), 400),
    "empty length": (head_with(b"Content-Length:\r\n"), 400),
    "length in other digits": (head_with("Content-Length: ²\r\n".encode("latin-1")), 400),
    "endless length": (head_with(b"Content-Length: %b\r\n" % (b"9" * 19)), 400),
    "length and chunks": (
        head_with(b"Content-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n"),
        400,
    ),
    "chunks and length": (
        head_with(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 2\r\n"),
        400,
    ),
    "two codings": (
        head_with(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\n"),
        400,
    ),
    "unknown coding": (head_with(b"Transfer-Encoding: gzip, chunked\r\n"), 501),
    "coding in disguise": (head_with(b"Transfer-Encoding: \x0bchunked\r\n"), 400),
    "chunks in 1.0": (head_with(b"Transfer-Encoding: chunked\r\n", version=b"1.0"), 400),
    "no host": (head_with(host=b""), 400),
    "two hosts": (head_with(b"Host: b\r\n"), 400),
    "host with a path": (head_with(host=b"Host: a/b\r\n"), 400),
    "host with credentials": (head_with(host=b"Host: a@b\r\n"), 400),
    "two origins": (head_with(b"Origin: http://a\r\n", b"origin: http://b\r\n"), 400),
    "two content types": (head_with(b"Content-Type: a/b\r\n", b"Content-Type: a/b\r\n"), 400),
    "two sessions": (head_with(b"Mcp-Session-Id: a\r\n", b"MCP-Session-Id: b\r\n"), 400),
    "two mirrored arguments": (head_with(b"Mcp-Param-A: a\r\n", b"mcp-param-a: a\r\n"), 400),
    "two authorizations": (head_with(b"Authorization: a\r\n", b"Authorization: b\r\n"), 400),
    "two spaces in the request line": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "tab in the request line": (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "space in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target beyond ASCII": (b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "version in lower case": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
}


@pytest.mark.rule("T33")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_in_doubt_is_refused(name: str) -> None:
    data, status = REFUSED[name]
    fault = read(data)
    assert isinstance(fault, HeadFault), name
    assert fault.status == status
    assert fault.detail


def test_a_bad_first_line_is_refused_before_the_head_is_whole() -> None:
    assert isinstance(read(b"hello\r\n"), HeadFault)
    assert read(b"POST /mcp HTTP/1.1\r\nHo") is None


@pytest.mark.rule("T33")
def test_a_head_has_a_limit_that_is_named() -> None:
    exact = GOOD[:-2] + b"X: %b\r\n\r\n" % (b"x" * (200 - len(GOOD) - 5))
    assert len(exact) == 200
    assert isinstance(read(exact, limit=200), Head)
    for data in (exact, exact[:-1]):
        fault = read(data, limit=len(data) - 1)
        assert isinstance(fault, HeadFault)
        assert fault.status == 431
        assert "limits.head" in fault.detail


def test_a_head_that_comes_byte_by_byte_costs_no_more_than_its_length() -> None:
    reader = HeadReader(limit=1 << 20)
    assert reader.receive(b"POST /mcp HTTP/1.1\r\n") is None
    line = b"X: %b\r\n" % (b"x" * 100)
    for _ in range(2_000):
        assert reader.receive(line) is None
    assert reader._searched >= len(reader._buffer) - 3


@given(data=st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    read(data)
    read(b"POST / HTTP/1.1\r\nHost: a\r\n" + data + b"\r\n\r\n")


FIELDS = st.lists(
    st.sampled_from(
        [b"X: a\r\n", b"Accept: */*\r\n", b"Content-Length: 3\r\n", b"Y:\t\x80\xff \r\n"]
    )
    | st.binary(max_size=12).map(lambda value: b"Z: " + value + b"\r\n")
)


@given(fields=FIELDS)
def test_what_passes_means_the_same_to_the_parser(fields: list[bytes]) -> None:
    head = read(head_with(*fields))
    if not isinstance(head, Head):
        return
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(head.raw)
    request = parser.next_event()
    assert isinstance(request, h11.Request)
    assert request.target == head.target.encode()
    ours = [(name, value) for name, value in head.fields.items() if name not in ("accept", "x")]
    theirs = {name.decode(): value.decode("latin-1") for name, value in request.headers}
    assert all(
        theirs[name] == value for name, value in ours if name == "content-length" or name == "host"
    )
    assert set(theirs) == set(head.fields)
