"""Pictures that cameras, or the boxes beside them, publish: one JPEG or PNG a message, one topic a camera.

QoS 0 and no session: a picture that did not come in time is of no use. What is too large, or faster than is
looked at, is dropped before it is decoded.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from domain.cameras import Camera, Frame, Picture
from domain.clock import Clock, system_clock
from domain.ids import CameraId

log = structlog.get_logger(__name__)

LARGEST_BYTES: Final = 8 * 2**20  # of one picture; full HD has half a million
_PACKET_AT_MOST: Final = LARGEST_BYTES + 2**20  # the broker keeps back what is larger still
_KEEPALIVE_S: Final = 30
_EARLY: Final = 0.1  # part of the period by which a picture may be early


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def client(self, *, clean_start: bool) -> paho.Client:
        """Not yet connected; it waits longer and longer between attempts."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=not clean_start,
        )
        client.username_pw_set(self.username, self.password)
        client.reconnect_delay_set(1, 30)
        return client


class PictureSubscriber:
    """The cameras of one broker. `decode` makes a picture of bytes, or raises ValueError with a sentence."""

    def __init__(
        self,
        broker: BrokerAddress,
        cameras: Iterable[Camera],
        decode: Callable[[bytes], Picture],
        on_frame: Callable[[Frame], None],
        on_broken: Callable[[CameraId, str], None],
        on_trouble: Callable[[CameraId, str], None] = lambda camera, reason: None,
        clock: Clock = system_clock,
    ) -> None:
        self._broker = broker
        self._of_topic = {camera.address: camera for camera in cameras}
        self._decode = decode
        self._on_frame = on_frame
        self._on_broken = on_broken
        self._on_trouble = on_trouble
        self._clock = clock
        self._due: dict[CameraId, float] = {}
        self._numbers: dict[CameraId, int] = {}
        self._client = broker.client(clean_start=True)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda *_: self._away("the broker does not answer")
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._came
        self._stopping = threading.Event()

    def start(self) -> "PictureSubscriber":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = _PACKET_AT_MOST
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=_KEEPALIVE_S,
            clean_start=True,
            properties=properties,
        )
        self._client.loop_start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._client.disconnect()

    def join(self, timeout_s: float) -> None:
        self._client.loop_stop()

    def _connected(
        self, client: paho.Client, _: object, __: object, code: ReasonCode, ___: object
    ) -> None:
        if code.is_failure:
            self._away(f"the broker refuses us: {code}")
            return
        client.subscribe([(topic, 0) for topic in self._of_topic])

    def _disconnected(self, *_: object) -> None:
        if not self._stopping.is_set():
            self._away("the connection to the broker was lost")

    def _away(self, reason: str) -> None:
        log.warning("picture_broker_away", reason=reason, port=self._broker.port)
        for camera in self._of_topic.values():
            self._on_trouble(camera.camera_id, reason)

    def _came(self, _: Any, __: object, message: paho.MQTTMessage) -> None:
        camera = self._of_topic.get(message.topic)
        if camera is None or message.retain:  # what the broker kept is of another day
            return
        number = self._numbers[camera.camera_id] = self._numbers.get(camera.camera_id, 0) + 1
        if not self._is_due(camera):
            return
        try:
            picture = self._picture(bytes(message.payload))
        except ValueError as error:
            self._on_broken(camera.camera_id, str(error))
            return
        self._on_frame(
            Frame(camera_id=camera.camera_id, number=number, at_us=self._clock(), picture=picture)
        )

    def _is_due(self, camera: Camera) -> bool:
        """Broken ones count too: who sends rubbish quickly shall not keep us busy."""
        now, period_s = monotonic(), 1.0 / camera.frames_per_second
        due = self._due.get(camera.camera_id, now)
        if now < due - _EARLY * period_s:
            return False
        self._due[camera.camera_id] = max(due + period_s, now)
        return True

    def _picture(self, payload: bytes) -> Picture:
        if len(payload) > LARGEST_BYTES:
            raise ValueError(
                f"a picture of {len(payload)} bytes: up to {LARGEST_BYTES} are taken over MQTT"
            )
        return self._decode(payload)
