"""The legacy sessions of one endpoint: which there are, whose they are, when they end. Pure.

Streamable HTTP › Session Management. A session that nothing happens in is a record here and nothing
else: it has no task, no stream and no timer.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator

from barewire.session.principal import Principal
from barewire.session.session import Session

__all__ = ["HttpSession", "Sessions"]


class HttpSession:
    """One session. What goes on in it, which is nothing most of the time, is kept elsewhere."""

    __slots__ = ("id", "listens", "opened", "principal", "session", "used_at")

    def __init__(
        self, id: str, session: Session, principal: Principal | None, used_at: float
    ) -> None:
        self.id: str = id
        self.session: Session = session
        self.principal: Principal | None = principal
        self.used_at: float = used_at
        """When something happened in it last."""
        self.opened: int = 0
        """How many streams it has had."""
        self.listens: bool = False
        """Whether its client has ever opened a stream to hear of what nobody asked for."""


class Sessions:
    """At most `most` sessions, each of which ends when nothing has happened in it for `idle` s."""

    def __init__(self, most: int, idle: float, new_id: Callable[[], str]) -> None:
        """Create the table; `new_id` gives ids that nobody can guess, of visible ASCII."""
        self._most = most
        self._idle = idle
        self._new_id = new_id
        self._by_id: OrderedDict[str, HttpSession] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[HttpSession]:
        return iter(self._by_id.values())

    @property
    def full(self) -> bool:
        """Whether there can be no more."""
        return len(self._by_id) >= self._most

    def open(self, session: Session, principal: Principal | None, now: float) -> HttpSession:
        """Take in a session."""
        opened = HttpSession(self._new_id(), session, principal, now)
        self._by_id[opened.id] = opened
        return opened

    def find(self, id: str, principal: Principal | None, now: float) -> HttpSession | None:
        """Return the session of that id, which begins to be idle anew.

        There is none for somebody else: whether an id exists is nobody's business but its owner's.
        """
        found = self._by_id.get(id)
        if found is None or _identity(found.principal) != _identity(principal):
            return None
        self.touch(found, now)
        return found

    def touch(self, session: HttpSession, now: float) -> None:
        """Take note that something happens in a session, unless it has ended."""
        if session.id in self._by_id:
            session.used_at = now
            self._by_id.move_to_end(session.id)

    def end(self, session: HttpSession) -> None:
        """Forget a session."""
        self._by_id.pop(session.id, None)

    def idle(self, now: float) -> list[HttpSession]:
        """Return those whose time is up."""
        due: list[HttpSession] = []
        for session in self._by_id.values():
            if session.used_at + self._idle > now:
                break
            due.append(session)
        return due

    def deadline(self) -> float | None:
        """Return when `idle` may have something to say, `None` for never."""
        oldest = next(iter(self._by_id.values()), None)
        return None if oldest is None else oldest.used_at + self._idle


def _identity(principal: Principal | None) -> tuple[str, str, str | None] | None:
    return None if principal is None else principal.identity
