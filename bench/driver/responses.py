"""HTTP answers as bytes: whether one is whole yet, and what is in it.

What is asked while the clock runs is cheap and trusts the server; what is asked afterwards is
strict.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.driver.wire import BadReply

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

_END: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]+)\r\n")
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class Incoming:
    """Tells when an answer is whole; it is then ready for the next one."""

    def __init__(self) -> None:
        self._head = b""
        self._missing = -1
        """Bytes of the body that are still to come, -1 while that is unknown."""
        self._chunked = False
        self._tail = b""
        """The end of what came in chunks."""

    def take(self, data: bytes) -> bool:
        """Take what came; return whether the answer is whole."""
        if self._chunked:
            return self._take_chunks(data)
        if self._missing >= 0:
            return self._take_body(len(data))
        if self._head:
            data = self._head + data
        end = data.find(_END)
        if end < 0:
            self._head = data
            return False
        self._head = b""
        found = _LENGTH.search(data, 0, end)
        if found is not None:
            self._missing = int(found[1])
            return self._take_body(len(data) - end - len(_END))
        if _CHUNKED.search(data, 0, end):
            self._chunked = True
            return self._take_chunks(data)
        return True

    def _take_body(self, size: int) -> bool:
        self._missing -= size
        if self._missing > 0:
            return False
        self._missing = -1
        return True

    def _take_chunks(self, data: bytes) -> bool:
        self._tail = (self._tail + data[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
        if self._tail != _LAST_CHUNK:
            return False
        self._chunked, self._tail = False, b""
        return True


@dataclass(frozen=True)
class Response:
    """An answer that is whole."""

    status: int
    fields: dict[str, str]
    """By lower-cased name."""
    body: bytes

    @property
    def form(self) -> str:
        """The media type of the body, empty without one."""
        return self.fields.get("content-type", "").partition(";")[0].strip()

    @property
    def messages(self) -> list[bytes]:
        """The messages in it, a line each."""
        if self.form == EVENTS:
            return [data + b"\n" for data in _data_of_events(self.body) if data]
        return [self.body + b"\n"] if self.body else []


def responses(data: bytes) -> Iterator[Response]:
    """Read answers that follow each other; raises `BadReply` when it is anything else."""
    at = 0
    while at < len(data):
        end = data.find(_END, at)
        status, *lines = data[at : max(end, at)].decode("latin-1").split("\r\n")
        if not re.fullmatch(r"HTTP/1\.1 \d{3} .*", status):
            raise BadReply(f"instead of an answer: {data[at : at + 300]!r}")
        pairs = (line.partition(":") for line in lines)
        fields = {name.lower(): value.strip() for name, _, value in pairs}
        body, at = _body(data, end + len(_END), fields)
        yield Response(int(status[9:12]), fields, body)


def _body(data: bytes, at: int, fields: dict[str, str]) -> tuple[bytes, int]:
    if fields.get("transfer-encoding", "").lower() != "chunked":
        end = at + int(fields.get("content-length", "0"))
        if end > len(data):
            raise BadReply(f"an answer is cut: {data[at:][:300]!r}")
        return data[at:end], end
    chunks: list[bytes] = []
    while found := _CHUNK.match(data, at):
        begin = found.end()
        end = begin + int(found[1], 16)
        at = end + 2
        if data[end:at] != b"\r\n":
            break
        if begin == end:
            return b"".join(chunks), at
        chunks.append(data[begin:end])
    raise BadReply(f"an answer is cut, or a chunk has another size: {data[at:][:300]!r}")


def _data_of_events(body: bytes) -> Iterator[bytes]:
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = event.split(b"\n")
        yield b"\n".join(line[5:].lstrip() for line in lines if line.startswith(b"data:"))
