"""What soaking has found, where the lines alone do not show it."""

import os

import pytest

from barewire import Server
from barewire.fuzz.cases import cases
from barewire.fuzz.drive import resident
from barewire.protocol.revisions import V2024_11_05
from barewire.session.limits import Limits
from tests.app.peers import Peer
from tests.session.wire import a_session


@pytest.mark.rule("T4")
def test_small_answers_that_wait_take_little_more_memory_than_their_bytes() -> None:
    before = resident(os.getpid())
    if before is None:
        pytest.skip("memory is read from /proc, which is not there")
    server = a_session(limits=Limits(consecutive_faults=10**9))
    events = server.receive_data(b"1\n" * 20_000, now=0.0)
    after = resident(os.getpid()) or 0
    assert len(events) == 20_000
    assert server.pending > 2_000_000
    assert after - before < 10 * server.pending


@pytest.mark.rule("S-18")
async def test_a_server_without_completions_says_so_where_no_capability_does() -> None:
    (case,) = (case for case in cases() if case.name == "completion-without-completions")
    async with Peer(Server("plain"), V2024_11_05) as peer:
        peer.send(case.data + b"\n")
        answer = await peer.answer(7)
    assert answer["error"]["code"] == -32601
