"""Our HTTP server behind nginx, which buffers answers unless it is told not to."""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from time import monotonic

import pytest

from tests.interop.by_hand import (
    Asked,
    call,
    initialize,
    legacy,
    messages_in,
    modern,
    text_of,
)
from tests.interop.cutting_proxy import CuttingProxy, cutting
from tests.interop.http_servers import Running, our_command, running
from tests.interop.nginx import HOST, nginx_before

COMMENT = 0.1
"""Seconds of silence after which the server says that it is still there."""

NOTHING = "(?!)"


@dataclass(frozen=True)
class Setup:
    server: Running
    between: CuttingProxy
    """What stands between nginx and the server, and counts connections."""
    port: int
    """Of nginx."""
    plain: int
    """Of nginx with its defaults."""


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    options = {"hosts": ["localhost", "127.0.0.1", HOST], "comment": COMMENT}
    with (
        running(our_command(options)) as server,
        cutting(server.port, NOTHING) as between,
        nginx_before(between.port, tmp_path_factory.mktemp("nginx")) as ports,
    ):
        yield Setup(server, between, *ports)
        assert server.stop() == 0
        assert server.said == []


@contextmanager
def asking(
    port: int, asked: Asked, *, method: str = "POST", path: str = "/mcp"
) -> Generator[HTTPResponse]:
    """Make a request; leaving goes away from it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, asked.body or None, asked.fields)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def ask(port: int, asked: Asked) -> str:
    """Make a call and return its text."""
    with asking(port, asked) as response:
        body = response.read()
        assert response.status == 200, body
        if response.headers.get_content_type() == "text/event-stream":
            return text_of(messages_in(body)[-1])
        (message,) = messages_in(b"data: " + body + b"\n\n")
        return text_of(message)


def until(response: HTTPResponse, wanted: str) -> str:
    """Read lines until one that has `wanted` in it; return that one."""
    while line := response.readline().decode():
        if wanted in line:
            return line
    raise AssertionError(f"the stream has ended without {wanted}")


def open_session(port: int) -> str:
    with asking(port, initialize()) as response:
        session = response.headers["Mcp-Session-Id"]
        assert session is not None
    with asking(port, legacy("notifications/initialized", session=session, id=None)) as done:
        assert done.status == 202
    return session


def march(key: str) -> Asked:
    return modern("tools/call", call("march", n=3, key=key), progressToken="p")


@pytest.mark.parametrize("size", [10, 2 * 1024 * 1024])
def test_calls_and_answers_of_any_size_pass(setup: Setup, size: int) -> None:
    text = "x" * size
    for port in (setup.port, setup.plain):
        assert ask(port, modern("tools/call", call("echo", text=text))) == text


@pytest.mark.rule("T26", "M0728-HTTP-36")
@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("which", ["port", "plain"])
def test_what_a_stream_says_arrives_before_it_ends(setup: Setup, which: str, era: str) -> None:
    port = getattr(setup, which)
    key = f"{which} {era}"
    asked = march(key)
    if era == "legacy":
        params = {**call("march", n=3, key=key), "_meta": {"progressToken": "p"}}
        asked = legacy("tools/call", params, session=open_session(port))
    with asking(port, asked) as response:
        for step in (1, 2, 3):
            until(response, f"{key} step {step}")
        ask(port, modern("tools/call", call("release", key=key)))
        assert '"done"' in until(response, "result")


def test_the_stream_of_a_session_opens_at_once_and_says_what_comes(setup: Setup) -> None:
    for port in (setup.port, setup.plain):
        session = open_session(port)
        asked = legacy(None, session=session).but(Accept="text/event-stream")
        with asking(port, asked, method="GET") as response:
            assert response.status == 200
            ask(port, legacy("tools/call", call("learn", name=f"of-{port}"), session=session))
            until(response, "tools/list_changed")


def test_nginx_would_hold_back_what_did_not_say_otherwise(setup: Setup) -> None:
    held = HTTPConnection("127.0.0.1", setup.plain, timeout=0.5)
    asked = march("held-back")
    held.request("POST", "/held-back/mcp", asked.body, asked.fields)
    with pytest.raises(TimeoutError):
        held.getresponse().readline()
    held.close()


def test_connections_to_the_server_are_kept(setup: Setup) -> None:
    ask(setup.port, modern("tools/call", call("echo", text="first")))
    before = setup.between.connections
    for _ in range(5):
        ask(setup.port, modern("tools/call", call("echo", text="again")))
    assert setup.between.connections == before
    for _ in range(5):
        ask(setup.plain, modern("tools/call", call("echo", text="again")))
    assert setup.between.connections == before + 5


@pytest.mark.rule("T26")
def test_a_silent_stream_outlives_the_patience_of_nginx(setup: Setup) -> None:
    wanted = {"notifications": {"toolsListChanged": True}}
    asked = modern("subscriptions/listen", wanted)
    with asking(setup.port, asked, path="/impatient/mcp") as response:
        until(response, "acknowledged")
        started = monotonic()
        while monotonic() < started + 2.2:
            until(response, ":")  # a comment
        ask(setup.port, modern("tools/call", call("learn", name="patience")))
        until(response, "tools/list_changed")


@pytest.mark.rule("T13")
def test_only_hosts_that_the_server_knows_are_answered_for(setup: Setup) -> None:
    for host, status in ((HOST, 200), (f"{HOST}:8443", 200), ("other.example", 421)):
        asked = modern("tools/list").but(Host=host)
        with asking(setup.plain, asked, path="/for/mcp") as response:
            assert response.status == status


@pytest.mark.rule("T9", "M0728-HTTP-37", "M0728-CAN-09")
def test_who_goes_away_from_nginx_cancels_a_modern_call(setup: Setup) -> None:
    for port in (setup.port, setup.plain):
        key = f"away {port}"
        connection = HTTPConnection("127.0.0.1", port)
        asked = modern("tools/call", call("hold", key=key))
        connection.request("POST", "/mcp", asked.body, asked.fields)
        ask(port, modern("tools/call", call("until_held", key=key)))
        connection.close()
        assert ask(port, modern("tools/call", call("fate", key=key))) == "cancelled"


@pytest.mark.rule("M0326-HTTP-31")
def test_who_goes_away_from_nginx_does_not_cancel_a_call_of_a_session(setup: Setup) -> None:
    session = open_session(setup.port)

    def in_session(name: str, id: int) -> Asked:
        return legacy("tools/call", call(name, key="session"), session=session, id=id)

    connection = HTTPConnection("127.0.0.1", setup.port)
    held = in_session("hold", 2)
    connection.request("POST", "/mcp", held.body, held.fields)
    ask(setup.port, in_session("until_held", 3))
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    ask(setup.port, in_session("release", 4))
    assert ask(setup.port, in_session("fate", 5)) == "released"
