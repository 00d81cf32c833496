"""The kit at work: small loads on real processes, and what a version is made of."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench import compare, runs, workloads
from bench.driver import machine
from bench.driver.http import MODES, HttpServer
from bench.driver.responses import EVENTS
from bench.driver.stdio import ServerFailed, StdioServer
from bench.driver.wire import BadReply, check_echoes, echo_calls
from bench.runs import Cell, measure
from bench.servers import pauses
from bench.trees import ROOT, WORK_TREE, NoSuchCommit, copy
from bench.workloads import Effort, Figures, Subject

pytestmark = pytest.mark.skipif(machine.why_not() is not None, reason=str(machine.why_not()))

QUICK = Effort(slices=1, slice_cpu=0.005, quiet=0, long=100, sessions=(20, 100))


def program(module: str, *arguments: str) -> Subject:
    environment = {"PYTHONPATH": str(ROOT)}
    return Subject(module, (sys.executable, "-m", module, *arguments), environment, warmup=10)


FLOOR = program("bench.servers.floor_block")
HTTP_FLOOR = program("bench.servers.floor_anyio_h11")
OURS = program("bench.servers.barewire_server", "inline")


def test_a_quick_run_of_one_cell_measures_and_keeps_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "results")
    cell = Cell("calls", OURS, partial(workloads.calls, in_flight=64))
    figures = measure([cell], QUICK, 1, {"versions": {}})["calls", OURS.name]
    assert all(value > 0 for value in figures.values())
    (file,) = (tmp_path / "results").iterdir()
    about, kept = map(json.loads, file.read_text().splitlines())
    assert about["processor"]
    assert kept["figures"] == figures


def test_the_client_is_measured_while_it_calls_a_floor() -> None:
    client = program("bench.clients.barewire_client")
    figures = workloads.client(client, QUICK, FLOOR.command, in_flight=64)
    assert figures["cpu"] > 0
    assert figures["rate"] > 0


def test_progress_payloads_and_starts_are_measured() -> None:
    figures: list[Figures] = [
        workloads.progress(FLOOR, QUICK, "modern"),
        workloads.payload(FLOOR, QUICK, size=100_000),
        workloads.start(FLOOR, QUICK),
    ]
    assert all(value > 0 for found in figures for value in found.values())


@pytest.mark.parametrize("mode", MODES)
def test_calls_over_http_are_measured_in_every_mode(mode: str) -> None:
    figures = workloads.http_calls(HTTP_FLOOR, QUICK, mode)
    assert all(value > 0 for value in figures.values())


def test_progress_and_latency_over_http_are_measured() -> None:
    figures: list[Figures] = [
        workloads.http_progress(HTTP_FLOOR, QUICK, "modern"),
        workloads.latency(HTTP_FLOOR, QUICK, "stateful"),
    ]
    assert all(value > 0 for found in figures for value in found.values())


def test_what_our_server_tells_and_keeps_is_measured() -> None:
    pauses = workloads.pauses(OURS, QUICK, "stateful")
    assert pauses["pauses"] >= 0
    sessions = workloads.sessions(OURS, QUICK)
    assert 0.9 < sessions["reopened"] < 1.5


def test_requests_are_shared_by_the_connections_and_every_answer_is_kept() -> None:
    with HTTP_FLOOR.serve("stateful") as server:
        for count in (1, 5, 40):
            pumped = server.pump(echo_calls(count, "legacy"), in_flight=4)
            check_echoes(pumped.chunks, count)
            assert len(pumped.taken) == count
            assert min(pumped.taken) > 0


def test_an_answer_of_another_form_is_no_figure() -> None:
    streams = replace(MODES["stateless"], form=EVENTS)
    with (
        HttpServer(HTTP_FLOOR.command, streams, HTTP_FLOOR.environment) as server,
        pytest.raises(BadReply, match="instead of text/event-stream"),
    ):
        server.pump(echo_calls(1, "legacy"))


def test_full_collections_are_told_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pauses"
    collecting = "import gc; from bench.servers import pauses; pauses.record_pauses()"
    program = f"{collecting}; gc.collect(); gc.collect(1); gc.collect()"
    environment = {**os.environ, pauses.VARIABLE: str(file)}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=True)
    taken = [float(line) for line in file.read_text().splitlines()]
    assert len(taken) >= 2
    assert all(0 < seconds < 10 for seconds in taken)


def test_a_server_that_ends_is_a_failure_and_not_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RESULTS", tmp_path)
    ending = Subject("ending", (sys.executable, "-c", "input()"))
    with pytest.raises(ServerFailed, match="closed its standard output"):
        StdioServer(ending.command, "legacy")
    assert measure([Cell("calls", ending, workloads.calls)], QUICK, 1, {}) == {}
    with pytest.raises(ServerFailed, match="ended instead of listening"):
        Subject("ending", (sys.executable, "-c", "")).serve("stateful")


def test_a_copy_of_the_work_tree_is_the_package_as_it_is_installed(tmp_path: Path) -> None:
    assert any(name.startswith("orjson") for name in copy(WORK_TREE, tmp_path))
    for module in ("__init__", "server/server", "protocol/codec", "transports/pipe"):
        assert (tmp_path / "tree" / "barewire" / f"{module}.py").exists()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="there is no git repository here")
def test_a_commit_is_copied_by_its_name_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    copy("HEAD", tmp_path)
    assert (tmp_path / "tree" / "barewire" / "__init__.py").exists()
    with pytest.raises(NoSuchCommit):
        copy("no-such-commit", tmp_path / "other")


def test_two_versions_are_compared_by_the_ratio_of_head_to_base() -> None:
    (calls, *_) = compare.all_workloads(workloads)
    results: runs.Results = {("async", "base"): {"cpu": 0.2}, ("async", "head"): {"cpu": 0.1}}
    assert compare.row(results, calls, "base", "head") == ["async", "cpu", "0.2", "0.1", "0.500"]
    assert compare.row({}, calls, "base", "head") == ["async", "", "failed", "failed", "-"]
