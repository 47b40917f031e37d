"""The sign of life between core and its supervisor: one line of JSON a second over a pair of sockets.

It needs no disk, no broker, no database and no other thread, so it goes on when those are away, and it ends
when the process does not turn any more.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

EVERY_S: Final = 1.0
_READ_BYTES: Final = 64 * 1024

Beat = Mapping[str, Any]


class Heart:
    """Core's side. What it says is asked anew each time."""

    def __init__(self, fd: int, beat: Callable[[], Beat]) -> None:
        self.beat = beat
        self.heard: Beat = {}  # what the supervisor said last
        self._lines = _Lines(socket.socket(fileno=fd))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5.0)
        self._lines.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._lines.say(self.beat())
            self.heard = {**self.heard, **(self._lines.newest() or {})}
            self._stopping.wait(EVERY_S)


class Pulse:
    """The supervisor's side of one child. Nothing in it waits."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.theirs = theirs  # for the child to inherit; to be closed here after that
        self._lines = _Lines(ours)

    def newest(self) -> Beat | None:
        """What was said since the last call, the newest of it."""
        return self._lines.newest()

    def tell(self, words: Beat) -> None:
        self._lines.say(words)

    def close(self) -> None:
        self.theirs.close()
        self._lines.close()


class _Lines:
    """Lines of JSON over a socket; one that cannot be taken at once is left out."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.setblocking(False)
        self._half = b""

    def say(self, words: Beat) -> None:
        with contextlib.suppress(OSError):
            self._connection.send(msgspec.json.encode(words) + b"\n")

    def newest(self) -> Beat | None:
        whole: list[bytes] = []
        with contextlib.suppress(OSError):
            while raw := self._connection.recv(_READ_BYTES):
                *lines, self._half = (self._half + raw).split(b"\n")
                whole += lines
        for line in reversed(whole):
            with contextlib.suppress(msgspec.MsgspecError):
                return msgspec.json.decode(line, type=dict[str, Any])
        return None

    def close(self) -> None:
        self._connection.close()
