"""Recorded sessions of foreign implementations, held again with our end alone.

No stranger is needed here: see tests/record.py for how the transcripts come about.
"""

import re

import pytest

from barewire.protocol.codec import decode, encode, loads
from barewire.protocol.jsonrpc import Batch, Malformed
from barewire.protocol.revisions import ALL, LEGACY, Revision
from barewire.session.events import Violated
from tests.session.judge import Judge
from tests.transcripts.divergences import ASIDES, DIVERGENCES, SILENCE, Aside, Divergence
from tests.transcripts.meaning import Meaning, meaning
from tests.transcripts.replay import (
    answers,
    byte_by_byte,
    described,
    in_random_chunks,
    is_request,
    messages,
    our_answers,
    our_remarks,
    remarks,
    replay,
    whole,
)
from tests.transcripts.transcript import FOLDER, HEADER, SUFFIX, Transcript, all_of_them
from tests.transcripts.words import ODD, UNKNOWN_NOTIFICATION, Json

TRANSCRIPTS = all_of_them()

each = pytest.mark.parametrize("transcript", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
each_server = pytest.mark.parametrize(
    "transcript",
    [one for one in TRANSCRIPTS.values() if one.role == "server"],
    ids=[name for name, one in TRANSCRIPTS.items() if one.role == "server"],
)

SPOKEN = {
    ("mcp 1", "server"): LEGACY,
    ("mcp 1", "client"): LEGACY,
    ("mcp 2", "server"): ALL,
    ("mcp 2", "client"): ALL,
    ("@modelcontextprotocol/sdk 1", "server"): LEGACY,
    ("@modelcontextprotocol/sdk 1", "client"): LEGACY,
    ("@modelcontextprotocol/server 2", "server"): ALL,
    ("@modelcontextprotocol/client 2", "client"): ALL,
}


def test_every_package_is_there_in_each_role_and_each_revision_that_it_speaks() -> None:
    recorded = [(one.package, one.role, one.revision) for one in TRANSCRIPTS.values()]
    expected = [(*who, revision) for who, revisions in SPOKEN.items() for revision in revisions]
    assert sorted(recorded, key=str) == sorted(expected, key=str)


@each
def test_the_header_is_complete(transcript: Transcript) -> None:
    assert tuple(transcript.header) == HEADER
    assert re.fullmatch(r"\d+\.\d+\.\d+", transcript.header["version"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", transcript.header["date"])
    assert transcript.header["role"] in ("client", "server")


def test_transcripts_are_small_and_name_no_place_on_a_machine() -> None:
    texts = [path.read_bytes() for path in FOLDER.glob(f"*{SUFFIX}")]
    assert sum(map(len, texts)) < 600_000
    for text in texts:
        assert not re.search(rb"/(home|root|tmp|usr|var|work)\b|localhost|\d+\.\d+\.\d+\.\d+", text)


@each
def test_we_say_again_what_we_said_and_the_stranger_breaks_no_rule(transcript: Transcript) -> None:
    for event in replay(transcript, whole):
        if isinstance(event, Violated):
            # What was written past our engine has no answer that anybody waits for.
            assert f"'{ODD}-" in event.detail


@each
def test_it_does_not_matter_in_which_chunks_the_bytes_arrive(transcript: Transcript) -> None:
    expected = [described(event) for event in replay(transcript, whole)]
    assert expected
    for chunking in (byte_by_byte, in_random_chunks):
        assert [described(event) for event in replay(transcript, chunking)] == expected


@each
def test_every_message_has_the_shape_that_its_revision_says(transcript: Transcript) -> None:
    judge = Judge()
    for sender, message in messages(transcript):
        if not is_odd(message):
            judge.judge(sender, message)
    assert judge.judged > 40


@each
def test_every_message_is_read_and_written_without_a_loss(transcript: Transcript) -> None:
    for line in transcript.lines:
        frame = decode(line.data)
        if isinstance(frame, Malformed | Batch):
            assert line.sender == transcript.ours  # only we tried those
            continue
        assert loads(encode(frame)) == loads(line.data)
        if line.sender == transcript.ours:
            assert encode(frame) == line.data


@each_server
def test_our_server_answers_as_theirs_did(transcript: Transcript) -> None:
    theirs, ours = answers(transcript), our_answers(transcript)
    requests = requests_of(transcript)
    assert len(requests) > 30
    for request in requests:
        id, method = request["id"], request["method"]
        their_meaning = meaning(method, theirs[id]) if id in theirs else SILENCE
        our_meaning = meaning(method, ours[id]) if id in ours else SILENCE
        if their_meaning != our_meaning:
            found = divergence(transcript, request, their_meaning, our_meaning)
            assert found is not None, f"{request}: {their_meaning}, but ours: {our_meaning}"


@each_server
def test_our_server_says_unasked_what_theirs_did(transcript: Transcript) -> None:
    theirs = remarks(transcript)
    assert len(theirs) > 5
    assert our_remarks(transcript) == [*filter(None, (as_ours(transcript, one) for one in theirs))]


@pytest.mark.parametrize("listed", DIVERGENCES, ids=lambda one: f"{one.method} {one.about}")
def test_what_is_listed_as_a_divergence_is_one(listed: Divergence) -> None:
    for package in listed.packages:
        for transcript in recorded_servers(package, listed.revisions):
            assert any(diverges(listed, request, transcript) for request in requests_of(transcript))


@pytest.mark.parametrize("listed", ASIDES, ids=lambda one: one.method)
def test_what_is_listed_as_an_aside_is_one(listed: Aside) -> None:
    for package in listed.packages:
        for transcript in recorded_servers(package, listed.revisions):
            said = [params for method, params in remarks(transcript) if method == listed.method]
            assert any(listed.ours(params) != params for params in said)


def recorded_servers(package: str, revisions: tuple[Revision, ...]) -> list[Transcript]:
    recorded = [
        one
        for one in TRANSCRIPTS.values()
        if (one.package, one.role) == (package, "server") and one.revision in revisions
    ]
    assert recorded
    return recorded


def as_ours(transcript: Transcript, said: tuple[str, Json]) -> tuple[str, Json] | None:
    """Return how we say what a recorded server says unasked, `None` when we do not say it."""
    method, params = said
    for one in ASIDES:
        where = transcript.package in one.packages and transcript.revision in one.revisions
        if where and method == one.method:
            ours = one.ours(params)
            return None if ours is None else (method, ours)
    return said


def diverges(listed: Divergence, request: Json, transcript: Transcript) -> bool:
    answer = answers(transcript).get(request["id"])
    theirs = SILENCE if answer is None else meaning(request["method"], answer)
    return is_about(listed, request) and theirs == listed.theirs


def divergence(
    transcript: Transcript, request: Json, theirs: Meaning, ours: Meaning
) -> Divergence | None:
    for one in DIVERGENCES:
        where = transcript.package in one.packages and transcript.revision in one.revisions
        if where and is_about(one, request) and (theirs, ours) == (one.theirs, one.ours):
            return one
    return None


def is_about(listed: Divergence, request: Json) -> bool:
    params: Json = request.get("params", {})
    about = params.get("name", params.get("uri", params.get("cursor")))
    return (request["method"], request["id"] if is_odd(request) else about) == (
        listed.method,
        listed.about,
    )


def requests_of(transcript: Transcript) -> list[Json]:
    return [
        message
        for sender, message in messages(transcript)
        if sender == "client" and is_request(message)
    ]


def is_odd(message: Json) -> bool:
    if message.get("method") == "notifications/cancelled":
        return str(message["params"]["requestId"]).startswith(ODD)
    odd_id = str(message.get("id", "")).startswith(ODD)
    return odd_id or message.get("method") == UNKNOWN_NOTIFICATION
