"""Batches of 2025-03-26: a group of exchanges that is answered as one array.

Base Protocol › Batching. On a pipe and in a JSON body the answers go back together; a batch of
notifications and responses alone is answered by nothing.
"""

from typing import Protocol

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Failure, Success

__all__ = ["Answers", "BatchReply"]


class Answers(Protocol):
    """Where the answers go to requests that did not come alone on a pipe: by a batch, or a POST."""

    def expect(self) -> None:
        """Count one more answer that is to come."""
        ...

    def collect(
        self, answer: Success | Failure | None, reason: Reason | None = None
    ) -> list[Success | Failure] | None:
        """Take one answer, `None` for a request that was given up; `reason` is that of an error.

        Return all of them once none is missing, unless they go their own way from here.
        """
        ...


class BatchReply:
    """Collects the answers of one batch until the last is there."""

    __slots__ = ("_answers", "_open")

    def __init__(self) -> None:
        self._answers: list[Success | Failure] = []
        self._open = 0

    def expect(self) -> None:
        """One more answer is to come."""
        self._open += 1

    def collect(
        self, answer: Success | Failure | None, reason: Reason | None = None
    ) -> list[Success | Failure] | None:
        """Take one answer, `None` for a request that was given up; return all once complete."""
        self._open -= 1
        if answer is not None:
            self._answers.append(answer)
        return self._answers if self._open == 0 else None
