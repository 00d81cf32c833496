"""What the machine lets clients say over HTTP: mostly sense, some of it wrong on purpose."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.model.http_asks import (
    BOTH,
    changed,
    deleting,
    getting,
    modern,
    posting,
    working,
)
from tests.model.http_sides import HttpSides
from tests.model.http_state import Session
from tests.model.http_words import Ask
from tests.model.samples import CLIENTS, NOISE, hello, message
from tests.model.words import REVISIONS, Json

INVENTED = "0123456789abcdef0123456789abcdef"
IDS = st.sampled_from([0, 1, 2, 3, "1", "a", -5, 2**53])
TOKENS = st.sampled_from([None, "t", 7, 0])
VERSIONS = st.sampled_from([None, None, None, "right", "right", *REVISIONS.values(), "new", ""])
ACCEPTS = st.sampled_from(
    [BOTH] * 8
    + [None, "*/*", "application/json", "text/event-stream", "text/html"]
    + ["text/event-stream;q=0, */*", "application/json;q=0.1, text/event-stream"]
)
LASTS = st.sampled_from(["", "x", "0-0", "1", "999999999-1", "1-1-1"])

METHODS = st.sampled_from(
    ["ping", "tools/list", "prompts/list", "nobody/knows", "logging/setLevel", "tools/call"]
)
MODERN_METHODS = [
    *("tools/call", "tools/call", "tools/list", "server/discover", "nobody/knows", "ping"),
    *("subscriptions/listen", "subscriptions/listen", "prompts/list", "initialize"),
]
PARAMS: dict[str, list[Json | None]] = {
    "tools/list": [None, {}, {"cursor": 3}, {"cursor": "beyond"}],
    "tools/call": [{"name": "quick"}, {"name": "nobody"}, {"name": 3}, {}, None],
    "logging/setLevel": [{"level": "error"}, {"level": "debug"}, {"level": "loud"}, None],
}
NOTES = st.sampled_from(
    ["notifications/initialized", "notifications/roots/list_changed", "nobody/knows"]
)
FAULTS = st.sampled_from(
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:3000"},
        {"content-type": "text/plain"},
        {"content-type": None},
        {"accept": "text/html"},
        {"mcp-protocol-version": "2099-01-01"},
        {"mcp-protocol-version": None},
        {"mcp-session-id": INVENTED},
        {"mcp-session-id": None},
        {"mcp-method": "tools/list"},
        {"mcp-method": None},
        {"mcp-name": "other"},
        {"last-event-id": "1-1"},
        {"x-user": "nobody"},
    ]
)


class HttpTalk:
    """Draws requests that fit, more or less, to what goes on."""

    def __init__(self, sides: HttpSides, data: st.DataObject) -> None:
        self.sides = sides
        self.data = data

    def one(self, values: Sequence[Any] | st.SearchStrategy[Any], label: str = "") -> Any:
        """Draw one of several, or from a strategy."""
        if isinstance(values, st.SearchStrategy):
            return self.data.draw(values, label)
        return self.data.draw(st.sampled_from(values), label)

    def user(self) -> str | None:
        """Draw who asks."""
        return self.one(["ann", "ann", "ann", "bob"], "user") if self.sides.setup.users else None

    def known(self) -> list[Session]:
        """Return the sessions that have an id."""
        return [one for one in self.sides.model.sessions if one.id is not None]

    def session(self) -> Session | None:
        """Draw a session, most often one that goes on."""
        live = [one for one in self.known() if not one.over]
        if not live:
            return None
        which: int = self.one(range(len(live)), "session")
        return live[which]

    def addressed(self, ask: Ask, session: Session | None) -> Ask:
        """Address a request to a session, by its user and with its version, or wrongly."""
        fields: dict[str, str | None] = {"accept": self.one(ACCEPTS, "accept")}
        if ask.method == "GET":
            fields["accept"] = self.one(["text/event-stream"] * 5 + ["*/*", BOTH, "text/html"])
        if session is not None:
            fields["mcp-session-id"] = session.id
            version = self.one(VERSIONS, "version")
            fields["mcp-protocol-version"] = (
                REVISIONS[session.revision] if version == "right" else version
            )
        if self.sides.setup.users:
            own = None if session is None else session.user
            fields["x-user"] = self.one([own or "ann"] * 6 + ["bob", "bob", "nobody"], "user")
        return self.spoilt(changed(ask, **fields))

    def spoilt(self, ask: Ask) -> Ask:
        """Break a request now and then."""
        for _ in range(self.one([0] * 6 + [1, 2], "faults")):
            ask = changed(ask, **self.one(FAULTS, "fault"))
        if self.one(range(30), "path") == 29:
            ask.path = "/elsewhere"
        return ask

    # Legacy.

    def an_initialize(self) -> Ask:
        """Return what opens a session."""
        said = hello(self.one([1, 2, 3, 4, 4, 4, 5, "new"], "revision"), self.one(CLIENTS))
        said["id"] = self.one(IDS, "id")
        if self.one(range(8), "bad") == 7:
            del said["params"]["capabilities"]
        ask = posting(said)
        known = self.known()
        if known and self.one(range(5), "again") == 4:
            return self.addressed(ask, self.one(known, "session"))
        return self.addressed(ask, None)

    def a_message(self) -> Json:
        """Return a request or a notification of a legacy client."""
        if self.one(range(4), "kind") == 3:
            return message(self.one(NOTES, "note"))
        method = self.one(METHODS, "method")
        params = self.one(PARAMS.get(method, [None]), "params")
        return message(method, params, id=self.one(IDS, "id"))

    def a_call(self, session: Session | None) -> Json:
        """Return a call of the tool that the machine plays."""
        token = self.one(TOKENS, "token")
        meta = None if token is None else {"progressToken": token}
        number = next(self.sides.numbers)
        return message("tools/call", working(number), id=self.one(IDS, "id"), meta=meta)

    def a_cancellation(self, session: Session | None) -> Json:
        """Return the notice that a request is given up."""
        ids = [0, 1, "x", None]
        if session is not None:
            ids = [*ids, *(one.id for one in session.calls.values())] * 2
        return message("notifications/cancelled", {"requestId": self.one(ids, "cancelled")})

    def a_post(self) -> Ask:
        """Return a POST of a legacy client."""
        session = self.session()
        kind = self.one("ccccmmmxbbn", "kind")
        said: Any
        if kind == "c":
            said = self.a_call(session)
        elif kind == "m":
            said = self.a_message()
        elif kind == "x":
            said = self.a_cancellation(session)
        elif kind == "b":
            size = self.one(range(6), "size")
            said = [self.a_member(session) for _ in range(size)]
        else:
            said = self.one(NOISE, "noise")
        return self.addressed(posting(said), session)

    def a_member(self, session: Session | None) -> Any:
        """Return a member of an array."""
        kind = self.one("mmcxj", "member")
        if kind == "m":
            return self.a_message()
        if kind == "c":
            return self.a_call(session)
        if kind == "x":
            return self.a_cancellation(session)
        return self.one([3, {}, {"jsonrpc": "2.0", "id": 4}, hello(2, {})], "junk")

    def a_listener(self) -> Ask:
        """Return a GET."""
        session = self.session()
        ask = self.addressed(getting(None), session)
        if session is None or self.one(range(3), "resumes") == 0:
            return ask
        known = [one.id for each in session.streams for one in each.events if one.id]
        if known and self.one(range(6), "known"):
            ask.fields["last-event-id"] = self.one(known, "last")
        else:
            ask.fields["last-event-id"] = self.one(LASTS, "last")
        return ask

    def an_end(self) -> Ask:
        """Return a DELETE."""
        return self.addressed(deleting(None), self.session())

    # Modern.

    def a_modern_post(self) -> Ask:
        """Return a POST of a modern client."""
        method = self.one(
            MODERN_METHODS,
            "method",
        )
        params: Json | None = None
        meta: Json = {}
        token = self.one(TOKENS, "token")
        if token is not None:
            meta["progressToken"] = token
        level = self.one([None, None, "info", "error"], "level")
        if level is not None:
            meta["io.modelcontextprotocol/logLevel"] = level
        if method == "tools/call":
            params = self.one([working(next(self.sides.numbers))] * 4 + [{"name": "quick"}, {}])
        elif method == "subscriptions/listen":
            wanted: list[Json] = [{"toolsListChanged": True}, {}, {"promptsListChanged": True}]
            params = {"notifications": self.one(wanted * 2 + [[]], "filter")}
        elif method == "tools/list":
            params = self.one(PARAMS["tools/list"], "params")
        id = self.one([None, *[self.one(IDS, "id")] * 12], "whether")
        ask = modern(method, params, id, meta=meta)
        ask.fields["accept"] = self.one(ACCEPTS, "accept") or BOTH
        if self.sides.setup.users:
            ask.fields["x-user"] = self.one(["ann"] * 5 + ["bob", "nobody"], "user")
        return self.spoilt(ask)
