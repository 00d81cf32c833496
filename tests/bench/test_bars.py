from fractions import Fraction

import pytest

from bench.__main__ import ALL_BARS, CLIENT_WORKLOADS, WORKLOADS
from bench.bars import Bar, parse_limit
from bench.subjects import KINDS


@pytest.mark.parametrize(
    ("limit", "parsed"),
    [
        ("<= 1/15", ("<=", Fraction(1, 15))),
        (">= 2.8", (">=", Fraction(14, 5))),
        ("< 1", ("<", Fraction(1))),
        ("> 50", (">", Fraction(50))),
        ("<= 1/2.8", ("<=", Fraction(5, 14))),
    ],
)
def test_a_limit_is_read_as_people_write_it(limit: str, parsed: tuple[str, Fraction]) -> None:
    assert parse_limit(limit) == parsed


@pytest.mark.parametrize("limit", ["1/15", "<= 2/15", "<= -1", "== 1", "<=1", "<= 1/15 "])
def test_what_is_no_limit_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match="not a limit"):
        parse_limit(limit)


@pytest.mark.parametrize(
    ("limit", "ratio", "holds"),
    [
        ("<= 1/4", 0.25, True),
        ("<= 1/4", 0.2501, False),
        (">= 4", 4.0, True),
        (">= 4", 3.99, False),
        ("< 1", 1.0, False),
        ("> 1", 1.0, False),
    ],
)
def test_the_bound_itself_holds_unless_the_limit_excludes_it(
    limit: str, ratio: float, holds: bool
) -> None:
    assert Bar("start", "async@3.11", "seconds", limit, "ts1").holds(ratio) is holds


def test_a_bar_without_a_limit_always_holds() -> None:
    assert Bar("start", "async@3.11", "seconds", "", "ts1").holds(1e6)


@pytest.mark.parametrize("bar", ALL_BARS, ids=str)
def test_every_bar_can_be_judged(bar: Bar) -> None:
    if bar.limit:
        parse_limit(bar.limit)
    assert {bar.workload, bar.their_workload} <= {*WORKLOADS, *CLIENT_WORKLOADS}
    assert {name.partition("@")[0] for name in (bar.ours, bar.peer) if name} <= KINDS


def test_no_bar_is_there_twice() -> None:
    compared = [(bar.workload, bar.ours, bar.figure, bar.peer) for bar in ALL_BARS]
    assert len(set(compared)) == len(compared)
