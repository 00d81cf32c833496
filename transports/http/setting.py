"""What all requests to one endpoint share."""

from typing import Final

from barewire.transports.backend import Backend
from barewire.transports.http.application import Application, Handlers
from barewire.transports.http.deferrals import Deferrals
from barewire.transports.http.eventstream import Comments, EventStream
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.streams import Streams
from barewire.transports.pipe import LOW_WATER

__all__ = ["ENDING", "Setting"]


ENDING: Final = "this server is shutting down"
"""What is said to those who come when it ends."""


class Setting:
    """The loop, what is served and how, where handlers run, and who keeps the time."""

    __slots__ = ("application", "backend", "comments", "deferrals", "ending", "handlers", "options")

    def __init__(self, backend: Backend, application: Application, options: HttpOptions) -> None:
        self.backend: Backend = backend
        self.application: Application = application
        self.options: HttpOptions = options
        self.handlers: Handlers = application.handlers(options.limits.running)
        """Where the handlers of those run who have no session."""
        self.comments: Comments = Comments(backend, options.limits.comment)
        self.deferrals: Deferrals = Deferrals(backend, options.limits.defer)
        self.ending: bool = False
        """Whether nothing may begin any more."""

    def now(self) -> float:
        """Return the time of the loop's clock, in seconds."""
        return self.backend.now()

    def event_stream(self, log: Streams | None = None) -> EventStream:
        """Return a new event stream; with a `log` it can be resumed."""
        # Who waits for room hears of it when no more than that is pending, and not again below.
        most = max(self.application.limits.pending, LOW_WATER)
        return EventStream(self.backend, self.comments, most, log)
