"""A partition as a journal: what a projection reads is every record once, whatever memory holds."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.evaluate import DetectorState, evaluate
from domain.ports import StorageUnavailable, Telemetry
from domain.readings import Readings
from domain.records import LimitsActivated, ReadingsArrived
from ingest.kafka import Fetched
from service import partition_journal
from service.partition_journal import Group, PartitionJournal
from service.projecting import TelemetryProjection
from service.snapshots import together
from storage.checkpoints import Checkpoint
from tests.support.partition_messages import (
    LIMITS,
    Counted,
    fresh_intake,
    reading_at,
    second,
    tick_at,
)


class Topic:
    """A reader of messages that lie in a list, a few at a time."""

    def __init__(self, messages: list[Fetched], at_once: int = 3) -> None:
        self._messages = messages
        self._at_once = at_once
        self.opened = 0
        self.away = False

    def reading_back(self, first: int) -> Any:
        return _Reader(self, first)

    def piece(self, first: int) -> list[Fetched]:
        if self.away:
            raise StorageUnavailable("gone")
        return self._messages[first : first + self._at_once]


class _Reader:
    def __init__(self, topic: Topic, first: int) -> None:
        self._topic = topic
        self._first = first
        self.missing = 0

    def open(self) -> None:
        self._topic.opened += 1

    def close(self) -> None:
        pass

    def next(self) -> list[Fetched]:
        piece = self._topic.piece(self._first)
        self._first += len(piece)
        return piece


class Store:
    """Telemetry that keeps rows in a list, as DuckDB does: nothing drops a repetition."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []
        self.seq = 0
        self.away = False

    def applied_seq(self) -> int:
        if self.away:
            raise StorageUnavailable("gone")
        return self.seq

    def write(self, readings: Readings, applied_seq: int) -> None:
        if self.away:
            raise StorageUnavailable("gone")
        times, points = readings.event_time.tolist(), readings.point.tolist()
        self.rows += list(zip(points, times, strict=True))
        self.seq = applied_seq


def checkpoint_at(messages: list[Fetched]) -> Checkpoint:
    """The joint state after these."""
    state, _ = evaluate(DetectorState.initial(), LimitsActivated(at_us=0, limits=LIMITS))
    intake = fresh_intake()
    intake.absorb(messages)
    arrays, meta = intake.snapshot()
    seq = messages[-1].offset + 1 if messages else 0
    detectors = Checkpoint(seq=seq, arrays=state.arrays(), meta=state.meta(), parts=state.parts())
    return together(detectors, Checkpoint(seq=seq, arrays=arrays, meta=meta))


def a_partition(count: int) -> list[Fetched]:
    return [
        tick_at(offset, second(offset)) if offset % 4 == 3 else reading_at(offset, second(offset))
        for offset in range(count)
    ]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=10),
    kept=st.integers(1, 12),
    every=st.integers(1, 7),
    stops=st.lists(st.booleans(), min_size=1, max_size=8),
)
def test_a_projection_stores_every_reading_once_however_it_is_behind_or_begins_again(
    count: int, sizes: list[int], kept: int, every: int, stops: list[bool]
) -> None:
    messages = a_partition(count)
    topic, store = Topic(messages), Store()
    checkpoints = [checkpoint_at([])]
    live = fresh_intake()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition_journal, "KEPT_READINGS", kept)
        patch.setattr("service.projecting.ROWS_IN_ONE_TRANSACTION", 3)
        journal, projection = _anew(topic, store, checkpoints, 0)
        offset, turn = 0, 0
        while offset < count:
            piece = messages[offset : offset + sizes[turn % len(sizes)]]
            journal.add(Group.of(piece, live.absorb(piece)), piece[-1].at_us)
            offset += len(piece)
            if turn % every == 0:
                projection._step_once()
            if stops[turn % len(stops)] and turn % 3 == 0:
                checkpoints.insert(0, checkpoint_at(messages[:offset]))
                journal, projection = _anew(topic, store, checkpoints, offset)
            turn += 1
        for _ in range(count + 2):
            projection._step_once()

    wanted = [(1, message.at_us) for message in messages if message.offset % 4 != 3]
    assert sorted(store.rows) == wanted


def _anew(
    topic: Topic, store: Store, checkpoints: list[Checkpoint], begins_after: int
) -> tuple[PartitionJournal, Any]:
    """As after a restart of the worker that has read the topic up to there."""
    journal = PartitionJournal(
        0,
        begins_after,
        reading_back=topic.reading_back,
        fresh_intake=fresh_intake,
        checkpoints=lambda: iter(checkpoints),
        counters=Counted(),
    )
    projection = TelemetryProjection(
        journal=journal, telemetry=cast(Telemetry, store), every_s=0.0, counters=Counted()
    )

    class Stepping:
        def _step_once(self) -> None:
            projection._write_some()

    return journal, Stepping()


def of(journal: PartitionJournal, after: int) -> Iterator[tuple[int, int]]:
    for seq, record in journal.read(after):
        if isinstance(record, ReadingsArrived):
            yield from ((seq, time) for time in record.readings.event_time.tolist())


def test_reading_back_goes_on_where_it_ended_and_folds_the_topic_once() -> None:
    messages = a_partition(60)
    topic = Topic(messages)
    journal, _ = _anew(topic, Store(), [checkpoint_at([])], 60)
    after, found = 0, []
    while after < 60:
        after, group = next(groupby(of(journal, after), key=itemgetter(0)))
        found += [time for _, time in group]
    assert topic.opened == 1
    assert found == [m.at_us for m in messages if m.offset % 4 != 3]


def test_a_topic_that_is_away_is_said_and_read_anew_later() -> None:
    messages = a_partition(12)
    topic = Topic(messages)
    journal, _ = _anew(topic, Store(), [checkpoint_at([])], 12)
    topic.away = True
    with pytest.raises(StorageUnavailable):
        list(journal.read(0))
    topic.away = False
    assert len(list(of(journal, 0))) == 9


def test_without_a_state_that_is_old_enough_the_gap_is_counted_and_the_rest_goes_on() -> None:
    messages = a_partition(12)
    counted = Counted()
    journal = PartitionJournal(
        0,
        8,
        reading_back=Topic(messages).reading_back,
        fresh_intake=fresh_intake,
        checkpoints=lambda: iter([checkpoint_at(messages[:8])]),
        counters=counted,
    )
    live = fresh_intake()
    live.absorb(messages[:8])
    journal.add(Group.of(messages[8:], live.absorb(messages[8:])), second(12))
    assert [time for _, time in of(journal, 2)] == [second(n) for n in (8, 9, 10)]
    assert counted.counts["history_missing"] == 1
    assert journal.rows_after(0) == 3
    assert journal.last_seq == 12
