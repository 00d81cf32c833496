"""What README shows runs, and what it prints is what it says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_program_in_the_readme_runs() -> None:
    program = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert program is not None
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program[1]],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("2026-07-28 5\n", "")


def test_the_commands_in_the_readme_are_targets_of_make() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z]+)", (ROOT / "README.md").read_text()))
    assert named <= targets
    assert {"demo", "test"} <= named


def test_every_room_in_the_readme_is_a_folder() -> None:
    rooms = re.findall(r"^\| `([a-z]+)/` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rooms) >= 6
    assert all((ROOT / room).is_dir() for room in rooms)
