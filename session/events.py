"""What receiving bytes, or waiting, can lead to.

Events are for the application: what the engine settles by itself (pings, the handshake, discovery,
log levels, a request that cannot be served, cancellation of what is over) shows at most as an
`Opened`, a `Notified` of a subscription or a `Violated`.
"""

from typing import Any, TypeAlias

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Failure, Notification
from barewire.protocol.record import record
from barewire.session.exchange import Exchange
from barewire.session.session import Session

__all__ = [
    "Abandoned",
    "Acknowledged",
    "Answered",
    "Ended",
    "Event",
    "Expired",
    "Lost",
    "Notified",
    "Opened",
    "Progressed",
    "Refused",
    "Requested",
    "Violated",
]


@record
class Opened:
    """A legacy session is ready for use."""

    session: Session


@record
class Requested:
    """The peer asks. Answer by `Connection.respond` or `Connection.fail`, once."""

    exchange: Exchange


@record
class Abandoned:
    """The peer gave up a request of its own: stop working on it, send nothing for it.

    Or, with an exchange of ours (`exchange.ours`): the server ended the `subscriptions/listen` that
    we opened, or what we asked in the course of a request was given up together with it.
    """

    exchange: Exchange
    reason: str | None = None


@record
class Answered:
    """The peer answered a request of ours."""

    exchange: Exchange
    result: dict[str, Any]


@record
class Refused:
    """The peer answered a request of ours with an error."""

    exchange: Exchange
    failure: Failure


@record
class Expired:
    """The time of a request of ours was up."""

    exchange: Exchange


@record
class Lost:
    """The connection ended before a request of ours was answered."""

    exchange: Exchange


@record
class Progressed:
    """Progress of a request of ours."""

    exchange: Exchange
    progress: float
    total: float | None = None
    message: str | None = None


@record
class Acknowledged:
    """A `subscriptions/listen` is open; `honoured` is the part of the filter that will be sent.

    At the client's end the server has said so, at the server's end it is what we said.
    """

    exchange: Exchange
    honoured: dict[str, Any]


@record
class Notified:
    """The peer notifies of something.

    `exchange` is the `subscriptions/listen` that it belongs to, if any. At the server's end a
    `resources/subscribe` or `resources/unsubscribe` that was granted comes by its name as well.
    """

    notification: Notification
    exchange: Exchange | None = None


@record
class Violated:
    """The peer broke the protocol. The connection lives on unless `fatal`.

    `detail` says what was wrong, where and what was expected. `exchange` is the request of ours
    that can therefore have no answer, if there is one.
    """

    reason: Reason
    detail: str
    exchange: Exchange | None = None
    fatal: bool = False


@record
class Ended:
    """The peer will send nothing more."""


Event: TypeAlias = (
    Opened
    | Requested
    | Abandoned
    | Answered
    | Refused
    | Expired
    | Lost
    | Progressed
    | Acknowledged
    | Notified
    | Violated
    | Ended
)
