"""Create one environment per foreign SDK under .strangers/, from the pinned files beside this one.

Run by `make strangers`, with the standard library alone. `requirements-NAME.txt` becomes
`.strangers/NAME`; they cannot share one, for they pin different releases of the same packages.
An environment that was made from the same file by the same interpreter is left as it is; one that
could not be made is removed, and the exit code is 1.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STRANGERS = HERE.parents[1] / ".strangers"


def make(requirements: Path) -> bool:
    """Make the environment of one requirement file unless it is there; False when it failed."""
    name = requirements.stem.removeprefix("requirements-")
    folder = STRANGERS / name
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    stamp = folder / ".made-from"
    source = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == source:
        print(f"{name}: already there", flush=True)
        return True
    print(f"{name}: installing {requirements.name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    install = ["-m", "pip", "install", "--disable-pip-version-check", "-r", str(requirements)]
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), *install]):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode != 0:
            print(f"{name}: failed: {' '.join(command)}", file=sys.stderr)
            print(done.stdout.decode(errors="replace"), file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            return False
    stamp.write_text(source)
    return True


def main() -> int:
    """Make every environment; one that fails does not keep the others from being made."""
    made = [make(requirements) for requirements in sorted(HERE.glob("requirements-*.txt"))]
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
