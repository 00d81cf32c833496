"""Machines that drive a live peer with hostile lines and keep the books on it. Sans-I/O.

    machine = ServerSoak(LATEST_LEGACY, Random(7))
    write(machine.open())                       # and receive until machine.ready
    while ...:
        write(machine.round(1000))              # a thousand lines, then a correct call
        while not machine.ready:
            machine.receive(read())

`receive` raises `Broken` as soon as an answer is wrong, and at the end of a round when the books do
not balance. What is checked: the peer says nothing but JSON-RPC, answers as the `Ledger` wants, and
serves the correct call correctly.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Any, Final, TypeAlias

from barewire.fuzz.hostility import Hostility
from barewire.fuzz.ledger import Ledger, Terms, Unbalanced
from barewire.fuzz.mutate import dump
from barewire.fuzz.samples import envelope
from barewire.protocol.envelope import SUBSCRIPTION_ID
from barewire.protocol.jsonrpc import RequestId
from barewire.protocol.revisions import ALL, LATEST_LEGACY, LEGACY, MODERN, Revision
from barewire.protocol.values import as_array, as_object

__all__ = ["ECHOING", "LINE_LIMIT", "THE_END", "Broken", "ClientSoak", "ServerSoak", "Soak"]

LINE_LIMIT: Final = 65_536
"""Bytes in the longest line that a soaked peer reads. By default it would be 128 MiB."""

ECHOING: Final = ("echo", "now", "thread", "turns")
"""Tools of a soaked server that return the text they are called with."""

Json: TypeAlias = dict[str, Any]

THE_END: Final = "the end"
"""What a correct call of a soaked client is answered with when it may go."""

_SPOKEN = {
    *("notifications/progress", "notifications/message", "notifications/tools/list_changed"),
    *("notifications/subscriptions/acknowledged", "notifications/cancelled"),
}
"""What a soaked server may notify of, by what it has."""


class Broken(Exception):
    """An invariant does not hold; the text says which and shows the evidence."""


class Soak(ABC):
    """What the two machines share: rounds of hostile lines, and the reading of what comes back."""

    def __init__(self, terms: Terms, hostility: Hostility) -> None:
        self.ledger: Ledger = Ledger(terms)
        self.ready: bool = False
        """Whether the peer has done all that it owes, so that the next round may begin."""
        self.count: int = 0
        """Hostile lines in all rounds so far."""
        self.window: list[bytes] = []
        """The hostile lines of this round, in order, without their line feeds."""
        self._hostility = hostility
        self._rest = b""

    def round(self, lines: int) -> bytes:
        """Return the bytes of a round: at least `lines` hostile lines, then what ends it."""
        self._hostility.forget()
        self.window = []
        known = self._known()
        while len(self.window) < lines:
            for line, request in self._hostility.lines(known):
                if self._may_send(line):
                    self.window.append(line)
                    self.ledger.sent(line, request=request)
        return self._sent(self.window)

    def replay(self, lines: Sequence[bytes]) -> bytes:
        """Return the bytes of a round of given lines."""
        self.window = list(lines)
        for line in lines:
            self.ledger.sent(line)
        return self._sent(self.window)

    def receive(self, data: bytes) -> None:
        """Take what the peer wrote; raises `Broken`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if not self.ready and self._served() and self.ledger.complete:
            self._balance()
            self.ready = True

    def owing(self) -> str:
        """Say what the peer still owes, for the report when it takes too long."""
        try:
            self.ledger.check()
        except Unbalanced as error:
            return str(error)
        return "the correct call was not served"

    @abstractmethod
    def open(self) -> bytes:
        """Return the bytes that open the connection; `ready` when the peer has done its part."""

    @abstractmethod
    def _known(self) -> Sequence[RequestId]:
        """Return ids that mean something to the peer."""

    @abstractmethod
    def _end(self) -> list[bytes]:
        """Return the lines that end a round."""

    @abstractmethod
    def _served(self) -> bool:
        """Whether the correct call of this round was served."""

    @abstractmethod
    def _heard(self, message: Json) -> None:
        """Take a request or a notification of the peer."""

    @abstractmethod
    def _settles(self, answer: Json) -> bool:
        """Take an answer if it is one to a correct call."""

    def _may_send(self, line: bytes) -> bool:
        return True

    def _sent(self, lines: Sequence[bytes]) -> bytes:
        self.ready = False
        self.count += len(lines)
        return b"\n".join([*lines, *self._end(), b""])

    def _line(self, line: bytes) -> None:
        try:
            value = json.loads(line.decode(), parse_constant=_no_constant)
        except ValueError as error:
            raise Broken(f"not JSON ({error}): {line[:500]!r}") from None
        items = as_array(value) if self.ledger.terms.batch else None
        for item in items or [value]:
            try:
                self._message(item, line)
            except (LookupError, TypeError, AttributeError) as error:
                raise Broken(f"misses what is looked for ({error!r}): {line[:500]!r}") from None

    def _message(self, value: object, line: bytes) -> None:
        message = as_object(value)
        if message is None or message.get("jsonrpc") != "2.0":
            raise Broken(f"not a JSON-RPC message: {line[:500]!r}")
        if "method" in message:
            self._heard(message)
            return
        fault = _fault_in_answer(message)
        if fault:
            raise Broken(f"{fault}: {line[:500]!r}")
        if self._settles(message):
            return
        try:
            self.ledger.answered(message.get("id"))
        except Unbalanced as error:
            raise Broken(f"{error}: {line[:500]!r}") from None

    def _balance(self) -> None:
        try:
            self.ledger.check()
        except Unbalanced as error:
            raise Broken(str(error)) from None


