"""One connection of an HTTP/1.1 server: requests in, answers out, in order, on a pipe.

Written in callbacks: a connection has no task, and a request none but what its handler starts. The
next request is read when the answer to the one before has ended and the client takes what it is
sent; until then a bounded part of it waits here.
"""

import logging
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Final

from barewire.session.limits import HttpLimits
from barewire.session.principal import RequestFacts
from barewire.transports.backend import Backend, guarded
from barewire.transports.http.heads import CONTINUE
from barewire.transports.http.incoming import Incoming
from barewire.transports.http.messages import Answer, Handler, HttpRequest
from barewire.transports.http.parsing import RequestParser
from barewire.transports.http.reply import HttpReply
from barewire.transports.http.requests import NOBODY, Asked, Caller
from barewire.transports.http.sweeper import Sweeper
from barewire.transports.http.wire import HeadFault
from barewire.transports.netpipe import NetPipe

__all__ = ["HttpConnection"]

_log = logging.getLogger("barewire.transports")

_AHEAD: Final = 64 * 1024
"""Bytes that may wait here for their turn; then reading pauses."""

_JOINED: Final = 64 * 1024
"""Up to which buffers that go out together are copied into one."""

_LINGER: Final = 2.0
"""Seconds for which a client may go on sending after its last answer. RFC 9112 › Tear-down: to
close at once could destroy the answer before it is read."""

_GRACE: Final = 0.05
"""Seconds for which an answer may still end after its client has ended its own direction."""

_DAY: Final = 24 * 3600.0
"""Seconds that are announced at most: a limit may be infinite."""

_NEVER: Final = float("inf")


class _Phase(Enum):
    HEAD = "waits for a request, or for the rest of its head"
    BODY = "waits for the rest of a body"
    ANSWER = "waits for the handler"
    LEAVING = "waits until the client has taken its last answer"
    CLOSED = "is closed"


# An attribute of an Enum takes longer to find.
_HEAD, _BODY, _ANSWER = _Phase.HEAD, _Phase.BODY, _Phase.ANSWER
_LEAVING, _CLOSED = _Phase.LEAVING, _Phase.CLOSED


