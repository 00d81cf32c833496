"""How a mutant gets into the package without a file being changed."""

import ast
import functools
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutants.operators import Mutant

__all__ = ["Loaded", "MutantFinder", "module_of"]

Cache = type(functools.cache(lambda: None))


def module_of(file: str) -> str:
    """Name the module of a file: `session/tables.py` is `barewire.session.tables`."""
    return "barewire." + file.removesuffix(".py").replace("/", ".")


class MutantFinder(MetaPathFinder):
    """Finds one module of the package, as it is with a mutant."""

    def __init__(self, file: str, path: Path, code: CodeType) -> None:
        self._name = module_of(file)
        self._path = path
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, str(self._path))
        loader.code = self._code
        return spec_from_file_location(fullname, self._path, loader=loader)


class _Loader(SourceFileLoader):
    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Loaded:
    """The functions of the package that are loaded by now, wherever they are kept."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, str], list[FunctionType]] = defaultdict(list)
        self._caches: list[Any] = []
        ours = "barewire."
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and str(found.__module__).startswith(ours):
                self._functions[found.__module__, found.__code__.co_qualname].append(found)
            elif isinstance(found, Cache) and str(found.__module__).startswith(ours):
                self._caches.append(found)

    def change(self, mutant: Mutant, tree: ast.Module) -> bool:
        """Give a function the code that it has in `tree`; `False` when that cannot be done."""
        name = module_of(mutant.file)
        functions = self._functions.get((name, mutant.function or ""), [])
        module = compile(tree, name, "exec", dont_inherit=True)
        codes = {code.co_firstlineno: code for code in _codes(module, mutant.function)}
        for function in functions:
            code = codes.get(function.__code__.co_firstlineno)
            if code is None or code.co_freevars != function.__code__.co_freevars:
                return False
            function.__code__ = code
        return bool(functions)

    def forget(self) -> None:
        """Empty what the package remembers of calls, so that it is worked out again."""
        for cache in self._caches:
            cache.cache_clear()
        shapes = sys.modules.get("barewire.protocol.shapes")
        if shapes is not None:
            vars(shapes)["_OBJECTS"].clear()


def _codes(code: CodeType, name: str | None) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_qualname == name:
                yield inner
            yield from _codes(inner, name)
