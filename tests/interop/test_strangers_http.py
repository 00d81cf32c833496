"""Our HTTP server with clients of foreign SDKs.

Every client plays the script of stranger_http_script.py with servers of each kind, in each revision
that it can be made to speak. What is expected of a step is said here by revision, and not read from
our own tables.
"""

import http.client
import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.interop.cutting_proxy import cutting
from tests.interop.http_servers import Running, run_command, running
from tests.interop.script import TEXT

HERE = ROOT / "tests" / "interop"

LEGACY = ("2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"

CLIENTS = {
    "mcp1": LEGACY,
    "mcp2": (*LEGACY, MODERN, "auto"),
    "ts1": LEGACY,
    "ts2": (*LEGACY, MODERN, "auto"),
    "fastmcp": (*LEGACY, MODERN, "auto"),
}
"""The modes of each client: the revision that it offers, or "auto"."""

SERVERS = {
    "stateful": [],
    "stateful-json": ["--json-response", "--backend", "trio"],
    "stateful-sse": ["--sse-response"],
    "stateless": ["--stateless", "--backend", "trio"],
    "stateless-json": ["--stateless", "--json-response"],
    "stateless-sse": ["--stateless", "--sse-response", "--backend", "trio"],
}
"""The options of each server."""

CUT = ("stateful", "stateful-sse")
"""Servers that every client also plays with through a network that fails."""

LONGEST = 90
"""Seconds after which a client is stopped, wherever it is."""

STEPS = [[number, 5] for number in range(1, 6)]


@dataclass(frozen=True)
class Pair:
    """A client and a server, and the mode in which they are to play."""

    client: str
    server: str
    mode: str
    cut: bool = False

    @property
    def key(self) -> str:
        return f"{'cut' if self.cut else 'play'} {self.client} {self.server} {self.mode}"

    @property
    def stateless(self) -> bool:
        return self.server.startswith("stateless")

    @property
    def streams(self) -> bool:
        return not self.server.endswith("json")

    @property
    def revision(self) -> str:
        return MODERN if self.mode == "auto" else self.mode

    @property
    def is_legacy(self) -> bool:
        return self.revision in LEGACY

    def play(self, port: int) -> dict[str, Any]:
        """Return the play as the client's program reads it."""
        return {
            "url": f"http://127.0.0.1:{port}/mcp",
            "mode": self.mode,
            "key": self.key,
            "streams": self.streams,
            "stateless": self.stateless,
            "cut": self.cut,
        }


PAIRS = [
    Pair(client, server, mode)
    for client, modes in CLIENTS.items()
    for server in SERVERS
    for mode in modes
]
CUT_PAIRS = [
    Pair(client, server, mode, cut=True)
    for client, modes in CLIENTS.items()
    for server in CUT
    for mode in modes
    if mode in LEGACY
]


@dataclass(frozen=True)
class Played:
    """What the steps of the script gave."""

    pair: Pair
    steps: dict[str, Any]
    http: list[dict[str, Any]]
    """Every response that the SDK got: method, status, type, session."""

    def text(self, step: str) -> str:
        (block,) = self.steps[step]["content"]
        text: str = block["text"]
        return text

    @property
    def session(self) -> str | None:
        """The session id that came with the answer to the first request."""
        session: str | None = self.http[0]["session"]
        return session

    def statuses(self, method: str) -> list[int]:
        return [response["status"] for response in self.http if response["method"] == method]


@dataclass(frozen=True)
class Told:
    """What a client's program told of its plays, by key, and what it complained about."""

    played: dict[str, dict[str, Any]]
    wrong: str


class Plays:
    """The servers, and the client programs: one process for all plays of a client."""

    def __init__(self, program: Callable[[str], Path]) -> None:
        self._stack = ExitStack()
        self._pool = ThreadPoolExecutor(len(CLIENTS))
        self.servers: dict[str, Running] = {
            name: self._stack.enter_context(running(run_command(*options)))
            for name, options in SERVERS.items()
        }
        self._cut_ports = {
            name: self._stack.enter_context(
                cutting(self.servers[name].port, r'cut [\w .-]+ step 2"')
            ).port
            for name in CUT
        }
        self._plays: dict[str, Future[Told]] = {}
        for client in CLIENTS:
            with suppress(pytest.skip.Exception):
                self._plays[client] = self._pool.submit(self._play, client, program(client))

    def _play(self, client: str, program: Path) -> Told:
        """Run a client's program and return what came of it."""
        plays = [
            pair.play(self._cut_ports[pair.server] if pair.cut else self.servers[pair.server].port)
            for pair in (*PAIRS, *CUT_PAIRS)
            if pair.client == client
        ]
        suffix = "mjs" if client.startswith("ts") else "py"
        with (
            TemporaryFile("w+") as given,
            TemporaryFile("w+") as said,
            TemporaryFile("w+") as wrong,
        ):
            json.dump(plays, given)
            given.seek(0)
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [program, HERE / f"stranger_http_{client}.{suffix}"],
                    cwd=ROOT,
                    stdin=given,
                    stdout=said,
                    stderr=wrong,
                    timeout=LONGEST,
                    check=False,
                )
            said.seek(0)
            wrong.seek(0)
            played = [json.loads(line) for line in said]
            return Told({play["key"]: play for play in played}, wrong.read())

    def of(self, pair: Pair) -> Played:
        """Return what a pair played."""
        told = self._plays[pair.client].result()
        print(told.wrong)
        assert pair.key in told.played, "the client did not come so far"
        played = told.played[pair.key]
        if "failed" in played:
            pytest.fail(played["failed"])
        return Played(pair, played["steps"], played["http"])

    def end(self) -> None:
        for play in self._plays.values():
            play.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._stack.close()


