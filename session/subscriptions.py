"""Subscriptions, in both eras, at both ends.

Legacy: a client subscribes to resources one by one, and list changes go to every session. Modern: a
client opens `subscriptions/listen` with a filter; the server first acknowledges the part that it
honours, then tags everything it sends with the id of that request, and ends it with a result.
"""

from typing import Any

from barewire.protocol.capabilities import declares
from barewire.protocol.envelope import SUBSCRIPTION_ID, tagged
from barewire.protocol.jsonrpc import Notification, Params, RequestId, Success
from barewire.protocol.methods import sent_by
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.session import Session
from barewire.session.tables import SUBSCRIPTION, Stream, StreamStep

__all__ = [
    "ACKNOWLEDGED",
    "CHANGES",
    "UPDATED",
    "Listeners",
    "Subscription",
    "accept_listen",
    "covers",
    "end_listen",
]

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
UPDATED = "notifications/resources/updated"
CHANGES = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}
"""The notifications of changed lists, and the member of a filter that asks for each."""

_CAPABILITIES = {
    "toolsListChanged": "tools.listChanged",
    "promptsListChanged": "prompts.listChanged",
    "resourcesListChanged": "resources.listChanged",
    "resourceSubscriptions": "resources.subscribe",
}


class Subscription:
    """What one `subscriptions/listen` listens to, and where it stands."""

    __slots__ = ("honoured", "state", "uris")

    def __init__(self, asked: dict[str, Any]) -> None:
        self.state: Stream = "asked"
        self.honoured: dict[str, Any] = asked
        """The filter: as it was asked for, then as the server honours it."""
        self.uris: frozenset[str] = frozenset(asked.get("resourceSubscriptions", ()))

    def acknowledge(self, honoured: dict[str, Any]) -> None:
        """Note the part of the filter that the server honours."""
        self.step("acknowledge")
        self.honoured = honoured
        self.uris = frozenset(honoured.get("resourceSubscriptions", ()))

    def step(self, step: StreamStep) -> None:
        """Move on; raises `LocalProtocolError` when the table has no such step."""
        after = SUBSCRIPTION.get((self.state, step))
        if after is None:
            raise LocalProtocolError(f"cannot {step}: the subscription is {self.state}")
        self.state = after

    def asks_for(self, method: str) -> bool:
        """Whether notifications of this kind were asked for."""
        return bool(self.uris if method == UPDATED else self.honoured.get(CHANGES.get(method, "")))

    def wants(self, method: str, params: Params | None) -> bool:
        """Whether it listens to this notification."""
        if method == UPDATED:
            return covers(self.uris, str((params or {}).get("uri")))
        return self.asks_for(method)

    def deliver(self, exchange: Exchange, method: str, params: Params | None) -> Notification:
        """Return the notification, tagged with the id of its listen request."""
        self.step("deliver")
        return exchange.notify(method, tagged(params, SUBSCRIPTION_ID, exchange.id))


class Listeners:
    """Who listens to a server, over one connection: its session and its listen requests."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open: dict[RequestId, Exchange] = {}
        """The `subscriptions/listen` requests in flight, by id."""

    def hear(
        self, session: Session | None, method: str, params: Params | None
    ) -> list[tuple[RequestId | None, Notification]]:
        """Return a notification for each listener of a change, with the id that it is tagged by.

        Raises `LocalProtocolError` when `method` is no change of a list or of a resource, or does
        not name the resource.
        """
        if method not in CHANGES and method != UPDATED:
            raise LocalProtocolError(f"{method} is no change that can be published")
        if method == UPDATED and not isinstance((params or {}).get("uri"), str):
            raise LocalProtocolError(f"{UPDATED} names a resource: params.uri is missing")
        heard: list[tuple[RequestId | None, Notification]] = []
        if (
            session is not None
            and session.phase == "ready"
            and _session_hears(session, method, params)
        ):
            heard.append((None, Notification(method, params)))
        for id, exchange in self.open.items():
            subscription = exchange.subscription
            if isinstance(subscription, Subscription) and subscription.wants(method, params):
                heard.append((id, subscription.deliver(exchange, method, params)))
        return heard

    def watched(self, session: Session | None) -> frozenset[str]:
        """Return the URIs that somebody wants to hear of."""
        uris = set(session.subscriptions) if session is not None else set[str]()
        for exchange in self.open.values():
            if isinstance(exchange.subscription, Subscription):
                uris |= exchange.subscription.uris
        return frozenset(uris)


def _session_hears(session: Session, method: str, params: Params | None) -> bool:
    gate = sent_by("server", session.revision)[method].gate(session.revision)
    if gate is not None and not session.offers(gate):
        return False
    return method in CHANGES or covers(session.subscriptions, str((params or {}).get("uri")))


def covers(subscribed: frozenset[str] | dict[str, None], uri: str) -> bool:
    """Whether one of the `subscribed` URIs is `uri` or holds it.

    Resources › Subscriptions: an update may name "a sub-resource of the one that the client
    actually subscribed to".
    """
    if uri in subscribed:
        return True
    at = uri.rfind("/")
    while at > 0:
        if uri[:at] in subscribed or uri[: at + 1] in subscribed:
            return True
        at = uri.rfind("/", 0, at)
    return False


def accept_listen(exchange: Exchange, limit: int) -> Notification:
    """Open a listen request of the peer; return its acknowledgement, which is to go out first.

    What this server cannot send is left out of the acknowledgement and is no error. Raises
    `LocalProtocolError` when more than `limit` resources are asked for.
    """
    asked = exchange.params["notifications"]
    declared = exchange.facts.local.capabilities_in(exchange.revision)
    honoured: dict[str, Any] = {}
    for member, capability in _CAPABILITIES.items():
        wanted = asked.get(member)
        if not wanted or not declares(declared, capability):
            continue
        if member == "resourceSubscriptions":
            wanted = list(dict.fromkeys(wanted))
            if len(wanted) > limit:
                raise LocalProtocolError(f"at most {limit} resources per subscription")
        honoured[member] = wanted
    subscription = Subscription(asked)
    exchange.subscription = subscription
    subscription.acknowledge(honoured)
    return exchange.notify(
        ACKNOWLEDGED, tagged({"notifications": honoured}, SUBSCRIPTION_ID, exchange.id)
    )


def end_listen(exchange: Exchange) -> tuple[Notification, Success]:
    """End a listen request of the peer from the server's end: the notice and the result.

    Cancellation: the server MUST send `notifications/cancelled` for it; Subscriptions › Graceful
    Closure: it SHOULD answer as well. On a pipe both go out in this order, over HTTP the result
    alone.
    """
    subscription = exchange.subscription
    if not isinstance(subscription, Subscription):
        raise LocalProtocolError(f"not a subscription: {exchange!r}")
    notice = exchange.notify(
        "notifications/cancelled",
        tagged({"requestId": exchange.id}, SUBSCRIPTION_ID, exchange.id),
    )
    subscription.step("end")
    return notice, exchange.respond({})
