"""What the suite's list says, read."""

import pytest

from tests.conformance.catalogue import UnreadableList, beyond_the_sets, required, runnable

REQUIRED = """\
Required for 2025-11-25 (3 scenarios, frozen; run at the 2025-11-25 wire):

Server scenarios (test against a server):
  - ping
  - tools-list

Client scenarios (test against a client):
  - auth/basic-cimd

Run and reported, but never scored:
  extension (2):
    - auth/dpop [client]
    - tasks-lifecycle [server]
  added-after-release (1):
    - server-session-lifecycle [server]

"""

RUNNABLE = """\
Server scenarios (test against a server):
  - ping [2025-06-18,2025-11-25]
  - caching [2026-07-28]
  - tasks-lifecycle [extension]
  - sep-2640-skills-manifest [extension]

Client scenarios (test against a client):
  - initialize [2025-06-18,2025-11-25]

Authorization server scenarios (test against an authorization server):
  - authorization-code-grant [2025-03-26,2025-06-18,2025-11-25,2026-07-28]
"""


def test_a_set_has_what_is_scored_and_what_is_run_beside_it() -> None:
    found = required(REQUIRED, "2025-11-25")
    assert [(one.side, one.name, one.standing) for one in found] == [
        ("server", "ping", "scored"),
        ("server", "tools-list", "scored"),
        ("client", "auth/basic-cimd", "scored"),
        ("client", "auth/dpop", "extension"),
        ("server", "tasks-lifecycle", "extension"),
        ("server", "server-session-lifecycle", "added-after-release"),
    ]
    assert [one.scored for one in found] == [True] * 3 + [False] * 3
    assert {one.revision for one in found} == {"2025-11-25"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(3 scenarios", "(4 scenarios"),
        ("extension (2)", "extension (3)"),
        ("    - auth/dpop [client]", "    * auth/dpop [client]"),
        ("[client]", "[both]"),
        (REQUIRED, ""),
    ],
)
def test_a_list_with_fewer_scenarios_than_it_says_is_refused(old: str, new: str) -> None:
    with pytest.raises(UnreadableList, match="2025-11-25"):
        required(REQUIRED.replace(old, new), "2025-11-25")


def test_without_a_set_there_is_what_can_run_at_the_revision() -> None:
    found = runnable(RUNNABLE, "2025-06-18")
    assert [(one.side, one.name) for one in found] == [("server", "ping"), ("client", "initialize")]
    assert {one.standing for one in found} == {"no set"}
    assert not any(one.scored for one in found)


def test_a_revision_that_nothing_can_run_at_is_refused() -> None:
    with pytest.raises(UnreadableList, match="2024-11-05"):
        runnable(RUNNABLE, "2024-11-05")


def test_extensions_that_are_in_no_set_are_found_as_well() -> None:
    found = beyond_the_sets(RUNNABLE, "2026-07-28", {"ping", "tasks-lifecycle"})
    assert [(one.name, one.revision, one.standing) for one in found] == [
        ("sep-2640-skills-manifest", "2026-07-28", "extension")
    ]
