"""What handlers raise, and what happens then."""

from typing import Any, Final

from barewire.protocol.errors import Reason
from barewire.session.exceptions import BarewireError

__all__ = ["RAISED_BY_HANDLERS", "ArgumentError", "Refuse", "ToolError"]

RAISED_BY_HANDLERS: Final = (Exception, SystemExit, KeyboardInterrupt)
"""What ends a handler and nothing else.

A tool that calls `sys.exit`, or a command-line parser that does, has failed like any other: the
server is not its to end. What a loop raises to cancel a task is not among these.
"""


class ToolError(BarewireError):
    """A tool did not do what it was asked; the text is for the model that called it.

    It becomes a result with `isError`. A `RequestError` becomes an error of the protocol. Every
    other exception of a tool is logged here and becomes a result with `isError` and a text that
    tells the peer nothing but where to look.
    """


class ArgumentError(ValueError):
    """A client's arguments do not fit; the text says which, and what was expected."""


class Refuse(BarewireError):
    """A request is refused for a reason that the protocol knows; it becomes that error."""

    def __init__(self, reason: Reason, detail: str | None = None, data: Any = None) -> None:
        super().__init__(detail or reason.text)
        self.reason = reason
        self.detail = detail
        self.data = data
