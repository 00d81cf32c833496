"""Content blocks and whole results, for tools that return something else than text or data.

A block is the dict that goes over the wire, in a class of its own so that nobody takes it for data.
"""

from base64 import b64encode
from dataclasses import field
from typing import Any

from barewire.protocol.record import record

__all__ = ["Content", "ToolResult", "audio", "embedded", "image", "link", "text"]


class Content(dict[str, Any]):
    """One content block; see the specification's Tools › Tool Result."""


@record
class ToolResult:
    """A whole result, for a tool that wants to say all of it.

    `structured_content` is sent where the revision has it; in those that know objects only, another
    value is sent as the member `result` of one. `meta` becomes the `_meta` of the result.
    """

    content: list[Content] = field(default_factory=list[Content])
    structured_content: Any = None
    is_error: bool = False
    meta: dict[str, Any] | None = None


def text(text: str) -> Content:
    """Return a block of text."""
    return Content(type="text", text=text)


def image(data: bytes, mime_type: str) -> Content:
    """Return an image, `mime_type` as in `image/png`."""
    return Content(type="image", data=b64encode(data).decode(), mimeType=mime_type)


def audio(data: bytes, mime_type: str) -> Content:
    """Return a sound, `mime_type` as in `audio/wav`.

    A client whose revision has no such block gets an embedded resource.
    """
    return Content(type="audio", data=b64encode(data).decode(), mimeType=mime_type)


def link(uri: str, name: str, **members: Any) -> Content:
    """Return a link to a resource.

    `members` are further members of a resource: `description`, `mimeType`, `size`. A client whose
    revision has no such block gets the name and the URI as text.
    """
    return Content(type="resource_link", uri=uri, name=name, **members)


def embedded(uri: str, content: str | bytes, mime_type: str | None = None) -> Content:
    """Return the contents of a resource: text, or bytes that travel as Base64."""
    resource: dict[str, Any] = {"uri": uri}
    if mime_type is not None:
        resource["mimeType"] = mime_type
    if isinstance(content, str):
        resource["text"] = content
    else:
        resource["blob"] = b64encode(content).decode()
    return Content(type="resource", resource=resource)
