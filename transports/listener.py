"""Accepts connections on sockets that are bound, and hands each to its owner."""

import errno
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from barewire.transports.backend import Timer, current
from barewire.transports.netpipe import Address, NetPipe
from barewire.transports.tcp import SocketPipe, address_of
from barewire.transports.tls import TlsPipe

__all__ = ["Listener", "OnConnection"]

OnConnection: TypeAlias = Callable[[NetPipe], object]

_log = logging.getLogger("barewire.transports")

# What befell one connection before it was accepted (Linux reports it here); the next may be well.
_LOST: Final = frozenset(
    {
        *(errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENOPROTOOPT, errno.EOPNOTSUPP),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    }
)

# Connections that wait to be accepted; the system may allow fewer.
_BACKLOG: Final = 1024

# Taken from one socket in one turn of the loop, so that those who are connected wait little.
_BATCH: Final = 32

# For which nothing is accepted after the system had no descriptor or no memory for it, in seconds.
_REST: Final = 1.0

# Of those beyond the limit, so many at once are told that there are too many.
_MOST_EXCESS: Final = 100

# For which a client may take notice of why its TLS handshake failed, in seconds.
_PARTING: Final = 1.0


class Listener:
    """Takes connections from sockets as `bind` returns them, or as a service manager passes them.

    `on_connection` is called with each new pipe, on the loop, before it is started; with a
    `context`, after the TLS handshake, for which there are `handshake_timeout` seconds (default:
    10). An exception that escapes from it is logged, and resets that connection. `arrival_timeout`
    is that of `SocketPipe`.

    At most `limit` connections are open at once. What comes beyond goes to `on_excess`, which may
    say so in a few bytes and close, as long as that is no more than a hundred of them; the others,
    and all of them without `on_excess`, are reset.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        on_connection: OnConnection,
        *,
        context: ssl.SSLContext | None = None,
        handshake_timeout: float = 10.0,
        arrival_timeout: float | None = None,
        limit: int = 1000,
        on_excess: OnConnection | None = None,
    ) -> None:
        """Take over `sockets`; a loop has to be running. `start` begins to accept.

        Raises `ssl.SSLError` when `context` is not one for servers.
        """
        if context is not None:
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
        self._backend = current()
        self._sockets = list(sockets)
        self._on_connection = on_connection
        self._on_excess = on_excess
        self._context = context
        self._handshake_timeout = handshake_timeout
        self._arrival_timeout = arrival_timeout
        self._handshaking: set[TlsPipe] = set()
        self._limit = limit
        self._accepting = False
        self._rest: Timer | None = None
        self._troubled = False
        self.open: int = 0
        """Connections within the limit that are not closed."""
        self._excess = 0

    @property
    def addresses(self) -> list[Address]:
        """What the sockets are bound to; empty after `close`. Unix domain sockets have none."""
        known = (address_of(sock) for sock in self._sockets)
        return [address for address in known if address is not None]

    @property
    def handshaking(self) -> int:
        """Connections whose TLS handshake is under way."""
        return len(self._handshaking)

    def start(self) -> None:
        """Begin to listen and to accept. Raises OSError, and closes, when a socket cannot."""
        try:
            for sock in self._sockets:
                sock.setblocking(False)
                sock.listen(_BACKLOG)
        except OSError:
            self.close()
            raise
        self._watch()

    def close(self) -> None:
        """Stop accepting at once and close the sockets. Idempotent.

        Connections that were handed over stay open; TLS handshakes are cut off.
        """
        self._unwatch()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        while self._handshaking:
            self._handshaking.pop().abort()

    def _watch(self) -> None:
        self._accepting = True
        for sock in self._sockets:
            self._backend.add_reader(sock.fileno(), partial(self._accept_some, sock))

    def _unwatch(self) -> None:
        if self._accepting:
            self._accepting = False
            for sock in self._sockets:
                self._backend.remove_reader(sock.fileno())

    def _accept_some(self, listening: socket.socket) -> None:
        for _ in range(_BATCH):
            if not self._accepting:  # closed by whoever got the last one
                return
            try:
                sock, _address = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _LOST:
                    continue
                self._pause(error)
                return
            self._troubled = False
            self._take(sock)

    def _pause(self, error: OSError) -> None:
        """Rest for a second: as long as a socket is ready, the loop would call again at once."""
        if not self._troubled:
            self._troubled = True
            _log.error("cannot accept connections, trying again each second: %s", error)
        self._unwatch()
        self._rest = self._backend.call_at(self._backend.now() + _REST, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        self._watch()

    def _take(self, sock: socket.socket) -> None:
        if self.open < self._limit:
            pipe = self._pipe(sock, self._closed)
            self.open += 1
            self._prepare(self._on_connection, pipe)
        elif self._on_excess is not None and self._excess < _MOST_EXCESS:
            pipe = self._pipe(sock, self._excess_closed)
            self._excess += 1
            self._prepare(self._on_excess, pipe)
        else:
            SocketPipe(sock).abort()

    def _pipe(self, sock: socket.socket, on_closed: Callable[[], object]) -> SocketPipe:
        return SocketPipe(sock, arrival_timeout=self._arrival_timeout, on_closed=on_closed)

    def _closed(self) -> None:
        self.open -= 1

    def _excess_closed(self) -> None:
        self._excess -= 1

    def _prepare(self, callback: OnConnection, pipe: NetPipe) -> None:
        if self._context is None:
            self._hand_over(callback, pipe)
            return
        tls = TlsPipe(
            pipe, self._context, server_side=True, handshake_timeout=self._handshake_timeout
        )
        self._handshaking.add(tls)
        tls.handshake(partial(self._shaken, tls, callback))

    def _shaken(self, tls: TlsPipe, callback: OnConnection, error: BaseException | None) -> None:
        self._handshaking.discard(tls)
        if error is None:
            self._hand_over(callback, tls)
            return
        _log.debug("no TLS with %s: %s", tls.remote, error)
        if isinstance(error, TimeoutError):
            tls.abort()
        else:
            tls.close(linger=_PARTING)

    def _hand_over(self, callback: OnConnection, pipe: NetPipe) -> None:
        try:
            callback(pipe)
        except Exception:
            _log.exception("a callback raised; its connection is reset")
            pipe.abort()
