"""The floor: one paho client that takes QoS 1 messages, acknowledges each and does nothing else.

`python -m benchmarks.peers.bare_paho` fills a session that is away and then measures how fast it drains.
"""

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from service.broker import LocalBroker

TOPIC: Final = "gridwarden/bench/telemetry/floor"
PAYLOAD: Final = b'{"readings":[{"point":"LY/1T/top_oil_temp","time":1763863200000,"value":86.2}]}'
_WITHIN_S: Final = 120.0
_RECEIVE_MAXIMUM: Final = 2_000
_SESSION_S: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """From the first message to the last, each acknowledged."""

    messages: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


@dataclass(slots=True)
class _Count:
    wanted: int
    taken: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    subscribed: threading.Event = field(default_factory=threading.Event)
    complete: threading.Event = field(default_factory=threading.Event)


class BarePaho:
    """One client with a kept session. Connects and subscribes in `__init__`."""

    def __init__(
        self, host: str, port: int, topic: str, messages: int, client_id: str = "bare-paho"
    ) -> None:
        self._count = _Count(messages)
        self._client = _client(client_id, manual_ack=True)
        self._topic = topic
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._count.subscribed.set()
        self._client.on_message = self._take
        _connect(self._client, host, port)
        if not self._count.subscribed.wait(_WITHIN_S):
            raise TimeoutError("no subscription")

    def measure(self) -> Floor:
        """Waits for the last message."""
        count = self._count
        if not count.complete.wait(_WITHIN_S):
            raise TimeoutError(f"{count.taken} of {count.wanted} messages in {_WITHIN_S:.0f} s")
        return Floor(messages=count.wanted, seconds=count.last_at - count.first_at)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, *_: object) -> None:
        self._client.subscribe(self._topic, qos=1)

    def _take(self, client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        count = self._count
        if count.taken == 0:
            count.first_at = time.perf_counter()
        client.ack(message.mid, message.qos)
        count.taken += 1
        if count.taken == count.wanted:
            count.last_at = time.perf_counter()
            count.complete.set()


def drain(broker: LocalBroker, messages: int, payload: bytes = PAYLOAD) -> Floor:
    """A session goes away, `messages` are queued for it, it comes back: how fast does it take them?"""
    BarePaho(broker.host, broker.port, TOPIC, messages).close()
    _publish(broker, messages, payload)
    reader = BarePaho(broker.host, broker.port, TOPIC, messages)
    try:
        return reader.measure()
    finally:
        reader.close()


def _publish(broker: LocalBroker, messages: int, payload: bytes) -> None:
    client = _client("bare-paho-load", manual_ack=False)
    _connect(client, broker.host, broker.port)
    for sent in [client.publish(TOPIC, payload, qos=1) for _ in range(messages)]:
        sent.wait_for_publish(_WITHIN_S)
    client.disconnect()
    client.loop_stop()


def _client(client_id: str, *, manual_ack: bool) -> mqtt.Client:
    return mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=manual_ack,
    )


def _connect(client: mqtt.Client, host: str, port: int) -> None:
    wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wanted.SessionExpiryInterval = _SESSION_S
    wanted.ReceiveMaximum = _RECEIVE_MAXIMUM
    client.connect(host, port, clean_start=False, properties=wanted)
    client.loop_start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    messages: int = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder, LocalBroker(Path(folder)) as broker:
        floor = drain(broker, messages)
    print(f"bare paho: {floor.messages} messages, {floor.per_second:,.0f} messages/s")


if __name__ == "__main__":
    main()
