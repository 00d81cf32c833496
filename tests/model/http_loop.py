"""An event loop whose clock stands still unless it is told to move."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class StillLoop(asyncio.SelectorEventLoop):
    """Runs what is ready, never waits, and knows what time it is from the test alone."""

    clock = 1_000.0

    def time(self) -> float:
        """Return the time that was set."""
        return self.clock

    def settle(self) -> None:
        """Run until nothing is ready."""
        while True:
            self.call_soon(self.stop)
            self.run_forever()
            if not self._soon() and self._next() > self.clock:
                return

    def advance(self, seconds: float) -> None:
        """Let time pass, from one timer to the next."""
        end = self.clock + seconds
        while self.clock < end:
            self.clock = max(self.clock, min(end, self._next()))
            self.settle()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the loop and let it take effect."""
        came: list[T] = []
        failed: list[BaseException] = []

        def on_loop() -> None:
            try:
                came.append(function())
            except BaseException as error:
                failed.append(error)

        self.call_soon(on_loop)
        self.settle()
        if failed:
            raise failed[0]
        return came[0]

    # asyncio does not tell how much it has to do: these two have no public names.

    def _soon(self) -> bool:
        ready: Any = getattr(self, "_ready")  # noqa: B009
        return bool(ready)

    def _next(self) -> float:
        scheduled: list[asyncio.TimerHandle] = getattr(self, "_scheduled")  # noqa: B009
        return min((one.when() for one in scheduled if not one.cancelled()), default=float("inf"))
