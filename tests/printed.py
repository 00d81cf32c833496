"""What the pages show of the code: tables that are printed from it, and what programs print.

    python -m tests.printed      write both again, after the code has changed

In a page, a table stands between `<!-- printed: name -->` and `<!-- end -->`; the name is that of a
function here. The `python` blocks of a page are one program, and a `text` block right behind one is
what that part prints. tests/test_docs.py fails when a page and the code differ.
"""

import argparse
import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from barewire.cli import main as cli
from barewire.client.client import Client
from barewire.protocol.errors import Reason, code_for, status_for
from barewire.protocol.revisions import ALL, LATEST, LEGACY, Revision
from barewire.run import run_stdio
from barewire.session import events, exceptions, limits, settled, tables
from barewire.session.connection import Connection
from barewire.session.exchange import DEFAULT_TIMEOUT
from barewire.session.limits import DEFAULT_HTTP_LIMITS, DEFAULT_LIMITS
from barewire.session.receiver import Receiver
from barewire.session.tables import BEFORE_READY, EXCHANGE, SESSION, SUBSCRIPTION, Leniency
from barewire.transports import process, threads, watchdog
from barewire.transports.process import DEFAULT_GRACE, SAFE_VARIABLES
from bench.bars import BARS, HTTP_BARS, Bar
from bench.verdicts import as_ratio, ratio_of
from bench.workloads import best

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "bench" / "measured.jsonl"
"""The record of one full run of `make bench`, as bench/results/ has it: what goes over pipes."""
MEASURED_HTTP = ROOT / "bench" / "measured_http.jsonl"
"""And what goes over HTTP."""

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

