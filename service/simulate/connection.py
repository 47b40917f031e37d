"""One MQTT client of the simulated field, reconnecting by itself."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

log = structlog.get_logger(__name__)

OnMessage = Callable[[mqtt.MQTTMessage], None]


class FieldClient:
    """Subscribes to `topics` at every connection; `ready` once the broker has said yes to them."""

    def __init__(
        self,
        client_id: str,
        topics: Sequence[str] = (),
        on_message: OnMessage = lambda message: None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.ready = threading.Event()
        self._on_ready = on_ready
        self._topics = topics
        self._handle = on_message
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5
        )
        self._client.reconnect_delay_set(1, 10)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def start(self, host: str, port: int) -> Self:
        self._client.connect_async(host, port, keepalive=15)
        self._client.loop_start()
        return self

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, properties: Properties | None = None) -> None:
        self._client.publish(topic, payload, qos=1, properties=properties)

    def _on_connect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("field_client_refused", reason=str(reason))
        elif self._topics:
            client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics])
        else:
            self._say_ready()

    def _on_subscribe(
        self, client: mqtt.Client, userdata: Any, mid: int, reasons: Any, properties: Any
    ) -> None:
        self._say_ready()

    def _say_ready(self) -> None:
        self.ready.set()
        self._on_ready()

    def _on_disconnect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        self.ready.clear()

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self._handle(message)
        except Exception:
            # a field device that met nonsense stays on the line
            log.exception("field_message_not_understood", topic=message.topic)
