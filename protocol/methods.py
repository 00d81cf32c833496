"""Every method of the protocol, one row each.

The table runs the engine, is walked by the fuzzer and printed for readers. It says who may send
what in which revision, which capability it takes, and what its answer may do.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeAlias

from barewire.protocol.record import record
from barewire.protocol.revisions import (
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)

__all__ = [
    "METHODS",
    "Direction",
    "Method",
    "Role",
    "method_named",
    "other",
    "sent_by",
]

Role: TypeAlias = Literal["client", "server"]


def other(role: Role) -> Role:
    """Return the role at the far end."""
    return "server" if role == "client" else "client"


class Direction(Enum):
    """Who sends a method."""

    CLIENT = "client to server"
    SERVER = "server to client"
    BOTH = "either way"
    EMBEDDED = "inside an input_required result"
    """Modern servers never send requests: what they ask travels in the answer to a client's own."""

    def allows(self, sender: Role) -> bool:
        """Whether `sender` may put such a message on the wire."""
        if self is Direction.BOTH:
            return True
        return self is (Direction.CLIENT if sender == "client" else Direction.SERVER)


@record
class Method:
    """One method: who sends it, since when, what it takes and what its result may do."""

    name: str
    summary: str
    """What it is for, in a few words."""
    kind: Literal["request", "notification"]
    legacy: Direction | None
    """Its direction in revisions with a handshake; `None` where it does not exist."""
    modern: Direction | None
    """Its direction in revisions without one; `None` where it does not exist."""
    section: str
    """The page of the specification that defines it; see `page`."""
    params: str
    """The name of its params in `barewire.protocol.payloads`."""
    result: str | None = None
    """The name of its result there; notifications have none."""
    since: Revision = V2024_11_05
    """The first revision that knows it."""
    capability: str | None = None
    """The dotted capability that whoever *serves* the method declares: the receiver of a request,
    the sender of a notification."""
    capability_since: Revision = V2024_11_05
    """The first revision in which that capability is declared."""
    paginated: bool = False
    """Takes `cursor`, answers `nextCursor`."""
    cacheable: bool = False
    """Modern results carry `ttlMs` and `cacheScope`."""
    cancellable: bool = True
    """Its sender may cancel it; receivers ignore attempts to cancel the others."""
    input_required: bool = False
    """A modern answer may ask for input instead of being complete."""
    task: bool = False
    """May be run as a task of 2025-11-25."""
    modern_section: str | None = None
    """Its page in revisions without a handshake, where it moved."""

    def direction(self, revision: Revision) -> Direction | None:
        """Return who sends it in `revision`, `None` when that revision does not know it."""
        if not revision.at_least(self.since):
            return None
        return self.modern if revision.modern else self.legacy

    def gate(self, revision: Revision) -> str | None:
        """Return the dotted capability that it takes in `revision`, `None` when it takes none."""
        return self.capability if revision.at_least(self.capability_since) else None

    def task_gate(self, revision: Revision) -> str | None:
        """Return the dotted capability that running it as a task takes in `revision`.

        Its receiver declares one for each type of request, such as `tasks.requests.tools.call`.
        `None` where it cannot be run as a task.
        """
        if not self.task or _BY_NAME["tasks/cancel"].direction(revision) is None:
            return None
        return f"tasks.requests.{self.name.replace('/', '.')}"

    def page(self, revision: Revision) -> str:
        """Return the page that defines it in `revision`, below `docs/specification/`."""
        section = self.modern_section if revision.modern else None
        return f"{revision.name}/{section or self.section}"

    def but(self, **changes: Any) -> "Method":
        """Return this row with some columns changed."""
        return replace(self, **changes)

    def __hash__(self) -> int:
        return hash(self.name)


_C, _S, _BOTH, _EMBEDDED = Direction.CLIENT, Direction.SERVER, Direction.BOTH, Direction.EMBEDDED

