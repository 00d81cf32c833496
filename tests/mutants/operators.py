"""What is changed in a module to see whether a test notices: one small fault at a time.

Two kinds of mutants. A *table* mutant changes what is worked out when the module is loaded: a row
deleted, a cell replaced by its neighbour's, a flag flipped, a default moved. A *function* mutant
changes what a function does: a condition that always or never holds, a dropped operand, a bound off
by one, a statement left out, another value.

Left alone are words for people (strings with a space in them, f-strings, the arguments of `raise`,
`__repr__`), types and annotations, how the fields of a record are made (`field(...)`, which type
checkers and every call of the record look at), and lines that are not reached: `raise
AssertionError` says so, and `raise NotImplementedError` that subclasses do it.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from tests.mutants.rows import Flags, Rows

__all__ = ["Mutant", "applied", "mutants_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class Mutant:
    """One node of a module's tree, and what stands there instead."""

    file: str
    where: str
    """The dotted name of the function, the class or the table."""
    operator: str
    text: str
    """The source of the node, or of what tells it from others; shortened."""
    nth: int
    """Which of those with the same place, operator and text it is, from 1."""
    function: str | None
    """The dotted name of the outermost function that it changes the inside of, if any."""
    line: int
    old: ast.AST
    new: ast.AST

    @property
    def key(self) -> str:
        """What the list of survivors calls it: stays the same when lines move."""
        again = f" #{self.nth}" if self.nth > 1 else ""
        return f"{self.file} | {self.where} | {self.operator} | {self.text}{again}"

    @property
    def table(self) -> bool:
        """Whether it shows only in a module that is loaded anew."""
        return self.function is None


def mutants_of(source: str, file: str) -> tuple[ast.Module, list[Mutant]]:
    """Return the tree of a module and all its mutants, in the order of the text."""
    tree = ast.parse(source)
    finder = _Finder(Rows(tree), Flags(tree))
    finder.visit_all(tree.body, _Place())
    mutants: list[Mutant] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    for place, change in finder.found:
        text = " ".join(ast.unparse(change.named or change.old).split())
        text = text if len(text) <= 90 else f"{text[:87]}..."
        where = ".".join(place.names) or "module"
        counts[where, change.operator, text] += 1
        nth = counts[where, change.operator, text]
        line: int = getattr(change.old, "lineno", 0)
        mutants.append(
            Mutant(
                *(file, where, change.operator, text, nth, place.function, line),
                *(change.old, ast.copy_location(change.new, change.old)),
            )
        )
    return tree, mutants


@contextmanager
def applied(tree: ast.Module, mutant: Mutant) -> Iterator[ast.Module]:
    """Put a mutant into its tree, and take it out again."""
    _Swap(mutant.old, mutant.new).visit(tree)
    try:
        yield ast.fix_missing_locations(tree)
    finally:
        _Swap(mutant.new, mutant.old).visit(tree)


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


@dataclass(frozen=True)
class _Place:
    names: tuple[str, ...] = ()
    function: str | None = None

    def inside(self, name: str, *, function: bool = False) -> "_Place":
        names = (*self.names, name)
        return _Place(names, self.function or (".".join(names) if function else None))


@dataclass(frozen=True)
class _Change:
    operator: str
    old: ast.AST
    new: ast.AST
    named: ast.AST | None = None
    """What stands for it in the list, unless it is the node itself."""


Operators: TypeAlias = dict[type[ast.cmpop], type[ast.cmpop]]

BOUNDS: Operators = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITES: Operators = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In},
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult},
    **{ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
    **{ast.LShift: ast.RShift, ast.RShift: ast.LShift},
}


