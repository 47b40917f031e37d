"""One partition of the topic in this worker: absorbed, decided, recorded and stored under one owner epoch.

The threads are those of a core that has its journal on disk, with the topic in the journal's place: a message
is durable before we see it, so nothing is acknowledged and nothing waits for a sync of ours.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from detectors.evaluate import DetectorState, UnreadableCheckpoint, evaluate
from domain.assets import ActiveLimits
from domain.changes import OutboxDone
from domain.commands import DeviceCommand, OutboxItem
from domain.ports import CommandQueue, Counters, Records, Telemetry
from domain.records import LimitsActivated, Record
from ingest.intake import UnreadableIntake
from ingest.kafka import Fetched, Reader
from ingest.partition_intake import PartitionIntake
from linkage.linkage import Linkage
from service.deciding import Decider, Publish, Start
from service.journalling import Journalled
from service.partition_journal import KEPT_READINGS, Group, PartitionJournal
from service.projecting import DETECTORS, Checkpointer, TelemetryProjection
from service.recorder import Recorder
from service.snapshots import apart, together
from service.workers import Worker
from storage.checkpoints import Checkpoint
from storage.checkpoints_sql import SqlCheckpoints

log = structlog.get_logger(__name__)

MESSAGES_IN_ONE_GROUP: Final = 500
_BYTES_QUEUED_AT_MOST: Final = 32 * 2**20
_IDLE_WAIT_S: Final = 0.2
_GETS_ON_S: Final = 2.0
_COMMANDS_REMEMBERED: Final = 50_000

Tell = Callable[[OutboxDone], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    checkpoint_every_s: float
    checkpoint_every_readings: int
    telemetry_every_s: float
    queued_messages: int


class SharedDispatcher:
    """One way to the field for all partitions of a worker: what became of a command is told to the partition
    that issued it."""

    def __init__(self, queue: CommandQueue) -> None:
        self._queue = queue
        self._issued_by: OrderedDict[UUID, Tell] = OrderedDict()
        self._lock = threading.Lock()

    def done(self, done: OutboxDone) -> None:
        with self._lock:
            tell = self._issued_by.pop(done.outbox_id, None)
        if tell is not None:
            tell(done)

    def to(self, items: Iterable[OutboxItem], tell: Tell) -> CommandQueue:
        """The queue, for items of which `tell` will hear."""
        with self._lock:
            for item in items:
                self._issued_by[item.outbox_id] = tell
                self._issued_by.move_to_end(item.outbox_id)
            while len(self._issued_by) > _COMMANDS_REMEMBERED:
                self._issued_by.popitem(last=False)
        return self._queue


class PartitionCommands:
    """Implements domain.ports.CommandQueue for one partition."""

    def __init__(self, shared: SharedDispatcher, tell: Tell) -> None:
        self._shared = shared
        self._tell = tell

    def hold(self, items: Iterable[OutboxItem]) -> None:
        items = list(items)
        self._shared.to(items, self._tell).hold(items)

    def release(self, items: Iterable[OutboxItem]) -> None:
        items = list(items)
        self._shared.to(items, self._tell).release(items)

    def send_unrecorded(self, commands: Iterable[DeviceCommand]) -> None:
        commands = list(commands)
        self._shared.to(map(OutboxItem.of, commands), self._tell).send_unrecorded(commands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What one partition reads and writes, all under its owner epoch."""

    records: Records
    checkpoints: SqlCheckpoints
    telemetry: Telemetry


