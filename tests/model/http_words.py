"""What HTTP adds to the words of the protocol: a request, what a server is set up to be, and how
the fields of a head are read. Written from Streamable HTTP of each revision and RFC 9110.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from tests.model.words import Json

SESSION = "mcp-session-id"
VERSION_FIELD = "mcp-protocol-version"
METHOD_FIELD = "mcp-method"
NAME_FIELD = "mcp-name"
LAST_EVENT = "last-event-id"
PARAM_FIELD = "mcp-param-"
USER = "x-user"
"""The field that the hook of the tests reads a principal from: `nobody` is refused."""

HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021

# Streamable HTTP › Standard Request Headers: what `Mcp-Name` repeats.
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


@dataclass(frozen=True)
class HttpBounds:
    """How much of each is borne. Where a bound is met is decided, not specified."""

    body: int = 4_000
    sessions: int = 3
    idle: float = 1_800.0
    kept: int = 900
    """Bytes of event data that one session keeps."""
    kept_time: float = 60.0
    running: int = 4
    """Handlers of modern and of stateless requests at a time."""
    queued: int = 2
    """Such requests that wait for a handler."""
    session_running: int = 3
    """Handlers of one session at a time."""
    session_queued: int = 2
    """Requests of one session that wait for a handler."""
    listening: int = 2
    batch: int = 4
    defer: float = 2.0
    comment: float = 15.0


@dataclass(frozen=True)
class Setup:
    """What a server is set up to be."""

    speaks: tuple[int, ...] = (1, 2, 3, 4, 5)
    stateless: bool = False
    json: bool | None = None
    """Whether requests are answered as JSON; `None` leaves it to what each one says."""
    capabilities: Json = field(
        default_factory=lambda: {"logging": {}, "tools": {"listChanged": True}}
    )
    info: Json = field(default_factory=lambda: {"name": "server", "version": "1"})
    users: bool = False
    """Whether each request must say by `USER` who it is from."""
    bounds: HttpBounds = HttpBounds()
    path: str = "/mcp"

    @property
    def legacy(self) -> list[int]:
        """The revisions with a handshake that are spoken."""
        return [one for one in self.speaks if one < 5]

    @property
    def modern(self) -> bool:
        """Whether the revision without one is."""
        return 5 in self.speaks

    @property
    def sessions(self) -> bool:
        """Whether `initialize` opens a session."""
        return bool(self.legacy) and not self.stateless


@dataclass
class Ask:
    """One HTTP request."""

    method: str = "POST"
    fields: dict[str, str] = field(default_factory=dict[str, str])
    """By lower-cased name."""
    body: bytes = b""
    path: str = "/mcp"

    def get(self, name: str) -> str | None:
        """Return a field, `None` when it is not there."""
        return self.fields.get(name)


# RFC 9110 › Accept.

_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r';\s*([^\s=;]+)=("(?:[^"\\]|\\.)*"|[^;\s]*)\s*')
_RANGE = re.compile(r"\s*([^\s/;,]+)/([^\s/;,]+)\s*")


def wants(accept: str | None, kind: str) -> float:
    """Return the weight that a well-formed `Accept` gives to a media type.

    RFC 9110 › Accept: the most specific range counts; no field means anything.
    """
    if accept is None or not accept.strip():
        return 1.0
    ranks = {kind: 3, kind.split("/", 1)[0] + "/*": 2, "*/*": 1}
    best, weight = 0, 0.0
    for element in _ELEMENT.findall(accept):
        found = _RANGE.match(element)
        if found is None:
            continue
        rank = ranks.get(f"{found[1]}/{found[2]}".lower(), 0)
        if rank and rank >= best:
            best, weight = rank, 1.0
            for name, value in _PARAMETER.findall(element[found.end() :]):
                if name.lower() == "q":
                    weight = float(value)
    return weight


def takes_json(accept: str | None) -> bool:
    """Whether a client takes `application/json`."""
    return wants(accept, "application/json") > 0


def takes_events(accept: str | None) -> bool:
    """Whether a client takes `text/event-stream`."""
    return wants(accept, "text/event-stream") > 0


def says_json(content_type: str | None) -> bool:
    """Whether a well-formed `Content-Type` says JSON (RFC 8259: there is no JSON but UTF-8)."""
    kind, _, rest = (content_type or "").partition(";")
    charset = re.search(r'charset="?([^";\s]*)', rest.lower())
    utf_8 = charset is None or charset[1] in ("utf-8", "utf8", "us-ascii")
    return kind.strip().lower() == "application/json" and utf_8


def said(value: str) -> str | None:
    """Return what a mirrored field stands for (Value Encoding), `None` when it stands for nothing.

    Padding that is missing and characters beyond the alphabet make it malformed, and so does what
    is not UTF-8.
    """
    if any(not (32 <= ord(one) < 127 or one == "\t") for one in value):
        return None
    if not (value.startswith("=?base64?") and value.endswith("?=") and len(value) >= 11):
        return value
    inside = value[len("=?base64?") : -2]
    try:
        return base64.b64decode(inside, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def mirrored(value: str) -> str:
    """Return how a client writes a value into a mirrored field (Value Encoding)."""
    plain = all(33 <= ord(one) < 127 for one in value.replace(" ", "")) and value == value.strip()
    if plain and not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    return "=?base64?" + base64.b64encode(value.encode()).decode() + "?="
