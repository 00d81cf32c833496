"""An endless supply of hostile lines, from sound messages of one side and one revision.

Everything comes from one seeded `random.Random`: the same seed and the same calls give the same
lines. Ids are fresh unless they are meant not to be, so that every answer can be told whose it is.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from barewire.fuzz.mutate import dump, mutate
from barewire.fuzz.samples import TEXTS, VALUES, messages
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.methods import Role
from barewire.protocol.revisions import Revision
from barewire.protocol.values import as_object

__all__ = ["TOOLS", "Hostility"]

TOOLS = ("echo", "now", "thread", "turns", "fail", "unwritable")
"""The tools of a server that is soaked; see `barewire.fuzz.soaked`."""

_REUSED = 0.03
"""How often a request takes the id of another in the same round."""
_RECENT = 50
_FRESH = 500
"""After how many messages new ones are made: there are a few for each method at a time."""
_ANSWERS: dict[Role, int] = {"client": 10, "server": 30}
"""How much of what they say are answers: a client has little to answer."""


class Hostility:
    """Lines that `sender` might send if it were broken or evil, in one `revision` and others.

    `revisions` are those whose messages are used; `never` are methods that are left out, unless
    damage happens to spell them.
    """

    def __init__(
        self,
        sender: Role,
        revisions: Sequence[Revision],
        random: Random,
        *,
        never: Sequence[str] = (),
    ) -> None:
        self.random: Random = random
        self._sender: Role = sender
        self._revisions = revisions
        self._never = frozenset(never)
        self._kinds: list[list[dict[str, Any]]] = []
        self._weights: list[int] = []
        self._drawn = 0
        self._count = 0
        self._recent: list[RequestId] = []

    def lines(self, known: Sequence[RequestId] = ()) -> list[tuple[bytes, bool | None]]:
        """Return the next line, or several, without their line feeds.

        With each comes whether it is request-shaped, `None` if nobody knows without looking.
        `known` are ids that mean something to the peer: its own requests in flight.
        """
        message = self._message(known)
        random = self.random
        if random.random() < 0.15:
            asks = isinstance(message.get("method"), str) and "id" in message
            return [(dump(message, random), asks)]
        mutated = mutate(message, random)
        if b"\n" not in mutated.line:
            return [(mutated.line, mutated.request)]
        return [(line, None) for line in mutated.line.split(b"\n")]

    def forget(self) -> None:
        """Begin a new round: ids of the last one are not used again."""
        self._recent.clear()

    def _make_messages(self) -> None:
        made: list[dict[str, Any]] = [
            message
            for revision in self._revisions
            for message in messages(self._sender, revision, self.random)
            if message.get("method") not in self._never
        ]
        requests = [message for message in made if "id" in message and "method" in message]
        notifications = [message for message in made if "id" not in message]
        answers = [message for message in made if "method" not in message]
        weighted = [(requests, 50), (notifications, 20), (answers, _ANSWERS[self._sender])]
        self._kinds = [kind for kind, _ in weighted if kind]
        self._weights = [weight for kind, weight in weighted if kind]

    def _message(self, known: Sequence[RequestId]) -> dict[str, Any]:
        random = self.random
        if self._drawn % _FRESH == 0:
            self._make_messages()
        self._drawn += 1
        (kind,) = random.choices(self._kinds, self._weights)
        message: dict[str, Any] = dict(random.choice(kind))
        if "method" not in message:
            if message["id"] is not None:
                message["id"] = self._mentioned(known)
            return message
        if "id" in message:
            message["id"] = self._fresh()
        params = as_object(message.get("params"))
        if params is not None:
            message["params"] = self._aimed(str(message["method"]), params, known)
        return message

    def _aimed(
        self, method: str, params: dict[str, Any], known: Sequence[RequestId]
    ) -> dict[str, Any]:
        """Return `params` that hit something at the peer, most of the time."""
        random = self.random
        if random.random() < 0.2:
            return params
        if method == "tools/call":
            arguments = {"text": random.choice(TEXTS)}
            if random.random() < 0.2:
                arguments[random.choice(("text", "more"))] = random.choice(VALUES)
            return {**params, "name": random.choice(TOOLS), "arguments": arguments}
        if method == "notifications/cancelled":
            return {**params, "requestId": self._mentioned(known)}
        if method == "notifications/progress":
            return {**params, "progressToken": self._mentioned(known)}
        return params

    def _fresh(self) -> RequestId:
        random = self.random
        if self._recent and random.random() < _REUSED:
            return random.choice(self._recent)
        self._count += 1
        style = random.random()
        number = 1_000_000 + self._count
        id: RequestId = (
            number
            if style < 0.6
            else f"s{number}"
            if style < 0.8
            else str(number)
            if style < 0.9
            else -number
            if style < 0.95
            else f"é\u2028{number}"
        )
        if len(self._recent) < _RECENT:
            self._recent.append(id)
        else:
            self._recent[random.randrange(_RECENT)] = id
        return id

    def _mentioned(self, known: Sequence[RequestId]) -> RequestId:
        random = self.random
        if known and random.random() < 0.7:
            return random.choice(known)
        if self._recent and random.random() < 0.7:
            return random.choice(self._recent)
        self._count += 1
        return 1_000_000 + self._count
