"""The examples run, and show what they promise."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_the_first_client_calls_the_first_server() -> None:
    done = run("-m", "examples.first_client")
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Hello, world!" in done.stdout
    assert "  counted 3\n[1, 2, 3]\n" in done.stdout


def test_the_engine_runs_without_io_in_both_eras_and_with_a_clock_of_its_own() -> None:
    done = run("-m", "examples.sans_io")
    assert (done.returncode, done.stderr) == (0, "")
    said = [line for line in done.stdout.splitlines() if not line.startswith(("client", "server"))]
    assert said == [
        "1 of 2",
        "3",
        "the next deadline is at 5.0",
        "its time is up: <ours tools/call 3 expired>",
        "the server may stop: <theirs tools/call 3 cancelled>",
        "1 of 2",
        "3",
    ]


def test_the_engine_runs_on_a_transport_of_ones_own() -> None:
    done = run("-m", "examples.sockets")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "client: there are count sleep",
        "client: 1 of 3",
        "client: 2 of 3",
        "client: 3 of 3",
        "client: counted",
        "client: refused: Unknown tool",
        "client: no answer to <ours tools/call 5 expired>",
        "server: the client gave up sleep",
    ]


def test_a_server_asks_its_client_in_both_eras() -> None:
    done = run("-m", "examples.rounds")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2025-11-25",
        "asked by a request: Really?",
        "deleted",
        "2026-07-28",
        "asked by an answer: Really?",
        "deleted",
    ]


def test_a_whole_server_is_served_on_a_pipe_of_ones_own() -> None:
    done = run("-m", "examples.tcp")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"text":"Hello, TCP!"' in done.stdout


def test_our_server_answers_every_hostile_line_as_the_corpus_says() -> None:
    done = run("-m", "examples.hostile")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"it lived through \d+ cases, and answered 0 of them otherwise\n", done.stdout
    )


def test_a_server_that_dies_of_a_hostile_line_is_told_with_the_line() -> None:
    done = run("-m", "examples.hostile", sys.executable, "-c", DIES_OF_NAN)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith("nan ")


DIES_OF_NAN = """
import json, sys
for line in sys.stdin.buffer:
    if b"NaN" in line:
        break
    try:
        asked = json.loads(line)
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {}}), flush=True)
    except Exception:
        pass
"""


@pytest.mark.rule("SR-117", "SR-118")
def test_the_demo_plays_both_eras_and_explains_every_line() -> None:
    began = time.monotonic()
    done = run("-m", "examples.demo")
    assert time.monotonic() - began < 30
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    wire = [index for index, line in enumerate(lines) if line.startswith(("> ", "< "))]
    assert len(wire) > 30
    assert all(lines[index + 1].startswith("  ") for index in wire)
    for revision in ("2025-11-25", "2026-07-28"):
        assert any(line.startswith("=") and revision in line for line in lines)
    text = done.stdout
    assert text.count('"method":"notifications/cancelled"') == 2
    assert text.count('"method":"notifications/progress"') == 6
    assert text.count('"id":"broken","error":{"code":-32700') == 2
    assert text.count("returncode=0, signals=()") == 2
