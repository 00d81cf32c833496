"""SIGINT and SIGTERM end a server at once."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from barewire.transports.backend import Signal, current
from barewire.transports.signals import on_signals
from tests.transports.waiting import a_few_turns

SERVER = """
import anyio, sys, time
from barewire.transports.backend import Signal, current
from barewire.transports.signals import on_signals
from barewire.transports.stdio import claim_stdio

async def main():
    asked = Signal(current())
    numbers = []
    restore = on_signals(lambda number: (numbers.append(number), asked.set()))
    pipe = claim_stdio().open()
    pipe.start(print, print)
    pipe.write([b"ready\\n"])
    {wait}
    await pipe.aclose()
    restore()
    sys.exit(128 + numbers[0])

anyio.run(main, backend={library!r})
"""


def start(library: str, wait: str) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(library=library, wait=wait)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    return server


@pytest.mark.rule("B13", "T7")
def test_an_idle_server_ends_at_the_first_signal(anyio_backend: str) -> None:
    with start(anyio_backend, "await asked.wait()") as server:
        started = time.monotonic()
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 128 + signal.SIGINT
        assert time.monotonic() - started < 0.5
        assert server.stderr
        assert server.stderr.read() == b""


@pytest.mark.rule("T7")
def test_a_second_signal_ends_a_server_whose_loop_is_stuck(anyio_backend: str) -> None:
    with start(anyio_backend, "time.sleep(60)") as server:
        server.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 128 + signal.SIGTERM


async def test_the_first_signal_calls_back_and_the_previous_handlers_return() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    asked = Signal(current())
    seen: list[int] = []
    forced: list[int] = []

    def callback(number: int) -> None:
        seen.append(number)
        asked.set()

    restore = on_signals(callback, force=forced.append)
    try:
        signal.raise_signal(signal.SIGTERM)
        assert not seen
        await asked.wait()
        signal.raise_signal(signal.SIGINT)
        await a_few_turns()
    finally:
        restore()
    assert seen == [signal.SIGTERM]
    assert forced == [128 + signal.SIGINT]
    assert [signal.getsignal(number) for number in numbers] == before


def test_in_another_thread_nothing_is_installed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: on_signals(print)())
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
