"""What servers answer, as it came over the wire, with the members that everybody wants at hand.

Each record keeps the wire's object in `raw`: members that are not named here, and content blocks
that nobody knows yet, are there.
"""

from typing import Any, Protocol

from barewire.protocol.record import record
from barewire.protocol.values import as_array, as_object, as_string

__all__ = ["CallResult", "ServerEnd", "ToolInfo"]


@record
class ToolInfo:
    """A tool that a server offers."""

    raw: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called by."""
        return str(self.raw.get("name", ""))

    @property
    def title(self) -> str:
        """What to call it before people: its title, that of its annotations, or its name."""
        annotations = as_object(self.raw.get("annotations")) or {}
        return str(self.raw.get("title") or annotations.get("title") or self.name)

    @property
    def description(self) -> str | None:
        """What it does."""
        return as_string(self.raw.get("description"))

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return as_object(self.raw.get("inputSchema")) or {"type": "object"}

    @property
    def output_schema(self) -> dict[str, Any] | None:
        """The JSON Schema of its structured content, `None` when it has none."""
        return as_object(self.raw.get("outputSchema"))


@record
class CallResult:
    """What a tool answered."""

    raw: dict[str, Any]

    @property
    def content(self) -> list[dict[str, Any]]:
        """The content blocks, those of unknown types included."""
        content = as_array(self.raw.get("content")) or []
        return [block for block in map(as_object, content) if block is not None]

    @property
    def structured_content(self) -> Any:
        """The data, `None` when the tool returned none or the revision has no such thing.

        In the revisions that know objects only, servers send another value as a member of one:
        those of barewire as `result`.
        """
        return self.raw.get("structuredContent")

    @property
    def is_error(self) -> bool:
        """Whether the tool says that it failed."""
        return self.raw.get("isError") is True

    @property
    def text(self) -> str:
        """The text blocks, joined by line feeds."""
        return "\n".join(
            str(block.get("text", "")) for block in self.content if block.get("type") == "text"
        )


class ServerEnd(Protocol):
    """How a server that was started as a process ended."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative when a signal ended it, `None` when nothing could end it."""
        ...

    @property
    def signals(self) -> tuple[int, ...]:
        """What had to be sent to end it; nothing when it ended by itself."""
        ...

    @property
    def leftovers(self) -> bool:
        """Whether processes that it started still run; `Stdio(kill_tree="always")` ends them."""
        ...
