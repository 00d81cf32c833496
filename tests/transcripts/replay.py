"""Holding recorded sessions again, with our end alone."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from barewire.protocol.methods import Role
from barewire.protocol.values import as_object
from barewire.session.events import Event
from barewire.session.exchange import Exchange
from barewire.session.session import Session
from tests.transcripts.client_end import ClientEnd, Note, Settle
from tests.transcripts.meaning import remark
from tests.transcripts.server_end import ServerEnd
from tests.transcripts.transcript import Transcript
from tests.transcripts.words import Json

Chunking = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        yield data[position : position + 1]


def in_random_chunks(data: bytes) -> Iterator[bytes]:
    chance = random.Random(len(data))
    position = 0
    while position < len(data):
        size = chance.choice((1, 2, 7, 64, 300))
        yield data[position : position + size]
        position += size


def replay(transcript: Transcript, chunking: Chunking) -> list[Event]:
    """Be our end of a session again; fail unless it says exactly what it said then."""
    if transcript.role == "client":
        return _as_server(transcript, chunking)
    return _as_client(transcript, chunking)


def _as_server(transcript: Transcript, chunking: Chunking) -> list[Event]:
    end = ServerEnd()
    for sender, lines in transcript.runs():
        if sender == "client":
            for chunk in chunking(_joined(lines)):
                end.receive(chunk)
        else:
            assert b"".join(end.output()) == _joined(lines)
    assert end.output() == []
    return end.events


def _as_client(transcript: Transcript, chunking: Chunking) -> list[Event]:
    end = ClientEnd(transcript.revision)
    for sender, lines in transcript.runs():
        if sender == "server":
            for chunk in chunking(_joined(lines)):
                end.receive(chunk)
            continue
        said = _said(end)
        while isinstance(end.waiting, Settle) and len(said) < len(lines):
            end.settled()
            said += _said(end)
        assert b"".join(said) == _joined(lines)
    while isinstance(end.waiting, Settle):
        end.settled()
    assert end.waiting is None
    assert _said(end) == []
    return end.events


def _said(end: ClientEnd) -> list[bytes]:
    return [item for item in end.output() if not isinstance(item, Note)]


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def described(event: Event) -> tuple[str, dict[str, Any]]:
    """Return an event as values that can be compared between two replays."""
    members: dict[str, Any] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Exchange):
            value = (value.id, value.method.name, value.ours)
        elif isinstance(value, Session):
            value = value.revision.name
        members[field.name] = value
    return type(event).__name__, members


def messages(transcript: Transcript) -> Iterator[tuple[Role, Json]]:
    """Yield what each end said as JSON values: single messages, not what is none or several."""
    for line in transcript.lines:
        try:
            message = as_object(json.loads(line.data))
        except ValueError:
            continue
        if message is not None:
            yield line.sender, message


def answers(transcript: Transcript) -> dict[Any, Json]:
    """Return the answers of a recorded server by their ids."""
    return {
        message["id"]: message
        for sender, message in messages(transcript)
        if sender == "server" and is_answer(message)
    }


def remarks(transcript: Transcript) -> list[tuple[str, Json]]:
    """Return what a recorded server said unasked."""
    return [
        remark(message)
        for sender, message in messages(transcript)
        if sender == "server" and "method" in message
    ]


def our_answers(transcript: Transcript) -> dict[Any, Json]:
    """Return what our server answers to what a recorded server was asked."""
    said = _said_to(transcript)
    return {message["id"]: message for message in said if is_answer(message)}


def our_remarks(transcript: Transcript) -> list[tuple[str, Json]]:
    """Return what our server says unasked to the client of a recorded server."""
    return [remark(message) for message in _said_to(transcript) if "method" in message]


def _said_to(transcript: Transcript) -> list[Json]:
    """Return what our server says to what a recorded server heard."""
    end = ServerEnd(page=100)
    said: list[Json] = []
    asked: dict[Any, str] = {}
    for line in transcript.lines:
        if line.sender == "server":
            message: Json = json.loads(line.data)
            if is_request(message):
                asked[message["id"]] = message["method"]
            continue
        end.receive(_as_said_to_us(line.data, asked, said) + b"\n")
        said += filter(None, (as_object(json.loads(item)) for item in end.output()))
    return said


def _as_said_to_us(line: bytes, asked: dict[Any, str], said: list[Json]) -> bytes:
    """Return a line of the client's, with our id in it if it answers what a server asks."""
    try:
        message = as_object(json.loads(line))
    except ValueError:
        return line
    if message is None or not is_answer(message) or message["id"] not in asked:
        return line
    method = asked[message["id"]]
    ours = next(one["id"] for one in said if one.get("method") == method)
    return json.dumps({**message, "id": ours}).encode()


def is_request(message: Json) -> bool:
    return "method" in message and "id" in message


def is_answer(message: Json) -> bool:
    return "method" not in message and "id" in message
