"""The pool of daemon threads for plain functions."""

import contextlib
import contextvars
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import anyio
import pytest

from barewire.transports.backend import Handle, current
from barewire.transports.threads import BusyError, ThreadPool
from tests.transports.waiting import eventually

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


class Failure(Exception):
    pass


def fail() -> None:
    raise Failure


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool(threads=2, queue=3)
    yield pool
    pool.close()


async def occupy(pool: ThreadPool, count: int) -> tuple[threading.Event, list[Handle[bool]]]:
    """Fill `count` slots until the event is set; two of them run, the others wait."""
    gate = threading.Event()
    running: list[None] = []

    def wait() -> bool:
        running.append(None)
        return gate.wait(10)

    tasks = [current().spawn(pool.run(wait)) for _ in range(count)]
    while pool.load < count or len(running) < min(count, 2):
        await current().sleep(0)
    return gate, tasks


async def test_a_function_runs_in_another_thread_with_its_arguments(pool: ThreadPool) -> None:
    def describe(*args: int, sep: str) -> tuple[str, str]:
        return sep.join(map(str, args)), threading.current_thread().name

    text, name = await pool.run(describe, 1, 2, sep="-")
    assert text == "1-2"
    assert name == "barewire-worker"


async def test_an_exception_comes_back(pool: ThreadPool) -> None:
    with pytest.raises(Failure):
        await pool.run(fail)
    assert await pool.run(len, "still alive") == 11


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt])
async def test_what_would_end_the_loop_arrives_as_a_runtime_error(
    pool: ThreadPool, error: type[BaseException]
) -> None:
    def end() -> None:
        raise error(3)

    with pytest.raises(RuntimeError, match=error.__name__):
        await pool.run(end)


async def test_a_function_sees_the_context_of_its_caller_and_cannot_change_it(
    pool: ThreadPool,
) -> None:
    colour.set("red")

    def look() -> str:
        seen = colour.get()
        colour.set("blue")
        return seen

    assert await pool.run(look) == "red"
    assert colour.get() == "red"


async def test_threads_start_when_needed_and_are_used_again(pool: ThreadPool) -> None:
    ident = await pool.run(threading.get_ident)
    eventually(lambda: pool.load == 0)
    assert await pool.run(threading.get_ident) == ident


async def test_beyond_threads_and_queue_a_call_is_refused(pool: ThreadPool) -> None:
    gate, tasks = await occupy(pool, 5)
    with pytest.raises(BusyError, match="5 calls"):
        await pool.run(len, "")
    gate.set()
    for task in tasks:
        await task.wait()
        assert task.result()
    eventually(lambda: pool.load == 0)
    assert await pool.run(len, "abc") == 3


async def test_when_the_system_has_no_threads_a_call_is_refused_or_waits(
    pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(BusyError, match="no thread"):
            await pool.run(len, "")
        assert pool.load == 0
    gate, tasks = await occupy(pool, 1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        waiting = current().spawn(pool.run(len, "abc"))
        while pool.load < 2:
            await current().sleep(0)
    gate.set()
    await waiting.wait()
    assert waiting.result() == 3
    await tasks[0].wait()


async def test_a_slot_is_free_only_when_its_thread_is_through(pool: ThreadPool) -> None:
    gate, tasks = await occupy(pool, 2)
    for task in tasks:
        task.cancel()
        await task.wait()
        assert task.cancelled()
    assert pool.load == 2
    gate.set()
    eventually(lambda: pool.load == 0)


async def test_a_call_cancelled_while_it_waits_is_never_made(pool: ThreadPool) -> None:
    gate, _ = await occupy(pool, 2)
    made: list[int] = []
    with anyio.move_on_after(0.01):
        await pool.run(made.append, 1)
    gate.set()
    await pool.run(len, "")
    eventually(lambda: pool.load == 0)
    assert not made


async def test_a_closed_pool_takes_nothing(pool: ThreadPool) -> None:
    await pool.run(len, "")
    pool.close()
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(len, "")


async def test_neither_results_nor_exceptions_need_the_garbage_collector(
    pool: ThreadPool,
) -> None:
    references: list[weakref.ref[object]] = []

    def fail_and_remember() -> None:
        error = Failure()
        references.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    def make() -> threading.Event:
        event = threading.Event()
        references.append(weakref.ref(event))
        return event

    gc.disable()
    try:
        with contextlib.suppress(Failure):
            await pool.run(fail_and_remember)
        await pool.run(make)
        eventually(lambda: pool.load == 0)
        await current().sleep(0)
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_a_thread_that_outlives_its_loop_drops_its_result_in_silence(
    anyio_backend: str, pool: ThreadPool, capfd: pytest.CaptureFixture[str]
) -> None:
    gate = threading.Event()

    async def main() -> None:
        current().spawn(pool.run(gate.wait, 10))
        while not pool.load:
            await current().sleep(0)

    anyio.run(main, backend=anyio_backend)
    gate.set()
    eventually(lambda: pool.load == 0)
    assert capfd.readouterr().err == ""


@pytest.mark.rule("T7")
def test_a_function_that_never_returns_does_not_hold_the_process() -> None:
    program = """
import anyio, threading
from barewire.transports.threads import ThreadPool

async def main():
    with anyio.move_on_after(0.05):
        await ThreadPool().run(threading.Event().wait)

anyio.run(main)
print("end")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert (done.stdout, done.stderr) == ("end\n", "")
