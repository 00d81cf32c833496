"""The method table against the official schemas, and against what the specification's pages say."""

import json
from pathlib import Path
from typing import Any

import pytest

from barewire.protocol import payloads
from barewire.protocol.methods import (
    METHODS,
    Direction,
    Method,
    Role,
    method_named,
    other,
    sent_by,
)
from barewire.protocol.revisions import ALL, LEGACY, MODERN, Revision

R1, R2, R3, R4, R5 = ALL

# Typed from the pages of the specification, not from the code. Sender in legacy and in modern
# revisions (client, server, either, embedded in an answer), the first revision, the capability of
# whoever serves it and since when that is declared, flags: Paginated, Cacheable, X cancellable,
# Input may be required, Task.
TABLE = """
initialize                           c -  1 -                      -  -
server/discover                      - c  5 -                      -  CX
ping                                 e -  1 -                      -  X
tools/list                           c c  1 tools                  1  PCX
tools/call                           c c  1 tools                  1  XIT
resources/list                       c c  1 resources              1  PCX
resources/templates/list             c c  1 resources              1  PCX
resources/read                       c c  1 resources              1  CXI
resources/subscribe                  c -  1 resources.subscribe    1  X
resources/unsubscribe                c -  1 resources.subscribe    1  X
prompts/list                         c c  1 prompts                1  PCX
prompts/get                          c c  1 prompts                1  XI
completion/complete                  c c  1 completions            2  X
logging/setLevel                     c -  1 logging                1  X
subscriptions/listen                 - c  5 -                      -  X
tasks/get                            e -  4 tasks                  4  X
tasks/result                         e -  4 tasks                  4  X
tasks/list                           e -  4 tasks.list             4  PX
tasks/cancel                         e -  4 tasks.cancel           4  -
roots/list                           s m  1 roots                  1  X
sampling/createMessage               s m  1 sampling               1  XT
elicitation/create                   s m  3 elicitation            3  XT
notifications/initialized            c -  1 -                      -
notifications/cancelled              e e  1 -                      -
notifications/progress               e s  1 -                      -
notifications/message                s s  1 logging                1
notifications/resources/updated      s s  1 resources.subscribe    1
notifications/resources/list_changed s s  1 resources.listChanged  1
notifications/tools/list_changed     s s  1 tools.listChanged      1
notifications/prompts/list_changed   s s  1 prompts.listChanged    1
notifications/roots/list_changed     c -  1 roots.listChanged      1
notifications/tasks/status           e -  4 -                      -
notifications/elicitation/complete   s -  4 -                      -
notifications/subscriptions/acknowledged - s 5 -                   -
"""
DIRECTIONS = {
    "c": Direction.CLIENT,
    "s": Direction.SERVER,
    "e": Direction.BOTH,
    "m": Direction.EMBEDDED,
    "-": None,
}
ROWS = {name: rest for name, *rest in (line.split() for line in TABLE.strip().splitlines())}


def definitions(shared: Path, revision: Revision) -> dict[str, Any]:
    schema = json.loads(
        (shared / "protocol/schema" / revision.name / "schema.json").read_text("utf-8")
    )
    found: dict[str, Any] = schema["$defs"] if "$defs" in schema else schema["definitions"]
    return found


def methods_in(union: str, known: dict[str, Any]) -> set[str]:
    """The methods of a union of the schema, empty when the revision has no such union."""
    if union not in known:
        return set()
    members = known[union].get("anyOf", [known[union]])
    members = [
        known[member["$ref"].rpartition("/")[2]] if "$ref" in member else member
        for member in members
    ]
    return {member["properties"]["method"]["const"] for member in members}


@pytest.mark.rule("SR-101", "SR-112", "DEV-32")
@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("kind", ["request", "notification"])
def test_each_peer_sends_the_methods_that_the_schema_gives_it(
    shared: Path, revision: Revision, sender: Role, kind: str
) -> None:
    wanted = methods_in(f"{sender.title()}{kind.title()}", definitions(shared, revision))
    assert {name for name, row in sent_by(sender, revision).items() if row.kind == kind} == wanted


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_what_servers_ask_inside_an_answer_is_what_the_schema_says(
    shared: Path, revision: Revision
) -> None:
    embedded = {row.name for row in METHODS if row.direction(revision) is Direction.EMBEDDED}
    assert embedded == methods_in("InputRequest", definitions(shared, revision))
    assert bool(embedded) == revision.modern


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_params_are_called_what_the_schema_calls_them(shared: Path, revision: Revision) -> None:
    known = definitions(shared, revision)
    bases = {"RequestParams", "PaginatedRequestParams", "NotificationParams"}
    for row in METHODS:
        if row.direction(revision) is None:
            continue
        assert hasattr(payloads, row.params), row.name
        assert row.result is None or hasattr(payloads, row.result), row.name
        definition = next(
            found
            for found in known.values()
            if found.get("properties", {}).get("method", {}).get("const") == row.name
        )
        params = definition["properties"].get("params", {})
        if "$ref" in params:
            named = params["$ref"].rpartition("/")[2]
            assert row.params == named or {row.params, named} <= bases, row.name


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_results_are_called_what_the_schema_calls_them(shared: Path, revision: Revision) -> None:
    known = definitions(shared, revision)
    unions = {"client": "ServerResult", "server": "ClientResult"}
    for sender, union in unions.items():
        members = known.get(union, {}).get("anyOf", [])
        results = {member["$ref"].rpartition("/")[2] for member in members}
        for row in METHODS:
            direction = row.direction(revision)
            if (
                row.kind == "request"
                and direction is not None
                and direction.value.startswith(sender)
            ):
                assert row.result in results | {"EmptyResult"}, row.name
                assert row.result in known, row.name


