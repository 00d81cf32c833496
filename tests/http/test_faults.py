"""T36, T9: what goes wrong beside a request, in the application or in a batch, costs it nothing."""

import logging
from typing import Any

import pytest

from barewire import Violated
from barewire.protocol.revisions import V2025_03_26, V2025_11_25
from barewire.session.limits import HttpLimits, Limits
from tests.app.peers import until
from tests.http.hosting import Calls, hosted, target
from tests.http.words import PING, call, post

STRAY = {"jsonrpc": "2.0", "id": 99, "result": {}}
"""An answer to a question that nobody asked."""


def cancelled(id: object) -> dict[str, Any]:
    params = {"requestId": id}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


@pytest.mark.rule("T36", "T5")
async def test_an_on_fault_that_raises_costs_no_client_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults: list[Violated] = []

    def on_fault(fault: Violated) -> None:
        faults.append(fault)
        raise RuntimeError("on purpose")

    async with hosted(target(on_fault=on_fault)) as host:
        session = await host.open(V2025_03_26)
        answer = await session.ask([STRAY, call(7, "echo", text="x"), STRAY])
        assert answer.status == 200
        assert [one["result"]["content"][0]["text"] for one in answer.json] == ["x"]
        assert (await session.ask(STRAY)).status == 202
        assert len(faults) == 3
        session = await host.open(V2025_11_25)
        assert (await session.ask(STRAY)).status == 202
        assert (await session.ask(call(7, "echo", text="x"))).status == 200
        assert len(faults) == 4
    raised = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.exc_info is not None for record in raised] == [True] * 4
    caplog.clear()


@pytest.mark.rule("T36", "T14")
async def test_without_sessions_it_costs_nothing_either(caplog: pytest.LogCaptureFixture) -> None:
    def on_fault(_: Violated) -> None:
        raise RuntimeError("on purpose")

    async with hosted(target(on_fault=on_fault), stateless_http=True) as host:
        answer = await host.ask(post([STRAY, call(7, "echo", text="x")]))
        assert answer.status == 200
        assert [one["id"] for one in answer.json] == [7]
    caplog.clear()


@pytest.mark.rule("T9", "B15", "T33")
@pytest.mark.parametrize("stateless", [False, True])
async def test_a_call_that_its_own_batch_cancels_is_not_begun(stateless: bool) -> None:
    """Also where all handlers are busy. There a session refuses it before it reads the rest."""
    calls = Calls()
    server = target(calls, limits=Limits(running=1, queued=1))
    limits = HttpLimits(running=1, queued=1)
    async with hosted(server, limits=limits, stateless_http=stateless) as host:
        say = post if stateless else (await host.open(V2025_03_26)).post
        given_up = [call(1, "hold", key="never"), cancelled(1)]
        beside = [*given_up, call(2, "echo", text="x")]
        idle = await host.ask(say(given_up))
        assert idle.status < 300
        assert not idle.body
        assert [one["id"] for one in (await host.ask(say(beside))).json] == [2]
        running, queued = host.wire(), host.wire()
        await running.send(say(call(10, "hold", key="held")))
        await calls.begun["held"].wait()
        await queued.send(say(call(11, "hold", key="held")))
        await until(lambda: host.serving.load == 2)
        busy = await host.ask(say(given_up))
        if stateless:
            assert busy.apart_from_date == idle.apart_from_date
        else:
            assert [one["error"]["data"]["retryable"] for one in busy.json] == [True]
        refused = (await host.ask(say(beside))).json[-1]
        assert (refused["id"], refused["error"]["data"]["retryable"]) == (2, True)
        calls.released["held"].set()
        assert [(await wire.answer())["id"] for wire in (running, queued)] == [10, 11]
        assert "never" not in calls.begun


@pytest.mark.rule("M0728-HTTP-65")
async def test_a_version_that_is_not_spoken_is_told_with_those_that_are() -> None:
    async with hosted(stateless_http=True) as host:
        refused = await host.ask(post(PING, {"MCP-Protocol-Version": "1900-01-01"}))
        assert refused.status == 400
        data = refused.error["data"]
        assert data["requested"] == "1900-01-01"
        assert V2025_11_25.name in data["supported"]


@pytest.mark.rule("M0326-HTTP-16")
@pytest.mark.parametrize(
    "broken",
    [{"jsonrpc": "2.0", "id": 1, "result": 5}, {"jsonrpc": "2.0", "method": "x", "params": [1]}],
    ids=["response", "notification"],
)
async def test_what_is_not_accepted_is_an_error_also_in_a_batch(broken: dict[str, Any]) -> None:
    async with hosted() as host:
        session = await host.open(V2025_03_26)
        for body in ([broken], [cancelled(1), broken, STRAY]):
            assert (await session.ask(body)).status == 400
        assert (await session.ask([cancelled(1), STRAY])).status == 202
        assert (await session.ask([broken, PING])).status == 200
