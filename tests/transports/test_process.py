"""A server as a child process: started, watched, and ended whatever it does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Literal

import anyio
import pytest

from barewire.transports.backend import current
from barewire.transports.child import group_is_alive
from barewire.transports.process import (
    CloseResult,
    Grace,
    ProcessEnded,
    StdioProcess,
    open_process,
)
from tests.transports.recorder import Recorder
from tests.transports.waiting import eventually

QUICK = Grace(eof=0.1, term=0.1, kill=5, flush=0.05)
PATIENT = Grace(eof=10, term=10, kill=10)


async def start(
    script: str,
    *,
    grace: Grace = PATIENT,
    kill_tree: Literal["unruly", "always"] = "unruly",
    stderr: Callable[[bytes], object] | int | None = None,
) -> tuple[StdioProcess, Recorder]:
    """Run a shell script, and wait until it says "ready" on its standard output."""
    process = open_process(
        ["/bin/sh", "-c", script], grace=grace, kill_tree=kill_tree, stderr=stderr
    )
    reader = Recorder(process)
    await reader.receive(6)
    return process, reader


def is_alive(number: int) -> bool:
    """Whether a process that is no zombie has this number."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@contextlib.contextmanager
def killed_at_the_end(number: int) -> Generator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, SIGKILL)
        eventually(lambda: not is_alive(number))


# Starting


async def test_a_server_answers_and_ends_when_its_input_ends() -> None:
    process = open_process(["cat"])
    reader = Recorder(process)
    process.write([b"echo ", b"this"])
    assert await reader.receive(9) == b"echo this"
    assert process.returncode is None
    assert await process.aclose() == CloseResult(0, (), False)
    assert process.returncode == 0
    assert not reader.ends


async def test_64_mebibytes_pass_through_a_server_and_back() -> None:
    process = open_process(["cat"])
    reader = Recorder(process)
    block = os.urandom(1024 * 1024)
    for _ in range(64):
        process.write([block])
    assert await reader.receive(64 * len(block)) == block * 64
    await process.aclose()


async def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="cannot start the server no-such-program 'a b'"):
        open_process(["no-such-program", "a b"])


async def test_a_directory_that_does_not_exist_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"the server cat: .*'/no/such/place'"):
        open_process(["cat"], cwd="/no/such/place")


async def test_a_file_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes").touch()
    with pytest.raises(PermissionError, match="notes"):
        open_process([str(tmp_path / "notes")])


@pytest.mark.parametrize("command", ["python server.py", []])
async def test_a_command_is_a_sequence(command: str | list[str]) -> None:
    with pytest.raises(TypeError, match="sequence"):
        open_process(command)


def test_without_a_loop_nothing_is_started() -> None:
    with pytest.raises(RuntimeError):
        open_process(["cat"])


@pytest.mark.rule("SR-159", "SR-183")
async def test_a_server_gets_only_safe_variables_and_those_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    monkeypatch.setenv("HOME", "/home/of/the/client")
    process = open_process(["env"], env={"GIVEN": "yes", "TERM": "dumb"})
    reader = Recorder(process)
    await reader.end()
    variables = dict(line.split("=", 1) for line in reader.data.decode().splitlines())
    assert variables["GIVEN"] == "yes"
    assert variables["TERM"] == "dumb"
    assert variables["HOME"] == "/home/of/the/client"
    assert variables["PATH"] == os.environ["PATH"]
    assert "API_KEY" not in variables
    await process.aclose()


async def test_a_server_gets_everything_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    process = open_process(["/bin/sh", "-c", "echo $API_KEY; pwd"], inherit_env=True, cwd=tmp_path)
    reader = Recorder(process)
    await reader.end()
    assert reader.data.decode() == f"secret\n{tmp_path}\n"
    await process.aclose()


