"""What is owed and what was paid: every line that a peer was sent, and every answer it gave.

Sans-I/O. A round is what is sent between two moments at which the peer is known to have read all of
it. At the end of a round the books must balance:

* no id is answered more often than it was asked, and none that nobody asked;
* every request-shaped line has its answer. One whose id may not be repeated to its sender, because
  it is in flight already or was given twice, has one without an id;
* there are as many answers without an id, and as many answers in all, as lines that are owed one,
  give or take those of which two readers may think differently.

The rules differ by the role of the peer that answers: a server answers whatever may have been a
request, a client what surely was one (to two ids it says nothing, nor to what names no method), and
nothing at all where servers send no requests.
"""

from collections import Counter

from barewire.fuzz.judge import RequestId, Verdict, judge, numbers_and_strings
from barewire.protocol.methods import Role
from barewire.protocol.record import record

__all__ = ["Ledger", "Terms", "Unbalanced"]


class Unbalanced(Exception):
    """The peer answered too much or too little; the text says what."""


@record
class Terms:
    """What an answering peer owes."""

    role: Role
    answers: bool = True
    """Whether it answers requests at all: a client does so within a session."""
    batch: bool = False
    """Whether it takes batches apart."""
    batch_limit: int = 100
    line_limit: int | None = None
    """Bytes in the longest line that it reads."""


class _Round:
    """The entries of one round."""

    __slots__ = (
        *("asked", "forgiven", "later", "least", "least_nameless", "listens", "most", "nameless"),
        *("paid", "perhaps", "spare", "stray", "unread"),
    )

    def __init__(self) -> None:
        self.least = self.most = 0
        """How many answers are owed."""
        self.least_nameless = 0
        """How many of them can have no id."""
        self.nameless = self.stray = 0
        """Answers without an id, and with one that is not that of a request."""
        self.spare = 0
        """Requests whose answer may come without their id."""
        self.asked: Counter[RequestId] = Counter()
        self.paid: Counter[RequestId] = Counter()
        self.forgiven: Counter[RequestId] = Counter()
        """Answers that need not come, because the request was given up after it was sent."""
        self.later: Counter[RequestId] = Counter()
        """Requests of which it is not sure that they are any: nobody waits for their answers."""
        self.listens: set[RequestId] = set()
        """Requests that may become streams."""
        self.perhaps: set[RequestId] = set()
        """Ids by which lines that are no requests may be answered."""
        self.unread: list[bytes] = []
        """Lines that nobody could read, and that may hold more such ids."""

    @property
    def missing(self) -> Counter[RequestId]:
        """The requests that have no answer by their id."""
        return self.asked - self.paid - self.forgiven

    @property
    def total(self) -> int:
        """All answers."""
        return self.paid.total() + self.nameless + self.stray

    def may_have_had(self, id: RequestId) -> bool:
        """Whether a line that is no request may be answered by this id."""
        if self.unread and id not in self.perhaps:
            self.perhaps.update(*map(numbers_and_strings, self.unread))
            self.unread.clear()
        return id in self.perhaps


