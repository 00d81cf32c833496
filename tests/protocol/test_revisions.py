"""The revisions as values: what each changed, by its changelog and by its schema."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from barewire.protocol.revisions import (
    ALL,
    LATEST,
    LATEST_LEGACY,
    LEGACY,
    MODERN,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
    revision_named,
)

# One line per fact, one column per revision: typed from the changelogs, not from the code.
FACTS: dict[str, tuple[object, object, object, object, object]] = {
    "name": ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"),
    "order": (0, 1, 2, 3, 4),
    "era": ("legacy", "legacy", "legacy", "legacy", "modern"),
    "modern": (False, False, False, False, True),
    "batch": (False, True, False, False, False),
    "null_id": (True, True, True, False, False),
    "version_header": (False, False, True, True, True),
    "streamable_http": (False, True, True, True, True),
    "priming": (False, False, False, True, False),
    "argument_errors_in_result": (False, False, False, True, True),
    "structured_content": ("none", "none", "object", "object", "any"),
    "capabilities_declared_for_completion": (False, True, True, True, True),
    "progress_message": (False, True, True, True, True),
    "tool_annotations": (False, True, True, True, True),
    "titles": (False, False, True, True, True),
    "icons": (False, False, False, True, True),
    "modes": (False, False, False, True, True),
    "url_elicitation_error": (False, False, False, True, False),
}
CONTENT = (
    {"text", "image", "resource"},
    {"text", "image", "resource", "audio"},
    *[{"text", "image", "resource", "audio", "resource_link"}] * 3,
)


@pytest.mark.rule("SR-004", "SR-116", "DEV-06", "DEV-07", "DEV-15", "M0326-RPC-19", "M1125-RPC-14")
@pytest.mark.parametrize("fact", FACTS)
def test_a_revision_differs_from_the_one_before_it_as_its_changelog_says(fact: str) -> None:
    assert tuple(getattr(revision, fact) for revision in ALL) == FACTS[fact]


def test_every_fact_stands_in_the_table_above() -> None:
    facts = {field.name for field in fields(LATEST)}
    assert facts | {"modern"} == {*FACTS, "content_types"}


def test_content_has_the_kinds_that_its_revision_knows() -> None:
    assert tuple(revision.content_types for revision in ALL) == CONTENT


def test_the_groups_hold_the_revisions_in_order() -> None:
    assert ALL == (V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28)
    assert ALL[:4] == LEGACY
    assert ALL[4:] == MODERN
    assert LATEST is V2026_07_28
    assert LATEST_LEGACY is V2025_11_25


def test_a_revision_is_found_by_its_date_and_by_nothing_else() -> None:
    for revision in ALL:
        assert revision_named(revision.name) is revision
    names: list[object] = [
        "",
        "2025-03-27",
        "DRAFT-2026-v1",
        "2025-03-26 ",
        None,
        20250326,
        ["2025-03-26"],
        {},
    ]
    for name in names:
        assert revision_named(name) is None


def test_a_revision_knows_whether_it_came_after_another() -> None:
    for place, revision in enumerate(ALL):
        assert [revision.at_least(one) for one in ALL] == [True] * (place + 1) + [False] * (
            4 - place
        )


def test_a_revision_is_its_predecessor_but_for_what_changed() -> None:
    next_one = LATEST.but("2030-01-01", batch=True)
    assert next_one.order == LATEST.order + 1
    assert next_one.batch
    assert not LATEST.batch
    assert next_one.modern
    assert next_one.at_least(LATEST)
    assert next_one != LATEST
    assert repr(next_one) == "<revision 2030-01-01>"


def test_revisions_can_be_keys() -> None:
    assert len({*ALL, *ALL}) == 5
    assert {revision: revision.name for revision in ALL}[V2025_03_26] == "2025-03-26"


# The same facts as the official schemas show them.


@pytest.fixture(params=ALL, ids=lambda revision: revision.name)
def seen(request: pytest.FixtureRequest, shared: Path) -> tuple[Revision, dict[str, Any]]:
    revision: Revision = request.param
    path = shared / "protocol/schema" / revision.name / "schema.json"
    schema = json.loads(path.read_text("utf-8"))
    return revision, schema["$defs"] if "$defs" in schema else schema["definitions"]


def test_the_schema_shows_the_same_facts(seen: tuple[Revision, dict[str, Any]]) -> None:
    revision, known = seen
    client = known["ClientCapabilities"]["properties"]
    assert revision.batch == ("JSONRPCBatchRequest" in known)
    assert revision.icons == ("Icon" in known)
    assert revision.tool_annotations == ("annotations" in known["Tool"]["properties"])
    assert revision.titles == ("title" in known["Tool"]["properties"])
    assert revision.modes == ("url" in client.get("elicitation", {}).get("properties", {}))
    assert revision.modes == ("tools" in client["sampling"]["properties"])
    assert revision.url_elicitation_error == ("URLElicitationRequiredError" in known)
    assert revision.modern == ("DiscoverRequest" in known) == ("InitializeRequest" not in known)
    assert revision.capabilities_declared_for_completion == (
        "completions" in known["ServerCapabilities"]["properties"]
    )
    error = known["JSONRPCError" if "JSONRPCError" in known else "JSONRPCErrorResponse"]
    assert revision.null_id == ("id" in error["required"])
    progress = known["ProgressNotification"]["properties"]["params"]
    if "$ref" in progress:
        progress = known[progress["$ref"].rpartition("/")[2]]
    assert revision.progress_message == ("message" in progress["properties"])


def test_the_schema_shows_the_same_content(seen: tuple[Revision, dict[str, Any]]) -> None:
    revision, known = seen

    def kinds(schema: dict[str, Any]) -> set[str]:
        if "$ref" in schema:
            return kinds(known[schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return {kind for branch in schema["anyOf"] for kind in kinds(branch)}
        return {schema["properties"]["type"]["const"]}

    result = known["CallToolResult"]["properties"]
    assert kinds(result["content"]["items"]) == revision.content_types
    assert kinds(known["PromptMessage"]["properties"]["content"]) == revision.content_types
    structured = result.get("structuredContent")
    shown = "none" if structured is None else structured.get("type", "any")
    assert shown == revision.structured_content
