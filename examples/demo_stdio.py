"""The first half of `make demo`: a server as a child process, on its standard streams.

Two conversations with the same server, one opened by a handshake, one without: tools, progress, a
cancellation, a call of nothing, and a line that is no message. The client is made of the parts that
`barewire.Client` is made of, with a tap on the pipe between them.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from barewire.calling import Wire
from barewire.protocol.revisions import V2025_11_25, V2026_07_28, Revision
from barewire.session.connection import Connection
from barewire.session.exceptions import RequestError, TimedOut
from barewire.session.facts import Local
from barewire.transports.backend import run
from barewire.transports.pipe import Pipe
from barewire.transports.process import open_process
from examples.explaining import Explainer, show

COMMAND = [sys.executable, "-m", "barewire", "run", "examples/first_server.py:server"]


class Tap:
    """A pipe that shows what passes through another one."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._explainer = Explainer()
        self._rest = b""

    on_drained: Callable[[], object] | None = None
    low_water = 64 * 1024

    @property
    def pending(self) -> int:
        """Bytes that wait to be written."""
        return self._pipe.pending

    def start(
        self, on_data: Callable[[bytes], object], on_eof: Callable[[BaseException | None], object]
    ) -> None:
        """Begin to read, showing what comes."""

        def received(data: bytes) -> None:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._show("<", line)
            on_data(data)

        self._pipe.start(received, on_eof)

    def write(self, buffers: list[bytes]) -> None:
        """Send, showing what goes."""
        for line in b"".join(buffers).splitlines():
            self._show(">", line)
        self._pipe.write(buffers)

    def pause(self) -> None:
        """Stop reading."""
        self._pipe.pause()

    def resume(self) -> None:
        """Go on reading."""
        self._pipe.resume()

    async def aclose(self) -> object:
        """Close the pipe."""
        return await self._pipe.aclose()

    def _show(self, direction: str, line: bytes) -> None:
        show(direction, line.decode(errors="replace"), self._explainer.message(line))
        print()


async def converse(revision: Revision) -> None:
    """Play one conversation in `revision`."""
    process = open_process(COMMAND, env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")})
    connection = Connection(Local("client", {"name": "demo", "version": "1.0"}))
    wire = Wire(connection, Tap(process), on_notification=lambda notification: None)
    wire.start()
    if revision.modern:
        found = await wire.answer_to(connection.discover(revision, now=wire.link.now()))
        connection.adopt(revision, found)
    else:
        await wire.answer_to(connection.initialize(revision, now=wire.link.now()))
    await wire.request("tools/list", None, timeout=5)
    await wire.request("tools/call", {"name": "greet", "arguments": {"name": "world"}}, timeout=5)
    await wire.request(
        "tools/call",
        {"name": "count", "arguments": {"to": 3}},
        timeout=5,
        on_progress=lambda progress, total, message: None,
    )
    with suppress(TimedOut):
        # Nobody waits that long: the request is cancelled, and no answer comes for it.
        await wire.request(
            "tools/call", {"name": "wait", "arguments": {"seconds": 60}}, timeout=0.2
        )
    await wire.request("tools/call", {"name": "greet", "arguments": {"name": 7}}, timeout=5)
    with suppress(RequestError):
        await wire.request("tools/call", {"name": "dance"}, timeout=5)
    wire.link.pipe.write([b'{"jsonrpc": "2.0", "id": "broken", "method": "tools/call", \n'])
    await wire.request("tools/list", None, timeout=5)  # and the conversation goes on
    print(f"the server is gone: {await wire.aclose()}\n")


def play() -> None:
    """Play both conversations."""
    # The client would warn of the answer to the broken line, which is shown anyway.
    logging.getLogger("barewire.client").setLevel(logging.ERROR)
    for revision in (V2025_11_25, V2026_07_28):
        how = "without a handshake" if revision.modern else "opened by a handshake"
        print(f"{'=' * 8} stdio, {revision.name}, {how}\n")
        run(partial(converse, revision))