class Ledger:
    """The books on one peer; `sent` and `answered` are entries, `check` ends a round."""

    def __init__(self, terms: Terms) -> None:
        self.terms: Terms = terms
        self.requests: int = 0
        """Request-shaped lines in all rounds so far."""
        self.streams: set[RequestId] = set()
        """Requests that stay open: they were acknowledged, and the answer comes at the end."""
        self._doubted: set[RequestId] = set()
        """What was given up and may be a stream that lives on, with a last word at the end."""
        self._round = _Round()
        self._late: Counter[RequestId] = Counter()
        """What earlier rounds were content without: it may come yet."""

    def sent(self, line: bytes, *, request: bool | None = None) -> Verdict:
        """Enter a line that the peer is sent, without its line feed, and return what it is.

        `request` says whether it is request-shaped, if whoever made it knows.
        """
        verdict = judge(line, self.terms.line_limit)
        if verdict.shape == "batch":
            self._batch(verdict)
        else:
            self._enter(verdict, line, certain=bool(request))
        return verdict

    def answered(self, id: RequestId | None) -> None:
        """Enter an answer of the peer, with its id; raises `Unbalanced` for one too many."""
        now = self._round
        if id is None:
            now.nameless += 1
            return
        if now.paid[id] < now.asked[id]:
            now.paid[id] += 1
            return
        left_over, may_have_had = self._is_left_over(id), now.may_have_had(id)
        if may_have_had:
            now.stray += 1
            now.most += left_over  # to a line of this round, or of an earlier one: who can tell
        elif not left_over:
            asked = now.asked[id]
            raise Unbalanced(f"answer {asked + 1} to {id!r:.80}, which was asked {asked}x")

    def acknowledged(self, id: RequestId) -> None:
        """Enter the acknowledgement of a request that stays open: it counts as its answer."""
        self.answered(id)
        (self._doubted if self._round.forgiven[id] else self.streams).add(id)

    @property
    def complete(self) -> bool:
        """Whether everything that is owed was paid."""
        now = self._round
        missing = now.missing.total()
        return (
            missing <= now.spare
            and now.nameless >= now.least_nameless + missing
            and now.total >= now.least
        )

    def check(self) -> None:
        """End a round; raises `Unbalanced`."""
        now = self._round
        missing = now.missing
        if missing.total() > now.spare:
            ids = ", ".join(f"{id!r:.60}" for id in missing)
            raise Unbalanced(f"no answer to {missing.total()} requests: {ids:.400}")
        nameless = now.least_nameless + missing.total()
        if now.nameless < nameless:
            raise Unbalanced(f"{now.nameless} answers without an id, where {nameless} were owed")
        if not now.least <= now.total <= now.most:
            owed = f"{now.least} to {now.most}" if now.least < now.most else now.least
            detail = f"{now.nameless} of them without an id"
            raise Unbalanced(f"{now.total} answers, {detail}, where {owed} were owed")
        self._late += now.asked - now.paid
        # A line beside such a request may have been answered by its id, and before it.
        self._late.update(id for id in now.asked if now.may_have_had(id))
        self._late += now.later
        self._round = _Round()

    # Entries.

    def _batch(self, verdict: Verdict) -> None:
        items = verdict.items
        apart = self.terms.batch and 0 < len(items) <= self.terms.batch_limit
        if apart and not verdict.doubtful and not verdict.edge:
            for item in items:
                self._enter(item, None)
            return
        least = 1 if self.terms.role == "server" and not apart else 0
        self._owe(least, len(items) if apart else 1, nameless=least)
        ids = [id for item in items for id in item.ids]
        self._round.perhaps.update(ids)
        if apart:
            self._round.later.update(ids)

    def _enter(self, verdict: Verdict, line: bytes | None, *, certain: bool = False) -> None:
        shape = verdict.shape
        if shape == "request":
            self._request(verdict)
        elif shape == "noise":
            self._noise(verdict)
        elif shape == "notification":
            self._owe(0, 1 if verdict.doubtful or verdict.edge else 0)
        elif shape == "unreadable" or shape == "overlong":
            server = self.terms.role == "server"
            owed = certain or (server and not verdict.answers)
            self._owe(1 if owed else 0, 1 if owed or server or verdict.asks else 0)
            if line is not None:
                self._round.unread.append(line)
        if verdict.cancels is not None:
            self._cancelled(verdict.cancels)

    def _request(self, verdict: Verdict) -> None:
        now, id = self._round, verdict.id
        self.requests += 1
        if not self.terms.answers:
            return
        if id is None:
            # Which of two ids is meant nobody can tell: the answer carries neither.
            least = 1 if self.terms.role == "server" else 0
            self._owe(least, 1, nameless=least)
            return
        self._owe(1, 1)
        if id in now.asked or id in self.streams:
            now.spare += 1
        now.asked[id] += 1
        if verdict.method == "subscriptions/listen":
            now.listens.add(id)

    def _noise(self, verdict: Verdict) -> None:
        self._round.perhaps.update(verdict.ids)
        least = 0 if verdict.doubtful or verdict.edge else 1
        if self.terms.role == "server":
            self._owe(least, 1, nameless=0 if verdict.ids else least)
        elif verdict.ids:
            self._owe(0 if verdict.id is None else least, 1)

    def _cancelled(self, id: RequestId) -> None:
        # The line may be damaged in ways that make the peer ignore it: then nothing has changed.
        now = self._round
        if id in self.streams or id in now.listens:
            self._doubted.add(id)
        self.streams.discard(id)
        now.least -= now.asked[id] - now.forgiven[id]
        now.forgiven[id] = now.asked[id]

    def _owe(self, least: int, most: int, *, nameless: int = 0) -> None:
        if self.terms.answers:
            self._round.least += least
            self._round.most += most
            self._round.least_nameless += nameless

    def _is_left_over(self, id: RequestId) -> bool:
        """Whether an answer is late, or the last word of a stream; it counts but once."""
        if self._late[id] > 0:
            self._late[id] -= 1
        elif id in self._doubted:
            self._doubted.discard(id)
        else:
            return False
        return True
