"""Capabilities: what a peer declared, asked by dotted path.

`"resources.subscribe"` means the member `subscribe` of the member `resources`. For members that are
objects presence counts (`{}` says yes); booleans say what they say. Unknown members are kept and
mean nothing here.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from barewire.protocol.revisions import (
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)

__all__ = ["Capabilities", "declares", "known_in", "required"]

Capabilities: TypeAlias = dict[str, Any]
"""A capabilities object, as it stands on the wire."""


def declares(capabilities: Capabilities, path: str) -> bool:
    """Whether `capabilities` declare `path`; never raises, whatever a peer declared."""
    at: Any = capabilities
    for step in path.split("."):
        if at.__class__ is not dict or step not in at:
            # Elicitation › Capabilities: `{}` is what clients said before there were two modes.
            return path == "elicitation.form" and capabilities.get("elicitation") == {}
        at = at[step]
    return at is not False and at is not None


def required(paths: Iterable[str]) -> Capabilities:
    """Return the least capabilities object that declares all `paths`.

    All are taken for objects: this is what a client would have had to declare, and no boolean of a
    client's is ever required.
    """
    tree: Capabilities = {}
    for path in paths:
        at = tree
        for step in path.split("."):
            at = at.setdefault(step, {})
    return tree


# The members of both capability objects: the first and the last revision that declares them.
_SPANS = {
    "experimental": (V2024_11_05, V2026_07_28),
    "roots": (V2024_11_05, V2026_07_28),
    "sampling": (V2024_11_05, V2026_07_28),
    "elicitation": (V2025_06_18, V2026_07_28),
    "logging": (V2024_11_05, V2026_07_28),
    "completions": (V2025_03_26, V2026_07_28),
    "prompts": (V2024_11_05, V2026_07_28),
    "resources": (V2024_11_05, V2026_07_28),
    "tools": (V2024_11_05, V2026_07_28),
    "tasks": (V2025_11_25, V2025_11_25),
    "extensions": (V2026_07_28, V2026_07_28),
}


def known_in(capabilities: Capabilities, revision: Revision) -> Capabilities:
    """Return `capabilities` without what `revision` does not have.

    Members that no revision has are kept: they are the application's.
    """
    kept: Capabilities = {}
    for key, value in capabilities.items():
        first, last = _SPANS.get(key, (revision, revision))
        if revision.at_least(first) and last.at_least(revision):
            kept[key] = value
    if revision.modern and kept.get("roots"):
        # Roots › Capabilities: the modern revision has no notification to announce.
        kept["roots"] = {}
    if not revision.modes:
        if "sampling" in kept:
            kept["sampling"] = {}
        if "elicitation" in kept:
            # Without modes it means forms, so whoever serves none must not declare it.
            del kept["elicitation"]
            if declares(capabilities, "elicitation.form"):
                kept["elicitation"] = {}
    return kept
