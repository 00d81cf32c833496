"""The two tables of a peer: the requests that we sent, and those that we received.

The same id may be in flight in both directions at once, and `1` is not `"1"`.
"""

from barewire.protocol.envelope import claims_modern, meta_of
from barewire.protocol.jsonrpc import Request, RequestId
from barewire.session.deadlines import Deadlines
from barewire.session.exchange import Exchange
from barewire.session.limits import Limits

__all__ = ["Exchanges"]


class Exchanges:
    """What is in flight between two peers."""

    __slots__ = (
        "_given_up",
        "asked",
        "deadlines",
        "limits",
        "ours",
        "seen",
        "tasks",
        "theirs",
        "tokens",
    )

    def __init__(self, limits: Limits, *, remember: bool = False) -> None:
        self.limits: Limits = limits
        self.ours: dict[RequestId, Exchange] = {}
        self.theirs: dict[RequestId, Exchange] = {}
        self.tokens: dict[RequestId, Exchange] = {}
        """Our requests that asked for progress, by token."""
        self.tasks: dict[str, Exchange] = {}
        """Our requests that were answered by a task which is under way, by its id."""
        self.deadlines: Deadlines = Deadlines()
        self.seen: set[RequestId] | None = set() if remember else None
        """Ids that the peer has used, kept by strict peers only: it grows with history."""
        self.asked: int = 0
        """How many ids we have used."""
        self._given_up: dict[RequestId, Exchange] = {}

    def first_use(self, request: Request) -> bool:
        """Whether the peer uses this id for the first time; always `True` unless we remember.

        Legacy ids are unique within a session, modern ones only among what is in flight.
        """
        if self.seen is None or claims_modern(meta_of(request.params)):
            return True
        if request.id in self.seen:
            return False
        self.seen.add(request.id)
        return True

    def next_id(self) -> int:
        """Return an id that this peer has never used."""
        self.asked += 1
        return self.asked

    def add_ours(self, exchange: Exchange) -> None:
        """Take in a request of ours; its `deadline` and `progress_token` are set."""
        self.ours[exchange.request.id] = exchange
        if exchange.progress_token is not None:
            self.tokens[exchange.progress_token] = exchange
        self.deadlines.add(exchange, len(self.ours))

    def end_ours(self, exchange: Exchange, *, sent: bool = True) -> None:
        """Let go of a request of ours that has ended.

        One that was given up keeps its id until the late answer comes, as long as there is room;
        unless it was never `sent`, for then there will be none.
        """
        self.ours.pop(exchange.request.id, None)
        if exchange.progress_token is not None and exchange.state != "working":
            self.tokens.pop(exchange.progress_token, None)
        if sent and (exchange.state == "cancelled" or exchange.state == "expired"):
            given_up = self._given_up
            given_up[exchange.request.id] = exchange
            if len(given_up) > self.limits.given_up:
                del given_up[next(iter(given_up))]

    def begin_task(self, id: str, exchange: Exchange) -> None:
        """Remember which request of ours is answered by this task, as long as there is room.

        Tasks › Task IDs: unique among those of the receiver. One that is given out again has ended.
        """
        self.end_task(id)
        self.tasks[id] = exchange
        if len(self.tasks) > self.limits.given_up:
            self.end_task(next(iter(self.tasks)))

    def end_task(self, id: str) -> None:
        """Let go of the progress token of a request of ours whose task has ended."""
        exchange = self.tasks.pop(id, None)
        if exchange is not None:
            exchange.finish()
            self.end_ours(exchange)

    def awaited(self, id: RequestId) -> Exchange | None:
        """Return the request of ours that an answer with this id belongs to, ended or not.

        One that is held back has not been asked, so nothing answers it.
        """
        exchange = self.ours.get(id)
        if exchange is None:
            return self._given_up.pop(id, None)
        return exchange if exchange.state == "open" else None

    def only_one(self) -> Exchange | None:
        """Return the request of ours in flight when there is exactly one."""
        in_flight = (exchange for exchange in self.ours.values() if exchange.state == "open")
        first = next(in_flight, None)
        return first if next(in_flight, None) is None else None

    def children_of(self, parent: Exchange) -> list[Exchange]:
        """Return the requests of ours that were asked in the course of `parent`."""
        return [exchange for exchange in self.ours.values() if exchange.parent is parent]
