"""The examples run, and show what they promise."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.by_hand import ask, initialize, post, request
from examples.explaining import WIDTH

ROOT = Path(__file__).parents[1]
RUN = ("-m", "barewire", "run")


def run(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_the_first_client_calls_the_first_server() -> None:
    done = run("-m", "examples.first_client")
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Hello, world!" in done.stdout
    assert "  counted 3\n[1, 2, 3]\n" in done.stdout


def test_the_engine_runs_without_io_in_both_eras_and_with_a_clock_of_its_own() -> None:
    done = run("-m", "examples.sans_io")
    assert (done.returncode, done.stderr) == (0, "")
    said = [line for line in done.stdout.splitlines() if not line.startswith(("client", "server"))]
    assert said == [
        "1 of 2",
        "3",
        "the next deadline is at 5.0",
        "its time is up: <ours tools/call 3 expired>",
        "the server may stop: <theirs tools/call 3 cancelled>",
        "1 of 2",
        "3",
    ]


def test_the_engine_runs_on_a_transport_of_ones_own() -> None:
    done = run("-m", "examples.sockets")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "client: there are count sleep",
        "client: 1 of 3",
        "client: 2 of 3",
        "client: 3 of 3",
        "client: counted",
        "client: refused: Unknown tool",
        "client: no answer to <ours tools/call 5 expired>",
        "server: the client gave up sleep",
    ]


def test_a_server_asks_its_client_in_both_eras() -> None:
    done = run("-m", "examples.rounds")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2025-11-25",
        "asked by a request: Really?",
        "deleted",
        "2026-07-28",
        "asked by an answer: Really?",
        "deleted",
    ]


def test_a_whole_server_is_served_on_a_pipe_of_ones_own() -> None:
    done = run("-m", "examples.tcp")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"text":"Hello, TCP!"' in done.stdout


def test_our_server_answers_every_hostile_line_as_the_corpus_says() -> None:
    done = run("-m", "examples.hostile")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"it lived through \d+ cases, and answered 0 of them otherwise\n", done.stdout
    )


def test_a_server_that_dies_of_a_hostile_line_is_told_with_the_line() -> None:
    done = run("-m", "examples.hostile", sys.executable, "-c", DIES_OF_NAN)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith("nan ")


DIES_OF_NAN = """
import json, sys
for line in sys.stdin.buffer:
    if b"NaN" in line:
        break
    try:
        asked = json.loads(line)
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {}}), flush=True)
    except Exception:
        pass
"""


@contextmanager
def serving(*arguments: str) -> Generator[str]:
    """Run a server over HTTP, and end it; where it is found."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            said, _, url = server.stderr.readline().strip().partition(" ")
            assert said == "serving"
            yield url
        finally:
            server.terminate()
        assert server.stderr.read() == ""
        assert server.wait(timeout=20) == 0


def use(url: str, token: str, tool: str, **arguments: Any) -> Any:
    """Call a tool and return its result, or the status that says that nobody was asked."""
    params = {"name": tool, "arguments": arguments}
    heard = ask(url, "tools/call", params, {"Authorization": f"Bearer {token}"})
    return json.loads(heard.body)["result"] if heard.status == 200 else heard.status


def test_a_server_over_http_knows_who_asks() -> None:
    ada, brian = "correct-horse", "battery-staple"
    with serving("-m", "examples.http_server", "0") as url:
        assert use(url, "correct-pony", "notes") == 401
        assert use(url, ada, "note", text="Feed the horse.")["isError"] is False
        assert use(url, brian, "note", text="Buy staples.")["isError"] is True
        assert use(url, ada, "notes")["structuredContent"] == ["Feed the horse."]
        assert use(url, brian, "notes")["structuredContent"] == []


def test_a_session_is_there_for_nobody_but_the_one_who_opened_it() -> None:
    asked = request(1, "tools/list")
    with serving("-m", "examples.http_server", "0") as url:
        session = initialize(url, fields={"Authorization": "Bearer correct-horse"})
        assert post(url, asked, session).status == 200
        other = session | {"Authorization": "Bearer battery-staple"}
        status, _, body = post(url, asked, other)
        assert status == 404
        assert body == post(url, asked, other | {"Mcp-Session-Id": "0" * 32}).body


