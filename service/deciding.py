"""The decision thread: records of the journal become events, incidents, commands, and are recorded.

It owns the detector state, the linkage and the writing records connection. When the records store
is away, decisions wait here in order and the dispatcher lets level 1 through by itself; when the
journal is away, level 1 is decided on a copy of the state from what has not been written yet.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from delivery.dispatcher import Dispatcher
from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Priority
from domain.changes import Changes, OutboxDone
from domain.events import AlarmRaised
from domain.ports import Counters, Journal, Records, StorageUnavailable
from domain.records import ReadingsArrived, Record
from linkage.linkage import Linkage
from service.journalling import Journalled
from service.workers import Worker

log = structlog.get_logger(__name__)

EVENTS_IN_ONE_TRANSACTION = 500
UNRECORDED_EVENTS_AT_MOST = 200_000  # then deciding pauses; the journal goes on
BACKLOG_GROUPS_AT_MOST = 2_000  # between journal and decision
FIRST_RETRY_S, LAST_RETRY_S = 0.05, 1.0
SPECULATE_AFTER_S = 0.2

Publish = Callable[[Record | None, Changes], None]
Unwritten = Callable[[float], tuple[int, Sequence[Record]]]


@dataclass(frozen=True, slots=True)
class Start:
    """The detector state of a checkpoint and the journal number that it is of."""

    seq: int
    state: DetectorState


@dataclass(slots=True)
class _Decided:
    """What was decided up to `seq` and is not recorded yet."""

    seq: int
    changes: Changes


@dataclass(slots=True)
class Progress:
    """How far the thread is; read by status, written by the thread alone."""

    decided_seq: int = 0
    recorded_seq: int = 0
    evaluated_rows: int = 0
    unrecorded_events: int = 0


class Decider:
    """One thread. `hand_over` and `delivered` may be called from any."""

    def __init__(
        self,
        *,
        start: Start,
        linkage: Linkage,
        records: Records,
        dispatcher: Dispatcher,
        counters: Counters,
        publish: Publish,
        unwritten: Unwritten = lambda for_s: (0, []),
        at_rest: Callable[[int, DetectorState], None] = lambda seq, state: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = start.state
        self._linkage = linkage
        self._records = records
        self._dispatcher = dispatcher
        self._applied_seq = records.applied_seq()
        self._counters = counters
        self._publish = publish
        self._unwritten = unwritten
        self._at_rest = at_rest
        self._monotonic = monotonic
        self.progress = Progress(start.seq, self._applied_seq)
        self._inputs: deque[Journalled | OutboxDone] = deque()
        self._arrived = threading.Condition()
        self._pending: deque[_Decided] = deque()
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self._speculation = _Speculation()
        self.worker = Worker("decider", self._step)

    @property
    def limits(self) -> ActiveLimits:
        """Those that the state goes by."""
        return self._state.limits

    def recover(self, journal: Journal) -> None:
        """Decides what the journal holds beyond the start; before the thread runs."""
        for seq, record in journal.read(after=self.progress.decided_seq):
            self.decide(Journalled(seq, record))
            self.record()

    def hand_over(self, journalled: Sequence[Journalled]) -> None:
        """Waits while the backlog is full: the journal thread then stops taking, and the broker keeps."""
        with self._arrived:
            while len(self._inputs) >= BACKLOG_GROUPS_AT_MOST and not self.worker.stopping:
                self._arrived.wait(0.1)
            self._inputs.extend(journalled)
            self._arrived.notify_all()

    def delivered(self, done: OutboxDone) -> None:
        with self._arrived:
            self._inputs.append(done)
            self._arrived.notify_all()

    def decide(self, journalled: Journalled) -> None:
        """Evaluates one record and links its events; what changed waits for the next transaction."""
        record = journalled.record
        self._state, events = evaluate(self._state, record)
        self.progress.decided_seq = journalled.seq
        if isinstance(record, ReadingsArrived):
            self.progress.evaluated_rows += len(record.readings)
        if journalled.seq <= self._applied_seq:
            return  # recorded before the restart
        self._keep(record, self._linkage.decide(record, events))

    def record(self) -> None:
        """Records what is pending, in order, as far as the store takes it."""
        while self._pending and self._monotonic() >= self._retry_at:
            batch = self._next_batch()
            try:
                self._commit(batch)
            except StorageUnavailable as error:
                self._postpone(error)
                return
            if self._retry_s != FIRST_RETRY_S:
                log.info("records_recovered", pending=len(self._pending))
            self._retry_s, self._retry_at = FIRST_RETRY_S, 0.0

    def record_position(self) -> bool:
        """How far the journal is decided, where nothing changed since; whether the store took it.

        Only when nothing is pending."""
        if self.progress.recorded_seq < self.progress.decided_seq:
            try:
                self._records.commit(Changes(), self.progress.decided_seq)
            except StorageUnavailable as error:
                self._counters.add("records_unavailable")
                log.warning("position_not_recorded", reason=str(error))
                return False
            self.progress.recorded_seq = self.progress.decided_seq
        return True

    def _step(self) -> None:
        self._take_in()
        self.record()
        self._speculate()
        if not self._pending:
            self._at_rest(self.progress.decided_seq, self._state)

    def _take_in(self) -> None:
        for item in self._next_inputs():
            match item:
                case Journalled():
                    self.decide(item)
                case OutboxDone():
                    self._keep(None, self._linkage.delivered(item))

    def _next_inputs(self) -> list[Journalled | OutboxDone]:
        with self._arrived:
            if not self._inputs:
                self._arrived.wait(self._patience())
            if self.progress.unrecorded_events >= UNRECORDED_EVENTS_AT_MOST:
                return []
            taken: list[Journalled | OutboxDone] = []
            # few at a time: what was decided is recorded before the next is looked at
            while self._inputs and len(taken) < 50:
                taken.append(self._inputs.popleft())
            self._arrived.notify_all()
            return taken

    def _patience(self) -> float:
        if not self._pending:
            return SPECULATE_AFTER_S / 4
        return min(SPECULATE_AFTER_S / 4, max(0.001, self._retry_at - self._monotonic()))

    def _keep(self, record: Record | None, changes: Changes) -> None:
        if changes:
            self._dispatcher.hold(changes.outbox)
            self._pending.append(_Decided(self.progress.decided_seq, changes))
            self.progress.unrecorded_events += len(changes.events)
        self._publish(record, changes)

    def _next_batch(self) -> list[_Decided]:
        batch: list[_Decided] = []
        events = 0
        for decided in self._pending:
            events += len(decided.changes.events)
            if batch and events > EVENTS_IN_ONE_TRANSACTION:
                break
            batch.append(decided)
        return batch

    def _commit(self, batch: Sequence[_Decided]) -> None:
        together = Changes()
        for decided in batch:
            together.extend(decided.changes)
        self._records.commit(together, batch[-1].seq)
        for _ in batch:
            self._pending.popleft()
        self.progress.recorded_seq = batch[-1].seq
        self.progress.unrecorded_events -= len(together.events)
        self._dispatcher.release(together.outbox)

    def _postpone(self, error: StorageUnavailable) -> None:
        self._counters.add("records_unavailable")
        log.error("records_unavailable", reason=str(error), retry_in_s=self._retry_s)
        self._retry_at = self._monotonic() + self._retry_s
        self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)

    def _speculate(self) -> None:
        """Level 1 from what the journal could not take. Everything durable has been decided first."""
        if self._inputs:
            return
        wait, records = self._unwritten(SPECULATE_AFTER_S)
        for event in self._speculation.events_of(wait, records, self._state):
            commands = self._linkage.commands_for(event)
            if commands:
                log.warning("commanded_before_journalled", event_id=str(event.event_id))
                self._counters.add("commanded_before_journalled", len(commands))
                self._dispatcher.send_unrecorded(commands)


class _Speculation:
    """A copy of the detector state that runs ahead of the journal while that is away."""

    def __init__(self) -> None:
        self._wait = -1
        self._state: DetectorState | None = None
        self._seen = 0

    def events_of(
        self, wait: int, records: Sequence[Record], state: DetectorState
    ) -> list[AlarmRaised]:
        """Level-1 events of the records that were not seen yet in this wait."""
        if not records:
            self._state = None
            return []
        if self._state is None or wait != self._wait:
            self._wait, self._state, self._seen = wait, state.copy(), 0
        found: list[AlarmRaised] = []
        for record in records[self._seen :]:
            self._state, events = evaluate(self._state, record)
            found += [
                event
                for event in events
                if isinstance(event, AlarmRaised) and event.priority is Priority.URGENT
            ]
        self._seen = len(records)
        return found
