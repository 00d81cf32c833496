"""A loop whose clock a test can put forward, so that no test waits for a time-out."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import trio.testing

__all__ = ["Skip", "run_with_skips"]

Skip = Callable[[float], object]
"""Put the clock forward by so many seconds; what is due by then happens in the next turn."""


class _Loop(asyncio.SelectorEventLoop):
    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


def run_with_skips(backend: str, main: Callable[[Skip], Awaitable[None]]) -> None:
    """Run `main` on a loop of its own, with what skips time on it."""
    if backend == "trio":
        clock = trio.testing.MockClock(rate=1)
        anyio.run(main, clock.jump, backend=backend, backend_options={"clock": clock})
        return

    async def with_loop() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, _Loop)
        await main(loop.skip)

    anyio.run(with_loop, backend=backend, backend_options={"loop_factory": _Loop})
