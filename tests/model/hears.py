"""Lines of the peer: messages, what is none, and several at once."""

from typing import Any

from tests.model.due import (
    Due,
    note,
    refused,
)
from tests.model.lines import Read, read
from tests.model.requests import HearsRequests
from tests.model.shapes import AGREED, PARAMS, fits_params, fits_shape
from tests.model.state import BEGINNING, TEXT, Group, Ours, tag
from tests.model.words import (
    ASKED_BY,
    INVALID_REQUEST,
    MODERN,
    NOTIFICATIONS,
    NUMBERS,
    SUBSCRIPTION,
    TERMINAL,
    Json,
    as_object,
    is_number,
    legible,
    sends,
)


class Hears(HearsRequests):
    """The part of a peer that listens."""

    # A line arrives.

    def hears(self, line: bytes, now: float) -> Due:
        """Return what is due when this line, without its line feed, has arrived."""
        self.due = Due()
        if self.closed:
            return self.due
        whole = line.removesuffix(b"\r")
        if len(whole) <= self.bounds.line:
            self.take(read(line), now, None)
            return self.due
        # Too long to be kept. It is told from its beginning whether it is an answer; anything else
        # is refused without an id (decided).
        begun = read(whole[:BEGINNING])
        if begun.shaped != "answer":
            begun = Read("bad")
        begun.code = INVALID_REQUEST
        self.unreadable += 1
        self.bad(begun, None)
        return self.due

    def take(self, it: Read, now: float, group: Group | None) -> None:
        if it.kind != "nothing":
            self.unreadable = self.unreadable + 1 if it.kind == "bad" else 0
        if it.kind == "request":
            self.asked(it, group)
        elif it.kind == "notice":
            self.notified(it, now)
        elif it.kind in ("result", "error"):
            self.told_result(it)
        elif it.kind == "batch":
            self.batch(it, now)
        elif it.kind == "bad":
            self.bad(it, group)

    # What is no message, or several.

    def bad(self, it: Read, group: Group | None) -> None:
        word = "fault" if self.unreadable < self.bounds.unreadable else "fatal"
        if it.shaped == "answer":
            # Whoever waits for it will not get a better one; responses are never answered.
            asked = None if it.id is None else self.awaited(it.id)
            self.tell((word, None if asked is None else tag(it.id)))
            if asked is not None:
                self.end(asked)
                self.handshake_failed(asked)
            return
        if it.shaped == "notice":
            self.tell((word, None))  # Base Protocol › Notifications: never answered
            return
        asks = it.shaped == "request"
        if not asks or tag(it.id) in self.theirs:
            self.object_to(it.code, group, asks=asks, word=word)
            return
        if not self.may_be_asked:
            self.tell((word, None))
            self.may_also([refused(it.id, None)], where="nothing is agreed on yet")
            return
        # Base Protocol › Responses: the id is given back where it could be read.
        self.say(refused(it.id, it.code), group)
        self.tell((word, None))
        if it.code != INVALID_REQUEST:
            self.may_also(
                [refused(it.id, INVALID_REQUEST)],
                [self.no_id(it.code)],
                where="an id that is saved from a broken line may be given back or not",
            )

    def batch(self, it: Read, now: float) -> None:
        members: list[Read] = it.value
        asks = any(one.kind == "request" for one in members)
        if not self.established or self.agreed != 2 or len(members) > self.bounds.batch:
            # Base Protocol: only revision 2 has batches.
            self.object_to(INVALID_REQUEST, None, asks=asks)
            return
        group = Group(1)
        for one in members:
            if one.kind == "request" or (one.kind == "bad" and self.owes(one)):
                group.open += 1
            self.take(one, now, group)
        self.close_group(group)

    def owes(self, it: Read) -> bool:
        """Whether what is no message gets an error, as a member of a batch in a session."""
        if it.shaped in ("answer", "notice"):
            return False
        return self.role == "server" or it.shaped == "request"

    # Answers of the peer.

    def awaited(self, id: Any) -> Ours | None:
        """Return the request of ours in flight that an answer is for; a late one is used up."""
        asked = self.ours.get(tag(id))
        if asked is not None:
            return None if asked.held else asked
        self.gone.discard(tag(id))
        return None

    def told_result(self, it: Read) -> None:
        if it.id is None:
            # Only an error lacks an id. It is about the one request in flight, if there is just
            # one (decided).
            flying = [one for one in self.ours.values() if not one.held]
            asked = flying[0] if len(flying) == 1 else None
        else:
            late = tag(it.id) in self.gone
            asked = self.awaited(it.id)
            if late:
                return  # Cancellation: a response that arrives afterward SHOULD be ignored
        if asked is None:
            self.tell(("fault", None))
            return
        if it.kind == "error":
            self.end(asked)
            self.handshake_failed(asked)
            error = it.value
            self.tell(
                ("refused", tag(asked.id), error["code"], error["message"], error.get("data"))
            )
        elif asked.method == "initialize":
            self.end(asked)
            self.handshake_answered(asked, it.value)
        else:
            self.task_answered(asked, it.value)
            self.end(asked)
            self.tell(("answered", tag(asked.id), it.value))

    def handshake_failed(self, asked: Ours) -> None:
        if asked.method == "initialize" and self.phase == "opening":
            self.phase = "new"

    def handshake_answered(self, asked: Ours, result: Json) -> None:
        revision = NUMBERS.get(str(result.get("protocolVersion")), 0)
        spoken = revision in self.legacy
        if not fits_shape(AGREED, result, revision if spoken else asked.revision):
            self.phase = "new"
            self.tell(("fault", tag(asked.id)))
            return
        if spoken:
            self.phase, self.agreed, self.peer = "ready", revision, result["capabilities"]
            self.instructions, self.introduced = result.get("instructions"), result["serverInfo"]
            self.due.said.append(note("notifications/initialized"))  # Lifecycle: MUST
        else:
            self.phase = "new"  # Version Negotiation: the client goes away
        self.tell(("answered", tag(asked.id), result))

    def task_answered(self, asked: Ours, result: Json) -> None:
        """Progress of revision 4: the token of a request that became a task lives as it does."""
        if asked.as_task and "task" in result:
            task = as_object(result["task"])
            id = task.get("taskId") if task is not None else None
            if isinstance(id, str):
                self.task_ended(id)
                asked.task = id
                self.working[id] = asked
        elif asked.revision == MODERN:
            return
        elif asked.method == "tasks/result":
            self.task_ended(asked.params.get("taskId"))
        elif asked.method in ("tasks/get", "tasks/cancel"):
            self.task_seen(result)

    def task_seen(self, task: Json) -> None:
        if task.get("status") in TERMINAL:
            self.task_ended(task.get("taskId"))

    def task_ended(self, id: Any) -> None:
        if isinstance(id, str):
            self.working.pop(id, None)

    # Notifications of the peer: none is ever answered.

    def notified(self, it: Read, now: float) -> None:
        name, params = it.method, it.params or {}
        if name == "notifications/cancelled":
            self.cancelled(params)
        elif name == "notifications/progress":
            self.progressed(params, now)
        elif name == "notifications/initialized" or (name == "initialized" and not self.strict):
            # The second spelling is met in a guide to the protocol (decided).
            if self.role == "server" and self.phase == "opened":
                self.phase = "ready"
                for asked in self.ours.values():
                    if asked.held:
                        asked.held = False
                        self.due.said.append(self.request_of(asked))
                self.tell(("ready",))
        elif name == "notifications/subscriptions/acknowledged":
            self.acknowledged(params)
        else:
            self.heard(name, it.params)

    def cancelled(self, params: Json) -> None:
        id = params.get("requestId")
        if not legible(id):
            return  # Cancellation › Error Handling: malformed, unknown, over: ignored
        theirs, ours = self.theirs.get(tag(id)), self.ours.get(tag(id))
        reason = params.get("reason") if isinstance(params.get("reason"), str) else None
        if theirs is not None:
            if theirs.method == "tasks/cancel":
                return  # "Receivers MAY ignore … cannot be cancelled" (decided)
            del self.theirs[tag(id)]
            self.tell(("given up", tag(id), reason))
            if theirs.group is not None:
                self.close_group(theirs.group)
            for child in list(self.ours.values()):
                if child.parent is theirs and (child.cancellable or child.held):
                    self.end(child, given_up=True)
                    if not child.held:
                        told = {"requestId": child.id, "reason": TEXT}
                        self.due.said.append(note("notifications/cancelled", told))
                    self.tell(("ended", tag(child.id), TEXT))
        elif ours is not None and ours.listens is not None:
            # Cancellation: a server says it of a listen that it tears down, of nothing else.
            self.end(ours, given_up=True)
            self.tell(("ended", tag(id), reason))

    def progressed(self, params: Json, now: float) -> None:
        token, value = params.get("progressToken"), params.get("progress")
        if token is None and not self.strict:
            token = params.get("token")  # the same guide's name for it (decided)
        if not legible(token) or not is_number(value):
            self.tell(("fault", None))
            return
        known = [*self.ours.values(), *self.working.values()]
        asked = next(
            (one for one in known if one.token is not None and tag(one.token) == tag(token)), None
        )
        if asked is None or asked.held:
            return  # Progress: only tokens of active requests mean anything
        if asked.heard is not None and value <= asked.heard:
            # Progress: it MUST increase. What does not is dropped, by a strict peer with a word.
            if self.strict:
                self.tell(("fault", None))
            return
        asked.heard = value
        if asked.timeout is not None:
            ends = [now + asked.timeout, *([] if asked.latest is None else [asked.latest])]
            asked.deadline = min(ends)
        total, text = params.get("total"), params.get("message")
        total = total if is_number(total) else None
        text = text if isinstance(text, str) else None
        self.tell(("progress", tag(asked.id), value, total, text))

    def stream(self, params: Json) -> Ours | None:
        id = (as_object(params.get("_meta")) or {}).get(SUBSCRIPTION)
        asked = self.ours.get(tag(id)) if legible(id) else None
        return asked if asked is not None and asked.listens is not None else None

    def acknowledged(self, params: Json) -> None:
        asked = self.stream(params)
        if asked is None:
            return
        if not fits_shape(PARAMS["subscriptions/listen"], params, MODERN):
            self.tell(("fault", None))
            return
        if asked.acknowledged:
            return
        asked.acknowledged, asked.listens = True, params["notifications"]
        asked.timeout = asked.latest = asked.deadline = None
        self.tell(("acknowledged", tag(asked.id), params["notifications"]))

    def spoken(self) -> list[int]:
        """Return the revisions that notifications are read by."""
        spoken = [MODERN] if self.adopted is not None else []
        if self.established and self.agreed is not None:
            spoken.append(self.agreed)
        elif self.phase == "opening" or self.tried:
            # Before anything is agreed on: the newest revision with a handshake (decided).
            spoken.append(self.agreed or max(self.legacy))
        return spoken

    def heard(self, name: str, said: Json | None) -> None:
        params = said or {}
        for revision in self.spoken():
            if name not in NOTIFICATIONS or not sends(self.other, name, revision):
                continue
            if not fits_params(name, params, revision):
                self.tell(("fault", None))
                return
            if name == "notifications/tasks/status":
                self.task_seen(params)
            meta = as_object(params.get("_meta")) or {}
            if revision != MODERN or not legible(meta.get(SUBSCRIPTION)):
                self.tell(("heard", name, None, said))
                return
            asked = self.stream(params)
            if asked is None:
                return
            # Subscriptions: nothing before the acknowledgement, and nothing that was not asked for.
            wanted = (asked.listens or {}).get(ASKED_BY.get(name, ""))
            legal = asked.acknowledged and wanted
            self.tell(("heard", name, tag(asked.id), said) if legal else ("fault", None))
            return
