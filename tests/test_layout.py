"""The layers of the package and its packaging, as the source and the installed tree show them.

Layers are judged by what a module imports when it is loaded. An import inside a function is the way
to reach a heavy or optional library late and does not count, except where a test says so.
"""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]  # "barewire.protocol" -> "protocol"

INPUT_AND_OUTPUT = {
    *("asyncio", "concurrent", "http", "multiprocessing", "select", "selectors"),
    *("signal", "socket", "socketserver", "ssl", "subprocess", "threading", "time"),
}
CLOCK_IDS_AND_SECRETS = {"random", "secrets", "time", "uuid"}


@dataclass(frozen=True)
class Layer:
    """What the modules of one room may import: rooms, libraries, and not these of the stdlib."""

    rooms: set[str]
    libraries: set[str]
    forbidden: set[str]
    pure: bool = False  # then a late import counts as well


LAYERS = {
    "protocol": Layer({"protocol"}, set(), INPUT_AND_OUTPUT, pure=True),
    "session": Layer(
        {"protocol", "session"}, set(), INPUT_AND_OUTPUT | CLOCK_IDS_AND_SECRETS, pure=True
    ),
    "transports": Layer({"protocol", "session", "transports"}, {"anyio", "h11"}, {"asyncio"}),
    "app": Layer({"protocol", "session", "transports", "app"}, {"anyio", "msgspec"}, {"asyncio"}),
    "fuzz": Layer(
        {"protocol", "session", "transports", "app", "fuzz"}, {"hypothesis"}, {"asyncio"}
    ),
}
ONE_FILE_ONLY = {
    "protocol/codec.py": {"orjson"},
    "transports/backend.py": {"asyncio", "trio"},
    "transports/backend_asyncio.py": {"asyncio"},
    "transports/backend_trio.py": {"trio"},
    "transports/http/fast.py": {"httptools"},
}

REVISION_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")

# What `import barewire` may cost: seconds of an idle core, and modules beside those of a start.
IMPORT_SECONDS = 0.060
IMPORT_MODULES = 200
# What `import asyncio` costs on an idle core of the machine where that bar was set.
ASYNCIO_IMPORT_SECONDS = 0.048
NOT_AT_THE_FRONT_DOOR = (INPUT_AND_OUTPUT - {"threading", "time"}) | {  # logging loads threading
    *("anyio", "h11", "httptools", "hypothesis", "jsonschema", "pydantic", "sniffio", "trio"),
}


@dataclass(frozen=True)
class Import:
    """One imported module, named in full when it is ours and by its first name when it is not."""

    target: str
    line: int
    late: bool  # inside a function

    @property
    def is_ours(self) -> bool:
        return self.target.split(".")[0] == "barewire"


@dataclass(frozen=True)
class Module:
    """One source file of the package."""

    name: str
    path: Path
    tree: ast.Module
    imports: list[Import]

    @property
    def room(self) -> str:
        return self.path.relative_to(ROOT).parts[0]

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def sources() -> dict[str, Path]:
    """Find the files of the package in the repository by their module names."""
    found: dict[str, Path] = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


def read(name: str, path: Path) -> Module:
    tree = ast.parse(path.read_text("utf-8"), str(path))
    return Module(name, path, tree, list(imports_in(tree)))


def imports_in(tree: ast.Module) -> Iterator[Import]:
    """Yield what a module imports; `from package import module` imports that module."""
    for node, late in walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in SOURCES else node.module for name in inner]
        else:
            continue
        for name in dict.fromkeys(names):
            ours = name.split(".")[0] == "barewire"
            yield Import(name if ours else name.split(".")[0], node.lineno, late)


