"""What goes over the wire: every `params`, every result and every object inside them.

Each definition has the name that the official schema gives it, the newest one where a name changed.
What the schemas leave unnamed is named here after the place where it stands. One definition serves
all five revisions: `Since`, `Until` and `Only` say in which of them a definition or a member
exists, `RequiredSince` and `RequiredUntil` when an optional member is required. An object may
always have more members than are written here; who does not know them leaves them alone.

This module is the only source of shapes: `barewire.protocol.shapes` compiles checkers from it, and
generators and explanations are made from the same definitions. Read from top to bottom it teaches
the protocol: what all messages share, JSON-RPC, cancellation and progress, opening, content,
resources, tools, prompts, completion, logging, roots, sampling, elicitation, tasks, subscriptions,
input rounds.
"""

from typing import Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

from barewire.protocol.revisions import V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28
from barewire.protocol.shapes_marks import (
    EXTENSIBLE,
    AtLeast,
    AtMost,
    AtMostItems,
    Format,
    Only,
    Presumed,
    RequiredSince,
    RequiredUntil,
    Since,
    Until,
)

# The values that everything is made of.

JSONValue: TypeAlias = Any
"""Any JSON value: a string, a number, `true`, `false`, `null`, an object or an array."""

JSONObject: TypeAlias = dict[str, Any]
"""An object with any members."""

JSONArray: TypeAlias = list[Any]
"""An array of anything."""

RequestId: TypeAlias = str | int
"""What a sender calls its request, and what the answer repeats. `1` and `"1"` are two ids."""

ProgressToken: TypeAlias = str | int
"""What a caller calls the progress of its request."""

Cursor: TypeAlias = str
"""Where the next page of a list begins. Only the server that made it can read it."""

Role: TypeAlias = Literal["user", "assistant"]
"""Who speaks in a conversation, or whom some data is meant for."""

LoggingLevel: TypeAlias = Literal[
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
]
"""The severities of syslog (RFC 5424), least severe first."""

MetaObject: TypeAlias = dict[str, Any]
"""A `_meta` member: whatever a sender wants to attach, under names with a prefix of its own."""


# What all messages share: `_meta`, and what params and results have in common.

_RequestMetaMembers = TypedDict(
    "_RequestMetaMembers",
    {
        "io.modelcontextprotocol/protocolVersion": NotRequired[
            Annotated[str, Since(V2026_07_28), RequiredSince(V2026_07_28)]
        ],
        "io.modelcontextprotocol/clientCapabilities": NotRequired[
            Annotated["ClientCapabilities", Since(V2026_07_28), RequiredSince(V2026_07_28)]
        ],
        "io.modelcontextprotocol/clientInfo": NotRequired[
            Annotated["Implementation", Since(V2026_07_28)]
        ],
        "io.modelcontextprotocol/logLevel": NotRequired[
            Annotated[LoggingLevel, Since(V2026_07_28)]
        ],
    },
)


class RequestMetaObject(_RequestMetaMembers):
    """The `_meta` of a request.

    In the modern revision it is the request's envelope and replaces the handshake: the revision it
    is written in, what its sender can do, who the sender is, and how much it wants to be told.
    """

    progressToken: NotRequired[ProgressToken]
    """Asks for `notifications/progress`, which will name this token."""


_NotificationMetaMembers = TypedDict(
    "_NotificationMetaMembers",
    {
        "io.modelcontextprotocol/subscriptionId": NotRequired[
            Annotated[RequestId, Since(V2026_07_28)]
        ],
    },
)


class NotificationMetaObject(_NotificationMetaMembers):
    """The `_meta` of a notification. On a subscription it names the request that opened it."""


_ResultMetaMembers = TypedDict(
    "_ResultMetaMembers",
    {
        "io.modelcontextprotocol/serverInfo": NotRequired[
            Annotated["Implementation", Since(V2026_07_28)]
        ],
    },
)


class ResultMetaObject(_ResultMetaMembers):
    """The `_meta` of a result. In the modern revision it says who answered."""


class RequestParams(TypedDict):
    """What the params of every request have in common, and all that `ping` and a probe have."""

    _meta: NotRequired[Annotated[RequestMetaObject, RequiredSince(V2026_07_28)]]


class NotificationParams(TypedDict, total=False):
    """What the params of every notification have in common."""

    _meta: NotificationMetaObject


class PaginatedRequestParams(RequestParams):
    """The params of a request for one page of a list."""

    cursor: NotRequired[Cursor]
    """The `nextCursor` of the page before; without it, the first page."""


class TaskAugmentedRequestParams(RequestParams):
    """The params of a request that may run as a task."""

    task: NotRequired[Annotated["TaskMetadata", Only(V2025_11_25)]]
    """Asks for a task: the answer is a `CreateTaskResult` at once, the result is fetched later."""


class InputResponseRequestParams(RequestParams):
    """The params of a request that may be answered by questions and is then sent again."""

    inputResponses: NotRequired[Annotated["InputResponses", Since(V2026_07_28)]]
    """The answers, each under the key of its question in the result before."""
    requestState: NotRequired[Annotated[str, Since(V2026_07_28)]]
    """The state that the result before handed out, unread and unchanged."""


ResultType: TypeAlias = str
"""`complete`, `input_required`, or a kind of result that an extension adds."""


class _TypedResult(TypedDict):
    resultType: NotRequired[
        Annotated[
            ResultType,
            Since(V2026_07_28),
            RequiredSince(V2026_07_28),
            Presumed("complete"),
        ]
    ]
    """Tells how to read the result; missing, as from older servers, it means `complete`."""


class Result(_TypedResult):
    """What every result of a server has in common; before the modern revision, of a client too."""

    _meta: NotRequired[ResultMetaObject]


EmptyResult: TypeAlias = Result
"""Done, and there is nothing to say about it."""


class PaginatedResult(Result):
    """One page of a list."""

    nextCursor: NotRequired[Cursor]
    """Where to go on; missing on the last page."""


