"""What the operators make of a module, and how a noticed fault differs from an unnoticed one."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.accepted import accepted
from tests.mutants.forks import DIED, outcomes
from tests.mutants.operators import applied, mutants_of
from tests.mutants.verdict import verdict

ROOT = Path(__file__).resolve().parents[2]


def made_of(source: str) -> dict[str, str]:
    """Return the lines that differ in each mutant of a module, by operator and what it is about."""
    tree, mutants = mutants_of(source, "x.py")
    made: dict[str, str] = {}
    before = ast.unparse(tree).splitlines()
    for mutant in mutants:
        with applied(tree, mutant) as changed:
            after = ast.unparse(changed).splitlines()
        different = [line.strip() for line in after if line not in before]
        made[mutant.key.split(" | ", 2)[2]] = " / ".join(different)
    assert ast.unparse(tree).splitlines() == before
    return made


TABLE = """
STATES: dict[tuple[str, str], str] = {("new", "open"): "opened", ("opened", "end"): "closed"}
"""
ROWS = """
class Row:
    name: str
    loud: bool = False

ROWS = (Row("a", 1), Row("b", 2, loud=True))
"""
FUNCTION = """
def small(number: int, limit: int) -> bool:
    "A sentence of words."
    if number is None or number < limit:
        return number + 1
    raise ValueError(f"{number} is too large")
"""


def test_a_table_loses_each_row_and_gets_each_wrong_target() -> None:
    assert made_of(TABLE) == {
        "no row | ('new', 'open')": (
            "STATES: dict[tuple[str, str], str] = {('opened', 'end'): 'closed'}"
        ),
        "no row | ('opened', 'end')": (
            "STATES: dict[tuple[str, str], str] = {('new', 'open'): 'opened'}"
        ),
        "another target | (('new', 'open'), 'closed')": (
            "STATES: dict[tuple[str, str], str] = "
            "{('new', 'open'): 'closed', ('opened', 'end'): 'closed'}"
        ),
        "another target | (('opened', 'end'), 'opened')": (
            "STATES: dict[tuple[str, str], str] = "
            "{('new', 'open'): 'opened', ('opened', 'end'): 'opened'}"
        ),
    }


def test_rows_that_are_calls_lose_cells_and_get_those_of_others_and_flags_are_flipped() -> None:
    assert made_of(ROWS) == {
        "flipped | False": "loud: bool = True",
        "no row | 'a'": "ROWS = (Row('b', 2, loud=True),)",
        "no row | 'b'": "ROWS = (Row('a', 1),)",
        "cell 0 of another row | Row('a', 1)": "ROWS = (Row('b', 1), Row('b', 2, loud=True))",
        "cell 1 of another row | Row('a', 1)": "ROWS = (Row('a', 2), Row('b', 2, loud=True))",
        "loud=True | Row('a', 1)": "ROWS = (Row('a', 1, loud=True), Row('b', 2, loud=True))",
        "cell 0 of another row | Row('b', 2, loud=True)": (
            "ROWS = (Row('a', 1), Row('a', 2, loud=True))"
        ),
        "cell 1 of another row | Row('b', 2, loud=True)": (
            "ROWS = (Row('a', 1), Row('b', 1, loud=True))"
        ),
        "flipped | True": "ROWS = (Row('a', 1), Row('b', 2, loud=False))",
    }


def test_a_function_gets_wrong_conditions_bounds_and_values_and_its_words_are_left_alone() -> None:
    assert made_of(FUNCTION) == {
        "always | number is None or number < limit": "if True:",
        "never | number is None or number < limit": "if False:",
        "no operand | number is None": "if number < limit:",
        "no operand | number < limit": "if number is None:",
        "bound | number < limit": "if number is None or number <= limit:",
        "returns None | number + 1": "return None",
        "arithmetic | number + 1": "return number - 1",
        "one more | 1": "return number + 2",
        "left out | raise ValueError(f'{number} is too large')": "pass",
    }


@pytest.mark.parametrize(
    "source",
    [
        "def f() -> None:\n    raise AssertionError('this is not reached')",
        "def f() -> None:\n    raise NotImplementedError",
        "class A:\n    x: int = field(default=3, repr=False)",
        "Words: TypeAlias = Literal['a', 'b']",
        "class A:\n    def __repr__(self) -> str:\n        return 'a' if self.b else 'c'",
        "LINE = 'words for people'",
        "__all__ = ['a', 'b']",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert made_of(source) == {}


def test_equal_mutants_of_one_place_have_keys_of_their_own() -> None:
    _, mutants = mutants_of("def f() -> None:\n    g(1)\n    g(1)", "x.py")
    keys = [mutant.key for mutant in mutants]
    assert len(set(keys)) == len(keys) == 4
    assert "x.py | f | left out | g(1) #2" in keys


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_each_mutant_is_tried_in_a_process_of_its_own() -> None:
    tried = list[str]()

    def work(task: str) -> str:
        tried.append(task)
        if task == "dies":
            os._exit(3)
        if task == "raises":
            raise ValueError
        return task.removeprefix("survives")

    tasks = ["survives", "test_x", "dies", "raises"]
    assert dict(outcomes(tasks, work, jobs=2)) == {
        "survives": "",
        "test_x": "test_x",
        "dies": DIED,
        "raises": DIED,
    }
    assert tried == []


@pytest.mark.parametrize(
    ("alive", "listed", "well", "said"),
    [
        (set[str](), dict[str, str](), True, "mutants 2, killed 2, survived 0"),
        ({"a"}, {"a": "words"}, True, "mutants 2, killed 1, survived 1"),
        ({"a"}, {}, False, "1 survived, and not listed:\n  a"),
        (set[str](), {"b": "words"}, False, "1 listed, but killed:\n  b"),
        (set[str](), {"c": "not tried"}, True, "mutants 2, killed 2"),
        (set[str](), {"d": "gone"}, False, "1 listed, but the code has no such mutant:\n  d"),
    ],
)
def test_survivors_and_their_list_have_to_agree(
    alive: set[str], listed: dict[str, str], well: bool, said: str
) -> None:
    text, good = verdict(tried={"a", "b"}, alive=alive, existing={"a", "b", "c"}, listed=listed)
    assert good is well
    assert said in text


def test_no_survivor_is_listed_twice_or_without_a_reason() -> None:
    assert accepted('[[survivors]]\nreason = "words"\nmutants = ["a", "b"]') == {
        "a": "words",
        "b": "words",
    }
    with pytest.raises(ValueError, match="listed twice"):
        accepted('[[survivors]]\nreason = "words"\nmutants = ["a", "a"]')
    with pytest.raises(ValueError, match="no reason"):
        accepted('[[survivors]]\nreason = " "\nmutants = ["a"]')


def test_every_listed_survivor_is_a_mutant_of_the_code() -> None:
    existing = {
        mutant.key
        for file in {key.split(" | ")[0] for key in accepted()}
        for mutant in mutants_of((ROOT / file).read_text("utf-8"), file)[1]
    }
    assert accepted().keys() <= existing


def test_a_fault_that_the_tests_do_not_notice_fails_the_run() -> None:
    command = [
        *(sys.executable, "-m", "tests.mutants.run", "--jobs", "1"),
        *("--only", "tasks.py | receive_status", "outbox.py | Outbox.send_line"),
        *("--tests", "tests/session/test_tasks.py"),
    ]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    print(run.stdout, run.stderr)
    assert "survived: " in run.stdout
    assert "survived, and not listed" in run.stdout
    assert run.returncode == 1
