"""What the tests put on the wire: params, good and bad, capabilities, results, broken lines."""

from typing import Any

from tests.model.words import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
    NOTIFICATIONS,
    REQUESTS,
    REVISIONS,
    SUBSCRIPTION,
    VERSION,
    Json,
)

ALL = (1, 2, 3, 4, 5)
LEGACY = (1, 2, 3, 4)

_TASKS: Json = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
SERVERS: list[Json] = [
    {
        "tools": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "prompts": {"listChanged": True},
        "completions": {},
        "logging": {},
        "tasks": _TASKS,
        "experimental": {"x": {}},
    },
    {"tools": {}, "resources": {"subscribe": False}, "prompts": {"listChanged": False}},
    {"resources": {"listChanged": True}, "logging": {}, "tasks": {}},
    {"prompts": {"listChanged": True}, "completions": {}, "tasks": {"list": {}}},
    {},
]
CLIENTS: list[Json] = [
    {
        "roots": {"listChanged": True},
        "sampling": {"tools": {}, "context": {}},
        "elicitation": {"form": {}, "url": {}},
        "tasks": {
            **{"list": {}, "cancel": {}},
            "requests": {"sampling": {"createMessage": {}}, "elicitation": {"create": {}}},
        },
    },
    {"sampling": {}, "elicitation": {}},
    {"roots": {}, "elicitation": {"url": {}}, "tasks": {}},
    {"roots": {"listChanged": False}, "experimental": {}},
    {},
]

_TEXT = {"type": "text", "text": "hi"}
_MESSAGES = {"messages": [{"role": "user", "content": _TEXT}], "maxTokens": 9}
_FORM: Json = {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}
_AT = "2026-01-01T00:00:00Z"
_STATUS = {"taskId": "t", "ttl": None, "createdAt": _AT, "lastUpdatedAt": _AT}
_REF = {"type": "ref/prompt", "name": "p"}
_ARGUMENT = {"name": "a", "value": "v"}
_WHO = {"name": "n", "version": "1"}

