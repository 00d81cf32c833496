"""B3, B4, B5, T4: whatever a server prints among its messages, its client goes on.

Real processes. What is wrong is skipped and told to `on_fault`; the next answer is delivered.
"""

import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from barewire import (
    CallResult,
    Client,
    ConnectionLost,
    RemoteProtocolError,
    RequestError,
    TimedOut,
    Violated,
)
from barewire.session.limits import Limits
from tests.app.peers import until
from tests.immunity.processes import bad_server

each_mode = pytest.mark.parametrize("mode", ["legacy", "modern"])

NULL_ERROR = b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "P"}}\n'

NOISE: dict[str, tuple[bytes, int]] = {
    "invalid UTF-8": (b"\xff\xfe\n", 1),
    "a banner": (b"Server v1.0 ready\n", 1),
    "a log": (b"[info] a\r\n[info] b\r\n{not json}\r\n", 3),
    "a traceback": (
        b'Traceback (most recent call last):\n  File "a", line 1\nValueError: \xe9\n',
        3,
    ),
    "a mark": (b"\xef\xbb\xbf", 0),
    "a mark on its own": (b"\xef\xbb\xbf\n", 1),
    "empty lines": (b"\n\r\n\n", 0),
    "JSON that is no message": (b'1\nnull\n"a"\n[]\n{}\n', 5),
    "a batch": (b'[{"jsonrpc": "2.0", "id": %ID%, "result": {}}]\n', 1),
    "an answer that nobody waits for": (b'{"jsonrpc": "2.0", "id": 999, "result": {}}\n', 1),
    "an answer with the id as a string": (b'{"jsonrpc": "2.0", "id": "%ID%", "result": {}}\n', 1),
    "an unknown notification": (b'{"jsonrpc": "2.0", "method": "notifications/x"}\n', 0),
    "a bad notification": (b'{"jsonrpc": "2.0", "method": 7}\n', 1),
    "half a message": (b'{"jsonrpc": "2.0", "method": "notifications/\n', 1),
    "nesting": (b"[" * 100_000 + b"\n", 1),
    "zeros": (b"\0" * 100 + b"\n", 1),
}
"""What a server writes before an answer, and how many faults that is."""


def raw(data: bytes) -> str:
    return b64encode(data).decode()


@asynccontextmanager
async def connected(mode: Any, faults: list[Violated], **options: Any) -> AsyncIterator[Client]:
    target = bad_server("does_as_told", mode)
    async with Client(target, mode=mode, on_fault=faults.append, **options) as client:
        yield client
        assert (await client.call_tool("next", {"size": 4})).text == "xxxx"


@each_mode
@pytest.mark.rule("B3", "B4", "T4", "C-10")
async def test_noise_is_skipped_and_told_and_the_answer_behind_it_delivered(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[Violated] = []
    async with connected(mode, faults) as client:
        for name, (noise, count) in NOISE.items():
            faults.clear()
            answer = await client.call_tool("noise", {"raw": raw(noise), "size": 4})
            assert answer.text == "xxxx", name
            assert len(faults) == count, name
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(warnings) == 1


@each_mode
@pytest.mark.rule("B5")
async def test_an_error_without_an_id_fails_the_only_call_and_the_next_works(mode: str) -> None:
    faults: list[Violated] = []
    async with connected(mode, faults) as client:
        with pytest.raises(RequestError, match=r"P \(-32700\)"):
            await client.call_tool("fails", {"raw": raw(NULL_ERROR), "silent": True})
    assert faults == []


@each_mode
@pytest.mark.rule("B5")
async def test_an_error_without_an_id_is_a_fault_when_it_may_be_of_several_calls(
    mode: str,
) -> None:
    faults: list[Violated] = []
    answers: list[CallResult] = []
    async with connected(mode, faults) as client:

        async def call(**told: object) -> None:
            answers.append(await client.call_tool("one", told))

        async with anyio.create_task_group() as group:
            group.start_soon(lambda: call(hold=True))
            group.start_soon(lambda: call(hold=True))
            await until(lambda: len(wire_of(client).connection.exchanges.ours) == 2)
            group.start_soon(lambda: call(raw=raw(NULL_ERROR), size=4))
        assert [answer.text for answer in answers] == ["xxxx"] * 3
    assert len(faults) == 1
    assert "-32700 'P" in faults[0].detail


@each_mode
@pytest.mark.rule("T4", "C-09", "C-10")
@pytest.mark.parametrize(
    "answer",
    [
        b'{"jsonrpc": "2.0", "id": %ID%}',
        b'{"jsonrpc": "2.0", "id": %ID%, "result": {"content": "\xff"}}',
        b'{"jsonrpc": "2.0", "id": %ID%, "result": {"content": [{"type": "te',
        rb'{"jsonrpc": "2.0", "id": %ID%, "result": {"content": "\ud800"}}',
        b'{"jsonrpc": "2.0", "id": %ID%, "result": "no"}',
        b'{"jsonrpc": "2.0", "id": %ID%, "error": {"message": "no"}}',
    ],
)
async def test_an_answer_that_cannot_be_read_fails_its_call_and_no_other(
    mode: str, answer: bytes
) -> None:
    faults: list[Violated] = []
    async with connected(mode, faults) as client:
        told = {"raw": raw(answer + b"\n"), "silent": True}
        with pytest.raises((RemoteProtocolError, TimedOut)):
            await client.call_tool("broken", told, timeout=0.2)
    assert len(faults) == 1


@each_mode
@pytest.mark.rule("T4", "T16")
async def test_an_answer_that_is_too_long_fails_its_call_and_the_option_is_named(
    mode: str,
) -> None:
    faults: list[Violated] = []
    async with connected(mode, faults, limits=Limits(line=100_000)) as client:
        with pytest.raises(RemoteProtocolError, match=r"limits\.line is 100000"):
            await client.call_tool("long", {"size": 1_000_000})
    (fault,) = faults
    assert "limits.line is 100000" in fault.detail


@pytest.mark.rule("T4")
async def test_only_noise_without_end_is_a_loss() -> None:
    faults: list[Violated] = []
    target = bad_server("does_as_told")
    async with Client(target, on_fault=faults.append) as client:
        told = {"raw": raw(b"noise\n" * 999 + b'{"jsonrpc": "2.0", "method": "x"}\n'), "size": 4}
        assert (await client.call_tool("noise", told)).text == "xxxx"
        with pytest.raises(ConnectionLost, match="1000 lines in a row could not be read"):
            await client.call_tool("noise", {"raw": raw(b"noise\n" * 1_000), "silent": True})
    assert [fault.fatal for fault in faults] == [*[False] * 1_998, True]


def wire_of(client: Client) -> Any:
    return client._wire
