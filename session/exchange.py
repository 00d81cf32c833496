"""The unit of state: one request and its answer, in either direction and either era.

An exchange is pure and small. Its methods return the message to send, stamped as the revision
wants it, or raise `LocalProtocolError`; whoever holds it does the sending. Modern HTTP needs
nothing else: one `Exchange` per POST.
"""

from math import isfinite
from typing import Any

from barewire.protocol.capabilities import Capabilities, declares
from barewire.protocol.envelope import LOG_LEVELS, SERVER_INFO, SUBSCRIPTION_ID
from barewire.protocol.errors import Reason, code_for
from barewire.protocol.jsonrpc import Failure, Notification, Params, Request, RequestId, Success
from barewire.protocol.methods import Method
from barewire.protocol.revisions import Revision
from barewire.session.batches import Answers
from barewire.session.exceptions import LocalProtocolError
from barewire.session.facts import Facts
from barewire.session.principal import Principal
from barewire.session.tables import EXCHANGE, Life, LifeStep

__all__ = ["DEFAULT_TIMEOUT", "Exchange"]

DEFAULT_TIMEOUT = 60.0
"""Seconds that a request of ours may take unless its caller says otherwise."""


class Exchange:
    """One request and its answer.

    `ours` tells who asked: `True` for a request that we sent, `False` for one that we received.
    """

    __slots__ = (
        "deadline",
        "facts",
        "latest",
        "method",
        "ours",
        "parent",
        "progress_token",
        "progressed",
        "request",
        "state",
        "subscription",
        "timeout",
        "via",
    )

    def __init__(
        self,
        request: Request,
        method: Method,
        facts: Facts,
        *,
        ours: bool = False,
        progress_token: RequestId | None = None,
    ) -> None:
        self.request: Request = request
        self.method: Method = method
        self.facts: Facts = facts
        self.ours: bool = ours
        self.progress_token: RequestId | None = progress_token
        self.progressed: float | None = None
        """The last progress that was reported, `None` before the first."""
        self.state: Life = "open"
        self.deadline: float | None = None
        """When its time is up, on the clock of whoever passes `now`; `None` for never."""
        self.latest: float | None = None
        """The deadline that no progress moves."""
        self.timeout: float | None = None
        """Seconds after progress until the deadline."""
        self.parent: Exchange | None = None
        """The peer's request in whose course we asked this one: cancelled together with it."""
        self.via: Answers | None = None
        """The stream or the batch that the request came by, where that matters to its answer."""
        self.subscription: object = None
        """What a `subscriptions/listen` listens to, as soon as that is settled."""

    def __repr__(self) -> str:
        whose = "ours" if self.ours else "theirs"
        return f"<{whose} {self.request.method} {self.request.id!r} {self.state}>"

    @property
    def id(self) -> RequestId:
        """The request's id."""
        return self.request.id

    @property
    def params(self) -> Params:
        """The request's params, empty when it has none."""
        return self.request.params or {}

    @property
    def revision(self) -> Revision:
        """The revision that this exchange follows."""
        return self.facts.revision

    @property
    def capabilities(self) -> Capabilities:
        """What the peer declared, for this exchange."""
        return self.facts.capabilities

    @property
    def principal(self) -> Principal | None:
        """Who was authenticated, `None` where nobody was."""
        return self.facts.principal

    @property
    def over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.state != "open" and self.state != "held"

    @property
    def cancellable(self) -> bool:
        """Whether its sender may give it up by `notifications/cancelled`.

        Cancellation: never `initialize`; and a request that runs as a task is ended by
        `tasks/cancel` instead.
        """
        return self.method.cancellable and not self.augmented

    @property
    def augmented(self) -> bool:
        """Whether it asks to be run as a task of 2025-11-25, and its receiver knows how.

        Tasks › Task Support and Handling: whoever does not declare it for this type of request
        ignores that it was asked to.
        """
        if "task" not in self.params:
            return False
        facts = self.facts
        gate = self.method.task_gate(facts.revision)
        receiver = facts.capabilities if self.ours else facts.local.capabilities_in(facts.revision)
        return gate is not None and declares(receiver, gate)

    def declares(self, capability: str) -> bool:
        """Whether the peer declared this dotted capability."""
        return declares(self.facts.capabilities, capability)

    # What the receiver of the request may say: for a request of ours all of it raises
    # `LocalProtocolError`.

    def notify(self, method: str, params: Params | None = None) -> Notification:
        """Return a notification in the course of this exchange.

        Raises `LocalProtocolError` once it is over: nothing about a request follows its answer.
        """
        self._must_be_open(f"send {method}")
        return Notification(method, params)

    def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> Notification | None:
        """Return a progress notification, or `None` when the requester did not ask for progress.

        Progress: "The progress value MUST increase with each notification". Raises
        `LocalProtocolError` when it does not, when it is no finite number, or once the exchange is
        over; one that was answered by a task is not, before `finish`. `message` is left out in the
        revision that has none. A `subscriptions/listen` carries the notifications that it asked for
        and no progress of its own.
        """
        if self.ours or (self.state != "open" and self.state != "working"):
            raise LocalProtocolError(f"cannot report progress: {self!r}")
        token, before = self.progress_token, self.progressed
        if token is None or self.subscription is not None:
            return None
        # An integer is asked for first: isfinite() raises for those that no float can hold.
        finite = progress.__class__ is int or isfinite(progress)
        if total is not None and finite:
            finite = total.__class__ is int or isfinite(total)
        if not finite:
            raise LocalProtocolError(f"JSON has no such number: {progress} of {total}")
        if before is not None and progress <= before:
            raise LocalProtocolError(f"progress must increase: {progress} after {before}")
        self.progressed = progress
        params: Params = {"progressToken": token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message is not None and self.facts.revision.progress_message:
            params["message"] = message
        return Notification("notifications/progress", params)

    def log(self, level: str, data: Any, logger: str | None = None) -> Notification | None:
        """Return a log message, or `None` when the level is below what was asked for.

        Only for exchanges of a modern revision, where each request says which level it wants; in a
        legacy session the level is the session's: `Session.log`. Logging: a message is never sent
        on a `subscriptions/listen` stream, whatever level that asked for. Raises
        `LocalProtocolError` for a level that does not exist, or once the exchange is over.
        """
        self._must_be_open("log")
        threshold = self.facts.log_level if self.subscription is None else None
        return log_message(level, data, logger, threshold)

    def respond(self, result: dict[str, Any]) -> Success:
        """Return the answer that carries `result` and end the exchange.

        A modern result is stamped: `resultType`, who answered, for cacheable methods `ttlMs` and
        `cacheScope`, each unless it is there, and the id of a subscription. Raises
        `LocalProtocolError` when the exchange is over already, or not the peer's.
        """
        if self.ours:
            raise LocalProtocolError(f"cannot answer: {self!r}")
        self._step("begin" if self._begins_task(result) else "answer")
        if self.facts.revision.era == "modern":
            result = self._stamped(result)
        return Success(self.request.id, result)

    def fail(self, reason: Reason, detail: str | None = None, data: Any = None) -> Failure:
        """Return the error that answers this request and end the exchange.

        The code is the reason's in this revision; `detail` is added to its text. Raises
        `LocalProtocolError` when the exchange is over already, or not the peer's.
        """
        text = reason.text if detail is None else f"{reason.text}: {detail}"
        return self.fail_with(code_for(reason, self.facts.revision), text, data)

    def fail_with(self, code: int, message: str, data: Any = None) -> Failure:
        """Return an error of the application's own: any code, for instance a positive one."""
        if self.ours:
            raise LocalProtocolError(f"cannot answer: {self!r}")
        self._step("answer")
        return Failure(self.request.id, code, message, data)

    # What may happen to it.

    def cancel(self, reason: str | None = None) -> Notification | None:
        """End a request of ours before its answer; return the notice to send, if one is due.

        Cancellation: never for `initialize`. A request that was not sent yet is just dropped.
        Raises `LocalProtocolError` when it is not ours or over already.
        """
        if not self.ours:
            raise LocalProtocolError("only the sender of a request cancels it")
        sent = self.state == "open"
        if sent and not self.cancellable:
            raise LocalProtocolError(f"{self.method.name} cannot be cancelled")
        self._step("cancel")
        return self._cancelled_notice(reason) if sent else None

    def sent(self) -> None:
        """Note that a request of ours that was held back goes out now."""
        self._step("send")

    def hold(self) -> None:
        """Keep a request of ours back until its session is ready."""
        self.state = "held"

    def cancelled(self) -> None:
        """Note that the peer gave up its request: nothing is sent for it any more."""
        self._step("cancel")

    def lost(self) -> None:
        """Note that the connection ended before the answer."""
        self._step("lose")

    def answered(self, result: dict[str, Any] | None = None) -> bool:
        """Note the answer to a request of ours; `False` when nobody waits for it any more.

        A `result` that is a task leaves it working: progress may come until the task ends.
        """
        waited = not self.over
        begun = waited and self._begins_task(result)
        self._step("begin" if begun else "answer" if waited else "answer late")
        return waited

    def finish(self) -> None:
        """Note that the task which answered it has ended: no progress follows.

        Raises `LocalProtocolError` when there is no such task, or it has ended before.
        """
        self._step("finish")

    def expire(self) -> Notification | None:
        """End a request of ours for lack of time; return the notice to send, if one is due.

        Cancellation › Timeouts: "the sender SHOULD cancel the request and stop waiting".
        """
        sent = self.state == "open"
        self._step("expire")
        if not sent or not self.cancellable:
            return None
        return self._cancelled_notice("timed out")

    def arm(self, now: float, timeout: float | None, maximum: float | None) -> None:
        """Give it `timeout` seconds from `now`, and with any amount of progress `maximum`."""
        self.timeout = timeout
        self.latest = None if maximum is None else now + maximum
        self.deadline = _earlier(None if timeout is None else now + timeout, self.latest)

    def disarm(self) -> None:
        """Let it take as long as it likes."""
        self.timeout = self.latest = self.deadline = None

    def rearm(self, now: float) -> None:
        """Let progress move the deadline, up to the one that nothing moves."""
        if self.timeout is not None:
            self.deadline = _earlier(now + self.timeout, self.latest)

    def _cancelled_notice(self, reason: str | None) -> Notification:
        params: Params = {"requestId": self.request.id}
        if reason is not None:
            params["reason"] = reason
        return Notification("notifications/cancelled", params)

    def _stamped(self, result: dict[str, Any]) -> dict[str, Any]:
        stamped = {"resultType": "complete", **result}
        meta: dict[str, Any] = {SERVER_INFO: self.facts.local.info}
        if result.get("_meta"):
            meta.update(result["_meta"])
        if self.subscription is not None:
            meta[SUBSCRIPTION_ID] = self.request.id
        stamped["_meta"] = meta
        if self.method.cacheable and stamped["resultType"] == "complete":
            stamped.setdefault("ttlMs", 0)
            stamped.setdefault("cacheScope", "private")
        return stamped

    def _begins_task(self, result: dict[str, Any] | None) -> bool:
        return result is not None and "task" in result and self.augmented

    def _must_be_open(self, what: str) -> None:
        if self.state != "open" or self.ours:
            raise LocalProtocolError(f"cannot {what}: {self!r}")

    def _step(self, step: LifeStep) -> None:
        after = EXCHANGE.get((self.state, step))
        if after is None:
            raise LocalProtocolError(f"cannot {step}: {self!r}")
        self.state = after


def log_message(
    level: str, data: Any, logger: str | None, threshold: str | None
) -> Notification | None:
    """Return a log message, or `None` when `threshold` is absent or more severe than `level`."""
    severity = LOG_LEVELS.get(level)
    if severity is None:
        raise LocalProtocolError(f"log level must be one of {', '.join(LOG_LEVELS)}: {level!r}")
    if threshold is None or severity > LOG_LEVELS[threshold]:
        return None
    params: Params = {"level": level, "data": data}
    if logger is not None:
        params["logger"] = logger
    return Notification("notifications/message", params)


def _earlier(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
