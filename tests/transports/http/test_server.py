"""Our own HTTP server on sockets."""

import contextlib
import dataclasses
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from barewire.session.limits import HttpLimits
from barewire.transports.bind import bind
from barewire.transports.http import parsing
from barewire.transports.http.messages import Answer
from barewire.transports.http.parsing import ParserName, make_parser_of
from barewire.transports.http.server import HttpServer
from tests.transports.http.dialogue import PARSERS, Scripted, chunked, get, post
from tests.transports.test_tcp import reset, until
from tests.transports.test_tls import HOST, contexts
from tests.transports.waiting import a_few_turns

LIMITS = HttpLimits()


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert not caplog.records


class Site:
    """A server, and what it serves."""

    def __init__(self, **options: Any) -> None:
        self.handler = Scripted()
        self.server = HttpServer(self.handler, bind("127.0.0.1", 0), **options)
        self.server.start()
        self.address = self.server.addresses[0]

    async def connect(self) -> ByteStream:
        return await anyio.connect_tcp(*self.address)

    async def ask(self, data: bytes, end: bytes) -> bytes:
        """Send this on a connection of its own; return what comes, up to `end`."""
        async with await self.connect() as client:
            await client.send(data)
            return await receive(client, end)


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncGenerator[Site]:
    site = Site(**options)
    try:
        yield site
    finally:
        await site.server.drain(0.5)
        assert not site.server.connections


async def receive(client: ByteStream, end: bytes) -> bytes:
    """Read up to `end`."""
    data = b""
    with anyio.fail_after(10):
        while not data.endswith(end):
            data += await client.receive()
    return data


async def receive_all(client: ByteStream) -> bytes:
    data = b""
    with anyio.fail_after(10), contextlib.suppress(anyio.EndOfStream):
        while True:
            data += await client.receive()
    return data


@pytest.mark.parametrize("parser", PARSERS)
async def test_requests_are_answered(parser: ParserName) -> None:
    async with serving(parser=parser) as site, await site.connect() as client:
        for number in range(3):
            await client.send(post("/a", b"<%d>" % number))
            assert (await receive(client, b"<%d>" % number)).startswith(b"HTTP/1.1 200 OK\r\n")
        await client.send(chunked("/b", b"one", b"two") + get("/stream"))
        assert b"onetwoHTTP/1.1 200 OK" in await receive(client, b"0\r\n\r\n")
        asked = site.handler.judged[0].client
        assert isinstance(client, anyio.abc.SocketStream)
        assert asked == client.extra(SocketAttribute.local_address)


async def test_many_clients_are_served_at_once() -> None:
    async with serving() as site:

        async def client(number: int) -> None:
            body = b"<%d>" % number
            await site.ask(post("/a", body), body)

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(client, number)
        await until(lambda: not site.server.connections)


# Clients that leave


async def test_a_client_that_closes_is_known_to_be_gone() -> None:
    async with serving() as site:
        async with await site.connect() as client:
            await client.send(get("/later"))
            await until(lambda: site.handler.replies)
        await until(lambda: site.handler.gone)
        await until(lambda: not site.server.connections)


@pytest.mark.parametrize("path", ["/later", "/begin"])
async def test_a_client_that_resets_is_known_to_be_gone(path: str) -> None:
    async with serving() as site:
        client = socket.create_connection(site.address)
        client.sendall(get(path))
        await until(lambda: site.handler.replies)
        reset(client)
        await until(lambda: site.handler.gone)


@pytest.mark.rule("T17")
@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["end", "reset"])
async def test_clients_may_leave_at_every_byte(leave: Callable[[socket.socket], None]) -> None:
    data = get("/a") + chunked("/stream", b"one") + post("/b", b"1234") + get("/later")
    async with serving() as site:
        for cut in range(len(data) + 1):
            client = socket.create_connection(site.address)
            client.sendall(data[:cut])
            if cut % 2:
                await a_few_turns()
            leave(client)
        await until(lambda: not site.server.connections)
        assert all(reply.gone for reply in site.handler.replies)


@pytest.mark.parametrize("data", [get("/later"), post("/later", b"abc"), chunked("/later", b"a")])
async def test_a_client_that_has_no_more_to_say_gets_its_answer(data: bytes) -> None:
    async with serving() as site, await site.connect() as client:
        await client.send(data)
        assert isinstance(client, anyio.abc.SocketStream)
        await client.send_eof()
        await receive(client, b"HTTP/1.1 100 Continue\r\n\r\n" * 2)
        assert not site.handler.gone
        site.handler.replies[0].send(Answer(200, (), b"after all"))
        assert (await receive_all(client)).endswith(b"\r\n\r\nafter all")


