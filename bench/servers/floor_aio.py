"""The least server on a bare asyncio pipe: chunks in, all their answers in one write."""

import asyncio
import os
import sys
from typing import Any

from orjson import OPT_APPEND_NEWLINE, dumps, loads

from bench.servers.floor_common import handle


def write_all(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]


class Floor(asyncio.Protocol):
    def __init__(self, done: "asyncio.Future[None]") -> None:
        self.done = done
        self.parts: list[bytes] = []
        self.replies: list[bytes] = []

    def emit(self, message: dict[str, Any]) -> None:
        self.replies.append(dumps(message, None, OPT_APPEND_NEWLINE))
        if len(self.replies) > 63:
            self.flush()

    def flush(self) -> None:
        if self.replies:
            data = b"".join(self.replies)
            self.replies.clear()
            write_all(data)

    def data_received(self, data: bytes) -> None:
        if b"\n" not in data:
            self.parts.append(data)
            return
        if self.parts:
            self.parts.append(data)
            data = b"".join(self.parts)
            self.parts.clear()
        lines = data.split(b"\n")
        if lines[-1]:
            self.parts.append(lines[-1])
        del lines[-1]
        for line in lines:
            reply = handle(loads(line), self.emit)
            if reply is not None:
                self.replies.append(dumps(reply, None, OPT_APPEND_NEWLINE))
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


async def main() -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    await loop.connect_read_pipe(lambda: Floor(done), sys.stdin)
    await done


asyncio.run(main())
