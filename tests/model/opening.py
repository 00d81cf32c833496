"""How a client finds out what it can speak with a server, as the pages on compatibility say it.

stdio › Backward Compatibility, Versioning › Compatibility Matrix, and Lifecycle of the revisions
with a handshake. It is told what the server did, and says what the client does next.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.model.words import MODERN, NUMBERS, UNSUPPORTED_VERSION

Act: TypeAlias = tuple[Literal["probe", "initialize", "start anew", "speak", "give up"], int]
"""What the client does, and by which revision: 0 for none."""

MODERN_ERRORS = {UNSUPPORTED_VERSION, -32021, -32020}
"""The errors that revision 5 defines, which no server before it sends (Base Protocol › Errors)."""


@dataclass
class Opening:
    """A client that has just started its server."""

    speaks: tuple[int, ...]
    mode: Literal["auto", "legacy", "modern"] = "auto"
    tried: list[int] = field(default_factory=list[int])
    silent: bool = False
    """Whether the probe may still lie unread before the server."""

    @property
    def legacy(self) -> list[int]:
        """The revisions with a handshake that the client may use, newest first."""
        spoken = sorted(set(self.speaks) - {MODERN}, reverse=True)
        return [] if self.mode == "modern" else spoken

    def begins(self) -> Act:
        """Return the first thing to do: whoever speaks both eras SHOULD probe before all else."""
        if MODERN in self.speaks and self.mode != "legacy":
            return self.tries("probe", MODERN)
        return self.initializes(self.legacy)

    def tries(self, what: Literal["probe", "initialize", "start anew"], revision: int) -> Act:
        self.tried.append(revision)
        return what, revision

    def initializes(self, revisions: list[int]) -> Act:
        """Open a session by the newest of these that has not been tried."""
        left = [one for one in revisions if one not in self.tried]
        return self.tries("initialize", left[0]) if left else ("give up", 0)

    @property
    def probing(self) -> bool:
        """Whether it is the probe that is being answered."""
        return self.tried[-1] == MODERN

    def discovered(self, versions: list[str]) -> Act:
        """Take a result of the probe; one without versions is no `DiscoverResult`."""
        if not versions:
            return self.is_legacy()
        if MODERN in self.common(versions):
            return "speak", MODERN
        return self.initializes(self.common(versions))

    def common(self, versions: list[str]) -> list[int]:
        named = {NUMBERS.get(one, 0) for one in versions}
        return [one for one in (MODERN, *self.legacy) if one in named]

    def refused(self, code: int, supported: list[str]) -> Act:
        """Take an error."""
        common = [one for one in self.common(supported) if one != MODERN and one not in self.tried]
        if self.probing and code not in MODERN_ERRORS:
            return self.is_legacy()  # whatever the code is: "MUST NOT be keyed to one"
        if self.silent and not self.probing and code in MODERN_ERRORS and not common:
            # It met the probe late, and is modern: so it is asked again (decided), once.
            self.silent = False
            return self.tries("probe", MODERN)
        # "Use one of the versions in its advertised `supported` list. Do not fall back." The one
        # with a probe has been tried, so what may be left is reached by its handshake (decided).
        return self.initializes(common)

    def is_legacy(self) -> Act:
        """Fall back, unless it has shown before that it is modern."""
        return self.initializes(self.legacy) if len(self.tried) == 1 else ("give up", 0)

    def unanswered(self) -> Act:
        """Take silence: a probe is given up, as for a legacy server that drops it."""
        if not self.probing:
            return "give up", 0
        self.silent = True
        return self.is_legacy()

    def gone(self) -> Act:
        """Take the end of the server: stdio › Unexpected Termination, it SHOULD be restarted.

        Only what the probe may have ended is started again (decided), once.
        """
        if self.probing:
            act, revision = self.is_legacy()
            return ("start anew", revision) if act == "initialize" else (act, revision)
        if self.silent:
            self.silent = False
            return "start anew", self.tried[-1]
        return "give up", 0

    def agreed(self, version: str) -> Act:
        """Take the answer to `initialize`: a version that is not spoken ends it (Lifecycle)."""
        revision = NUMBERS.get(version, 0)
        return ("speak", revision) if revision in self.legacy else ("give up", 0)
