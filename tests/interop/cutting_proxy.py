"""A way to a server that cuts connections: what a client sees when its network fails."""

import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

END_OF_EVENT = re.compile(rb"\n\r?\n")


class CuttingProxy:
    """Passes bytes between clients and the server at `port` of this machine.

    When what the server sends matches `cut_at` for the first time, its connection is cut at both
    ends, behind the event in which it stands. Each different match is cut once.
    """

    def __init__(self, port: int, cut_at: str) -> None:
        self.cuts: set[bytes] = set()
        self.connections = 0
        """How many clients have connected so far."""
        self._server = ("127.0.0.1", port)
        self._cut_at = re.compile(cut_at.encode())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            sever(one)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                for pump in (self._pass_on, self._pass_back):
                    thread = threading.Thread(target=pump, args=(client, server))
                    self._threads.append(thread)
                    thread.start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        sever(server)

    def _pass_back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            seen = b""
            while data := server.recv(65536):
                end = self._end(seen, data)
                client.sendall(data[:end])
                if end is not None:
                    break
                seen = (seen + data)[-1024:]
        sever(server)
        sever(client)

    def _end(self, seen: bytes, data: bytes) -> int | None:
        """Return where to cut `data`, which follows `seen`; `None` for nowhere."""
        together = seen + data
        for match in self._cut_at.finditer(together):
            end = END_OF_EVENT.search(together, match.end())
            if match.group() not in self.cuts and end is not None:
                self.cuts.add(match.group())
                return max(0, end.end() - len(seen))
        return None


@contextmanager
def cutting(port: int, cut_at: str) -> Generator[CuttingProxy]:
    proxy = CuttingProxy(port, cut_at)
    try:
        yield proxy
    finally:
        proxy.close()


def sever(one: socket.socket) -> None:
    """End both directions of a socket, also under whoever waits for it in another thread."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
