"""`python -m barewire.fuzz.soak`: a million hostile lines for a live server, as many for a client.

Each side is soaked in tours, one process each: a server in every phase, a client by every revision.
A tour goes in rounds of a thousand lines and a correct call. It fails when the peer dies, answers
too much, too little or wrongly, does not serve the correct call, or grows. Then the lines of that
round are reduced to those that matter and written to a file, for `fuzz/corpus`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random, SystemRandom
from typing import IO, Any, Final, Literal, TypeAlias

from barewire.fuzz.drive import Memory, converse, read_to_the_end
from barewire.fuzz.machines import Broken, ClientSoak, ServerSoak, Soak
from barewire.fuzz.shrink import shrink
from barewire.protocol.record import record
from barewire.protocol.revisions import ALL, Revision, revision_named

__all__ = ["BOUND", "ROUND", "TOURS", "Outcome", "Tour", "main", "replay", "soak"]

ROUND: Final = 1000
"""Hostile lines between two correct calls."""

BOUND: Final = 4 * 2**20
"""4 MiB: what a peer may grow by after warming up. What the allocator keeps of freed memory varies
by up to a MiB with the order of large lines; in a tour of 150,000 lines a leak of 30 bytes a line
goes beyond it."""

_WARM: Final = 0.2
"""The share of a tour that is for warming up."""

_EXIT: Final = 10.0
"""Seconds that a peer has to exit at the end. Less is promised, and measured elsewhere."""

_SHRINKING: Final = 60.0
"""Seconds that may go into reducing what was found."""

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


TOURS: Final = (
    *(Tour("server", revision) for revision in (None, *ALL)),
    *(Tour("client", revision) for revision in ALL),
)
"""Every phase of a server, and a client by every revision."""


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
    return _run(tour, {"lines": lines, "seed": seed, "talk": talk, "script": None})


def replay(tour: Tour, lines: Sequence[bytes]) -> Outcome:
    """Send exactly these lines in one round."""
    script = b"\n".join(lines).decode("latin-1")
    return _run(tour, {"lines": 0, "seed": "", "talk": False, "script": script})


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
            if outcome.failure is None:
                outcome = replace(outcome, failure=_end_of_server(machine, process))
        finally:
            process.kill()
    return _with_words(outcome, process.returncode, stderr)


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
    if not result.exists():
        lost = Outcome(str(tour), 0, 0, 0.0, "", "the client ended before its server")
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
    outcome = _rounds(machine, tour, orders, os.getppid(), 0, 1)
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
    machine: Soak, tour: Tour, orders: dict[str, Any], pid: int, reads: int, writes: int
) -> Outcome:
    total: int = orders["lines"]
    memory = Memory(pid, int(total * _WARM), BOUND)
    start = told = time.monotonic()
    failure: str | None = None
    try:
        converse(machine, machine.open(), reads, writes)
        if orders["script"] is not None:
            script = orders["script"].encode("latin-1").split(b"\n")
            converse(machine, machine.replay(script), reads, writes)
        while machine.count < total:
            size = min(ROUND, total - machine.count)
            converse(machine, machine.round(size), reads, writes)
            memory.look(machine.count)
            if orders["talk"] and time.monotonic() > told + 5:
                told = time.monotonic()
                _tell(tour, machine.count, told - start, memory)
    except Broken as error:
        failure = str(error)
    seconds = time.monotonic() - start
    if orders["talk"]:
        _tell(tour, machine.count, seconds, memory)
    window = b"\n".join(machine.window).decode("latin-1") if failure else ""
    requests = machine.ledger.requests
    return Outcome(str(tour), machine.count, requests, seconds, str(memory), failure, window)


def _tell(tour: Tour, lines: int, seconds: float, memory: Memory) -> None:
    rate = lines / max(seconds, 0.001)
    print(f"{tour!s:28} {lines:9,} lines {rate:7,.0f}/s  {memory}", file=sys.stderr, flush=True)


def _with_words(outcome: Outcome, code: int | None, stderr: IO[bytes] | None) -> Outcome:
    """Add the last words of the process to a failure."""
    if outcome.failure is None:
        return outcome
    words = ""
    if stderr is not None:
        stderr.seek(0)
        words = stderr.read()[-2000:].decode(errors="replace").strip()
    return replace(outcome, failure=f"{outcome.failure} (exit code {code})\n{words}".rstrip())


# The command.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tours and return the exit code: 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m barewire.fuzz.soak", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="for each side")
    parser.add_argument("--seed", default="", help="replays a run; a random one by default")
    parser.add_argument("--side", choices=("server", "client"), help="only this side")
    parser.add_argument("--backend", choices=("asyncio", "trio"), help="alternating by default")
    parser.add_argument("--findings", type=Path, default=Path("."), help="where to write them")
    options = parser.parse_args(arguments)
    seed = options.seed or str(SystemRandom().randrange(2**32))
    print(f"seed {seed}: SEED={seed} LINES={options.lines} replays this run", file=sys.stderr)
    found = 0
    for side in ("server", "client"):
        tours = [tour for tour in TOURS if tour.side == side]
        if tours and options.side in (None, side):
            found += _soak_side(tours, options.lines, seed, options.backend, options.findings)
    return 1 if found else 0


def _soak_side(
    tours: Sequence[Tour], lines: int, seed: str, backend: str | None, findings: Path
) -> int:
    done: list[Outcome] = []
    for place, tour in enumerate(tours):
        tour = replace(tour, backend=backend or ("asyncio", "trio")[place % 2])
        share = lines * (place + 1) // len(tours) - lines * place // len(tours)
        done.append(soak(tour, share, seed, talk=True))
        if done[-1].failure is not None:
            _report(tour, done[-1], seed, findings)
    failures = sum(outcome.failure is not None for outcome in done)
    total = sum(outcome.lines for outcome in done)
    requests = sum(outcome.requests for outcome in done)
    seconds = sum(outcome.seconds for outcome in done)
    print(
        f"{tours[0].side}: {total:,} lines, {requests:,} of them request-shaped, in {seconds:.0f} s"
        f" ({total / max(seconds, 0.001):,.0f}/s), {failures} of {len(done)} tours failed",
        file=sys.stderr,
        flush=True,
    )
    return failures


def _report(tour: Tour, outcome: Outcome, seed: str, findings: Path) -> None:
    window = outcome.window.encode("latin-1").split(b"\n")
    print(f"FAILED {tour}, seed {seed}, up to line {outcome.lines:,}:", file=sys.stderr)
    print(outcome.failure, file=sys.stderr)
    print("reducing its last round ...", file=sys.stderr, flush=True)
    left = shrink(window, lambda lines: replay(tour, lines).failure is not None, _SHRINKING)
    path = findings / f"found-{tour}-{seed}-{outcome.lines}.lines"
    path.write_bytes(b"\n".join(left) + b"\n")
    for line in left[-10:]:
        print(f"  {line[:500]!r}", file=sys.stderr)
    print(f"{len(left)} lines are in {path}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["hostile"]:
        _be_hostile(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        sys.exit(main())
