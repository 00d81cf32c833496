"""Content blocks, for tools that return something else than text or data.

A block is the dict that goes over the wire, in a class of its own so that nobody takes it for data.
"""

from base64 import b64encode
from typing import Any

__all__ = ["Content", "audio", "embedded", "image", "link", "text"]


class Content(dict[str, Any]):
    """One content block; see the specification's Tools › Tool Result."""


def text(text: str) -> Content:
    """Return a block of text."""
    return Content(type="text", text=text)


def image(data: bytes, mime_type: str) -> Content:
    """Return an image, `mime_type` as in `image/png`."""
    return Content(type="image", data=b64encode(data).decode(), mimeType=mime_type)


def audio(data: bytes, mime_type: str) -> Content:
    """Return a sound, `mime_type` as in `audio/wav`."""
    return Content(type="audio", data=b64encode(data).decode(), mimeType=mime_type)


def link(uri: str, name: str, **members: Any) -> Content:
    """Return a link to a resource.

    `members` are further members of a resource: `description`, `mimeType`, `size`.
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
