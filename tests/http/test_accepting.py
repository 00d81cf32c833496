"""B18, T29: everybody is served in a form that they can take, as RFC 9110 says what that is."""

import pytest

from barewire.protocol.revisions import V2025_03_26, V2025_11_25
from tests.http.hosting import hosted
from tests.http.raw import Response
from tests.http.words import INITIALIZED, PING, Changes, call, get, initialize, modern, post

JSON, EVENTS, EITHER, NEITHER = "json", "events", "either", "neither"

MATRIX: list[tuple[str | None, str]] = [
    (None, EITHER),
    ("", EITHER),
    ("*/*", EITHER),
    ("application/json, text/event-stream", EITHER),
    ("text/event-stream, application/json", EITHER),
    ("application/json", JSON),
    ("application/*", JSON),
    ("text/event-stream", EVENTS),
    ("text/*", EVENTS),
    ("APPLICATION/JSON", JSON),
    ("Text/Event-Stream;Q=0.5", EVENTS),
    ("application/json;charset=utf-8", JSON),
    ("text/event-stream;q=0", NEITHER),
    ("*/*, text/event-stream;q=0", JSON),
    ("*/*;q=0.1, application/json;q=0", EVENTS),
    ("application/json;q=0, text/event-stream;q=0.000", NEITHER),
    ("application/json , text/event-stream;q=0.001", EITHER),
    ("text/html, application/json;q=0.9, */*;q=0.8", EITHER),
    ("text/html", NEITHER),
    ("application/jsonx, text/event-streamer, text/plain", NEITHER),
    ("application/json-patch+json", NEITHER),
    ('text/html;a="application/json, */*"', NEITHER),
    ('text/html;a="\\\\", application/json', JSON),
    ("*/*;q=0", NEITHER),
    (",,application/json,,", JSON),
    ("application/json\t;\tq=1.000", JSON),
]
"""What a client says that it takes, and what that is of the two forms that there are."""

each_row = pytest.mark.parametrize(("accept", "takes"), MATRIX)


def fits(response: Response, takes: str) -> bool:
    """Whether an answer has a form that the client takes."""
    forms = {"application/json": JSON, "text/event-stream": EVENTS}
    return takes in (EITHER, forms[response.field("content-type") or ""])


@each_row
@pytest.mark.rule("B18", "T29")
@pytest.mark.parametrize("era", ["modern", "session", "stateless"])
async def test_a_client_gets_a_form_that_it_takes(era: str, accept: str | None, takes: str) -> None:
    changes: Changes = {"Accept": accept}
    async with hosted(stateless_http=era == "stateless") as host:
        if era == "modern":
            asked = [modern(call(1, "echo", text="x"), changes)]
        elif era == "stateless":
            asked = [post(PING, changes), post(initialize(), changes)]
        else:
            fields = {**(await host.open()).fields, **changes}
            asked = [post(PING, fields), post(initialize(), changes), post(PING, fields)]
        wire = host.wire()
        for data in asked:
            await wire.send(data)
            if takes == NEITHER:
                refused = await wire.response()
                assert (refused.status, refused.error["code"]) == (406, -32600)
                assert not refused.goes_on
                wire = host.wire()
                continue
            head = await wire.begin()
            assert head.status == 200
            assert fits(head, takes), head
            if head.field("content-type") == "text/event-stream":
                assert len(await wire.messages()) == 1
            else:
                assert await wire.body()


@each_row
@pytest.mark.rule("B18", "T29")
async def test_a_get_needs_who_takes_events(accept: str | None, takes: str) -> None:
    async with hosted() as host:
        session = await host.open()
        wire = host.wire()
        await wire.send(get({**session.fields, "Accept": accept}))
        head = await wire.begin()
        if takes in (EITHER, EVENTS):
            assert head.status == 200
            assert head.field("content-type") == "text/event-stream"
        else:
            assert head.status == 406


@pytest.mark.rule("B18", "T29")
async def test_what_is_only_taken_note_of_has_no_form() -> None:
    async with hosted() as host:
        for revision in (V2025_03_26, V2025_11_25):
            session = await host.open(revision)
            for accept in ("application/json", "text/event-stream", "*/*", None):
                told = await session.ask(INITIALIZED, {"Accept": accept})
                assert (told.status, told.body) == (202, b"")
                assert told.field("content-length") == "0"


@pytest.mark.rule("B18", "T29", "B30")
async def test_refusals_are_json_whatever_is_taken() -> None:
    async with hosted() as host:
        session = await host.open()
        for accept, _ in MATRIX:
            refused = await session.ask(b"no json", {"Accept": accept})
            assert refused.status in (400, 406)
            assert refused.error
