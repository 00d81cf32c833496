"""Server-sent events: what we write, we read, and we read what the HTML Standard says."""

import re
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.sse import (
    DEFAULT_EVENT_LIMIT,
    Event,
    EventParser,
    Overlong,
    encode_comment,
    encode_event,
)

MIB = 1 << 20


def parse(*chunks: bytes, limit: int = MIB) -> list[Event | Overlong]:
    parser = EventParser(limit)
    return [happened for chunk in chunks for happened in parser.receive(chunk)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def cut_at(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def in_every_way(stream: bytes, expected: list[Event | Overlong], limit: int = MIB) -> None:
    """Whole, byte by byte, and with the beginning of another event behind."""
    assert parse(stream, limit=limit) == expected
    assert parse(*one_by_one(stream), limit=limit) == expected
    assert parse(stream + b"id: 9\ndata: unfinished", limit=limit) == expected


def reference(stream: bytes) -> tuple[list[Event | Overlong], str | None, int | None]:
    """Read a whole stream as the HTML Standard words it, one line at a time, without a limit."""
    lines = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))[:-1]
    events: list[Event | Overlong] = []
    last_id: str | None = None
    time_: int | None = None
    data: list[bytes] = []
    event, id_, retry = "", None, None
    for line in lines:
        if line == b"":
            last_id = last_id if id_ is None else id_
            if data:
                events.append(Event(event or "message", b"\n".join(data), id_, retry))
            data, event, id_, retry = [], "", None, None
            continue
        if b":" in line:
            field, value = line.split(b":", 1)
            value = value[1:] if value.startswith(b" ") else value
        else:
            field, value = line, b""
        match field:
            case b"data":
                data.append(value)
            case b"event":
                event = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                id_ = value.decode("utf-8", "replace")
            case b"retry" if re.fullmatch(rb"[0-9]{1,15}", value):
                retry = time_ = int(value)
            case _:
                pass
    return events, last_id, time_


