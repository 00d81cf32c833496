"""Pagination: lists in pages, with cursors that only this server can read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, TypeVar

__all__ = ["CursorError", "page_of"]

T = TypeVar("T")


class CursorError(ValueError):
    """The cursor is none that this server gave out."""


def page_of(items: list[T], cursor: Any, size: int, kind: str) -> tuple[list[T], str | None]:
    """Return the page of `items` that `cursor` names, the first for `None`, and the next cursor.

    `kind` tells lists apart: the cursor of one is none of another. An empty string is a cursor like
    any other. Raises `CursorError` for what was never handed out.
    """
    start = 0 if cursor is None else _read(cursor, kind)
    if cursor is not None and (start == 0 or start % size or start >= len(items)):
        raise CursorError
    stop = start + size
    return items[start:stop], _write(stop, kind) if stop < len(items) else None


def _write(start: int, kind: str) -> str:
    return urlsafe_b64encode(f"{kind}:{start}".encode()).decode()


def _read(cursor: Any, kind: str) -> int:
    try:
        name, _, start = urlsafe_b64decode(str(cursor).encode()).decode().rpartition(":")
    except ValueError:
        raise CursorError from None
    # What is read must be what would be written: one page has one name.
    if name != kind or not start.isdecimal() or _write(int(start), kind) != cursor:
        raise CursorError
    return int(start)
