"""The table of `make bench`: every bar, what was measured, and whether it holds."""

from collections.abc import Mapping, Sequence

from bench.bars import Bar
from bench.runs import Results
from bench.table import number, table

HEADER = ("workload", "figure", "ours", "", "beside", "", "ratio", "bar", "holds")


def verdicts(bars: Sequence[Bar], results: Results, missing: Mapping[str, str]) -> str:
    """Return the table of the bars; below it stands why something is `missing` from it."""
    lines = [table(HEADER, [_row(bar, results) for bar in bars], left=3)]
    lines += [f"{name} is missing: {reason}" for name, reason in missing.items()]
    return "\n".join(lines)


def ratio_of(bar: Bar, results: Results) -> float | None:
    """Return the figure of ours divided by that of the other, None when one is missing.

    Without another one it is the figure itself.
    """
    ours, theirs = _figures(bar, results)
    if not bar.peer:
        return ours
    return None if ours is None or theirs is None else ours / theirs


def missed(bars: Sequence[Bar], results: Results, missing: Mapping[str, str]) -> list[Bar]:
    """Return the bars that do not hold, and those that nobody measured without being excused."""
    judged = [bar for bar in bars if bar.ours not in missing and bar.peer not in missing]
    ratios = ((bar, ratio_of(bar, results)) for bar in judged)
    return [bar for bar, ratio in ratios if ratio is None or not bar.holds(ratio)]


def _row(bar: Bar, results: Results) -> list[str]:
    ratio = ratio_of(bar, results)
    ours, theirs = ("-" if value is None else number(value) for value in _figures(bar, results))
    beside = bar.peer if bar.their_workload == bar.workload else f"{bar.peer}, {bar.peer_workload}"
    verdict = ("-", "missing")
    if ratio is not None:
        verdict = (as_ratio(ratio, bar.limit), _judgement(bar, ratio))
    written, holds = verdict
    return [bar.workload, bar.figure, bar.ours, ours, beside, theirs, written, bar.limit, holds]


def _judgement(bar: Bar, ratio: float) -> str:
    if not bar.limit:
        return "-"
    return "yes" if bar.holds(ratio) else "NO"


def as_ratio(ratio: float, limit: str) -> str:
    """Write a ratio in the way in which its limit is written: `1/17.2`, or `2.93`."""
    return f"1/{1 / ratio:.1f}" if "/" in limit else f"{ratio:.2f}"


def _figures(bar: Bar, results: Results) -> tuple[float | None, float | None]:
    ours = results.get((bar.workload, bar.ours), {})
    theirs = results.get((bar.their_workload, bar.peer), {})
    return ours.get(bar.figure), theirs.get(bar.figure)
