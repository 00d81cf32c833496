"""Cancellation: who may give up what, and every race of it.

The sender of a request says `notifications/cancelled`; the receiver stops and answers nothing. One
exception: a modern server says it of a `subscriptions/listen` that it tears down. A notice about an
id that is unknown, answered or of another type means nothing and is answered by nothing.
"""

from barewire.protocol.jsonrpc import Notification
from barewire.protocol.values import as_id, as_string
from barewire.session.events import Abandoned
from barewire.session.exchanges import Exchanges

__all__ = ["receive_cancelled"]


def receive_cancelled(exchanges: Exchanges, notification: Notification) -> Abandoned | None:
    """Take a `notifications/cancelled`; return what it leads to."""
    params = notification.params or {}
    id, reason = as_id(params.get("requestId")), as_string(params.get("reason"))
    if id is None:
        return None
    exchange = exchanges.theirs.get(id)
    if exchange is not None and exchange.method.cancellable and exchange.state == "open":
        exchange.cancelled()
        del exchanges.theirs[id]
        return Abandoned(exchange, reason)
    stream = exchanges.ours.get(id)
    if stream is not None and stream.subscription is not None and stream.state == "open":
        # Subscriptions › Graceful Closure: the result may come before this notice, after it, never.
        stream.cancelled()
        exchanges.end_ours(stream)
        return Abandoned(stream, reason)
    return None
