"""What stands between a transport that speaks HTTP and the endpoint that decides: one request, and
where its answer goes.

Neither side knows the other. A server of our own, an ASGI shell or a test hands over a request
together with a `Reply`; the endpoint answers by it, at once or as long as the stream lasts.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from barewire.protocol.record import record
from barewire.session.principal import RequestFacts

__all__ = ["Answer", "Fields", "Handler", "HttpRequest", "Reply"]

Fields: TypeAlias = Sequence[tuple[str, str]]
"""Fields of an answer, in order, as they go out."""


@record
class HttpRequest:
    """A whole request."""

    head: RequestFacts
    body: bytes


@record
class Answer:
    """A whole answer. `Content-Length` is the business of whoever writes it."""

    status: int
    fields: Fields = ()
    body: bytes = b""


class Reply(Protocol):
    """Where the answer to one request goes: `send` once, or `begin`, any number of `write`, `end`.

    No method blocks. `send` and `begin` raise ValueError for fields that cannot be written, and the
    client hears of an internal error; calls out of this order raise RuntimeError. After the client
    is gone they do nothing. Callbacks are never called inside one of the methods.
    """

    on_gone: Callable[[], object] | None
    """Called once when the client goes away before its answer has ended. Default: None."""

    on_drained: Callable[[], object] | None
    """Called when `pending` has fallen low enough to write more. Default: None."""

    @property
    def gone(self) -> bool:
        """Whether the client is gone, or the answer has ended: nothing more arrives."""
        ...

    @property
    def pending(self) -> int:
        """Bytes of this connection that were written and that the client has not taken yet."""
        ...

    @property
    def arrived(self) -> int:
        """Bytes of this connection that have reached the client's system, as far as is known.

        What was handed to the system counts where nothing else is known.
        """
        ...

    def send(self, answer: Answer) -> None:
        """Give a whole answer."""
        ...

    def begin(self, status: int, fields: Fields) -> None:
        """Begin an answer of unknown length; its head goes out at once."""
        ...

    def write(self, data: bytes) -> None:
        """Send a part of the answer; what is written within one turn of the loop goes together."""
        ...

    def end(self) -> None:
        """End an answer that was begun."""
        ...

    def abort(self) -> None:
        """Cut the connection: the answer ends in the middle, and the client shall see that."""
        ...


class Handler(Protocol):
    """What answers requests: the endpoint, or whatever stands in front of it."""

    def judge(self, head: RequestFacts) -> Answer | None:
        """Return the answer that needs no body to be given, usually a refusal; else `None`.

        Called before any of the body is read. A request that is answered here comes no further,
        and its connection ends unless it has no body.
        """
        ...

    def receive(self, request: HttpRequest, reply: Reply) -> None:
        """Answer a request that `judge` let through, now or later, by `reply`."""
        ...

    def refused(self, status: int, detail: str, head: RequestFacts | None) -> Answer:
        """Return the answer for what comes no further, by no fault that `judge` could see.

        `head` is that of the request, `None` where that was not understood.
        """
        ...
