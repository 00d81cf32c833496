"""Each situation of Streamable HTTP, one by one, with the status that it must have.

The statuses stand here as literals, and the model is asked besides: an endpoint, the model and this
table have to agree. Revisions 2 to 4 have sessions; revision 5 has none.
"""

from typing import Any

import pytest

from tests.model.http_asks import changed, deleting, getting, modern, posting
from tests.model.http_scripts import (
    LEGACY_ONLY,
    MODERN_ONLY,
    STATEFUL,
    STATELESS,
    USERS,
    ended,
    opened,
    outcome,
    sides_of,
)
from tests.model.http_sides import said
from tests.model.http_words import SESSION, Ask, Setup
from tests.model.samples import hello, message
from tests.model.words import REVISIONS, VERSION, Json

LEGACY = (2, 3, 4)
INVENTED = "0123456789abcdef0123456789abcdef"

PING = message("ping", id="p")
NOTE = message("notifications/roots/list_changed")
ANSWER: Json = {"jsonrpc": "2.0", "id": 77, "result": {}}

# c.2b: which session id, by HTTP method.

BY_ID: dict[tuple[str, str], tuple[Any, ...]] = {
    ("POST initialize", "no id"): (200,),
    ("POST initialize", "ended"): (404,),
    ("POST initialize", "invented"): (404,),
    ("POST initialize", "foreign"): (404,),
    ("POST initialize", "live"): (400, -32600, "again"),
    ("POST request", "no id"): (400,),
    ("POST request", "ended"): (404,),
    ("POST request", "invented"): (404,),
    ("POST request", "foreign"): (404,),
    ("POST request", "live"): (200,),
    ("POST notification", "no id"): (400,),
    ("POST notification", "ended"): (404,),
    ("POST notification", "invented"): (404,),
    ("POST notification", "foreign"): (404,),
    ("POST notification", "live"): (202,),
    ("POST response", "no id"): (400,),
    ("POST response", "ended"): (404,),
    ("POST response", "invented"): (404,),
    ("POST response", "foreign"): (404,),
    ("GET", "no id"): (400,),
    ("GET", "ended"): (404,),
    ("GET", "invented"): (404,),
    ("GET", "foreign"): (404,),
    ("GET", "live"): (200,),
    ("DELETE", "no id"): (400,),
    ("DELETE", "ended"): (404,),
    ("DELETE", "invented"): (404,),
    ("DELETE", "foreign"): (404,),
    ("DELETE", "live"): (200,),
}


def ask_of(method: str, session: str | None, user: str) -> Ask:
    """Return a request of this kind with this session id."""
    if method == "GET":
        return getting(session, user=user)
    if method == "DELETE":
        return deleting(session, user=user)
    said: dict[str, Json] = {
        "POST initialize": hello(3, {}, "again"),
        "POST request": PING,
        "POST notification": NOTE,
        "POST response": ANSWER,
    }
    return posting(said[method], session, user=user)


@pytest.mark.parametrize("revision", LEGACY)
@pytest.mark.parametrize(("method", "which"), BY_ID)
@pytest.mark.rule("M0326-HTTP-50", "M0326-HTTP-51", "M0326-HTTP-54", "M0326-HTTP-55", "H-10")
@pytest.mark.rule("M0326-HTTP-41", "SR-140", "SR-141", "SR-143", "SR-173", "T14", "DEV-11")
@pytest.mark.rule("DEV-12")
def test_a_session_id_decides_by_what_it_is(method: str, which: str, revision: int) -> None:
    with sides_of(USERS) as sides:
        ids = {
            "no id": None,
            "ended": ended(sides, revision, "ann"),
            "invented": INVENTED,
            "foreign": opened(sides, revision, "bob"),
            "live": opened(sides, revision, "ann"),
        }
        _, seen = sides.send(ask_of(method, ids[which], "ann"))
        due = BY_ID[method, which]
        assert outcome(seen)[: len(due)] == due
        if due[0] in (400, 404):
            # Base Protocol › Responses: a request that was read gets its id back.
            asks = {"POST initialize": "again", "POST request": "p"}
            assert outcome(seen)[2] == asks.get(method, "no id")


