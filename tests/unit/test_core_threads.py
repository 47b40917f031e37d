"""Stores that hang or refuse hold up no decision of level 1, and memory stays bounded."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from delivery.dispatcher import Dispatcher
from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Condition, Limit, Point, Priority
from domain.changes import Changes, OutboxDone
from domain.commands import DeviceCommand
from domain.ids import PointKey, SourceId
from domain.incidents import Incident
from domain.ports import StorageUnavailable
from domain.readings import Readings
from domain.records import DeadLetter, LimitsActivated, ReadingsArrived, Record, Ticked
from ingest.inbox import Inbox
from ingest.intake import Intake
from linkage.linkage import Linkage
from service import recorder as recorder_module
from service.counting import Counted
from service.deciding import Decider, Start
from service.journalling import Journalled, JournalWriter
from service.projecting import Checkpointer
from service.recorder import Decided, Recorder
from tests.support.alarms import PLAN, TEN_US, TRANSFORMER, URGENT_SOUNDS, alarm, plan_with
from tests.support.listening import eventually
from tests.support.memory_journal import MemoryJournal

SOURCE = SourceId("field")
POINT = Point(
    number=1,
    key=PointKey("LY/1T/top_oil_temp"),
    asset_id=TRANSFORMER.asset_id,
    source_id=SOURCE,
    signal="油温",
    unit="degC",
    limits=(Limit(condition=Condition.HIGH, value=85.0, priority=Priority.URGENT),),
)
LIMITS = ActiveLimits(site=PLAN.site, version=1, points=(POINT,))


class SlowRecords:
    """Records whose commit waits until it is let go, or refuses, as told."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.refuse: Callable[[Changes], Exception | None] = lambda changes: None
        self.committed: list[tuple[Changes, int]] = []

    def applied_seq(self) -> int:
        return 0

    def commit(self, changes: Changes, applied_seq: int) -> None:
        self.go_on.wait(10)
        error = self.refuse(changes)
        if error is not None:
            raise error
        self.committed.append((changes, applied_seq))

    def open_incidents(self) -> Sequence[Incident]:
        return []

    def open_commands(self) -> Sequence[DeviceCommand]:
        return []


class Siren:
    """A way to the field that always stands."""

    def __init__(self) -> None:
        self.sent: list[DeviceCommand] = []

    def send(self, command: DeviceCommand) -> bool:
        self.sent.append(command)
        return True


class Watch:
    """Recorder, decider and dispatcher as core wires them, over a siren and slow records."""

    def __init__(self) -> None:
        self.siren, self.records, self.counters = Siren(), SlowRecords(), Counted()
        self.waiting: list[Record] = []
        no_checkpoints = Checkpointer(
            stores={}, drop_through=int, passed=int, every_s=1e9, every_readings=10**9
        )
        self.dispatcher = Dispatcher(
            self.siren, self.delivered, self.counters, lambda: TEN_US, fail_open_after_us=20_000
        )
        self.recorder = Recorder(
            records=self.records,
            dispatcher=self.dispatcher,
            checkpointer=no_checkpoints,
            counters=self.counters,
        )
        state, _ = evaluate(DetectorState.initial(), LimitsActivated(at_us=TEN_US, limits=LIMITS))
        self.decider = Decider(
            start=Start(0, state),
            linkage=Linkage(plan_with(URGENT_SOUNDS)),
            recorder=self.recorder,
            dispatcher=self.dispatcher,
            checkpointer=no_checkpoints,
            counters=self.counters,
            publish=lambda record, changes: None,
            unwritten=lambda for_s: self.waiting,
        )

    def delivered(self, done: OutboxDone) -> None:
        self.decider.delivered(done)

    @contextmanager
    def on(self) -> Iterator[None]:
        self.dispatcher.start()
        self.recorder.worker.start()
        self.decider.worker.start()
        try:
            yield
        finally:
            self.records.go_on.set()
            self.decider.worker.stop()
            self.recorder.worker.stop()
            self.dispatcher.stop()


def reading(value: float, second: int) -> ReadingsArrived:
    at_us = TEN_US + second * 1_000_000
    return ReadingsArrived(
        at_us=at_us,
        source_id=SOURCE,
        readings=Readings.from_rows([(1, at_us, at_us, value, 0, 0)]),
    )


def test_level_1_is_commanded_again_and_again_while_a_commit_hangs() -> None:
    watch = Watch()
    with watch.on():
        for seq, value in enumerate([95.0, 50.0, 95.0, 50.0, 95.0], start=1):
            watch.decider.hand_over([Journalled(seq, reading(value, seq))])
        assert eventually(lambda: len(watch.siren.sent) == 3)
        assert watch.records.committed == []
    assert watch.recorder.recorded_seq == 5


