"""Our payloads and the five official schemas say the same about every message.

The witness is a JSON Schema validator on the official files, and messages made from these files.
What is different stands in `known_differences`, and nothing else is.

Every official definition is covered in one of these ways:

* by the payload of its name, or of the name in `RENAMED`;
* a request or a notification by its envelope (`JSONRPCRequest`, `JSONRPCNotification`), its method
  and the payload that `PARAMS` names for its params, which is how the engine reads it; a question
  to the client without an envelope, such as an input round asks, by the payload of its name;
* a response by its envelope (`JSONRPCResultResponse`) and the payloads that `RESULTS` names;
* a list of messages (`ClientRequest` and its like) by the messages in it.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from barewire.protocol import payloads
from barewire.protocol.revisions import ALL, LATEST, Revision
from barewire.protocol.shapes import checker_named
from tests.protocol.known_differences import DIFFERENCES, Definitions, Difference, Schema
from tests.protocol.schema_messages import Messages, definitions_of

RENAMED = {
    "Annotated": "Annotatable",
    "JSONRPCError": "JSONRPCErrorResponse",
    "ResourceReference": "ResourceTemplateReference",
}

PARAMS = {
    "CallToolRequest": "CallToolRequestParams",
    "CancelTaskRequest": "CancelTaskRequestParams",
    "CancelledNotification": "CancelledNotificationParams",
    "CompleteRequest": "CompleteRequestParams",
    "CreateMessageRequest": "CreateMessageRequestParams",
    "DiscoverRequest": "RequestParams",
    "ElicitRequest": "ElicitRequestParams",
    "ElicitationCompleteNotification": "ElicitationCompleteNotificationParams",
    "GetPromptRequest": "GetPromptRequestParams",
    "GetTaskPayloadRequest": "GetTaskPayloadRequestParams",
    "GetTaskRequest": "GetTaskRequestParams",
    "InitializeRequest": "InitializeRequestParams",
    "InitializedNotification": "NotificationParams",
    "ListPromptsRequest": "PaginatedRequestParams",
    "ListResourceTemplatesRequest": "PaginatedRequestParams",
    "ListResourcesRequest": "PaginatedRequestParams",
    "ListRootsRequest": "ListRootsRequestParams",
    "ListTasksRequest": "PaginatedRequestParams",
    "ListToolsRequest": "PaginatedRequestParams",
    "LoggingMessageNotification": "LoggingMessageNotificationParams",
    "PaginatedRequest": "PaginatedRequestParams",
    "PingRequest": "RequestParams",
    "ProgressNotification": "ProgressNotificationParams",
    "PromptListChangedNotification": "NotificationParams",
    "ReadResourceRequest": "ReadResourceRequestParams",
    "ResourceListChangedNotification": "NotificationParams",
    "ResourceUpdatedNotification": "ResourceUpdatedNotificationParams",
    "RootsListChangedNotification": "NotificationParams",
    "SetLevelRequest": "SetLevelRequestParams",
    "SubscribeRequest": "SubscribeRequestParams",
    "SubscriptionsAcknowledgedNotification": "SubscriptionsAcknowledgedNotificationParams",
    "SubscriptionsListenRequest": "SubscriptionsListenRequestParams",
    "TaskStatusNotification": "TaskStatusNotificationParams",
    "ToolListChangedNotification": "NotificationParams",
    "UnsubscribeRequest": "UnsubscribeRequestParams",
}

RESULTS = {
    "CallToolResultResponse": ["CallToolResult", "InputRequiredResult"],
    "CompleteResultResponse": ["CompleteResult"],
    "DiscoverResultResponse": ["DiscoverResult"],
    "GetPromptResultResponse": ["GetPromptResult", "InputRequiredResult"],
    "ListPromptsResultResponse": ["ListPromptsResult"],
    "ListResourceTemplatesResultResponse": ["ListResourceTemplatesResult"],
    "ListResourcesResultResponse": ["ListResourcesResult"],
    "ListToolsResultResponse": ["ListToolsResult"],
    "ReadResourceResultResponse": ["InputRequiredResult", "ReadResourceResult"],
    "SubscriptionsListenResultResponse": ["SubscriptionsListenResult"],
}

MESSAGE_LISTS = {
    *("ClientNotification", "ClientRequest", "ClientResult"),
    *("ServerNotification", "ServerRequest", "ServerResult"),
}

# The objects that the official schemas describe in place, without a name.
NAMED_BY_US = {
    *("Annotatable", "Completion", "CompletionArgument", "CompletionContext", "EnumOption"),
    *("ElicitRequestedSchema", "StringEnumItems", "TitledEnumItems"),
    *("ToolInputSchema", "ToolOutputSchema"),
    *("ClientTaskAugmentedRequestParams", "TaskRequestParams"),
    *("CancelTaskRequestParams", "GetTaskPayloadRequestParams", "GetTaskRequestParams"),
    *("ElicitationCompleteNotificationParams", "ListRootsRequestParams"),
    *("PromptsCapability", "ResourcesCapability", "ToolsCapability", "RootsCapability"),
    *("ElicitationCapability", "SamplingCapability"),
    *("ClientTasksCapability", "ClientTaskRequestsCapability", "ServerTasksCapability"),
    *("ServerTaskRequestsCapability", "TaskElicitationCapability"),
    *("TaskSamplingCapability", "TaskToolsCapability"),
    *("HeaderMismatchErrorObject", "MissingRequiredClientCapabilityData"),
    *("MissingRequiredClientCapabilityErrorObject", "UnsupportedProtocolVersionData"),
    *("UnsupportedProtocolVersionErrorObject", "URLElicitationRequiredData"),
    "URLElicitationRequiredErrorObject",
}

# Every JSON value is one of these, so that there is nothing to refuse.
NOTHING_TO_REFUSE = {"JSONValue"}

# At least so many sound messages of a definition, so many damaged ones, and so many in all.
SOUND = DAMAGED = 200
MESSAGES = 1500
# So many are tried where damage hardly ever does harm.
PATIENCE = 30_000

Verdict = Callable[[object], bool]

every_revision = pytest.mark.parametrize("revision", ALL, ids=lambda revision: revision.name)


@dataclass(frozen=True)
class Official:
    """The official schema of one revision, as it is or with the known differences made up for."""

    revision: Revision
    schema: Schema
    definitions: Definitions

    @classmethod
    def read(cls, folder: Path, revision: Revision) -> "Official":
        return cls(revision, *definitions_of(folder, revision.name))

    def agreeing_with_us(self) -> "Official":
        schema = copy.deepcopy(self.schema)
        definitions = schema["$defs"] if "$defs" in schema else schema["definitions"]
        for difference in DIFFERENCES:
            if self.revision in difference.revisions:
                difference.change(definitions)
        return Official(self.revision, schema, definitions)

    def verdict(self, name: str) -> Verdict:
        """Return the validator's judgement of one definition."""
        key = "$defs" if "$defs" in self.schema else "definitions"
        # Formats are annotations, to the newer dialect and to us.
        return jsonschema_rs.validator_for(
            {**self.schema, "$ref": f"#/{key}/{name}"}, validate_formats=False
        ).is_valid


