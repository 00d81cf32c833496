"""B19, T30, CVE-2026-34237: browsers of configured origins can use the server; no others can."""

from collections.abc import AsyncIterator

import anyio
import pytest

from barewire.protocol.revisions import V2025_03_26, V2025_11_25
from barewire.session.limits import HttpLimits
from barewire.session.principal import Authenticate, Principal, RequestFacts
from barewire.transports.http.parsing import ParserName
from tests.http.hosting import Host, hosted, target
from tests.http.raw import Response
from tests.http.words import (
    PING,
    Changes,
    asking,
    call,
    chunked,
    delete,
    get,
    initialize,
    modern,
    post,
)

PAGE = "https://app.example"

WANTED = [
    "authorization",
    "content-type",
    "accept",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
]
READ = ["mcp-session-id", "mcp-protocol-version", "www-authenticate"]


def listed(response: Response, name: str) -> list[str]:
    """The elements of a field, in lower case."""
    return [one.strip().lower() for one in (response.field(name) or "").split(",")]


def told(response: Response) -> dict[str, str]:
    """What a browser is told."""
    return {name: value for name, value in response.lines if name.startswith("access-control")}


def readable(response: Response, origin: str = PAGE) -> bool:
    """Whether a browser would let a page of `origin` read the answer, with all it has to."""
    fields = told(response)
    assert "*" not in "".join(fields.values())
    assert "access-control-allow-credentials" not in fields
    exposed = set(listed(response, "access-control-expose-headers"))
    varies = "origin" in listed(response, "vary")
    return fields.get("access-control-allow-origin") == origin and varies and set(READ) <= exposed


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    """A server for pages of `PAGE` and of this machine."""
    async with hosted(origins=[PAGE, "http://other.example:80"]) as host:
        yield host


async def may(host: Host, origin: str, method: str, wanted: list[str]) -> bool:
    """Do as a browser does before it sends a request for a page of `origin`."""
    response = await host.ask(asking(origin, method, ",".join(wanted)))
    if not 200 <= response.status < 300 or not readable(response, origin):
        return False
    allowed = set(listed(response, "access-control-allow-headers"))
    return (
        method.lower() in listed(response, "access-control-allow-methods")
        and set(map(str.lower, wanted)) <= allowed
    )


@pytest.mark.rule("B19", "T30")
async def test_a_preflight_allows_everything_that_the_protocol_has(host: Host) -> None:
    for method in ("POST", "GET", "DELETE", "OPTIONS"):
        assert await may(host, PAGE, method, WANTED)
        assert await may(host, PAGE, method, [])
    assert not await may(host, PAGE, "PUT", [])
    assert not await may(host, PAGE, "POST", ["x-other"])


@pytest.mark.rule("B19", "T30")
async def test_a_preflight_is_answered_without_a_body(host: Host) -> None:
    wire = host.wire()
    for _ in range(2):
        response = await wire.ask(asking(PAGE))
        assert response.status == 204
        assert response.field("content-length") is None
        assert int(response.field("access-control-max-age") or "0") > 0
    assert wire.quiet()


@pytest.mark.rule("B19", "T30")
async def test_arguments_in_headers_are_allowed_by_name(host: Host) -> None:
    assert await may(host, PAGE, "POST", [*WANTED, "mcp-param-region", "Mcp-Param-X"])
    response = await host.ask(asking(PAGE, "POST", "mcp-param-a, x-other, mcp-param-b"))
    allowed = listed(response, "access-control-allow-headers")
    assert allowed[-2:] == ["mcp-param-a", "mcp-param-b"]


@pytest.mark.rule("T30")
async def test_origins_are_compared_as_browsers_mean_them(host: Host) -> None:
    for origin in (PAGE, "http://other.example", "http://localhost:5173"):
        assert await may(host, origin, "POST", WANTED), origin
    for origin in ("null", "http://app.example", f"{PAGE}:8443", f"{PAGE}.evil", "http://evil"):
        response = await host.ask(asking(origin))
        assert response.status == 403
        assert not told(response)