class ServerSoak(Soak):
    """Plays the client of a server in one of its phases.

    `revision` is that of a session, or the modern one; without it nothing is opened, and only
    `ping` is served. In a session every other correct call is a modern one, for the era is a fact
    of the request. `tools` are tools of the server that return the `text` they are called with; by
    default it is the server of `barewire.fuzz.soaked`, which reads lines of at most `line_limit`
    bytes.
    """

    def __init__(
        self,
        revision: Revision | None,
        random: Random,
        *,
        tools: Sequence[str] = ECHOING,
        line_limit: int | None = LINE_LIMIT,
    ) -> None:
        revisions = ALL if revision is None else (revision, *MODERN)
        # A sound `initialize` would open a session, which is what this phase is without.
        never = () if revision in LEGACY else ("initialize",)
        batch = revision is not None and revision.batch
        terms = Terms("server", batch=batch, line_limit=line_limit)
        super().__init__(terms, Hostility("client", revisions, random, never=never))
        self.revision = revision
        self._tools = tools
        self._calls = 0
        self._wanted: dict[RequestId, str | None] = {}
        """The correct calls in flight, with the text that is due."""

    def open(self) -> bytes:
        """Open the session, if there is to be one, and call a tool."""
        lines: list[bytes] = []
        if self.revision in LEGACY:
            info = {"name": "soak", "version": "1"}
            params = {"protocolVersion": self.revision.name, "capabilities": {}, "clientInfo": info}
            lines = [
                dump(_request("correct 0", "initialize", params)),
                dump({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            ]
            self._wanted["correct 0"] = None
        return b"\n".join([*lines, *self._end(), b""])

    def close(self) -> None:
        """Take note that the server has ended after the end of its input; raises `Broken`.

        Streams that were open had their last word then, if `receive` got everything, and nothing
        else was left to be said.
        """
        self._balance()
        if self._rest:
            raise Broken(f"its last line has no end: {self._rest[:500]!r}")
        if self.ledger.streams:
            raise Broken(f"streams without an end: {sorted(map(repr, self.ledger.streams))[:5]}")

    def _known(self) -> Sequence[RequestId]:
        return ()

    def _end(self) -> list[bytes]:
        self._calls += 1
        id, text = f"correct {self._calls}", f"text {self._hostility.random.random()}"
        if self.revision is None and not self._calls % 2:
            self._wanted[id] = None
            return [dump(_request(id, "ping", {}))]
        self._wanted[id] = text
        tool = self._tools[self._calls // 2 % len(self._tools)]
        params: Json = {"name": tool, "arguments": {"text": text}}
        modern = self.revision not in LEGACY or not self._calls % 2
        if modern:
            params["_meta"] = envelope(MODERN[-1])
        return [dump(_request(id, "tools/call", params))]

    def _served(self) -> bool:
        return not self._wanted

    def _settles(self, answer: Json) -> bool:
        id = answer.get("id")
        if id in self.ledger.streams and "result" in answer:
            self.ledger.streams.discard(id)  # the graceful end of a stream
            return True
        if id not in self._wanted:
            return False
        text = self._wanted.pop(id)
        result: Any = answer.get("result")
        if result is None or (text is not None and result["content"][0]["text"] != text):
            raise Broken(f"a correct call was not served: {json.dumps(answer)[:500]}")
        return True

    def _heard(self, message: Json) -> None:
        method = message["method"]
        if "id" in message or method not in _SPOKEN:
            raise Broken(f"a server has no reason to say this: {json.dumps(message)[:500]}")
        if method == "notifications/subscriptions/acknowledged":
            self.ledger.acknowledged(message["params"]["_meta"][SUBSCRIPTION_ID])


class ClientSoak(Soak):
    """Plays the server of a client, which calls tools all the time.

    The client is the one of `barewire.fuzz.soaked`. It calls `right` with a text, once after the
    other, and wants that text back each time; it calls `bait` many times at once and takes
    whatever it gets; and it calls `hold` a few times, to be answered at the end. Calls of `right`
    and `hold` are never aimed at. The next `right` call says that everything before was read.
    """

    def __init__(self, revision: Revision, random: Random) -> None:
        answers = not revision.modern
        terms = Terms("client", answers=answers, batch=revision.batch, line_limit=LINE_LIMIT)
        # Of the other era, too: a modern client has to ignore the requests of a legacy server.
        other = MODERN[-1] if answers else LATEST_LEGACY
        super().__init__(terms, Hostility("server", (revision, other), random))
        self.revision = revision
        self._baits: dict[RequestId, None] = {}
        self._holds: list[RequestId] = []
        self._right: tuple[RequestId, str] | None = None
        self._pings = 0
        self._ping: RequestId | None = None
        self._protected = re.compile(rb"(?!)")
        self._replies: list[bytes] = []

    def open(self) -> bytes:
        """Say nothing: the client speaks first."""
        return b""

    def replies(self) -> bytes:
        """Take what the opening of the connection wants answered."""
        lines, self._replies = self._replies, []
        return b"\n".join([*lines, b""]) if lines else b""

    def close(self) -> bytes:
        """Return the answer that ends the client."""
        if self._right is None:
            raise AssertionError("a client can be ended when it is ready")
        return dump(_answer(self._right[0], self._call_result(THE_END))) + b"\n"

    def _known(self) -> Sequence[RequestId]:
        # What was answered in the meantime is forgotten by and by.
        self._baits = dict(list(self._baits.items())[-64:])
        numbers = [*self._holds, *([] if self._right is None else [self._right[0]])]
        digits = b"|".join(str(number).encode() for number in numbers)
        # As a whole number: neither 0.5 nor 5.0 is the id 5.
        self._protected = re.compile(rb"(?<![0-9.+-])(?:%b)(?![0-9.eE])" % digits)
        return list(self._baits)

    def _may_send(self, line: bytes) -> bool:
        return self._protected.search(line) is None

    def _end(self) -> list[bytes]:
        if self._right is None:
            raise AssertionError("a round begins when the client is ready")
        id, text = self._right
        self._right = None
        lines = [dump(_answer(id, self._call_result(text)))]
        if not self.revision.modern:
            self._pings += 1
            self._ping = f"ping {self._pings}"
            lines.insert(0, dump(_request(self._ping, "ping", {})))
        return lines

    def _served(self) -> bool:
        return self._right is not None and self._ping is None and len(self._holds) > 1

    def _settles(self, answer: Json) -> bool:
        if answer.get("id") != self._ping or self._ping is None:
            return False
        if answer.get("result") != {}:
            raise Broken(f"a ping was not served: {json.dumps(answer)[:500]}")
        self._ping = None
        return True

    def _heard(self, message: Json) -> None:
        method = message["method"]
        if "id" not in message:
            if method not in ("notifications/initialized", "notifications/cancelled"):
                raise Broken(f"a client has no reason to say this: {json.dumps(message)[:500]}")
            return
        id: RequestId = message["id"]
        if method == "tools/call":
            self._called(id, message["params"])
        elif method == "server/discover" and self.revision.modern:
            versions: Json = {
                "supportedVersions": [self.revision.name],
                "capabilities": {"tools": {}},
            }
            self._reply(id, {**versions, "ttlMs": 0, "cacheScope": "private"})
        elif method == "initialize" and not self.revision.modern:
            info = {"name": "hostile", "version": "1"}
            agreed: Json = {"protocolVersion": self.revision.name, "capabilities": {"tools": {}}}
            self._reply(id, {**agreed, "serverInfo": info})
        else:
            raise Broken(f"a client has no reason to ask this: {json.dumps(message)[:500]}")

    def _called(self, id: RequestId, params: Json) -> None:
        if params["name"] == "bait":
            self._baits[id] = None
        elif params["name"] == "hold":
            self._holds.append(id)
        elif self._right is None:
            self._right = id, params["arguments"]["text"]
        else:
            raise Broken("a correct call was sent before the last one was answered")

    def _reply(self, id: RequestId, result: Json) -> None:
        if self.revision.modern:
            result["resultType"] = "complete"
        self._replies.append(dump(_answer(id, result)))

    def _call_result(self, text: str) -> Json:
        result: Json = {"content": [{"type": "text", "text": text}]}
        return {**result, "resultType": "complete"} if self.revision.modern else result


def _request(id: RequestId, method: str, params: Json) -> Json:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def _answer(id: RequestId, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": id, "result": result}


def _fault_in_answer(message: Json) -> str | None:
    if type(message.get("id")) not in (int, str, type(None)):
        return "an id that none can have"
    if ("result" in message) is ("error" in message):
        return "an answer has a result or an error"
    if "result" in message and message.get("id") is None:
        return "a result needs an id"
    error: Any = message.get("error")
    if error is None:
        return None if isinstance(message["result"], dict) else "a result that is no object"
    if type(error.get("code")) is not int or not isinstance(error.get("message"), str):
        return "an error has a code and a message"
    return None


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
