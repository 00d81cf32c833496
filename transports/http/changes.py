"""Changes on their way to somebody who listens: each is told once, however often it happens."""

from collections.abc import Callable, Hashable

from barewire.transports.backend import Backend

__all__ = ["Changes"]


class Changes:
    """Collects notifications of change within a turn of the loop, and while there is no room.

    `tell` is called with each of them; `may_tell` says whether it can be now. Whoever makes room
    calls `flush`.
    """

    __slots__ = ("_backend", "_may_tell", "_scheduled", "_tell", "_waiting")

    def __init__(
        self, backend: Backend, tell: Callable[[bytes], object], may_tell: Callable[[], bool]
    ) -> None:
        self._backend = backend
        self._tell = tell
        self._may_tell = may_tell
        self._waiting: dict[Hashable, bytes] = {}
        self._scheduled = False

    def __bool__(self) -> bool:
        """Whether any wait to be told."""
        return bool(self._waiting)

    def add(self, what: Hashable, data: bytes) -> bool:
        """Take one in; `False` when the same one waits already."""
        if what in self._waiting:
            return False
        self._waiting[what] = data
        if not self._scheduled:
            self._scheduled = True
            self._backend.call_soon(self._turn)
        return True

    def flush(self) -> None:
        """Tell what waits, as far as there is room."""
        while self._waiting and self._may_tell():
            self._tell(self._waiting.pop(next(iter(self._waiting))))

    def _turn(self) -> None:
        self._scheduled = False
        self.flush()