def test_level_1_is_commanded_from_what_the_journal_has_not_taken() -> None:
    watch = Watch()
    watch.records.go_on.set()
    with watch.on():
        watch.waiting = [reading(95.0, 1)]
        assert eventually(lambda: len(watch.siren.sent) == 1)
        watch.waiting = [*watch.waiting, reading(50.0, 2), reading(96.0, 3)]
        assert eventually(lambda: len(watch.siren.sent) == 2)
        late, watch.waiting = watch.waiting, []
        watch.decider.hand_over(
            [Journalled(seq, record) for seq, record in enumerate(late, start=1)]
        )
        assert eventually(lambda: watch.recorder.recorded_seq == 3)
    assert len(watch.siren.sent) == 2  # decided for real, and not sent again
    outcomes = [
        done.outcome for changes, _ in watch.records.committed for done in changes.outbox_done
    ]
    assert set(outcomes) == {"sent_before_recorded"}


def test_deciding_pauses_when_too_much_is_unrecorded_and_level_1_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_module, "PENDING_AT_MOST", 3)
    watch = Watch()
    with watch.on():
        for seq, value in enumerate([95.0, 50.0, 95.0], start=1):
            watch.decider.hand_over([Journalled(seq, reading(value, seq))])
        assert eventually(lambda: watch.recorder.is_full)
        decided = watch.decider.decided_seq
        watch.decider.hand_over([Journalled(4, reading(50.0, 4)), Journalled(5, reading(97.0, 5))])
        assert eventually(lambda: len(watch.siren.sent) == 3)
        assert watch.decider.decided_seq == decided
        watch.records.go_on.set()
        assert eventually(lambda: watch.recorder.recorded_seq == 5)
    assert len(watch.siren.sent) == 3


def test_one_decision_that_cannot_be_recorded_takes_no_other_with_it() -> None:
    watch = Watch()
    bad, good = alarm(point="bad"), alarm(point="good")
    watch.records.refuse = lambda changes: ValueError("bad") if bad in changes.events else None
    watch.records.go_on.set()
    for seq, event in enumerate([bad, good], start=1):
        watch.recorder.keep(Decided(seq, Changes(events=[event])))
    watch.recorder.record()
    assert [changes.events for changes, _ in watch.records.committed] == [[good]]
    assert watch.recorder.recorded_seq == 2
    assert watch.counters.count("records_refused") == 1


def test_dead_letters_count_against_the_bound_by_their_size() -> None:
    watch = Watch()
    letter = DeadLetter(
        at_us=TEN_US,
        source_id=SOURCE,
        reason="malformed_json",
        detail="",
        topic="",
        payload=bytes(recorder_module.PENDING_AT_MOST * 1024),
    )
    watch.recorder.keep(Decided(1, Changes(dead_letters=[letter])))
    assert watch.recorder.is_full


def test_what_comes_while_the_journal_hangs_is_absorbed_and_can_be_seen() -> None:
    class HangingJournal(MemoryJournal):
        go_on = threading.Event()

        def append(self, records: Sequence[Record]) -> list[int]:
            self.go_on.wait(10)
            return super().append(records)

    inbox, journal = Inbox(), HangingJournal()
    writer = JournalWriter(
        inbox=inbox,
        intake=Intake(PLAN.site, SOURCE, LIMITS, Counted()),
        journal=journal,
        acknowledge=lambda tokens: None,
        hand_over=lambda journalled: None,
        checkpointer=Checkpointer(
            stores={}, drop_through=int, passed=int, every_s=1e9, every_readings=10**9
        ),
        counters=Counted(),
    )
    writer.absorbing.start()
    writer.writing.start()
    try:
        for second in range(3):
            inbox.put([Ticked(at_us=TEN_US + second)])
            assert eventually(lambda seen=second + 1: len(writer.unwritten(0.0)) == seen)  # type: ignore[misc]
        journal.go_on.set()
        assert eventually(lambda: writer.unwritten(0.0) == [])
    finally:
        writer.absorbing.stop()
        writer.writing.stop()
    assert [record.at_us - TEN_US for _, record in journal.read(after=0)] == [0, 1, 2]


def test_a_journal_at_its_bound_is_shortened_though_nothing_new_comes() -> None:
    dropped: list[int] = []
    checkpointer = Checkpointer(
        stores={"one": _TwoKept()},  # type: ignore[dict-item]
        drop_through=dropped.append,
        passed=lambda: 7,
        every_s=1.0,
        every_readings=1,
    )
    checkpointer.worker.start()
    try:
        assert eventually(lambda: dropped == [7])
    finally:
        checkpointer.worker.stop()


class _TwoKept:
    def droppable_through(self) -> int:
        return 9


def test_a_refusing_store_is_asked_again_and_loses_nothing() -> None:
    watch = Watch()
    watch.records.go_on.set()
    refusals = iter([StorageUnavailable("locked")])
    watch.records.refuse = lambda changes: next(refusals, None)
    watch.recorder.keep(Decided(1, Changes(events=[alarm()])))
    watch.recorder.worker.start()
    assert eventually(lambda: watch.recorder.recorded_seq == 1)
    watch.recorder.worker.stop()
    assert watch.counters.count("records_unavailable") == 1
