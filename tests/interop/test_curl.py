"""Our HTTP server as curl sees it: requests by hand, and what HTTP has besides MCP."""

import json
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.interop.by_hand import (
    BOTH,
    Asked,
    call,
    events_in,
    initialize,
    legacy,
    messages_in,
    modern,
    text_of,
)
from tests.interop.http_servers import Running, our_command, run_command, running

MIB = 1024 * 1024


@dataclass(frozen=True)
class Answered:
    """What curl got."""

    heads: list[list[str]]
    """The lines of each head: before the last one those of interim answers."""
    body: bytes
    told: dict[str, Any]
    """What curl measured, by the names of its --write-out."""

    @property
    def status(self) -> int:
        status: int = self.told["http_code"]
        return status

    @property
    def fields(self) -> dict[str, str]:
        pairs = (line.split(":", 1) for line in self.heads[-1][1:])
        return {name.lower(): value.strip() for name, value in pairs}

    @property
    def message(self) -> Any:
        return json.loads(self.body)


class Curl:
    """Runs curl against the endpoint of a server."""

    def __init__(self, program: str, server: Running, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.url = server.url

    def __call__(self, asked: Asked, *options: str, upload: bytes | None = None) -> Answered:
        """Make a request; its body is `upload` if that is given."""
        head, body = self._folder / "head", self._folder / "body"
        body.write_bytes(b"")
        done = subprocess.run(
            [
                *self._command(asked),
                *("--dump-header", head, "--output", body, "--write-out", "%{json}\n"),
                *options,
                self.url,
            ],
            input=asked.body if upload is None else upload,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        heads = [part.splitlines() for part in head.read_text().strip().split("\n\n")]
        return Answered(heads, body.read_bytes(), json.loads(done.stdout.splitlines()[-1]))

    @contextmanager
    def streaming(self, asked: Asked, *options: str) -> Generator[IO[bytes]]:
        """Make a request and give the body of its answer as it comes; then end curl."""
        command = [*self._command(asked), "--no-buffer", *options, self.url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(asked.body)
            process.stdin.close()
            try:
                yield process.stdout
            finally:
                process.kill()

    def open_session(self) -> str:
        session = self(initialize()).fields["mcp-session-id"]
        assert self(legacy("notifications/initialized", session=session, id=None)).status == 202
        return session

    def _command(self, asked: Asked) -> list[str | Path]:
        fields = [f"-H{name}: {value}" for name, value in asked.fields.items()]
        upload = [] if asked.message is None else ["--data-binary", "@-"]
        return [
            self._program,
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "30",
            *fields,
            *upload,
        ]


@pytest.fixture(scope="module")
def program() -> str:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("there is no curl on PATH")
    return found


@pytest.fixture(scope="module", params=[("h11", "asyncio"), ("httptools", "trio")], ids="-".join)
def server(program: str, request: pytest.FixtureRequest) -> Iterator[Running]:
    parser, backend = request.param
    with running(run_command("--parser", parser, "--backend", backend)) as started:
        yield started
        assert started.stop() == 0
        assert started.said == []


@pytest.fixture(scope="module")
def stateless_server(program: str) -> Iterator[Running]:
    with running(run_command("--stateless")) as started:
        yield started


@pytest.fixture
def curl(program: str, server: Running, tmp_path: Path) -> Curl:
    return Curl(program, server, tmp_path)


@pytest.fixture
def stateless(program: str, stateless_server: Running, tmp_path: Path) -> Curl:
    return Curl(program, stateless_server, tmp_path)


def until(stream: IO[bytes], wanted: bytes) -> bytes:
    """Read lines until one that has `wanted` in it, and the empty line behind it."""
    read = b""
    for line in stream:
        read += line
        if wanted in line:
            return read + stream.readline()
    raise AssertionError(f"the stream has ended without {wanted!r}: {read!r}")


@pytest.mark.rule("SR-137", "M0326-HTTP-15", "M0326-HTTP-55")
def test_a_session_from_its_beginning_to_its_end(curl: Curl) -> None:
    opened = curl(initialize())
    assert opened.status == 200
    session = opened.fields["mcp-session-id"]

    accepted = curl(legacy("notifications/initialized", session=session, id=None))
    assert (accepted.status, accepted.body) == (202, b"")
    answered = curl(legacy("tools/call", call("echo", text="grüße"), session=session))
    assert text_of(answered.message) == "grüße"

    assert curl(legacy(None, session=session), "--request", "DELETE").status == 200
    for method in ("GET", "POST", "DELETE"):
        asked = legacy("ping" if method == "POST" else None, session=session)
        gone = curl(asked, "--request", method)
        assert gone.status == 404
        assert gone.message["error"]


@pytest.mark.rule("M0728-HTTP-02", "M0728-HTTP-70")
def test_a_modern_request_stands_alone(curl: Curl) -> None:
    answered = curl(modern("tools/call", call("echo", text="grüße")))
    assert answered.status == 200
    assert answered.fields["content-type"] == "application/json"
    assert "mcp-session-id" not in answered.fields
    assert text_of(answered.message) == "grüße"


BAD = [
    (initialize().but(Host="evil.example"), 421, None),
    (initialize().but(Origin="http://evil.example"), 403, None),
    (initialize().but(Origin="null"), 403, None),
    (initialize().but(Content_Type="text/plain"), 415, None),
    (initialize().but(Accept="text/html"), 406, None),
    (Asked(initialize().fields, [initialize().message]), 400, -32600),
    (Asked(initialize().fields, "ping"), 400, -32600),
    (legacy("ping", session="never-issued"), 404, None),
    (legacy("ping").but(MCP_Protocol_Version="1999-01-01"), 400, None),
    (modern("tools/list").but(Mcp_Method="tools/call"), 400, -32020),
    (modern("tools/call", call("echo", text="")).but(Mcp_Name="fail"), 400, -32020),
    (modern("nothing/known"), 404, -32601),
    (legacy("ping").but(Transfer_Encoding="chunked", Content_Length="3"), 400, None),
]


@pytest.mark.rule(
    "B30",
    "T13",
    "T29",
    "M1125-HTTP-04",
    "M0618-HTTP-11",
    "M0618-HTTP-61",
    "M0728-HTTP-64",
    "M0728-HTTP-66",
)
@pytest.mark.parametrize(("asked", "status", "code"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_refused_with_the_right_status_and_a_json_body(
    curl: Curl, asked: Asked, status: int, code: int | None
) -> None:
    refused = curl(asked)
    assert refused.status == status
    assert refused.fields["content-type"] == "application/json"
    assert refused.message["jsonrpc"] == "2.0"
    if code is not None:
        assert refused.message["error"]["code"] == code


@pytest.mark.rule("B30", "M0326-HTTP-16")
def test_what_is_no_json_is_refused(curl: Curl) -> None:
    refused = curl(initialize(), upload=b'{"jsonrpc": ')
    assert refused.status == 400
    assert refused.message["error"]["code"] == -32700
    assert "id" not in refused.message


@pytest.mark.rule("SR-148")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(curl: Curl, method: str) -> None:
    refused = curl(legacy(None), "--request", method)
    assert refused.status == 405
    assert {"GET", "POST", "DELETE"} <= set(refused.fields["allow"].split(", "))


def test_methods_that_nobody_knows_are_not_implemented(curl: Curl) -> None:
    assert curl(legacy(None), "--request", "BREW").status == 501


def test_an_answer_to_head_has_no_body(curl: Curl) -> None:
    refused = curl(legacy(None), "--head")
    assert refused.status == 405


@pytest.mark.rule("M0326-HTTP-41", "M0326-HTTP-54", "DEV-55")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_sessions_need_their_id_and_there_may_be_none(
    curl: Curl, stateless: Curl, method: str
) -> None:
    assert curl(legacy(None), "--request", method).status == 400
    refused = stateless(legacy(None), "--request", method)
    assert refused.status == 405
    assert "POST" in refused.fields["allow"].split(", ")


def test_other_paths_are_not_found(curl: Curl) -> None:
    curl.url = curl.url.removesuffix("/mcp") + "/other"
    assert curl(initialize()).status == 404


def test_http_1_0_is_answered_in_its_own_way(curl: Curl) -> None:
    answered = curl(modern("tools/call", call("echo", text="old")), "--http1.0")
    assert text_of(answered.message) == "old"
    assert answered.fields["content-length"] == str(len(answered.body))


def test_a_stream_for_http_1_0_ends_with_its_connection(curl: Curl) -> None:
    curl(modern("tools/call", call("release", key="old")))
    params = call("march", n=3, key="old")
    answered = curl(modern("tools/call", params, progressToken="p"), "--http1.0")
    assert answered.fields["content-type"] == "text/event-stream"
    assert "transfer-encoding" not in answered.fields
    steps = messages_in(answered.body)
    assert [step.get("method") for step in steps] == ["notifications/progress"] * 3 + [None]
    assert text_of(steps[-1]) == "done"


def test_a_body_may_come_in_chunks(curl: Curl) -> None:
    text = "x" * MIB
    chunked = modern("tools/call", call("echo", text=text)).but(Transfer_Encoding="chunked")
    answered = curl(chunked)
    assert text_of(answered.message) == text


def test_a_large_body_is_asked_for_and_not_waited_for(curl: Curl) -> None:
    text = "x" * (2 * MIB)
    asked = modern("tools/call", call("echo", text=text)).but(Expect="100-continue")
    answered = curl(asked, "--expect100-timeout", "20")
    assert text_of(answered.message) == text
    assert [head[0].split()[1] for head in answered.heads] == ["100", "200"]
    assert answered.told["time_total"] < 20


@pytest.mark.rule("T33")
def test_too_large_a_body_is_not_even_asked_for(curl: Curl) -> None:
    asked = modern("tools/call", call("echo", text="x" * (5 * MIB))).but(Expect="100-continue")
    refused = curl(asked, "--expect100-timeout", "20")
    assert refused.status == 413
    assert refused.told["size_upload"] == 0


@pytest.mark.rule("T33")
def test_too_large_a_body_that_nobody_announced_is_refused_on_the_way(curl: Curl) -> None:
    text = "x" * (5 * MIB)
    asked = modern("tools/call", call("echo", text=text)).but(Transfer_Encoding="chunked")
    assert curl(asked.but(Expect="")).status == 413


def test_a_connection_is_used_again(curl: Curl) -> None:
    answered = curl(modern("tools/list"), curl.url, "--output", "/dev/null")
    assert answered.told["num_connects"] == 0  # the second of two
    timeout = answered.fields["keep-alive"].partition("timeout=")[2]
    assert int(timeout.partition(",")[0]) >= 30


def test_an_offer_to_change_to_http_2_is_left_alone(curl: Curl) -> None:
    answered = curl(modern("tools/call", call("echo", text="same")), "--http2")
    assert answered.told["http_version"] == "1.1"
    assert text_of(answered.message) == "same"


def listen(**wanted: Any) -> Asked:
    return modern("subscriptions/listen", {"notifications": wanted})


@pytest.mark.rule("T26")
def test_the_first_byte_of_a_listen_stream_comes_within_50_ms(curl: Curl) -> None:
    def first_byte() -> float:
        with curl.streaming(listen(toolsListChanged=True), "--dump-header", "-") as stream:
            started = time.monotonic()  # before curl is even loaded
            assert b"200" in stream.readline()
            return time.monotonic() - started

    # Starting curl counts too, and a busy machine may take long for that, but not always.
    assert min(first_byte() for _ in range(10)) < 0.05


@pytest.mark.rule("SR-153")
def test_a_listener_hears_of_changes_as_they_come(curl: Curl) -> None:
    with curl.streaming(listen(toolsListChanged=True)) as stream:
        (acknowledged,) = messages_in(until(stream, b"acknowledged"))
        assert acknowledged["params"]["notifications"] == {"toolsListChanged": True}
        curl(modern("tools/call", call("learn", name="curling")))
        (changed,) = messages_in(until(stream, b"list_changed"))
        assert changed["method"] == "notifications/tools/list_changed"


@pytest.mark.rule("T26", "M0728-SUB-05", "M0728-SUB-06")
def test_a_silent_stream_has_comments_and_ends_with_the_server(
    program: str, tmp_path: Path
) -> None:
    options = {"hosts": ["127.0.0.1"], "comment": 0.1}
    with running(our_command(options)) as server:
        curl = Curl(program, server, tmp_path)
        with curl.streaming(listen(toolsListChanged=True)) as stream:
            until(stream, b"acknowledged")
            for _ in range(3):
                until(stream, b":")  # which a comment begins with
            assert server.stop() == 0
            (result,) = messages_in(until(stream, b"result"))
            assert result["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 1
            assert stream.read() == b""
        assert server.said == []


@pytest.mark.rule("SR-060", "SR-139", "M0728-HTTP-35")
def test_progress_comes_while_the_call_runs(curl: Curl) -> None:
    params = call("march", n=3, key="curl")
    with curl.streaming(modern("tools/call", params, progressToken="p")) as stream:
        for step in (1, 2, 3):
            assert f"step {step}" in until(stream, b"data:").decode()
        curl(modern("tools/call", call("release", key="curl")))
        (answer,) = messages_in(until(stream, b"data:"))
        assert text_of(answer) == "done"
        assert stream.read() == b""


@pytest.mark.rule("T9", "M0728-HTTP-37", "M0728-CAN-09")
def test_a_client_that_goes_away_cancels_its_modern_call(curl: Curl) -> None:
    with curl.streaming(modern("tools/call", call("hold", key="gone"))):
        curl(modern("tools/call", call("until_held", key="gone")))
    answered = curl(modern("tools/call", call("fate", key="gone")))
    assert text_of(answered.message) == "cancelled"


@pytest.mark.rule("T28", "SR-150", "M0326-HTTP-31", "M0326-HTTP-49")
def test_a_stream_that_was_cut_is_resumed_behind_the_last_event(curl: Curl) -> None:
    session = curl.open_session()
    params = {**call("march", n=3, key="resume"), "_meta": {"progressToken": "p"}}
    with curl.streaming(legacy("tools/call", params, session=session, id=7)) as stream:
        read = until(stream, b"step 2")
    last = events_in(read)[-1]["id"]

    back = legacy(None, session=session).but(Accept="text/event-stream", Last_Event_ID=last)
    with curl.streaming(back) as stream:
        (step,) = messages_in(until(stream, b"step 3"))
        assert step["params"]["progress"] == 3
        curl(legacy("tools/call", call("release", key="resume"), session=session))
        (answer,) = messages_in(until(stream, b"done"))
        assert answer["id"] == 7
    assert curl(back.but(Last_Event_ID="nonsense")).status == 400


@pytest.mark.rule("M0326-HTTP-41", "SR-153")
def test_the_stream_of_a_session_is_one_of_events(curl: Curl) -> None:
    session = curl.open_session()
    asked = legacy(None, session=session).but(Accept="text/event-stream")
    with curl.streaming(asked, "--dump-header", "-") as stream:
        assert b"200" in until(stream, b"text/event-stream").splitlines()[0]
    assert curl(asked.but(Accept="application/json")).status == 406
    assert curl(asked.but(Accept=BOTH), "--request", "DELETE").status == 200