class _Finder:
    """Walks a module and collects what can be changed in it."""

    def __init__(self, rows: Rows, flags: Flags) -> None:
        self.rows = rows
        self.flags = flags
        self.found: list[tuple[_Place, _Change]] = []
        self._covered = set[int]()
        """Nodes whose own changes would show nothing that those of the node around them do not."""

    def visit_all(self, nodes: Sequence[ast.AST], place: _Place) -> None:
        for node in nodes:
            self.visit(node, place)

    def visit(self, node: ast.AST, place: _Place) -> None:
        match node:
            case ast.FunctionDef(name="__repr__"):
                return
            case ast.FunctionDef():
                inside = place.inside(node.name)
                self.visit_all([d for d in node.args.defaults + node.args.kw_defaults if d], inside)
                self.visit_all(node.body, place.inside(node.name, function=True))
                return
            case ast.ClassDef():
                self.visit_all(node.body, place.inside(node.name))
                return
            case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")) | ast.Import():
                return
            case ast.AnnAssign() if node.value is not None:
                named = place if place.function else place.inside(ast.unparse(node.target))
                self.visit(node.value, named)
                return
            case ast.Assign(targets=[ast.Name(id=name), *_]) if place.function is None:
                if name not in ("__all__", "__slots__"):
                    self.visit(node.value, place.inside(name))
                return
            case ast.JoinedStr() | ast.Expr(value=ast.Constant()):
                return
            case ast.Call(func=ast.Name(id="field")) if place.function is None:
                return
            case ast.Subscript(slice=index) if place.function is None and not _is_number(index):
                return  # a type
        self._covered |= {id(child) for child in self._covered_by(node, place)}
        self.found += [(place, change) for change in self._changes(node, place)]
        self.visit_all(list(_children(node, place)), place)

    def _covered_by(self, node: ast.AST, place: _Place) -> list[ast.expr]:
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                return [test]
            case ast.BoolOp(values=tests) | ast.comprehension(ifs=tests):
                return tests
            case ast.Dict(values=cells) if place.function is None and len(cells) > 1:
                return [cell for cell in cells if not _is_truth(cell)]
            case ast.Call() if place.function is None:
                columns = [*enumerate(node.args), *((k.arg, k.value) for k in node.keywords)]
                return [
                    cell
                    for column, cell in columns
                    if not _is_truth(cell) and self.rows.another(node, column) is not None
                ]
        return []

    def _changes(self, node: ast.AST, place: _Place) -> Iterator[_Change]:
        table = place.function is None
        match node:
            case ast.Dict():
                yield from _rows_deleted(node)
                if table:
                    yield from _targets_changed(node)
            case ast.Set():
                yield from _elements_deleted(node)
            case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()) if table:
                yield from _elements_deleted(node)
            case ast.Call() if table:
                yield from self._cells_changed(node)
        if isinstance(node, ast.expr):
            yield from _expression(node, covered=id(node) in self._covered)
        elif isinstance(node, ast.stmt):
            yield from _statement(node)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                yield _Change("no filter", test, ast.Constant(True))
        elif isinstance(node, ast.ExceptHandler):
            new = copy(node)
            new.body = [ast.Raise()]
            named = node.type or ast.Constant("everything")
            yield _Change("not caught", node, new, named)

    def _cells_changed(self, call: ast.Call) -> Iterator[_Change]:
        """Yield the row with a cell of another row, without a cell, and with a flag flipped."""
        for index, argument in enumerate(call.args):
            other = self.rows.another(call, index)
            if other is not None and not _is_prose(argument):
                new = copy(call)
                new.args = [*call.args[:index], other, *call.args[index + 1 :]]
                yield _Change(f"cell {index} of another row", call, new)
        for keyword in call.keywords:
            if _is_truth(keyword.value):
                continue  # flipped like every other
            rest = [other for other in call.keywords if other is not keyword]
            yield _Change(f"no {keyword.arg}", call, _with(call, rest))
            other = self.rows.another(call, keyword.arg)
            if other is not None:
                changed = [*rest, ast.keyword(keyword.arg, other)]
                yield _Change(f"{keyword.arg} of another row", call, _with(call, changed))
        for name, value in self.flags.unsaid(call):
            flipped = [*call.keywords, ast.keyword(name, ast.Constant(not value))]
            yield _Change(f"{name}={not value}", call, _with(call, flipped))


