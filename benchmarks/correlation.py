"""10,000 alarms in 100 zones with one trip each: linked, correlated, recorded.

`python -m benchmarks.correlation`. The notices of the same flood are measured on `zones()` and `flood()`.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from benchmarks.rows import Row
from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.events import AlarmRaised
from domain.ids import AssetId, PersonId, PointKey, UnitId, ZoneId, event_id
from domain.organisation import (
    Coverage,
    Organisation,
    PartyUnit,
    Person,
    Tenure,
    UnitKind,
    Zone,
    ZoneKind,
)
from domain.records import Ticked
from domain.responsibility import Kind
from domain.topology import Busbar, Cell, CellKind, Switch, SwitchKind, SwitchState, Topology
from linkage.linkage import Linkage
from linkage.plan import LinkagePlan
from service.heap import settle_heap
from storage.engines import reading, sqlite_engine
from storage.migrate import upgrade
from storage.records import SqlRecords
from storage.tables import incidents
from tests.support.alarms import BEIJING
from tests.support.field import SaidField

ZONES: Final = 100
BAYS: Final = 99  # of a zone that report something after its trip: with the trip 100 alarms
ALARMS: Final = ZONES * (BAYS + 1)
IN_ONE_COMMIT: Final = 500
START_US: Final = 1_790_000_000 * SECOND_US
BUDGET_S: Final = 1.5  # with the notices; this is its first part


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder:
        engine = sqlite_engine(Path(folder) / "records.db")
        upgrade(engine)
        records = SqlRecords(engine)
        linkage = Linkage(zones())
        events = flood()
        settle_heap()  # as the core does once it has started
        began, worked = time.perf_counter(), time.process_time()
        decided = link(linkage, events)
        linked_s = time.perf_counter() - began
        for seq, changes in enumerate(decided, start=1):
            records.commit(changes, seq)
        total_s = time.perf_counter() - began
        cpu_s = time.process_time() - worked
        with reading(engine) as connection:
            of_plant = incidents.c.kind == Kind.FAULT.value  # not of the responsibility itself
            counted = select(func.count()).where(incidents.c.cause.is_(None), of_plant)
            causes = connection.execute(counted).scalar_one()
        engine.dispose()
    yield Row(
        what=f"{ALARMS:,} alarms in {ZONES} zones with one trip each, linked and recorded",
        figure=f"{total_s:.2f} s, {causes} incidents",
        budget=f"{BUDGET_S:g} s, {ZONES} incidents",
        passed=total_s <= BUDGET_S and causes == ZONES,
        beside=f"deciding alone {linked_s:.2f} s; processor time {cpu_s:.2f} s",
    )


def link(linkage: Linkage, events: list[AlarmRaised]) -> list[Changes]:
    """As the core decides them: a few hundred from one record."""
    field = SaidField(position_of)
    return [
        linkage.decide(Ticked(at_us=START_US), events[first : first + IN_ONE_COMMIT], field)
        for first in range(0, len(events), IN_ONE_COMMIT)
    ]


def flood() -> list[AlarmRaised]:
    """Half of the consequences of every zone are told before its trip."""
    half = BAYS // 2
    return [
        *(lost(zone, bay) for bay in range(1, half + 1) for zone in range(ZONES)),
        *(trip(zone) for zone in range(ZONES)),
        *(lost(zone, bay) for bay in range(half + 1, BAYS + 1) for zone in range(ZONES)),
    ]


def position_of(point: PointKey) -> SwitchState:
    """Every incomer has opened, every feeder stands closed."""
    return SwitchState.OPEN if point.endswith("/0/position") else SwitchState.CLOSED


def zones() -> LinkagePlan:
    """Each zone is a station behind one incomer, with an owner of its own."""
    every = [asset(zone, bay) for zone in range(ZONES) for bay in range(BAYS + 1)]
    return LinkagePlan(
        site="bench",
        zone=BEIJING,
        assets={each.asset_id: each for each in every},
        devices=(),
        rules=(),
        responsible=None,
        organisation=organisation(),
        topology=Topology(
            busbars=tuple(
                Busbar(busbar_id=f"B{zone}", station=f"{zone}号变", name="Ⅰ母", voltage="10kV")
                for zone in range(ZONES)
            ),
            cells=tuple(cell(zone, bay) for zone in range(ZONES) for bay in range(BAYS + 1)),
        ),
    )


def organisation() -> Organisation:
    unit = UnitId("branch")
    return Organisation(
        units=(PartyUnit(unit_id=unit, name="党支部", kind=UnitKind.BRANCH),),
        persons=tuple(
            Person(person_id=PersonId(f"p{zone}"), name=f"{zone}区责任人") for zone in range(ZONES)
        ),
        zones=tuple(
            Zone(
                zone_id=ZoneId(f"z{zone}"),
                name=f"{zone}号变",
                kind=ZoneKind.STATION,
                unit_id=unit,
                tenures=(Tenure(owner=PersonId(f"p{zone}")),),
                coverage=(
                    Coverage(
                        assets=frozenset(asset(zone, bay).asset_id for bay in range(BAYS + 1))
                    ),
                ),
            )
            for zone in range(ZONES)
        ),
    )


def asset(zone: int, bay: int) -> Asset:
    return Asset(
        asset_id=AssetId(f"{zone}/{bay}"),
        station=f"{zone}号变",
        voltage="10kV",
        bay=f"{bay}间隔",
        name=f"{bay}线",
    )


def cell(zone: int, bay: int) -> Cell:
    of = asset(zone, bay)
    breaker = Switch(
        kind=SwitchKind.BREAKER, number=str(bay), position=PointKey(f"{zone}/{bay}/position")
    )
    return Cell(
        station=of.station,
        bay=of.bay,
        name=of.name,
        kind=CellKind.FEEDER if bay else CellKind.INCOMER,
        busbar_id=f"B{zone}",
        switches=(breaker,),
        asset_id=of.asset_id,
    )


def trip(zone: int) -> AlarmRaised:
    return _alarm(
        f"{zone}/0/quick_break",
        asset(zone, 0).asset_id,
        "status",
        Condition.HIGH,
        AlarmClass.FAULT,
        Priority.URGENT,
    )


def lost(zone: int, bay: int) -> AlarmRaised:
    return _alarm(
        f"{zone}/{bay}/uab",
        asset(zone, bay).asset_id,
        "kV",
        Condition.LOW,
        AlarmClass.LIMIT,
        Priority.MINOR,
    )


def _alarm(
    point: str,
    asset_id: AssetId,
    unit: str,
    condition: Condition,
    alarm_class: AlarmClass,
    priority: Priority,
) -> AlarmRaised:
    return AlarmRaised(
        event_id=event_id("bench", point, condition, START_US),
        site="bench",
        point=point,
        asset_id=asset_id,
        signal="速断保护" if unit == "status" else "AB线电压",
        unit=unit,
        condition=condition,
        alarm_class=alarm_class,
        priority=priority,
        started_at_us=START_US,
        raised_at_us=START_US,
        detected_at_us=START_US,
        value=1.0 if unit == "status" else 0.0,
        limit=1.0 if unit == "status" else 9.3,
        limits_version=1,
    )


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
