"""A `Reply` that writes down what it is given, and whose client the test plays."""

from collections.abc import Callable

from barewire.transports.http.messages import Answer, Fields

__all__ = ["FakeReply"]


class FakeReply:
    def __init__(self) -> None:
        self.on_gone: Callable[[], object] | None = None
        self.on_drained: Callable[[], object] | None = None
        self.gone = False
        self.pending = 0
        self.arrived = 0
        self.vanished = False
        """Whether nothing arrives any more, and nobody knows."""
        self.answer: Answer | None = None
        self.begun: tuple[int, Fields] | None = None
        self.written: list[bytes] = []
        self.ended = False
        self.aborted = False

    def send(self, answer: Answer) -> None:
        if not self.gone:
            assert self.answer is None
            assert self.begun is None
            self.answer = answer
            self.gone = True

    def begin(self, status: int, fields: Fields) -> None:
        if not self.gone:
            assert self.answer is None
            assert self.begun is None
            self.begun = status, fields

    def write(self, data: bytes) -> None:
        if not self.gone:
            assert self.begun is not None
            self.written.append(data)
            if not self.vanished:
                self.arrived += len(data)

    def end(self) -> None:
        if not self.gone:
            assert self.begun is not None
            self.ended = self.gone = True

    def abort(self) -> None:
        self.aborted = self.gone = True

    # The client's part.

    def leave(self) -> None:
        """Go away."""
        self.gone = True
        if self.on_gone is not None:
            self.on_gone()

    def take_all(self) -> None:
        """Take what waits."""
        self.pending = 0
        if self.on_drained is not None:
            self.on_drained()

    @property
    def text(self) -> str:
        return b"".join(self.written).decode()
