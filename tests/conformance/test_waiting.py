"""The list of what does not pass yet."""

from pathlib import Path

import pytest

from tests.conformance.catalogue import Scenario
from tests.conformance.waiting import read_waiting


def scenario(name: str, side: str = "server", revision: str = "2026-07-28") -> Scenario:
    return Scenario("client" if side == "client" else "server", revision, name, "scored")


LISTED = """
[[waiting]]
scenarios = ["prompts-*", "ping"]
side = "server"
revisions = ["2025-11-25", "2026-07-28"]
reason = "prompts"

[[waiting]]
scenarios = ["*"]
side = "client"
reason = "no client"

[[skipped]]
scenarios = ["tasks-status"]
side = "server"
reason = "always"
"""


def test_an_entry_covers_its_names_on_its_side_at_its_revisions() -> None:
    expected = read_waiting(LISTED)
    found = expected.of(scenario("prompts-list"))
    assert found is not None
    assert (found.expectation, found.reason) == ("waiting", "prompts")
    assert expected.of(scenario("tools-list")) is None
    assert expected.of(scenario("prompts-list", revision="2025-06-18")) is None
    other = expected.of(scenario("prompts-list", "client", "2025-06-18"))
    assert other is not None
    assert other.reason == "no client"
    always = expected.of(scenario("tasks-status"))
    assert always is not None
    assert always.expectation == "skipped"


def test_a_scenario_is_listed_once() -> None:
    expected = read_waiting(LISTED.replace("tasks-status", "pin*"))
    with pytest.raises(ValueError, match="ping at 2026-07-28 is listed twice"):
        expected.of(scenario("ping"))


def test_what_is_listed_but_does_not_exist_is_told_by_pattern_and_revision() -> None:
    known = [
        scenario("prompts-list"),
        scenario("prompts-list", revision="2025-11-25"),
        scenario("ping", revision="2025-11-25"),
        scenario("tasks-status", "client"),
    ]
    assert read_waiting(LISTED).without_a_scenario(known) == [
        "server ping at 2026-07-28",
        "server tasks-status at any revision",
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('reason = "prompts"', 'reason = " "', "no reason"),
        ('reason = "no client"', "", "no reason"),
        ('side = "client"', 'side = "both"', "side"),
        ('scenarios = ["*"]', "scenarios = []", "no scenarios"),
        ('scenarios = ["*"]', 'scenario = "ping"', "an entry has"),
        ("[[skipped]]", "[[forgotten]]", "waiting or skipped"),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(old: str, new: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_waiting(LISTED.replace(old, new))


def test_our_list_can_be_read() -> None:
    read_waiting()


def test_the_suite_is_pinned_and_its_lock_file_says_no_place() -> None:
    npm = Path(__file__).with_name("npm")
    assert '"@modelcontextprotocol/conformance": "0.2.0-alpha.12"' in (
        npm / "package.json"
    ).read_text("utf-8")
    assert '"resolved"' not in (npm / "package-lock.json").read_text("utf-8")
