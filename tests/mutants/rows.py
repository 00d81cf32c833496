"""Tables that are written as calls, such as `Method(...)`: their columns and their flags."""

import ast
from collections import defaultdict
from collections.abc import Iterator

__all__ = ["Flags", "Rows"]


def _outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child
            yield from _outside_functions(child)


def _callee(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


class Rows:
    """The calls that a module makes when it is loaded, those of one function as one table."""

    def __init__(self, tree: ast.Module) -> None:
        self._tables: dict[str, list[ast.Call]] = defaultdict(list)
        for node in _outside_functions(tree):
            if isinstance(node, ast.Call):
                self._tables[_callee(node)].append(node)

    def another(self, row: ast.Call, column: int | str | None) -> ast.expr | None:
        """Return the cell of the next row that has another value in this column."""
        table = self._tables[_callee(row)]
        at = table.index(row)
        before = ast.dump(_cell(row, column) or row)
        for other in [*table[at + 1 :], *table[:at]]:
            cell = _cell(other, column)
            if cell is not None and ast.dump(cell) != before:
                return cell
        return None


def _cell(row: ast.Call, column: int | str | None) -> ast.expr | None:
    if isinstance(column, int):
        return row.args[column] if column < len(row.args) else None
    return next((keyword.value for keyword in row.keywords if keyword.arg == column), None)


class Flags:
    """The columns of truth values of a module's classes, and what each row says there unwritten.

    A row is a call of the class, or `earlier.but(...)`, which repeats an earlier one.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._classes = {
            node.name: {
                field.target.id: field.value.value
                for field in node.body
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(field.value, ast.Constant)
                and type(field.value.value) is bool
            }
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        }
        self._named: dict[str, dict[str, bool]] = {}
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as row):
                    said = {
                        keyword.arg: keyword.value.value
                        for keyword in row.keywords
                        if keyword.arg is not None
                        and isinstance(keyword.value, ast.Constant)
                        and type(keyword.value.value) is bool
                    }
                    self._named[name] = self._before(row) | said

    def unsaid(self, row: ast.Call) -> list[tuple[str, bool]]:
        """Return the flags that a row does not write, with their values."""
        said = {keyword.arg for keyword in row.keywords}
        return [(flag, value) for flag, value in self._before(row).items() if flag not in said]

    def _before(self, row: ast.Call) -> dict[str, bool]:
        match row.func:
            case ast.Name(id=name):
                return self._classes.get(name, {})
            case ast.Attribute(value=ast.Name(id=name), attr="but"):
                return self._named.get(name, {})
        return {}
