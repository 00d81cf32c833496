"""Record sessions with foreign implementations, from real processes, into tests/transcripts/.

    make transcripts                    record every stranger in each role and revision: two minutes
    make transcripts ARGS="mcp2 ts1"    only these

A foreign server is started and led through the tour of `client_end`; a foreign client is given our
`server_end` as the command to start, and takes a tour of its own, `stranger_tour_*`. Each session
becomes one file, `NAME-ROLE-REVISION.wire`, which `test_replay` holds again without the stranger;
`tests.transcripts.transcript` says how it is written. Record again what a new release of a stranger
says (its pins are in tests/interop/), and after a change of a tour or of what our ends say. Nothing
is edited afterwards: names and paths of the machine stay out because nothing that is said contains
any.
"""

import datetime
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from barewire.protocol.methods import Role
from barewire.protocol.revisions import ALL, LEGACY, Revision
from tests.interop.make_strangers import ENVIRONMENTS
from tests.transcripts.client_end import ClientEnd, Note, Settle
from tests.transcripts.server_end import ServerEnd
from tests.transcripts.transcript import FOLDER, SUFFIX, Writer, header_of

INTEROP = Path(__file__).parent / "interop"
ROOT = INTEROP.parents[1]

SPOKEN: dict[str, tuple[Revision, ...]] = {
    "mcp1": LEGACY,
    "mcp2": ALL,
    "ts1": LEGACY,
    "ts2": ALL,
}
"""What each stranger can speak, in either role."""

PACKAGES = {
    "mcp1": "mcp",
    "mcp2": "mcp",
    "ts1": "@modelcontextprotocol/sdk",
    "ts2": "@modelcontextprotocol/{role}",
}

QUIET = 0.5
"""Seconds without a word after which a stranger is taken to have nothing more to say."""

STUCK = 20.0
"""Seconds after which it is taken to be stuck."""


def record(name: str, role: Role, revision: Revision, folder: Path = FOLDER) -> Path:
    """Record one session; raises `RuntimeError` when it does not come to its end."""
    if role == "server":
        session = session_with_server(command_of(name, "server", "everything"), revision)
    else:
        session = session_with_client(command_of(name, "tour", revision.name))
    package = PACKAGES[name].format(role=role)
    header = header_of(
        package=package,
        version=version_of(name, package),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        role=role,
        revision=revision.name,
    )
    path = folder / f"{name}-{role}-{revision.name}{SUFFIX}"
    path.write_bytes(header + session)
    return path


def command_of(name: str, what: str, *arguments: str) -> list[str]:
    """Return the command of a stranger's program."""
    suffix = "mjs" if name.startswith("ts") else "py"
    program = INTEROP / f"stranger_{what}_{name}.{suffix}"
    return [str(ENVIRONMENTS[name].program), str(program), *arguments]


def version_of(name: str, package: str) -> str:
    """Return the release of a package that an environment is pinned to."""
    pins = ENVIRONMENTS[name].pins[0].read_text()
    if name.startswith("ts"):
        return str(json.loads(pins)["dependencies"][package])
    found = re.search(rf"^{package}==(.+)$", pins, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{package} is not pinned for {name}")
    return found[1]


def session_with_server(command: list[str], revision: Revision) -> bytes:
    """Lead a server through our tour; return what was said."""
    writer, end = Writer(), ClientEnd(revision)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("its streams are pipes")
        lines = Lines(process.stdout.fileno())
        try:
            while True:
                for item in end.output():
                    if isinstance(item, Note):
                        writer.note(item.text)
                        continue
                    writer.line("client", item)
                    process.stdin.write(item)
                process.stdin.flush()
                if end.waiting is None:
                    break
                line = lines.next(QUIET if isinstance(end.waiting, Settle) else STUCK)
                if line is not None:
                    writer.line("server", line)
                    end.receive(line)
                elif isinstance(end.waiting, Settle):
                    end.settled()
                else:
                    raise RuntimeError(f"stuck after\n{writer.text().decode()[-2000:]}")
            process.stdin.close()
            for line in iter(lambda: lines.next(STUCK), None):
                writer.line("server", line)
            code = process.wait(STUCK)
        finally:
            process.kill()
    writer.note(f"its standard input is closed, and it exits with {code}")
    return writer.text()


def session_with_client(command: list[str]) -> bytes:
    """Let a client take its tour of our server; return what was said."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        ours = [sys.executable, "-m", "tests.record", "--serve", str(said)]
        done = subprocess.run(
            [*command, "--", *ours], cwd=ROOT, timeout=60, stderr=subprocess.PIPE, check=False
        )
        session = said.read_bytes() if said.exists() else b""
    if done.returncode != 0:
        said_last, errors = session.decode()[-1000:], done.stderr.decode()[-2000:]
        raise RuntimeError(f"the client failed after\n{said_last}\n{errors}")
    return session


def serve(said: Path) -> None:
    """Be our server on the standard streams, and write down what is said."""
    writer, end, lines = Writer(), ServerEnd(), Lines(sys.stdin.fileno())
    for line in iter(lambda: lines.next(None), None):
        writer.line("client", line)
        end.receive(line)
        for buffer in end.output():
            writer.line("server", buffer)
            sys.stdout.buffer.write(buffer)
        sys.stdout.buffer.flush()
        said.write_bytes(b"\n" + writer.text())


class Lines:
    """The lines of a descriptor, one by one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._selector = selectors.DefaultSelector()
        self._selector.register(descriptor, selectors.EVENT_READ)
        self._rest = b""

    def next(self, seconds: float | None) -> bytes | None:
        """Return the next line, `None` when none comes in time or any more."""
        while b"\n" not in self._rest:
            if not self._selector.select(seconds):
                return None
            data = os.read(self._descriptor, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"


def sessions(names: list[str]) -> Iterator[tuple[str, Role, Revision]]:
    """Yield what there is to record."""
    roles: tuple[Role, ...] = ("server", "client")
    for name in names or SPOKEN:
        for role in roles:
            for revision in SPOKEN[name]:
                yield name, role, revision


def main(arguments: list[str]) -> int:
    """Record what is asked for; one session that fails does not keep the others from it."""
    unknown = [name for name in arguments if name not in SPOKEN]
    if unknown:
        print(f"no such stranger: {', '.join(unknown)}; there are {', '.join(SPOKEN)}")
        return 2
    failed = False
    for name, role, revision in sessions(arguments):
        try:
            path = record(name, role, revision)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            failed = True
            print(f"{name}-{role}-{revision.name}: {error}", file=sys.stderr)
        else:
            print(f"{path.name}: {path.stat().st_size} bytes")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
