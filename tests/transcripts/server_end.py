"""Our server's end of a session with a foreign client: tools, resources and prompts.

It offers what the strangers' servers offer, and is made of the engine alone, without clock or
streams: what it says depends on nothing but what it has read. So a session that was recorded with
it can be held again from the recording.
"""

import re
from collections.abc import Callable
from typing import Any

from barewire.protocol.codec import dumps
from barewire.protocol.errors import Reason
from barewire.session.connection import Connection
from barewire.session.events import Abandoned, Answered, Event, Refused, Requested
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.rounds import Question, answers_of, ask, missing_capabilities
from tests.transcripts.words import COLOURS, ODD, QUESTIONS, Json, text

INFO: Json = {"name": "ours", "version": "1.0"}
CAPABILITIES: Json = {
    "tools": {"listChanged": True},
    "resources": {"listChanged": True, "subscribe": True},
    "prompts": {"listChanged": True},
    "completions": {},
    "logging": {},
}

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def _schema(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


TOOLS: dict[str, tuple[str, Json, Json | None]] = {
    "echo": ("Return the text.", _schema(text=STRING), None),
    "add": ("Add two integers.", _schema(a=INTEGER, b=INTEGER), _schema(sum=INTEGER)),
    "progress": ("Report n steps, then end.", _schema(n=INTEGER), None),
    "slow": ("Report that it has started, then wait.", _schema(seconds=NUMBER), None),
    "cancelled_count": ("Count the cancelled calls of slow.", _schema(at_least=INTEGER), None),
    "fail": ("Fail with the message.", _schema(message=STRING), None),
    "log": ("Send a log message.", _schema(level=STRING, text=STRING), None),
    "whoami": (
        "Tell who the client says it is, and what it speaks.",
        _schema(),
        _schema(protocol_version=STRING, client_name=STRING),
    ),
    "ask_roots": ("Ask the client for its roots.", _schema(), None),
    "ask_model": ("Ask the client's model for a colour.", _schema(), None),
    "ask_user": ("Ask the client's user for a colour.", _schema(), None),
    "touch": ("Tell of a change of a resource and of the tools.", _schema(uri=STRING), None),
    "picture": ("Return a picture and a note.", _schema(), None),
    "noise": ("Write lines that are no messages, then end.", _schema(), None),
}
"""Each with its description and its schemas, of the arguments and of the result."""

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
}


