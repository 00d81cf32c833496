"""What the pages show is so: programs print what they say, tables are those of the code.

tests/printed.py says how a page is read. Lines of a `console` block that begin with `$` are
commands, and the lines below a command are its output.
"""

import pkgutil
import re
import shlex
import shutil
import subprocess
import unicodedata
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from examples.by_hand import ask
from tests import printed
from tests.interop.nginx import NO_NGINX, answers, free_port
from tests.printed import PAGES, ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text("utf-8"))


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=printed.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def serving(command: str) -> Generator[str]:
    """Run a command that serves port 8000, on another one, and end it; where it is found."""
    words = shlex.split(re.sub(r"\b8000\b", "0", command))
    with subprocess.Popen(
        words, cwd=ROOT, env=printed.environment(), stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            said, _, url = server.stderr.readline().strip().partition(" ")
            assert said == "serving"
            yield url
        finally:
            server.terminate()
        assert (server.stderr.read(), server.wait(timeout=20)) == ("", 0)


# Programs


@page
def test_the_programs_of_a_page_run_and_print_what_it_says(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == printed.played(text), "if the page is wrong, not the code: run `make docs`"


def commands(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each command of a page with the output that the page shows for it."""
    for language, text in FENCED.findall(page.read_text("utf-8")):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command.split(" #")[0].strip(), output


PROGRAMS = [
    pytest.param(command, output, id=command)
    for command, output in dict.fromkeys(found for path in PAGES for found in commands(path))
    if command.startswith(("barewire ", "python -m examples"))
]


SERVERS = ("barewire run examples/first_server.py --http", "python -m examples.http_server")


@pytest.mark.parametrize(("command", "output"), PROGRAMS)
def test_the_commands_of_the_pages_run(command: str, output: str) -> None:
    if command.startswith(SERVERS):
        with serving(command):
            return
    done = shell(command)
    assert (done.returncode, done.stderr) == (0, "")
    if output:
        assert done.stdout == output


@page
def test_the_targets_of_make_that_a_page_names_are_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text("utf-8")))
    assert named <= targets


@page
def test_every_other_command_is_one_of_make_or_of_a_module_that_is_there(page: Path) -> None:
    for command, _ in commands(page):
        words = command.split()
        if words[0] == "python":
            assert words[1] == "-m"
            assert (ROOT / words[2].replace(".", "/")).with_suffix(".py").is_file()
        else:
            assert words[0] in ("make", "barewire")


@page
def test_a_page_has_no_blocks_but_those_that_are_checked(page: Path) -> None:
    text = printed.PRINTED.sub("", page.read_text("utf-8"))
    languages = {language for language, _ in FENCED.findall(text)}
    assert languages <= {"python", "text", "console", "nginx"}


AROUND = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
{servers}
}}
"""


@contextmanager
def nginx(servers: str, folder: Path) -> Generator[int]:
    """Run nginx as it is told, but on another port, which this gives."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip(NO_NGINX)
    port = free_port()
    servers = servers.replace("listen 80;", f"listen 127.0.0.1:{port};")
    configuration = folder / "nginx.conf"
    configuration.write_text(AROUND.format(folder=folder, servers=servers))
    command = [program, "-e", f"{folder}/errors", "-p", f"{folder}", "-c", f"{configuration}"]
    with subprocess.Popen(command) as process:
        try:
            assert answers(process, port), (folder / "errors").read_text()
            yield port
        finally:
            process.terminate()


def test_a_client_gets_through_nginx_as_the_page_sets_it_up(tmp_path: Path) -> None:
    page = ROOT / "docs" / "http.md"
    (written,) = (
        text for language, text in FENCED.findall(page.read_text()) if language == "nginx"
    )
    (command,) = (command for command, _ in commands(page) if "--allow-host" in command)
    with serving(command) as url:
        told = written.replace("127.0.0.1:8000", urlsplit(url).netloc)
        with nginx(told, tmp_path) as port:
            params = {"name": "count", "arguments": {"to": 2}, "_meta": {"progressToken": "p"}}
            named = {"Host": "mcp.example"}
            heard = ask(f"http://127.0.0.1:{port}/mcp", "tools/call", params, named)
    assert (heard.status, heard.fields["Content-Type"]) == (200, "text/event-stream")
    assert heard.body.count("data: ") == 3


# Tables


@page
def test_the_tables_of_a_page_are_those_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == printed.filled(text), "the code has changed: run `make docs`"


RECORD = """\
{"at": "2026-11-20T12:00:00+0000", "processor": "P", "cpus": 2, "versions": {"mcp2": "mcp 2.0"}}
{"workload": "start", "subject": "async@3.11", "figures": {"seconds": 0.2, "memory": 20}}
{"workload": "start", "subject": "async@3.11", "figures": {"seconds": 0.1, "memory": 21}}
{"workload": "start", "subject": "mcp2-high@3.11", "figures": {"seconds": 1, "memory": 30}}
{"workload": "start", "subject": "ts1", "failed": "it said nothing"}
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the record of the kept run is looked for; it is not there yet."""
    path = tmp_path / "measured.jsonl"
    monkeypatch.setattr(printed, "MEASURED", path)
    return path


def test_a_run_that_is_kept_fills_the_table_of_bars_and_one_that_misses_says_so(
    record: Path,
) -> None:
    record.write_text(RECORD)
    table = printed.measured()
    assert "| start | seconds | async@3.11 | mcp2-high@3.11 | <= 1/4 | 1/10.0 |\n" in table
    assert (
        "| start | memory | async@3.11 | mcp2-high@3.11 | <= 1/2 | 1/1.5, **missed** |\n" in table
    )
    assert (
        "| client, one by one | rate | client@3.11 | mcp2-client@3.11 | >= 1.7 | not mea" in table
    )
    assert table.endswith("\n\nMeasured on 2026-11-20, P, 2 CPUs; mcp2: mcp 2.0.")


def test_without_a_run_the_bars_stand_alone(record: Path) -> None:
    table = printed.measured()
    assert table.startswith("| workload | figure | ours | beside | bar |\n")
    assert table.endswith("\n\nNo run has been recorded yet.")
    assert printed.unmeasured() == []


def test_a_page_is_outdated_as_soon_as_another_run_is_kept(record: Path) -> None:
    page = (ROOT / "docs" / "speed.md").read_text("utf-8")
    record.write_text(RECORD)
    assert page != printed.filled(page)


def test_the_run_that_is_kept_measured_every_bar() -> None:
    assert printed.unmeasured() == []


def test_every_table_is_shown_somewhere() -> None:
    shown = {name for path in PAGES for _, name, _ in printed.PRINTED.findall(path.read_text())}
    assert shown == set(printed.TABLES)


def test_the_rooms_in_the_readme_are_folders() -> None:
    rooms = re.findall(r"^\| `([a-z]+)/` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rooms) >= 6
    assert all((ROOT / room).is_dir() for room in rooms)


# Links


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in links, as GitHub makes it of their text."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        kept = [
            character
            for character in heading.lower()
            if character in "-_ " or unicodedata.category(character)[0] in "LN"
        ]
        found.add("".join(kept).replace(" ", "-"))
    return found


@page
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for text, target in LINK.findall(prose(page)):
        if target.startswith("https://"):
            continue
        place, _, anchor = target.partition("#")
        file = page.parent / place if place else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target
        if re.fullmatch("`test_[a-z0-9_]+`", text):
            assert f"def {text.strip('`')}(" in file.read_text("utf-8"), f"{text} in {target}"


def test_the_readme_leads_to_every_page() -> None:
    linked = {target for _, target in LINK.findall((ROOT / "README.md").read_text())}
    for path in PAGES[1:]:
        assert path.relative_to(ROOT).as_posix() in linked


@page
def test_the_names_on_a_page_exist(page: Path) -> None:
    for name in re.findall(r"`(barewire(?:\.\w+)+)`", prose(page)):
        assert pkgutil.resolve_name(name) is not None
