"""What a legacy handshake agreed.

Lifecycle: the client sends `initialize`, the server answers with the revision to follow, the client
says `notifications/initialized`. Both ends keep a `Session`; it holds no I/O and no exchanges, so
its snapshot can be stored and restored elsewhere.
"""

from typing import Any, get_args

from barewire.protocol.capabilities import declares
from barewire.protocol.envelope import LOG_LEVELS
from barewire.protocol.jsonrpc import Notification, Params
from barewire.protocol.methods import Role, other
from barewire.protocol.revisions import LATEST_LEGACY, Revision, revision_named
from barewire.protocol.values import as_object, as_string
from barewire.session.exceptions import LocalProtocolError
from barewire.session.exchange import log_message
from barewire.session.facts import Facts, Local
from barewire.session.principal import Principal
from barewire.session.tables import BEFORE_READY, SESSION, Phase, PhaseStep

__all__ = ["Session", "choose_revision"]


def choose_revision(asked: object, local: Local) -> Revision | None:
    """Return the revision with which a server answers `initialize`, `None` if it has none to offer.

    Lifecycle › Version Negotiation: the same one if the server supports it, else the newest that it
    does; here one with a handshake, for the modern revision has no `initialize`.
    """
    revision = revision_named(asked)
    legacy = local.legacy
    if revision is not None and revision in legacy:
        return revision
    return legacy[-1] if legacy else None


