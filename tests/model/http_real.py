"""Our own endpoint, made as a setup of the model says. Nothing of the model knows this file."""

import asyncio
from typing import Any

from barewire.context import Context
from barewire.httpapplication import HttpApplication
from barewire.protocol.revisions import ALL, Revision
from barewire.server.server import Server
from barewire.session.exchange import Exchange
from barewire.session.limits import HttpLimits, Limits
from barewire.session.principal import Principal, RequestFacts
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.talk import Talk
from barewire.transports.threads import ThreadPool
from tests.model.http_words import USER, Setup


async def believe(facts: RequestFacts) -> Principal | None:
    """Believe what a request says of its sender."""
    user = facts.fields.get(USER)
    return None if user in (None, "nobody") else Principal("tests", user or "")


def server_of(setup: Setup) -> Server:
    """Return a server without tools."""
    bounds = setup.bounds
    revisions: tuple[Revision, ...] = tuple(ALL[one - 1] for one in setup.speaks)
    limits = Limits(
        running=bounds.session_running, queued=bounds.session_queued, batch=bounds.batch
    )
    return Server(
        "server",
        version="1",
        revisions=revisions,
        limits=limits,
        authenticate=believe if setup.users else None,
    )


def serving_of(server: Server, setup: Setup) -> HttpApplication:
    """Return what gives a server its endpoint, which is what the tests drive."""
    bounds = setup.bounds
    limits = HttpLimits(
        body=bounds.body,
        running=bounds.running,
        queued=bounds.queued,
        listening=bounds.listening,
        sessions=bounds.sessions,
        session_idle=bounds.idle,
        kept=bounds.kept,
        kept_time=bounds.kept_time,
        defer=bounds.defer,
        comment=bounds.comment,
    )
    options = HttpOptions(
        path=setup.path, stateless=setup.stateless, json_response=setup.json, limits=limits
    )
    return HttpApplication(server, options, ThreadPool())


def change_tools(server: Server, number: int) -> None:
    """Change what a server offers."""

    def more() -> str:
        return "more"

    server.tool(name=f"more{number}", blocking=False)(more)


async def ask(ctx: Context, method: str) -> Exchange:
    """Ask the client something in the course of its request."""
    talk: Any = getattr(ctx, "_carrier")  # noqa: B009  handlers have no method for this yet
    assert isinstance(talk, Talk)
    now = asyncio.get_running_loop().time()
    return talk.connection.request(method, now=now, timeout=None, parent=ctx.exchange)


async def close_stream(ctx: Context) -> None:
    """Close the connection that a request came by, not its stream."""
    ctx.close_stream()
