"""Progress at the requester's end: which request it belongs to, and whether it may be believed.

Sending is `Exchange.progress`. A token means something only while its request is in flight, or the
task that answered it is under way, and only in the type that it was sent in.
"""

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Notification, Params
from barewire.protocol.values import as_id, as_string
from barewire.session.events import Event, Progressed, Violated
from barewire.session.exchanges import Exchanges
from barewire.session.facts import Local
from barewire.session.tables import Leniency

__all__ = ["receive_progress"]


def receive_progress(
    exchanges: Exchanges, notification: Notification, local: Local, now: float
) -> Event | None:
    """Take a `notifications/progress`; return what it leads to, `None` for what came too late."""
    params = notification.params or {}
    said = params.get("progressToken")
    if said is None and local.lenient(Leniency.GUIDE_PROGRESS_TOKEN):
        said = params.get("token")
    token = as_id(said)
    if token is None:
        return Violated(
            Reason.INVALID_PARAMS, "params.progressToken must be a string or an integer"
        )
    progress = _number(params, "progress")
    if progress is None:
        return Violated(Reason.INVALID_PARAMS, "params.progress must be a number")
    exchange = exchanges.tokens.get(token)
    if exchange is None or exchange.state not in ("open", "working"):
        return None
    if exchange.progressed is not None and progress <= exchange.progressed:
        # Progress: "The progress value MUST increase with each notification".
        if local.lenient(Leniency.STALE_PROGRESS):
            return None
        return Violated(
            Reason.INVALID_PARAMS, f"progress must increase: {progress} after {exchange.progressed}"
        )
    exchange.progressed = progress
    exchange.rearm(now)
    total, message = _number(params, "total"), as_string(params.get("message"))
    return Progressed(exchange, progress, total, message)


def _number(params: Params, key: str) -> float | None:
    value = params.get(key)
    return value if type(value) is int or type(value) is float else None
