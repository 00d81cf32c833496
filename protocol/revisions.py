"""The five revisions of the protocol, each a value.

The differences read as a changelog: a revision is the one before it *but* for what changed. This is
the only module that names a date or compares revisions; everything else asks a `Revision`.
"""

from dataclasses import replace
from typing import Any, Literal, TypeAlias

from barewire.protocol.record import record

__all__ = [
    "ALL",
    "LATEST",
    "LATEST_LEGACY",
    "LEGACY",
    "MODERN",
    "V2024_11_05",
    "V2025_03_26",
    "V2025_06_18",
    "V2025_11_25",
    "V2026_07_28",
    "Era",
    "Revision",
    "revision_named",
]

Era: TypeAlias = Literal["legacy", "modern"]
"""`legacy`: an `initialize` handshake opens a session. `modern`: every request stands alone."""


@record
class Revision:
    """What one revision of the specification says where the revisions differ."""

    name: str
    """The date that stands on the wire."""
    order: int
    """Its place in history, from 0; a later revision has a greater one."""
    era: Era = "legacy"
    batch: bool = False
    """Arrays of messages are legal (Base Protocol › Batching)."""
    null_id: bool = True
    """On a pipe, an error with no id to give back says `"id": null` instead of leaving it out."""
    version_header: bool = False
    """HTTP requests after `initialize` name the revision in `MCP-Protocol-Version`."""
    streamable_http: bool = False
    """The transport with one endpoint exists; before it, HTTP+SSE had two."""
    priming: bool = False
    """SSE streams open with an event that has an id and empty data, and may be polled."""
    argument_errors_in_result: bool = False
    """Arguments that a tool's schema refuses give a result with `isError`, not a protocol error."""
    structured_content: Literal["none", "object", "any"] = "none"
    """What a tool result's `structuredContent` may be."""
    content_types: frozenset[str] = frozenset({"text", "image", "resource"})
    """The kinds of content block that a tool result or a prompt may hold."""
    capabilities_declared_for_completion: bool = False
    """Servers that complete arguments declare it."""
    tool_annotations: bool = False
    """Tools may be annotated with hints on what they do."""
    progress_message: bool = False
    """Progress may carry a `message`."""
    titles: bool = False
    """Things have a `title` beside their `name`, and `_meta` stands on more objects."""
    icons: bool = False
    """Things may have icons, implementations a description and a website."""
    modes: bool = False
    """Elicitation has modes and sampling has tools, and clients declare which they serve."""
    url_elicitation_error: bool = False
    """-32042 says that a URL has to be visited first."""

    @property
    def modern(self) -> bool:
        """Whether requests stand alone, with no handshake before them."""
        return self.era == "modern"

    def at_least(self, other: "Revision") -> bool:
        """Whether this is `other` or a later revision."""
        return self.order >= other.order

    def but(self, name: str, **changes: Any) -> "Revision":
        """Return the revision that came after this one and differs from it in `changes`."""
        return replace(self, name=name, order=self.order + 1, **changes)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<revision {self.name}>"


V2024_11_05 = Revision("2024-11-05", 0)
V2025_03_26 = V2024_11_05.but(
    "2025-03-26",
    batch=True,
    streamable_http=True,
    content_types=V2024_11_05.content_types | {"audio"},
    capabilities_declared_for_completion=True,
    tool_annotations=True,
    progress_message=True,
)
V2025_06_18 = V2025_03_26.but(
    "2025-06-18",
    batch=False,
    version_header=True,
    structured_content="object",
    content_types=V2025_03_26.content_types | {"resource_link"},
    titles=True,
)
V2025_11_25 = V2025_06_18.but(
    "2025-11-25",
    null_id=False,
    priming=True,
    argument_errors_in_result=True,
    icons=True,
    modes=True,
    url_elicitation_error=True,
)
V2026_07_28 = V2025_11_25.but(
    "2026-07-28",
    era="modern",
    priming=False,
    structured_content="any",
    url_elicitation_error=False,
)

LEGACY = (V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25)
"""The revisions that open with a handshake, oldest first."""
MODERN = (V2026_07_28,)
"""The revisions without a handshake, oldest first."""
ALL = LEGACY + MODERN
"""Every revision, oldest first."""
LATEST_LEGACY = LEGACY[-1]
LATEST = ALL[-1]

_BY_NAME = {revision.name: revision for revision in ALL}


def revision_named(name: object) -> Revision | None:
    """Return the revision of that date, or `None` for anything else."""
    return _BY_NAME.get(name) if isinstance(name, str) else None
