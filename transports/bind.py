"""Sockets that listen: the addresses that a name stands for, all with the same port."""

import contextlib
import errno
import os
import socket
from typing import Final

__all__ = ["bind"]

# What says that an address family is not to be had here, as opposed to a port.
_NO_FAMILY: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)

_TRIES: Final = 20

_LAST_PORT: Final = 65_535


def bind(host: str | None, port: int, *, reuse_port: bool = False) -> list[socket.socket]:
    """Return sockets bound to `host` and `port`, one per address; they do not listen yet.

    * `localhost` is 127.0.0.1 and ::1, as far as this machine has them.
    * `None` or an empty host is every address of the machine, of both families.
    * Any other name is looked up, which blocks.

    With port 0 the system picks one, the same for all addresses. With `reuse_port` several
    processes may bind the same port, which is not 0 then, and share its connections (Linux, BSD).

    Raises OSError (a port in use; a name unknown, which is `socket.gaierror`), and ValueError for a
    port that cannot be one and for `reuse_port` where the system has no such thing.
    """
    if not 0 <= port <= _LAST_PORT:
        raise ValueError(f"a port is 0 to {_LAST_PORT}, not {port}")
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("this system cannot share a port between processes (reuse_port)")
    addresses = _addresses(host)
    for attempt in range(_TRIES):
        try:
            return _bind_all(addresses, port, reuse_port)
        except OSError as error:
            # The port that was picked for the first address may be in use on another.
            again = port == 0 and error.errno == errno.EADDRINUSE and attempt + 1 < _TRIES
            if not again:
                raise
    raise AssertionError("the last attempt returns or raises")


def _addresses(host: str | None) -> list[str]:
    if host == "localhost":  # RFC 6761, 6.3: never anything but loopback, so nobody is asked
        return ["127.0.0.1", "::1"]
    if not host:
        return ["0.0.0.0", "::"]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"cannot find {host}: {error.strerror}") from None
    # As numbers, and with the zone where an address has one.
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    numbers = (socket.getnameinfo(address, flags)[0] for *_, address in found)
    return list(dict.fromkeys(numbers))


def _bind_all(addresses: list[str], port: int, reuse_port: bool) -> list[socket.socket]:
    with contextlib.ExitStack() as undo:
        sockets: list[socket.socket] = []
        missing: OSError | None = None
        for address in addresses:
            try:
                sock = _bind_one(address, port, reuse_port)
            except OSError as error:
                if len(addresses) == 1 or not _is_family_missing(error):
                    raise
                missing = error
                continue
            undo.callback(sock.close)
            sockets.append(sock)
            port = sock.getsockname()[1]
        if missing is not None and not sockets:
            raise missing
        undo.pop_all()
        return sockets


def _is_family_missing(error: OSError) -> bool:
    return error.errno in _NO_FAMILY or isinstance(error, socket.gaierror)


def _bind_one(address: str, port: int, reuse_port: bool) -> socket.socket:
    family, kind, protocol, _, whole = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it means that others may steal the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(whole)
    except OSError as error:
        sock.close()
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        raise OSError(error.errno, f"cannot listen on {where}: {error.strerror}") from None
    return sock
