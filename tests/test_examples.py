"""The examples run, and show what they promise."""

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


def test_the_engine_runs_without_io() -> None:
    done = run("-m", "examples.sans_io")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("3\n")


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
