"""A connection on a pipe: feeds the one from the other, and keeps the time.

The engine is pure and the pipe knows nothing of messages; a link is what lies between. It writes
what the connection has to send once per turn of the loop, runs one timer for all deadlines, and
lets those who send a lot wait for a peer that reads slowly.
"""

from collections.abc import Callable

from barewire.protocol.errors import Reason
from barewire.session.connection import Connection
from barewire.session.events import Event, Violated
from barewire.transports.backend import Signal, Timer, current
from barewire.transports.pipe import Pipe

__all__ = ["Link", "OnEvent"]

OnEvent = Callable[[Event], object]


class Link:
    """Carries one connection over one pipe, on the event loop that it was made on.

    `on_event` is called for each event, on the loop, in order; it must not block. An exception that
    escapes from it is logged by the pipe as the bug it is.
    """

    def __init__(self, connection: Connection, pipe: Pipe, on_event: OnEvent) -> None:
        self.connection = connection
        self.pipe = pipe
        self.backend = current()
        self.broken: BaseException | None = None
        """What broke the pipe, `None` while it is whole or when it ended plainly."""
        self._on_event = on_event
        self._flushing = False
        self._timer: Timer | None = None
        self._timer_at = float("inf")
        self._room: Signal | None = None
        self._closed = False
        pipe.low_water = min(pipe.low_water, connection.limits.pending)
        pipe.on_drained = self._drained

    def start(self) -> None:
        """Begin to read."""
        self.pipe.start(self._received, self._ended)
        self.wake()

    def now(self) -> float:
        """Return the time of the loop's clock, in seconds."""
        return self.backend.now()

    def wake(self) -> None:
        """Say that the connection was used: what it has to send goes out within this turn."""
        connection = self.connection
        if connection.pending and not self._flushing:
            self._flushing = True
            self.backend.call_soon(self._flush)
        self._arm(connection.deadline())

    def flush(self) -> None:
        """Hand what the connection has to send to the pipe at once."""
        if self.connection.pending:
            self.pipe.write(self.connection.data_to_send())

    @property
    def congested(self) -> bool:
        """Whether more waits to be written than the connection's limit allows."""
        connection = self.connection
        return connection.pending + self.pipe.pending > connection.limits.pending

    async def room(self) -> None:
        """Wait until the peer has read enough for more to be sent.

        A peer that reads nothing for `limits.stalled` seconds is given up: the pipe is closed and
        the wait ends.
        """
        self.flush()
        limits = self.connection.limits
        while self.congested and not self._closed:
            if self._room is None:
                self._room = Signal(self.backend)
            before = self.pipe.pending
            if not await self._room.wait(limits.stalled) and self.pipe.pending >= before:
                detail = f"nothing was read for {limits.stalled:g} s (limits.stalled)"
                self._on_event(Violated(Reason.INVALID_REQUEST, detail, fatal=True))
                self._lose(TimeoutError(detail))

    async def aclose(self) -> object:
        """End the connection and close the pipe; return what the pipe says of its closing.

        Requests of ours that are in flight are lost. Idempotent, and callable from any task.
        """
        self.flush()
        if not self._closed:
            self._closed = True
            for event in self.connection.close():
                self._on_event(event)
            self._disarm()
            self._drained()
        return await self.pipe.aclose()

    def _received(self, data: bytes) -> None:
        connection = self.connection
        for event in connection.receive_data(data, now=self.backend.now()):
            self._on_event(event)
        self.wake()

    def _ended(self, error: BaseException | None) -> None:
        self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        if self._closed:
            return
        self.broken = error
        for event in self.connection.receive_eof():
            self._on_event(event)
        self.wake()
        self._drained()

    def _flush(self) -> None:
        self._flushing = False
        self.flush()

    def _drained(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.set()

    def _arm(self, deadline: float | None) -> None:
        if deadline is None or deadline >= self._timer_at or self._closed:
            return
        self._disarm()
        self._timer_at = deadline
        self._timer = self.backend.call_at(deadline, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = float("inf")

    def _expire(self) -> None:
        self._timer = None
        self._timer_at = float("inf")
        for event in self.connection.expire(self.backend.now()):
            self._on_event(event)
        self.wake()
