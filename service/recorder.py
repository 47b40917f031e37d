"""Records what was decided, in order, in a thread of its own: a slow or absent store holds up no decision.

One transaction for up to 500 events. Commands are released to the dispatcher when their transaction is
in; level 1 does not wait for it longer than the dispatcher's fail-open.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from domain.changes import Changes
from domain.paperwork import ApprovalState
from domain.ports import CommandQueue, Counters, Records, StaleOwner, StorageUnavailable
from service.projecting import DETECTORS, Checkpointer
from service.workers import Worker
from storage.checkpoints import Checkpoint

log = structlog.get_logger(__name__)

EVENTS_IN_ONE_TRANSACTION = 500
PENDING_AT_MOST = 200_000  # changes, and KiB of dead letters; then deciding pauses
FIRST_RETRY_S, LAST_RETRY_S = 0.05, 1.0
IDLE_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided up to the journal number `seq`; with a snapshot of the state at that point, the
    checkpoint that may be kept once this is recorded."""

    seq: int
    changes: Changes
    snapshot: Checkpoint | None = None


class Recorder:
    """`keep` from the deciding thread; the worker commits."""

    def __init__(
        self,
        *,
        records: Records,
        dispatcher: CommandQueue,
        checkpointer: Checkpointer,
        counters: Counters,
        monotonic: Callable[[], float] = time.monotonic,
        name: str = "recorder",
    ) -> None:
        self._records = records
        self._dispatcher = dispatcher
        self._checkpointer = checkpointer
        self._counters = counters
        self._monotonic = monotonic
        self._pending: deque[Decided] = deque()
        self._changed = threading.Condition()
        self._weight = 0
        self._snapshots = 0
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self._away_since: float | None = None
        self.recorded_seq = records.applied_seq()
        self.on_site_effective: Callable[[], None] = lambda: None
        self.on_limits_changed: Callable[[], None] = lambda: None
        self.on_stale: Callable[[], None] = lambda: None
        self._stale = False
        self.worker = Worker(name, self._step)

    @property
    def is_full(self) -> bool:
        return self._weight >= PENDING_AT_MOST

    @property
    def pending(self) -> int:
        """Decisions that are not recorded yet."""
        return len(self._pending)

    @property
    def away_s(self) -> float:
        """For how long the store has taken nothing; 0 where it takes."""
        since = self._away_since
        return 0.0 if since is None else self._monotonic() - since

    @property
    def wants_snapshot(self) -> bool:
        """One at a time: while the store is away they would only pile up."""
        return self._snapshots == 0

    def keep(self, decided: Decided) -> None:
        if self._stale:
            return
        with self._changed:
            self._pending.append(decided)
            self._weight += _weight(decided.changes)
            self._snapshots += decided.snapshot is not None
            self._changed.notify()

    def record(self) -> None:
        """Records what is pending as far as the store takes it."""
        while self._pending and self._monotonic() >= self._retry_at:
            batch = self._next_batch()
            try:
                self._commit(batch)
            except StorageUnavailable as error:
                self._postpone(error)
                return
            except StaleOwner as error:
                self._give_up(error)
                return
            self._recorded(batch)

    def _step(self) -> None:
        with self._changed:
            if not self._pending:
                self._changed.wait(IDLE_WAIT_S)
        postponed_s = self._retry_at - self._monotonic()
        if self._pending and postponed_s > 0:
            self.worker.wait(postponed_s)
        self.record()

    def _next_batch(self) -> list[Decided]:
        """Up to 500 events, or up to a snapshot: that is a checkpoint of exactly its own number."""
        batch: list[Decided] = []
        events = 0
        with self._changed:
            for decided in self._pending:
                events += len(decided.changes.events)
                if batch and events > EVENTS_IN_ONE_TRANSACTION:
                    break
                batch.append(decided)
                if decided.snapshot is not None:
                    break
        return batch

    def _commit(self, batch: Sequence[Decided]) -> None:
        together = Changes()
        for decided in batch:
            together.extend(decided.changes)
        try:
            self._records.commit(together, batch[-1].seq)
        except (StorageUnavailable, StaleOwner):
            raise
        except Exception:
            # one of them cannot be recorded at all: the others must not share its fate
            log.exception("records_refused", decisions=len(batch), seq=batch[-1].seq)
            for decided in batch:
                self._commit_alone(decided)

    def _commit_alone(self, decided: Decided) -> None:
        try:
            self._records.commit(decided.changes, decided.seq)
        except (StorageUnavailable, StaleOwner):
            raise
        except Exception:
            # said in full where a person can find it; its commands still go out
            self._counters.add("records_refused")
            log.exception("decision_not_recordable", seq=decided.seq, changes=repr(decided.changes))

    def _recorded(self, batch: Sequence[Decided]) -> None:
        with self._changed:
            for decided in batch:
                self._pending.popleft()
                self._weight -= _weight(decided.changes)
                self._snapshots -= decided.snapshot is not None
        if self._retry_s != FIRST_RETRY_S:
            log.info("records_recovered", pending=len(self._pending))
        self._retry_s, self._retry_at = FIRST_RETRY_S, 0.0
        self._away_since = None
        self.recorded_seq = batch[-1].seq
        for decided in batch:
            self._dispatcher.release(decided.changes.outbox)
        if any(_makes_a_site_effective(decided.changes) for decided in batch):
            self.on_site_effective()
        if any(decided.changes.limit_changes or decided.changes.campaigns for decided in batch):
            self.on_limits_changed()
        if batch[-1].snapshot is not None:
            self._checkpointer.offer(DETECTORS, batch[-1].snapshot)

    def _give_up(self, error: StaleOwner) -> None:
        """Another worker goes on from what is recorded; it decides the rest as we did."""
        self._stale = True
        with self._changed:
            dropped = len(self._pending)
            self._pending.clear()
            self._weight = self._snapshots = 0
        self._counters.add("stale_owner")
        log.warning("stale_owner", reason=str(error), dropped=dropped)
        self.on_stale()

    def _postpone(self, error: StorageUnavailable) -> None:
        self._counters.add("records_unavailable")
        if self._away_since is None:
            self._away_since = self._monotonic()
        log.error("records_unavailable", reason=str(error), retry_in_s=self._retry_s)
        self._retry_at = self._monotonic() + self._retry_s
        self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)


def _makes_a_site_effective(changes: Changes) -> bool:
    return any(each.state is ApprovalState.EFFECTIVE for each in changes.site_versions)


def _weight(changes: Changes) -> int:
    """How much memory they hold, roughly."""
    return (
        len(changes.events)
        + len(changes.incidents)
        + len(changes.alarms)
        + len(changes.commands)
        + len(changes.outbox_done)
        + len(changes.reviews)
        + len(changes.handled)
        + 10 * len(changes.findings)
        + sum(len(version.files) // 1024 for version in changes.site_versions)
        + sum(1 + len(letter.payload or b"") // 1024 for letter in changes.dead_letters)
    )
