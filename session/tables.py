"""The state machines, as tables.

Each maps `(state, step)` to the next state; a pair that is not there is forbidden. The tables do
not know which role we play: a step is something that happened on the wire, whoever did it. To allow
a transition, add a row; to explain one, print the table.
"""

from enum import Flag, auto
from typing import Literal, TypeAlias

from barewire.protocol.methods import Role

__all__ = [
    "BEFORE_READY",
    "EXCHANGE",
    "LENIENT",
    "SESSION",
    "SUBSCRIPTION",
    "Leniency",
    "Life",
    "LifeStep",
    "Phase",
    "PhaseStep",
    "Stream",
    "StreamStep",
]

Phase: TypeAlias = Literal["new", "opening", "opened", "ready", "closed"]
"""Where a session stands: nothing said; `initialize` in flight; answered; in use; over."""
PhaseStep: TypeAlias = Literal["initialize", "refuse", "agree", "initialized", "close"]

SESSION: dict[tuple[Phase, PhaseStep], Phase] = {
    ("new", "initialize"): "opening",
    ("opening", "refuse"): "new",
    ("opening", "agree"): "opened",
    ("opened", "initialized"): "ready",
    ("new", "close"): "closed",
    ("opening", "close"): "closed",
    ("opened", "close"): "closed",
    ("ready", "close"): "closed",
}

BEFORE_READY: dict[tuple[Phase, Role], frozenset[str]] = {
    ("new", "client"): frozenset({"initialize", "ping"}),
    ("new", "server"): frozenset({"ping"}),
    ("opening", "client"): frozenset({"ping"}),
    ("opening", "server"): frozenset({"ping", "notifications/message"}),
    ("opened", "client"): frozenset({"ping", "notifications/initialized"}),
    ("opened", "server"): frozenset({"ping", "notifications/message"}),
}
"""What each role may say before a session is ready (Lifecycle › Initialization): "the client SHOULD
NOT send requests other than pings before the server has responded", and the server none but pings
and log messages before it has seen `notifications/initialized`."""

Life: TypeAlias = Literal[
    "held", "open", "working", "answered", "cancelled", "expired", "lost", "settled"
]
"""What became of a request: not sent yet; in flight; answered by a task that is under way;
answered; given up by its sender; given up for lack of time; cut off; given up, and then answered
all the same."""
LifeStep: TypeAlias = Literal[
    "send", "answer", "answer late", "begin", "finish", "cancel", "expire", "lose"
]

EXCHANGE: dict[tuple[Life, LifeStep], Life] = {
    ("held", "send"): "open",
    ("held", "cancel"): "cancelled",
    ("held", "expire"): "expired",
    ("held", "lose"): "lost",
    ("open", "answer"): "answered",
    # Tasks of 2025-11-25: the answer says that work has begun, and progress goes on until it ends.
    ("open", "begin"): "working",
    ("working", "finish"): "answered",
    ("open", "cancel"): "cancelled",
    ("open", "expire"): "expired",
    ("open", "lose"): "lost",
    # Whoever gave it up drops a late answer; until that comes, the id stays taken.
    ("cancelled", "answer late"): "settled",
    ("expired", "answer late"): "settled",
}

Stream: TypeAlias = Literal["asked", "listening", "ended"]
"""Where a `subscriptions/listen` stands: asked for; acknowledged; over."""
StreamStep: TypeAlias = Literal["acknowledge", "deliver", "end"]

SUBSCRIPTION: dict[tuple[Stream, StreamStep], Stream] = {
    ("asked", "acknowledge"): "listening",
    ("asked", "end"): "ended",
    ("listening", "deliver"): "listening",
    ("listening", "end"): "ended",
}


class Leniency(Flag):
    """What is accepted from a peer although the specification says otherwise.

    Each is refused from ourselves: nothing of this is ever sent. A strict peer accepts none.
    """

    REQUEST_BEFORE_INITIALIZED = auto()
    """A request after the answer to `initialize` and before `notifications/initialized`."""
    REUSED_ID = auto()
    """An id that this session has used and answered before."""
    GUIDE_INITIALIZED = auto()
    """The name `initialized` for `notifications/initialized`."""
    GUIDE_PROGRESS_TOKEN = auto()
    """The member `token` for `progressToken`, when the latter is absent."""
    GUIDE_STOP_REASON = auto()
    """`end_turn`, `max_tokens`, `stop_sequence` and `tool_use` for the names in camel case."""
    STALE_PROGRESS = auto()
    """Progress that does not increase: dropped without being called a violation."""
    FOREIGN_STREAM = auto()
    """A response that arrives on another stream than the one that carried its request."""


LENIENT = ~Leniency(0)
"""Everything that is accepted unless a peer is strict."""
