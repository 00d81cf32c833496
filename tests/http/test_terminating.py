"""SIGTERM ends a server over HTTP: what goes on is answered, for as long as that may take."""

import signal
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from barewire.protocol.revisions import V2025_11_25
from tests.app.peers import SECONDS
from tests.http.hosting import SESSION
from tests.http.raw import Wire
from tests.http.words import INITIALIZED, Changes, call, get, initialize, modern, post
from tests.interop.http_servers import Running, running

SERVER = """
import sys

import anyio
from barewire import Server
from barewire.session.limits import HttpLimits

server = Server("server")

@server.tool
async def hold(gate: int) -> str:
    async with await anyio.connect_tcp("127.0.0.1", gate) as stream:
        return (await stream.receive()).decode()

server.run_http(port=0, limits=HttpLimits(drain=float(sys.argv[1])), backend=sys.argv[2])
"""
"""Its calls last until they are told by the gate, a port of the test, what to answer."""

WAITS = "calls that go on: 2; waiting for {} s at most, and another signal ends it at once\n"


class Two:
    """A call of each era that goes on in a server, and a client that listens."""

    def __init__(self, server: Running) -> None:
        self.modern, self.legacy, self.listening = (Wire(server.port) for _ in range(3))
        self.handlers: list[socket.socket] = []

    async def begin(self) -> None:
        """Have both calls begin."""
        fields = await opened(self.listening)
        await self.listening.send(get(fields))
        assert (await self.listening.begin()).status == 200
        with socket.create_server(("127.0.0.1", 0)) as gate:
            gate.settimeout(SECONDS)
            asked = call("a", "hold", gate=gate.getsockname()[1])
            for wire, data in ((self.modern, modern(asked)), (self.legacy, post(asked, fields))):
                await wire.send(data)
                handler, _ = gate.accept()
                handler.settimeout(SECONDS)
                self.handlers.append(handler)

    def close(self) -> None:
        for wire in (self.modern, self.legacy, self.listening):
            wire.close()
        for handler in self.handlers:
            handler.close()


async def opened(wire: Wire) -> Changes:
    """Open a session and return the fields of its requests."""
    response = await wire.ask(post(initialize(revision=V2025_11_25)))
    fields = {"Mcp-Session-Id": response.field(SESSION), "MCP-Protocol-Version": V2025_11_25.name}
    assert (await wire.ask(post(INITIALIZED, fields))).status == 202
    return fields


@contextmanager
def serving(drain: float, backend: str) -> Generator[tuple[Running, Two]]:
    """Run a server of its own with two calls to come."""
    command = [sys.executable, "-W", "error", "-c", SERVER, str(drain), backend]
    with running(command) as server:
        calls = Two(server)
        try:
            yield server, calls
        finally:
            calls.close()


@pytest.mark.rule("SR-188", "T17")
async def test_a_server_that_is_told_to_stop_answers_what_it_was_asked(
    anyio_backend_name: str,
) -> None:
    with serving(30, anyio_backend_name) as (server, calls):
        await calls.begin()
        server.process.send_signal(signal.SIGTERM)
        await calls.listening.rest()  # who only listens is let go at once
        calls.listening.close()
        for handler in calls.handlers:
            handler.sendall(b"bye")
        for wire in (calls.modern, calls.legacy):
            answer = await wire.answer()
            assert (answer["id"], answer["result"]["content"][0]["text"]) == ("a", "bye")
            assert await wire.rest() == b""
            wire.close()
        assert server.process.wait(SECONDS) == 0
    assert server.said == [WAITS.format(30)]


@pytest.mark.rule("SR-188", "T17")
async def test_a_server_waits_no_longer_than_it_may_and_then_cuts_what_goes_on(
    anyio_backend_name: str,
) -> None:
    with serving(0.05, anyio_backend_name) as (server, calls):
        await calls.begin()
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for wire in (calls.modern, calls.legacy):
            assert b"result" not in await wire.rest()
        for handler in calls.handlers:
            assert handler.recv(1) == b"", "its handler goes on"
        assert server.process.wait(SECONDS) == 0
        assert time.monotonic() - told < 5
    assert server.said == [WAITS.format(0.05)]
