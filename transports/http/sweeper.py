"""The time of a server: one timer for all of its connections.

Deadlines of a connection are many and nearly never reached, so none has a timer of its own. Once a
second each connection is asked whether its time is up, and between two such moments time stands
still: a clock that costs nothing to look at. What a server cannot see, because its loop was busy
with something else, it does not hold against its clients: a late tick counts for no more than two.
"""

import time
from typing import Final, Protocol

from barewire.transports.backend import Backend, Timer, guarded

__all__ = ["TICK", "Sweeper", "Swept"]

TICK: Final = 1.0

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Swept(Protocol):
    """Something with deadlines."""

    def sweep(self, now: float) -> object:
        """Look whether time is up; `now` is that of the sweeper."""
        ...


class Sweeper:
    """Asks those who registered, once per `TICK`; runs no timer while there is nobody."""

    def __init__(self, backend: Backend) -> None:
        """Create a sweeper that runs on the loop of `backend`."""
        self.now: float = 0.0
        """Seconds that the sweeper has run, as of its last tick."""
        self.date: bytes = _date_line()
        """The `Date` field of answers (RFC 9110 › Date)."""
        self._backend = backend
        self._swept: dict[Swept, None] = {}
        self._timer: Timer | None = None
        self._last = 0.0

    def add(self, swept: Swept) -> None:
        """Ask `swept` at each tick."""
        self._swept[swept] = None
        if self._timer is None:
            self._last = self._backend.now()
            self.date = _date_line()
            self._arm()

    def remove(self, swept: Swept) -> None:
        """Ask `swept` no more."""
        self._swept.pop(swept, None)
        if not self._swept and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def deadline(self, seconds: float) -> float:
        """Return the `now` at which at least `seconds` will have passed."""
        return self.now + seconds + TICK

    def advance(self, seconds: float) -> None:
        """Let time pass, and ask everybody."""
        self.now += seconds
        for swept in list(self._swept):
            guarded(swept.sweep, self.now)

    def _arm(self) -> None:
        self._timer = self._backend.call_at(self._backend.now() + TICK, self._tick)

    def _tick(self) -> None:
        now = self._backend.now()
        passed, self._last = now - self._last, now
        self.date = _date_line()
        self._arm()
        self.advance(min(passed, 2 * TICK))


def _date_line() -> bytes:
    # By hand: strftime would speak the language of the machine.
    at = time.gmtime()
    day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    clock = f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}"
    return f"Date: {day}, {at.tm_mday:02} {month} {at.tm_year} {clock} GMT\r\n".encode()
