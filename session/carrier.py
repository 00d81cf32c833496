"""What carries the words of whoever serves a request: a pipe, the answer to a POST, a stream."""

from typing import Any, Protocol

from barewire.protocol.errors import Reason
from barewire.session.exchange import Exchange

__all__ = ["Carrier"]


class Carrier(Protocol):
    """Takes the answer to a request, and what is said before it.

    Answers raise `LocalProtocolError` when the request is over.
    """

    def respond(self, exchange: Exchange, result: dict[str, Any]) -> None:
        """Answer a request."""
        ...

    def fail(
        self, exchange: Exchange, reason: Reason, detail: str | None = None, data: Any = None
    ) -> None:
        """Answer a request with an error."""
        ...

    def fail_with(self, exchange: Exchange, code: int, message: str, data: Any = None) -> None:
        """Answer a request with an error of the application's own."""
        ...

    def progress(
        self, exchange: Exchange, progress: float, total: float | None, message: str | None
    ) -> bool:
        """Report progress of a request, if the client asked for any.

        Returns whether the sender had better wait for `room` before it sends more. Raises
        `LocalProtocolError` when it may not be said or written.
        """
        ...

    def log(self, exchange: Exchange, level: str, data: Any, logger: str | None) -> bool:
        """Send a log message in the course of a request, if the client wants it.

        Returns and raises what `progress` does.
        """
        ...

    async def room(self, exchange: Exchange) -> None:
        """Wait until there is room to send more about this request."""
        ...

    def close_stream(self, exchange: Exchange, retry: float | None) -> bool:
        """End the connection that carries a request's stream, so that its client polls.

        The client comes back for the rest in `retry` seconds. Returns whether there was a
        connection that can be ended so.
        """
        ...

    def expect(self) -> None:
        """Take note that a handler was begun which may say something in its first step."""
        ...
