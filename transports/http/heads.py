"""The heads of answers, and the frames of answers whose length nobody knows yet."""

import re
from http import HTTPStatus
from typing import Final

from barewire.transports.http.messages import Fields

__all__ = ["CLOSE", "CONTINUE", "LAST_CHUNK", "bodiless", "field_lines", "status_line"]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE: Final = b"Connection: close\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_LINES: Final = re.compile(
    r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t -~\x80-\xff]*\r\n)*+"  # RFC 9110 › Tokens, Field Values
)

_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def status_line(status: int) -> bytes:
    """Return the first line of an answer."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def field_lines(fields: Fields) -> bytes:
    """Return these fields as they go out.

    Raises ValueError for what would be read as something else: a name that is none, line ends and
    other controls in a value, characters beyond Latin-1.
    """
    text = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if text.count("\n") != len(fields) or not _LINES.fullmatch(text):
        raise ValueError("a field of an answer has no such name, or no such value")
    return text.encode("latin-1")


def bodiless(status: int) -> bool:
    """Whether an answer with this status has no body, nor a length (RFC 9110 › Content-Length)."""
    return status == 204 or status == 304 or status < 200
