"""What a run says: one line per scenario, and a summary per side and revision."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.conformance.catalogue import Scenario
from tests.conformance.judging import Outcome
from tests.conformance.waiting import Entry

__all__ = ["Result", "summary"]

_LONGEST = 400


@dataclass(frozen=True)
class Result:
    """How a scenario went, and what was expected of it."""

    scenario: Scenario
    outcome: Outcome
    entry: Entry | None = None
    """What the list says of it, `None` if it has to pass."""

    @property
    def word(self) -> str:
        """Say it in a word; what fails the run is in capitals."""
        verdict = self.outcome.verdict
        if self.entry is None:
            return "passed" if verdict == "passed" else "FAILED"
        if verdict == "passed":
            return "STALE"
        if self.entry.expectation == "skipped":
            return "skipped" if verdict == "skipped" else "FAILED"
        return "waits"

    @property
    def good(self) -> bool:
        """Whether the run may succeed."""
        return self.word not in ("FAILED", "STALE")

    def lines(self, *, verbose: bool = False) -> Iterator[str]:
        """Yield its line, and below it why it failed; `verbose` also says so where it waits."""
        scenario = self.scenario
        line = f"{scenario.side} {scenario.revision} {scenario.name:<46} {self.word}"
        if self.entry is not None:
            line += f": {'listed, but it passes: ' if self.word == 'STALE' else ''}"
            line += self.entry.reason
        elif self.word == "passed" and self.outcome.reasons:
            line += f", {len(self.outcome.reasons)} of its checks skipped"
        yield line
        if self.word == "FAILED" or verbose:
            for reason in self.outcome.reasons:
                text = " ".join(reason.split())
                yield f"    {text[:_LONGEST]}{'…' if len(text) > _LONGEST else ''}"


def summary(results: Sequence[Result]) -> Iterator[str]:
    """Yield a line per side and revision: what is scored, then what is not."""

    def place(result: Result) -> tuple[str, str]:
        return result.scenario.side, result.scenario.revision

    for (side, revision), group in groupby(results, key=place):
        here = list(group)
        parts = [
            _counted("scored", [one for one in here if one.scenario.scored]),
            _counted("not scored", [one for one in here if not one.scenario.scored]),
        ]
        yield f"{side} {revision}: {'; '.join(filter(None, parts))}"


def _counted(name: str, results: Sequence[Result]) -> str:
    if not results:
        return ""
    words = Counter(result.word for result in results)
    others = [f", {words[word]} {word}" for word in _OTHERS if words[word]]
    return f"{name}: {words['passed']} of {len(results)} passed{''.join(others)}"


_OTHERS = ("waits", "skipped", "STALE", "FAILED")
