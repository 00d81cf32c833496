"""What an answer means, whoever wrote it.

Two servers that offer the same tools may answer the same request in other words. `meaning` keeps
what the answer says and drops what each is free to choose:

* the order of members, `_meta`, `ttlMs` and `cacheScope`, an absent `isError` or `resultType`;
* the words of errors, of failing tools, of descriptions and titles;
* how JSON is laid out inside a text, what a state to hand back looks like, a mode that is the
  default;
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


def _tool(result: Json) -> Meaning:
    if result.get("isError"):
        return "failed"
    return [_block(block) for block in result["content"]]


def _block(block: Json) -> Meaning:
    try:
        return block["type"], json.loads(block["text"])
    except ValueError:
        return block["type"], block["text"]


def _question(question: Json) -> Meaning:
    params: Json = question.get("params", {})
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
    "resources/list": lambda result: [one["uri"] for one in result["resources"]],
    "resources/templates/list": lambda result: [
        one["uriTemplate"] for one in result["resourceTemplates"]
    ],
    "resources/read": lambda result: [
        (one["uri"], one["mimeType"], one["text"]) for one in result["contents"]
    ],
    "prompts/list": lambda result: [
        (one["name"], [argument["name"] for argument in one["arguments"]])
        for one in result["prompts"]
    ],
    "prompts/get": lambda result: result["messages"],
    "completion/complete": lambda result: result["completion"]["values"],
}
