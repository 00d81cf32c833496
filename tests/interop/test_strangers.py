"""Our server with clients of foreign SDKs, and our client with their servers.

Every pair plays the same script (script.py) over stdio, each side a process of its own. What is
expected of a step is said here by revision, and not read from our own tables.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from barewire import Client
from tests.conftest import ROOT
from tests.interop.script import TEXT

HERE = ROOT / "tests" / "interop"

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
EACH_LEGACY = {name: name for name in LEGACY}
TOOLS = {
    "echo": "Return the text.",
    "add": "Add two integers.",
    "progress": "Report n steps, then end.",
    "slow": "Report that it has started, then sleep.",
    "cancelled_count": "Count the cancelled calls of slow, after waiting up to 5 s for this many.",
    "fail": "Fail with the message.",
    "log": "Send a log message.",
    "whoami": "Tell who the client says it is, and what it speaks.",
}
CLIENTS = {
    "mcp1": "stranger-mcp1",
    "mcp2": "stranger-mcp2",
    "ts1": "stranger-ts1",
    "ts2": "stranger-ts2",
    "ours": "ours",
}
SERVERS = {
    "mcp1": ["stranger-mcp1", "1.0.1"],
    "mcp2": ["stranger-mcp2", "2.0.1"],
    "ts1": ["stranger-ts1", "1.0.1"],
    "ts2": ["stranger-ts2", "2.0.1"],
    "ours": ["ours", "1.0"],
}


SIDE_BY_SIDE = 4
"""How many clients play at a time."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Who plays with whom, and the revision that they are to agree on in each mode."""

    client: str
    server: str
    modes: dict[str, str]
    loop: str = "asyncio"  # of our side

    @property
    def stranger(self) -> str:
        return self.server if self.client == "ours" else self.client

    @property
    def label(self) -> str:
        return f"{self.client}-with-{self.server}-{self.loop}"

    @property
    def mark(self) -> str:
        """The last argument of every server that this pair starts, and of no other process."""
        return f"{self.label}-{os.getpid()}"

    def command(self, program: str) -> list[str]:
        """Build the command of the client, given what runs the stranger's programs."""
        suffix = "mjs" if self.stranger.startswith("ts") else "py"
        if self.client == "ours":
            client = [sys.executable, "-m", "tests.interop.our_client", self.loop]
            server = [program, str(HERE / f"stranger_server_{self.server}.{suffix}")]
        else:
            client = [program, str(HERE / f"stranger_client_{self.client}.{suffix}")]
            server = [sys.executable, str(HERE / "our_server.py"), self.loop]
        return [*client, *self.modes, "--", *server, self.mark]


EACH = {**EACH_LEGACY, MODERN: MODERN, "auto": MODERN}
PAIRS = [
    Pair("mcp1", "ours", EACH_LEGACY),
    Pair("mcp2", "ours", EACH),
    Pair("ts1", "ours", EACH_LEGACY),
    Pair("ts2", "ours", EACH),
    Pair("mcp2", "ours", {LEGACY[-1]: LEGACY[-1], MODERN: MODERN}, "trio"),
    Pair("ts1", "ours", {LEGACY[0]: LEGACY[0], LEGACY[-1]: LEGACY[-1]}, "trio"),
    Pair("ts2", "ours", {LEGACY[-1]: LEGACY[-1], "auto": MODERN}, "trio"),
    Pair("ours", "mcp1", {LEGACY[0]: LEGACY[0], "auto": LEGACY[-1]}),
    Pair("ours", "mcp2", EACH),
    Pair("ours", "ts1", {**EACH_LEGACY, "auto": LEGACY[-1]}),
    Pair("ours", "ts2", EACH),
    Pair("ours", "mcp1", {LEGACY[1]: LEGACY[1], "auto": LEGACY[-1]}, "trio"),
    Pair("ours", "mcp2", {LEGACY[-1]: LEGACY[-1], MODERN: MODERN}, "trio"),
    Pair("ours", "ts1", {LEGACY[0]: LEGACY[0], "auto": LEGACY[-1]}, "trio"),
    Pair("ours", "ts2", {LEGACY[-1]: LEGACY[-1], "auto": MODERN}, "trio"),
]


@dataclass(frozen=True)
class Played:
    """What the steps of the script gave in one mode."""

    pair: Pair
    mode: str
    steps: dict[str, Any]

    @property
    def revision(self) -> str:
        return self.pair.modes[self.mode]

    @property
    def is_legacy(self) -> bool:
        return self.revision in LEGACY

    @property
    def our_server(self) -> bool:
        return self.pair.server == "ours"

    def text(self, step: str) -> str:
        (block,) = self.steps[step]["content"]
        assert block == {"type": "text", "text": block["text"]}
        text: str = block["text"]
        return text


