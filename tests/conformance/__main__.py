"""`make conformance`: what the official suite says of our server and our client.

Every scenario runs by itself, strictly judged, at each revision that it is for. `waiting.toml`
lists what cannot pass yet. The exit code is 0 when everything else passes and the list is true.

    --only 'tools-*' ping      the scenarios with these names
    --side server              one side
    --revision 2026-07-28      one revision
    --serve='--backend trio'   serve with these options of `barewire run` as well
    --verbose                  say also why those that wait do not pass
    --url URL                  judge the server there, whoever it is, by no list
    --command 'node client.js' judge this client by no list
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from itertools import groupby

from tests.conformance.catalogue import Scenario, UnreadableList
from tests.conformance.judging import Outcome
from tests.conformance.report import Result, summary
from tests.conformance.subjects import (
    CLIENT,
    EverythingServer,
    NotServing,
    client_command,
    serving_command,
)
from tests.conformance.suite import FOLDER, REVISIONS, Suite
from tests.conformance.waiting import Expected, read_waiting
from tests.interop.make_strangers import NotMade

RESULTS = FOLDER / "results"

_LIMITS = {"server": 30.0, "client": 60.0}
"""Seconds that a scenario may take, unless --timeout says otherwise."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="*", default=["*"], metavar="NAME")
    parser.add_argument("--side", choices=("server", "client"))
    parser.add_argument("--revision", choices=REVISIONS)
    parser.add_argument("--timeout", type=float, metavar="SECONDS")
    parser.add_argument("--serve", type=shlex.split, default=[], metavar="OPTIONS")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--url")
    parser.add_argument("--command")
    return parser.parse_args(given)


def chosen(scenarios: Sequence[Scenario], options: argparse.Namespace) -> list[Scenario]:
    """Return those that are to run: all servers', then all clients', each by revision."""
    foreign = {"server": options.url, "client": options.command}
    sides = [side for side in foreign if foreign[side] or not any(foreign.values())]
    found = [
        scenario
        for scenario in scenarios
        if scenario.side in sides
        and options.side in (None, scenario.side)
        and options.revision in (None, scenario.revision)
        and any(fnmatchcase(scenario.name, pattern) for pattern in options.only)
    ]
    return sorted(found, key=lambda one: (sides.index(one.side), one.revision))


Subject = Callable[[], list[str] | str]
"""Gives the options that name who is judged, or says why there is nobody."""


def outcomes(
    suite: Suite, scenarios: Sequence[Scenario], options: argparse.Namespace
) -> Iterator[tuple[Scenario, Outcome]]:
    """Run the scenarios, each when it is asked for; raises `NotServing`."""
    for side, group in groupby(scenarios, key=lambda one: one.side):
        with ExitStack() as stack:
            subject = _server(options, stack) if side == "server" else _client(options)
            for scenario in group:
                who = subject()
                if isinstance(who, str):
                    yield scenario, Outcome("failed", [who])
                    continue
                folder = RESULTS / side / scenario.revision / scenario.name
                limit = options.timeout or _LIMITS[side]
                yield scenario, suite.play(scenario, who, folder, limit)


def _server(options: argparse.Namespace, stack: ExitStack) -> Subject:
    if options.url:
        return lambda: ["--url", options.url]
    RESULTS.mkdir(parents=True, exist_ok=True)
    server = EverythingServer(RESULTS / "server.log", serving_command(*options.serve))
    url = stack.enter_context(server)
    return lambda: "the server has ended: see server.log" if server.ended else ["--url", url]


def _client(options: argparse.Namespace) -> Subject:
    if options.command:
        return lambda: ["--command", options.command]
    if not CLIENT.exists():
        return lambda: "there is no client to play it"
    return lambda: ["--command", client_command()]


def conform(options: argparse.Namespace) -> bool:
    """Install the suite, run it and say how it went; return whether all is as it should be."""
    suite = Suite()
    suite.make()
    scenarios = suite.scenarios()
    foreign = options.url or options.command
    expected = Expected() if foreign else read_waiting()
    results: list[Result] = []
    for scenario, outcome in outcomes(suite, chosen(scenarios, options), options):
        result = Result(scenario, outcome, expected.of(scenario))
        results.append(result)
        print(*result.lines(verbose=options.verbose), sep="\n", flush=True)
    unknown = expected.without_a_scenario(scenarios)
    print("", *summary(results), *(f"STALE: no scenario: {line}" for line in unknown), sep="\n")
    return bool(results) and not unknown and all(result.good for result in results)


def main() -> int:
    """Run the command line and return its exit code."""
    options = arguments()
    try:
        return 0 if conform(options) else 1
    except (NotMade, NotServing, UnreadableList, ValueError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
