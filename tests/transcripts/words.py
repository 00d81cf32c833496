"""What both of our ends, and every stranger, say in a recorded session."""

from typing import Any

Json = dict[str, Any]

TEXT = 'grüße ✓ 日本語 🎉\n\ttab \u2028 \u0000 "quoted" \\ end'
QUESTION = "Which colour?"
COLOURS = ["blue", "black", "green"]

SAMPLING: Json = {
    "messages": [{"role": "user", "content": {"type": "text", "text": QUESTION}}],
    "maxTokens": 10,
}
ELICITATION: Json = {
    "message": QUESTION,
    "requestedSchema": {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
    },
}
QUESTIONS: dict[str, tuple[str, Json | None]] = {
    "ask_roots": ("roots/list", None),
    "ask_model": ("sampling/createMessage", SAMPLING),
    "ask_user": ("elicitation/create", ELICITATION),
}
"""The tools that ask the client, and what."""

ANSWERS: dict[str, Json] = {
    "roots/list": {"roots": [{"uri": "file:///project", "name": "project"}]},
    "sampling/createMessage": {
        "role": "assistant",
        "content": {"type": "text", "text": "blue"},
        "model": "a-model",
    },
    "elicitation/create": {"action": "accept", "content": {"colour": "green"}},
}

ODD = "odd"
"""How the ids begin of what an end writes past its engine: answers to them belong to nobody."""

UNKNOWN_NOTIFICATION = "notifications/frobnicate"


def text(words: str, **more: Any) -> Json:
    """Return a tool's result that is a text."""
    return {"content": [{"type": "text", "text": words}], **more}
