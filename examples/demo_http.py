"""The second half of `make demo`: the same server over HTTP, one endpoint for both eras.

The client is a socket and the standard library's reader of answers, so that nothing is hidden but
the sizes of chunks.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPMessage, HTTPResponse
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from barewire.protocol.revisions import V2025_11_25, V2026_07_28
from examples.by_hand import BOTH, modern, request
from examples.explaining import Explainer, show

COMMAND = [sys.executable, "-m", "barewire", "run", "examples/first_server.py:server"]

Fields: TypeAlias = dict[str, str]
Message: TypeAlias = dict[str, Any]

WORLD = {"name": "greet", "arguments": {"name": "world"}}
COUNT = {"name": "count", "arguments": {"to": 3}, "_meta": {"progressToken": "p"}}


class Talk:
    """Says requests to an endpoint, and shows all that goes over the wire."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._path = parts.netloc, parts.path
        self._address = (parts.hostname, parts.port)
        self._line: socket.socket | None = None
        self._explainer = Explainer()

    def post(self, message: Message, fields: Fields) -> HTTPMessage:
        """Send a message, read the answer to its end and return the fields of its head."""
        return self.read(self.begin_post(message, fields))

    def begin_post(self, message: Message, fields: Fields) -> HTTPResponse:
        """Send a message and read the head of the answer."""
        usual = {"Accept": BOTH, "Content-Type": "application/json"}
        return self.begin(
            "POST", usual | fields, json.dumps(message, separators=(",", ":")).encode()
        )

    def begin(self, method: str, fields: Fields, body: bytes = b"") -> HTTPResponse:
        """Send a request and read the head of the answer."""
        length = {"Content-Length": str(len(body))} if body else {}
        fields = {"Host": self._host, **fields, **length}
        head = [f"{method} {self._path} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
        self._show(">", head, body)
        if self._line is None:
            self._line = socket.create_connection(self._address, timeout=10)
        self._line.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = HTTPResponse(self._line, method=method)
        answer.begin()
        said = [f"{name}: {value}" for name, value in answer.getheaders()]
        self._show("<", [f"HTTP/1.1 {answer.status} {answer.reason}", *said])
        return answer

    def read(self, answer: HTTPResponse) -> HTTPMessage:
        """Read the rest of an answer and return the fields of its head."""
        if answer.headers.get_content_type() == "text/event-stream":
            for _ in self.events(answer):
                pass
        elif body := answer.read():
            show("<", body.decode(), self._explainer.message(body))
            print()
        if answer.will_close:
            self.cut()
        return answer.headers

    def events(self, answer: HTTPResponse) -> Iterator[Fields]:
        """Read the events of a stream: the fields of each, by name."""
        event: Fields = {}
        while line := answer.readline():
            if line := line.rstrip(b"\r\n"):
                show("<", line.decode(), self._explainer.event(line))
                name, _, event[name] = line.decode().partition(": ")
            else:
                print()
                yield event
                event = {}

    def cut(self) -> None:
        """End the connection, whatever goes on."""
        if self._line is not None:
            with suppress(OSError):  # the server may have been the first
                self._line.shutdown(socket.SHUT_RDWR)
            self._line.close()
            self._line = None

    def _show(self, direction: str, head: list[str], body: bytes = b"") -> None:
        for line in head:
            show(direction, line, self._explainer.head(line))
        if body:
            show(direction, body.decode(), self._explainer.message(body))
        print()


def play_session(talk: Talk) -> None:
    """Play a conversation that is opened by a handshake, as until 2025-11-25."""
    version = V2025_11_25.name
    print("-- A handshake opens a session.\n")
    hello: Message = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "demo", "version": "1.0"},
    }
    told = talk.post(request(1, "initialize", hello), {})
    session = {"Mcp-Session-Id": told["Mcp-Session-Id"], "MCP-Protocol-Version": version}
    talk.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, session)

    print("-- An answer that comes at once is JSON.\n")
    talk.post(request(2, "tools/list"), session)
    talk.post(request(3, "tools/call", WORLD), session)

    print("-- One that is preceded by something is an event stream.\n")
    talk.post(request(4, "tools/call", COUNT), session)

    print("-- A connection is cut, and what followed is lost on the way.\n")
    events = talk.events(talk.begin_post(request(5, "tools/call", COUNT), session))
    next(events)  # which has no message
    seen = next(events)["id"]
    talk.cut()

    print("-- The client comes back for what it has missed.\n")
    again = {"Accept": "text/event-stream", "Last-Event-ID": seen}
    talk.read(talk.begin("GET", session | again))

    print("-- A page of a foreign web site may not ask, whatever name it gave this machine.\n")
    talk.post(request(6, "tools/list"), session | {"Origin": "http://evil.example"})
    talk.post(request(7, "tools/list"), session | {"Host": "evil.example"})

    print("-- The session ends.\n")
    talk.read(talk.begin("DELETE", session))
    talk.post(request(8, "tools/list"), session)


def play_requests(talk: Talk, stop: Callable[[], object]) -> None:
    """Play a conversation whose requests stand alone, as in 2026-07-28; `stop` ends the server."""
    print("-- Which revisions and capabilities there are can be asked, but need not be.\n")
    talk.post(*modern(1, "server/discover"))

    print("-- The head repeats what the body asks, and has to say the same.\n")
    talk.post(*modern(2, "tools/call", WORLD))
    message, fields = modern(3, "tools/call", WORLD)
    talk.post(message, fields | {"Mcp-Name": "count"})

    print("-- Events have no ids: a stream that is cut is a request that is cancelled.\n")
    talk.post(*modern(4, "tools/call", COUNT))

    print("-- A client that wants to hear of changes asks for them, and listens.\n")
    wanted = {"notifications": {"toolsListChanged": True}}
    events = talk.events(talk.begin_post(*modern(5, "subscriptions/listen", wanted)))
    next(events)

    print("-- The server is told to stop (SIGTERM), and says so.\n")
    stop()
    for _ in events:
        pass


@contextmanager
def started() -> Generator[tuple[str, subprocess.Popen[str]]]:
    """Run the server; where it is found, and its process."""
    command = [*COMMAND, "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            yield server.stderr.readline().removeprefix("serving ").strip(), server
        finally:
            server.terminate()


def play() -> None:
    """Play both conversations with one server."""
    with started() as (url, server):
        print(f"{'=' * 8} HTTP, {V2025_11_25.name}, opened by a handshake: {url}\n")
        talk = Talk(url)
        play_session(talk)
        talk.cut()
        print(f"{'=' * 8} HTTP, {V2026_07_28.name}, without a handshake\n")
        talk = Talk(url)
        play_requests(talk, server.terminate)
        print(f"the server is gone: exit code {server.wait(timeout=20)}")
        talk.cut()
