"""The model shares nothing with what it judges."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODEL = [
    *("due", "hears", "lines", "opening", "peer", "requests", "shapes", "state", "words"),
    *("http_asks", "http_endpoint", "http_heads", "http_modern", "http_posts", "http_state"),
    *("http_streams", "http_words"),
]
WAYS_ROUND = {"importlib", "runpy", "pkgutil", "sys"}


def imported(source: str) -> set[str]:
    """Return the modules that a source imports, anywhere in it, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            found.add(node.module or "")
        elif isinstance(node, ast.Name) and node.id in ("__import__", "exec", "eval"):
            found.add(node.id)
    return found


def foreign(modules: set[str]) -> set[str]:
    """Return what the model must not import: all but itself and the standard library."""
    ours = {f"tests.model.{name}" for name in MODEL}
    standard = sys.stdlib_module_names - WAYS_ROUND
    return {one for one in modules if one not in ours and one.split(".")[0] not in standard}


@pytest.mark.parametrize("name", MODEL)
def test_the_model_imports_itself_and_the_standard_library_alone(name: str) -> None:
    assert foreign(imported((HERE / f"{name}.py").read_text("utf-8"))) == set()


def test_the_model_runs_where_nothing_of_the_package_can_be_loaded() -> None:
    modules = ", ".join(f"tests.model.{name}" for name in MODEL)
    program = f"import sys; sys.modules['barewire'] = None; import {modules}"
    environment = {"PYTHONPATH": str(HERE.parents[1])}
    subprocess.run([sys.executable, "-S", "-c", program], env=environment, check=True, timeout=60)


@pytest.mark.parametrize(
    "line",
    [
        "from barewire.session.connection import Connection",
        "import barewire.protocol.methods",
        "def late():\n    from barewire.protocol import errors",
        "from tests.model.sides import Sides",
        "import orjson",
        "__import__('barewire')",
        "import importlib",
    ],
)
def test_an_import_of_anything_else_is_found(line: str) -> None:
    assert foreign(imported(line)) != set()
