"""Lines of the wire and what they mean, for the demo: messages, heads of HTTP, events."""

from barewire.protocol.codec import decode
from barewire.protocol.jsonrpc import Failure, Malformed, Notification, Request, Success
from barewire.protocol.methods import method_named

__all__ = ["WIDTH", "Explainer", "show"]

WIDTH = 52
"""Characters of a line that leave room for its meaning beside it."""

LINES = {
    "POST": "one message for the endpoint",
    "GET": "go on with a stream, or begin one to listen on",
    "DELETE": "the session is needed no longer",
    "HTTP/1.1 200": "all is well",
    "HTTP/1.1 202": "taken note of: there is nothing to answer",
    "HTTP/1.1 400": "refused: head and body contradict each other",
    "HTTP/1.1 403": "refused: web pages from there may not ask",
    "HTTP/1.1 404": "refused: there is no such session",
    "HTTP/1.1 421": "refused: this server does not go by that name",
}
"""What the first lines of requests and answers mean, by what they begin with."""

FIELDS = {
    "Accept": "the client can take both forms of answer",
    "Accept: text/event-stream": "the client takes a stream of messages",
    "Cache-Control": "nobody in between may keep it",
    "Connection: close": "and then the connection ends",
    "Connection": "the connection may be used again",
    "Content-Length": "bytes of the body",
    "Content-Type: application/json": "the body is one message",
    "Content-Type: text/event-stream": "the body is a stream of messages",
    "Date": "the time at the server",
    "Host": "whom the client wants to talk to",
    "Keep-Alive": "for so many seconds",
    "Last-Event-ID": "the last event that the client has seen",
    "Mcp-Method": "the method, for those who do not read bodies",
    "Mcp-Name": "its target, likewise",
    "MCP-Protocol-Version": "the revision that the client follows",
    "Mcp-Session-Id": "the session, which nobody can guess",
    "Origin": "the web page that asks, as the browser tells",
    "Transfer-Encoding": "in chunks, until the last one is empty",
    "X-Accel-Buffering": "nobody in between may hold events back",
}
"""What the fields of a head mean, by name or by the whole line."""

MARKS = {
    "event": "a message follows, as always",
    "id": "where a client that is cut off can go on",
    "data": "no message: there is only the id, to begin with",
    "retry": "milliseconds after which to come back",
    "": "a comment, so that nobody takes silence for the end",
}
"""What the lines of an event mean that hold no message, by what stands before the colon."""


def show(direction: str, line: str, meaning: str) -> None:
    """Print a line and what it means, beside it where there is room, else below."""
    if len(line) <= WIDTH:
        print(f"{direction} {line:{WIDTH}}  {meaning}")
    else:
        print(f"{direction} {line}\n  {meaning}")


class Explainer:
    """Explains one conversation: it remembers what was asked."""

    def __init__(self) -> None:
        self._asked: dict[str | int, str] = {}

    def message(self, line: bytes) -> str:
        """Say what a message means."""
        frame = decode(line)
        if isinstance(frame, Request):
            self._asked[frame.id] = frame.method
            return f"request {frame.id!r}, {frame.method}: {_summary(frame.method)}"
        if isinstance(frame, Notification):
            return f"notification, {frame.method}: {_summary(frame.method)}"
        if isinstance(frame, Success):
            kind = "the tool says that it failed" if frame.result.get("isError") else "its result"
            return f"answer to {self._asked.get(frame.id)} {frame.id!r}: {kind}"
        if isinstance(frame, Failure):
            return f"error{self._about(frame.id)}: {frame.code}, {frame.message}"
        return f"no message: {frame.detail}" if isinstance(frame, Malformed) else "a batch"

    def head(self, line: str) -> str:
        """Say what a line of an HTTP head means."""
        name, _, _ = line.partition(":")
        first = " ".join(line.split(" ")[: 2 if line.startswith("HTTP/") else 1])
        return FIELDS.get(line) or FIELDS.get(name) or LINES[first]

    def event(self, line: bytes) -> str:
        """Say what a line of an event stream means."""
        name, _, value = line.partition(b":")
        if name == b"data" and value.strip():
            return self.message(value)
        return MARKS[name.decode()]

    def _about(self, id: str | int | None) -> str:
        if id is None:
            return ""
        method = self._asked.get(id)
        return " about what was no message" if method is None else f" about {method} {id!r}"


def _summary(method: str) -> str:
    row = method_named(method)
    return row.summary if row is not None else "not a method of the protocol"