# Both good and bad: which of them fit a revision is for the model to say.
PARAMS: dict[str, list[Json | None]] = {
    "tools/call": [
        {"name": "t"},
        {"name": "t", "arguments": {"a": [1, {}]}, "more": 1},
        {"name": "t", "task": {}},
        {"name": "t", "task": 3},
        {"name": "t", "inputResponses": [], "requestState": "s"},
        {"name": "t", "requestState": 1},
        {"name": 1},
        {"name": "t", "arguments": []},
        {},
        None,
    ],
    "tools/list": [None, {}, {"cursor": ""}, {"cursor": 1}],
    "resources/list": [None, {"cursor": "c"}, {"cursor": {}}],
    "resources/templates/list": [{}, {"cursor": None}, {"cursor": "c"}],
    "prompts/list": [None, {"cursor": "c"}, {"cursor": []}],
    "tasks/list": [None, {"cursor": "c"}, {"cursor": 2}],
    "resources/read": [{"uri": "a:1"}, {}, {"uri": 2}, {"uri": "a:1", "inputResponses": 1}],
    "resources/subscribe": [
        *({"uri": uri} for uri in ("a:1", "b:/x", "a:2", "a:3", "a:1", "a:4")),
        *({}, None),
    ],
    "resources/unsubscribe": [{"uri": "a:1"}, {"uri": "never"}, {"uri": []}],
    "prompts/get": [
        {"name": "p", "arguments": {"a": "b"}},
        {"name": "p", "arguments": {"a": 1}},
        {},
    ],
    "completion/complete": [
        {"ref": _REF, "argument": _ARGUMENT},
        {"ref": {"type": "ref/resource", "uri": "a:{x}"}, "argument": _ARGUMENT},
        {"ref": _REF, "argument": _ARGUMENT, "context": {"arguments": {"b": "c"}}},
        {"ref": _REF, "argument": _ARGUMENT, "context": {"arguments": {"b": 1}}},
        {"ref": _REF, "argument": _ARGUMENT, "context": 1},
        {"ref": {"type": "ref/tool", "name": "p"}, "argument": _ARGUMENT},
        {"ref": {"type": "ref/resource", "name": "p"}, "argument": _ARGUMENT},
        {"ref": _REF},
        {"ref": _REF, "argument": {"name": "a"}},
    ],
    "logging/setLevel": [
        {"level": "debug"},
        {"level": "error"},
        {"level": "emergency"},
        {"level": "ERROR"},
        {"level": 3},
        {},
    ],
    "subscriptions/listen": [
        {"notifications": {}},
        {"notifications": {"toolsListChanged": True, "promptsListChanged": False}},
        {"notifications": {"resourcesListChanged": True, "resourceSubscriptions": ["a:1", "b:/x"]}},
        {"notifications": {"resourceSubscriptions": ["a:1", "a:1"], "promptsListChanged": True}},
        {"notifications": {"resourceSubscriptions": ["a:1", "a:2", "a:3", "a:4"]}},
        {"notifications": {"toolsListChanged": 1}},
        {"notifications": {"resourceSubscriptions": [1]}},
        {"notifications": []},
        {},
    ],
    "initialize": [
        *(
            {"protocolVersion": version, "capabilities": {}, "clientInfo": _WHO}
            for version in (*REVISIONS.values(), "1999-01-01")
        ),
        {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "n"}},
        {"protocolVersion": "2025-06-18", "capabilities": [], "clientInfo": _WHO},
        {"protocolVersion": 1, "capabilities": {}, "clientInfo": _WHO},
        {"capabilities": {}, "clientInfo": _WHO},
        None,
    ],
    "ping": [None, {}, {"x": 1}],
    "server/discover": [None, {}],
    "roots/list": [None, {}],
    "sampling/createMessage": [
        _MESSAGES,
        {**_MESSAGES, "tools": [], "toolChoice": {"mode": "auto"}},
        {**_MESSAGES, "task": {}},
        {**_MESSAGES, "toolChoice": {}},
        {"messages": []},
        {**_MESSAGES, "maxTokens": "9"},
        {**_MESSAGES, "messages": {}},
        {},
    ],
    "elicitation/create": [
        _FORM,
        {**_FORM, "mode": "form", "task": {}},
        {"message": "?", "mode": "url", "url": "https://a.example", "elicitationId": "e"},
        {"message": "?", "mode": "url", "url": "https://a.example"},
        {"message": "?"},
        {"requestedSchema": _FORM["requestedSchema"]},
        {},
    ],
    "tasks/get": [{"taskId": "t"}, {"taskId": 1}, {}],
    "tasks/result": [{"taskId": "t"}, None],
    "tasks/cancel": [{"taskId": "t"}, {"taskId": None}],
    "notifications/initialized": [None, {}],
    "notifications/cancelled": [{"requestId": "x", "reason": "r"}, {"requestId": None}, {}, None],
    "notifications/progress": [
        {"progressToken": "nobody's", "progress": 1},
        {"progressToken": 1.5, "progress": 1},
        {"progressToken": "nobody's", "progress": True},
        {"token": "nobody's", "progress": 1.5},
        {},
        None,
    ],
    "notifications/message": [
        {"level": "info", "data": None},
        {"level": "info", "data": {}, "logger": "db"},
        {"level": "loud", "data": 1},
        {"level": "info"},
        {"level": "info", "data": 1, "logger": 2},
    ],
    "notifications/resources/updated": [{"uri": "a:1"}, {"uri": 1}, None],
    "notifications/resources/list_changed": [None, {}],
    "notifications/tools/list_changed": [None, {"x": 1}],
    "notifications/prompts/list_changed": [None, {}],
    "notifications/roots/list_changed": [None, {}],
    "notifications/tasks/status": [
        {**_STATUS, "status": "working"},
        {**_STATUS, "status": "completed"},
        {**_STATUS, "status": "odd"},
        {"taskId": "t", "status": "working"},
        {},
    ],
    "notifications/elicitation/complete": [{"elicitationId": "e"}, {"elicitationId": 1}, {}],
    "notifications/subscriptions/acknowledged": [{"notifications": {}}, {"notifications": 1}, {}],
    "nobody/knows": [None, {}],
    "notifications/nobody/knows": [None, {}],
    "": [None],
    "TOOLS/CALL": [{"name": "t"}],
}
METHODS = [
    *REQUESTS,
    *NOTIFICATIONS,
    "nobody/knows",
    "notifications/nobody/knows",
    "",
    "TOOLS/CALL",
]


def envelope(**more: Any) -> Json:
    """Return a whole modern `_meta`, with some members changed."""
    return {
        VERSION: REVISIONS[5],
        CLIENT_CAPABILITIES: {},
        CLIENT_INFO: {"name": "c", "version": "1"},
        **more,
    }


def _without(key: str) -> Json:
    return {name: value for name, value in envelope().items() if name != key}


ENVELOPES: list[Any] = [
    envelope(),
    _without(CLIENT_INFO),
    envelope(**{CLIENT_CAPABILITIES: {"roots": {}, "sampling": {}, "x": 1}}),
    *(envelope(**{LOG_LEVEL: level}) for level in ("debug", "warning", "emergency")),
]


def _with(key: str, *values: Any) -> list[Json]:
    return [envelope(**{key: value}) for value in values]


