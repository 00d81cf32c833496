"""What a server says, whoever wrote it.

Two servers that offer the same tools may answer the same request in other words. `meaning` keeps
what an answer says, `remark` what a server says unasked, and both drop what each is free to choose:

* the order of members, `_meta`, `ttlMs` and `cacheScope`, an absent `isError` or `resultType`;
* the words of errors, of failing tools, of descriptions and titles;
* how JSON is laid out inside a text, whether a plain text is told as structured content too, what a
  state to hand back looks like, a mode that is the default;
* capabilities, our tool for noise, and what schemas say of arguments beyond their types.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.transcripts.words import Json

Meaning = Any

FAILED = ("result", "failed")
"""A tool that says itself that it failed."""


def error(code: int) -> Meaning:
    """Return what an error with this code means."""
    return ("error", code)


def meaning(method: str, answer: Json) -> Meaning:
    """Return what an answer to `method` says."""
    if "error" in answer:
        return error(answer["error"]["code"])
    result: Json = answer["result"]
    if result.get("resultType") == "input_required":
        questions = {key: _question(one) for key, one in result["inputRequests"].items()}
        return ("input required", questions, "requestState" in result)
    read = READERS.get(method)
    return ("result", result if read is None else read(result))


def remark(message: Json) -> tuple[str, Json]:
    """Return what a notification or a request of a server's says."""
    if "id" in message:
        return _question(message)
    params: Json = message.get("params", {})
    return message["method"], {key: params[key] for key in params if key != "_meta"}


def told(*blocks: Meaning, data: Meaning = None) -> Meaning:
    """Return what a tool's result with these blocks and this structured content means."""
    return ("result", (list(blocks), data))


def _tool(result: Json) -> Meaning:
    if result.get("isError"):
        return "failed"
    data = result.get("structuredContent")
    if data == {"result": result["content"][0].get("text")}:
        data = None
    return [_block(block) for block in result["content"]], data


def _block(block: Json) -> Meaning:
    if block["type"] != "text":
        return block
    try:
        return json.loads(block["text"])
    except ValueError:
        return block["text"]


def _question(question: Json) -> tuple[str, Json]:
    params: Json = question.get("params", {})
    params = {key: params[key] for key in params if key != "_meta"}
    return question["method"], {**params, "mode": params.get("mode", "form")}


def _tools(result: Json) -> Meaning:
    tools = {tool["name"]: _arguments(tool["inputSchema"]) for tool in result["tools"]}
    tools.pop("noise", None)
    return tools


def _arguments(schema: Json) -> Meaning:
    return {name: part.get("type") for name, part in schema.get("properties", {}).items()}


READERS: dict[str, Callable[[Json], Meaning]] = {
    "initialize": lambda result: (result["protocolVersion"], result.get("instructions")),
    "server/discover": lambda result: result.get("instructions"),
    "ping": lambda result: None,
    "logging/setLevel": lambda result: None,
    "resources/subscribe": lambda result: None,
    "resources/unsubscribe": lambda result: None,
    "tools/list": _tools,
    "tools/call": _tool,
    "resources/list": lambda result: (
        [one["uri"] for one in result["resources"]],
        result.get("nextCursor"),
    ),
    "resources/templates/list": lambda result: [
        one["uriTemplate"] for one in result["resourceTemplates"]
    ],
    "resources/read": lambda result: [
        (one["uri"], one["mimeType"], one.get("text"), one.get("blob"))
        for one in result["contents"]
    ],
    "prompts/list": lambda result: [
        (one["name"], [argument["name"] for argument in one["arguments"]])
        for one in result["prompts"]
    ],
    "prompts/get": lambda result: result["messages"],
    "completion/complete": lambda result: result["completion"]["values"],
}
