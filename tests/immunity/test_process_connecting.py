"""T12, B10, B11: an automatic client reaches legacy servers; a failed connect leaves nothing.

Real processes, and the defaults of `Client`.
"""

import asyncio
import logging
import os
import selectors
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio.testing

from barewire import BarewireError, Client, TimedOut
from barewire.protocol.revisions import V2025_11_25, Revision
from barewire.transports.backend import current
from tests.immunity.processes import bad_server, children, nothing_is_left, warnings_kept

# Legacy servers

BAR = 5.0
"""Seconds within which a client is connected to a legacy server."""

LEGACY: dict[str, tuple[Any, ...]] = {
    "exits on the probe": ("exits_on_the_probe",),
    "silent on the probe": ("silent_on_the_probe",),
    "-32601": ("refuses_the_probe", -32601),
    "-32602": ("refuses_the_probe", -32602),
    "another code": ("refuses_the_probe", -32000),
    "an error with id null": ("refuses_the_probe_without_an_id",),
    "floods stderr": ("floods_stderr_on_the_probe", 1_000_000),
    "answers late": ("answers_the_probe_late", 3.0),  # by default, a client waits for 2.5 s
}
"""How legacy servers take the probe of a modern client, and what plays them."""


@dataclass(frozen=True)
class Connected:
    """What was seen of one server."""

    seconds: float
    revision: Revision
    said: str


@dataclass(frozen=True)
class Connections:
    """What was seen of every server, and what was logged meanwhile."""

    to: dict[str, Connected]
    log: list[logging.LogRecord]


@pytest.fixture(scope="module")
def connections(anyio_backend: str) -> Connections:
    """Connect to all at the same time, for some take seconds."""
    seen = Connections({}, [])

    async def see(name: str) -> None:
        began = current().now()
        async with Client(bad_server(*LEGACY[name])) as client:
            took = current().now() - began
            said = (await client.call_tool("hello")).text
            seen.to[name] = Connected(took, client.revision, said)

    async def main() -> None:
        async with nothing_is_left(), anyio.create_task_group() as group:
            for name in LEGACY:
                group.start_soon(see, name)

    with warnings_kept(seen.log):
        anyio.run(main, backend=anyio_backend)
    return seen


@pytest.mark.rule("T12", "B5", "B11", "C-21")
@pytest.mark.parametrize("name", LEGACY)
def test_a_legacy_server_is_reached_within_five_seconds(
    connections: Connections, name: str
) -> None:
    connected = connections.to[name]
    assert connected.seconds < BAR
    assert connected.revision is V2025_11_25
    assert connected.said == "hello"


@pytest.mark.rule("T12")
def test_nothing_that_a_legacy_server_does_about_the_probe_is_worth_a_warning(
    connections: Connections,
) -> None:
    assert [record.getMessage() for record in connections.log] == []


@pytest.mark.rule("T12", "B11")
async def test_one_that_starts_after_the_probe_timed_out_and_exits_on_it_is_reached() -> None:
    command = bad_server("starts_slowly_and_exits_on_the_probe", 0.2)
    async with Client(command, probe_timeout=0.1) as client:
        assert client.revision is V2025_11_25
        assert (await client.call_tool("hello")).text == "hello"


# Nobody

RATE = 20
"""How many times as fast the clock of a test runs that waits for the default time-out."""


class FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout and timeout / RATE)


class FastLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock runs fast; trio brings such a clock along."""

    def __init__(self) -> None:
        super().__init__(FastSelector())

    def time(self) -> float:
        return super().time() * RATE


def fast(backend: str) -> dict[str, Any]:
    if backend == "trio":
        return {"clock": trio.testing.MockClock(rate=RATE)}
    return {"loop_factory": FastLoop}


@pytest.mark.rule("B10", "T18")
def test_a_server_that_never_answers_is_named_when_the_default_time_is_up(
    anyio_backend: str,
) -> None:
    command = bad_server("never_answers")

    async def main() -> None:
        began = current().now()
        with pytest.raises(TimedOut) as caught:
            await Client(command).connect()
        took = current().now() - began
        text = str(caught.value)
        assert text.startswith(f"cannot connect to {' '.join(command)}: ")
        assert text.endswith("(30 s); the end of its standard error:\nwaiting for the database")
        assert 30 <= took < 33  # the server is ended by then
        assert not children()

    anyio.run(main, backend=anyio_backend, backend_options=fast(anyio_backend))


# Failed connects

FAILED_CONNECTS = int(os.environ.get("BAREWIRE_FAILED_CONNECTS", "60"))
"""How often each loop fails to connect; the bar of T8 is 1,000."""


@pytest.mark.rule("T8")
async def test_failed_connects_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes").touch()
    failing: list[list[str]] = [
        ["no-such-program"],
        [str(tmp_path / "notes")],
        ["sh", "-c", "exit 3"],
        ["sh", "-c", "read probe; kill -9 $$"],
        ["sh", "-c", "exec >&-; cat >&2"],
        bad_server("refuses_the_handshake"),
        bad_server("speaks_another_language"),
        bad_server("never_answers"),
    ]
    async with nothing_is_left():
        for number in range(FAILED_CONNECTS):
            client = Client(failing[number % len(failing)], connect_timeout=0.1)
            with pytest.raises((OSError, BarewireError)):
                await client.connect()
