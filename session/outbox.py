"""What waits to be written: encoded messages in order, never joined."""

from collections.abc import Sequence

from barewire.protocol.codec import EncodeError, encode, encode_batch
from barewire.protocol.errors import Reason
from barewire.protocol.jsonrpc import Failure, Message, Success
from barewire.session.exceptions import LocalProtocolError

__all__ = ["Outbox"]


class Outbox:
    """A queue of lines. A message that JSON cannot carry never gets in, and never breaks it."""

    __slots__ = ("_buffers", "_changes", "closed", "pending")

    def __init__(self) -> None:
        self._buffers: list[bytes] = []
        self._changes: set[object] = set()
        self.pending = 0
        """Bytes that wait."""
        self.closed = False
        """A closed outbox drops what it is given."""

    def send(self, message: Message) -> None:
        """Queue one message.

        Raises `LocalProtocolError` when JSON cannot carry it. An answer becomes -32603 instead:
        somebody waits for it.
        """
        if self.closed:
            return
        try:
            data = encode(message, newline=True)
        except EncodeError as error:
            if not isinstance(message, Success | Failure):
                raise LocalProtocolError(f"cannot be written as JSON: {error}") from None
            data = encode(_unwritable(message), newline=True)
        self._buffers.append(data)
        self.pending += len(data)

    def send_batch(self, answers: Sequence[Success | Failure]) -> None:
        """Queue the answers to a batch as one array."""
        if self.closed or not answers:
            return
        try:
            data = encode_batch(answers, newline=True)
        except EncodeError:
            data = encode_batch([_writable(answer) for answer in answers], newline=True)
        self._buffers.append(data)
        self.pending += len(data)

    def first(self, change: object) -> bool:
        """Whether this change does not wait already; it counts as waiting until the next `take`."""
        if change in self._changes:
            return False
        self._changes.add(change)
        return True

    def take(self) -> list[bytes]:
        """Take everything out."""
        buffers, self._buffers = self._buffers, []
        self.pending = 0
        if self._changes:
            self._changes.clear()
        return buffers


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
