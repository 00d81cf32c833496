"""How the requests of one POST are answered: as JSON, on an event stream, or whichever comes first.

Streamable HTTP › Sending Messages: the server chooses for each request. Decided: as JSON when the
result comes before anything else and within two seconds.
"""

from tests.model.due import Pattern, refused, unaddressed
from tests.model.http_state import Call, Form, Posted, Session, Wire
from tests.model.http_streams import PRIMING, Stream, Streams
from tests.model.http_words import Ask, Setup, takes_events, takes_json
from tests.model.lines import Read
from tests.model.words import MODERN


class Posts:
    """The part of a server that writes answers."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.bounds = setup.bounds
        self.now = 0.0
        self.wires: list[Wire] = []
        self.posted: list[Posted] = []
        """What is not answered yet."""
        self.loose = Streams(1 << 60, 0.0)
        """Streams that belong to no session: nothing is kept of them."""

    def form_of(self, ask: Ask, revision: int) -> Form:
        """Return how a request may be answered, by what its sender takes and what is set up.

        That all is said by events is a choice for legacy clients alone (decided).
        """
        if not takes_events(ask.get("accept")):
            return "json"
        if not takes_json(ask.get("accept")):
            return "events"
        if self.setup.json is None or (self.setup.json is False and revision == MODERN):
            return "either"
        return "json" if self.setup.json else "events"

    # Whole answers.

    def give(self, wire: Wire, status: int, body: Pattern = (), **fields: Pattern) -> None:
        """Answer a request at once."""
        wire.status, wire.body, wire.ended = status, body, True
        wire.kind = None if body == () else "json"
        wire.fields |= {name.replace("_", "-"): value for name, value in fields.items()}

    def refuse(
        self,
        wire: Wire,
        status: int,
        code: int | None = None,
        it: Read | None = None,
        data: Pattern = None,
    ) -> None:
        """Refuse a request, with its id, or what has no id to give back.

        "The HTTP response body MAY comprise a JSON-RPC error response that has no id": here it does
        (decided).
        """
        if it is not None and it.kind == "request":
            self.give(wire, status, refused(it.id, code, data))
        else:
            self.give(wire, status, unaddressed(code, null=False))

    # Streams.

    def attach(self, wire: Wire, stream: Stream, start: int, session: Session | None) -> None:
        """Let a connection follow a stream from a place on."""
        for other in self.wires:
            if other.stream is stream and other.live:
                self.leave(other)
        wire.status, wire.kind, wire.stream, wire.start = 200, "events", stream, start
        wire.session = session
        wire.fields["x-accel-buffering"] = "no"

    def leave(self, wire: Wire) -> None:
        """End a connection; its stream may go on."""
        wire.ended = True
        self.unhook(wire)

    def end(self, stream: Stream) -> None:
        """Take note that nothing more comes on a stream."""
        stream.ended = self.now
        for wire in self.wires:
            if wire.stream is stream and wire.live:
                self.leave(wire)

    def cut(self, wire: Wire) -> None:
        """Let the client of a request go away."""
        if not wire.live:
            return
        wire.gone = True
        self.unhook(wire)

    def unhook(self, wire: Wire) -> None:
        """Take note that a connection follows its stream no longer."""
        if wire.stream is not None:
            wire.stop = len(wire.stream.events)
        if wire.session is not None:
            wire.session.touched = self.now

    def streams_of(self, posted: Posted) -> Streams:
        """Return where the events of a POST are kept, if they are.

        A client that was gone before its stream began has seen no id to resume it by (decided:
        then nothing of it is kept).
        """
        session = posted.session
        return self.loose if session is None or posted.unseen else session.streams

    # The answers of one POST.

    def begin(self, posted: Posted) -> None:
        """Begin the event stream of a POST."""
        session, wire = posted.session, posted.wire
        posted.unseen = wire.gone
        posted.stream = self.streams_of(posted).begin()
        posted.due = None
        if not wire.gone:
            self.attach(wire, posted.stream, 0, session)
        if session is not None and posted.revision >= 4:
            # "The server SHOULD immediately send an SSE event consisting of an event ID and an
            # empty data field". Older clients would take it for a message (decided).
            self.streams_of(posted).add(posted.stream, PRIMING)

    def note(self, posted: Posted, message: Pattern) -> bool:
        """Say something in the course of a POST; return whether there is a place to say it."""
        if posted.form == "json" or (posted.wire.gone and posted.session is None):
            return False
        if posted.stream is None:
            self.begin(posted)
            self.flush(posted)
        self.put(posted, message)
        return True

    def put(self, posted: Posted, message: Pattern) -> None:
        assert posted.stream is not None
        self.streams_of(posted).add(posted.stream, message)

    def flush(self, posted: Posted) -> None:
        """Say on the stream what has waited for the form to be known."""
        for answer in posted.answers:
            self.put(posted, answer)
        posted.answers.clear()

    def answer(self, posted: Posted, message: Pattern | None) -> None:
        """Give one answer of a POST; `None` for a request that was given up."""
        posted.open -= 1
        if message is not None:
            posted.answers.append(message)
        self.settle(posted)

    def settle(self, posted: Posted) -> None:
        """Say what can be said by now."""
        if posted.form == "events" and posted.stream is None:
            self.begin(posted)
        if posted.stream is not None:
            self.flush(posted)
            if posted.open == 0:
                self.done(posted)
                self.end(posted.stream)
        elif posted.open == 0:
            self.done(posted)
            self.answer_whole(posted)

    def answer_whole(self, posted: Posted) -> None:
        if posted.wire.gone:
            return
        if not posted.answers:
            self.given_up(posted)
        elif posted.batch:
            self.give(posted.wire, 200, list(posted.answers))
        else:
            self.give(posted.wire, 200, posted.answers[0])

    def given_up(self, posted: Posted) -> None:
        """Answer a POST whose request was cancelled.

        Cancellation: "not send a response". HTTP has to: with an event stream that ends without
        one, or where there are none with nothing at all (decided).
        """
        if posted.form == "json":
            self.give(posted.wire, 202)
            return
        self.begin(posted)
        assert posted.stream is not None
        self.end(posted.stream)

    def done(self, posted: Posted) -> None:
        posted.due = None
        if posted in self.posted:
            self.posted.remove(posted)

    def closes(self, call: Call) -> None:
        """Let the server close the connection of a call, not its stream.

        Only clients of revision 4 know that they are to come back (decided for the others: "the
        server SHOULD NOT close the SSE stream before sending the JSON-RPC response").
        """
        posted = call.posted
        if posted.session is None or posted.revision < 4 or call.state == "over":
            return
        if posted.form == "json" or (posted.stream is None and posted.wire.gone):
            return
        if posted.stream is None:
            self.begin(posted)
            self.flush(posted)
        stream = posted.stream
        for wire in self.wires:
            if stream is not None and wire.stream is stream and wire.live:
                self.leave(wire)
                wire.polled = True
