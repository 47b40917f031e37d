"""Beside the path: what is older than its class is kept goes from the records, a little at a time."""

from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy import Engine

from domain.clock import MINUTE_US, Clock
from domain.ports import Counters, StorageUnavailable
from service.evidence_keeping import EvidenceKeeper
from service.settings import KeepSettings
from service.workers import Worker
from storage.retention import Kept, delete_some

log = structlog.get_logger(__name__)

FIRST_AFTER_S: Final = 60.0  # a start has other things to do
LOOK_EVERY_S: Final = 3_600.0
BETWEEN_STEPS_S: Final = 0.2  # decisions have their turn at the records
RETRY_S: Final = 60.0
_DAY_US: Final = 24 * 60 * MINUTE_US


class Janitor:
    """Has no part in deciding: while the records are away, it waits."""

    def __init__(
        self,
        engine: Engine,
        settings: KeepSettings,
        *,
        clock: Clock,
        counters: Counters,
        evidence: EvidenceKeeper | None = None,
    ) -> None:
        self._engine = engine
        self._days: Mapping[Kept, int] = {
            Kept.INCIDENTS: settings.incidents_days,
            Kept.AUDIT: settings.audit_days,
            Kept.DEAD_LETTERS: settings.dead_letters_days,
            Kept.LEAVE_REASONS: settings.leave_reasons_days,
        }
        self._evidence = evidence
        self._clock = clock
        self._counters = counters
        self._wait_s = FIRST_AFTER_S
        self.worker = Worker("janitor", self._step)

    def sweep(self) -> int:
        """One small transaction for each class; how many rows went. Raises StorageUnavailable."""
        now_us, total = self._clock(), 0
        for kept, days in self._days.items():
            gone = delete_some(self._engine, kept, now_us - days * _DAY_US)
            if gone:
                self._counters.add("kept_long_enough", gone, kept=kept.value)
                log.info("kept_long_enough", kept=kept.value, rows=gone, days=days)
            total += gone
        return total + self._sweep_evidence()

    def _sweep_evidence(self) -> int:
        gone = self._evidence.sweep() if self._evidence else 0
        if gone:
            self._counters.add("kept_long_enough", gone, kept="evidence")
            log.info("kept_long_enough", kept="evidence", files=gone)
        return gone

    def _step(self) -> None:
        self.worker.wait(self._wait_s)
        if self.worker.stopping:
            return
        try:
            self._wait_s = BETWEEN_STEPS_S if self.sweep() else LOOK_EVERY_S
        except StorageUnavailable as error:
            log.warning("janitor_waits", reason=str(error), retry_in_s=RETRY_S)
            self._wait_s = RETRY_S
        except Exception:
            # nobody is harmed by a row that stays, but by a core that ends for it
            self._counters.add("janitor_failed")
            log.exception("janitor_failed")
            self._wait_s = LOOK_EVERY_S
