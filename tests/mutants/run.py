"""The gate of `make mutants`: every small fault in protocol/ and session/ makes a test fail.

The tree is copied first, so that nothing here touches a file of the checkout. In the copy, the
tests are run once to learn which lines each of them runs. Then each mutant meets the tests that run
its line, the quickest first, in a forked process:

* of a *function* mutant, in a process where everything is loaded and collected: the function is
  given its changed code,
* of a *table* mutant, and of a function mutant that survived that, in a process that has loaded
  nothing of the package yet and loads the changed module.

`accepted.toml` lists the survivors that no test can tell apart, with reasons. Any other survivor
fails, and so does a listed one that is killed or that the code no longer has.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.mutants.gate import ROOMS, ROOT, Gate, Options
from tests.mutants.suite import FOLDERS


def copy_of_the_tree(folder: Path) -> tuple[Path, Path]:
    """Copy the package and the tests; return where each is."""
    repository, site = folder / "repository", folder / "site"
    without = shutil.ignore_patterns("__pycache__")
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages: dict[str, str] = configuration["tool"]["setuptools"]["package-dir"]
    for name, source in sorted(packages.items()):
        # A package inside another one came with it, and may come again.
        to = site / name.replace(".", "/")
        shutil.copytree(ROOT / source, to, ignore=without, dirs_exist_ok=True)
    shutil.copytree(ROOT / "tests", repository / "tests", ignore=without)
    for room in ROOMS:
        shutil.copytree(ROOT / room, repository / room, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", repository)
    shared = ROOT.parent / "shared"
    if shared.is_dir():
        (folder / "shared").symlink_to(shared)
    else:
        print("no reference data beside the repository: more mutants survive than are listed")
    return repository, site


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description="Look for untested faults.")
    parser.add_argument(
        "--only", nargs="*", default=[""], help="mutants whose name has one of these in it"
    )
    parser.add_argument(
        "--slice",
        default="1/1",
        help="this part of the function mutants, such as 3/12, and half of the table mutants",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="believe in survivors at first sight, and leave out table mutants",
    )
    parser.add_argument("--tests", nargs="*", default=FOLDERS, help="folders and files of tests")
    parser.add_argument("--copy", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Copy the tree and run the gate in the copy."""
    given = arguments()
    at, _, parts = given.slice.partition("/")
    if given.copy:
        part = int(at), int(parts)
        options = Options(given.jobs, given.only, part, given.quick, list(given.tests))
        gate = Gate(given.copy / "barewire", options)
        gate.run()
        return 0 if gate.report() else 1
    with tempfile.TemporaryDirectory() as folder:
        repository, site = copy_of_the_tree(Path(folder).resolve())
        command = [sys.executable, "-m", "tests.mutants.run", f"--copy={site}", *sys.argv[1:]]
        environment = {**os.environ, "PYTHONPATH": str(site), "COVERAGE_CORE": "ctrace"}
        environment.pop("CI", None)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile all anew
        return subprocess.run(command, cwd=repository, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
