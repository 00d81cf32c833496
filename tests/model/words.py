"""The words of the protocol, written by hand from the pages and schemas of the specification.

Nothing here comes from the tables of the package: who sends what in which revision, which
capability it takes and which code says what stand here a second time (and in `shapes`, what its
params look like), so that a wrong row there meets a right one here. Revisions are numbered 1 to 5,
oldest first.
"""

from typing import Any, TypeAlias, TypeGuard, cast

Json: TypeAlias = dict[str, Any]

REVISIONS = {
    1: "2024-11-05",
    2: "2025-03-26",
    3: "2025-06-18",
    4: "2025-11-25",
    5: "2026-07-28",
}
MODERN = 5
NUMBERS = {name: number for number, name in REVISIONS.items()}

# Who sends a request, by revision: C client, S server, B both, - nobody. What modern servers ask
# travels inside an `input_required` result and is no request (Multi Round-Trip Requests).
REQUESTS = {
    "initialize": "CCCC-",
    "ping": "BBBB-",
    "server/discover": "----C",
    "tools/list": "CCCCC",
    "tools/call": "CCCCC",
    "resources/list": "CCCCC",
    "resources/templates/list": "CCCCC",
    "resources/read": "CCCCC",
    "resources/subscribe": "CCCC-",
    "resources/unsubscribe": "CCCC-",
    "prompts/list": "CCCCC",
    "prompts/get": "CCCCC",
    "completion/complete": "CCCCC",
    "logging/setLevel": "CCCC-",
    "subscriptions/listen": "----C",
    "roots/list": "SSSS-",
    "sampling/createMessage": "SSSS-",
    "elicitation/create": "--SS-",
    "tasks/get": "---B-",
    "tasks/result": "---B-",
    "tasks/list": "---B-",
    "tasks/cancel": "---B-",
}
NOTIFICATIONS = {
    "notifications/initialized": "CCCC-",
    "notifications/cancelled": "BBBBB",
    "notifications/progress": "BBBBS",
    "notifications/message": "SSSSS",
    "notifications/resources/updated": "SSSSS",
    "notifications/resources/list_changed": "SSSSS",
    "notifications/tools/list_changed": "SSSSS",
    "notifications/prompts/list_changed": "SSSSS",
    "notifications/roots/list_changed": "CCCC-",
    "notifications/tasks/status": "---B-",
    "notifications/elicitation/complete": "---S-",
    "notifications/subscriptions/acknowledged": "----S",
}

# What whoever serves a request declares, and whoever sends a notification.
TAKES = {
    "tools/list": "tools",
    "tools/call": "tools",
    "resources/list": "resources",
    "resources/templates/list": "resources",
    "resources/read": "resources",
    "resources/subscribe": "resources.subscribe",
    "resources/unsubscribe": "resources.subscribe",
    "prompts/list": "prompts",
    "prompts/get": "prompts",
    "completion/complete": "completions",
    "logging/setLevel": "logging",
    "roots/list": "roots",
    "sampling/createMessage": "sampling",
    "elicitation/create": "elicitation",
    "tasks/get": "tasks",
    "tasks/result": "tasks",
    "tasks/list": "tasks.list",
    "tasks/cancel": "tasks.cancel",
    "notifications/message": "logging",
    "notifications/resources/updated": "resources.subscribe",
    "notifications/resources/list_changed": "resources.listChanged",
    "notifications/tools/list_changed": "tools.listChanged",
    "notifications/prompts/list_changed": "prompts.listChanged",
    "notifications/roots/list_changed": "roots.listChanged",
}

# The members of both capability objects: the first and the last revision that has them.
DECLARED_IN = {
    "elicitation": (3, 5),
    "completions": (2, 5),
    "tasks": (4, 4),
    "extensions": (5, 5),
}

INTRODUCED_BY = {
    **{"name": 1, "version": 1, "title": 3},
    **{"description": 4, "icons": 4, "websiteUrl": 4},
}
"""The members of an implementation's introduction, and the first revision that has each."""

CACHEABLE = {
    *("server/discover", "tools/list", "prompts/list"),
    *("resources/list", "resources/templates/list", "resources/read"),
}
"""Modern results of these say how long they hold (Caching)."""

