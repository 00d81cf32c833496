"""The environments that programs run in: one folder each under `.bench/`, made when missing."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.trees import ROOT
from tests.interop import make_strangers

FOLDER: Final = ROOT / ".bench"
NPM: Final = ROOT / "bench" / "npm"


class NotMade(Exception):
    """An environment cannot be made; says why."""


def python_environment(name: str, interpreter: str, arguments: Sequence[str]) -> str:
    """Return the interpreter of an environment in which pip installed its `arguments`.

    Another interpreter, other arguments or another requirements file make another environment.
    """
    files = [Path(argument) for argument in arguments if argument.endswith(".txt")]
    made_from = [version_of(interpreter), *arguments, *(file.read_text() for file in files)]
    folder = _folder(name, made_from)
    python, finished = folder / "bin" / "python", folder / ".finished"
    if not finished.exists():
        print(f"{folder.name}: installing {' '.join(arguments)}", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        run([interpreter, "-m", "venv", str(folder)])
        run([str(python), "-m", "pip", "install", "-q", *arguments])
        finished.touch()
    return str(python)


def node_environment(name: str) -> tuple[Path, Path]:
    """Return a Node and a folder with the `node_modules` that `npm/NAME/` pins."""
    pins = [NPM / name / file for file in ("package.json", "package-lock.json")]
    folder = _folder(name, [pin.read_text() for pin in pins])
    finished = folder / ".finished"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            node, npm = make_strangers.tools()
            if not finished.exists():
                print(f"{folder.name}: installing {pins[0].relative_to(ROOT)}", flush=True)
                shutil.rmtree(folder, ignore_errors=True)
                make_strangers.install_node_modules(npm, pins, folder)
                finished.touch()
    except make_strangers.NotMade as error:
        raise NotMade(str(error)) from error
    return node, folder


def _folder(name: str, made_from: Sequence[str]) -> Path:
    digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()
    return FOLDER / f"{name}-{digest[:8]}"


def version_of(interpreter: str) -> str:
    """Return the version of a Python, such as 3.11.7."""
    program = "import platform; print(platform.python_version())"
    return run([interpreter, "-c", program]).strip()


def interpreters() -> dict[int, str]:
    """Find the CPythons from 3.11 on, on PATH or in pyenv, by their minor number."""
    return {minor: path for minor in range(11, 20) if (path := _interpreter(minor)) is not None}


def _interpreter(minor: int) -> str | None:
    candidates = [f"python3.{minor}"]
    if shutil.which("pyenv"):
        folder = Path(run(["pyenv", "root"]).strip(), "versions")
        candidates += map(str, sorted(folder.glob(f"3.{minor}.*/bin/python")))
    program = (
        "import platform, sys\n"
        "assert platform.python_implementation() == 'CPython'\n"
        f"assert sys.version_info[:2] == (3, {minor})\n"
        "assert sys.version_info.releaselevel == 'final'\n"
        "print(sys.executable)"
    )
    for candidate in candidates:
        try:
            return run([candidate, "-c", program]).strip()
        except (NotMade, OSError):
            continue
    return None


def run(command: Sequence[str]) -> str:
    """Run a command and return what it printed; raises `NotMade` when it fails."""
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise NotMade(f"{' '.join(command)}: {(done.stderr or done.stdout).decode().strip()}")
    return done.stdout.decode()
