"""Beside the path: telemetry catches up from the journal, checkpoints are taken, old segments go."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from numpy.typing import NDArray

from domain.ports import Counters, Journal, StorageUnavailable, Telemetry
from domain.readings import Readings
from domain.records import ReadingsArrived
from service.workers import Worker
from storage.checkpoints import Checkpoint, Checkpoints

log = structlog.get_logger(__name__)

ROWS_IN_ONE_TRANSACTION = 50_000
QUIET_RECORDS_AT_MOST = 1_000  # ticks and the like: passed without a transaction, but not for ever
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0


class TelemetryProjection:
    """Writes the journal's readings to the telemetry store, some hundred milliseconds behind."""

    def __init__(
        self,
        *,
        journal: Journal,
        telemetry: Telemetry,
        every_s: float,
        counters: Counters,
    ) -> None:
        self._journal = journal
        self._telemetry = telemetry
        self._every_s = every_s
        self._counters = counters
        self._retry_s = FIRST_RETRY_S
        self._position: int | None = None  # None: ask the store
        self.applied_seq = 0  # what the store itself says
        self.worker = Worker("telemetry", self._step)

    def _step(self) -> None:
        try:
            while self._write_some() and not self.worker.stopping:
                pass
            self._retry_s = FIRST_RETRY_S
            self.worker.wait(self._every_s)
        except StorageUnavailable as error:
            self._position = None
            self._counters.add("telemetry_unavailable")
            log.error("telemetry_unavailable", reason=str(error), retry_in_s=self._retry_s)
            self.worker.wait(self._retry_s)
            self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)

    def _write_some(self) -> bool:
        """One transaction; whether more may wait."""
        position = self._position
        if position is None:
            position = self.applied_seq = self._telemetry.applied_seq()
        parts: list[Readings] = []
        rows = 0
        for seq, record in self._journal.read(after=position):
            position = seq
            if isinstance(record, ReadingsArrived) and len(record.readings):
                parts.append(record.readings)
                rows += len(record.readings)
                if rows >= ROWS_IN_ONE_TRANSACTION:
                    break
        if parts or position - self.applied_seq > QUIET_RECORDS_AT_MOST:
            self._telemetry.write(Readings.concat(parts), position)
            self.applied_seq = position
        self._position = position
        return rows >= ROWS_IN_ONE_TRANSACTION


class Checkpointer:
    """Writes offered states in its own thread, the newest of each name, and drops old segments."""

    def __init__(
        self,
        *,
        stores: Mapping[str, Checkpoints],
        drop_through: Callable[[int], object],
        passed: Callable[[], int],
        every_s: float,
        every_readings: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`passed` is the journal number that every projection has passed."""
        self._stores = stores
        self._drop_through = drop_through
        self._passed = passed
        self._every_s = every_s
        self._every_readings = every_readings
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offered: dict[str, Checkpoint] = {}
        self._offers: dict[str, _Offer] = {name: _Offer() for name in stores}
        self.worker = Worker("checkpoints", self._step)

    def due(self, name: str, seq: int, readings: int) -> bool:
        """Whether `name` should offer its state of `seq` now; `readings` it has seen so far."""
        last = self._offers[name]
        waited_s = self._monotonic() - last.at_s
        return seq > last.seq and (
            waited_s >= self._every_s
            or (
                waited_s >= 0.1 * self._every_s and readings - last.readings >= self._every_readings
            )
        )

    def offer(
        self,
        name: str,
        seq: int,
        readings: int,
        arrays: Mapping[str, NDArray[Any]],
        meta: Mapping[str, Any],
        parts: Mapping[str, bytes] | None = None,
    ) -> None:
        """Takes the arrays over: the owner gives copies."""
        self._offers[name] = _Offer(self._monotonic(), seq, readings)
        with self._lock:
            self._offered[name] = Checkpoint(seq=seq, arrays=arrays, meta=meta, parts=parts or {})

    def put_off(self, name: str) -> None:
        """It is due again after the usual time: what it must wait for is away."""
        self._offers[name] = replace(self._offers[name], at_s=self._monotonic())

    def flush(self) -> None:
        """Writes what is offered. A store that cannot only delays: the journal has it all."""
        with self._lock:
            offered, self._offered = self._offered, {}
        for name, checkpoint in offered.items():
            try:
                self._stores[name].save(
                    checkpoint.seq, checkpoint.arrays, checkpoint.meta, checkpoint.parts
                )
            except StorageUnavailable as error:
                log.error("checkpoint_unavailable", name=name, reason=str(error))
        if offered:
            self._shorten()

    def _step(self) -> None:
        self.flush()
        self.worker.wait(0.2)

    def _shorten(self) -> None:
        covered = min(store.droppable_through() for store in self._stores.values())
        try:
            self._drop_through(min(covered, self._passed()))
        except StorageUnavailable as error:
            log.error("journal_not_shortened", reason=str(error))


@dataclass(frozen=True, slots=True)
class _Offer:
    at_s: float = float("-inf")
    seq: int = -1
    readings: int = 0