FILTERS = {
    "toolsListChanged": "tools.listChanged",
    "promptsListChanged": "prompts.listChanged",
    "resourcesListChanged": "resources.listChanged",
    "resourceSubscriptions": "resources.subscribe",
}
"""The members of a `subscriptions/listen` filter, and what a server declares that serves them."""
ASKED_BY = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
    "notifications/resources/updated": "resourceSubscriptions",
}

LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
"""Least severe first (Logging, after RFC 5424)."""
TERMINAL = {"completed", "failed", "cancelled"}
"""The states in which a task of revision 4 has ended."""

VERSION = "io.modelcontextprotocol/protocolVersion"
CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNSUPPORTED_VERSION = -32022

# The code of a reason, by revision; -32603 stands for what a revision has no code for.
CODES = {
    "INVALID_PARAMS": [-32602] * 5,
    "UNKNOWN_TOOL": [-32602] * 5,
    "UNKNOWN_PROMPT": [-32602] * 5,
    "INVALID_CURSOR": [-32602] * 5,
    "INVALID_LOG_LEVEL": [-32602] * 5,
    "INVALID_REQUEST_STATE": [-32602] * 5,
    "RESOURCE_NOT_FOUND": [-32002, -32002, -32002, -32002, -32602],
    "URL_ELICITATION_REQUIRED": [-32603, -32603, -32603, -32042, -32603],
    "MISSING_CLIENT_CAPABILITY": [-32603, -32603, -32603, -32603, -32021],
    "METHOD_NOT_FOUND": [-32601] * 5,
    "USER_REJECTED": [-1] * 5,
    "INTERNAL_ERROR": [-32603] * 5,
    "BUSY": [-32603] * 5,
}


def sends(role: str, name: str, revision: int) -> bool:
    """Whether `role` puts this on the wire in a revision."""
    row = REQUESTS.get(name) or NOTIFICATIONS.get(name) or "-----"
    return row[revision - 1] in ("B", "C" if role == "client" else "S")


def takes(name: str, revision: int) -> str | None:
    """Return the capability that a method takes; before revision 2 none was for completion."""
    return None if name == "completion/complete" and revision == 1 else TAKES.get(name)


def has(capabilities: Json, path: str) -> bool:
    """Whether capabilities hold a dotted member: an object by being there, a boolean by value."""
    if path == "elicitation.form" and capabilities.get("elicitation") == {}:
        return True  # Elicitation › Capabilities: an empty object means form alone
    at: object = capabilities
    for step in path.split("."):
        members = as_object(at)
        if members is None or step not in members:
            return False
        at = members[step]
    return at is not None and at is not False


def declared_in(capabilities: Json, revision: int, role: str) -> Json:
    """Return what may be declared in a revision of what a peer has."""
    kept: Json = {}
    for key, value in capabilities.items():
        first, last = DECLARED_IN.get(key, (1, 5))
        if first <= revision <= last:
            kept[key] = value
    if role == "client":
        if revision == MODERN and "roots" in kept:
            kept["roots"] = {}
        if revision < 4 and "sampling" in kept:
            kept["sampling"] = {}
        if revision == 3 and "elicitation" in kept:
            del kept["elicitation"]
            if has(capabilities, "elicitation.form"):
                kept["elicitation"] = {}  # revision 3 knows forms alone
    return kept


def introduced_in(info: Json, revision: int) -> Json:
    """Return how an implementation introduces itself in a revision."""
    return {key: value for key, value in info.items() if INTRODUCED_BY.get(key, 4) <= revision}


def asked_of_client(method: str, params: Json, revision: int) -> str | None:
    """Return the capability that a question of a server takes beyond the one of its method."""
    if method == "elicitation/create" and revision >= 4:
        return f"elicitation.{params.get('mode', 'form')}"
    if method == "sampling/createMessage" and revision >= 4 and {"tools", "toolChoice"} & {*params}:
        return "sampling.tools"
    return None


def takes_as_task(method: str, revision: int) -> str | None:
    """Return the capability that being run as a task takes: only revision 4 has tasks."""
    able = ("tools/call", "sampling/createMessage", "elicitation/create")
    if revision != 4 or method not in able:
        return None
    return f"tasks.requests.{method.replace('/', '.')}"


def as_object(value: object) -> Json | None:
    """Return a value that is a JSON object, `None` for any other."""
    return cast("Json", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """Return a value that is a JSON array, `None` for any other."""
    return cast("list[object]", value) if isinstance(value, list) else None


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def legible(value: object) -> bool:
    """Whether something may be an id or a progress token: a string or an integer."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
