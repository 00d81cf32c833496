"""What the suite promises to every test: two event loops, no silent skip in CI, warnings as errors.

Each promise is watched on a small suite of its own, run in a folder that has nothing beside it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

COPIED = (
    "pyproject.toml",
    "tests/conftest.py",
    "tests/interop/make_strangers.py",
    "tests/interop/requirements-mcp2.txt",
)

SUITE = """
import warnings

import anyio
import pytest
import sniffio
from hypothesis import given, strategies as st

async def test_a_coroutine_runs():
    await anyio.sleep(0)
    print("ran on", sniffio.current_async_library())

@given(st.integers())
async def test_a_coroutine_property_runs(number):
    await anyio.sleep(0)
    assert number == number

def test_needs_reference_data(shared):
    pass

def test_needs_a_stranger(strangers):
    strangers("mcp2")

@pytest.mark.xfail(reason="known")
def test_is_expected_to_fail():
    raise AssertionError

async def test_leaves_a_warning():
    warnings.warn("careless")
"""

SKIPPED_MODULE = """
import pytest
pytest.skip("nothing here", allow_module_level=True)
"""


def run_suite(folder: Path, *, ci: bool) -> str:
    tests = folder / "repository" / "tests"
    (tests / "interop").mkdir(parents=True)
    for name in COPIED:
        (tests.parent / name).write_bytes((ROOT / name).read_bytes())
    (tests / "test_small.py").write_text(SUITE)
    (tests / "test_module_skipped.py").write_text(SKIPPED_MODULE)
    environment = {k: v for k, v in os.environ.items() if k != "CI" and "PYTEST" not in k}
    if ci:
        environment["CI"] = "true"
    options = ["-rA", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tests.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_suite(tmp_path_factory.mktemp("by-hand"), ci=False)


@pytest.fixture(scope="module")
def in_ci(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_suite(tmp_path_factory.mktemp("in-ci"), ci=True)


def outcomes(output: str) -> dict[str, list[str]]:
    """Read pytest's closing list as outcome -> what had it, without the reasons."""
    found: dict[str, list[str]] = {}
    line = r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL) (?:\[\d\] )?tests/(test_\w+\.py(?:::\S+)?)"
    for outcome, what in re.findall(line, output, re.M):
        found.setdefault(outcome, []).append(what.removeprefix("test_small.py::"))
    return found


def test_coroutine_tests_and_properties_run_on_both_loops(by_hand: str) -> None:
    assert outcomes(by_hand)["PASSED"] == [
        "test_a_coroutine_runs[asyncio]",
        "test_a_coroutine_property_runs[asyncio]",
        "test_a_coroutine_runs[trio]",
        "test_a_coroutine_property_runs[trio]",
    ]
    assert re.findall("^ran on (.*)$", by_hand, re.M) == ["asyncio", "trio"]


def test_a_warning_fails_its_test(by_hand: str) -> None:
    assert outcomes(by_hand)["FAILED"] == [
        "test_leaves_a_warning[asyncio]",
        "test_leaves_a_warning[trio]",
    ]
    assert "UserWarning: careless" in by_hand


@pytest.mark.parametrize(
    "reason",
    [
        "no reference data: there is no folder named shared beside the repository",
        "no environment named mcp2, or an outdated one: run `make strangers`",
        "nothing here",
    ],
)
def test_what_is_missing_is_a_skip_by_hand_and_a_failure_in_ci(
    by_hand: str, in_ci: str, reason: str
) -> None:
    assert re.search(rf"^SKIPPED .*: {re.escape(reason)}$", by_hand, re.M)
    assert f"skipped, which is a failure in CI: {reason}" in in_ci
    assert "SKIPPED" not in outcomes(in_ci)


def test_an_expected_failure_is_no_skip(by_hand: str, in_ci: str) -> None:
    assert outcomes(by_hand)["XFAIL"] == outcomes(in_ci)["XFAIL"] == ["test_is_expected_to_fail"]
