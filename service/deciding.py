"""The decision thread: records of the journal become events, incidents and commands.

It owns the detector state and the linkage and never waits for a store. When the journal is away, or the
records have been away for so long that deciding pauses, level 1 is decided on a copy of the state from what
could not be decided in order.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Priority
from domain.changes import Changes, OutboxDone
from domain.events import AlarmRaised
from domain.ports import CommandQueue, Counters, Journal, StorageUnavailable
from domain.records import ReadingsArrived, Record
from linkage.linkage import Linkage
from linkage.responsibility import Responsibility
from service.journalling import Journalled
from service.projecting import DETECTORS, Checkpointer
from service.recorder import Decided, Recorder
from service.snapshots import together
from service.workers import Worker
from storage.checkpoints import Checkpoint

log = structlog.get_logger(__name__)

BACKLOG_AT_MOST = 2_000  # records between journal and decision
DECIDED_AT_ONCE = 50
SPECULATE_AFTER_S = 0.2

Publish = Callable[[Record | None, Changes], None]
Unwritten = Callable[[float], Sequence[Record]]


@dataclass(frozen=True, slots=True)
class Start:
    """The detector state of a checkpoint and the journal number that it is of."""

    seq: int
    state: DetectorState


class Decider:
    """One thread. `hand_over` and `delivered` may be called from any."""

    def __init__(
        self,
        *,
        start: Start,
        linkage: Linkage,
        recorder: Recorder,
        dispatcher: CommandQueue,
        checkpointer: Checkpointer,
        counters: Counters,
        publish: Publish,
        unwritten: Unwritten = lambda for_s: (),
        name: str = "decider",
        takes_snapshots: bool = True,
    ) -> None:
        """Without `takes_snapshots` a checkpoint is made where a record brings the intake's."""
        self._state = start.state
        self._linkage = linkage
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._checkpointer = checkpointer
        self._counters = counters
        self._publish = publish
        self._unwritten = unwritten
        self._recorded_before = recorder.recorded_seq  # in the life before this one
        self._inputs: deque[Journalled | OutboxDone] = deque()
        self._arrived = threading.Condition()
        self._speculation = _Speculation()
        self.decided_seq = start.seq
        self.evaluated_rows = 0
        self._takes_snapshots = takes_snapshots
        self._joined = Changes()  # of records whose number another one still bears
        self.worker = Worker(name, self._step)

    @property
    def responsibility(self) -> Responsibility:
        """With everything that was arranged. For reading, from another thread too."""
        return self._linkage.responsibility

    @property
    def limits(self) -> ActiveLimits:
        """Those that the state goes by."""
        return self._state.limits

    def recover(self, journal: Journal) -> None:
        """Decides what the journal holds beyond the start; before the threads run."""
        for number, (seq, record) in enumerate(journal.read(after=self.decided_seq), start=1):
            self._decide(Journalled(seq, record))
            if number % DECIDED_AT_ONCE == 0:
                self._recorder.record()
            if self._recorder.is_full:
                raise StorageUnavailable("the records take nothing, and too much waits for them")
        self._recorder.record()

    def hand_over(self, journalled: Sequence[Journalled]) -> None:
        """Waits while the backlog is full: then the journal waits, and the broker keeps."""
        with self._arrived:
            while len(self._inputs) >= BACKLOG_AT_MOST and not self.worker.stopping:
                self._arrived.wait(0.1)
            self._inputs.extend(journalled)
            self._arrived.notify_all()

    def delivered(self, done: OutboxDone) -> None:
        with self._arrived:
            self._inputs.append(done)
            self._arrived.notify_all()

    def _step(self) -> None:
        self._decide_some()
        while self.worker.stopping and self._inputs and not self._recorder.is_full:
            self._decide_some()

    def _decide_some(self) -> None:
        taken = self._next_inputs()
        for item in taken:
            match item:
                case Journalled():
                    self._decide(item)
                case OutboxDone():
                    self._keep(None, self._linkage.delivered(item))
        if taken:
            self._speculation.forget()  # the state itself has moved on
            if self._takes_snapshots:
                self._snapshot_if_due()
        else:
            self._speculate()

    def _next_inputs(self) -> list[Journalled | OutboxDone]:
        """A few at a time; none while the records are too far behind."""
        with self._arrived:
            if self._recorder.is_full:
                self._counters.add("deciding_paused")
                self._arrived.wait(SPECULATE_AFTER_S)
                return []
            if not self._inputs:
                self._arrived.wait(SPECULATE_AFTER_S / 4)
            some = range(min(DECIDED_AT_ONCE, len(self._inputs)))
            taken = [self._inputs.popleft() for _ in some]
            self._arrived.notify_all()
            return taken

    def _decide(self, journalled: Journalled) -> None:
        """Evaluates one record and links its events; what changed goes to the recorder."""
        record = journalled.record
        self._state, events = evaluate(self._state, record)
        if isinstance(record, ReadingsArrived):
            self.evaluated_rows += len(record.readings)
        changes = Changes()
        if journalled.seq > self._recorded_before:
            changes = self._linkage.decide(record, events, self._state)
        else:
            self._linkage.recollect(record, self._state.value_of)
        if not journalled.closes:
            self._dispatcher.hold(changes.outbox)
            self._publish(record, changes)
            self._joined.extend(changes)
            return
        self.decided_seq = journalled.seq
        if journalled.seq > self._recorded_before:
            self._keep(record, changes, self._joined)
            self._joined = Changes()
        if journalled.intake is not None:
            self._keep_snapshot(journalled.intake)

    def _keep(self, record: Record | None, changes: Changes, joined: Changes | None = None) -> None:
        """With what earlier records of the same number changed: recorded together, or not at all."""
        self._dispatcher.hold(changes.outbox)
        self._publish(record, changes)  # it may add what leaves the house with them
        if changes or joined:
            all_of_them = joined or Changes()
            all_of_them.extend(changes)
            self._recorder.keep(Decided(self.decided_seq, all_of_them))

    def _snapshot_if_due(self) -> None:
        if self._recorder.wants_snapshot and self._checkpointer.due(DETECTORS, self.evaluated_rows):
            self._keep_snapshot(None)

    def _keep_snapshot(self, intake: Checkpoint | None) -> None:
        snapshot = Checkpoint(
            seq=self.decided_seq,
            arrays=self._state.arrays(),
            meta=self._state.meta(),
            parts=self._state.parts(),
        )
        joint = snapshot if intake is None else together(snapshot, intake)
        self._recorder.keep(Decided(self.decided_seq, Changes(), joint))

    def _speculate(self) -> None:
        """Level 1 from what cannot be decided in order: the journal has not taken it, or we pause."""
        undecided = [*self._paused_inputs(), *self._unwritten(SPECULATE_AFTER_S)]
        for event in self._speculation.urgent_events_of(undecided, self._state):
            commands = self._linkage.commands_for(event)
            if commands:
                log.warning("commanded_before_decided", event_id=str(event.event_id))
                self._counters.add("commanded_before_decided", len(commands))
                self._dispatcher.send_unrecorded(commands)

    def _paused_inputs(self) -> list[Record]:
        with self._arrived:
            inputs = list(self._inputs) if self._recorder.is_full else []
        return [item.record for item in inputs if isinstance(item, Journalled)]


class _Speculation:
    """A copy of the detector state that runs ahead of what can be decided in order."""

    def __init__(self) -> None:
        self._state: DetectorState | None = None
        self._seen: dict[int, Record] = {}  # by identity; keeps them, so that none is another's

    def forget(self) -> None:
        self._state = None
        self._seen = {}

    def urgent_events_of(
        self, records: Iterable[Record], state: DetectorState
    ) -> list[AlarmRaised]:
        """Level-1 events of those records that were not seen before."""
        found: list[AlarmRaised] = []
        records = list(records)
        for record in records:
            if id(record) in self._seen:
                continue
            self._seen[id(record)] = record
            self._state, events = evaluate(self._state or state.copy(), record)
            found += [
                event
                for event in events
                if isinstance(event, AlarmRaised) and event.priority is Priority.URGENT
            ]
        return found
