"""The engine without I/O: two connections, joined by hand. `python -m examples.sans_io`."""

from barewire.protocol.revisions import V2025_06_18
from barewire.session.connection import Connection
from barewire.session.events import Answered, Event, Requested
from barewire.session.facts import Local


def main() -> None:
    """Play a client and a server in one process, without a loop and without a clock."""
    client = Connection(Local("client", {"name": "ours", "version": "1"}))
    server = Connection(Local("server", {"name": "theirs", "version": "1"}, {"tools": {}}))

    client.initialize(V2025_06_18, now=0.0)
    exchange(client, server)

    call = client.request("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, now=0.0)
    for event in exchange(client, server):
        if isinstance(event, Requested):
            given = event.exchange.params["arguments"]
            text = str(given["a"] + given["b"])
            server.respond(event.exchange, {"content": [{"type": "text", "text": text}]})
    for event in exchange(client, server):
        if isinstance(event, Answered) and event.exchange is call:
            print(event.result["content"][0]["text"])


def exchange(client: Connection, server: Connection) -> list[Event]:
    """Carry bytes to and fro until neither has any; return what they led to."""
    events: list[Event] = []
    while client.pending or server.pending:
        for data in client.data_to_send():
            print("client >", data.decode(), end="")
            events += server.receive_data(data, now=0.0)
        for data in server.data_to_send():
            print("server >", data.decode(), end="")
            events += client.receive_data(data, now=0.0)
    return events


if __name__ == "__main__":
    main()