class CacheableResult(Result):
    """A result that its receiver may keep for a while."""

    ttlMs: NotRequired[
        Annotated[int, AtLeast(0), Since(V2026_07_28), RequiredSince(V2026_07_28), Presumed(0)]
    ]
    """How long the result stays fresh, in milliseconds. 0: it is stale at once."""
    cacheScope: NotRequired[
        Annotated[
            Literal["public", "private"],
            Since(V2026_07_28),
            RequiredSince(V2026_07_28),
            Presumed("private"),
        ]
    ]
    """`public`: anybody may be served the copy. `private`: only under the same authorization."""


# JSON-RPC 2.0: what stands around params and results.


class Request(TypedDict):
    """The part of a request that says what to do."""

    method: str
    params: NotRequired[
        Annotated[RequestParams, Until(V2025_06_18)] | Annotated[JSONObject, Since(V2025_11_25)]
    ]


class Notification(TypedDict):
    """The part of a notification that says what happened."""

    method: str
    params: NotRequired[
        Annotated[NotificationParams, Until(V2025_06_18)]
        | Annotated[JSONObject, Since(V2025_11_25)]
    ]


class JSONRPCRequest(Request):
    """A call that wants exactly one answer with the same `id`."""

    jsonrpc: Literal["2.0"]
    id: RequestId


class JSONRPCNotification(Notification):
    """A one-way message: no `id`, and never an answer."""

    jsonrpc: Literal["2.0"]


class JSONRPCResultResponse(TypedDict):
    """The answer to a request that was carried out."""

    jsonrpc: Literal["2.0"]
    id: RequestId
    result: Result


class _ErrorMembers(TypedDict):
    message: str
    """One short sentence."""
    data: NotRequired[JSONValue]
    """Whatever else the sender wants to say."""


class Error(_ErrorMembers):
    """Why a request was not carried out."""

    code: int


class _ErrorResponseMembers(TypedDict):
    jsonrpc: Literal["2.0"]
    id: NotRequired[Annotated[RequestId, RequiredUntil(V2025_06_18)]]
    """Missing when the sender could not read the id of what it answers."""


class JSONRPCErrorResponse(_ErrorResponseMembers):
    """The answer to a request that was not carried out."""

    error: Error


JSONRPCResponse: TypeAlias = (
    JSONRPCResultResponse | Annotated[JSONRPCErrorResponse, Since(V2025_11_25)]
)
"""An answer. The older schemas give this name to the answer that carries a result."""

JSONRPCBatchRequest: TypeAlias = Annotated[
    list[JSONRPCRequest | JSONRPCNotification], Only(V2025_03_26)
]
"""Several messages sent as one, which one revision alone allows."""

JSONRPCBatchResponse: TypeAlias = Annotated[
    list[JSONRPCResultResponse | JSONRPCErrorResponse], Only(V2025_03_26)
]
"""The answers to a batch, in any order."""

JSONRPCMessage: TypeAlias = (
    JSONRPCRequest
    | JSONRPCNotification
    | JSONRPCResultResponse
    | JSONRPCErrorResponse
    | JSONRPCBatchRequest
    | JSONRPCBatchResponse
)
"""Anything that may stand on one line, in one HTTP body or in one event."""


@Since(V2026_07_28)
class ParseError(_ErrorMembers):
    """What arrived is not JSON."""

    code: Literal[-32700]


@Since(V2026_07_28)
class InvalidRequestError(_ErrorMembers):
    """What arrived is JSON but no request."""

    code: Literal[-32600]


@Since(V2026_07_28)
class MethodNotFoundError(_ErrorMembers):
    """Nobody here knows the method, or the capability it belongs to was not declared."""

    code: Literal[-32601]


@Since(V2026_07_28)
class InvalidParamsError(_ErrorMembers):
    """The params do not fit: an unknown tool or prompt, a missing argument, a bad cursor."""

    code: Literal[-32602]


@Since(V2026_07_28)
class InternalError(_ErrorMembers):
    """Something went wrong on the receiver's side."""

    code: Literal[-32603]


class HeaderMismatchErrorObject(_ErrorMembers):
    """The `error` of a `HeaderMismatchError`."""

    code: Literal[-32020]


@Since(V2026_07_28)
class HeaderMismatchError(_ErrorResponseMembers):
    """An HTTP header says something else than the body, or is missing."""

    error: HeaderMismatchErrorObject


class MissingRequiredClientCapabilityData(TypedDict):
    """The `data` of a `MissingRequiredClientCapabilityError`."""

    requiredCapabilities: "ClientCapabilities"
    """What the client would have to declare."""


class MissingRequiredClientCapabilityErrorObject(TypedDict):
    """The `error` of a `MissingRequiredClientCapabilityError`."""

    code: Literal[-32021]
    message: str
    data: MissingRequiredClientCapabilityData


@Since(V2026_07_28)
class MissingRequiredClientCapabilityError(_ErrorResponseMembers):
    """The request cannot be carried out for a client that declares so little."""

    error: MissingRequiredClientCapabilityErrorObject


class UnsupportedProtocolVersionData(TypedDict):
    """The `data` of an `UnsupportedProtocolVersionError`."""

    supported: list[str]
    """The revisions that the server would accept."""
    requested: str


class UnsupportedProtocolVersionErrorObject(TypedDict):
    """The `error` of an `UnsupportedProtocolVersionError`."""

    code: Literal[-32022]
    message: str
    data: UnsupportedProtocolVersionData


@Since(V2026_07_28)
class UnsupportedProtocolVersionError(_ErrorResponseMembers):
    """The request is written in a revision that the server does not speak."""

    error: UnsupportedProtocolVersionErrorObject


class URLElicitationRequiredData(TypedDict):
    """The `data` of a `URLElicitationRequiredError`."""

    elicitations: list["ElicitRequestURLParams"]
    """The pages that the user has to visit before the request is sent again."""


class URLElicitationRequiredErrorObject(TypedDict):
    """The `error` of a `URLElicitationRequiredError`."""

    code: Literal[-32042]
    message: str
    data: URLElicitationRequiredData


@Only(V2025_11_25)
class URLElicitationRequiredError(_ErrorResponseMembers):
    """The user has to visit a page before the request can be carried out."""

    error: URLElicitationRequiredErrorObject


