"""What a client can take, and what it says it sends."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.transports.http.accept import Acceptable, acceptable, is_json

MATRIX: dict[str | None, tuple[float, float]] = {
    None: (1, 1),
    "": (1, 1),
    "*/*": (1, 1),
    "application/json, text/event-stream": (1, 1),
    "text/event-stream, application/json": (1, 1),
    "application/json,text/event-stream": (1, 1),
    "APPLICATION/JSON": (1, 0),
    "application/json": (1, 0),
    "text/event-stream": (0, 1),
    "application/*": (1, 0),
    "text/*": (0, 1),
    "application/json; charset=utf-8": (1, 0),
    'application/json; note="a, b;q=0"': (1, 0),
    "application/json;q=0.5, text/event-stream": (0.5, 1),
    "application/json; Q=0.5": (0.5, 0),
    "text/event-stream;q=0, */*": (1, 0),
    "*/*;q=0": (0, 0),
    "*/*;q=0.1, application/json": (1, 0.1),
    "text/html, */*;q=0.8": (0.8, 0.8),
    "text/html": (0, 0),
    "application/*;q=0.2, application/json;q=0": (0, 0),
    " , ,application/json ,": (1, 0),
    "nonsense, application/json": (1, 0),
    "nonsense": (1, 1),
    "application/json;q=2, text/event-stream": (0, 1),
    "application/json;q=1.0001": (1, 1),
    "application/json;q=0.000, text/event-stream;q=1.000": (0, 1),
    "application/json; q =1": (1, 1),
    "application/json;": (1, 0),
    "application/jsonp": (0, 0),
}


@pytest.mark.rule("B18", "T29")
@pytest.mark.parametrize("field", MATRIX)
def test_each_gets_what_it_can_take(field: str | None) -> None:
    assert acceptable(field) == Acceptable(*MATRIX[field])


def test_whoever_can_take_neither_is_told_so() -> None:
    assert not acceptable("text/html")
    assert acceptable("*/*")


@given(field=st.text(alphabet=',;="\\ \t/*qa0.1', max_size=60))
def test_no_field_makes_it_raise_or_weigh_beyond_its_bounds(field: str) -> None:
    found = acceptable(field)
    assert 0 <= found.json <= 1
    assert 0 <= found.stream <= 1
    is_json(field)


@pytest.mark.rule("T33")
def test_a_long_field_costs_no_more_than_its_length() -> None:
    started = time.process_time()
    for piece in ('a/b;c="', "a/b,", ";a=b", '"\\', '\\"', "a/b;q=1"):
        acceptable(piece * (16_384 // len(piece)))
    assert time.process_time() - started < 0.5  # quadratic would be seconds


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("application/json", True),
        ("Application/JSON", True),
        ("application/json; charset=utf-8", True),
        ('application/json;charset="UTF-8"', True),
        ("application/json; profile=x", True),
        ("application/json; charset=latin-1", False),
        ("application/json, text/plain", False),
        ("application/jsonl", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
        (None, False),
    ],
)
@pytest.mark.rule("T13")
def test_a_body_says_that_it_is_json(field: str | None, expected: bool) -> None:
    assert is_json(field) is expected
