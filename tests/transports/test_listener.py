"""Listening: on which addresses, to how many, and through what goes wrong."""

import contextlib
import errno
import itertools
import os
import socket
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from barewire.transports import bind as binding
from barewire.transports import listener as listening
from barewire.transports.backend import Backend, current
from barewire.transports.bind import bind
from barewire.transports.listener import Listener
from barewire.transports.netpipe import NetPipe
from tests.transports.recorder import Recorder
from tests.transports.test_fdpipe import idles
from tests.transports.test_tcp import reset, until


class Owner:
    """Keeps the connections that it is given, and closes them at the end."""

    def __init__(self) -> None:
        self.pipes: list[NetPipe] = []
        self.readers: list[Recorder] = []

    def take(self, pipe: NetPipe) -> None:
        self.pipes.append(pipe)
        self.readers.append(Recorder(pipe))

    async def have(self, count: int) -> None:
        await until(lambda: len(self.pipes) >= count)
        assert len(self.pipes) == count

    async def aclose(self) -> None:
        for pipe in self.pipes:
            await pipe.aclose()


@contextlib.asynccontextmanager
async def serving(
    sockets: list[socket.socket] | None = None,
    *,
    limit: int = 1000,
    on_excess: Callable[[NetPipe], object] | None = None,
) -> AsyncGenerator[tuple[Listener, Owner]]:
    """Listen, on a port of 127.0.0.1 unless there are `sockets`, until the block is left."""
    owner = Owner()
    listener = Listener(
        sockets or bind("127.0.0.1", 0), owner.take, limit=limit, on_excess=on_excess
    )
    try:
        listener.start()
        yield listener, owner
    finally:
        listener.close()
        await owner.aclose()


def connect(listener: Listener, index: int = 0) -> socket.socket:
    return socket.create_connection(listener.addresses[index], timeout=10)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


FAMILIES = 2 if has_ipv6() else 1


def close_all(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


@pytest.mark.parametrize(
    ("host", "addresses"),
    [("localhost", ["127.0.0.1", "::1"]), (None, ["0.0.0.0", "::"]), ("", ["0.0.0.0", "::"])],
)
def test_both_families_get_the_same_port(host: str | None, addresses: list[str]) -> None:
    sockets = bind(host, 0)
    assert [sock.getsockname()[0] for sock in sockets] == addresses[:FAMILIES]
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    close_all(sockets)


def test_a_picked_port_that_is_in_use_on_the_second_address_is_picked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports: list[int] = []
    bind_one = binding._bind_one  # pyright: ignore[reportPrivateUsage]

    def occupied_at_first(address: str, port: int, reuse_port: bool) -> socket.socket:
        if address == "::1" and len(ports) < 3:
            ports.append(port)
            raise OSError(errno.EADDRINUSE, "in use")
        return bind_one("127.0.0.2" if address == "::1" else address, port, reuse_port)

    monkeypatch.setattr(binding, "_bind_one", occupied_at_first)
    sockets = bind("localhost", 0)
    assert len(sockets) == 2
    assert len(ports) == 3
    close_all(sockets)


def test_localhost_without_ipv6_is_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    bind_one = binding._bind_one  # pyright: ignore[reportPrivateUsage]

    def without_ipv6(address: str, port: int, reuse_port: bool) -> socket.socket:
        if ":" in address:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        return bind_one(address, port, reuse_port)

    monkeypatch.setattr(binding, "_bind_one", without_ipv6)
    sockets = bind("localhost", 0)
    assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]
    close_all(sockets)


def test_without_any_family_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object) -> socket.socket:
        raise OSError(errno.EADDRNOTAVAIL, "no such address")

    monkeypatch.setattr(binding, "_bind_one", without)
    with pytest.raises(OSError, match="no such address"):
        bind("localhost", 0)


def test_a_port_in_use_is_an_error_that_names_it_and_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*in use"):
            bind("localhost", port)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        bind("no-such-host.invalid", 0)


def test_several_processes_may_share_a_port_when_each_asks_for_it() -> None:
    first = bind("127.0.0.1", 0, reuse_port=True)
    port = first[0].getsockname()[1]
    second = bind("127.0.0.1", port, reuse_port=True)
    for sock in first + second:
        sock.listen()
    with pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", port)
    close_all(first + second)


