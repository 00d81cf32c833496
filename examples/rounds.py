"""A server asks its client in the course of a call, in both eras: `python -m examples.rounds`.

A legacy server sends a request of its own. A modern one answers with questions, and the client
calls again with the answers (Multi Round-Trip Requests). No I/O: two connections, joined by hand.
"""

from typing import Any

from barewire.protocol.capabilities import Capabilities
from barewire.protocol.revisions import V2025_11_25, V2026_07_28, Revision
from barewire.session.connection import Connection
from barewire.session.events import Answered, Event, Requested
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.rounds import Question, answers_of, ask, read_round, retry

SCHEMA = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
REALLY = Question("elicitation/create", {"message": "Really?", "requestedSchema": SCHEMA})
YES: dict[str, Any] = {"action": "accept", "content": {"sure": True}}


class Server:
    """Serves one tool, which deletes things once the user has said yes."""

    def __init__(self) -> None:
        local = Local("server", {"name": "theirs", "version": "1"}, {"tools": {}})
        self.connection = Connection(local)
        self._asked: dict[Exchange, Exchange] = {}
        """What was asked of a legacy client, with the call that it was asked for."""

    def handle(self, event: Event) -> None:
        """Serve a call, or go on with one whose question was answered."""
        if isinstance(event, Requested):
            self._call(event.exchange)
        elif isinstance(event, Answered):
            self._finish(self._asked.pop(event.exchange), event.result)

    def _call(self, call: Exchange) -> None:
        answers, _ = answers_of(call)
        if answers:
            self._finish(call, answers["sure"])
        elif call.revision.modern:
            self.connection.respond(call, ask(call, {"sure": REALLY}, state="asked once"))
        else:
            question = self.connection.request(REALLY.method, REALLY.params, now=0.0, parent=call)
            self._asked[question] = call

    def _finish(self, call: Exchange, answer: dict[str, Any]) -> None:
        text = "deleted" if answer["action"] == "accept" else "kept"
        self.connection.respond(call, {"content": [{"type": "text", "text": text}]})


class Client:
    """Calls that tool, and says yes to every question."""

    def __init__(self) -> None:
        can: Capabilities = {"elicitation": {"form": {}}}
        self.connection = Connection(Local("client", {"name": "ours", "version": "1"}, can))

    def call(self, params: dict[str, Any]) -> None:
        """Call the tool."""
        self.connection.request("tools/call", params, now=0.0)

    def handle(self, event: Event) -> None:
        """Answer a question, by either way, or print the result."""
        if isinstance(event, Requested):
            print("asked by a request:", event.exchange.params["message"])
            self.connection.respond(event.exchange, YES)
        elif isinstance(event, Answered) and event.exchange.method.name == "tools/call":
            wanted = read_round(event.exchange, event.result)
            if wanted is None:
                print(event.result["content"][0]["text"])
                return
            for question in wanted.questions.values():
                print("asked by an answer:", (question.params or {})["message"])
            answers = {key: YES for key in wanted.questions}
            self.call(retry(event.exchange.params, answers, wanted))


def carry(client: Client, server: Server) -> None:
    """Carry bytes to and fro, and let both ends handle what they lead to, until all is quiet."""
    while client.connection.pending or server.connection.pending:
        for near, far in ((client, server), (server, client)):
            for data in near.connection.data_to_send():
                for event in far.connection.receive_data(data, now=0.0):
                    far.handle(event)


def converse(revision: Revision) -> None:
    """Call once, in `revision`."""
    client, server = Client(), Server()
    if revision.modern:
        client.connection.adopt(revision, {"capabilities": {"tools": {}}})  # known beforehand
    else:
        client.connection.initialize(revision, now=0.0)
        carry(client, server)
    client.call({"name": "delete"})
    carry(client, server)


def main() -> None:
    """Play both eras."""
    for revision in (V2025_11_25, V2026_07_28):
        print(revision.name)
        converse(revision)


if __name__ == "__main__":
    main()
