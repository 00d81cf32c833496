"""What waits to be written: encoded messages in order, never joined."""

from collections.abc import Sequence

from barewire.protocol.codec import EncodeError, dumps, encode, encode_batch
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Failure, Message, Notification, Request, Success
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import Exchange

__all__ = ["Outbox", "array_of", "line_of", "must_be_writable", "written_instead"]


class Outbox:
    """A queue of lines. A message that JSON cannot carry never gets in, and never breaks it.

    Whatever is sent says which exchange it is `about`: on a pipe all goes the same way, over HTTP
    each exchange has a stream of its own.
    """

    __slots__ = ("_buffers", "_changes", "closed", "pending")

    def __init__(self) -> None:
        self._buffers: list[bytes] = []
        self._changes: set[object] = set()
        self.pending: int = 0
        """Bytes that wait."""
        self.closed: bool = False
        """A closed outbox drops what it is given."""

    def send(self, message: Message, about: Exchange | None = None) -> bool:
        """Queue one message; return whether it goes out as it is.

        Raises `LocalProtocolError` when JSON cannot carry it. An answer becomes -32603 instead:
        somebody waits for it.
        """
        if self.closed:
            return False
        as_it_is = True
        try:
            data = encode(message, newline=True)
        except EncodeError as error:
            data = written_instead(message, error)
            as_it_is = False
        self._buffers.append(data)
        self.pending += len(data)
        return as_it_is

    def send_line(self, line: bytes, about: Exchange | None = None) -> None:
        """Queue a message that was written by `line_of` before."""
        self._buffers.append(line)
        self.pending += len(line)

    def send_change(self, change: object, notification: Notification) -> bool:
        """Queue a notification unless it waits already, which is the case until the next `take`.

        `change` says what it is about. Raises `LocalProtocolError` as `send` does.
        """
        if change in self._changes:
            return False
        self.send(notification)
        self._changes.add(change)
        return True

    def send_batch(self, answers: Sequence[Success | Failure]) -> None:
        """Queue the answers to a batch as one array."""
        if self.closed or not answers:
            return
        data = array_of(answers) + b"\n"
        self._buffers.append(data)
        self.pending += len(data)

    def take(self) -> list[bytes]:
        """Take everything out."""
        buffers, self._buffers = self._buffers, []
        self.pending = 0
        if self._changes:
            self._changes.clear()
        return buffers


def written_instead(message: Message, error: EncodeError) -> bytes:
    """Return the line that goes out for a message which JSON cannot carry.

    Only an answer has one: raises `LocalProtocolError` for everything else.
    """
    if not isinstance(message, Success | Failure):
        raise _refused(error) from None
    return encode(_unwritable(message), newline=True)


def line_of(request: Request) -> bytes:
    """Write a request that is sent later; raises `LocalProtocolError` when JSON cannot carry it."""
    try:
        return encode(request, newline=True)
    except EncodeError as error:
        raise _refused(error) from None


def array_of(answers: Sequence[Success | Failure]) -> bytes:
    """Write the answers to a batch as one array; those that JSON cannot carry become -32603."""
    try:
        return encode_batch(answers)
    except EncodeError:
        return encode_batch([_writable(answer) for answer in answers])


def must_be_writable(value: object) -> None:
    """Raise `LocalProtocolError` when JSON cannot carry a value."""
    try:
        dumps(value)
    except EncodeError as error:
        raise _refused(error) from None


def _refused(error: EncodeError) -> LocalProtocolError:
    return LocalProtocolError(f"cannot be written as JSON: {error}")


def _unwritable(answer: Success | Failure) -> Failure:
    reason = Reason.INTERNAL_ERROR
    text = f"{reason.text}: the answer holds what JSON cannot carry"
    return Failure(answer.id, reason.row.code, text)


def _writable(answer: Success | Failure) -> Success | Failure:
    try:
        encode(answer)
    except EncodeError:
        return _unwritable(answer)
    return answer
