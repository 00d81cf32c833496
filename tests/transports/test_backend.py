"""The backend: the same promises on asyncio and trio."""

import asyncio
import contextvars
import gc
import logging
import os
import sys
import threading
from functools import partial

import anyio
import pytest

from barewire.transports.backend import Backend, Future, Handle, Signal, current, guarded, run

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


async def forever() -> None:
    await current().sleep(60)


async def test_the_backend_is_that_of_the_running_loop(anyio_backend: str) -> None:
    assert type(current()).__name__.lower() == f"{anyio_backend}backend"


def test_without_a_loop_there_is_no_backend() -> None:
    with pytest.raises(RuntimeError):
        current()


def test_a_loop_can_be_run_by_its_name(anyio_backend: str) -> None:
    async def name() -> str:
        return type(current()).__name__.lower()

    assert run(name, backend=anyio_backend) == f"{anyio_backend}backend"
    with pytest.raises(ValueError, match="curio"):
        run(name, backend="curio")


async def test_a_task_gives_its_result() -> None:
    async def answer() -> int:
        await current().sleep(0)
        return 42

    task = current().spawn(answer())
    await task.wait()
    assert task.done()
    assert not task.cancelled()
    assert task.result() == 42


@pytest.mark.rule("T2")
async def test_an_exception_stays_in_the_handle_and_is_no_group() -> None:
    async def fail() -> None:
        await current().sleep(0)
        raise ValueError("lost")

    task = current().spawn(fail())
    await task.wait()
    with pytest.raises(ValueError, match="lost"):
        task.result()


