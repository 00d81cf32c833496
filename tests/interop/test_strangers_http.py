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
from tests.interop.nginx import HOST, NO_NGINX, nginx_before
from tests.interop.script import TEXT

HERE = ROOT / "tests" / "interop"

FIRST = "2024-11-05"  # has another transport, yet some speak it over this one
LEGACY = (FIRST, "2025-03-26", "2025-06-18", "2025-11-25")
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
    "stateful": ["--allow-host", "127.0.0.1", "--allow-host", HOST],
    "stateful-json": ["--json-response", "--backend", "trio"],
    "stateful-sse": ["--sse-response", "--parser", "httptools"],
    "stateless": ["--stateless", "--backend", "trio"],
    "stateless-json": ["--stateless", "--json-response", "--parser", "httptools"],
    "stateless-sse": ["--stateless", "--sse-response", "--backend", "trio"],
}
"""The options of each server."""

BEHIND_NGINX = "behind-nginx"
"""The first of them, with nginx in front of it."""

FEWER = {
    BEHIND_NGINX: ("2025-11-25", MODERN, "auto"),
    **{name: (*LEGACY[1:], MODERN, "auto") for name in SERVERS if name != "stateful"},
}
"""The modes that are played with a server, where not all of them are."""

CUT = ("stateful", "stateful-sse")
"""Servers that every client also plays with through a network that fails."""

