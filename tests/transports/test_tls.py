"""TLS over another pipe, and a listener that speaks it."""

import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import anyio
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.transports import tls as tls_module
from barewire.transports.backend import Signal, current
from barewire.transports.bind import bind
from barewire.transports.listener import Listener
from barewire.transports.netpipe import NetPipe
from barewire.transports.pipe import OnData, OnEof
from barewire.transports.tcp import SocketPipe
from barewire.transports.tls import TlsPipe
from tests.transports.recorder import Recorder
from tests.transports.test_fdpipe import idles
from tests.transports.test_listener import readable
from tests.transports.test_tcp import MEBIBYTE, connected, reset, until
from tests.transports.waiting import a_few_turns

HOST = "server.example"
GARBAGE = {
    "plain-http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(1000),
    "noise": b"\x16\x03\x01\x02\x00" + b"\xa7" * 600,
    "bad-length": b"\x16\x03\x01\xff\xff" + bytes(70_000),
}


@dataclass
class Contexts:
    """Both sides of TLS, each with a certificate that the other trusts."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@cache
def authority() -> trustme.CA:
    return trustme.CA()


# trustme also takes contexts of pyOpenSSL, whose type is unknown where that is not installed.
def trust(context: ssl.SSLContext) -> None:
    authority().configure_trust(context)  # pyright: ignore[reportUnknownMemberType]


def show(context: ssl.SSLContext, name: str) -> None:
    certificate = authority().issue_cert(name)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]


@cache
def contexts(version: ssl.TLSVersion | None = None, *, mutual: bool = False) -> Contexts:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust(client)
    show(server, HOST)
    if mutual:
        server.verify_mode = ssl.CERT_REQUIRED
        trust(server)
        show(client, "client.example")
    if version is not None:
        server.minimum_version = server.maximum_version = version
    return Contexts(server, client)


class CutPipe(SocketPipe):
    """Delivers what arrives in pieces of certain sizes, over and over."""

    def __init__(self, sock: socket.socket, sizes: list[int]) -> None:
        super().__init__(sock)
        self._sizes = sizes

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        def cut(data: bytes) -> None:
            start = 0
            while start < len(data):
                self._sizes.append(self._sizes.pop(0))
                end = start + self._sizes[-1]
                on_data(data[start:end])
                start = end

        super().start(cut, on_eof)


@dataclass
class Pair:
    """A server and a client on one connection, and what they stand on."""

    server: TlsPipe
    client: TlsPipe
    below_server: SocketPipe
    below_client: SocketPipe

    async def aclose(self) -> None:
        await self.server.aclose()
        await self.client.aclose()


def pair(
    given: Contexts | None = None, *, host: str = HOST, sizes: list[int] | None = None
) -> Pair:
    given = given or contexts()
    make = SocketPipe if sizes is None else partial(CutPipe, sizes=sizes)
    below_server, below_client = map(make, connected())
    return Pair(
        TlsPipe(below_server, given.server, server_side=True),
        TlsPipe(below_client, given.client, server_hostname=host),
        below_server,
        below_client,
    )


class Handshake:
    """Begins a handshake and keeps its outcome."""

    def __init__(self, tls: TlsPipe) -> None:
        self._done = Signal(current())
        self._error: BaseException | None = None
        tls.handshake(self._on_handshake)

    def _on_handshake(self, error: BaseException | None) -> None:
        assert not self._done.is_set
        self._error = error
        self._done.set()

    async def outcome(self) -> BaseException | None:
        assert await self._done.wait(10), "no outcome"
        return self._error


async def until_done(*handshakes: Handshake) -> None:
    """Wait until all are done, well."""
    for handshake in handshakes:
        assert await handshake.outcome() is None


async def talking(pair: Pair) -> tuple[Recorder, Recorder]:
    """Return readers of both sides, once they have heard of each other."""
    at_server, at_client = Recorder(pair.server), Recorder(pair.client)
    pair.server.write([b"!"])
    pair.client.write([b"?"])
    await at_server.receive(1)
    await at_client.receive(1)
    return at_server, at_client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_what_one_side_writes_the_other_reads(version: ssl.TLSVersion) -> None:
    both = pair(contexts(version))
    at_server, at_client = Recorder(both.server), Recorder(both.client)
    both.client.write([b"one", b"", b"two"])
    both.client.write([])
    both.client.write([b""])
    both.server.write([b"three"])
    assert both.client.pending == 6
    assert await at_server.receive(6) == b"onetwo"
    assert await at_client.receive(5) == b"three"
    assert both.client.pending == both.server.pending == 0
    assert await idles()
    await both.client.aclose()
    assert await at_server.end() is None
    await both.server.aclose()
    assert not at_client.ends
    assert both.server.broken is both.client.broken is None


async def test_it_is_a_net_pipe_and_knows_both_ends() -> None:
    both = pair()
    pipe: NetPipe = both.server
    assert pipe.secure
    assert pipe.certificate is None
    assert pipe.remote == both.client.local
    assert pipe.local == both.client.remote
    await both.aclose()


async def test_bytes_one_by_one_give_the_same() -> None:
    both = pair(contexts(mutual=True), sizes=[1])
    at_server, at_client = await talking(both)
    both.client.write([b"question" * 1000])
    assert await at_server.receive(8001) == b"?" + b"question" * 1000
    both.server.write([b"answer"])
    assert await at_client.receive(7) == b"!answer"
    both.client.close()
    assert await at_server.end() is None
    await both.aclose()


@settings(max_examples=20)
@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=8),
    st.lists(st.binary(max_size=3000), max_size=5),
)
async def test_any_cutting_gives_the_same(sizes: list[int], buffers: list[bytes]) -> None:
    both = pair(sizes=sizes)
    at_server, _ = await talking(both)
    for buffer in buffers:
        both.client.write([buffer])
    both.client.close()
    assert await at_server.end() is None
    assert at_server.data == b"?" + b"".join(buffers)
    await both.aclose()


@pytest.mark.rule("SR-157")
async def test_after_the_handshake_each_side_has_the_certificate_of_the_other() -> None:
    both = pair(contexts(mutual=True))
    await until_done(Handshake(both.server), Handshake(both.client))
    assert both.server.certificate is not None
    assert both.client.certificate is not None
    assert both.server.certificate["subjectAltName"] == (("DNS", "client.example"),)
    assert ("DNS", HOST) in both.client.certificate["subjectAltName"]
    await both.aclose()


@pytest.mark.rule("SR-157")
async def test_a_client_without_a_certificate_is_refused_where_one_is_required() -> None:
    both = pair(Contexts(contexts(mutual=True).server, contexts().client))
    at_server, at_client = Handshake(both.server), Recorder(both.client)
    error = await at_server.outcome()
    assert isinstance(error, ssl.SSLError)
    assert both.server.broken is error
    assert both.server.certificate is None
    both.server.close(linger=10)
    reason = await at_client.end()  # not before: to a client of TLS 1.3 all seemed well
    assert isinstance(reason, ssl.SSLError)
    assert "CERTIFICATE_REQUIRED" in str(reason)
    await both.client.aclose()
    await both.aclose()


async def test_a_server_that_the_client_does_not_trust_hears_of_it() -> None:
    distrustful = Contexts(contexts().server, ssl.create_default_context())
    for both in (pair(distrustful), pair(host="another.example")):
        at_server, at_client = Handshake(both.server), Handshake(both.client)
        assert isinstance(await at_client.outcome(), ssl.SSLCertVerificationError)
        assert isinstance(await at_server.outcome(), ssl.SSLError)
        await both.aclose()


async def test_a_name_that_cannot_be_one_is_refused() -> None:
    ours, peer = connected()
    pipe = SocketPipe(ours)
    with peer, pytest.raises(ValueError, match="label empty"):
        TlsPipe(pipe, contexts().client, server_hostname=".example")
    await pipe.aclose()


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_not_tls_ends_the_handshake(garbage: bytes) -> None:
    ours, peer = connected()
    with peer:
        tls = TlsPipe(SocketPipe(ours), contexts().server, server_side=True)
        handshake = Handshake(tls)
        peer.sendall(garbage)
        error = await handshake.outcome()
        assert isinstance(error, ssl.SSLError)
        tls.write([b"dropped"])
        assert tls.pending == 0
        assert isinstance(await Recorder(tls).end(), ssl.SSLError)
        await tls.aclose()


async def test_a_peer_that_leaves_during_the_handshake_ends_it() -> None:
    for leave in (socket.socket.close, reset):
        ours, peer = connected()
        tls = TlsPipe(SocketPipe(ours), contexts().server, server_side=True)
        handshake = Handshake(tls)
        peer.sendall(b"\x16\x03\x01")
        leave(peer)
        error = await handshake.outcome()
        assert isinstance(error, ssl.SSLEOFError | ConnectionResetError)
        assert tls.broken is error
        await tls.aclose()


async def test_a_handshake_has_its_time() -> None:
    ours, peer = connected()
    with peer:
        began = current().now()
        tls = TlsPipe(SocketPipe(ours), contexts().server, server_side=True, handshake_timeout=0.05)
        handshake = Handshake(tls)
        tls.write([b"waits"])
        peer.sendall(b"\x16")
        error = await handshake.outcome()
        assert isinstance(error, TimeoutError)
        assert "handshake_timeout" in str(error)
        assert current().now() - began >= 0.05
        assert tls.pending == 0
        await tls.aclose()


async def test_a_handshake_that_is_done_does_not_run_out_of_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class FakeTimer:
        cancelled = False

        def cancel(self) -> None:
            self.cancelled = True

    timers: list[FakeTimer] = []

    def call_at(*_: object) -> FakeTimer:
        timers.append(FakeTimer())
        return timers[-1]

    both = pair()
    monkeypatch.setattr(type(current()), "call_at", call_at)
    at_server, at_client = Handshake(both.server), Handshake(both.client)
    assert len(timers) == 2
    await until_done(at_server, at_client)
    assert all(timer.cancelled for timer in timers)
    monkeypatch.undo()
    await both.aclose()


@pytest.mark.parametrize("way", ["close", "abort"])
async def test_after_closing_during_the_handshake_nobody_is_called(way: str) -> None:
    both = pair()
    told: list[object] = []
    both.server.handshake(told.append)
    both.client.start(told.append, told.append)
    getattr(both.server, way)()
    getattr(both.client, way)()
    await a_few_turns()
    assert not told
    await both.aclose()


async def test_what_waited_for_the_handshake_is_told_to_have_drained() -> None:
    both = pair()
    drained = Signal(current())
    both.client.on_drained = drained.set
    both.client.write([bytes(both.client.low_water + 1)])
    Recorder(both.server)
    await until_done(Handshake(both.client))
    assert await drained.wait(10)
    assert both.client.pending == 0
    assert both.server.certificate is None  # the client showed none
    await both.aclose()


async def test_after_the_handshake_nothing_is_read_until_the_start() -> None:
    both = pair()
    handshake = Handshake(both.server)
    Recorder(both.client)
    both.client.write([bytes(16 * MEBIBYTE)])
    assert await handshake.outcome() is None
    await current().sleep(0.01)
    assert both.client.pending > MEBIBYTE
    assert await idles()
    reader = Recorder(both.server)
    await reader.receive(16 * MEBIBYTE)
    await both.aclose()


@pytest.mark.parametrize("leave", [False, True])
async def test_the_owner_may_start_or_leave_as_soon_as_the_handshake_is_done(leave: bool) -> None:
    both = pair()
    readers: list[Recorder] = []

    def on_handshake(error: object) -> None:
        assert error is None
        readers.append(Recorder(both.server))
        if leave:
            both.server.close()

    both.server.handshake(on_handshake)
    at_client = Recorder(both.client)
    both.client.write([b"hello"])
    await until(lambda: readers)
    if leave:
        assert await at_client.end() is None
        assert not readers[0].chunks
    else:
        assert await readers[0].receive(5) == b"hello"
    await both.aclose()


@pytest.mark.rule("T23")
async def test_much_passes_in_both_directions_at_once() -> None:
    both = pair()
    at_server, at_client = Recorder(both.server), Recorder(both.client)
    block = os.urandom(MEBIBYTE)
    for _ in range(8):
        both.server.write([block])
        both.client.write([block])
    for reader in (at_server, at_client):
        assert await reader.receive(8 * MEBIBYTE) == block * 8
    await both.aclose()


async def test_many_small_buffers_arrive_in_order() -> None:
    both = pair()
    at_server, _ = Recorder(both.server), Recorder(both.client)
    buffers = [b"%06d\n" % number for number in range(10_000)]
    for start in range(0, 10_000, 100):
        both.client.write(buffers[start : start + 100])
    assert await at_server.receive(70_000) == b"".join(buffers)
    await both.aclose()


@pytest.mark.rule("T23")
@pytest.mark.parametrize("low_water", [0, 64 * 1024, 8 * MEBIBYTE])
async def test_a_peer_that_does_not_read_is_told_by_pending_and_drained(low_water: int) -> None:
    both = pair()
    at_server, _ = await talking(both)
    drained = Signal(current())
    marks: list[int] = []

    def on_drained() -> None:
        marks.append(both.client.pending)
        drained.set()

    both.client.on_drained = on_drained
    both.client.low_water = 64 * MEBIBYTE
    both.server.pause()
    for _ in range(16):
        both.client.write([bytes(MEBIBYTE)])
    both.client.low_water = low_water  # what counts is how it is when it falls
    await current().sleep(0.01)
    assert both.client.pending > 8 * MEBIBYTE
    # No second copy of it all: the rest is encrypted when it is its turn.
    assert both.below_client.pending <= 256 * 1024
    assert not marks
    assert await idles()
    both.server.resume()
    await at_server.receive(16 * MEBIBYTE + 1)
    assert await drained.wait(10)
    await a_few_turns()
    assert len(marks) == 1
    assert marks[0] <= low_water
    await both.aclose()


async def test_what_is_encrypted_but_not_taken_is_pending_too() -> None:
    both = pair()
    await talking(both)
    drained = Signal(current())
    both.client.on_drained = drained.set
    both.client.low_water = 0
    both.server.pause()
    while not both.below_client.pending:
        both.client.write([bytes(1000)])
    assert both.client.pending == both.below_client.pending
    assert both.client.underway >= both.client.pending
    both.server.resume()
    assert await drained.wait(10)
    await both.aclose()


async def test_what_breaks_while_paused_is_known_by_the_next_write() -> None:
    both = pair()
    await talking(both)
    both.server.pause()
    both.client.abort()
    with anyio.fail_after(10):
        while both.server.broken is None:
            both.server.write([b"anybody?"])
            await current().sleep(0.001)
    assert isinstance(both.server.broken, ConnectionResetError | BrokenPipeError)
    await both.aclose()


async def test_while_paused_nothing_arrives_not_even_the_end() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.server.pause()
    both.client.write([b"data"])
    both.client.close()
    await current().sleep(0.01)
    assert at_server.data == b"?"
    assert not at_server.ends
    both.server.resume()
    both.server.resume()
    assert await at_server.end() is None
    assert at_server.data == b"?data"
    await both.aclose()


async def test_a_pause_inside_a_callback_holds_the_end_back() -> None:
    both = pair()
    chunks: list[bytes] = []
    ends: list[object] = []

    def on_data(data: bytes) -> None:
        chunks.append(data)
        both.server.pause()

    both.server.start(on_data, ends.append)
    assert await Handshake(both.client).outcome() is None
    both.client.write([b"last words"])
    both.client.close()
    await until(lambda: chunks)
    await a_few_turns()
    assert not ends
    both.server.resume()
    await until(lambda: ends)
    assert (b"".join(chunks), ends) == (b"last words", [None])
    await both.aclose()


async def test_a_pause_inside_a_callback_holds_the_rest_of_what_arrived_back() -> None:
    both = pair(sizes=[50])
    chunks: list[bytes] = []

    def on_data(data: bytes) -> None:
        chunks.append(data)
        both.server.pause()

    both.server.start(on_data, print)
    await until_done(Handshake(both.client))
    both.client.write([bytes(100_000)])
    await until(lambda: chunks)
    await a_few_turns()
    assert len(chunks) == 1
    both.server.resume()
    await until(lambda: len(chunks) == 2)
    await both.aclose()


async def test_a_pause_before_the_handshake_holds_what_follows_it() -> None:
    both = pair()
    both.server.pause()
    at_server, at_client = Recorder(both.server), Recorder(both.client)
    both.client.write([b"?"])
    both.server.write([b"!"])
    await at_client.receive(1)
    await current().sleep(0.01)
    assert not at_server.chunks
    both.server.resume()
    assert await at_server.receive(1) == b"?"
    await both.aclose()


async def test_a_connection_that_ends_without_close_notify_was_cut_short() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.client.write([b"half a sen"])
    both.below_client.close()
    assert isinstance(await at_server.end(), ssl.SSLEOFError)
    assert at_server.data == b"?half a sen"
    assert isinstance(both.server.broken, ssl.SSLEOFError)
    assert await idles()
    await both.aclose()


async def test_a_context_may_say_that_such_an_end_is_good_enough() -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    show(server, HOST)
    server.options |= 1 << 7  # ssl.OP_IGNORE_UNEXPECTED_EOF of Python 3.12
    both = pair(Contexts(server, contexts().client))
    at_server, _ = await talking(both)
    both.below_client.close()
    assert await at_server.end() is None
    await both.aclose()


async def test_a_reset_is_the_reason_of_the_end() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.client.abort()
    assert isinstance(await at_server.end(), ConnectionResetError)
    both.server.write([b"dropped"])
    await both.aclose()
    assert len(at_server.ends) == 1


async def test_a_reset_drops_what_is_pending_and_tells_so() -> None:
    both = pair()
    await talking(both)
    drained = Signal(current())
    both.server.on_drained = drained.set
    both.client.pause()
    both.server.write([bytes(16 * MEBIBYTE)])
    both.client.abort()
    assert await drained.wait(10)
    await until(lambda: not both.server.pending)
    await both.aclose()


async def test_a_record_that_somebody_changed_ends_the_connection() -> None:
    both = pair()
    at_server, at_client = await talking(both)
    both.below_client.write([b"\x17\x03\x03\x00\x20" + bytes(32)])
    reason = await at_server.end()
    assert isinstance(reason, ssl.SSLError)
    assert both.server.broken is reason
    assert isinstance(await at_client.end(), ssl.SSLError)  # an alert said so
    both.server.write([b"dropped"])
    assert both.server.pending == 0
    await both.aclose()


async def test_what_follows_the_end_is_ignored() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.client.write_eof()
    assert await at_server.end() is None
    both.below_client.write([b"\x17\x03\x03\x00\x20" + bytes(32)])
    await current().sleep(0.01)
    assert both.server.broken is None
    assert both.server._incoming.pending == 0  # pyright: ignore[reportPrivateUsage]
    assert await idles()
    await both.aclose()


async def test_our_direction_ends_once_everything_is_taken_and_reading_goes_on() -> None:
    both = pair()
    at_server, at_client = await talking(both)
    both.client.write([bytes(16 * MEBIBYTE)])
    both.client.write_eof()
    both.client.write([b"too late"])
    both.client.write_eof()
    assert await at_server.end() is None
    assert at_server.size == 16 * MEBIBYTE + 1
    both.server.write([b"answer"])
    assert await at_client.receive(7) == b"!answer"
    both.server.write_eof()
    assert await at_client.end() is None
    await both.aclose()


async def test_it_ends_also_when_something_unread_has_arrived() -> None:
    both = pair()
    at_server, at_client = await talking(both)
    both.client.pause()
    both.server.write([b"unread", bytes(10_000)])
    both.client.write_eof()
    assert await at_server.end() is None
    both.client.resume()
    await at_client.receive(10_007)
    await both.aclose()


@pytest.mark.parametrize("words", [b"", b"all there is"])
async def test_a_direction_may_end_before_the_handshake_is_done(words: bytes) -> None:
    both = pair()
    both.client.write([words])
    both.client.write_eof()
    at_server, at_client = Recorder(both.server), Recorder(both.client)
    assert await at_server.end() is None
    assert at_server.data == words
    both.server.write([b"answer"])
    assert await at_client.receive(6) == b"answer"
    await both.aclose()


async def test_closing_sends_what_is_pending() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.client.write([bytes(16 * MEBIBYTE)])
    assert both.client.pending
    await both.client.aclose()
    assert await at_server.end() is None
    assert at_server.size == 16 * MEBIBYTE + 1
    await both.aclose()


@pytest.mark.rule("T19")
async def test_closing_resets_a_peer_that_does_not_take_what_is_pending() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.server.pause()
    both.below_client.flush_timeout = 0.05
    both.client.write([bytes(16 * MEBIBYTE)])
    await both.client.aclose()
    both.server.resume()
    assert isinstance(await at_server.end(), ConnectionResetError)
    await both.aclose()


async def test_lingering_lets_a_peer_that_still_sends_read_the_refusal() -> None:
    both = pair()
    _, at_client = await talking(both)
    both.client.write([bytes(16 * MEBIBYTE)])
    both.server.write([b"refused"])
    closing = current().spawn(both.server.aclose(linger=10))
    assert await at_client.receive(8) == b"!refused"
    assert await at_client.end() is None
    await both.client.aclose()
    await closing.wait()


async def test_aborting_drops_what_is_pending_and_tells_so() -> None:
    both = pair()
    at_server, _ = await talking(both)
    both.server.pause()
    drained = Signal(current())
    both.client.on_drained = drained.set
    both.client.write([bytes(16 * MEBIBYTE)])
    both.client.abort()
    assert both.client.pending == 0
    assert await drained.wait(10)
    both.server.resume()
    assert isinstance(await at_server.end(), ConnectionResetError)
    await both.aclose()


async def test_a_closed_pipe_can_be_closed_aborted_and_asked_again() -> None:
    both = pair()
    await talking(both)
    for pipe in (both.server, both.client):
        pipe.close()
        pipe.abort()
        pipe.pause()
        pipe.resume()
        pipe.write([b"dropped"])
        pipe.write_eof()
        await pipe.aclose()
        assert pipe.pending == 0


async def test_an_owner_that_raises_does_not_stop_the_reader(
    caplog: pytest.LogCaptureFixture,
) -> None:
    both = pair()
    seen: list[bytes] = []

    def on_data(data: bytes) -> None:
        seen.append(data)
        if len(seen) == 1:
            raise ValueError("a bug")

    both.server.start(on_data, print)
    at_client = Recorder(both.client)
    both.client.write([b"one"])
    await until(lambda: seen)
    both.client.write([b"two"])
    await until(lambda: len(seen) == 2)
    assert seen == [b"one", b"two"]
    assert "ValueError: a bug" in caplog.text
    assert not at_client.ends
    await both.aclose()


async def test_a_peer_that_makes_tls_answer_and_reads_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = pair()
    at_server, _ = await talking(both)
    monkeypatch.setattr(tls_module, "_MOST_AHEAD", -1)
    both.client.write([b"imagine that this asked for new keys"])
    reason = await at_server.end()
    assert "reads nothing" in str(reason)
    await both.aclose()


# A listener that speaks TLS.


def serve(
    take: Callable[[NetPipe], object],
    given: Contexts | None = None,
    *,
    handshake_timeout: float = 10,
    limit: int = 1000,
    on_excess: Callable[[NetPipe], object] | None = None,
) -> Listener:
    listener = Listener(
        bind("127.0.0.1", 0),
        take,
        context=(given or contexts()).server,
        handshake_timeout=handshake_timeout,
        limit=limit,
        on_excess=on_excess,
    )
    listener.start()
    return listener


def refuse(pipe: NetPipe) -> None:
    pipe.write([b"full"])
    pipe.close(linger=10)


def echo(pipe: NetPipe) -> None:
    pipe.start(lambda data: pipe.write([data]), lambda _: pipe.close())


def ask(listener: Listener, given: Contexts | None = None) -> bytes:
    """Talk as a program that uses the standard library's sockets does."""
    context = (given or contexts()).client
    with (
        socket.create_connection(listener.addresses[0], timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as secure,
    ):
        secure.sendall(b"echo")
        answer = secure.recv(100)
        secure.unwrap()
        return answer


async def test_connections_are_handed_over_after_the_handshake() -> None:
    pipes: list[NetPipe] = []

    def take(pipe: NetPipe) -> None:
        assert pipe.certificate is not None
        pipes.append(pipe)
        echo(pipe)

    given = contexts(mutual=True)
    listener = serve(take, given)
    for _ in range(3):
        assert await anyio.to_thread.run_sync(ask, listener, given) == b"echo"
    assert all(pipe.secure for pipe in pipes)
    await until(lambda: not listener.open)
    listener.close()


async def test_clients_hear_why_their_handshake_failed() -> None:
    listener = serve(echo, contexts(mutual=True))
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        await anyio.to_thread.run_sync(ask, listener)
    await until(lambda: not listener.open)
    listener.close()


@pytest.mark.rule("T17")
async def test_clients_that_do_not_speak_tls_end_their_own_connections_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken: list[NetPipe] = []

    def take(pipe: NetPipe) -> None:
        taken.append(pipe)
        echo(pipe)

    listener = serve(take)
    peers = [socket.create_connection(listener.addresses[0], timeout=10) for _ in GARBAGE]
    for peer, garbage in zip(peers, GARBAGE.values(), strict=True):
        peer.sendall(garbage)
        peer.shutdown(socket.SHUT_WR)
    early = socket.create_connection(listener.addresses[0])
    reset(early)
    assert await anyio.to_thread.run_sync(ask, listener) == b"echo"
    await until(lambda: not listener.open)
    assert len(taken) == 1
    for peer in peers:
        peer.close()
    listener.close()
    assert not caplog.records


@pytest.mark.rule("T17")
async def test_clients_that_are_gone_at_any_byte_of_their_first_words_leave_no_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        contexts().client.wrap_bio(ssl.MemoryBIO(), words, server_hostname=HOST).do_handshake()
    hello = words.read()
    listener = serve(echo)
    for size in range(0, len(hello) + 1, 11):
        for leave in (socket.socket.close, reset):
            peer = socket.create_connection(listener.addresses[0])
            peer.sendall(hello[:size])
            leave(peer)
        await a_few_turns()
    assert await anyio.to_thread.run_sync(ask, listener) == b"echo"
    await until(lambda: not listener.open)
    listener.close()
    assert not caplog.records


async def test_clients_that_say_nothing_are_left_after_a_time() -> None:
    listener = serve(echo, handshake_timeout=0.05)
    with socket.create_connection(listener.addresses[0], timeout=10) as peer:
        await readable(peer)
        with pytest.raises(ConnectionResetError):
            peer.recv(100)
        assert not listener.open
    listener.close()


async def test_closing_leaves_connections_open() -> None:
    taken: list[NetPipe] = []
    listener = serve(taken.append)
    asking = current().spawn(anyio.to_thread.run_sync(ask, listener))
    await until(lambda: taken)
    listener.close()
    echo(taken[0])
    await asking.wait()
    assert asking.result() == b"echo"
    await taken[0].aclose()


async def test_closing_cuts_handshakes_off() -> None:
    listener = serve(echo)
    with socket.create_connection(listener.addresses[0], timeout=10) as peer:
        await until(lambda: listener.open)
        listener.close()
        assert listener.open == 0
        with pytest.raises(ConnectionResetError):
            peer.recv(100)


async def test_what_comes_beyond_the_limit_is_told_so_by_tls() -> None:
    listener = serve(echo, limit=0, on_excess=refuse)
    assert await anyio.to_thread.run_sync(ask, listener) == b"full"
    listener.close()


async def test_without_that_callback_it_is_reset_before_the_handshake() -> None:
    listener = serve(echo, limit=0)
    with pytest.raises(ConnectionError):
        await anyio.to_thread.run_sync(ask, listener)
    listener.close()


def test_a_context_for_clients_is_refused_at_once(anyio_backend: str) -> None:
    async def main() -> None:
        with pytest.raises(ssl.SSLError, match="server"):
            Listener([], echo, context=contexts().client)

    anyio.run(main, backend=anyio_backend)