class Session:
    """One legacy session, seen from one end.

    `facts` is what every exchange of the session shares; before the handshake it names the newest
    revision with one that we speak, and a peer without capabilities.
    """

    __slots__ = ("facts", "instructions", "local", "log_level", "phase", "subscriptions")

    def __init__(self, local: Local, principal: Principal | None = None) -> None:
        self.local: Local = local
        self.phase: Phase = "new"
        newest = local.legacy[-1] if local.legacy else LATEST_LEGACY
        self.facts: Facts = Facts(local, newest, {}, principal=principal)
        self.instructions: str | None = None
        """The server's advice, at the client's end."""
        self.log_level: str | None = "debug"
        """The least severe level that the client wants. Logging: before `logging/setLevel` "the
        server MAY decide", and here everything is sent."""
        self.subscriptions: dict[str, None] = {}
        """URIs that the client subscribed to, in order."""

    @property
    def revision(self) -> Revision:
        """The revision that both ends follow."""
        return self.facts.revision

    @property
    def established(self) -> bool:
        """Whether `initialize` has been answered and the session is not over."""
        return self.phase == "opened" or self.phase == "ready"

    def permits(self, sender: Role, method: str) -> bool:
        """Whether the phase lets `sender` say this (Lifecycle › Initialization)."""
        if self.phase == "ready":
            return True
        return method in BEFORE_READY.get((self.phase, sender), ())

    def step(self, step: PhaseStep) -> None:
        """Move to the next phase; raises `LocalProtocolError` when the table has no such step."""
        after = SESSION.get((self.phase, step))
        if after is None:
            raise LocalProtocolError(f"cannot {step}: the session is {self.phase}")
        self.phase = after

    # The server's end.

    def answer(self, params: Params) -> dict[str, Any]:
        """Agree to `initialize` and return its result.

        `params` have been checked for shape. Raises `LocalProtocolError` when the phase does not
        allow it or when we speak no revision with a handshake.
        """
        revision = choose_revision(params.get("protocolVersion"), self.local)
        if revision is None:
            raise LocalProtocolError("no revision with a handshake is spoken here")
        self.step("initialize")
        self._agree(revision, params.get("capabilities"), params.get("clientInfo"))
        result: dict[str, Any] = {
            "protocolVersion": revision.name,
            "capabilities": self.local.capabilities_in(revision),
            "serverInfo": self.local.info_in(revision),
        }
        if self.local.instructions is not None:
            result["instructions"] = self.local.instructions
        return result

    def set_log_level(self, level: str) -> None:
        """Take the level of `logging/setLevel`; raises `LocalProtocolError` for an unknown one."""
        if level not in LOG_LEVELS:
            raise LocalProtocolError(f"log level must be one of {', '.join(LOG_LEVELS)}: {level!r}")
        self.log_level = level

    def log(self, level: str, data: Any, logger: str | None = None) -> Notification | None:
        """Return a log message, or `None` when the client does not want the level."""
        return log_message(level, data, logger, self.log_level)

    def subscribe(self, uri: str, limit: int) -> bool:
        """Note that the client wants to hear of `uri`; `False` when it has `limit` of them."""
        if len(self.subscriptions) >= limit and uri not in self.subscriptions:
            return False
        self.subscriptions[uri] = None
        return True

    # The client's end.

    def propose(self, revision: Revision) -> Params:
        """Return the params of `initialize`.

        Raises `LocalProtocolError` in the wrong phase, or when we do not speak `revision`:
        Lifecycle › Version Negotiation, "the client MUST send a protocol version it supports".
        """
        if revision not in self.local.legacy:
            raise LocalProtocolError(f"no handshake by {revision.name} is spoken here")
        self.step("initialize")
        return {
            "protocolVersion": revision.name,
            "capabilities": self.local.capabilities_in(revision),
            "clientInfo": self.local.info_in(revision),
        }

    def accept(self, result: dict[str, Any]) -> bool:
        """Take the server's answer to `initialize`; `False` when its revision is not ours.

        Lifecycle › Version Negotiation: a client that does not support it disconnects.
        """
        revision = revision_named(result.get("protocolVersion"))
        if revision is None or revision not in self.local.legacy:
            self.refuse()
            return False
        self._agree(revision, result.get("capabilities"), result.get("serverInfo"))
        self.instructions = as_string(result.get("instructions"))
        return True

    def refuse(self) -> None:
        """Note that no handshake came about: it may be tried again, with another revision."""
        if self.phase == "opening":
            self.step("refuse")

    def _agree(self, revision: Revision, capabilities: object, info: object) -> None:
        self.step("agree")
        self.facts = Facts(
            self.local,
            revision,
            as_object(capabilities) or {},
            as_object(info),
            principal=self.facts.principal,
        )

    # Beyond one process.

    def snapshot(self) -> dict[str, Any]:
        """Return the session as plain JSON values, without secrets and without exchanges."""
        return {
            "phase": self.phase,
            "revision": self.facts.revision.name,
            "capabilities": self.facts.capabilities,
            "peerInfo": self.facts.peer_info,
            "instructions": self.instructions,
            "logLevel": self.log_level,
            "subscriptions": list(self.subscriptions),
        }

    @classmethod
    def restore(
        cls, snapshot: dict[str, Any], local: Local, principal: Principal | None = None
    ) -> "Session":
        """Return the session that `snapshot` describes.

        Raises `LocalProtocolError` when it names a revision that is not spoken here, or a phase
        that does not exist.
        """
        session = cls(local, principal)
        revision = revision_named(snapshot["revision"])
        if revision is None or revision not in local.legacy:
            raise LocalProtocolError(f"cannot restore a session of {snapshot['revision']!r}")
        if snapshot["phase"] not in get_args(Phase):
            raise LocalProtocolError(f"cannot restore a session that is {snapshot['phase']!r}")
        session.phase = snapshot["phase"]
        session.facts = Facts(
            local, revision, snapshot["capabilities"], snapshot["peerInfo"], principal=principal
        )
        session.instructions = snapshot["instructions"]
        session.log_level = snapshot["logLevel"]
        session.subscriptions = dict.fromkeys(snapshot["subscriptions"])
        return session

    @classmethod
    def standing(
        cls, local: Local, revision: Revision, principal: Principal | None = None
    ) -> "Session":
        """Return a session without a handshake: of a request to a server that keeps none.

        Nothing is known of the client, and nothing that it says is remembered.
        """
        session = cls(local, principal)
        session.phase = "ready"
        session.facts = Facts(local, revision, {}, principal=principal)
        return session

    def offers(self, capability: str) -> bool:
        """Whether the server's end of this session declared a dotted capability."""
        if self.local.role == "server":
            return declares(self.local.capabilities_in(self.revision), capability)
        return declares(self.facts.capabilities, capability)

    @property
    def peer(self) -> Role:
        """The role at the far end."""
        return other(self.local.role)
