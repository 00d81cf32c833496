"""Reduces a list to what matters: the smallest part found that still fails."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["shrink"]

T = TypeVar("T")


def shrink(items: Sequence[T], fails: Callable[[Sequence[T]], bool], seconds: float) -> list[T]:
    """Return a part of `items`, in order, for which `fails` still holds.

    Leaves out everything, then halves, quarters and so on, down to single items, for at most
    `seconds`. If `fails` does not hold for all of them there is nothing to go by, and all come
    back.
    """
    deadline = time.monotonic() + seconds
    left = list(items)
    if not fails(left):
        return left
    size = len(left)
    while size and time.monotonic() < deadline:
        at = 0
        while at < len(left) and time.monotonic() < deadline:
            without = left[:at] + left[at + size :]
            if fails(without):
                left = without
            else:
                at += size
        size //= 2
    return left
