"""The server that the official conformance suite asks for, which tries one thing after the other.

Run it by `barewire run examples/everything.py:server --http 127.0.0.1:8000`, or without `--http` on
standard input and output. `make conformance` judges it; the names are those that the suite looks
for, and each tool does what its scenario expects.
"""

import io
import wave
from base64 import b64decode
from typing import Annotated, Any

import anyio

from barewire import Context, Header, Server, ToolError
from barewire.content import Content, audio, embedded, image, text
from barewire.errors import Refuse
from barewire.protocol.errors import Reason

server = Server("everything", version="1.0", title="Everything there is")

PAUSE = 0.05
"""Seconds between two messages of one call."""

RED_PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC"
)


def silence() -> bytes:
    """Return a hundredth of a second of nothing, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8_000)
        sound.writeframes(b"\x80" * 80)
    return file.getvalue()


# Content. A client may call the first tool without arguments.


@server.tool
async def test_simple_text() -> str:
    """Return a text."""
    return "This is a simple text."


@server.tool
async def test_image_content() -> Content:
    """Return a picture of one red pixel."""
    return image(RED_PIXEL, "image/png")


@server.tool
async def test_audio_content() -> Content:
    """Return a sound that cannot be heard."""
    return audio(silence(), "audio/wav")


@server.tool
async def test_embedded_resource() -> Content:
    """Return a resource with what is in it."""
    return embedded("test://embedded-resource", "This is in the resource.", "text/plain")


@server.tool
async def test_multiple_content_types() -> list[Content]:
    """Return a text, a picture and a resource."""
    return [
        text("A picture and a resource:"),
        image(RED_PIXEL, "image/png"),
        embedded("test://mixed-content-resource", '{"mixed": true}', "application/json"),
    ]


@server.tool
async def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool always fails.")


@server.tool
async def test_x_mcp_header(region: Annotated[str, Header("Region")]) -> str:
    """Name the region that the call was meant for, which its header names as well."""
    return f"region: {region}"


# What is sent while a call lasts


@server.tool
async def test_tool_with_logging(ctx: Context) -> str:
    """Log three messages."""
    for message in ("The tool has begun.", "The tool goes on.", "The tool is about to end."):
        await ctx.info(message)
        await anyio.sleep(PAUSE)
    return "Three messages were logged."


@server.tool
async def test_logging_tool(ctx: Context) -> str:
    """Log one message, for clients that want any."""
    await ctx.info("Somebody wants to know.")
    return "A message was logged, if anybody wants it."


@server.tool
async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress three times."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await anyio.sleep(PAUSE)
    return "Progress was reported three times."


@server.tool
async def test_streaming_elicitation(ctx: Context) -> str:
    """Say something before the answer, which may be anything but a request to the client."""
    await ctx.report_progress(1, 2)
    await ctx.info("Something was said.")
    await ctx.report_progress(2, 2)
    return "Something was said, and nothing was asked."


@server.tool
async def test_reconnection(ctx: Context) -> str:
    """Let the client go, and give it the answer when it comes back."""
    ctx.close_stream(retry=0.5)
    await anyio.sleep(2 * PAUSE)
    return "The client has come back."


# What depends on the client, and what changes


@server.tool
async def test_missing_capability(ctx: Context) -> str:
    """Refuse clients that have no model to offer."""
    if "sampling" not in ctx.exchange.facts.capabilities:
        data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise Refuse(Reason.MISSING_CLIENT_CAPABILITY, "sampling", data)
    return "The client could be asked for sampling."


@server.tool
async def test_trigger_tool_change() -> str:
    """Offer one tool more, or take it back."""
    name = "test_tool_that_comes_and_goes"
    try:
        server.tools.remove(name)
    except KeyError:
        server.tool(name=name, description="Be there, now and then.")(test_simple_text)
    return "The list of tools has changed."


if __name__ == "__main__":
    server.run()