async def test_requests_sent_ahead_of_an_end_are_all_answered() -> None:
    async with serving() as site, await site.connect() as client:
        await client.send(get("/a") + post("/b", b"abc") + get("/stream"))
        assert isinstance(client, anyio.abc.SocketStream)
        await client.send_eof()
        assert (await receive_all(client)).count(b"HTTP/1.1 200 OK") == 3


async def test_who_is_refused_while_still_sending_gets_the_answer() -> None:
    async with serving() as site, await site.connect() as client:
        size = 16 * 1024 * 1024
        head = post("/a", b"").replace(b"Length: 0", b"Length: %d" % size)

        async def send() -> None:
            await client.send(head)
            for _ in range(8):
                await client.send(b"x" * 65536)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            answer = await receive_all(client)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"limits.body" in answer


# Too many


async def test_too_many_connections_are_told_so() -> None:
    async with serving(limits=dataclasses.replace(LIMITS, connections=1)) as site:
        async with await site.connect() as first:
            await first.send(get("/a"))
            await receive(first, b"\r\n\r\n")
            for data in (get("/b"), post("/b", b"abc")):
                answer = await site.ask(data, b"(limits.connections)")
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"Connection: close" in answer
            assert (await site.ask(b"nonsense\r\n", b"HTTP/1.1")).startswith(b"HTTP/1.1 400 ")
        await until(lambda: not site.server.connections)
        await site.ask(get("/c"), b"\r\n\r\n")
        assert [request.head.path for request in site.handler.requests] == ["/a", "/c"]


# TLS


async def test_a_certificate_is_told_to_the_handler() -> None:
    both = contexts(mutual=True)
    async with serving(tls=both.server) as site:
        client = await anyio.connect_tcp(
            *site.address, ssl_context=both.client, tls_hostname=HOST, tls_standard_compatible=False
        )
        async with client:
            await client.send(post("/a", b"abc"))
            await receive(client, b"abc")
        head = site.handler.judged[0]
        assert head.secure
        assert head.certificate is not None
        assert ("DNS", "client.example") in head.certificate["subjectAltName"]


async def test_who_speaks_no_tls_is_not_served() -> None:
    async with serving(tls=contexts().server) as site:
        async with await site.connect() as client:
            await client.send(get("/a"))
            with contextlib.suppress(anyio.BrokenResourceError):
                assert not (await receive_all(client)).startswith(b"HTTP")
        await until(lambda: not site.server.connections)
        assert not site.handler.judged


async def test_a_drain_does_not_wait_for_handshakes() -> None:
    site = Site(tls=contexts().server)
    async with await site.connect():
        await until(lambda: site.server.connections)
        assert await site.server.drain(5)
        assert not site.server.connections


# The end


async def test_a_drain_closes_what_is_idle_and_waits_for_what_runs() -> None:
    site = Site()
    async with await site.connect() as idle, await site.connect() as busy:
        await idle.send(get("/a"))
        await receive(idle, b"\r\n\r\n")
        await busy.send(get("/later"))
        await until(lambda: site.handler.requests[1:])
        ended: list[bool] = []

        async def drain() -> None:
            ended.append(await site.server.drain(10))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drain)
            assert await receive_all(idle) == b""
            with pytest.raises(OSError, match=r"refused|failed"):
                await site.connect()
            assert not ended
            site.handler.replies[1].send(Answer(200, (), b"done"))
            answer = await receive_all(busy)
            assert answer.endswith(b"done")
            assert b"Connection: close" in answer
            await busy.aclose()
        assert ended == [True]


async def test_what_runs_for_too_long_is_cut() -> None:
    site = Site()
    async with await site.connect() as client:
        await client.send(get("/begin"))
        await receive(client, b"\r\n\r\n")
        assert not await site.server.drain(0.01)
        assert site.handler.gone == [0]
        assert await receive_all(client) == b""
    assert not site.server.connections


async def test_who_has_its_answer_and_does_not_leave_is_not_waited_for() -> None:
    site = Site()
    async with await site.connect() as client:
        await client.send(get("/a", "Connection: close"))
        await receive(client, b"\r\n\r\n")
        with anyio.fail_after(1):
            assert await site.server.drain(0.01)
    assert not site.server.connections


async def test_a_server_that_nobody_uses_ends_at_once() -> None:
    site = Site()
    assert await site.server.drain()
    assert not site.server.addresses


# The parser


async def test_a_parser_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httptools", None)
    monkeypatch.delitem(sys.modules, "barewire.transports.http.fast", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install httptools"):
        make_parser_of("httptools")


def test_other_parsers_are_unknown() -> None:
    with pytest.raises(ValueError, match="'h11' or 'httptools'"):
        parsing.make_parser_of("curl")  # type: ignore[arg-type]
