"""What every byte transport looks like to the driver: bytes are pushed in and handed out.

A `Pipe` never makes its owner wait. It calls back with what it reads, queues what it is given, and
tells how much of that is still waiting, so that the owner decides when to hold back.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

__all__ = ["LOW_WATER", "OnData", "OnEof", "Pipe"]

OnData: TypeAlias = Callable[[bytes], object]
OnEof: TypeAlias = Callable[[BaseException | None], object]

LOW_WATER: Final = 64 * 1024


class Pipe(Protocol):
    """A duplex byte stream. Every method belongs to the thread of the event loop.

    Callbacks run on the loop, never inside a call of one of these methods. An exception that
    escapes from one is a bug of its owner: it is logged, and the pipe goes on.
    """

    on_drained: Callable[[], object] | None
    """Called when `pending` falls from above `low_water` to `low_water` or below.

    Also when the pipe breaks or closes, since nothing is pending then. It comes a turn of the loop
    later, when there may be more again: to wait until `pending < n`, set `low_water` below `n` and
    look again at each call. Default: None.
    """

    low_water: int
    """The mark of `on_drained`, in bytes. Default: 64 KiB."""

    @property
    def pending(self) -> int:
        """How many bytes were accepted by `write` and not yet taken by the other side."""
        ...

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        """Begin to read; call once.

        `on_data` gets each chunk, never empty, cut anywhere. `on_eof` is called once, after the
        last chunk: with None at a plain end of file, else with what broke the pipe. When writing
        breaks, what had arrived by then is still delivered first. Neither is called after `aclose`.
        The end of reading leaves writing open.
        """
        ...

    def write(self, buffers: list[bytes]) -> None:
        """Send `buffers` in order, now as far as it goes, the rest as soon as it is taken.

        Never raises and never blocks. Large buffers are not copied; the list is not kept. After the
        pipe broke or `aclose` was called they are dropped.
        """
        ...

    def pause(self) -> None:
        """Stop reading: no callback until `resume`. Most owners never need it."""
        ...

    def resume(self) -> None:
        """Go on reading after `pause`."""
        ...

    async def aclose(self) -> object:
        """Send what is pending, within a bound, then close.

        Idempotent, callable from any task and by several at once: all return when the pipe is
        closed. A cancelled caller leaves at once, the closing goes on without it. What is returned
        is the matter of each pipe.
        """
        ...
