"""B1, T3: a tool may say what JSON cannot carry; its call is answered, and the server lives."""

from collections.abc import Iterator

import pytest

from barewire.protocol.revisions import V2025_06_18, V2026_07_28, Revision
from tests.immunity.processes import text_in
from tests.immunity.wires import WireServer

IN_THE_ANSWER = ("text", "block", "name", "data", "key", "result", "meta", "error", "huge")
BESIDE_IT = ("progress", "log", "logger")


@pytest.fixture(
    scope="module", params=[V2025_06_18, V2026_07_28], ids=lambda revision: revision.name
)
def server(anyio_backend: str, request: pytest.FixtureRequest) -> Iterator[WireServer]:
    revision: Revision = request.param
    with WireServer(anyio_backend, revision) as server:
        yield server.shake_hands()
        assert server.finish() == 0


@pytest.mark.rule("B1", "T3")
@pytest.mark.parametrize("place", IN_THE_ANSWER)
def test_a_call_whose_answer_cannot_be_written_is_answered_once_and_the_next_one_works(
    server: WireServer, place: str
) -> None:
    id = server.start("surrogate_in", place=place)
    answer = server.answer(id)
    error = answer.get("error") or {"code": -32603 if answer["result"]["isError"] else None}
    assert error["code"] == -32603
    assert server.tell("echo", text="next") == "next"
    assert [one for one in server.take() if one.get("id") == id] == []


@pytest.mark.rule("B1", "T3")
@pytest.mark.parametrize("place", BESIDE_IT)
def test_what_cannot_be_written_beside_an_answer_is_left_out(
    server: WireServer, place: str
) -> None:
    assert server.tell("surrogate_in", place=place) == "fine"
    assert server.tell("echo", text="next") == "next"
    progress = [one["params"]["progress"] for one in server.take() if "progress" in one["method"]]
    assert progress == ([1] if place == "progress" else [1, 2])


@pytest.mark.rule("B1", "T3")
def test_what_a_tool_raises_is_not_told(server: WireServer) -> None:
    assert "internal error" in text_in(server.ask("surrogate_in", place="exception"))
