"""How a bridge is, for metrics and health: the same port and the same words as core's."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from domain.clock import Clock, system_clock
from service.counting import Counted
from service.health import Check, Health
from service.metrics import counter_families
from service.workers import Worker

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class WatchedBridge(Protocol):
    """What is asked of a bridge."""

    @property
    def source_connected(self) -> bool: ...

    @property
    def kafka_connected(self) -> bool: ...

    @property
    def waiting(self) -> int: ...

    @property
    def moved(self) -> int: ...

    @property
    def worker(self) -> Worker: ...


class BridgeVitals:
    """Implements service.metrics.Asked and a collector of prometheus_client."""

    def __init__(
        self, bridge: WatchedBridge, counters: Counted, clock: Clock = system_clock
    ) -> None:
        self._bridge = bridge
        self._counters = counters
        self._health = Health(
            workers=lambda: (bridge.worker,),
            dispatcher_alive=lambda: True,
            journal_away_s=lambda: 0.0,
            records_away_s=lambda: 0.0,
            sources=dict,
            clock=clock,
        )

    def live(self) -> Sequence[Check]:
        alive = self._bridge.worker.alive
        return [self._health.check("thread:bridge", alive, "it has ended")]

    def ready(self) -> Sequence[Check]:
        bridge, check = self._bridge, self._health.check
        return [
            *self.live(),
            check("source", bridge.source_connected, "not connected to the MQTT broker"),
            check("kafka", bridge.kafka_connected, "not connected to Kafka"),
        ]

    def describe(self) -> Sequence["Metric"]:
        return ()

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        bridge = self._bridge
        yield from counter_families(self._counters)
        moved = CounterMetricFamily(
            "gridwarden_bridge_moved", "Messages that Kafka has and the MQTT broker may forget"
        )
        moved.add_metric([], bridge.moved)
        yield moved
        gauges: tuple[tuple[str, str, Callable[[], float]], ...] = (
            ("up", "1 while both sides are connected", lambda: all(c.holds for c in self.ready())),
            (
                "waiting",
                "Messages that the MQTT broker gave and Kafka has not",
                lambda: bridge.waiting,
            ),
        )
        for name, what, value in gauges:
            yield GaugeMetricFamily(f"gridwarden_bridge_{name}", what, value=float(value()))
