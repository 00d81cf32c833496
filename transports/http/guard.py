"""Who may speak to a server at all: `Host`, `Origin` and CORS, judged before anything is read.

A server on a user's own machine is reachable from every web page that the user visits, unless it
looks who asks (Streamable HTTP › Security Warning: servers MUST validate `Origin`). One guard
serves every HTTP transport, so that none is forgotten.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from barewire.protocol.record import record

__all__ = ["LOOPBACK", "Forbidden", "Guard"]

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine, with any port."""

_HOST: Final = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+(%25[\w.~-]+)?\])(:[0-9]{1,5})?", re.ASCII)

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

_METHODS: Final = "GET, POST, DELETE, OPTIONS"
_ALLOWED: Final = ", ".join(
    (
        "Accept",
        "Authorization",
        "Content-Type",
        "Last-Event-ID",
        "MCP-Protocol-Version",
        "Mcp-Method",
        "Mcp-Name",
        "Mcp-Session-Id",
    )
)
_EXPOSED: Final = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate"


@record
class Forbidden:
    """Why a request goes no further."""

    status: int
    detail: str


@record
class Guard:
    """Which hosts a server answers for, and which web origins may ask it.

    A host is a name with or without a port; without one, every port is meant. An origin is a
    scheme, a host and where needed a port. Pages of a host that is answered for may ask; those of
    other origins may when they are listed in `origins`, and `cors` says whether their browsers are
    told so. There is no wildcard: an origin that anybody may have protects nobody.

    Raises ValueError for what is no host and what is no origin.
    """

    hosts: tuple[str, ...] = LOOPBACK
    """What `Host` may say (default: this machine). At least one."""
    origins: tuple[str, ...] = ()
    """What `Origin` may say besides (default: nothing)."""
    cors: bool = False
    """Whether browsers of `origins` are answered by the rules of CORS (default: no)."""
    _hosts: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())
    _origins: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        if not self.hosts:
            raise ValueError("hosts is empty: a server that answers for no name serves nobody")
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"a host is name, name:port or [address], not {host!r}")
        for origin in self.origins:
            if _host_of(origin) is None or origin.endswith("/"):
                raise ValueError(
                    f"an origin is scheme://host or scheme://host:port, not {origin!r}"
                )
        object.__setattr__(self, "_hosts", frozenset(map(str.lower, self.hosts)))
        object.__setattr__(self, "_origins", frozenset(map(_plain, self.origins)))

    def forbids(self, fields: Mapping[str, str]) -> Forbidden | None:
        """Return why a request with these fields, by lower-cased name, goes no further."""
        host = fields.get("host")
        if host is not None and not self._answers_for(host):
            return Forbidden(421, f"this server does not answer for the host {host:.200} (hosts)")
        origin = fields.get("origin")
        if origin is not None and not self.admits(origin):
            return Forbidden(403, f"pages of {origin:.200} may not ask this server (origins)")
        return None

    def admits(self, origin: str) -> bool:
        """Whether pages of this origin may ask. `null`, which many have, never may."""
        if _plain(origin) in self._origins:
            return True
        host = _host_of(origin)
        return host is not None and self._answers_for(host)

    def cors_fields(self, fields: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return what tells a browser that the page may read an answer."""
        origin = fields.get("origin")
        if not self.cors or origin is None or not self.admits(origin):
            return []
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", _EXPOSED),
            ("Vary", "Origin"),
        ]

    def preflight_fields(self, fields: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return what a browser that asks beforehand is told besides `cors_fields`.

        None unless the page may ask.
        """
        if not self.cors_fields(fields):
            return []
        asked = fields.get("access-control-request-headers", "")
        # Mcp-Param-* are as many as the tools have arguments: those that are asked for are listed.
        mirrored = [
            name
            for name in map(str.strip, asked.split(","))
            if name.lower().startswith("mcp-param-")
        ]
        return [
            ("Access-Control-Allow-Methods", _METHODS),
            ("Access-Control-Allow-Headers", ", ".join((_ALLOWED, *mirrored))),
            ("Access-Control-Max-Age", "600"),
        ]

    def _answers_for(self, host: str) -> bool:
        host = host.lower()
        return host in self._hosts or _without_port(host) in self._hosts


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    # RFC 3986 › Port: it may be empty.
    return name if colon and (port.isdecimal() or not port) and not name.endswith(":") else host


def _host_of(origin: str) -> str | None:
    scheme, found, host = origin.partition("://")
    return host if found and host and scheme.lower() in _DEFAULT_PORTS and "/" not in host else None


def _plain(origin: str) -> str:
    """Return an origin in lower case, without the port that its scheme has anyway."""
    scheme, _, host = origin.lower().partition("://")
    return f"{scheme}://{host.removesuffix(':' + _DEFAULT_PORTS.get(scheme, ''))}"
