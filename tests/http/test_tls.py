"""TLS and mutual TLS, as clients meet them: what is no TLS gets nowhere, certificates are told."""

import json
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import anyio
import pytest
import trustme

from barewire.session.principal import Principal, RequestFacts
from barewire.transports.http.parsing import ParserName
from tests.app.peers import until
from tests.http.hosting import Calls, Host, hosted, target
from tests.http.words import call, modern

REQUEST = modern(call(1, "whoami"), {"Connection": "close"})


@cache
def authority() -> trustme.CA:
    return trustme.CA()


# trustme also takes contexts of pyOpenSSL, whose type is unknown where that is not installed.
def trust(context: ssl.SSLContext) -> None:
    authority().configure_trust(context)  # pyright: ignore[reportUnknownMemberType]


def show(context: ssl.SSLContext, certificate: trustme.LeafCert) -> None:
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]


def server_context(*, mutual: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    show(context, authority().issue_cert("localhost"))
    if mutual:
        trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    trust(context)
    if certificate is not None:
        show(context, certificate)
    return context


def talk(port: int, context: ssl.SSLContext, data: bytes) -> bytes:
    """Say something over TLS, in a thread, and return all that comes back."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(data)
        parts: list[bytes] = []
        while part := secure.recv(65_536):
            parts.append(part)
        return b"".join(parts)


async def ask(host: Host, context: ssl.SSLContext, data: bytes = REQUEST) -> tuple[int, Any]:
    """Ask over TLS; return the status and the body."""
    answer = await anyio.to_thread.run_sync(talk, host.port, context, data)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.rule("T13")
async def test_a_server_speaks_tls_and_guards_it_alike(parser: ParserName) -> None:
    async with hosted(parser=parser, tls=server_context()) as host:
        assert host.serving.url.startswith("https://")
        status, answer = await ask(host, client_context())
        assert status == 200
        assert answer["result"]["content"][0]["text"] == "nobody"
        for changes, wanted in (({"Host": "evil.example"}, 421), ({"Origin": "null"}, 403)):
            data = modern(call(1, "whoami"), {**changes, "Connection": "close"})
            status, answer = await ask(host, client_context(), data)
            assert status == wanted
            assert "id" not in answer


PLAIN: list[bytes] = [
    REQUEST,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"\0" * 1000,
    b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.rule("T13", "T33")
async def test_what_is_no_tls_gets_nowhere() -> None:
    calls = Calls()
    async with hosted(target(calls), tls=server_context()) as host:
        for data in PLAIN:
            wire = host.wire()
            wire.send_some(data)
            said = await wire.rest()
            assert b"HTTP" not in said
            assert len(said) < 100, "an alert at most"
            wire.close()
        assert (await ask(host, client_context()))[0] == 200
        assert calls.count == 1
        await host.until_alone()


@pytest.mark.rule("T13", "T33", "T17")
async def test_who_leaves_during_the_handshake_leaves_nothing_behind() -> None:
    async with hosted(tls=server_context()) as host:
        for data in (b"", b"\x16\x03\x01"):
            for leave in ("reset", "close"):
                wire = host.wire()
                await wire.send(data)
                await until(lambda: host.serving.http.connections == 1)
                getattr(wire, leave)()
                await host.until_alone()
        await host.wire().send(b"\x16\x03\x01\x00\xa5\x01")
        await until(lambda: host.serving.http.connections == 1)
    await until(lambda: not host.serving.http.connections)


async def by_certificate(facts: RequestFacts) -> Principal | None:
    assert facts.secure
    if facts.certificate is None:
        return None
    names = dict(pair for group in facts.certificate["subject"] for pair in group)
    return Principal("tests", str(names["commonName"]))


@pytest.mark.rule("T14")
async def test_a_certificate_tells_who_asks() -> None:
    async with hosted(target(authenticate=by_certificate), tls=server_context(mutual=True)) as host:
        for name in ("ann", "bob"):
            certificate = authority().issue_cert(f"{name}@tests.example", common_name=name)
            status, answer = await ask(host, client_context(certificate))
            assert status == 200
            assert answer["result"]["content"][0]["text"] == name


@pytest.mark.rule("T14", "T33")
@pytest.mark.parametrize(
    "certificate",
    [lambda: None, lambda: trustme.CA().issue_cert("ann@tests.example", common_name="ann")],
    ids=["none", "of another authority"],
)
async def test_who_has_no_certificate_hears_why_and_gets_nowhere(
    certificate: Callable[[], trustme.LeafCert | None],
) -> None:
    calls = Calls()
    server = target(calls, authenticate=by_certificate)
    async with hosted(server, tls=server_context(mutual=True)) as host:
        for _ in range(5):
            with pytest.raises(ssl.SSLError, match="ALERT"):
                await ask(host, client_context(certificate()))
        assert not calls.count
        await host.until_alone()


@pytest.mark.rule("T14")
async def test_a_certificate_may_be_optional() -> None:
    context = server_context(mutual=True)
    context.verify_mode = ssl.CERT_OPTIONAL
    async with hosted(target(authenticate=by_certificate), tls=context) as host:
        status, answer = await ask(host, client_context())
        assert (status, answer["error"]["code"]) == (401, -32600)
