"""A server behind an HTTP endpoint, whoever speaks HTTP in front of it."""

from collections.abc import Sequence
from contextvars import copy_context
from weakref import WeakSet

from barewire.protocol.headers import Annotation
from barewire.protocol.jsonrpc import Params
from barewire.running import STOP, Runner
from barewire.server.server import Server
from barewire.serving import log_violation
from barewire.session.events import Violated
from barewire.session.facts import Local
from barewire.session.limits import Limits
from barewire.session.principal import Authenticate
from barewire.transports.backend import Backend, current, guarded
from barewire.transports.http.endpoint import Endpoint
from barewire.transports.http.options import HttpOptions
from barewire.transports.threads import ThreadPool

__all__ = ["HttpApplication"]


class HttpApplication:
    """Gives a server an endpoint; it is the `Application` of that.

        application = HttpApplication(server, HttpOptions(), threads)
        application.endpoint        # takes requests: a `Handler`
        application.endpoint.end()  # nobody new, and nobody listens any more
        await application.close()   # whatever still goes on

    All but `publish` belongs to the thread of the loop.
    """

    def __init__(self, server: Server, options: HttpOptions, threads: ThreadPool) -> None:
        """Serve `server`; a loop has to be running. Blocking handlers run in `threads`."""
        self._server = server
        self._threads = threads
        self._runners: WeakSet[Runner] = WeakSet()
        self._context = copy_context()
        self._local: Local = server.local()
        self._stale = False
        self._violations = 0
        self.backend: Backend = current()
        self.endpoint: Endpoint = Endpoint(self, self.backend, options)
        server.join(self)

    @property
    def load(self) -> int:
        """How many handlers run or wait to."""
        return sum(runner.load for runner in self._runners)

    def publish(self, method: str, params: Params | None = None) -> None:
        """Tell all clients that want to know of a change; from any thread."""
        self._stale = True
        self.backend.call_soon_threadsafe(lambda: self.endpoint.publish(method, params))

    async def close(self) -> bool:
        """End all sessions and cancel all handlers.

        Returns whether all have ended; one that ignores its cancellation does not.
        """
        self.endpoint.close()
        for runner in self._runners:
            runner.stop_all()
        until = self.backend.now() + STOP
        ended = [
            await runner.until_idle(max(0.0, until - self.backend.now()))
            for runner in list(self._runners)
        ]
        return all(ended)

    # What the endpoint asks.

    @property
    def authenticate(self) -> Authenticate | None:
        """What finds out who asks, `None` where anybody may ask."""
        return self._server.authenticate

    @property
    def limits(self) -> Limits:
        """What one client may take up."""
        return self._server.limits

    @property
    def local(self) -> Local:
        """What the server is and offers."""
        if self._stale:
            self._stale = False
            if self._server.capabilities() != self._local.capabilities:
                self._local = self._server.local()
        return self._local

    def annotations_of(self, tool: str) -> Sequence[Annotation]:
        """Return the arguments of a tool that headers repeat."""
        return self._server.tools.headers_of(tool)

    def handlers(self, limit: int) -> Runner:
        """Return a place for handlers of which at most `limit` run at once."""
        # Not in the context of the request for which it is made, of which `authenticate` is a part.
        runner = self._context.run(Runner, self._server.dispatch, self._threads, limit)
        self._runners.add(runner)
        return runner

    def violated(self, event: Violated) -> None:
        """Take note that a client broke the protocol."""
        log_violation(event, first=not self._violations)
        self._violations += 1
        if self._server.on_fault is not None:
            guarded(self._server.on_fault, event)
