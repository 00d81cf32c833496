"""From a head that is beyond doubt to what it asks, of a handler and of the connection."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from barewire.protocol.record import record
from barewire.session.principal import RequestFacts
from barewire.transports.http.wire import Head, HeadFault

__all__ = ["NOBODY", "Asked", "Caller", "asked"]

# RFC 9110 › Methods, and PATCH. CONNECT is for proxies.
_METHODS: Final = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))

# RFC 9112 › absolute-form: what proxies are sent, and what every server has to understand.
_ABSOLUTE: Final = re.compile(r"(?i:https?)://([0-9A-Za-z._~%!$&'()*+,;=:\[\]-]+)([/?].*)?")


@record
class Caller:
    """Who is at the other end of a connection; see `RequestFacts`."""

    client: tuple[str, int] | None = None
    certificate: Mapping[str, Any] | None = None
    secure: bool = False


NOBODY: Final = Caller()


@record
class Asked:
    """What a head asks, of the handler and of the connection."""

    head: RequestFacts
    persistent: bool
    """Whether the connection may go on after the answer."""
    old: bool
    """Whether it is a request of HTTP/1.0, which knows neither chunks nor interim answers."""
    expects: bool
    """Whether the client waits for `100 Continue` before it sends the body."""

    def with_length(self, length: int) -> "Asked":
        """Return the same, with a body of another length. Neither may be empty."""
        head = self.head
        fields = MappingProxyType({**head.fields, "content-length": str(length)})
        asked = RequestFacts(
            head.method,
            head.path,
            head.query,
            fields,
            length,
            head.client,
            head.certificate,
            head.secure,
        )
        return Asked(asked, self.persistent, self.old, self.expects)


def asked(head: Head, caller: Caller) -> Asked | HeadFault:
    """Return what a head asks, or why a server does not do that."""
    if head.method not in _METHODS:
        return HeadFault(501, f"there is no method {head.method:.40} here")
    target, fields = head.target, head.fields
    if not target.startswith("/") and (target != "*" or head.method != "OPTIONS"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            return HeadFault(400, "the target is neither a path nor a URL")
        host, rest = absolute.groups()
        # RFC 9112 › absolute-form: the host of the target counts, `Host` is ignored.
        fields = {**fields, "host": host}
        target = rest if rest and rest.startswith("/") else f"/{rest or ''}"
    path, _, query = target.partition("?")
    old = head.version == "1.0"
    expectation = fields.get("expect", "").lower()
    if expectation not in ("", "100-continue"):
        return HeadFault(417, "nothing is expected here but 100-continue")
    return Asked(
        RequestFacts(
            head.method,
            path,
            query,
            MappingProxyType(fields),  # a head that comes again is not read again
            head.length,
            caller.client,
            caller.certificate,
            caller.secure,
        ),
        _persists(fields.get("connection"), old),
        old,
        bool(expectation) and not old and head.length != 0,
    )


def _persists(connection: str | None, old: bool) -> bool:
    """RFC 9112 › Persistence."""
    if connection is None:
        return not old
    wishes = [wish.strip() for wish in connection.lower().split(",")]
    return "close" not in wishes and (not old or "keep-alive" in wishes)
