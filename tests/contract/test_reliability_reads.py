"""Reliability by queries: what the formulas in Python give, on both databases, and each query by hand."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta, timezone
from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.clock import MINUTE_US
from domain.reliability import (
    MAJOR_YEARS_US,
    Served,
    daily_saidi,
    indices,
    major_event_days,
    major_event_limit,
)
from storage.outages import interruptions
from storage.records import SqlRecords
from storage.reliability import Part, interruptions_of, major_events, reliability
from tests.contract.test_alarm_kpis import _by_hand
from tests.support.records_stores import RecordsStore

YEAR_US = 365 * 24 * 60 * MINUTE_US
SERVED = Served(
    customers=2_000, transformer_users=100, momentary_us=5 * MINUTE_US, short_us=3 * MINUTE_US
)
WHOLE = Part(feeders=["113", "o'neill"], served=SERVED)
# minutes, customers: the set of DOMAIN E3, and its two momentary events
E3 = [(8.17, 200), (71.3, 600), (30.3, 25), (267.2, 90), (120, 700), (10, 1500), (40, 100)]
MOMENTARY = [(0.5, 400), (1.0, 2000)]


def row(number: int, minutes: float | None, customers: int, **facts: object) -> dict[str, object]:
    began = 1_000 * MINUTE_US * number
    return {
        "source_id": UUID(int=number),
        "section_id": "S1",
        "feeder_id": "113",
        "station": "35kV柳塬变",
        "planned": False,
        "counts": True,
        "customers": customers,
        "transformer_users": customers // 20,
        "began_at_us": began,
        "ended_at_us": None if minutes is None else began + round(minutes * MINUTE_US),
        "version": 1,
    } | facts


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    rows = [row(number, *each) for number, each in enumerate(E3 + MOMENTARY, start=1)]
    rows += [
        row(20, 240.0, 300, planned=True, section_id="*", feeder_id="o'neill"),
        row(21, None, 500),
        row(22, 60.0, 700, counts=False),
        row(23, 60.0, 700, began_at_us=2 * YEAR_US, ended_at_us=2 * YEAR_US + 60 * MINUTE_US),
        row(24, 60.0, 700, feeder_id="of-another-station"),
    ]
    with engine.begin() as connection:
        connection.execute(insert(interruptions), rows)
    yield SqlRecords(engine)
    engine.dispose()


def values(records: SqlRecords, part: Part) -> dict[str, float | None]:
    found = reliability(records.engine, part, 0, YEAR_US)
    return {each.index.key: each.value for each in found}


def test_the_example_of_ieee_1366(records: SqlRecords) -> None:
    found = values(records, replace(WHOLE, planned=False))
    assert found["saifi"] == pytest.approx(1.6075)
    assert found["saidi"] == pytest.approx(86.110, abs=0.001)
    assert found["caidi"] == pytest.approx(53.567, abs=0.001)
    assert found["maifi"] == pytest.approx(1.2)
    assert found["asai"] == pytest.approx(99.9836, abs=1e-4)
    assert (found["interrupted"], found["momentary"]) == (3_215, 2_400)


@pytest.mark.parametrize("planned", [None, True, False])
def test_the_queries_give_what_the_formulas_give(records: SqlRecords, planned: bool | None) -> None:
    part = replace(WHOLE, planned=planned)
    counted = interruptions_of(records.engine, part, 0, YEAR_US)
    expected = indices(counted, SERVED, YEAR_US)
    found = values(records, part)
    for key, value in {
        "saifi": expected.saifi,
        "saidi": expected.saidi_minutes,
        "caidi": expected.caidi_minutes,
        "maifi": expected.maifi,
        "asai": None if expected.asai is None else 100.0 * expected.asai,
        "aihc_1": expected.aihc_1_hours,
        "rs_1": None if expected.rs_1 is None else 100.0 * expected.rs_1,
        "interrupted": expected.interrupted,
        "customer_minutes": expected.customer_minutes,
        "momentary": expected.momentary,
    }.items():
        assert found[key] == pytest.approx(value), key


def test_what_is_shown_is_what_its_query_returns_by_hand(
    records: SqlRecords, store: RecordsStore
) -> None:
    with closing(_by_hand(store)) as database:
        for each in reliability(records.engine, WHOLE, 0, YEAR_US):
            (found,) = database.execute(each.query).fetchone()
            assert float(found) == pytest.approx(each.value), each.query


def test_nothing_can_be_divided_where_nobody_is_served_or_nothing_was_out(
    records: SqlRecords,
) -> None:
    nobody = replace(SERVED, customers=0, transformer_users=0)
    found = values(records, replace(WHOLE, served=nobody))
    assert (found["saifi"], found["saidi"], found["asai"], found["rs_1"]) == (None,) * 4
    quiet = values(records, replace(WHOLE, feeders=["114"]))
    assert (quiet["saifi"], quiet["saidi"], quiet["caidi"], quiet["asai"]) == (0, 0, None, 100)
    none = values(records, replace(WHOLE, feeders=[]))
    assert none["interrupted"] == 0


def test_a_period_without_length_is_refused(records: SqlRecords) -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        reliability(records.engine, WHOLE, 5, 5)


DAY_US = 24 * 60 * MINUTE_US
# by day: what the years before had, and what the period has
BEFORE = {3: 2.0, 40: 50.0, 300: 110.0, 301: 30.0, 700: 45.0}  # the first two are too old
WITHIN = {2_000: 30.0, 2_001: 4_000.0, 2_002: 90_000.0}


@pytest.fixture
def years(store: RecordsStore) -> Iterator[SqlRecords]:
    """Each day one outage of a hundred customers, at 23:00 by the clock of Beijing."""
    engine = store.engine()
    rows = [
        row(number, minutes, 100, began_at_us=began, ended_at_us=began + round(minutes * MINUTE_US))
        for number, (day, minutes) in enumerate({**BEFORE, **WITHIN}.items(), start=100)
        for began in (day * DAY_US + 15 * 60 * MINUTE_US,)
    ]
    began = 2_003 * DAY_US
    rows.append(row(99, None, 9_000, planned=True, began_at_us=began, ended_at_us=began + DAY_US))
    with engine.begin() as connection:
        connection.execute(insert(interruptions), rows)
    yield SqlRecords(engine)
    engine.dispose()


BEIJING = timezone(timedelta(hours=8))
PERIOD = (1_990 * DAY_US, 2_010 * DAY_US)


def test_major_event_days_are_those_of_the_formulas(years: SqlRecords) -> None:
    found = major_events(years.engine, WHOLE, *PERIOD, timedelta(hours=8))
    counted = interruptions_of(years.engine, WHOLE, PERIOD[0] - MAJOR_YEARS_US, PERIOD[0])
    limit = major_event_limit(list(daily_saidi(counted, SERVED, BEIJING).values()))
    assert limit is not None
    assert found.limit_minutes == pytest.approx(limit)
    period = daily_saidi(interruptions_of(years.engine, WHOLE, *PERIOD), SERVED, BEIJING)
    assert [day for day, _ in found.days] == major_event_days(period, limit)
    assert [day for day, _ in found.days] == [
        date(1970, 1, 1) + timedelta(days=each) for each in (2_001, 2_002)
    ]
    assert dict(found.days) == pytest.approx({day: period[day] for day, _ in found.days})


def test_the_limit_and_the_days_come_again_by_hand(years: SqlRecords, store: RecordsStore) -> None:
    found = major_events(years.engine, WHOLE, *PERIOD, timedelta(hours=8))
    with closing(_by_hand(store)) as database:
        (limit,) = database.execute(found.limit_query).fetchone()
        days = database.execute(found.days_query).fetchall()
    assert float(limit) == pytest.approx(found.limit_minutes)
    assert [int(day) for day, _ in days] == [2_001, 2_002]


@pytest.mark.parametrize(
    "until_day",
    [pytest.param(0, id="nothing-before"), pytest.param(20, id="one-day-before")],
)
def test_without_two_days_before_there_is_no_limit(years: SqlRecords, until_day: int) -> None:
    found = major_events(years.engine, WHOLE, until_day * DAY_US, PERIOD[1], timedelta())
    assert (found.limit_minutes, found.days, found.days_query) == (None, (), "")


def test_where_nobody_is_served_there_is_no_limit(years: SqlRecords) -> None:
    nobody = replace(WHOLE, served=replace(SERVED, customers=0))
    assert major_events(years.engine, nobody, *PERIOD, timedelta()).limit_minutes is None
