"""Sessions that are recorded now can be held again: tests/record.py does what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from barewire.protocol.methods import Role
from tests import record
from tests.transcripts.replay import replay, whole
from tests.transcripts.transcript import read


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("name", record.SPOKEN)
def test_a_session_that_was_recorded_now_can_be_held_again(
    name: str,
    role: Role,
    strangers: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strangers(name)
    monkeypatch.setattr(record, "QUIET", 0.05)  # what comes later is told to the next step
    transcript = read(record.record(name, role, record.SPOKEN[name][-1], tmp_path))
    assert len(transcript.lines) > 60
    assert replay(transcript, whole)
