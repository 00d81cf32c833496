"""T17, CVE-2025-53365: clients may leave at any byte: no traceback, nothing is left of them."""

import gc
import json
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import pytest

from barewire.protocol.revisions import V2025_06_18
from barewire.run_http import serve_http
from barewire.session.limits import HttpLimits
from barewire.transports.http.parsing import ParserName
from tests.app.peers import until
from tests.http.hosting import Calls, Host, hosted, target
from tests.http.raw import Event, Wire
from tests.http.words import (
    PING,
    Changes,
    call,
    chunked,
    delete,
    get,
    initialize,
    modern,
    post,
    request,
)
from tests.immunity.processes import nothing_is_left

STEP = int(os.environ.get("BAREWIRE_BREAKS", "9"))
"""Every so manieth byte is the last; the bar of T17 is every one."""

EVENTS: Changes = {"Accept": "text/event-stream"}
LISTEN = request(1, "subscriptions/listen", {"notifications": {"toolsListChanged": True}})

DRAIN = 6.0
"""Seconds for which a server may wait for its clients, where it need not."""

LEAVES: dict[str, Callable[[Wire], object]] = {"reset": Wire.reset, "close": Wire.close}
each_way = pytest.mark.parametrize("way", LEAVES)


@asynccontextmanager
async def nothing_is_seen() -> AsyncGenerator[None]:
    """Nothing is left after the block; what nobody awaited or looked at is heard of now."""
    async with nothing_is_left():
        yield
    gc.collect()


REQUESTS: dict[str, Callable[[int, Changes], bytes]] = {
    "initialize": lambda id, _: post(initialize(id)),
    "call": lambda id, fields: post(call(id, "echo", text="x"), fields),
    "chunked": lambda id, fields: chunked(b"{", json.dumps(PING).encode()[1:], changes=fields),
    "talk": lambda id, fields: post(call(id, "talk", "token", key="k", steps=3), fields),
    "modern": lambda id, _: modern(call(id, "echo", text="x")),
    "modern talk": lambda id, _: modern(call(id, "talk", "token", key="k", steps=3), EVENTS),
    "get": lambda _, fields: get(fields),
    "refused": lambda _, fields: post(PING, {"Host": "evil.example"}),
}
"""Requests of all kinds, in a session or standing alone, with ids that are equally long."""


def leave(wire: Wire, number: int) -> None:
    """Leave in one way or the other."""
    wire.reset() if number % 2 else wire.close()


@pytest.mark.rule("T17", "T6")
async def test_clients_may_leave_at_every_byte_of_what_they_ask(parser: ParserName) -> None:
    calls = Calls()
    calls.released["k"].set()
    async with nothing_is_seen(), hosted(target(calls), parser=parser) as host:
        session = await host.open()
        for request in REQUESTS.values():
            whole = len(request(100, session.fields))
            for number, end in enumerate([*range(0, whole, STEP), whole]):
                wire = host.wire()
                await wire.send(request(100 + number, session.fields)[:end])
                leave(wire, number)
        await host.until_alone()
        assert (await session.ask(call(1, "echo", text="x"))).status == 200


@pytest.mark.rule("T17", "T6")
async def test_clients_may_leave_at_every_byte_of_what_they_are_told(parser: ParserName) -> None:
    calls = Calls()
    calls.released["k"].set()
    async with nothing_is_seen(), hosted(target(calls), parser=parser) as host:
        session = await host.open()
        for name, request in REQUESTS.items():
            whole = await size_of_answer(host, request(99, session.fields), lasts=name == "get")
            for number, end in enumerate(range(1, whole, STEP)):
                wire = host.wire()
                await wire.send(request(100 + number, session.fields))
                while wire.received < end:
                    assert await some(wire, end - wire.received), (name, end)
                leave(wire, number)
                if name == "get":  # so that the next one meets no one alive
                    await host.until_alone()
        await host.until_alone()
        assert (await session.ask(call(1, "echo", text="x"))).status == 200


