"""`python -m barewire.fuzz.soak`: a million hostile lines for a live server, as many for a client.

Each side is soaked in tours, one process each: a server in every phase, a client by every revision.
A tour goes in rounds of at most a thousand lines and a correct call. It fails when the peer dies,
answers too much, too little or wrongly, does not serve the correct call, or grows. Then the lines
of that round are reduced to those that matter and written to a file, for `fuzz/corpus`, and the
commands are printed that repeat the tour and that send the file again.

What a server is sent depends on the seed alone. A client is aimed at the calls that it has in
flight when a round begins, which is a matter of timing too: there the file is what repeats.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import cycle
from pathlib import Path
from random import Random, SystemRandom
from typing import IO, Any, Final, Literal, TypeAlias

from barewire.fuzz.drive import SILENCE, Memory, converse, read_to_the_end
from barewire.fuzz.machines import Broken, ClientSoak, ServerSoak, Soak
from barewire.fuzz.shrink import shrink
from barewire.protocol.record import record
from barewire.protocol.revisions import ALL, Revision, revision_named

__all__ = ["BOUND", "ROUND", "TOURS", "Outcome", "Tour", "main", "replay", "soak"]

ROUND: Final = 1000
"""Hostile lines between two correct calls, at most."""

_SHORT: Final = 4
_SHORTS: Final = 10
"""After each round come so many of so few lines. Of most lines it is sure what they are owed, of
some it is not, and among a thousand an answer too many may hide behind those. Not so where batches
are taken apart: what a damaged one is owed is in doubt, and comes late, in an array of answers."""

BOUND: Final = 4 * 2**20
"""4 MiB: what a peer may grow by after warming up. What the allocator keeps of freed memory varies
by up to a MiB with the order of large lines; in a tour of 150,000 lines a leak of 30 bytes a line
goes beyond it."""

_WARM: Final = 0.2
"""The share of a tour that is for warming up."""

_EXIT: Final = 10.0
"""Seconds that a peer has to exit at the end. Less is promised, and measured elsewhere."""

_DYING: Final = 0.2
"""Seconds after which it is we who end a peer that failed."""

_SHRINKING: Final = 120.0
"""Seconds that may go into reducing what was found."""

_PROGRAM: Final = "python -m barewire.fuzz.soak"

_PATIENCE: Final = 2.0
"""Seconds without a byte after which a peer that is sent given lines counts as dead. They are few,
and when a finding is reduced this is waited for again and again."""

Side: TypeAlias = Literal["server", "client"]


@record
class Tour:
    """One process to be soaked: which side, by which revision, on which loop."""

    side: Side
    revision: Revision | None
    """`None`: a server to which nobody has said `initialize`."""
    backend: str = "asyncio"
    command: tuple[str, ...] = ()
    """The server's program and its arguments; `barewire.fuzz.soaked` if there is none."""

    def __str__(self) -> str:
        """Name it, without spaces."""
        phase = "unopened" if self.revision is None else self.revision.name
        return f"{self.side}-{phase}-{self.backend}"


def _on_both_loops(side: Side, revisions: Sequence[Revision | None]) -> list[Tour]:
    loops = ("asyncio", "trio")
    return [Tour(side, revision, loops[at % 2]) for at, revision in enumerate(revisions)]


TOURS: Final = (*_on_both_loops("server", (None, *ALL)), *_on_both_loops("client", ALL))
"""Every phase of a server, and a client by every revision, on one loop and the other in turn."""


@record
class Outcome:
    """How a tour ended."""

    tour: str
    lines: int
    requests: int
    """How many of the lines were request-shaped."""
    seconds: float
    memory: str
    failure: str | None = None
    window: str = ""
    """The lines of the round that failed, as Latin-1 text: one character for each byte."""


def soak(tour: Tour, lines: int, seed: str, *, talk: bool = False) -> Outcome:
    """Soak one process with `lines` lines; with `talk`, tell on standard error how it goes."""
    orders = {"lines": lines, "seed": seed, "talk": talk, "script": None, "patience": SILENCE}
    return _run(tour, orders)


def replay(tour: Tour, lines: Sequence[bytes]) -> Outcome:
    """Send exactly these lines in one round."""
    script = b"\n".join(lines).decode("latin-1")
    orders = {"lines": 0, "seed": "", "talk": False, "script": script, "patience": _PATIENCE}
    return _run(tour, orders)


def _run(tour: Tour, orders: dict[str, Any]) -> Outcome:
    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryDirectory() as folder:
        said = None if orders["talk"] else stderr
        if tour.side == "server":
            return _soak_server(tour, orders, said)
        return _soak_client(tour, orders, said, Path(folder, "outcome"))


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


# A server, soaked from here.


