"""Who asks, over HTTP: what a request tells of it, and what was proven.

Sessions, streams and tokens are bound to the principal.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Any, TypeAlias

from barewire.protocol.record import record

__all__ = ["Authenticate", "Principal", "RequestFacts"]


@record
class Principal:
    """Somebody whose identity was proven.

    Two requests come from the same principal when issuer, subject and client are the same; what
    they are allowed to do may differ.
    """

    issuer: str
    """Who vouches for the identity."""
    subject: str
    """Who it is, in the words of the issuer."""
    client_id: str | None = None
    """The program that acts for the subject, where the issuer tells."""
    scopes: frozenset[str] = frozenset()
    """What it is allowed to do."""

    @property
    def identity(self) -> tuple[str, str, str | None]:
        """What is compared to tell whether two principals are one."""
        return self.issuer, self.subject, self.client_id


@record
class RequestFacts:
    """What an HTTP request says before its body, and what its connection tells.

    Its repr, which may end in a log, shows neither query nor fields: tokens may be among them.
    """

    method: str
    path: str
    """The target up to its query, as it was sent."""
    query: str = field(repr=False)
    """What follows the question mark, empty without one."""
    fields: Mapping[str, str] = field(repr=False)
    """The values by lower-cased name. Requests with the same head may share them."""
    length: int | None = 0
    """Bytes of the body, `None` when that is not known beforehand."""
    client: tuple[str, int] | None = None
    """Address and port of who asks, where that is known."""
    certificate: Mapping[str, Any] | None = None
    """What mutual TLS proved of who asks, as `ssl.SSLSocket.getpeercert` tells it."""
    secure: bool = False
    """Whether it came by TLS."""


Authenticate: TypeAlias = Callable[[RequestFacts], Awaitable[Principal | None]]
"""Returns who asks, or `None` when that is not proven."""
