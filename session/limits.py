"""Every queue, table and wait has a limit; these are they, with their defaults."""

from barewire.protocol.framing import DEFAULT_LINE_LIMIT
from barewire.protocol.record import record

__all__ = ["DEFAULT_LIMITS", "Limits"]


@record
class Limits:
    """The bounds of one connection. An error about a line that is too long names `line`."""

    line: int = DEFAULT_LINE_LIMIT
    """Bytes in one incoming line: 128 MiB."""
    running: int = 64
    """Requests of the peer whose handlers run at the same time."""
    queued: int = 1_000
    """Requests of the peer that wait for a handler; beyond it they are refused as busy."""
    ours: int = 10_000
    """Our own requests in flight."""
    listening: int = 100
    """Open `subscriptions/listen` requests of the peer."""
    subscriptions: int = 10_000
    """Resource URIs that one legacy session, or one listen request, may subscribe to."""
    batch: int = 100
    """Messages in one batch."""
    given_up: int = 1_000
    """Ids of our own requests that were given up and may still be answered."""
    consecutive_faults: int = 1_000
    """Unreadable frames in a row after which a connection is given up."""
    pending: int = 256 * 1024
    """Bytes waiting to be written above which handlers wait before they send more."""
    stalled: float = 60.0
    """Seconds for which a client may refuse to read while more than `pending` bytes wait."""

    @property
    def theirs(self) -> int:
        """Requests of the peer that are open at the same time, running or queued."""
        return self.running + self.queued


DEFAULT_LIMITS = Limits()