# Cancellation and progress, which any request may have.


class CancelledNotificationParams(NotificationParams):
    """`notifications/cancelled`: the sender no longer wants the answer to its request."""

    requestId: NotRequired[
        Annotated[RequestId, RequiredUntil(V2025_06_18), RequiredSince(V2026_07_28)]
    ]
    """The request. The one revision with tasks let it be missing, since tasks end otherwise."""
    reason: NotRequired[str]
    """For the log, or for the user."""


class ProgressNotificationParams(NotificationParams):
    """`notifications/progress`: how far a request has come."""

    progressToken: ProgressToken
    """The token that the request asked with."""
    progress: float
    """Greater every time, in whatever unit the sender counts."""
    total: NotRequired[float]
    """What `progress` will be at the end, if that is known."""
    message: NotRequired[Annotated[str, Since(V2025_03_26)]]
    """What is being done now."""


# Opening: who the two sides are and what they can do.


@Since(V2025_11_25)
class Icon(TypedDict):
    """A picture of something, for a user interface."""

    src: Annotated[str, Format("uri")]
    """Where the picture is: `https:`, or `data:` with the picture itself."""
    mimeType: NotRequired[str]
    sizes: NotRequired[list[str]]
    """`48x48` and the like, or `any` if it scales."""
    theme: NotRequired[Literal["light", "dark"]]
    """The background it is drawn for."""


class Icons(TypedDict, total=False):
    """Something that may have pictures."""

    icons: Annotated[list[Icon], Since(V2025_11_25)]


class BaseMetadata(TypedDict):
    """Something with a name for programs and, later on, a title for people."""

    name: str
    title: NotRequired[Annotated[str, Since(V2025_06_18)]]


class Implementation(BaseMetadata, Icons):
    """A client or a server as a piece of software. It describes itself; nobody verifies it."""

    version: str
    description: NotRequired[Annotated[str, Since(V2025_11_25)]]
    websiteUrl: NotRequired[Annotated[str, Format("uri"), Since(V2025_11_25)]]


class RootsCapability(TypedDict, total=False):
    """The client tells which directories it works in."""

    listChanged: Annotated[bool, Until(V2025_11_25)]
    """It also says when they change."""


class SamplingCapability(TypedDict, total=False):
    """The client asks its language model on behalf of servers."""

    context: Annotated[JSONObject, Since(V2025_11_25)]
    """It can include the context of servers (`includeContext`)."""
    tools: Annotated[JSONObject, Since(V2025_11_25)]
    """It lets the model use the server's `tools`."""


class ElicitationCapability(TypedDict, total=False):
    """The client asks its user on behalf of servers. With no member it has forms only."""

    form: Annotated[JSONObject, Since(V2025_11_25)]
    url: Annotated[JSONObject, Since(V2025_11_25)]


class TaskSamplingCapability(TypedDict, total=False):
    """Requests of the sampling feature that may run as tasks."""

    createMessage: JSONObject


class TaskElicitationCapability(TypedDict, total=False):
    """Requests of the elicitation feature that may run as tasks."""

    create: JSONObject


class ClientTaskRequestsCapability(TypedDict, total=False):
    """Which requests a client accepts as tasks."""

    sampling: TaskSamplingCapability
    elicitation: TaskElicitationCapability


class ClientTasksCapability(TypedDict, total=False):
    """The client runs requests as tasks."""

    list: JSONObject
    cancel: JSONObject
    requests: ClientTaskRequestsCapability


class ClientCapabilities(TypedDict, total=False):
    """What a client can do. A member that is an object counts by being there, even empty."""

    experimental: dict[str, JSONObject]
    roots: RootsCapability
    sampling: SamplingCapability
    elicitation: Annotated[ElicitationCapability, Since(V2025_06_18)]
    tasks: Annotated[ClientTasksCapability, Only(V2025_11_25)]
    extensions: Annotated[dict[str, JSONObject], Since(V2026_07_28)]
    """The settings of each extension, under its identifier."""


class PromptsCapability(TypedDict, total=False):
    """The server has prompts."""

    listChanged: bool
    """It says when the list changes."""


class ResourcesCapability(TypedDict, total=False):
    """The server has resources."""

    subscribe: bool
    """It says when a single resource changes, to those who asked."""
    listChanged: bool
    """It says when the list changes."""


class ToolsCapability(TypedDict, total=False):
    """The server has tools."""

    listChanged: bool
    """It says when the list changes."""


class TaskToolsCapability(TypedDict, total=False):
    """Requests of the tools feature that may run as tasks."""

    call: JSONObject


class ServerTaskRequestsCapability(TypedDict, total=False):
    """Which requests a server accepts as tasks."""

    tools: TaskToolsCapability


class ServerTasksCapability(TypedDict, total=False):
    """The server runs requests as tasks."""

    list: JSONObject
    cancel: JSONObject
    requests: ServerTaskRequestsCapability


class ServerCapabilities(TypedDict, total=False):
    """What a server can do. A member that is an object counts by being there, even empty."""

    experimental: dict[str, JSONObject]
    logging: JSONObject
    completions: Annotated[JSONObject, Since(V2025_03_26)]
    prompts: PromptsCapability
    resources: ResourcesCapability
    tools: ToolsCapability
    tasks: Annotated[ServerTasksCapability, Only(V2025_11_25)]
    extensions: Annotated[dict[str, JSONObject], Since(V2026_07_28)]
    """The settings of each extension, under its identifier."""


@Until(V2025_11_25)
class InitializeRequestParams(RequestParams):
    """`initialize`, the first request of a session: the client introduces itself."""

    protocolVersion: str
    """The newest revision that the client speaks."""
    capabilities: ClientCapabilities
    clientInfo: Implementation


@Until(V2025_11_25)
class InitializeResult(Result):
    """The server introduces itself and settles the revision of the session."""

    protocolVersion: str
    """The requested revision, or another one that the client may take or leave."""
    capabilities: ServerCapabilities
    serverInfo: Implementation
    instructions: NotRequired[str]
    """How to use this server, for the language model."""


