"""What is sent to a server to make it and its neighbours disagree: one answer, and no more."""

import logging

import pytest

from barewire.transports.http.parsing import ParserName
from tests.transports.http.dialogue import PARSERS, Dialogue, chunked, get, post
from tests.transports.http.test_chunks import BROKEN

pytestmark = pytest.mark.parametrize("parser", PARSERS)

HOST = b"Host: a\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def head(*lines: bytes, first: bytes = b"POST /a HTTP/1.1", host: bytes = HOST) -> bytes:
    return b"".join((first, b"\r\n", host, *(line + b"\r\n" for line in lines), b"\r\n"))


LENGTH, CHUNKED = b"Content-Length: 5", b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"

HEADS = [
    # Two lengths, and two ways to say one
    pytest.param(head(LENGTH, CHUNKED) + END, 400, id="CL.TE"),
    pytest.param(head(CHUNKED, LENGTH) + END, 400, id="TE.CL"),
    pytest.param(head(CHUNKED, CHUNKED) + END, 400, id="TE.TE"),
    pytest.param(head(CHUNKED, b"Transfer-Encoding: identity") + END, 400, id="TE.TE identity"),
    pytest.param(head(LENGTH, LENGTH) + b"12345", 400, id="CL.CL the same"),
    pytest.param(head(LENGTH, b"Content-Length: 0"), 400, id="CL.CL another"),
    pytest.param(head(b"Content-Length: 5, 5") + b"12345", 400, id="CL list"),
    # Lengths that are none
    pytest.param(head(b"Content-Length: +5") + b"12345", 400, id="CL +"),
    pytest.param(head(b"Content-Length: -0"), 400, id="CL -"),
    pytest.param(head(b"Content-Length: 0x5") + b"12345", 400, id="CL 0x"),
    pytest.param(head(b"Content-Length: 1_0") + b"1234567890", 400, id="CL _"),
    pytest.param(head(b"Content-Length: 5 5") + b"12345", 400, id="CL space"),
    pytest.param(head(b"Content-Length:"), 400, id="CL empty"),
    pytest.param(head(b"Content-Length: " + b"9" * 30), 400, id="CL thirty digits"),
    # Codings that are none
    pytest.param(head(b"Transfer-Encoding: xchunked") + END, 501, id="TE xchunked"),
    pytest.param(head(b"Transfer-Encoding: chunked, chunked") + END, 501, id="TE twice in one"),
    pytest.param(head(b"Transfer-Encoding: gzip, chunked") + END, 501, id="TE gzip"),
    pytest.param(head(b"Transfer-Encoding: chunked;a") + END, 501, id="TE parameter"),
    pytest.param(head(b"Transfer-Encoding: \x0bchunked") + END, 400, id="TE vertical tab"),
    pytest.param(head(b"Transfer-Encoding:") + END, 501, id="TE empty"),
    pytest.param(head(b"Transfer-Encoding : chunked") + END, 400, id="TE space before colon"),
    pytest.param(head(b" Transfer-Encoding: chunked") + END, 400, id="TE space before name"),
    pytest.param(head(b"X: a", b"\tTransfer-Encoding: chunked") + END, 400, id="TE folded"),
    pytest.param(head(CHUNKED, first=b"POST /a HTTP/1.0") + END, 400, id="TE in HTTP/1.0"),
    # Lines and fields
    pytest.param(b"POST /a HTTP/1.1\nHost: a\n\n", 400, id="LF only"),
    pytest.param(b"POST /a HTTP/1.1\r\nHost: a\n\r\n", 400, id="LF in a field"),
    pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", 400, id="CR in a field"),
    pytest.param(head(b"X: a\0b"), 400, id="NUL in a value"),
    pytest.param(head(b"X\0: a"), 400, id="NUL in a name"),
    pytest.param(head(b"X: a\x7f"), 400, id="DEL in a value"),
    pytest.param(head(b"X"), 400, id="no colon"),
    pytest.param(head(b": a"), 400, id="no name"),
    pytest.param(head(b"X(: a"), 400, id="a name that is no token"),
    pytest.param(head(b"X\xe9: a"), 400, id="a name beyond ASCII"),
    pytest.param(head(b"X: a", b" b"), 400, id="obs-fold"),
    # Hosts
    pytest.param(head(host=b""), 400, id="no host"),
    pytest.param(head(HOST[:-2]), 400, id="two hosts"),
    pytest.param(head(host=b"Host: a b\r\n"), 400, id="a host with a space"),
    pytest.param(head(host=b"Host: a@b\r\n"), 400, id="a host with a user"),
    pytest.param(head(host=b"Host: a/b\r\n"), 400, id="a host with a path"),
    # First lines
    pytest.param(head(first=b"POST  /a HTTP/1.1"), 400, id="two spaces"),
    pytest.param(head(first=b"POST /a b HTTP/1.1"), 400, id="a space in the target"),
    pytest.param(head(first=b"POST\t/a HTTP/1.1"), 400, id="a tab"),
    pytest.param(head(first=b" POST /a HTTP/1.1"), 400, id="a space first"),
    pytest.param(head(first=b"POST /\xe9 HTTP/1.1"), 400, id="a target beyond ASCII"),
    pytest.param(head(first=b"POST /a"), 400, id="HTTP/0.9"),
    pytest.param(head(first=b"POST /a HTTP/1.1 "), 400, id="a space last"),
    pytest.param(head(first=b"POST /a http/1.1"), 400, id="http in lower case"),
    pytest.param(head(first=b"POST /a HTTP/1.10"), 400, id="HTTP/1.10"),
    pytest.param(head(first=b"POST /a HTTP/2.0"), 505, id="HTTP/2.0"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="the preface of HTTP/2"),
    pytest.param(b"\r\n\r\n" + head(), 400, id="two empty lines first"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400, id="TLS"),
    # Other names for the same fields
    pytest.param(head(b"Authorization: a", b"authorization: b"), 400, id="two authorizations"),
    pytest.param(head(b"Mcp-Session-Id: a", b"mcp-session-id: b"), 400, id="two sessions"),
]


