"""The owner of a pipe under test: keeps what it is told."""

from barewire.transports.backend import Signal, current
from barewire.transports.pipe import Pipe


class Recorder:
    """Starts a pipe and records its callbacks."""

    def __init__(self, pipe: Pipe) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.ends: list[BaseException | None] = []
        self._ended = Signal(current())
        self._expected = 0
        self._arrived = Signal(current())
        pipe.start(self._on_data, self._on_eof)

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)

    async def receive(self, size: int) -> bytes:
        """Wait until `size` bytes have arrived in all."""
        if self.size < size:
            self._expected = size
            self._arrived = Signal(current())
            assert await self._arrived.wait(10), f"{self.size} bytes of {size}"
        return self.data

    async def end(self) -> BaseException | None:
        """Wait for the end and return its reason."""
        assert await self._ended.wait(10), "no end"
        return self.ends[0]

    def _on_data(self, data: bytes) -> None:
        assert data, "an empty chunk"
        assert not self.ends, "data after the end"
        self.chunks.append(data)
        self.size += len(data)
        if self.size >= self._expected:
            self._arrived.set()

    def _on_eof(self, reason: BaseException | None) -> None:
        self.ends.append(reason)
        self._ended.set()