def our_verdict(name: str, official: Official) -> Verdict:
    """Return our judgement of what the official schema calls `name`."""
    if name in MESSAGE_LISTS:
        return any_of([our_verdict(listed, official) for listed in messages_listed(name, official)])
    if name in RESULTS:
        return our_response(RESULTS[name], official.revision)
    if name in PARAMS and not is_payload_too(name, official):
        return our_message(name, official)
    return accepted_by(RENAMED.get(name, name), official.revision)


def is_payload_too(name: str, official: Official) -> bool:
    """Whether a request stands inside a payload, as questions to the client do, or used to."""
    return name in payloads.__all__ and "jsonrpc" not in members_of(official.definitions[name])


def accepted_by(payload: str, revision: Revision) -> Verdict:
    check = checker_named(payload, revision)
    return lambda message: check(message) is None


def our_message(name: str, official: Official) -> Verdict:
    members = members_of(official.definitions[name])
    kind = "Request" if name.endswith("Request") else "Notification"
    check_envelope = accepted_by(f"JSONRPC{kind}", official.revision)
    check_params = accepted_by(PARAMS[name], official.revision)
    method = members["method"].get("const")

    def accepts(message: Any) -> bool:
        # The older schemas leave the envelope out.
        fits = check_envelope(message) if "jsonrpc" in members else isinstance(message, dict)
        return (
            fits
            and isinstance(message.get("method"), str)
            and method in (None, message["method"])
            # Params that are missing are params without members.
            and check_params(message.get("params", {}))
        )

    return accepts


