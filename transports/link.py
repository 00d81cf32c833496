"""A connection on a pipe: feeds the one from the other, and keeps the time.

The engine is pure and the pipe knows nothing of messages; a link is what lies between. It writes
what the connection has to send once per turn of the loop, runs one timer for all deadlines, and
lets those who send a lot wait for a peer that reads slowly.
"""

import logging
from collections.abc import Callable
from typing import Final

from barewire.protocol.errors import Reason
from barewire.session.connection import Connection
from barewire.session.events import Event, Violated
from barewire.transports.alarm import Alarm
from barewire.transports.backend import Backend, Signal, Timer, current
from barewire.transports.pipe import Pipe

__all__ = ["Link", "OnEvent"]

_log = logging.getLogger("barewire.transports")

OnEvent = Callable[[Event], object]

_LOOKS: Final = 4
"""How often in `limits.stalled` seconds a client that reads slowly is looked at."""


class Link:
    """Carries one connection over one pipe, on the event loop that it was made on.

    `on_event` is called for each event, on the loop, in order; it must not block. An exception that
    escapes from it is a bug: it is logged, and the other events are not lost by it.

    A client that takes no bytes for `limits.stalled` seconds while more than `limits.pending` wait
    is given up: a fatal `Violated` tells so, and the link closes. A server that reads nothing may
    just be busy; there the deadlines of the requests decide.
    """

    def __init__(self, connection: Connection, pipe: Pipe, on_event: OnEvent) -> None:
        self.connection = connection
        self.pipe = pipe
        self.backend: Backend = current()
        self.broken: BaseException | None = None
        """What broke the pipe, `None` while it is whole or when it ended plainly."""
        self._on_event = on_event
        self._most = connection.limits.pending
        self._handed = 0
        """What of the bytes in the pipe was pending when some were handed over last: no less."""
        self._flushing = False
        self._expecting = False
        self._alarm = Alarm(self.backend, self._expire)
        self._room: Signal | None = None
        self._ended = False
        self._closed = False
        self._watch = _StallWatch(self) if connection.local.role == "server" else None
        pipe.low_water = min(pipe.low_water, connection.limits.pending)
        pipe.on_drained = self._drained

    def start(self) -> None:
        """Begin to read."""
        self.pipe.start(self._received, self.lose)
        self.wake()

    def now(self) -> float:
        """Return the time of the loop's clock, in seconds."""
        return self.backend.now()

    def wake(self) -> None:
        """Say that the connection has something to send: it goes out within this turn."""
        if not self._flushing and self.connection.outbox.pending:
            self._flushing = True
            self.backend.call_soon(self._flush)

    def sent(self) -> bool:
        """Take note, as `wake` does, that something was sent; return whether to wait for `room`."""
        if not self._flushing:
            self.wake()
        return self.connection.outbox.pending + self._handed > self._most and self.congested

    def expect(self) -> None:
        """Say that a task which may send something was begun or woken while an event was told.

        What it sends in its first step goes out right after that, without a turn of its own.
        """
        self._expecting = True

    def keep_time(self) -> None:
        """Say that a request of ours was made: it expires when its time is up."""
        if not self._closed:
            self._alarm.set(self.connection.deadline())

    def flush(self) -> None:
        """Hand what the connection has to send to the pipe at once."""
        connection, pipe = self.connection, self.pipe
        size = connection.outbox.pending
        if size:
            pipe.write(connection.data_to_send())
            self._handed = pipe.pending
            if self._watch is not None:
                self._watch.wrote(size)

    @property
    def congested(self) -> bool:
        """Whether more waits to be written than `limits.pending` allows."""
        return self.connection.outbox.pending + self.pipe.pending > self._most

    async def room(self) -> None:
        """Wait until the peer has read enough for more to be sent, or the link is closed.

        At least a turn of the loop: also while a peer takes all at once, others have theirs.
        """
        self.flush()
        await self.backend.sleep(0)
        while self.congested and not self._closed:
            if self._room is None:
                self._room = Signal(self.backend)
            await self._room.wait()
            self.flush()

    def lose(self, error: BaseException | None) -> None:
        """Take note that the peer says nothing more, because of `error` if that is the reason.

        Requests of ours that are in flight are lost. What the peer asked may still be answered.
        """
        if self._ended:
            return
        self._ended = True
        self.broken = error
        self._tell(self.connection.receive_eof())
        self.wake()
        self._drained()

    def end(self) -> None:
        """End the connection: nothing more is said, and requests of ours in flight are lost.

        What was said before still goes out. Idempotent.
        """
        self.flush()
        if self._closed:
            return
        self._ended = self._closed = True
        self._tell(self.connection.close())
        self._alarm.dismiss()
        if self._watch is not None:
            self._watch.dismiss()
        self._drained()

    async def aclose(self) -> object:
        """End the connection and close the pipe; return what the pipe says of its closing.

        Idempotent, and callable from any task.
        """
        self.end()
        return await self.pipe.aclose()

    def give_up(self, detail: str) -> None:
        """Close without further ado, because the peer behaves as `detail` says."""
        if self._closed:
            return
        self.broken = TimeoutError(detail)
        self._tell([Violated(Reason.INVALID_REQUEST, detail, fatal=True)])
        self.backend.spawn(self.aclose(), shield=True)

    def _received(self, data: bytes) -> None:
        if self._ended:
            return
        scheduled = self._flushing
        self._flushing = True  # whoever answers at once need not ask for another turn
        self._tell(self.connection.receive_data(data, now=self.backend.now()))
        self.flush()
        if not scheduled:
            self._flushing = self._expecting
            if self._expecting:
                self.backend.call_soon(self._flush)
        self._expecting = False

    def _tell(self, events: list[Event]) -> None:
        on_event = self._on_event
        for event in events:
            try:
                on_event(event)
            except Exception:
                _log.exception("a handler of %s raised", type(event).__name__)

    def _flush(self) -> None:
        self._flushing = False
        self.flush()

    def _drained(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.set()

    def _expire(self) -> None:
        self._tell(self.connection.expire(self.backend.now()))
        self.wake()
        self.keep_time()


class _StallWatch:
    """Watches whether the other end reads what is written, as long as too much of it waits."""

    __slots__ = ("_link", "_moved_at", "_taken", "_timer", "_written")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._written = 0
        self._taken = 0
        self._moved_at = 0.0
        self._timer: Timer | None = None

    def wrote(self, size: int) -> None:
        """Take note that `size` bytes were handed to the pipe."""
        self._written += size
        link = self._link
        if link.pipe.pending > link.connection.limits.pending and self._timer is None:
            self._taken = self._written - link.pipe.pending
            self._moved_at = link.now()
            self._look_again()

    def dismiss(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_again(self) -> None:
        link = self._link
        later = link.now() + link.connection.limits.stalled / _LOOKS
        self._timer = link.backend.call_at(later, self._look)

    def _look(self) -> None:
        self._timer = None
        link = self._link
        limits = link.connection.limits
        if link.pipe.pending <= limits.pending:
            return
        taken = self._written - link.pipe.pending
        if taken > self._taken:
            self._taken = taken
            self._moved_at = link.now()
        elif link.now() - self._moved_at >= limits.stalled:
            link.give_up(f"nothing was read for {limits.stalled:g} s (limits.stalled)")
            return
        self._look_again()
