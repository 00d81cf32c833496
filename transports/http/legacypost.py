"""Where the answers go to what one legacy POST brought: together as JSON, or one by one as events.

Streamable HTTP › Sending Messages to the Server. A disconnect is no cancellation: what is said from
then on is kept for the client that resumes the stream.
"""

from collections.abc import Callable

from barewire.protocol.errors import Reason, status_for
from barewire.protocol.jsonrpc import Failure, Success
from barewire.session.outbox import array_of
from barewire.transports.http.accept import Acceptable
from barewire.transports.http.answers import ACCEPTED, json_answer, line_of, with_fields
from barewire.transports.http.eventstream import EventStream
from barewire.transports.http.messages import Answer, Fields, Reply
from barewire.transports.http.setting import Setting
from barewire.transports.http.streams import Streams

__all__ = ["LegacyPost"]

_OK = 200


class LegacyPost:
    """The `Answers` of the exchanges that a POST opens."""

    __slots__ = (
        "_accepts",
        "_answers",
        "_batch",
        "_expected",
        "_fields",
        "_log",
        "_missing",
        "_nothing",
        "_prime",
        "_reason",
        "_reply",
        "_setting",
        "complete",
        "on_complete",
        "stream",
    )

    def __init__(
        self,
        setting: Setting,
        reply: Reply,
        accepts: Acceptable,
        fields: Fields,
        *,
        log: Streams | None,
        prime: bool = False,
        batch: bool = False,
        nothing: Answer = ACCEPTED,
    ) -> None:
        """Create it.

        `accepts` is what the client takes, `fields` go with any answer. `log` keeps events, and
        `prime` opens streams with an id. The answers to a `batch` go together as an array. What
        asks for nothing is answered by `nothing`.
        """
        self._setting = setting
        self._reply = reply
        self._accepts = accepts
        self._fields = fields
        self._log = log
        self._prime = prime
        self._batch = batch
        self._nothing = nothing
        self._answers: list[Success | Failure] = []
        self._reason: Reason | None = None
        self._expected = 0
        self._missing = 0
        self.complete: bool = False
        """Whether all has been said."""
        self.on_complete: Callable[[LegacyPost], object] | None = None
        """Called with it when all has been said. Default: None."""
        self.stream: EventStream | None = None
        """Where the answers go one by one, `None` as long as they may go together as JSON."""

    # What exchanges say: the `Answers`.

    def expect(self) -> None:
        """Count one more answer that is to come."""
        self._expected += 1
        self._missing += 1

    def collect(self, answer: Success | Failure | None, reason: Reason | None = None) -> None:
        """Take one answer, `None` for a request that was given up."""
        if self.complete:
            return
        self._missing -= 1
        if answer is not None:
            if self.stream is not None:
                self.stream.write(line_of(answer))
            else:
                self._answers.append(answer)
                self._reason = reason
        if self._missing == 0:
            self._complete()

    def say(self, line: bytes) -> bool:
        """Send what is no answer; `False` when there is no way to."""
        if not self._accepts.stream or self.complete:
            return False
        (self.stream or self._begin()).write(line)
        return True

    # Its form.

    def answer(self, answer: Success | Failure) -> None:
        """Take the only answer there will be."""
        self.expect()
        self.expect()
        self.collect(answer)
        self.collect(None)

    def wait(self) -> None:
        """Take note that not all answers are there yet."""
        if self.stream is None and self._accepts.stream:
            if self._only_streams:
                self._begin()
            else:
                self._setting.deferrals.add(self)

    def decide(self) -> None:
        """Become an event stream."""
        if self.stream is None:
            self._begin()

    def poll(self, retry: float | None) -> bool:
        """End the connection, but not the stream; return whether there was one to end."""
        if not self._accepts.stream or self.complete:
            return False
        stream = self.stream or self._begin()
        if stream.reply is None:
            return False
        stream.poll(self._setting.options.limits.retry if retry is None else retry)
        return True

    def give_up(self, answer: Answer) -> None:
        """End it although answers are missing; where nothing was said yet, by this one."""
        if not self.complete:
            self._nothing, self._expected = with_fields(answer, self._fields), 0
            self._answers.clear()
            self._complete()

    @property
    def _only_streams(self) -> bool:
        return self._setting.options.json_response is False or not self._accepts.json

    def _begin(self) -> EventStream:
        setting = self._setting
        setting.deferrals.remove(self)
        # Of a stream that its client has seen nothing of, nothing can be resumed.
        stream = self.stream = setting.event_stream(None if self._reply.gone else self._log)
        stream.begin(self._reply, self._fields, prime=self._prime)
        answers, self._answers = self._answers, []
        for answer in answers:
            stream.write(line_of(answer))
        return stream

    def _complete(self) -> None:
        self.complete = True
        setting = self._setting
        setting.deferrals.remove(self)
        # One that is expected is the POST itself.
        asked = self._expected > 1 and self._status() == _OK and self._accepts.stream
        if self.stream is None and asked and (self._only_streams or not self._answers):
            self._begin()  # where everything was given up, it stays without events
        if self.stream is not None:
            self.stream.finish(setting.now())
        elif self._answers:
            self._reply.send(self._whole())
        elif self._expected > 1:  # all of it was given up
            self._reply.send(with_fields(ACCEPTED, self._fields))
        else:
            self._reply.send(self._nothing)
        if self.on_complete is not None:
            self.on_complete(self)

    def _status(self) -> int:
        if self._batch or self._reason is None:
            return _OK
        return status_for(self._reason, modern=False)

    def _whole(self) -> Answer:
        if self._batch:
            return json_answer(array_of(self._answers), _OK, self._fields)
        answer, status = self._answers[0], self._status()
        if status != _OK and isinstance(answer, Failure) and answer.id is None:
            # The bodies of refusals have no id, not even `null`.
            answer = Failure(None, answer.code, answer.message, answer.data)
        return json_answer(line_of(answer), status, self._fields)