async def test_a_server_inherits_the_three_streams_and_nothing_else() -> None:
    other = open_process(["cat"])
    process = open_process([sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"])
    reader = Recorder(process)
    await reader.end()
    assert reader.data.decode().count("'") == 2 * 4  # one more for the listing itself
    await process.aclose()
    await other.aclose()


# Standard error


@pytest.mark.rule("B10", "M1125-STD-06")
async def test_the_end_of_standard_error_is_kept() -> None:
    process, reader = await start("echo first >&2; echo w\\\\303\\\\244rts >&2; echo ready; cat")
    while "w" not in process.stderr_tail:
        await current().sleep(0)
    assert process.stderr_tail == "first\nwärts\n"
    assert not reader.ends
    await process.aclose()
    assert process.stderr_tail.startswith("first")


@pytest.mark.rule("T12", "T23", "C-30")
async def test_a_server_that_floods_standard_error_is_drained() -> None:
    process = open_process(
        ["/bin/sh", "-c", "head -c 10000000 /dev/zero >&2; echo last >&2; echo ready"]
    )
    reader = Recorder(process)
    assert await reader.receive(6) == b"ready\n"
    reason = await reader.end()
    assert isinstance(reason, ProcessEnded)
    assert len(process.stderr_tail) == 8192
    assert process.stderr_tail.endswith("\0last\n")
    await process.aclose()


async def test_standard_error_can_be_followed() -> None:
    chunks: list[bytes] = []
    process, _ = await start("echo one >&2; echo ready; cat; echo two >&2", stderr=chunks.append)
    await process.aclose()
    assert b"".join(chunks) == b"one\ntwo\n"
    assert process.stderr_tail == "one\ntwo\n"


async def test_standard_error_can_be_copied_to_a_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process, _ = await start("echo one >&2; echo ready; cat; echo two >&2", stderr=log.fileno())
        await process.aclose()
        eventually(lambda: (tmp_path / "log").read_bytes() == b"one\ntwo\n")


async def test_a_stalled_copy_of_standard_error_holds_nobody() -> None:
    read_end, write_end = os.pipe()
    process, _ = await start("head -c 10000000 /dev/zero >&2; echo ready; cat", stderr=write_end)
    assert await process.aclose() == CloseResult(0, (), False)
    os.close(read_end)  # the thread that copies finds out, and ends
    os.close(write_end)


# The end of a server


@pytest.mark.rule("T8", "T12")
async def test_the_exit_of_a_server_is_the_reason_that_its_pipe_reports() -> None:
    process = open_process(["/bin/sh", "-c", "echo answer; echo 'bad config' >&2; exit 3"])
    reader = Recorder(process)
    reason = await reader.end()
    assert isinstance(reason, ProcessEnded)
    assert reader.data == b"answer\n"
    assert reason.returncode == process.returncode == 3
    assert "/bin/sh -c" in str(reason)
    assert "exited with code 3" in str(reason)
    assert str(reason).endswith("bad config")
    assert await process.aclose() == CloseResult(3, (), False)
    assert len(reader.ends) == 1


async def test_a_signal_that_ended_a_server_is_named() -> None:
    process = open_process(["/bin/sh", "-c", "kill -9 $$"])
    reason = await Recorder(process).end()
    assert "ended by signal 9" in str(reason)
    assert await process.aclose() == CloseResult(-9, (), False)


async def test_an_exit_is_noticed_while_a_grandchild_holds_the_streams() -> None:
    process, reader = await start("sleep 60 & echo $! >&2; echo ready; read line; exit 7")
    with killed_at_the_end(int(process.stderr_tail)):
        started = current().now()
        process.write([b"\n"])
        reason = await reader.end()
        assert current().now() - started < 0.2
        assert isinstance(reason, ProcessEnded)
        assert reason.returncode == 7
        await process.aclose()


async def test_an_exit_explains_more_than_a_write_that_failed() -> None:
    process, reader = await start("sleep 60 & echo $! >&2; exec <&-; echo ready; exit 3")
    with killed_at_the_end(int(process.stderr_tail)):
        await process.wait()
        process.write([b"anybody?"])
        assert isinstance(await reader.end(), ProcessEnded)
        await process.aclose()


async def test_an_exit_while_paused_is_reported_after_the_last_data() -> None:
    process = open_process(["/bin/sh", "-c", "echo answer"])
    process.pause()
    reader = Recorder(process)
    assert await process.wait(10) == 0
    assert not reader.ends
    process.resume()
    assert isinstance(await reader.end(), ProcessEnded)
    assert reader.data == b"answer\n"
    await process.aclose()


async def test_an_exit_before_the_start_is_reported_after_it() -> None:
    process = open_process(["/bin/sh", "-c", "echo answer"])
    await process.wait()
    reader = Recorder(process)
    assert isinstance(await reader.end(), ProcessEnded)
    assert reader.data == b"answer\n"
    await process.aclose()


async def test_a_server_that_closes_its_output_alone_is_an_end_without_exit() -> None:
    process, reader = await start(
        "echo ready; exec >&-; read line; exit 0", grace=Grace(eof=5, report=0.05)
    )
    assert await reader.end() is None
    assert process.returncode is None
    assert await process.wait(0) is None
    assert await process.aclose() == CloseResult(0, (), False)


async def test_a_server_that_closes_its_input_alone_breaks_the_pipe() -> None:
    process, reader = await start(
        "exec <&-; echo ready; exec sleep 60", grace=Grace(eof=0, report=0.05)
    )
    process.write([b"anybody?"])
    assert isinstance(await reader.end(), BrokenPipeError)
    assert await process.aclose() == CloseResult(-SIGTERM, (SIGTERM,), False)


@pytest.mark.rule("T7")
async def test_after_the_exit_of_a_server_its_client_is_idle() -> None:
    process, reader = await start("sleep 60 & echo $! >&2; echo ready")
    with killed_at_the_end(int(process.stderr_tail)):
        await reader.end()
        used = time.process_time()
        await current().sleep(0.2)
        assert time.process_time() - used < 0.02
        await process.aclose()


# Closing


@pytest.mark.rule("T8", "M1105-LIFE-18", "M0728-STD-14", "C-30", "SR-129", "DEV-47")
@pytest.mark.parametrize(
    ("script", "signals"),
    [
        ("echo ready; cat", ()),
        ("echo ready; cat; sleep 0.02; exit 5", ()),
        ("echo ready; exec sleep 60", (SIGTERM,)),
        ("trap '' TERM; echo ready; while :; do sleep 60; done", (SIGTERM, SIGKILL)),
        ("trap 'exit 9' TERM; echo ready; while :; do sleep 60; done", (SIGTERM,)),
        ("echo ready; kill -STOP $$", (SIGTERM, SIGKILL)),
        ("echo ready; exec yes", (SIGTERM,)),
        ("echo ready; exec yes >&2", (SIGTERM,)),
        ("echo ready; exec >&-; exec sleep 60", (SIGTERM,)),
        ("exec <&-; echo ready; exec sleep 60", (SIGTERM,)),
        ("sleep 60 & sleep 60 & echo ready; sleep 60", (SIGTERM,)),
        ("trap '' TERM; sleep 60 & echo ready; sleep 60", (SIGTERM, SIGKILL)),
    ],
)
async def test_closing_forces_a_server_as_much_as_it_needs(
    script: str, signals: tuple[signal.Signals, ...]
) -> None:
    process, _ = await start(script, grace=QUICK if signals else PATIENT)
    process.write([bytes(1024 * 1024)])
    started = current().now()
    result = await process.aclose()
    assert current().now() - started < 1
    assert result.signals == signals
    assert result.returncode == process.returncode
    assert not result.leftovers
    eventually(lambda: not group_is_alive(process.pid))


@pytest.mark.rule("T8")
async def test_the_default_graces_add_up_to_less_than_three_seconds() -> None:
    grace = Grace()
    assert (grace.eof, grace.term) == (1.75, 0.4)
    assert grace.eof + grace.term + grace.kill < 3
    assert grace.flush < grace.eof


@pytest.mark.rule("B28")
async def test_a_grandchild_of_a_well_behaved_server_is_left_alive_and_reported() -> None:
    process, _ = await start("sleep 60 & echo $! >&2; echo ready; cat")
    grandchild = int(process.stderr_tail)
    with killed_at_the_end(grandchild):
        assert await process.aclose() == CloseResult(0, (), True)
        assert is_alive(grandchild)


@pytest.mark.rule("B28")
@pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; while :; do sleep 60; done"])
async def test_all_of_a_group_is_ended_on_demand(script: str) -> None:
    process, _ = await start(
        f"({script}) & echo $! >&2; echo ready; cat", grace=QUICK, kill_tree="always"
    )
    grandchild = int(process.stderr_tail)
    assert await process.aclose() == CloseResult(0, (), False)
    eventually(lambda: not is_alive(grandchild))


@pytest.mark.rule("T8")
async def test_a_daemon_that_holds_the_streams_does_not_hold_the_close() -> None:
    process, _ = await start("setsid sleep 60 & echo $! >&2; echo ready; cat")
    daemon = int(process.stderr_tail)
    with killed_at_the_end(daemon):
        started = current().now()
        await process.aclose()
        assert current().now() - started < 1


@pytest.mark.rule("B12", "T2")
async def test_another_task_than_the_opener_may_close() -> None:
    async def open_it() -> StdioProcess:
        return (await start("echo ready; cat"))[0]

    opener = current().spawn(open_it())
    await opener.wait()
    process = opener.result()
    results: list[CloseResult] = []

    async def close_it() -> None:
        results.append(await process.aclose())

    async with anyio.create_task_group() as group:
        group.start_soon(close_it)
        group.start_soon(close_it)
    assert results == [CloseResult(0, (), False)] * 2


@pytest.mark.rule("T8")
async def test_a_cancelled_close_still_ends_the_server() -> None:
    process, _ = await start("trap '' TERM; echo ready; while :; do sleep 60; done", grace=QUICK)
    with anyio.move_on_after(0.01) as scope:
        await process.aclose()
    assert scope.cancelled_caught
    assert process.returncode is None
    assert (await process.aclose()).signals == (SIGTERM, SIGKILL)


@pytest.mark.rule("T8")
def test_the_run_ends_with_the_server_when_a_close_is_under_way(anyio_backend: str) -> None:
    processes: list[StdioProcess] = []

    async def main() -> None:
        process, _ = await start("echo ready; exec sleep 60", grace=QUICK)
        processes.append(process)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await process.aclose()

    anyio.run(main, backend=anyio_backend)
    assert processes[0].returncode == -SIGTERM


@pytest.mark.rule("T8")
def test_a_program_that_never_closes_its_server_exits_all_the_same(anyio_backend: str) -> None:
    program = f"""
import anyio
from barewire.transports.process import open_process

async def main():
    process = open_process(["/bin/sh", "-c", "echo ready; exec cat"])
    process.start(len, print)
    print(process.pid)

anyio.run(main, backend={anyio_backend!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stderr == ""
    eventually(lambda: not is_alive(int(done.stdout)))


async def test_without_pidfd_a_thread_waits_for_the_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    process = open_process(["/bin/sh", "-c", "sleep 60 & exit 3"])
    reason = await Recorder(process).end()
    assert isinstance(reason, ProcessEnded)
    assert reason.returncode == 3
    result = await process.aclose()
    assert result.leftovers
    os.killpg(process.pid, SIGKILL)

    process, _ = await start("echo ready; exec sleep 60", grace=QUICK)
    assert await process.aclose() == CloseResult(-SIGTERM, (SIGTERM,), False)
