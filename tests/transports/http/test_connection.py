"""One connection of our HTTP server: what a client gets for what it sends."""

import dataclasses
import logging
import re
from itertools import pairwise

import pytest

from barewire.session.limits import HttpLimits
from barewire.session.principal import RequestFacts
from barewire.transports.http.incoming import Incoming
from barewire.transports.http.messages import Answer
from barewire.transports.http.parsing import ParserName, Unparsable
from barewire.transports.http.requests import Caller
from barewire.transports.http.wire import Head
from tests.transports.http.dialogue import PARSERS, Dialogue, chunked, get, post


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> ParserName:
    name: ParserName = request.param
    return name


@pytest.fixture
def dialogue(parser: ParserName) -> Dialogue:
    return Dialogue(parser)


# One request


def test_a_request_is_handed_over_and_answered(dialogue: Dialogue) -> None:
    dialogue.send(post("/mcp?a=b?c", b'{"a":1}', "X-Name: caf\xe9"))
    (request,) = dialogue.handler.requests
    assert (request.head.method, request.head.path, request.head.query) == ("POST", "/mcp", "a=b?c")
    assert (request.head.length, request.body) == (7, b'{"a":1}')
    (response,) = dialogue.responses("POST")
    assert (response.status, response.body) == (200, b'{"a":1}')
    assert response.fields["x-path"] == "/mcp"
    assert dialogue.pipe.writes == 1


def test_an_answer_says_when_it_was_made_and_that_the_connection_goes_on(
    dialogue: Dialogue,
) -> None:
    dialogue.send(get())
    fields = dialogue.responses()[0].fields
    assert re.fullmatch(
        r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
        r" \d{4} \d\d:\d\d:\d\d GMT",
        fields["date"],
    )
    assert fields["connection"] == "keep-alive"
    assert fields["keep-alive"] == "timeout=60"
    assert not dialogue.pipe.closed


def test_who_asks_is_told_to_the_handler(parser: ParserName) -> None:
    caller = Caller(("192.0.2.1", 1234), {"subject": "x"}, True)
    dialogue = Dialogue(parser, caller=caller)
    dialogue.send(get())
    head = dialogue.handler.judged[0]
    assert (head.client, head.certificate, head.secure) == (
        ("192.0.2.1", 1234),
        {"subject": "x"},
        True,
    )


def test_a_body_in_chunks_is_put_together(dialogue: Dialogue) -> None:
    dialogue.send(chunked("/a", b"one ", b"two", b"x" * 1000, trailers=b"X-Sum: 3\r\n"))
    assert dialogue.handler.requests[0].body == b"one two" + b"x" * 1000
    assert dialogue.handler.requests[0].head.length is None
    assert dialogue.responses()[0].status == 200


def test_a_body_in_chunks_may_come_in_pieces(dialogue: Dialogue) -> None:
    data = chunked("/a", b"one ", b"two ", b"three")
    dialogue.send(data[:-30], data[-30:-12], data[-12:])
    assert dialogue.handler.requests[0].body == b"one two three"


def test_a_chunked_request_may_be_followed_by_another(dialogue: Dialogue) -> None:
    dialogue.send(chunked("/a", b"one") + chunked("/b", b"two") + post("/c", b"three"))
    assert [r.body for r in dialogue.responses()] == [b"one", b"two", b"three"]


def test_a_wish_for_another_protocol_is_ignored(dialogue: Dialogue) -> None:
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA")
    dialogue.send(post("/a", b"one", *wish))
    head = get("/b", *wish, "Transfer-Encoding: chunked").replace(b"GET", b"POST")
    dialogue.send(head + b"3\r\ntwo\r\n0\r\n\r\n", get("/c"))
    assert [r.body for r in dialogue.responses()] == [b"one", b"two", b""]


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        ("http://b.example:80/mcp?x", "/mcp", "b.example:80"),
        ("HTTPS://b", "/", "b"),
        ("http://b?x", "/", "b"),
    ],
)
def test_a_target_may_be_a_url_whose_host_counts(
    dialogue: Dialogue, target: str, path: str, host: str
) -> None:
    dialogue.send(get(target))
    head = dialogue.handler.judged[0]
    assert (head.path, head.fields["host"]) == (path, host)