async def size_of_answer(host: Host, data: bytes, *, lasts: bool) -> int:
    """How many bytes an answer has at least, or those of one that lasts that come at once."""
    wire = host.wire()
    await wire.send(data)
    head = await wire.begin()
    if lasts:
        await wire.event()
    else:
        await wire.body()
    wire.close()
    await host.until_alone()
    # What is said within one turn of the loop shares a chunk, whose frame has some bytes.
    return wire.received - (60 if head.field("transfer-encoding") else 0)


async def some(wire: Wire, most: int) -> bytes:
    """Read some bytes, at most so many."""
    with anyio.fail_after(10):
        while True:
            try:
                data = wire.socket.recv(most)
            except BlockingIOError:
                await anyio.wait_readable(wire.socket)
                continue
            wire.received += len(data)
            return data


@each_way
@pytest.mark.rule("T17", "T9")
async def test_who_leaves_a_modern_call_cancels_it_and_no_other(way: str) -> None:
    calls = Calls()
    async with nothing_is_seen(), hosted(target(calls)) as host:
        left, stays = host.wire(), host.wire()
        for key, wire in (("left", left), ("stays", stays)):
            await wire.send(modern(call(0, "hold", key=key)))
            await calls.begun[key].wait()
        LEAVES[way](left)
        await until(lambda: calls.fates == {"left": "cancelled"})
        calls.released["stays"].set()
        assert (await stays.answer())["id"] == 0


@each_way
@pytest.mark.rule("T17", "T9")
async def test_who_leaves_a_legacy_call_does_not_cancel_it(way: str) -> None:
    calls = Calls()
    async with nothing_is_seen(), hosted(target(calls)) as host:
        session = await host.open(V2025_06_18)
        for form in ("application/json", "text/event-stream", "*/*"):
            wire = host.wire()
            await wire.send(session.post(call(form, "hold", key=form), {"Accept": form}))
            await calls.begun[form].wait()
            LEAVES[way](wire)
            await host.until_alone()
            calls.released[form].set()
            await until(partial(calls.fates.get, form))
        assert set(calls.fates.values()) == {"released"}


@pytest.mark.rule("T17", "T9")
async def test_a_client_that_ends_its_direction_still_gets_its_answer(parser: ParserName) -> None:
    calls = Calls()
    async with nothing_is_seen(), hosted(target(calls), parser=parser) as host:
        session = await host.open()
        for say in (modern, session.post):
            wire = host.wire()
            await wire.send(say(call(0, "hold", key="k")))
            await calls.begun["k"].wait()
            wire.end_direction()
            calls.released["k"].set()
            assert (await wire.answer())["id"] == 0
            assert await wire.rest() == b""


@each_way
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/event-stream"])
@pytest.mark.rule("T17", "T9", "T33")
async def test_who_leaves_a_modern_call_with_much_behind_it_cancels_it(
    way: str, accept: str, parser: ParserName
) -> None:
    calls = Calls()
    limits = HttpLimits(defer=0.01, comment=0.02)
    async with nothing_is_seen(), hosted(target(calls), parser=parser, limits=limits) as host:
        wire = host.wire()
        await wire.send(modern(call(0, "hold", key="left"), {"Accept": accept}))
        await calls.begun["left"].wait()
        await wire.send(modern(call(1, "hold", key="behind")) * 400)
        LEAVES[way](wire)
        await until(lambda: calls.fates == {"left": "cancelled"})
        await host.until_alone()
    assert calls.count == 1, "nobody wants the rest"


@pytest.mark.rule("T17", "T9")
@pytest.mark.usefixtures("quick")
async def test_who_stays_with_much_behind_a_call_gets_all_answers(parser: ParserName) -> None:
    calls = Calls()
    async with nothing_is_seen(), hosted(target(calls), parser=parser) as host:
        wire = host.wire()
        await wire.send(modern(call(0, "hold", key="k")))
        await calls.begun["k"].wait()
        await wire.send(modern(call(1, "echo", text="x")) * 400)
        await until(lambda: wire.arrived)  # it is asked whether it is there
        calls.released["k"].set()
        assert [(await wire.answer())["id"] for _ in range(401)] == [0] + [1] * 400


