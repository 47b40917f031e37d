"""From the inbox to the journal, then the acknowledgement: what is acknowledged is never lost.

While the journal cannot be written nothing is acknowledged. What came in waits here, bounded, and
can be seen by the decider, which then acts from memory for level 1 only (fail-open).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from domain.clock import SECOND_US, Clock
from domain.ports import Counters, Journal, StorageUnavailable
from domain.records import ReadingsArrived, Record, Ticked
from ingest.inbox import Inbox
from ingest.intake import Batch, Intake
from ingest.messages import AckToken
from service.workers import Worker

log = structlog.get_logger(__name__)

TAKE_AT_MOST = 5_000  # messages in one group: at 100 readings each still a short transaction
WAITING_READINGS_AT_MOST = 500_000
FIRST_RETRY_S, LAST_RETRY_S = 0.05, 2.0
SHARE_AT_MOST = 0.8  # of the journal's share of the disk; beyond it the broker keeps what comes
LOOK_AT_SHARE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Journalled:
    """A record that is durable."""

    seq: int
    record: Record


class JournalWriter:
    """Owns the intake. One thread; `unwritten` may be asked from any."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        intake: Intake,
        journal: Journal,
        acknowledge: Callable[[Sequence[AckToken]], None],
        hand_over: Callable[[Sequence[Journalled]], None],
        counters: Counters,
        share_used: Callable[[], float] = lambda: 0.0,
        after_write: Callable[[int, Intake], None] = lambda seq, intake: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._intake = intake
        self._journal = journal
        self._acknowledge = acknowledge
        self._hand_over = hand_over
        self._counters = counters
        self._share_used = share_used
        self._look_at_share_at = 0.0
        self._after_write = after_write
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waiting: list[Batch] = []  # absorbed, not yet durable
        self._waiting_since: float | None = None
        self._generation = 0  # rises when what waited has been written
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self.worker = Worker("intake", self._step)

    def unwritten(self, for_s: float) -> tuple[int, list[Record]]:
        """Records that have waited for the journal longer than `for_s`, with the number of the wait
        they belong to; none while the journal is well."""
        with self._lock:
            since = self._waiting_since
            if since is None or self._monotonic() - since < for_s:
                return self._generation, []
            return self._generation, [record for batch in self._waiting for record in batch.records]

    def _step(self) -> None:
        if self._has_room():
            items = self._inbox.take(TAKE_AT_MOST, self._patience())
            if items:
                self._absorb(self._intake.absorb(items))
        else:
            self.worker.wait(self._patience())
        if self._waiting and self._monotonic() >= self._retry_at:
            self._write()

    def _patience(self) -> float:
        """A new item is taken at once; a failed write is tried again at its time."""
        if not self._waiting:
            return 0.2
        return min(0.2, max(0.001, self._retry_at - self._monotonic()))

    def _has_room(self) -> bool:
        return sum(_readings_in(batch) for batch in self._waiting) < WAITING_READINGS_AT_MOST

    def _absorb(self, batch: Batch) -> None:
        with self._lock:
            self._waiting.append(batch)
            if self._waiting_since is None:
                self._waiting_since = self._monotonic()

    def _write(self) -> None:
        waiting = list(self._waiting)
        records = [record for batch in waiting for record in batch.records]
        try:
            self._expect_room()
            seqs = self._journal.append(records) if records else []
        except StorageUnavailable as error:
            self._postpone(error)
            return
        with self._lock:
            self._waiting = []
            self._waiting_since = None
            self._generation += 1
        if self._retry_s != FIRST_RETRY_S:
            log.info("journal_recovered", records=len(records))
        self._retry_s, self._retry_at = FIRST_RETRY_S, 0.0
        self._hand_over(
            [Journalled(seq, record) for seq, record in zip(seqs, records, strict=True)]
        )
        self._acknowledge([token for batch in waiting for token in batch.tokens])
        if len(seqs):
            self._after_write(seqs[-1], self._intake)

    def _expect_room(self) -> None:
        if self._monotonic() < self._look_at_share_at:
            return
        if self._share_used() >= SHARE_AT_MOST:
            raise StorageUnavailable(
                f"the journal has used {SHARE_AT_MOST:.0%} of its share of the disk: a projection is "
                "behind, or GRIDWARDEN_JOURNAL__SHARE_MIB is too small"
            )
        self._look_at_share_at = self._monotonic() + LOOK_AT_SHARE_EVERY_S

    def _postpone(self, error: StorageUnavailable) -> None:
        self._counters.add("journal_unavailable")
        log.error("journal_unavailable", reason=str(error), retry_in_s=self._retry_s)
        self._retry_at = self._monotonic() + self._retry_s
        self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)


class Ticker:
    """Puts a tick per second of our clock into the inbox, in its place among the messages."""

    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._next_us = 0
        self.worker = Worker("ticker", self._step)

    def _step(self) -> None:
        now_us = self._clock()
        if now_us >= self._next_us or self._next_us - now_us > 2 * SECOND_US:
            self._inbox.put([Ticked(at_us=now_us)])
            self._next_us = (now_us // SECOND_US + 1) * SECOND_US
        self.worker.wait(max(0.001, (self._next_us - now_us) / SECOND_US))


def _readings_in(batch: Batch) -> int:
    return sum(
        len(record.readings) if isinstance(record, ReadingsArrived) else 1
        for record in batch.records
    )
