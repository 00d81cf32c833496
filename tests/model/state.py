"""What a peer of the model knows, and the words in which its parts say what is due."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.model.due import (
    Due,
    Pattern,
    Told,
    described,
    holding,
    unaddressed,
)
from tests.model.words import (
    CACHEABLE,
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    MODERN,
    REVISIONS,
    SERVER_INFO,
    SUBSCRIPTION,
    VERSION,
    Json,
    as_list,
    declared_in,
    takes_as_task,
)

SILENCE: list[Pattern] = []


@dataclass(frozen=True)
class Bounds:
    """How much of each is borne; where a bound is met is decided, not specified."""

    serving: int = 6
    """Requests that are served at a time."""
    listening: int = 3
    """Listens of the peer at a time."""
    watched: int = 3
    """Resources that a session, or one listen, subscribes to."""
    batch: int = 4
    """Messages in one batch."""
    asking: int = 9
    """Requests of this peer's in flight."""
    line: int = 6_000
    """Bytes of the longest line that is read."""
    unreadable: int = 12
    """What is no message, one after the other, until the pipe is given up."""


BEGINNING = 256
"""Bytes that are looked at of a line that is too long."""


def tag(id: Any) -> str:
    """Name an id so that 1, "1" and 1.0 have different names."""
    return str(id) if type(id) is int else json.dumps(id)


@dataclass
class Group:
    """A batch that is being answered, which is done all at once."""

    open: int = 0
    answers: list[Pattern] = field(default_factory=list[Pattern])


@dataclass
class Theirs:
    """A request of the peer's that is being served here."""

    id: Any
    method: str
    revision: int
    params: Json
    capabilities: Json
    token: Any = None
    group: Group | None = None
    level: str | None = None
    """The least severe log message that a modern request wants."""
    asker: Json | None = None
    """How whoever asks has introduced itself."""
    listens: Json | None = None
    """What a `subscriptions/listen` was acknowledged."""
    reported: float | None = None
    begun: bool = False
    """Answered by a task of revision 4 that is under way."""


@dataclass
class Ours:
    """A request of this peer's that is in flight, or held back."""

    id: Any
    method: str
    revision: int
    params: Json
    token: Any = None
    held: bool = False
    parent: Theirs | None = None
    timeout: float | None = None
    latest: float | None = None
    deadline: float | None = None
    heard: float | None = None
    listens: Json | None = None
    acknowledged: bool = False
    task: str | None = None
    probe: bool = False
    bare: bool = False
    """Asked without params."""

    @property
    def as_task(self) -> bool:
        """Whether it asks to be run as a task."""
        return "task" in self.params and takes_as_task(self.method, self.revision) is not None

    @property
    def cancellable(self) -> bool:
        """Whether `notifications/cancelled` may name it.

        Cancellation: never `initialize`, and never a request that runs as a task. The probe is not
        either: a legacy server would not know what it means (decided). `tasks/cancel` is itself the
        cancellation of something (decided).
        """
        never = self.method in ("initialize", "tasks/cancel") or self.probe
        return not never and not self.as_task


