"""The soaked server with a fault: `python -m tests.fuzz.broken_server FAULT`."""

import os
import sys
from typing import Any

from barewire.fuzz.soaked import main
from barewire.session.connection import Connection
from barewire.session.outbox import Outbox

FAULT = sys.argv[1]
_receive = Connection.receive_data
_send = Outbox.send
_count = 0
_hoard: list[bytes] = []


def receive_data(self: Connection, data: bytes, *, now: float) -> Any:
    if FAULT == "hoards":
        _hoard.append(os.urandom(50 * len(data)))
    if FAULT == "dies" and b'"notifications/' in data:
        os._exit(3)
    if FAULT == "raises" and b'"notifications/' in data:
        raise RuntimeError("raised, and logged")
    return _receive(self, data, now=now)


def send(self: Outbox, message: Any, about: Any = None) -> bool:
    global _count
    _count += 1
    if FAULT == "forgets" and _count % 100 == 0:
        return True
    return _send(self, message, about)


if __name__ == "__main__":
    setattr(Connection, "receive_data", receive_data)  # noqa: B010
    setattr(Outbox, "send", send)  # noqa: B010
    main(["server", "asyncio"])
