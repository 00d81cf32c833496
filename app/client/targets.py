"""What a client can be of: a command, or a server in the same process."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Literal, TypeAlias

from barewire.protocol.record import record
from barewire.server.server import Server

__all__ = ["Mode", "Stdio", "Target"]


@record
class Stdio:
    """A server that is started as a child process and spoken to over its standard streams.

    The server gets a few harmless variables of ours (`PATH`, `HOME`, the locale) and `env`, or all
    of ours with `inherit_env`. Its standard error is read, and the end of it appears in errors;
    `stderr` gets it besides: a function that takes bytes, or a descriptor.

    `kill_tree` says which processes that the server started are ended with it: those of a server
    that did not end by itself ("unruly", the default), or all in its process group ("always").
    """

    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    inherit_env: bool = False
    cwd: str | os.PathLike[str] | None = None
    stderr: Callable[[bytes], object] | int | None = None
    kill_tree: Literal["unruly", "always"] = "unruly"


Target: TypeAlias = Server | Stdio | Sequence[str]
"""A server of this process, a described command, or just the command and its arguments."""

Mode: TypeAlias = Literal["auto", "legacy", "modern"]
"""How the revision is found: the modern one if the server speaks it, else by a handshake; or only
one of the two ways."""
