"""The exceptions that users of barewire meet.

BarewireError
├── LocalProtocolError     you asked for what the protocol forbids now
├── RemoteProtocolError    the peer broke the protocol, and what you waited for cannot be had
├── RequestError           the peer answered with an error
└── Gone                   nobody answered: endings that have no code on the wire
    ├── Cancelled          the request was cancelled, here or by the peer
    ├── TimedOut           its time was up
    └── ConnectionLost     the connection ended first
"""

from typing import Any

__all__ = [
    "BarewireError",
    "Cancelled",
    "ConnectionLost",
    "Gone",
    "LocalProtocolError",
    "RemoteProtocolError",
    "RequestError",
    "TimedOut",
]


class BarewireError(Exception):
    """The root of everything that barewire raises on purpose."""


class LocalProtocolError(BarewireError):
    """What was asked for is not legal now; nothing was sent."""


class RemoteProtocolError(BarewireError):
    """The peer broke the protocol in answering this request."""


class RequestError(BarewireError):
    """The peer answered with an error.

    `code` is the integer of the wire, `message` the peer's sentence, `data` whatever came with it.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class Gone(BarewireError):
    """The request ended without an answer."""


class Cancelled(Gone):
    """The request was cancelled."""


class TimedOut(Gone):
    """The request took longer than it was given."""


class ConnectionLost(Gone):
    """The connection ended before the answer came."""
