"""Create one environment per foreign SDK under .strangers/, from the pinned files beside this one.

Run by `make strangers`, with the standard library alone. `requirements-NAME.txt` becomes
`.strangers/NAME`; they cannot share one, for they pin different releases of the same packages.
An environment that was made from the same file is left as it is; one that could not be made is
removed, and the exit code is 1.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STRANGERS = HERE.parents[1] / ".strangers"


def python_of(name: str) -> Path:
    """Name the interpreter of an environment, which need not be there."""
    return STRANGERS / name / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def is_current(name: str) -> bool:
    """Tell whether an environment is there and was made from its file as it is now."""
    stamp = STRANGERS / name / ".made-from"
    return python_of(name).exists() and stamp.exists() and stamp.read_text() == _digest(name)


def make(name: str) -> bool:
    """Make an environment unless it is there; False when it failed."""
    if is_current(name):
        print(f"{name}: already there", flush=True)
        return True
    print(f"{name}: installing {_requirements(name).name}", flush=True)
    folder = STRANGERS / name
    shutil.rmtree(folder, ignore_errors=True)
    install = [
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "-r",
        str(_requirements(name)),
    ]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python_of(name)), *install],
    ):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode != 0:
            print(f"{name}: failed: {' '.join(command)}", file=sys.stderr)
            print(done.stdout.decode(errors="replace"), file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            return False
    (folder / ".made-from").write_text(_digest(name))
    return True


def _requirements(name: str) -> Path:
    return HERE / f"requirements-{name}.txt"


def _digest(name: str) -> str:
    return hashlib.sha256(_requirements(name).read_bytes()).hexdigest()


def main() -> int:
    """Make every environment; one that fails does not keep the others from being made."""
    files = sorted(HERE.glob("requirements-*.txt"))
    made = [make(file.stem.removeprefix("requirements-")) for file in files]
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
