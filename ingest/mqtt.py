"""Messages of an MQTT broker, in order, acknowledged only when the caller says so.

One thread owns the connection: it reads, sends the acknowledgements, reconnects. When the inbox is full
it stops reading the socket, and the broker keeps what we cannot take.
"""

import contextlib
import random
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast
from uuid import uuid4

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from domain.clock import Clock, system_clock
from domain.ids import SourceId
from domain.ports import Counters
from domain.records import Record, SourceChanged
from ingest.buffered_socket import BufferedSocket, Wire
from ingest.inbox import Inbox
from ingest.messages import AckToken, Message

log = structlog.get_logger(__name__)

QUIET_S: Final = 0.25  # nothing came for so long: the backlog is in, or the window is full
SUSPECT_AFTER_S: Final = 1.0  # nothing for so long, and the broker may have a smaller window
ANSWER_WITHIN_S: Final = 10.0  # CONNACK and SUBACK
_PUT_AT_LEAST: Final = 256  # messages collected before they go to the inbox
_IDLE_WAIT_S: Final = 1.0
_WATCHFUL_WAIT_S: Final = 0.05  # while it is being found out whether the backlog is in
_PINGREQ: Final = b"\xc0\x00"

# topic, payload, QoS, retain, dup, packet id
Collect = Callable[[str, bytes, int, bool, bool, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """Files in PEM form. Without `ca_file` the system's authorities are believed."""

    ca_file: Path | None = None
    cert_file: Path | None = None  # our own, for a broker that asks
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    source_id: SourceId
    host: str
    port: int
    client_id: str  # the broker keeps our session under it: one per installation, never changed
    subscriptions: tuple[tuple[str, int], ...]  # topic filter, QoS 0 or 1
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsConfig | None = None
    keepalive_s: int = 30
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 2_000
    backlog_at_most_s: float = 10.0  # under load without a pause it is taken to be in after this
    first_wait_s: float = 0.2  # before a reconnect; doubles up to the longest
    longest_wait_s: float = 30.0

    def __post_init__(self) -> None:
        if any(qos not in {0, 1} for _, qos in self.subscriptions):
            raise ValueError("a subscription takes QoS 0 or 1: QoS 2 would be acknowledged by paho")


class MqttSource:
    """`start`, `acknowledge` what is safe, `stop`. The properties may be read from any thread."""

    def __init__(
        self,
        config: MqttConfig,
        inbox: Inbox,
        counters: Counters,
        clock: Clock = system_clock,
        known_session: str = "",
    ) -> None:
        self._config = config
        self._inbox = inbox
        self._counters = counters
        self._clock = clock
        self._session = known_session
        self._generation = 0
        self._connected = False
        self._current = False
        self._subscribed = False
        self._lost_because = ""
        self._collected: list[Message | Record] = []
        self._unacknowledged = 0  # on this connection
        self._suspect_at = 1  # so many unacknowledged may be all that the broker gives
        self._window_full = False
        self._arrival_us = 0
        self._wait_s = config.first_wait_s
        self._paused = False
        self._keepalive_s = config.keepalive_s
        self._reading_since = self._judging_since = self._last_message_at = 0.0
        self._pinged_at = self._read_at = self._numbered_at = 0.0
        self._acks: deque[Sequence[AckToken]] = deque()
        self._waker = _Waker()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        inbox.on_room(self._waker.wake)

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def current(self) -> bool:
        """Connected, the backlog is in, and the broker holds nothing back."""
        return self._current

    @property
    def unacknowledged(self) -> int:
        """Messages of this connection that the broker may not forget yet."""
        return self._unacknowledged

    @property
    def generation(self) -> int:
        """Rises with every connection."""
        return self._generation

    @property
    def session(self) -> str:
        """Our name for the session that the broker keeps for us; a new one where it kept none."""
        return self._session

    def start(self) -> None:
        """Once: a source that was stopped is not started again. On return the inbox has the word that it
        is not current, before anything that is put there later."""
        self._put([self._changed(current=False)])
        self._thread = threading.Thread(target=self._run, name="mqtt-source", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Sends the acknowledgements given so far and leaves; the broker keeps the session."""
        self._stopping.set()
        self._waker.wake()
        if self._thread is not None:
            self._thread.join(timeout)
            if not self._thread.is_alive():
                self._waker.close()

    def acknowledge(self, tokens: Sequence[AckToken]) -> None:
        """From any thread. A token of an earlier connection is dropped: the broker sends its message
        again, and the number may now be another's."""
        if tokens:
            self._acks.append(tokens)
            self._waker.wake()

    # -- the network thread ------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                try:
                    self._connect_and_serve()
                finally:
                    self._connection_lost()
            except Exception:
                # a fault of ours ends this connection, not the source: what is not acknowledged comes again
                self._counters.add("mqtt_source_failed", source=self._config.source_id)
                log.exception("mqtt_source_failed", source_id=self._config.source_id)
            if not self._stopping.is_set():
                self._wait_before_reconnect()

    def _connect_and_serve(self) -> None:
        client = self._client()
        try:
            self._open(client)
        except OSError as error:
            self._counters.add("connect_failures", source=self._config.source_id)
            log.warning("mqtt_connect_failed", reason=str(error), **self._where())
            return
        wire = client.socket()
        assert isinstance(wire, BufferedSocket)
        try:
            self._serve(client, wire)
        finally:
            _leave(client)

    def _client(self) -> paho.Client:
        client = _BufferingClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._config.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.username_pw_set(self._config.username, self._config.password)
        if self._config.tls is not None:
            client.tls_set_context(self._config.tls.context())
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.collect = self._collect
        client.on_disconnect = self._on_disconnect
        # with this callback paho queues packets instead of sending each: the loop sends them together
        client.on_socket_register_write = _leave_it_to_the_loop
        return client

    def _open(self, client: paho.Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._config.session_expiry_s
        properties.ReceiveMaximum = self._config.receive_maximum
        self._subscribed, self._lost_because = False, ""
        client.connect(
            self._config.host,
            self._config.port,
            keepalive=self._config.keepalive_s,
            clean_start=False,
            properties=properties,
        )

    def _serve(self, client: paho.Client, wire: BufferedSocket) -> None:
        """Until the connection is lost or we are asked to stop."""
        poller = select.poll()
        poller.register(self._waker.fileno(), select.POLLIN)
        self._pinged_at = monotonic()
        self._begin_anew(self._pinged_at)
        self._paused = self._window_full = False
        while client.socket() is wire and not self._stopping.is_set():
            poller.register(wire.fileno(), self._interest(wire))
            ready = dict(poller.poll(self._patience_s(wire) * 1_000))
            if self._waker.fileno() in ready:
                self._waker.clear()
            self._fill(wire, ready.get(wire.fileno(), 0))
            self._read(client, wire)
            self._send_acknowledgements(client)
            self._judge(wire)
            client.loop_write()
            wire.flush()
            if wire.error is not None:
                self._finish(client, wire)
        if client.socket() is wire:
            self._send_acknowledgements(client)  # those given since the last look

    def _fill(self, wire: BufferedSocket, ready: int) -> None:
        if not self._paused and ready:
            wire.fill()
        elif ready & (select.POLLHUP | select.POLLERR):
            wire.fail("the broker went away")

    def _judge(self, wire: BufferedSocket) -> None:
        now = monotonic()
        self._judge_pause(now)
        self._judge_window(now)
        self._judge_current(now)
        self._keep_alive(wire, now)

    def _finish(self, client: paho.Client, wire: BufferedSocket) -> None:
        """The connection is over: take the last of what it brought, even into a full inbox."""
        self._lost_because = str(wire.error)
        while client.socket() is wire:
            client.loop_read()
        self._hand_over()

    def _interest(self, wire: BufferedSocket) -> int:
        # a paused connection is still asked for nothing: poll then tells of its end only
        reading = 0 if self._paused else select.POLLIN
        return reading | (select.POLLOUT if wire.has_unsent else 0)

    def _patience_s(self, wire: BufferedSocket) -> float:
        if wire.has_unread and not self._paused:
            return 0.0
        if not (self._current or self._paused):
            return _WATCHFUL_WAIT_S
        if self._unacknowledged and not self._paused:
            return QUIET_S
        return min(_IDLE_WAIT_S, self._keepalive_s / 8) if self._keepalive_s else _IDLE_WAIT_S

    def _read(self, client: paho.Client, wire: BufferedSocket) -> None:
        """Everything that is in the buffer, or as much of it as the inbox has room for."""
        self._arrival_us = self._clock()
        self._read_at = monotonic()
        while wire.has_unread and not self._inbox.is_full and client.socket() is wire:
            client.loop_read()
            if len(self._collected) >= _PUT_AT_LEAST:
                self._hand_over()
        self._hand_over()

    def _hand_over(self) -> None:
        if self._collected:
            self._last_message_at = monotonic()
            self._put(self._collected)
            self._collected = []

    def _send_acknowledgements(self, client: paho.Client) -> None:
        stale = 0
        while self._acks:
            for token in self._acks.popleft():
                if self._connected and token.generation == self._generation:
                    client.ack(token.packet_id, 1)
                    self._unacknowledged -= 1
                else:
                    stale += 1
        if stale:
            self._counters.add("stale_acks_dropped", stale, source=self._config.source_id)

    def _judge_pause(self, now: float) -> None:
        if self._inbox.is_full and not self._paused:
            self._paused = True
            self._counters.add("source_paused", source=self._config.source_id)
            log.warning("mqtt_paused", waiting=self._inbox.depth, source_id=self._config.source_id)
            self._tell(current=False)
        elif self._paused and not self._inbox.is_full:
            self._paused = False
            self._begin_anew(now)  # what the broker held comes only now
            log.info("mqtt_resumed", source_id=self._config.source_id)

    def _judge_window(self, now: float) -> None:
        """A full window makes the broker silent: what it holds back is older than our next tick."""
        full = self._window_is_full(now)
        if full != self._window_full:
            self._window_full = full
            self._judging_since = now  # what the broker held comes only after our acknowledgements
        if full and self._current:
            self._counters.add("window_full", source=self._config.source_id)
            log.warning("mqtt_window_full", unacknowledged=self._unacknowledged, **self._where())
            self._tell(current=False)

    def _window_is_full(self, now: float) -> bool:
        """The broker may give no more before we acknowledge, or it looks as if it took that for its bound.

        A window that is full for a moment only, as under load, holds nothing back that matters."""
        if self._paused:
            return False  # it is we who do not read
        silent_s = now - max(self._numbered_at, self._reading_since)
        if self._unacknowledged >= self._config.receive_maximum:
            return silent_s >= QUIET_S
        return self._unacknowledged >= self._suspect_at and silent_s >= SUSPECT_AFTER_S

    def _judge_current(self, now: float) -> None:
        """Current: the broker holds nothing back for us.

        A full window of unacknowledged messages makes the broker silent too, so silence counts only
        when everything is acknowledged. Load that never pauses is taken to be live after a while."""
        if self._current or self._paused or self._window_full or not self._subscribed:
            return
        drained = self._inbox.depth == 0 and self._unacknowledged == 0
        quiet = drained and now - max(self._last_message_at, self._judging_since) >= QUIET_S
        if quiet or now - self._judging_since >= self._config.backlog_at_most_s:
            self._wait_s = self._config.first_wait_s
            self._tell(current=True)

    def _begin_anew(self, now: float) -> None:
        """Silence and backlog are counted from here."""
        self._reading_since = self._judging_since = self._last_message_at = now

    def _keep_alive(self, wire: BufferedSocket, now: float) -> None:
        """Instead of paho's loop_misc, which takes a pause of our own for the broker's death."""
        if not self._subscribed and now - self._reading_since >= ANSWER_WITHIN_S:
            wire.fail(f"the broker did not answer within {ANSWER_WITHIN_S:.0f} s")
        if not self._connected or not self._keepalive_s:
            return
        heard_at = max(wire.received_at, self._reading_since)
        if not self._paused and now - heard_at >= 1.5 * self._keepalive_s:
            wire.fail(f"no word from the broker for {now - heard_at:.0f} s")
        # also while nothing is read: the broker must know that we live
        due_at = min(wire.sent_at, wire.received_at) + self._keepalive_s / 2
        if now >= max(due_at, self._pinged_at + self._keepalive_s / 2):
            wire.send(_PINGREQ)
            self._pinged_at = now

    def _tell(self, *, current: bool) -> None:
        if current != self._current:
            self._put([self._changed(current=current)])

    def _changed(self, *, current: bool) -> SourceChanged:
        self._current = current
        return SourceChanged(at_us=self._clock(), source_id=self._config.source_id, current=current)

    def _put(self, items: Sequence[Message | Record]) -> None:
        self._inbox.put(items)

    def _connection_lost(self) -> None:
        """What was collected before the end still counts; it will come again and be recognised."""
        self._hand_over()
        self._connected = self._subscribed = False
        self._tell(current=False)

    def _wait_before_reconnect(self) -> None:
        # jitter: the clients of a broker that returns must not all knock at the same moment
        wait_s = self._wait_s * random.uniform(0.75, 1.0)
        log.info("mqtt_reconnect_waits", seconds=round(wait_s, 3), **self._where())
        self._wait_s = min(self._config.longest_wait_s, 2 * self._wait_s)
        self._stopping.wait(wait_s)

    def _where(self) -> dict[str, Any]:
        return {
            "source_id": self._config.source_id,
            "broker": f"{self._config.host}:{self._config.port}",
        }

    # -- paho's callbacks, on the network thread -----------------------------------------------

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._counters.add("connect_failures", source=self._config.source_id)
            log.error("mqtt_refused", reason=str(reason), **self._where())
            return
        if not (flags.session_present and self._session):
            self._session = uuid4().hex
        if self._generation:
            self._counters.add("reconnects", source=self._config.source_id)
        self._generation += 1
        self._unacknowledged = 0
        # what the broker takes from us at once; mosquitto gives us as much (max_inflight_messages). Of one
        # that does not say, any silence is suspect while something is unacknowledged
        told = getattr(properties, "ReceiveMaximum", 1)
        self._suspect_at = min(told, self._config.receive_maximum)
        self._keepalive_s = client.keepalive  # the broker may have chosen another
        self._connected = True
        log.info(
            "mqtt_connected",
            session=self._session,
            session_present=flags.session_present,
            generation=self._generation,
            **self._where(),
        )
        client.subscribe(
            [
                # what was retained comes once per session; again and again it would only be repeats
                (
                    topic,
                    SubscribeOptions(qos, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB),
                )
                for topic, qos in self._config.subscriptions
            ]
        )

    def _on_subscribe(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for (topic, _), reason in zip(self._config.subscriptions, reasons, strict=True):
            if reason.is_failure:
                self._counters.add("subscriptions_refused", source=self._config.source_id)
                log.error(
                    "mqtt_subscription_refused", topic=topic, reason=str(reason), **self._where()
                )
                return
        self._subscribed = True
        self._begin_anew(monotonic())

    def _on_message(self, client: paho.Client, userdata: Any, said: paho.MQTTMessage) -> None:
        self._collect(
            _topic_of(said),
            cast(bytes, said.payload),
            said.qos,
            said.retain,
            said.dup,
            said.mid,
            getattr(said.properties, "CorrelationData", None),
        )

    def _collect(
        self,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,
        dup: bool,
        packet_id: int,
        correlation_data: bytes | None = None,
    ) -> None:
        token = None
        if qos:
            token = AckToken(self._generation, packet_id)
            self._unacknowledged += 1
            self._numbered_at = self._read_at  # QoS 0 comes through a full window too
        self._collected.append(
            Message(
                source_id=self._config.source_id,
                session=self._session,
                topic=topic,
                payload=payload,
                qos=qos,
                retain=retain,
                dup=dup,
                packet_id=packet_id,
                token=token,
                arrival_us=self._arrival_us,
                correlation_data=correlation_data,
            )
        )

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._connected:
            self._connected = False
            log.warning(
                "mqtt_disconnected", reason=self._lost_because or str(reason), **self._where()
            )


class _BufferingClient(paho.Client):
    """paho with two things that it has no public way to: a socket of our own, and a short way for the
    usual message. Without the short way all works the same at twice the cost per message."""

    collect: Collect | None = None

    def _create_socket(self) -> Any:
        return BufferedSocket(cast(Wire, super()._create_socket()))

    def _handle_publish(self) -> MQTTErrorCode:
        # paho builds a table of all MQTT properties and a condition variable for every message: half of
        # the time of this thread. A message of QoS 0 or 1 without properties needs neither.
        packet, flags = self._in_packet["packet"], self._in_packet["command"]
        qos = (flags >> 1) & 3
        topic_end = 2 + int.from_bytes(packet[:2], "big")
        properties_at = topic_end + 2 if qos else topic_end
        plain = qos < 2 and len(packet) > properties_at and packet[properties_at] == 0
        if not plain or self.collect is None:
            return super()._handle_publish()
        self.collect(
            packet[2:topic_end].decode("utf-8", "replace"),
            bytes(packet[properties_at + 1 :]),
            qos,
            bool(flags & 1),
            bool(flags & 8),
            int.from_bytes(packet[topic_end:properties_at], "big"),
        )
        return MQTTErrorCode.MQTT_ERR_SUCCESS


class _Waker:
    """Interrupts a poll from any thread, once however often it is asked."""

    def __init__(self) -> None:
        self._hear, self._call = socket.socketpair()
        self._hear.setblocking(False)
        self._call.setblocking(False)
        self._called = False

    def fileno(self) -> int:
        return self._hear.fileno()

    def wake(self) -> None:
        if not self._called:
            self._called = True
            with contextlib.suppress(OSError):  # closed: nobody waits any more
                self._call.send(b"!")

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._hear.recv(64)
        # after the read: a call from here on makes a byte of its own, and what it tells of is seen
        self._called = False

    def close(self) -> None:
        self._hear.close()
        self._call.close()


def _leave(client: paho.Client) -> None:
    """Say goodbye if the broker still listens; the session stays for its expiry."""
    if client.socket() is not None:
        client.disconnect()
        client.loop_write()


def _topic_of(said: paho.MQTTMessage) -> str:
    try:
        return said.topic
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "replace")


def _leave_it_to_the_loop(client: paho.Client, userdata: Any, sock: object) -> None:
    pass
