"""What handlers raise, and what happens then."""

from typing import Any

from barewire.protocol.errors import Reason
from barewire.session.exceptions import BarewireError

__all__ = ["Refuse", "ToolError"]


class ToolError(BarewireError):
    """A tool did not do what it was asked; the text is for the model that called it.

    It becomes a result with `isError`. Every other exception of a tool is logged here and becomes a
    text that tells the peer nothing but where to look.
    """


class Refuse(BarewireError):
    """A request is refused for a reason that the protocol knows; it becomes that error."""

    def __init__(self, reason: Reason, detail: str | None = None, data: Any = None) -> None:
        super().__init__(detail or reason.text)
        self.reason = reason
        self.detail = detail
        self.data = data
