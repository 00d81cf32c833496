"""The other end, played by a test: a raw client of a server, and a raw server of a client."""

import inspect
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import anyio
import pytest

from barewire import Server
from barewire.protocol.envelope import CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION
from barewire.protocol.revisions import V2026_07_28, Revision
from barewire.run import serve_pipe
from barewire.transports.backend import current
from barewire.transports.memory import MemoryPipe, memory_pair
from barewire.transports.pipe import Pipe

Object: TypeAlias = dict[str, Any]

SECONDS = 10.0
"""How long anything here may take before the test fails."""


async def until(condition: Callable[[], object]) -> None:
    """Give the loop turns until `condition` holds."""
    with anyio.fail_after(SECONDS):
        while not condition():
            await anyio.sleep(0.001)


class End:
    """One end of a pipe that speaks JSON lines: what comes is kept, in order."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.received: list[Object] = []
        self.ended = False
        self._rest = b""
        pipe.start(self._take, self._end)

    def send(self, *messages: Object | bytes) -> None:
        """Send messages, or lines just as they are, in one chunk."""
        self.pipe.write(
            [
                one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n"
                for one in messages
            ]
        )

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.on_message(json.loads(line))

    def _end(self, _: BaseException | None) -> None:
        self.ended = True

    def on_message(self, message: Object) -> None:
        self.received.append(message)


class Peer(End):
    """A client of a server in this process, one that says exactly what it is told to say.

    `pipes` are the client's end and the server's, in memory if they are not given.
    """

    def __init__(
        self,
        server: Server,
        revision: Revision = V2026_07_28,
        pipes: tuple[Pipe, Pipe] | None = None,
    ) -> None:
        near, far = memory_pair() if pipes is None else pipes
        self.revision = revision
        self.serving = serve_pipe(server, far)
        self._id = 100
        self._answers: dict[int | str, Object] = {}
        super().__init__(near)

    async def open(self) -> "Peer":
        """Shake hands if the revision wants it."""
        if not self.revision.modern:
            params = {"protocolVersion": self.revision.name, "capabilities": {}, "clientInfo": INFO}
            await self.ask("initialize", params)
            self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
            await self.ask("ping")
        return self

    async def __aenter__(self) -> "Peer":
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.serving.aclose()
        await self.pipe.aclose()

    def start(
        self,
        method: str,
        params: Object | None = None,
        *,
        id: int | str | None = None,
        token: int | str | None = None,
        log: str | None = None,
    ) -> int | str:
        """Send a request and return its id."""
        if id is None:
            self._id += 1
            id = self._id
        self.send(self.request(id, method, params, token=token, log=log))
        return id

    def request(
        self,
        id: int | str,
        method: str,
        params: Object | None = None,
        *,
        token: int | str | None = None,
        log: str | None = None,
    ) -> Object:
        meta: Object = {}
        if self.revision.modern:
            meta |= {PROTOCOL_VERSION: self.revision.name, CLIENT_CAPABILITIES: {}}
            meta[CLIENT_INFO] = INFO
            if log is not None:
                meta[LOG_LEVEL] = log
        if token is not None:
            meta["progressToken"] = token
        params = {**(params or {}), "_meta": meta} if meta else params or {}
        return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}

    def start_call(self, name: str, arguments: Object | None = None, **options: Any) -> int | str:
        return self.start("tools/call", {"name": name, "arguments": arguments or {}}, **options)

    def cancel(self, id: int | str, reason: str = "test") -> None:
        params = {"requestId": id, "reason": reason}
        self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})

    def on_message(self, message: Object) -> None:
        super().on_message(message)
        if "method" not in message and message.get("id") is not None:
            assert message["id"] not in self._answers, f"{message['id']} was answered twice"
            self._answers[message["id"]] = message

    def answered(self, id: int | str) -> Object | None:
        return self._answers.get(id)

    async def answer(self, id: int | str) -> Object:
        """Wait for the answer to a request."""
        await until(lambda: self.answered(id) is not None)
        return self.answered(id) or {}

    async def ask(self, method: str, params: Object | None = None, **options: Any) -> Object:
        return await self.answer(self.start(method, params, **options))

    async def call(self, name: str, arguments: Object | None = None, **options: Any) -> Object:
        """Call a tool and return its result; fails the test when there is an error instead."""
        answer = await self.answer(self.start_call(name, arguments, **options))
        assert "error" not in answer, answer
        result: Object = answer["result"]
        return result

    async def refused(self, name: str, arguments: Object | None = None, **options: Any) -> Object:
        """Call a tool and return the error."""
        answer = await self.answer(self.start_call(name, arguments, **options))
        error: Object = answer["error"]
        return error

    def notifications(self, method: str) -> list[Object]:
        return [one.get("params", {}) for one in self.received if one.get("method") == method]


INFO = {"name": "tests", "version": "1"}


def text_of(result: Object) -> str:
    return "\n".join(block["text"] for block in result["content"])


Reply: TypeAlias = Callable[["Script", Object], object]
"""What a scripted server does about a request; what it returns, if anything, is the result."""


class Script(End):
    """A server that does what a test says, for a client that believes it started a command."""

    def __init__(self, pipe: MemoryPipe, reply: Reply) -> None:
        self._reply = reply
        super().__init__(pipe)

    def on_message(self, message: Object) -> None:
        super().on_message(message)
        if "method" in message and "id" in message:
            outcome = self._reply(self, message)
            assert not inspect.isawaitable(outcome)
            if outcome is not None:
                self.answer(message, outcome)

    def hang_up(self) -> None:
        """End, as a process that exits."""
        current().spawn(self.pipe.aclose())

    def answer(self, request: Object, result: object) -> None:
        self.send({"jsonrpc": "2.0", "id": request["id"], "result": result})

    def fail(self, request: Object, code: int, message: str = "no", data: object = None) -> None:
        error = {"code": code, "message": message, "data": data}
        self.send({"jsonrpc": "2.0", "id": request["id"], "error": error})

    def notify(self, method: str, params: Object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def progress(self, request: Object, progress: float, **more: object) -> None:
        token = request["params"]["_meta"]["progressToken"]
        self.notify(
            "notifications/progress", {"progressToken": token, "progress": progress, **more}
        )

    def asked(self, method: str) -> list[Object]:
        return [one for one in self.received if one.get("method") == method]

    @property
    def methods(self) -> list[str]:
        return [one["method"] for one in self.received if "method" in one]


class Scripts:
    """Makes `Client(["..."])` talk to scripts, a new one for each process it would start."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[Script] = []
        self._replies: list[Reply] = []
        monkeypatch.setattr("barewire.connecting.open_process", self._open)

    def play(self, *replies: Reply) -> list[str]:
        """Set what the next servers do, the last one for all that follow; return a command."""
        self._replies = list(replies)
        return ["a", "script"]

    @property
    def server(self) -> Script:
        return self.started[-1]

    def _open(self, command: object, **_: object) -> MemoryPipe:
        near, far = memory_pair()
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        self.started.append(Script(far, reply))
        return near


def legacy(then: Reply, **capabilities: Object) -> Reply:
    """Refuse the probe and shake hands, in the newest legacy revision; then reply by `then`."""

    def reply(server: Script, request: Object) -> object:
        if request["method"] == "server/discover":
            server.fail(request, -32601)
            return None
        if request["method"] == "initialize":
            return {
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}, **capabilities},
                "serverInfo": {"name": "script", "version": "1"},
            }
        return then(server, request)

    return reply


def modern(then: Reply, **capabilities: Object) -> Reply:
    """Answer the probe; then reply by `then`."""

    def reply(server: Script, request: Object) -> object:
        if request["method"] == "server/discover":
            return {
                "resultType": "complete",
                "supportedVersions": [V2026_07_28.name],
                "capabilities": {"tools": {}, **capabilities},
                "ttlMs": 0,
                "cacheScope": "private",
            }
        return then(server, request)

    return reply


def silent(server: Script, request: Object) -> None:
    """Answer nothing."""
