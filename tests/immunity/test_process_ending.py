"""T7, B13, B17: our server ends with its client, with its parent, and when it is told to.

Its handlers get one second when the client is gone, and none at a signal.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from barewire.protocol.revisions import ALL, V2026_07_28, Revision
from tests.conftest import ROOT
from tests.immunity.processes import (
    OUR_SERVER,
    OurServer,
    call_line,
    killed_at_the_end,
    request_line,
    text_in,
    wait_until_full,
)


@pytest.fixture
def server(anyio_backend: str) -> Iterator[OurServer]:
    with OurServer(anyio_backend) as server:
        yield server


class TestTheEndOfInput:
    @pytest.mark.rule("SR-129", "S-58")
    def test_an_idle_server_exits(self, server: OurServer) -> None:
        server.call(1, "leave")  # which ends the handler and nothing else
        assert server.read()["result"]["isError"] is True
        took, code, messages, errors = server.end()
        assert (code, messages) == (0, [])
        assert "tool leave failed" in errors
        assert took < 2

    @pytest.mark.rule("B17", "S-58")
    @pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
    def test_a_result_that_is_under_way_is_delivered(
        self, anyio_backend: str, revision: Revision
    ) -> None:
        with OurServer(anyio_backend, revision) as server:
            server.call(1, "wait", seconds=0.2)
            server.call(2, "block", seconds=0.2)
            took, code, messages, errors = server.end()
        answers = {one["id"]: text_in(one) for one in messages if "id" in one}
        assert answers == {1: "waited 0.2", 2: "blocked 0.2"}
        assert code == 0
        assert took < 2
        assert "Traceback" not in errors

    @pytest.mark.rule("B17", "S-58", "T7")
    def test_but_not_for_ever(self, server: OurServer) -> None:
        server.call_and_see_it_run(1, "wait", seconds=60)
        server.call_and_see_it_run(2, "block", seconds=60)
        server.call_and_see_it_run(3, "tidy_up")
        took, code, messages, errors = server.end()
        assert (code, errors) == (0, "tidied up\n")
        assert not [one for one in messages if "id" in one]
        assert 0.9 < took < 3

    @pytest.mark.rule("T7")
    def test_not_even_for_a_handler_that_refuses_to_end(self, server: OurServer) -> None:
        server.call_and_see_it_run(1, "refuse_to_end")
        took, code, _, errors = server.end()
        assert code == 1
        assert "handlers do not end although they were cancelled: exiting without them" in errors
        assert 0.9 < took < 4


SIGNAL_BAR = 0.5
"""Seconds from the first signal to the exit."""


def interrupted_in_time(end: Callable[[], float]) -> bool:
    """Whether one of three ends is as quick as it has to be: a busy machine may be late."""
    return any(end() < SIGNAL_BAR for _ in range(3))


class TestSignals:
    @pytest.mark.rule("B13", "T7")
    @pytest.mark.parametrize(
        ("number", "expected"),
        [(signal.SIGINT, 130), (signal.SIGTERM, 0)],
        ids=lambda one: str(one),
    )
    def test_an_idle_server_exits_though_its_input_stays_open(
        self, anyio_backend: str, number: signal.Signals, expected: int
    ) -> None:
        def end() -> float:
            with OurServer(anyio_backend) as server:
                took, code, messages, errors = server.end(number)
            assert (code, messages, errors) == (expected, [], "")
            return took

        assert interrupted_in_time(end)

    @pytest.mark.rule("B13", "T7")
    @pytest.mark.parametrize(
        ("number", "expected"),
        [(signal.SIGINT, 130), (signal.SIGTERM, 0)],
        ids=lambda one: str(one),
    )
    def test_so_does_one_whose_handlers_run(
        self, anyio_backend: str, number: signal.Signals, expected: int
    ) -> None:
        def end() -> float:
            with OurServer(anyio_backend) as server:
                server.call_and_see_it_run(1, "wait", seconds=60)
                server.call_and_see_it_run(2, "block", seconds=60)
                server.call_and_see_it_run(3, "tidy_up")
                took, code, _, errors = server.end(number)
            assert (code, errors) == (expected, "tidied up\n")
            return took

        assert interrupted_in_time(end)

    @pytest.mark.rule("T7")
    def test_a_handler_that_refuses_to_end_is_left_behind(self, anyio_backend: str) -> None:
        def end() -> float:
            with OurServer(anyio_backend) as server:
                server.call_and_see_it_run(1, "refuse_to_end")
                took, code, _, _ = server.end(signal.SIGINT)
            assert code == 130
            return took

        assert interrupted_in_time(end)

    @pytest.mark.rule("T7", "T23")
    def test_a_client_that_reads_nothing_holds_it_up_no_longer(self, anyio_backend: str) -> None:
        def end() -> float:
            with OurServer(anyio_backend) as server:
                server.call(1, "echo", text="x" * 1_000_000)
                assert server.popen.stdout is not None
                wait_until_full(server.popen.stdout.fileno())
                began = time.monotonic()
                server.popen.send_signal(signal.SIGINT)
                assert server.popen.wait(20) == 130
                return time.monotonic() - began

        assert interrupted_in_time(end)

    @pytest.mark.rule("T7", "B17")
    def test_handlers_that_may_go_on_are_given_up(self, anyio_backend: str) -> None:
        def end() -> float:
            with OurServer(anyio_backend) as server:
                server.call_and_see_it_run(1, "wait", seconds=60)
                assert server.popen.stdin is not None
                server.popen.stdin.close()
                time.sleep(0.1)  # whether it has noticed or not: it waits for a second
                took, code, _, errors = server.end(signal.SIGINT)
            assert (code, errors) == (130, "")
            return took

        assert interrupted_in_time(end)


# The parent's death

PARENT_BAR = 2.0
"""Seconds from the death of the parent to the exit of the server."""

PARENT = """
import subprocess, sys
request, held, *command = sys.argv[1:]
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
pipes = server.stdin.fileno(), server.stdout.fileno()
sibling = subprocess.Popen(["sleep", "60"], pass_fds=pipes if held == "held" else ())
server.stdin.write(request.encode())
server.stdin.flush()
server.stdout.readline()
print(server.pid, sibling.pid, flush=True)
sys.stdin.read()
"""
"""A client that starts a server, and another process that may hold the pipes to the server."""

BUSY = {
    "idle": request_line(1, "server/discover", {}, V2026_07_28),
    "stalled": request_line(1, "server/discover", {}, V2026_07_28)
    + call_line(2, "echo", {"text": "x" * 100_000}, V2026_07_28),  # more than a pipe holds
    "asleep": call_line(1, "wait", {"seconds": 60}, V2026_07_28),
    "blocked": call_line(1, "block", {"seconds": 60}, V2026_07_28),
}
"""What a server does when its parent dies, and the request that brings it there."""


@dataclass(frozen=True)
class Survival:
    """For how long a server lived on, and how much CPU that took, but for its very end."""

    seconds: float
    cpu: float


class Orphan:
    """A server whose parent is about to be killed."""

    def __init__(self, busy: str, pipes: str, backend: str) -> None:
        command = [sys.executable, "-S", "-E", "-c", PARENT, BUSY[busy].decode(), pipes]
        self._parent = subprocess.Popen(
            [*command, *OUR_SERVER, backend],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._parent.stdout is not None
        self._server, self._sibling = map(int, self._parent.stdout.readline().split())
        self._exited = os.pidfd_open(self._server)

    def lose_parent(self) -> Survival:
        """Kill the parent and see what comes of the server."""
        used = self._cpu()
        with killed_at_the_end(self._server), killed_at_the_end(self._sibling):
            began = time.monotonic()
            with self._parent:
                self._parent.kill()
            used = 0.0 if self._exits_within(0.8) else self._cpu() - used
            assert self._exits_within(10)
            survival = Survival(time.monotonic() - began, used)
        os.close(self._exited)
        return survival

    def _exits_within(self, seconds: float) -> bool:
        return bool(select.select([self._exited], [], [], seconds)[0])

    def _cpu(self) -> float:
        status = Path(f"/proc/{self._server}/stat").read_text().rpartition(")")[2].split()
        return (int(status[11]) + int(status[12])) / os.sysconf("SC_CLK_TCK")


ORPHANS = [
    (busy, pipes, backend)
    for busy in BUSY
    for pipes in ("closed", "held")  # by a sibling: then no end of file tells the server
    for backend in ("asyncio", "trio")
]


@pytest.fixture(scope="module")
def survivals() -> dict[tuple[str, str, str], Survival]:
    """Start all servers, then kill all parents: that takes two seconds, not twenty."""
    with ThreadPoolExecutor(len(ORPHANS)) as threads:
        orphans = list(threads.map(lambda orphan: Orphan(*orphan), ORPHANS))
        return dict(zip(ORPHANS, threads.map(Orphan.lose_parent, orphans), strict=True))


@pytest.mark.rule("T7", "SR-129")
@pytest.mark.parametrize(("busy", "pipes", "backend"), ORPHANS)
def test_a_server_does_not_outlive_its_parent(
    survivals: dict[tuple[str, str, str], Survival], busy: str, pipes: str, backend: str
) -> None:
    survival = survivals[busy, pipes, backend]
    assert survival.seconds < PARENT_BAR
    assert survival.cpu <= 0.05
