"""The lines that a run prints."""

import pytest

from tests.conformance.catalogue import Scenario, Side
from tests.conformance.judging import Outcome, Verdict
from tests.conformance.report import Result, summary
from tests.conformance.waiting import Entry, Expectation


def result(
    verdict: Verdict,
    expectation: Expectation | None = None,
    *,
    side: Side = "server",
    revision: str = "2026-07-28",
    standing: str = "scored",
    reasons: list[str] | None = None,
) -> Result:
    entry = None
    if expectation is not None:
        entry = Entry(expectation, ("*",), side, (), "the feature")
    return Result(
        Scenario(side, revision, "ping", standing), Outcome(verdict, reasons or []), entry
    )


@pytest.mark.parametrize(
    ("verdict", "expectation", "word", "good"),
    [
        ("passed", None, "passed", True),
        ("failed", None, "FAILED", False),
        ("skipped", None, "FAILED", False),
        ("passed", "waiting", "STALE", False),
        ("failed", "waiting", "waits", True),
        ("skipped", "waiting", "waits", True),
        ("passed", "skipped", "STALE", False),
        ("failed", "skipped", "FAILED", False),
        ("skipped", "skipped", "skipped", True),
    ],
)
def test_what_is_expected_decides_what_a_verdict_means(
    verdict: Verdict, expectation: Expectation | None, word: str, good: bool
) -> None:
    one = result(verdict, expectation)
    assert (one.word, one.good) == (word, good)


def test_a_scenario_has_one_line_and_a_failure_says_why_below_it() -> None:
    (line,) = result("passed").lines()
    assert line.split() == ["server", "2026-07-28", "ping", "passed"]
    one = result("failed", reasons=["FAILURE ping: no\n  answer", "x" * 500])
    first, why, long = one.lines()
    assert first.endswith(" FAILED")
    assert why == "    FAILURE ping: no answer"
    assert long == "    " + "x" * 400 + "…"


def test_the_line_of_what_waits_has_the_reason_and_more_only_when_asked() -> None:
    one = result("failed", "waiting", reasons=["FAILURE ping"])
    (line,) = one.lines()
    assert line.endswith(" waits: the feature")
    assert list(one.lines(verbose=True)) == [line, "    FAILURE ping"]


def test_what_passes_and_is_listed_says_so() -> None:
    (line,) = result("passed", "waiting").lines()
    assert line.endswith(" STALE: listed, but it passes: the feature")


def test_a_pass_with_skipped_checks_is_told_from_a_whole_one() -> None:
    (line,) = result("passed", reasons=["a: b", "c: d"]).lines()
    assert line.endswith(" passed, 2 of its checks skipped")


def test_the_summary_counts_by_side_and_revision_what_is_scored_apart() -> None:
    results = [
        result("passed", revision="2025-06-18", standing="no set"),
        result("passed"),
        result("failed"),
        result("failed", "waiting"),
        result("passed", "waiting"),
        result("skipped", "skipped", standing="extension"),
        result("failed", "waiting", side="client"),
    ]
    assert list(summary(results)) == [
        "server 2025-06-18: not scored: 1 of 1 passed",
        "server 2026-07-28: scored: 1 of 4 passed, 1 waits, 1 STALE, 1 FAILED; "
        "not scored: 0 of 1 passed, 1 skipped",
        "client 2026-07-28: scored: 0 of 1 passed, 1 waits",
    ]
