"""Every mark names a rule that exists, and the list of rules misses no mark."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.rules import SHAPE, UnreadableMark, known_rules, main, witnesses

SUITE = """
import pytest
from pytest import mark

pytestmark = pytest.mark.rule("SR-001")
rule = mark.rule
CASES = [1, pytest.param(2, marks=pytest.mark.rule("B2"))]
ALL_CASES: list[object] = [*CASES, pytest.param(3, marks=[pytest.mark.slow, mark.rule("B3")])]

@pytest.mark.rule("T1", "S-01")
def test_plain(): pass

@rule("T2")
@pytest.mark.parametrize("n", ALL_CASES)
async def test_with_cases(n): pass

@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.rule("B4"))])
def test_with_own_cases(n): pass

@mark.rule("H-01")
class TestGroup:
    pytestmark = [pytest.mark.slow, pytest.mark.rule("L-01")]

    @pytest.mark.rule("C-01")
    def test_inside(self): pass

    def helper(self): pass

@mark.rule("H-02")
class Machine: pass

TestMachine = mark.rule("H-03")(Machine)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_a.py").write_text(SUITE)
    return tmp_path


def test_each_mark_counts_for_the_tests_it_stands_on(suite: Path) -> None:
    inside = ["test_a.py::TestGroup::test_inside"]
    assert witnesses(suite) == {
        "B2": ["test_a.py::test_with_cases"],
        "B3": ["test_a.py::test_with_cases"],
        "B4": ["test_a.py::test_with_own_cases"],
        "C-01": inside,
        "H-01": inside,
        "H-02": ["test_a.py::Machine"],
        "H-03": ["test_a.py::TestMachine"],
        "L-01": inside,
        "S-01": ["test_a.py::test_plain"],
        "SR-001": [
            "test_a.py::Machine",
            "test_a.py::TestGroup::test_inside",
            "test_a.py::test_plain",
            "test_a.py::test_with_cases",
            "test_a.py::test_with_own_cases",
        ],
        "T1": ["test_a.py::test_plain"],
        "T2": ["test_a.py::test_with_cases"],
    }


def test_a_mark_that_is_no_plain_string_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("@pytest.mark.rule(*IDS)\ndef test_it(): pass\n")
    with pytest.raises(UnreadableMark, match=r"test_a\.py:1: pytest\.mark\.rule\(\*IDS\)"):
        witnesses(tmp_path)


def test_every_mark_of_this_suite_has_the_shape_of_a_rule() -> None:
    assert [rule for rule in witnesses() if not SHAPE.fullmatch(rule)] == []


def test_every_mark_of_this_suite_names_a_rule_of_the_reference_data(shared: Path) -> None:
    assert sorted(set(witnesses()) - set(known_rules(shared))) == []


def test_the_reference_data_is_read_whole(shared: Path) -> None:
    known = known_rules(shared)
    assert len(known) == len(set(known))
    assert [rule for rule in known if not SHAPE.fullmatch(rule)] == []
    least = {
        "SR-": 198,
        "DEV-": 57,
        "M": 828,
        "B": 30,
        "T": 40,
        "S-": 59,
        "H-": 12,
        "L-": 4,
        "C-": 34,
    }
    lists = Counter(re.match(r"\D+", rule)[0] for rule in known)  # type: ignore[index]  # all match
    assert lists >= Counter(least)


def test_the_list_of_a_rule_without_a_test_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["T999"]) == 1
    assert capsys.readouterr().out == "T999\n    (no test)\n"


def test_the_list_of_missing_rules_counts_those_that_have_a_test(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--missing"]) == 0
    *missing, summary = capsys.readouterr().out.splitlines()
    known = known_rules(shared)
    assert summary == f"{len(known) - len(missing)} of {len(known)} rules have a test"
    assert not set(missing) & set(witnesses())
