"""What goes on in one legacy session: exchanges in both directions, each on a stream of its own.

Streamable HTTP › Sending Messages to the Server, Listening for Messages from the Server: answers,
and whatever belongs to a request, go on the response of its POST; the rest goes on a stream that
the client opened by GET; nothing goes on two.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Frame, Params
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Event, Requested, Violated
from barewire.session.exchange import Exchange
from barewire.session.principal import Principal
from barewire.session.session import Session
from barewire.transports.http.answers import refused
from barewire.transports.http.application import Handlers
from barewire.transports.http.aside import Aside, Switchboard
from barewire.transports.http.eventstream import EventStream
from barewire.transports.http.legacypost import LegacyPost
from barewire.transports.http.messages import Fields, Reply
from barewire.transports.http.setting import Setting
from barewire.transports.http.streams import NotKept, Streams

__all__ = ["Talk"]


class Talk:
    """The exchanges of a legacy session, and the streams that they go by.

    Without `streams` it is the talk of a single POST to a server without sessions: nothing can be
    resumed, and there is no stream to listen on. It is the `Carrier` of its exchanges.
    """

    def __init__(
        self,
        setting: Setting,
        session: Session,
        streams: Streams | None,
        on_quiet: Callable[[], object] | None = None,
    ) -> None:
        """Create it; `on_quiet` is called when a POST is done, or who listened is gone."""
        self._setting = setting
        self._on_quiet = on_quiet
        self.streams: Streams | None = streams
        self.session: Session = session
        self.aside: Aside = Aside(setting, streams)
        """Where goes what belongs to no request of the client."""
        self._handlers: Handlers = (
            setting.handlers
            if streams is None
            else setting.application.handlers(setting.application.limits.running)
        )
        self.aside.on_left = on_quiet
        self._posts: set[LegacyPost] = set()
        self.connection: Connection = Connection(
            session.local, limits=setting.application.limits, outbox=Switchboard(self.aside)
        )
        self.connection.session = session

    @property
    def idle(self) -> bool:
        """Whether nothing goes on that has to be remembered."""
        exchanges = self.connection.exchanges
        return not (
            self._posts
            or self.aside.in_use
            or self.streams
            or exchanges.theirs
            or exchanges.asked
            or exchanges.seen
        )

    @property
    def engaged(self) -> bool:
        """Whether its client is there: a POST is under way, or a stream is open."""
        return bool(self._posts) or self.aside.attached

    def receive(self, frame: Frame, post: LegacyPost, principal: Principal | None) -> None:
        """Take what a POST of `principal` brought; its answers go by that."""
        for event in self.connection.receive(frame, post, now=self._setting.now()):
            if isinstance(event, Requested):
                _asked_by(principal, event.exchange)
            self._on_event(event)
        if not post.complete:
            self._posts.add(post)
            post.on_complete = partial(_completed, self._posts, self._on_quiet)
            post.wait()

    def resume(self, last_event_id: str, reply: Reply, fields: Fields) -> NotKept | None:
        """Go on with a stream from behind an event; return why that cannot be."""
        if self.streams is None:
            raise AssertionError("without sessions no stream has ids")
        replay = self.streams.resume(last_event_id)
        if isinstance(replay, NotKept):
            return replay
        stream = replay.stream.owner
        if not isinstance(stream, EventStream):  # it is finished, and nobody's
            stream = self._setting.event_stream()
            stream.kept = replay.stream
        stream.resume(reply, fields, replay.events)
        self.aside.resumed(stream)
        return None

    def end(self) -> None:
        """End the session: its handlers are stopped, its streams end, what was asked is lost."""
        theirs = list(self.connection.exchanges.theirs.values())
        self.connection.close()
        for exchange in theirs:
            self._handlers.stop(exchange)
        for post in list(self._posts):
            asked = [exchange.id for exchange in theirs if exchange.via is post]
            id = asked[0] if len(asked) == 1 else None
            post.give_up(refused(404, "the session was ended", id))
        self.aside.end()

    def listen(self, reply: Reply, fields: Fields) -> None:
        """Begin the stream on which a client listens."""
        self.aside.listen(reply, fields, prime=self.session.revision.priming)

    def expire(self, now: float) -> None:
        """Forget the streams that nobody came back for."""
        if self.streams is not None:
            self.streams.expire(now)

    def publish(self, method: str, params: Params | None) -> None:
        """Tell the client of a change, if it wants to know."""
        self.connection.publish(method, params)

    # What handlers say.

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer a request."""
        self.connection.respond(exchange, result)

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer a request with an error."""
        self.connection.fail(exchange, reason, detail, data)

    def fail_with(self, exchange: Exchange, code: int, message: str, data: Any = None) -> None:
        """Answer a request with an error of the application's own."""
        self.connection.fail_with(exchange, code, message, data)

    def progress(
        self, exchange: Exchange, progress: float, total: float | None, message: str | None
    ) -> bool:
        """Report progress; see `Carrier`."""
        return self.connection.progress(exchange, progress, total, message) and _congested(exchange)

    def log(self, exchange: Exchange, level: str, data: Any, logger: str | None) -> bool:
        """Send a log message; see `Carrier`."""
        return self.connection.log(exchange, level, data, logger) and _congested(exchange)

    async def room(self, exchange: Exchange) -> None:
        """Wait until there is room to send more about a request."""
        if isinstance(exchange.via, LegacyPost) and exchange.via.stream is not None:
            await exchange.via.stream.room()

    def close_stream(self, exchange: Exchange, retry: float | None) -> bool:
        """Let the client poll for the rest of a request's stream; see `Carrier`."""
        if self.streams is None or not self.session.revision.priming:
            return False
        via = exchange.via
        return isinstance(via, LegacyPost) and via.poll(retry)

    def expect(self) -> None:
        """Do nothing: what is sent goes out by itself."""

    @property
    def _full(self) -> bool:
        # In a session the connection keeps count.
        limits = self._setting.options.limits
        alone = self.streams is None
        return alone and self._handlers.load >= limits.running + limits.queued

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Requested):
            if self._full and not event.exchange.over:
                self.connection.fail(event.exchange, Reason.BUSY, None, {"retryable": True})
            else:
                self._handlers.begin(event.exchange, self)
        elif isinstance(event, Abandoned):
            self._handlers.stop(event.exchange)
        elif isinstance(event, Violated):
            self._setting.application.violated(event)


def _asked_by(principal: Principal | None, exchange: Exchange) -> None:
    # The identity is that of the session, but what it is allowed to do may have changed.
    facts = exchange.facts
    if facts.principal != principal:
        exchange.facts = replace(facts, principal=principal)


def _completed(
    posts: set[LegacyPost], on_quiet: Callable[[], object] | None, post: LegacyPost
) -> None:
    posts.discard(post)
    if on_quiet is not None:
        on_quiet()


def _congested(exchange: Exchange) -> bool:
    via = exchange.via
    return isinstance(via, LegacyPost) and via.stream is not None and via.stream.congested