@pytest.mark.parametrize("setup", [STATELESS, MODERN_ONLY], ids=["stateless", "modern"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("session", [None, INVENTED])
@pytest.mark.rule("M0326-HTTP-41", "M0728-HTTP-69", "H-07", "DEV-13", "DEV-55")
def test_without_sessions_there_is_post_alone(
    setup: Setup, method: str, session: str | None
) -> None:
    with sides_of(setup) as sides:
        _, seen = sides.send(changed(Ask(method), mcp_session_id=session, accept="*/*"))
        assert seen.status == 405
        assert seen.field_named("allow") == "POST"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.rule("M0326-HTTP-01", "M0728-HTTP-02")
def test_other_methods_are_named_what_there_is(method: str) -> None:
    with sides_of(STATEFUL) as sides:
        _, seen = sides.send(Ask(method))
        assert seen.status == 405
        allow = {one.strip() for one in (seen.field_named("allow") or "").split(",")}
        assert allow == {"GET", "POST", "DELETE"}


@pytest.mark.parametrize("setup", [STATEFUL, STATELESS, MODERN_ONLY])
@pytest.mark.parametrize("path", ["/", "/mcp/x", "/MCP", "/mcp%2F", "//mcp", "/mcp;x", ""])
def test_another_path_is_not_found(setup: Setup, path: str) -> None:
    with sides_of(setup) as sides:
        ask = posting(hello(4, {}))
        ask.path = path
        _, seen = sides.send(ask)
        assert outcome(seen)[0] == 404


@pytest.mark.rule("B20")
def test_a_slash_behind_the_path_does_not_matter() -> None:
    with sides_of(STATEFUL) as sides:
        ask = posting(hello(4, {}))
        ask.path = "/mcp/"
        assert outcome(sides.send(ask)[1]) == (200,)


@pytest.mark.parametrize("which", ["no id", "invented", "live"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.rule("M0728-HTTP-69", "H-07", "DEV-13", "DEV-55")
def test_the_modern_revision_has_post_alone_beside_sessions_too(method: str, which: str) -> None:
    with sides_of(STATEFUL) as sides:
        live = opened(sides, 4)
        session = {"no id": None, "invented": INVENTED, "live": live}[which]
        ask = getting(session, 5) if method == "GET" else deleting(session, 5)
        assert outcome(sides.send(ask)[1]) == (405, -32600, "no id")
        assert outcome(sides.send(posting(PING, live))[1]) == (200,)


# c.2, both columns. What is sent, and the status in a session and without sessions; a session of
# this revision is ready, and a stateless request names it.

ARRAY = [PING, NOTE]
SITUATIONS: dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...], tuple[int, ...]]] = {
    "a request": (PING, (200,), (200,), LEGACY),
    "a notification": (NOTE, (202,), (202,), LEGACY),
    "notifications/initialized again": (
        message("notifications/initialized"),
        (202,),
        (202,),
        LEGACY,
    ),
    "a response to nothing": (ANSWER, (202,), (202,), LEGACY),
    "no JSON": (b"{", (400, -32700, "no id"), (400, -32700, "no id"), LEGACY),
    "nothing": (b"", (400, -32700, "no id"), (400, -32700, "no id"), LEGACY),
    "no UTF-8": (b'"\xff"', (400, -32700, "no id"), (400, -32700, "no id"), LEGACY),
    "a broken request": (
        b'{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":}}',
        (400, -32700, 5),
        (400, -32700, 5),
        LEGACY,
    ),
    "a request with id null": (
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        (400, -32600, "no id"),
        (400, -32600, "no id"),
        LEGACY,
    ),
    "a request with id 1.5": (
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        (400, -32600, "no id"),
        (400, -32600, "no id"),
        LEGACY,
    ),
    "a request of JSON-RPC 1": (
        b'{"id":5,"method":"ping"}',
        (400, -32600, 5),
        (400, -32600, 5),
        LEGACY,
    ),
    "a number": (b"3", (400, -32600, "no id"), (400, -32600, "no id"), LEGACY),
    "a response that is none": (
        b'{"jsonrpc":"2.0","id":5,"result":{},"error":{}}',
        (400, -32600),
        (400, -32600),
        LEGACY,
    ),
    "a notification with params that are none": (
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}',
        (400,),
        (400,),
        LEGACY,
    ),
    "an array": (ARRAY, (400, -32600, "no id"), (400, -32600, "no id"), (3, 4)),
    "an array of revision 2": (ARRAY, (200,), (200,), (2,)),
    "an array of notifications": ([NOTE, NOTE], (202,), (202,), (2,)),
    "an array of responses": ([ANSWER, ANSWER], (202,), (202,), (2,)),
    "an empty array": ([], (400, -32600, "no id"), (400, -32600, "no id"), LEGACY),
    "too large an array": ([NOTE] * 5, (400, -32600, "no id"), (400, -32600, "no id"), (2,)),
    "a method that nobody knows": (
        message("nobody/knows", id=5),
        (200, -32601, 5),
        (200, -32601, 5),
        LEGACY,
    ),
    "a method that is not declared": (
        message("prompts/list", id=5),
        (200, -32601, 5),
        (200, -32601, 5),
        LEGACY,
    ),
    "an unknown tool": (
        message("tools/call", {"name": "nobody"}, id=5),
        (200, -32602, 5),
        (200, -32602, 5),
        LEGACY,
    ),
    "params that do not fit": (
        message("tools/call", {"name": 5}, id=5),
        (200, -32602, 5),
        (200, -32602, 5),
        LEGACY,
    ),
}


