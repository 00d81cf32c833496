"""How one endpoint behaves."""

import re
from dataclasses import field
from typing import Final

from barewire.protocol.record import record
from barewire.session.limits import HttpLimits
from barewire.transports.http.guard import Guard

__all__ = ["HttpOptions"]

_PATH: Final = re.compile(r"/[^?#\x00-\x20\x7f-\U0010ffff]*")


@record
class HttpOptions:
    """The choices that the specification leaves to a server.

    Raises ValueError for a path that no request can ask for.
    """

    path: str = "/mcp"
    """Where the endpoint is; with a slash at its end it is the same."""
    stateless: bool = False
    """Whether legacy requests are served without sessions, each for itself."""
    json_response: bool | None = None
    """The form of answers. True: always JSON, and what else would be said is dropped. False: to a
    legacy client always an event stream. `None`: JSON, unless something is said before the answer,
    or it takes its time. Where the client takes only one form, it gets that."""
    guard: Guard = field(default_factory=Guard)
    """Who may ask."""
    limits: HttpLimits = field(default_factory=HttpLimits)

    def __post_init__(self) -> None:
        if not isinstance(self.limits, HttpLimits):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("limits are HttpLimits; those of each client are Server(limits=...)")
        if not _PATH.fullmatch(self.path):
            raise ValueError(f"a path is /, then ASCII without spaces, ? and #, not {self.path!r}")