LONGEST = 110
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
    for server in (*SERVERS, BEHIND_NGINX)
    for mode in modes
    if mode in FEWER.get(server, modes)
]
CUT_PAIRS = [
    Pair(client, server, mode, cut=True)
    for client, modes in CLIENTS.items()
    for server in CUT
    for mode in modes
    if mode not in (FIRST, "auto")
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
        self._program = program
        self._cut_ports: dict[str, int] = {}
        self._plays: dict[str, Future[Told]] = {}
        self.servers: dict[str, Running] = {}
        self.ports: dict[str, int] = {}
        """Where each server is to be found, or what stands in front of it."""
        self.broken: str | None = None
        """Why nothing can be played."""

    def start(self, folder: Path, stack: ExitStack) -> None:
        """Start everything, in a folder that is empty; the stack ends it."""
        programs: dict[str, Path] = {}
        for client in CLIENTS:
            with suppress(pytest.skip.Exception):
                programs[client] = self._program(client)
        if not programs:
            return
        for name, options in SERVERS.items():
            self.servers[name] = stack.enter_context(running(run_command(*options)))
            self.ports[name] = self.servers[name].port
        with suppress(pytest.skip.Exception):
            nginx = nginx_before(self.ports["stateful"], folder)
            self.ports[BEHIND_NGINX], _ = stack.enter_context(nginx)
        for name in CUT:
            proxy = stack.enter_context(cutting(self.ports[name], r'cut [\w .-]+ step 2"'))
            self._cut_ports[name] = proxy.port
        pool = stack.enter_context(ThreadPoolExecutor(len(CLIENTS)))
        for client, program in programs.items():
            self._plays[client] = pool.submit(self._play, client, program)

    def _play(self, client: str, program: Path) -> Told:
        """Run a client's program and return what came of it."""
        plays = [
            pair.play((self._cut_ports if pair.cut else self.ports)[pair.server])
            for pair in (*PAIRS, *CUT_PAIRS)
            if pair.client == client and pair.server in self.ports
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
        """Return what a pair played; skip when somebody of it is not there."""
        self._program(pair.client)
        if self.broken is not None:
            pytest.fail(self.broken)
        if pair.server not in self.ports:
            pytest.skip(NO_NGINX)
        told = self._plays[pair.client].result()
        print(told.wrong)
        assert pair.key in told.played, "the client did not come so far"
        played = told.played[pair.key]
        if "failed" in played:
            pytest.fail(played["failed"])
        return Played(pair, played["steps"], played["http"])

    def end(self) -> None:
        """Wait until all is played."""
        for play in self._plays.values():
            play.result()


@pytest.fixture(scope="module")
def plays(
    strangers: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plays]:
    with ExitStack() as stack:
        plays = Plays(strangers)
        try:
            plays.start(tmp_path_factory.mktemp("nginx"), stack)
        except AssertionError as error:
            # For each test anew: the traceback of one error grows with every test that raises it.
            plays.broken = str(error)
        yield plays


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair.client}-{pair.server}-{pair.mode}")
def played(request: pytest.FixtureRequest, plays: Plays) -> Played:
    return plays.of(request.param)


@pytest.mark.rule("L-01", "M1105-LIFE-09", "DEV-07", "SR-120", "SR-125")
def test_they_agree_on_the_revision(played: Played) -> None:
    assert played.steps["opened"]["protocol_version"] == played.pair.revision
    forgotten = played.pair.stateless and played.pair.is_legacy  # it was said in the handshake
    assert json.loads(played.text("whoami")) == {
        "protocol_version": played.pair.revision,
        "client_name": "" if forgotten else f"stranger-{played.pair.client}",
    }


@pytest.mark.rule("M1105-LIFE-03", "M0728-VER-03", "SR-122")
def test_the_server_introduces_itself(played: Played) -> None:
    opened = played.steps["opened"]
    if played.pair.client in ("mcp2", "fastmcp") and played.pair.mode == MODERN:
        assert opened["server"] is None  # these ask nothing before their first call
    else:
        assert opened["server"] == ["ours", "1.0"]
        assert opened["instructions"] == "Use echo first."
        assert {"tools", "logging"} <= set(opened["capabilities"])


@pytest.mark.rule("SR-132")
def test_the_tools_are_listed(played: Played) -> None:
    names = {tool["name"] for tool in played.steps["tools"]}
    assert {"echo", "add", "log", "march", "hold"} <= names


@pytest.mark.rule("SR-137")
def test_a_text_comes_back_as_it_was_sent(played: Played) -> None:
    assert played.text("echo") == TEXT
    assert played.text("echo_again") == "still there"


@pytest.mark.rule("M1105-TOOL-22")
def test_a_failing_tool_is_an_error_result_with_its_message(played: Played) -> None:
    assert played.steps["fail"]["is_error"] is True
    assert played.text("fail") == "out of stock"


@pytest.mark.rule("S-51", "SR-133")
def test_an_unknown_tool_is_refused(played: Played) -> None:
    error = played.steps["unknown_tool"]["error"]
    assert error["code"] == -32602
    assert "nothing" in error["message"]


def test_calls_in_flight_together_get_their_own_answers(played: Played) -> None:
    assert played.steps["together"] == [f"text {number}" for number in range(4)]


@pytest.mark.rule("SR-060", "SR-062", "SR-139", "M0326-HTTP-27", "M0728-HTTP-33")
def test_progress_arrives_in_order_while_the_call_still_runs(played: Played) -> None:
    silent = played.pair.revision == FIRST  # progress has no messages yet
    steps = [
        [done, total, None if silent else f"{played.pair.key} step {done}"] for done, total in STEPS
    ]
    # An answer that is one JSON object has no room for progress.
    assert played.steps["march"]["steps"] == (steps if played.pair.streams else [])
    assert played.text("march") == "done"


@pytest.mark.rule("M1105-PING-01")
def test_ping_is_answered_where_the_era_has_it(played: Played) -> None:
    assert played.steps.get("ping") == ({} if played.pair.is_legacy else None)


@pytest.mark.rule("SR-065", "SR-076")
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


@pytest.mark.rule("T9", "M1105-CAN-04", "M0728-HTTP-37", "M0728-HTTP-38")
def test_a_cancelled_call_ends_and_its_handler_is_cancelled(played: Played) -> None:
    lost = played.pair.stateless and played.pair.is_legacy  # nothing links the notice to the call
    fate = "released" if lost else "cancelled"
    assert played.steps["cancel"] == {"cancelled": True, "fate": fate}


@pytest.mark.rule("T28", "SR-150", "M0326-HTTP-48", "M0326-HTTP-49")
def test_another_client_of_the_session_takes_a_stream_up_where_it_was_left(played: Played) -> None:
    pair = played.pair
    can_resume = pair.is_legacy and pair.streams and not pair.stateless
    if pair.client == "fastmcp" or not can_resume:
        assert "take_up" not in played.steps
        return
    silent = pair.revision == FIRST
    assert played.steps["take_up"]["steps"] == [
        None if silent else f"{pair.key} taken up step {step}" for step in (3, 4, 5)
    ]
    assert played.text("take_up") == "done"


@pytest.mark.rule("M0728-HTTP-70")
def test_a_legacy_session_has_an_id_and_nothing_else_has(played: Played) -> None:
    sessions = {response["session"] for response in played.http} - {None}
    stateful = played.pair.is_legacy and not played.pair.stateless
    assert len(sessions) == (1 if stateful else 0)


@pytest.mark.rule("M0326-HTTP-19")
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


@pytest.mark.rule("M0326-HTTP-15", "M0326-HTTP-41")
def test_nothing_that_the_client_does_is_refused(played: Played) -> None:
    assert set(played.statuses("POST")) <= {200, 202}
    stateful = played.pair.is_legacy and not played.pair.stateless
    assert set(played.statuses("GET")) <= ({200} if stateful else {405})
    assert played.statuses("DELETE") == ([200] if stateful else [])


@pytest.mark.parametrize("client", CLIENTS)
def test_closing_does_not_take_long(client: str, plays: Plays) -> None:
    # A busy machine may take long, but not always.
    took = [
        plays.of(pair).steps["closed_in"]
        for pair in PAIRS
        if pair.client == client and pair.server in SERVERS
    ]
    assert min(took) < 1


@pytest.mark.rule("M0326-HTTP-55")
def test_a_session_that_was_closed_is_gone(played: Played, plays: Plays) -> None:
    if played.session is None:
        return
    connection = http.client.HTTPConnection("127.0.0.1", plays.ports[played.pair.server])
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


@pytest.mark.rule(
    "T28", "SR-150", "M0326-HTTP-31", "M0326-HTTP-48", "M0326-HTTP-49", "M0728-CAN-09"
)
@pytest.mark.parametrize(
    "pair", CUT_PAIRS, ids=lambda pair: f"{pair.client}-{pair.server}-{pair.mode}"
)
def test_when_a_stream_is_cut_a_session_resumes_it_and_a_modern_call_is_lost(
    pair: Pair, plays: Plays
) -> None:
    played = plays.of(pair)
    if pair.is_legacy:
        # Nothing is lost, and nothing comes twice.
        assert played.steps["march"]["steps"] == [
            [done, total, f"{pair.key} step {done}"] for done, total in STEPS
        ]
        assert played.text("march") == "done"
        assert played.text("fate") == "released"
        assert played.statuses("GET") == [200, 200]  # the session's own stream, and the cut one
    else:
        assert "error" in played.steps["march"]
        assert played.text("fate") == "cancelled"
        assert played.statuses("GET") == []


@pytest.mark.rule("T17")
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_has_nothing_to_complain_about_and_stops_when_told(
    name: str, plays: Plays
) -> None:
    plays.end()
    assert plays.broken is None
    if name not in plays.servers:
        pytest.skip("no foreign SDK is there: run `make strangers`")
    server = plays.servers[name]
    assert server.stop() == 0
    assert server.said == []
