"""Device commands over MQTT v5, with correlation data and an expiry.

A new client object for every connection: nothing that an earlier connection had under way is sent again
by itself, since a siren that sounds minutes late is worse than one that is asked again or reported.
"""

import json
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from domain.clock import SECOND_US, Clock, system_clock, to_datetime
from domain.commands import DeviceCommand
from domain.ids import DeviceId
from domain.ports import Counters

log = structlog.get_logger(__name__)

CONNECT_WITHIN_S: Final = 10.0
CLOSE_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSenderConfig:
    """The broker that the field devices listen to."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    tls_ca_file: str | None = None  # a path; None: no TLS
    keepalive_s: int = 15
    first_wait_s: float = 0.2  # between attempts to connect, doubled up to `longest_wait_s`
    longest_wait_s: float = 10.0


def command_topic(site: str, device: DeviceId) -> str:
    return f"gridwarden/{site}/device/{device}/command"


def reply_topic(site: str, device: DeviceId) -> str:
    return f"gridwarden/{site}/device/{device}/reply"


def command_payload(command: DeviceCommand) -> bytes:
    """Canonical JSON of a device command."""
    return json.dumps(
        {
            "command_id": str(command.command_id),
            "device": command.device_id,
            "action": command.action,
            "text": command.text,
            "priority": int(command.priority),
            "event_id": str(command.event_id),
            "attempt": command.attempt,
            "created_at": _iso(command.created_at_us),
            "valid_until": _iso(command.valid_until_us),
            "max_on_s": command.max_on_s,
            **_EXIT.get(command.action, {}),
        },
        ensure_ascii=False,
    ).encode()


class MqttCommandSender:
    """Implements domain.ports.CommandSender. `start` and `stop` from one thread, `send` from any.

    Promise: until `stop` it tries to be connected, whatever fails; an unexpected failure is logged,
    counted as `command_sender_failed` and tried again with growing waits."""

    def __init__(
        self,
        config: MqttSenderConfig,
        site: str,
        counters: Counters,
        *,
        clock: Clock = system_clock,
        on_connected: Callable[[bool], None] = lambda connected: None,
    ) -> None:
        """`on_connected` is told of every change, from the network thread."""
        self._config = config
        self._site = site
        self._counters = counters
        self._clock = clock
        self._on_connected = on_connected
        self._client: mqtt.Client | None = None  # only while connected
        self._connection: _Connection | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="command-sender", daemon=True)

    @property
    def connected(self) -> bool:
        return self._client is not None

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        self._stopping.set()
        if self._connection is not None:
            self._connection.end()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def send(self, command: DeviceCommand) -> bool:
        """False while not connected; nothing is queued for a later connection."""
        client = self._client
        if client is None:
            return False
        info = client.publish(
            command_topic(self._site, command.device_id),
            command_payload(command),
            qos=1,
            retain=False,
            properties=self._properties(command),
        )
        return info.rc == mqtt.MQTT_ERR_SUCCESS

    def _properties(self, command: DeviceCommand) -> Properties:
        remaining_s = (command.valid_until_us - self._clock()) // SECOND_US
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = reply_topic(self._site, command.device_id)
        properties.CorrelationData = command.command_id.bytes
        properties.MessageExpiryInterval = max(1, remaining_s)
        properties.ContentType = "application/json"
        return properties

    def _run(self) -> None:
        wait_s = self._config.first_wait_s
        while not self._stopping.is_set():
            if self._was_connected():
                wait_s = self._config.first_wait_s
            # half of it by chance, so that all clients of a broker do not come back at once
            self._stopping.wait(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(wait_s * 2, self._config.longest_wait_s)

    def _was_connected(self) -> bool:
        """Whether an attempt came to its orderly end. No failure may end this thread: nobody else would
        call the siren."""
        try:
            return self._stay_connected()
        except OSError as error:
            log.warning("command_sender_not_connected", reason=str(error))
        except Exception:
            self._counters.add("command_sender_failed")
            log.exception("command_sender_failed")
        return False

    def _stay_connected(self) -> bool:
        """One connection from its beginning to its end; whether the broker ever took it."""
        connection = self._connection = _Connection(self._config)
        try:
            # after the line above: a `stop` either finds the connection or is seen here
            if self._stopping.is_set() or not connection.opened():
                return False
            self._client = connection.client
            log.info("command_sender_connected", port=self._config.port)
            self._on_connected(True)
            connection.wait_for_end()
            return True
        finally:
            was_connected, self._client = self._client is not None, None
            connection.close()
            if was_connected:
                self._on_connected(False)


class _Connection:
    """One paho client that never reconnects, and its network thread."""

    def __init__(self, config: MqttSenderConfig) -> None:
        self._config = config
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._abandoned = threading.Event()  # even the goodbye could not be sent
        self._accepted = False
        self._failure: Exception | None = None  # of the network thread
        self._network = threading.Thread(
            target=self._serve, name="command-sender-network", daemon=True
        )
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        self.client.connect_timeout = CONNECT_WITHIN_S
        if config.username is not None:
            self.client.username_pw_set(config.username, config.password)
        if config.tls_ca_file is not None:
            self.client.tls_set(config.tls_ca_file)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = _on_publish
        self.client.on_socket_open = _without_delay
        # with this callback paho queues packets for the network thread, whoever publishes
        self.client.on_socket_register_write = _leave_it_to_the_network_thread

    def opened(self) -> bool:
        self.client.connect(
            self._config.host,
            self._config.port,
            keepalive=self._config.keepalive_s,
            clean_start=True,
        )
        self._network.start()
        answered = self._answered.wait(CONNECT_WITHIN_S)
        self._raise_failure()
        return answered and self._accepted

    def wait_for_end(self) -> None:
        self._ended.wait()
        self._raise_failure()

    def end(self) -> None:
        self._ended.set()
        self._answered.set()

    def close(self) -> None:
        self.client.disconnect()
        if self._network.ident is not None:
            self._network.join(CLOSE_WITHIN_S)
            self._abandoned.set()

    def _serve(self) -> None:
        # not paho's own thread: that one may die of an error and leave a connection that looks alive,
        # takes commands and sends none
        went = mqtt.MQTT_ERR_SUCCESS
        try:
            while went == mqtt.MQTT_ERR_SUCCESS and not self._abandoned.is_set():
                went = self.client.loop()
        except Exception as error:
            self._failure = error
        finally:
            self.end()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _on_connect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        self._accepted = not reason.is_failure
        if reason.is_failure:
            log.warning("command_sender_refused", reason=str(reason))
        self._answered.set()

    def _on_disconnect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        self.end()


def _on_publish(
    client: mqtt.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Any
) -> None:
    # "no matching subscribers" is no failure to MQTT; to us it says that the device is not there
    if reason.value != 0:
        log.warning("command_without_taker", packet_id=mid, reason=str(reason))


def _without_delay(client: mqtt.Client, userdata: Any, opened: Any) -> None:
    # else a second command waits for the acknowledgement of the first
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _leave_it_to_the_network_thread(client: mqtt.Client, userdata: Any, opened: Any) -> None:
    pass


# said each time, whatever a door's firmware assumes: nobody is ever locked in
_EXIT: Final = {"refuse_entry": {"exit": "free"}, "release": {"exit": "free"}}


def _iso(moment_us: int) -> str:
    return to_datetime(moment_us).isoformat(timespec="milliseconds")
