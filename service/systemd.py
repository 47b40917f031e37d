"""Words to systemd over its datagram socket, where it started us (Type=notify); else nothing happens."""

import contextlib
import os
import socket
from collections.abc import Mapping


class Systemd:
    """Nothing here waits or fails."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@name" is a socket without a file
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._ready = False

    def ready(self) -> None:
        """Once; the unit counts as started from here on."""
        if not self._ready:
            self._ready = True
            self._say("READY=1")

    def starting(self) -> None:
        """We recover: that may take longer than a unit usually may."""
        if not self._ready:
            self._say("EXTEND_TIMEOUT_USEC=60000000")

    def turns(self, status: str) -> None:
        """The supervisor itself goes round."""
        self._say(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def _say(self, words: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection,
        ):
            connection.setblocking(False)
            connection.sendto(words.encode(), self._address)
