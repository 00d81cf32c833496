"""Who made a request: the application is asked, for so long and no longer."""

import logging
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from barewire.session.principal import Authenticate, Principal, RequestFacts
from barewire.transports.backend import Backend, Timer

__all__ = ["Identifying", "Nobody", "OnKnown"]

_log = logging.getLogger("barewire.http")


class Nobody(Enum):
    """Why it is not known who made a request."""

    UNPROVEN = "who asks is not proven"
    FAILED = "the request could not be authenticated"
    LATE = "the request was not authenticated in time (limits.authenticate_time)"


OnKnown: TypeAlias = Callable[[Principal | Nobody], object]


class Identifying:
    """Asks about one request, and calls `on_known` once, unless that is given up before.

    It may be called before the constructor returns. Whatever `authenticate` raises is logged, and
    is nobody else's business.
    """

    __slots__ = ("_on_known", "_task", "_timer")

    def __init__(
        self,
        backend: Backend,
        authenticate: Authenticate,
        facts: RequestFacts,
        seconds: float,
        on_known: OnKnown,
    ) -> None:
        """Begin; after `seconds` without an outcome it is `LATE`."""
        self._on_known: OnKnown | None = on_known
        self._timer: Timer | None = None
        self._task = backend.spawn(self._ask(authenticate, facts))
        if self.pending:
            self._timer = backend.call_at(backend.now() + seconds, self._expire)

    @property
    def pending(self) -> bool:
        """Whether the outcome is still to come."""
        return self._on_known is not None

    def give_up(self) -> None:
        """Stop asking: nobody waits for the outcome."""
        self._on_known = None
        self._end()
        self._task.cancel()

    async def _ask(self, authenticate: Authenticate, facts: RequestFacts) -> None:
        outcome: Principal | Nobody = Nobody.FAILED
        try:
            outcome = _outcome_of(await authenticate(facts))
        except GeneratorExit:
            raise  # the loop is gone, and this was found among its remains
        except BaseException:
            # Nobody is above to be told, not even when it was cancelled by something it waited for.
            if self.pending:
                _log.exception("a request could not be authenticated")
        self._settle(outcome)

    def _expire(self) -> None:
        _log.warning("a request was not authenticated in time")
        self._settle(Nobody.LATE)
        self._task.cancel()

    def _settle(self, outcome: Principal | Nobody) -> None:
        on_known, self._on_known = self._on_known, None
        self._end()
        if on_known is not None:
            on_known(outcome)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _outcome_of(found: object) -> Principal | Nobody:
    if found is None:
        return Nobody.UNPROVEN
    if isinstance(found, Principal):
        return found
    what = type(found).__name__
    _log.error("authenticate returned a %s, which is neither a Principal nor None", what)
    return Nobody.FAILED
