"""What is known of the two ends of an exchange: ourselves, and the peer as it declared itself."""

from dataclasses import field
from typing import Any, TypeAlias

from barewire.protocol.capabilities import Capabilities, declares, known_in
from barewire.protocol.jsonrpc import Params
from barewire.protocol.methods import Method, Role, other, sent_by
from barewire.protocol.record import record
from barewire.protocol.revisions import ALL, LEGACY, MODERN, Revision
from barewire.protocol.shapes import Checker, Fault, checker_named
from barewire.session.principal import Principal
from barewire.session.tables import LENIENT, Leniency

__all__ = ["Facts", "Implementation", "Local", "Served"]

Implementation: TypeAlias = dict[str, Any]
"""Who speaks: `name` and `version`, in newer revisions `title`, then `description` and more."""


@record
class Local:
    """Ourselves: what we are, what we offer and which revisions we speak.

    It does not change once a connection uses it.
    """

    role: Role
    info: Implementation
    capabilities: Capabilities = field(default_factory=dict[str, Any])
    instructions: str | None = None
    """A server's advice to the model on how to use it."""
    revisions: tuple[Revision, ...] = ALL
    """The revisions that we speak, in any order."""
    leniencies: Leniency = LENIENT
    """What we accept although it is wrong; `Leniency(0)` is strict."""
    legacy: tuple[Revision, ...] = field(init=False, repr=False, compare=False)
    """The revisions with a handshake that we speak, oldest first."""
    modern: tuple[Revision, ...] = field(init=False, repr=False, compare=False)
    """The revisions without a handshake that we speak, oldest first."""
    _declared: dict[str, Capabilities] = field(
        default_factory=dict[str, Capabilities], init=False, repr=False, compare=False
    )
    _served: "dict[str, dict[str, Served]]" = field(
        default_factory=dict[str, "dict[str, Served]"], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        # Every modern request asks for these, so they are worked out once.
        legacy = tuple(revision for revision in LEGACY if revision in self.revisions)
        modern = tuple(revision for revision in MODERN if revision in self.revisions)
        object.__setattr__(self, "legacy", legacy)
        object.__setattr__(self, "modern", modern)

    @property
    def versions(self) -> list[str]:
        """The names of what we speak, newest first: a modern server's `supported` list."""
        return [revision.name for revision in (*self.modern[::-1], *self.legacy[::-1])]

    def capabilities_in(self, revision: Revision) -> Capabilities:
        """Return what we declare in `revision`: members that it does not know are left out.

        The same object each time, since every modern request carries it: not to be changed.
        """
        declared = self._declared.get(revision.name)
        if declared is None:
            declared = self._declared[revision.name] = known_in(self.capabilities, revision)
        return declared

    def info_in(self, revision: Revision) -> Implementation:
        """Return how we introduce ourselves in `revision`."""
        info = self.info
        if revision.icons:
            return info
        members = ("name", "version", "title") if revision.titles else ("name", "version")
        return {key: info[key] for key in members if key in info}

    def lenient(self, leniency: Leniency) -> bool:
        """Whether we accept this from a peer."""
        return leniency in self.leniencies

    def served_in(self, revision: Revision) -> "dict[str, Served]":
        """Return the requests that a peer may send us in `revision`, by name.

        A method whose capability we do not declare is not among them.
        """
        served = self._served.get(revision.name)
        if served is None:
            declared = self.capabilities_in(revision)
            served = {}
            for name, method in sent_by(other(self.role), revision).items():
                gate = method.gate(revision)
                if method.kind == "request" and (gate is None or declares(declared, gate)):
                    served[name] = Served(method, revision)
            self._served[revision.name] = served
        return served


class Served:
    """A request that is served in one revision; its checker is made when the first one comes."""

    __slots__ = ("_check", "method", "revision")

    def __init__(self, method: Method, revision: Revision) -> None:
        self.method: Method = method
        self.revision: Revision = revision
        self._check: Checker | None = None

    def fault_in(self, params: Params | None) -> Fault | None:
        """Return what is wrong with the params, `None` when nothing is."""
        check = self._check
        if check is None:
            check = self._check = checker_named(self.method.params, self.revision)
        return check({} if params is None else params, "params")


@record
class Facts:
    """What holds for an exchange.

    In a legacy session all exchanges share the facts that the handshake agreed; a modern request
    brings its own.
    """

    local: Local
    revision: Revision
    capabilities: Capabilities
    """What the peer declared."""
    peer_info: Implementation | None = None
    """Who the peer says it is: for display and logs, never to decide by."""
    log_level: str | None = None
    """The level that a modern request asked for; `None` asks for no log messages."""
    principal: Principal | None = None
    """Who was authenticated, `None` where nobody was."""
