"""`subscriptions/listen` over HTTP: a response that lasts, of the changes that were asked for."""

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Params
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.subscriptions import Subscription, accept_listen, end_listen
from barewire.transports.http.answers import line_of
from barewire.transports.http.asks import Ask
from barewire.transports.http.changes import Changes
from barewire.transports.http.posts import Post
from barewire.transports.http.setting import Setting

__all__ = ["Listens"]


class Listens:
    """The open subscriptions of all modern clients."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._open: set[_Listen] = set()

    def open(self, exchange: Exchange, post: Post, ask: Ask) -> None:
        """Open one, or fail it by `post`."""
        limits = self._setting.options.limits
        if len(self._open) >= limits.listening:
            detail = f"at most {limits.listening} subscriptions"
            post.fail(exchange, Reason.BUSY, detail, {"retryable": True})
            return
        try:
            most = self._setting.application.limits.subscriptions
            acknowledgement = accept_listen(exchange, most)
        except LocalProtocolError as error:
            post.fail(exchange, Reason.INVALID_PARAMS, str(error))
            return
        listen = _Listen(self._setting, exchange, self._open)
        listen.begin(line_of(acknowledgement), ask)

    def publish(self, method: str, params: Params | None) -> None:
        """Tell all who asked for it of a change."""
        for listen in list(self._open):
            listen.hear(method, params)

    def end(self) -> None:
        """End all of them gracefully, as a server that goes away."""
        for listen in list(self._open):
            listen.end()


class _Listen:
    __slots__ = ("_all", "_changes", "_exchange", "_setting", "_stream")

    def __init__(self, setting: Setting, exchange: Exchange, all: "set[_Listen]") -> None:
        self._setting = setting
        self._exchange = exchange
        self._all = all
        self._stream = setting.event_stream()
        self._changes = Changes(
            setting.backend, self._stream.write, lambda: not self._stream.congested
        )

    def begin(self, acknowledgement: bytes, ask: Ask) -> None:
        self._all.add(self)
        self._stream.on_cut = self._cut
        self._stream.on_room = self._changes.flush
        self._stream.begin(ask.reply, ask.fields)
        self._stream.write(acknowledgement)

    def hear(self, method: str, params: Params | None) -> None:
        subscription = self._exchange.subscription
        if isinstance(subscription, Subscription) and subscription.wants(method, params):
            notification = subscription.deliver(self._exchange, method, params)
            uri = (params or {}).get("uri")
            self._changes.add((method, uri), line_of(notification))

    def end(self) -> None:
        # Over HTTP the result alone ends it: `notifications/cancelled` is for stdio.
        self._changes.flush()
        _, result = end_listen(self._exchange)
        self._stream.write(line_of(result))
        self._stream.finish(self._setting.now())
        self._all.discard(self)

    def _cut(self) -> None:
        self._exchange.lost()
        self._all.discard(self)
