"""What other makers' boxes publish: at QoS 1, in the order of its coming, acknowledged when it is journalled.

The broker keeps our session: what a box sends while we are away comes when we are back.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from domain.ids import BoxId
from ingest.cameras.box_message import LARGEST_BYTES
from ingest.cameras.mqtt import BrokerAddress

log = structlog.get_logger(__name__)

_KEEPALIVE_S: Final = 30
_SESSION_S: Final = 7 * 86_400
_ON_THE_WAY: Final = 8  # messages with a picture each: what memory holds
_AGAIN_S: Final = 2.0


class NotTaken(Exception):
    """Not now: core is away, or the disk is full. It is given again, not acknowledged."""


class BoxSubscriber:
    """The boxes of one broker. `take` gets each message until it no longer raises NotTaken."""

    def __init__(
        self,
        broker: BrokerAddress,
        topics: Mapping[str, BoxId],
        take: Callable[[BoxId, bytes], object],
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._take = take
        self._client = broker.client(clean_start=False)
        self._client.on_connect = self._connected
        self._client.on_message = self._came
        self._client.on_disconnect = self._disconnected
        self._came_in: queue.Queue[tuple[int, paho.MQTTMessage] | None] = queue.Queue()
        self._connection = 0  # an acknowledgement of an earlier one would be another message's
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="boxes", daemon=True)

    def start(self) -> "BoxSubscriber":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        properties.ReceiveMaximum = _ON_THE_WAY
        properties.MaximumPacketSize = LARGEST_BYTES + 2**20
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._thread.start()
        self._client.loop_start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._came_in.put(None)

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: paho.Client, _: object, __: object, code: ReasonCode, ___: object
    ) -> None:
        if code.is_failure:
            log.warning("box_broker_refuses_us", reason=str(code), port=self._broker.port)
            return
        client.subscribe([(topic, 1) for topic in self._topics])

    def _disconnected(self, *_: object) -> None:
        self._connection += 1
        if not self._stopping.is_set():
            log.warning("box_broker_away", port=self._broker.port)

    def _came(self, _: Any, __: object, message: paho.MQTTMessage) -> None:
        self._came_in.put((self._connection, message))

    def _run(self) -> None:
        while (came := self._came_in.get()) is not None and not self._stopping.is_set():
            connection, message = came
            box_id = self._topics.get(message.topic)
            while box_id is not None and connection == self._connection:
                try:
                    self._take(box_id, bytes(message.payload))
                    break
                except NotTaken as error:
                    log.warning("box_waits_for_core", box_id=box_id, reason=str(error))
                except Exception:
                    # a fault of ours shall not stand in the way of what comes after it
                    log.exception("box_message_failed", box_id=box_id)
                    break
                if self._stopping.wait(_AGAIN_S):
                    return
            if connection == self._connection and message.qos:
                self._client.ack(message.mid, message.qos)