@Since(V2026_07_28)
class DiscoverResult(CacheableResult):
    """`server/discover`: what a modern server says of itself when it is asked."""

    supportedVersions: list[str]
    capabilities: ServerCapabilities
    instructions: NotRequired[str]
    """How to use this server, for the language model."""


# Content: what tools return, prompts hold and models say.


class Annotations(TypedDict, total=False):
    """Hints on what to do with some data."""

    audience: list[Role]
    """Whom it is for."""
    priority: Annotated[float, AtLeast(0), AtMost(1)]
    """1: it cannot be left out. 0: it can."""
    lastModified: Annotated[str, Format("date-time"), Since(V2025_06_18)]


class Annotatable(TypedDict, total=False):
    """Something that may carry such hints."""

    annotations: Annotations


class _WithMeta(TypedDict, total=False):
    _meta: Annotated[MetaObject, Since(V2025_06_18)]


class TextContent(Annotatable, _WithMeta):
    """Text."""

    type: Literal["text"]
    text: str


class ImageContent(Annotatable, _WithMeta):
    """A picture."""

    type: Literal["image"]
    data: Annotated[str, Format("byte")]
    mimeType: str


@Since(V2025_03_26)
class AudioContent(Annotatable, _WithMeta):
    """A recording."""

    type: Literal["audio"]
    data: Annotated[str, Format("byte")]
    mimeType: str


class ResourceContents(_WithMeta):
    """What a resource holds, without saying in which form."""

    uri: Annotated[str, Format("uri")]
    mimeType: NotRequired[str]


class TextResourceContents(ResourceContents):
    """A resource that is text."""

    text: str


class BlobResourceContents(ResourceContents):
    """A resource that is bytes."""

    blob: Annotated[str, Format("byte")]


class EmbeddedResource(Annotatable, _WithMeta):
    """A resource with its contents, there and then."""

    type: Literal["resource"]
    resource: TextResourceContents | BlobResourceContents


class Resource(BaseMetadata, Icons, Annotatable, _WithMeta):
    """Something that a server lets its clients read."""

    uri: Annotated[str, Format("uri")]
    description: NotRequired[str]
    """For the language model."""
    mimeType: NotRequired[str]
    size: NotRequired[int]
    """In bytes, before any encoding."""


@Since(V2025_06_18)
class ResourceLink(Resource):
    """A resource that can be read with `resources/read`, even if no list names it."""

    type: Literal["resource_link"]


ContentBlock: TypeAlias = Annotated[
    TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource, EXTENSIBLE
]
"""One piece of what a tool returned or of a prompt's message."""


@Since(V2025_11_25)
class ToolUseContent(_WithMeta):
    """The language model wants a tool to be called."""

    type: Literal["tool_use"]
    id: str
    """What the result will refer to."""
    name: str
    input: JSONObject


@Since(V2025_11_25)
class ToolResultContent(_WithMeta):
    """What the tool that the language model wanted has returned."""

    type: Literal["tool_result"]
    toolUseId: str
    content: list[ContentBlock]
    structuredContent: NotRequired[
        Annotated[JSONObject, Until(V2025_11_25)] | Annotated[JSONValue, Since(V2026_07_28)]
    ]
    isError: NotRequired[bool]


SamplingMessageContentBlock: TypeAlias = Annotated[
    TextContent | ImageContent | AudioContent | ToolUseContent | ToolResultContent, EXTENSIBLE
]
"""One piece of what is said to a language model or by it."""


# Resources.


class ListResourcesResult(PaginatedResult, CacheableResult):
    """`resources/list`."""

    resources: list[Resource]


class ResourceTemplate(BaseMetadata, Icons, Annotatable, _WithMeta):
    """Many resources at once: a pattern for their URIs (RFC 6570)."""

    uriTemplate: Annotated[str, Format("uri-template")]
    description: NotRequired[str]
    """For the language model."""
    mimeType: NotRequired[str]
    """Only if all of them have the same."""


class ListResourceTemplatesResult(PaginatedResult, CacheableResult):
    """`resources/templates/list`."""

    resourceTemplates: list[ResourceTemplate]


class ResourceRequestParams(RequestParams):
    """The params of a request about one resource."""

    uri: Annotated[str, Format("uri")]


class ReadResourceRequestParams(ResourceRequestParams, InputResponseRequestParams):
    """`resources/read`."""


class ReadResourceResult(CacheableResult):
    """What the resource holds. A directory holds several resources."""

    contents: list[TextResourceContents | BlobResourceContents]


@Until(V2025_11_25)
class SubscribeRequestParams(ResourceRequestParams):
    """`resources/subscribe`: tell me when it changes."""


@Until(V2025_11_25)
class UnsubscribeRequestParams(ResourceRequestParams):
    """`resources/unsubscribe`: no longer."""


class ResourceUpdatedNotificationParams(NotificationParams):
    """`notifications/resources/updated`: read it again."""

    uri: Annotated[str, Format("uri")]
    """The resource, or a part of the one that was subscribed to."""


# Tools.

_SchemaMembers = TypedDict(
    "_SchemaMembers", {"$schema": NotRequired[Annotated[str, Since(V2025_11_25)]]}
)


class ToolInputSchema(_SchemaMembers):
    """A JSON Schema for the arguments of a tool, which are always an object."""

    type: Literal["object"]
    properties: NotRequired[Annotated[dict[str, JSONObject], Until(V2025_11_25)]]
    required: NotRequired[Annotated[list[str], Until(V2025_11_25)]]


class ToolOutputSchema(_SchemaMembers):
    """A JSON Schema for the `structuredContent` of a tool's results.

    It described an object until the modern revision, which takes any schema.
    """

    type: NotRequired[Annotated[Literal["object"], Until(V2025_11_25), RequiredUntil(V2025_11_25)]]
    properties: NotRequired[Annotated[dict[str, JSONObject], Until(V2025_11_25)]]
    required: NotRequired[Annotated[list[str], Until(V2025_11_25)]]


