"""A transport of one's own: the engine on a socket, without an event loop.

`python -m examples.sockets` serves one end of a pair of sockets in a thread and asks at the other.
Nothing below is about sockets alone: whatever carries bytes in order can stand in their place.
"""

import select
import socket
import threading
from time import monotonic
from typing import Any

from barewire.protocol.errors import Reason
from barewire.protocol.revisions import LATEST
from barewire.session.connection import Connection
from barewire.session.events import (
    Abandoned,
    Answered,
    Ended,
    Event,
    Expired,
    Lost,
    Progressed,
    Refused,
    Requested,
    Violated,
)
from barewire.session.exchange import Exchange
from barewire.session.facts import Local


class Driver:
    """One connection on one socket, driven by the thread that calls it."""

    def __init__(self, connection: Connection, sock: socket.socket) -> None:
        self.connection = connection
        self.sock = sock

    def step(self) -> list[Event]:
        """Write what is due, then wait for bytes or for the next deadline, whichever is first."""
        self.flush()
        deadline = self.connection.deadline()
        patience = None if deadline is None else max(0.0, deadline - monotonic())
        readable, _, _ = select.select([self.sock], [], [], patience)
        now = monotonic()
        if not readable:
            return self.connection.expire(now)
        data = self.sock.recv(64 * 1024)
        if not data:
            return self.connection.receive_eof()
        return self.connection.receive_data(data, now=now)

    def flush(self) -> None:
        """Write what the connection has to send."""
        for data in self.connection.data_to_send():
            self.sock.sendall(data)


def serve(sock: socket.socket) -> None:
    """Answer one client until it has said its last."""
    local = Local("server", {"name": "sockets", "version": "1"}, {"tools": {}})
    driver = Driver(Connection(local), sock)
    while True:
        for event in driver.step():
            if isinstance(event, Requested):
                answer(driver.connection, event.exchange)
            elif isinstance(event, Abandoned):
                print("server: the client gave up", event.exchange.params["name"])
            elif isinstance(event, Violated):
                print("server: the client broke the protocol:", event.detail)
            elif isinstance(event, Ended):
                driver.flush()
                sock.close()
                return


def answer(connection: Connection, exchange: Exchange) -> None:
    """Answer a request at once, except for the tool that takes for ever."""
    if exchange.method.name == "tools/list":
        names = ("count", "sleep")
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
        connection.respond(exchange, {"tools": tools})
    elif exchange.params["name"] == "count":
        for number in (1, 2, 3):
            connection.progress(exchange, number, total=3)
        connection.respond(exchange, {"content": [{"type": "text", "text": "counted"}]})
    elif exchange.params["name"] != "sleep":
        connection.fail(exchange, Reason.UNKNOWN_TOOL)


def result_of(driver: Driver, exchange: Exchange) -> dict[str, Any] | None:
    """Wait for the end of a request of ours; return its result, `None` when it has none."""
    while True:
        for event in driver.step():
            if isinstance(event, Progressed):
                print(f"client: {event.progress} of {event.total}")
            elif isinstance(event, Answered):
                return event.result
            elif isinstance(event, Refused):
                print("client: refused:", event.failure.message)
                return None
            elif isinstance(event, Expired | Lost):
                print("client: no answer to", event.exchange)
                return None
            elif isinstance(event, Violated) and event.exchange is exchange:
                print("client: no answer that can be understood:", event.detail)
                return None


def main() -> None:
    """Ask a server at the other end of a pair of sockets."""
    near, far = socket.socketpair()
    serving = threading.Thread(target=serve, args=(far,))
    serving.start()
    connection = Connection(Local("client", {"name": "asking", "version": "1"}))
    driver = Driver(connection, near)

    found = result_of(driver, connection.discover(LATEST, now=monotonic())) or {}
    connection.adopt(LATEST, found)
    listed = result_of(driver, connection.request("tools/list", now=monotonic())) or {}
    print("client: there are", *(tool["name"] for tool in listed["tools"]))

    for name, seconds in (("count", 60.0), ("dance", 60.0), ("sleep", 0.2)):
        exchange = connection.request(
            "tools/call", {"name": name}, now=monotonic(), timeout=seconds, progress=True
        )
        result = result_of(driver, exchange)
        if result is not None:
            print("client:", result["content"][0]["text"])
    result_of(driver, connection.request("tools/list", now=monotonic()))  # life goes on

    connection.close()
    near.close()
    serving.join()


if __name__ == "__main__":
    main()