def test_a_port_can_be_bound_again_at_once(anyio_backend: str) -> None:
    sockets = bind("127.0.0.1", 0)
    address = sockets[0].getsockname()
    sockets[0].listen()
    with socket.create_connection(address):
        accepted, _ = sockets[0].accept()
        accepted.close()  # this end waits now for late packets, and keeps the port
        close_all(sockets)
    close_all(bind(*address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"][: FAMILIES + 1])
async def test_connections_are_accepted_on_every_address(host: str) -> None:
    async with serving(bind(host, 0)) as (listener, owner):
        for number, address in enumerate(listener.addresses, 1):
            with socket.create_connection(address, timeout=10) as client:
                await owner.have(number)
                client.sendall(b"hello")
                assert await owner.readers[-1].receive(5) == b"hello"
                owner.pipes[-1].write([b"welcome"])
                assert client.recv(100) == b"welcome"
                assert owner.pipes[-1].remote == client.getsockname()[:2]


async def test_a_socket_that_somebody_else_bound_is_taken_over(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(path)
    bound.listen()
    async with serving([bound]) as (listener, owner):
        assert listener.addresses == []
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"hello")
            await owner.have(1)
            await owner.readers[0].receive(5)
            assert owner.pipes[0].remote is None


async def test_many_connections_at_once_are_all_accepted() -> None:
    async with serving() as (listener, owner):
        clients = [connect(listener) for _ in range(200)]
        await owner.have(200)
        assert listener.open == 200
        for number, client in enumerate(clients):
            client.sendall(b"%03d" % number)
        for reader in owner.readers:
            await reader.receive(3)
        assert sorted(reader.data for reader in owner.readers) == [b"%03d" % n for n in range(200)]
        close_all(clients)
        for reader in owner.readers:
            await reader.end()
        assert listener.open == 200
        await owner.aclose()
        assert listener.open == 0


async def test_without_connections_the_loop_sleeps() -> None:
    async with serving():
        assert await idles()


async def test_closing_stops_at_once_and_leaves_connections_open() -> None:
    async with serving() as (listener, owner):
        (address,) = listener.addresses
        with connect(listener) as client:
            await owner.have(1)
            with connect(listener):  # not accepted by now
                listener.close()
                listener.close()
                assert listener.addresses == []
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(address)
                client.sendall(b"still here")
                assert await owner.readers[0].receive(10) == b"still here"
                assert len(owner.pipes) == 1


async def test_a_socket_that_cannot_listen_closes_all_of_them() -> None:
    first = bind("127.0.0.1", 0)
    second = bind(*first[0].getsockname())  # nobody listens by now
    async with serving(first):
        late = Listener(bind("127.0.0.1", 0) + second, print)
        with pytest.raises(OSError, match="in use"):
            late.start()
        assert late.addresses == []
        assert second[0].fileno() == -1


async def test_after_closing_no_descriptor_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = type(current())
    add, remove = backend.add_reader, backend.remove_reader
    watched: set[int] = set()

    def add_reader(self: Backend, fd: int, callback: Callable[[], object]) -> None:
        watched.add(fd)
        add(self, fd, callback)

    def remove_reader(self: Backend, fd: int) -> None:
        watched.discard(fd)
        remove(self, fd)

    monkeypatch.setattr(backend, "add_reader", add_reader)
    monkeypatch.setattr(backend, "remove_reader", remove_reader)
    async with serving() as (listener, owner):
        with connect(listener):
            await owner.have(1)
        assert len(watched) == 2
        listener.close()
        assert len(watched) == 1
        await owner.aclose()
        assert not watched


async def test_a_callback_may_close_the_listener_with_more_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = Owner()

    def take_one(pipe: NetPipe) -> None:
        owner.take(pipe)
        listener.close()

    listener = Listener(bind("127.0.0.1", 0), take_one)
    listener.start()
    clients = [connect(listener) for _ in range(3)]
    await owner.have(1)
    await owner.aclose()
    close_all(clients)
    assert not caplog.records


async def test_a_listener_that_never_started_can_be_closed() -> None:
    Listener(bind("127.0.0.1", 0), print).close()


async def test_beyond_the_limit_connections_go_to_another_callback() -> None:
    def refuse(pipe: NetPipe) -> None:
        pipe.write([b"full"])
        pipe.close(linger=10)

    async with serving(limit=2, on_excess=refuse) as (listener, owner):
        with connect(listener), connect(listener), connect(listener) as third:
            await owner.have(2)
            await readable(third)
            assert third.recv(100) == b"full"
            assert third.recv(100) == b""
            assert listener.open == 2
            # A third that lingers takes nobody's place.
            await owner.pipes.pop().aclose()
            with connect(listener):
                await owner.have(2)


async def test_without_that_callback_they_are_reset() -> None:
    async with serving(limit=1) as (listener, owner):
        with connect(listener), connect(listener) as second:
            await owner.have(1)
            await readable(second)
            with pytest.raises(ConnectionResetError):
                second.recv(100)


async def test_so_many_may_be_refused_slowly_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_MOST_EXCESS", 1)
    refused = Owner()
    async with serving(limit=0, on_excess=refused.take) as (listener, _):
        with connect(listener), connect(listener) as second:
            await readable(second)
            with pytest.raises(ConnectionResetError):
                second.recv(100)
            assert len(refused.pipes) == 1
            await refused.aclose()
            with connect(listener):
                await refused.have(2)
                await refused.aclose()


async def test_a_callback_that_raises_loses_its_connection_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = Owner()

    def raise_at_first(pipe: NetPipe) -> None:
        if not caplog.records:
            raise ValueError("a bug")
        owner.take(pipe)

    listener = Listener(bind("127.0.0.1", 0), raise_at_first)
    listener.start()
    with connect(listener) as first, connect(listener):
        await readable(first)
        with pytest.raises(ConnectionResetError):
            first.recv(100)
        await owner.have(1)
        assert "ValueError: a bug" in caplog.text
        assert listener.open == 1
    listener.close()
    await owner.aclose()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
async def test_without_descriptors_it_rests_says_so_once_and_goes_on(
    number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_REST", 0.02)
    tries: list[float] = []
    accept = socket.socket.accept

    def exhausted(sock: socket.socket) -> object:
        tries.append(current().now())
        if len(tries) <= 3:
            raise OSError(number, os.strerror(number))
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", exhausted)
    async with serving() as (listener, owner):
        with connect(listener) as client:
            client.sendall(b"patience")
            await owner.have(1)
            await owner.readers[0].receive(8)
    assert all(later - earlier >= 0.02 for earlier, later in itertools.pairwise(tries[:4]))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert os.strerror(number) in caplog.text


async def test_a_second_spell_without_descriptors_is_told_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_REST", 0.01)
    failures = [OSError(errno.EMFILE, "none"), None, OSError(errno.EMFILE, "none"), None]
    accept = socket.socket.accept

    def sometimes(sock: socket.socket) -> object:
        if failures and (failure := failures.pop(0)):
            raise failure
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", sometimes)
    async with serving() as (listener, owner):
        for number in (1, 2):
            with connect(listener):
                await owner.have(number)
    assert len(caplog.records) == 2


async def test_it_can_be_closed_while_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[socket.socket] = []

    def exhausted(sock: socket.socket) -> object:
        tried.append(sock)
        raise OSError(errno.EMFILE, "none")

    monkeypatch.setattr(socket.socket, "accept", exhausted)
    async with serving() as (listener, _):
        with connect(listener):
            await until(lambda: tried)
            assert await idles()
            listener.close()


async def test_a_connection_that_is_gone_before_it_is_accepted_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # accept(2) of Linux: "pass already-pending network errors on the new socket as an error code".
    failures = [
        *(errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    ]
    accept = socket.socket.accept

    def aborted(sock: socket.socket) -> object:
        if failures:
            raise OSError(failures.pop(), "gone")
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", aborted)
    async with serving() as (listener, owner):
        with connect(listener):
            await owner.have(1)
    assert not caplog.records


@pytest.mark.rule("T17")
async def test_connections_that_are_reset_at_any_moment_leave_no_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as (listener, owner):
        for number in range(20):
            client = connect(listener)
            if number % 2:
                await owner.have(number + 1)
            if number % 3:
                client.sendall(b"some")
            if number % 5:
                client.shutdown(socket.SHUT_WR)
            reset(client)
        await owner.have(20)
        for pipe, reader in zip(owner.pipes, owner.readers, strict=True):
            pipe.write([bytes(1000)])
            await reader.end()
            pipe.close(linger=10)
        await until(lambda: not listener.open)
    assert not caplog.records


async def readable(client: socket.socket) -> None:
    """Wait until there is something to read, which the loop has to bring about."""
    ready: list[bool] = []
    fd = os.dup(client.fileno())
    current().add_reader(fd, lambda: ready.append(True))
    try:
        await until(lambda: ready)
    finally:
        current().remove_reader(fd)
        os.close(fd)