def test_an_exception_that_nobody_asks_for_is_logged(
    anyio_backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ValueError("lost")

    async def main() -> None:
        await current().spawn(fail()).wait()
        await current().sleep(0)

    run(main, backend=anyio_backend)
    gc.collect()
    assert "ValueError: lost" in caplog.text


@pytest.mark.rule("B12", "T2")
async def test_a_task_outlives_the_scope_that_spawned_it_and_ends_from_another() -> None:
    async def spawn_and_leave() -> Handle[None]:
        return current().spawn(forever())

    opener = current().spawn(spawn_and_leave())
    await opener.wait()
    task = opener.result()
    assert not task.done()

    async def end_it() -> None:
        task.cancel()
        await task.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(end_it)
    assert task.cancelled()


async def test_a_task_cancelled_before_it_starts_never_runs() -> None:
    ran: list[bool] = []

    async def run() -> None:
        await current().sleep(0)
        ran.append(True)

    task = current().spawn(run())
    task.cancel()
    await task.wait()
    assert task.cancelled()
    assert not ran


async def test_a_task_may_refuse_to_be_cancelled_and_return() -> None:
    async def stubborn() -> str:
        try:
            await forever()
        except anyio.get_cancelled_exc_class():
            pass
        return "done"

    task = current().spawn(stubborn())
    await current().sleep(0)
    await current().sleep(0)
    task.cancel()
    await task.wait()
    assert not task.cancelled()
    assert task.result() == "done"


async def test_a_shielded_task_does_not_hear_of_cancellation() -> None:
    gate = Signal(current())

    async def closing() -> str:
        await gate.wait()
        return "closed"

    task = current().spawn(closing(), shield=True)
    await current().sleep(0)
    task.cancel()
    gate.set()
    await task.wait()
    assert task.result() == "closed"


def test_the_run_waits_for_a_shielded_task(anyio_backend: str) -> None:
    steps: list[str] = []

    async def closing() -> None:
        backend = current()
        await backend.sleep(0.01)
        soon, never = Signal(backend), Signal(backend)
        backend.call_soon(soon.set)
        steps.append(f"soon: {await soon.wait(10)}")
        steps.append(f"never: {await never.wait(0.01)}")

    async def main() -> None:
        current().call_soon(list)
        current().spawn(closing(), shield=True)
        current().spawn(forever())
        await current().sleep(0)

    run(main, backend=anyio_backend)
    assert steps == ["soon: True", "never: False"]


async def test_a_task_sees_the_context_of_its_spawner_and_keeps_its_own() -> None:
    colour.set("red")

    async def look() -> str:
        seen = colour.get()
        colour.set("blue")
        return seen

    task = current().spawn(look())
    await task.wait()
    assert task.result() == "red"
    assert colour.get() == "red"


async def test_waiting_for_a_task_can_be_cancelled_without_harm_to_it() -> None:
    gate = Signal(current())

    async def work() -> bool:
        return await gate.wait()

    task = current().spawn(work())
    with anyio.move_on_after(0.01):
        await task.wait()
    assert not task.done()
    gate.set()
    await task.wait()
    assert task.result()


async def test_a_future_wakes_its_task_with_a_value_or_an_exception() -> None:
    backend = current()
    first: Future[str] = backend.future()
    backend.call_soon(lambda: first.set_result("here"))
    assert await first == "here"
    assert await first == "here"
    second: Future[str] = backend.future()
    backend.call_soon(lambda: second.set_exception(KeyError("gone")))
    with pytest.raises(KeyError):
        await second


async def test_a_future_is_done_when_its_task_is_cancelled() -> None:
    future: Future[str] = current().future()
    with anyio.move_on_after(0.01):
        await future
    assert future.done()


async def test_a_signal_wakes_all_who_wait_and_those_who_come_later() -> None:
    backend = current()
    signal = Signal(backend)
    woken: list[bool] = []

    async def wait() -> None:
        woken.append(await signal.wait())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(wait)
        group.start_soon(signal.wait, 0.001)
        await backend.sleep(0.01)
        signal.set()
        signal.set()
    assert woken == [True] * 3
    assert await signal.wait(0)


async def test_waiting_for_a_signal_ends_with_its_time() -> None:
    signal = Signal(current())
    assert not await signal.wait(0.01)
    with anyio.move_on_after(0.01):
        await signal.wait()
    signal.set()
    assert await signal.wait()


async def test_calls_soon_run_in_order_and_not_at_once() -> None:
    backend = current()
    seen: list[int] = []
    for number in range(3):
        backend.call_soon(partial(seen.append, number))
    assert not seen
    done = Signal(backend)
    backend.call_soon(done.set)
    await done.wait()
    assert seen == [0, 1, 2]


async def test_a_timer_fires_at_its_time_unless_cancelled() -> None:
    backend = current()
    fired: list[float] = []
    done = Signal(backend)
    start = backend.now()
    backend.call_at(start + 0.03, done.set)
    backend.call_at(start + 0.02, lambda: fired.append(backend.now()))
    backend.call_at(start + 0.01, lambda: fired.append(0)).cancel()
    await done.wait()
    assert backend.now() >= start + 0.03
    assert len(fired) == 1
    assert fired[0] >= start + 0.02


async def test_another_thread_can_call_into_the_loop() -> None:
    backend = current()
    seen = Signal(backend)
    names: list[str] = []

    def note() -> None:
        names.append(threading.current_thread().name)
        seen.set()

    thread = threading.Thread(target=backend.call_soon_threadsafe, args=(note,))
    thread.start()
    await seen.wait()
    thread.join()
    assert names == [threading.current_thread().name]


def test_a_closed_loop_takes_no_calls(anyio_backend: str) -> None:
    backends: list[Backend] = []

    async def main() -> None:
        backends.append(current())

    run(main, backend=anyio_backend)
    assert not backends[0].call_soon_threadsafe(list)


async def test_a_descriptor_is_watched_until_it_is_removed() -> None:
    backend = current()
    read_fd, write_fd = os.pipe()
    seen = Signal(backend)
    calls: list[str] = []

    def readable() -> None:
        calls.append("readable")
        if len(calls) == 3:
            backend.remove_reader(read_fd)
            backend.remove_reader(read_fd)
            seen.set()

    backend.add_reader(read_fd, readable)
    await backend.sleep(0.01)
    assert not calls
    os.write(write_fd, b"x")
    await seen.wait()
    await backend.sleep(0.01)
    assert calls == ["readable"] * 3

    writable = Signal(backend)
    backend.add_writer(write_fd, writable.set)
    await writable.wait()
    backend.remove_writer(write_fd)
    backend.remove_writer(write_fd)
    os.close(read_fd)
    os.close(write_fd)


async def test_a_callback_that_raises_is_logged_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    backend = current()

    def bug() -> None:
        raise ValueError("a bug")

    done = Signal(backend)
    backend.call_soon(partial(guarded, bug))
    backend.call_at(backend.now(), partial(guarded, bug))
    backend.call_soon_threadsafe(partial(guarded, bug))
    backend.call_at(backend.now() + 0.01, done.set)
    await done.wait()
    assert caplog.text.count("ValueError: a bug") == 3


def test_asyncio_starts_a_task_at_once_where_it_can() -> None:
    async def answer() -> asyncio.Task[object] | None:
        return asyncio.current_task()

    async def main() -> None:
        task = current().spawn(answer())
        assert task.done() == (sys.version_info >= (3, 12))
        await task.wait()
        assert task.result() not in (None, asyncio.current_task())

    asyncio.run(main())
