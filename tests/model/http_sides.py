"""A real endpoint and the model side by side: both are told the same, and must agree."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeAlias

from barewire.context import Context
from barewire.server.mirrored import Header
from barewire.server.server import Server
from barewire.session.exceptions import RequestError
from barewire.session.exchange import Exchange
from barewire.session.principal import RequestFacts
from barewire.transports.http.messages import Handler, HttpRequest
from tests.model.http_endpoint import Endpoint
from tests.model.http_judge import judge
from tests.model.http_loop import StillLoop
from tests.model.http_real import ask, change_tools, close_stream, server_of, serving_of
from tests.model.http_seen import Seen
from tests.model.http_state import Asked, Call, Session, Wire
from tests.model.http_words import Ask, Setup

Step: TypeAlias = Callable[[Context], Coroutine[Any, Any, Any]]


LATE = 11.0
"""Seconds by which a deadline may be missed."""


class Played:
    """A call of the tool as it really runs: step by step, as the test says."""

    def __init__(self) -> None:
        self.steps: asyncio.Queue[Step] = asyncio.Queue()
        self.state = "waits"
        self.context: Context | None = None

    async def run(self, ctx: Context) -> str:
        """Take step after step, until one returns text."""
        self.state, self.context = "runs", ctx
        try:
            while True:
                step = await self.steps.get()
                text = await step(ctx)
                if text is not None:
                    self.state = "over"
                    return str(text)
        except asyncio.CancelledError:
            self.state = "stopped"
            raise
        except RequestError:
            self.state = "over"
            raise


class HttpSides:
    """A server and its model."""

    def __init__(self, setup: Setup | None = None) -> None:
        self.setup = Setup() if setup is None else setup
        self.model = Endpoint(self.setup)
        self.loop = StillLoop()
        self.played: dict[int, Played] = {}
        self.seen: list[tuple[Wire, Seen]] = []
        self.settled = 0
        self.failed = False
        """Whether the two have disagreed: then nothing more is worth a comparison."""
        self.alike: dict[str, tuple[Any, ...]] = {}
        self.asked: list[tuple[Asked, Exchange]] = []
        self.steps: list[str] = []
        self.numbers = iter(range(1, 1 << 30))
        self.server = self._server()
        self.serving = self.loop.call(lambda: serving_of(self.server, self.setup))
        self.handler: Handler = self.serving.endpoint

    def _server(self) -> Server:
        server = server_of(self.setup)

        @server.tool
        async def work(n: int, ctx: Context) -> str:
            return await self.played.setdefault(n, Played()).run(ctx)

        @server.tool(blocking=False)
        def quick() -> str:
            return "quick"

        @server.tool(blocking=False)
        def where(
            region: Annotated[str, Header("region")] = "",
            floor: Annotated[int, Header("floor")] = 0,
            is_open: Annotated[bool, Header("open")] = False,
        ) -> str:
            return "where"

        return server

    def close(self) -> None:
        """End everything."""
        # One that ends makes room for one that waits.
        while runs := [one for one in self.played.values() if one.state == "runs"]:
            for played in runs:
                played.steps.put_nowait(_finish)
            self.loop.settle()
        self.loop.call(self.serving.endpoint.close)
        self.loop.advance(2.0)
        self.loop.close()

    # What clients do.

    def send(self, ask: Ask) -> tuple[Wire, Seen]:
        """Send a request."""
        self.steps.append(f"{ask.method} {ask.path} {ask.fields} {ask.body[:300]!r}")
        seen = Seen()
        head = RequestFacts(ask.method, ask.path, "", dict(ask.fields), len(ask.body))

        def arrive() -> None:
            refused = self.handler.judge(head)
            if refused is None:
                self.handler.receive(HttpRequest(head, ask.body), seen)
            else:
                seen.send(refused)

        self.loop.call(arrive)
        wire = self.model.arrives(ask)
        self.seen.append((wire, seen))
        self.judge()
        return wire, seen

    def cut(self, wire: Wire) -> None:
        """Let the client of a request go away."""
        self.steps.append(f"cut {wire.ask.method}")
        seen = next(one for each, one in self.seen if each is wire)
        if not seen.gone:
            seen.cut = True
            if seen.on_gone is not None:
                self.loop.call(seen.on_gone)
        self.model.leaves(wire)
        self.judge()

    def vanish(self, wire: Wire) -> None:
        """Let the client of a request be gone without a word."""
        self.steps.append(f"{wire.ask.method} vanishes")
        next(one for each, one in self.seen if each is wire).vanished = True
        wire.vanished = True
        self.judge()

    # What the tool does.

    def play(self, call: Call, step: Step) -> None:
        """Let the handler of a call do something, if it runs."""
        if call.state == "runs" and not call.stopped:
            self.played[call.number].steps.put_nowait(step)
            self.loop.settle()

    def returns(self, call: Call, text: str) -> None:
        """Let the tool return."""
        self.steps.append(f"{call.number} returns {text[:50]}")

        async def step(ctx: Context) -> str:
            return text

        self.play(call, step)
        self.model.returns(call, text)
        self.judge()

    def fails(self, call: Call, code: int, text: str) -> None:
        """Let the tool fail."""
        self.steps.append(f"{call.number} fails {code} {text}")

        async def step(ctx: Context) -> None:
            raise RequestError(code, text)

        self.play(call, step)
        self.model.fails(call, code, text)
        self.judge()

    def reports(self, call: Call, value: int) -> None:
        """Let the tool report progress."""
        self.steps.append(f"{call.number} reports {value}")
        self.play(call, lambda ctx: ctx.report_progress(value))
        self.model.reports(call, value)
        self.judge()

    def logs(self, call: Call, level: str, text: str) -> None:
        """Let the tool log."""
        self.steps.append(f"{call.number} logs {level} {text[:50]}")
        self.play(call, lambda ctx: ctx.log(level, text))
        self.model.logs(call, level, text)
        self.judge()

    def asks(self, call: Call, method: str) -> Asked:
        """Let the server ask the client something, in the course of a call."""
        self.steps.append(f"{call.number} asks {method}")
        asked: list[Exchange] = []

        async def step(ctx: Context) -> None:
            asked.append(await ask(ctx, method))

        self.play(call, step)
        (exchange,) = asked
        self.model.asks(call, exchange.id, method)
        assert call.session is not None
        made = call.session.asked[-1]
        self.asked.append((made, exchange))
        self.judge()
        return made

    def closes(self, call: Call) -> None:
        """Let the server close the connection of a call: its client comes back for the rest."""
        self.steps.append(f"{call.number} closes its connection")
        self.play(call, close_stream)
        self.model.closes(call)
        self.judge()

    def changes(self) -> None:
        """Let the list of tools change."""
        self.steps.append("the tools change")
        self.loop.call(lambda: change_tools(self.server, next(self.numbers)))
        self.model.changes("notifications/tools/list_changed")
        self.judge()

    def shuts_down(self) -> None:
        """Tell the server to stop."""
        self.steps.append("it shuts down")
        self.loop.call(self.serving.endpoint.end)
        self.model.shuts_down()
        self.judge()

    # Time, and what both say.

    def wait(self, seconds: float) -> None:
        """Let time pass, and not stop where it is anybody's guess what has happened by then.

        A server looks at its clock now and then: what is due happens a little later.
        """
        while any(-LATE < due - self.model.now - seconds <= 0 for due in self.model.moments()):
            seconds += LATE
        self.steps.append(f"wait {seconds}")
        self.loop.advance(seconds)
        self.model.waits(self.model.now + seconds)
        self.judge()

    def judge(self) -> None:
        """Fail unless every answer that was still open is what is due."""
        try:
            for wire, seen in self.seen[self.settled :]:
                judge(wire, seen)
                if wire.alike:
                    whole = (seen.status, sorted(seen.fields), seen.body)
                    assert self.alike.setdefault(wire.alike, whole) == whole, wire.alike
            while self.settled < len(self.seen) and not self.seen[self.settled][0].live:
                self.settled += 1
            for made, exchange in self.asked:
                assert (exchange.state == "answered") == bool(made.answer), "what was asked"
            for call in self.model.calls:
                played = self.played.get(call.number)
                state = "waits" if played is None else played.state
                due = "stopped" if call.stopped else call.state
                assert state == due or (due == "stopped" and state == "waits"), (
                    f"the tool of {call.id!r} {state}, due is {due}"
                )
        except AssertionError as error:
            self.failed = True
            raise AssertionError(f"{error}\n" + "\n".join(self.steps[-40:])) from error

    # What tests ask for.

    def opened(self, ask: Ask) -> Session:
        """Open a session by this request."""
        wire, _ = self.send(ask)
        assert wire.opens is not None
        return wire.opens

    def call_of(self, wire: Wire) -> Call:
        """Return the call that a POST made."""
        (call,) = (one for one in self.model.calls if one.posted.wire is wire)
        return call


async def _finish(ctx: Context) -> str:
    return "over"


def said(seen: Seen) -> Any:
    """Return the JSON of an answer."""
    return json.loads(seen.body)
