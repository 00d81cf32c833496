"""Every queue, table and wait has a limit; these are they, with their defaults."""

from barewire.protocol.framing import DEFAULT_LINE_LIMIT
from barewire.protocol.record import record

__all__ = ["DEFAULT_HTTP_LIMITS", "DEFAULT_LIMITS", "HttpLimits", "Limits"]


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
    """Bytes waiting to be written above which handlers wait before they send more; over HTTP 64 KiB
    at least."""
    stalled: float = 60.0
    """Seconds for which a client may refuse to read while more than `pending` bytes wait."""

    @property
    def theirs(self) -> int:
        """Requests of the peer that are open at the same time, running or queued."""
        return self.running + self.queued


DEFAULT_LIMITS = Limits()


@record
class HttpLimits:
    """The bounds of an HTTP server; those of each client stand beside them.

    Sizes are in bytes, times in seconds.
    """

    head: int = 16 * 1024
    """Bytes of a request's head."""
    body: int = 4 * 1024 * 1024
    """Bytes of a request's body."""
    head_time: float = 10.0
    """From the first byte of a head to its last, and for a TLS handshake."""
    body_time: float = 30.0
    """From a head to the end of its body."""
    authenticate_time: float = 30.0
    """For which it may take to find out who makes a request; beyond it that is answered 503."""
    keep_alive: float = 60.0
    """For which a connection may wait for its next request; announced in each answer."""
    stalled: float = 60.0
    """After which a client that takes nothing of what was written to it is cut off."""
    connections: int = 1_000
    """Open at the same time; beyond it they are answered 503 and closed."""
    running: int = 1_000
    """Handlers of modern and of stateless requests that run at the same time."""
    queued: int = 1_000
    """Such requests that wait for a handler; beyond it they are refused as busy."""
    listening: int = 1_000
    """Open `subscriptions/listen` streams."""
    sessions: int = 10_000
    """Legacy sessions; beyond it `initialize` is answered 503."""
    initialize: int = 64 * 1024
    """Bytes of an `initialize` that opens a session: what it says is kept as long as that."""
    session_idle: float = 1_800.0
    """After which a legacy session that nothing happens in is ended."""
    kept: int = 256 * 1024
    """Bytes of events that one legacy session keeps for clients that resume a stream."""
    kept_time: float = 60.0
    """For which a finished stream may be resumed."""
    defer: float = 2.0
    """For which an answer may stay undecided between JSON and an event stream."""
    comment: float = 15.0
    """Of silence after which an event stream gets a comment, so that nothing in between cuts it."""
    retry: float = 1.0
    """After which a client that was cut off by the server had better come back."""
    drain: float = 10.0
    """For which requests may go on after the server was told to stop."""


DEFAULT_HTTP_LIMITS = HttpLimits()