PRINTED = re.compile(r"(<!-- printed: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
PROGRAM = re.compile(r"(^```python\n(.*?)^```\n)(\n^```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)

_CUT = "-" * 8 + "\n"


def filled(page: str) -> str:
    """Return a page with its tables printed anew; raises KeyError for a table unknown here."""
    return PRINTED.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", page)


def played(page: str) -> str:
    """Return a page with what its programs print written anew.

    Raises RuntimeError with the standard error of a program that writes there or does not end well.
    """
    parts = [code for _, code, _ in PROGRAM.findall(page)]
    if not parts:
        return page
    program = "".join(f"{part}print({_CUT!r}, end='')\n" for part in parts)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.stderr or done.returncode:
        raise RuntimeError(done.stderr)
    outputs = iter(done.stdout.split(_CUT))

    def with_output(match: re.Match[str]) -> str:
        output = next(outputs)
        return match[1] + (f"\n```text\n{output}```\n" if output else "")

    return PROGRAM.sub(with_output, page)


def environment() -> dict[str, str]:
    """Return our variables, by which `python` and `barewire` are those of this interpreter."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONWARNINGS": "error"}


def reasons() -> str:
    """Why a request is refused, and by which code."""
    rows = [
        [
            f"`{reason.name}`",
            *(_number_by_revision(reason, function) for function in (code_for, _status_in)),
            reason.text,
        ]
        for reason in Reason
    ]
    return _table(("reason", "code", "HTTP status", "text"), rows)


def session() -> str:
    """The phases of a session."""
    return _diagram(SESSION.items(), ["new"])


def exchange() -> str:
    """The life of a request."""
    return _diagram(EXCHANGE.items(), ["held", "open"])


def subscription() -> str:
    """The life of a `subscriptions/listen`."""
    return _diagram(SUBSCRIPTION.items(), ["asked"])


def before_ready() -> str:
    """Who may say what before a session is ready."""
    rows = [
        [phase, f"the {role}", _codes(sorted(methods))]
        for (phase, role), methods in BEFORE_READY.items()
    ]
    return _table(("phase", "who", "may say"), rows)


def lenient() -> str:
    """What is accepted although it is wrong."""
    told = _attributes(tables, "Leniency")
    rows = [[f"`{leniency.name}`", told[str(leniency.name)]] for leniency in Leniency]
    return _table(("leniency", "what is accepted"), rows)


def bounds() -> str:
    """The limits of one connection."""
    return _limits(DEFAULT_LIMITS)


def http_bounds() -> str:
    """The limits of an HTTP server."""
    return _limits(DEFAULT_HTTP_LIMITS)


def http_options() -> str:
    """How a server over HTTP is told what to do, in a program and on the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    cli._http_options(parser)
    rows: list[list[str]] = []
    for action in parser._actions:
        option, named = action.option_strings[0], _RUN_HTTP[action.dest]
        parameter = named if action.const is None else f"{named}={action.const}"
        told = f"`{option} {action.metavar}`" if action.metavar else f"`{option}`"
        rows.append([f"`{parameter}`", told, str(action.help)])
    return _table(("`run_http`", "`barewire run`", "what it does"), rows)


_RUN_HTTP = {
    "http": "host, port",
    "path": "path",
    "stateless": "stateless_http",
    "json_response": "json_response",
    "allow_host": "hosts",
    "allow_origin": "origins",
    "parser": "parser",
    "tls_cert": "tls",
    "tls_key": "tls",
}
"""The parameters of `run_http` by the options of the command."""


def grace() -> str:
    """How long each step of closing a server takes."""
    text = _on_one_line(inspect.getdoc(process.Grace))
    told = dict(re.findall(r"`(\w+)`: (.*?)\.(?= |$)", text))
    rows = [
        [f"`{name}`", f"{getattr(DEFAULT_GRACE, name):g}", told[name]]
        for name in process.Grace.__annotations__
    ]
    return _table(("step", "seconds", "what it is"), rows)


def variables() -> str:
    """The variables that a server process inherits."""
    return _codes(SAFE_VARIABLES)


def waits() -> str:
    """The waits of clients and servers on stdio, in seconds, and who may change them."""
    rows = [
        ["until a connection stands", _default(Client, "connect_timeout"), "`Client`"],
        ["until a silent server counts as legacy", _default(Client, "probe_timeout"), "`Client`"],
        ["for an answer or progress", _default(Client, "timeout"), "`Client`, each call"],
        ["for an answer, engine alone", f"{DEFAULT_TIMEOUT:g}", "`Connection.request`"],
        ["for running handlers, at the end of input", _default(run_stdio, "drain"), "`run_stdio`"],
        ["until a parent's death is noticed", _default(watchdog.watch_parent, "interval"), "-"],
        ["for the end that follows it", _default(watchdog.watch_parent, "grace"), "-"],
        ["for a client that reads nothing", f"{DEFAULT_LIMITS.stalled:g}", "`Limits.stalled`"],
    ]
    return _table(("the wait", "seconds", "set by"), rows)


def pool() -> str:
    """How many plain handlers run at the same time."""
    size, queue = (_default(threads.ThreadPool, name) for name in ("threads", "queue"))
    return f"Plain handlers run in {size} threads; {queue} more calls wait for one."


def happenings() -> str:
    """What receiving bytes, or waiting, can lead to."""
    rows = [
        [f"`{kind.__name__}`", _codes(kind.__annotations__), _on_one_line(inspect.getdoc(kind))]
        for kind in get_args(events.Event)
    ]
    return _table(("event", "members", "what it means"), rows)


def sayings() -> str:
    """What a connection can be told."""
    return _methods(Connection, [name for name in _members(Connection) if name not in _DRIVEN])


def hearings() -> str:
    """What a connection can hear, and when it wants to be called."""
    return _methods(Connection, [*_members(Receiver), *_DRIVEN])


def measured() -> str:
    """The bars of `make bench` over pipes, and the ratios of the run that was kept, if any."""
    return _measured(BARS, _record(MEASURED))


def measured_http() -> str:
    """The bars over HTTP, and the ratios of the run that was kept, if any."""
    return _measured(HTTP_BARS, _record(MEASURED_HTTP))


def _measured(bars: Iterable[Bar], record: list[dict[str, Any]]) -> str:
    results = _best_figures(record)
    rows: list[list[str]] = []
    for bar in bars:
        elsewhere = bar.their_workload != bar.workload
        beside = f"{bar.peer} under {bar.their_workload}" if elsewhere else bar.peer
        row = [bar.workload, bar.figure, bar.ours, beside, bar.limit]
        rows.append([*row, _told(bar, ratio_of(bar, results))] if record else row)
    heads = ["workload", "figure", "ours", "beside", "bar"]
    if not record:
        return f"{_table(heads, rows)}\n\nNo run has been recorded yet."
    return f"{_table([*heads, 'measured'], rows)}\n\n{_conditions(record[0])}"


def answered_by_the_engine() -> str:
    """The requests that no application sees."""
    return _codes(["initialize", *settled.SETTLED])


def exception_tree() -> str:
    """The exceptions, as their module draws them."""
    drawn = (exceptions.__doc__ or "").split("\n\n", 1)[1].strip()
    return f"```text\n{drawn}\n```"


TABLES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        *(reasons, session, exchange, subscription, before_ready, lenient, bounds),
        *(http_bounds, http_options),
        *(grace, variables, waits, pool),
        *(happenings, sayings, hearings, answered_by_the_engine, exception_tree),
        *(measured, measured_http),
    )
}