BROKEN_ENVELOPES: list[Json] = [
    _without(VERSION),
    _without(CLIENT_CAPABILITIES),
    {VERSION: "1900-01-01"},
    *_with(VERSION, "2025-11-25", "1900-01-01", "", "x" * 90, 20260728, None, []),
    *_with(CLIENT_CAPABILITIES, [], None, True, {"roots": []}, {"elicitation": True}),
    *_with(CLIENT_INFO, "me", {"name": "c"}, {"name": 1, "version": "1"}),
    *_with(LOG_LEVEL, "loud", 3, "DEBUG"),
]
ODD_TOKENS: list[Any] = [None, True, 1.5, [1], {}, 10**30]
OTHER_METAS: list[Any] = [
    *({}, {"x": 1}, {SUBSCRIPTION: 1}, {CLIENT_INFO: 1}, 3, []),
    *({"progressToken": token} for token in ODD_TOKENS),
    envelope(progressToken=1.5),
]


def message(method: str, params: Json | None = None, *, id: Any = None, meta: Any = None) -> Json:
    """Return a message as plain JSON; without an id it is a notification."""
    plain: Json = {"jsonrpc": "2.0", **({} if id is None else {"id": id}), "method": method}
    if meta is not None:
        params = {**(params or {}), "_meta": meta}
    return plain if params is None else {**plain, "params": params}


def hello(revision: int | str, capabilities: Json, id: Any = "hello") -> Json:
    """Return an `initialize`."""
    version = revision if isinstance(revision, str) else REVISIONS[revision]
    params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": _WHO}
    return message("initialize", params, id=id)


def agreed(revision: int | str, capabilities: Json) -> Json:
    """Return the result of `initialize`."""
    version = revision if isinstance(revision, str) else REVISIONS[revision]
    advice = {"instructions": "do"} if "tools" in capabilities else {}
    return {**advice, "protocolVersion": version, "capabilities": capabilities, "serverInfo": _WHO}


ODD_CAPABILITIES: list[Json] = [
    {key: True} for key in ("roots", "sampling", "elicitation", "tasks", "experimental", "unknown")
]
ODD_NAMES: list[Json] = [
    {**_WHO, key: 3} for key in ("title", "description", "websiteUrl", "icons", "unknown")
]

READY = message("notifications/initialized")

RESULTS: list[Json] = [
    {},
    {"content": []},
    {"tools": [], "_meta": {"a": 1}},
    {"resultType": "input_required", "requestState": "s"},
    {"task": {"taskId": "t", "status": "working"}},
    {"task": {"taskId": "u"}},
    {"task": 3},
    {"taskId": "t", "status": "completed"},
    {"taskId": "u", "status": "working"},
]

# Lines that are no messages, as they are.
NOISE = [
    b"",
    b"\r",
    b" ",
    b"garbage",
    b"\xff\xfe",
    b"null",
    b"3",
    b'"text"',
    b"[]",
    b"[[]]",
    b"[1, null]",
    b"{}",
    b'{"jsonrpc":"2.0"}',
    b'{"jsonrpc":"2.0","id":7}',
    b'{"jsonrpc":"2.0","id":7,"method":3}',
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":7.0,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":[7],"method":"ping"}',
    b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}',
    b'{"jsonrpc":"1.0","id":7,"method":"ping"}',
    b'{"id":7,"method":"ping"}',
    b'{"method":"notifications/initialized"}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[7]}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","error":null}',
    b'{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","name":"b"}}',
    b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{"b":1,"b":2}}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\xff"}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\\ud800"}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":NaN}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":1e999}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping"} trailing',
    b'{"jsonrpc":"2.0","method":"ping","params":{"a":nope},"id":7}',
    b'{"jsonrpc":"2.0","params":{"id":7,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":"7\\ud800","method":"ping","params":',
    b'{"jsonrpc":"2.0","id":"\\u0037","method":"ping","params":',
    b'{"jsonrpc":"2.0","id":7',
    b'{"jsonrpc":"2.0","id":7,"result":{"a":',
    b'{"jsonrpc":"2.0","id":7,"result":3}',
    b'{"jsonrpc":"2.0","id":7,"error":{"code":"x","message":"m"}}',
    b'{"jsonrpc":"2.0","id":7,"error":{"code":1}}',
    b'{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"m"}}',
    b'{"jsonrpc":"2.0","id":null,"result":{}}',
    b'{"jsonrpc":"2.0","result":{}}',
    b'\xef\xbb\xbf{"jsonrpc":"2.0","id":7,"method":"ping"}',
    b'  {"jsonrpc":"2.0","id":7,"method":"ping"}\t\r',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\xe2\x80\xa8\xc2\x85"}}',
    b'{"jsonrpc":"2.0","id":7,"method":"ping","params":null}',
]