class HttpConnection:
    """Serves one client on `pipe` until it leaves, or has to.

    All calls belong to the thread of the loop. `on_closed` is called with the connection once its
    pipe is closed.
    """

    def __init__(
        self,
        pipe: NetPipe,
        handler: Handler,
        *,
        limits: HttpLimits,
        make_parser: Callable[[], RequestParser],
        backend: Backend,
        sweeper: Sweeper,
        caller: Caller = NOBODY,
        once: bool = False,
        on_closed: Callable[["HttpConnection"], object] | None = None,
    ) -> None:
        """Take over `pipe`, which was not started yet. With `once` the first answer is the last."""
        self.backend = backend
        self.sweeper = sweeper
        self.persistence: bytes = b"Connection: keep-alive\r\nKeep-Alive: timeout=%d\r\n" % (
            min(limits.keep_alive, _DAY)
        )
        """What answers say while the connection goes on."""
        self._pipe = pipe
        self._handler = handler
        self._limits = limits
        self._on_closed = on_closed
        self._phase = _HEAD
        self._deadline = _NEVER
        self._ahead = b""
        self._due = False
        """Whether what is there has its turn soon."""
        self._paused = False
        self._ended = False
        self._draining = once
        self._linger = 0.0
        self._incoming = Incoming(limits, make_parser, caller)
        self._asked = _NOTHING
        self._persistent = False
        self._reply: HttpReply | None = None
        self._written = 0
        self._taken = 0
        self._taken_at = sweeper.now

    def start(self) -> None:
        """Begin to read."""
        self.sweeper.add(self)
        self._wait_for_request()
        self._pipe.on_drained = self._on_drained
        self._pipe.start(self._on_data, self._on_eof)

    def drain(self) -> None:
        """Take no further request: leave now if none has begun, else after the answer to it."""
        self._draining = True
        if self._phase is _HEAD and not self._incoming.begun and not self._ahead:
            self._leave()

    def cut(self) -> bool:
        """Close now; return whether something was cut off by that, an answer or its delivery."""
        if self._phase is _CLOSED:
            self._pipe.abort()  # it may still linger
            return False
        self._close()
        return True

    # What a reply needs

    @property
    def goes_on(self) -> bool:
        """Whether a request may follow the one that is being answered."""
        ended = self._ended and not self._ahead
        return self._persistent and not self._draining and not ended

    @property
    def pending(self) -> int:
        """Bytes that the client has not taken."""
        return self._pipe.pending

    @property
    def arrived(self) -> int:
        """Bytes that have reached the client's system, as far as is known; see `NetPipe`."""
        return self._written - self._pipe.underway

    def put(self, data: list[bytes]) -> None:
        """Send these."""
        if self._phase is _CLOSED:
            return
        size = sum(map(len, data))
        self._written += size
        self._pipe.write(data if size > _JOINED else [b"".join(data)])

    def answered(self, *, goes_on: bool) -> None:
        """Take note that the answer has ended."""
        self._reply = None
        if not goes_on or not self.goes_on:
            self._leave(linger=_LINGER)
            return
        self._wait_for_request()
        if self._ahead and not self._due:
            self._due = True
            self.backend.call_soon(self._have_turn)

    def abort(self) -> None:
        """Close, and let the client see that there is something missing."""
        self._reply = None
        if self._asked.old:
            self._pipe.abort()  # for the end of the connection would be the end of the answer
        self._leave()

    def refusal(self, status: int, detail: str) -> Answer:
        """Return what to answer to a request that comes no further."""
        try:
            head = None if self._asked is _NOTHING else self._asked.head
            return self._handler.refused(status, detail, head)
        except Exception:
            _log.exception("a refusal could not be put into words")
            return Answer(status)

    # What the pipe tells

    def _on_data(self, data: bytes) -> None:
        self._ahead = self._ahead + data if self._ahead else data
        if self._due:
            self._throttle()
        else:
            self._proceed()

    def _on_eof(self, reason: BaseException | None) -> None:
        self._ended = True
        if reason is not None:
            self._close()
        elif self._reply is not None:
            self._look_whether_gone(self._reply)
        elif not self._ahead:
            self._leave()

    def _on_drained(self) -> None:
        if self._phase is _LEAVING:
            self._close_once_taken()
        elif self._reply is None:
            if not self._due:
                self._proceed()
        elif self._reply.on_drained is not None:
            self._reply.on_drained()

    # Reading

    def _have_turn(self) -> None:
        self._due = False
        self._proceed()

    def _proceed(self) -> None:
        """Read what is there, as long as it is its turn."""
        while self._ahead:
            if self._phase is _HEAD and self._pipe.pending <= self._pipe.low_water:
                self._read_head()
            elif self._phase is _BODY:
                self._read_body()
            elif self._phase is _LEAVING or self._phase is _CLOSED:
                self._ahead = b""
            else:
                break
            if self._phase is _HEAD:
                break  # the next request has a turn of its own, so that others have theirs
        self._throttle()
        if self._ended and not self._ahead and self._reply is None:
            self._leave()  # what has begun will never be whole

    def _throttle(self) -> None:
        too_much = len(self._ahead) > _AHEAD
        if too_much != self._paused:
            self._paused = too_much
            if too_much:
                self._pipe.pause()
            else:
                self._pipe.resume()

    def _wait_for_request(self) -> None:
        self._phase = _HEAD
        self._asked = _NOTHING
        self._deadline = self.sweeper.deadline(self._limits.keep_alive)

    def _read_head(self) -> None:
        incoming, begun = self._incoming, self._incoming.begun
        request = incoming.read_head(self._ahead)
        self._ahead = incoming.rest
        if isinstance(request, Asked):
            self._judge(request)
        elif request is not None:
            self._refuse(request)
        elif incoming.begun and not begun:
            self._deadline = self.sweeper.deadline(self._limits.head_time)

    def _judge(self, request: Asked) -> None:
        head = request.head
        self._asked = request
        self._persistent = request.persistent
        try:
            answer = self._handler.judge(head)
        except Exception:
            _log.exception("a request could not be judged")
            answer = self.refusal(500, "the request could not be judged")
        if answer is not None:
            self._answer_early(answer, last=head.length != 0)
        elif head.length == 0:
            self._hand_over(b"")
        elif (fault := self._incoming.expect_body(head.length)) is not None:
            self._refuse(fault)
        else:
            self._phase = _BODY
            self._deadline = self.sweeper.deadline(self._limits.body_time)
            if request.expects and (head.length is None or len(self._ahead) < head.length):
                self.put([CONTINUE])

    def _read_body(self) -> None:
        body = self._incoming.read_body(self._ahead)
        self._ahead = self._incoming.rest
        if isinstance(body, bytes):
            self._hand_over(body)
        elif body is not None:
            self._refuse(body)

    # Answering

    def _hand_over(self, body: bytes) -> None:
        self._phase = _ANSWER
        self._deadline = _NEVER
        reply = self._reply = self._new_reply()
        try:
            self._handler.receive(HttpRequest(self._asked.head, body), reply)
        except Exception:
            _log.exception("a handler raised")
            if reply.begun:
                reply.abort()
            else:
                reply.send(self.refusal(500, "the handler failed"))
        if self._ended and self._reply is reply:
            self._look_whether_gone(reply)

    def _answer_early(self, answer: Answer, *, last: bool) -> None:
        self._phase = _ANSWER
        self._deadline = _NEVER
        self._persistent = self._persistent and not last
        reply = self._reply = self._new_reply()
        try:
            reply.send(answer)
        except ValueError:
            _log.exception("a request was answered with an internal error")

    def _refuse(self, fault: HeadFault) -> None:
        """Answer what is no request, or not a whole one; the connection ends with that."""
        self._answer_early(self.refusal(fault.status, fault.detail), last=True)

    def _new_reply(self) -> HttpReply:
        asked = self._asked
        return HttpReply(self, silent=asked.head.method == "HEAD", old=asked.old)

    # Leaving

    def _look_whether_gone(self, reply: HttpReply) -> None:
        """Find out whether a client that says nothing more still listens.

        One that went away and one that has only ended its own direction look the same until
        something is sent: the system of the former resets the connection, which the next write
        notices. An interim answer can be sent at any time before the answer begins (RFC 9110 ›
        Informational 1xx). Once it has begun, or where such answers are unknown, whoever ended
        their direction counts as gone after a moment; so do all clients to most other servers.
        """
        self._ask_whether_there(reply)
        self.backend.call_at(self.backend.now() + _GRACE, partial(self._judge_whether_gone, reply))

    def _judge_whether_gone(self, reply: HttpReply) -> None:
        if self._reply is reply and (
            not self._ask_whether_there(reply) or self._pipe.broken is not None
        ):
            self._close()

    def _ask_whether_there(self, reply: HttpReply) -> bool:
        if reply.begun or self._asked.old:
            return False
        self.put([CONTINUE])
        return True

    def _leave(self, *, linger: float = 0.0) -> None:
        """Close once the client has taken what it was sent."""
        if self._phase is _CLOSED:
            return
        self._phase = _LEAVING
        self._deadline = _NEVER
        self._ahead = b""
        self._incoming.drop()
        self._linger = linger
        self._pipe.low_water = 0
        self._throttle()
        self._close_once_taken()

    def _close_once_taken(self) -> None:
        if not self._pipe.pending:
            self._close()

    def _close(self) -> None:
        if self._phase is _CLOSED:
            return
        self._phase = _CLOSED
        self._ahead = b""
        self._incoming.drop()
        self.sweeper.remove(self)
        reply, self._reply = self._reply, None
        self.backend.spawn(self._close_pipe())
        if reply is not None and (told := reply.lose()) is not None:
            guarded(told)

    async def _close_pipe(self) -> None:
        await self._pipe.aclose(linger=self._linger)
        self._pipe.on_drained = None
        if self._on_closed is not None:
            self._on_closed(self)

    # Time

    def sweep(self, now: float) -> None:
        """Look whether time is up."""
        pending = self._pipe.pending
        taken = self._written - pending
        if taken != self._taken or not pending:
            self._taken, self._taken_at = taken, now
        elif now - self._taken_at > self._limits.stalled:
            self._pipe.abort()
            self._close()
            return
        if self._phase is _LEAVING:
            self._close_once_taken()
        elif (self._ended or self._paused) and self._reply is not None:
            self._look_again(self._reply)  # while reading pauses, the end cannot be seen
        elif pending and self._phase is _HEAD and not self._incoming.begun:
            self._wait_for_request()  # who still reads the last answer is not idle
        elif now >= self._deadline:
            self._time_is_up()

    def _look_again(self, reply: HttpReply) -> None:
        self._ask_whether_there(reply)
        if self._pipe.broken is not None:
            self._close()

    def _time_is_up(self) -> None:
        if self._phase is _BODY:
            self._refuse(HeadFault(408, "the body did not come in time (limits.body_time)"))
        elif self._incoming.begun:
            self._refuse(HeadFault(408, "the head did not come in time (limits.head_time)"))
        else:
            self._leave()


_NOTHING: Final = Asked(RequestFacts("GET", "", "", {}), False, False, False)
"""Stands for the request while none is understood."""
