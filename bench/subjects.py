"""Who is measured: ours, peers and floors, each in an environment of its own."""

import contextlib
import json
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from bench.environments import (
    NPM,
    NotMade,
    interpreters,
    node_environment,
    python_environment,
    run,
    version_of,
)
from bench.trees import ROOT, WORK_TREE, copy
from bench.workloads import Subject
from tests.interop import make_strangers

MCP2: Final = ROOT / "tests" / "interop" / "requirements-mcp2.txt"
TS1: Final = "@modelcontextprotocol/sdk"
TS2: Final = "@modelcontextprotocol/server"

_OURS: Final = {
    "async": ("bench.servers.barewire_server", "async"),
    "inline": ("bench.servers.barewire_server", "inline"),
    "client": ("bench.clients.barewire_client",),
    "floor-aio": ("bench.servers.floor_aio",),
    "floor-anyio-task": ("bench.servers.floor_anyio_task",),
    "floor-block": ("bench.servers.floor_block",),
    "floor-anyio-h11": ("bench.servers.floor_anyio_h11",),
    "speed": ("bench.servers.barewire_server", "async", "--parser", "httptools"),
}
_MCP2: Final = {
    "mcp2-high": ("bench.servers.mcp2_high",),
    "mcp2-client": ("bench.clients.mcp2_client",),
}
KINDS: Final = frozenset({*_OURS, *_MCP2, "ts1", "ts2"})


class Subjects:
    """Makes subjects by their names, `kind` or `kind@python`, and what they need.

    `python` is `3.11` or `new`. What is ours is a copy of the work tree, taken into `folder`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str) -> Subject:
        """Return a subject; raises `NotMade` when it cannot be had here."""
        kind, _, python = name.partition("@")
        python = python or "3.11"
        if kind in _OURS:
            return self._ours(name, python, *_OURS[kind])
        if kind in _MCP2:
            return self._mcp2(name, python, *_MCP2[kind])
        if kind == "ts1":
            return self._ts1(name)
        if kind == "ts2":
            return self._ts2(name)
        raise ValueError(f"there is no subject {name!r}")

    @cached_property
    def pythons(self) -> Mapping[str, str]:
        """The interpreters that are there, by the names that subjects have for them."""
        found = interpreters()
        newest = max(found, default=0)
        pythons = {"3.11": found[11]} if 11 in found else {}
        return pythons | ({"new": found[newest]} if newest > 11 else {})

    def versions(self) -> dict[str, str]:
        """What is measured, and on what."""
        pins = dict(line.split("==") for line in MCP2.read_text().split() if "==" in line)
        return {
            "barewire": _commit(),
            "mcp2": f"mcp {pins['mcp']}",
            "ts1": _npm_version(make_strangers.HERE / "npm" / "ts1", TS1),
            "ts2": _npm_version(NPM / "ts2", TS2),
            **{f"@{name}": f"CPython {version_of(path)}" for name, path in self.pythons.items()},
        }

    def _ours(self, name: str, python: str, *arguments: str) -> Subject:
        """Return a program that imports barewire, or only what it requires."""
        interpreter = self._environment("ours", python, self._requirements)
        tree = self._folder / "tree"
        run([interpreter, "-m", "compileall", "-q", str(tree)])
        return Subject(name, (interpreter, "-m", *arguments), {"PYTHONPATH": f"{tree}:{ROOT}"})

    def _mcp2(self, name: str, python: str, *arguments: str) -> Subject:
        """Return a program that imports the official Python SDK."""
        interpreter = self._environment("mcp2", python, ["-r", str(MCP2)])
        return Subject(name, (interpreter, "-m", *arguments), {"PYTHONPATH": str(ROOT)})

    @staticmethod
    def _ts1(name: str) -> Subject:
        """Return the server of the official TypeScript SDK 1.x."""
        environment = make_strangers.ENVIRONMENTS["ts1"]
        try:
            with contextlib.redirect_stdout(sys.stderr):
                environment.make()
        except make_strangers.NotMade as error:
            raise NotMade(str(error)) from error
        return _node(name, environment.program, "ts1.mjs", environment.folder)

    @staticmethod
    def _ts2(name: str) -> Subject:
        """Return the server of the official TypeScript SDK 2.x."""
        node, folder = node_environment("ts2")
        return _node(name, node, "ts2.mjs", folder)

    @cached_property
    def _requirements(self) -> list[str]:
        return copy(WORK_TREE, self._folder)

    def _environment(self, name: str, python: str, arguments: list[str]) -> str:
        if python not in self.pythons:
            wanted = "CPython 3.11" if python == "3.11" else "a CPython newer than 3.11"
            raise NotMade(f"{wanted} is neither on PATH nor in pyenv")
        return python_environment(name, self.pythons[python], arguments)


def _node(name: str, node: Path, program: str, folder: Path) -> Subject:
    """Return a program that runs on Node; its code takes long to get warm."""
    command = (str(node), str(ROOT / "bench" / "servers" / program), str(folder))
    return Subject(name, command, warmup=8000)


def _npm_version(folder: Path, package: str) -> str:
    pins = json.loads((folder / "package.json").read_text())["dependencies"]
    return f"{package} {pins[package]}"


def _commit() -> str:
    try:
        return run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]).strip()
    except (NotMade, OSError):
        return "of no commit"
