"""Answers whose form is not decided yet: JSON if it comes soon, else an event stream."""

from typing import Protocol

from barewire.transports.alarm import Alarm
from barewire.transports.backend import Backend

__all__ = ["Deferrals", "Undecided"]


class Undecided(Protocol):
    """An answer that can wait no longer."""

    def decide(self) -> None:
        """Take the form that needs no answer yet."""
        ...


class Deferrals:
    """Lets every answer that is undecided for `seconds` decide."""

    def __init__(self, backend: Backend, seconds: float) -> None:
        self._backend = backend
        self._seconds = seconds
        self._due: dict[Undecided, float] = {}
        """The first one first: all wait equally long."""
        self._alarm = Alarm(backend, self._ring)

    def add(self, answer: Undecided) -> None:
        """Begin to wait."""
        when = self._due[answer] = self._backend.now() + self._seconds
        if len(self._due) == 1:
            self._alarm.set(when)

    def remove(self, answer: Undecided) -> None:
        """Wait no longer: it is decided."""
        # The alarm may ring for nothing: cheaper than to set it again for each answer.
        self._due.pop(answer, None)

    def close(self) -> None:
        """Let nothing decide any more, and run no timer."""
        self._due.clear()
        self._alarm.dismiss()

    def _ring(self) -> None:
        now = self._backend.now()
        for answer in list(self._due):
            if self._due[answer] > now:
                self._alarm.set(self._due[answer])
                break
            del self._due[answer]
            answer.decide()