@pytest.mark.parametrize("stateless", [False, True], ids=["stateful", "stateless"])
@pytest.mark.parametrize(
    ("situation", "revision"),
    [(name, one) for name, (_, _, _, revisions) in SITUATIONS.items() for one in revisions],
)
@pytest.mark.rule("M0326-HTTP-10", "M0618-HTTP-11", "M0326-HTTP-15", "M0326-HTTP-16", "B16")
@pytest.mark.rule("M0326-HTTP-19", "H-05", "H-06", "H-08", "SR-137", "SR-160", "DEV-06", "DEV-16")
@pytest.mark.rule("M1105-RPC-03")
def test_a_legacy_post_has_its_status(situation: str, revision: int, stateless: bool) -> None:
    said, stateful_due, stateless_due, _ = SITUATIONS[situation]
    with sides_of(STATELESS if stateless else STATEFUL) as sides:
        session = None if stateless else opened(sides, revision)
        _, seen = sides.send(posting(said, session, revision))
        due = stateless_due if stateless else stateful_due
        assert outcome(seen)[: len(due)] == due


# Version header rules of revisions 2 to 4.

FIELDS: dict[str, tuple[int, str | None, int, int]] = {
    "none": (4, None, 200, 200),
    "what was agreed on, 2": (2, "2025-03-26", 200, 200),
    "what was agreed on, 3": (3, "2025-06-18", 200, 200),
    "what was agreed on, 4": (4, "2025-11-25", 200, 200),
    "another one, 2": (2, "2025-11-25", 200, 200),
    "another one, 3": (3, "2025-11-25", 400, 200),
    "another one, 4": (4, "2025-06-18", 400, 200),
    "an older one, 4": (4, "2025-03-26", 400, 200),
    "an unknown one, 3": (3, "1900-01-01", 400, 400),
    "an unknown one, 4": (4, "2099-12-31", 400, 400),
    "an unknown one, 2": (2, "2099-12-31", 200, 400),
    "nonsense, 2": (2, "latest", 200, 400),
    "nonsense, 4": (4, "latest", 400, 400),
    "nothing at all, 4": (4, "", 400, 400),
}


