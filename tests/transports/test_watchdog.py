"""A server does not outlive the client that started it."""

import inspect
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from barewire.transports.watchdog import watch_parent

# The client starts a server and is killed. The other end of the server's standard input is held by
# the test, so that no end of file tells the server.
CLIENT = """
import subprocess, sys
server = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(server.pid, flush=True)
server.wait()
"""
SERVER = """
import time
from barewire.transports.watchdog import watch_parent
watch_parent({options})
print("watching", flush=True)
time.sleep(60)
"""


def seconds_to_live(options: str) -> float:
    """Kill the parent of a server that is stuck; return how long the server lives on."""
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, SERVER.format(options=options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with client:
        assert client.stdout
        server = int(client.stdout.readline())
        end = os.pidfd_open(server)
        try:
            assert client.stdout.readline() == b"watching\n"
            client.kill()
            client.wait()
            started = time.monotonic()
            assert select.select([end], [], [], 10)[0], "it lives"
            return time.monotonic() - started
        finally:
            signal.pidfd_send_signal(end, signal.SIGKILL)
            os.close(end)


@pytest.mark.rule("T7", "SR-129")
def test_a_stuck_server_ends_after_its_parent_and_a_grace() -> None:
    assert 0.15 < seconds_to_live("interval=0.01, grace=0.2") < 2


@pytest.mark.rule("T7")
def test_by_default_a_server_ends_within_two_seconds_of_its_parent() -> None:
    parameters = inspect.signature(watch_parent).parameters
    assert parameters["interval"].default + parameters["grace"].default < 2


def fail(_: int) -> None:
    pytest.fail("the watchdog bit")


def test_the_watch_can_be_stopped() -> None:
    stop = watch_parent(interval=60, exit_process=fail)
    stop()
    stop()


def test_process_1_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 1)
    watch_parent(interval=0, grace=0, exit_process=fail)
