"""What a server is set to when nobody says otherwise, and what of a request is never shown."""

import pytest

from barewire.session.limits import DEFAULT_HTTP_LIMITS, HttpLimits
from barewire.session.principal import Principal, RequestFacts
from tests.http.hosting import hosted, target
from tests.http.words import call, modern

KIB = 1024
SECRET = "correct-horse-battery-staple"


@pytest.mark.rule("T6", "T26", "T28", "T33")
def test_the_bounds_are_those_that_were_promised() -> None:
    limits = HttpLimits()
    assert limits.head == 16 * KIB
    assert limits.keep_alive >= 30
    assert limits.defer == 2
    assert limits.comment == 15
    assert limits.kept == 256 * KIB
    assert limits.kept_time == 60
    assert limits == DEFAULT_HTTP_LIMITS


@pytest.mark.rule("T36")
async def test_what_a_request_says_of_its_sender_is_not_shown() -> None:
    asked: list[RequestFacts] = []

    async def authenticate(facts: RequestFacts) -> Principal:
        asked.append(facts)
        return Principal("tests", "ann")

    fields = {"Authorization": f"Bearer {SECRET}", "Cookie": SECRET, "Mcp-Session-Id": SECRET}
    async with hosted(target(authenticate=authenticate)) as host:
        assert (await host.ask(modern(call(1, "echo", text="x"), fields))).status == 200
    (facts,) = asked
    assert SECRET in facts.fields["authorization"]
    for shown in (repr(facts), str(facts), f"{asked}"):
        assert "POST" in shown
        assert SECRET not in shown
