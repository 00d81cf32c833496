"""What the speed must be, as ratios to peers and floors that run beside it, and as a few figures.

A row compares one figure (see workloads.py) of two subjects (see subjects.py), each under a
workload (see the names in __main__.py). `@3.11` is CPython 3.11, and `@new` the newest one that is
there, from 3.12 on, where a handler that never suspends is over before its task has begun.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_COMPARISONS: Final[dict[str, Callable[[float, Fraction], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Bar:
    """A figure of ours divided by the same figure of something else, and where the bar lies.

    `limit` is written as people say it: `<= 1/15`, `>= 2.8`. Where it is empty, the ratio is told
    and not judged.
    """

    workload: str
    ours: str
    figure: str
    limit: str
    peer: str = ""
    """Without one, the figure itself is judged."""
    peer_workload: str = ""
    """Where it is not the same one."""

    @property
    def their_workload(self) -> str:
        return self.peer_workload or self.workload

    def holds(self, ratio: float) -> bool:
        if not self.limit:
            return True
        comparison, bound = parse_limit(self.limit)
        return _COMPARISONS[comparison](ratio, bound)


def parse_limit(limit: str) -> tuple[str, Fraction]:
    """Return the comparison and the bound of a limit; raises `ValueError` when it is none."""
    found = re.fullmatch(r"([<>]=?) (1/)?(\d+(?:\.\d+)?)", limit)
    if found is None:
        raise ValueError(f"not a limit: {limit!r}")
    bound = Fraction(found[3])
    return found[1], 1 / bound if found[2] else bound


MEGABYTES: Final = ("0.1", "1", "4", "16", "64")

BARS: Final = (
    # An async def tool on CPython 3.11.
    Bar("calls, 64 in flight", "async@3.11", "cpu", "<= 1/15", "mcp2-high@3.11"),
    Bar("calls, 64 in flight", "async@3.11", "cpu", "<= 1.5", "floor-anyio-task"),
    Bar("calls, one by one", "async@3.11", "rate", ">= 2.8", "mcp2-high@3.11"),
    # Handlers that never suspend.
    Bar("calls, 64 in flight", "inline@3.11", "cpu", "<= 1/35", "mcp2-high@3.11"),
    Bar("calls, 64 in flight", "inline@3.11", "cpu", "< 1", "ts1"),
    Bar("calls, one by one", "inline@3.11", "rate", ">= 4", "mcp2-high@3.11"),
    Bar("calls, 64 in flight", "async@new", "cpu", "<= 1/35", "mcp2-high@new"),
    Bar("calls, 64 in flight", "async@new", "cpu", "< 1", "ts1"),
    Bar("calls, one by one", "async@new", "rate", ">= 4", "mcp2-high@new"),
    Bar("calls, 64 in flight", "inline@new", "cpu", "<= 1/35", "mcp2-high@new"),
    Bar("calls, 64 in flight", "inline@new", "cpu", "< 1", "ts1"),
    Bar("calls, one by one", "inline@new", "rate", ">= 4", "mcp2-high@new"),
    # Progress, and what the modern revision costs more.
    Bar("progress", "async@3.11", "rate", ">= 50", "mcp2-high@3.11"),
    Bar("progress", "async@3.11", "rate", "> 1", "ts1"),
    Bar("progress, modern", "async@3.11", "cpu", "<= 1.4", "async@3.11", "progress"),
    Bar(
        "calls, 64 in flight, modern",
        "async@3.11",
        "cpu",
        "<= 1.4",
        "async@3.11",
        "calls, 64 in flight",
    ),
    # Large text.
    *(
        Bar(f"payload, {size} MB", "async@3.11", figure, limit, "floor-aio")
        for figure, limit in (("cpu_mb", "<= 1.4"), ("peak", "<= 1.25"))
        for size in MEGABYTES
    ),
    # The first reply.
    Bar("start", "async@3.11", "seconds", "<= 1/4", "mcp2-high@3.11"),
    Bar("start", "async@3.11", "memory", "<= 1/2", "mcp2-high@3.11"),
    # The client, against the same fast server.
    Bar("client, 64 in flight", "client@3.11", "cpu", "<= 1/6", "mcp2-client@3.11"),
    Bar("client, one by one", "client@3.11", "rate", ">= 1.7", "mcp2-client@3.11"),
)


def _http_calls(mode: str, ours: str, floor: str, peer: str) -> list[Bar]:
    """Bars of a tool that answers with JSON, parsed by h11."""
    workload = f"http, {mode}"
    return [
        Bar(workload, ours, "cpu", floor, "floor-anyio-h11"),
        Bar(workload, ours, "cpu", peer, "mcp2-high@3.11"),
    ]


HTTP_BARS: Final = (
    # Replies as JSON, with h11.
    *_http_calls("stateful", "async@3.11", "<= 1.35", "<= 1/2.8"),
    *_http_calls("stateful", "inline@3.11", "<= 1.35", "<= 1/2.8"),
    *_http_calls("modern", "async@3.11", "<= 1.35", "<= 1/2.8"),
    *_http_calls("modern", "inline@3.11", "<= 1.35", "<= 1/2.8"),
    *_http_calls("stateless", "async@3.11", "<= 1.35", "<= 1/4"),
    *_http_calls("stateless", "inline@3.11", "<= 1.35", "<= 1/4"),
    # No head is like the one before.
    *_http_calls("traced", "async@3.11", "<= 1.35", "<= 1/2.8"),
    # Replies as event streams.
    Bar("http, sse", "async@3.11", "cpu", "<= 1/5", "mcp2-high@3.11"),
    Bar("http, sse", "async@3.11", "cpu", "", "floor-anyio-h11"),
    # With httptools.
    *(
        Bar(f"http, {mode}", "speed@3.11", "cpu", "<= 1/7", "mcp2-high@3.11")
        for mode in ("stateful", "modern", "stateless", "traced")
    ),
    # TypeScript, which has no modern revision in 1.x.
    *(
        Bar(f"http, {mode}", "async@3.11", "cpu", "< 1", peer)
        for mode in ("stateful", "modern", "traced", "stateless", "sse")
        for peer in ("ts1", "ts2")
        if peer != "ts1" or mode not in ("modern", "traced")
    ),
    # What happens seldom.
    Bar("http, latency", "async@3.11", "p99", "<= 1.5", "floor-anyio-h11"),
    Bar("http, latency, modern", "async@3.11", "p99", "<= 1.5", "floor-anyio-h11"),
    Bar("http, pauses", "async@3.11", "pauses", "<= 5"),
    Bar("http, pauses, modern", "async@3.11", "pauses", "<= 5"),
    Bar("http, pauses, sse", "async@3.11", "pauses", "<= 5"),
    # Progress by an event stream.
    Bar("http, progress", "async@3.11", "rate", ">= 4", "mcp2-high@3.11"),
    Bar("http, progress", "async@3.11", "rate", "> 1", "ts1"),
    Bar("http, progress", "async@3.11", "rate", "> 1", "ts2"),
    Bar("http, progress", "async@3.11", "cpu", "", "floor-anyio-h11"),
    Bar("http, progress, modern", "async@3.11", "rate", ">= 4", "mcp2-high@3.11"),
    Bar("http, progress, modern", "async@3.11", "rate", "> 1", "ts2"),
    Bar("http, progress, modern", "async@3.11", "cpu", "", "floor-anyio-h11"),
    # Idle legacy sessions.
    Bar("http, sessions", "async@3.11", "session", "<= 3"),
    Bar("http, sessions", "async@3.11", "reopened", "<= 1.05"),
)
