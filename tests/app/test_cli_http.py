"""`barewire run --http`: what it says of options that make no sense."""

import socket
from collections.abc import Generator
from pathlib import Path

import pytest
import trustme

from barewire.cli.main import main
from tests.conftest import ROOT

FILE = str(ROOT / "examples" / "first_server.py")


class Command:
    """`barewire run`, at an address that is taken: what is let through fails there, with code 1."""

    def __init__(self, capsys: pytest.CaptureFixture[str], port: int) -> None:
        self._capsys = capsys
        self.http = ("--http", f"127.0.0.1:{port}")

    def complaint(self, *options: str) -> str:
        """Run it with options that make no sense, and return what it says."""
        assert main(["run", FILE, *options]) == 2
        out, err = self._capsys.readouterr()
        assert out == ""
        return err.removeprefix("barewire: ").rstrip("\n")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Generator[Command]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield Command(capsys, taken.getsockname()[1])


@pytest.mark.parametrize("text", ["8000", "localhost", "localhost:http", "localhost:65536"])
def test_an_address_that_is_none(command: Command, text: str) -> None:
    assert command.complaint("--http", text) == f"--http takes HOST:PORT, not '{text}'"


def test_an_address_that_is_taken(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", FILE, *command.http]) == 1
    assert f"cannot listen on {command.http[1]}: " in capsys.readouterr().err


def test_a_name_that_nobody_knows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert main(["run", FILE, "--http", "mcp.example:0"]) == 1
    said = "barewire: cannot find mcp.example: Name or service not known\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(("host", "named"), [("0.0.0.0", "0.0.0.0"), ("", "every address")])
def test_a_server_on_all_addresses_has_to_know_its_names(
    command: Command, host: str, named: str
) -> None:
    said = command.complaint("--http", command.http[1].replace("127.0.0.1", host))
    assert said.startswith(f"{named} is no name that clients use")
    assert "--allow-host" in said


@pytest.mark.parametrize("path", ["mcp", "", "/mcp?x", "/a b", "/ü", "/mcp#x"])
def test_a_path_that_nobody_can_ask_for(command: Command, path: str) -> None:
    assert "a path is /" in command.complaint(*command.http, "--path", path)


def test_an_origin_that_is_none(command: Command) -> None:
    said = command.complaint(*command.http, "--allow-origin", "app.example")
    assert said == "an origin is scheme://host or scheme://host:port, not 'app.example'"


@pytest.mark.parametrize("host", ["*", "http://mcp.example", "mcp.example/x", "", "a b", "::1"])
def test_a_host_that_is_none(command: Command, host: str) -> None:
    said = command.complaint(*command.http, "--allow-host", host)
    assert said == f"a host is name, name:port or [address], not {host!r}"


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (["--tls-cert", "cert.pem"], "--tls-cert"),
        (["--stateless", "--allow-host", "x"], "--stateless, --allow-host"),
        (["--json-response"], "--json-response"),
        (["--sse-response"], "--sse-response"),
        (["--parser", "httptools"], "--parser"),
    ],
)
def test_what_is_for_http_does_not_serve_stdio(
    command: Command, given: list[str], flags: str
) -> None:
    assert command.complaint(*given) == f"{flags}: for serving over HTTP, by --http HOST:PORT"


@pytest.mark.parametrize("http", [True, False])
def test_a_loop_that_is_not_installed(
    command: Command, monkeypatch: pytest.MonkeyPatch, http: bool
) -> None:
    monkeypatch.setattr("barewire.cli.main.find_spec", lambda name: None)
    said = command.complaint("--backend", "trio", *(command.http if http else ()))
    assert said == "trio is not installed: pip install trio"


def test_a_key_without_a_certificate_does_not_serve_in_the_clear(command: Command) -> None:
    said = command.complaint(*command.http, "--tls-key", "key.pem")
    assert said == "--tls-key is the key of a --tls-cert"


def test_a_certificate_that_cannot_be_used_is_named(command: Command, tmp_path: Path) -> None:
    said = command.complaint(*command.http, "--tls-cert", "no.pem")
    hint = "(is there a --tls-key?)"
    assert said == f"no certificate and key in no.pem {hint}: No such file or directory"
    said = command.complaint(*command.http, "--tls-cert", FILE)
    assert said.startswith(f"no certificate and key in {FILE} {hint}: ")
    one, other = trustme.CA().issue_cert("one"), trustme.CA().issue_cert("other")
    one.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    other.private_key_pem.write_to_path(tmp_path / "key")
    given = ("--tls-cert", f"{tmp_path}/cert", "--tls-key", f"{tmp_path}/key")
    said = command.complaint(*command.http, *given)
    assert said.startswith(f"no certificate and key in {tmp_path}/cert and {tmp_path}/key: ")
