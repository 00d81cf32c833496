"""Our own HTTP server: sockets, the connections on them, and how all of it comes to an end."""

import ssl
from collections.abc import Sequence
from dataclasses import replace
from socket import socket
from types import MappingProxyType
from typing import Final

from barewire.session.limits import DEFAULT_HTTP_LIMITS, HttpLimits
from barewire.session.principal import RequestFacts
from barewire.transports.backend import Signal, current
from barewire.transports.http.connection import HttpConnection
from barewire.transports.http.messages import Answer, Handler, HttpRequest, Reply
from barewire.transports.http.parsing import ParserName, make_parser_of
from barewire.transports.http.requests import Caller
from barewire.transports.http.sweeper import Sweeper
from barewire.transports.listener import Listener
from barewire.transports.netpipe import Address, NetPipe

__all__ = ["HttpServer"]

_EXCESS_TIME: Final = 5.0
"""Seconds in which a connection beyond the limit has to ask something, to hear that it is too many.
"""

_CUT_TIME: Final = 5.0
"""Seconds for which the end of connections that were cut is waited for, at most."""


class HttpServer:
    """Serves `handler` on sockets, as `bind` returns them, until `drain`.

        server = HttpServer(handler, bind("127.0.0.1", 8000))
        server.start()
        ...
        await server.drain(10)

    No method but `drain` waits for anything. All belong to the thread of the loop.
    """

    def __init__(
        self,
        handler: Handler,
        sockets: Sequence[socket],
        *,
        limits: HttpLimits = DEFAULT_HTTP_LIMITS,
        parser: ParserName = "h11",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take over `sockets`; a loop has to be running.

        `parser` reads the requests: `h11` (default), or `httptools`, which is faster where heads
        differ from each other, and has to be installed. With `tls` every connection has to begin
        with its handshake.

        Raises ModuleNotFoundError when the parser is missing.
        """
        self._backend = current()
        self._handler = handler
        self._limits = limits
        self._make_parser = make_parser_of(parser)
        self._sweeper = Sweeper(self._backend)
        self._connections: set[HttpConnection] = set()
        self._limits_of_excess = replace(limits, keep_alive=_EXCESS_TIME, head_time=_EXCESS_TIME)
        self._draining = False
        self._over = Signal(self._backend)
        self._listener = Listener(
            sockets,
            self._serve,
            context=tls,
            handshake_timeout=limits.head_time,
            arrival_timeout=limits.stalled,
            limit=limits.connections,
            on_excess=self._turn_away,
        )

    @property
    def addresses(self) -> list[Address]:
        """What the sockets are bound to; empty after `drain`."""
        return self._listener.addresses

    @property
    def connections(self) -> int:
        """How many are open, those that are turned away included."""
        return len(self._connections) + self._listener.handshaking

    def start(self) -> None:
        """Begin to accept. Raises OSError when a socket cannot."""
        self._listener.start()

    async def drain(self, seconds: float | None = None) -> bool:
        """Accept nothing more, let running requests end, close everything.

        Answers from now on say `Connection: close`. What goes on for longer than `seconds`
        (default: `limits.drain`) is cut. Returns whether nothing was. Call once.
        """
        self._draining = True
        self._listener.close()
        for connection in list(self._connections):
            connection.drain()
        if await self._until_over(self._limits.drain if seconds is None else seconds):
            return True
        whole = not self.cut()
        await self._until_over(_CUT_TIME)
        return whole

    def cut(self) -> bool:
        """Cut all connections, whatever goes on; return whether anything did."""
        cut = [connection.cut() for connection in list(self._connections)]
        return any(cut)

    async def _until_over(self, seconds: float) -> bool:
        if not self._connections:
            return True
        return await self._over.wait(seconds)

    def _serve(self, pipe: NetPipe) -> None:
        self._connect(pipe, self._handler, self._limits)

    def _turn_away(self, pipe: NetPipe) -> None:
        self._connect(pipe, _Full(self._handler), self._limits_of_excess, once=True)

    def _connect(
        self, pipe: NetPipe, handler: Handler, limits: HttpLimits, *, once: bool = False
    ) -> None:
        # All requests of the connection share it.
        certificate = None if pipe.certificate is None else MappingProxyType(pipe.certificate)
        connection = HttpConnection(
            pipe,
            handler,
            limits=limits,
            make_parser=self._make_parser,
            backend=self._backend,
            sweeper=self._sweeper,
            caller=Caller(pipe.remote, certificate, pipe.secure),
            once=once,
            on_closed=self._closed,
        )
        self._connections.add(connection)
        connection.start()

    def _closed(self, connection: HttpConnection) -> None:
        self._connections.discard(connection)
        if self._draining and not self._connections:
            self._over.set()


class _Full:
    """Answers everything with 503."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def judge(self, head: RequestFacts) -> Answer | None:
        detail = "too many connections, try again later (limits.connections)"
        return self.refused(503, detail, head)

    def receive(self, request: HttpRequest, reply: Reply) -> None:
        raise AssertionError("no request is let through")

    def refused(self, status: int, detail: str, head: RequestFacts | None) -> Answer:
        return self._handler.refused(status, detail, head)
