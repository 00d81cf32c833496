"""Modern requests over HTTP: one POST is one exchange, answered on its own response.

Streamable HTTP › Sending Messages to the Server: the answer is JSON or an event stream, as the
server likes. It is JSON when nothing is said before the result and that comes soon; the head waits
until this is known, for its status depends on the result.
"""

from typing import Any, Final

from barewire.protocol.errors import Reason, is_modern_error, status_for
from barewire.protocol.jsonrpc import Failure, Success
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.transports.http.answers import json_answer, line_of
from barewire.transports.http.asks import Ask
from barewire.transports.http.eventstream import EventStream
from barewire.transports.http.setting import Setting

__all__ = ["Post"]

_OK: Final = 200


class Post:
    """The answer to one modern POST: the `Carrier` of its exchange."""

    __slots__ = ("_accepts", "_ask", "_exchange", "_setting", "_stream")

    def __init__(
        self,
        setting: Setting,
        exchange: Exchange,
        ask: Ask,
    ) -> None:
        self._setting = setting
        self._exchange = exchange
        self._ask = ask
        self._accepts = ask.accepts
        self._stream: EventStream | None = None
        ask.reply.on_gone = self._cut

    def wait(self) -> None:
        """Take note that the answer is not there yet."""
        if self._accepts.stream and self._stream is None:
            self._setting.deferrals.add(self)

    def decide(self) -> None:
        """Become an event stream."""
        self._begun()

    # What handlers say.

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer the request."""
        self.answer(exchange.respond(result))

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer the request with an error."""
        self.answer(exchange.fail(reason, detail, data), status_for(reason, modern=True))

    def fail_with(self, exchange: Exchange, code: int, message: str, data: Any = None) -> None:
        """Answer the request with an error of the application's own."""
        status = 400 if is_modern_error(code) else _OK
        self.answer(exchange.fail_with(code, message, data), status)

    def progress(
        self, exchange: Exchange, progress: float, total: float | None, message: str | None
    ) -> bool:
        """Report progress; see `Carrier`."""
        before = exchange.progressed
        notification = exchange.progress(progress, total, message)
        if notification is None:
            return False
        try:
            line = line_of(notification)
        except LocalProtocolError:
            exchange.progressed = before  # nobody has heard of it
            raise
        return self._say(line)

    def log(self, exchange: Exchange, level: str, data: Any, logger: str | None) -> bool:
        """Send a log message; see `Carrier`."""
        notification = exchange.log(level, data, logger)
        if notification is None or "logging" not in exchange.facts.local.capabilities:
            return False
        return self._say(line_of(notification))

    async def room(self, exchange: Exchange) -> None:
        """Wait until there is room to send more."""
        if self._stream is not None:
            await self._stream.room()

    def close_stream(self, exchange: Exchange, retry: float | None) -> bool:
        """Do nothing: what is cut in this revision is lost."""
        return False

    def expect(self) -> None:
        """Do nothing: what is sent goes out by itself."""

    def _say(self, line: bytes) -> bool:
        if not self._accepts.stream:
            return False  # where there is only JSON, nothing is said before the answer
        stream = self._begun()
        stream.write(line)
        return stream.congested

    def _begun(self) -> EventStream:
        if self._stream is None:
            self._setting.deferrals.remove(self)
            stream = self._stream = self._setting.event_stream()
            stream.on_cut = self._cut
            stream.begin(self._ask.reply, self._ask.fields)
        return self._stream

    def answer(self, answer: Success | Failure, status: int = _OK) -> None:
        """Send the answer."""
        line = line_of(answer)
        if self._stream is not None or (status == _OK and not self._accepts.json):
            stream = self._begun()
            stream.write(line)
            stream.finish(self._setting.now())
            return
        self._setting.deferrals.remove(self)
        self._ask.reply.on_gone = None
        self._ask.answer(json_answer(line, status))

    def _cut(self) -> None:
        # Cancellation: a disconnect of the client cancels, and nothing more is sent.
        self._setting.deferrals.remove(self)
        if self._stream is not None:
            self._stream.on_cut = None  # so that no cycle is left
        if not self._exchange.over:
            self._exchange.lost()
            self._setting.handlers.stop(self._exchange)
