"""A server on a loopback port, inside the loop of a test, and clients of it."""

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio

from barewire import Context, Server
from barewire.httpserving import HttpServing
from barewire.protocol.revisions import V2025_11_25, Revision
from barewire.run_http import serve_http
from barewire.session.limits import DEFAULT_HTTP_LIMITS
from barewire.session.principal import Authenticate
from tests.app.peers import until
from tests.http.raw import Response, Wire
from tests.http.words import INITIALIZED, Changes, get, initialize, post

__all__ = ["Calls", "Host", "Session", "goes_on_as_it_said", "hosted", "refuse", "target"]

SESSION = "mcp-session-id"


class Calls:
    """What goes on in the tools of `target`, by the key that a call gives."""

    def __init__(self) -> None:
        self.begun: defaultdict[str, anyio.Event] = defaultdict(anyio.Event)
        self.released: defaultdict[str, anyio.Event] = defaultdict(anyio.Event)
        self.fates: dict[str, str] = {}
        self.count = 0
        """How often any tool was called."""


def target(
    calls: Calls | None = None, *, authenticate: Authenticate | None = None, **options: Any
) -> Server:
    """A server with a few tools, whose calls a test may hold."""
    server = Server("target", authenticate=authenticate, **options)
    state = Calls() if calls is None else calls

    @server.tool
    async def echo(text: str) -> str:
        state.count += 1
        return text

    @server.tool
    async def hold(key: str) -> str:
        """Wait to be released."""
        state.count += 1
        state.begun[key].set()
        try:
            await state.released[key].wait()
        except BaseException:
            state.fates[key] = "cancelled"
            raise
        state.fates[key] = "released"
        return key

    @server.tool
    async def talk(key: str, steps: int, ctx: Context) -> str:
        """Report some steps, then wait to be released."""
        state.count += 1
        for step in range(1, steps + 1):
            await ctx.report_progress(step)
        state.begun[key].set()
        await state.released[key].wait()
        return key

    @server.tool
    async def whoami(ctx: Context) -> str:
        state.count += 1
        return "nobody" if ctx.principal is None else ctx.principal.subject

    return server


@dataclass
class Session:
    """One legacy session, from a client's point of view."""

    host: "Host"
    id: str
    revision: Revision
    fields: dict[str, str | None]
    """What goes with every request of it."""

    def post(self, message: object, changes: Changes | None = None) -> bytes:
        return post(message, {**self.fields, **(changes or {})})

    async def ask(self, message: object, changes: Changes | None = None) -> Response:
        """Post a message on a connection of its own, and read the answer."""
        return await self.host.ask(self.post(message, changes))


class Host:
    """Where the server is, and the connections that a test has to it."""

    def __init__(self, serving: HttpServing) -> None:
        self.serving = serving
        self.port = serving.http.addresses[0][1]
        self.wires: list[Wire] = []

    def wire(self, *, room: int | None = None) -> Wire:
        """Connect; the connection is closed with the server at the latest."""
        wire = Wire(self.port, room=room)
        self.wires.append(wire)
        return wire

    async def ask(self, data: bytes) -> Response:
        """Ask something on a connection of its own."""
        wire = Wire(self.port)
        try:
            return await wire.ask(data)
        finally:
            wire.close()

    async def open(
        self, revision: Revision = V2025_11_25, changes: Changes | None = None
    ) -> Session:
        """Open a legacy session; `changes` go with every request of it."""
        opened = await self.ask(post(initialize(1, revision), changes))
        assert opened.status == 200, opened
        id = opened.field(SESSION)
        assert id is not None
        fields = {"Mcp-Session-Id": id, **(changes or {})}
        if revision.version_header:
            fields["MCP-Protocol-Version"] = revision.name
        session = Session(self, id, revision, fields)
        assert (await session.ask(INITIALIZED)).status == 202
        return session

    async def until_alone(self) -> None:
        """Wait until the server has no connection left."""
        await until(lambda: not self.serving.http.connections)

    def close(self) -> None:
        for wire in self.wires:
            wire.close()


@asynccontextmanager
async def hosted(server: Server | None = None, /, **options: Any) -> AsyncGenerator[Host]:
    """Serve on a free port; what clients have left running is cut at the end."""
    limits = replace(options.pop("limits", DEFAULT_HTTP_LIMITS), drain=0.02)
    async with serve_http(
        target() if server is None else server, port=0, limits=limits, **options
    ) as serving:
        host = Host(serving)
        try:
            yield host
        finally:
            host.close()


async def refuse(host: Host, data: bytes, status: int, *, code: int = -32600) -> Response:
    """See a request refused: by a status and a JSON-RPC error without id.

    The connection is then as the answer says: the next request is answered, or it has ended.
    """
    wire = host.wire()
    response = await wire.ask(data)
    assert response.status == status, response
    assert response.error["code"] == code
    assert "id" not in response.json
    await goes_on_as_it_said(wire, response)
    return response


async def goes_on_as_it_said(wire: Wire, response: Response) -> None:
    """See that a connection is in the state that an answer announced."""
    if response.goes_on:
        assert (await wire.ask(get())).status == 400  # which misses a session
        assert wire.quiet()
    else:
        assert response.field("connection") == "close"
        assert await wire.rest() == b""
    wire.close()
