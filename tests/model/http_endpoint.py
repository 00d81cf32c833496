"""One endpoint, as Streamable HTTP describes it in each revision, both eras at once.

The model is told what happens: a request arrives, a tool reports, answers or asks, a client goes
away, time passes. It says what each request gets. Like its neighbours it imports nothing of the
package and reads none of its tables; comments name the page that decides, or say `decided` where
none does.
"""

from typing import Any

from tests.model.due import (
    Pattern,
    answered,
    described,
    holding,
    note,
    refused,
    unaddressed,
)
from tests.model.http_heads import allowed, refused_by_head, says_modern, user_of
from tests.model.http_modern import (
    complete,
    is_modern,
    notification_refused,
    supported,
)
from tests.model.http_modern import refused as refused_modern
from tests.model.http_posts import Posts
from tests.model.http_state import Asked, Call, Form, Posted, Session, Wire
from tests.model.http_streams import PRIMING, Streams
from tests.model.http_words import LAST_EVENT, SESSION, VERSION_FIELD, Ask, Setup, takes_events
from tests.model.lines import Read, read
from tests.model.shapes import fits_params
from tests.model.state import tag
from tests.model.words import (
    ASKED_BY,
    FILTERS,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEVELS,
    METHOD_NOT_FOUND,
    MODERN,
    NUMBERS,
    PARSE_ERROR,
    REQUESTS,
    REVISIONS,
    SERVER_INFO,
    SUBSCRIPTION,
    Json,
    as_list,
    as_object,
    declared_in,
    has,
    introduced_in,
    legible,
    sends,
    takes,
)

A_LIST = described("a list", lambda value: as_list(value) is not None)
VISIBLE = described(
    "visible ASCII, too long to guess",
    lambda value: (
        isinstance(value, str)
        and len(value) >= 22
        and all(0x21 <= ord(one) <= 0x7E for one in value)
    ),
)


