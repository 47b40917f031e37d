"""Sends what waits for Kafka, and hears what other workers sent, so that a console here shows it too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from delivery.cloud_events import KIND_OF_TYPE, PREFIX
from domain.outbound import Outlet
from domain.ports import Counters, StorageUnavailable
from ingest.kafka import KafkaWriter, Outgoing
from service.workers import Worker
from storage.outbound import OutboundQueue

log = structlog.get_logger(__name__)

AT_ONCE: Final = 500
LOOK_EVERY_S: Final = 0.25
WRITE_WITHIN_S: Final = 30.0
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 10.0


class Publisher:
    """One thread. Each partition's events in their order, at least once."""

    def __init__(
        self,
        queue: OutboundQueue,
        writer: KafkaWriter,
        topics: Mapping[Outlet, str],
        ours: Callable[[], Sequence[int]],
        counters: Counters,
    ) -> None:
        self._queue = queue
        self._writer = writer
        self._topics = topics
        self._ours = ours
        self._counters = counters
        self._retry_s = FIRST_RETRY_S
        self.depth = 0
        self.oldest_us: int | None = None
        self.sent = 0
        self.worker = Worker("outbound", self._step)

    def _step(self) -> None:
        moved, failed = 0, False
        for partition in self._ours():
            try:
                moved += self._send(partition)
                self.depth, self.oldest_us = self._queue.depth()
            except StorageUnavailable as error:
                failed = True  # one partition's holds up no other's
                self._counters.add("outbound_unavailable")
                log.error("outbound_unavailable", partition=partition, reason=str(error))
        if failed:
            self.worker.wait(self._retry_s)
            self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)
            return
        self._retry_s = FIRST_RETRY_S
        if not moved:
            self.worker.wait(LOOK_EVERY_S)

    def _send(self, partition: int) -> int:
        waiting = self._queue.waiting(partition, AT_ONCE)
        if not waiting:
            return 0
        written = self._writer.write(
            [
                Outgoing(
                    topic=self._topics[each.item.outlet],
                    key=each.item.key.encode(),
                    value=each.item.value,
                    headers={name: value.encode() for name, value in each.item.headers.items()},
                )
                for each in waiting
            ]
        )
        try:
            written.result(WRITE_WITHIN_S)
        except TimeoutError as error:
            raise StorageUnavailable("Kafka has not taken them in time") from error
        self._queue.sent([each.number for each in waiting])
        self.sent += len(waiting)
        return len(waiting)


def change_of(headers: Mapping[str, bytes], ours: str) -> dict[str, object] | None:
    """The live change that an event of another worker stands for."""
    type_ = headers.get("ce_type", b"").decode(errors="replace").removeprefix(PREFIX)
    kind = KIND_OF_TYPE.get(type_)
    if kind is None or headers.get("ce_worker") == ours.encode():
        return None
    return {"kind": kind, "subject": headers.get("ce_subject", b"").decode(), "text": ""}
