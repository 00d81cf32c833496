"""T13, CVE-2025-66414, -66416, 2026-34742, -35568, -42559: who may ask a server at all."""

from collections.abc import Callable

import pytest

from barewire.run_http import serve_http
from barewire.transports.http.parsing import ParserName
from tests.http.hosting import SESSION, goes_on_as_it_said, hosted, refuse, target
from tests.http.words import (
    INITIALIZED,
    Changes,
    asking,
    delete,
    get,
    initialize,
    modern,
    post,
    request,
)

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
    "localhost,evil.example",
    "",
]
"""Names that resolve to this machine, or look as if they did."""

NO_HOSTS = [
    "user@localhost",
    "user:secret@localhost",
    "localhost:80:80",
    "localhost:port",
    "localhost/",
    "localhost evil.example",
    "[::1",
    "::1",
]

REQUESTS: dict[str, Callable[[Changes], bytes]] = {
    "initialize": lambda fields: post(initialize(), fields),
    "notification": lambda fields: post(INITIALIZED, fields),
    "modern": lambda fields: modern(request(1, "tools/list"), fields),
    "get": get,
    "delete": delete,
    "preflight": lambda fields: asking("http://localhost", changes=fields),
}

each_request = pytest.mark.parametrize("name", REQUESTS)


@each_request
@pytest.mark.rule("T13", "B30")
async def test_names_that_the_server_does_not_have_are_misdirected(
    name: str, parser: ParserName
) -> None:
    async with hosted(parser=parser) as host:
        for foreign in FOREIGN:
            refused = await refuse(host, REQUESTS[name]({"Host": foreign}), 421)
            assert SESSION not in dict(refused.lines)


@pytest.mark.rule("T13", "B30")
async def test_what_is_no_host_is_no_request(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for wrong in [*NO_HOSTS, None]:
            refused = await refuse(host, post(initialize(), {"Host": wrong}), 400)
            assert not refused.goes_on


@pytest.mark.rule("T13", "B30")
async def test_the_host_of_a_whole_url_counts_whatever_the_field_says(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:

        def to(target: str, field: str = "localhost") -> bytes:
            return post(initialize(), {"Host": field}, target=target)

        assert (await host.ask(to("http://localhost/mcp"))).status == 200
        assert (await host.ask(to("HTTP://localhost:1/mcp", "evil.example"))).status == 200
        for wrong in ("http://evil.example/mcp", "https://localhost.:1/mcp"):
            await refuse(host, to(wrong), 421)
        for wrong in ("http://evil.example@localhost/mcp", "http:///mcp", "//localhost/mcp", "*"):
            await refuse(host, to(wrong), 404 if wrong.startswith("//") else 400)


@pytest.mark.rule("T13")
async def test_an_old_client_may_leave_out_the_host_but_not_lie(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:

        def old(changes: Changes) -> bytes:
            return post(initialize(), changes).replace(b"HTTP/1.1", b"HTTP/1.0", 1)

        assert (await host.ask(old({"Host": None}))).status == 200  # browsers always send one
        await refuse(host, old({"Host": "evil.example"}), 421)
        await refuse(host, old({"Host": None, "Origin": "http://evil.example"}), 403)


@pytest.mark.rule("T13")
async def test_a_server_answers_for_its_own_names(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for own in (
            "localhost",
            "localhost:",
            "LOCALHOST:1",
            "127.0.0.1",
            f"127.0.0.1:{host.port}",
            "[::1]:9",
        ):
            assert (await host.ask(post(initialize(), {"Host": own}))).status == 200, own
    async with hosted(parser=parser, hosts=["mcp.example", "two.example:8080"]) as host:
        for own in ("mcp.example", "MCP.example:443", "two.example:8080"):
            assert (await host.ask(post(initialize(), {"Host": own}))).status == 200, own
        for foreign in ("localhost", "127.0.0.1", "two.example", "two.example:8081"):
            refused = await refuse(host, post(initialize(), {"Host": foreign}), 421)
            said = refused.error["message"]
            assert foreign in said, "whoever reads it has to see what was rejected"
            assert "(hosts)" in said, "and by which setting"


FOREIGN_ORIGINS = [
    "null",
    "http://evil.example",
    "https://evil.example:443",
    "http://localhost.evil.example",
    "http://localhost.",
    "http://evil.example#localhost",
    "http://evil.example?localhost",
    "http://localhost@evil.example",
    "http://evil.example@localhost",
    "http://127.0.0.1.nip.io",
    "file://",
    "file://localhost",
    "chrome-extension://localhost",
    "vscode-webview://localhost",
    "ftp://localhost",
    "localhost",
    "//localhost",
    "http://",
    "http://localhost/",
    "http://localhost, http://evil.example",
    "http://localhost http://evil.example",
    "",
]


@each_request
@pytest.mark.rule("T13", "B30")
async def test_pages_of_foreign_origins_may_ask_nothing(name: str, parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for origin in FOREIGN_ORIGINS:
            refused = await refuse(host, REQUESTS[name]({"Origin": origin}), 403)
            allowed = [key for key, _ in refused.lines if key.startswith("access-control")]
            assert not allowed


@pytest.mark.rule("T13")
async def test_the_host_is_judged_before_the_origin_and_both_before_the_rest() -> None:
    async with hosted() as host:
        both = {"Host": "evil.example", "Origin": "http://evil.example", "Content-Type": "x/y"}
        await refuse(host, post(b"no json", both, target="/elsewhere"), 421)
        await refuse(host, post(b"", {**both, "Host": "localhost"}, target="/elsewhere"), 403)
        await refuse(host, post(b"", {"Content-Type": "x/y"}, target="/elsewhere"), 404)


@pytest.mark.rule("T13")
async def test_pages_of_this_machine_may_ask() -> None:
    async with hosted() as host:
        for origin in ("http://localhost", "http://localhost:3000", "https://127.0.0.1:1"):
            assert (await host.ask(post(initialize(), {"Origin": origin}))).status == 200


@pytest.mark.rule("T13")
@pytest.mark.parametrize("address", ["0.0.0.0", "::", ""])
async def test_a_server_for_every_address_has_to_know_its_names(address: str) -> None:
    with pytest.raises(ValueError, match="hosts"):
        async with serve_http(target(), address, 0):
            pass


@pytest.mark.rule("T13", "B30")
async def test_a_refused_connection_serves_the_next_request_unless_it_brought_a_body() -> None:
    async with hosted() as host:
        for data, goes_on in ((get({"Host": "evil"}), True), (post({}, {"Host": "evil"}), False)):
            wire = host.wire()
            response = await wire.ask(data)
            assert response.goes_on == goes_on
            await goes_on_as_it_said(wire, response)
