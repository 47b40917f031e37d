"""A field gateway for tests: keeps what the broker has not acknowledged and sends it again."""

import json
import time
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from domain.ids import SourceId
from service.site.model import telemetry_topic


class Gateway:
    """Publishes canonical JSON at QoS 1."""

    def __init__(self, port: int, site: str, source: str) -> None:
        self._topic = telemetry_topic(site, SourceId(source))
        self._sent = self._taken = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 2)
        self._client.max_queued_messages_set(0)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, values: dict[str, float], time_ms: int | None = None) -> None:
        """One message with a reading of each point, of now or of `time_ms`."""
        moment = time.time_ns() // 1_000_000 if time_ms is None else time_ms
        readings = [
            {"point": point, "time": moment, "value": value} for point, value in values.items()
        ]
        self.send(json.dumps({"readings": readings}).encode())

    def send(self, payload: bytes) -> None:
        """These bytes as they are."""
        self._sent += 1
        self._client.publish(self._topic, payload, qos=1)  # kept by paho while there is no broker

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker has not taken."""
        return self._sent - self._taken

    def _on_publish(self, *_: object) -> None:
        self._taken += 1
