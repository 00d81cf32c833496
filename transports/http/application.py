"""What an endpoint needs to know of what it serves."""

from collections.abc import Sequence
from typing import Protocol

from barewire.protocol.headers import Annotation
from barewire.session.carrier import Carrier
from barewire.session.events import Violated
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.session.principal import Authenticate

__all__ = ["Application", "Handlers"]


class Handlers(Protocol):
    """Where the handlers of one client run, or of several that share a limit."""

    @property
    def load(self) -> int:
        """How many run or wait to."""
        ...

    def begin(self, exchange: Exchange, carrier: Carrier) -> None:
        """Serve a request; the carrier gets its answer, perhaps before this returns."""
        ...

    def stop(self, exchange: Exchange) -> None:
        """Stop what is done for a request: its client has no use for it."""
        ...


class Application(Protocol):
    """A server, as far as its transport is concerned. All is called on the event loop."""

    @property
    def authenticate(self) -> Authenticate | None:
        """What is asked about every request, `None` where anybody may ask."""
        ...

    @property
    def limits(self) -> Limits:
        """What one client may take up."""
        ...

    @property
    def local(self) -> Local:
        """What the server is and offers."""
        ...

    def annotations_of(self, tool: str) -> Sequence[Annotation]:
        """Return the arguments of a tool that headers repeat; none for one that is not there."""
        ...

    def handlers(self, limit: int) -> Handlers:
        """Return a place for handlers of which at most `limit` run at once; the others queue."""
        ...

    def violated(self, event: Violated) -> None:
        """Take note that a client broke the protocol."""
        ...