@pytest.mark.rule("B19", "T30")
async def test_a_page_can_use_a_session_from_its_beginning_to_its_end(host: Host) -> None:
    page: Changes = {"Origin": PAGE}
    session = await host.open(changes=page)
    answers = [
        await host.ask(post(initialize(), page)),
        await session.ask(PING),
        await session.ask({"jsonrpc": "2.0", "method": "notifications/x"}),
        await session.ask(call(2, "echo", text="x")),
    ]
    assert all(map(readable, answers))
    listening = host.wire()
    await listening.send(get(session.fields))
    assert readable(await listening.begin())
    assert readable(await host.ask(delete(session.fields)))
    assert readable(await host.ask(modern(call(1, "echo", text="x"), page)))
    streamed = modern(call(1, "echo", text="x"), {**page, "Accept": "text/event-stream"})
    assert readable(await host.ask(streamed))


@pytest.mark.rule("T30", "B30")
async def test_a_page_can_read_what_was_wrong(host: Host) -> None:
    page: Changes = {"Origin": PAGE}
    session = await host.open(changes=page)
    gone = {**page, "Mcp-Session-Id": "gone"}
    refusals = [
        (400, post(b"no json", page)),
        (400, post(PING, page)),
        (400, post(PING, {**session.fields, "MCP-Protocol-Version": "1999-01-01"})),
        (400, get({**session.fields, "Last-Event-ID": "foreign"})),
        (400, modern(call(1, "echo", text="x"), {**page, "Mcp-Name": "other"})),
        (404, post(PING, gone)),
        (404, get(gone)),
        (404, delete(gone)),
        (404, post(PING, page, target="/elsewhere")),
        (405, get(page).replace(b"GET", b"PUT", 1)),
        (406, get({**session.fields, "Accept": "application/json"})),
        (406, post(PING, {**page, "Accept": "text/html"})),
        (413, post(PING, {**page, "Content-Length": "99999999"})),
        (415, post(PING, {**page, "Content-Type": "text/plain"})),
        (421, post(PING, {**page, "Host": "evil.example"})),
    ]
    for status, data in refusals:
        response = await host.ask(data)
        assert response.status == status
        assert response.error
        assert readable(response), status


@pytest.mark.rule("T30", "B30")
async def test_a_page_can_read_that_its_session_was_ended(host: Host) -> None:
    for revision in (V2025_03_26, V2025_11_25):
        session = await host.open(revision, {"Origin": PAGE})
        wire, events = host.wire(), host.wire()
        await wire.send(session.post(call(2, "hold", key="k")))
        await events.send(session.post(call(3, "hold", key="k"), {"Accept": "text/event-stream"}))
        assert readable(await events.begin())
        assert (await host.ask(delete(session.fields))).status == 200
        ended = await wire.response()
        assert ended.status == 404
        assert ended.json["id"] == 2
        assert readable(ended)


@pytest.mark.rule("T30", "B30")
@pytest.mark.usefixtures("quick")
async def test_a_page_can_read_that_its_request_did_not_come_through(parser: ParserName) -> None:
    limits = HttpLimits(body=100, body_time=0.05, connections=3)
    page: Changes = {"Origin": PAGE}
    async with hosted(origins=[PAGE], limits=limits, parser=parser) as host:
        whole = chunked(b"x" * 60, b"x" * 60, changes=page)
        for status, data, limit in [
            (413, post(b"x" * 101, page), "limits.body"),
            (413, whole, "limits.body"),
            (413, whole[: whole.index(b"3c\r\n")] + b"65\r\n", "limits.body"),
            (408, post(b"x" * 100, page)[:-1], "limits.body_time"),
            (408, chunked(b"x", changes=page)[:-1], "limits.body_time"),
            (400, whole.replace(b"3c\r\n", b"zz\r\n"), ""),
        ]:
            wire = host.wire()
            refused = await wire.ask(data)
            assert refused.status == status
            assert limit in refused.error["message"]
            assert not refused.goes_on
            assert readable(refused), refused
            wire.close()
            await host.until_alone()
        for _ in range(3):
            await host.wire().ask(get(page))
        refused = await host.wire().ask(post(PING, page))
        assert refused.status == 503
        assert "limits.connections" in refused.error["message"]
        assert readable(refused)
        foreign = await host.wire().ask(post(PING, {"Origin": "https://evil.example"}))
        assert foreign.status == 503
        assert not told(foreign)


