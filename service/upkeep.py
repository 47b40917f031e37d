"""Beside the path: the telemetry store is kept in order, and once after a start tells the newest values."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from domain.clock import Clock
from domain.ports import Counters, KeptTelemetry, StorageUnavailable, TelemetryFacts
from service.latest import LatestValues
from service.workers import Worker

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 30.0
BETWEEN_STEPS_S: Final = 0.05  # others have their turn at the store
FACTS_EVERY_S: Final = 600.0
RETRY_S: Final = 10.0


class StoreKeeper:
    """Has no part in taking readings: while the store is away, it waits."""

    def __init__(
        self,
        store: KeptTelemetry,
        latest: LatestValues,
        *,
        clock: Clock,
        counters: Counters,
        shared: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`latest` gets what stood before this start, where nothing was said since; from a `shared` store
        also, every now and then, what other workers took in."""
        self._store = store
        self._latest = latest
        self._shared = shared
        self._filled = False
        self._latest_at = float("-inf")
        self._clock = clock
        self._counters = counters
        self._monotonic = monotonic
        self._facts_at = float("-inf")
        self.facts: TelemetryFacts | None = None  # None: not known yet
        self.worker = Worker("store-keeper", self._step)

    @property
    def store(self) -> KeptTelemetry:
        return self._store

    def _step(self) -> None:
        if self.worker.stopping:
            return
        try:
            self._fill_latest()
            self._look_at_facts()
            more = self._store.keep_up(self._clock())
        except StorageUnavailable as error:
            self._counters.add("telemetry_upkeep_failed")
            log.error("telemetry_upkeep_failed", reason=str(error), retry_in_s=RETRY_S)
            self.worker.wait(RETRY_S)
        except Exception:
            # order in the history is not worth a restart of the watch
            self._counters.add("telemetry_upkeep_failed")
            log.exception("telemetry_upkeep_failed")
            self.worker.wait(RETRY_S)
        else:
            self.worker.wait(BETWEEN_STEPS_S if more else LOOK_EVERY_S)

    def _fill_latest(self) -> None:
        if not self._filled:
            self._latest.fill(self._store.latest(self._latest.points))
            self._filled, self._latest_at = True, self._monotonic()
        elif self._shared and self._monotonic() - self._latest_at >= LOOK_EVERY_S:
            self._latest.catch_up(self._store.latest(self._latest.points))
            self._latest_at = self._monotonic()

    def _look_at_facts(self) -> None:
        if self._monotonic() - self._facts_at >= FACTS_EVERY_S:
            self.facts = self._store.facts()
            self._facts_at = self._monotonic()