@pytest.mark.parametrize("stateless", [False, True], ids=["stateful", "stateless"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("which", FIELDS)
@pytest.mark.rule("M0618-HTTP-60", "M0618-HTTP-61", "H-12", "DEV-15")
def test_the_version_field_is_the_one_agreed_on_or_absent(
    which: str, method: str, stateless: bool
) -> None:
    revision, version, in_session, without = FIELDS[which]
    if stateless and method != "POST":
        return
    with sides_of(STATELESS if stateless else STATEFUL) as sides:
        session = None if stateless else opened(sides, revision)
        ask = {
            "POST": posting(PING, session, version),
            "GET": getting(session, version),
            "DELETE": deleting(session, version),
        }[method]
        _, seen = sides.send(ask)
        assert seen.status == (without if stateless else in_session)


@pytest.mark.rule("M0618-HTTP-60", "DEV-15")
def test_a_stateless_request_without_the_field_is_of_the_revision_that_had_none() -> None:
    with sides_of(STATELESS) as sides:
        _, seen = sides.send(posting([PING]))
        assert said(seen) == [{"jsonrpc": "2.0", "id": "p", "result": {}}]


@pytest.mark.rule("M0326-HTTP-55")
def test_a_session_that_has_ended_is_named_before_a_version_that_is_wrong() -> None:
    with sides_of(STATEFUL) as sides:
        id = ended(sides, 4)
        assert sides.send(posting(PING, id, "latest"))[1].status == 404


@pytest.mark.parametrize("stateless", [False, True], ids=["stateful", "stateless"])
@pytest.mark.parametrize("revision", [1, *LEGACY])
@pytest.mark.rule("M0326-HTTP-50", "M0326-HTTP-51", "SR-140", "SR-142", "DEV-07", "DEV-50")
def test_a_session_is_opened_where_there_are_sessions(revision: int, stateless: bool) -> None:
    with sides_of(STATELESS if stateless else STATEFUL) as sides:
        _, seen = sides.send(posting(hello(revision, {})))
        assert seen.status == 200
        assert said(seen)["result"]["protocolVersion"] == REVISIONS[revision]
        assert (seen.field_named(SESSION) is None) == stateless


@pytest.mark.parametrize("stateless", [False, True], ids=["stateful", "stateless"])
def test_a_session_id_says_nothing_where_there_are_none(stateless: bool) -> None:
    if stateless:
        with sides_of(STATELESS) as sides:
            assert outcome(sides.send(posting(PING, INVENTED))[1]) == (200,)
    with sides_of(STATEFUL) as sides:
        _, seen = sides.send(changed(modern("tools/list", id=1), mcp_session_id=INVENTED))
        assert outcome(seen) == (200,)
        assert seen.field_named(SESSION) is None


@pytest.mark.parametrize("setup", [STATEFUL, STATELESS, MODERN_ONLY])
@pytest.mark.rule("M1105-LIFE-03")
def test_initialize_that_cannot_be_read_opens_nothing(setup: Setup) -> None:
    with sides_of(setup) as sides:
        _, seen = sides.send(posting(message("initialize", {"protocolVersion": 5}, id=3)))
        assert seen.status in (200, 400)
        assert seen.field_named(SESSION) is None


@pytest.mark.rule("M1105-LIFE-09", "M0326-RPC-18")
def test_initialize_is_no_part_of_an_array() -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 2)
        _, seen = sides.send(posting([hello(2, {}, "inside"), PING], id))
        codes = {one["id"]: one.get("error", {}).get("code") for one in said(seen)}
        assert codes == {"inside": -32600, "p": None}
        assert seen.field_named(SESSION) is None


# The head.

TAKES: dict[str, tuple[str | None, int, str | None]] = {
    "both": ("application/json, text/event-stream", 200, "either"),
    "JSON": ("application/json", 200, "json"),
    "events": ("text/event-stream", 200, "events"),
    "anything": ("*/*", 200, "either"),
    "no field": (None, 200, "either"),
    "nothing in it": ("", 200, "either"),
    "parameters": ("application/json; charset=utf-8;q=0.9", 200, "json"),
    "upper case": ("Application/JSON", 200, "json"),
    "application/*": ("application/*", 200, "json"),
    "text/*": ("text/*", 200, "events"),
    "no events": ("application/json, text/event-stream;q=0", 200, "json"),
    "no JSON": ("*/*, application/json;q=0", 200, "events"),
    "no events, anything else": ("*/*, text/event-stream;q=0.000", 200, "json"),
    "HTML": ("text/html", 406, None),
    "text and images": ("text/plain, image/*", 406, None),
    "neither": ("application/json;q=0, text/event-stream;q=0", 406, None),
    "nothing whatever": ("*/*;q=0", 406, None),
    "what begins alike": ("application/jsonp, text/event-stream2", 406, None),
    "what ends alike": ("application/vnd.x+json", 406, None),
    "a wildcard in JSON": ("*/json", 406, None),
}


@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
@pytest.mark.parametrize("which", TAKES)
@pytest.mark.rule("B18", "T29", "DEV-08", "M0326-HTTP-19")
def test_what_a_client_takes_is_what_it_gets(which: str, json: bool | None) -> None:
    accept, status, form = TAKES[which]
    kinds = {True: "application/json", False: "text/event-stream", None: "application/json"}
    kind = {"json": kinds[True], "events": kinds[False], "either": kinds[None]}.get(form or "")
    with sides_of(Setup(json=json)) as sides:
        id = opened(sides, 3)
        _, legacy = sides.send(changed(posting(PING, id), accept=accept))
        _, seen = sides.send(changed(modern("tools/list", id=2), accept=accept))
        assert (legacy.status, seen.status) == (status, status)
        if kind is not None:
            plain = kinds[json] if form == "either" else kind
            assert (legacy.field_named("content-type") or "").startswith(plain)
            assert (seen.field_named("content-type") or "").startswith(kind)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/event-stream", 200),
        ("*/*", 200),
        (None, 200),
        ("application/json, text/event-stream", 200),
        ("application/json", 406),
        ("text/event-stream;q=0", 406),
        ("text/html", 406),
    ],
)
@pytest.mark.rule("M0326-HTTP-41", "B18", "T29")
def test_who_listens_takes_events(accept: str | None, status: int) -> None:
    with sides_of(STATEFUL) as sides:
        id = opened(sides, 4)
        assert sides.send(changed(getting(id), accept=accept))[1].status == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON;charset="UTF-8"', 200),
        ("APPLICATION/JSON; CHARSET=UTF-8", 200),
        (None, 415),
        ("", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("application/jsonx", 415),
        ("application/ld+json", 415),
        ("application/problem+json", 415),
        ("text/json", 415),
        ("application/json; charset=utf-16", 415),
        ("text/plain; application/json", 415),
        ("application/json, text/plain", 415),
    ],
)
@pytest.mark.rule("T29", "T13", "B30")
def test_a_body_is_json(content_type: str | None, status: int) -> None:
    with sides_of(STATEFUL) as sides:
        for ask in (posting(hello(3, {})), modern("tools/list", id=2)):
            _, seen = sides.send(changed(ask, content_type=content_type))
            assert seen.status == status


