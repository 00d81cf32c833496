"""A scenario is judged by its checks and by how the suite ended."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.judging import Check, Outcome, judge, read_checks


def checks(*statuses: str) -> list[Check]:
    return [Check(f"check-{index}", status, "why") for index, status in enumerate(statuses)]


def test_one_success_is_enough_and_remarks_do_not_count() -> None:
    assert judge(checks("INFO", "SUCCESS"), 0) == Outcome("passed")


@pytest.mark.parametrize("status", ["FAILURE", "WARNING", "PENDING"])
def test_a_check_that_fails_or_warns_or_says_something_new_fails(status: str) -> None:
    assert judge(checks("SUCCESS", status), 0) == Outcome("failed", [f"{status} check-1: why"])


def test_an_exit_code_fails_although_every_check_succeeded() -> None:
    assert judge(checks("SUCCESS"), 1) == Outcome("failed", ["exit code 1"])


def test_what_took_too_long_fails_whatever_was_written() -> None:
    assert judge(checks("SUCCESS"), None).verdict == "failed"


@pytest.mark.parametrize("found", [None, [], checks("INFO")])
def test_without_a_success_nothing_has_passed(found: list[Check] | None) -> None:
    assert judge(found, 0).verdict == "failed"


def test_messages_that_keep_to_the_schema_are_no_success_of_the_scenario() -> None:
    added = Check("wire-schema-valid", "SUCCESS", "")
    assert judge([added], 0).verdict == "failed"
    assert judge([added, *checks("SKIPPED")], 0).verdict == "skipped"
    assert judge([added, *checks("SUCCESS")], 0).verdict == "passed"
    broken = Check("wire-schema-valid", "FAILURE", "")
    assert judge([broken, *checks("SUCCESS")], 0).verdict == "failed"


def test_what_was_skipped_is_told_also_when_the_rest_passed() -> None:
    assert judge(checks("SKIPPED"), 0) == Outcome("skipped", ["check-0: why"])
    assert judge(checks("SUCCESS", "SKIPPED"), 0) == Outcome("passed", ["check-1: why"])
    assert judge(checks("SKIPPED"), 1).verdict == "failed"


def write(folder: Path, found: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "checks.json").write_text(found if isinstance(found, str) else json.dumps(found))


def test_checks_are_read_wherever_the_suite_put_them(tmp_path: Path) -> None:
    told = {"id": "a", "name": "A", "description": "what", "status": "SUCCESS"}
    write(tmp_path / "auth" / "x-2026", [told, told | {"errorMessage": "why"}])
    write(tmp_path / "auth" / "y-2026", [{"id": "b", "status": "INFO"}])
    assert read_checks(tmp_path) == [
        Check("a", "SUCCESS", "what"),
        Check("a", "SUCCESS", "why"),
        Check("b", "INFO", ""),
    ]


def test_no_file_is_something_else_than_no_checks(tmp_path: Path) -> None:
    assert read_checks(tmp_path) is None
    write(tmp_path / "here", [])
    assert read_checks(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{}}", "[1]", "7", '[{"id": "a"}]', '{"id": "a"}'])
def test_a_file_that_is_no_list_of_checks_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / "here", text)
    with pytest.raises(ValueError, match="no list of checks"):
        read_checks(tmp_path)
