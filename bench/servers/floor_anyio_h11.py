"""The least HTTP server on anyio and h11: what a connection brings is answered in place.

What reports progress is answered by an event stream, and with `--sse` every call is.
"""

from collections.abc import Iterable
from itertools import chain, count, islice
from typing import Any

import anyio
import h11
from anyio.abc import SocketStream
from orjson import dumps, loads

from bench.servers.floor_common import handle, reports, result
from bench.servers.options import parser

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream")
AT_ONCE = 64
"""Events that leave together."""

options = parser().parse_args()
sessions = count(1)


async def serve(stream: SocketStream) -> None:
    connection = h11.Connection(h11.SERVER)
    body: list[bytes] = []
    async with stream:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                try:
                    connection.receive_data(await stream.receive())
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return
            elif isinstance(event, h11.Request):
                body.clear()
            elif isinstance(event, h11.Data):
                body.append(event.data)
            elif isinstance(event, h11.EndOfMessage):
                await answer(loads(b"".join(body)), connection, stream)
                connection.start_next_cycle()
            else:
                return


async def answer(message: dict[str, Any], connection: h11.Connection, stream: SocketStream) -> None:
    params = message.get("params", {})
    if params.get("name") == "progress":
        done = {"jsonrpc": "2.0", "id": message["id"], "result": result(params, "done")}
        await send_events(chain(reports(params), [done]), connection, stream)
        return
    reply = handle(message, ignore)
    if message["method"] == "tools/call" and options.json_response is False:
        await send_events([reply], connection, stream)
    else:
        opened = next(sessions) if message["method"] == "initialize" else 0
        session = (b"mcp-session-id", b"%032x" % opened)
        body = b"" if reply is None else dumps(reply)
        length = (b"content-length", b"%d" % len(body))
        status = 202 if reply is None else 200
        head = h11.Response(status_code=status, headers=[JSON, length, session])
        await stream.send(send(connection, head, h11.Data(data=body), h11.EndOfMessage()))


async def send_events(
    messages: Iterable[Any], connection: h11.Connection, stream: SocketStream
) -> None:
    data = send(connection, h11.Response(status_code=200, headers=[EVENTS]))
    left = iter(messages)
    while batch := list(islice(left, AT_ONCE)):
        events = b"".join(b"event: message\ndata: %b\n\n" % dumps(message) for message in batch)
        data += send(connection, h11.Data(data=events))
        if len(batch) == AT_ONCE:
            await stream.send(data)
            data = b""
    await stream.send(data + send(connection, h11.EndOfMessage()))


def ignore(report: dict[str, Any]) -> None:
    """Nothing else reports anything."""


def send(connection: h11.Connection, *events: h11.Event) -> bytes:
    return b"".join(connection.send(event) or b"" for event in events)


async def main() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=options.http)
    await listener.serve(serve)


anyio.run(main)
