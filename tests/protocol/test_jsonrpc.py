"""The records of the envelope: small, comparable, and closed to new members."""

import pytest

from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Batch, Failure, Malformed, Notification, Request, Success
from barewire.protocol.record import record

RECORDS = [
    Request(1, "ping"),
    Notification("notifications/initialized"),
    Success(1, {}),
    Failure(1, -32603, "Internal error"),
    Malformed(Reason.PARSE_ERROR, "not JSON"),
    Batch([]),
]


@pytest.mark.parametrize("one", RECORDS, ids=lambda one: type(one).__name__)
def test_a_record_has_its_members_and_room_for_no_other(one: object) -> None:
    assert not hasattr(one, "__dict__")
    with pytest.raises(AttributeError):
        setattr(one, "other", 1)  # noqa: B010 # plain assignment is refused by type checkers


def test_records_compare_by_value_and_by_kind() -> None:
    assert Request(1, "x", {"a": 1}) == Request(1, "x", {"a": 1})
    assert Request(1, "x") != Request(1, "x", {})
    assert len({repr(one) for one in RECORDS}) == len(RECORDS)
    for one in RECORDS:
        assert [other for other in RECORDS if other == one] == [one]


@pytest.mark.rule("S-09", "B15", "SR-114")
def test_an_id_that_is_a_number_is_not_one_that_is_its_digits() -> None:
    assert Request(1, "x") != Request("1", "x")
    assert Request(0, "x") != Request("", "x")


def test_absent_members_have_these_values() -> None:
    assert Request(1, "x").params is None
    assert Notification("x").params is None
    assert Failure(1, 0, "") == Failure(1, 0, "", None, False)
    assert Malformed(Reason.PARSE_ERROR, "") == Malformed(Reason.PARSE_ERROR, "", None, "unknown")


def test_printing_a_record_shows_the_wire() -> None:
    assert repr(Request(1, "x", {"a": None})) == "Request(id=1, method='x', params={'a': None})"


@record
class Point:
    """Two numbers."""

    x: int
    y: int = 0


def test_any_class_can_be_made_a_record() -> None:
    assert Point(1) == Point(1, 0)
    assert Point(x=1, y=2) != Point(2, 1)
    assert Point.__doc__ == "Two numbers."
    assert not hasattr(Point(1), "__dict__")
