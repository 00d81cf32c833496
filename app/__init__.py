"""barewire: a Model Context Protocol engine written from JSON-RPC 2.0 upwards.

Serve with `Server`, call with `Client`. The rooms below them stand on their own:
`barewire.protocol` (bytes and messages), `barewire.session` (what may be said when, without I/O)
and `barewire.transports`.
"""

from barewire.client.client import Client
from barewire.client.results import CallResult, ToolInfo
from barewire.client.targets import Stdio
from barewire.content import ToolResult
from barewire.context import Context, SyncContext
from barewire.errors import ToolError
from barewire.server.mirrored import Header
from barewire.server.server import Server
from barewire.session.events import Violated
from barewire.session.exceptions import (
    BarewireError,
    Cancelled,
    ConnectionLost,
    Gone,
    LocalProtocolError,
    RemoteProtocolError,
    RequestError,
    TimedOut,
)
from barewire.session.limits import HttpLimits, Limits
from barewire.session.principal import Principal, RequestFacts

__all__ = [
    "BarewireError",
    "CallResult",
    "Cancelled",
    "Client",
    "ConnectionLost",
    "Context",
    "Gone",
    "Header",
    "HttpLimits",
    "Limits",
    "LocalProtocolError",
    "Principal",
    "RemoteProtocolError",
    "RequestError",
    "RequestFacts",
    "Server",
    "Stdio",
    "SyncContext",
    "TimedOut",
    "ToolError",
    "ToolInfo",
    "ToolResult",
    "Violated",
    "__version__",
]

__version__ = "0.1.0"
