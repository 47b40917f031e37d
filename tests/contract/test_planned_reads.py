"""Planned outages of a month: those whose time reaches into it, whatever became of them."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.ids import AssetId
from domain.outages import PlannedOutage, PlanState
from storage import outages
from storage.outages import OutageReads
from storage.records import SqlRecords
from tests.support.records_stores import RecordsStore

DAY_US = 24 * 60 * MINUTE_US
MONTH_US = (1_000 * DAY_US, 1_030 * DAY_US)


def planned(number: int, from_day: float, days: float, **facts: object) -> PlannedOutage:
    known: dict[str, object] = {
        "planned_id": UUID(int=number),
        "feeder_id": "113",
        "station": "35kV柳塬变",
        "asset_id": AssetId("LY/113"),
        "sections": ("113",),
        "from_us": int(from_day * DAY_US),
        "to_us": int((from_day + days) * DAY_US),
        "why": "检修",
        "announced_by": "chief",
        "announced_at_us": 0,
    }
    return PlannedOutage(**(known | facts))  # type: ignore[arg-type]


@pytest.fixture
def reads(store: RecordsStore) -> Iterator[OutageReads]:
    engine = store.engine()
    SqlRecords(engine)
    yield OutageReads(engine)
    engine.dispose()


def test_what_reaches_into_a_month_is_of_it(reads: OutageReads, store: RecordsStore) -> None:
    within = planned(1, 1_010, 0.2)
    into = planned(2, 998, 3)
    cancelled = planned(3, 1_020, 1, state=PlanState.CANCELLED)
    others = [planned(4, 990, 10), planned(5, 1_030, 1), planned(6, 900, 5)]
    engine = store.engine()
    with engine.begin() as connection:
        outages.write(connection, Changes(planned_outages=[within, into, cancelled, *others]))
    engine.dispose()
    assert reads.planned_between(*MONTH_US) == [into, within, cancelled]
    assert reads.planned_between(0, 1) == []