def _soak_server(tour: Tour, orders: dict[str, Any], stderr: IO[bytes] | None) -> Outcome:
    with subprocess.Popen(
        tour.command or _command("barewire.fuzz.soaked", "server", tour.backend),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        reads, writes = process.stdout.fileno(), process.stdin.fileno()
        machine = ServerSoak(tour.revision, Random(f"{orders['seed']} {tour}"))
        try:
            outcome = _rounds(machine, tour, orders, process.pid, reads, writes)
            if outcome.failure is None and (failure := _end_of_server(machine, process)):
                outcome = replace(outcome, failure=failure, window=_window(machine))
        finally:
            ended = _wait(process, _DYING)
            process.kill()
    return _with_words(outcome, process.returncode if ended else None, stderr)


def _end_of_server(machine: ServerSoak, process: subprocess.Popen[bytes]) -> str | None:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    process.stdin.close()
    try:
        read_to_the_end(machine, process.stdout.fileno())
        machine.close()
        if process.wait(_EXIT) != 0:
            return "the server failed at the end"
    except Broken as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"the server did not exit within {_EXIT:g} s of the end of its input"
    return None


# A client, soaked by a server that it starts.


def _soak_client(
    tour: Tour, orders: dict[str, Any], stderr: IO[bytes] | None, result: Path
) -> Outcome:
    if tour.revision is None:
        raise ValueError("a client speaks some revision")
    name = tour.revision.name
    hostile = _command("barewire.fuzz.soak", "hostile", name, tour.backend, str(result))
    command = _command("barewire.fuzz.soaked", "client", tour.backend, name, *hostile)
    result.with_suffix(".orders").write_text(json.dumps(orders), "utf-8")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr) as process:
        while process.poll() is None and not result.exists():
            _wait(process, 0.2)
        if not _wait(process, _EXIT):
            process.kill()
    # A client that died left its server behind, which finds that out and tells.
    deadline = time.monotonic() + _EXIT
    while not result.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    if not result.exists():
        last = result.with_suffix(".last")  # the round that its server had begun, if any
        window = last.read_text("utf-8") if last.exists() else ""
        failure = "the client ended before its server"
        lost = Outcome(str(tour), 0, 0, 0.0, "", failure, window)
        return _with_words(lost, process.returncode, stderr)
    outcome = Outcome(**json.loads(result.read_text("utf-8")))
    if outcome.failure is None and process.returncode != 0:
        outcome = replace(outcome, failure="the client failed at the end")
    return _with_words(outcome, process.returncode, stderr)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _be_hostile(revision: str, backend: str, result: Path) -> None:
    """Be the server, on standard input and output, of the client that started this process."""
    orders = json.loads(result.with_suffix(".orders").read_text("utf-8"))
    tour = Tour("client", revision_named(revision), backend)
    if tour.revision is None:
        raise SystemExit(f"no such revision: {revision}")
    machine = ClientSoak(tour.revision, Random(f"{orders['seed']} {tour}"))
    last = result.with_suffix(".last")
    outcome = _rounds(machine, tour, orders, os.getppid(), 0, 1, last)
    half = result.with_suffix(".half")
    half.write_text(json.dumps(asdict(outcome)), "utf-8")
    half.rename(result)
    if outcome.failure is None:
        os.set_blocking(0, True)
        os.set_blocking(1, True)
        os.write(1, machine.close())
        while os.read(0, 65_536):  # its last calls; then it closes
            pass


# The rounds, the same for both.


def _rounds(
    machine: Soak,
    tour: Tour,
    orders: dict[str, Any],
    pid: int,
    reads: int,
    writes: int,
    last: Path | None = None,
) -> Outcome:
    """Send all rounds; keep the lines of the one that is under way in the file `last`."""
    total: int = orders["lines"]
    memory = Memory(pid, int(total * _WARM), BOUND)
    patience: float = orders["patience"]
    start = told = time.monotonic()
    failure: str | None = None
    try:
        converse(machine, machine.open(), reads, writes)  # it may be slow to start
        if orders["script"] is not None:
            script = orders["script"].encode("latin-1").split(b"\n")
            converse(machine, machine.replay(script), reads, writes, patience)
        shorts = 0 if machine.ledger.terms.batch else _SHORTS
        for size in cycle((ROUND, *[_SHORT] * shorts)):
            if machine.count >= total:
                break
            size = min(size, total - machine.count)
            data = machine.round(size)
            if last is not None:
                last.write_text(_window(machine), "utf-8")
            converse(machine, data, reads, writes, patience)
            memory.look(machine.count)
            if orders["talk"] and time.monotonic() > told + 5:
                told = time.monotonic()
                _tell(tour, machine.count, told - start, memory)
    except Broken as error:
        failure = str(error)
    seconds = time.monotonic() - start
    if orders["talk"]:
        _tell(tour, machine.count, seconds, memory)
    window = _window(machine) if failure else ""
    requests = machine.ledger.requests
    return Outcome(str(tour), machine.count, requests, seconds, str(memory), failure, window)


