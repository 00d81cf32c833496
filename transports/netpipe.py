"""What a connection of a network offers beside `Pipe`: who is there, and several ways to part."""

from typing import Any, Protocol, TypeAlias

from barewire.transports.pipe import Pipe

__all__ = ["Address", "Certificate", "NetPipe"]

Address: TypeAlias = tuple[str, int]
"""Host, as a number, and port."""

Certificate: TypeAlias = dict[str, Any]
"""What `ssl.SSLSocket.getpeercert` tells of a certificate."""


class NetPipe(Pipe, Protocol):
    """A connection, plain or by TLS. Its two directions end separately.

    `on_eof(None)` says that the peer sends nothing more, and is called as soon as that is known,
    provided reading is not paused. Most peers are gone then. One that has only ended its own
    direction still reads, which nobody can tell until a write fails: that is `broken`.
    """

    @property
    def local(self) -> Address | None:
        """Our address; `None` where there are none, as on a Unix domain socket."""
        ...

    @property
    def remote(self) -> Address | None:
        """The peer's address; `None` where there are none."""
        ...

    @property
    def secure(self) -> bool:
        """Whether the bytes travel by TLS."""
        ...

    @property
    def certificate(self) -> Certificate | None:
        """The verified certificate of the peer; `None` when it showed none."""
        ...

    @property
    def broken(self) -> BaseException | None:
        """What broke the connection; `None` while it is whole, and when it ended plainly."""
        ...

    @property
    def underway(self) -> int:
        """Bytes that were written and that have not reached the peer's system, as far as is known:
        those pending at least."""
        ...

    def write_eof(self) -> None:
        """End our direction once everything pending is taken; reading goes on."""
        ...

    def close(self, *, linger: float = 0.0) -> None:
        """Begin what `aclose` does, and return at once. The first call decides how to part.

        With `linger`, our direction ends first; then, for at most so many seconds, what the peer
        still sends is read and dropped until its end arrives. Without, whatever has not been read
        makes the system reset the connection, by which the peer may lose what it was sent last.
        A connection with something pending that the peer does not take in time is reset.
        """
        ...

    async def aclose(self, *, linger: float = 0.0) -> object:
        """Close as `close` does and wait until it is done; see `Pipe.aclose`."""
        ...

    def abort(self) -> None:
        """Reset the connection at once: what is pending is dropped, and the peer sees an error."""
        ...
