"""Which rule is witnessed by which tests.

    python tests/rules.py             every rule that has a test, with its tests
    python tests/rules.py S-09 T12    the tests of these rules
    python tests/rules.py --missing   the rules of the reference data that no test names

A test names the rules it witnesses with `@pytest.mark.rule("SR-045", "M1105-RPC-02")`. The marks
are read from the source: nothing is imported, and a test that cannot run here is listed all the
same. A mark counts for its function; in `pytestmark` or on a class, for every test inside; in a
module-level list, for the tests that are parametrized with that list.
"""

import argparse
import ast
import csv
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parent.parent / "shared"

# One shape per list: requirements, deviations, ledger rows, bars, top-40 rows, invariants.
SHAPE = re.compile(
    r"SR-\d{3}|DEV-\d{2}|M\d{4}-[A-Z]+-\d{2}|B[1-9]\d?|T(?:[1-9]|[123]\d|40)|[SHLC]-\d{2}"
)


class UnreadableMark(Exception):
    """A mark with an id that is not a plain string, so that no list of rules could name it."""


def witnesses(folder: Path = TESTS) -> dict[str, list[str]]:
    """Read the marks of every test under a folder: rule id -> tests as "file::test", sorted.

    Raises UnreadableMark.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for test, rule in _Module(path, path.relative_to(folder).as_posix()).witnesses():
            found.setdefault(rule, set()).add(test)
    return {rule: sorted(found[rule]) for rule in sorted(found, key=sort_key)}


def known_rules(shared: Path) -> list[str]:
    """Read the id of every rule in the reference data, in the order of its files."""
    with (shared / "protocol" / "ledger.csv").open(encoding="utf-8", newline="") as lines:
        ledger = [row["id"] for row in csv.DictReader(lines)]
    immunity = (shared / "IMMUNITY.md").read_text("utf-8")
    top40 = immunity.split("\n## 8. TOP 40", 1)[1].split("\n## ", 1)[0]
    return [
        *_rows(r"(?:SR|DEV)-\d+", (shared / "REQUIREMENTS.md").read_text("utf-8")),
        *ledger,
        *_rows(r"B\d+", immunity),
        *(f"T{number}" for number in _rows(r"\d+", top40)),
        *_rows(r"[SHLC]-\d+", (shared / "FUZZING.md").read_text("utf-8")),
    ]


def sort_key(rule: str) -> tuple[str, int]:
    """Order ids by their list, then by number: T2 before T12."""
    name = rule.rstrip("0123456789")
    return name, int(rule[len(name) :] or 0)


def _rows(ids: str, text: str) -> list[str]:
    return re.findall(rf"^\| ({ids}) \|", text, re.M)


class _Module:
    """The marks of one test file."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._body = ast.parse(path.read_text("utf-8"), str(path)).body
        self._values = _assigned(self._body)
        self._placed: set[ast.Call] = set()

    def witnesses(self) -> Iterator[tuple[str, str]]:
        """Yield (test, rule) for every mark; one that stands nowhere else counts for its name."""
        yield from self._of_tests(self._body, self._name, [])
        for statement in self._body:
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = "::".join([self._name, *_targets(statement)])
                left = [mark for mark in self._marks([statement]) if mark not in self._placed]
                yield from ((name, rule) for mark in left for rule in self._ids(mark))

    def _of_tests(
        self, body: list[ast.stmt], name: str, inherited: list[ast.Call]
    ) -> Iterator[tuple[str, str]]:
        """Yield (test, rule) for the tests in the body of a module or class."""
        marks = [*inherited, *self._place(_assigned(body).get("pytestmark", []))]
        any_test = False
        for node in body:
            inner = f"{name}::{getattr(node, 'name', '')}"
            if isinstance(node, ast.ClassDef):
                own = self._place(node.decorator_list)
                yield from self._of_tests(node.body, inner, [*marks, *own])
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = self._place(node.decorator_list)
                if node.name.startswith("test"):
                    any_test = True
                    for mark in [*marks, *own]:
                        yield from ((inner, rule) for rule in self._ids(mark))
        if not any_test and body is not self._body:  # a state machine has rules for methods
            yield from ((name, rule) for mark in marks for rule in self._ids(mark))

    def _place(self, nodes: Iterable[ast.AST]) -> list[ast.Call]:
        marks = list(self._marks(nodes))
        self._placed.update(marks)
        return marks

    def _marks(self, nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
        """Find the marks inside some nodes and inside the module-level values that these name."""
        pending, met = list(nodes), set[str]()
        while pending:
            for node in ast.walk(pending.pop()):
                if isinstance(node, ast.Call) and self._is_rule(node.func):
                    yield node
                elif isinstance(node, ast.Name) and node.id not in met:
                    met.add(node.id)
                    pending += self._values.get(node.id, [])

    def _is_rule(self, function: ast.expr) -> bool:
        """Recognise `pytest.mark.rule`, `mark.rule` and a module-level name given to either."""
        if isinstance(function, ast.Name):
            return any(self._is_rule(value) for value in self._values.get(function.id, []))
        return ast.unparse(function).endswith("mark.rule")

    def _ids(self, mark: ast.Call) -> Iterator[str]:
        for argument in mark.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise UnreadableMark(f"{self._name}:{mark.lineno}: {ast.unparse(mark)}")
            yield argument.value


def _assigned(body: list[ast.stmt]) -> dict[str, list[ast.expr]]:
    """Read the values given to names directly in a body."""
    values: dict[str, list[ast.expr]] = {}
    for statement in body:
        value = getattr(statement, "value", None)
        for name in _targets(statement):
            if isinstance(value, ast.expr):
                values.setdefault(name, []).append(value)
    return values


def _targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    else:
        targets = []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def main(arguments: list[str]) -> int:
    """Print the list that the arguments ask for; 1 when a rule asked for has no test."""
    parser = argparse.ArgumentParser(description="List which rule is witnessed by which tests.")
    parser.add_argument("rules", nargs="*", help="list these rules only")
    parser.add_argument("--missing", action="store_true", help="list the rules without a test")
    options = parser.parse_args(arguments)
    found = witnesses()
    if options.missing:
        if not SHARED.is_dir():
            parser.error("the reference data is not there: no folder named shared")
        known = known_rules(SHARED)
        missing = [rule for rule in known if rule not in found]
        print(*missing, f"{len(known) - len(missing)} of {len(known)} rules have a test", sep="\n")
        return 0
    for rule in options.rules or found:
        print(rule, *found.get(rule, ["(no test)"]), sep="\n    ")
    return int(any(rule not in found for rule in options.rules))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
