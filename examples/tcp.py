"""A transport of one's own, on an event loop: a `Server` on TCP. `python -m examples.tcp`.

`TcpPipe` is all that has to be written. `serve_pipe` does the rest: one connection of the engine,
its deadlines, its limits, and handlers that hold up nobody.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from barewire.run import serve_pipe
from barewire.transports.pipe import LOW_WATER, OnData, OnEof
from examples.first_server import server

CALL = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{'
    b'"name":"greet","arguments":{"name":"TCP"},"_meta":{'
    b'"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{}}}}\n'
)


class TcpPipe(asyncio.Protocol):
    """One TCP connection, as the `Pipe` of `barewire.transports.pipe`."""

    def __init__(self) -> None:
        self.on_drained: Callable[[], object] | None = None
        self.low_water = LOW_WATER
        self._transport: asyncio.Transport | None = None
        self._on_data: OnData | None = None
        self._on_eof: OnEof | None = None
        self._closed = asyncio.Event()

    @property
    def pending(self) -> int:
        """Bytes that wait to be written."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        """Begin to read."""
        self._on_data, self._on_eof = on_data, on_eof
        if self._transport is not None:
            self._transport.set_write_buffer_limits(self.low_water, self.low_water)

    def write(self, buffers: list[bytes]) -> None:
        """Send what is given, as soon as the other end takes it."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(buffers)

    def pause(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on reading."""
        if self._transport is not None:
            self._transport.resume_reading()

    async def aclose(self) -> None:
        """Send what is pending, for a second at most, then close."""
        self._on_data = self._on_eof = None
        if self._transport is not None:
            self._transport.close()
            try:
                await asyncio.wait_for(self._closed.wait(), 1.0)
            except TimeoutError:
                self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve whoever has connected."""
        self._transport = cast(asyncio.Transport, transport)
        serving = serve_pipe(server, self)

        async def to_the_end() -> None:
            await serving.ended.wait()
            await serving.finish(drain=1.0)

        self._task = asyncio.create_task(to_the_end())

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._on_data is not None:
            self._on_data(data)

    def eof_received(self) -> bool:
        """Say that nothing more comes; what was asked may still be answered."""
        self._end(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that it is over."""
        self._closed.set()
        self._end(exc)
        self.resume_writing()

    def resume_writing(self) -> None:
        """Say that there is room again."""
        if self.on_drained is not None:
            self.on_drained()

    def _end(self, error: Exception | None) -> None:
        on_eof, self._on_eof = self._on_eof, None
        if on_eof is not None:
            on_eof(error)


async def main() -> None:
    """Serve, and be a client for one call."""
    listening = await asyncio.get_running_loop().create_server(TcpPipe, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    writer.write(CALL)
    writer.write_eof()
    print((await reader.read()).decode(), end="")
    writer.close()
    await writer.wait_closed()
    listening.close()
    await listening.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