@pytest.mark.rule("SR-007", "SR-047", "SR-049", "SR-050", "SR-051", "SR-052", "SR-053", "SR-054")
@pytest.mark.rule("SR-055", "SR-091", "DEV-01", "DEV-04", "DEV-05")
@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.name)
def test_a_row_says_what_the_pages_say(row: Method) -> None:
    legacy, modern, first, capability, since, *flags = ROWS[row.name]
    assert (row.legacy, row.modern) == (DIRECTIONS[legacy], DIRECTIONS[modern])
    assert row.since is ALL[int(first) - 1]
    assert row.capability == (None if capability == "-" else capability)
    for revision in (one for one in ALL if one.at_least(row.since)):
        due = capability != "-" and revision.at_least(ALL[int(since) - 1])
        assert row.gate(revision) == (capability if due else None)
    if row.kind == "request":
        (letters,) = flags
        assert row.paginated == ("P" in letters)
        assert row.cacheable == ("C" in letters)
        assert row.cancellable == ("X" in letters)
        assert row.input_required == ("I" in letters)
        assert row.task == ("T" in letters)
        assert row.result is not None
    else:
        assert row.result is None
        assert not any((row.paginated, row.cacheable, row.input_required, row.task))


def test_every_method_has_one_row() -> None:
    assert sorted(row.name for row in METHODS) == sorted(ROWS)
    assert [method_named(row.name) for row in METHODS] == [*METHODS]
    assert method_named("tools/List") is None
    assert method_named("") is None
    for row in METHODS:
        assert (row.kind == "notification") == row.name.startswith("notifications/")
        assert row.summary


@pytest.mark.rule("S-28")
def test_input_is_required_by_three_methods_alone() -> None:
    asking = {row.name for row in METHODS if row.input_required}
    assert asking == {"tools/call", "prompts/get", "resources/read"}


@pytest.mark.rule("S-45")
def test_six_results_can_be_cached() -> None:
    assert {row.name for row in METHODS if row.cacheable} == {
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
    }


PAGES = {
    "basic/lifecycle": LEGACY,
    "basic/utilities/ping": LEGACY,
    "basic/utilities/cancellation": LEGACY,
    "basic/utilities/progress": LEGACY,
    "basic/utilities/tasks": (R4,),
    "basic/patterns/cancellation": MODERN,
    "basic/patterns/progress": MODERN,
    "basic/patterns/subscriptions": MODERN,
    "server/discover": MODERN,
    "server/tools": ALL,
    "server/resources": ALL,
    "server/prompts": ALL,
    "server/utilities/completion": ALL,
    "server/utilities/logging": ALL,
    "client/sampling": ALL,
    "client/roots": ALL,
    "client/elicitation": (R3, R4, R5),
}


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_a_row_names_a_page_that_the_revision_has(revision: Revision) -> None:
    there = {
        f"{revision.name}/{page}" for page, revisions in PAGES.items() if revision in revisions
    }
    named = {row.page(revision) for row in METHODS if row.direction(revision) is not None}
    assert named == there


# Who may send what.


@pytest.mark.parametrize(
    ("direction", "client", "server"),
    [
        (Direction.CLIENT, True, False),
        (Direction.SERVER, False, True),
        (Direction.BOTH, True, True),
        (Direction.EMBEDDED, False, False),
    ],
)
def test_a_direction_says_who_may_send(direction: Direction, client: bool, server: bool) -> None:
    assert direction.allows("client") is client
    assert direction.allows("server") is server


def test_the_far_end_of_a_server_is_a_client() -> None:
    assert other("server") == "client"
    assert other("client") == "server"


@pytest.mark.rule("C-03", "M0728-STD-10", "M0728-PAT-01", "M0728-HTTP-34", "SR-046")
def test_modern_servers_send_no_requests_and_modern_clients_hardly_any_notification() -> None:
    for revision in MODERN:
        assert all(row.kind == "notification" for row in sent_by("server", revision).values())
        told = [
            name for name, row in sent_by("client", revision).items() if row.kind == "notification"
        ]
        assert told == ["notifications/cancelled"]


def test_a_row_can_be_varied_without_changing_the_table() -> None:
    row = method_named("tools/call")
    assert row is not None
    varied = row.but(cancellable=False)
    assert not varied.cancellable
    assert row.cancellable
    assert varied.but(cancellable=True) == row
    assert hash(varied) == hash(row)
    assert sent_by("client", R1)["tools/call"] is row


@pytest.mark.rule("M1125-TASK-04")
def test_running_as_a_task_takes_a_capability_for_each_kind_of_request() -> None:
    gates = {
        (method.name, revision.name): gate
        for method in METHODS
        for revision in ALL
        if (gate := method.task_gate(revision)) is not None
    }
    assert gates == {
        (name, "2025-11-25"): f"tasks.requests.{name.replace('/', '.')}"
        for name in ("tools/call", "sampling/createMessage", "elicitation/create")
    }