def walk(node: ast.AST, late: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Walk a tree and tell of each node whether it runs only when a function is called."""
    yield node, late
    inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from walk(child, inside)


def room_of(name: str) -> str:
    """Name the room of a module of ours, also of one that does not exist."""
    room = ".".join(name.split(".")[:2])
    return FOLDERS.get(room, FOLDERS["barewire"])


SOURCES = sources()
MODULES = {name: read(name, path) for name, path in SOURCES.items()}
every_module = pytest.mark.parametrize("module", MODULES.values(), ids=str)


# The layers


@every_module
def test_a_module_imports_only_what_its_layer_may(module: Module) -> None:
    layer = LAYERS[module.room]
    stdlib = sys.stdlib_module_names - layer.forbidden
    libraries = stdlib | layer.libraries | ONE_FILE_ONLY.get(str(module), set())
    wrong = [
        f"line {found.line}: {found.target}"
        for found in module.imports
        if (layer.pure or not found.late)
        and not (
            room_of(found.target) in layer.rooms if found.is_ours else found.target in libraries
        )
    ]
    assert wrong == []


@every_module
def test_servers_and_clients_leave_transports_to_the_modules_that_run_them(module: Module) -> None:
    if module.name.startswith(("barewire.server", "barewire.client")):
        targets = [found.target for found in module.imports]
        assert [name for name in targets if name.startswith("barewire.transports")] == []


def test_the_front_door_loads_no_transport() -> None:
    met, pending = set[str](), ["barewire"]
    while pending:
        name = pending.pop()
        if name in MODULES and name not in met:
            met.add(name)
            pending += [found.target for found in MODULES[name].imports if not found.late]
            pending.append(name.rpartition(".")[0])
    assert [name for name in sorted(met) if MODULES[name].room == "transports"] == []


def test_modules_import_each_other_without_cycles() -> None:
    graph = {
        name: {found.target for found in module.imports if found.is_ours and not found.late}
        for name, module in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


# The habits of every module


@every_module
def test_a_module_imports_by_absolute_name_and_never_for_type_checkers_alone(
    module: Module,
) -> None:
    nodes = list(ast.walk(module.tree))
    assert [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level] == []
    names = [
        getattr(node, "id", getattr(node, "attr", getattr(node, "name", ""))) for node in nodes
    ]
    assert "TYPE_CHECKING" not in names


@every_module
def test_a_module_has_a_docstring_and_lists_its_public_names(module: Module) -> None:
    assert ast.get_docstring(module.tree), "no docstring"
    if len(module.tree.body) == 1:
        return  # the docstring of a package is all there is
    names = {
        target.id
        for node in module.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "__all__" in names, "no __all__"


@pytest.mark.parametrize(
    "module", [m for m in MODULES.values() if str(m) != "protocol/revisions.py"], ids=str
)
def test_a_module_names_no_revision_by_its_date(module: Module) -> None:
    nodes = list(ast.walk(module.tree))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    dates = [
        f"line {node.lineno}: {node.value!r}"
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in prose
        and REVISION_DATE.search(node.value)
    ]
    assert dates == []


# Packaging


def test_every_folder_with_a_source_file_is_a_listed_package_and_no_other() -> None:
    folders = {path.parent for path in SOURCES.values()}
    packages = {name for name, path in SOURCES.items() if path.name == "__init__.py"}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
    assert sorted(SETUPTOOLS["packages"]) == sorted(packages)


def test_nothing_at_the_root_shadows_the_installed_package() -> None:
    assert [path.name for path in ROOT.glob("barewire*") if path.suffix != ".egg-info"] == []


def test_the_installed_package_is_this_source_whole() -> None:
    spec = importlib.util.find_spec("barewire")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    found = {
        ".".join(["barewire", *path.relative_to(installed).with_suffix("").parts]): path
        for path in installed.rglob("*.py")
    }
    contents = {n.removesuffix(".__init__"): path.read_bytes() for n, path in found.items()}
    changed = [n for n, path in SOURCES.items() if contents.get(n) != path.read_bytes()]
    removed = sorted(set(contents) - set(SOURCES))
    assert (changed, removed) == ([], []), "files were added, moved or removed: run `make install`"


# The price of `import barewire`


def import_in_a_bare_interpreter(name: str) -> tuple[float, list[str]]:
    """Import a module in a process that has loaded nothing else: CPU seconds, modules loaded."""
    program = (
        "import sys, time\n"
        f"sys.path += {[path for path in sys.path if path]!r}\n"
        "before = set(sys.modules)\n"
        "start = time.process_time()\n"
        f"import {name}\n"
        "spent = time.process_time() - start\n"
        "loaded = sorted(set(sys.modules) - before)\n"
        "import json\n"
        "print(json.dumps([spent, loaded]))\n"
    )
    # -S leaves out the start-up hooks of the environment, -E its variables.
    command = [sys.executable, "-S", "-E", "-c", program]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    seconds, modules = json.loads(done.stdout)
    return seconds, modules


@pytest.mark.rule("B26", "T21")
def test_importing_barewire_loads_few_modules_and_no_library_for_input_and_output() -> None:
    _, modules = import_in_a_bare_interpreter("barewire")
    assert sorted(NOT_AT_THE_FRONT_DOOR & set(modules)) == []
    assert len(modules) <= IMPORT_MODULES


@pytest.mark.rule("B26", "T21")
def test_importing_barewire_is_quick() -> None:
    # The bar is for an idle core. Where other work slows this one down, the standard library's own
    # asyncio, imported in turn with barewire, tells how much; the best of several runs is judged.
    ours = usual = 1.0
    for _ in range(10):
        ours = min(ours, import_in_a_bare_interpreter("barewire")[0])
        usual = min(usual, import_in_a_bare_interpreter("asyncio")[0])
        if ours < IMPORT_SECONDS:
            return
    assert ours < IMPORT_SECONDS * usual / ASYNCIO_IMPORT_SECONDS
