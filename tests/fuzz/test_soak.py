"""One percent of `make soak`: 10,000 hostile lines for live servers, as many for live clients."""

import os
import sys
from pathlib import Path

import pytest

from barewire.fuzz import soak as command
from barewire.fuzz.soak import TOURS, Tour, main, soak
from barewire.protocol.revisions import LATEST, LATEST_LEGACY
from tests.conftest import ROOT

LINES = 10_000
SEED = os.environ.get("SOAK_SEED", "1 %")
"""`SOAK_SEED=... make test` takes another one."""
SERVERS = [tour for tour in TOURS if tour.side == "server"]
CLIENTS = [tour for tour in TOURS if tour.side == "client"]


def test_tours_go_over_both_loops() -> None:
    for tours in (SERVERS, CLIENTS):
        assert {tour.backend for tour in tours} == {"asyncio", "trio"}


@pytest.mark.rule("S-01", "S-02", "S-04", "S-05", "S-06", "S-09", "S-10", "S-11", "S-12", "S-13")
@pytest.mark.rule("S-15", "S-17", "S-31", "S-58", "B2", "T4", "T5")
@pytest.mark.parametrize("tour", SERVERS, ids=str)
def test_a_server_answers_every_request_among_hostile_lines_once_and_does_not_grow(
    tour: Tour,
) -> None:
    outcome = soak(tour, LINES // len(SERVERS), SEED)
    assert outcome.failure is None
    assert outcome.lines >= LINES // len(SERVERS)
    assert outcome.requests > outcome.lines / 10


@pytest.mark.rule("C-03", "C-04", "C-05", "C-09", "C-10", "C-13", "T4")
@pytest.mark.parametrize("tour", CLIENTS, ids=str)
def test_a_client_among_hostile_lines_gets_the_right_answers_to_its_calls_and_does_not_grow(
    tour: Tour,
) -> None:
    outcome = soak(tour, LINES // len(CLIENTS), SEED)
    assert outcome.failure is None
    assert outcome.lines >= LINES // len(CLIENTS)


# What is wrong is found.


def broken(fault: str) -> Tour:
    program = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    program += "runpy.run_module('tests.fuzz.broken_server', run_name='__main__', alter_sys=True)"
    return Tour("server", LATEST, command=(sys.executable, "-c", program, str(ROOT), fault))


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("hoards", "4 MiB are the most"),
        ("dies", "exit code 3"),
        ("raises", "raised, and logged"),
        ("forgets", ""),
    ],
)
def test_a_server_that_grows_dies_forgets_an_answer_or_logs_an_exception_is_found(
    fault: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SILENCE", 1.0)
    outcome = soak(broken(fault), 3_000, SEED)
    assert outcome.failure is not None
    assert found in outcome.failure


def test_a_finding_is_reported_with_its_seed_and_reduced_to_the_lines_that_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "TOURS", (broken("dies"),))
    assert main(["--lines", "12", "--seed", "7", "--findings", str(tmp_path)]) == 1
    (path,) = tmp_path.iterdir()
    said = capsys.readouterr().err
    assert "--only server-2026-07-28-asyncio --lines 12 --seed 7" in said
    assert f"--replay {path}" in said
    (line,) = path.read_bytes().splitlines()
    assert b'"notifications/' in line
    assert main(["--replay", str(path)]) == 1
    monkeypatch.setattr(command, "TOURS", (Tour("server", LATEST_LEGACY),))
    assert main(["--replay", str(path)]) == 0


def test_a_tour_that_is_not_there_cannot_be_chosen() -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nobody"])
