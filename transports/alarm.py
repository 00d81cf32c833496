"""One timer for many deadlines."""

from collections.abc import Callable

from barewire.transports.backend import Backend, Timer

__all__ = ["Alarm"]


class Alarm:
    """Rings at the earliest time that it was set to, then is silent until it is set again."""

    __slots__ = ("_at", "_backend", "_ring", "_timer")

    def __init__(self, backend: Backend, ring: Callable[[], object]) -> None:
        """Create an alarm that calls `ring` on the loop."""
        self._backend = backend
        self._ring = ring
        self._timer: Timer | None = None
        self._at = float("inf")

    def set(self, when: float | None) -> None:
        """Ring at `when`, on the clock of the loop, or earlier if it is set to; `None`: never."""
        if when is not None and when < self._at:
            self.dismiss()
            self._at = when
            self._timer = self._backend.call_at(when, self._due)

    def dismiss(self) -> None:
        """Forget when to ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at = float("inf")

    def _due(self) -> None:
        self._timer = None
        self._at = float("inf")
        self._ring()