# fmt: off
METHODS: tuple[Method, ...] = (
    # Opening, finding out, staying alive.
    Method("initialize", "open a session and agree on a revision", "request",
           _C, None, "basic/lifecycle", "InitializeRequestParams", "InitializeResult",
           cancellable=False),
    Method("notifications/initialized", "the client is ready: the session is open", "notification",
           _C, None, "basic/lifecycle", "NotificationParams"),
    Method("server/discover", "which revisions and capabilities does the server have?", "request",
           None, _C, "server/discover", "RequestParams", "DiscoverResult",
           since=V2026_07_28, cacheable=True),
    Method("ping", "is anybody there?", "request",
           _BOTH, None, "basic/utilities/ping", "RequestParams", "EmptyResult"),

    # Tools.
    Method("tools/list", "which tools are there?", "request",
           _C, _C, "server/tools", "PaginatedRequestParams", "ListToolsResult",
           capability="tools", paginated=True, cacheable=True),
    Method("tools/call", "call a tool", "request",
           _C, _C, "server/tools", "CallToolRequestParams", "CallToolResult",
           capability="tools", input_required=True, task=True),
    Method("notifications/tools/list_changed", "the list of tools has changed", "notification",
           _S, _S, "server/tools", "NotificationParams",
           capability="tools.listChanged"),

    # Resources.
    Method("resources/list", "which resources are there?", "request",
           _C, _C, "server/resources", "PaginatedRequestParams", "ListResourcesResult",
           capability="resources", paginated=True, cacheable=True),
    Method("resources/templates/list", "which kinds of resource are there?", "request",
           _C, _C, "server/resources", "PaginatedRequestParams", "ListResourceTemplatesResult",
           capability="resources", paginated=True, cacheable=True),
    Method("resources/read", "read a resource", "request",
           _C, _C, "server/resources", "ReadResourceRequestParams", "ReadResourceResult",
           capability="resources", cacheable=True, input_required=True),
    Method("resources/subscribe", "tell me when this resource changes", "request",
           _C, None, "server/resources", "SubscribeRequestParams", "EmptyResult",
           capability="resources.subscribe"),
    Method("resources/unsubscribe", "tell me of it no more", "request",
           _C, None, "server/resources", "UnsubscribeRequestParams", "EmptyResult",
           capability="resources.subscribe"),
    Method("notifications/resources/list_changed",
           "the list of resources has changed", "notification",
           _S, _S, "server/resources", "NotificationParams",
           capability="resources.listChanged"),
    Method("notifications/resources/updated", "a resource has changed", "notification",
           _S, _S, "server/resources", "ResourceUpdatedNotificationParams",
           capability="resources.subscribe"),

    # Prompts and completion.
    Method("prompts/list", "which prompts are there?", "request",
           _C, _C, "server/prompts", "PaginatedRequestParams", "ListPromptsResult",
           capability="prompts", paginated=True, cacheable=True),
    Method("prompts/get", "fill in a prompt", "request",
           _C, _C, "server/prompts", "GetPromptRequestParams", "GetPromptResult",
           capability="prompts", input_required=True),
    Method("notifications/prompts/list_changed", "the list of prompts has changed", "notification",
           _S, _S, "server/prompts", "NotificationParams",
           capability="prompts.listChanged"),
    Method("completion/complete", "what may this argument go on with?", "request",
           _C, _C, "server/utilities/completion", "CompleteRequestParams", "CompleteResult",
           capability="completions", capability_since=V2025_03_26),

    # Logging.
    Method("logging/setLevel", "send log messages from this level up", "request",
           _C, None, "server/utilities/logging", "SetLevelRequestParams", "EmptyResult",
           capability="logging"),
    Method("notifications/message", "a log message", "notification",
           _S, _S, "server/utilities/logging", "LoggingMessageNotificationParams",
           capability="logging"),

    # What servers ask of clients.
    Method("sampling/createMessage", "ask the client's model to write a message", "request",
           _S, _EMBEDDED, "client/sampling", "CreateMessageRequestParams", "CreateMessageResult",
           capability="sampling", task=True),
    Method("elicitation/create", "ask the user for something", "request",
           _S, _EMBEDDED, "client/elicitation", "ElicitRequestParams", "ElicitResult",
           since=V2025_06_18, capability="elicitation", capability_since=V2025_06_18, task=True),
    Method("notifications/elicitation/complete",
           "the user has done what the URL asked for", "notification",
           _S, None, "client/elicitation", "ElicitationCompleteNotificationParams",
           since=V2025_11_25),
    Method("roots/list", "which folders may the server work in?", "request",
           _S, _EMBEDDED, "client/roots", "RequestParams", "ListRootsResult",
           capability="roots"),
    Method("notifications/roots/list_changed", "those folders have changed", "notification",
           _C, None, "client/roots", "NotificationParams",
           capability="roots.listChanged"),

    # About requests in flight.
    Method("notifications/cancelled", "give up a request", "notification",
           _BOTH, _BOTH, "basic/utilities/cancellation", "CancelledNotificationParams",
           modern_section="basic/patterns/cancellation"),
    Method("notifications/progress", "how far a request has come", "notification",
           _BOTH, _S, "basic/utilities/progress", "ProgressNotificationParams",
           modern_section="basic/patterns/progress"),

    # Subscriptions of modern clients.
    Method("subscriptions/listen", "open a stream of changes", "request",
           None, _C, "basic/patterns/subscriptions",
           "SubscriptionsListenRequestParams", "SubscriptionsListenResult",
           since=V2026_07_28),
    Method("notifications/subscriptions/acknowledged",
           "the stream is open, for these", "notification",
           None, _S, "basic/patterns/subscriptions",
           "SubscriptionsAcknowledgedNotificationParams",
           since=V2026_07_28),

    # Tasks of 2025-11-25.
    Method("tasks/get", "how is the task doing?", "request",
           _BOTH, None, "basic/utilities/tasks", "GetTaskRequestParams", "GetTaskResult",
           since=V2025_11_25, capability="tasks"),
    Method("tasks/result", "wait for what the task results in", "request",
           _BOTH, None, "basic/utilities/tasks",
           "GetTaskPayloadRequestParams", "GetTaskPayloadResult",
           since=V2025_11_25, capability="tasks"),
    Method("tasks/list", "which tasks are there?", "request",
           _BOTH, None, "basic/utilities/tasks", "PaginatedRequestParams", "ListTasksResult",
           since=V2025_11_25, capability="tasks.list", paginated=True),
    Method("tasks/cancel", "give up a task", "request",
           _BOTH, None, "basic/utilities/tasks", "CancelTaskRequestParams", "CancelTaskResult",
           since=V2025_11_25, capability="tasks.cancel", cancellable=False),
    Method("notifications/tasks/status", "the state of a task has changed", "notification",
           _BOTH, None, "basic/utilities/tasks", "TaskStatusNotificationParams",
           since=V2025_11_25),
)
# fmt: on

_BY_NAME = {method.name: method for method in METHODS}


def method_named(name: str) -> Method | None:
    """Return the row of `name` whatever the revision, `None` for a method nobody knows."""
    return _BY_NAME.get(name)


@cache
def sent_by(sender: Role, revision: Revision) -> Mapping[str, Method]:
    """Return what `sender` may put on the wire in `revision`, by name."""
    found: dict[str, Method] = {}
    for method in METHODS:
        direction = method.direction(revision)
        if direction is not None and direction.allows(sender):
            found[method.name] = method
    return found
