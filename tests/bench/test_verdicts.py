import pytest

from bench.bars import Bar
from bench.runs import Results
from bench.table import number, table
from bench.verdicts import as_ratio, missed, ratio_of, verdicts
from bench.workloads import best

CPU = Bar("calls", "ours", "cpu", "<= 1/15", "peer")
RATE = Bar("calls", "ours", "rate", ">= 2.8", "peer")
MODERN = Bar("modern", "ours", "cpu", "<= 1.4", "ours", "calls")

PLAIN = Bar("calls", "ours", "pauses", "<= 5")
TOLD = Bar("calls", "ours", "cpu", "", "peer")

RESULTS: Results = {
    ("calls", "ours"): {"cpu": 0.2, "rate": 10_000, "pauses": 6.0},
    ("calls", "peer"): {"cpu": 4.0, "rate": 4_000},
    ("modern", "ours"): {"cpu": 0.3, "rate": 9_000},
}


def last_cells(printed: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()[2:]]
    return [row[-3:] for row in rows]


def test_a_ratio_is_ours_divided_by_theirs() -> None:
    assert ratio_of(CPU, RESULTS) == pytest.approx(1 / 20)
    assert ratio_of(RATE, RESULTS) == 2.5
    assert ratio_of(MODERN, RESULTS) == pytest.approx(1.5)


def test_each_bar_says_whether_it_holds() -> None:
    assert last_cells(verdicts([CPU, RATE, MODERN], RESULTS, {})) == [
        ["1/20.0", "<= 1/15", "yes"],
        ["2.50", ">= 2.8", "NO"],
        ["1.50", "<= 1.4", "NO"],
    ]


def test_a_bar_without_a_peer_judges_the_figure_itself() -> None:
    assert last_cells(verdicts([PLAIN], RESULTS, {})) == [["6.00", "<= 5", "NO"]]
    assert missed([PLAIN], RESULTS, {}) == [PLAIN]


def test_a_bar_without_a_limit_is_told_and_not_judged() -> None:
    assert last_cells(verdicts([TOLD], RESULTS, {})) == [["0.05", "", "-"]]
    assert missed([TOLD], RESULTS, {}) == []


def test_a_bar_without_its_peer_is_missing_and_the_reason_is_given() -> None:
    without = {key: figures for key, figures in RESULTS.items() if key[1] != "peer"}
    *rows, reason = verdicts([CPU], without, {"peer": "there is no npm"}).splitlines()
    assert last_cells("\n".join(rows)) == [["-", "<= 1/15", "missing"]]
    assert reason == "peer is missing: there is no npm"


def test_missed_is_what_does_not_hold_or_was_not_measured_without_an_excuse() -> None:
    assert missed([CPU, RATE, MODERN], RESULTS, {}) == [RATE, MODERN]
    assert missed([CPU], {}, {}) == [CPU]
    assert missed([CPU], {}, {"peer": "there is no npm"}) == []


def test_a_ratio_is_written_like_its_limit() -> None:
    assert as_ratio(0.05, "<= 1/15") == "1/20.0"
    assert as_ratio(0.05, "<= 1.5") == "0.05"


def test_the_best_of_several_runs_is_the_least_of_all_but_the_rate() -> None:
    runs = [{"cpu": 2.0, "rate": 5.0}, {"cpu": 1.0, "rate": 4.0}]
    assert best(runs) == {"cpu": 1.0, "rate": 5.0}


def test_the_slowest_answers_are_those_of_the_run_in_the_middle() -> None:
    assert best([{"p99": 9.0}, {"p99": 1.0}, {"p99": 2.0}]) == {"p99": 2.0}


def test_numbers_are_short() -> None:
    assert [number(value) for value in (12_345.6, 12.345, 0.012345)] == ["12,346", "12.3", "0.0123"]


def test_a_table_is_aligned() -> None:
    assert table(["a", "b"], [["long", "1"], ["x", "22"]]).splitlines() == [
        "| a    |  b |",
        "| ---- | -: |",
        "| long |  1 |",
        "| x    | 22 |",
    ]
