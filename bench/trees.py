"""Copies of the package as it is installed, to be put on PYTHONPATH: of the work tree or a commit.

What runs is a copy, so that nobody's editing disturbs a run.
"""

import io
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]

WORK_TREE: Final = "the work tree"


class NoSuchCommit(Exception):
    """Git knows nothing by that name."""


def copy(name: str, into: Path) -> list[str]:
    """Copy the package of a commit, or of `WORK_TREE`, `into` a folder.

    Returns what it requires, with what makes it fast.
    """
    if name == WORK_TREE:
        source = ROOT
    else:
        source = into / "source"
        with tarfile.open(fileobj=io.BytesIO(_archive(name))) as archive:
            archive.extractall(source, filter="data")
    settings: dict[str, Any] = tomllib.loads((source / "pyproject.toml").read_text())
    folders: dict[str, str] = settings["tool"]["setuptools"]["package-dir"]
    for package in sorted(folders):  # a package comes before what is inside it
        target = into / "tree" / Path(*package.split("."))
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / folders[package], target, ignore=ignored, dirs_exist_ok=True)
    project = settings["project"]
    requirements: list[str] = project["dependencies"]
    speed: list[str] = project.get("optional-dependencies", {}).get("speed", [])
    return [*requirements, *speed]


def _archive(commit: str) -> bytes:
    done = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise NoSuchCommit(done.stderr.decode().strip())
    return done.stdout
