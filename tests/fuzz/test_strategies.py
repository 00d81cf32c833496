"""What the generators make is what they say: sound by our checkers and by the official schemas."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barewire.fuzz import strategies
from barewire.fuzz.samples import messages as samples
from barewire.protocol import payloads
from barewire.protocol.codec import decode, dumps
from barewire.protocol.envelope import Envelope, read_envelope
from barewire.protocol.jsonrpc import Failure, Malformed, Notification, Request, Success
from barewire.protocol.methods import Role, other, sent_by
from barewire.protocol.revisions import ALL, MODERN, Revision
from barewire.protocol.shapes import checker_named, shape_of
from tests.conftest import ROOT
from tests.protocol.known_differences import DIFFERENCES
from tests.protocol.schema_messages import definitions_of

ROLES: tuple[Role, ...] = ("client", "server")
every_revision = pytest.mark.parametrize("revision", ALL, ids=str)
every_sender = pytest.mark.parametrize("sender", ROLES)
few = settings(max_examples=30)


def fault_in(message: dict[str, Any], sender: Role, revision: Revision) -> object:
    """Return what our own checkers say against a message."""
    frame = decode(dumps(message))
    if isinstance(frame, Request | Notification):
        row = sent_by(sender, revision)[frame.method]
        assert (row.kind == "request") is isinstance(frame, Request)
        return checker_named(row.params, revision)(frame.params or {})
    if isinstance(frame, Success):
        asked = sent_by(other(sender), revision).values()
        checkers = [checker_named(row.result, revision) for row in asked if row.result]
        return None if any(check(frame.result) is None for check in checkers) else frame
    return None if isinstance(frame, Failure) else frame


@every_revision
@every_sender
def test_messages_are_sound(sender: Role, revision: Revision) -> None:
    @few
    @given(strategies.messages(sender, revision))
    def check(message: dict[str, Any]) -> None:
        assert fault_in(message, sender, revision) is None

    check()


@every_revision
@every_sender
def test_sampled_messages_are_sound_and_cover_every_method(
    sender: Role, revision: Revision
) -> None:
    made = samples(sender, revision, Random(0), each=10)
    assert [fault_in(message, sender, revision) for message in made] == [None] * len(made)
    assert {one["method"] for one in made if "method" in one} == set(sent_by(sender, revision))
    assert made == samples(sender, revision, Random(0), each=10)


@every_revision
def test_every_payload_can_be_drawn(revision: Revision) -> None:
    names = [
        name
        for name in payloads.__all__
        if isinstance(getattr(payloads, name), type)
        and shape_of(getattr(payloads, name), revision) is not None
    ]

    @settings(max_examples=60)
    @given(st.sampled_from(names), st.data())
    def check(name: str, data: st.DataObject) -> None:
        value = data.draw(strategies.payload(name, revision))
        assert checker_named(name, revision)(value) is None

    check()


def test_a_payload_that_is_not_there_cannot_be_drawn() -> None:
    with pytest.raises(LookupError, match="no payload called"):
        strategies.payload("Nonsense", ALL[0])
    with pytest.raises(LookupError, match="not part of"):
        strategies.payload("DiscoverResult", ALL[0])
    with pytest.raises(LookupError, match="sends no request"):
        strategies.requests("server", MODERN[-1])


SCHEMATA = {"client": ("ClientRequest", "ClientNotification"), "server": ("ServerNotification",)}


@every_revision
@every_sender
def test_calls_are_sound_by_the_official_schema(
    sender: Role, revision: Revision, shared: Path
) -> None:
    schema, definitions = definitions_of(shared / "protocol" / "schema", revision.name)
    for difference in DIFFERENCES:
        if revision in difference.revisions:
            difference.change(definitions)
    key = "$defs" if "$defs" in schema else "definitions"
    names = [name for name in SCHEMATA[sender] if name in definitions]
    choice = [{"$ref": f"#/{key}/{name}"} for name in names]
    accepts: Callable[[object], bool] = jsonschema_rs.validator_for(
        {**schema, "anyOf": choice}, validate_formats=False
    ).is_valid

    @few
    @given(st.data())
    def check(data: st.DataObject) -> None:
        kinds = [strategies.notifications(sender, revision)]
        if sender == "client":
            kinds.append(strategies.requests(sender, revision))
        message = data.draw(st.one_of(kinds))
        assert accepts(message)

    check()


@given(strategies.envelopes(MODERN[-1]))
def test_envelopes_are_read(meta: dict[str, Any]) -> None:
    assert isinstance(read_envelope(meta), Envelope)


@few
@given(strategies.damaged_envelopes(MODERN[-1]))
def test_damaged_envelopes_are_json(meta: object) -> None:
    json.dumps(meta)


@few
@given(strategies.json_texts())
def test_json_texts_are_json_to_some_reader(text: bytes) -> None:
    try:
        json.loads(text, parse_int=str)
    except RecursionError:
        assert text.startswith(b"[" * 900)


@given(strategies.ids())
def test_ids_are_legal(id: int | str) -> None:
    frame = decode(dumps({"jsonrpc": "2.0", "id": id, "method": "x"}))
    assert isinstance(frame, Request)
    assert (frame.id, type(frame.id)) == (id, type(id))


@every_sender
def test_lines_are_lines_and_many_of_them_are_no_messages(sender: Role) -> None:
    kinds: set[type] = set()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(strategies.lines(sender, ALL[-2]))
    def check(line: bytes) -> None:
        assert b"\n" not in line
        kinds.add(type(decode(line)))

    check()
    assert {Request, Notification, Malformed} <= kinds


@every_revision
@every_sender
def test_a_strategy_is_shown_in_a_few_words_whatever_it_is_made_of(
    sender: Role, revision: Revision
) -> None:
    made = [
        strategies.lines(sender, revision),
        strategies.messages(sender, revision),
        strategies.notifications(sender, revision),
        strategies.answers(sender, revision),
        strategies.payload("Tool", revision),
        strategies.json_texts(),
        strategies.json_values(),
        strategies.ids(),
    ]
    assert max(len(repr(strategy)) for strategy in made) < 100
    assert repr(strategies.lines(sender, revision)) == "lines()"


def test_without_hypothesis_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "barewire.fuzz.strategies")
    with pytest.raises(ModuleNotFoundError, match=r"pip install hypothesis"):
        importlib.import_module("barewire.fuzz.strategies")


def test_only_the_strategies_need_hypothesis() -> None:
    names = [path.stem for path in (ROOT / "fuzz").glob("*.py") if path.stem != "__init__"]
    names.remove("strategies")
    modules = ", ".join(f"barewire.fuzz.{name}" for name in names)
    program = f"import sys; sys.modules['hypothesis'] = None; import barewire, {modules}"
    subprocess.run([sys.executable, "-c", program], check=True)
