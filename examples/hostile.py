"""Send every hostile line that we know to a server: `python -m examples.hostile [COMMAND...]`.

The lines are those of `fuzz/corpus`. Behind each case comes a `ping`, and the server has to answer
it. What it says until then is held against what barewire would say: a server that differs need not
be wrong, but somebody should know why. Without a command, `examples/first_server.py` is tried.

    python -m examples.hostile node my-server.js
"""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

from barewire.fuzz.cases import Case, cases

OURS = [sys.executable, "-m", "barewire", "run", "examples/first_server.py"]
PATIENCE = 10.0
"""Seconds that a server may take over anything."""

HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "hostile", "version": "1"},
}


class Victim:
    """A server process in an open session; one that takes too long is killed."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._stdin, self._stdout = _there(self._process.stdin), _there(self._process.stdout)

    def __enter__(self) -> "Victim":
        """Open the session."""
        self.ask("hello", "initialize", HELLO)
        self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return self

    def __exit__(self, *_: object) -> None:
        """Close its input, and wait until it has exited."""
        with self._patience(), self._stdout:
            with suppress(BrokenPipeError):
                self._stdin.close()
            self._stdout.read()
            self._process.wait()

    def write(self, lines: bytes) -> None:
        """Send lines."""
        self._stdin.write(lines + b"\n")
        self._stdin.flush()

    def ask(self, id: str, method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a request; return what else is answered until its answer comes.

        Raises `EOFError` or `BrokenPipeError` when the server ends first.
        """
        request = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        others: list[dict[str, Any]] = []
        with self._patience():
            self.write(json.dumps(request).encode())
            for line in self._stdout:
                said: Any = json.loads(line)
                for message in cast("list[dict[str, Any]]", said if type(said) is list else [said]):
                    if message.get("id") == id:
                        return others
                    if "method" not in message:
                        others.append(message)
        raise EOFError(f"the server has ended, with code {self._process.wait()}")

    @contextmanager
    def _patience(self) -> Generator[None, None, None]:
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError("it was started with pipes")
    return stream


def outcome(answer: dict[str, Any]) -> str:
    """Write an answer as the corpus does: `7: -32601`, `"a": result`, or `-: -32700`."""
    id = "-" if answer.get("id") is None else json.dumps(answer["id"])
    id = "long" if len(id) >= 60 else id
    return f"{id}: {answer.get('error', {}).get('code', 'result')}"


def expected(case: Case) -> Counter[str]:
    """Count the answers that the corpus tells of; `900 x` before one says how often."""
    counted: Counter[str] = Counter()
    for text in case.server:
        times, _, what = text.rpartition(" x ")
        counted[what] += int(times or 1)
    return counted


def main(command: list[str]) -> int:
    """Print what the server answered otherwise; 0 when it lived through everything."""
    differing = 0
    with Victim(command or OURS) as victim:
        for case in cases():
            try:
                victim.write(case.data)
                said = Counter(map(outcome, victim.ask(f"after {case.name}", "ping", {})))
            except (EOFError, BrokenPipeError) as error:
                print(f"{case.name} ({case.why}): {error}")
                return 1
            if said != expected(case):
                differing += 1
                print(f"{case.name} ({case.why}): {dict(said)}, not {dict(expected(case))}")
    print(f"it lived through {len(cases())} cases, and answered {differing} of them otherwise")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
