"""Opening a connection: modern servers, legacy ones of every kind, and what is no server."""

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from barewire import Client, ConnectionLost, RemoteProtocolError, RequestError, Stdio, TimedOut
from barewire.protocol.revisions import (
    V2024_11_05,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)
from tests.app.peers import Object, Script, Scripts, legacy, modern, silent, until

PROBE = 0.1
"""Seconds that the clients here wait for an answer to the probe."""


def hello(server: Script, request: Object) -> Object:
    return {"content": [{"type": "text", "text": "hello"}]}


def handshake(revision: Revision = V2025_11_25) -> Object:
    return {
        "protocolVersion": revision.name,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "old", "version": "1"},
    }


def with_probe(on_probe: Callable[[Script, Object], object]) -> Callable[[Script, Object], object]:
    """A legacy server that does this about the probe."""
    plain = legacy(hello)

    def reply(server: Script, request: Object) -> object:
        act = on_probe if request["method"] == "server/discover" else plain
        return act(server, request)

    return reply


async def says_hello(client: Client) -> None:
    assert (await client.call_tool("tool")).text == "hello"


class TestModern:
    async def test_one_question_and_no_handshake(self, scripts: Scripts) -> None:
        async with Client(scripts.play(modern(hello))) as client:
            assert client.revision is V2026_07_28
            await says_hello(client)
        assert scripts.server.methods == ["server/discover", "tools/call"]

    @pytest.mark.rule("C-20")
    async def test_a_server_of_other_modern_revisions_is_not_spoken_to(
        self, scripts: Scripts
    ) -> None:
        def reply(server: Script, request: Object) -> None:
            data = {"supported": ["2099-01-01"], "requested": V2026_07_28.name}
            server.fail(request, -32022, "Unsupported protocol version", data)

        with pytest.raises(RemoteProtocolError, match=r"no common revision: .* 2099-01-01"):
            await Client(scripts.play(reply)).connect()
        assert scripts.server.methods == ["server/discover"]
        await until(lambda: scripts.server.ended)

    @pytest.mark.rule("C-20")
    async def test_one_that_names_a_legacy_revision_gets_a_handshake(
        self, scripts: Scripts
    ) -> None:
        def refuse(server: Script, request: Object) -> None:
            server.fail(request, -32022, data={"supported": [V2025_06_18.name]})

        async with Client(scripts.play(with_probe(refuse))) as client:
            assert client.revision is V2025_06_18
            await says_hello(client)

    async def test_who_wants_modern_gets_no_handshake(self, scripts: Scripts) -> None:
        client = Client(scripts.play(legacy(hello)), mode="modern")
        with pytest.raises(RemoteProtocolError, match="no modern server: error -32601"):
            await client.connect()
        assert scripts.server.methods == ["server/discover"]


