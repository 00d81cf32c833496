"""What each reason is on the wire: code, status and text, by era."""

import pytest

from barewire.protocol.errors import Reason, code_for, is_modern_error, status_for
from barewire.protocol.revisions import ALL, LEGACY, MODERN, Revision

# Typed from the specification's error pages and transport pages, not from the code:
# code in 2024-11-05 to 2025-06-18, in 2025-11-25, in 2026-07-28; status in legacy, in modern.
TABLE: dict[Reason, tuple[int, int, int, int, int]] = {
    Reason.PARSE_ERROR: (-32700, -32700, -32700, 400, 400),
    Reason.INVALID_REQUEST: (-32600, -32600, -32600, 400, 400),
    Reason.BATCH_NOT_ALLOWED: (-32600, -32600, -32600, 400, 400),
    Reason.EMPTY_BATCH: (-32600, -32600, -32600, 400, 400),
    Reason.TOO_LARGE: (-32600, -32600, -32600, 413, 413),
    Reason.DUPLICATE_ID: (-32600, -32600, -32600, 409, 400),
    Reason.NOT_INITIALIZED: (-32600, -32600, -32600, 400, 400),
    Reason.ALREADY_INITIALIZED: (-32600, -32600, -32600, 400, 400),
    Reason.NO_ERA: (-32602, -32602, -32602, 400, 400),
    Reason.MISSING_ENVELOPE: (-32602, -32602, -32602, 400, 400),
    Reason.UNSUPPORTED_VERSION: (-32602, -32602, -32022, 400, 400),
    Reason.HEADER_MISMATCH: (-32600, -32600, -32020, 400, 400),
    Reason.MISSING_CLIENT_CAPABILITY: (-32603, -32603, -32021, 200, 400),
    Reason.METHOD_NOT_FOUND: (-32601, -32601, -32601, 200, 404),
    Reason.INVALID_PARAMS: (-32602, -32602, -32602, 200, 200),
    Reason.UNKNOWN_TOOL: (-32602, -32602, -32602, 200, 200),
    Reason.UNKNOWN_PROMPT: (-32602, -32602, -32602, 200, 200),
    Reason.RESOURCE_NOT_FOUND: (-32002, -32002, -32602, 200, 200),
    Reason.INVALID_CURSOR: (-32602, -32602, -32602, 200, 200),
    Reason.INVALID_LOG_LEVEL: (-32602, -32602, -32602, 200, 200),
    Reason.INVALID_REQUEST_STATE: (-32602, -32602, -32602, 200, 200),
    Reason.URL_ELICITATION_REQUIRED: (-32603, -32042, -32603, 200, 200),
    Reason.USER_REJECTED: (-1, -1, -1, 200, 200),
    Reason.INTERNAL_ERROR: (-32603, -32603, -32603, 200, 200),
    Reason.BUSY: (-32603, -32603, -32603, 503, 503),
}


@pytest.mark.rule("SR-105", "SR-106", "SR-107", "SR-108", "SR-109", "T36", "DEV-24", "M0728-HDR-38")
@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_a_reason_has_the_code_and_status_of_the_era(reason: Reason) -> None:
    early, late, modern, legacy_status, modern_status = TABLE[reason]
    codes = [code_for(reason, revision) for revision in ALL]
    assert codes == [early, early, early, late, modern]
    statuses = [status_for(reason, modern=revision.modern) for revision in ALL]
    assert statuses == [*[legacy_status] * 4, modern_status]


def test_every_reason_stands_in_the_table_under_its_own_name() -> None:
    assert {*Reason} == {*TABLE}
    assert len(Reason) == len(Reason.__members__)  # no two are the same by accident


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_without_a_revision_the_code_is_the_modern_one(reason: Reason) -> None:
    assert code_for(reason, None) == code_for(reason, MODERN[-1])


@pytest.mark.rule("S-07", "S-08", "M0728-RPC-24", "M0728-RPC-25", "M0728-RPC-27", "M0728-RPC-28")
@pytest.mark.rule("M0728-RPC-29", "M0728-RPC-31", "DEV-28", "SR-110")
@pytest.mark.parametrize("revision", MODERN)
def test_of_the_reserved_codes_the_modern_era_uses_its_own_three_alone(revision: Revision) -> None:
    codes = {code_for(reason, revision) for reason in Reason}
    assert {code for code in codes if -32099 <= code <= -32000} == {-32020, -32021, -32022}
    assert not {-32002, -32042} & codes


@pytest.mark.rule("S-07")
@pytest.mark.parametrize("revision", LEGACY)
def test_the_legacy_era_uses_none_of_the_modern_codes(revision: Revision) -> None:
    codes = {code_for(reason, revision) for reason in Reason}
    assert not {-32020, -32021, -32022} & codes
    assert (-32042 in codes) == revision.url_elicitation_error


@pytest.mark.rule("M1125-RPC-16", "M1105-RPC-10", "M1105-RPC-32")
@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_a_reason_has_one_short_sentence(reason: Reason) -> None:
    assert reason.text == reason.row.text
    assert 0 < len(reason.text) < 60
    assert not reason.text.endswith(".")
    assert "\n" not in reason.text


def test_a_reason_shows_its_code() -> None:
    assert repr(Reason.PARSE_ERROR) == "<PARSE_ERROR -32700>"


@pytest.mark.rule("C-20", "C-21", "T12")
@pytest.mark.parametrize("code", [-32020, -32021, -32022])
def test_three_codes_tell_that_a_server_is_modern(code: int) -> None:
    assert is_modern_error(code)


@pytest.mark.rule("C-20", "C-21", "T12")
@pytest.mark.parametrize(
    "code",
    [-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32003, -32042, 0, -32023],
)
def test_no_other_code_does(code: int) -> None:
    assert not is_modern_error(code)