@pytest.mark.parametrize("setup", [STATEFUL, STATELESS, MODERN_ONLY])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example:8000"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"origin": "http://127.0.0.1@evil.example"}, 403),
        ({"origin": "file://"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "https://127.0.0.1"}, 200),
        ({"origin": "http://[::1]:9"}, 200),
        ({"host": "LOCALHOST"}, 200),
        ({"host": "[::1]:80"}, 200),
    ],
)
@pytest.mark.rule("M0326-HTTP-03", "M1125-HTTP-04", "H-04", "T13", "B30")
def test_pages_and_hosts_of_others_are_refused_before_anything_else(
    setup: Setup, fields: dict[str, str], status: int
) -> None:
    with sides_of(setup) as sides:
        asks = [modern("tools/list", id=2)] if setup.modern else []
        asks += [posting(hello(4, {}))] if setup.legacy else []
        for ask in asks:
            _, seen = sides.send(changed(ask, **fields))
            assert outcome(seen)[0] == status
            assert status == 200 or outcome(seen)[2] == "no id"
        if status != 200:
            for ask in (getting(INVENTED), deleting(None), Ask("PUT"), Ask("POST", path="/x")):
                assert sides.send(changed(ask, **fields))[1].status == status


@pytest.mark.parametrize("user", [None, "nobody"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "modern"])
@pytest.mark.rule("M0326-HTTP-06", "DEV-33", "T14")
def test_whoever_cannot_be_told_is_refused(user: str | None, method: str) -> None:
    with sides_of(USERS) as sides:
        id = opened(sides, 4, "ann")
        ask = {
            "POST": posting(PING, id, user=user),
            "GET": getting(id, user=user),
            "DELETE": deleting(id, user=user),
            "modern": modern("tools/list", id=1, user=user),
        }[method]
        assert outcome(sides.send(ask)[1])[0] == 401
        assert outcome(sides.send(posting(PING, id, user="ann"))[1]) == (200,)


@pytest.mark.rule("T33")
def test_a_body_has_a_bound() -> None:
    with sides_of(STATEFUL) as sides:
        padded = modern("tools/call", {"name": "x" * STATEFUL.bounds.body}, id=1)
        _, seen = sides.send(padded)
        assert outcome(seen)[0] == 413


# c.3.