@pytest.mark.parametrize("target", ["mcp", "*", "a:443", "http://", "http://u@h/", "ftp://a/"])
def test_a_target_is_a_path_or_such_a_url(dialogue: Dialogue, target: str) -> None:
    dialogue.send(get(target))
    assert dialogue.responses()[0].status == 400
    assert not dialogue.handler.judged


def test_the_whole_server_may_be_asked_for_its_options(dialogue: Dialogue) -> None:
    dialogue.send(get("*").replace(b"GET", b"OPTIONS"))
    assert dialogue.handler.judged[0].path == "*"


@pytest.mark.parametrize("method", [b"BREW", b"get", b"CONNECT", b"PRI"])
def test_methods_that_nobody_here_knows_are_not_implemented(
    dialogue: Dialogue, method: bytes
) -> None:
    dialogue.send(get().replace(b"GET", method))
    assert dialogue.responses()[0].status == 501
    assert dialogue.pipe.closed


# Several requests


def test_the_next_request_follows_on_the_same_connection(dialogue: Dialogue) -> None:
    for number in range(3):
        dialogue.send(post("/a", b"%d" % number))
    assert [r.body for r in dialogue.responses()] == [b"0", b"1", b"2"]


def test_a_head_that_comes_again_is_judged_again_but_not_read_again(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialogue.send(post("/a", b"1"))
    monkeypatch.setattr(Incoming, "_understand", None)
    dialogue.send(post("/a", b"2"), post("/a", b"3" * 12), post("/a", b"4")[:-1], b"4")
    first, second, third, _ = dialogue.handler.judged
    assert first is second
    assert (third.length, third.fields["content-length"]) == (12, "12")
    assert dataclasses.replace(third, length=1, fields=first.fields) == first
    assert [r.body for r in dialogue.responses()] == [b"1", b"2", b"3" * 12, b"4"]


@pytest.mark.rule("T14")
def test_what_a_head_says_can_be_changed_by_nobody(dialogue: Dialogue) -> None:
    dialogue.send(post("/a", b"1"), post("/a", b"2"), post("/a", b"3" * 12), chunked("/a", b"4"))
    for head in dialogue.handler.judged:
        with pytest.raises(TypeError):
            head.fields["host"] = "b"  # type: ignore[index]  # on purpose
        with pytest.raises(TypeError):
            del head.fields["host"]  # type: ignore[attr-defined]  # on purpose
    dialogue.send(post("/a", b"5"))
    assert [head.fields["host"] for head in dialogue.handler.judged] == ["a"] * 5


def test_an_empty_line_before_a_known_head_is_ignored_once_each_time(dialogue: Dialogue) -> None:
    data = post("/a", b"1")
    dialogue.send(data, b"\r\n", data, b"\r\n" + data, b"\r", b"\n", data)
    assert [r.status for r in dialogue.responses()] == [200] * 4
    dialogue.send(b"\r\n", b"\r\n" + data)
    assert dialogue.responses()[4].status == 400


def test_a_known_head_that_has_grown_too_long_is_refused(parser: ParserName) -> None:
    dialogue = Dialogue(parser, limits=small(head=len(post("/a", b"1")) - 1))
    dialogue.send(post("/a", b"1"), post("/a", b"1" * 10))
    assert [r.status for r in dialogue.responses()] == [200, 431]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Length: 1", b"Length: 0"),
        (b"Length: 1", b"Length: 01"),
        (b"Length: 1", b"Length: +1"),
        (b"Length: 1", b"Length: 1,1"),
        (b"Length: 1", b"Length: 1 "),
        (b"Length: 1", b"Length: "),
        (b"Length: 1", b"Length: 1\n"),
        (b"Length: 1", b"Length: 1000000000"),
        (b"Host: a", b"Host: b"),
        (b"Z: z", b"Z: z\0"),
        (b"Z: z", b"Z: z\r\nTransfer-Encoding: chunked"),
        (b"Z: z", b"Z: z\r\nContent-Length: 1"),
    ],
)
def test_a_head_that_is_only_like_another_is_read_for_itself(
    parser: ParserName, old: bytes, new: bytes
) -> None:
    known = post("/a", b"1")[:-3] + b"Z: z\r\n\r\n1"
    fresh, dialogue = Dialogue(parser), Dialogue(parser)
    dialogue.send(known)
    fresh.send(known.replace(old, new))
    dialogue.send(known.replace(old, new))
    assert fresh.handler.judged == dialogue.handler.judged[1:]
    assert fresh.responses()[0].body == dialogue.responses()[1].body