def test_a_server_over_http_can_be_asked_by_hand() -> None:
    params = '{"name": "greet", "arguments": {"name": "shell"}}'
    with serving(*RUN, "examples/first_server.py", "--http", "127.0.0.1:0") as url:
        done = run("-m", "examples.by_hand", url, "tools/call", params)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("200\n{")
    assert "Hello, shell!" in done.stdout


@pytest.fixture(scope="module")
def demo() -> list[str]:
    """What the demo prints, by conversation."""
    began = time.monotonic()
    done = run("-m", "examples.demo")
    assert time.monotonic() - began < 30
    assert (done.returncode, done.stderr) == (0, "")
    return re.split(r"^======== ", done.stdout, flags=re.MULTILINE)[1:]


@pytest.mark.rule("SR-117", "SR-118")
def test_the_demo_plays_both_eras_on_stdio_and_over_http(demo: list[str]) -> None:
    assert [" ".join(talk.split()[:2]) for talk in demo] == [
        "stdio, 2025-11-25,",
        "stdio, 2026-07-28,",
        "HTTP, 2025-11-25,",
        "HTTP, 2026-07-28,",
    ]


@pytest.mark.rule("SR-117", "SR-118")
def test_the_demo_explains_every_line(demo: list[str]) -> None:
    lines = "\n".join(demo).splitlines()
    wire = [index for index, line in enumerate(lines) if line.startswith(("> ", "< "))]
    assert len(wire) > 250
    for index in wire:
        # Beside a short line, below a long one.
        beside = re.match(rf".{{{2 + WIDTH}}}  [^ ]", lines[index])
        assert beside or re.match(r"  [^ ]", lines[index + 1]), lines[index]


@pytest.mark.rule("SR-117", "SR-118")
def test_the_demo_shows_tools_progress_cancellations_and_errors_on_stdio(demo: list[str]) -> None:
    for talk in demo[:2]:
        assert talk.count('"method":"notifications/cancelled"') == 1
        assert talk.count('"method":"notifications/progress"') == 3
        assert talk.count('"id":"broken","error":{"code":-32700') == 1
        assert talk.count("returncode=0, signals=()") == 1


def answers(talk: str) -> list[str]:
    """The statuses and forms of the answers in a conversation over HTTP."""
    found: list[str] = []
    for head in re.findall(r"^< HTTP/1.1 (.*?)\n\n", talk, re.MULTILINE | re.DOTALL):
        form = re.search(r"^< Content-Type: \w+/([\w-]+)", head, re.MULTILINE)
        found.append(f"{head[:3]} {form[1]}" if form else head[:3])
    return found


def test_the_demo_shows_a_session_over_http_a_cut_and_what_is_refused(demo: list[str]) -> None:
    talk = demo[2]
    called = ["200 json", "202", "200 json", "200 json", "200 event-stream"]
    resumed = ["200 event-stream", "200 event-stream"]
    refused = ["403 json", "421 json"]
    assert answers(talk) == [*called, *resumed, *refused, "200", "404 json"]
    ids = re.findall(r"^< id: \w+-(\d-\d)", talk, re.MULTILINE)
    assert ids == [f"{stream}-{event}" for stream in (1, 2) for event in range(6)]
    assert re.findall(r"^> Last-Event-ID: \w+-(\d-\d)", talk, re.MULTILINE) == ["2-1"]


def test_the_demo_shows_requests_that_stand_alone_over_http_and_the_end(demo: list[str]) -> None:
    talk = demo[3]
    streams = ["200 event-stream", "200 event-stream"]
    assert answers(talk) == ["200 json", "200 json", "400 json", *streams]
    assert '"code":-32020' in talk
    assert "\n< id: " not in talk
    assert talk.index("(SIGTERM)") < talk.index('< data: {"jsonrpc":"2.0","id":5,"result"')
    assert talk.endswith("the server is gone: exit code 0\n")
