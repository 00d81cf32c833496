"""What the head of an HTTP request decides by itself, before anything of its body is read."""

from tests.model.http_words import (
    USER,
    VERSION_FIELD,
    Ask,
    Setup,
    says_json,
    takes_events,
    takes_json,
)
from tests.model.words import MODERN, NUMBERS

OURS = ("localhost", "127.0.0.1", "[::1]")


def host_is_ours(host: str) -> bool:
    """Whether a host, with any port, is this machine."""
    name = host.lower()
    cut, colon, port = name.rpartition(":")
    return name in OURS or bool(colon and port.isdigit() and cut in OURS)


def origin_is_ours(origin: str) -> bool:
    """Whether a web page of this machine asks."""
    scheme, found, host = origin.partition("://")
    return bool(found) and scheme.lower() in ("http", "https") and host_is_ours(host)


def user_of(ask: Ask, setup: Setup) -> str | None:
    """Return who asks, where that is looked at."""
    return ask.get(USER) if setup.users else None


def allowed(setup: Setup) -> set[str]:
    """Return the HTTP methods that an endpoint has.

    Without sessions there is neither a stream to listen to nor anything to end: "or else return
    HTTP 405"; of a server without a legacy revision the same SHOULD be said.
    """
    return {"POST", "GET", "DELETE"} if setup.sessions else {"POST"}


def refused_by_head(ask: Ask, setup: Setup, *, ending: bool = False) -> int | None:
    """Return the status of a request that goes no further, `None` for one that does.

    The order is decided: whether a page may ask at all comes first, then what is asked of whom,
    then how.
    """
    host, origin = ask.get("host"), ask.get("origin")
    if host is not None and not host_is_ours(host):
        return 421
    # Security Warning: Origin present and invalid: 403.
    if origin is not None and not origin_is_ours(origin):
        return 403
    if ask.path not in (setup.path, setup.path + "/"):
        return 404
    if ending and ask.method != "OPTIONS":
        return 503
    if ask.method not in allowed(setup) or (ask.method != "POST" and says_modern(ask, setup)):
        return 405
    if len(ask.body) > setup.bounds.body:
        return 413
    if ask.method == "POST" and not says_json(ask.get("content-type")):
        return 415
    accept = ask.get("accept")
    if ask.method == "POST" and not takes_json(accept) and not takes_events(accept):
        return 406
    if ask.method == "GET" and not takes_events(accept):
        return 406
    if setup.users and ask.get(USER) in (None, "nobody"):
        return 401
    return None


def says_modern(ask: Ask, setup: Setup) -> bool:
    """Whether the version that a head names is the modern one, where that is spoken."""
    return setup.modern and NUMBERS.get(ask.get(VERSION_FIELD) or "") == MODERN
