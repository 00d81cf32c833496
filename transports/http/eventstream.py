"""Event streams on their way to clients: written, cut, resumed, kept open through silence."""

from collections.abc import Callable, Sequence
from typing import Final

from barewire.protocol.sse import encode_comment, encode_event
from barewire.transports.alarm import Alarm
from barewire.transports.backend import Backend, Signal
from barewire.transports.http.messages import Fields, Reply
from barewire.transports.http.streams import Stream, Streams

__all__ = ["Comments", "EventStream"]

_FIELDS: Final = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-cache, no-transform"),
    # Streamable HTTP › Sending Messages: what stands in between shall pass events on at once.
    ("X-Accel-Buffering", "no"),
)
_COMMENT: Final = encode_comment()


class Comments:
    """Sends a comment on every stream that has been silent, so that nothing in between cuts it."""

    def __init__(self, backend: Backend, seconds: float) -> None:
        """Let no stream be silent for longer than `seconds`."""
        self._backend = backend
        # One that was silent from one look to the next is told something at the second.
        self._interval = seconds / 2
        self._streams: set[EventStream] = set()
        self._alarm = Alarm(backend, self._look)

    def watch(self, stream: "EventStream") -> None:
        """Begin to look after a stream."""
        self._streams.add(stream)
        if len(self._streams) == 1:
            self._alarm.set(self._backend.now() + self._interval)

    def forget(self, stream: "EventStream") -> None:
        """Look after a stream no longer."""
        self._streams.discard(stream)
        if not self._streams:
            self._alarm.dismiss()

    def _look(self) -> None:
        for stream in self._streams:
            stream.break_silence()
        if self._streams:
            self._alarm.set(self._backend.now() + self._interval)


class EventStream:
    """One stream of messages to a client, over as many connections as it takes.

    With a `log` its events have ids, and are kept there for a client that resumes it. `most` is how
    many bytes may wait to be taken before senders are to wait.
    """

    __slots__ = (
        "_backend",
        "_comments",
        "_log",
        "_most",
        "_room",
        "_silent",
        "_unheard",
        "kept",
        "on_cut",
        "on_room",
        "reply",
    )

    def __init__(
        self, backend: Backend, comments: Comments, most: int, log: Streams | None = None
    ) -> None:
        self._backend = backend
        self._comments = comments
        self._most = most
        self._log = log
        self._room: Signal | None = None
        self._silent = False
        self._unheard = 0
        self.kept: Stream | None = None
        """What the log knows of it."""
        self.reply: Reply | None = None
        """The connection that it goes over, `None` while it is cut."""
        self.on_cut: Callable[[], object] | None = None
        """Called when the client goes away. Default: None."""
        self.on_room: Callable[[], object] | None = None
        """Called when the client has taken enough for more to be sent. Default: None."""
        if log is not None:
            self.kept = log.open()
            self.kept.owner = self

    def begin(self, reply: Reply, fields: Fields, *, prime: bool = False) -> None:
        """Begin it on a connection.

        `prime` opens it with an event that has an id and no data, so that a client can resume a
        stream of which it has seen nothing else yet.
        """
        self._attach(reply, fields)
        if prime and self.kept is not None:
            reply.write(encode_event(b"", event=None, id=self.kept.id))

    def resume(self, reply: Reply, fields: Fields, events: Sequence[tuple[str, bytes]]) -> None:
        """Go on, over another connection, with the events that were missed."""
        self.let_go()
        self._attach(reply, fields)
        for id, data in events:
            reply.write(encode_event(data, id=id))
        if self.kept is not None and self.kept.finished_at is not None:
            self.let_go()

    def write(self, data: bytes) -> None:
        """Send one message, or keep it for the client that comes back."""
        id = None
        if self._log is not None and self.kept is not None:
            id = self._log.append(self.kept, data)
        if self.reply is not None:
            self.reply.write(encode_event(data, id=id))
            self._silent = False
        else:
            self._unheard += len(data)

    def finish(self, now: float) -> None:
        """End it: nothing more is to come."""
        if self._log is not None and self.kept is not None:
            self._log.finish(self.kept, now)
        self.let_go()
        self.on_cut = self.on_room = None  # whose owners hold it: no cycle is left

    def poll(self, retry: float) -> None:
        """End the connection but not the stream: the client comes back in `retry` seconds.

        Streamable HTTP › Sending Messages to the Server: `retry` goes first.
        """
        if self.reply is not None:
            self.reply.write(b"retry: %d\n\n" % round(retry * 1000))
            self.let_go()

    def cut(self) -> None:
        """Cut the connection that it goes over, if there is one, as if its client were gone."""
        reply = self.reply
        if reply is not None:
            self._cut()
            reply.abort()

    def let_go(self) -> None:
        """End the connection that it goes over, if there is one."""
        reply = self._detach()
        if reply is not None:
            reply.end()

    def break_silence(self) -> None:
        """Send a comment unless something was sent since the last time."""
        if self._silent and self.reply is not None:
            self.reply.write(_COMMENT)
        self._silent = True

    @property
    def congested(self) -> bool:
        """Whether more waits to be taken by the client than may.

        So it is, once in a while, with nobody there: whoever speaks without a pause would let
        nobody else have a turn.
        """
        waiting = self._unheard if self.reply is None else self.reply.pending
        return waiting > self._most

    async def room(self) -> None:
        """Wait until the client has taken enough for more to be sent, or is gone."""
        while self.congested:
            if self.reply is None:
                self._unheard = 0
                await self._backend.sleep(0)
                continue
            if self._room is None:
                self._room = Signal(self._backend)
            await self._room.wait()

    def _attach(self, reply: Reply, fields: Fields) -> None:
        if reply.gone:
            return
        self.reply = reply
        reply.on_gone = self._cut
        reply.on_drained = self._drained
        reply.begin(200, [*_FIELDS, *fields])
        self._silent = False
        self._comments.watch(self)

    def _detach(self) -> Reply | None:
        reply, self.reply = self.reply, None
        if reply is not None:
            reply.on_gone = reply.on_drained = None
            self._comments.forget(self)
            self._drained()
        return reply

    def _cut(self) -> None:
        self._detach()
        if self.on_cut is not None:
            self.on_cut()

    def _drained(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.set()
        if self.on_room is not None:
            self.on_room()