def _window(machine: Soak) -> str:
    return b"\n".join(machine.window).decode("latin-1")


def _tell(tour: Tour, lines: int, seconds: float, memory: Memory) -> None:
    rate = lines / max(seconds, 0.001)
    _say(f"{tour!s:28} {lines:9,} lines {rate:7,.0f}/s  {memory}")


def _with_words(outcome: Outcome, code: int | None, stderr: IO[bytes] | None) -> Outcome:
    """Add the last words of the process to a failure, and its exit code if it ended by itself."""
    if outcome.failure is None:
        return outcome
    words = ""
    if stderr is not None:
        stderr.seek(0)
        words = stderr.read()[-2000:].decode(errors="replace").strip()
    ending = "" if code is None else f" (exit code {code})"
    return replace(outcome, failure=f"{outcome.failure}{ending}\n{words}".rstrip())


# The command.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tours and return the exit code: 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="for each side")
    parser.add_argument("--seed", default="", help="repeats a run; a random one by default")
    parser.add_argument("--only", default="", help="tours with this in their names")
    parser.add_argument("--backend", choices=("asyncio", "trio"), help="in turn by default")
    parser.add_argument("--findings", type=Path, default=Path("."), help="where to write them")
    parser.add_argument("--replay", type=Path, help="send the lines of this file instead")
    options = parser.parse_args(arguments)
    backend: str | None = options.backend
    tours = [replace(tour, backend=backend or tour.backend) for tour in TOURS]
    tours = [tour for tour in tours if options.only in str(tour)]
    if not tours:
        parser.error(f"no tour is called {options.only!r}: {', '.join(map(str, TOURS))}")
    if options.replay is not None:
        return _replay_file(tours, options.replay)
    seed = options.seed or str(SystemRandom().randrange(2**32))
    _say(f"seed {seed}")
    options.findings.mkdir(parents=True, exist_ok=True)
    sides = [[tour for tour in tours if tour.side == side] for side in ("server", "client")]
    found = [_soak_side(side, options.lines, seed, options.findings) for side in sides if side]
    return 1 if any(found) else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _soak_side(tours: Sequence[Tour], lines: int, seed: str, findings: Path) -> int:
    """Run the tours of one side; return how many of them failed."""
    done: list[Outcome] = []
    for place, tour in enumerate(tours):
        share = lines * (place + 1) // len(tours) - lines * place // len(tours)
        done.append(soak(tour, share, seed, talk=True))
        if done[-1].failure is not None:
            again = f"--only {tour} --lines {share} --seed {shlex.quote(seed)}"
            name = re.sub(r"[^\w.-]", "-", f"found-{tour}-{seed}.lines")
            _report(tour, done[-1], again, findings / name)
    failures = sum(outcome.failure is not None for outcome in done)
    total = sum(outcome.lines for outcome in done)
    requests = sum(outcome.requests for outcome in done)
    seconds = sum(outcome.seconds for outcome in done)
    _say(
        f"{tours[0].side}: {total:,} lines, {requests:,} of them request-shaped, in {seconds:.0f} s"
        f" ({total / max(seconds, 0.001):,.0f}/s), {failures} of {len(done)} tours failed"
    )
    return failures


def _report(tour: Tour, outcome: Outcome, again: str, path: Path) -> None:
    """Tell what was found, and write the lines that show it, as few as possible, to `path`."""
    _say(f"FAILED {tour}, up to line {outcome.lines:,}: {outcome.failure}")
    _say(f"the same tour again: {_PROGRAM} {again}")
    left = outcome.window.encode("latin-1").split(b"\n")
    if replay(tour, left).failure is None:
        _say("its last round by itself does not fail: it takes what came before")
    else:
        _say("reducing its last round ...")
        left = shrink(left, lambda lines: replay(tour, lines).failure is not None, _SHRINKING)
        for line in left[:10]:
            _say(f"  {line[:500]!r}")
    path.write_bytes(b"\n".join(left) + b"\n")
    lines = "1 line" if len(left) == 1 else f"{len(left)} lines"
    _say(f"{lines}, to send again: {_PROGRAM} --only {tour} --replay {shlex.quote(str(path))}")


def _replay_file(tours: Sequence[Tour], path: Path) -> int:
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    failed = 0
    for tour in tours:
        outcome = replay(tour, lines)
        failed += outcome.failure is not None
        _say(f"{tour!s:28} {'held' if outcome.failure is None else f'FAILED: {outcome.failure}'}")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["hostile"]:
        _be_hostile(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        sys.exit(main())