@Since(V2025_03_26)
class ToolAnnotations(TypedDict, total=False):
    """What a tool says of its own behaviour. Hints: never trust them from a stranger."""

    title: str
    readOnlyHint: bool
    """It changes nothing. Default `false`."""
    destructiveHint: bool
    """It may delete or overwrite, and not only add. Default `true`."""
    idempotentHint: bool
    """Calling it again with the same arguments changes nothing more. Default `false`."""
    openWorldHint: bool
    """It reaches out to an open world, such as the web. Default `true`."""


@Only(V2025_11_25)
class ToolExecution(TypedDict, total=False):
    """How a tool is run."""

    taskSupport: Literal["forbidden", "optional", "required"]
    """Whether a call may or must be a task. Default `forbidden`."""


class Tool(BaseMetadata, Icons, _WithMeta):
    """Something that a server can do for a language model."""

    description: NotRequired[str]
    """For the language model: what it does and when to use it."""
    inputSchema: ToolInputSchema
    outputSchema: NotRequired[Annotated[ToolOutputSchema, Since(V2025_06_18)]]
    annotations: NotRequired[Annotated[ToolAnnotations, Since(V2025_03_26)]]
    execution: NotRequired[Annotated[ToolExecution, Only(V2025_11_25)]]


class ListToolsResult(PaginatedResult, CacheableResult):
    """`tools/list`."""

    tools: list[Tool]


class CallToolRequestParams(TaskAugmentedRequestParams, InputResponseRequestParams):
    """`tools/call`."""

    name: str
    arguments: NotRequired[JSONObject]
    """What the tool's `inputSchema` describes."""


class CallToolResult(Result):
    """What the tool has returned."""

    content: Annotated[list[ContentBlock], Presumed(())]
    """For the language model."""
    structuredContent: NotRequired[
        Annotated[JSONObject, Since(V2025_06_18), Until(V2025_11_25)]
        | Annotated[JSONValue, Since(V2026_07_28)]
    ]
    """For programs: what the tool's `outputSchema` describes."""
    isError: NotRequired[bool]
    """The tool has failed, and `content` says why. Default `false`."""


# Prompts.


class PromptArgument(BaseMetadata):
    """What may or must be filled in."""

    description: NotRequired[str]
    required: NotRequired[bool]


class Prompt(BaseMetadata, Icons, _WithMeta):
    """The beginning of a conversation, prepared by a server for a user to choose."""

    description: NotRequired[str]
    arguments: NotRequired[list[PromptArgument]]


class ListPromptsResult(PaginatedResult, CacheableResult):
    """`prompts/list`."""

    prompts: list[Prompt]


class GetPromptRequestParams(InputResponseRequestParams):
    """`prompts/get`."""

    name: str
    arguments: NotRequired[dict[str, str]]
    """All of them are strings."""


class PromptMessage(TypedDict):
    """One turn of the conversation."""

    role: Role
    content: ContentBlock


class GetPromptResult(Result):
    """The prompt with its arguments filled in."""

    description: NotRequired[str]
    messages: list[PromptMessage]


# Completion of arguments.


class PromptReference(BaseMetadata):
    """The argument is one of a prompt."""

    type: Literal["ref/prompt"]


class ResourceTemplateReference(TypedDict):
    """The argument is a variable of a resource template."""

    type: Literal["ref/resource"]
    uri: Annotated[str, Format("uri-template")]


class CompletionArgument(TypedDict):
    """What the user has typed so far."""

    name: str
    value: str


class CompletionContext(TypedDict, total=False):
    """What the user has filled in already."""

    arguments: dict[str, str]


class CompleteRequestParams(RequestParams):
    """`completion/complete`: what could this argument be?"""

    ref: PromptReference | ResourceTemplateReference
    argument: CompletionArgument
    context: NotRequired[Annotated[CompletionContext, Since(V2025_06_18)]]


class Completion(TypedDict):
    """Suggestions, best first."""

    values: Annotated[list[str], AtMostItems(100)]
    total: NotRequired[int]
    """How many there are, also beyond these."""
    hasMore: NotRequired[bool]


class CompleteResult(Result):
    """What the argument could be."""

    completion: Completion


# Logging.


@Until(V2025_11_25)
class SetLevelRequestParams(RequestParams):
    """`logging/setLevel`: messages of this severity and above, please."""

    level: LoggingLevel


class LoggingMessageNotificationParams(NotificationParams):
    """`notifications/message`: something for the log."""

    level: LoggingLevel
    logger: NotRequired[str]
    """Which part of the server is speaking."""
    data: JSONValue
    """The message itself: text, or any other value."""


# Roots: the client tells where it works.


class Root(_WithMeta):
    """A directory or file that the server should stay in."""

    uri: Annotated[str, Format("uri")]
    """`file://` and an absolute path."""
    name: NotRequired[str]


class ListRootsRequestParams(TypedDict, total=False):
    """`roots/list`. The modern one is asked within a result and has no envelope of its own."""

    _meta: (
        Annotated[RequestMetaObject, Until(V2025_11_25)] | Annotated[MetaObject, Since(V2026_07_28)]
    )


class ListRootsRequest(TypedDict):
    """A question to the client. Before the modern revision, a request with an `id`."""

    method: Literal["roots/list"]
    params: NotRequired[ListRootsRequestParams]


class ListRootsResult(TypedDict):
    """Where the client works."""

    _meta: NotRequired[Annotated[MetaObject, Until(V2025_11_25)]]
    roots: list[Root]


# Sampling: the server asks the client's language model.


class ModelHint(TypedDict, total=False):
    """A model, or a family of models, by a part of its name."""

    name: str


class ModelPreferences(TypedDict, total=False):
    """What the server would like the model to be. The client decides."""

    hints: list[ModelHint]
    """The first that the client can follow counts."""
    costPriority: Annotated[float, AtLeast(0), AtMost(1)]
    """1: cheap matters most."""
    speedPriority: Annotated[float, AtLeast(0), AtMost(1)]
    """1: fast matters most."""
    intelligencePriority: Annotated[float, AtLeast(0), AtMost(1)]
    """1: capable matters most."""


class SamplingMessage(TypedDict):
    """One turn of the conversation that the model is to continue."""

    role: Role
    content: (
        SamplingMessageContentBlock
        | Annotated[list[SamplingMessageContentBlock], Since(V2025_11_25)]
    )
    _meta: NotRequired[Annotated[MetaObject, Since(V2025_11_25)]]