one_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
events = st.builds(
    Event,
    event=st.just("message") | one_line.filter(bool),
    data=st.binary() | st.text(st.sampled_from("a\r\n\u2028\U0001f600:\x00 ")).map(str.encode),
    id=st.none() | one_line,
    retry=st.none() | st.integers(0, 10**15 - 1),
)
# Bytes that mean something to the parser are drawn more often than others.
pieces = st.sampled_from(
    [
        *(
            b"data",
            b"event",
            b"id",
            b"retry",
            b":",
            b" ",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"\0",
            b"7",
        ),
        *(b"data: x\n", b"message", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xff"),
    ]
)
streams = st.lists(pieces | st.binary(max_size=4), max_size=40).map(b"".join)
places = st.lists(st.integers(0, 200), max_size=8)


class TestEncoding:
    @pytest.mark.rule("SR-139", "DEV-09", "DEV-40")
    def test_a_message_is_two_lines_and_a_blank_one(self) -> None:
        stream = encode_event(b'{"a":1}')
        assert stream == b'event: message\ndata: {"a":1}\n\n'
        in_every_way(stream, [Event("message", b'{"a":1}')])

    def test_all_fields(self) -> None:
        assert (
            encode_event(b"/mcp", event="endpoint", id="7", retry=500)
            == b"event: endpoint\nid: 7\nretry: 500\ndata: /mcp\n\n"
        )

    @pytest.mark.parametrize("event", [None, ""])
    def test_an_event_without_a_name_is_written_without_the_field(self, event: str | None) -> None:
        assert encode_event(b"x", event=event) == b"data: x\n\n"

    @pytest.mark.rule("M1125-HTTP-21")
    def test_a_priming_event_has_an_id_and_empty_data(self) -> None:
        stream = encode_event(b"", event=None, id="1")
        assert stream == b"id: 1\ndata: \n\n"
        assert parse(stream) == [Event("message", b"", "1")]

    @pytest.mark.rule("H-06", "S-04")
    def test_only_line_feeds_are_written_and_every_line_of_data_is_a_data_line(self) -> None:
        stream = encode_event(b"a\r\nb\rc\n\nd\n")
        assert stream == b"event: message\ndata: a\ndata: b\ndata: c\ndata: \ndata: d\ndata: \n\n"

    @pytest.mark.parametrize("field", ["id", "event"])
    @pytest.mark.parametrize("value", ["a\nb", "\r", "a\0"])
    def test_a_field_that_would_break_the_line_is_refused_by_name(
        self, field: str, value: str
    ) -> None:
        with pytest.raises(ValueError, match=f"^{field} "):
            encode_event(b"", **{field: value})  # type: ignore[arg-type]

    def test_a_field_without_a_utf8_form_is_refused(self) -> None:
        with pytest.raises(ValueError, match="surrogates"):
            encode_event(b"", id="\ud800")

    def test_a_negative_retry_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^retry .* -1$"):
            encode_event(b"", retry=-1)

    def test_a_comment_ends_with_a_blank_line(self) -> None:
        assert encode_comment() == b":\n\n"
        assert encode_comment("still here") == b": still here\n\n"

    def test_a_comment_of_two_lines_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^comment "):
            encode_comment("a\ndata: injected")


class TestReading:
    @pytest.mark.rule("H-06", "C-25")
    @pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
    def test_lines_end_with_lf_cr_or_crlf(self, end: bytes) -> None:
        lines = [b"event: a", b"data: 1", b"data: 2", b"", b"data: 3", b"", b""]
        in_every_way(end.join(lines), [Event("a", b"1\n2"), Event("message", b"3")])

    def test_line_ends_may_be_mixed(self) -> None:
        in_every_way(b"data: 1\rdata: 2\r\ndata: 3\n\r\n", [Event("message", b"1\n2\n3")])

    def test_a_carriage_return_ends_the_event_before_the_next_byte_comes(self) -> None:
        parser = EventParser()
        assert parser.receive(b"data: 1\r\n\r") == [Event("message", b"1")]
        assert parser.receive(b"\ndata: 2\n\n") == [Event("message", b"2")]

    def test_a_line_feed_in_a_chunk_of_its_own_belongs_to_the_carriage_return(self) -> None:
        assert parse(b"data: 1\r", b"\n", b"data: 2\r\n", b"\r", b"", b"\n") == [
            Event("message", b"1\n2")
        ]

    @pytest.mark.rule("H-06", "C-25")
    def test_a_byte_order_mark_is_dropped_once(self) -> None:
        in_every_way(b"\xef\xbb\xbfdata: 1\n\n", [Event("message", b"1")])
        in_every_way(b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\n\ndata: 2\n\n", [Event("message", b"2")])
        in_every_way(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [Event("message", b"1")])

    def test_what_only_begins_like_a_byte_order_mark_is_no_mark(self) -> None:
        in_every_way(b"\xef\xbbdata: 1\n\ndata: 2\n\n", [Event("message", b"2")])

    def test_one_space_behind_the_colon_is_dropped(self) -> None:
        in_every_way(b"data:1\ndata: 2\ndata:  3\n\n", [Event("message", b"1\n2\n 3")])

    def test_a_field_needs_no_colon(self) -> None:
        in_every_way(b"data\ndata\nevent\n\n", [Event("message", b"\n")])

    @pytest.mark.rule("H-06", "C-25", "DEV-09")
    def test_comments_and_unknown_fields_are_ignored(self) -> None:
        stream = b": ping\n:\nfoo: 1\n data: 2\ndata : 3\nDATA: 4\ndata: 5\n:data: 6\n\n"
        in_every_way(stream, [Event("message", b"5")])

    @pytest.mark.rule("C-25")
    def test_a_code_point_may_be_cut_in_two(self) -> None:
        data = "\U0001f600\u2028é".encode()
        in_every_way(encode_event(data, event="é\U0001f600"), [Event("é\U0001f600", data)])

    def test_bytes_that_are_no_utf8_stay_in_data_and_are_replaced_in_names(self) -> None:
        in_every_way(b"event: \xff\ndata: \xff\n\n", [Event("\ufffd", b"\xff")])

    def test_other_line_separators_are_part_of_the_data(self) -> None:
        data = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029".encode()
        in_every_way(b"data: " + data + b"\n\n", [Event("message", data)])

    def test_an_empty_data_line_is_an_event_with_empty_data(self) -> None:
        in_every_way(b"id: 1\ndata:\n\n", [Event("message", b"", "1")])

    def test_a_name_without_data_does_not_reach_the_next_event(self) -> None:
        in_every_way(b"event: a\n\ndata: 1\n\n", [Event("message", b"1")])

    @pytest.mark.rule("C-25")
    def test_a_block_without_data_fires_nothing_but_its_id_and_retry_count(self) -> None:
        parser = EventParser()
        assert parser.receive(b"id: 5\nretry: 250\n\n") == []
        assert (parser.last_event_id, parser.retry) == ("5", 250)

    def test_nothing_is_known_before_the_stream_says_it(self) -> None:
        parser = EventParser()
        assert (parser.last_event_id, parser.retry) == (None, None)

    def test_an_event_knows_its_own_id_and_the_parser_the_last_one(self) -> None:
        parser = EventParser()
        assert parser.receive(b"id: 1\ndata: a\n\ndata: b\n\n") == [
            Event("message", b"a", "1"),
            Event("message", b"b"),
        ]
        assert parser.last_event_id == "1"

    def test_an_empty_id_takes_the_last_one_back(self) -> None:
        parser = EventParser()
        parser.receive(b"id: 1\ndata: a\n\nid\ndata: b\n\n")
        assert parser.last_event_id == ""

    def test_an_id_with_nul_is_ignored(self) -> None:
        parser = EventParser()
        assert parser.receive(b"id: 1\nid: 2\0\ndata: a\n\n") == [Event("message", b"a", "1")]

    def test_an_id_counts_only_when_its_event_is_whole(self) -> None:
        parser = EventParser()
        parser.receive(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")
        assert parser.receive_eof() == []
        assert parser.last_event_id == "1"

    @pytest.mark.rule("C-25")
    @pytest.mark.parametrize(
        "value",
        [b"", b"-1", b"1.5", b"1 ", b"+1", b"0x1", "\u0661".encode(), b"1" * 16, b"9" * 5000],
    )
    def test_a_retry_that_is_no_plausible_number_of_digits_is_ignored(self, value: bytes) -> None:
        parser = EventParser()
        parser.receive(b"retry: 100\nretry: " + value + b"\n\n")
        assert parser.retry == 100

    @pytest.mark.rule("M1125-HTTP-23")
    def test_a_retry_before_the_connection_closes_needs_no_blank_line(self) -> None:
        parser = EventParser()
        parser.receive(b"retry: 0500\n")
        assert parser.receive_eof() == []
        assert parser.retry == 500

    def test_an_unfinished_event_is_dropped(self) -> None:
        for stream in (b"data: 1\n", b"data: 1", b"data: 1\n:", b"\xef\xbb"):
            parser = EventParser()
            assert parser.receive(stream) == []
            assert parser.receive_eof() == []
            assert parser.buffered == 0


class TestLimit:
    @pytest.mark.rule("B7")
    def test_the_default_is_128_mib(self) -> None:
        assert EventParser().limit == DEFAULT_EVENT_LIMIT == 128 * MIB

    @pytest.mark.rule("B7", "T16", "T33")
    def test_an_event_at_the_limit_is_kept_and_one_byte_more_is_reported(self) -> None:
        fits, exceeds = b"data: 12345\n\n", b"data: 123456\n\n"
        in_every_way(fits + fits, [Event("message", b"12345")] * 2, limit=11)
        in_every_way(
            exceeds + fits, [Overlong(size=12, limit=11), Event("message", b"12345")], limit=11
        )

    def test_all_lines_of_an_event_count_but_comments_and_line_ends(self) -> None:
        stream = b":" + b"x" * 99 + b"\nevent: a\r\ndata:1\r\nfoo\r\n\r\n"
        in_every_way(stream, [Event("a", b"1")], limit=17)
        in_every_way(stream, [Overlong(17, 16)], limit=16)

    def test_a_stream_of_comments_may_be_of_any_length(self) -> None:
        in_every_way(b": ping\n" * 100 + b"data: 1\n\n", [Event("message", b"1")], limit=20)

    def test_the_id_and_retry_of_an_overlong_event_count_wherever_they_stand(self) -> None:
        for stream in (
            b"id: 3\nretry: 9\ndata: " + b"x" * 99 + b"\n\n",
            b"data: " + b"x" * 99 + b"\ndata: y\ndata:z\nid: 3\nretry: 9\n\n",
        ):
            for chunks in ([stream], one_by_one(stream)):
                parser = EventParser(limit=50)
                happened = [h for chunk in chunks for h in parser.receive(chunk)]
                assert happened == [Overlong(len(stream.replace(b"\n", b"")), 50)]
                assert (parser.last_event_id, parser.retry) == ("3", 9)

    def test_an_overlong_id_or_unknown_field_is_an_overlong_event(self) -> None:
        for line in (b"id: " + b"7" * 2000, b"foo" * 700, b"data:" * 500):
            in_every_way(line + b"\ndata: 1\n\n", [Overlong(len(line) + 7, 1000)], limit=1000)

    def test_a_line_of_any_length_inside_an_overlong_event_is_ignored(self) -> None:
        stream = b"data: 12345\nid: " + b"7" * 5000 + b"\nid: 8\n\n"
        for chunks in ([stream], one_by_one(stream), cut(stream, 700)):
            parser = EventParser(limit=10)
            happened = [h for chunk in chunks for h in parser.receive(chunk)]
            assert happened == [Overlong(11 + 5004 + 5, 10)]
            assert parser.last_event_id == "8"

    def test_an_overlong_event_that_the_stream_does_not_end_is_reported_at_its_end(self) -> None:
        parser = EventParser(limit=10)
        assert parser.receive(b"data: 12345\ndata") == []
        assert parser.receive_eof() == [Overlong(15, 10)]
        assert parser.receive_eof() == []

    @pytest.mark.rule("T16", "T33")
    def test_an_overlong_event_is_discarded_in_constant_memory(self) -> None:
        chunk = b"x" * 65536
        tracemalloc.start()
        try:
            parser = EventParser(limit=MIB)
            parser.receive(b"data: ")
            for _ in range(32 * 16):
                parser.receive(chunk)
            assert parser.buffered < 2000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert parser.receive(b"\n\ndata: 1\n\n") == [
            Overlong(32 * MIB + 6, MIB),
            Event("message", b"1"),
        ]
        assert peak < 3 * MIB

    @pytest.mark.rule("T33")
    def test_an_endless_comment_is_not_kept(self) -> None:
        parser = EventParser()
        parser.receive(b":")
        for _ in range(64):
            parser.receive(b"x" * 65536)
        assert parser.buffered == 1


class TestProperties:
    @given(st.lists(events, max_size=5), places)
    @pytest.mark.rule("H-06", "C-25", "S-04")
    def test_what_is_written_is_read_back_however_it_is_cut(
        self, sent: list[Event], places: list[int]
    ) -> None:
        stream = b"".join(encode_event(e.data, event=e.event, id=e.id, retry=e.retry) for e in sent)
        expected: list[Event | Overlong] = [
            Event(e.event, re.sub(rb"\r\n?", b"\n", e.data), e.id, e.retry) for e in sent
        ]
        in_every_way(stream, expected)
        assert parse(*cut_at(stream, places)) == expected

    @given(streams, places)
    @pytest.mark.rule("H-06", "C-25")
    def test_any_bytes_mean_what_the_standard_says(self, stream: bytes, places: list[int]) -> None:
        parser = EventParser(MIB)
        happened = [h for chunk in cut_at(stream, places) for h in parser.receive(chunk)]
        assert parser.receive_eof() == []
        assert (happened, parser.last_event_id, parser.retry) == reference(stream)

    @given(streams, places, st.integers(0, 40))
    def test_what_is_overlong_does_not_depend_on_the_cuts(
        self, stream: bytes, places: list[int], limit: int
    ) -> None:
        def read(chunks: Iterable[bytes]) -> object:
            parser = EventParser(limit)
            happened = [h for chunk in chunks for h in parser.receive(chunk)]
            return happened + parser.receive_eof(), parser.last_event_id, parser.retry

        whole = read([stream])
        assert read(one_by_one(stream)) == whole
        assert read(cut_at(stream, places)) == whole

    @given(streams)
    def test_a_comment_between_two_events_changes_nothing(self, text: bytes) -> None:
        comment = encode_comment(text.decode("latin-1").translate(dict.fromkeys(b"\r\n\0")))
        in_every_way(b"data: 1\n\n" + comment + b"data: 2\n\n", parse(b"data: 1\n\ndata: 2\n\n"))


def seconds(run: Callable[[], object]) -> float:
    """The less processor time of two runs."""
    times: list[float] = []
    for _ in range(2):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


class TestCost:
    """Work that grew with what was already received would cost a hundred times as much."""

    @pytest.mark.rule("B7", "T16")
    @pytest.mark.cost
    def test_one_line_of_64_mib_costs_little_more_than_putting_its_chunks_together(self) -> None:
        chunk = b"x" * 65536
        chunks = 64 * MIB // len(chunk)

        def read() -> None:
            parser = EventParser()
            parser.receive(b"data: ")
            for _ in range(chunks):
                parser.receive(chunk)
            (event,) = parser.receive(b"\n\n")
            assert isinstance(event, Event)
            assert len(event.data) == 64 * MIB

        def floor() -> None:
            line = bytearray()
            for _ in range(chunks):
                line += chunk
            assert len(bytes(line)) == 64 * MIB

        assert seconds(read) < 10 * seconds(floor)

    @pytest.mark.rule("T16")
    @pytest.mark.parametrize("line", [b"data: x\n", b"data: x\n\n", b": ping\n", b"\n", b"\r"])
    @pytest.mark.cost
    def test_four_times_the_lines_take_about_four_times_as_long(self, line: bytes) -> None:
        def read(lines: int) -> None:
            parse(*cut(line * lines, 4096))

        assert seconds(lambda: read(40_000)) < 10 * seconds(lambda: read(10_000))

    @pytest.mark.rule("T33")
    def test_fifty_thousand_lines_that_say_nothing_need_no_recursion(self) -> None:
        nothing = b": ping\n\nfoo\nretry: x\nid: \0\n\n" * 10_000
        assert parse(nothing + b"data: 1\n\n") == [Event("message", b"1")]


# What is read a piece at a time, and what is above the limit.


def test_a_line_feed_that_comes_late_ends_no_second_line() -> None:
    ends = b"data: x\r\n\n"
    assert parse(*one_by_one(ends)) == [Event("message", b"x")]
    assert parse(b"data: x\r", b"\n", b"\n") == [Event("message", b"x")]
    assert parse(b"data: x\r", b"\n", b"data: y\n\n") == [Event("message", b"x\ny")]


def test_what_is_no_utf_8_in_a_field_is_replaced_and_raises_nothing() -> None:
    parser = EventParser()
    events = parser.receive(b"event: a\xff\nid: b\xff\ndata: \xff\n\n")
    assert events == [Event("a\ufffd", b"\xff", "b\ufffd")]


def test_of_two_names_of_an_event_the_last_counts() -> None:
    stream = b"event: other\nevent: message\ndata: x\n\n"
    in_every_way(stream, [Event("message", b"x")])


def test_a_stream_may_be_told_to_come_back_at_once() -> None:
    assert encode_event(b"x", event=None, retry=0) == b"retry: 0\ndata: x\n\n"


@pytest.mark.parametrize(("digits", "counts"), [(15, True), (16, False)])
def test_a_time_of_too_many_digits_is_no_time(digits: int, counts: bool) -> None:
    parser = EventParser()
    parser.receive(b"retry: " + b"1" * digits + b"\n")
    assert (parser.retry == int("1" * digits)) is counts


def test_a_comment_of_any_length_makes_no_event_too_long() -> None:
    for comment in ([b": " + b"x" * 100], [b":", b"x" * 100], [b"", b":" + b"x" * 100, b"y"]):
        assert parse(*comment, b"\ndata: y\n\n", limit=20) == [Event("message", b"y")]


def test_the_size_of_an_event_above_the_limit_counts_what_was_cut_off() -> None:
    parser = EventParser(limit=10)
    parser.receive(b"data: " + b"x" * 2_000)
    parser.receive(b"x" * 3_000)
    assert parser.receive_eof() == [Overlong(5_006, 10)]


def test_nothing_but_a_short_line_is_kept_of_an_event_above_the_limit() -> None:
    parser = EventParser(limit=10)
    parser.receive(b"data: x\n")
    assert parser.buffered == 1
    parser.receive(b"data: " + b"x" * 50 + b"\n")
    assert parser.buffered == 0
    for line in (b"data: y\n", b"data:y\n", b"data\n", b"event: z\n"):
        parser.receive(line)
        parser.receive(line[:3])
        parser.receive(line[3:])
        assert parser.buffered == 0
    parser.receive(b"x" * 100_000)
    kept = parser.buffered
    for _ in range(100):
        parser.receive(b"x" * 10)
    assert parser.buffered == kept == 1_025


@pytest.mark.parametrize(("length", "counts"), [(1_024, True), (1_025, False)])
@pytest.mark.parametrize("pieces", [1, 2, 1_025])
def test_an_id_that_fits_a_short_line_counts_in_an_event_above_the_limit(
    length: int, counts: bool, pieces: int
) -> None:
    parser = EventParser(limit=10)
    line = b"id: " + b"7" * (length - 4)
    parser.receive(b"data: " + b"x" * 50 + b"\n")
    for piece in cut(line, -(-length // pieces)):
        parser.receive(piece)
    assert parser.receive(b"\n\n") == [Overlong(56 + length, 10)]
    assert parser.last_event_id == (line[4:].decode() if counts else None)
