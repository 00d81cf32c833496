"""Tools: what a server offers to be called, and how it is called."""

import contextvars
import logging
import re
from collections.abc import Callable, Sequence
from inspect import cleandoc
from typing import Any

from barewire.errors import RAISED_BY_HANDLERS, ArgumentError, Refuse, ToolError
from barewire.invoke import Answer, Call, Kind, behind, kind_of
from barewire.protocol.errors import Reason
from barewire.protocol.headers import Annotation, BadAnnotations, header_annotations
from barewire.protocol.revisions import LATEST, Revision
from barewire.server.pages import CursorError, page_of
from barewire.session.exceptions import BarewireError, RequestError

__all__ = ["Tool", "Tools"]

_log = logging.getLogger("barewire.server")

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""Tools › Tool Names."""

_SHOWN = 128
"""Characters of an unknown tool's name that are given back."""


class Tool:
    """One tool: its definition, and the function behind it, prepared once."""

    __slots__ = (
        "_definitions",
        "annotations",
        "description",
        "function",
        "headers",
        "icons",
        "kind",
        "meta",
        "name",
        "returns",
        "signature",
        "title",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: dict[str, Any] | None = None,
        icons: list[dict[str, Any]] | None = None,
        meta: dict[str, Any] | None = None,
        blocking: bool = True,
    ) -> None:
        # Late: msgspec takes longer to import than everything else here, and a program that is only
        # a client has no use for it.
        from barewire.protocol.codec import EncodeError, dumps
        from barewire.server.results import Returns
        from barewire.server.signature import Signature

        self.function: Callable[..., Any] = function
        self.name: str = _name_of(function) if name is None else name
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"a tool's name has 1 to 128 of the characters A-Z a-z 0-9 _ - . and no others: "
                f"{self.name!r:.128}"
            )
        self.title: str | None = title
        self.description: str | None = (
            description or cleandoc(behind(function).__doc__ or "") or None
        )
        self.annotations: dict[str, Any] | None = annotations
        self.icons: list[dict[str, Any]] | None = icons
        self.meta: dict[str, Any] | None = meta
        self.kind: Kind = kind_of(function, blocking=blocking)
        self.signature: Signature = Signature(function, self.name, is_async=self.kind == "task")
        self.headers: Sequence[Annotation] = _headers_of(self.signature.schema, self.name)
        self.returns: Returns = Returns(self.signature.returns, self.name)
        self._definitions: dict[str, dict[str, Any]] = {}
        try:
            dumps(self.definition(LATEST))
        except EncodeError as error:  # better now than for whoever lists the tools
            raise TypeError(f"{self.name}: its definition is no JSON: {error}") from None

    def definition(self, revision: Revision) -> dict[str, Any]:
        """Return how `tools/list` describes it in `revision`."""
        made = self._definitions.get(revision.name)
        if made is None:
            made = self._definitions[revision.name] = self._define(revision)
        return made

    def _define(self, revision: Revision) -> dict[str, Any]:
        members: dict[str, Any] = {"name": self.name}
        if revision.titles:
            members["title"] = self.title
        members["description"] = self.description
        members["inputSchema"] = self.signature.schema
        members["outputSchema"] = self.returns.schema_in(revision)
        if revision.tool_annotations:
            members["annotations"] = self.annotations
        if revision.icons:
            members["icons"] = self.icons
        if revision.titles:
            members["_meta"] = self.meta
        return {key: value for key, value in members.items() if value is not None}

    def call(self, call: Call) -> Answer:
        """Call it for a request whose params have been checked for shape."""
        exchange = call.exchange
        revision = exchange.revision
        try:
            values = self.signature.read(exchange.params.get("arguments") or {})
        except ArgumentError as error:
            # Tools › Error Handling: arguments that do not fit are an error that the model can
            # mend, in older revisions one of the protocol.
            if revision.argument_errors_in_result:
                return _failed(f"Invalid arguments for {self.name}: {error}")
            raise Refuse(Reason.INVALID_PARAMS, str(error)) from None
        if self.kind == "task":
            return self._await(call, values, revision)
        if self.kind == "thread":
            return self._thread(call, values, revision)
        try:
            # In a context of its own, as tasks and threads have it.
            value = contextvars.copy_context().run(self._run, call, values)
            return self.returns.result(value, revision)
        except RAISED_BY_HANDLERS as error:
            return self._answer_to(error)

    async def _await(self, call: Call, values: Any, revision: Revision) -> dict[str, Any]:
        try:
            return self.returns.result(await self._run(call, values), revision)
        except RAISED_BY_HANDLERS as error:
            return self._answer_to(error)

    async def _thread(self, call: Call, values: Any, revision: Revision) -> dict[str, Any]:
        try:
            value = await call.places.in_thread(lambda: self._run(call, values))
            return self.returns.result(value, revision)
        except RAISED_BY_HANDLERS as error:
            return self._answer_to(error)

    def _run(self, call: Call, values: Any) -> Any:
        context = call.context(self.kind) if self.signature.wants_context else None
        return self.signature.call(self.function, values, context)

    def _answer_to(self, error: BaseException) -> dict[str, Any]:
        """Return the result that stands for an exception, or raise it if it is the protocol's."""
        from barewire.server.results import ResultError

        if isinstance(error, ToolError):
            return _failed(str(error))
        if isinstance(error, RequestError | Refuse):
            raise error
        # What went wrong inside is none of the peer's business; the reference finds it in the log.
        reference = _reference()
        log = _log.warning if isinstance(error, BarewireError) else _log.error
        log("tool %s failed (%s)", self.name, reference, exc_info=error)
        what = str(error) if isinstance(error, ResultError) else "internal error"
        return _failed(f"{self.name} failed: {what} (reference {reference})")