@pytest.fixture(scope="module")
def plays(strangers: Callable[[str], Path]) -> Iterator[Plays]:
    started = Plays(strangers)
    yield started
    started.close()


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair.client}-{pair.server}-{pair.mode}")
def played(
    request: pytest.FixtureRequest, plays: Plays, strangers: Callable[[str], Path]
) -> Played:
    strangers(request.param.client)
    return plays.of(request.param)


@pytest.mark.rule("L-01", "M1105-LIFE-09", "SR-120", "SR-125")
def test_they_agree_on_the_revision(played: Played) -> None:
    assert played.steps["opened"]["protocol_version"] == played.pair.revision
    forgotten = played.pair.stateless and played.pair.is_legacy  # it was said in the handshake
    assert json.loads(played.text("whoami")) == {
        "protocol_version": played.pair.revision,
        "client_name": "" if forgotten else f"stranger-{played.pair.client}",
    }


def test_the_server_introduces_itself(played: Played) -> None:
    opened = played.steps["opened"]
    if played.pair.client in ("mcp2", "fastmcp") and played.pair.mode == MODERN:
        assert opened["server"] is None  # these ask nothing before their first call
    else:
        assert opened["server"] == ["ours", "1.0"]
        assert opened["instructions"] == "Use echo first."
        assert {"tools", "logging"} <= set(opened["capabilities"])


def test_the_tools_are_listed(played: Played) -> None:
    names = {tool["name"] for tool in played.steps["tools"]}
    assert {"echo", "add", "log", "march", "hold"} <= names


def test_a_text_comes_back_as_it_was_sent(played: Played) -> None:
    assert played.text("echo") == TEXT
    assert played.text("echo_again") == "still there"


def test_a_failing_tool_is_an_error_result_with_its_message(played: Played) -> None:
    assert played.steps["fail"]["is_error"] is True
    assert played.text("fail") == "out of stock"


def test_an_unknown_tool_is_refused(played: Played) -> None:
    error = played.steps["unknown_tool"]["error"]
    assert error["code"] == -32602
    assert "nothing" in error["message"]