_DRIVEN = ("data_to_send", "deadline", "expire", "close")
"""The functions of a connection that are for whoever moves its bytes and keeps its time."""


def _limits(defaults: limits.Limits | limits.HttpLimits) -> str:
    told = _attributes(limits, type(defaults).__name__)
    rows = [[f"`{name}`", _number(getattr(defaults, name)), told[name]] for name in told]
    return _table(("limit", "default", "what it bounds"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _status_in(reason: Reason, revision: Revision) -> int:
    return status_for(reason, modern=revision.modern)


def _number_by_revision(reason: Reason, number: Callable[[Reason, Revision], int]) -> str:
    """Print the number of the newest revision, then what it is in those where it differs."""
    usual = number(reason, LATEST)
    others: dict[int, list[str]] = {}
    for revision in ALL:
        if number(reason, revision) != usual:
            others.setdefault(number(reason, revision), []).append(revision.name)
    told = [str(usual)]
    for other, names in others.items():
        which = "legacy" if len(names) == len(LEGACY) else ", ".join(names)
        told.append(f"{other} ({which})")
    return "; ".join(told)


def _diagram(rows: Iterable[tuple[tuple[str, str], str]], starts: list[str]) -> str:
    """Draw rows of `(state, step)` and the state after it; a state without a way out is an end."""
    rows = list(rows)
    left = {state for (state, _), _ in rows}
    ends = dict.fromkeys(after for _, after in rows if after not in left)
    lines = [
        *(f"[*] --> {state}" for state in starts),
        *(f"{state} --> {after}: {step}" for (state, step), after in rows),
        *(f"{state} --> [*]" for state in ends),
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


def unmeasured() -> list[Bar]:
    """Return the bars of which the run that was kept says nothing, if there is one."""
    missing: list[Bar] = []
    for bars, path in ((BARS, MEASURED), (HTTP_BARS, MEASURED_HTTP)):
        record = _record(path)
        results = _best_figures(record)
        missing += [bar for bar in bars if record and ratio_of(bar, results) is None]
    return missing


def _record(path: Path) -> list[dict[str, Any]]:
    """Read a run that was kept: what it was made on, then each figure; empty if there is none."""
    return [json.loads(line) for line in _lines_of(path)]


def _lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _best_figures(record: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, float]]:
    """Return the best figures of a run by workload and name of the subject."""
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for line in record:
        if "figures" in line:
            runs.setdefault((line["workload"], line["subject"]), []).append(line["figures"])
    return {key: best(figures) for key, figures in runs.items()}


def _told(bar: Bar, ratio: float | None) -> str:
    if ratio is None:
        return "not measured"
    written = as_ratio(ratio, bar.limit)
    return written if bar.holds(ratio) else f"{written}, **missed**"


def _conditions(about: dict[str, Any]) -> str:
    """Say what was measured, on what and when."""
    versions: dict[str, str] = about["versions"]
    named = ", ".join(f"{name}: {version}" for name, version in versions.items())
    machine = f"{about['processor']}, {about['cpus']} CPUs"
    return f"Measured on {about['at'][:10]}, {machine}; {named}."


def _methods(cls: type, names: Iterable[str]) -> str:
    rows = [[f"`{name}`", _first_paragraph(getattr(cls, name))] for name in names]
    return _table(("call", "what it does"), rows)


def _members(cls: type) -> list[str]:
    """Return the public functions that a class defines itself, in the order of its source."""
    defined = [name for name, member in vars(cls).items() if inspect.isfunction(member)]
    return [name for name in defined if not name.startswith("_")]


def _attributes(module: ModuleType, cls: str) -> dict[str, str]:
    """Read the docstrings below the attributes of a class, without line breaks."""
    tree = ast.parse(inspect.getsource(module))
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls)
    told: dict[str, str] = {}
    for before, node in pairwise(body):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            target = before.targets[0] if isinstance(before, ast.Assign) else None
            target = before.target if isinstance(before, ast.AnnAssign) else target
            if isinstance(target, ast.Name):
                told[target.id] = _on_one_line(str(node.value.value))
    return told


def _first_paragraph(thing: object) -> str:
    return _on_one_line((inspect.getdoc(thing) or "").split("\n\n")[0])


def _on_one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _default(function: Callable[..., object], name: str) -> str:
    return _number(inspect.signature(function).parameters[name].default)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def main() -> int:
    """Write what every page shows; 0 when all went well."""
    for path in PAGES:
        path.write_text(played(filled(path.read_text("utf-8"))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
