"""The requests that the engine answers by itself: functions from an exchange to its answer."""

from collections.abc import Callable
from typing import Any

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Failure, Success
from barewire.session.exchange import Exchange
from barewire.session.limits import Limits
from barewire.session.session import Session

__all__ = ["SETTLED", "Settle"]


def _ping(exchange: Exchange, session: Session | None, limits: Limits) -> Success | Failure:
    return exchange.respond({})


def _discover(exchange: Exchange, session: Session | None, limits: Limits) -> Success | Failure:
    local = exchange.facts.local
    result: dict[str, Any] = {
        "supportedVersions": local.versions,
        "capabilities": local.capabilities_in(exchange.revision),
    }
    if local.instructions is not None:
        result["instructions"] = local.instructions
    return exchange.respond(result)


def _set_level(exchange: Exchange, session: Session | None, limits: Limits) -> Success | Failure:
    if session is None:
        raise AssertionError(
            "only sessions have a log level: the method table keeps it from others"
        )
    session.set_log_level(exchange.params["level"])
    return exchange.respond({})


def _subscribe(exchange: Exchange, session: Session | None, limits: Limits) -> Success | Failure:
    if session is None:
        raise AssertionError("only sessions subscribe one by one: the method table keeps it so")
    if not session.subscribe(exchange.params["uri"], limits.subscriptions):
        return exchange.fail(Reason.BUSY, f"at most {limits.subscriptions} subscriptions")
    return exchange.respond({})


def _unsubscribe(exchange: Exchange, session: Session | None, limits: Limits) -> Success | Failure:
    if session is None:
        raise AssertionError("only sessions subscribe one by one: the method table keeps it so")
    session.subscriptions.pop(exchange.params["uri"], None)
    return exchange.respond({})


Settle = Callable[[Exchange, Session | None, Limits], Success | Failure]

SETTLED: dict[str, Settle] = {
    "ping": _ping,
    "server/discover": _discover,
    "logging/setLevel": _set_level,
    "resources/subscribe": _subscribe,
    "resources/unsubscribe": _unsubscribe,
}
