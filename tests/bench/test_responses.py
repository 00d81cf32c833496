import pytest

from bench.driver.responses import EVENTS, JSON, Incoming, Response, responses
from bench.driver.wire import BadReply

PLAIN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n" + b'{"id": 1}'
)
STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
    b"1c\r\nid: 1\r\nretry: 500\r\ndata:\r\n\r\n\r\n"
    b"1c\r\nevent: message\ndata: {}\n\ndat\r\n"
    b'e\r\na: {"id": 1}\n\n\r\n'
    b"0\r\n\r\n"
)
NOTED = b"HTTP/1.1 202 Accepted\r\n\r\n"
ALL = PLAIN + STREAM + NOTED + PLAIN


@pytest.mark.parametrize("answer", [PLAIN, STREAM, NOTED], ids=["plain", "stream", "noted"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_an_answer_is_whole_with_its_last_byte_and_then_comes_the_next(
    answer: bytes, size: int
) -> None:
    incoming = Incoming()
    for _ in range(2):
        cuts = range(0, len(answer), size)
        *before, last = (incoming.take(answer[at : at + size]) for at in cuts)
        assert last
        assert not any(before)


def test_answers_are_read_one_after_the_other() -> None:
    plain, stream, noted, again = responses(ALL)
    assert plain == again == Response(200, plain.fields, b'{"id": 1}')
    assert (plain.form, stream.form, noted.form) == (JSON, EVENTS, "")
    assert (noted.status, noted.messages) == (202, [])


def test_the_messages_of_an_answer_are_lines_whatever_its_form() -> None:
    plain, stream, *_ = responses(ALL)
    assert plain.messages == [b'{"id": 1}\n']
    assert stream.messages == [b"{}\n", b'{"id": 1}\n']


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"something else\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9",
        PLAIN[:-1],
        PLAIN + b"more",
        STREAM[:-5],
        STREAM.replace(b"1c\r\n", b"1b\r\n"),
        STREAM.replace(b"1c\r\n", b"xx\r\n"),
    ],
    ids=["old", "no head", "half a head", "short", "long", "endless", "cut", "no size"],
)
def test_what_is_no_answer_or_not_a_whole_one_is_refused(data: bytes) -> None:
    with pytest.raises(BadReply):
        list(responses(data))
