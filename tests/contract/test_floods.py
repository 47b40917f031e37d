"""Alarm floods: causes are shown, level 1 never folds, nothing is lost, and the counts match.

Which incident explains which the correlation finds, on two busbars that hang on bays 0 and 100.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Asset, Condition, Limit, Point, Priority
from domain.clock import SECOND_US
from domain.events import AlarmRaised
from domain.ids import AssetId, PointKey, SourceId
from domain.incidents import IncidentState
from domain.readings import Readings
from domain.records import LimitsActivated, ReadingsArrived, SourceChanged
from domain.topology import Busbar, Cell, CellKind, Switch, SwitchKind, Topology
from linkage.plan import EVERYTHING, LinkagePlan
from storage.alarm_reads import AlarmFilter, AlarmReads, ListedAlarm
from storage.records import SqlRecords
from tests.support.alarms import TEN_US
from tests.support.control_room import ROOM, STATION, ControlRoom, protection
from tests.support.records_stores import RecordsStore

FEEDERS = 200
SOURCE = SourceId("field")


def feeder(number: int) -> AssetId:
    return AssetId(f"F/{number}")


ASSETS = {
    feeder(number): Asset(
        asset_id=feeder(number),
        station=STATION,
        voltage="10kV",
        bay=f"{number}间隔",
        name=str(number),
    )
    for number in range(FEEDERS)
}


def topology(feeders: int) -> Topology:
    """The first bay of every so many supplies the busbar of the others."""
    return Topology(
        busbars=tuple(
            Busbar(busbar_id=f"B{first}", station=STATION, name=f"{first}母", voltage="10kV")
            for first in range(0, FEEDERS, feeders)
        ),
        cells=tuple(
            Cell(
                station=STATION,
                bay=f"{number}间隔",
                name=str(number),
                kind=CellKind.FEEDER if number % feeders else CellKind.INCOMER,
                busbar_id=f"B{number - number % feeders}",
                asset_id=feeder(number),
                switches=(Switch(kind=SwitchKind.BREAKER, number=str(number)),),
            )
            for number in range(FEEDERS)
        ),
    )


PLAN = replace(ROOM, assets={**ROOM.assets, **ASSETS}, topology=topology(100))


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


class Plant:
    """A control room that is recorded as it goes."""

    def __init__(self, records: SqlRecords, plan: LinkagePlan = PLAN) -> None:
        self.room = ControlRoom(plan)
        self.records = records
        self.reads = AlarmReads(records.engine)
        self._recorded = 0

    def trip(self, at: AssetId) -> AlarmRaised:
        return self.room.raises(**protection(asset_id=at, point=f"{at}/quick_break"))

    def suffers(self, at: Iterable[int], *, each: int = 5, name: str = "u") -> list[AlarmRaised]:
        """Feeders report one thing after the other; one of them in fifty is of level 1."""
        return [
            self.room.raises(
                asset_id=feeder(number),
                point=f"{feeder(number)}/{name}{which}",
                signal="电压",
                unit="kV",
                condition=Condition.LOW,
                priority=Priority.URGENT if number % 50 == 7 and which == 0 else Priority.MINOR,
            )
            for number in at
            for which in range(each)
        ]

    def record(self) -> None:
        self._recorded += 1
        self.records.commit(self.room.everything, self._recorded)

    def listed(self, *, fold: bool) -> list[ListedAlarm]:
        wanted = AlarmFilter(folded_at=[EVERYTHING] if fold else [])
        found = self.reads.page(wanted, limit=10_000)
        assert len(found) == self.reads.count(wanted)
        return found


def ids(listed: Iterable[ListedAlarm]) -> set[UUID]:
    return {each.alarm.event_id for each in listed}


def event_ids(events: Iterable[AlarmRaised]) -> set[UUID]:
    return {each.event_id for each in events}


def urgent(events: Iterable[AlarmRaised]) -> list[AlarmRaised]:
    return [each for each in events if each.priority is Priority.URGENT]


def test_a_thousand_readings_a_second_and_two_thousand_alarms_in_a_minute_after_one_trip(
    records: SqlRecords,
) -> None:
    """From the readings on: each of 2,000 points crosses its limit once, among 60,000 readings."""
    plant = Plant(records, replace(PLAN, topology=topology(FEEDERS)))
    points = tuple(
        Point(
            number=number,
            key=PointKey(f"{feeder(number % FEEDERS)}/{number}"),
            asset_id=feeder(number % FEEDERS),
            source_id=SOURCE,
            signal="电压",
            unit="kV",
            limits=(Limit(condition=Condition.LOW, value=9.3, priority=Priority.MINOR),),
        )
        for number in range(2_000)
    )
    limits = ActiveLimits(site=PLAN.site, version=1, points=points)
    state, _ = evaluate(DetectorState.initial(), LimitsActivated(at_us=TEN_US, limits=limits))
    state, _ = evaluate(state, SourceChanged(at_us=TEN_US, source_id=SOURCE, current=True))
    cause = plant.trip(feeder(0))
    random = np.random.default_rng(1)
    falls_at = random.permutation(np.repeat(np.arange(60), 34))[:2_000]  # second by point
    alarmed: list[AlarmRaised] = []
    for second in range(60):
        number = np.concatenate(
            [np.flatnonzero(falls_at == second), random.integers(0, 2_000, 1_000)]
        )[:1_000]
        arrival = TEN_US + second * SECOND_US + np.arange(1_000) * 1_000
        readings = Readings(
            point=number.astype(np.int32),
            event_time=arrival - 1,
            arrival_time=arrival,
            value=np.where(falls_at[number] <= second, 0.0, 10.4),
            quality=np.zeros(1_000, np.uint8),
            origin=np.zeros(1_000, np.uint8),
        )
        record = ReadingsArrived(at_us=int(arrival[-1]), source_id=SOURCE, readings=readings)
        state, events = evaluate(state, record)
        plant.room.at_us = record.at_us
        plant.room.happens(*events)
        alarmed += [event for event in events if isinstance(event, AlarmRaised)]
    assert len(alarmed) == 2_000

    plant.record()
    assert ids(plant.listed(fold=False)) == event_ids([cause, *alarmed])
    folded = plant.listed(fold=True)
    own = [event for event in alarmed if event.asset_id == cause.asset_id]
    assert ids(folded) == event_ids([cause, *own])  # what is of the tripped bay itself stands open
    (shown,) = (each for each in folded if each.alarm.event_id == cause.event_id)
    assert shown.consequences == 2_000 - len(own)
    assert len(records.standing_events()) == 2_001
    (flood,) = plant.reads.lasting_floods()
    (shown_flood,) = plant.reads.flooded(plant.room.at_us)
    assert flood.alarms == shown_flood.alarms == 2_001
    assert shown_flood.since_us == flood.started_at_us


def test_level_1_never_folds(records: SqlRecords) -> None:
    plant = Plant(records)
    cause = plant.trip(feeder(0))
    consequences = plant.suffers(range(1, 100))
    plant.record()
    assert len(urgent(consequences)) == 2
    assert ids(plant.listed(fold=True)) == event_ids([cause, *urgent(consequences)])
    first, *_ = plant.listed(fold=True)
    assert first.alarm.priority is Priority.URGENT


def test_two_unrelated_trips_in_one_minute_keep_their_own_consequences(records: SqlRecords) -> None:
    plant = Plant(records)
    one = plant.trip(feeder(0))
    of_one = plant.suffers(range(1, 60))
    plant.room.passes(20)
    other = plant.trip(feeder(100))
    of_other = plant.suffers(range(101, 140), each=3)
    plant.record()
    folded = plant.listed(fold=True)
    assert ids(folded) == event_ids([one, other, *urgent(of_one), *urgent(of_other)])
    counts = {each.alarm.event_id: each.consequences for each in folded}
    assert (counts[one.event_id], counts[other.event_id]) == (len(of_one), len(of_other))
    assert len(plant.listed(fold=False)) == 2 + len(of_one) + len(of_other)
    elsewhere = AlarmFilter(folded_at=["another operator's"])
    assert plant.reads.count(elsewhere) == plant.reads.count(AlarmFilter())


def test_a_trip_that_arrives_three_seconds_after_its_consequences_takes_them_then(
    records: SqlRecords,
) -> None:
    plant = Plant(records)
    consequences = plant.suffers(range(1, 30))
    plant.record()
    assert ids(plant.listed(fold=True)) == event_ids(consequences), "nothing explains them yet"
    happened_us = plant.room.at_us
    plant.room.passes(3)
    cause = plant.room.raises(
        **protection(
            asset_id=feeder(0), point=f"{feeder(0)}/quick_break", started_at_us=happened_us
        )
    )
    plant.record()
    assert ids(plant.listed(fold=True)) == event_ids([cause, *urgent(consequences)])
    (shown,) = (each for each in plant.listed(fold=True) if each.alarm.event_id == cause.event_id)
    assert shown.consequences == len(consequences)


def test_where_no_cause_is_ever_reported_everything_is_shown(records: SqlRecords) -> None:
    plant = Plant(records)
    alarmed = plant.suffers(range(100))
    plant.record()
    assert ids(plant.listed(fold=True)) == ids(plant.listed(fold=False)) == event_ids(alarmed)
    (flooded,) = plant.reads.flooded(plant.room.at_us)
    assert flooded.alarms == len(alarmed)
    by_bay = plant.reads.groups(AlarmFilter(), "asset")
    assert sum(group.count for group in by_bay) == len(alarmed)
    assert len(by_bay) == 100


def test_a_flood_survives_restarts_and_ends_when_it_is_calm(records: SqlRecords) -> None:
    plant = Plant(records)
    plant.trip(feeder(0))
    plant.suffers(range(1, 40))
    plant.room.restarts()
    plant.suffers(range(40, 80))
    while plant.room.everything.floods[-1].ended_at_us is None:
        plant.room.passes(1)
    plant.record()
    assert plant.reads.lasting_floods() == []
    assert plant.reads.flooded(plant.room.at_us) == []
    assert len(plant.room.open_incidents()) == 80
    assert {each.state for each in plant.room.open_incidents()} == {IncidentState.OPEN}


def test_a_flood_over_two_partitions_is_shown_once_from_its_eleventh_alarm(
    records: SqlRecords,
) -> None:
    """Each worker holds the stations of its partition; both write into the same records."""
    one, other = Plant(records), Plant(records)
    one.suffers([1, 2], each=3)
    other.suffers([101], each=4)
    one.record()
    other.record()
    assert one.reads.flooded(one.room.at_us) == [], "ten are not yet too many"
    other.suffers([102], each=3)
    other.record()
    assert one.reads.lasting_floods() == [], "neither partition by itself has more than ten"
    (flooded,) = one.reads.flooded(one.room.at_us)
    assert flooded.alarms == 13
    one.room.passes(1)
    one.suffers([3, 4, 5], each=2)
    other.suffers([103, 104], each=5)
    one.record()
    other.record()
    assert len(one.reads.lasting_floods()) == 2
    (flooded,) = one.reads.flooded(one.room.at_us)
    assert flooded.alarms == 13 + 6 + 10
