"""One heap of deadlines for all requests of a connection.

Deadlines move (progress resets them) and most requests are answered long before theirs, so entries
go stale. They are skipped when they surface, and the heap is rebuilt when more than half of it is
stale: it stays proportional to what is in flight, not to what has been.
"""

from heapq import heapify, heappop, heappush

from barewire.session.exchange import Exchange

__all__ = ["Deadlines"]

_SMALL = 64


class Deadlines:
    """Knows which exchange's time is up next."""

    __slots__ = ("_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Exchange]] = []
        self._serial = 0

    def __len__(self) -> int:
        """How many entries are kept, stale ones included."""
        return len(self._heap)

    def add(self, exchange: Exchange, live: int) -> None:
        """Watch `exchange` until its `deadline`; `live` exchanges are in flight with it."""
        if exchange.deadline is None:
            return
        heap = self._heap
        if len(heap) > _SMALL and len(heap) > 2 * live:
            self._heap = heap = [entry for entry in heap if not _stale(entry)]
            heapify(heap)
        self._serial += 1
        heappush(heap, (exchange.deadline, self._serial, exchange))

    def next(self) -> float | None:
        """Return the earliest deadline, `None` when nothing is watched."""
        heap = self._heap
        while heap and _stale(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> list[Exchange]:
        """Take out and return the exchanges whose time is up, earliest first."""
        due: list[Exchange] = []
        heap = self._heap
        while heap and (heap[0][0] <= now or _stale(heap[0])):
            when, _, exchange = heappop(heap)
            if exchange.deadline is None or exchange.over:
                continue
            if exchange.deadline > when:
                # Progress moved it while it waited.
                self._serial += 1
                heappush(heap, (exchange.deadline, self._serial, exchange))
            else:
                due.append(exchange)
        return due


def _stale(entry: tuple[float, int, Exchange]) -> bool:
    return entry[2].over or entry[2].deadline is None
