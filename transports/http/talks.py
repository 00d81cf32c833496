"""What goes on in the legacy sessions of one endpoint, and the time that all of it takes."""

from functools import partial
from hashlib import blake2b
from typing import Final

from barewire.protocol.jsonrpc import Params
from barewire.transports.alarm import Alarm
from barewire.transports.http.sessions import HttpSession, Sessions
from barewire.transports.http.setting import Setting
from barewire.transports.http.streams import Streams
from barewire.transports.http.talk import Talk

__all__ = ["Talks"]

_AT_HAND: Final = 64
"""Sessions without anything going on whose state is kept at hand all the same."""

_FINISHED: Final = 256
"""Finished streams of one session that may be resumed. Each takes memory besides its events, which
the collector of garbage has to look at."""

_LOOK: Final = 10.0
"""Seconds between two looks at what has become superfluous."""


class Talks:
    """The talks of the sessions in which something goes on, or did until lately.

    One whose client has listened lasts as long as the session: its stream may be resumed.
    """

    def __init__(self, setting: Setting, sessions: Sessions) -> None:
        """Create it empty; it ends the `sessions` whose time is up."""
        self._setting = setting
        self._limits = setting.options.limits
        self._sessions = sessions
        self._talks: dict[HttpSession, Talk] = {}
        """The latest comes last."""
        self._alarm = Alarm(setting.backend, self._look)

    def opened(self) -> None:
        """Take note that there is another session, which is to end some day."""
        self._alarm.set(self._sessions.deadline())

    def of(self, session: HttpSession) -> Talk:
        """Return what goes on in a session."""
        talk = self._talks.pop(session, None)
        if talk is None:
            talk = self._begin(session)
        self._talks[session] = talk
        return talk

    def publish(self, method: str, params: Params | None) -> None:
        """Tell the clients that listen, or did, of a change."""
        for session in list(self._sessions):
            if session.listens:
                self.of(session).publish(method, params)

    def end(self, session: HttpSession) -> None:
        """End a session, and what goes on in it."""
        self._sessions.end(session)
        talk = self._talks.pop(session, None)
        if talk is not None:
            talk.end()

    def end_streams(self) -> None:
        """End the streams on which clients listen."""
        for talk in self._talks.values():
            talk.aside.end()

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions):
            self.end(session)
        self._alarm.dismiss()

    def _begin(self, session: HttpSession) -> Talk:
        if len(self._talks) >= _AT_HAND:
            self._drop_some(2)  # so that there are not many more than that for long
        if not self._talks:
            self._alarm.set(self._setting.now() + _LOOK)
        limits = self._limits
        # Ids of events tell one session from another, and from what the same one said before.
        tag = blake2b(session.id.encode(), digest_size=4).hexdigest() + "-"
        streams = Streams(
            limits.kept,
            limits.kept_time,
            _FINISHED,
            tag=tag,
            opened=session.opened,
        )
        # What ends in a session happens in it too: then it begins to be idle.
        on_quiet = partial(self._used, session)
        return Talk(self._setting, session.session, streams, on_quiet)

    def _used(self, session: HttpSession) -> None:
        self._sessions.touch(session, self._setting.now())

    def _drop_some(self, most: int) -> None:
        for session in list(self._talks)[:most]:
            talk = self._talks.pop(session)
            if not talk.idle:
                self._talks[session] = talk
            elif talk.streams is not None:
                session.opened = talk.streams.opened

    def _look(self) -> None:
        now = self._setting.now()
        for session in self._sessions.idle(now):
            if session in self._talks and self._talks[session].engaged:
                self._sessions.touch(session, now)
            else:
                self.end(session)
        for talk in self._talks.values():
            talk.expire(now)
        self._drop_some(max(0, len(self._talks) - _AT_HAND))
        self._alarm.set(self._sessions.deadline())
        if self._talks:
            self._alarm.set(now + _LOOK)