class Tools:
    """The tools of a server, in the order in which they were added."""

    def __init__(self, page_size: int, on_change: Callable[[], object]) -> None:
        self._page_size = page_size
        self._on_change = on_change
        self._by_name: dict[str, Tool] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_name)

    def get(self, name: str) -> Tool:
        """Return the one of that name; raises `KeyError` when there is none."""
        return self._by_name[name]

    def headers_of(self, name: str) -> Sequence[Annotation]:
        """Return which arguments of a tool are repeated in headers; none if it is not there."""
        tool = self._by_name.get(name)
        return () if tool is None else tool.headers

    def add(self, tool: Tool) -> None:
        """Add one; raises `ValueError` when there is one of that name already."""
        if tool.name in self._by_name:
            raise ValueError(f"there is a tool {tool.name!r} already")
        self._by_name[tool.name] = tool
        self._on_change()

    def remove(self, name: str) -> None:
        """Remove one; raises `KeyError` when there is none of that name."""
        del self._by_name[name]
        self._on_change()

    def list(self, call: Call) -> Answer:
        """Answer `tools/list`: always in the same order, so that clients can cache it."""
        exchange = call.exchange
        try:
            page, after = page_of(
                list(self._by_name.values()),
                exchange.params.get("cursor"),
                self._page_size,
                exchange.request.method,
            )
        except CursorError:
            raise Refuse(Reason.INVALID_CURSOR) from None
        result: dict[str, Any] = {"tools": [tool.definition(exchange.revision) for tool in page]}
        if after is not None:
            result["nextCursor"] = after
        return result

    def call(self, call: Call) -> Answer:
        """Answer `tools/call`."""
        name = call.exchange.params["name"]
        tool = self._by_name.get(name)
        if tool is None:
            raise Refuse(Reason.UNKNOWN_TOOL, repr(name[:_SHOWN]), {"name": name[:_SHOWN]})
        return tool.call(call)


def _failed(message: str) -> dict[str, Any]:
    """Return the result of a tool that did not do what it was asked."""
    return {"content": [{"type": "text", "text": message}], "isError": True}


def _headers_of(schema: dict[str, Any], name: str) -> Sequence[Annotation]:
    found = header_annotations(schema)
    if isinstance(found, BadAnnotations):
        raise ValueError(f"{name}: {found.faults[0]}")
    return found


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise TypeError(f"{function!r} has no name of its own: give the tool a `name`")
    return name


def _reference() -> str:
    import secrets  # late: it brings along what few servers ever need

    return secrets.token_hex(4)
