"""A server: registries, and one way to serve what is in them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar, overload
from weakref import WeakSet

from barewire.invoke import Answer, Call
from barewire.protocol.capabilities import Capabilities
from barewire.protocol.jsonrpc import Params
from barewire.protocol.revisions import ALL, Revision
from barewire.server.tools import Tool, Tools
from barewire.session.events import Violated
from barewire.session.facts import Implementation, Local
from barewire.session.limits import DEFAULT_HTTP_LIMITS, DEFAULT_LIMITS, HttpLimits, Limits
from barewire.session.principal import Authenticate
from barewire.session.tables import LENIENT, Leniency

__all__ = ["Audience", "Server"]

F = TypeVar("F", bound=Callable[..., Any])


class Audience(Protocol):
    """Somebody being served, who wants to know when what is offered changes."""

    def publish(self, method: str, params: Params | None = None) -> None:
        """Pass a notification of change on, if the client wants it; from any thread."""
        ...


class Server:
    """An MCP server.

        server = Server("greeter")

        @server.tool
        async def greet(name: str) -> str:
            "Return a greeting."
            return f"Hello, {name}!"

        server.run()

    `name`, `version`, `title`, `description`, `website_url` and `icons` are how it introduces
    itself, as far as a revision knows them; `instructions` is advice to the model that uses it.

    It speaks all revisions unless `revisions` names fewer. `strict` refuses what is accepted from
    peers although the specification says otherwise. `limits` bound what one client may take up.
    `page_size` is the most that one page of a list holds. `on_fault` is called on the event loop
    with everything that a client does wrong and the server lives through, such as a line that is no
    message; the first of each client is also logged as a warning, the others for debugging. Over
    HTTP it hears of what is wrong within a session and could not be told by an answer, and of all
    clients together the first is the warning.

    `authenticate` is asked about every HTTP request who makes it, an `async` function from the
    request's facts to a `Principal`, or to `None` for somebody who may not come in (401). What is
    remembered of a client then is its principal's alone. By default anybody may ask.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "0",
        title: str | None = None,
        description: str | None = None,
        website_url: str | None = None,
        icons: list[dict[str, Any]] | None = None,
        instructions: str | None = None,
        revisions: tuple[Revision, ...] = ALL,
        strict: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        page_size: int = 1000,
        on_fault: Callable[[Violated], object] | None = None,
        authenticate: Authenticate | None = None,
    ) -> None:
        members = {
            "name": name,
            "version": version,
            "title": title,
            "description": description,
            "websiteUrl": website_url,
            "icons": icons,
        }
        self.info: Implementation = {key: value for key, value in members.items() if value}
        self.instructions = instructions
        self.revisions = revisions
        self.limits = limits
        self.strict = strict
        self.on_fault = on_fault
        self.authenticate = authenticate
        self.tools: Tools = Tools(page_size, self._tools_changed)
        self._audience: WeakSet[Audience] = WeakSet()
        self.dispatch: dict[str, Callable[[Call], Answer]] = {
            "tools/list": self.tools.list,
            "tools/call": self.tools.call,
        }
        """What answers each method."""

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(
        self,
        /,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: dict[str, Any] | None = None,
        icons: list[dict[str, Any]] | None = None,
        meta: dict[str, Any] | None = None,
        blocking: bool = True,
    ) -> Callable[[F], F]: ...

    def tool(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: dict[str, Any] | None = None,
        icons: list[dict[str, Any]] | None = None,
        meta: dict[str, Any] | None = None,
        blocking: bool = True,
    ) -> Callable[..., Any]:
        """Register a function as a tool and return it as it is.

        The name is the function's, the description its docstring, the input schema comes from the
        annotations of its parameters and the output schema from that of its result; text and
        content blocks give none. A parameter annotated with `Context` (`SyncContext` in a plain
        function) gets the context of the request and is no argument. An `async def` function runs
        on the event loop, a plain one in a thread, and with `blocking=False` on the loop as well:
        then it must never wait. All of them see the context variables of where serving began.

        What it raises ends the call and nothing else, also `SystemExit`: a `ToolError` is told to
        the client as a failure of the tool, a `RequestError` as that error, and anything else is
        logged and told as an internal error with a reference to the log. A result that is not what
        the annotation says is such an error. A call that the client gives up is cancelled; in a
        thread it goes on, but its next word through the context raises `Cancelled`.

        Raises `TypeError` for what cannot be called by name with JSON (a parameter or a result that
        no schema can describe, any number of arguments, positional-only ones, a generator), and
        `ValueError` for a name that is taken or has characters that others may not take, and for a
        `Header` where none may be.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            tool = Tool(
                function,
                name=name,
                title=title,
                description=description,
                annotations=annotations,
                icons=icons,
                meta=meta,
                blocking=blocking,
            )
            self.tools.add(tool)
            return function

        return register if function is None else register(function)

    def capabilities(self) -> Capabilities:
        """Return what this server declares, by what is registered.

        A connection keeps what was declared when it began.
        """
        declared: Capabilities = {"logging": {}}
        if len(self.tools):
            declared["tools"] = {"listChanged": True}
        return declared

    def local(self) -> Local:
        """Return what this server is and offers, for a connection."""
        return Local(
            "server",
            self.info,
            self.capabilities(),
            self.instructions,
            self.revisions,
            Leniency(0) if self.strict else LENIENT,
        )

    def join(self, audience: Audience) -> None:
        """Let `audience` hear of changes as long as it lives."""
        self._audience.add(audience)

    def _tools_changed(self) -> None:
        for audience in list(self._audience):
            audience.publish("notifications/tools/list_changed")

    def run(self, *, backend: str = "asyncio") -> None:
        """Serve over stdio until the client is gone; for a program that a client starts.

        `backend` is `asyncio` or `trio`. Standard output belongs to the protocol from here on: what
        the program prints goes to standard error.
        """
        from barewire.run import run_stdio

        run_stdio(self, backend=backend)

    def run_http(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        path: str = "/mcp",
        stateless_http: bool = False,
        json_response: bool | None = None,
        hosts: Sequence[str] | None = None,
        origins: Sequence[str] = (),
        parser: Literal["h11", "httptools"] = "h11",
        limits: HttpLimits = DEFAULT_HTTP_LIMITS,
        backend: str = "asyncio",
    ) -> None:
        """Serve over Streamable HTTP until SIGINT or SIGTERM; says on standard error where.

        With `stateless_http` legacy clients get no session: each of their requests stands alone.
        `json_response` says whether answers are always JSON (True) or to legacy clients always
        event streams (False); by default they are JSON if nothing is said before the answer and
        that comes within `limits.defer` seconds.

        `hosts` are the names that clients call it by (default: this machine and `host`), `origins`
        those of web pages that may ask it from elsewhere (default: none); their browsers are told
        so by CORS. `parser` reads the requests; `httptools` comes with the extra `speed`.

        Raises `ValueError` for options that make no sense, OSError when the address cannot be had.
        For TLS, and to serve within a program of one's own, see `barewire.run_http`.
        """
        from barewire.run_http import run_http

        run_http(
            self,
            host,
            port,
            path=path,
            stateless_http=stateless_http,
            json_response=json_response,
            hosts=hosts,
            origins=origins,
            parser=parser,
            limits=limits,
            backend=backend,
        )
