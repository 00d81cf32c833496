"""Opening a connection as a client: carries out the plan of `barewire.session.negotiation`."""

from functools import partial
from typing import Any, NoReturn, Protocol

from barewire.calling import OnFault, OnNotification, Wire
from barewire.client.targets import Stdio, Target
from barewire.protocol.revisions import Revision
from barewire.protocol.values import as_array, as_object
from barewire.run import serve_in_process
from barewire.server.server import Server
from barewire.session.connection import Connection
from barewire.session.exceptions import (
    ConnectionLost,
    RemoteProtocolError,
    RequestError,
    TimedOut,
)
from barewire.session.exchange import Exchange
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.session.negotiation import (
    Agreed,
    Discovered,
    Done,
    Exited,
    Fail,
    Mode,
    Observation,
    Plan,
    Probe,
    RefusedWith,
    Respawn,
    Silence,
    begin,
    follow,
)
from barewire.transports.backend import current
from barewire.transports.pipe import Pipe
from barewire.transports.process import ProcessEnded, StdioProcess, open_process

__all__ = ["Dial"]


class Ask(Protocol):
    """Sends a request."""

    def __call__(self, *, now: float, timeout: float | None) -> Exchange: ...


class Dial:
    """One attempt to reach a server: `connect` returns the wire on which it is spoken to.

    `timeout` bounds the whole attempt, `probe_timeout` how long a server may think about the probe
    before it counts as one that does not know it; both are in seconds.
    """

    def __init__(
        self,
        target: Target,
        local: Local,
        limits: Limits,
        on_notification: OnNotification,
        on_fault: OnFault | None,
        *,
        mode: Mode,
        timeout: float,
        probe_timeout: float,
    ) -> None:
        self._target = target
        self._local = local
        self._limits = limits
        self._on_notification = on_notification
        self._on_fault = on_fault
        self._plan = Plan(mode, local.modern, local.legacy)
        self._backend = current()
        self._timeout = timeout
        self._deadline = self._backend.now() + timeout
        self._probe_timeout = probe_timeout
        self._pipe: Pipe | None = None
        self._result: dict[str, Any] = {}
        self._observed: Observation = Silence()

    async def connect(self) -> Wire:
        """Return a wire on which a revision has been agreed.

        Raises `OSError` when a command cannot be started, `TimedOut` when the server says nothing,
        `ConnectionLost` when it goes away, and `RemoteProtocolError` when there is no way to
        understand each other. Each names the command and the end of its standard error.
        """
        wire = self._open()
        try:
            plan, action = begin(self._plan)
            while not isinstance(action, Done):
                if isinstance(action, Fail):
                    self._fail(wire, action.detail)
                if isinstance(action, Respawn):
                    await wire.aclose()
                    wire = self._open()
                if isinstance(action, Probe):
                    self._observed = await self._probe(wire, action.revision)
                else:
                    self._observed = await self._initialize(wire, action.revision)
                plan, action = follow(plan, self._observed)
            if action.revision.modern:
                wire.connection.adopt(action.revision, self._result)
            return wire
        except BaseException as error:
            # In a task of its own: the caller may be cancelled, the server must still be ended.
            closing = self._backend.spawn(wire.aclose(), shield=True)
            if isinstance(error, Exception):
                await closing.wait()
            raise

    def _open(self) -> Wire:
        self._pipe = self._open_pipe()
        connection = Connection(self._local, limits=self._limits)
        wire = Wire(connection, self._pipe, self._on_notification, self._on_fault)
        wire.start()
        return wire

    def _open_pipe(self) -> Pipe:
        target = self._target
        if isinstance(target, Server):
            return serve_in_process(target)
        if not isinstance(target, Stdio):
            target = Stdio(target)
        return open_process(
            target.command,
            env=target.env,
            inherit_env=target.inherit_env,
            cwd=target.cwd,
            stderr=target.stderr,
            kill_tree=target.kill_tree,
        )

    async def _probe(self, wire: Wire, revision: Revision) -> Observation:
        wait = self._left()
        if self._plan.mode == "auto" and self._plan.legacy:
            # Silence means legacy, and then there is an answer to a handshake to wait for.
            wait = min(self._probe_timeout, wait / 2)
        observed = await self._observe(wire, partial(wire.connection.discover, revision), wait)
        if observed is not None:
            return observed
        versions = as_array(self._result.get("supportedVersions"))
        if versions is None:
            return RefusedWith(0, "its answer to server/discover names no versions")
        return Discovered(_strings(versions))

    async def _initialize(self, wire: Wire, revision: Revision) -> Observation:
        ask = partial(wire.connection.initialize, revision)
        observed = await self._observe(wire, ask, self._left())
        return observed or Agreed(str(self._result.get("protocolVersion")))

    async def _observe(self, wire: Wire, ask: Ask, timeout: float) -> Observation | None:
        """Ask and wait for the answer; return `None` when there is a result."""
        try:  # to ask, too: the server may have gone since the last answer
            self._result = await wire.answer_to(ask(now=wire.link.now(), timeout=timeout))
        except RequestError as error:
            data = as_object(error.data) or {}
            supported = _strings(as_array(data.get("supported")) or [])
            return RefusedWith(error.code, error.message, supported)
        except TimedOut:
            return Silence()
        except ConnectionLost:
            return Exited()
        except RemoteProtocolError as error:
            return RefusedWith(0, str(error))
        return None

    def _left(self) -> float:
        return max(0.0, self._deadline - self._backend.now())

    def _fail(self, wire: Wire, detail: str) -> NoReturn:
        gone = wire.link.broken
        if isinstance(self._observed, Exited) and isinstance(gone, ProcessEnded):
            text = f"cannot connect: {gone}"  # with its exit code and the end of its standard error
        else:
            text = f"cannot connect to {self._name()}: {detail}"
            if isinstance(self._observed, Silence):
                text = f"{text} ({self._timeout:g} s)"
            if isinstance(self._pipe, StdioProcess) and self._pipe.stderr_tail.strip():
                lines = self._pipe.stderr_tail.strip().splitlines()[-10:]
                text = "\n".join([f"{text}; the end of its standard error:", *lines])
        if isinstance(self._observed, Silence):
            raise TimedOut(text)
        if isinstance(self._observed, Exited):
            raise ConnectionLost(text)
        raise RemoteProtocolError(text)

    def _name(self) -> str:
        if isinstance(self._pipe, StdioProcess):
            return self._pipe.command
        target = self._target
        return repr(target.info["name"]) if isinstance(target, Server) else str(target)


def _strings(values: list[object]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str))
