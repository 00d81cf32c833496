"""`server.run()` as a real process: how it starts, what it writes, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from barewire import Client, ConnectionLost, Stdio
from barewire.run import DRAIN
from tests.app.peers import INFO, Object
from tests.conftest import ROOT
from tests.transports.waiting import eventually

SERVER = [sys.executable, "-m", "tests.app.run_server"]


class Process:
    """A server process, spoken to by hand in a legacy revision."""

    def __init__(self, backend: str) -> None:
        self.popen = subprocess.Popen(
            [*SERVER, backend],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> "Process":
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": INFO}
        self.send({"id": 0, "method": "initialize", "params": params})
        self.send({"method": "notifications/initialized"})
        assert self.read()["id"] == 0
        return self

    def __exit__(self, *_: object) -> None:
        with self.popen:
            self.popen.kill()

    def send(self, message: Object) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.popen.stdin.flush()

    def call(self, id: int, name: str, **arguments: object) -> None:
        params: Object = {"name": name, "arguments": arguments, "_meta": {"progressToken": id}}
        self.send({"id": id, "method": "tools/call", "params": params})

    def call_and_see_it_run(self, id: int, name: str, **arguments: object) -> None:
        self.call(id, name, **arguments)
        assert self.read()["method"] == "notifications/progress"

    def read(self) -> Object:
        assert self.popen.stdout is not None
        line: Object = json.loads(self.popen.stdout.readline())
        return line

    def end(self, number: signal.Signals | None = None) -> tuple[float, int, list[Object], str]:
        """Close its input, or signal it; return seconds, exit code, output and standard error."""
        began = time.monotonic()
        if number is None:
            rest, errors = self.popen.communicate(timeout=20)
        else:
            self.popen.send_signal(number)
            assert self.popen.stdout is not None
            assert self.popen.stderr is not None
            rest, errors = self.popen.stdout.read(), self.popen.stderr.read()
            self.popen.wait(20)
        took = time.monotonic() - began
        messages = [json.loads(line) for line in rest.splitlines()]
        return took, self.popen.returncode, messages, errors.decode()


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def process(backend: str) -> Iterator[Process]:
    with Process(backend) as process:
        yield process


def text_in(message: Object) -> str:
    text: str = message["result"]["content"][0]["text"]
    return text


class TestTheEndOfInput:
    @pytest.mark.rule("SR-129", "S-58")
    def test_an_idle_server_exits(self, process: Process) -> None:
        process.call(1, "leave")  # which ends the handler and nothing else
        assert process.read()["result"]["isError"] is True
        took, code, messages, errors = process.end()
        assert (code, messages) == (0, [])
        assert "tool leave failed" in errors
        assert took < 2

    @pytest.mark.rule("B17", "S-58")
    def test_a_result_that_is_under_way_is_delivered(self, process: Process) -> None:
        process.call(1, "wait", seconds=0.2)
        process.call(2, "block", seconds=0.2)
        took, code, messages, errors = process.end()
        answers = {one["id"]: text_in(one) for one in messages if "id" in one}
        assert answers == {1: "waited 0.2", 2: "blocked 0.2"}
        assert code == 0
        assert took < 2
        assert "Traceback" not in errors

    @pytest.mark.rule("B17", "S-58", "T7")
    def test_but_not_for_ever(self, process: Process) -> None:
        process.call_and_see_it_run(1, "wait", seconds=60)
        process.call_and_see_it_run(2, "block", seconds=60)
        process.call_and_see_it_run(3, "tidy_up")
        took, code, messages, errors = process.end()
        assert (code, errors) == (0, "tidied up\n")
        assert not [one for one in messages if "id" in one]
        assert 0.9 < took < 3

    @pytest.mark.rule("T7")
    def test_not_even_for_a_handler_that_refuses_to_end(self, process: Process) -> None:
        process.call_and_see_it_run(1, "refuse_to_end")
        took, code, _, errors = process.end()
        assert code == 1
        assert "handlers do not end although they were cancelled: exiting without them" in errors
        assert 0.9 < took < 4


class TestSignals:
    @pytest.mark.rule("B13", "T7")
    def test_an_interrupt_ends_it_at_once(self, backend: str) -> None:
        best = 60.0
        for _ in range(3):  # a busy machine may be late
            with Process(backend) as process:
                took, code, messages, errors = process.end(signal.SIGINT)
            assert (code, messages) == (130, [])
            assert "Traceback" not in errors
            best = min(best, took)
            if best < 0.5:
                break
        assert best < 0.5

    @pytest.mark.rule("B13", "T7")
    def test_so_does_a_request_to_terminate(self, process: Process) -> None:
        took, code, messages, errors = process.end(signal.SIGTERM)
        assert (code, messages) == (0, [])
        assert "Traceback" not in errors
        assert took < 2

    def test_neither_waits_for_handlers(self, backend: str) -> None:
        best = 60.0
        for _ in range(3):  # a busy machine may be late
            with Process(backend) as process:
                process.call_and_see_it_run(1, "wait", seconds=60)
                process.call_and_see_it_run(2, "block", seconds=60)
                process.call_and_see_it_run(3, "tidy_up")
                took, code, _, errors = process.end(signal.SIGINT)
            assert (code, errors) == (130, "tidied up\n")
            best = min(best, took)
            if best < DRAIN:
                break
        assert best < DRAIN

    def test_nor_for_one_that_refuses_to_end(self, process: Process) -> None:
        process.call_and_see_it_run(1, "refuse_to_end")
        took, code, _, _ = process.end(signal.SIGINT)
        assert code == 130
        assert took < 3


class TestStreams:
    @pytest.mark.rule("SR-077", "SR-126", "SR-127", "SR-128", "S-02")
    def test_what_is_printed_goes_to_standard_error(self, process: Process) -> None:
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


PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=0, stdout=1)
print(child.pid, file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.mark.rule("T7", "SR-129")
def test_it_does_not_outlive_its_parent_though_its_input_stays_open() -> None:
    reading, writing = os.pipe()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *SERVER],
        cwd=ROOT,
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(reading)
    assert parent.stdout is not None
    assert parent.stderr is not None
    server = int(parent.stderr.readline())
    os.write(writing, b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    assert json.loads(parent.stdout.readline())["id"] == 1
    parent.kill()
    parent.wait()
    eventually(lambda: not is_running(server), seconds=10)
    os.close(writing)
    parent.stdout.close()
    parent.stderr.close()


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in b"ZX"
    except OSError:
        return False


@pytest.mark.rule("SR-125", "SR-131")
@pytest.mark.parametrize("mode", ["legacy", "modern"])
async def test_our_client_and_our_server_as_a_process(mode: Any, anyio_backend_name: str) -> None:
    target = Stdio([*SERVER, anyio_backend_name], cwd=ROOT)
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