def _children(node: ast.AST, place: _Place) -> Iterator[ast.AST]:
    """Yield the nodes inside one that may be changed."""
    table = place.function is None
    for child in ast.iter_child_nodes(node):
        match node:
            case ast.Raise():
                continue
            case ast.Dict(keys=keys) if table and child in keys:
                continue
            case ast.Compare() if isinstance(child, ast.Constant) and not _is_number(child):
                continue
            case ast.If(body=[ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError")))]):
                if child in node.body:
                    continue
        yield child


def _with(call: ast.Call, keywords: list[ast.keyword]) -> ast.Call:
    new = copy(call)
    new.keywords = keywords
    return new


def _rows_deleted(table: ast.Dict) -> Iterator[_Change]:
    for index, (key, value) in enumerate(zip(table.keys, table.values, strict=True)):
        new = ast.Dict(_without(table.keys, index), _without(table.values, index))
        yield _Change("no row", table, new, key or ast.Starred(value, ast.Load()))


def _targets_changed(table: ast.Dict) -> Iterator[_Change]:
    for index, (key, value) in enumerate(zip(table.keys, table.values, strict=True)):
        others = [*table.values[index + 1 :], *table.values[:index]]
        other = next((v for v in others if ast.dump(v) != ast.dump(value)), None)
        if other is not None and key is not None and not _is_prose(value):
            values = [*table.values[:index], other, *table.values[index + 1 :]]
            named = ast.Tuple([key, other], ast.Load())
            yield _Change("another target", table, ast.Dict(list(table.keys), values), named)


def _elements_deleted(node: ast.Set | ast.Tuple | ast.List) -> Iterator[_Change]:
    for index, element in enumerate(node.elts):
        rest: ast.expr
        if isinstance(node, ast.Set):
            rest = ast.Set(_without(node.elts, index))
            if len(node.elts) == 1:
                rest = ast.Call(ast.Name("set", ast.Load()), [], [])
        else:
            rest = type(node)(_without(node.elts, index), ast.Load())
        named = element.args[0] if isinstance(element, ast.Call) and element.args else element
        yield _Change("no row", node, rest, named)


def _without(items: Sequence[T], index: int) -> list[T]:
    return [*items[:index], *items[index + 1 :]]


def _expression(node: ast.expr, *, covered: bool) -> Iterator[_Change]:
    match node:
        case ast.Constant(value=value) if not covered:
            yield from _constant(node, value)
        case ast.BoolOp():
            for index, operand in enumerate(node.values):
                rest = _without(node.values, index)
                new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
                yield _Change("no operand", node, new, operand)
        case ast.UnaryOp(op=ast.Not()) if not covered:
            yield _Change("no not", node, node.operand)
        case ast.Compare(ops=[op]):
            if type(op) in BOUNDS:
                yield _Change("bound", node, _compared(node, BOUNDS[type(op)]))
            if type(op) in OPPOSITES and not covered:
                yield _Change("opposite", node, _compared(node, OPPOSITES[type(op)]))
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                if type(op) in BOUNDS:
                    yield _Change(f"bound {index}", node, _compared(node, BOUNDS[type(op)], index))
        case ast.IfExp():
            yield _Change("always", node, node.body)
            yield _Change("never", node, node.orelse)
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC and not _is_prose(left, right):
            yield _Change("arithmetic", node, ast.BinOp(left, ARITHMETIC[type(op)](), right))


def _compared(node: ast.Compare, op: type[ast.cmpop], index: int = 0) -> ast.Compare:
    ops = [*node.ops[:index], op(), *node.ops[index + 1 :]]
    return ast.Compare(node.left, ops, node.comparators)


def _constant(node: ast.Constant, value: object) -> Iterator[_Change]:
    if isinstance(value, bool):
        yield _Change("flipped", node, ast.Constant(not value))
    elif isinstance(value, int | float):
        yield _Change("one more", node, ast.Constant(value + 1))
    elif isinstance(value, str) and " " not in value:
        yield _Change("another string", node, ast.Constant(value + "~x"))
    elif isinstance(value, bytes):
        yield _Change("other bytes", node, ast.Constant(value + b"~"))


def _statement(node: ast.stmt) -> Iterator[_Change]:
    nothing = ast.Pass()
    match node:
        case ast.If():
            yield _Change("always", node.test, ast.Constant(True))
            if not _is_unreachable(node.body[0]):
                yield _Change("never", node.test, ast.Constant(False))
        case ast.While(test=test) if not isinstance(test, ast.Constant):
            yield _Change("never", test, ast.Constant(False))
        case ast.For():
            yield _Change("never", node.iter, ast.Tuple([], ast.Load()))
        case ast.Return(value=ast.expr() as value) if _is_more_than_a_truth(value):
            yield _Change("returns None", value, ast.Constant(None))
        case ast.Return(value=None) | ast.Break() | ast.Continue() | ast.Delete():
            yield _Change("left out", node, nothing)
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.AugAssign():
            yield _Change("left out", node, nothing)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield _Change("left out", node, nothing)
        case ast.Raise() if not _is_unreachable(node):
            yield _Change("left out", node, nothing)


def _is_unreachable(node: ast.stmt) -> bool:
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
    return False


def _is_more_than_a_truth(value: ast.expr) -> bool:
    match value:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return False
        case ast.Constant(value=constant):
            return constant is not None and type(constant) is not bool
    return True


def _is_truth(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is bool


def _is_number(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return type(value) in (int, float)
        case ast.UnaryOp(operand=operand):
            return _is_number(operand)
    return False


def _is_prose(*nodes: ast.expr) -> bool:
    return any(
        isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value)
        for node in nodes
    )
