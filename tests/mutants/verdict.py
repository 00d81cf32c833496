"""What a run of mutants comes to."""

from collections import Counter
from collections.abc import Mapping, Set

__all__ = ["verdict"]


def verdict(
    *, tried: Set[str], alive: Set[str], existing: Set[str], listed: Mapping[str, str]
) -> tuple[str, bool]:
    """Return what to print, and whether all is well.

    All are keys of mutants: those that were `tried`, the ones among them that are still `alive`,
    all that the code has, and those `listed` with a reason to survive. A listed one that was not
    tried is judged only by whether it exists.
    """
    lines: list[str] = []
    expected = alive & listed.keys()
    for reason, count in Counter(listed[key] for key in expected).most_common():
        lines.append(f"{count} survived, as listed: {reason}")
    wrong = {
        "survived, and not listed": alive - listed.keys(),
        "listed, but killed": (tried & listed.keys()) - alive,
        "listed, but the code has no such mutant": listed.keys() - existing,
    }
    for title, keys in wrong.items():
        if keys:
            lines.append(f"\n{len(keys)} {title}:")
            lines += [f"  {key}" for key in sorted(keys)]
    killed = len(tried) - len(alive)
    survived = f"survived {len(alive)}, of which {len(expected)} listed with a reason"
    lines.append(f"\nmutants {len(tried)}, killed {killed}, {survived}")
    return "\n".join(lines), not any(wrong.values())
