"""Mutators keep their word, change something, and do the same for the same seed."""

import copy
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barewire.fuzz.judge import judge
from barewire.fuzz.mutate import (
    LINE_MUTATORS,
    MESSAGE_MUTATORS,
    LineMutator,
    MessageMutator,
    dump,
    mutate,
)
from barewire.fuzz.strategies import messages, requests
from barewire.protocol.methods import Role
from barewire.protocol.revisions import ALL, LATEST, LATEST_LEGACY, Revision

MESSAGE_NAMES = [mutator.name for mutator in MESSAGE_MUTATORS]
LINE_NAMES = [mutator.name for mutator in LINE_MUTATORS]
every_message_mutator = pytest.mark.parametrize("mutator", MESSAGE_MUTATORS, ids=MESSAGE_NAMES)
every_line_mutator = pytest.mark.parametrize("mutator", LINE_MUTATORS, ids=LINE_NAMES)

seeds = st.integers(0, 2**32).map(Random)
revisions = st.sampled_from(ALL)
PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": {"a": 1}}}


def test_mutators_have_names_of_their_own() -> None:
    names = MESSAGE_NAMES + LINE_NAMES
    assert len(names) == len(set(names))


def is_request(value: Any) -> bool:
    return judge(dump(value)).shape == "request"


@every_message_mutator
def test_a_mutator_of_messages_does_to_a_request_what_it_says(mutator: MessageMutator) -> None:
    for seed in range(100):
        value = mutator.apply(copy.deepcopy(PING), Random(seed))
        if mutator.effect == "keeps":
            assert is_request(value)
        elif mutator.effect == "breaks":
            assert not is_request(value)


@every_message_mutator
def test_a_mutator_of_messages_changes_something(mutator: MessageMutator) -> None:
    changed = [dump(mutator.apply(copy.deepcopy(PING), Random(seed))) for seed in range(20)]
    assert any(line != dump(PING) for line in changed)


@every_line_mutator
def test_a_mutator_of_lines_does_to_a_request_what_it_says(mutator: LineMutator) -> None:
    for seed in range(100 if not mutator.rare else 10):
        line = mutator.apply(dump(PING), Random(seed))
        if mutator.effect == "keeps":
            assert b"\n" not in line
            assert judge(line).shape == "request"
        elif mutator.effect == "breaks":
            assert all(judge(part).shape != "request" for part in line.split(b"\n"))


@every_line_mutator
def test_a_mutator_of_lines_changes_something(mutator: LineMutator) -> None:
    assert any(mutator.apply(dump(PING), Random(seed)) != dump(PING) for seed in range(20))


@given(st.sampled_from(LINE_MUTATORS), st.binary(max_size=40), seeds)
def test_a_mutator_of_lines_takes_any_bytes(
    mutator: LineMutator, line: bytes, random: Random
) -> None:
    assert isinstance(mutator.apply(line, random), bytes)


@given(st.sampled_from(MESSAGE_MUTATORS), st.dictionaries(st.text(), st.none()), seeds)
def test_a_mutator_of_messages_takes_any_object(
    mutator: MessageMutator, message: dict[str, Any], random: Random
) -> None:
    json.dumps(mutator.apply(message, random))


@given(requests("client", LATEST_LEGACY) | requests("client", LATEST), seeds)
def test_what_several_mutators_say_together_holds(request: dict[str, Any], random: Random) -> None:
    mutated = mutate(request, random)
    if mutated.request is not None and b"\n" not in mutated.line:
        assert (judge(mutated.line).shape == "request") is mutated.request, mutated.names


@given(st.sampled_from(["client", "server"]), revisions, seeds, st.data())
def test_a_message_is_not_changed_itself(
    sender: Role, revision: Revision, random: Random, data: st.DataObject
) -> None:
    message = data.draw(messages(sender, revision))
    before = copy.deepcopy(message)
    mutate(message, random)
    assert message == before


def test_the_same_seed_damages_in_the_same_way() -> None:
    def thousand(seed: int) -> list[bytes]:
        random = Random(seed)
        return [mutate(PING, random).line for _ in range(1000)]

    assert thousand(1) == thousand(1)
    assert thousand(1) != thousand(2)


def test_only_the_mutators_that_are_given_are_used() -> None:
    (no_id,) = (mutator for mutator in MESSAGE_MUTATORS if mutator.name == "no id")
    random = Random(0)
    mutated = [mutate(PING, random, messages=[no_id], lines=[]) for _ in range(50)]
    assert {name for one in mutated for name in one.names} == {"no id"}
