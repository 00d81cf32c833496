"""Targets on the command line: `file.py:server`, `package.module:server`, or without the name."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from barewire.server.server import Server

__all__ = ["TargetError", "command_for", "load_server"]


class TargetError(ValueError):
    """There is no server where the target says."""


def load_server(target: str) -> Server:
    """Import the module of `target` and return the server in it.

    Without `:name` the server is the one called `server`, or the only one there. Raises
    `TargetError`, and whatever the module raises while it is imported.
    """
    place, _, name = _split(target)
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    if name:
        found = getattr(module, name, None)
        if not isinstance(found, Server):
            what = "nothing" if found is None else f"a {type(found).__name__}"
            raise TargetError(f"{place}: {name} is {what}, not a barewire.Server")
        return found
    servers = {key: value for key, value in vars(module).items() if isinstance(value, Server)}
    if "server" in servers:
        return servers["server"]
    if len(servers) != 1:
        if not servers:
            raise TargetError(f"{place}: there is no barewire.Server in it")
        known = ", ".join(sorted(servers))
        raise TargetError(f"{place}: name the server as {place}:NAME; servers there: {known}")
    return next(iter(servers.values()))


def command_for(target: str) -> list[str]:
    """Return the command that serves `target` on stdio.

    Raises `TargetError` for a file that is not there; the rest shows when it is imported.
    """
    place, _, _ = _split(target)
    if place.endswith(".py"):
        _must_be_there(Path(place))
    return [sys.executable, "-m", "barewire", "run", target]


def _split(target: str) -> tuple[str, str, str]:
    # The last colon, for a Windows path has one of its own.
    if target.endswith(".py"):
        return target, "", ""
    place, colon, name = target.rpartition(":")
    return (place, colon, name) if colon else (target, "", "")


def _load_file(path: Path) -> ModuleType:
    _must_be_there(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    # As for a program: what lies beside the file can be imported.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _must_be_there(path: Path) -> None:
    if not path.is_file():
        raise TargetError(f"there is no file {path}")


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise TargetError(f"there is no module {name}") from None
        raise