class ServerEnd:
    """Bytes in, bytes out; it lists so many tools on a page."""

    def __init__(self, page: int = 8) -> None:
        self._page = page
        local = Local("server", INFO, CAPABILITIES, instructions="Use echo first.")
        self.connection = Connection(local)
        self.events: list[Event] = []
        self._output: list[bytes] = []
        self._slow: list[Exchange] = []
        self._cancelled = 0
        self._counting: list[tuple[int, Exchange]] = []
        self._asking: dict[Exchange, Exchange] = {}
        """What we asked, with the request in whose course we did."""

    def receive(self, data: bytes) -> None:
        """Take what the client wrote."""
        for event in self.connection.receive_data(data, now=0.0):
            self.events.append(event)
            self._on_event(event)
        self._flush()

    def output(self) -> list[bytes]:
        """Take what is to be written."""
        taken, self._output = self._output, []
        return taken

    def _flush(self) -> None:
        self._output += self.connection.data_to_send()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Requested):
            self._requested(event.exchange)
        elif isinstance(event, Abandoned) and event.exchange in self._slow:
            self._slow.remove(event.exchange)
            self._cancelled += 1
            self._count()
        elif isinstance(event, Answered):
            parent = self._asking.pop(event.exchange)
            self.connection.respond(parent, text(_told(event.exchange.method.name, event.result)))
        elif isinstance(event, Refused):
            parent = self._asking.pop(event.exchange)
            self.connection.respond(parent, text(event.failure.message, isError=True))

    def _requested(self, exchange: Exchange) -> None:
        params = exchange.params
        method = exchange.method.name
        if method == "tools/list":
            self._list_tools(exchange)
        elif method == "tools/call":
            self._call(exchange, params["name"], params.get("arguments") or {})
        elif method == "resources/read":
            self._read(exchange, params["uri"])
        elif method == "prompts/get":
            self._prompt(exchange, params["name"], params.get("arguments") or {})
        elif method == "completion/complete":
            value = params["argument"]["value"]
            values = [colour for colour in COLOURS if colour.startswith(value)]
            self.connection.respond(exchange, {"completion": {"values": values}})
        elif method == "resources/list":
            self._list(exchange, "resources", RESOURCES, 1)
        elif method == "resources/templates/list":
            self._list(exchange, "resourceTemplates", TEMPLATES)
        elif method == "prompts/list":
            self._list(exchange, "prompts", PROMPTS)
        else:
            self.connection.respond(exchange, {})

    def _list(self, exchange: Exchange, member: str, items: list[Json], page: int = 100) -> None:
        cursor = exchange.params.get("cursor")
        if cursor is None and page < len(items):
            first: Json = {member: items[:page], "nextCursor": "second"}
            self.connection.respond(exchange, first)
        elif cursor is None:
            self.connection.respond(exchange, {member: items})
        elif cursor == "second" and page < len(items):
            self.connection.respond(exchange, {member: items[page:]})
        else:
            self.connection.fail(exchange, Reason.INVALID_CURSOR)

    # Tools.

    def _list_tools(self, exchange: Exchange) -> None:
        tools: list[Json] = []
        for name, (description, takes, gives) in TOOLS.items():
            tool: Json = {"name": name, "description": description, "inputSchema": takes}
            if gives is not None and exchange.revision.structured_content != "none":
                tool["outputSchema"] = gives
            tools.append(tool)
        self._list(exchange, "tools", tools, self._page)

    def _call(self, exchange: Exchange, name: str, arguments: Json) -> None:
        if name not in TOOLS:
            self.connection.fail(exchange, Reason.UNKNOWN_TOOL, name)
            return
        wrong = _fault(TOOLS[name][1], arguments)
        if wrong is not None and exchange.revision.argument_errors_in_result:
            self.connection.respond(exchange, text(wrong, isError=True))
        elif wrong is not None:
            self.connection.fail(exchange, Reason.INVALID_PARAMS, wrong)
        elif name in QUESTIONS:
            self._ask(exchange, Question(*QUESTIONS[name]))
        else:
            tool: Callable[..., Json | None] = getattr(self, f"_tool_{name}")
            result = tool(exchange, **arguments)
            if result is not None:
                self.connection.respond(exchange, result)

    def _tool_echo(self, exchange: Exchange, text: str) -> Json:
        return {"content": [{"type": "text", "text": text}]}

    def _tool_add(self, exchange: Exchange, a: int, b: int) -> Json:
        return _data(exchange, {"sum": a + b})

    def _tool_progress(self, exchange: Exchange, n: int) -> Json:
        for step in range(1, n + 1):
            self.connection.progress(exchange, step, n, f"step {step}")
        return text("done")

    def _tool_slow(self, exchange: Exchange, seconds: float) -> None:
        self.connection.progress(exchange, 0, 1, "started")
        self._slow.append(exchange)  # there is no clock: it ends when it is cancelled

    def _tool_cancelled_count(self, exchange: Exchange, at_least: int) -> None:
        self._counting.append((at_least, exchange))
        self._count()

    def _count(self) -> None:
        for at_least, exchange in [*self._counting]:
            if self._cancelled >= at_least:
                self._counting.remove((at_least, exchange))
                self.connection.respond(exchange, text(str(self._cancelled)))

    def _tool_fail(self, exchange: Exchange, message: str) -> Json:
        return text(message, isError=True)

    def _tool_log(self, exchange: Exchange, level: str, text: str) -> Json:
        self.connection.log(exchange, level, text, "tools")
        return {"content": [{"type": "text", "text": "logged"}]}

    def _tool_whoami(self, exchange: Exchange) -> Json:
        name = (exchange.facts.peer_info or {}).get("name", "")
        value = {"protocol_version": exchange.revision.name, "client_name": name}
        return _data(exchange, value)

    def _tool_touch(self, exchange: Exchange, uri: str) -> Json:
        self.connection.publish("notifications/resources/updated", {"uri": uri})
        self.connection.publish("notifications/tools/list_changed")
        return text("touched")

    def _tool_picture(self, _: Exchange) -> Json:
        return {"content": [IMAGE, NOTE]}

    def _tool_noise(self, exchange: Exchange) -> Json:
        self._flush()
        self._output += [b"This is a line of a log.\n", b'{"jsonrpc":"2.0","method":\n']
        if not exchange.revision.modern:
            odd = {"jsonrpc": "2.0", "id": f"{ODD}-1", "method": "sampling/frobnicate"}
            self._output.append(dumps(odd, newline=True))
            self._output.append(dumps({**odd, "id": f"{ODD}-2", "method": "ping"}, newline=True))
        return text("that was noise")

    # Questions.

    def _ask(self, exchange: Exchange, question: Question) -> None:
        try:
            if not exchange.revision.modern:
                asked = self.connection.request(
                    question.method, question.params, now=0.0, timeout=None, parent=exchange
                )
                self._asking[asked] = exchange
                return
            answers, _ = answers_of(exchange)
            missing = missing_capabilities(exchange, {"it": question})
            if missing:
                data: Json = {"requiredCapabilities": missing}
                self.connection.fail(exchange, Reason.MISSING_CLIENT_CAPABILITY, None, data)
                return
            if answers:
                result = text(_told(question.method, answers["it"]))
            else:
                result = ask(exchange, {"it": question}, "one")
        except LocalProtocolError:
            result = text("the client cannot be asked", isError=True)
        self.connection.respond(exchange, result)

    # Resources and prompts.

    def _read(self, exchange: Exchange, uri: str) -> None:
        note = re.fullmatch(r"note://of/(\w+)", uri)
        if uri == "note://seal":
            seal = {"uri": uri, "mimeType": "image/png", "blob": IMAGE["data"]}
            self.connection.respond(exchange, {"contents": [seal]})
            return
        if uri == "note://hello":
            words = "Hello."
        elif note is not None:
            words = f"A note of {note[1]}."
        else:
            self.connection.fail(exchange, Reason.RESOURCE_NOT_FOUND, None, {"uri": uri})
            return
        contents = [{"uri": uri, "mimeType": "text/plain", "text": words}]
        self.connection.respond(exchange, {"contents": contents})

    def _prompt(self, exchange: Exchange, name: str, arguments: Json) -> None:
        if name != "greet" or "name" not in arguments:
            self.connection.fail(exchange, Reason.INVALID_PARAMS, "greet takes a name")
            return
        content = {"type": "text", "text": f"Greet {arguments['name']}."}
        self.connection.respond(exchange, {"messages": [{"role": "user", "content": content}]})