@Since(V2025_11_25)
class ToolChoice(TypedDict, total=False):
    """Whether the model may use the tools."""

    mode: Literal["auto", "required", "none"]
    """Default `auto`."""


class ClientTaskAugmentedRequestParams(TypedDict, total=False):
    """The params of a question to the client, which may run as a task where there are tasks.

    In the modern revision a question is asked within a result: no envelope, and nothing to name.
    """

    _meta: Annotated[RequestMetaObject, Until(V2025_11_25)]
    task: Annotated["TaskMetadata", Only(V2025_11_25)]


class CreateMessageRequestParams(ClientTaskAugmentedRequestParams):
    """`sampling/createMessage`."""

    messages: list[SamplingMessage]
    modelPreferences: NotRequired[ModelPreferences]
    systemPrompt: NotRequired[str]
    includeContext: NotRequired[Literal["none", "thisServer", "allServers"]]
    """What the client should tell the model of the servers it knows."""
    temperature: NotRequired[float]
    maxTokens: int
    """The model may say less, never more."""
    stopSequences: NotRequired[list[str]]
    metadata: NotRequired[JSONObject]
    """Passed on to whoever runs the model."""
    tools: NotRequired[Annotated[list[Tool], Since(V2025_11_25)]]
    """What the model may want to use; the server runs them."""
    toolChoice: NotRequired[Annotated[ToolChoice, Since(V2025_11_25)]]


class CreateMessageRequest(TypedDict):
    """A question to the client. Before the modern revision, a request with an `id`."""

    method: Literal["sampling/createMessage"]
    params: CreateMessageRequestParams


class CreateMessageResult(TypedDict):
    """What the model has said."""

    _meta: NotRequired[MetaObject]
    role: Role
    content: (
        SamplingMessageContentBlock
        | Annotated[list[SamplingMessageContentBlock], Since(V2025_11_25)]
    )
    model: str
    """Which model it was."""
    stopReason: NotRequired[str]
    """`endTurn`, `stopSequence`, `maxTokens`, `toolUse`, or a word of the provider's."""


# Elicitation: the server asks the client's user.


class _FieldSchema(TypedDict, total=False):
    title: str
    description: str


@Since(V2025_06_18)
class StringSchema(_FieldSchema):
    """A field for text."""

    type: Literal["string"]
    minLength: NotRequired[int]
    maxLength: NotRequired[int]
    format: NotRequired[Literal["email", "uri", "date", "date-time"]]
    default: NotRequired[Annotated[str, Since(V2025_11_25)]]


@Since(V2025_06_18)
class NumberSchema(_FieldSchema):
    """A field for a number."""

    type: Literal["number", "integer"]
    minimum: NotRequired[float]
    maximum: NotRequired[float]
    default: NotRequired[Annotated[float, Since(V2025_11_25)]]


@Since(V2025_06_18)
class BooleanSchema(_FieldSchema):
    """A field to tick."""

    type: Literal["boolean"]
    default: NotRequired[bool]


class EnumOption(TypedDict):
    """One of several choices: what is sent, and what is shown."""

    const: str
    title: str


class StringEnumItems(TypedDict):
    """Several choices that are shown as they are sent."""

    type: Literal["string"]
    enum: list[str]


class TitledEnumItems(TypedDict):
    """Several choices with titles."""

    anyOf: list[EnumOption]


@Since(V2025_11_25)
class UntitledSingleSelectEnumSchema(_FieldSchema):
    """A field for one of several choices, shown as they are sent."""

    type: Literal["string"]
    enum: list[str]
    default: NotRequired[str]


@Since(V2025_11_25)
class TitledSingleSelectEnumSchema(_FieldSchema):
    """A field for one of several choices with titles."""

    type: Literal["string"]
    oneOf: list[EnumOption]
    default: NotRequired[str]


@Since(V2025_11_25)
class UntitledMultiSelectEnumSchema(_FieldSchema):
    """A field for some of several choices, shown as they are sent."""

    type: Literal["array"]
    items: StringEnumItems
    minItems: NotRequired[int]
    maxItems: NotRequired[int]
    default: NotRequired[list[str]]


@Since(V2025_11_25)
class TitledMultiSelectEnumSchema(_FieldSchema):
    """A field for some of several choices with titles."""

    type: Literal["array"]
    items: TitledEnumItems
    minItems: NotRequired[int]
    maxItems: NotRequired[int]
    default: NotRequired[list[str]]


@Since(V2025_06_18)
class LegacyTitledEnumSchema(_FieldSchema):
    """A field for one of several choices, the way it was first written."""

    type: Literal["string"]
    enum: list[str]
    enumNames: NotRequired[list[str]]
    """What is shown, in the order of `enum`."""
    default: NotRequired[Annotated[str, Since(V2025_11_25)]]


SingleSelectEnumSchema: TypeAlias = UntitledSingleSelectEnumSchema | TitledSingleSelectEnumSchema
"""A field for one of several choices."""

MultiSelectEnumSchema: TypeAlias = UntitledMultiSelectEnumSchema | TitledMultiSelectEnumSchema
"""A field for some of several choices."""

EnumSchema: TypeAlias = (
    UntitledSingleSelectEnumSchema
    | TitledSingleSelectEnumSchema
    | UntitledMultiSelectEnumSchema
    | TitledMultiSelectEnumSchema
    | LegacyTitledEnumSchema
)
"""A field with choices."""

PrimitiveSchemaDefinition: TypeAlias = (
    StringSchema
    | NumberSchema
    | BooleanSchema
    | UntitledSingleSelectEnumSchema
    | TitledSingleSelectEnumSchema
    | UntitledMultiSelectEnumSchema
    | TitledMultiSelectEnumSchema
    | LegacyTitledEnumSchema
)
"""One field of a form. Forms are flat: no field holds other fields."""


class ElicitRequestedSchema(_SchemaMembers):
    """A form, as a small part of JSON Schema."""

    type: Literal["object"]
    properties: dict[str, PrimitiveSchemaDefinition]
    required: NotRequired[list[str]]


