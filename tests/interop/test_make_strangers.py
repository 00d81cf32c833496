"""Where the environments of foreign SDKs get Node and npm from, on machines that have what."""

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop import make_strangers
from tests.interop.make_strangers import NODE_FROM_NPM, NODE_FROM_PIP, Environment, NotMade, tools

Have = Callable[..., None]


@pytest.fixture
def have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Have:
    """Let PATH hold these programs alone, each with the version that it prints."""

    def have(**programs: str) -> None:
        for name, version in programs.items():
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\necho v{version}\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", os.fspath(tmp_path))

    return have


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The environments that were to be made."""
    names: list[str] = []

    def make(environment: Environment) -> None:
        names.append(environment.name)

    monkeypatch.setattr(Environment, "make", make)
    return names


def test_node_and_npm_are_those_on_path(have: Have, made: list[str], tmp_path: Path) -> None:
    have(node="24.1.0", npm="11.0.0")
    assert tools() == (tmp_path / "node", [str(tmp_path / "npm")])
    assert made == []


def test_npm_installs_a_newer_node(
    have: Have, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    have(node="20.20.2", npm="11.0.0")
    assert tools() == (NODE_FROM_NPM.program, [str(tmp_path / "npm")])
    assert made == [NODE_FROM_NPM.name]


def test_pip_installs_both_where_npm_has_no_node_for_the_machine(
    have: Have, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    have(node="20.20.2", npm="11.0.0")
    assert tools() == (NODE_FROM_PIP.program, NODE_FROM_PIP.npm)
    assert made == [NODE_FROM_PIP.name]


@pytest.mark.parametrize("programs", [{}, {"node": "24.1.0"}, {"npm": "11.0.0"}])
def test_pip_installs_both_where_one_is_missing(
    have: Have, made: list[str], programs: dict[str, str]
) -> None:
    have(**programs)
    assert tools() == (NODE_FROM_PIP.program, NODE_FROM_PIP.npm)
    assert made == [NODE_FROM_PIP.name]


def test_what_could_not_be_made_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_strangers, "STRANGERS", tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(NotMade, match="no-python"):
        make_strangers.ENVIRONMENTS["mcp2"].make()
    assert list(tmp_path.iterdir()) == []


def test_no_lock_file_says_where_packages_come_from() -> None:
    locks = sorted(make_strangers.HERE.glob("npm/*/package-lock.json"))
    assert len(locks) == 3
    for lock in locks:
        assert '"resolved"' not in lock.read_text()
