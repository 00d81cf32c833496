"""A client: opens a connection to a server and calls what it offers."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from barewire.client.results import CallResult, ServerEnd, ToolInfo
from barewire.client.targets import Mode, Target
from barewire.protocol.capabilities import Capabilities, declares
from barewire.protocol.envelope import LOG_LEVEL, LOG_LEVELS, meta_of, tagged
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Notification, Params
from barewire.protocol.revisions import ALL, Revision
from barewire.protocol.shapes import checker_named
from barewire.protocol.values import as_array, as_object, as_string
from barewire.session.events import Violated
from barewire.session.exceptions import LocalProtocolError, RemoteProtocolError
from barewire.session.facts import Facts, Implementation, Local
from barewire.session.limits import DEFAULT_LIMITS, Limits
from barewire.session.tables import LENIENT, Leniency

__all__ = ["Client"]

OnProgress = Callable[[float, float | None, str | None], object]
OnLog = Callable[[str, Any, str | None], object]
OnNotification = Callable[[Notification], object]
OnFault = Callable[[Violated], object]

_PAGES = 1_000


class _Wire(Protocol):
    """What a client needs of its connection; `barewire.calling` has it."""

    closed: bool

    @property
    def facts(self) -> Facts: ...

    @property
    def instructions(self) -> str | None: ...

    async def request(
        self,
        method: str,
        params: Params | None,
        *,
        timeout: float | None,
        maximum: float | None = None,
        on_progress: OnProgress | None = None,
        ask_progress: bool = False,
    ) -> dict[str, Any]: ...

    def report(self, fault: Violated) -> None: ...

    async def notify(self, method: str, params: Params | None = None) -> None: ...

    async def aclose(self) -> ServerEnd | None: ...


class Client:
    """A connection to one server.

        async with Client(["python", "server.py"]) as client:
            for tool in await client.list_tools():
                print(tool.name)
            print((await client.call_tool("greet", {"name": "world"})).text)

    `target` is a command, a `Stdio` that describes one, or a `Server` of this process. `mode` is
    `auto` (the modern revision if the server speaks it, else a handshake), `legacy` or `modern`.

    `timeout` seconds may pass without an answer or progress before a request is given up (default
    60, `None` for ever), `connect_timeout` seconds until the connection stands (30), and
    `probe_timeout` until a silent server counts as a legacy one (2.5). So that progress can reset
    the time-out, every call of a tool asks for it, with a callback or without; with
    `reset_on_progress=False` only calls with a callback do, and nothing that is reported gives a
    request more time. `maximum` of a call bounds it whatever is reported.

    `on_log` is called with level, data and logger of each log message, `on_notification` with every
    other notification, and `on_fault` with everything that the server does wrong and the client
    lives through: a line that is no message, an answer that nobody waits for, a tool whose
    definition is none. Each may be `async def` and may use the client. Log messages and
    notifications follow each other, one at a time and in their order, and so do faults. Faults are
    logged too, the first as a warning.

    `log_level` is the least severe level that is asked for; without one it is for the server to
    decide, and modern servers are asked for everything if there is an `on_log`.

    `name` and `version` are how it introduces itself. It speaks all revisions unless `revisions`
    names fewer. `strict` refuses what is accepted from peers although the specification says
    otherwise, and `limits` bound what the server may take up.

    It can be opened in one task and closed in another. What needs a connection raises
    `LocalProtocolError` before there is one, and `ConnectionLost` when it has ended.
    """

    def __init__(
        self,
        target: Target,
        *,
        name: str = "barewire",
        version: str = "0",
        mode: Mode = "auto",
        revisions: tuple[Revision, ...] = ALL,
        timeout: float | None = 60.0,
        connect_timeout: float = 30.0,
        probe_timeout: float = 2.5,
        reset_on_progress: bool = True,
        on_log: OnLog | None = None,
        on_notification: OnNotification | None = None,
        on_fault: OnFault | None = None,
        log_level: str | None = None,
        strict: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        if log_level is not None and log_level not in LOG_LEVELS:
            raise ValueError(f"log_level must be one of {', '.join(LOG_LEVELS)}: {log_level!r}")
        self._target = target
        leniencies = Leniency(0) if strict else LENIENT
        self._local = Local(
            "client", {"name": name, "version": version}, {}, None, revisions, leniencies
        )
        self._mode: Mode = mode
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._probe_timeout = probe_timeout
        self._reset_on_progress = reset_on_progress
        self._on_log = on_log
        self._on_notification = on_notification
        self._on_fault = on_fault
        self._log_level = log_level
        self._limits = limits
        self._wire: _Wire | None = None
        self._opening = False

    async def connect(self) -> "Client":
        """Open the connection and agree on a revision; `async with` does so by itself.

        A client that was closed can be opened again: a command is then started anew.

        Raises `OSError` when a command cannot be started, `TimedOut` when the server says nothing,
        `ConnectionLost` when it goes away, and `RemoteProtocolError` when there is no revision in
        common. Each names the command and the end of its standard error. Raises
        `LocalProtocolError` when it is open, or being opened, and `TypeError` for a command that is
        one string.
        """
        from barewire.connecting import Dial

        if self._opening or (self._wire is not None and not self._wire.closed):
            raise LocalProtocolError("the client is connected already")
        dial = Dial(
            self._target,
            self._local,
            self._limits,
            self._notified,
            self._on_fault,
            mode=self._mode,
            timeout=self._connect_timeout,
            probe_timeout=self._probe_timeout,
        )
        self._opening = True
        try:
            self._wire = await dial.connect()
        finally:
            self._opening = False
        if self._log_level is not None and not self.revision.modern:
            await self._ask_for_log_level(self._log_level)
        return self

    async def aclose(self) -> ServerEnd | None:
        """Close the connection; a server process is given time to exit and ended if it does not.

        Returns how a server process ended, each time it is called. Calls in flight end with
        `ConnectionLost`. Idempotent, callable from any task. Bounded: 3 seconds at most.
        """
        return None if self._wire is None else await self._wire.aclose()

    async def __aenter__(self) -> "Client":
        return await self.connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    # What was found out about the server.

    @property
    def revision(self) -> Revision:
        """The revision that is spoken."""
        return self._connected.facts.revision

    @property
    def protocol_version(self) -> str:
        """The date of that revision."""
        return self.revision.name

    @property
    def server_info(self) -> Implementation | None:
        """Who the server says it is: for display and logs, never to decide by."""
        return self._connected.facts.peer_info

    @property
    def server_capabilities(self) -> Capabilities:
        """What the server declared."""
        return self._connected.facts.capabilities

    @property
    def instructions(self) -> str | None:
        """The server's advice on how to use it."""
        return self._connected.instructions

    # What can be asked.

    async def list_tools(self, *, timeout: float | None = None) -> list[ToolInfo]:
        """Return the server's tools, of all pages.

        One whose definition is odd does not lose the others: `on_fault` hears of it, and it is
        among them as it came, unless it is no object at all. `timeout` holds for each page. Raises
        what `request` raises; `RemoteProtocolError` also when the pages do not end.
        """
        tools: list[ToolInfo] = []
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(_PAGES):
            params = None if cursor is None else {"cursor": cursor}
            result = await self.request("tools/list", params, timeout=timeout)
            page = as_array(result.get("tools"))
            if page is None:
                raise RemoteProtocolError("the answer to tools/list has no list of tools")
            tools += self._readable(page)
            cursor = as_string(result.get("nextCursor"))
            if cursor is None:
                return tools
            if cursor in seen:
                raise RemoteProtocolError("the pages of tools/list do not end")
            seen.add(cursor)
        raise RemoteProtocolError(f"tools/list has more than {_PAGES} pages")

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        *,
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
        maximum: float | None = None,
        meta: dict[str, Any] | None = None,
    ) -> CallResult:
        """Call a tool and return its result, which may say that the tool failed: `is_error`.

        `on_progress` is called with progress, total and message, each time with more progress. The
        call is given up when `timeout` seconds (the client's own if it is not given) pass without
        an answer or progress, or `maximum` seconds in all. Cancelling the caller cancels the call.
        What `on_progress` returns to be awaited is awaited before the result is returned, for at
        most `timeout` seconds. `meta` becomes the `_meta` of the request.

        Raises what `request` raises: `RequestError` when the server refuses the call, for instance
        of an unknown tool.
        """
        params: Params = {"name": name, "arguments": arguments or {}}
        if meta is not None:
            params["_meta"] = meta
        result = await self._request(
            "tools/call",
            params,
            on_progress,
            timeout,
            maximum,
            ask_progress=self._reset_on_progress,
        )
        return CallResult(result)

    async def ping(self, *, timeout: float | None = None) -> None:
        """Ask whether the server is there; where there is no ping, by `server/discover`."""
        await self.request("server/discover" if self.revision.modern else "ping", timeout=timeout)

    async def set_log_level(self, level: str) -> None:
        """Ask for log messages of this level and more severe ones.

        A legacy server is told once, a modern one with each request. Raises `ValueError` for a
        level that does not exist, and `LocalProtocolError` when a legacy server does not log.
        """
        if level not in LOG_LEVELS:
            raise ValueError(f"level must be one of {', '.join(LOG_LEVELS)}: {level!r}")
        self._log_level = level
        if not self.revision.modern:
            await self.request("logging/setLevel", {"level": level})

    async def request(
        self,
        method: str,
        params: Params | None = None,
        *,
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
        maximum: float | None = None,
    ) -> dict[str, Any]:
        """Send any request of the protocol and return its result as it came.

        `timeout` is the client's own if it is not given. Raises `RequestError` for an error,
        `TimedOut`, `ConnectionLost`, `RemoteProtocolError` for an answer that is none, and
        `LocalProtocolError` when the request may not be sent.
        """
        return await self._request(method, params, on_progress, timeout, maximum)

    async def notify(self, method: str, params: Params | None = None) -> None:
        """Send any notification of the protocol; raises `LocalProtocolError` when it may not be."""
        await self._connected.notify(method, params)

    # Parts.

    async def _request(
        self,
        method: str,
        params: Params | None,
        on_progress: OnProgress | None,
        timeout: float | None,
        maximum: float | None,
        *,
        ask_progress: bool = False,
    ) -> dict[str, Any]:
        wire = self._connected
        if self.revision.modern:
            params = self._with_log_level(params)
        if timeout is None:
            timeout = self._timeout
        if not self._reset_on_progress and timeout is not None:
            # What no progress moves is a maximum.
            maximum, timeout = timeout if maximum is None else min(maximum, timeout), None
        return await wire.request(
            method,
            params,
            timeout=timeout,
            maximum=maximum,
            on_progress=on_progress,
            ask_progress=ask_progress,
        )

    def _readable(self, page: list[object]) -> list[ToolInfo]:
        tools: list[ToolInfo] = []
        fault_in = checker_named("Tool", self.revision, lenient=True)
        for place, item in enumerate(page):
            fault = fault_in(item, "tool")
            if fault is not None:
                detail = f"tools/list: tools[{place}]: {fault.message}"
                self._connected.report(Violated(Reason.INVALID_PARAMS, detail))
            definition = as_object(item)
            if definition is not None:
                tools.append(ToolInfo(definition))
        return tools

    @property
    def _connected(self) -> _Wire:
        if self._wire is None:
            raise LocalProtocolError("the client is not connected: use `async with` or `connect`")
        return self._wire

    async def _ask_for_log_level(self, level: str) -> None:
        if not declares(self.server_capabilities, "logging"):
            return  # it will not say anything, whatever the level
        try:
            await self.set_log_level(level)
        except BaseException:
            await self.aclose()
            raise

    def _with_log_level(self, params: Params | None) -> Params | None:
        # Logging: a modern server sends log messages for the requests that ask for them.
        level = self._log_level or ("debug" if self._on_log is not None else None)
        if level is None or LOG_LEVEL in (meta_of(params) or {}):
            return params
        return tagged(params, LOG_LEVEL, level)

    def _notified(self, notification: Notification) -> object:
        if notification.method == "notifications/message" and self._on_log is not None:
            params = notification.params or {}
            return self._on_log(params["level"], params["data"], params.get("logger"))
        if self._on_notification is not None:
            return self._on_notification(notification)
        return None