def test_calls_in_flight_together_get_their_own_answers(played: Played) -> None:
    assert played.steps["together"] == [f"text {number}" for number in range(8)]


def test_progress_arrives_in_order_while_the_call_still_runs(played: Played) -> None:
    steps = [[done, total, f"{played.pair.key} step {done}"] for done, total in STEPS]
    # An answer that is one JSON object has no room for progress.
    assert played.steps["march"]["steps"] == (steps if played.pair.streams else [])
    assert played.text("march") == "done"


def test_ping_is_answered_where_the_era_has_it(played: Played) -> None:
    assert played.steps.get("ping") == ({} if played.pair.is_legacy else None)


def test_log_messages_arrive_from_the_level_that_was_set(played: Played) -> None:
    levels = ["warning"]
    if not played.pair.streams:
        levels = []
    elif played.pair.client == "fastmcp" and not played.pair.is_legacy:
        levels = ["debug", "warning"]  # it asks for all of them
    elif played.pair.stateless and played.pair.is_legacy:
        levels = ["debug", "warning"]  # nobody remembers the level
    assert played.steps["log"] == [
        {"level": level, "data": f"a {level}", "logger": "tools"} for level in levels
    ]


def test_a_cancelled_call_ends_and_its_handler_is_cancelled(played: Played) -> None:
    lost = played.pair.stateless and played.pair.is_legacy  # nothing links the notice to the call
    fate = "released" if lost else "cancelled"
    assert played.steps["cancel"] == {"cancelled": True, "fate": fate}


def test_a_legacy_session_has_an_id_and_nothing_else_has(played: Played) -> None:
    sessions = {response["session"] for response in played.http} - {None}
    stateful = played.pair.is_legacy and not played.pair.stateless
    assert len(sessions) == (1 if stateful else 0)


def test_answers_come_as_the_server_was_told(played: Played) -> None:
    types = {
        response["type"].partition(";")[0]
        for response in played.http
        if response["method"] == "POST" and response["status"] == 200
    }
    if played.pair.server.endswith("json"):
        assert types == {"application/json"}
    elif played.pair.server.endswith("sse") and played.pair.is_legacy:
        assert types == {"text/event-stream"}
    else:
        assert types <= {"application/json", "text/event-stream"}


def test_nothing_that_the_client_does_is_refused(played: Played) -> None:
    assert set(played.statuses("POST")) <= {200, 202}
    stateful = played.pair.is_legacy and not played.pair.stateless
    assert set(played.statuses("GET")) <= ({200} if stateful else {405})
    assert played.statuses("DELETE") == ([200] if stateful else [])


def test_closing_does_not_take_long(played: Played) -> None:
    assert played.steps["closed_in"] < 2


def test_a_session_that_was_closed_is_gone(played: Played, plays: Plays) -> None:
    if played.session is None:
        return
    connection = http.client.HTTPConnection("127.0.0.1", plays.servers[played.pair.server].port)
    connection.request(
        "POST",
        "/mcp",
        body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}),
        headers={
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Mcp-Session-Id": played.session,
        },
    )
    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.parametrize(
    "pair", CUT_PAIRS, ids=lambda pair: f"{pair.client}-{pair.server}-{pair.mode}"
)
def test_a_call_whose_stream_is_cut_goes_on_and_nothing_is_lost_or_twice(
    pair: Pair, plays: Plays, strangers: Callable[[str], Path]
) -> None:
    strangers(pair.client)
    played = plays.of(pair)
    assert played.steps["march"]["steps"] == [
        [done, total, f"{pair.key} step {done}"] for done, total in STEPS
    ]
    assert played.text("march") == "done"
    assert played.statuses("GET") == [200, 200]  # the stream of the session, and the cut one's


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_has_nothing_to_complain_about_and_stops_when_told(
    name: str, plays: Plays
) -> None:
    plays.end()
    server = plays.servers[name]
    assert server.stop() == 0
    assert server.said == []
