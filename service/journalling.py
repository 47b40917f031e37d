"""From the inbox to the journal, then the acknowledgement: what is acknowledged is never lost.

Two threads: one absorbs messages, the other writes what was absorbed and waits for the disk. While the
journal fails or hangs nothing is acknowledged; what came in waits here, bounded, and can be seen by the
decider, which then acts from memory for level 1 only (fail-open).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from domain.clock import SECOND_US, Clock
from domain.ports import Counters, Journal, StorageUnavailable
from domain.records import DeadLetter, ReadingsArrived, Record, Ticked
from ingest.inbox import Inbox
from ingest.intake import Batch, Intake
from ingest.messages import AckToken
from service.projecting import INTAKE, Checkpointer
from service.workers import Worker
from storage.checkpoints import Checkpoint

log = structlog.get_logger(__name__)

MESSAGES_IN_ONE_GROUP = 1_000
WAITING_AT_MOST = 500_000  # readings, and KiB of dead letters
FIRST_RETRY_S, LAST_RETRY_S = 0.05, 2.0
SHARE_AT_MOST = 0.8  # of the journal's share of the disk; beyond it the broker keeps what comes
LOOK_AT_SHARE_EVERY_S = 1.0
IDLE_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Journalled:
    """A record that is durable."""

    seq: int
    record: Record
    closes: bool = True  # the last of those that bear this number
    intake: Checkpoint | None = None  # of the intake right after it, where a checkpoint is due


@dataclass(frozen=True, slots=True)
class _Absorbed:
    """A batch that is not durable yet."""

    batch: Batch
    since: float
    weight: int
    snapshot: Checkpoint | None  # of the intake right after it, without its number


class JournalWriter:
    """Owns the intake. `unwritten` may be asked from any thread."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        intake: Intake,
        journal: Journal,
        acknowledge: Callable[[Sequence[AckToken]], None],
        hand_over: Callable[[Sequence[Journalled]], None],
        checkpointer: Checkpointer,
        counters: Counters,
        share_used: Callable[[], float] = lambda: 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._intake = intake
        self._journal = journal
        self._acknowledge = acknowledge
        self._hand_over = hand_over
        self._checkpointer = checkpointer
        self._counters = counters
        self._share_used = share_used
        self._monotonic = monotonic
        self._waiting: list[_Absorbed] = []
        self._changed = threading.Condition()
        self._absorbed_readings = 0
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self._look_at_share_at = 0.0
        self._away_since: float | None = None
        self.absorbing = Worker("intake", self._absorb)
        self.writing = Worker("journal", self._write)

    @property
    def away_s(self) -> float:
        """For how long the journal has taken nothing; 0 where it takes."""
        since = self._away_since
        return 0.0 if since is None else self._monotonic() - since

    def unwritten(self, for_s: float) -> list[Record]:
        """What waits for the journal, in order, once the first of it has waited longer than `for_s`."""
        with self._changed:
            if not self._waiting or self._monotonic() - self._waiting[0].since < for_s:
                return []
            return [record for absorbed in self._waiting for record in absorbed.batch.records]

    def _absorb(self) -> None:
        if sum(absorbed.weight for absorbed in self._waiting) >= WAITING_AT_MOST:
            self.absorbing.wait(IDLE_WAIT_S)  # the inbox fills, then the source stops reading
            return
        items = self._inbox.take(MESSAGES_IN_ONE_GROUP, IDLE_WAIT_S)
        if not items:
            return
        batch = self._intake.absorb(items)
        self._absorbed_readings += _readings_in(batch)
        absorbed = _Absorbed(batch, self._monotonic(), _weight(batch), self._snapshot_if_due())
        with self._changed:
            self._waiting.append(absorbed)
            self._changed.notify()

    def _snapshot_if_due(self) -> Checkpoint | None:
        if not self._checkpointer.due(INTAKE, self._absorbed_readings):
            return None
        copies = {name: array.copy() for name, array in self._intake.arrays().items()}
        return Checkpoint(seq=0, arrays=copies, meta=self._intake.meta())

    def _write(self) -> None:
        waiting = self._next_waiting()
        if not waiting:
            return
        records = [record for absorbed in waiting for record in absorbed.batch.records]
        try:
            self._expect_room()
            seqs = self._journal.append(records) if records else []
        except StorageUnavailable as error:
            self._postpone(error)
            return
        self._written(waiting)
        # durable, so it may be acknowledged, whatever becomes of it further on
        self._acknowledge([token for absorbed in waiting for token in absorbed.batch.tokens])
        self._hand_over(
            [Journalled(seq, record) for seq, record in zip(seqs, records, strict=True)]
        )
        self._offer_snapshot(waiting, seqs)

    def _next_waiting(self) -> list[_Absorbed]:
        with self._changed:
            if not self._waiting:
                self._changed.wait(IDLE_WAIT_S)
            waiting = list(self._waiting)
        postponed_s = self._retry_at - self._monotonic()
        if waiting and postponed_s > 0:
            self.writing.wait(postponed_s)
            return []
        return waiting

    def _written(self, waiting: Sequence[_Absorbed]) -> None:
        with self._changed:
            del self._waiting[: len(waiting)]
        if self._retry_s != FIRST_RETRY_S:
            log.info("journal_recovered", batches=len(waiting))
        self._retry_s, self._retry_at = FIRST_RETRY_S, 0.0
        self._away_since = None

    def _offer_snapshot(self, waiting: Sequence[_Absorbed], seqs: Sequence[int]) -> None:
        """The newest snapshot among them, under the number of the last record that it knows."""
        written = 0
        for absorbed in waiting:
            written += len(absorbed.batch.records)
            if absorbed.snapshot is not None and written:
                self._checkpointer.offer(INTAKE, replace(absorbed.snapshot, seq=seqs[written - 1]))

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
        if self._away_since is None:
            self._away_since = self._monotonic()
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
        len(record.readings) for record in batch.records if isinstance(record, ReadingsArrived)
    )


def _weight(batch: Batch) -> int:
    """How much memory it holds, roughly: a reading, or a KiB of a dead letter, counts one."""
    letters = sum(
        1 + len(record.payload or b"") // 1024
        for record in batch.records
        if isinstance(record, DeadLetter)
    )
    return _readings_in(batch) + letters + len(batch.records)
