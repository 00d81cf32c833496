"""Handlers that let their clients poll for the rest, where there is nothing to come back to."""

import json as codec

import pytest

from tests.model.http_asks import posting, working
from tests.model.http_scripts import sides_of
from tests.model.http_seen import Seen
from tests.model.http_sides import said
from tests.model.http_words import Setup
from tests.model.samples import message


def answer_of(seen: Seen) -> object:
    """Return the answer, from an event stream or as JSON."""
    return codec.loads(seen.blocks()[-1].data or "") if seen.begun else said(seen)


@pytest.mark.parametrize("json", [None, True, False], ids=["auto", "json", "events"])
@pytest.mark.parametrize("revision", [2, 3, 4])
@pytest.mark.rule("M1125-HTTP-21", "M1125-HTTP-23", "SR-150")
def test_without_sessions_the_answer_comes_on_the_post(revision: int, json: bool | None) -> None:
    with sides_of(Setup(stateless=True, json=json)) as sides:
        asked = message("tools/call", working(1), id=1)
        wire, seen = sides.send(posting(asked, version=revision))
        call = sides.call_of(wire)
        so_far = seen.status, seen.body
        sides.closes(call)
        assert (seen.status, seen.body, seen.ended) == (*so_far, False)
        sides.returns(call, "done")
        result = {"content": [{"type": "text", "text": "done"}], "isError": False}
        assert answer_of(seen) == {"jsonrpc": "2.0", "id": 1, "result": result}
        assert seen.ended