@pytest.mark.rule("T30", "T13")
@pytest.mark.usefixtures("quick")
async def test_what_could_not_be_understood_names_no_page(parser: ParserName) -> None:
    page: Changes = {"Origin": PAGE}
    limits = HttpLimits(head=1_000, head_time=0.05)
    async with hosted(origins=[PAGE], limits=limits, parser=parser) as host:
        good = post(PING, page)
        for status, data in [
            (400, b"nonsense\r\n\r\n"),
            (400, good.replace(b"Host:", b"Host: localhost\r\nHost:", 1)),
            (400, good.replace(b"Origin:", b"Origin: https://evil.example\r\nOrigin:", 1)),
            (400, good.replace(b"Content-Length: ", b"Content-Length: x", 1)),
            (431, post(PING, {**page, "X-Long": "x" * 1_000})),
            (408, good[: good.index(b"\r\n\r\n")]),
        ]:
            wire = host.wire()
            assert readable(await wire.ask(good)), "what came before it on the connection"
            refused = await wire.ask(data)
            assert refused.status == status
            assert not told(refused)


async def nobody(_: RequestFacts) -> Principal | None:
    return None


async def broken(_: RequestFacts) -> Principal | None:
    raise RuntimeError("the directory is down")


async def stuck(_: RequestFacts) -> Principal | None:
    await anyio.sleep_forever()
    return None


@pytest.mark.rule("T30", "B19", "B30")
@pytest.mark.parametrize(("authenticate", "status"), [(nobody, 401), (broken, 500), (stuck, 503)])
async def test_a_page_can_read_that_it_is_not_known(
    authenticate: Authenticate, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    limits = HttpLimits(authenticate_time=0.01)
    server = target(authenticate=authenticate)
    async with hosted(server, origins=[PAGE], limits=limits) as host:
        assert await may(host, PAGE, "POST", WANTED), "before anybody is asked who asks"
        response = await host.ask(post(initialize(), {"Origin": PAGE}))
        assert response.status == status
        assert response.error
        assert (response.field("www-authenticate") is not None) == (status == 401)
        assert readable(response)
    caplog.clear()


@pytest.mark.rule("T30")
async def test_without_configured_origins_browsers_are_told_nothing() -> None:
    async with hosted() as host:
        response = await host.ask(asking("http://localhost:3000"))
        assert response.status == 405
        assert response.field("allow")
        for data in (
            asking("http://localhost"),
            post(initialize(), {"Origin": "http://localhost"}),
        ):
            assert not told(await host.ask(data))


@pytest.mark.rule("T30", "T13")
@pytest.mark.parametrize("origin", ["*", "null", "https://app.example/", "app.example"])
async def test_an_origin_that_protects_nobody_cannot_be_configured(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        async with hosted(origins=[origin]):
            pass


@pytest.mark.rule("B20")
async def test_a_slash_at_the_end_makes_no_difference() -> None:
    for path in ("/mcp", "/mcp/", "/", "/deep/er/"):
        async with hosted(path=path) as host:
            bare = path.rstrip("/")
            for served in {bare or "/", f"{bare}/", f"{bare}/?query=1"}:
                response = await host.ask(post(initialize(), target=served))
                assert response.status == 200, served
                assert response.field("location") is None
            for other in ("/mcpx", "/mcp/x", "/MCP", "/%6dcp", "/mcp%2f", "/x/../mcp"):
                response = await host.ask(post(initialize(), target=other))
                assert (response.status, response.error["code"]) == (404, -32600), other