RESOURCES: list[Json] = [
    {
        "uri": "note://hello",
        "name": "hello",
        "description": "A greeting.",
        "mimeType": "text/plain",
    },
    {
        "uri": "note://seal",
        "name": "seal",
        "description": "A picture.",
        "mimeType": "image/png",
    },
]
TEMPLATES: list[Json] = [
    {
        "uriTemplate": "note://of/{name}",
        "name": "note",
        "description": "A note of somebody.",
        "mimeType": "text/plain",
    }
]
PROMPTS: list[Json] = [
    {
        "name": "greet",
        "description": "Greet somebody.",
        "arguments": [{"name": "name", "required": True}],
    }
]
IMAGE: Json = {"type": "image", "data": "AAECAwQFBgc=", "mimeType": "image/png"}
NOTE: Json = {
    "type": "resource",
    "resource": {"uri": "note://hello", "mimeType": "text/plain", "text": "Hello."},
}


def _data(exchange: Exchange, value: Json) -> Json:
    result = text(dumps(value).decode())
    if exchange.revision.structured_content != "none":
        result["structuredContent"] = value
    return result


def _fault(schema: Json, arguments: Json) -> str | None:
    """Return what is wrong with the arguments of a tool, as far as the tours go."""
    for name, expected in schema["properties"].items():
        if not isinstance(arguments.get(name), TYPES[expected["type"]]):
            return f"{name}: expected {expected['type']}"
    return None


def _told(method: str, answer: dict[str, Any]) -> str:
    """Return what the client told us when we asked."""
    if method == "roots/list":
        return ", ".join(root["name"] for root in answer["roots"])
    if method == "sampling/createMessage":
        return str(answer["content"]["text"])
    return str(answer["content"]["colour"])
