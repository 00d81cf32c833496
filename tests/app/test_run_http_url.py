"""Where a server over HTTP says that it is to be found, and the sockets that it takes for that."""

import re
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from barewire import Server
from barewire.run_http import serve_http
from barewire.session.limits import Limits
from barewire.transports.bind import bind


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", r"http://127\.0\.0\.1:\d+/mcp"),
        ("localhost", r"http://localhost:\d+/mcp"),
    ],
)
async def test_it_goes_by_the_name_that_it_was_given(host: str, url: str) -> None:
    async with serve_http(Server("s"), host, 0) as http:
        assert re.fullmatch(url, http.url)


async def test_with_sockets_of_others_it_goes_by_its_address() -> None:
    sockets = bind("localhost", 0)
    async with serve_http(Server("s"), "elsewhere.example", sockets=sockets) as http:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/mcp", http.url)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix domain sockets here")
async def test_on_a_unix_domain_socket_it_is_told_as_nginx_wants_it(tmp_path: Path) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f"{tmp_path}/mcp")
    async with serve_http(Server("s"), sockets=[sock]) as http:
        assert http.url == f"http://unix:{tmp_path}/mcp:/mcp"


async def test_without_sockets_there_is_nothing_to_serve_on() -> None:
    with pytest.raises(ValueError, match="no sockets"):
        async with serve_http(Server("s"), sockets=[]):
            pass


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
async def test_a_port_that_cannot_be_one_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="a port is 0 to 65535"):
        async with serve_http(Server("s"), port=port):
            pass


@pytest.mark.parametrize("option", ["hosts", "origins"])
async def test_a_name_is_not_taken_for_a_list_of_its_letters(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} is a list"):
        async with serve_http(Server("s"), port=0, **{option: "a.example"}):  # type: ignore[arg-type]
            pass


UNUSABLE: list[dict[str, Any]] = [
    {"parser": "nope"},
    {"tls": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
]


@pytest.mark.parametrize("options", UNUSABLE, ids=lambda one: next(iter(one)))
async def test_where_no_server_can_be_made_the_address_is_free_again(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[socket.socket] = []

    def bind_and_tell(host: str | None, port: int) -> list[socket.socket]:
        bound.extend(bind(host, port))
        return bound

    monkeypatch.setattr("barewire.run_http.bind", bind_and_tell)
    with pytest.raises((ValueError, ssl.SSLError)):
        async with serve_http(Server("s"), "localhost", 0, **options):
            pass
    assert bound
    assert [sock.fileno() for sock in bound] == [-1] * len(bound)


@pytest.mark.parametrize("options", UNUSABLE, ids=lambda one: next(iter(one)))
async def test_where_no_server_can_be_made_the_sockets_of_others_stay_open(
    options: dict[str, Any],
) -> None:
    sockets = bind("localhost", 0)
    with pytest.raises((ValueError, ssl.SSLError)):
        async with serve_http(Server("s"), sockets=sockets, **options):
            pass
    async with serve_http(Server("s"), sockets=sockets) as http:
        assert http.url


async def test_limits_of_a_client_are_not_those_of_a_server() -> None:
    with pytest.raises(ValueError, match="limits are HttpLimits"):
        async with serve_http(Server("s"), port=0, limits=Limits()):  # type: ignore[arg-type]
            pass
