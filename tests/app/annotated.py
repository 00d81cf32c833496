"""Handlers whose annotations are strings, as `from __future__ import annotations` makes them."""

from __future__ import annotations

import dataclasses

from barewire import Context, SyncContext


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


async def move(point: Point, ctx: Context, by: int | None = None) -> Point:
    """Move a point."""
    return Point(point.x + (by or 0), point.y)


def name(ctx: SyncContext | None, text: str = "") -> str:
    return f"{text}{ctx is not None}"


async def lost(value: Missing) -> str:  # type: ignore[name-defined]  # noqa: F821  # on purpose
    return str(value)
