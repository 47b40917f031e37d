"""A worker's own ear at the MQTT broker, for level 1 while Kafka is away.

It keeps the last seconds of messages unread. When Kafka takes nothing they are judged, with those that
follow, on copies of the states, and level-1 commands of that go out from memory. The bridge holds the same
messages; their events, when they come in order, bear the same ids, so that no device acts twice: for that the
ear must have heard the reading with which a condition began, hence the seconds before.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

import numpy as np
import structlog

from domain.assets import ActiveLimits
from domain.clock import SECOND_US, Clock, system_clock
from domain.ports import Counters
from domain.records import ReadingsArrived, Record
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.messages import Message
from ingest.mqtt import MqttConfig, MqttSource
from service.workers import Worker

log = structlog.get_logger(__name__)

KEPT_US: Final = 15 * SECOND_US  # before the need is seen
MESSAGES_KEPT: Final = 100_000
RECORDS_KEPT: Final = 2_000  # per partition; what is older was judged long ago
_MESSAGES_AT_ONCE: Final = 2_000
_IDLE_WAIT_S: Final = 0.2


class FailOpen:
    """`heard` may be asked from any thread."""

    def __init__(
        self,
        config: MqttConfig,
        site: str,
        limits: Callable[[], ActiveLimits],
        partition_of_point: Callable[[int], int],
        is_needed: Callable[[], bool],
        came_us: Callable[[], int],
        counters: Counters,
        clock: Clock = system_clock,
    ) -> None:
        """`limits` are those of every point that is ours now, by number; up to `came_us` messages have come
        by way of Kafka."""
        config = replace(
            config,
            client_id=f"{config.client_id}-fail-open-{uuid4().hex[:8]}",
            session_expiry_s=0,  # nothing is kept for it: the bridge has everything
            # not QoS 0, of which a broker drops what a busy client does not read at once
            subscriptions=tuple((topic, 1) for topic, _ in config.subscriptions),
        )
        self._source_id = config.source_id
        self._site = site
        self._limits = limits
        self._partition_of_point = partition_of_point
        self._is_needed = is_needed
        self._came_us = came_us
        self._counters = counters
        self._clock = clock
        self._inbox = Inbox()
        self._source = MqttSource(config, self._inbox, _Uncounted(), clock)
        self._kept: deque[Message] = deque(maxlen=MESSAGES_KEPT)  # that Kafka may not have brought
        self._intake: Intake | None = None  # while it is needed
        self._heard: dict[int, deque[Record]] = {}
        self._lock = threading.Lock()
        self.worker = Worker("fail-open", self._step)

    @property
    def judges(self) -> bool:
        return self._intake is not None

    def start(self) -> None:
        self._source.start()
        self.worker.start()

    def stop(self) -> None:
        self._source.stop()
        self.worker.stop()

    def heard(self, partition: int) -> Sequence[Record]:
        with self._lock:
            return list(self._heard.get(partition, ()))

    def _step(self) -> None:
        items = self._inbox.take(_MESSAGES_AT_ONCE, _IDLE_WAIT_S)
        heard = [item for item in items if isinstance(item, Message)]
        self._source.acknowledge([each.token for each in heard if each.token is not None])
        self._kept.extend(heard)
        if not self._is_needed():
            self._let_go()
        else:
            self._judge(heard)

    def _let_go(self) -> None:
        if self._intake is not None:
            log.info("fail_open_ended")
            self._intake = None
            with self._lock:
                self._heard.clear()
        too_old_us = min(self._clock(), self._came_us()) - KEPT_US
        while self._kept and self._kept[0].arrival_us < too_old_us:
            self._kept.popleft()

    def _judge(self, heard: Sequence[Message]) -> None:
        """All that Kafka has not brought, from the beginning, then what comes: a state that is behind must
        miss nothing, also where Kafka went away again before it had brought everything."""
        if self._intake is None:
            limits = self._limits()
            log.warning("fail_open_began", points=len(limits.points), heard=len(self._kept))
            self._counters.add("fail_open_began")
            self._intake = Intake(
                self._site, self._source_id, limits, _Uncounted(), dead_letter_bound=0
            )
            heard = list(self._kept)
        for record in self._intake.absorb(heard).records:
            if isinstance(record, ReadingsArrived):
                self._keep(record)

    def _keep(self, record: ReadingsArrived) -> None:
        partitions = np.array(
            [self._partition_of_point(point) for point in record.readings.point.tolist()]
        )
        with self._lock:
            for partition in np.unique(partitions).tolist():
                ours = replace(record, readings=record.readings.take(partitions == partition))
                kept = self._heard.setdefault(partition, deque(maxlen=RECORDS_KEPT))
                kept.append(ours)


class _Uncounted:
    """The bridge's way counts what is wrong with a message; once is enough."""

    def add(self, name: str, count: int = 1, **labels: str) -> None:
        pass
