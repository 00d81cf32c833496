"""Where a server over HTTP says that it is to be found."""

import re

import pytest

from barewire import Server
from barewire.run_http import serve_http
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