@dataclass(frozen=True)
class Ended:
    """What a client process left."""

    done: subprocess.CompletedProcess[str]
    still_there: list[list[str]]
    """The commands of its servers that were still there when it had ended."""


class Plays:
    """The client processes: a few run side by side, for they often wait."""

    def __init__(self, program: Callable[[str], Path]) -> None:
        self._program = program
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        self._plays: dict[Pair, Future[Ended]] = {}

    def ended(self, pair: Pair) -> Ended:
        """Return how a pair's play ended; skip when its stranger is not there."""
        self._program(pair.stranger)
        if not self._plays:
            self._start_all()
        return self._plays[pair].result()

    def of(self, pair: Pair) -> dict[str, dict[str, Any]]:
        """Return what a pair played, by mode."""
        done = self.ended(pair).done
        print(done.stderr)
        assert done.returncode == 0
        played: dict[str, dict[str, Any]] = json.loads(done.stdout)
        return played

    def close(self) -> None:
        """Start no more, and wait for what still runs."""
        self._pool.shutdown(cancel_futures=True)

    def _start_all(self) -> None:
        for pair in PAIRS:
            with suppress(pytest.skip.Exception):
                program = self._program(pair.stranger)
                self._plays[pair] = self._pool.submit(play, pair, program)


def play(pair: Pair, program: Path) -> Ended:
    """Run a client in all its modes."""
    done = subprocess.run(
        pair.command(str(program)),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    return Ended(done, processes_with(pair.mark))


def processes_with(argument: str) -> list[list[str]]:
    """Return the commands of the processes that have this last argument, where there is /proc."""
    found: list[list[str]] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            command = path.read_text().removesuffix("\0").split("\0")
            if command[-1] == argument:
                found.append(command)
    return found


@pytest.fixture(scope="module")
def plays(strangers: Callable[[str], Path]) -> Iterator[Plays]:
    started = Plays(strangers)
    yield started
    started.close()


@pytest.fixture(
    params=[(pair, mode) for pair in PAIRS for mode in pair.modes],
    ids=lambda param: f"{param[0].label}-{param[1]}",
)
def played(request: pytest.FixtureRequest, plays: Plays) -> Played:
    pair, mode = request.param
    steps = plays.of(pair)[mode]
    if "failed" in steps:
        pytest.fail(steps["failed"])
    return Played(pair, mode, steps)


@pytest.mark.rule("L-01", "M1105-LIFE-09", "SR-120", "SR-125")
def test_they_agree_on_the_revision(played: Played) -> None:
    assert played.steps["opened"]["protocol_version"] == played.revision
    peer = json.loads(played.text("whoami"))
    assert peer["protocol_version"] == played.revision
    assert peer["client_name"] == CLIENTS[played.pair.client]


@pytest.mark.rule("M1105-LIFE-03", "M0728-VER-03", "SR-122")
def test_the_server_introduces_itself(played: Played) -> None:
    opened = played.steps["opened"]
    if played.pair.client == "mcp2" and played.mode == MODERN:
        assert opened["server"] is None  # this client asks nothing before its first call
    else:
        assert opened["server"] == SERVERS[played.pair.server]
        assert opened["instructions"] == "Use echo first."
        assert {"tools", "logging"} <= set(opened["capabilities"])


@pytest.mark.rule("SR-132")
def test_the_tools_are_listed_with_their_schemas(played: Played) -> None:
    tools = {tool["name"]: tool for tool in played.steps["tools"]}
    assert list(tools) == list(TOOLS)
    if played.our_server:
        assert {name: tool["description"] for name, tool in tools.items()} == TOOLS
    schema = tools["add"]["input"]
    assert schema["type"] == "object"
    assert {name: part["type"] for name, part in schema["properties"].items()} == {
        "a": "integer",
        "b": "integer",
    }
    assert sorted(schema["required"]) == ["a", "b"]


def test_a_text_comes_back_as_it_was_sent(played: Played) -> None:
    assert played.text("echo") == TEXT
    assert played.steps["echo"]["is_error"] is False
    if played.our_server:
        assert played.steps["echo"]["structured"] is None


@pytest.mark.rule("M0618-TOOL-18", "M0618-TOOL-19")
def test_a_structured_result_has_its_schema_its_value_and_a_text(played: Played) -> None:
    assert json.loads(played.text("add")) == {"sum": 5}
    add = next(tool for tool in played.steps["tools"] if tool["name"] == "add")
    if played.revision in LEGACY[:2] and played.our_server:  # they do not know structured results
        assert played.steps["add"]["structured"] is add["output"] is None
    else:
        assert played.steps["add"]["structured"] == {"sum": 5}
        assert add["output"]["properties"]["sum"]["type"] == "integer"


@pytest.mark.rule("SR-060", "SR-062")
def test_progress_is_reported_step_by_step(played: Played) -> None:
    silent = played.revision == LEGACY[0] and played.our_server  # no messages before 2025-03-26
    expected = [[number, 3, None if silent else f"step {number}"] for number in (1, 2, 3)]
    steps = played.steps["progress"]["steps"]
    if played.pair.client.startswith("ts"):
        # These forget who waits for progress as soon as they read the answer, before they have
        # delivered what came in the same chunk ahead of it.
        assert steps == expected[: len(steps)]
    else:
        assert steps == expected
    assert played.text("progress") == "done"


@pytest.mark.rule("M1105-TOOL-22")
def test_a_failing_tool_is_an_error_result_with_its_message(played: Played) -> None:
    assert played.steps["fail"]["is_error"] is True
    assert played.text("fail").endswith("out of stock")


@pytest.mark.rule("S-51", "SR-133")
def test_an_unknown_tool_is_refused(played: Played) -> None:
    step = played.steps["unknown_tool"]
    if played.our_server or played.pair.server == "ts2":
        assert step["error"]["code"] == -32602
        assert "nothing" in step["error"]["message"]
    else:
        assert step["is_error"] is True


@pytest.mark.rule("S-52")
def test_bad_arguments_are_an_error_result_where_the_revision_says_so(played: Played) -> None:
    step = played.steps["bad_arguments"]
    if played.revision in LEGACY[:3] and played.our_server:
        assert step["error"]["code"] == -32602
    else:
        assert step["is_error"] is True
        assert "a" in played.text("bad_arguments")


def test_calls_in_flight_together_get_their_own_answers(played: Played) -> None:
    assert played.steps["together"] == [f"text {number}" for number in range(8)]


@pytest.mark.rule("T9", "M1105-CAN-04")
def test_a_cancelled_call_ends_and_its_handler_is_cancelled(played: Played) -> None:
    assert played.steps["cancel"] == {"cancelled": True}
    assert played.text("cancelled_after_cancel") == "1"


@pytest.mark.rule("M0728-CAN-06", "M1105-CAN-05")
def test_a_call_that_takes_too_long_is_given_up_and_the_next_one_works(played: Played) -> None:
    assert "error" in played.steps["timeout"]
    cancels = played.pair.client != "mcp1"
    assert played.text("after_timeout") == ("2" if cancels else "slept")


@pytest.mark.rule("M1105-PING-01")
def test_ping_is_answered_where_the_era_has_it(played: Played) -> None:
    assert played.steps.get("ping") == ({} if played.is_legacy else None)


@pytest.mark.rule("SR-065", "SR-076")
def test_log_messages_arrive_from_the_level_that_was_set(played: Played) -> None:
    assert played.steps.get("set_level") == ({} if played.is_legacy else None)
    assert played.steps["log"] == [{"level": "warning", "data": "a warning", "logger": "tools"}]


@pytest.mark.rule("SR-129")
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.label)
def test_closing_waits_for_the_server_and_not_long(pair: Pair, plays: Plays) -> None:
    # The SDKs and ours start to kill after 2 s. A busy machine may take that long, but not always.
    assert min(steps["closed_in"] for steps in plays.of(pair).values()) < 2


@pytest.mark.rule("T12", "M0728-STD-18")
async def test_a_modern_server_that_is_slow_to_start_is_spoken_to_in_its_revision(
    strangers: Callable[[str], Path],
) -> None:
    command = [strangers("mcp2"), HERE / "stranger_server_mcp2.py"]
    async with Client([str(part) for part in command], probe_timeout=0.01) as client:
        assert client.protocol_version == MODERN
        assert (await client.call_tool("echo", {"text": "here"})).text == "here"


@pytest.mark.rule("SR-129")
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked for in /proc")
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.label)
def test_no_server_outlives_its_client(pair: Pair, plays: Plays) -> None:
    assert plays.ended(pair).still_there == []