@Since(V2025_06_18)
class ElicitRequestFormParams(ClientTaskAugmentedRequestParams):
    """`elicitation/create`: would the user fill in this form?"""

    mode: NotRequired[Annotated[Literal["form"], Since(V2025_11_25)]]
    message: str
    """What the user is asked."""
    requestedSchema: ElicitRequestedSchema


@Since(V2025_11_25)
class ElicitRequestURLParams(ClientTaskAugmentedRequestParams):
    """`elicitation/create`: would the user visit this page?"""

    mode: Literal["url"]
    message: str
    """Why the user should."""
    url: Annotated[str, Format("uri")]
    elicitationId: NotRequired[Annotated[str, Until(V2025_11_25), RequiredUntil(V2025_11_25)]]
    """What the server will name when the user has finished there."""


ElicitRequestParams: TypeAlias = ElicitRequestFormParams | ElicitRequestURLParams
"""`elicitation/create`, either way."""


@Since(V2025_06_18)
class ElicitRequest(TypedDict):
    """A question to the client. Before the modern revision, a request with an `id`."""

    method: Literal["elicitation/create"]
    params: ElicitRequestParams


@Since(V2025_06_18)
class ElicitResult(TypedDict):
    """What the user has done."""

    _meta: NotRequired[Annotated[MetaObject, Until(V2025_11_25)]]
    action: Literal["accept", "decline", "cancel"]
    """`decline`: no. `cancel`: the question was closed without an answer."""
    content: NotRequired[dict[str, str | float | bool | Annotated[list[str], Since(V2025_11_25)]]]
    """The form as filled in, if it was a form and was accepted."""


@Only(V2025_11_25)
class ElicitationCompleteNotificationParams(NotificationParams):
    """`notifications/elicitation/complete`: the user has finished on the page."""

    elicitationId: str


# Tasks, which one revision has in its core: a request now, its result later.

TaskStatus: TypeAlias = Literal["working", "input_required", "completed", "failed", "cancelled"]
"""How a task stands; the last three are final."""


@Only(V2025_11_25)
class TaskMetadata(TypedDict, total=False):
    """Asks for a task."""

    ttl: int
    """How long to keep it, in milliseconds from its creation."""


@Only(V2025_11_25)
class RelatedTaskMetadata(TypedDict):
    """In `_meta`, under `io.modelcontextprotocol/related-task`: this message belongs to a task."""

    taskId: str


@Only(V2025_11_25)
class Task(TypedDict):
    """A request that is being carried out, or was."""

    taskId: str
    status: TaskStatus
    statusMessage: NotRequired[str]
    """For people."""
    createdAt: Annotated[str, Format("date-time")]
    lastUpdatedAt: Annotated[str, Format("date-time")]
    ttl: int | None
    """How long it is kept, in milliseconds from its creation; `null`: without end."""
    pollInterval: NotRequired[int]
    """How long to wait before asking again, in milliseconds."""


@Only(V2025_11_25)
class CreateTaskResult(Result):
    """The answer to a request that asked for a task, instead of its own result."""

    task: Task


@Only(V2025_11_25)
class TaskRequestParams(RequestParams):
    """The params of a request about one task."""

    taskId: str


@Only(V2025_11_25)
class GetTaskRequestParams(TaskRequestParams):
    """`tasks/get`: how does it stand?"""


@Only(V2025_11_25)
class GetTaskResult(Result, Task):
    """How it stands."""


@Only(V2025_11_25)
class GetTaskPayloadRequestParams(TaskRequestParams):
    """`tasks/result`: wait for the end, and give me the result."""


@Only(V2025_11_25)
class GetTaskPayloadResult(Result):
    """Exactly what the request would have been answered with, had it not been a task."""


@Only(V2025_11_25)
class CancelTaskRequestParams(TaskRequestParams):
    """`tasks/cancel`: I no longer want it."""


@Only(V2025_11_25)
class CancelTaskResult(Result, Task):
    """How it stands, which is `cancelled`."""


@Only(V2025_11_25)
class ListTasksResult(PaginatedResult):
    """`tasks/list`."""

    tasks: list[Task]


@Only(V2025_11_25)
class TaskStatusNotificationParams(NotificationParams, Task):
    """`notifications/tasks/status`: how it stands now."""


# Subscriptions: one long request instead of many small ones.


@Since(V2026_07_28)
class SubscriptionFilter(TypedDict, total=False):
    """What a client wants to hear of. It hears of nothing else."""

    toolsListChanged: bool
    promptsListChanged: bool
    resourcesListChanged: bool
    resourceSubscriptions: list[str]
    """The URIs of single resources."""


@Since(V2026_07_28)
class SubscriptionsListenRequestParams(RequestParams):
    """`subscriptions/listen`."""

    notifications: SubscriptionFilter


@Since(V2026_07_28)
class SubscriptionsAcknowledgedNotificationParams(NotificationParams):
    """`notifications/subscriptions/acknowledged`, the first message of a subscription."""

    notifications: SubscriptionFilter
    """What of it the server can do."""


_SubscriptionMetaMembers = TypedDict(
    "_SubscriptionMetaMembers",
    {
        "io.modelcontextprotocol/serverInfo": NotRequired[Implementation],
        "io.modelcontextprotocol/subscriptionId": RequestId,
    },
)


@Since(V2026_07_28)
class SubscriptionsListenResultMetaObject(_SubscriptionMetaMembers):
    """The `_meta` of the end of a subscription: which one it was, and who ended it."""


@Since(V2026_07_28)
class SubscriptionsListenResult(_TypedResult):
    """The server has ended the subscription in good order."""

    _meta: SubscriptionsListenResultMetaObject


# Input rounds: a result that asks back, and the request sent again with the answers.

InputRequest: TypeAlias = Annotated[
    CreateMessageRequest | ListRootsRequest | ElicitRequest, Since(V2026_07_28)
]
"""A question to the client."""

InputRequests: TypeAlias = Annotated[dict[str, InputRequest], Since(V2026_07_28)]
"""Several questions, each under a key that the server has chosen."""

