"""A connected socket with a buffer on either side.

paho reads a message in three small calls and sends each acknowledgement in one: six system calls per
message. Here they touch memory, and one call moves what belongs to hundreds of messages.
"""

import contextlib
import ssl
from time import monotonic
from typing import Final, Protocol

_CHUNK_BYTES: Final = 64 * 1024
_LAST_WORDS_S: Final = 0.5
NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire(Protocol):
    """What we need of a socket, plain or TLS."""

    def recv(self, buffer_size: int, /) -> bytes: ...
    def send(self, buffer: bytes | bytearray, /) -> int: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def setblocking(self, flag: bool, /) -> None: ...
    def settimeout(self, seconds: float, /) -> None: ...
    def sendall(self, buffer: bytes | bytearray, /) -> None: ...


class BufferedSocket:
    """What paho calls: recv, send, close, fileno, setblocking. What its owner calls: fill, flush."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._in = b""
        self._at = 0  # how far `_in` is read
        self._out = bytearray()
        self._ended = False  # the peer will send no more
        self._error: OSError | None = None
        self.received_at = self.sent_at = monotonic()

    @property
    def has_unread(self) -> bool:
        """`recv` would say something without asking the wire: bytes, the end, or an error."""
        return self._at < len(self._in) or self._ended or self._error is not None

    @property
    def has_unsent(self) -> bool:
        return bool(self._out)

    @property
    def error(self) -> OSError | None:
        """What ended this connection from our side or the wire's; `recv` raises it after the last byte."""
        return self._error

    def fill(self) -> None:
        """Take what the wire has, once `has_unread` is over. A fault shows at the next `recv`."""
        if self.has_unread:
            return
        try:
            self._in, self._at = self._take(), 0
        except NOT_NOW:
            return
        except OSError as error:
            self._error = error
            return
        self._ended = not self._in
        self.received_at = monotonic()

    def flush(self) -> None:
        """Send what the wire takes. A fault shows at the next `recv`."""
        if not self._out or self._error is not None:
            return
        try:
            sent = self._wire.send(self._out)
        except NOT_NOW:
            return
        except OSError as error:
            self._error = error
            return
        del self._out[:sent]
        self.sent_at = monotonic()

    def fail(self, reason: str) -> None:
        """The owner gives this connection up."""
        self._error = ConnectionResetError(reason)

    def recv(self, buffer_size: int) -> bytes:
        if self._at >= len(self._in):
            return self._recv_beyond()
        end = self._at + buffer_size
        data = self._in[self._at : end]
        self._at = end
        return data

    def send(self, buffer: bytes | bytearray) -> int:
        """Takes all of it, so what is sent beside paho never falls into the middle of a packet."""
        self._out += buffer
        return len(buffer)

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._out and not self._ended and self._error is None:
                self._say_goodbye()
        self._wire.close()

    def _say_goodbye(self) -> None:
        """Send the rest and wait for the peer to close: closed at once, the connection would be reset
        and mosquitto would throw away the acknowledgements that it has not read."""
        until = monotonic() + _LAST_WORDS_S
        self._wire.settimeout(_LAST_WORDS_S)
        self._wire.sendall(self._out)
        while monotonic() < until and self._wire.recv(_CHUNK_BYTES):
            pass

    def fileno(self) -> int:
        return self._wire.fileno()

    def setblocking(self, flag: bool) -> None:
        self._wire.setblocking(flag)

    def _recv_beyond(self) -> bytes:
        if self._error is not None:
            raise self._error
        if self._ended:
            return b""
        raise BlockingIOError  # the rest of the packet comes with the next fill

    def _take(self) -> bytes:
        data = self._wire.recv(_CHUNK_BYTES)
        if isinstance(self._wire, ssl.SSLSocket):
            # what TLS has already decrypted does not make the wire readable again
            while self._wire.pending():
                data += self._wire.recv(_CHUNK_BYTES)
        return data
