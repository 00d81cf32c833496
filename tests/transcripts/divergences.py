"""Where recorded strangers answer otherwise than we do, and what the specification says.

Each entry is about one request of our tour, in some revisions, and holds for the packages named.
"""

from dataclasses import dataclass

from barewire.protocol.revisions import ALL, LATEST_LEGACY, LEGACY, MODERN, Revision
from tests.transcripts.meaning import FAILED, Meaning, error

PYTHON_1, PYTHON_2 = "mcp 1", "mcp 2"
TYPESCRIPT_1, TYPESCRIPT_2 = "@modelcontextprotocol/sdk 1", "@modelcontextprotocol/server 2"
EVERYBODY = (PYTHON_1, PYTHON_2, TYPESCRIPT_1, TYPESCRIPT_2)

SILENCE: Meaning = None
"""No answer."""


@dataclass(frozen=True)
class Divergence:
    """What they answer to a request, what we answer, and who is right by which section."""

    packages: tuple[str, ...]
    method: str
    about: object
    """What the request is about: the `name` or `uri` of its params, or its `cursor`."""
    theirs: Meaning
    ours: Meaning
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
METHOD = "JSON-RPC 2.0 § 5.1: a method that does not exist is -32601"
CURSOR = "Pagination › Error Handling: invalid cursors SHOULD give -32602"

DIVERGENCES = [
    Divergence(
        (PYTHON_1, PYTHON_2, TYPESCRIPT_1),
        "tools/call", "nothing", FAILED, error(-32602), UNKNOWN_TOOL,
    ),
    Divergence(EVERYBODY, "tools/call", "add", FAILED, error(-32602), ARGUMENTS, OLD),
    Divergence(
        (TYPESCRIPT_1,), "tools/call", 7, error(-32603), error(-32602),
        "JSON-RPC 2.0 § 5.1: params that are wrong are -32602",
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
        Divergence((PYTHON_1,), method, None, error(-32602), error(-32601), METHOD)
        for method in ("tools/frobnicate", "server/discover")
    ),
    Divergence(
        EVERYBODY, "prompts/list", "nowhere",
        ("result", [("greet", ["name"])]), error(-32602), CURSOR,
    ),
]  # fmt: skip
