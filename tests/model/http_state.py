"""What an HTTP server of the model knows: sessions, what each request gets, and what is called."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tests.model.due import Pattern
from tests.model.http_streams import Stream, Streams
from tests.model.http_words import Ask
from tests.model.words import Json

NOTHING: Pattern = ()
"""A body without a byte."""

Form: TypeAlias = Literal["json", "events", "either"]


@dataclass
class Wire:
    """What one HTTP request gets: an answer that is complete, or a connection to a stream."""

    ask: Ask
    status: int | None = None
    """`None` while nothing has been sent."""
    kind: Literal["json", "events", None] = None
    body: Pattern = NOTHING
    fields: dict[str, Pattern] = field(default_factory=dict[str, Pattern])
    """Those that must be there; what is in `JUDGED` and not here must not."""
    stream: Stream | None = None
    start: int = 0
    stop: int | None = None
    """The part of the stream that goes over this connection; `None` as long as it follows it."""
    ended: bool = False
    gone: bool = False
    """Whether the client has cut it."""
    alike: str = ""
    """Answers of one kind are the same, byte for byte."""
    opens: "Session | None" = None
    """The session whose id it tells."""
    session: "Session | None" = None
    """The session whose stream it carries."""
    vanished: bool = False
    """Whether its client is gone without a word: nobody knows, but what is sent does not arrive."""
    until: float | None = None
    """When it is known whether whoever listened before still does."""
    asks: "Wire | None" = None
    """Whoever listened before, and is asked whether they still do."""
    answered: bool = False
    """Whether they do, as far as they were there to be asked."""
    polled: bool = False
    """Whether the server ended the connection and not the stream."""

    @property
    def live(self) -> bool:
        """Whether something may still be sent."""
        return not self.ended and not self.gone

    def due(self) -> list[Pattern]:
        """Return the messages of the stream that went over this connection."""
        if self.stream is None:
            return []
        return [one.message for one in self.stream.events[self.start : self.stop]]


JUDGED = ("mcp-session-id", "allow", "www-authenticate", "x-accel-buffering")


@dataclass(eq=False)
class Posted:
    """The requests of one POST, and how they are answered."""

    wire: Wire
    form: Form
    session: "Session | None" = None
    revision: int = 5
    batch: bool = False
    open: int = 0
    """How many of them have no answer yet."""
    answers: list[Pattern] = field(default_factory=list[Pattern])
    """What waits until the form is known, or complete."""
    stream: Stream | None = None
    unseen: bool = False
    """Whether its client was gone before its stream began."""
    due: float | None = None
    """When the form is decided, whatever has come by then."""
    listens: Json | None = None
    id: Any = None
    """The id of what listens."""


@dataclass(eq=False)
class Call:
    """A call of the tool that does what the test says, step by step."""

    number: int
    id: Any
    posted: Posted
    token: Any = None
    level: str | None = None
    """What a modern request wants to hear."""
    state: Literal["waits", "runs", "over"] = "runs"
    stopped: bool = False
    """Whether the handler was told to stop: nobody waits for its answer."""
    reported: float | None = None

    @property
    def session(self) -> "Session | None":
        """The session it belongs to."""
        return self.posted.session


@dataclass(eq=False)
class Asked:
    """A request of the server's to a client."""

    id: Any
    method: str
    parent: Call
    answer: str = ""
    """How the client answered it: by a result or an error."""


@dataclass(eq=False)
class Session:
    """One legacy session."""

    number: int
    user: str | None
    revision: int
    capabilities: Json
    streams: Streams
    id: str | None = None
    """What it is known by, once that was seen."""
    ready: bool = False
    over: bool = False
    level: str = "debug"
    touched: float = 0.0
    """When something last happened in it."""
    alone: Stream | None = None
    """Its stream for what belongs to no request."""
    listened: bool = False
    """Whether its client has ever opened one."""
    waiting: list[Pattern] = field(default_factory=list[Pattern])
    """What belongs on it and waits until somebody listens."""
    changed: dict[str, None] = field(default_factory=dict[str, None])
    """Changes that wait likewise, each once."""
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    """Requests in flight, by their ids."""
    asked: list[Asked] = field(default_factory=list[Asked])
