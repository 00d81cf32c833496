"""T13, T29, CVE-2026-33252: what a page can send without asking beforehand is refused."""

import pytest

from barewire.transports.http.parsing import ParserName
from tests.http.hosting import Calls, hosted, refuse, target
from tests.http.words import Changes, call, initialize, modern, post

SIMPLE = [
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    None,
    "",
]
"""The types that a page can send to any server, and the lack of one (a Blob without a type)."""

NO_JSON = [
    "application/jsonx",
    "application/json-rpc",
    "application/ld+json",
    "application/problem+json",
    "text/json",
    "application/json, text/plain",
    "text/plain, application/json",
    "text/plain; x=application/json",
    "application/json; charset=utf-16",
    "application/json; charset",
    "application",
    "application/",
    "/json",
    "json",
    "*/*",
    "application/*",
    "application/ json",
    "application/json text/plain",
    "application/json\xa0",
]

FINE = [
    "application/json",
    "Application/JSON",
    "APPLICATION/JSON; CHARSET=UTF-8",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; charset=utf-8",
    "application/json;",
    "application/json; profile=x",
]


def calls_of(fields: Changes) -> list[bytes]:
    """Whatever would have an effect."""
    return [
        post(initialize(), fields),
        modern(call(1, "echo", text="x"), fields),
        post(call(1, "echo", text="x"), fields),
    ]


@pytest.mark.rule("T13", "T29", "B30")
@pytest.mark.parametrize("stateless", [False, True])
async def test_a_body_of_another_type_is_not_looked_at(stateless: bool, parser: ParserName) -> None:
    calls = Calls()
    async with hosted(target(calls), parser=parser, stateless_http=stateless) as host:
        for wrong in SIMPLE + NO_JSON:
            for data in calls_of({"Content-Type": wrong}):
                await refuse(host, data, 415)
        assert not calls.count


@pytest.mark.rule("T13", "B30")
@pytest.mark.parametrize("stateless", [False, True])
async def test_a_simple_request_of_a_foreign_page_does_nothing(stateless: bool) -> None:
    calls = Calls()
    async with hosted(target(calls), stateless_http=stateless) as host:
        for origin in ("null", "http://evil.example"):
            for type in [*SIMPLE, "application/json"]:
                for data in calls_of({"Origin": origin, "Content-Type": type}):
                    refused = await refuse(host, data, 403)
                    assert "mcp-session-id" not in dict(refused.lines)
        assert not calls.count


@pytest.mark.rule("T29")
async def test_json_may_be_said_in_many_ways(parser: ParserName) -> None:
    async with hosted(parser=parser) as host:
        for type in FINE:
            assert (await host.ask(post(initialize(), {"Content-Type": type}))).status == 200, type


@pytest.mark.rule("T13", "B30")
async def test_a_bad_type_or_host_is_told_in_json_to_json_readers_and_to_all_others() -> None:
    async with hosted() as host:
        for accept in ("application/json", "text/html", "text/event-stream", "*/*", None):
            await refuse(host, post({}, {"Accept": accept, "Content-Type": "text/plain"}), 415)
            await refuse(host, post({}, {"Accept": accept, "Host": "evil.example"}), 421)
