"""TLS over another pipe: the bytes of the one, encrypted, are the bytes of the other."""

import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Final, TypeAlias

from barewire.transports.backend import Timer, current, guarded
from barewire.transports.netpipe import Address, Certificate, NetPipe
from barewire.transports.pipe import LOW_WATER, OnData, OnEof

__all__ = ["OnHandshake", "TlsPipe"]

OnHandshake: TypeAlias = Callable[[BaseException | None], object]

# What one record may hold, and so all that one call of `read` can return.
_RECORD: Final = 16 * 1024

# What is encrypted at once, and up to which that goes on. The rest waits as it was written.
_PIECE: Final = 64 * 1024
_AHEAD: Final = 128 * 1024

# More waits only when TLS itself has much to say: each try to renegotiate is refused, for example.
_MOST_AHEAD: Final = 256 * 1024

_SMALL: Final = 2048  # below this, to copy a buffer costs less than a record of its own


class TlsPipe:
    """One side of TLS over `pipe`; see `NetPipe` for what its methods promise.

    The handshake begins with `handshake`, or with `start` when that comes first; what is written
    before its end waits for it. When it fails, and when what arrives later is not TLS, reading ends
    with that error. It also ends with an error when the connection ends without the peer having
    said so (`close_notify`), by which the peer's words may have been cut short.
    """

    def __init__(
        self,
        pipe: NetPipe,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        handshake_timeout: float = 10.0,
    ) -> None:
        """Take over `pipe`, which has not been started.

        `server_hostname` is who a client wants to talk to. The handshake may take
        `handshake_timeout` seconds (default: 10). Raises ValueError for a name that cannot be one,
        or that is missing where `context` has it checked.
        """
        self._backend = current()
        self._pipe = pipe
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname=server_hostname
        )
        self._handshake_timeout = handshake_timeout
        self.on_drained: Callable[[], object] | None = None
        self.low_water = LOW_WATER
        self.secure: Final = True
        self.certificate: Certificate | None = None
        self._on_handshake: OnHandshake | None = None
        self._timer: Timer | None = None
        self._begun = False
        self._secured = False
        self._on_data: OnData | None = None
        self._on_eof: OnEof | None = None
        self._paused = False
        self._input_over = False
        self._failure: BaseException | None = None
        self._ended = False
        self._queue: deque[bytes | memoryview] = deque()
        self._queued = 0
        self._taking = True
        self._mark = 0  # what was pending when we last looked
        self._notified = False
        pipe.low_water = 0  # then it is never too late to compare with ours, which may change
        pipe.on_drained = self._drained

    @property
    def local(self) -> Address | None:
        """Our address."""
        return self._pipe.local

    @property
    def remote(self) -> Address | None:
        """The peer's address."""
        return self._pipe.remote

    @property
    def broken(self) -> BaseException | None:
        """What broke the connection or its TLS."""
        return self._failure or self._pipe.broken

    @property
    def pending(self) -> int:
        """How many bytes the system has not taken yet, those that are encrypted by now as such."""
        return self._queued + self._pipe.pending

    @property
    def underway(self) -> int:
        """How many bytes have not reached the peer's system, those that are encrypted as such."""
        return self._queued + self._pipe.underway

    def handshake(self, on_handshake: OnHandshake) -> None:
        """Begin the handshake, and call `on_handshake` when it is done; call once, before `start`.

        With None all is well, `certificate` is that of the peer, and nothing is read until `start`.
        Else with what went wrong: an `ssl.SSLError`, TimeoutError or what broke the connection;
        there is nothing left to do then but to close. It is not called after `close` or `abort`.
        """
        self._on_handshake = on_handshake
        self._begin()

    def start(self, on_data: OnData, on_eof: OnEof) -> None:
        """Begin to read."""
        self._on_data = on_data
        self._on_eof = on_eof
        if not self._begun:
            self._begin()
        else:
            self._read_on()

    def write(self, buffers: list[bytes]) -> None:
        """Encrypt and send `buffers`, as far as the peer takes them."""
        if not self._taking:
            return
        size = sum(map(len, buffers))
        if size < _SMALL * len(buffers):
            buffers = [b"".join(buffers)]  # the same object when there is but one
        self._queue.extend(filter(None, buffers))
        self._queued += size
        if self._secured:
            self._encrypt(_AHEAD)
        self._mark = self.pending

    def pause(self) -> None:
        """Stop reading."""
        self._paused = True
        if self._secured:
            self._pipe.pause()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused:
            self._paused = False
            self._read_on()

    def write_eof(self) -> None:
        """Send `close_notify` once everything pending is encrypted."""
        self._taking = False
        self._notify_if_due()

    def close(self, *, linger: float = 0.0) -> None:
        """Encrypt what is pending, say `close_notify`, and close the pipe below."""
        self._end()
        if self._secured:
            self._encrypt()
        self._drop()
        self._pipe.close(linger=linger)

    async def aclose(self, *, linger: float = 0.0) -> object:
        """Close, and wait until the pipe below is closed."""
        self.close(linger=linger)
        return await self._pipe.aclose()

    def abort(self) -> None:
        """Reset the connection."""
        self._end()
        self._drop()
        self._pipe.abort()

    def _begin(self) -> None:
        self._begun = True
        deadline = self._backend.now() + self._handshake_timeout
        self._timer = self._backend.call_at(deadline, self._expire)
        self._pipe.start(self._received, self._lost)
        self._backend.call_soon(self._shake)

    def _shake(self) -> None:
        """Take the handshake as far as what has arrived allows."""
        if self._secured or self._input_over or self._ended:
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
        except ssl.SSLError as error:
            self._send()  # the alert that says why
            self._fail(error)
        else:
            self._send()
            self._become_secure()

    def _become_secure(self) -> None:
        self._secured = True
        self._disarm()
        self.certificate = self._tls.getpeercert() or None
        self._encrypt(_AHEAD)
        self._look_at_mark()
        self._tell_handshake(None)
        if self._is_reading:
            self._read()
        elif not self._ended:
            self._pipe.pause()

    def _expire(self) -> None:
        seconds = self._handshake_timeout
        self._fail(TimeoutError(f"no TLS handshake within {seconds:g} s (handshake_timeout)"))

    def _tell_handshake(self, error: BaseException | None) -> None:
        callback, self._on_handshake = self._on_handshake, None
        if callback is not None:
            guarded(callback, error)

    def _received(self, data: bytes) -> None:
        if self._input_over or self._ended:
            return
        self._incoming.write(data)
        if self._secured:
            self._read()
        else:
            self._shake()

    def _lost(self, reason: BaseException | None) -> None:
        """Take note that the pipe below has ended."""
        if not self._secured:
            self._fail(reason or _eof("the connection ended during the TLS handshake"))
        elif reason is None:
            self._incoming.write_eof()
            self._read()
        else:
            self._read()
            self._fail(reason)

    def _read_on(self) -> None:
        if self._is_reading:
            if self._secured:
                self._pipe.resume()
            self._backend.call_soon(self._read)

    def _read(self) -> None:
        """Hand over what can be decrypted, and the end when that is reached."""
        if not self._is_reading:
            return
        if self._secured and not self._input_over:
            data = self._decrypt()
            self._send()
            if self._pipe.pending > _MOST_AHEAD:
                self._note(ssl.SSLError("the peer makes us answer, and reads nothing"))
            if self._queue:  # it may have waited for the peer
                self._encrypt(_AHEAD)
                self._look_at_mark()
            if data and self._on_data is not None:
                guarded(self._on_data, data)
        self._tell_end_if_due()

    @property
    def _is_reading(self) -> bool:
        return self._on_data is not None and not self._paused and not self._ended

    def _decrypt(self) -> bytes:
        incoming, tls = self._incoming, self._tls
        chunks: list[bytes] = []
        while incoming.pending or tls.pending() or incoming.eof:
            try:
                data = tls.read(_RECORD)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError as error:
                self._note(error)
                break
            if not data:
                self._input_over = True
                break
            chunks.append(data)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _tell_end_if_due(self) -> None:
        if self._input_over and self._is_reading and self._on_eof is not None:
            self._ended = True
            guarded(self._on_eof, self._failure)

    def _fail(self, reason: BaseException) -> None:
        """Take note of what ends the connection, and tell whoever waits for something."""
        self._note(reason)
        self._disarm()
        self._tell_handshake(reason)
        self._tell_end_if_due()

    def _note(self, reason: BaseException) -> None:
        if not self._input_over:
            self._input_over = True
            self._failure = reason.with_traceback(None)  # whose frames refer to us
            self._backend.call_soon(self._tell_end_if_due)
        self._drop()

    def _end(self) -> None:
        """Tell the owner nothing more of what arrives."""
        self._ended = True
        self._taking = False
        self._on_handshake = self._on_data = self._on_eof = None
        self._disarm()

    def _encrypt(self, most: float = inf) -> None:
        """Encrypt what is queued while less than `most` bytes wait below."""
        queue, pipe = self._queue, self._pipe
        while queue and pipe.pending < most and pipe.broken is None:
            try:
                count = self._tls.write(memoryview(queue[0])[:_PIECE])
            except ssl.SSLWantReadError:  # the peer wants other keys first
                break
            except ssl.SSLError as error:
                self._note(error)
                return
            self._queued -= count
            if count == len(queue[0]):
                queue.popleft()
            else:
                queue[0] = memoryview(queue[0])[count:]
            self._send()
        if pipe.broken is not None:
            self._drop()
        self._notify_if_due()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._pipe.write([self._outgoing.read()])

    def _notify_if_due(self) -> None:
        if not self._secured or self._taking or self._queue:
            return
        if self._notified or self._failure is not None:
            return
        self._notified = True
        with contextlib.suppress(ssl.SSLError):  # that the peer has not said it yet
            self._tls.unwrap()
        self._send()

    def _drop(self) -> None:
        """Forget what is queued, and take nothing more."""
        self._taking = False
        self._queue.clear()
        self._queued = 0
        self._look_at_mark()

    def _drained(self) -> None:
        if self._secured:
            self._encrypt(_AHEAD)
        self._look_at_mark()

    def _look_at_mark(self) -> None:
        before, self._mark = self._mark, self.pending
        if before > self.low_water >= self._mark and self.on_drained is not None:
            self._backend.call_soon(partial(guarded, self.on_drained))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _eof(text: str) -> ssl.SSLEOFError:
    return ssl.SSLEOFError(ssl.SSL_ERROR_EOF, text)