class State:
    """One end of a pipe: what can be observed of it."""

    def __init__(
        self,
        role: str,
        speaks: tuple[int, ...],
        capabilities: Json,
        info: Json,
        *,
        bounds: Bounds,
        instructions: str | None = None,
        strict: bool = False,
    ) -> None:
        self.role = role
        self.other = "server" if role == "client" else "client"
        self.legacy = [one for one in speaks if one != MODERN]
        self.modern = MODERN in speaks
        self.has = capabilities
        self.info = info
        self.bounds = bounds
        self.unreadable = 0
        """What was no message since the last one that was."""
        self.instructions = instructions
        """A server's advice, which a client reads in the answer to `initialize`."""
        self.introduced: Json | None = None
        """How the other end of the session introduced itself."""
        self.strict = strict
        """Whether nothing is forgiven that a page calls wrong."""
        self.met: set[str] = set()
        """Ids of the peer's legacy requests: a strict peer remembers them."""
        self.phase = "new"
        self.tried = False
        """As a client: whether a handshake has been tried."""
        self.agreed: int | None = None
        self.peer: Json = {}
        """What the other end of the session declared."""
        self.adopted: Json | None = None
        """As a client that knows its server for modern: what the server declared."""
        self.level = "debug"
        self.subscribed: list[str] = []
        self.theirs: dict[str, Theirs] = {}
        self.begun: dict[str, Theirs] = {}
        self.ours: dict[str, Ours] = {}
        self.working: dict[str, Ours] = {}
        """Requests of ours that a task has answered, by the task's id."""
        self.gone: set[str] = set()
        """Ids of ours that were given up: one late answer to each is dropped."""
        self.used: set[str] = set()
        self.ended = False
        self.closed = False
        self.due = Due()

    # What can be seen.

    @property
    def established(self) -> bool:
        """Whether a session has been agreed on and is not over."""
        return self.phase in ("opened", "ready")

    @property
    def may_be_asked(self) -> bool:
        """Whether the other end may ask: as a server it does in a session, or to open one.

        stdio, revision 5: a server sends no requests, and a client no responses.
        """
        trying = self.tried and self.adopted is None
        return self.role == "server" or self.phase != "new" or trying

    @property
    def versions(self) -> list[str]:
        """What is spoken, newest first."""
        modern = [REVISIONS[MODERN]] if self.modern else []
        return modern + [REVISIONS[one] for one in sorted(self.legacy, reverse=True)]

    @property
    def serving(self) -> int:
        """Requests that the application works on."""
        return sum(one.listens is None for one in self.theirs.values())

    @property
    def advice(self) -> Json:
        """What a server's answers to `initialize` and `server/discover` have beside the facts."""
        return {} if self.instructions is None else {"instructions": self.instructions}

    def supported(self) -> Pattern:
        """`data` that names what is spoken."""
        spoken = self.versions

        def one(value: Any) -> bool:
            named = as_list(value)
            return named is not None and sorted(map(str, named)) == sorted(spoken)

        return holding(supported=described(f"{spoken} in any order", one))

    def speaking(self) -> int | None:
        """Return the revision that the application speaks by now."""
        if self.adopted is not None:
            return MODERN
        return self.agreed if self.established else None

    # How answers leave.

    def tell(self, *told: Told) -> None:
        self.due.told += told

    def say(self, answer: Pattern, group: Group | None) -> None:
        """Put an answer on the wire, or with those of its batch."""
        if group is None:
            self.due.said.append(answer)
            return
        group.answers.append(answer)
        self.close_group(group)

    def close_group(self, group: Group) -> None:
        """Note that one member of a batch is done: the last one sends all answers."""
        group.open -= 1
        if group.open == 0 and group.answers:
            self.due.said.append(group.answers)

    def may_also(self, *others: list[Pattern], where: str) -> None:
        """Note what the specification would have permitted as well."""
        self.due.allowed += others
        self.due.freedom = where

    def no_id(self, code: int | None) -> Json:
        """An error that has no id to give back.

        JSON-RPC 2.0 writes null, which the schemas up to revision 3 do not forbid more than its
        absence; from revision 4 on the schema leaves the member out (decided for a pipe).
        """
        return unaddressed(code, null=self.established and (self.agreed or 5) <= 3)

    def object_to(self, code: int, group: Group | None, *, asks: bool, word: str = "fault") -> None:
        """Refuse what has no id to give back.

        A server answers whatever may have been a request, a client in a session what surely is one
        (decided): errors about noise would be noise in return.
        """
        if self.role == "server" or (asks and self.may_be_asked):
            self.say(self.no_id(code), group)
            self.may_also(
                SILENCE,
                [unaddressed(None, null=True)],
                [unaddressed(None, null=False)],
                where="no page says what answers a message without a usable id",
            )
        self.tell((word, None))

    # What both halves say.

    def request_of(self, asked: Ours) -> Json:
        """Return a request of ours as it stands on the wire."""
        plain: Json = {"jsonrpc": "2.0", "id": asked.id, "method": asked.method}
        params = dict(asked.params)
        carries = "_meta" in params
        meta = dict(params.pop("_meta", {}))
        if asked.revision == MODERN:
            # Base Protocol › `_meta`: on every request.
            meta[VERSION] = REVISIONS[MODERN]
            meta.setdefault(CLIENT_CAPABILITIES, declared_in(self.has, MODERN, self.role))
            meta[CLIENT_INFO] = self.info
        if asked.token is not None:
            meta["progressToken"] = asked.token
        if meta or carries:
            params["_meta"] = meta
        return {**plain, "params": params} if params or not asked.bare else plain

    def stamped(self, served: Theirs, result: Json) -> Json:
        """Return a modern result: its type, who says it, and for how long it holds."""
        made: Json = {"resultType": "complete", **result}
        made["_meta"] = {SERVER_INFO: self.info, **result.get("_meta", {})}
        if served.listens is not None:
            made["_meta"][SUBSCRIPTION] = served.id
        if served.method in CACHEABLE and made["resultType"] == "complete":
            made.setdefault("ttlMs", described("a time", lambda it: type(it) is int and it >= 0))
            scope = described("a scope", lambda value: value in ("private", "public"))
            made.setdefault("cacheScope", scope)
        return made

    def finish(self, served: Theirs) -> None:
        if self.theirs.get(tag(served.id)) is served:
            del self.theirs[tag(served.id)]

    def end(self, asked: Ours, *, given_up: bool = False) -> None:
        del self.ours[tag(asked.id)]
        if given_up and not asked.held:
            self.gone.add(tag(asked.id))


TEXT = described("a string", lambda value: isinstance(value, str))
