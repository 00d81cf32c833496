"""The engine without I/O: two connections, joined by hand. `python -m examples.sans_io`.

A client and a server talk in both eras, without a loop, and with a clock that the program moves.
"""

from barewire.protocol.errors import Reason
from barewire.protocol.revisions import V2025_06_18, V2026_07_28
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Answered, Event, Expired, Progressed, Requested
from barewire.session.facts import Local


def a_client() -> Connection:
    """Return the client's end of a pipe."""
    return Connection(Local("client", {"name": "ours", "version": "1"}))


def a_server() -> Connection:
    """Return the server's end."""
    return Connection(Local("server", {"name": "theirs", "version": "1"}, {"tools": {}}))


def carry(client: Connection, server: Connection, now: float = 0.0) -> list[Event]:
    """Carry bytes to and fro until neither end has any; return what they led to."""
    events: list[Event] = []
    while client.pending or server.pending:
        for data in client.data_to_send():
            print("client >", data.decode(), end="")
            events += server.receive_data(data, now=now)
        for data in server.data_to_send():
            print("server >", data.decode(), end="")
            events += client.receive_data(data, now=now)
    return events


def answer(server: Connection, request: Requested) -> None:
    """Do the work of a server: add, with progress, or refuse."""
    exchange = request.exchange
    if exchange.params.get("name") != "add":
        server.fail(exchange, Reason.UNKNOWN_TOOL)
        return
    server.progress(exchange, 1, total=2)
    given = exchange.params["arguments"]
    text = str(given["a"] + given["b"])
    server.respond(exchange, {"content": [{"type": "text", "text": text}]})


def add(client: Connection, server: Connection) -> None:
    """Ask for a sum, serve the request, and print what comes of it."""
    params = {"name": "add", "arguments": {"a": 1, "b": 2}}
    call = client.request("tools/call", params, now=0.0, progress=True)
    for event in carry(client, server):
        if isinstance(event, Requested):
            answer(server, event)
    for event in carry(client, server):
        if isinstance(event, Progressed):
            print(f"{event.progress} of {event.total}")
        elif isinstance(event, Answered) and event.exchange is call:
            print(event.result["content"][0]["text"])


def wait_in_vain(client: Connection, server: Connection) -> None:
    """Ask what nobody answers, and let the time pass."""
    client.request("tools/call", {"name": "sleep"}, now=0.0, timeout=5.0)
    carry(client, server)
    print("the next deadline is at", client.deadline())
    for event in [*client.expire(now=5.0), *carry(client, server, now=5.0)]:
        if isinstance(event, Expired):
            print("its time is up:", event.exchange)
        elif isinstance(event, Abandoned):
            print("the server may stop:", event.exchange)


def main() -> None:
    """Play a legacy session, then modern requests."""
    client, server = a_client(), a_server()
    client.initialize(V2025_06_18, now=0.0)
    carry(client, server)
    add(client, server)
    wait_in_vain(client, server)

    client, server = a_client(), a_server()
    client.discover(V2026_07_28, now=0.0)
    for event in carry(client, server):
        if isinstance(event, Answered):
            client.adopt(V2026_07_28, event.result)
    add(client, server)


if __name__ == "__main__":
    main()
