import json
from typing import Any

import pytest

from bench.driver import wire


def echo(id: int, text: str = wire.TEXT) -> bytes:
    content = [{"type": "text", "text": text}]
    return wire.line({"jsonrpc": "2.0", "id": id, "result": {"content": content}})


def report(progress: int, token: int = wire.FIRST_ID) -> bytes:
    params = {"progressToken": token, "progress": progress}
    return wire.line({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


ECHOES = [echo(wire.FIRST_ID + i) for i in range(3)]
REPORTS = [report(1), report(2), echo(wire.FIRST_ID, "done")]


def test_calls_differ_in_their_ids_alone() -> None:
    first, second = (json.loads(call) for call in wire.echo_calls(2, "modern"))
    assert (first.pop("id"), second.pop("id")) == (wire.FIRST_ID, wire.FIRST_ID + 1)
    assert first == second


def test_texts_take_turns_and_each_call_must_get_its_own_back() -> None:
    texts = ("one", "three")
    sent = [
        json.loads(call)["params"]["arguments"]["text"]
        for call in wire.echo_calls(3, "legacy", texts)
    ]
    assert sent == ["one", "three", "one"]
    echoes = [echo(wire.FIRST_ID + i, text) for i, text in enumerate(sent)]
    wire.check_echoes(echoes, 3, texts)
    with pytest.raises(wire.BadReply):
        wire.check_echoes(echoes, 3, texts[::-1])


def test_answers_may_come_in_any_order_and_in_any_chunks() -> None:
    data = b"".join(reversed(ECHOES))
    wire.check_echoes([data[:7], data[7:]], 3)


@pytest.mark.parametrize(
    "chunks",
    [
        ECHOES[:2],
        [*ECHOES[:2], ECHOES[0]],
        [*ECHOES, ECHOES[0]],
        [*ECHOES[:2], echo(wire.FIRST_ID + 2, "something else")],
        [*ECHOES[:2], wire.line({"id": wire.FIRST_ID + 2, "error": {"code": 1, "message": ""}})],
    ],
    ids=["missing", "twice", "too many", "wrong text", "error"],
)
def test_every_call_must_be_answered_once_with_its_text(chunks: list[bytes]) -> None:
    with pytest.raises(wire.BadReply):
        wire.check_echoes(chunks, 3)


def test_progress_must_be_whole_and_in_order() -> None:
    wire.check_progress(REPORTS, 2)
    for bad in (REPORTS[1:], [REPORTS[1], REPORTS[0], REPORTS[2]], [*REPORTS[:2], ECHOES[0]]):
        with pytest.raises(wire.BadReply):
            wire.check_progress(bad, 2)


def test_a_failed_tool_has_no_text() -> None:
    failed: dict[str, Any] = json.loads(ECHOES[0])
    failed["result"]["isError"] = True
    assert wire.text_of(failed) is None
