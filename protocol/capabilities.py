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


def declares(capabilities: Capabilities, path: str) -> bool:
    """Whether `capabilities` declare `path`."""
    at: Any = capabilities
    for step in path.split("."):
        if not isinstance(at, dict) or step not in at:
            # Elicitation › Capabilities: `{}` is what clients said before there were two modes.
            return path == "elicitation.form" and capabilities.get("elicitation") == {}
        at = at[step]
    return at is not False and at is not None


def required(paths: Iterable[str]) -> Capabilities:
    """Return the least capabilities object that declares all `paths`."""
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
    """Return `capabilities` without the members that `revision` does not have.

    Members that no revision has are kept: they are the application's.
    """
    kept: Capabilities = {}
    for key, value in capabilities.items():
        first, last = _SPANS.get(key, (revision, revision))
        if first.order <= revision.order <= last.order:
            kept[key] = value
    if revision.modern and kept.get("roots"):
        # Roots › Capabilities: the modern revision has no notification to announce.
        kept["roots"] = {}
    if not revision.icons:
        # Sub-capabilities of elicitation and sampling came with tools and URLs.
        for key in ("elicitation", "sampling"):
            if key in kept:
                kept[key] = {}
    return kept
