"""The standard streams of a server: the protocol alone has them."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from barewire.transports.stdio import claim_stdio
from tests.transports.recorder import Recorder


class Streams:
    """Pipes in the place of the standard streams, and their other ends."""

    def __init__(self, typed: int, shown: int, logged: int) -> None:
        self.typed, self.shown, self.logged = typed, shown, logged


@contextlib.contextmanager
def standard_streams() -> Generator[Streams]:
    """Replace the standard streams of this process, for Python code and for others."""
    (stdin, typed), (shown, stdout), (logged, stderr) = os.pipe(), os.pipe(), os.pipe()
    os.set_blocking(shown, False)
    os.set_blocking(logged, False)
    saved = [os.dup(fd) for fd in range(3)]
    for fd, replacement in enumerate((stdin, stdout, stderr)):
        os.dup2(replacement, fd)
        os.close(replacement)
    text = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)))
    try:
        with text, contextlib.redirect_stdout(text):
            yield Streams(typed, shown, logged)
    finally:
        for fd, copy in enumerate(saved):
            os.dup2(copy, fd)
            os.close(copy)
        for fd in (typed, shown, logged):
            with contextlib.suppress(OSError):
                os.close(fd)


def read(fd: int) -> bytes:
    """Return what is there now."""
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


async def test_the_protocol_goes_through_the_original_descriptors() -> None:
    with standard_streams() as streams:
        pipe = claim_stdio().open()
        reader = Recorder(pipe)
        os.write(streams.typed, b"request\n")
        assert await reader.receive(8) == b"request\n"
        pipe.write([b"response\n"])
        assert read(streams.shown) == b"response\n"
        os.close(streams.typed)
        assert await reader.end() is None
        await pipe.aclose()


@pytest.mark.rule("SR-126", "SR-127", "M1105-STD-04", "S-02")
async def test_whatever_else_is_printed_goes_to_standard_error() -> None:
    with standard_streams() as streams:
        print("printed before the claim")
        pipe = claim_stdio().open()
        assert read(streams.logged) == b"printed before the claim\n"
        print("printed")
        assert read(streams.logged) == b"printed\n"
        os.write(1, b"written\n")
        assert read(streams.logged) == b"written\n"
        subprocess.run(["echo", "from a child"], check=True)
        assert read(streams.logged) == b"from a child\n"
        print("half a line", end="")
        await pipe.aclose()
        assert read(streams.logged) == b"half a line"
        assert read(streams.shown) == b""


async def test_after_the_release_the_streams_are_what_they_were() -> None:
    with standard_streams() as streams:
        before = os.fstat(0), os.fstat(1)
        pipe = claim_stdio().open()
        await pipe.aclose()
        assert (os.fstat(0), os.fstat(1)) == before
        print("printed", flush=True)
        assert read(streams.shown) == b"printed\n"
        assert os.get_blocking(0)
        assert os.get_blocking(1)
        assert os.get_inheritable(0)
        assert os.get_inheritable(1)


def test_nobody_else_can_read_the_requests() -> None:
    with standard_streams() as streams:
        os.write(streams.typed, b"request\n")
        with claim_stdio():
            assert os.read(0, 100) == b""
            child = [sys.executable, "-c", "import sys; sys.exit(len(sys.stdin.read()))"]
            subprocess.run(child, check=True)
        assert os.read(0, 100) == b"request\n"


def test_children_do_not_inherit_the_private_descriptors() -> None:
    listing = [sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"]
    with standard_streams() as streams:
        subprocess.run(listing, check=True, close_fds=False)
        before = read(streams.shown)
        with claim_stdio():
            subprocess.run(listing, check=True, close_fds=False)
        assert read(streams.logged) == before


@pytest.mark.rule("SR-130")
def test_the_streams_can_be_claimed_once_at_a_time() -> None:
    with standard_streams():
        claim = claim_stdio()
        with pytest.raises(RuntimeError, match="claimed already"):
            claim_stdio()
        claim.release()
        claim.release()
        with claim_stdio():
            pass


def test_a_claim_of_closed_streams_fails_and_changes_nothing() -> None:
    with standard_streams():
        before = os.fstat(0)
        os.close(1)
        for _ in range(2):
            with pytest.raises(OSError, match="Bad file descriptor"):
                claim_stdio()
        assert os.fstat(0) == before
        os.open(os.devnull, os.O_WRONLY)


def test_without_standard_error_stray_output_vanishes() -> None:
    with standard_streams() as streams:
        os.close(2)
        with claim_stdio():
            os.write(1, b"stray")
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(2)
        assert read(streams.shown) == b""
        os.open(os.devnull, os.O_WRONLY)


def test_a_replaced_stdout_object_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_streams():
        replacement = io.StringIO()
        monkeypatch.setattr(sys, "stdout", replacement)
        with claim_stdio():
            print("kept")
        assert replacement.getvalue() == "kept\n"


def test_a_closed_stdout_object_is_no_hindrance() -> None:
    with standard_streams():
        sys.stdout.close()
        with claim_stdio():
            pass


def test_a_claim_knows_whether_a_client_is_at_the_other_end(tmp_path: Path) -> None:
    with standard_streams():
        with claim_stdio() as claim:
            assert claim.from_pipe
        (tmp_path / "requests").touch()
        fd = os.open(tmp_path / "requests", os.O_RDONLY)
        os.dup2(fd, 0)
        os.close(fd)
        with claim_stdio() as claim:
            assert not claim.from_pipe


def test_a_program_that_just_exits_leaves_shared_files_blocking() -> None:
    program = """
import anyio, sys
from barewire.transports.stdio import claim_stdio

async def main():
    pipe = claim_stdio().open()
    pipe.write([b"ready"])
    print("stray")
    sys.exit(3)

anyio.run(main)
"""
    stdin, stdout = os.pipe(), os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=stdin[0], stdout=stdout[1], stderr=subprocess.PIPE
    )
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 3
    assert os.get_blocking(stdin[0])
    assert os.get_blocking(stdout[1])
    assert os.read(stdout[0], 100) == b"ready"
    assert b"stray" in errors
    for fd in (*stdin, *stdout):
        os.close(fd)


def test_importing_the_module_loads_no_event_loop() -> None:
    program = """
import sys
import barewire.transports.stdio
print(*sorted({"asyncio", "trio", "anyio", "subprocess", "ssl"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout == "\n"
