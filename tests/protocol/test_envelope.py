"""Reading what a modern request says of itself; every fault is named."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.protocol.envelope import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    ENVELOPE_KEYS,
    LOG_LEVEL,
    LOG_LEVELS,
    PROGRESS_TOKEN,
    PROTOCOL_VERSION,
    SERVER_INFO,
    SUBSCRIPTION_ID,
    Envelope,
    EnvelopeFault,
    claims_modern,
    meta_of,
    read_envelope,
    tagged,
)
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Params

LEAST: dict[str, Any] = {PROTOCOL_VERSION: "2026-07-28", CLIENT_CAPABILITIES: {}}
FULL: dict[str, Any] = {
    PROTOCOL_VERSION: "2026-07-28",
    CLIENT_INFO: {"name": "demo", "version": "1", "title": "Demo", "more": [1]},
    CLIENT_CAPABILITIES: {"elicitation": {"form": {}}, "com.example/x": 7},
    LOG_LEVEL: "notice",
    PROGRESS_TOKEN: 3,
    "com.example/trace": "x",
}


def test_the_keys_are_the_ones_of_the_specification() -> None:
    prefix = "io.modelcontextprotocol/"
    assert prefix + "protocolVersion" == PROTOCOL_VERSION
    assert prefix + "clientInfo" == CLIENT_INFO
    assert prefix + "clientCapabilities" == CLIENT_CAPABILITIES
    assert prefix + "logLevel" == LOG_LEVEL
    assert prefix + "serverInfo" == SERVER_INFO
    assert prefix + "subscriptionId" == SUBSCRIPTION_ID
    assert PROGRESS_TOKEN == "progressToken"
    assert {*ENVELOPE_KEYS} == {PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL}


@pytest.mark.rule("S-22")
def test_an_envelope_is_read_whole_and_its_other_members_are_left_alone() -> None:
    assert read_envelope(LEAST) == Envelope("2026-07-28", {})
    assert read_envelope(FULL) == Envelope(
        "2026-07-28", FULL[CLIENT_CAPABILITIES], FULL[CLIENT_INFO], "notice"
    )


def test_any_version_is_read_for_whether_it_is_served_is_another_question() -> None:
    for version in ("2024-11-05", "1900-01-01", "", "x"):
        assert read_envelope({**LEAST, PROTOCOL_VERSION: version}) == Envelope(version, {})


def test_null_counts_as_absent_where_a_member_may_be_absent() -> None:
    assert read_envelope({**LEAST, CLIENT_INFO: None, LOG_LEVEL: None}) == Envelope(
        "2026-07-28", {}
    )


NOT_OBJECTS: list[Any] = [None, True, 1, "x", [], [{}]]
NOT_STRINGS: list[Any] = [None, True, 1, 2.5, [], {}]


def missing(key: str, expected: str) -> str:
    return f"params._meta['{key}'] is missing: it must be {expected}"


def mistyped(key: str, expected: str) -> str:
    return f"params._meta['{key}'] must be {expected}"


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, missing(PROTOCOL_VERSION, "a string")),
    ({CLIENT_CAPABILITIES: {}}, missing(PROTOCOL_VERSION, "a string")),
    ({PROTOCOL_VERSION: "2026-07-28"}, missing(CLIENT_CAPABILITIES, "an object")),
    *(
        ({**LEAST, PROTOCOL_VERSION: bad}, mistyped(PROTOCOL_VERSION, "a string"))
        for bad in NOT_STRINGS
    ),
    *(
        ({**LEAST, CLIENT_CAPABILITIES: bad}, mistyped(CLIENT_CAPABILITIES, "an object"))
        for bad in NOT_OBJECTS
    ),
    *(
        (
            {**LEAST, CLIENT_CAPABILITIES: {"x": 1, key: bad}},
            mistyped(f"{CLIENT_CAPABILITIES}.{key}", "an object"),
        )
        for key in ("roots", "sampling", "elicitation", "experimental", "extensions")
        for bad in NOT_OBJECTS
    ),
    *(({**LEAST, CLIENT_INFO: bad}, mistyped(CLIENT_INFO, "an object")) for bad in NOT_OBJECTS[1:]),
    ({**LEAST, CLIENT_INFO: {}}, missing(f"{CLIENT_INFO}.name", "a string")),
    ({**LEAST, CLIENT_INFO: {"name": "x"}}, missing(f"{CLIENT_INFO}.version", "a string")),
    *(
        (
            {**LEAST, CLIENT_INFO: {"name": bad, "version": "1"}},
            mistyped(f"{CLIENT_INFO}.name", "a string"),
        )
        for bad in NOT_STRINGS
    ),
    *(
        (
            {**LEAST, CLIENT_INFO: {"name": "x", "version": bad}},
            mistyped(f"{CLIENT_INFO}.version", "a string"),
        )
        for bad in NOT_STRINGS
    ),
]


@pytest.mark.rule("S-22", "S-23")
@pytest.mark.parametrize(("meta", "detail"), FAULTS)
def test_a_fault_is_named_by_its_member(meta: dict[str, Any], detail: str) -> None:
    assert read_envelope(meta) == EnvelopeFault(Reason.MISSING_ENVELOPE, detail)


@pytest.mark.rule("S-44", "SR-066")
@pytest.mark.parametrize("level", ["", "Info", "warn", "trace", 6, 0, True, [], {}, ["info"]])
def test_an_unknown_log_level_is_named_with_the_known_ones(level: object) -> None:
    fault = read_envelope({**LEAST, LOG_LEVEL: level})
    assert fault == EnvelopeFault(
        Reason.INVALID_LOG_LEVEL,
        "params._meta['io.modelcontextprotocol/logLevel'] must be one of "
        "debug, info, notice, warning, error, critical, alert, emergency",
    )


@pytest.mark.rule("SR-067", "SR-068", "SR-069", "SR-070", "SR-071", "SR-072", "SR-073", "SR-074")
@pytest.mark.rule("SR-066", "SR-075", "DEV-26")
def test_the_eight_levels_have_the_severities_of_syslog() -> None:
    names = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
    assert sorted(LOG_LEVELS, key=LOG_LEVELS.__getitem__) == names
    assert sorted(LOG_LEVELS.values()) == [*range(8)]
    for level in names:
        assert read_envelope({**LEAST, LOG_LEVEL: level}) == Envelope("2026-07-28", {}, None, level)


def test_a_capability_that_the_revision_does_not_have_may_be_anything() -> None:
    declared = {"tasks": True, "com.example/x": None}
    assert read_envelope({**LEAST, CLIENT_CAPABILITIES: declared}) == Envelope(
        "2026-07-28", declared
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "version", "roots", "x"]), inner, max_size=3)
    ),
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*ENVELOPE_KEYS, PROGRESS_TOKEN]), anything))
def test_any_meta_is_an_envelope_or_a_fault(meta: dict[str, Any]) -> None:
    read = read_envelope(meta)
    assert isinstance(read, Envelope | EnvelopeFault)
    if isinstance(read, Envelope):
        assert claims_modern(meta)


@pytest.mark.rule("L-04")
@pytest.mark.parametrize(
    ("meta", "claims"),
    [
        (None, False),
        ({}, False),
        ({PROGRESS_TOKEN: 1, "protocolVersion": "2026-07-28"}, False),
        ({CLIENT_INFO: {}, LOG_LEVEL: "info"}, False),
        ({PROTOCOL_VERSION: "2024-11-05"}, True),
        ({PROTOCOL_VERSION: None}, True),
        ({CLIENT_CAPABILITIES: None}, True),
        (LEAST, True),
    ],
)
def test_a_request_is_modern_when_it_says_either_of_what_every_modern_one_says(
    meta: dict[str, Any] | None, claims: bool
) -> None:
    assert claims_modern(meta) is claims


@pytest.mark.parametrize(
    ("params", "meta"),
    [
        (None, None),
        ({}, None),
        ({"_meta": None}, None),
        ({"_meta": []}, None),
        ({"_meta": "x"}, None),
        ({"_meta": {}}, {}),
        ({"_meta": {"a": 1}, "b": 2}, {"a": 1}),
        ({"meta": {}}, None),
    ],
)
def test_meta_is_an_object_or_none(params: Params | None, meta: dict[str, Any] | None) -> None:
    assert meta_of(params) == meta


def test_a_tag_is_set_on_a_copy() -> None:
    params = {"a": 1, "_meta": {"b": 2}}
    assert tagged(params, "c", 3) == {"a": 1, "_meta": {"b": 2, "c": 3}}
    assert tagged(params, "b", None) == {"a": 1, "_meta": {"b": None}}
    assert params == {"a": 1, "_meta": {"b": 2}}
    assert tagged(None, "c", 3) == {"_meta": {"c": 3}}
    assert tagged({"_meta": "odd"}, "c", 3) == {"_meta": {"c": 3}}
