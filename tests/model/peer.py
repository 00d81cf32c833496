"""One peer of the protocol, as the specification describes it.

The model is told what happens to a peer: a line arrives, the application asks, answers, reports,
waits, the stream ends. It says what is due after each step and keeps the state that can be
observed. It reads no table of the package and imports nothing of it: `words` are its own.

Comments name the page that decides, or say `decided` where the specification leaves it open and the
project has chosen.
"""

from typing import Any

from tests.model.due import (
    Due,
    Pattern,
    answered,
    note,
    refused,
)
from tests.model.hears import Hears
from tests.model.lines import read
from tests.model.shapes import fits_params
from tests.model.state import TEXT, Ours, Theirs, tag
from tests.model.words import (
    ASKED_BY,
    CODES,
    FILTERS,
    INTERNAL_ERROR,
    LEVELS,
    MODERN,
    NOTIFICATIONS,
    PARSE_ERROR,
    REQUESTS,
    REVISIONS,
    SUBSCRIPTION,
    Json,
    as_object,
    asked_of_client,
    declared_in,
    has,
    introduced_in,
    legible,
    sends,
    takes,
    takes_as_task,
)


class Peer(Hears):
    """One end of a pipe."""

    # The application asks.

    def may_ask(
        self, method: str, params: Json | None, token: Any, parent: Theirs | None = None
    ) -> bool:
        """Whether the application may ask this now."""
        revision = self.speaking()
        full = len(self.ours) >= self.bounds.asking
        if revision is None or self.ended or self.closed or full:
            return False
        peer = self.peer if self.adopted is None else self.adopted
        gates = [takes(method, revision)]
        if self.role == "server":
            gates.append(asked_of_client(method, params or {}, revision))
        if "task" in (params or {}):
            gates.append(takes_as_task(method, revision))  # Tasks › Tool-Level Negotiation
        known = method in REQUESTS and sends(self.role, method, revision)
        # Lifecycle › Operation: only what was negotiated.
        if not known or not all(gate is None or has(peer, gate) for gate in gates):
            return False
        if method == "initialize":
            return True
        if method == "subscriptions/listen" and not fits_params(method, params, revision):
            return False
        if not self.is_free(brought_by(params) if token is None else token):
            return False
        # Revision 5: a server asks nothing in the course of a modern request.
        return parent is None or (tag(parent.id) in self.theirs and parent.revision != MODERN)

    def is_free(self, token: Any) -> bool:
        """Whether a progress token may be sent (Progress: unique across all active requests)."""
        active = [*self.ours.values(), *self.working.values()]
        taken = {tag(one.token) for one in active if one.token is not None}
        return token is None or (legible(token) and tag(token) not in taken)

    def asks(
        self,
        id: Any,
        method: str,
        params: Json | None,
        *,
        now: float,
        token: Any = None,
        timeout: float | None = None,
        maximum: float | None = None,
        parent: Theirs | None = None,
    ) -> Due:
        """Return what is due after a request that `may_ask` permits got this id."""
        revision = self.speaking()
        assert revision is not None
        token = brought_by(params) if token is None else token
        assert self.is_free(token), f"the token {token!r} is used again"
        asked = Ours(id, method, revision, params or {}, token, parent=parent)
        asked.bare = params is None
        if method == "subscriptions/listen":
            asked.listens = (params or {})["notifications"]
        # Lifecycle: a server asks nothing but pings before `notifications/initialized`.
        waits = self.phase == "opened" and self.adopted is None and method != "ping"
        asked.held = self.role == "server" and waits
        return self.sends_off(asked, now, timeout, maximum)

    def discovers(self, id: Any, now: float, timeout: float | None) -> Due:
        """Return what is due after a probe."""
        probe = Ours(id, "server/discover", MODERN, {}, probe=True)
        return self.sends_off(probe, now, timeout, None)

    def may_discover(self) -> bool:
        """Whether a client may probe now."""
        full = len(self.ours) >= self.bounds.asking
        return self.modern and not self.ended and not self.closed and not full

    def may_initialize(self, revision: int) -> bool:
        """Whether a client may open a session by this revision now."""
        spoken = revision in self.legacy
        full = len(self.ours) >= self.bounds.asking
        over = self.ended or self.closed
        return spoken and self.phase == "new" and not over and not full

    def initializes(self, id: Any, revision: int, now: float, timeout: float | None) -> Due:
        """Return what is due after the handshake was begun."""
        self.phase, self.tried = "opening", True
        params = {
            "protocolVersion": REVISIONS[revision],
            "capabilities": declared_in(self.has, revision, self.role),
            "clientInfo": introduced_in(self.info, revision),
        }
        return self.sends_off(Ours(id, "initialize", revision, params), now, timeout, None)

    def sends_off(
        self, asked: Ours, now: float, timeout: float | None, maximum: float | None
    ) -> Due:
        # Base Protocol: an id is a string or an integer, and never one that was used before.
        assert legible(asked.id), asked
        assert tag(asked.id) not in self.used, f"the id {asked.id!r} is used again"
        self.used.add(tag(asked.id))
        self.ours[tag(asked.id)] = asked
        asked.timeout = timeout
        asked.latest = None if maximum is None else now + maximum
        ends = [now + timeout] if timeout is not None else []
        ends += [asked.latest] if asked.latest is not None else []
        asked.deadline = min(ends, default=None)
        return Due([] if asked.held else [self.request_of(asked)])

    def may_cancel(self, asked: Ours) -> bool:
        """Whether a request of ours may be given up."""
        return asked.held or asked.cancellable

    def cancels(self, asked: Ours, reason: str | None) -> Due:
        """Return what is due after a request of ours was given up."""
        self.end(asked, given_up=True)
        params = {"requestId": asked.id, **({} if reason is None else {"reason": reason})}
        return Due([] if asked.held else [note("notifications/cancelled", params)])

    def waits(self, now: float) -> Due:
        """Return what is due when it has become so late."""
        self.due = Due()
        late = [
            one for one in self.ours.values() if one.deadline is not None and one.deadline <= now
        ]
        for asked in sorted(late, key=lambda one: one.deadline or 0.0):
            self.end(asked, given_up=True)
            self.handshake_failed(asked)
            if asked.cancellable and not asked.held:
                # Cancellation › Timeouts: the sender SHOULD cancel and stop waiting.
                params = {"requestId": asked.id, "reason": TEXT}
                self.due.said.append(note("notifications/cancelled", params))
            self.tell(("expired", tag(asked.id)))
        return self.due

    # The application serves.

    def responds(self, served: Theirs, result: Json) -> Due:
        """Return what is due after a result was given."""
        self.due = Due()
        self.finish(served)
        gate = takes_as_task(served.method, served.revision)
        # Tasks › Task Support and Handling: a request to be run as a task is ignored by whoever
        # does not declare that.
        mine = declared_in(self.has, served.revision, self.role)
        as_task = "task" in served.params and gate is not None and has(mine, gate)
        if as_task and "task" in result:
            served.begun = True
            self.begun[tag(served.id)] = served
        said: Pattern = result if served.revision != MODERN else self.stamped(served, result)
        self.say(answered(served.id, said), served.group)
        return self.due

    def fails(self, served: Theirs, reason: str, data: Any = None) -> Due:
        """Return what is due after an error was given by its reason."""
        return self.fails_with(served, CODES[reason][served.revision - 1], data)

    def fails_with(self, served: Theirs, code: int, data: Any = None) -> Due:
        """Return what is due after an error of the application's own."""
        self.due = Due()
        self.finish(served)
        self.say(refused(served.id, code, data), served.group)
        return self.due

    def cannot_say(self, served: Theirs) -> Due:
        """Return what is due after an answer that is no JSON: somebody waits for one (decided)."""
        return self.fails_with(served, INTERNAL_ERROR)

    def may_report(self, served: Theirs, value: float) -> bool | None:
        """Whether progress goes out; `None` when that is forbidden.

        Progress: only while the operation is in progress, and always increasing.
        """
        if served.token is None or served.listens is not None:
            return False
        alive = self.theirs.get(tag(served.id)) is served or served.begun
        if not alive or (served.reported is not None and value <= served.reported):
            return None
        return True

    def reports(self, served: Theirs, value: float, total: float | None, text: str | None) -> Due:
        """Return what is due after progress was reported that `may_report` lets out."""
        served.reported = value
        params: Json = {"progressToken": served.token, "progress": value}
        if total is not None:
            params["total"] = total
        if text is not None and served.revision >= 2:
            params["message"] = text
        return Due([note("notifications/progress", params)])

    def logs(self, served: Theirs | None, level: str, data: Any, logger: str | None = None) -> Due:
        """Return what is due after a log message of a request, or of the session."""
        if served is not None and served.revision == MODERN:
            # Logging: MUST NOT for a request without a level, and never on a listen stream.
            threshold = None if served.listens is not None else served.level
        else:
            threshold = self.level if self.established else None
        if threshold is None or LEVELS.index(level) < LEVELS.index(threshold):
            return Due()
        if "logging" not in self.has:
            return Due()
        params: Json = {"level": level, "data": data}
        if logger is not None:
            params["logger"] = logger
        return Due([note("notifications/message", params)])

    def publishes(self, method: str, params: Json | None) -> Due:
        """Return what is due after a change was published: each listener is told once."""
        due, uri = Due(), (params or {}).get("uri")
        member = ASKED_BY[method]
        declared = declared_in(self.has, self.agreed or 1, self.role)
        heard = uri is None or _covered(self.subscribed, uri)
        if self.phase == "ready" and heard and has(declared, FILTERS[member]):
            due.said.append(note(method, params))
        for served in self.theirs.values():
            wanted = (served.listens or {}).get(member)
            if wanted and (uri is None or _covered(wanted, uri)):
                meta = {"_meta": {SUBSCRIPTION: served.id}}
                due.said.append(note(method, {**(params or {}), **meta}))
        return due

    def may_notify(self, method: str, params: Json | None) -> bool:
        """Whether the application may send this notification, or publish this change."""
        revision = self.speaking()
        if revision is None or self.closed:
            return False
        if method not in NOTIFICATIONS or not sends(self.role, method, revision):
            return False
        gate = takes(method, revision)
        if gate is not None and not has(declared_in(self.has, revision, self.role), gate):
            return False
        if method in ASKED_BY:
            uri = (params or {}).get("uri")
            return method != "notifications/resources/updated" or isinstance(uri, str)
        if self.adopted is None and self.phase != "ready":
            return False
        by_itself = ("initialized", "cancelled", "progress", "message")
        return method.removeprefix("notifications/") not in by_itself

    def ends_subscriptions(self) -> Due:
        """Return what is due after a server has ended all listens."""
        due = Due()
        for served in [one for one in self.theirs.values() if one.listens is not None]:
            # Cancellation: MUST say so; Subscriptions › Graceful Closure: SHOULD answer too.
            meta = {SUBSCRIPTION: served.id}
            params = {"requestId": served.id, "_meta": meta}
            due.said.append(note("notifications/cancelled", params))
            self.finish(served)
            due.said.append(answered(served.id, self.stamped(served, {})))
        return due

    # The end.

    def hears_the_end(self, rest: bytes) -> Due:
        """Return what is due when the stream ends after these bytes of a line."""
        self.due = due = Due()
        if self.ended or self.closed:
            return due
        last = read(rest)
        if len(rest.removesuffix(b"\r")) > self.bounds.line or last.code == PARSE_ERROR:
            self.tell(("fault", None))
        else:
            self.take(last, 0.0, None)  # a whole message counts without its line feed (decided)
        self.ended = True
        due.told += [("lost", tag(one.id)) for one in self.ours.values()]
        self.ours.clear()
        self.working.clear()
        due.told.append(("ended",))
        return due

    def closes(self) -> Due:
        """Return what is due when the application ends it all."""
        due = Due([], [("lost", tag(one.id)) for one in self.ours.values()])
        self.closed = True
        self.ours.clear()
        self.working.clear()
        self.theirs.clear()
        if self.phase != "new" or self.tried:
            self.phase = "closed"
        return due


def brought_by(params: Json | None) -> Any:
    """Return the progress token that stands in the application's own `_meta`, if any does."""
    return (as_object((params or {}).get("_meta")) or {}).get("progressToken")


def _covered(uris: list[str], uri: str) -> bool:
    """Whether a URI, or what it lies in, is among those (Resources › Subscriptions)."""
    return any(uri == one or uri.startswith(one.removesuffix("/") + "/") for one in uris)
