"""The tools that every stranger's server offers; runs in the environment of either SDK."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import anyio
from mcp.types import EmbeddedResource, ImageContent

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LEVELS = Level.__args__


@dataclass
class Sum:
    sum: int


@dataclass
class Peer:
    protocol_version: str
    client_name: str


@dataclass
class State:
    """What the calls leave behind: the server serves one client."""

    cancelled: int = 0
    least_level: Level = "debug"

    def wants(self, level: Level) -> bool:
        return LEVELS.index(level) >= LEVELS.index(self.least_level)


def offer_tools(
    server: Any, Context: type, error: type[Exception], identify: Callable[..., Peer]
) -> State:
    """Register the tools; `identify` reads the Peer of a request from its context."""
    state = State()

    @server.tool()
    async def echo(text: str) -> str:
        """Return the text."""
        return text

    @server.tool()
    async def add(a: int, b: int) -> Sum:
        """Add two integers."""
        return Sum(a + b)

    @server.tool()
    async def progress(n: int, ctx: Context) -> str:
        """Report n steps, then end."""
        for step in range(1, n + 1):
            await ctx.report_progress(step, n, f"step {step}")
        return "done"

    @server.tool()
    async def slow(seconds: float, ctx: Context) -> str:
        """Report that it has started, then sleep."""
        try:
            await ctx.report_progress(0, 1, "started")
            await anyio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            state.cancelled += 1
            raise
        return "slept"

    @server.tool()
    async def cancelled_count(at_least: int) -> str:
        """Count the cancelled calls of slow, after waiting up to 5 s for this many."""
        with anyio.move_on_after(5):
            while state.cancelled < at_least:
                await anyio.sleep(0.01)
        return str(state.cancelled)

    @server.tool()
    async def fail(message: str) -> str:
        """Fail with the message."""
        raise error(message)

    @server.tool()
    async def log(level: Level, text: str, ctx: Context) -> str:
        """Send a log message, unless it is below the level that the client has set."""
        if state.wants(level):
            await ctx.log(level, text, logger_name="tools")
        return "logged"

    @server.tool()
    async def whoami(ctx: Context) -> Peer:
        """Tell who the client says it is, and what it speaks."""
        return identify(ctx)

    return state


QUESTION = "Which colour?"
SAMPLING = {
    "messages": [{"role": "user", "content": {"type": "text", "text": QUESTION}}],
    "maxTokens": 10,
}
COLOUR_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
}
COLOURS = ["blue", "black", "green"]
SEAL = bytes(range(8))
IMAGE = {"type": "image", "data": "AAECAwQFBgc=", "mimeType": "image/png"}
NOTE = {
    "type": "resource",
    "resource": {"uri": "note://hello", "mimeType": "text/plain", "text": "Hello."},
}


def page_of(items: list[Any], cursor: str | None) -> tuple[list[Any], str | None]:
    """Return the first item and the cursor of the others, or these."""
    return (items[:1], "second") if cursor is None else (items[1:], None)


def offer_everything(server: Any, Completion: type) -> None:
    """Register resources, a prompt and completions, for sessions that are to be recorded."""

    @server.resource("note://hello", name="hello", description="A greeting.")
    def hello() -> str:
        return "Hello."

    @server.resource("note://of/{name}", name="note", description="A note of somebody.")
    def note(name: str) -> str:
        return f"A note of {name}."

    @server.resource("note://seal", name="seal", description="A picture.", mime_type="image/png")
    def seal() -> bytes:
        return SEAL

    @server.tool(structured_output=False)
    async def picture() -> list[ImageContent | EmbeddedResource]:
        """Return a picture and a note."""
        return [ImageContent.model_validate(IMAGE), EmbeddedResource.model_validate(NOTE)]

    @server.prompt(name="greet", description="Greet somebody.")
    def greet(name: str) -> str:
        return f"Greet {name}."

    @server.completion()
    async def complete(_ref: object, argument: Any, _context: object) -> Any:
        return Completion(values=[name for name in COLOURS if name.startswith(argument.value)])


ANSWERS = {
    "roots": {"roots": [{"uri": "file:///project", "name": "project"}]},
    "sampling": {
        "role": "assistant",
        "content": {"type": "text", "text": "blue"},
        "model": "a-model",
    },
    "elicitation": {"action": "accept", "content": {"colour": "green"}},
}
"""What a client that is to be recorded answers when the server asks."""
