"""Where recorded strangers say something else than we do, and what the specification says.

Each entry holds for the packages named, in some revisions: a `Divergence` is about the answer to
one request of our tour, an `Aside` about what a server says unasked.
"""

from collections.abc import Callable
from dataclasses import dataclass

from barewire.protocol.revisions import ALL, LATEST_LEGACY, LEGACY, MODERN, Revision
from tests.transcripts.meaning import FAILED, Meaning, error, told
from tests.transcripts.words import ELICITATION, ODD, Json

PYTHON_1, PYTHON_2 = "mcp 1", "mcp 2"
TYPESCRIPT_1, TYPESCRIPT_2 = "@modelcontextprotocol/sdk 1", "@modelcontextprotocol/server 2"
EVERYBODY = (PYTHON_1, PYTHON_2, TYPESCRIPT_1, TYPESCRIPT_2)

SILENCE: Meaning = None
"""No answer."""

GREET: Meaning = ("result", [("greet", ["name"])])
"""The one prompt."""

ASKS: Meaning = (
    "input required",
    {"it": ("elicitation/create", {**ELICITATION, "mode": "form"})},
    True,
)
"""A question for the user."""


@dataclass(frozen=True)
class Divergence:
    """What they answer to a request, what we answer, and who is right by which section."""

    packages: tuple[str, ...]
    method: str
    about: object
    """What the request is about: the `name`, `uri` or `cursor` of its params, or its own odd id."""
    theirs: Meaning
    ours: Meaning
    reason: str
    revisions: tuple[Revision, ...] = ALL


@dataclass(frozen=True)
class Aside:
    """What they say unasked that we do not say, or not so, and why."""

    packages: tuple[str, ...]
    method: str
    ours: Callable[[Json], Json | None]
    """The params that we send when theirs are these, `None` when we say nothing."""
    reason: str
    revisions: tuple[Revision, ...] = ALL


OLD = tuple(revision for revision in LEGACY if revision is not LATEST_LEGACY)

UNKNOWN_TOOL = "Tools › Error Handling: an unknown tool is a protocol error, -32602"
ARGUMENTS = (
    "Tools › Error Handling: in these revisions invalid arguments are a protocol error; that they "
    "belong into the result came later"
)
RESOURCE = "Resources › Error Handling: a resource that is not found is -32002 in these revisions"
PROMPT = "Prompts › Error Handling: an unknown prompt and missing arguments are -32602"
PARAMS = "JSON-RPC 2.0 § 5.1: params that are wrong are -32602"
STRUCTURED = "Changelog of 2025-06-18: structured tool output came with it"
METHOD = "JSON-RPC 2.0 § 5.1: a method that does not exist is -32601"
CURSOR = "Pagination › Error Handling: invalid cursors SHOULD give -32602"

DIVERGENCES = [
    Divergence(
        (PYTHON_1, PYTHON_2, TYPESCRIPT_1),
        "tools/call", "nothing", FAILED, error(-32602), UNKNOWN_TOOL,
    ),
    Divergence(EVERYBODY, "tools/call", "add", FAILED, error(-32602), ARGUMENTS, OLD),
    Divergence(
        (TYPESCRIPT_1,), "tools/call", f"{ODD}-0", error(-32603), error(-32602), PARAMS,
    ),
    Divergence(
        (TYPESCRIPT_1, TYPESCRIPT_2),
        "logging/setLevel", f"{ODD}-7", error(-32603), error(-32602), PARAMS, LEGACY,
    ),
    Divergence(
        (TYPESCRIPT_2,), "prompts/list", f"{ODD}-11", GREET, error(-32022),
        "Versioning: a server that does not speak the revision of a request MUST answer -32022",
        MODERN,
    ),
    Divergence(
        (PYTHON_2,), "tools/call", f"{ODD}-12", ASKS, error(-32021),
        "Multi Round-Trip Requests: servers MUST NOT ask for what the client has not declared",
        MODERN,
    ),
    *(
        Divergence(
            EVERYBODY, "tools/call", name,
            told(data, data=data), told(data), STRUCTURED, (revision,),
        )
        for revision in LEGACY[:2]
        for name, data in (
            ("add", {"sum": 5}),
            ("whoami", {"protocol_version": revision.name, "client_name": "barewire"}),
        )
    ),
    Divergence(
        (PYTHON_1,), "tools/call", "slow", error(0), SILENCE,
        "Cancellation › Behavior Requirements: receivers SHOULD NOT answer what was cancelled",
    ),
    Divergence(
        (PYTHON_1,), "resources/read", "other://nowhere", error(0), error(-32002), RESOURCE, LEGACY
    ),
    Divergence(
        (PYTHON_2, TYPESCRIPT_1, TYPESCRIPT_2),
        "resources/read", "other://nowhere", error(-32602), error(-32002), RESOURCE, LEGACY,
    ),
    *(
        Divergence((package,), "prompts/get", name, error(code), error(-32602), PROMPT, revisions)
        for name in ("greet", "nothing")
        for package, code, revisions in (
            (PYTHON_1, 0, LEGACY),
            (PYTHON_2, 0, LEGACY),
            (PYTHON_2, -32603, MODERN),
        )
    ),
    *(
        Divergence((PYTHON_1,), method, about, error(-32602), error(-32601), METHOD)
        for method, about in (("tools/frobnicate", f"{ODD}-1"), ("server/discover", f"{ODD}-2"))
    ),
    Divergence(
        EVERYBODY, "prompts/list", "nowhere", GREET, error(-32602), CURSOR,
    ),
]  # fmt: skip


def _silence(_: Json) -> None:
    return None


def _without_message(params: Json) -> Json:
    return {key: params[key] for key in params if key != "message"}


def _without_own_errors(params: Json) -> Json | None:
    return None if params["logger"] == "mcp.server.exception_handler" else params


ASIDES = [
    Aside(
        EVERYBODY, "notifications/progress", _without_message,
        "Changelog of 2025-03-26: the message of progress came with it", LEGACY[:1],
    ),
    Aside(
        (PYTHON_1,), "notifications/resources/updated", _silence,
        "Resources › Subscriptions: a client that has not subscribed is not told", LEGACY,
    ),
    Aside(
        (PYTHON_1,), "notifications/message", _without_own_errors,
        "JSON-RPC 2.0 § 5.1: a line that cannot be read is answered with an error", LEGACY,
    ),
]  # fmt: skip
