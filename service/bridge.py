"""The bridge: messages of an MQTT broker into the telemetry topic, each into the partition of its station.

It keeps nothing: a message is acknowledged to the MQTT broker when every replica of Kafka has it. While Kafka
is away the broker keeps what comes. Several bridges may share a subscription ($share). It says into every
partition how its source is, so that a delay does not run out over readings that still wait here.
"""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Final

import msgspec
import structlog

from domain.ports import Counters, StorageUnavailable
from domain.records import SourceChanged
from ingest.inbox import Inbox
from ingest.kafka import BRIDGE, KafkaConfig, KafkaWriter, Outgoing, partition_of, prepare_topic
from ingest.messages import AckToken, Message
from ingest.mqtt import MqttConfig, MqttSource
from ingest.partition_intake import BridgeSays
from ingest.routing import Router
from service.bridge_vitals import BridgeVitals
from service.counting import Counted
from service.metrics import HealthServer
from service.partitioning import Partitioning
from service.recovery import Unwirable
from service.settings import MetricsSettings, Settings
from service.site.model import Site
from service.topic import kafka_config, topic_settings
from service.wiring import only_source, source_config
from service.workers import Worker

log = structlog.get_logger(__name__)

SAY_EVERY_S: Final = 2.0
MESSAGES_AT_ONCE: Final = 1_000
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
_IDLE_WAIT_S: Final = 0.2


