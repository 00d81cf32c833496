"""Reducing a list to what matters."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.fuzz.shrink import shrink


@given(st.lists(st.integers(0, 50), unique=True), st.data())
def test_what_is_needed_is_left_and_in_order(items: list[int], data: st.DataObject) -> None:
    needed = set(data.draw(st.lists(st.sampled_from(items), max_size=3))) if items else set[int]()

    def fails(part: Sequence[int]) -> bool:
        return needed <= set(part)

    assert shrink(items, fails, 60) == [item for item in items if item in needed]


def test_what_does_not_fail_is_left_alone() -> None:
    assert shrink([1, 2, 3], lambda _: False, 60) == [1, 2, 3]


@pytest.mark.parametrize("seconds", [0, -1])
def test_without_time_nothing_is_tried(seconds: float) -> None:
    tries: list[int] = []

    def fails(part: Sequence[int]) -> bool:
        tries.append(len(part))
        return True

    assert shrink([1, 2, 3], fails, seconds) == [1, 2, 3]
    assert tries == [3]