CALL = {"name": "quick"}
JAPANESE, BAD = "=?base64?5pel5pys6Kqe?=", "=?base64?SGVsbG8?="
REFUSED = (400, -32020, 1)
C3: dict[str, tuple[Ask, tuple[Any, ...]]] = {
    "a request": (modern("tools/list", id=1), (200,)),
    "a call": (modern("tools/call", CALL, id=1), (200,)),
    "discovery": (modern("server/discover", id=1), (200,)),
    "a notification": (modern("notifications/anything"), (202,)),
    "a notification with another method in the head": (
        changed(modern("notifications/anything"), mcp_method="tools/call"),
        (400,),
    ),
    "a response": (posting(ANSWER, version=5), (400, -32600, "no id")),
    "an array": (posting([PING], version=5), (400, -32600, "no id")),
    "no version field": (
        changed(modern("tools/list", id=1), mcp_protocol_version=None),
        (400, -32020, 1),
    ),
    "another version in the head": (
        changed(modern("tools/list", id=1), mcp_protocol_version="2025-11-25"),
        (400, -32020, 1),
    ),
    "no method field": (changed(modern("tools/list", id=1), mcp_method=None), (400, -32020, 1)),
    "another method in the head": (
        changed(modern("tools/list", id=1), mcp_method="TOOLS/LIST"),
        (400, -32020, 1),
    ),
    "no name field": (changed(modern("tools/call", CALL, id=1), mcp_name=None), (400, -32020, 1)),
    "another name in the head": (
        changed(modern("tools/call", CALL, id=1), mcp_name="work"),
        (400, -32020, 1),
    ),
    "a name in Base64": (
        changed(modern("tools/call", CALL, id=1), mcp_name="=?base64?cXVpY2s=?="),
        (200,),
    ),
    "a name in Base64 without padding": (
        changed(modern("tools/call", CALL, id=1), mcp_name="=?base64?cXVpY2s?="),
        (400, -32020, 1),
    ),
    "a name in a Base64 of its own": (
        changed(modern("tools/call", CALL, id=1), mcp_name="=?base64?cXV!pY2s=?="),
        (400, -32020, 1),
    ),
    "a name with markers in upper case": (
        changed(modern("tools/call", CALL, id=1), mcp_name="=?BASE64?cXVpY2s=?="),
        (400, -32020, 1),
    ),
    "a version that nobody knows": (
        changed(
            modern("tools/list", id=1, meta={VERSION: "2099-01-01"}),
            mcp_protocol_version="2099-01-01",
        ),
        (400, -32022, 1),
    ),
    "a legacy version": (
        changed(
            modern("tools/list", id=1, meta={VERSION: "2025-11-25"}),
            mcp_protocol_version="2025-11-25",
        ),
        (400, -32022, 1),
    ),
    "no version in _meta": (
        changed(posting(message("tools/list", id=1, meta={}), version=5), mcp_method="tools/list"),
        (400, -32602, 1),
    ),
    "no _meta": (
        changed(posting(message("tools/list", id=1), version=5), mcp_method="tools/list"),
        (400, -32602, 1),
    ),
    "no capabilities": (
        changed(
            posting(message("tools/list", id=1, meta={VERSION: REVISIONS[5]}), version=5),
            mcp_method="tools/list",
        ),
        (400, -32602, 1),
    ),
    "a method that nobody knows": (modern("nobody/knows", id=1), (404, -32601, 1)),
    "ping": (modern("ping", id=1), (404, -32601, 1)),
    "initialize": (modern("initialize", id=1), (404, -32601, 1)),
    "logging/setLevel": (modern("logging/setLevel", {"level": "info"}, id=1), (404, -32601, 1)),
    "tasks/result": (modern("tasks/result", {"taskId": "t"}, id=1), (404, -32601, 1)),
    "a method that is not declared": (modern("prompts/list", id=1), (404, -32601, 1)),
    "an unknown tool": (modern("tools/call", {"name": "nobody"}, id=1), (200, -32602, 1)),
    "params that do not fit": (modern("tools/list", {"cursor": 3}, id=1), (200, -32602, 1)),
    "a name that none can repeat": (modern("tools/call", {"name": 3}, id=1), (400, -32020, 1)),
    "no name": (modern("tools/call", {}, id=1), (400, -32020, 1)),
    "a request with params that are none": (
        changed(
            posting(b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}', version=5),
            mcp_method="tools/list",
        ),
        (400, -32602, 1),
    ),
    "a notification with params that are none": (
        posting(b'{"jsonrpc":"2.0","method":"notifications/x","params":[]}', version=5),
        (400,),
    ),
    "arguments that do not fit": (
        modern("tools/call", {"name": "work", "arguments": {"n": "x"}}, id=1),
        (200,),
    ),
    **{
        f"an argument repeated: {name}": (
            changed(
                modern("tools/call", {"name": "where", "arguments": arguments}, id=1), **fields
            ),
            due,
        )
        for name, arguments, fields, due in (
            ("as it is", {"region": "us west 1"}, {"mcp_param_region": "us west 1"}, (200,)),
            ("not at all", {"region": "us"}, {}, (400, -32020, 1)),
            ("wrongly", {"region": "us"}, {"mcp_param_region": "eu"}, (400, -32020, 1)),
            ("in another case", {"region": "us"}, {"mcp_param_region": "US"}, (400, -32020, 1)),
            ("in Base64", {"region": "日本語"}, {"mcp_param_region": JAPANESE}, (200,)),
            ("in bad Base64", {"region": "Hello"}, {"mcp_param_region": BAD}, (400, -32020, 1)),
            ("padded", {"region": " a "}, {"mcp_param_region": "=?base64?IGEg?="}, (200,)),
            ("as nothing", {"region": ""}, {"mcp_param_region": ""}, (200,)),
            ("though it is not there", {}, {"mcp_param_region": "us"}, (400, -32020, 1)),
            ("a number", {"floor": 42}, {"mcp_param_floor": "42"}, (200,)),
            ("a number of another form", {"floor": 42}, {"mcp_param_floor": "42.0"}, (200,)),
            ("another number", {"floor": 42}, {"mcp_param_floor": "43"}, (400, -32020, 1)),
            ("no number", {"floor": 42}, {"mcp_param_floor": "many"}, (400, -32020, 1)),
            ("a boolean", {"is_open": True}, {"mcp_param_open": "true"}, (200,)),
            ("a boolean in capitals", {"is_open": True}, {"mcp_param_open": "True"}, REFUSED),
            ("one of two", {"region": "a", "floor": 1}, {"mcp_param_region": "a"}, REFUSED),
            ("one that nobody knows", {}, {"mcp_param_other": "x"}, (200,)),
        )
    },
    "a session id": (changed(modern("tools/list", id=1), mcp_session_id=INVENTED), (200,)),
    "Last-Event-ID": (changed(modern("tools/list", id=1), last_event_id="1-1"), (200,)),
    "no JSON": (changed(posting(b"{", version=5)), (400, -32700, "no id")),
}


