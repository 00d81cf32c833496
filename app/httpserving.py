"""Many clients being served over HTTP, by our own server."""

import ssl
from collections.abc import Sequence
from socket import socket

from barewire.httpapplication import HttpApplication
from barewire.server.server import Server
from barewire.transports.http.options import HttpOptions
from barewire.transports.http.parsing import ParserName
from barewire.transports.http.server import HttpServer
from barewire.transports.tcp import address_of
from barewire.transports.threads import ThreadPool

__all__ = ["HttpServing"]


class HttpServing:
    """Serves one server over HTTP, from `start` to `finish`."""

    def __init__(
        self,
        server: Server,
        sockets: Sequence[socket],
        options: HttpOptions,
        threads: ThreadPool,
        *,
        name: str | None = None,
        parser: ParserName = "h11",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take over `sockets`, as `bind` returns them, or Unix domain sockets.

        `name` is how clients know this machine (default: the address of the first socket).
        """
        scheme = "http" if tls is None else "https"
        self.url: str = f"{scheme}://{_authority(sockets[0], name)}{options.path}"
        """Where it is served; clients have to say a host that it answers for.

        With a Unix domain socket it is written as nginx does: `http://unix:/run/mcp.sock:/mcp`.
        """
        self._application = HttpApplication(server, options, threads)
        self.ended: bool = False
        """Whether it is over, all handlers included."""
        self.http: HttpServer = HttpServer(
            self._application.endpoint, sockets, limits=options.limits, parser=parser, tls=tls
        )

    @property
    def load(self) -> int:
        """How many calls go on."""
        return self._application.load

    def start(self) -> None:
        """Begin to serve."""
        self.http.start()

    async def finish(self, drain: float | None = None) -> bool:
        """Accept nothing more; let requests go on for `drain` seconds, then end everything.

        Streams that clients listen on end at once, as the specification wants them to. Returns
        whether all handlers have ended; one that ignores its cancellation does not.
        """
        self._application.endpoint.end()
        await self.http.drain(drain)
        self.ended = await self._application.close()
        return self.ended


def _authority(sock: socket, name: str | None) -> str:
    address = address_of(sock)
    if address is None:
        return f"unix:{sock.getsockname()}:"
    host, port = name or address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
