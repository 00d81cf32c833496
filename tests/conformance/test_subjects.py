"""The server under test is a process: it says where it serves, and is ended in the end."""

import shlex
import sys
from pathlib import Path

import pytest

from tests.conformance.subjects import EverythingServer, NotServing, client_command

SERVES = """
import sys, time
print("a warning", file=sys.stderr, flush=True)
print("serving http://127.0.0.1:7/mcp", file=sys.stderr, flush=True)
time.sleep(1000)
"""


def test_the_url_is_what_the_server_says_and_the_rest_is_kept(tmp_path: Path) -> None:
    server = EverythingServer(tmp_path / "log", [sys.executable, "-c", SERVES])
    with server as url:
        assert url == "http://127.0.0.1:7/mcp"
        assert not server.ended
    assert server.ended
    assert (tmp_path / "log").read_text().splitlines()[0] == "a warning"


def test_a_server_that_does_not_serve_is_told_with_what_it_said(tmp_path: Path) -> None:
    server = EverythingServer(tmp_path / "log", [sys.executable, "-c", "import no_such_module"])
    with pytest.raises(NotServing, match="no_such_module'"), server:
        pytest.fail("it serves")


def test_the_clients_command_replaces_the_shell_that_runs_it() -> None:
    assert shlex.split(client_command())[:3] == ["exec", sys.executable, "-m"]
