"""T6: what a request took is given back at once, not when garbage is collected some day."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from barewire.protocol.revisions import V2025_03_26, V2025_11_25, Revision
from barewire.session.limits import HttpLimits
from tests.app.peers import until
from tests.http.hosting import Calls, Host, hosted, target
from tests.http.words import call, modern

pytestmark = pytest.mark.rule("T6", "B27")

MANY = 3


@contextmanager
def no_garbage_of_ours() -> Iterator[None]:
    """See that in this block nothing of ours is left that only the collector would find."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        names = [f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage]
        assert not Counter(name for name in names if name.startswith("barewire."))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def use(host: Host, calls: Calls, say: Callable[..., bytes], *, leave: bool) -> None:
    """Call a tool again and again; `leave` while it runs."""
    for number in range(MANY):
        key = f"{number} {leave}"
        wire = host.wire()
        if not leave:
            calls.released[key].set()
        await wire.send(say(call(number, "talk", "token", key=key, steps=2)))
        if leave:
            await calls.begun[key].wait()
            wire.close()
            await host.until_alone()
            calls.released[key].set()
        else:
            assert (await wire.answer())["id"] == number
            wire.close()
    await host.until_alone()
    await until(lambda: not host.serving.load)


@pytest.mark.parametrize("leave", [False, True], ids=["answered", "left"])
@pytest.mark.parametrize("form", ["application/json", "text/event-stream", "*/*"])
async def test_modern_calls_leave_no_cycles(form: str, leave: bool) -> None:
    calls = Calls()
    async with hosted(target(calls), limits=HttpLimits(defer=0.01)) as host:
        say = partial(modern, changes={"Accept": form})
        await use(host, calls, say, leave=leave)  # what is made once stays
        calls.begun.clear()
        calls.released.clear()
        with no_garbage_of_ours():
            await use(host, calls, say, leave=leave)


@pytest.mark.parametrize("leave", [False, True], ids=["answered", "left"])
@pytest.mark.parametrize("form", ["application/json", "text/event-stream", "*/*"])
@pytest.mark.parametrize("revision", [V2025_03_26, V2025_11_25], ids=lambda one: one.name)
async def test_calls_in_a_session_leave_no_cycles(
    revision: Revision, form: str, leave: bool
) -> None:
    calls = Calls()
    async with hosted(target(calls), limits=HttpLimits(defer=0.01)) as host:
        session = await host.open(revision)
        say = partial(session.post, changes={"Accept": form})
        await use(host, calls, say, leave=leave)
        calls.begun.clear()
        calls.released.clear()
        with no_garbage_of_ours():
            await use(host, calls, say, leave=leave)
