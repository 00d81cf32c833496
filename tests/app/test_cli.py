"""The `barewire` command."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from barewire import __version__
from barewire.cli.arguments import ArgumentTextError, read_arguments
from barewire.cli.loading import TargetError, command_for, load_server
from barewire.cli.main import main
from tests.app.peers import INFO, Object
from tests.conftest import ROOT

SERVER = '''
import dataclasses, enum, sys
from barewire import Server, ToolError
from barewire.content import image

print("a module that prints")
first = Server("first", version="1.0")

class Color(enum.Enum):
    RED = "red"

@first.tool
async def describe(
    name: str, count: int = 1, tags: list[str] = [], color: Color = Color.RED
) -> str:
    """Describe the arguments.

    At length.
    """
    return repr((name, count, tags, color.value))

@first.tool
async def add(a: float, b: float | None = None) -> float:
    return a + (b or 0)

@first.tool
async def fail() -> str:
    raise ToolError("It failed.")

@first.tool
async def picture() -> list:
    return [image(b"x", "image/png")]
'''


@pytest.fixture
def server(tmp_path: Path) -> str:
    (tmp_path / "one_server.py").write_text(SERVER)
    return str(tmp_path / "one_server.py")


Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *argv: str) -> tuple[int, str, str]:
    """Run the command line; return its exit code, output and standard error."""
    try:
        code = main(argv)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else -1
    out, err = capsys.readouterr()
    return code, out, err


class TestList:
    def test_it_shows_what_a_file_offers(self, capsys: Captured, server: str) -> None:
        code, out, err = run(capsys, "ls", server)
        assert (code, err) == (0, "")
        assert out.splitlines() == [
            "first 1.0 (2026-07-28)",
            "  describe(name: string, count?: integer, tags?: array, color?: string)",
            "      Describe the arguments.",
            "  add(a: number, b?: null | number)",
            "  fail()",
            "  picture()",
        ]

    def test_in_the_mode_that_is_wanted(self, capsys: Captured, server: str) -> None:
        code, out, _ = run(capsys, "ls", f"{server}:first", "--mode", "legacy")
        assert code == 0
        assert out.startswith("first 1.0 (2025-11-25)\n")

    def test_what_a_command_offers(self, capsys: Captured, server: str) -> None:
        code, out, _ = run(capsys, "ls", "--", *command_for(server))
        assert code == 0
        assert "describe(" in out

    def test_what_a_module_offers(self, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)
        code, out, _ = run(capsys, "ls", "examples.first_server:server")
        assert code == 0
        assert "greet(name: string, times?: integer)" in out


class TestCall:
    def test_text_is_printed_as_it_is(self, capsys: Captured, server: str) -> None:
        pairs = ["--arg", "name=7", "--arg", "count=2", "--arg", 'tags=["a", "b"]']
        code, out, err = run(capsys, "call", server, "describe", *pairs, "--arg", "color=red")
        assert (code, out, err) == (0, "('7', 2, ['a', 'b'], 'red')\n", "")

    def test_arguments_can_be_given_at_once(self, capsys: Captured, server: str) -> None:
        whole = '{"name": "x", "count": 3}'
        code, out, _ = run(
            capsys,
            "call",
            "describe",
            "--json",
            whole,
            "--arg",
            "count=4",
            "--",
            *command_for(server),
        )
        assert (code, out) == (0, "('x', 4, [], 'red')\n")

    def test_blocks_that_are_no_text_are_printed_as_json(
        self, capsys: Captured, server: str
    ) -> None:
        code, out, _ = run(capsys, "call", server, "picture")
        assert code == 0
        assert json.loads(out) == {"type": "image", "data": "eA==", "mimeType": "image/png"}

    @pytest.mark.parametrize(("mode", "structured"), [("modern", 1.5), ("legacy", {"result": 1.5})])
    def test_the_result_can_be_seen_as_it_came(
        self, capsys: Captured, server: str, mode: str, structured: object
    ) -> None:
        code, out, _ = run(capsys, "call", server, "add", "--arg", "a=1.5", "--raw", "--mode", mode)
        assert code == 0
        assert json.loads(out)["structuredContent"] == structured

    def test_a_tool_that_fails_is_a_failure(self, capsys: Captured, server: str) -> None:
        assert run(capsys, "call", server, "fail") == (1, "It failed.\n", "")

    def test_a_tool_that_is_not_there_is_a_failure(self, capsys: Captured, server: str) -> None:
        code, out, err = run(capsys, "call", server, "nope")
        assert (code, out, err) == (1, "", "barewire: Unknown tool: 'nope' (-32602)\n")

    def test_arguments_that_cannot_be_read_are_a_mistake(
        self, capsys: Captured, server: str
    ) -> None:
        code, _, err = run(capsys, "call", server, "add", "--arg", "a=one")
        assert code == 2
        assert err == "barewire: --arg a: 'one' is not JSON, and the tool wants number\n"


class TestMistakes:
    @pytest.mark.parametrize(
        ("argv", "text"),
        [
            (["ls", "no_file.py"], "there is no file no_file.py"),
            (["call", "no_file.py:server", "tool"], "there is no file no_file.py"),
            (["run", "no_file.py"], "there is no file no_file.py"),
            (["run", "no_module_at_all"], "there is no module no_module_at_all"),
            (["run", "barewire.no_module:server"], "there is no module barewire.no_module"),
            (["run", "barewire:Server"], "barewire: Server is a type, not a barewire.Server"),
            (["run", "barewire:nothing"], "barewire: nothing is nothing, not a barewire.Server"),
            (["run", "barewire"], "barewire: there is no barewire.Server in it"),
            (["ls"], "name a TARGET, or a command behind --"),
            (["ls", "x.py", "--", "command"], "name a TARGET, or a command behind --"),
            (["call", "tool"], "name a TARGET, or a command behind --"),
            (["call", "a", "b", "c"], "one target and one tool, not a b c"),
            (["ls", "https://example.com/mcp"], "servers at a URL cannot be reached yet"),
        ],
    )
    def test_a_target_that_is_none(self, capsys: Captured, argv: list[str], text: str) -> None:
        code, out, err = run(capsys, *argv)
        assert (code, out) == (2, "")
        assert err.startswith("barewire: ")
        assert text in err

    @pytest.mark.parametrize("argv", [[], ["dance"], ["ls", "--mode", "old"], ["run"]])
    def test_a_command_line_that_makes_no_sense(self, capsys: Captured, argv: list[str]) -> None:
        code, out, err = run(capsys, *argv)
        assert (code, out) == (2, "")
        assert err.startswith("usage: barewire")

    def test_a_command_that_is_not_there(self, capsys: Captured) -> None:
        code, _, err = run(capsys, "ls", "--", "no-such-command", "x")
        assert code == 1
        assert err == (
            "barewire: cannot start the server no-such-command x: No such file or directory\n"
        )

    def test_a_server_that_ends_says_why(self, capsys: Captured, tmp_path: Path) -> None:
        (tmp_path / "broken.py").write_text("raise ValueError('no database')")
        code, _, err = run(capsys, "ls", str(tmp_path / "broken.py"))
        assert code == 1
        assert "exited with code 1; the end of its standard error:" in err
        assert err.endswith("ValueError: no database\n")

    def test_a_server_that_is_silent_ends_in_time(self, capsys: Captured) -> None:
        silent = ["sh", "-c", "cat >/dev/null; true"]
        code, _, err = run(capsys, "ls", "--timeout", "0.2", "--", *silent)
        assert code == 1
        assert "no answer in time (0.2 s)" in err

    def test_an_interrupt_is_no_traceback(
        self, capsys: Captured, monkeypatch: pytest.MonkeyPatch, server: str
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("barewire.transports.backend.run", interrupt)
        assert run(capsys, "ls", server) == (130, "", "")

    def test_the_version(self, capsys: Captured) -> None:
        assert run(capsys, "--version") == (0, f"barewire {__version__}\n", "")


class TestServers:
    def test_the_only_server_of_a_module_needs_no_name(self, server: str) -> None:
        assert load_server(server).info["name"] == "first"
        assert load_server(f"{server}:first").info["name"] == "first"

    def test_of_several_the_one_called_server_is_meant(self, tmp_path: Path) -> None:
        text = "from barewire import Server\na = Server('a')\nserver = Server('b')\n"
        (tmp_path / "two_servers.py").write_text(text)
        assert load_server(str(tmp_path / "two_servers.py")).info["name"] == "b"
        (tmp_path / "no_default.py").write_text(text.replace("server =", "other ="))
        with pytest.raises(TargetError, match="servers there: a, other"):
            load_server(str(tmp_path / "no_default.py"))

    def test_what_lies_beside_a_file_can_be_imported(self, tmp_path: Path) -> None:
        (tmp_path / "beside_it.py").write_text("NAME = 'beside'")
        text = "from barewire import Server\nfrom beside_it import NAME\nserver = Server(NAME)\n"
        (tmp_path / "needs_it.py").write_text(text)
        assert load_server(str(tmp_path / "needs_it.py")).info["name"] == "beside"

    def test_an_import_that_fails_inside_a_module_is_shown_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "imports_much.py").write_text("import a_module_that_is_not_there")
        with pytest.raises(ModuleNotFoundError):
            load_server(str(tmp_path / "imports_much.py"))


@pytest.fixture(autouse=True)
def undo_imports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


class TestArguments:
    SCHEMA: ClassVar[Object] = {
        "properties": {
            "text": {"type": "string"},
            "number": {"type": "integer"},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "either": {"type": ["string", "integer"]},
            "list": {"type": "array"},
            "choice": {"enum": ["a", "1"]},
            "mixed": {"enum": ["a", 1]},
            "open": {},
            "partly": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/x"}]},
        }
    }

    @pytest.mark.parametrize(
        ("pair", "value"),
        [
            ("text=1", "1"),
            ("text=", ""),
            ("text=a=b", "a=b"),
            ("text=null", "null"),
            ("number=1", 1),
            ("number=1.5", 1.5),
            ("maybe=x", "x"),
            ("maybe=null", None),
            ("maybe=1", 1),
            ("either=1", 1),
            ("either=one", "one"),
            ('either="1"', "1"),
            ('list=["a", null]', ["a", None]),
            ("choice=1", "1"),
            ("mixed=1", 1),
            ("open=x", "x"),
            ("open=true", True),
            ("partly=x", "x"),
            ("unknown=x", "x"),
            ("unknown=[1]", [1]),
        ],
    )
    def test_a_value_is_read_by_its_schema(self, pair: str, value: object) -> None:
        key = pair.partition("=")[0]
        assert read_arguments([pair], None, self.SCHEMA) == {key: value}

    def test_a_type_behind_a_reference_is_found(self) -> None:
        schema: Object = {
            "properties": {"color": {"$ref": "#/$defs/Color", "default": "1"}},
            "$defs": {"Color": {"enum": ["1", "2"]}},
        }
        assert read_arguments(["color=2"], None, schema) == {"color": "2"}

    @pytest.mark.parametrize(
        ("pairs", "whole", "text"),
        [
            (["number=x"], None, "--arg number: 'x' is not JSON, and the tool wants integer"),
            (["list=x"], None, "wants array"),
            (["alone"], None, "--arg wants KEY=VALUE, not 'alone'"),
            (["=x"], None, "--arg wants KEY=VALUE"),
            ([], "{", "--json is not JSON"),
            ([], "[1]", "--json must be an object"),
            (["number=NaN"], None, "'NaN' is not JSON"),
        ],
    )
    def test_what_cannot_be_read(self, pairs: list[str], whole: str | None, text: str) -> None:
        with pytest.raises(ArgumentTextError) as caught:
            read_arguments(pairs, whole, self.SCHEMA)
        assert text in str(caught.value)

    def test_odd_schemas_do_no_harm(self) -> None:
        schemas: list[Object] = [{}, {"properties": 7}, {"properties": {"a": 7}}]
        for schema in schemas:
            assert read_arguments(["a=1"], None, schema) == {"a": 1}
        endless: Object = {
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}},
        }
        assert read_arguments(["a=1"], None, endless) == {"a": 1}
        odd: Object = {"properties": {"a": {"anyOf": 7, "enum": 7, "type": 7}}}
        assert read_arguments(["a=1"], None, odd) == {"a": 1}


class TestProcesses:
    def test_the_module_is_the_command_and_keeps_the_stream_clean(self, server: str) -> None:
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": INFO}
        lines = (
            {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
            {"jsonrpc": "2.0", "id": 2, "method": "ping"},
        )
        for backend in ("asyncio", "trio"):
            done = subprocess.run(
                [sys.executable, "-m", "barewire", "run", server, "--backend", backend],
                input="".join(json.dumps(line) + "\n" for line in lines),
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert done.returncode == 0
            answers = [json.loads(line)["id"] for line in done.stdout.splitlines()]
            assert answers == [1, 2]
            assert done.stderr == "a module that prints\n"