@pytest.mark.rule("T17", "T19")
async def test_what_has_come_as_a_whole_only_after_the_end_has_begun_is_not_served() -> None:
    calls = Calls()
    server = target(calls)
    async with nothing_is_seen(), anyio.create_task_group() as group:
        async with serve_http(server, port=0, limits=HttpLimits(drain=DRAIN)) as serving:
            host = Host(serving)
            listening = host.wire()
            await listening.send(modern(LISTEN))
            await listening.begin()
            late = [(host.wire(), data) for data in (modern(LISTEN), modern(call(1, "hold")))]
            for wire, data in late:
                # The first of two requests tells that the second one has begun to be read.
                assert (await wire.ask(get({"Host": "evil.example"}) + data[:-1])).status == 421

            async def is_refused() -> None:
                await listening.messages()  # which end when the server begins to
                for wire, data in late:
                    await wire.send(data[-1:])
                    refused = await wire.response()
                    assert refused.status == 503
                    assert "shutting down" in refused.error["message"]
                    assert not refused.goes_on
                host.close()

            group.start_soon(is_refused)
            began = time.monotonic()
        assert time.monotonic() - began < DRAIN / 2, "nobody is waited for"
    assert not calls.count


@pytest.mark.rule("T17", "T19", "T27")
async def test_who_waits_to_listen_at_the_end_is_refused_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("barewire.transports.http.aside.PROBE", 2 * DRAIN)
    async with nothing_is_seen(), anyio.create_task_group() as group:
        async with serve_http(target(), port=0, limits=HttpLimits(drain=DRAIN)) as serving:
            host = Host(serving)
            session = await host.open()
            first, second = host.wire(), host.wire()
            await first.send(get(session.fields))
            await first.begin()
            await second.send(get(session.fields))
            while not (await first.event() or Event()).comment:
                pass  # which asks whether it is there

            async def is_refused() -> None:
                refused = await second.response()
                assert refused.status == 503
                assert "shutting down" in refused.error["message"]
                assert await first.event() is None
                host.close()

            group.start_soon(is_refused)
            began = time.monotonic()
        assert time.monotonic() - began < DRAIN / 2, "nobody is waited for"


@pytest.mark.rule("T17", "T6")
async def test_whoever_is_there_at_the_end_is_cut_off_and_nothing_is_left() -> None:
    calls = Calls()
    async with nothing_is_seen():
        async with hosted(target(calls), limits=HttpLimits(defer=0.01)) as host:
            session = await host.open()
            for data in (
                b"POST /mcp",
                post(PING)[:-1],
                get(session.fields),
                modern(call(1, "hold", key="modern")),
                session.post(call(1, "hold", key="legacy")),
                session.post(call(2, "hold", key="events"), EVENTS),
            ):
                await host.wire().send(data)
            await until(lambda: len(calls.begun) == 3)
        assert set(calls.fates.values()) == {"cancelled"}
        for wire in host.wires:
            assert wire.socket.fileno() == -1


@pytest.mark.rule("T20", "T2")
async def test_a_server_is_opened_and_closed_by_any_task_again_and_again() -> None:
    server = target()
    async with nothing_is_seen():
        for _ in range(3):
            contexts = [serve_http(server, port=0, path=path) for path in ("/mcp", "/other/place")]
            hosts: list[Host] = []

            async def begin(hosts: list[Host] = hosts, contexts: Any = contexts) -> None:
                for context in contexts:
                    serving = await context.__aenter__()
                    hosts.append(Host(serving))

            async with anyio.create_task_group() as group:
                group.start_soon(begin)
            assert (await hosts[0].ask(post(initialize()))).status == 200
            assert (await hosts[1].ask(post(initialize(), target="/other/place"))).status == 200
            assert (await hosts[1].ask(delete({}))).status == 404
            async with anyio.create_task_group() as group:
                for context in contexts:
                    group.start_soon(context.__aexit__, None, None, None)
