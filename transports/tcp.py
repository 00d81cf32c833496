"""A pipe over one connected socket."""

import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

from barewire.transports.backend import Signal, guarded
from barewire.transports.duplex import TICK, DuplexPipe, ignore
from barewire.transports.netpipe import Address, Certificate
from barewire.transports.polled import PolledReader, PolledWriter

if sys.platform == "linux":
    import fcntl
    import termios

__all__ = ["SocketPipe", "address_of"]

_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)

# On, and zero seconds: closing resets the connection and frees what the system holds for it.
_RESET: Final = struct.pack("ii", 1, 0)

# Milliseconds: what the option can hold.
_LONGEST: Final = 2**31 - 1

# What a lingering connection reads each time that it looks for itself.
_REST_CHUNKS: Final = 16


class SocketPipe(DuplexPipe):
    """A TCP connection; see `NetPipe` for what its methods promise. Unix domain sockets work too.

    Small writes are sent without delay (TCP_NODELAY).
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        flush_timeout: float = 1.0,
        arrival_timeout: float | None = None,
        on_closed: Callable[[], object] | None = None,
    ) -> None:
        """Take over a connected stream socket; a loop has to be running.

        Closing spends at most `flush_timeout` seconds on what is pending (default: 1, and it may be
        set later). A peer whose system takes nothing for `arrival_timeout` seconds counts as lost,
        where the system offers that (Linux); else, and by default, after a time of the system's
        own. `on_closed` is called once it is closed, perhaps inside `close` or `abort`.
        """
        super().__init__(flush_timeout)
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # no TCP, or reset before we came to it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if sys.platform == "linux" and arrival_timeout is not None:
                milliseconds = int(min(max(1, arrival_timeout * 1000), _LONGEST))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._on_closed = on_closed
        self.local: Final = address_of(sock)
        self.remote: Final = address_of(sock, peer=True)
        self.secure: Final = False
        self.certificate: Final[Certificate | None] = None
        self.broken: BaseException | None = None
        self._socket = sock
        fd = sock.fileno()
        self._reader = PolledReader(self._backend, fd, self._reading_ended)
        self._writer = PolledWriter(self._backend, fd, self._moved, self._writing_failed)
        self._open = True
        self._at_end = False
        self._eof_wanted = False
        self._over: Signal | None = None

    @property
    def underway(self) -> int:
        """Bytes that the peer's system has not confirmed; where that is not known, those pending.

        Only Linux tells, of TCP connections.
        """
        if sys.platform == "linux" and self._open and self.remote is not None:
            # SIOCOUTQ, as it is called for sockets.
            told = fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4))
            return self._writer.pending + int.from_bytes(told, sys.byteorder)
        return self._writer.pending

    def write_eof(self) -> None:
        """End our direction once everything pending is taken."""
        self._taking = False
        self._eof_wanted = True
        self._send_eof_if_due()

    def close(self, *, linger: float = 0.0) -> None:
        """Begin to close: at once when nothing is pending and nothing is to be waited for."""
        if not self._open or self._closing is not None:
            return
        self._taking = False
        if linger := linger if self._may_linger else 0.0:
            self.write_eof()
        if linger or self._writer.pending:
            self._ignore_input()
            self._closing = self._backend.spawn(self._part(linger), shield=True)
        else:
            self._shut()

    async def aclose(self, *, linger: float = 0.0) -> object:
        """Close, and wait until that is done."""
        self.close(linger=linger)
        if self._closing is not None:
            await self._closing.wait()
        return None

    def abort(self) -> None:
        """Reset the connection."""
        with contextlib.suppress(OSError):  # closed by now
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._shut()

    @property
    def _may_linger(self) -> bool:
        return not self._at_end and self.broken is None

    async def _part(self, linger: float) -> None:
        await self._flush(self.flush_timeout)
        if self._writer.pending:
            self.abort()
        else:
            await self._until_end(linger)
        self._shut()

    def _ignore_input(self) -> None:
        super()._ignore_input()
        if not self._started:
            self._reader.start(ignore)

    async def _until_end(self, seconds: float) -> None:
        self._over = Signal(self._backend)
        look = max(TICK, seconds / 4)
        deadline = self._backend.now() + seconds
        while self._open and self._may_linger and (left := deadline - self._backend.now()) > 0:
            if not await self._over.wait(min(left, look)):
                self._reader.read_rest(_REST_CHUNKS)

    def _shut(self) -> None:
        """Close the socket: from here on its number may be another's, so nothing may use it."""
        if not self._open:
            return
        self._open = self._taking = False
        self._ended = True
        self._reader.stop()
        self._writer.drop()
        self._socket.close()
        if self._over is not None:
            self._over.set()
        self._forget_owner()
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            guarded(on_closed)

    def _send_eof_if_due(self) -> None:
        if self._eof_wanted and not self._writer.pending:
            with contextlib.suppress(OSError):  # the peer was faster, or closed by now
                self._socket.shutdown(socket.SHUT_WR)

    def _moved(self, before: int) -> None:
        super()._moved(before)
        self._send_eof_if_due()

    def _reading_ended(self, reason: OSError | None) -> None:
        self._at_end = True
        self._note(reason)
        if self._over is not None:
            self._over.set()
        super()._reading_ended(reason)

    def _writing_failed(self, error: OSError) -> None:
        self._note(error)
        super()._writing_failed(error)

    def _note(self, error: OSError | None) -> None:
        if self.broken is None and error is not None:
            self.broken = error.with_traceback(None)  # whose frames refer to us


def address_of(sock: socket.socket, *, peer: bool = False) -> Address | None:
    """Return the host and port of `sock`, or of its peer.

    `None` when it has no internet address, and when the connection is gone already.
    """
    if sock.family not in _INTERNET:
        return None
    try:
        host, port = (sock.getpeername() if peer else sock.getsockname())[:2]
    except OSError:
        return None
    return host, port
