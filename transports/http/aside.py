"""What a legacy server says that belongs to no request: it goes on the stream of a GET.

Streamable HTTP › Listening for Messages from the Server.
"""

from collections.abc import Callable
from typing import Final

from barewire.protocol.jsonrpc import Message, Notification, Request
from barewire.protocol.sse import encode_comment
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.outbox import Outbox
from barewire.transports.backend import Signal
from barewire.transports.http.answers import line_of
from barewire.transports.http.changes import Changes
from barewire.transports.http.eventstream import EventStream
from barewire.transports.http.legacypost import LegacyPost
from barewire.transports.http.messages import Fields, Reply
from barewire.transports.http.setting import Setting
from barewire.transports.http.streams import Streams

__all__ = ["PROBE", "Aside", "Switchboard"]

PROBE: Final = 1.0
"""Seconds for which a stream is watched before another one may take its place."""


class Aside:
    """The stream that a client listens on, and what waits until it does."""

    __slots__ = ("_changes", "_cut", "_log", "_setting", "_size", "_waiting", "on_left", "stream")

    def __init__(self, setting: Setting, log: Streams | None) -> None:
        self._setting = setting
        self._log = log
        self._waiting: list[bytes] = []
        self._size = 0
        self._changes: Changes | None = None
        """Only where there is a stream to tell of them: it makes a cycle."""
        if log is not None:
            self._changes = Changes(setting.backend, self._tell, self._may_tell)
        self._cut: Signal | None = None
        """Given when nobody listens any more; made for who wants to know."""
        self.stream: EventStream | None = None
        self.on_left: Callable[[], object] | None = None
        """Called when the client that listens goes away. Default: None."""

    @property
    def attached(self) -> bool:
        """Whether a client listens."""
        return self.stream is not None and self.stream.reply is not None

    @property
    def in_use(self) -> bool:
        """Whether there is a stream, or something to say on one."""
        return self.stream is not None or bool(self._waiting or self._changes)

    def say(self, line: bytes) -> bool:
        """Send a message, or keep it for the client to come; `False` when none ever will.

        When too much waits, the oldest is dropped.
        """
        if self._log is None:
            return False
        if self.stream is not None and self.attached:
            self.stream.write(line)
            return True
        self._waiting.append(line)
        self._size += len(line)
        while self._size > self._setting.options.limits.kept and len(self._waiting) > 1:
            self._size -= len(self._waiting.pop(0))
        return True

    def change(self, what: object, line: bytes) -> bool:
        """Send a notification of change; `False` when the same one waits already."""
        return self._changes is not None and self._changes.add(what, line)

    def listen(self, reply: Reply, fields: Fields, *, prime: bool) -> None:
        """Begin a stream, in place of the one there was."""
        if self.stream is not None:
            self.stream.finish(self._setting.now())
        stream = self.stream = self._setting.event_stream(self._log)
        stream.on_room = self._flush_changes
        stream.on_cut = self._left
        stream.begin(reply, fields, prime=prime)
        if not prime:
            reply.write(encode_comment())  # so that whatever stands in between passes the head on
        self._flush()

    async def alive(self) -> bool:
        """Find out whether a client still listens: what is sent to one that is gone comes back.

        One that vanished without a word sends nothing back, not even that something has arrived:
        after `PROBE` it is cut.
        """
        stream = self.stream
        if stream is None or stream.reply is None:
            return False
        cut, reply = self._cut, stream.reply
        if cut is None or cut.is_set:
            cut = self._cut = Signal(self._setting.backend)
        arrived = reply.arrived
        reply.write(encode_comment())
        if await cut.wait(PROBE) or stream.reply is not reply:
            return False  # if somebody else listens by now, that one was not asked
        if reply.arrived > arrived:
            return True
        stream.cut()
        return False

    def resumed(self, stream: EventStream) -> None:
        """Take note that a client went on with a stream; what waits is sent if it is this one."""
        if stream is self.stream:
            self._flush()

    def end(self) -> None:
        """End it. Whoever waits to take its place hears of that."""
        if self.stream is not None:
            self.stream.finish(self._setting.now())
            self.stream = None
        if self._cut is not None:
            self._cut.set()

    def _left(self) -> None:
        if self._cut is not None:
            self._cut.set()
        if self.on_left is not None:
            self.on_left()

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        for line in waiting:
            self._tell(line)
        self._flush_changes()

    def _flush_changes(self) -> None:
        if self._changes is not None:
            self._changes.flush()

    def _tell(self, line: bytes) -> None:
        if self.stream is not None:
            self.stream.write(line)

    def _may_tell(self) -> bool:
        return self.stream is not None and self.attached and not self.stream.congested


class Switchboard(Outbox):
    """Sends what is about a request by the POST that brought it, and the rest aside."""

    __slots__ = ("_aside",)

    def __init__(self, aside: Aside) -> None:
        super().__init__()
        self._aside = aside

    def send(self, message: Message, about: Exchange | None = None) -> bool:
        """Send one message; see `Outbox`."""
        if self.closed:
            return False
        if not self._sent(line_of(message), about) and isinstance(message, Request):
            raise LocalProtocolError(f"{message.method} cannot be asked: there is no stream for it")
        return True  # answers, which may go out otherwise than they are, do not come here

    def send_line(self, line: bytes, about: Exchange | None = None) -> None:
        """Send a message that was written by `line_of` before."""
        self._sent(line[:-1], about)

    def send_change(self, change: object, notification: Notification) -> bool:
        """Send a notification unless it waits already."""
        return not self.closed and self._aside.change(change, line_of(notification))

    def _sent(self, line: bytes, about: Exchange | None) -> bool:
        asked = about.parent if about is not None and about.ours else about
        via = None if asked is None else asked.via
        if isinstance(via, LegacyPost) and via.say(line):
            return True
        # Progress of a request has no other place; what we ask on account of it has.
        if about is not None and not about.ours:
            return False
        return self._aside.say(line)