def our_response(results: list[str], revision: Revision) -> Verdict:
    check_envelope = accepted_by("JSONRPCResultResponse", revision)
    check_result = any_of([accepted_by(name, revision) for name in results])

    def accepts(message: Any) -> bool:
        return check_envelope(message) and check_result(message["result"])

    return accepts


def any_of(verdicts: list[Verdict]) -> Verdict:
    return lambda message: any(verdict(message) for verdict in verdicts)


def members_of(schema: Schema) -> dict[str, Schema]:
    """Return the members of a message, which may be written as an extension of its base."""
    parts = schema.get("allOf", [schema])
    return dict(chain.from_iterable(part.get("properties", {}).items() for part in parts))


def messages_listed(name: str, official: Official) -> list[str]:
    schema = official.definitions[name]
    if schema.get("type") == "object":  # a list of one, which the generator has copied in place
        assert members_of(schema)["method"]["const"] == "notifications/cancelled"
        return ["CancelledNotification"]
    return [part["$ref"].rpartition("/")[2] for part in schema.get("anyOf", [schema])]


@pytest.fixture(scope="session")
def schemas(shared: Path) -> Path:
    return shared / "protocol" / "schema"


@every_revision
def test_every_definition_is_covered_and_our_checkers_agree_with_the_validator(
    revision: Revision, schemas: Path
) -> None:
    official = Official.read(schemas, revision).agreeing_with_us()
    messages = Messages(official.definitions)
    disagreements: list[tuple[str, object, bool]] = []
    for name, schema in official.definitions.items():
        theirs, ours = official.verdict(name), our_verdict(name, official)
        counts = {True: 0, False: 0}
        for number, message in enumerate(islice(interesting(messages, schema), PATIENCE)):
            verdict = theirs(message)
            counts[verdict] += 1
            if ours(message) is not verdict:
                disagreements.append((name, message, verdict))
            if number >= MESSAGES and (counts[False] >= DAMAGED or name in NOTHING_TO_REFUSE):
                break
        assert counts[True] >= SOUND, name
        assert counts[False] >= DAMAGED or name in NOTHING_TO_REFUSE, name
    assert disagreements[:5] == []


def interesting(messages: Messages, schema: Schema) -> Iterator[object]:
    """Yield sound messages, full ones damaged everywhere, then damage without end."""
    sound = [messages.sound(schema) for _ in range(SOUND)]
    yield from sound
    for _ in range(3):
        yield from islice(messages.damaged_everywhere(messages.full(schema)), MESSAGES)
    for message in cycle(sound):
        yield messages.damaged(message)


@every_revision
def test_a_payload_that_is_official_exists_when_its_definition_does(
    revision: Revision, schemas: Path
) -> None:
    official = Official.read(schemas, revision)
    covered = {RENAMED.get(name, name) for name in official.definitions}
    for name in payloads.__all__:
        try:
            checker_named(name, revision)
        except LookupError:
            assert name not in covered, name


def test_every_payload_is_an_official_definition_or_stands_in_one(schemas: Path) -> None:
    official = set[str]()
    for revision in ALL:
        official |= Official.read(schemas, revision).definitions.keys()
    assert set(payloads.__all__) - official == NAMED_BY_US
    assert (RENAMED.keys() | PARAMS.keys() | RESULTS.keys() | MESSAGE_LISTS) - official == set()


def test_every_official_example_passes_our_checker(schemas: Path) -> None:
    official = Official.read(schemas, LATEST)
    examples = sorted((schemas / LATEST.name / "examples").glob("*/*.json"))
    refused = [
        str(path)
        for path in examples
        if not our_verdict(path.parent.name, official)(json.loads(path.read_text("utf-8")))
    ]
    assert len(examples) >= 100
    assert refused == []


@pytest.mark.parametrize(
    "difference", DIFFERENCES, ids=lambda difference: difference.change.__name__
)
def test_a_known_difference_still_divides_us(difference: Difference, schemas: Path) -> None:
    assert difference.reason
    for revision in difference.revisions:
        official = Official.read(schemas, revision)
        changed = official.agreeing_with_us()
        name, message = difference.definition, difference.message
        said = our_verdict(name, changed)(message)
        assert said is difference.we_accept
        assert official.verdict(name)(message) is not said, "stale: the schema says the same now"
        assert changed.verdict(name)(message) is said
