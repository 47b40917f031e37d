"""Beside the path: telemetry catches up from the journal, checkpoints are taken, old segments go."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog
from numpy.typing import NDArray

from domain.ports import Counters, ReadableJournal, StaleOwner, StorageUnavailable, Telemetry
from domain.readings import Readings
from domain.records import ReadingsArrived
from service.workers import Worker
from storage.checkpoints import Checkpoint

log = structlog.get_logger(__name__)

ROWS_IN_ONE_TRANSACTION = 50_000
QUIET_RECORDS_AT_MOST = 1_000  # ticks and the like: passed without a transaction, but not for ever
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
FLUSH_WITHIN_S = 5.0  # in the end; what is left then is taken from the journal at the next start
QUIET_CHECKPOINT_S = 30.0
SHORTEN_EVERY_S = 1.0

DETECTORS, INTAKE = "detectors", "intake"  # what has checkpoints


class TelemetryProjection:
    """Writes the journal's readings to the telemetry store, some hundred milliseconds behind."""

    def __init__(
        self,
        *,
        journal: ReadableJournal,
        telemetry: Telemetry,
        every_s: float,
        counters: Counters,
        name: str = "telemetry",
    ) -> None:
        self._journal = journal
        self._telemetry = telemetry
        self._every_s = every_s
        self._counters = counters
        self._retry_s = FIRST_RETRY_S
        self._position: int | None = None  # None: ask the store
        self.applied_seq = 0  # what the store itself says
        self._stored_at = float("-inf")
        self.worker = Worker(name, self._step)

    @property
    def passed_seq(self) -> int:
        """How far it has looked: beyond `applied_seq` there is nothing to store up to here."""
        position = self._position
        return self.applied_seq if position is None else position

    def progressed_within(self, seconds: float) -> bool:
        """Whether the store took something so lately."""
        return time.monotonic() - self._stored_at <= seconds

    def _step(self) -> None:
        give_up_at = time.monotonic() + FLUSH_WITHIN_S
        try:
            while self._write_some():
                if self.worker.stopping and time.monotonic() > give_up_at:
                    break
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
            if rows >= ROWS_IN_ONE_TRANSACTION and seq != position:
                break  # those of one number go together
            position = seq
            if isinstance(record, ReadingsArrived) and len(record.readings):
                parts.append(record.readings)
                rows += len(record.readings)
        if parts or position - self.applied_seq > QUIET_RECORDS_AT_MOST:
            self._telemetry.write(Readings.concat(parts), position)
            self.applied_seq = position
            self._stored_at = time.monotonic()
        self._position = position
        return rows >= ROWS_IN_ONE_TRANSACTION


class CheckpointStore(Protocol):
    """storage.checkpoints.Checkpoints, or the same in the records database."""

    def save(
        self,
        seq: int,
        arrays: Mapping[str, NDArray[Any]],
        meta: Mapping[str, Any] | None = None,
        parts: Mapping[str, bytes] | None = None,
    ) -> None: ...

    def droppable_through(self) -> int: ...


class Checkpointer:
    """Writes offered states in its own thread, the newest of each name, and drops old segments."""

    def __init__(
        self,
        *,
        stores: Mapping[str, CheckpointStore],
        drop_through: Callable[[int], object],
        passed: Callable[[], int],
        every_s: float,
        every_readings: int,
        monotonic: Callable[[], float] = time.monotonic,
        name: str = "checkpoints",
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
        self._asked: dict[str, tuple[float, int]] = {}  # when each was due last, and its readings
        self._shorten_at = 0.0
        self.worker = Worker(name, self._step)

    def due(self, name: str, readings: int) -> bool:
        """Whether to take a snapshot now; `readings` is how many `name` has seen so far. A quiet plant
        is asked seldom: what it could lose is a few seconds of ticks."""
        last_s, last_readings = self._asked.get(name, (float("-inf"), -1))
        waited_s, new = self._monotonic() - last_s, readings - last_readings
        due = (
            waited_s >= QUIET_CHECKPOINT_S
            or (new > 0 and waited_s >= self._every_s)
            or (new >= self._every_readings and waited_s >= 0.1 * self._every_s)
        )
        if due:
            self._asked[name] = (self._monotonic(), readings)
        return due

    def offer(self, name: str, checkpoint: Checkpoint) -> None:
        """Takes the arrays over: the owner gives copies."""
        with self._lock:
            self._offered[name] = checkpoint

    def flush(self) -> None:
        """Writes what is offered. A store that cannot only delays: the journal has it all."""
        with self._lock:
            offered, self._offered = self._offered, {}
        for name, checkpoint in offered.items():
            try:
                self._stores[name].save(
                    checkpoint.seq, checkpoint.arrays, checkpoint.meta, checkpoint.parts
                )
            except (StorageUnavailable, StaleOwner) as error:
                log.error("checkpoint_unavailable", name=name, reason=str(error))

    def _step(self) -> None:
        self.flush()
        if self._monotonic() >= self._shorten_at:
            self._shorten()
            self._shorten_at = self._monotonic() + SHORTEN_EVERY_S
        self.worker.wait(0.2)

    def _shorten(self) -> None:
        """Also when nothing new is offered: a journal at its bound takes nothing until it is shorter."""
        try:
            covered = min(store.droppable_through() for store in self._stores.values())
            self._drop_through(min(covered, self._passed()))
        except StorageUnavailable as error:
            log.error("journal_not_shortened", reason=str(error))
