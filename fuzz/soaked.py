"""The peers that are soaked: `python -m barewire.fuzz.soaked server|client ...`.

The server has tools of every kind. The client keeps calls in flight and checks the correct ones; it
starts the hostile server itself, by the command that follows its options.
"""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

from barewire import BarewireError, Client, ConnectionLost, Context, Server, ToolError
from barewire.client.results import CallResult
from barewire.client.targets import Stdio
from barewire.fuzz.machines import LINE_LIMIT, THE_END
from barewire.protocol.revisions import revision_named
from barewire.session.limits import Limits
from barewire.transports.backend import current, run

__all__ = ["main", "soaked_server"]

_LIMITS = Limits(line=LINE_LIMIT)
_BAITS = 16
_HOLDS = 3


def soaked_server() -> Server:
    """Return a server with a tool of each kind."""
    server = Server("soaked", version="1", limits=_LIMITS)

    @server.tool
    async def echo(text: str) -> str:
        """Return the text."""
        return text

    @server.tool(blocking=False)
    def now(text: str) -> str:
        """Return the text, on the loop."""
        return text

    @server.tool
    def thread(text: str) -> str:
        """Return the text, from a thread."""
        return text

    @server.tool
    async def turns(text: str, ctx: Context) -> str:
        """Return the text a few turns of the loop later, with progress and a log message."""
        for step in range(3):
            await ctx.report_progress(step, 3)
            await current().sleep(0)
        await ctx.info("done")
        return text

    @server.tool
    async def fail(text: str) -> str:
        """Fail."""
        raise ToolError(text)

    @server.tool
    async def unwritable(text: str) -> str:
        """Return what JSON cannot carry."""
        return f"{text}\ud800"

    return server


async def _soaked_client(command: Sequence[str], revision_name: str) -> None:
    """Call tools of the hostile server until it says that it has had enough."""
    revision = revision_named(revision_name)
    if revision is None:
        raise SystemExit(f"no such revision: {revision_name}")
    odd: list[BaseException] = []
    client = Client(
        Stdio(command, inherit_env=True, stderr=2),
        mode="modern" if revision.modern else "legacy",
        revisions=(revision,),
        timeout=None,
        on_log=_ignore,
        on_notification=_ignore,
        limits=_LIMITS,
    )
    async with client:
        backend = current()
        tasks = [backend.spawn(_hold(client)) for _ in range(_HOLDS)]
        tasks += [backend.spawn(_bait(client, odd)) for _ in range(_BAITS)]
        await _call_rightly(client, odd)
    for task in tasks:
        await task.wait()


async def _call_rightly(client: Client, odd: list[BaseException]) -> None:
    """Call `right`, over and over; every answer must be the right one."""
    for number in count():
        text = f"right {number}"
        result = await client.call_tool("right", {"text": text})
        if odd:
            raise odd[0]
        if result.text == THE_END:
            return
        if result.text != text:
            raise SystemExit(f"a correct call was answered with {result.raw!r:.500}")


async def _bait(client: Client, odd: list[BaseException]) -> None:
    """Call `bait`, over and over, whatever comes back: a result, or an error of ours."""
    while not odd:
        try:
            result = await client.call_tool("bait", on_progress=_ignore)
            _look_at(result)
        except ConnectionLost:
            return
        except BarewireError:
            continue
        except BaseException as error:
            odd.append(error)


async def _hold(client: Client) -> None:
    """Call `hold`, which is answered by the end of the connection alone."""
    with suppress(ConnectionLost):
        await client.call_tool("hold")


def _look_at(result: CallResult) -> None:
    """Read everything that a caller reads, whatever the server made of it."""
    _ = (result.text, result.content, result.is_error, result.structured_content)


def _ignore(*_: object) -> None:
    """Take what comes."""


class _Alarm(logging.Handler):
    """Ends the process when an exception is logged instead of raised: nothing here may fail.

    What bytes do to the engine must not depend on who looks into a log.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """End the process if there is an exception in `record`."""
        if record.exc_info:
            print(logging.Formatter().format(record), file=sys.stderr, flush=True)
            os._exit(70)


def main(arguments: Sequence[str]) -> None:
    """Be a server, `server BACKEND`, or a client, `client BACKEND REVISION COMMAND...`."""
    logger = logging.getLogger("barewire")
    logger.addHandler(_Alarm(logging.ERROR))
    logger.propagate = False
    if arguments[0] == "server":
        soaked_server().run(backend=arguments[1])
    else:
        _, backend, revision, *command = arguments
        run(lambda: _soaked_client(command, revision), backend=backend)


if __name__ == "__main__":
    main(sys.argv[1:])