InputResponse: TypeAlias = Annotated[
    CreateMessageResult | ListRootsResult | ElicitResult, Since(V2026_07_28)
]
"""The answer to a question. It does not say which; its key does."""

InputResponses: TypeAlias = Annotated[dict[str, InputResponse], Since(V2026_07_28)]
"""The answers, each under the key of its question."""


@Since(V2026_07_28)
class InputRequiredResult(Result):
    """Not done yet: answer these, then send the request again. It has one of the two, or both."""

    inputRequests: NotRequired[InputRequests]
    requestState: NotRequired[str]
    """What the server wants to find again on the retry. The client cannot read it."""


__all__ = [
    "Annotatable",
    "Annotations",
    "AudioContent",
    "BaseMetadata",
    "BlobResourceContents",
    "BooleanSchema",
    "CacheableResult",
    "CallToolRequestParams",
    "CallToolResult",
    "CancelTaskRequestParams",
    "CancelTaskResult",
    "CancelledNotificationParams",
    "ClientCapabilities",
    "ClientTaskAugmentedRequestParams",
    "ClientTaskRequestsCapability",
    "ClientTasksCapability",
    "CompleteRequestParams",
    "CompleteResult",
    "Completion",
    "CompletionArgument",
    "CompletionContext",
    "ContentBlock",
    "CreateMessageRequest",
    "CreateMessageRequestParams",
    "CreateMessageResult",
    "CreateTaskResult",
    "Cursor",
    "DiscoverResult",
    "ElicitRequest",
    "ElicitRequestFormParams",
    "ElicitRequestParams",
    "ElicitRequestURLParams",
    "ElicitRequestedSchema",
    "ElicitResult",
    "ElicitationCapability",
    "ElicitationCompleteNotificationParams",
    "EmbeddedResource",
    "EmptyResult",
    "EnumOption",
    "EnumSchema",
    "Error",
    "GetPromptRequestParams",
    "GetPromptResult",
    "GetTaskPayloadRequestParams",
    "GetTaskPayloadResult",
    "GetTaskRequestParams",
    "GetTaskResult",
    "HeaderMismatchError",
    "HeaderMismatchErrorObject",
    "Icon",
    "Icons",
    "ImageContent",
    "Implementation",
    "InitializeRequestParams",
    "InitializeResult",
    "InputRequest",
    "InputRequests",
    "InputRequiredResult",
    "InputResponse",
    "InputResponseRequestParams",
    "InputResponses",
    "InternalError",
    "InvalidParamsError",
    "InvalidRequestError",
    "JSONArray",
    "JSONObject",
    "JSONRPCBatchRequest",
    "JSONRPCBatchResponse",
    "JSONRPCErrorResponse",
    "JSONRPCMessage",
    "JSONRPCNotification",
    "JSONRPCRequest",
    "JSONRPCResponse",
    "JSONRPCResultResponse",
    "JSONValue",
    "LegacyTitledEnumSchema",
    "ListPromptsResult",
    "ListResourceTemplatesResult",
    "ListResourcesResult",
    "ListRootsRequest",
    "ListRootsRequestParams",
    "ListRootsResult",
    "ListTasksResult",
    "ListToolsResult",
    "LoggingLevel",
    "LoggingMessageNotificationParams",
    "MetaObject",
    "MethodNotFoundError",
    "MissingRequiredClientCapabilityData",
    "MissingRequiredClientCapabilityError",
    "MissingRequiredClientCapabilityErrorObject",
    "ModelHint",
    "ModelPreferences",
    "MultiSelectEnumSchema",
    "Notification",
    "NotificationMetaObject",
    "NotificationParams",
    "NumberSchema",
    "PaginatedRequestParams",
    "PaginatedResult",
    "ParseError",
    "PrimitiveSchemaDefinition",
    "ProgressNotificationParams",
    "ProgressToken",
    "Prompt",
    "PromptArgument",
    "PromptMessage",
    "PromptReference",
    "PromptsCapability",
    "ReadResourceRequestParams",
    "ReadResourceResult",
    "RelatedTaskMetadata",
    "Request",
    "RequestId",
    "RequestMetaObject",
    "RequestParams",
    "Resource",
    "ResourceContents",
    "ResourceLink",
    "ResourceRequestParams",
    "ResourceTemplate",
    "ResourceTemplateReference",
    "ResourceUpdatedNotificationParams",
    "ResourcesCapability",
    "Result",
    "ResultMetaObject",
    "ResultType",
    "Role",
    "Root",
    "RootsCapability",
    "SamplingCapability",
    "SamplingMessage",
    "SamplingMessageContentBlock",
    "ServerCapabilities",
    "ServerTaskRequestsCapability",
    "ServerTasksCapability",
    "SetLevelRequestParams",
    "SingleSelectEnumSchema",
    "StringEnumItems",
    "StringSchema",
    "SubscribeRequestParams",
    "SubscriptionFilter",
    "SubscriptionsAcknowledgedNotificationParams",
    "SubscriptionsListenRequestParams",
    "SubscriptionsListenResult",
    "SubscriptionsListenResultMetaObject",
    "Task",
    "TaskAugmentedRequestParams",
    "TaskElicitationCapability",
    "TaskMetadata",
    "TaskRequestParams",
    "TaskSamplingCapability",
    "TaskStatus",
    "TaskStatusNotificationParams",
    "TaskToolsCapability",
    "TextContent",
    "TextResourceContents",
    "TitledEnumItems",
    "TitledMultiSelectEnumSchema",
    "TitledSingleSelectEnumSchema",
    "Tool",
    "ToolAnnotations",
    "ToolChoice",
    "ToolExecution",
    "ToolInputSchema",
    "ToolOutputSchema",
    "ToolResultContent",
    "ToolUseContent",
    "ToolsCapability",
    "URLElicitationRequiredData",
    "URLElicitationRequiredError",
    "URLElicitationRequiredErrorObject",
    "UnsubscribeRequestParams",
    "UnsupportedProtocolVersionData",
    "UnsupportedProtocolVersionError",
    "UnsupportedProtocolVersionErrorObject",
    "UntitledMultiSelectEnumSchema",
    "UntitledSingleSelectEnumSchema",
]
