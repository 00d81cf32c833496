"""The command: which scenarios run, against whom, and what the exit code is. Without Node."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from tests.conformance import __main__ as command
from tests.conformance.catalogue import Scenario, Side
from tests.conformance.judging import Outcome
from tests.conformance.subjects import EverythingServer
from tests.conformance.suite import Suite
from tests.conformance.waiting import Expected, read_waiting
from tests.interop.make_strangers import NotMade


def scenario(side: Side, revision: str, name: str) -> Scenario:
    return Scenario(side, revision, name, "scored")


SCENARIOS = [
    scenario("server", "2025-11-25", "ping"),
    scenario("client", "2025-11-25", "initialize"),
    scenario("server", "2026-07-28", "prompts-list"),
    scenario("client", "2026-07-28", "tools_call"),
    scenario("server", "2025-06-18", "ping"),
]

LISTED = """
[[waiting]]
scenarios = ["prompts-*"]
side = "server"
reason = "prompts"

[[waiting]]
scenarios = ["*"]
side = "client"
reason = "no client"
"""


class Stub(Suite):
    """A suite that is there, and that only certain scenarios pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = ["ping"]
        self.played: list[tuple[str, str, Sequence[str]]] = []

    def make(self) -> None:
        pass

    def scenarios(self) -> list[Scenario]:
        return SCENARIOS

    def play(
        self, scenario: Scenario, subject: Sequence[str], folder: Path, limit: float
    ) -> Outcome:
        self.played.append((scenario.revision, scenario.name, subject))
        passed = scenario.name in self.passes
        return Outcome("passed") if passed else Outcome("failed", ["FAILURE why"])


class Serving(EverythingServer):
    """A server that is said to serve."""

    commands: ClassVar[list[list[str]]] = []

    def __init__(self, log: Path, command: list[str]) -> None:
        super().__init__(log, command)
        self.commands.append(command)

    def __enter__(self) -> str:
        return "http://here"

    def __exit__(self, *ended: object) -> None:
        pass

    @property
    def ended(self) -> bool:
        return False


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stub:
    stub = Stub()
    Serving.commands.clear()
    monkeypatch.setattr(command, "Suite", lambda: stub)
    monkeypatch.setattr(command, "EverythingServer", Serving)
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(command, "CLIENT", tmp_path / "no-client.py")
    return stub


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, suite: Stub) -> "Run":
    return Run(monkeypatch)


class Run:
    """Runs the command with a list of what waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *options: str, listed: str = LISTED) -> int:
        def read() -> Expected:
            return read_waiting(listed)

        self._monkeypatch.setattr(command, "read_waiting", read)
        self._monkeypatch.setattr("sys.argv", ["conformance", *options])
        return command.main()


def test_all_run_one_after_the_other_servers_first_and_by_revision(
    run: Run, suite: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert suite.played == [
        ("2025-06-18", "ping", ["--url", "http://here"]),
        ("2025-11-25", "ping", ["--url", "http://here"]),
        ("2026-07-28", "prompts-list", ["--url", "http://here"]),
    ]
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in said[:5]] == [
        ["server", "2025-06-18", "ping", "passed"],
        ["server", "2025-11-25", "ping", "passed"],
        ["server", "2026-07-28", "prompts-list", "waits:"],
        ["client", "2025-11-25", "initialize", "waits:"],
        ["client", "2026-07-28", "tools_call", "waits:"],
    ]
    assert said[6:] == [
        "server 2025-06-18: scored: 1 of 1 passed",
        "server 2025-11-25: scored: 1 of 1 passed",
        "server 2026-07-28: scored: 0 of 1 passed, 1 waits",
        "client 2025-11-25: scored: 0 of 1 passed, 1 waits",
        "client 2026-07-28: scored: 0 of 1 passed, 1 waits",
    ]


def test_a_failure_that_is_not_listed_fails_the_run(run: Run, suite: Stub) -> None:
    suite.passes = []
    assert run() == 1


def test_a_listed_scenario_that_passes_fails_the_run(
    run: Run, suite: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.passes = ["ping", "prompts-list"]
    assert run() == 1
    assert "prompts-list" + " " * 35 + "STALE: listed, but it passes" in capsys.readouterr().out


def test_a_listed_scenario_that_is_not_there_fails_the_run_whatever_was_chosen(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--only", "ping", listed=LISTED.replace("prompts-*", "promts-*")) == 1
    assert "STALE: no scenario: server promts-* at any revision" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--only", "p*", "initialize"], ["ping", "ping", "prompts-list", "initialize"]),
        (["--side", "client"], ["initialize", "tools_call"]),
        (["--revision", "2026-07-28"], ["prompts-list", "tools_call"]),
        (["--side", "server", "--revision", "2025-06-18"], ["ping"]),
        (["--url", "http://there"], ["ping", "ping", "prompts-list"]),
        (["--command", "theirs"], ["initialize", "tools_call"]),
    ],
)
def test_options_choose(options: list[str], names: list[str]) -> None:
    found = command.chosen(SCENARIOS, command.arguments(options))
    assert [one.name for one in found] == names


def test_to_choose_nothing_is_no_success(run: Run) -> None:
    assert run("--only", "pong") == 1


@pytest.mark.parametrize("option", ["--url", "--command"])
def test_a_stranger_is_judged_by_no_list(run: Run, suite: Stub, option: str) -> None:
    assert run(option, "theirs") == 1
    assert suite.played
    assert {tuple(subject) for _, _, subject in suite.played} == {(option, "theirs")}


def test_once_there_is_a_client_it_is_played(run: Run, suite: Stub, tmp_path: Path) -> None:
    (tmp_path / "no-client.py").touch()
    suite.passes = ["tools_call"]
    assert run("--side", "client") == 1, "the list says that it waits"
    assert [subject[0] for _, _, subject in suite.played] == ["--command"] * 2
    assert all(subject[1].startswith("exec ") for _, _, subject in suite.played)


def test_the_server_can_be_served_in_other_ways(run: Run) -> None:
    assert run("--side", "server", "--serve=--backend trio") == 0
    assert [command[-4:] for command in Serving.commands] == [
        ["--http", "127.0.0.1:0", "--backend", "trio"]
    ]


def test_a_server_that_ended_fails_what_is_left(
    run: Run, suite: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Serving, "ended", property(lambda _: len(suite.played) > 0))
    assert run("--only", "ping") == 1
    assert len(suite.played) == 1
    assert "the server has ended" in capsys.readouterr().out


def test_a_suite_that_cannot_be_had_is_told(
    run: Run, suite: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make() -> None:
        raise NotMade("no network")

    monkeypatch.setattr(suite, "make", make)
    assert run() == 2
    assert capsys.readouterr().err == "conformance: no network\n"
