"""One POST of the modern revision: a sound one is served, and a faulty one gets the right error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.protocol.envelope import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from barewire.protocol.errors import Reason, status_for
from barewire.protocol.headers import Annotation, mirror, standard_headers
from barewire.protocol.jsonrpc import Notification, Params, Request
from barewire.protocol.revisions import LATEST
from barewire.session.admission import Refusal
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.transports.http.modern import admit_post, is_modern, judge_notification

LOCAL = Local("server", {"name": "server", "version": "1"}, {"tools": {}, "logging": {}})
REGION = Annotation("Region", ("region",))
META = {PROTOCOL_VERSION: LATEST.name, CLIENT_CAPABILITIES: {}}
CALL: Params = {"name": "where", "arguments": {"region": "us west"}, "_meta": META}
FIELDS = {
    "mcp-protocol-version": LATEST.name,
    "mcp-method": "tools/call",
    "mcp-name": "where",
    "mcp-param-region": "us west",
}


def annotations_of(tool: str) -> list[Annotation]:
    return [REGION] if tool == "where" else []


def admit(
    params: Params | None = CALL, method: str = "tools/call", **changes: str | None
) -> Exchange | Refusal:
    """Judge a request with sound headers but for the changes; `None` leaves one out."""
    fields = {**FIELDS, "mcp-method": method}
    for name, value in changes.items():
        fields.pop(name.replace("_", "-"), None)
        if value is not None:
            fields[name.replace("_", "-")] = value
    return admit_post(Request(1, method, params), fields, LOCAL, annotations_of)


def without(*path: str) -> Params:
    """Return sound params without one member."""
    params: dict[str, Any] = {**CALL, "arguments": {"region": "us west"}, "_meta": {**META}}
    place: Any = params
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return params


def test_a_sound_post_opens_an_exchange() -> None:
    exchange = admit()
    assert isinstance(exchange, Exchange)
    assert exchange.revision is LATEST
    assert exchange.params == CALL


OTHER_VERSION: Params = {**CALL, "_meta": {**META, PROTOCOL_VERSION: "2099-01-01"}}

FAULTS: dict[str, tuple[Exchange | Refusal, Reason, int]] = {
    "no version header": (admit(mcp_protocol_version=None), Reason.HEADER_MISMATCH, 400),
    "another version header": (
        admit(mcp_protocol_version="2025-11-25"),
        Reason.HEADER_MISMATCH,
        400,
    ),
    "a version that nobody knows": (
        admit(OTHER_VERSION, mcp_protocol_version="2099-01-01"),
        Reason.UNSUPPORTED_VERSION,
        400,
    ),
    "that, and no method header": (
        admit(OTHER_VERSION, mcp_protocol_version="2099-01-01", mcp_method=None),
        Reason.UNSUPPORTED_VERSION,
        400,
    ),
    "no method header": (admit(mcp_method=None), Reason.HEADER_MISMATCH, 400),
    "a method header in other letters": (
        admit(mcp_method="Tools/Call"),
        Reason.HEADER_MISMATCH,
        400,
    ),
    "no name header": (admit(mcp_name=None), Reason.HEADER_MISMATCH, 400),
    "another name header": (admit(mcp_name="there"), Reason.HEADER_MISMATCH, 400),
    "no envelope": (admit(without("_meta")), Reason.NO_ERA, 400),
    "no version in it": (admit(without("_meta", PROTOCOL_VERSION)), Reason.MISSING_ENVELOPE, 400),
    "no capabilities in it": (
        admit(without("_meta", CLIENT_CAPABILITIES)),
        Reason.MISSING_ENVELOPE,
        400,
    ),
    "that, and no method header either": (
        admit(without("_meta", CLIENT_CAPABILITIES), mcp_method=None),
        Reason.HEADER_MISMATCH,
        400,
    ),
    "a method that is not there": (
        admit({"_meta": META}, "no/such"),
        Reason.METHOD_NOT_FOUND,
        404,
    ),
    "a method of the other era": (admit({"_meta": META}, "ping"), Reason.METHOD_NOT_FOUND, 404),
    "a capability that is not declared": (
        admit({"_meta": META}, "prompts/list"),
        Reason.METHOD_NOT_FOUND,
        404,
    ),
    "no header for an argument": (admit(mcp_param_region=None), Reason.HEADER_MISMATCH, 400),
    "another value in it": (admit(mcp_param_region="eu"), Reason.HEADER_MISMATCH, 400),
    "bad Base64 in it": (
        admit(mcp_param_region="=?base64?SGVsbG8?="),
        Reason.HEADER_MISMATCH,
        400,
    ),
    "a header without its argument": (
        admit(without("arguments", "region")),
        Reason.HEADER_MISMATCH,
        400,
    ),
    "arguments that are none": (
        admit({**CALL, "arguments": [], "name": "plain"}, mcp_name="plain"),
        Reason.INVALID_PARAMS,
        200,
    ),
}


@pytest.mark.rule("SR-045")
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_reason_and_its_status(fault: str) -> None:
    refusal, reason, status = FAULTS[fault]
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert status_for(refusal.reason, modern=True) == status


def test_white_space_around_a_field_is_no_part_of_it() -> None:
    assert isinstance(admit(mcp_method=" tools/call\t"), Exchange)


def test_what_is_not_asked_for_does_not_matter() -> None:
    exchange = admit(
        {"_meta": META}, "tools/list", mcp_name="x", mcp_session_id="s", last_event_id="1-1"
    )
    assert isinstance(exchange, Exchange)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
metas: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        PROTOCOL_VERSION: st.sampled_from([LATEST.name, "2025-11-25", "2099-01-01", 7, None]),
        CLIENT_CAPABILITIES: st.sampled_from([{}, {"sampling": {}}, [], None]),
    },
)
fields = st.dictionaries(st.sampled_from(list(FIELDS)), st.sampled_from([*FIELDS.values(), "x"]))


@given(
    st.sampled_from(["tools/call", "tools/list", "ping", "initialize", "x"]),
    st.none()
    | st.fixed_dictionaries({}, optional={"_meta": metas, "name": values, "arguments": values}),
    fields,
)
def test_whatever_comes_is_served_or_refused(
    method: str, params: Params | None, fields: dict[str, str]
) -> None:
    request = Request(1, method, params)
    outcome = admit_post(request, fields, LOCAL, annotations_of)
    is_modern(request, fields)
    judge_notification(Notification(method, params), fields, LOCAL)
    if isinstance(outcome, Exchange):
        assert outcome.revision is LATEST
        assert fields["mcp-method"] == method
        assert fields["mcp-protocol-version"] == LATEST.name


@given(st.text(max_size=20), st.text(max_size=20))
def test_what_our_client_says_our_server_believes(name: str, region: str) -> None:
    params: Params = {"name": name, "arguments": {"region": region}, "_meta": META}
    said = {
        **standard_headers("tools/call", params, LATEST.name),
        **mirror([REGION], {"region": region}),
    }
    lowered = {key.lower(): value for key, value in said.items()}
    outcome = admit_post(Request(1, "tools/call", params), lowered, LOCAL, lambda _: [REGION])
    assert isinstance(outcome, Exchange)


# Which era.


@pytest.mark.parametrize(
    ("method", "params", "version", "modern"),
    [
        ("tools/list", {"_meta": META}, None, True),
        ("tools/list", {"_meta": META}, "2025-11-25", True),
        ("initialize", {"_meta": META}, None, True),
        ("initialize", {}, LATEST.name, False),
        ("tools/list", {}, LATEST.name, True),
        ("tools/list", None, LATEST.name, True),
        ("tools/list", {}, "2025-11-25", False),
        ("tools/list", {}, None, False),
        ("tools/list", {}, "2099-01-01", False),
    ],
)
def test_the_era_is_what_the_message_says_and_then_the_header(
    method: str, params: Params | None, version: str | None, modern: bool
) -> None:
    fields = {} if version is None else {"mcp-protocol-version": version}
    assert is_modern(Request(1, method, params), fields) is modern


# Notifications.


def test_a_notification_needs_no_headers_but_those_that_are_there_are_true() -> None:
    cancelled = Notification("notifications/cancelled", {"requestId": 1, "_meta": META})
    assert judge_notification(cancelled, {}, LOCAL) is None
    assert judge_notification(cancelled, {"mcp-method": "notifications/cancelled"}, LOCAL) is None
    refusal = judge_notification(cancelled, {"mcp-method": "tools/call"}, LOCAL)
    assert refusal is not None
    assert refusal.reason is Reason.HEADER_MISMATCH


@pytest.mark.rule("M0728-HTTP-18", "M0728-HTTP-65")
@pytest.mark.parametrize("version", ["1900-01-01", "2025-11-25", ""])
def test_a_notification_follows_a_revision_that_is_spoken(version: str) -> None:
    meta = {**META, PROTOCOL_VERSION: version}
    cancelled = Notification("notifications/cancelled", {"requestId": 1, "_meta": meta})
    refusal = judge_notification(cancelled, {}, LOCAL)
    assert refusal is not None
    assert refusal.reason is Reason.UNSUPPORTED_VERSION


@pytest.mark.rule("M0728-HTTP-66")
def test_a_method_that_is_not_there_misses_no_name() -> None:
    params: Params = {"_meta": META, "taskId": "t"}
    missing = admit(params, "tasks/get", mcp_name=None)
    assert isinstance(missing, Refusal)
    assert missing.reason is Reason.METHOD_NOT_FOUND
    untrue = admit(params, "tasks/get", mcp_name="u")
    assert isinstance(untrue, Refusal)
    assert untrue.reason is Reason.HEADER_MISMATCH
