"""What every test may rely on: both event loops, the project's reference data, foreign SDKs.

* A coroutine test runs twice, on asyncio and on trio (`anyio_mode = "auto"` in pyproject.toml).
* A test whose means are missing (reference data, a foreign SDK) is skipped with a reason. Where
  the variable CI is set nothing may be missing: there every skip counts as a failure, except for
  the reasons listed in `SKIPS_ALLOWED_IN_CI`.
"""

import os
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import hypothesis
import pytest

from tests.interop import make_strangers

ROOT = Path(__file__).resolve().parents[1]

SKIPS_ALLOWED_IN_CI: frozenset[str] = frozenset()

# A property does not judge time, and on a loaded machine one slow example would fail it. Where CI
# is set, Hypothesis picks a profile of its own: the same two settings, and repeatable.
hypothesis.settings.register_profile(
    "local", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if not os.environ.get("CI"):
    hypothesis.settings.load_profile("local")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Name both loops: the plug-in's own default silently leaves out one that is not installed."""
    backend: str = request.param
    return backend


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository: schemas, ledger, requirements."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("no reference data: there is no folder named shared beside the repository")
    return path


@pytest.fixture(scope="session")
def strangers() -> Callable[[str], Path]:
    """Give what runs programs in a foreign SDK's environment, by its name, such as "mcp2"."""

    def program(name: str) -> Path:
        environment = make_strangers.ENVIRONMENTS[name]
        if not environment.is_current:
            pytest.skip(f"no environment named {name}, or an outdated one: run `make strangers`")
        return environment.program

    return program


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip_in_ci(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and why."""
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    for reason, count in Counter(map(_reason_of, skipped)).most_common():
        terminalreporter.write_line(f"{count} left out: {reason}")


def _reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def _refuse_skip_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    expected_failure = hasattr(report, "wasxfail")
    if not os.environ.get("CI") or not report.skipped or expected_failure:
        return
    reason = _reason_of(report)
    if reason not in SKIPS_ALLOWED_IN_CI:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure in CI: {reason}"
