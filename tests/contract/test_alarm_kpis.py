"""The alarm system's own figures: each is what its query gives, and what a count by hand gives."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from statistics import mean
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from domain.alarms import Alarm, Flood
from domain.assets import Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.ids import flood_id
from domain.requests import AcknowledgeAlarm, ShelveAlarm
from storage.alarm_kpis import KPIS, Figure, bad_actors, figures
from storage.records import SqlRecords
from tests.support.control_room import ControlRoom
from tests.support.records_stores import RecordsStore

OIL = "LY/1T/top_oil_temp"
HOUR_US = 60 * MINUTE_US


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


@pytest.fixture
def room() -> ControlRoom:
    """Two hours: a chattering alarm, a flood of thirty, a shelf that keeps one back."""
    room = ControlRoom()
    room.passes(1)
    for _ in range(4):
        event = room.raises(priority=Priority.MAJOR)
        room.passes(5)
        room.clears(event)
        room.passes(5)
    room.passes(3600)
    for number in range(30):
        event = room.raises(point=f"LY/1T/{number}", priority=Priority.MINOR)
        room.passes(2)
        if number % 3 == 0:
            room.does(AcknowledgeAlarm(event_id=event.event_id))
    room.raises(condition=Condition.HIGH_HIGH, priority=Priority.URGENT)
    room.does(ShelveAlarm(point=OIL, condition=Condition.RISE, reason="x", for_us=HOUR_US))
    kept_back = room.raises(condition=Condition.RISE)
    room.passes(1)
    room.clears(kept_back)
    for _ in range(3600):
        room.passes(1)
    return room


def told(records: SqlRecords, from_us: int, to_us: int) -> dict[str, Figure]:
    return {each.kpi.key: each for each in figures(records.engine, from_us, to_us)}


def test_the_figures_are_what_a_count_by_hand_gives(records: SqlRecords, room: ControlRoom) -> None:
    records.commit(room.everything, 1)
    from_us, to_us = min(a.detected_at_us for a in room.alarms.values()), room.at_us
    found = {key: figure.value for key, figure in told(records, from_us, to_us).items()}
    came = [alarm for alarm in room.alarms.values() if alarm.position]
    assert found["came"] == len(came) == 35
    periods = (to_us - from_us) / (10 * MINUTE_US)
    assert found["per_ten_minutes"] == pytest.approx(35 / periods)
    by_period = _by_period(came)
    assert found["most_in_ten_minutes"] == max(by_period.values())
    above = sum(1 for count in by_period.values() if count > 10)
    assert found["periods_above_ten"] == pytest.approx(100 * above / periods)
    assert found["urgent"] == pytest.approx(100 / 35)
    assert found["major"] == pytest.approx(400 / 35)
    assert found["minor"] == pytest.approx(3000 / 35)
    assert found["chattering"] == sum(alarm.chattering for alarm in came) == 2
    assert found["fleeting"] == sum(alarm.fleeting for alarm in came) == 4
    assert found["top_ten"] == pytest.approx(100 * (4 + 9) / 35)
    taken = [a for a in came if a.acknowledged_at_us is not None]
    waited = [((a.acknowledged_at_us or 0) - a.detected_at_us) / SECOND_US for a in taken]
    assert found["seconds_to_acknowledge"] == pytest.approx(mean(waited))
    assert found["unacknowledged"] == 35 - len(taken)
    assert (found["withheld"], found["shelves"]) == (1, 1)
    (flood,) = {each.flood_id: each for each in room.everything.floods}.values()
    assert flood.ended_at_us is not None
    assert found["floods"] == 1
    lasted_us = flood.ended_at_us - flood.started_at_us
    assert found["time_in_flood"] == pytest.approx(100 * lasted_us / (to_us - from_us))


def _by_period(came: list[Alarm]) -> dict[int, int]:
    found: dict[int, int] = {}
    for alarm in came:
        period = alarm.detected_at_us // (10 * MINUTE_US)
        found[period] = found.get(period, 0) + 1
    return found


def test_the_written_query_gives_the_number_that_is_shown(
    records: SqlRecords, store: RecordsStore, room: ControlRoom
) -> None:
    """By a program that knows nothing of ours: in PostgreSQL psycopg, for a file sqlite3."""
    records.commit(room.everything, 1)
    shown = {figure.query: figure.value for figure in told(records, 0, room.at_us).values()}
    with closing(_by_hand(store)) as database:
        for query, value in shown.items():
            found = database.execute(query).fetchone()
            assert found is not None
            assert (None if found[0] is None else float(found[0])) == value, query


def _by_hand(store: RecordsStore) -> Any:
    if store.postgres is None:
        return sqlite3.connect(store.path)
    url = make_url(store.postgres.url)
    return psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=store.postgres.password,
        dbname=url.database,
    )


def test_an_alarm_that_stands_for_more_than_a_day_is_stale(records: SqlRecords) -> None:
    room = ControlRoom()
    stale, other = room.raises(), room.raises(condition=Condition.RISE)
    room.passes(23 * 3600)
    room.clears(other)
    room.passes(3600)
    records.commit(room.everything, 1)
    assert told(records, 0, room.at_us)["stale"].value == 0
    assert told(records, 0, room.at_us + 1)["stale"].value == 1
    room.clears(stale)
    records.commit(room.everything, 2)
    later = told(records, room.at_us + HOUR_US, room.at_us + 2 * HOUR_US)
    assert later["stale"].value == 0


def test_the_worst_actors_come_first(records: SqlRecords, room: ControlRoom) -> None:
    records.commit(room.everything, 1)
    worst, *_ = bad_actors(records.engine, 0, room.at_us)
    assert (worst.point, worst.condition, worst.alarms) == (OIL, "H", 4)
    assert worst.share == pytest.approx(400 / 35)


def test_the_written_query_gives_the_worst_actors(
    records: SqlRecords, store: RecordsStore, room: ControlRoom
) -> None:
    records.commit(room.everything, 1)
    shown = bad_actors(records.engine, 0, room.at_us)
    (query,) = {each.query for each in shown}
    with closing(_by_hand(store)) as database:
        found = database.execute(query).fetchall()
    assert [(each.point, each.condition, each.alarms) for each in shown] == [
        (point, condition, count) for point, condition, count, _ in found
    ]
    assert [each.share for each in shown] == [float(share) for *_, share in found]


def test_a_period_without_alarms_counts_nothing_and_one_of_no_length_is_refused(
    records: SqlRecords,
) -> None:
    found = told(records, 0, HOUR_US)
    assert (found["came"].value, found["urgent"].value) == (0, None)
    assert bad_actors(records.engine, 0, HOUR_US) == []
    with pytest.raises(ValueError, match="ends before"):
        figures(records.engine, 5, 5)


def test_a_figure_says_whether_it_is_met(records: SqlRecords, room: ControlRoom) -> None:
    records.commit(room.everything, 1)
    found = told(records, 0, room.at_us)
    assert found["chattering"].is_met is False
    assert found["floods"].is_met is None
    assert {each.key for each in KPIS} == found.keys()


@pytest.mark.parametrize(
    ("lasting", "floods", "minutes"),
    [
        pytest.param([("east", 0, 10), ("east", 20, 30)], 2, 20, id="one-after-the-other"),
        pytest.param([("east", 0, 10), ("east", 5, 30)], 1, 30, id="overlapping"),
        pytest.param([("east", 0, 30), ("east", 5, 10), ("east", 20, 40)], 1, 40, id="within"),
        pytest.param([("east", 0, 10), ("west", 5, 30)], 2, 35, id="of-two-operators"),
        pytest.param([("east", -20, 5), ("east", -10, None)], 1, 60, id="beyond-the-period"),
        pytest.param([("east", -20, -5), ("east", 60, 70)], 0, 0, id="outside-the-period"),
    ],
)
def test_floods_of_one_operator_that_overlap_are_one(
    records: SqlRecords,
    lasting: list[tuple[str, int, int | None]],
    floods: int,
    minutes: int,
) -> None:
    """Each partition counts its own. The period is the first hour of the second day."""
    from_us = 24 * HOUR_US
    made = [
        Flood(
            flood_id=flood_id("site", f"{position}{number}", from_us + began * MINUTE_US),
            position=position,
            started_at_us=from_us + began * MINUTE_US,
            alarms=11,
            peak=11,
            ended_at_us=None if ended is None else from_us + ended * MINUTE_US,
        )
        for number, (position, began, ended) in enumerate(lasting)
    ]
    records.commit(Changes(floods=made), 1)
    found = told(records, from_us, from_us + HOUR_US)
    assert found["floods"].value == floods
    assert found["time_in_flood"].value == pytest.approx(100 * minutes / 60)
