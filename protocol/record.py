"""Slotted records: read-only to a type checker, cheap at run time."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

__all__ = ["record"]

T = TypeVar("T")


# `dataclass(frozen=True)` makes construction about three times slower, because every field goes
# through `object.__setattr__`. A record is frozen by agreement: type checkers refuse assignment.
@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a slotted dataclass that type checkers treat as frozen."""
    return dataclass(slots=True)(cls)
