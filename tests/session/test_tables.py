"""The state machines, compared with the specification's sentences and not with themselves."""

from itertools import product
from typing import get_args

import pytest

from barewire.session.tables import (
    BEFORE_READY,
    EXCHANGE,
    LENIENT,
    SESSION,
    SUBSCRIPTION,
    Leniency,
    Life,
    LifeStep,
    Phase,
    PhaseStep,
    Stream,
    StreamStep,
)


def reached(table: dict[tuple[str, str], str], start: str) -> set[str]:
    """Return the states that can be reached from `start`."""
    found = {start}
    while True:
        more = {after for (state, _), after in table.items() if state in found} - found
        if not more:
            return found
        found |= more


@pytest.mark.rule("SR-120", "M1105-LIFE-01")
def test_a_session_goes_from_new_to_ready_in_three_messages() -> None:
    phase: Phase = "new"
    steps: tuple[PhaseStep, ...] = ("initialize", "agree", "initialized")
    for step in steps:
        phase = SESSION[phase, step]
    assert phase == "ready"


def test_every_phase_can_be_closed_and_nothing_leaves_closed() -> None:
    for phase in get_args(Phase):
        assert (SESSION.get((phase, "close")) == "closed") is (phase != "closed")
    assert not any(SESSION.get(("closed", step)) for step in get_args(PhaseStep))


def test_a_handshake_that_failed_may_be_tried_again_and_one_that_succeeded_may_not() -> None:
    assert SESSION["opening", "refuse"] == "new"
    assert ("opened", "initialize") not in SESSION
    assert ("ready", "initialize") not in SESSION


@pytest.mark.rule("S-10")
def test_a_request_is_answered_once_at_most() -> None:
    assert [state for state in get_args(Life) if (state, "answer") in EXCHANGE] == ["open"]
    assert EXCHANGE["open", "answer"] == "answered"
    assert not any(("settled", step) in EXCHANGE for step in get_args(LifeStep))


@pytest.mark.rule("M1105-CAN-18")
def test_nothing_happens_to_a_request_that_has_ended_but_a_late_answer() -> None:
    over = set(get_args(Life)) - {"held", "open", "working"}
    for state, step in product(over, get_args(LifeStep)):
        late = step == "answer late" and state in ("cancelled", "expired")
        assert ((state, step) in EXCHANGE) is late


def test_a_request_that_was_not_sent_cannot_be_answered() -> None:
    assert ("held", "answer") not in EXCHANGE


@pytest.mark.rule("M0728-SUB-02", "M0728-SUB-03")
def test_a_subscription_delivers_nothing_before_it_is_acknowledged_or_after_its_end() -> None:
    assert ("asked", "deliver") not in SUBSCRIPTION
    assert SUBSCRIPTION["asked", "acknowledge"] == "listening"
    assert SUBSCRIPTION["asked", "end"] == SUBSCRIPTION["listening", "end"] == "ended"
    assert SUBSCRIPTION["listening", "deliver"] == "listening"
    assert not any(("ended", step) in SUBSCRIPTION for step in get_args(StreamStep))


def test_every_state_of_every_table_can_be_reached() -> None:
    phases = {(str(state), str(step)): str(after) for (state, step), after in SESSION.items()}
    lives = {(str(state), str(step)): str(after) for (state, step), after in EXCHANGE.items()}
    streams = {(str(state), str(step)): str(after) for (state, step), after in SUBSCRIPTION.items()}
    assert reached(phases, "new") == set(get_args(Phase))
    assert reached(lives, "held") == set(get_args(Life))
    assert reached(streams, "asked") == set(get_args(Stream))


@pytest.mark.rule("M1105-LIFE-05", "M1105-LIFE-06", "L-03")
def test_pings_may_be_said_in_every_phase_by_both_sides() -> None:
    for (phase, role), allowed in BEFORE_READY.items():
        assert "ping" in allowed, (phase, role)
        assert allowed <= {
            "ping",
            "initialize",
            "notifications/initialized",
            "notifications/message",
        }


def test_leniencies_are_all_on_unless_said_otherwise() -> None:
    assert all(leniency in LENIENT for leniency in Leniency)
    assert not any(leniency in Leniency(0) for leniency in Leniency)


def test_a_task_that_answers_a_request_ends_once() -> None:
    assert EXCHANGE["open", "begin"] == "working"
    assert {step for state, step in EXCHANGE if state == "working"} == {"finish"}
    assert EXCHANGE["working", "finish"] == "answered"