class TestLegacy:
    @pytest.mark.rule("T12", "C-21", "B5")
    @pytest.mark.parametrize(
        "code", [-32601, -32602, -32600, -32700, -32000, -32001, -32603, -1, 0]
    )
    async def test_whatever_error_answers_the_probe(self, scripts: Scripts, code: int) -> None:
        command = scripts.play(with_probe(lambda server, request: server.fail(request, code)))
        async with Client(command) as client:
            assert client.revision is V2025_11_25
            await says_hello(client)
        assert len(scripts.started) == 1

    @pytest.mark.rule("T12", "B5", "C-21")
    async def test_an_error_without_an_id(self, scripts: Scripts) -> None:
        def refuse(server: Script, request: Object) -> None:
            error = {"code": -32700, "message": "Parse error"}
            server.send({"jsonrpc": "2.0", "id": None, "error": error})

        async with Client(scripts.play(with_probe(refuse))) as client:
            await says_hello(client)

    @pytest.mark.rule("T12", "C-21")
    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"supportedVersions": []},
            {"supportedVersions": "2026-07-28"},
            {"supportedVersions": [7]},
            {"tools": []},
        ],
    )
    async def test_a_result_that_says_nothing_of_versions(
        self, scripts: Scripts, answer: Object
    ) -> None:
        async with Client(scripts.play(with_probe(lambda server, request: answer))) as client:
            await says_hello(client)

    @pytest.mark.rule("T12", "C-21", "B10")
    async def test_silence(self, scripts: Scripts) -> None:
        async with Client(scripts.play(with_probe(silent)), probe_timeout=PROBE) as client:
            await says_hello(client)
        # The probe is never cancelled: an old server would not know what that means.
        assert "notifications/cancelled" not in scripts.server.methods
        assert len(scripts.started) == 1

    @pytest.mark.rule("T12")
    async def test_silence_leaves_time_for_the_handshake(self, scripts: Scripts) -> None:
        async with Client(scripts.play(with_probe(silent)), connect_timeout=0.6) as client:
            await says_hello(client)

    @pytest.mark.rule("T12")
    async def test_an_answer_that_comes_too_late_is_dropped(
        self, scripts: Scripts, caplog: pytest.LogCaptureFixture
    ) -> None:
        probes: list[Object] = []

        def late(server: Script, request: Object) -> object:
            if request["method"] == "server/discover":
                probes.append(request)
                return None
            if request["method"] == "initialize":
                server.answer(probes[0], {"supportedVersions": [V2026_07_28.name]})
            return legacy(hello)(server, request)

        async with Client(scripts.play(late), probe_timeout=PROBE) as client:
            assert client.revision is V2025_11_25
            await says_hello(client)
        assert not caplog.records

    @pytest.mark.rule("T12", "B11")
    async def test_one_that_ends_is_started_again(self, scripts: Scripts) -> None:
        def end(server: Script, request: Object) -> None:
            server.hang_up()

        async with Client(scripts.play(with_probe(end))) as client:
            assert client.revision is V2025_11_25
            await says_hello(client)
        assert len(scripts.started) == 2
        assert scripts.server.methods[:2] == ["initialize", "notifications/initialized"]

    @pytest.mark.rule("C-31", "SR-120", "L-01")
    @pytest.mark.parametrize("revision", [V2024_11_05, V2025_06_18], ids=lambda one: one.name)
    async def test_an_older_revision_is_agreed_on(
        self, scripts: Scripts, revision: Revision
    ) -> None:
        def reply(server: Script, request: Object) -> object:
            return handshake(revision) if request["method"] == "initialize" else {}

        async with Client(scripts.play(reply), mode="legacy") as client:
            assert client.revision is revision
            await client.ping()
        assert scripts.server.methods == ["initialize", "notifications/initialized", "ping"]

    async def test_a_revision_that_nobody_knows_is_not(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> object:
            return {**handshake(), "protocolVersion": "1999-12-31"}

        with pytest.raises(RemoteProtocolError, match="revision '1999-12-31'"):
            await Client(scripts.play(reply), mode="legacy").connect()
        await until(lambda: scripts.server.ended)

    async def test_a_handshake_that_is_refused_is_no_connection(self, scripts: Scripts) -> None:
        def reply(server: Script, request: Object) -> None:
            server.fail(request, -32000, "not today")

        with pytest.raises(RemoteProtocolError, match="error -32000 not today"):
            await Client(scripts.play(reply)).connect()

    async def test_who_speaks_only_one_revision_says_so(self, scripts: Scripts) -> None:
        client = Client(scripts.play(legacy(hello)), revisions=(V2024_11_05,))
        async with client:
            (request,) = scripts.server.asked("initialize")
            assert request["params"]["protocolVersion"] == V2024_11_05.name

    @pytest.mark.rule("M1105-CAN-01")
    async def test_giving_up_during_the_handshake_cancels_nothing_on_the_wire(
        self, scripts: Scripts
    ) -> None:
        client = Client(scripts.play(silent), mode="legacy")
        async with anyio.create_task_group() as group:
            group.start_soon(client.connect)
            await until(lambda: scripts.started and scripts.server.asked("initialize"))
            group.cancel_scope.cancel()
        await until(lambda: scripts.server.ended)
        assert scripts.server.methods == ["initialize"]


class TestNobody:
    @pytest.mark.rule("B10", "T18")
    @pytest.mark.parametrize("mode", ["auto", "legacy", "modern"])
    async def test_silence_has_an_end(self, scripts: Scripts, mode: Any) -> None:
        client = Client(scripts.play(silent), mode=mode, connect_timeout=0.2)
        began = time.monotonic()
        with pytest.raises(TimedOut, match=r"no answer in time \(0.2 s\)"):
            await client.connect()
        assert time.monotonic() - began >= 0.2
        await until(lambda: scripts.server.ended)


# Real processes: what they say is said by a few lines of Python.

OLD_SERVER = """
import json, sys
def say(message): sys.stdout.buffer.write(json.dumps(message).encode() + b"\\n"); sys.stdout.flush()
def answer(request, result): say({"jsonrpc": "2.0", "id": request["id"], "result": result})
BEFORE
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "server/discover":
        PROBED
    elif request["method"] == "initialize":
        answer(request, HANDSHAKE)
    elif request["method"] == "tools/call":
        answer(request, {"content": [{"type": "text", "text": "hello"}]})
"""


def old_server(tmp_path: Path, before: str = "", probed: str = "pass") -> list[str]:
    path = tmp_path / "old_server.py"
    text = OLD_SERVER.replace("HANDSHAKE", json.dumps(handshake()))
    path.write_text(text.replace("BEFORE", before).replace("PROBED", probed))
    return [sys.executable, "-S", "-E", str(path)]


class TestProcesses:
    async def test_a_command_that_is_not_there(self) -> None:
        with pytest.raises(FileNotFoundError, match="cannot start the server no-such-command --x"):
            await Client(["no-such-command", "--x"]).connect()

    async def test_a_command_that_is_no_list(self) -> None:
        with pytest.raises(TypeError, match="sequence of strings"):
            await Client("python server.py").connect()

    @pytest.mark.rule("B10")
    async def test_a_silent_one_is_named_with_what_it_said_on_standard_error(self) -> None:
        script = "echo starting up >&2; echo waiting for the database >&2; cat >/dev/null; true"
        client = Client(["sh", "-c", script], connect_timeout=0.3)
        with pytest.raises(TimedOut) as caught:
            await client.connect()
        text = str(caught.value)
        assert text.startswith("cannot connect to sh -c 'echo starting up")
        assert "(0.3 s); the end of its standard error:\nstarting up\nwaiting for the data" in text

    async def test_one_that_exits_at_once_is_named_with_its_code(self) -> None:
        with pytest.raises(ConnectionLost) as caught:
            await Client(["sh", "-c", "echo no config >&2; exit 3"]).connect()
        text = str(caught.value)
        assert text.startswith("cannot connect: the server sh -c 'echo no config")
        assert text.endswith("exited with code 3; the end of its standard error:\nno config")

    @pytest.mark.rule("B11", "T12")
    async def test_a_legacy_one_that_exits_on_the_probe(self, tmp_path: Path) -> None:
        command = old_server(tmp_path, probed="print('bye', file=sys.stderr); sys.exit(1)")
        async with Client(command) as client:
            assert client.revision is V2025_11_25
            await says_hello(client)

    @pytest.mark.rule("B3", "B4", "T4", "C-10")
    async def test_noise_a_mark_and_invalid_utf_8_before_the_answer(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = r"sys.stdout.buffer.write(b'Server v1.0 ready\n\xff\xfe\n\n{}\n\xef\xbb\xbf')"
        command = old_server(tmp_path, before, probed="answer(request, {})")
        async with Client(command) as client:
            await says_hello(client)
        warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(warnings) == 1
        assert "the server broke the protocol" in warnings[0].getMessage()

    @pytest.mark.rule("T12", "T23")
    async def test_a_flood_on_standard_error_holds_up_nobody(self, tmp_path: Path) -> None:
        command = old_server(
            tmp_path, probed="sys.stderr.write(('x' * 99 + chr(10)) * 10000); answer(request, {})"
        )
        received: list[bytes] = []
        async with Client(Stdio(command, stderr=received.append)) as client:
            await says_hello(client)
        assert sum(map(len, received)) == 1_000_000

    @pytest.mark.rule("T2", "T17")
    async def test_a_killed_server_fails_every_call_at_once_with_its_last_words(
        self, tmp_path: Path
    ) -> None:
        before = "print('so long', file=sys.stderr, flush=True)"
        command = old_server(tmp_path, before, probed="answer(request, {})")
        script = Path(command[-1])
        script.write_text(script.read_text().replace("tools/call", "nothing"))
        client = await Client(command).connect()
        errors: list[BaseException] = []

        async def call() -> None:
            try:
                await client.call_tool("tool")
            except Exception as error:
                errors.append(error)

        wire: Any = client._wire
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(call)
            await until(lambda: len(wire.connection.exchanges.ours) == 100)
            began = time.monotonic()
            wire.link.pipe._popen.kill()
        took = time.monotonic() - began
        assert {type(error) for error in errors} == {ConnectionLost}
        assert len(errors) == 100
        assert "was ended by signal 9; the end of its standard error:\nso long" in str(errors[0])
        assert took < 1
        with pytest.raises(ConnectionLost, match="signal 9"):
            await client.list_tools()
        await client.aclose()

    async def test_a_server_sees_only_harmless_variables_and_those_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SECRET", "s")
        probed = "import os; answer(request, {}); sys.stderr.write(repr(dict(os.environ)))"
        said: list[bytes] = []
        target = Stdio(old_server(tmp_path, probed=probed), env={"GIVEN": "g"}, stderr=said.append)
        async with Client(target) as client:
            await says_hello(client)
        assert b"'GIVEN': 'g'" in b"".join(said)
        assert b"SECRET" not in b"".join(said)


async def test_a_refused_call_is_no_lost_connection(scripts: Scripts) -> None:
    def reply(server: Script, request: Object) -> None:
        server.fail(request, -32602)

    async with Client(scripts.play(legacy(reply))) as client:
        for _ in range(3):
            with pytest.raises(RequestError):
                await client.call_tool("tool")
