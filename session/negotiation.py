"""How a client finds out what it can speak with a server: a plan, not a mode.

`next` takes where the plan stands and what was observed, and returns what to do. It is pure; one
driver per transport carries it out. stdio › Backward Compatibility: probe with `server/discover`;
a result or a recognised modern error means modern; any other answer, silence or a server that
exits means legacy, and no single error code decides it.
"""

from dataclasses import replace
from typing import Literal, TypeAlias

from barewire.protocol.errors import is_modern_error
from barewire.protocol.record import record
from barewire.protocol.revisions import LEGACY, MODERN, Revision, revision_named

__all__ = [
    "Action",
    "Agreed",
    "Discovered",
    "Done",
    "Exited",
    "Fail",
    "Initialize",
    "Mode",
    "Observation",
    "Plan",
    "Probe",
    "RefusedWith",
    "Respawn",
    "Silence",
    "begin",
    "follow",
]

Mode: TypeAlias = Literal["auto", "legacy", "modern"]
"""`auto`: modern if the server is, else legacy. The others never try the other era."""


@record
class Plan:
    """Where the negotiation stands."""

    mode: Mode
    modern: tuple[Revision, ...] = MODERN
    """The revisions without a handshake that we speak, oldest first."""
    legacy: tuple[Revision, ...] = LEGACY
    """Those with a handshake, oldest first."""
    trying: Revision | None = None
    """The revision of the probe, or of the handshake, that is under way."""
    tried: tuple[Revision, ...] = ()
    """Those that it has been tried with so far, in order.

    None is tried twice, but for a probe that a slow server answered too late.
    """
    unanswered: bool = False
    """Whether the server that is spoken to has not answered its probe, and may meet it yet."""


# What to do.


@record
class Probe:
    """Send `server/discover` by this revision; never cancel it, drop its answer if it is late."""

    revision: Revision


@record
class Initialize:
    """Send `initialize` with this revision."""

    revision: Revision


@record
class Respawn:
    """Start the server anew and send `initialize` with this revision: the last one is gone."""

    revision: Revision


@record
class Done:
    """Speak this revision."""

    revision: Revision


@record
class Fail:
    """Give up; `detail` says why."""

    detail: str


Action: TypeAlias = Probe | Initialize | Respawn | Done | Fail


# What can be observed.


@record
class Discovered:
    """The probe was answered; the server speaks these."""

    versions: tuple[str, ...]
    """Its `supportedVersions`; empty when there are none, for then it is no `DiscoverResult`."""


@record
class Agreed:
    """`initialize` was answered with this revision."""

    version: str


@record
class RefusedWith:
    """The probe or `initialize` was answered with an error."""

    code: int
    message: str = ""
    supported: tuple[str, ...] = ()
    """What the error's data list as supported."""


@record
class Silence:
    """Nothing came in time."""


@record
class Exited:
    """The server is gone."""


Observation: TypeAlias = Discovered | Agreed | RefusedWith | Silence | Exited

Step: TypeAlias = tuple[Plan, Action]


def begin(plan: Plan) -> Step:
    """Return the first thing to do."""
    if plan.mode != "legacy" and plan.modern:
        return _probe(plan, plan.modern[-1])
    if plan.mode != "modern" and plan.legacy:
        return _initialize(plan, plan.legacy[-1])
    return plan, Fail(f"no {plan.mode} revision is spoken here")


def follow(plan: Plan, observed: Observation) -> Step:
    """Return what to do after what was observed."""
    probing = plan.trying is not None and plan.trying.modern
    return _after_probe(plan, observed) if probing else _after_initialize(plan, observed)


def _after_probe(plan: Plan, observed: Observation) -> Step:
    if isinstance(observed, Discovered) and observed.versions:
        return _choose(plan, observed.versions, discovered=True)
    if isinstance(observed, RefusedWith) and is_modern_error(observed.code):
        if not observed.supported:
            return plan, Fail(f"a modern server refused server/discover: {_said(observed)}")
        return _choose(plan, observed.supported, discovered=False)
    proven_modern = len(plan.tried) > 1  # it asked for another version
    if plan.mode == "modern" or not plan.legacy or proven_modern:
        return plan, Fail(f"no modern server: {_said(observed)}")
    plan, action = _initialize(plan, plan.legacy[-1])
    if isinstance(observed, Exited):
        return plan, Respawn(plan.legacy[-1])
    return replace(plan, unanswered=isinstance(observed, Silence)), action


def _choose(plan: Plan, versions: tuple[str, ...], *, discovered: bool) -> Step:
    for revision in reversed(plan.modern):
        if revision.name in versions:
            if discovered:
                return replace(plan, trying=revision), Done(revision)
            if revision not in plan.tried:
                return _probe(plan, revision)
    # A legacy date among the supported ones means: reachable by the handshake.
    if plan.mode != "modern":
        for revision in reversed(plan.legacy):
            if revision.name in versions and revision not in plan.tried:
                return _initialize(plan, revision)
    spoken = ", ".join(revision.name for revision in plan.modern + plan.legacy)
    offered = ", ".join(version[:32] for version in versions[:16]) or "none"
    return plan, Fail(f"no common revision: the server offers {offered}; spoken here are {spoken}")


def _after_initialize(plan: Plan, observed: Observation) -> Step:
    if isinstance(observed, Agreed):
        revision = revision_named(observed.version)
        if revision is not None and revision in plan.legacy:
            return plan, Done(revision)
        return plan, Fail(f"the server answered with revision {observed.version[:32]!r}")
    if isinstance(observed, RefusedWith):
        # Lifecycle › Error Handling: instead of answering with another revision, a server may name
        # those that it supports in an error.
        for revision in reversed(plan.legacy):
            if revision.name in observed.supported and revision not in plan.tried:
                return _initialize(plan, revision)
        if plan.unanswered and is_modern_error(observed.code):
            # It was slow to start, and is modern since it met the probe. Now it is awake.
            return _probe(replace(plan, unanswered=False), plan.modern[-1])
    if isinstance(observed, Exited) and plan.unanswered and plan.trying is not None:
        # It was slow to start, and ended when it met the probe.
        return replace(plan, unanswered=False), Respawn(plan.trying)
    return plan, Fail(f"the server did not initialize: {_said(observed)}")


def _said(observed: Observation) -> str:
    if isinstance(observed, RefusedWith):
        return f"error {observed.code} {observed.message[:200]}".rstrip()
    if isinstance(observed, Silence):
        return "no answer in time"
    return "it exited" if isinstance(observed, Exited) else "its answer names no version"


def _probe(plan: Plan, revision: Revision) -> Step:
    return _trying(plan, revision), Probe(revision)


def _initialize(plan: Plan, revision: Revision) -> Step:
    return _trying(plan, revision), Initialize(revision)


def _trying(plan: Plan, revision: Revision) -> Plan:
    return replace(plan, trying=revision, tried=(*plan.tried, revision))
