"""A load generator that costs little: MQTT 3.1.1 PUBLISH packets made beforehand, sent over a bare socket.

A paho publisher on the same two cores would be measured along with what it loads.
"""

import socket
import struct
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Self

WINDOW: Final = 1_000  # messages on the way, below the broker's limit
_PUBACK_BYTES: Final = 4


class RawPublisher:
    """One connection. QoS 1 messages are counted as acknowledged by the broker's PUBACKs."""

    def __init__(self, host: str, port: int, client_id: str = "load") -> None:
        self._socket = socket.create_connection((host, port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_connect(client_id))
        if self._socket.recv(4)[3:] != b"\0":
            raise ConnectionError("the broker refused the load generator")
        self._packet_id = 0
        self._sent = 0
        self._acknowledged_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()

    def publish(self, topic: str, payloads: Sequence[bytes], qos: int) -> None:
        """One write for all of them; with QoS 1 waits while WINDOW messages are on the way."""
        self._socket.sendall(b"".join(self._packet(topic, payload, qos) for payload in payloads))
        if qos:
            self._sent += len(payloads)
            self.await_acknowledged(WINDOW)

    def await_acknowledged(self, at_most_open: int = 0) -> None:
        while self._sent - self._acknowledged_bytes // _PUBACK_BYTES > at_most_open:
            self._acknowledged_bytes += len(self._socket.recv(65_536))

    def _packet(self, topic: str, payload: bytes, qos: int) -> bytes:
        body = struct.pack("!H", len(topic)) + topic.encode()
        if qos:
            self._packet_id = self._packet_id % 65_535 + 1
            body += struct.pack("!H", self._packet_id)
        return bytes([0x30 | qos << 1]) + _length(len(body) + len(payload)) + body + payload


def paced(payloads: Iterable[bytes], per_second: float, at_once: int = 10) -> Iterable[list[bytes]]:
    """Groups of `at_once` payloads, each at its moment."""
    started = time.perf_counter()
    group: list[bytes] = []
    for number, payload in enumerate(payloads, 1):
        group.append(payload)
        if len(group) == at_once:
            wait_s = started + number / per_second - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            yield group
            group = []
    if group:
        yield group


def _connect(client_id: str) -> bytes:
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack("!H", len(client_id)) + client_id.encode()
    return b"\x10" + _length(len(body)) + body


def _length(value: int) -> bytes:
    encoded = bytearray()
    while True:
        value, digit = divmod(value, 128)
        encoded.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(encoded)