def test_a_head_in_two_pieces_is_read_although_it_was_known(dialogue: Dialogue) -> None:
    data = post("/a", b"1")
    dialogue.send(data, data[:20], data[20:], data[:-1], data[-1:])
    assert [r.body for r in dialogue.responses()] == [b"1", b"1", b"1"]


def test_requests_sent_ahead_are_answered_in_order_one_after_the_other(dialogue: Dialogue) -> None:
    dialogue.send(get("/later") + post("/b", b"b") + get("/later") + get("/d"))
    handler = dialogue.handler
    assert len(handler.requests) == 1
    handler.replies[0].send(Answer(200, (), b"a"))
    assert len(handler.requests) == 1, "nothing is called inside a method of a reply"
    dialogue.turns.run()
    assert len(handler.requests) == 3
    handler.replies[2].send(Answer(200, (), b"c"))
    dialogue.turns.run()
    assert [r.body for r in dialogue.responses()] == [b"a", b"b", b"c", b""]


def test_many_requests_at_once_take_no_deep_stack(dialogue: Dialogue) -> None:
    dialogue.send(get() * 5000)
    assert dialogue.pipe.sent.count(b"HTTP/1.1 200 OK\r\n") == 5000


class Others:
    """What else goes on in the loop: it has a turn whenever everybody else has had one."""

    def __init__(self, dialogue: Dialogue, most: int) -> None:
        self.most = most
        self.dialogue = dialogue
        self.seen = [0]
        """How many requests had been taken by each of their turns."""

    def take_turns(self) -> None:
        self.seen.append(len(self.dialogue.handler.requests))
        if self.seen[-1] < self.most:
            self.dialogue.turns.call_soon(self.take_turns)

    @property
    def longest_wait(self) -> int:
        """The most requests that were taken between two of their turns."""
        return max(later - before for before, later in pairwise(self.seen))


@pytest.mark.rule("T24", "S-59")
@pytest.mark.parametrize("data", [get("/a"), post("/a", b"x"), chunked("/a", b"x")])
def test_who_asks_much_at_once_leaves_others_a_turn_in_between(
    dialogue: Dialogue, data: bytes
) -> None:
    others = Others(dialogue, 300)
    dialogue.turns.call_soon(others.take_turns)
    dialogue.send(data * 300)
    assert others.longest_wait == 1
    assert [r.status for r in dialogue.responses()] == [200] * 300


@pytest.mark.rule("T24", "S-59")
def test_who_goes_on_asking_much_has_no_more_turns_than_others(dialogue: Dialogue) -> None:
    others = Others(dialogue, 300)
    dialogue.turns.call_soon(others.take_turns)
    for _ in range(30):
        dialogue.pipe.on_data(get("/a") * 10)
    taken = len(dialogue.handler.requests)
    dialogue.turns.run()
    assert others.seen == [0, *range(taken, 301)], "one at a time, however it arrived"
    assert [r.status for r in dialogue.responses()] == [200] * 300


def test_early_answers_to_much_at_once_leave_others_a_turn_too(dialogue: Dialogue) -> None:
    sent = list[int]()

    def look() -> None:
        sent.append(dialogue.pipe.sent.count(b"HTTP/1.1 403"))
        if sent[-1] < 300:
            dialogue.turns.call_soon(look)

    dialogue.turns.call_soon(look)
    dialogue.send(get("/forbidden") * 300)
    assert sent == list(range(1, 301))


