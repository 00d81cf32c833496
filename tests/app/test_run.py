"""`server.run()` as a real process: how it starts, what it writes.

How it ends is the matter of tests/immunity/test_process_ending.py.
"""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from barewire import Client, ConnectionLost, Stdio
from tests.conftest import ROOT
from tests.immunity.processes import OUR_SERVER, OurServer, text_in


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def process(backend: str) -> Iterator[OurServer]:
    with OurServer(backend) as process:
        yield process


class TestStreams:
    @pytest.mark.rule("SR-077", "SR-126", "SR-127", "SR-128", "S-02")
    def test_what_is_printed_goes_to_standard_error(self, process: OurServer) -> None:
        process.call(1, "shout", text="hey")
        assert text_in(process.read()) == ""
        process.call(2, "echo", text="still here")
        assert text_in(process.read()) == "still here"
        _, code, messages, errors = process.end()
        assert (code, messages) == (0, [])
        assert errors.splitlines() == [
            "hey",
            "hey from a library",
            "hey from a child",
        ]


@pytest.mark.rule("SR-125", "SR-131")
@pytest.mark.parametrize("mode", ["legacy", "modern"])
async def test_our_client_and_our_server_as_a_process(mode: Any, anyio_backend_name: str) -> None:
    target = Stdio([*OUR_SERVER, anyio_backend_name], cwd=ROOT)
    async with Client(target, mode=mode) as client:
        names = [tool.name for tool in await client.list_tools()]
        assert names == ["echo", "wait", "block", "tidy_up", "refuse_to_end", "shout", "leave"]
        big = "é" * 1_000_000
        assert (await client.call_tool("echo", {"text": big})).text == big
    with pytest.raises(ConnectionLost):
        await client.list_tools()


def test_a_second_server_cannot_have_the_same_streams() -> None:
    script = (
        "from barewire import Server\n"
        "from barewire.transports.stdio import claim_stdio\n"
        "with claim_stdio():\n"
        "    try: Server('s').run()\n"
        "    except RuntimeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "claimed already" in done.stderr
    assert done.returncode == 0