class Bridge:
    """`start`, `stop`. One message is never overtaken by a later one of its partition."""

    def __init__(
        self,
        source_config: MqttConfig,
        router: Router,
        config: KafkaConfig,
        partitions: int,
        name: str,
        counters: Counters,
    ) -> None:
        self._router = router
        self._topic = config.topic
        self._partitions = partitions
        self._name = name
        self._counters = counters
        self._inbox = Inbox()
        self._source = MqttSource(source_config, self._inbox, counters)
        self._writer = KafkaWriter(config, counters)
        self._current = False
        self._say_at = 0.0
        self.worker = Worker("bridge", self._step)
        self.moved = 0  # messages that Kafka has and the MQTT broker may forget

    @property
    def connected(self) -> bool:
        return self.source_connected and self.kafka_connected

    @property
    def source_connected(self) -> bool:
        return self._source.connected

    @property
    def kafka_connected(self) -> bool:
        return self._writer.connected

    @property
    def subscribed(self) -> bool:
        """Whether the MQTT broker keeps for us what is published."""
        return self._source.generation > 0 and (self._source.current or self.moved > 0)

    @property
    def waiting(self) -> int:
        """Messages that the MQTT broker gave and Kafka has not."""
        return self._inbox.depth + self._source.unacknowledged

    def start(self) -> None:
        self._writer.start()
        self._source.start()
        self.worker.start()

    def stop(self) -> None:
        self._source.stop()
        self.worker.stop()
        self._writer.stop()

    def _step(self) -> None:
        items = self._inbox.take(MESSAGES_AT_ONCE, _IDLE_WAIT_S)
        messages = [item for item in items if isinstance(item, Message)]
        outgoing = [each for message in messages for each in self._router.route(message)]
        for item in items:
            if isinstance(item, SourceChanged):
                self._current = item.current
                self._say_at = 0.0
        if time.monotonic() >= self._say_at:
            outgoing += self._words()
            self._say_at = time.monotonic() + SAY_EVERY_S
        if outgoing and self._written(outgoing):
            self._acknowledge(messages)

    def _words(self) -> list[Outgoing]:
        """After what they are about."""
        value = msgspec.json.encode(BridgeSays(current=self._current))
        headers = {BRIDGE: self._name.encode()}
        return [
            Outgoing(topic=self._topic, partition=partition, value=value, headers=headers)
            for partition in range(self._partitions)
        ]

    def _written(self, outgoing: Sequence[Outgoing]) -> bool:
        """Tried until Kafka has them: what came later waits behind. False when we are asked to stop."""
        wait_s = FIRST_RETRY_S
        while True:
            try:
                self._writer.write(outgoing).result()
                return True
            except StorageUnavailable as error:
                self._counters.add("kafka_unavailable")
                log.error("kafka_unavailable", reason=str(error), retry_in_s=wait_s)
            if self.worker.stopping:
                return False
            self.worker.wait(wait_s)
            wait_s = min(LAST_RETRY_S, wait_s * 2)

    def _acknowledge(self, messages: Sequence[Message]) -> None:
        tokens: list[AckToken] = [each.token for each in messages if each.token is not None]
        self._source.acknowledge(tokens)
        self.moved += len(messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOptions:
    name: str = "1"  # always the same: its MQTT session
    share: str | None = None  # the broker deals the messages out among the bridges of this name
    topics: tuple[str, ...] = ()  # only these of the source's; empty: all


def bridge_of(settings: Settings, site: Site, options: BridgeOptions, counters: Counters) -> Bridge:
    """Raises StorageUnavailable while Kafka does not answer, KafkaUnusable, Unwirable."""
    config = kafka_config(settings.kafka, site.code, f"bridge-{options.name}")
    partitions = prepare_topic(
        config,
        config.topic,
        settings.kafka.partitions,
        **topic_settings(settings.kafka.retention_hours),
    )
    places = Partitioning.of(site.plan(), site.points, partitions, partition_of)
    key_of = places.key_of_station
    router = Router(
        site=site.code,
        topic=config.topic,
        key_of_point={
            str(key): key_of[station] for key, station in places.station_of_point.items()
        },
        key_of_device={
            str(device.device_id): key_of[site.plan().asset(device.asset_id).station]
            for device in site.devices
        },
        partition_of=lambda key: partition_of(key, partitions),
    )
    return Bridge(
        _ours(source_config(only_source(site), settings.queues.receive_maximum), options),
        router,
        config,
        partitions,
        options.name,
        counters,
    )


def _ours(config: MqttConfig, options: BridgeOptions) -> MqttConfig:
    """A session of the bridge's own, for its share of the messages."""
    subscriptions = config.subscriptions
    if options.topics:
        known = [topic for topic, _ in subscriptions]
        unknown = [topic for topic in options.topics if topic not in known]
        if unknown:
            raise Unwirable(f"the source has no topic {unknown[0]}; it has {', '.join(known)}")
        subscriptions = tuple(each for each in subscriptions if each[0] in options.topics)
    if options.share is not None:
        subscriptions = tuple(
            (f"$share/{options.share}/{topic}", qos) for topic, qos in subscriptions
        )
    return replace(
        config, client_id=f"{config.client_id}-bridge-{options.name}", subscriptions=subscriptions
    )


def run_bridge(
    settings: Settings,
    site: Site,
    options: BridgeOptions,
    say: Callable[[str], None],
    seconds: float | None = None,
) -> int:
    """Until SIGTERM or Ctrl-C."""
    stopping: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.put(0))
    counters = Counted()
    bridge = _patiently(lambda: bridge_of(settings, site, options, counters), say, stopping)
    if bridge is None:
        return 0
    bridge.start()
    answering = _answering(settings.metrics, bridge, counters)
    threading.Thread(
        target=lambda: _tell_when_connected(bridge, options, settings, say), daemon=True
    ).start()
    clock = threading.Timer(seconds, lambda: stopping.put(0)) if seconds is not None else None
    if clock:
        clock.start()
    try:
        return stopping.get()
    finally:
        bridge.stop()
        if answering is not None:
            answering.stop()
        say(f"bridge {options.name}: {bridge.moved} messages moved")


def _tell_when_connected(
    bridge: Bridge, options: BridgeOptions, settings: Settings, say: Callable[[str], None]
) -> None:
    """From then on nothing that is published is missed."""
    while not bridge.subscribed:
        time.sleep(_IDLE_WAIT_S)
    say(f"bridge {options.name}: from the MQTT broker to {settings.kafka.bootstrap}")


def _answering(metrics: MetricsSettings, bridge: Bridge, counters: Counted) -> HealthServer | None:
    if not metrics.port:
        return None
    vitals = BridgeVitals(bridge, counters)
    answering = HealthServer(metrics.host, metrics.port, vitals, vitals)
    answering.start()
    return answering


def _patiently(
    make: Callable[[], Bridge], say: Callable[[str], None], stopping: "SimpleQueue[int]"
) -> Bridge | None:
    """A bridge waits for Kafka as it does later on: its MQTT session keeps what comes."""
    wait_s = FIRST_RETRY_S
    while stopping.empty():
        try:
            return make()
        except StorageUnavailable as error:
            say(f"{error}; trying again")
        time.sleep(wait_s)
        wait_s = min(LAST_RETRY_S, wait_s * 2)
    return None