@pytest.mark.rule("T23")
def test_of_what_is_sent_ahead_a_bounded_part_is_read(dialogue: Dialogue) -> None:
    dialogue.send(get("/later"))
    dialogue.send(get("/b") * 1000)
    assert not dialogue.pipe.paused
    dialogue.send(post("/c", b"x" * 70_000))
    assert dialogue.pipe.paused
    dialogue.handler.replies[0].send(Answer(200))
    dialogue.turns.run()
    assert not dialogue.pipe.paused
    assert len(dialogue.handler.requests) == 1002


@pytest.mark.rule("T23")
def test_who_does_not_read_answers_may_ask_no_more(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(post("/a", b"x" * 70_000))
    dialogue.send(post("/b", b""))
    assert len(dialogue.handler.requests) == 1
    dialogue.pipe.take(40_000)
    dialogue.turns.run()
    assert len(dialogue.handler.requests) == 2


def test_a_client_may_end_the_connection_with_its_request(dialogue: Dialogue) -> None:
    dialogue.send(get("/a", "Connection: foo, Close"))
    assert dialogue.responses()[0].fields["connection"] == "close"
    assert dialogue.closed
    assert dialogue.pipe.linger


def test_what_follows_a_last_request_is_ignored(dialogue: Dialogue) -> None:
    dialogue.send(get("/a", "Connection: close") + get("/b"))
    assert len(dialogue.handler.requests) == 1


# HTTP/1.0


def test_an_old_client_is_answered_once(dialogue: Dialogue) -> None:
    dialogue.send(get("/a", version="1.0"))
    assert dialogue.responses()[0].fields["connection"] == "close"
    assert dialogue.closed


def test_an_old_client_may_ask_to_go_on(dialogue: Dialogue) -> None:
    dialogue.send(get("/a", "Connection: Keep-Alive", version="1.0"))
    assert dialogue.responses()[0].fields["connection"] == "keep-alive"
    dialogue.send(get("/b", version="1.0"))
    assert len(dialogue.responses()) == 2


def test_to_an_old_client_the_end_of_the_connection_ends_a_stream(dialogue: Dialogue) -> None:
    dialogue.send(get("/stream", "Connection: keep-alive", version="1.0"))
    (response,) = dialogue.responses()
    assert response.body == b"one two"
    assert "transfer-encoding" not in response.fields
    assert response.fields["connection"] == "close"
    assert dialogue.closed


# HEAD and answers without a body


@pytest.mark.parametrize("path", ["/a", "/stream", "/forbidden"])
def test_an_answer_to_head_has_no_body(dialogue: Dialogue, path: str) -> None:
    dialogue.send(get(path).replace(b"GET", b"HEAD"), get("/b"))
    head, other = dialogue.responses("HEAD", "GET")
    assert (head.body, other.fields["x-path"]) == (b"", "/b")
    if path == "/forbidden":
        assert head.fields["content-length"] == "2"


def test_what_a_broken_head_is_told_does_not_depend_on_the_one_before(dialogue: Dialogue) -> None:
    dialogue.send(get("/a").replace(b"GET", b"HEAD"), b"nonsense\r\n")
    _, refused = dialogue.responses("HEAD", "GET")
    assert refused.status == 400
    assert refused.body


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_neither_body_nor_length(dialogue: Dialogue, status: int) -> None:
    dialogue.send(get("/later"), get("/b"))
    dialogue.handler.replies[0].send(Answer(status))
    dialogue.turns.run()
    first, second = dialogue.responses()
    assert first.status == status
    assert "content-length" not in first.fields
    assert second.status == 200


def test_an_empty_answer_has_a_length(dialogue: Dialogue) -> None:
    dialogue.send(get("/later"))
    dialogue.handler.replies[0].send(Answer(202))
    assert dialogue.responses()[0].fields["content-length"] == "0"


# Expect


def test_a_client_that_waits_is_told_to_go_on_once_it_was_judged(dialogue: Dialogue) -> None:
    head, body = post("/a", b"x", "Expect: 100-Continue")[:-1], b"x"
    dialogue.send(head)
    assert dialogue.pipe.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    dialogue.send(body)
    (response,) = dialogue.responses()
    assert (response.interim, response.body) == ([100], b"x")


def test_a_client_that_waits_may_be_refused_instead(dialogue: Dialogue) -> None:
    dialogue.send(post("/forbidden", b"x", "Expect: 100-continue")[:-1])
    (response,) = dialogue.responses()
    assert (response.status, response.interim) == (403, [])
    assert response.fields["connection"] == "close"
    assert dialogue.pipe.closed


@pytest.mark.parametrize(
    "data",
    [
        post("/a", b"x", "Expect: 100-continue"),
        post("/a", b"", "Expect: 100-continue"),
        post("/a", b"x", "Expect: 100-continue", version="1.0"),
    ],
)
def test_a_client_that_does_not_wait_is_told_nothing(dialogue: Dialogue, data: bytes) -> None:
    dialogue.send(data[:-1] if data.endswith(b"1.0") else data)
    assert dialogue.responses()[0].interim == []


def test_an_old_client_is_not_told_to_go_on(dialogue: Dialogue) -> None:
    dialogue.send(post("/a", b"x", "Expect: 100-continue", version="1.0")[:-1])
    assert not dialogue.pipe.sent


def test_nothing_else_is_expected(dialogue: Dialogue) -> None:
    dialogue.send(post("/a", b"x", "Expect: miracles"))
    assert dialogue.responses()[0].status == 417
    assert dialogue.pipe.closed


# Limits


def small(**changes: int) -> HttpLimits:
    return dataclasses.replace(HttpLimits(), **changes)


@pytest.mark.rule("T33")
def test_a_body_that_will_be_too_long_is_refused_before_it_comes(parser: ParserName) -> None:
    dialogue = Dialogue(parser, limits=small(body=10))
    dialogue.send(post("/a", b"x" * 10), post("/a", b"x" * 11)[:-11])
    good, refused = dialogue.responses()
    assert (good.status, refused.status) == (200, 413)
    assert b"limits.body" in refused.body
    assert refused.fields["connection"] == "close"
    assert dialogue.pipe.linger


@pytest.mark.rule("T33")
def test_a_body_in_chunks_is_refused_once_it_is_too_long(parser: ParserName) -> None:
    dialogue = Dialogue(parser, limits=small(body=10))
    dialogue.send(chunked("/a", b"x" * 5, b"y" * 5), chunked("/a", b"x" * 5, b"y" * 6, b"z"))
    good, refused = dialogue.responses()
    assert (good.status, refused.status) == (200, 413)


@pytest.mark.rule("T33")
def test_a_head_that_is_too_long_is_refused(parser: ParserName) -> None:
    dialogue = Dialogue(parser, limits=small(head=100))
    dialogue.send(get("/" + "x" * 100))
    assert dialogue.responses()[0].status == 431
    assert dialogue.pipe.closed


# The second opinion


class Doubter:
    """A parser that doubts heads, or bodies."""

    def __init__(self, about: str) -> None:
        self.about = about

    def read_head(self, head: Head) -> None:
        if self.about == "head":
            raise Unparsable("on purpose")

    def read_chunks(self, data: bytes, *, last: bool) -> bytes:
        raise Unparsable("on purpose")


@pytest.mark.parametrize("about", ["head", "body"])
def test_what_the_parser_doubts_is_the_last(about: str) -> None:
    dialogue = Dialogue(make_parser=lambda: Doubter(about))
    dialogue.send(chunked("/a", b"abc") + get("/b"))
    (response,) = dialogue.responses()
    assert (response.status, response.fields["connection"]) == (400, "close")
    assert f"the {about} is not understood" in response.body.decode()
    assert dialogue.closed
    assert not dialogue.handler.requests


# Answers before the body


def test_an_early_answer_to_a_request_without_body_keeps_the_connection(
    dialogue: Dialogue,
) -> None:
    dialogue.send(get("/forbidden"), get("/b"))
    assert [r.status for r in dialogue.responses()] == [403, 200]


def test_an_early_answer_to_a_request_with_body_ends_it_gently(dialogue: Dialogue) -> None:
    dialogue.send(post("/forbidden", b"x" * 100) + get("/b"))
    (response,) = dialogue.responses()
    assert (response.status, response.fields["connection"]) == (403, "close")
    assert dialogue.pipe.linger
    assert not dialogue.handler.requests


def test_a_last_answer_is_taken_before_the_connection_closes(dialogue: Dialogue) -> None:
    dialogue.pipe.reads = False
    dialogue.send(post("/a", b"x" * 100, "Connection: close"))
    assert not dialogue.pipe.closed
    dialogue.send(b"more" * 50_000)
    assert not dialogue.pipe.paused, "its end would not be seen"
    dialogue.pipe.take(100)
    assert not dialogue.pipe.closed
    dialogue.pipe.take(1000)
    assert dialogue.pipe.closed


# Faults of ours


@pytest.mark.parametrize("path", ["/raises", "/judge-raises"])
def test_a_handler_that_raises_is_answered_for(
    dialogue: Dialogue, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, "barewire"):
        dialogue.send(get(path), get("/b"))
    assert [r.status for r in dialogue.responses()] == [500, 200]


def test_a_handler_that_raises_in_the_middle_is_cut(
    dialogue: Dialogue, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, "barewire"):
        dialogue.send(get("/begins-and-raises"))
    assert not dialogue.responses()[0].whole
    assert dialogue.closed


@pytest.mark.parametrize(
    "fields",
    [
        [("X", "a\r\nSet-Cookie: b")],
        [("X", "a\n")],
        [("X", "a\r")],
        [("X\r\nY", "a")],
        [("X", "a\0")],
        [("X", "\u20ac")],
        [("X Y", "a")],
        [("", "a")],
    ],
)
def test_fields_that_would_be_something_else_are_not_sent(
    dialogue: Dialogue, fields: list[tuple[str, str]]
) -> None:
    dialogue.send(get("/later"), get("/later"), get("/c"))
    with pytest.raises(ValueError, match="field"):
        dialogue.handler.replies[0].send(Answer(200, fields))
    dialogue.turns.run()
    with pytest.raises(ValueError, match="field"):
        dialogue.handler.replies[1].begin(200, fields)
    dialogue.turns.run()
    assert [r.status for r in dialogue.responses()] == [500, 500, 200]


def test_an_early_answer_with_such_fields_is_not_sent_either(
    dialogue: Dialogue, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, "barewire"):
        dialogue.send(get("/bad-field"), get("/b"))
    assert [r.status for r in dialogue.responses()] == [500, 200]


def test_without_any_answer_that_could_be_sent_the_connection_ends(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(status: int, detail: str, head: RequestFacts | None) -> Answer:
        return Answer(status, [("X", detail + "\n")])

    monkeypatch.setattr(dialogue.handler, "refused", refused)
    with caplog.at_level(logging.CRITICAL, "barewire"):
        dialogue.send(b"nonsense\r\n")
    assert not dialogue.pipe.sent
    assert dialogue.closed


def test_a_refusal_that_cannot_be_worded_is_sent_without_words(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dialogue.handler, "refused", None)
    with caplog.at_level(logging.CRITICAL, "barewire"):
        dialogue.send(b"nonsense\r\n")
    (response,) = dialogue.responses()
    assert (response.status, response.body) == (400, b"")


def test_replies_have_an_order_of_use(dialogue: Dialogue) -> None:
    dialogue.send(get("/later"))
    reply = dialogue.handler.replies[0]
    with pytest.raises(RuntimeError):
        reply.write(b"x")
    with pytest.raises(RuntimeError):
        reply.end()
    reply.begin(200, [])
    with pytest.raises(RuntimeError):
        reply.begin(200, [])
    with pytest.raises(RuntimeError):
        reply.send(Answer(200))
    reply.end()
    reply.begin(200, [])
    reply.send(Answer(200))
    reply.write(b"x")
    reply.end()
    reply.abort()
    dialogue.turns.run()
    assert len(dialogue.responses()) == 1