@pytest.mark.rule("T33")
@pytest.mark.parametrize(("data", "status"), HEADS)
def test_a_head_that_leaves_a_doubt_is_the_last(
    parser: ParserName, data: bytes, status: int
) -> None:
    dialogue = Dialogue(parser)
    dialogue.send(get("/before") + data + SMUGGLED)
    dialogue.send(SMUGGLED)
    before, refused = dialogue.responses()
    assert (before.status, refused.status) == (200, status)
    assert refused.fields["connection"] == "close"
    assert dialogue.closed
    assert [request.head.path for request in dialogue.handler.requests] == ["/before"]


@pytest.mark.rule("T33")
@pytest.mark.parametrize("body", BROKEN)
def test_chunks_that_leave_a_doubt_are_the_last(parser: ParserName, body: bytes) -> None:
    dialogue = Dialogue(parser)
    dialogue.send(head(CHUNKED) + body + SMUGGLED)
    dialogue.send(SMUGGLED)
    (refused,) = dialogue.responses()
    assert refused.status == 400
    assert dialogue.closed
    assert not dialogue.handler.requests


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n" + get("/a"),
        get("/a").replace(b"Host: a", b"hOsT:a \t"),
        get("/a").replace(b"Host: a", b"Host: [::1]:80"),
        post("/a", b"").replace(b"Length: 0", b"Length: 000"),
        head(b"Transfer-Encoding: Chunked", b"X: caf\xe9", b"Y:") + END,
        head(CHUNKED) + b'00003;a="b c";d\r\nabc\r\n0;x\r\nT: 1\r\nU: \xe9\r\n\r\n',
        chunked("/a", *[b"x"] * 100),
        head(b"Connection: Upgrade, close", b"Upgrade: h2c") + get("/a"),
    ],
)
def test_what_leaves_no_doubt_is_answered(parser: ParserName, data: bytes) -> None:
    dialogue = Dialogue(parser)
    dialogue.send(data)
    assert dialogue.responses()[0].status == 200


SEQUENCE = (
    get("/a")
    + post("/forbidden", b"")
    + chunked("/stream", b"one", b"two", trailers=b"T: 1\r\n")
    + post("/a", b"12345", "Expect: 100-continue")
    + get("/begin")
    + post("/later", b"12")
)


@pytest.mark.rule("T17")
@pytest.mark.parametrize("reason", [None, ConnectionResetError()], ids=["end", "reset"])
def test_clients_may_leave_at_every_byte(
    parser: ParserName, reason: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for cut in range(len(SEQUENCE) + 1):
        dialogue = Dialogue(parser)
        dialogue.send(SEQUENCE[:cut])
        dialogue.eof(reason)
        dialogue.pipe.broken = BrokenPipeError()
        dialogue.turns.pass_time(0.1)
        assert dialogue.closed
        assert not dialogue.turns.later, "no timer is left"
        assert all(reply.gone for reply in dialogue.handler.replies)
    assert not caplog.records


def test_clients_may_be_slow_at_every_byte(parser: ParserName) -> None:
    for cut in range(len(SEQUENCE) + 1):
        dialogue = Dialogue(parser)
        dialogue.send(SEQUENCE[:cut])
        dialogue.wait(70)
        running = [reply for reply in dialogue.handler.replies if not reply.gone]
        assert dialogue.closed == (not running)
