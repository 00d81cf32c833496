"""What a peer declared, and what a revision lets us declare."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.protocol.capabilities import Capabilities, declares, known_in, required
from barewire.protocol.revisions import ALL, Revision

R1, R2, R3, R4, R5 = ALL

# Typed from the specification: the capabilities that each revision names, both peers together.
ALWAYS = {"experimental", "roots", "sampling", "logging", "prompts", "resources", "tools"}
NAMED = {
    R1: ALWAYS,
    R2: ALWAYS | {"completions"},
    R3: ALWAYS | {"completions", "elicitation"},
    R4: ALWAYS | {"completions", "elicitation", "tasks"},
    R5: ALWAYS | {"completions", "elicitation", "extensions"},
}
EVERYTHING: Capabilities = {key: {} for key in NAMED[R4] | NAMED[R5]}


@pytest.mark.rule("DEV-27", "C-31")
@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_only_what_the_revision_knows_is_declared(revision: Revision) -> None:
    assert {*known_in(EVERYTHING, revision)} == NAMED[revision]
    assert len(EVERYTHING) == 11


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_the_schema_names_the_same(shared: Path, revision: Revision) -> None:
    path = shared / "protocol/schema" / revision.name / "schema.json"
    schema = json.loads(path.read_text("utf-8"))
    known: dict[str, Any] = schema["$defs"] if "$defs" in schema else schema["definitions"]
    names = {
        name
        for peer in ("ClientCapabilities", "ServerCapabilities")
        for name in known[peer]["properties"]
    }
    assert names == NAMED[revision]


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_members_of_the_application_are_kept(revision: Revision) -> None:
    assert known_in({"com.example/x": [1], "tools": {}}, revision) == {
        "com.example/x": [1],
        "tools": {},
    }


@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_what_a_capability_holds_is_kept_where_the_revision_has_it(revision: Revision) -> None:
    server = {
        "resources": {"subscribe": True, "listChanged": False},
        "tools": {"listChanged": True},
    }
    assert known_in(server, revision) == server


@pytest.mark.rule("SR-088")
@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_modern_clients_announce_no_changes_of_roots(revision: Revision) -> None:
    declared = {"roots": {"listChanged": True}}
    assert known_in(declared, revision) == ({"roots": {}} if revision.modern else declared)
    assert known_in({"roots": {}}, revision) == {"roots": {}}


@pytest.mark.rule("C-33")
@pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)
def test_modes_are_left_out_where_there_are_none(revision: Revision) -> None:
    declared: Capabilities = {
        "elicitation": {"form": {}, "url": {}},
        "sampling": {"tools": {}, "context": {}},
    }
    if revision in (R4, R5):
        assert known_in(declared, revision) == declared
    elif revision is R3:
        assert known_in(declared, revision) == {"elicitation": {}, "sampling": {}}
    else:
        assert known_in(declared, revision) == {"sampling": {}}


@pytest.mark.rule("C-33")
def test_a_client_that_serves_urls_alone_declares_no_elicitation_where_that_means_forms() -> None:
    declared: Capabilities = {"elicitation": {"url": {}}, "tools": {}}
    assert known_in(declared, R3) == {"tools": {}}
    assert known_in(declared, R4) == declared
    assert known_in({"elicitation": {}}, R3) == {"elicitation": {}}


def test_what_is_known_is_a_copy() -> None:
    declared: Capabilities = {"roots": {"listChanged": True}, "sampling": {"tools": {}}}
    before = json.dumps(declared)
    for revision in ALL:
        known_in(declared, revision)["new"] = {}
    assert json.dumps(declared) == before


@pytest.mark.parametrize(
    ("capabilities", "path", "answer"),
    [
        ({"tools": {}}, "tools", True),
        ({"tools": {}}, "tools.listChanged", False),
        ({"tools": {"listChanged": True}}, "tools.listChanged", True),
        ({"tools": {"listChanged": False}}, "tools.listChanged", False),
        ({"tools": {"listChanged": False}}, "tools", True),
        ({"tools": {"listChanged": None}}, "tools.listChanged", False),
        ({"tools": False}, "tools", False),
        ({"tools": None}, "tools", False),
        ({"tools": True}, "tools", True),
        ({"tools": True}, "tools.listChanged", False),
        ({"logging": []}, "logging", True),  # an empty object of some PHP programs
        ({"logging": []}, "logging.x", False),
        ({"tools": "yes"}, "tools.y", False),
        ({}, "tools", False),
        ({"Tools": {}}, "tools", False),
        ({"tools.listChanged": True}, "tools.listChanged", False),
        ({"elicitation": {}}, "elicitation", True),
        ({"elicitation": {}}, "elicitation.form", True),
        ({"elicitation": {}}, "elicitation.url", False),
        ({"elicitation": {"url": {}}}, "elicitation.form", False),
        ({"elicitation": {"url": {}}}, "elicitation.url", True),
        ({"elicitation": {"form": {}}}, "elicitation.form", True),
        ({}, "elicitation.form", False),
        ({"elicitation": False}, "elicitation.form", False),
        ({"sampling": {}}, "sampling.form", False),
        ({"tasks": {"requests": {"tools": {"call": {}}}}}, "tasks.requests.tools.call", True),
        ({"tasks": {"requests": {"tools": {}}}}, "tasks.requests.tools.call", False),
        ({"tasks": {"list": {}}}, "tasks.list", True),
    ],
)
def test_a_capability_is_declared_by_its_presence_or_by_true(
    capabilities: Capabilities, path: str, answer: bool
) -> None:
    assert declares(capabilities, path) is answer


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["tools", "list", "form", "x"]), inner, max_size=3)
    ),
)


@pytest.mark.rule("T31")
@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*EVERYTHING, "x"]), anything), st.sampled_from(ALL))
def test_whatever_a_peer_declares_can_be_asked_and_narrowed(
    capabilities: Capabilities, revision: Revision
) -> None:
    for path in ("tools", "tools.list", "elicitation.form", "tasks.requests.tools.call"):
        assert declares(capabilities, path) in (True, False)
    assert {*known_in(capabilities, revision)} <= {*capabilities}


@pytest.mark.rule("S-25")
@given(
    st.sets(st.sampled_from(["roots", "sampling", "sampling.tools", "elicitation.url", "a.b.c"]))
)
def test_what_is_required_declares_itself_and_no_more(paths: set[str]) -> None:
    least = required(sorted(paths))
    assert all(declares(least, path) for path in paths)
    assert {*least} == {path.partition(".")[0] for path in paths}


def test_required_capabilities_are_merged() -> None:
    assert required(["elicitation", "elicitation.url", "sampling.tools", "sampling.context"]) == {
        "elicitation": {"url": {}},
        "sampling": {"tools": {}, "context": {}},
    }
    assert required([]) == {}