class PartitionPath:
    """`start`, `feed`, `stop`. What it may not write any more (`on_stale`) it keeps to itself."""

    def __init__(
        self,
        partition: int,
        epoch: int,
        *,
        stores: Stores,
        linkage: Linkage,
        commands: SharedDispatcher,
        fresh_intake: Callable[[], PartitionIntake],
        reading_back: Callable[[int], Reader],
        counters: Counters,
        publish: Publish,
        settings: PathSettings,
        unwritten: Callable[[float], Sequence[Record]],
        first_limits: ActiveLimits,
        on_stale: Callable[[int], None],
    ) -> None:
        """Recovers the newest state that what is recorded covers; the topic is read on from `next_offset`.
        `first_limits` hold from the partition's first message on, where nobody ever read it."""
        self.partition = partition
        self.epoch = epoch
        self._stale_since: float | None = None
        self.learned = 0  # paper changes up to this number are known here
        self.limits_asked: ActiveLimits | None = (
            None  # written into the topic, perhaps not back yet
        )
        self.limits_asked_at = float("-inf")
        self._settings = settings
        self._queued: deque[Sequence[Fetched]] = deque()
        self._queued_messages = self._queued_bytes = 0
        self._arrived = threading.Condition()
        self._absorbed_rows = 0
        self._commands = PartitionCommands(commands, lambda done: self.decider.delivered(done))
        self.checkpointer = Checkpointer(
            stores={DETECTORS: stores.checkpoints},
            drop_through=lambda seq: None,  # the topic keeps for as long as it is set to
            passed=lambda: 0,
            every_s=settings.checkpoint_every_s,
            every_readings=settings.checkpoint_every_readings,
            name=f"checkpoints:{partition}",
        )
        self.recorder = Recorder(
            records=stores.records,
            dispatcher=self._commands,
            checkpointer=self.checkpointer,
            counters=counters,
            name=f"recorder:{partition}",
        )
        self.recorder.on_stale = lambda: self._become_stale(on_stale)
        self._intake = fresh_intake()
        start = self._recovered(stores.checkpoints) or self._begun(stores.checkpoints, first_limits)
        self.decider = Decider(
            start=start,
            linkage=linkage,
            recorder=self.recorder,
            dispatcher=self._commands,
            checkpointer=self.checkpointer,
            counters=counters,
            publish=publish,
            unwritten=unwritten,
            name=f"decider:{partition}",
            takes_snapshots=False,
        )
        self.journal = PartitionJournal(
            partition,
            start.seq,
            reading_back=reading_back,
            fresh_intake=fresh_intake,
            checkpoints=stores.checkpoints.newest_first,
            counters=counters,
        )
        self.telemetry = TelemetryProjection(
            journal=self.journal,
            telemetry=stores.telemetry,
            every_s=settings.telemetry_every_s,
            counters=counters,
            name=f"telemetry:{partition}",
        )
        self.next_offset = start.seq
        self.absorbing = Worker(f"intake:{partition}", self._absorb)

    @property
    def stale(self) -> bool:
        """Another worker has claimed the partition."""
        return self._stale_since is not None

    @property
    def stale_for_s(self) -> float:
        since = self._stale_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def newest_seq(self) -> int:
        return self.journal.last_seq

    @property
    def passed_seq(self) -> int:
        """What neither the records nor the telemetry store need again."""
        recorded = self.recorder.recorded_seq if self.recorder.pending else self.decider.decided_seq
        return min(recorded, self.telemetry.passed_seq)

    @property
    def is_full(self) -> bool:
        """Also where telemetry is behind and gets on: what it must read back costs more than waiting. A store
        that hangs or is gone holds up nobody."""
        return (
            self._queued_messages >= self._settings.queued_messages
            or self._queued_bytes >= _BYTES_QUEUED_AT_MOST
            or (
                self.telemetry.progressed_within(_GETS_ON_S)
                and self.journal.rows_after(self.telemetry.applied_seq) > KEPT_READINGS // 2
            )
        )

    @property
    def queued(self) -> int:
        return self._queued_messages

    def start(self, unsent: Sequence[OutboxItem]) -> None:
        """`unsent` was recorded by whoever owned the partition before, and perhaps not sent."""
        self._commands.release(unsent)
        for worker in self.workers():
            worker.start()

    def workers(self) -> list[Worker]:
        return [
            self.absorbing,
            self.decider.worker,
            self.recorder.worker,
            self.telemetry.worker,
            self.checkpointer.worker,
        ]

    def stop(self) -> None:
        """What was fed is decided and recorded, unless it is another's by now."""
        for worker in self.workers():
            worker.stop()
        self.journal.close()

    def feed(self, messages: Sequence[Fetched]) -> None:
        """Never waits; who feeds looks at `is_full`."""
        if self.stale:
            return
        with self._arrived:
            self._queued.append(messages)
            self._queued_messages += len(messages)
            self._queued_bytes += _size(messages)
            self.next_offset = messages[-1].offset + 1
            self._arrived.notify()

    def _absorb(self) -> None:
        with self._arrived:
            if not self._queued:
                self._arrived.wait(_IDLE_WAIT_S)
            if not self._queued:
                return
            messages = self._queued.popleft()
            if len(messages) > MESSAGES_IN_ONE_GROUP:
                self._queued.appendleft(messages[MESSAGES_IN_ONE_GROUP:])
                messages = messages[:MESSAGES_IN_ONE_GROUP]
        for group in self._not_across_what_is_recorded(messages):
            self._hand_over(group)
        with self._arrived:
            self._queued_messages -= len(messages)
            self._queued_bytes -= _size(messages)

    def _not_across_what_is_recorded(
        self, messages: Sequence[Fetched]
    ) -> Iterator[Sequence[Fetched]]:
        """A group is linked whole or not at all."""
        recorded = sum(each.offset < self._recorded_before for each in messages)
        for part in (messages[:recorded], messages[recorded:]):
            if part:
                yield part

    def _hand_over(self, messages: Sequence[Fetched]) -> None:
        records = self._intake.absorb(messages)
        group = Group.of(messages, records)
        self._absorbed_rows += group.rows
        intake = self._snapshot_if_due(group.seq)
        self.journal.add(group, messages[-1].at_us)
        last = len(group.records) - 1
        self.decider.hand_over(
            [
                Journalled(group.seq, record, place == last, intake if place == last else None)
                for place, record in enumerate(group.records)
            ]
        )

    def _snapshot_if_due(self, seq: int) -> Checkpoint | None:
        due = self.checkpointer.due(DETECTORS, self._absorbed_rows)
        if not (due and self.recorder.wants_snapshot):
            return None
        arrays, meta = self._intake.snapshot()
        return Checkpoint(seq=seq, arrays=arrays, meta=meta)

    def _recovered(self, checkpoints: SqlCheckpoints) -> Start | None:
        """The newest state that can be read at or before what is recorded, of both folds."""
        self._recorded_before = self.recorder.recorded_seq
        for checkpoint in checkpoints.newest_first():
            if checkpoint.seq > self._recorded_before:
                continue
            detectors, intake = apart(checkpoint)
            try:
                state = DetectorState.restore(detectors.arrays, detectors.meta, detectors.parts)
                self._intake.restore(intake.arrays, intake.meta)
            except (UnreadableCheckpoint, UnreadableIntake) as error:
                log.error("checkpoint_unreadable", seq=checkpoint.seq, reason=str(error))
                continue
            self._intake.activate(state.limits)
            return Start(checkpoint.seq, state)
        return None

    def _begun(self, checkpoints: SqlCheckpoints, limits: ActiveLimits) -> Start:
        """Before the first message. It is kept, so that another owner begins from the same limits."""
        state, _ = evaluate(DetectorState.initial(), LimitsActivated(at_us=0, limits=limits))
        self._intake.activate(limits)
        arrays, meta = self._intake.snapshot()
        begun = Checkpoint(seq=0, arrays=state.arrays(), meta=state.meta(), parts=state.parts())
        joint = together(begun, Checkpoint(seq=0, arrays=arrays, meta=meta))
        checkpoints.save(joint.seq, joint.arrays, joint.meta, joint.parts)
        return Start(0, state)

    def _become_stale(self, told: Callable[[int], None]) -> None:
        self._stale_since = time.monotonic()
        told(self.partition)


def _size(messages: Sequence[Fetched]) -> int:
    return sum(len(each.value) for each in messages)