@pytest.mark.parametrize("setup", [STATEFUL, STATELESS, MODERN_ONLY])
@pytest.mark.parametrize("situation", C3)
@pytest.mark.rule("M0728-HTTP-12", "M0728-HTTP-17", "M0728-HTTP-18", "M0728-HTTP-62")
@pytest.mark.rule("M0728-HTTP-63", "M0728-HTTP-64", "M0728-HTTP-65", "M0728-HTTP-66")
@pytest.mark.rule("M0728-HTTP-70", "M0728-HTTP-71", "H-01", "H-02", "H-03", "H-05", "H-07", "H-08")
@pytest.mark.rule("M0326-HTTP-19")
def test_a_modern_post_has_its_status(situation: str, setup: Setup) -> None:
    ask, due = C3[situation]
    with sides_of(setup) as sides:
        _, seen = sides.send(ask)
        assert outcome(seen)[: len(due)] == due
        assert seen.field_named(SESSION) is None


@pytest.mark.rule("M0728-HTTP-67")
def test_legacy_traffic_meets_a_modern_server_with_the_fields_that_are_missing() -> None:
    with sides_of(MODERN_ONLY) as sides:
        for ask in (posting(hello(4, {}, 1)), posting(message("tools/list", id=1))):
            assert outcome(sides.send(ask)[1]) == (400, -32020, 1)


@pytest.mark.parametrize("setup", [LEGACY_ONLY, Setup(speaks=(2, 3, 4), stateless=True)])
def test_modern_traffic_meets_a_legacy_server(setup: Setup) -> None:
    with sides_of(setup) as sides:
        _, seen = sides.send(modern("tools/list", id=1))
        assert seen.status == 400
        assert outcome(seen)[1] not in (-32020, -32021, -32022)