class Endpoint(Posts):
    """A server that speaks HTTP."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.sessions: list[Session] = []
        self.calls: list[Call] = []
        self.ending = False
        """Whether it was told to stop."""

    # A request arrives.

    def arrives(self, ask: Ask) -> Wire:
        """Take a request; return what it gets, now and later."""
        wire = Wire(ask)
        self.wires.append(wire)
        status = refused_by_head(ask, self.setup, ending=self.ending)
        if status is not None:
            if status == 401:
                challenge = described("a challenge", lambda value: bool(value))
                wire.fields["www-authenticate"] = challenge
            if status == 405:
                self.wrong_method(wire)
            else:
                self.refuse(wire, status)
        elif ask.method == "POST":
            self.post(wire, ask)
        elif ask.method == "GET":
            self.listens(wire, ask)
        else:
            self.ends(wire, ask)
        return wire

    def wrong_method(self, wire: Wire) -> None:
        """Refuse a method, and say which there are (RFC 9110 › 405)."""
        ours = sorted(allowed(self.setup))
        wire.fields["allow"] = described(f"{ours}", lambda value: _listed(value) >= {*ours})
        self.refuse(wire, 405)

    # Sessions.

    def session_of(self, wire: Wire, ask: Ask, it: Read | None = None) -> Session | None:
        """Return the session that a request belongs to, or refuse it."""
        given = ask.get(SESSION)
        if given is None:
            # "Servers that require a session ID SHOULD respond … with HTTP 400".
            if it is not None and it.kind == "request":
                code = INVALID_PARAMS if self.setup.modern else INVALID_REQUEST
                self.refuse(wire, 400, code, it, supported(self.setup, None))
            else:
                self.refuse(wire, 400)
            return None
        session = self.session_named(given, user_of(ask, self.setup))
        if session is None:
            # "it MUST respond to requests containing that session ID with HTTP 404". Nobody can
            # tell an id that has ended from one of another principal, or from none (decided).
            wire.alike = (
                f"no session for {tag(it.id) if it and it.kind == 'request' else 'anything'}"
            )
            self.refuse(wire, 404, None, it)
            return None
        field = ask.get(VERSION_FIELD)
        if field is not None and not self.version_fits(field, session):
            self.refuse(wire, 400, None, it)
            return None
        session.touched = self.now
        return session

    def session_named(self, id: str, user: str | None) -> Session | None:
        live = [one for one in self.sessions if not one.over and one.user == user]
        return next((one for one in live if one.id == id), None)

    def version_fits(self, field: str, session: Session) -> bool:
        """Whether `MCP-Protocol-Version` is right in a session.

        From revision 3 on an unsupported value is a 400, and so is one that differs from what was
        negotiated (decided). Before, the field did not exist: then it says nothing (decided).
        """
        return session.revision < 3 or NUMBERS.get(field) == session.revision

    def finish(self, session: Session) -> None:
        """End a session: nothing of it goes on."""
        session.over = True
        calls = list(session.calls.values())
        for call in calls:
            self.stop(call)
        session.calls.clear()
        for posted in [one for one in self.posted if one.session is session]:
            self.done(posted)
            if posted.stream is None and posted.wire.live:
                # What waits is answered as what comes will be, with its id where there is one
                # (decided).
                ids = [call.id for call in calls if call.posted is posted]
                due = refused(ids[0], None) if len(ids) == 1 else unaddressed(None, null=False)
                self.give(posted.wire, 404, due)
        for stream in session.streams:
            if stream.ended is None:
                self.end(stream)
        for wire in self.waiting_to_listen(session):
            self.refuse(wire, 404)

    # DELETE and GET.

    def ends(self, wire: Wire, ask: Ask) -> None:
        session = self.session_of(wire, ask)
        if session is not None:
            self.finish(session)
            self.give(wire, 200)

    def listens(self, wire: Wire, ask: Ask) -> None:
        session = self.session_of(wire, ask)
        if session is None:
            return
        last = ask.get(LAST_EVENT)
        if last is not None:
            self.resumes(wire, session, last)
            return
        session.listened = True
        wire.session = session
        self.take_over_or_wait(wire, session)

    def take_over_or_wait(self, wire: Wire, session: Session) -> None:
        """Let a client listen, unless another connection does.

        Two that listen would each hear a part. The first one may be gone without our knowing; that
        is found out first (decided).
        """
        listener = self.listener(session)
        if wire.gone:
            wire.until = None
        elif listener is None:
            self.take_over(wire, session)
        else:
            wire.until, wire.asks = self.now + PROBE, listener
            wire.answered = not listener.vanished

    def listener(self, session: Session) -> Wire | None:
        """Return the connection on which a client listens for what belongs to no request."""
        return next((one for one in self.wires if self.listens_for(one, session)), None)

    def listens_for(self, wire: Wire, session: Session) -> bool:
        return wire.live and session.alone is not None and wire.stream is session.alone

    def take_over(self, wire: Wire, session: Session) -> None:
        wire.until = None
        if session.alone is not None:
            self.end(session.alone)
        session.alone = session.streams.begin(alone=True)
        self.attach(wire, session.alone, 0, session)
        if session.revision >= 4:
            session.streams.add(session.alone, PRIMING)
        self.catch_up(session)

    def catch_up(self, session: Session) -> None:
        """Say what has waited for somebody who listens."""
        assert session.alone is not None
        for message in [*session.waiting, *map(note, session.changed)]:
            session.streams.add(session.alone, message)
        session.waiting.clear()
        session.changed.clear()

    def resumes(self, wire: Wire, session: Session, last: str) -> None:
        session.streams.pass_time(self.now)
        verdict, stream, at = session.streams.judge(last)
        if verdict == "mistaken" or stream is None:
            self.refuse(wire, 400)
        elif verdict == "gone":
            self.refuse(wire, 404)
        else:
            session.streams.saw(stream, at)
            if stream.ended is not None and at == len(stream.events):
                # Nothing will come. "Or else return HTTP 405": a stream without an event would
                # only bring the client back for more (decided).
                self.wrong_method(wire)
                return
            self.attach(wire, stream, at, session)
            if stream.ended is not None:
                self.leave(wire)
            elif stream is session.alone:
                self.catch_up(session)

    def open_streams(self, session: Session) -> int:
        mine = {id(one) for one in session.streams}
        return sum(one.live and id(one.stream) in mine for one in self.wires)

    # POST.

    def post(self, wire: Wire, ask: Ask) -> None:
        it = read(ask.body)
        if it.kind == "nothing":
            it = Read("bad", code=PARSE_ERROR)
        if it.kind == "batch":
            self.array(wire, ask, it.value)
        elif it.kind == "bad":
            self.malformed(wire, ask, it)
        elif it.kind == "request" and is_modern(it, ask) and self.setup.modern:
            self.modern_request(wire, ask, it)
        elif it.kind == "notice" and is_modern(it, ask) and self.setup.modern:
            self.modern_notice(wire, ask, it)
        elif it.kind in ("result", "error") and says_modern(ask, self.setup):
            # "The client MUST NOT send JSON-RPC responses."
            self.refuse(wire, 400, INVALID_REQUEST)
        elif not self.setup.legacy:
            self.no_legacy(wire, ask, it)
        elif self.setup.stateless:
            self.stateless(wire, ask, it)
        else:
            self.stateful(wire, ask, it)

    def malformed(self, wire: Wire, ask: Ask, it: Read) -> None:
        legacy = bool(self.setup.legacy) and not says_modern(ask, self.setup)
        session, revision = None, None
        if legacy and self.setup.stateless:
            revision = self.stateless_revision(ask)
            if revision is None:
                self.refuse(wire, 400)
                return
        elif legacy and ask.get(SESSION) is not None:
            session = self.session_of(wire, ask)
            if session is None:
                return
            revision = session.revision
        if it.shaped != "request" or it.id is None:
            self.refuse(wire, 400, it.code)
        elif it.code == INVALID_PARAMS and revision is not None:
            # Params that are an array are JSON-RPC all the same: what is wrong with them is for the
            # protocol to say (decided).
            self.answer(self.open(wire, session, revision), refused(it.id, it.code))
        else:
            # Base Protocol › Responses: the id is given back where it could be read.
            self.give(wire, 400, refused(it.id, it.code))

    def array(self, wire: Wire, ask: Ask, members: list[Read]) -> None:
        if not self.setup.legacy or says_modern(ask, self.setup):
            self.refuse(wire, 400, INVALID_REQUEST)
            return
        if self.setup.stateless:
            revision = self.stateless_revision(ask)
            session = None
            if revision is None:
                self.refuse(wire, 400)
                return
        else:
            session = self.session_of(wire, ask)
            if session is None:
                return
            revision = session.revision
        if revision != 2 or len(members) > self.bounds.batch:
            # From revision 3 on the body is a single message.
            self.refuse(wire, 400, INVALID_REQUEST)
            return
        self.batch(wire, ask, session, members)

    def no_legacy(self, wire: Wire, ask: Ask, it: Read) -> None:
        """Refuse legacy traffic where none is served: the required fields are missing."""
        if it.kind == "request":
            why = refused_modern(it, ask, self.setup)
            assert why is not None
            self.give(wire, why.status, refused(it.id, why.code, why.data))
        elif it.kind == "notice":
            self.modern_notice(wire, ask, it)
        else:
            self.refuse(wire, 400, INVALID_REQUEST)

    # Modern.

    def modern_request(self, wire: Wire, ask: Ask, it: Read) -> None:
        why = refused_modern(it, ask, self.setup)
        if why is not None:
            self.give(wire, why.status, refused(it.id, why.code, why.data))
            return
        posted = self.open(wire, None, MODERN)
        mine = declared_in(self.setup.capabilities, MODERN, "server")
        if it.method == "subscriptions/listen":
            self.listen(posted, it, mine)
        elif it.method == "server/discover":
            spoken = supported(self.setup, None)
            versions = described("all versions", lambda value: bool(spoken({"supported": value})))
            found = {"supportedVersions": versions, "capabilities": mine}
            self.answer(posted, answered(it.id, complete(found, it.method, self.setup)))
        else:
            self.serve(posted, it)

    def modern_notice(self, wire: Wire, ask: Ask, it: Read) -> None:
        if notification_refused(it, ask):
            self.refuse(wire, 400)
        else:
            self.give(wire, 202)

    def listen(self, posted: Posted, it: Read, mine: Json) -> None:
        wanted: Json = (it.params or {})["notifications"]
        honoured: Json = {
            key: list(dict.fromkeys(wanted[key])) if key == "resourceSubscriptions" else True
            for key, capability in FILTERS.items()
            if wanted.get(key) and has(mine, capability)
        }
        listening = sum(one.listens is not None for one in self.posted)
        if not takes_events(posted.wire.ask.get("accept")):
            self.done(posted)
            self.give(posted.wire, 406, refused(it.id, None))
            return
        if listening >= self.bounds.listening:
            self.done(posted)
            self.give(posted.wire, 503, refused(it.id, INTERNAL_ERROR, holding(retryable=True)))
            return
        posted.listens, posted.form = honoured, "events"
        posted.answers = []
        posted.id = it.id
        params = {"notifications": honoured, "_meta": {SUBSCRIPTION: it.id}}
        self.note(posted, note("notifications/subscriptions/acknowledged", params))

    # Legacy.

    def stateful(self, wire: Wire, ask: Ask, it: Read) -> None:
        if it.kind == "request" and it.method == "initialize" and ask.get(SESSION) is None:
            self.initialize(wire, ask, it)
            return
        session = self.session_of(wire, ask, it)
        if session is None:
            return
        if it.kind == "request":
            if it.method == "initialize":
                self.give(wire, 400, refused(it.id, INVALID_REQUEST))
            elif tag(it.id) in session.calls:
                self.give(wire, 409, refused(it.id, INVALID_REQUEST))
            else:
                self.legacy_request(self.open(wire, session, session.revision), it)
        else:
            self.take(session, it)
            self.give(wire, 202)

    def stateless_revision(self, ask: Ask) -> int | None:
        """Return the revision of a request that belongs to no session, `None` for an unknown one.

        "If the server does not receive an MCP-Protocol-Version header, and has no other way to
        identify the version … the server SHOULD assume protocol version 2025-03-26."
        """
        field = ask.get(VERSION_FIELD)
        if field is None:
            return 2 if 2 in self.setup.legacy else None
        number = NUMBERS.get(field)
        return number if number in self.setup.legacy else None

    def stateless(self, wire: Wire, ask: Ask, it: Read) -> None:
        if it.kind == "request" and it.method == "initialize":
            self.initialize(wire, ask, it)
            return
        revision = self.stateless_revision(ask)
        if revision is None:
            self.refuse(wire, 400, None, it)
        elif it.kind == "request":
            self.legacy_request(self.open(wire, None, revision), it)
        else:
            self.give(wire, 202)

    def initialize(self, wire: Wire, ask: Ask, it: Read) -> None:
        params = it.params or {}
        wanted = NUMBERS.get(str(params.get("protocolVersion")))
        legacy = self.setup.legacy
        full = sum(not one.over for one in self.sessions) >= self.bounds.sessions
        if full and not self.setup.stateless:
            self.give(wire, 503, refused(it.id, None))
            return
        revision = wanted if wanted in legacy and wanted else max(legacy)
        if not fits_params("initialize", params, revision):
            self.give(wire, 200, refused(it.id, INVALID_PARAMS))
            return
        if not self.setup.stateless:
            kept = Streams(self.bounds.kept, self.bounds.kept_time)
            user = user_of(ask, self.setup)
            session = Session(len(self.sessions), user, revision, params["capabilities"], kept)
            session.touched = self.now
            self.sessions.append(session)
            wire.fields[SESSION] = VISIBLE
            wire.opens = session
        result: Json = {
            "protocolVersion": REVISIONS[revision],
            "capabilities": declared_in(self.setup.capabilities, revision, "server"),
            "serverInfo": introduced_in(self.setup.info, revision),
        }
        self.answer(self.open(wire, None, revision), answered(it.id, result))

    def legacy_request(self, posted: Posted, it: Read) -> None:
        revision, session = posted.revision, posted.session
        mine = declared_in(self.setup.capabilities, revision, "server")
        gate = takes(it.method, revision)
        known = it.method in REQUESTS and sends("client", it.method, revision)
        if it.method == "initialize":
            self.answer(posted, refused(it.id, INVALID_REQUEST))
        elif not known or (gate is not None and not has(mine, gate)):
            self.answer(posted, refused(it.id, METHOD_NOT_FOUND))
        elif not fits_params(it.method, it.params or {}, revision):
            self.answer(posted, refused(it.id, INVALID_PARAMS))
        elif it.method == "ping":
            self.answer(posted, answered(it.id, {}))
        elif it.method == "logging/setLevel":
            if session is not None:
                session.level = (it.params or {})["level"]
            self.answer(posted, answered(it.id, {}))
        else:
            self.serve(posted, it)

    def take(self, session: Session | None, it: Read, posted: Posted | None = None) -> None:
        """Take a notification or a response, of a session or of one POST without."""
        params = it.params or {}
        scope = [posted]
        if session is not None:
            scope = [one for one in self.posted if one.session is session]
        if it.kind in ("result", "error"):
            known = [] if session is None else session.asked
            for asked in [one for one in known if tag(one.id) == tag(it.id)]:
                asked.answer = it.kind
                known.remove(asked)
        elif session is not None and it.method in ("notifications/initialized", "initialized"):
            session.ready = True
        elif it.method == "notifications/cancelled":
            id = params.get("requestId")
            flying = [one for one in self.calls if one.state != "over" and one.posted in scope]
            for call in flying:
                if legible(id) and tag(call.id) == tag(id):
                    self.give_up(call)

    def batch(self, wire: Wire, ask: Ask, session: Session | None, members: list[Read]) -> None:
        posted = self.open(wire, session, 2)
        posted.batch = True
        asking = [one for one in members if owes(one)]
        posted.open = len(asking)
        if not asking:
            self.done(posted)
        # Batch: the answers have no order. Decided: what handlers are asked for comes last.
        later: list[Read] = []
        for one in members:
            self.member(posted, one, later)
        for one in later:
            self.legacy_request(posted, one)
        if not asking:
            # "If the server cannot accept the input, it MUST return an HTTP error status code".
            bad = [one.code for one in members if one.kind == "bad"]
            self.refuse(wire, 400, bad[0]) if bad else self.give(wire, 202)

    def member(self, posted: Posted, it: Read, later: list[Read]) -> None:
        """Take one member of an array, or put it off."""
        session = posted.session
        waiting = {tag(one.id): one for one in later}
        cancelled = (it.params or {}).get("requestId")
        if it.kind == "bad" and owes(it):
            with_id = refused(it.id, it.code)
            self.answer(posted, unaddressed(it.code, null=True) if it.id is None else with_id)
        elif it.kind == "request" and tag(it.id) in {*self.flying(posted), *waiting}:
            # An error with this id would answer the request that has it (decided).
            self.answer(posted, unaddressed(INVALID_REQUEST, null=True))
        elif it.kind == "request" and needs_a_handler(it):
            if session is None or not self.busy(posted, it, len(later)):
                later.append(it)
        elif it.kind == "request":
            self.legacy_request(posted, it)
        elif (
            it.method == "notifications/cancelled"
            and legible(cancelled)
            and (tag(cancelled) in waiting)
        ):
            later.remove(waiting[tag(cancelled)])
            self.answer(posted, None)
        else:
            self.take(session, it, posted)

    def flying(self, posted: Posted) -> set[str]:
        """Return the ids of the requests in flight that one of a POST may not have."""
        session = posted.session
        return {
            tag(one.id)
            for one in self.calls
            if one.state != "over"
            and (one.posted is posted if session is None else one.session is session)
        }

    # What is served.

    def open(self, wire: Wire, session: Session | None, revision: int) -> Posted:
        """Take note of a POST that is owed an answer."""
        form: Form = self.form_of(wire.ask, revision)
        posted = Posted(wire, form, session, revision, open=1)
        if form == "either" or (form == "events" and revision == MODERN):
            # The status of a modern answer depends on it: its head waits (decided).
            posted.due = self.now + self.bounds.defer
        self.posted.append(posted)
        return posted

    def serve(self, posted: Posted, it: Read) -> None:
        params = it.params or {}
        if self.busy(posted, it):
            return
        if it.method == "tools/list":
            if params.get("cursor") is not None:
                self.answer(posted, refused(it.id, INVALID_PARAMS))
                return
            self.result(posted, it, {"tools": A_LIST})
        elif it.method == "tools/call":
            self.call(posted, it, params)
        else:
            raise AssertionError(f"nobody serves {it.method}")

    def result(self, posted: Posted, it: Read, result: Json) -> None:
        whole = complete(result, it.method, self.setup) if posted.revision == MODERN else result
        self.answer(posted, answered(it.id, whole))

    def call(self, posted: Posted, it: Read, params: Json) -> None:
        name, arguments = params["name"], as_object(params.get("arguments")) or {}
        if name in ("quick", "where"):
            self.result(posted, it, _text(name))
            return
        if name != "work":
            self.answer(posted, refused(it.id, INVALID_PARAMS))
            return
        number = arguments.get("n")
        if type(number) is not int:
            # Tools › Error Handling: revisions 4 and 5 tell the model, older ones the client.
            if posted.revision >= 4:
                self.result(posted, it, {"content": A_LIST, "isError": True})
            else:
                self.answer(posted, refused(it.id, INVALID_PARAMS))
            return
        meta = as_object(params.get("_meta")) or {}
        token = meta.get("progressToken")
        made = Call(number, it.id, posted, token if legible(token) else None)
        made.level = meta.get("io.modelcontextprotocol/logLevel")
        self.admit(made)

    def admit(self, call: Call) -> None:
        """Run a call, or let it wait."""
        mates = self.mates(call.posted)
        limit, _ = self.limits(call.posted)
        call.state = "runs" if sum(one.state == "runs" for one in mates) < limit else "waits"
        self.calls.append(call)
        if call.session is not None:
            call.session.calls[tag(call.id)] = call
        if call.posted.due is None and call.posted.form == "events":
            self.settle(call.posted)

    def mates(self, posted: Posted) -> list[Call]:
        """Return the calls that share a limit with those of a POST."""
        session = posted.session
        return [one for one in self.calls if one.session is session and one.state != "over"]

    def limits(self, posted: Posted) -> tuple[int, int]:
        """Return how many calls run, and how many wait."""
        if posted.session is None:
            return self.bounds.running, self.bounds.queued
        return self.bounds.session_running, self.bounds.session_queued

    def busy(self, posted: Posted, it: Read, more: int = 0) -> bool:
        """Refuse a request if there are too many; how much is borne is decided."""
        if len(self.mates(posted)) + more < sum(self.limits(posted)):
            return False
        error = refused(it.id, INTERNAL_ERROR, holding(retryable=True))
        if posted.batch or posted.stream is not None:
            self.answer(posted, error)
        else:
            self.done(posted)
            self.give(posted.wire, 503, error)
        return True

    # What the tool does.

    def over(self, call: Call) -> None:
        call.state = "over"
        if call.session is not None:
            call.session.calls.pop(tag(call.id), None)
            call.session.touched = self.now
        mates = self.mates(call.posted)
        limit, _ = self.limits(call.posted)
        for mate in mates:
            if mate.state == "waits" and sum(one.state == "runs" for one in mates) < limit:
                mate.state = "runs"

    def returns(self, call: Call, text: str) -> None:
        """Let the tool return."""
        if call.stopped:
            return
        result = _text(text)
        if call.posted.revision == MODERN:
            result = complete(result, "tools/call", self.setup)
        self.over(call)
        self.answer(call.posted, answered(call.id, result))

    def fails(self, call: Call, code: int, message: str) -> None:
        """Let the tool fail with an error of its own."""
        if call.stopped:
            return
        self.over(call)
        error = {"code": code, "message": message}
        self.answer(call.posted, {"jsonrpc": "2.0", "id": call.id, "error": error})

    def reports(self, call: Call, value: int) -> None:
        """Let the tool report progress."""
        grows = call.reported is None or value > call.reported
        if call.stopped or call.token is None or not grows:
            return
        call.reported = value
        params = {"progressToken": call.token, "progress": value}
        self.note(call.posted, note("notifications/progress", params))

    def logs(self, call: Call, level: str, text: str) -> None:
        """Let the tool log."""
        if call.stopped:
            return
        wanted = call.level if call.posted.revision == MODERN else "debug"
        if call.session is not None:
            wanted = call.session.level
        if wanted is None or LEVELS.index(level) < LEVELS.index(wanted):
            return
        self.note(call.posted, note("notifications/message", {"level": level, "data": text}))

    def asks(self, call: Call, id: Any, method: str) -> None:
        """Let the server ask the client something in the course of a call of a session.

        "These messages SHOULD relate to the originating client request": it goes on the stream of
        that, and where there is none with what belongs to no request.
        """
        session = call.session
        assert session is not None
        message: Json = {"jsonrpc": "2.0", "id": id, "method": method}
        if not self.note(call.posted, message):
            self.say(session, message)
        session.asked.append(Asked(id, method, call))

    def say(self, session: Session, message: Pattern) -> None:
        """Say what belongs to no request, now or when somebody listens."""
        if session.alone is not None and self.listener(session) is not None:
            session.streams.add(session.alone, message)
        else:
            session.waiting.append(message)

    def changes(self, method: str) -> None:
        """Let what is offered change."""
        for session in self.sessions:
            if session.over or not session.ready or not session.listened:
                continue
            if self.listener(session) is None:
                session.changed[method] = None
            else:
                self.say(session, note(method))
        for posted in self.posted:
            if posted.listens and posted.listens.get(ASKED_BY[method]):
                params = {"_meta": {SUBSCRIPTION: posted.id}}
                self.put(posted, note(method, params))

    # Giving up.

    def stop(self, call: Call) -> None:
        """Tell a handler that nobody waits for it."""
        call.stopped = True
        self.over(call)

    def give_up(self, call: Call) -> None:
        """Let a client give up a request: Cancellation, no response follows."""
        self.stop(call)
        self.answer(call.posted, None)

    def leaves(self, wire: Wire) -> None:
        """Let the client of a request go away.

        Up to revision 4 a "disconnection SHOULD NOT be interpreted as the client cancelling its
        request"; in revision 5 it "MUST be treated by the server as cancellation".
        """
        live, session = wire.live, wire.session
        listened = session is not None and self.listens_for(wire, session)
        self.cut(wire)
        if not live:
            return
        if listened and session is not None:
            self.is_succeeded(session)
        for posted in list(self.posted):
            if posted.wire is wire and posted.revision == MODERN:
                for call in self.calls:
                    if call.posted is posted and call.state != "over":
                        self.stop(call)
                self.done(posted)

    def is_succeeded(self, session: Session) -> None:
        """Let those who wait to listen take the place of one that is gone."""
        for other in self.waiting_to_listen(session):
            self.take_over_or_wait(other, session)

    def waiting_to_listen(self, session: Session) -> list[Wire]:
        """Return those who wait until it is known whether somebody listens; they wait no more."""
        waiting = [one for one in self.wires if one.until is not None and one.session is session]
        for wire in waiting:
            wire.until = None
        return [one for one in waiting if not one.gone]

    def shuts_down(self) -> None:
        """End what lasts: what was asked may still be answered.

        Subscriptions › Graceful Closure: a listen ends with its result; over HTTP no
        `notifications/cancelled` goes before it (decided).
        """
        self.ending = True
        for posted in [one for one in self.posted if one.listens is not None]:
            self.done(posted)
            result = {**complete({}, "subscriptions/listen", self.setup)}
            told = {SERVER_INFO: self.setup.info, SUBSCRIPTION: posted.id}
            result["_meta"] = holding(**told)
            self.put(posted, answered(posted.id, result))
            assert posted.stream is not None
            self.end(posted.stream)
        for session in self.sessions:
            if session.alone is not None and not session.over:
                self.end(session.alone)
                session.alone = None
            for wire in self.waiting_to_listen(session):
                self.refuse(wire, 503)

    # Time.

    def waits(self, now: float) -> None:
        """Let time pass until then."""
        while self.now < now:
            self.now = min(now, self.next_moment())
            for posted in list(self.posted):
                if posted.due is not None and posted.due <= self.now:
                    self.begin(posted)
                    self.flush(posted)
            for wire in self.wires:
                if wire.until is not None and wire.until <= self.now and wire.session is not None:
                    self.probed(wire, wire.session)
            for session in self.sessions:
                session.streams.pass_time(self.now)
                if self.expires(session) <= self.now:
                    self.finish(session)

    def probed(self, wire: Wire, session: Session) -> None:
        """Decide who listens."""
        wire.until = None
        listener = self.listener(session)
        if listener is not None and listener is not wire.asks:
            self.take_over_or_wait(wire, session)
        elif listener is not None and not wire.answered:
            self.cut(listener)
            self.take_over_or_wait(wire, session)
            self.is_succeeded(session)
        elif wire.gone:
            pass
        elif session.over:
            self.refuse(wire, 404)
        elif listener is None:
            self.take_over(wire, session)
        else:
            self.refuse(wire, 409)

    def next_moment(self) -> float:
        return min((one for one in self.moments() if one > self.now), default=float("inf"))

    def moments(self) -> list[float]:
        """Return when something happens by itself."""
        moments = [one.due for one in self.posted if one.due is not None]
        moments += [one.until for one in self.wires if one.until is not None]
        for session in self.sessions:
            ended = [one.ended for one in session.streams if one.ended is not None]
            moments += [self.expires(session), *(one + self.bounds.kept_time for one in ended)]
        return moments

    def expires(self, session: Session) -> float:
        """Return when an idle session ends: while something goes on in it, it is not idle."""
        if session.over or session.calls or self.open_streams(session):
            return float("inf")
        return session.touched + self.bounds.idle


PROBE = 1.0
"""Seconds within which a listener that is gone is found out."""


def needs_a_handler(it: Read) -> bool:
    """Whether a member of an array takes a handler to be answered."""
    fits = it.kind == "request" and fits_params(it.method, it.params or {}, 2)
    return fits and it.method in ("tools/list", "tools/call")


def owes(it: Read) -> bool:
    """Whether a member of an array has an answer: what is no message has one of its own."""
    return it.kind == "request" or (it.kind == "bad" and it.shaped in ("request", "noise"))


def _text(text: str) -> Json:
    return {"content": [{"type": "text", "text": text}], "isError": False}


def _listed(value: Any) -> set[str]:
    return {one.strip() for one in str(value).split(",")}


__all__ = ["VISIBLE", "Endpoint"]
