"""T13, CVE-2025-66414, -66416, 2026-34742, -35568, -42559: who may ask a server at all."""

import pytest

from barewire.transports.http.parsing import ParserName
from tests.http.hosting import hosted
from tests.http.words import INITIALIZED, delete, get, initialize, modern, post, request

FOREIGN = [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "evil.localhost",
    "127.0.0.1.nip.io",
    "localhost.",
    "localhost.:80",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",
    "[::]",
    "[::ffff:127.0.0.1]",
    "localhost:",
    "localhost:80:80",
    "",
]

REQUESTS = {
    "initialize": lambda fields: post(initialize(), fields),
    "notification": lambda fields: post(INITIALIZED, fields),
    "modern": lambda fields: modern(request(1, "tools/list"), fields),
    "get": lambda fields: get(fields),
    "delete": lambda fields: delete(fields),
}

each_request = pytest.mark.parametrize("name", REQUESTS)


@each_request
@pytest.mark.rule("T13", "B30")
async def test_names_that_the_server_does_not_have_are_misdirected(
    name: str, parser: ParserName
) -> None:
    async with hosted(parser=parser) as host:
        for foreign in FOREIGN:
            response = await host.ask(REQUESTS[name]({"Host": foreign}))
            if (response.status, foreign) == (400, "localhost:80:80"):
                continue  # which is no host at all
            assert response.status == 421, foreign
            assert response.error["code"] == -32600
            assert "id" not in response.json
