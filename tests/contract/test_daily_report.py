"""The daily report: every number is what its query gives by hand, for the site and for one station."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.clock import MINUTE_US, from_datetime, to_datetime
from domain.ids import AssetId, ZoneId
from domain.logbook import DISPATCH_ROOM, LogKind, PhoneOrder
from domain.organisation import Coverage
from domain.paperwork import TagKind, TicketState
from domain.report_words import figure_word
from domain.requests import HangTag, MoveTicket, RemoveTag, WriteLog
from service.daily_report import (
    DailyReport,
    NoReport,
    daily_report,
    day_of,
    report_facts,
    report_lines,
    report_sheet,
    scope_of,
)
from service.site.load import load
from service.site.model import Site
from storage.daily_report import COUNTS, Scope, counted
from storage.engines import writing
from storage.outages import interruptions
from storage.records import SqlRecords
from tests.contract.test_alarm_kpis import _by_hand
from tests.support.alarms import BEIJING, TRANSFORMER
from tests.support.control_room import STATION, ControlRoom, opening, protection
from tests.support.posts import ORGANISATION, Post, plan_with_post
from tests.support.records_stores import RecordsStore
from tests.support.running import ROOT

DAY_US = 86_400_000_000
OTHER = Asset(asset_id=AssetId("O'N/1T"), station="另一站", voltage="", bay="", name="1号主变")


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def site() -> Site:
    """The example's frame around the control room's assets."""
    plan = _day().plan
    return replace(
        load(ROOT / "examples" / "changqing-like"),
        assets=plan.assets,
        points=tuple(plan.points.values()),
        devices=plan.devices,
        rules=plan.rules,
        organisation=plan.organisation,
        zone=BEIJING,
    )


def _day() -> ControlRoom:
    """A working day: a trip, a notice, a ticket, two tags, an order that was read back and done."""
    (zone,) = ORGANISATION.zones
    beyond = replace(
        zone,
        zone_id=ZoneId("z2"),
        coverage=(Coverage(assets=frozenset({OTHER.asset_id})),),
        roster_id=None,
    )
    plan = plan_with_post(replace(ORGANISATION, zones=(zone, beyond)))
    room = Post(replace(plan, assets={**plan.assets, OTHER.asset_id: OTHER}))
    room.raises(**opening())
    room.raises(**protection())
    room.raises(asset_id=OTHER.asset_id, point="O/1T/oil", priority=Priority.MINOR)
    room.raises(
        point="LY/1T/heavy_gas", priority=Priority.NOTICE, alarm_class=AlarmClass.INFORMATION
    )
    ticket = room.opens_ticket(TRANSFORMER.asset_id, state=TicketState.WORKING)
    tag = room.hangs(HangTag(kind=TagKind.DEFECT, asset_id=TRANSFORMER.asset_id))
    room.hangs(HangTag(kind=TagKind.SUPPLY_SECURITY, asset_id=TRANSFORMER.asset_id))
    room.passes(600)
    room.does(RemoveTag(tag_id=tag.tag_id))
    room.does(MoveTicket(ticket_id=ticket, state=TicketState.ENDED))
    order = PhoneOrder(giver="地调", receiver="正值", given_at_us=room.at_us, read_back=True)
    told = WriteLog(
        station=STATION, kind=LogKind.ORDER_RECEIVED, at_us=room.at_us, text="送电", order=order
    )
    line = room.does(told)
    done = replace(order, executed_at_us=room.at_us)
    room.does(replace(told, order=done, corrects=room.everything.log[-1].entry_id))
    assert line
    room.does(
        WriteLog(station=DISPATCH_ROOM, kind=LogKind.NOTE, at_us=room.at_us, text="调度交接正常")
    )
    return room


def values(report: DailyReport) -> dict[str, float]:
    return {each.key: each.value for each in report.figures if each.value}


def test_the_numbers_of_a_day_for_the_site_and_for_a_station(
    records: SqlRecords, site: Site
) -> None:
    records.commit(_day().everything, 1)
    day = date(2026, 5, 1)
    whole = values(daily_report(records.engine, site, day))
    assert whole == {
        "class_fault": 2,
        "class_limit": 1,
        "urgent": 2,
        "minor": 1,
        "notices": 2,
        "trips": 1,
        "incidents": 2,
        "incidents_open": 2,
        "tickets_permitted": 1,
        "tickets_ended": 1,
        "tags_hung": 2,
        "tags_removed": 1,
        "tags_hanging": 1,
        "orders_received": 1,
    }
    station = values(daily_report(records.engine, site, day, STATION))
    others = ("class_limit", "minor")
    expected = {key: value for key, value in whole.items() if key not in others}
    assert station == expected | {"incidents": 1, "incidents_open": 1}
    assert values(daily_report(records.engine, site, day, OTHER.station)) == {
        "class_limit": 1,
        "minor": 1,
        "incidents": 1,
        "incidents_open": 1,
    }
    assert set(values(daily_report(records.engine, site, date(2026, 4, 30)))) == set()
    after = values(daily_report(records.engine, site, date(2026, 5, 2)))
    assert after == {"incidents_open": 2, "tags_hanging": 1}


def test_the_written_query_gives_the_number_that_is_shown(
    records: SqlRecords, store: RecordsStore, site: Site
) -> None:
    """By a program that knows nothing of ours; a quote in a name stays one."""
    records.commit(_day().everything, 1)
    from_us = from_datetime(to_datetime(0).replace(year=2026))
    scopes = [Scope(), *(scope_of(site.plan(), each) for each in (STATION, OTHER.station))]
    with closing(_by_hand(store)) as database:
        for scope in scopes:
            for figure in counted(records.engine, from_us, from_us + 365 * DAY_US, scope):
                found = database.execute(figure.query).fetchone()
                assert found[0] == figure.value, figure.query


def test_what_interruptions_cost_is_that_of_the_example_of_ieee_1366(
    records: SqlRecords, store: RecordsStore
) -> None:
    """DOMAIN E3: 2000 customers; what is momentary, still lasts or does not count stays out."""
    sustained = (
        *((8.17, 200), (71.3, 600), (30.3, 25), (267.2, 90), (120.0, 700), (10.0, 1500)),
        *((40.0, 100), (0.5, 400), (1.0, 2000)),
    )
    rows = [
        {
            "source_id": UUID(int=number),
            "section_id": "1",
            "feeder_id": "113",
            "station": STATION,
            "planned": False,
            "counts": True,
            "customers": customers,
            "transformer_users": 0,
            "began_at_us": DAY_US + number,
            "ended_at_us": DAY_US + number + round(minutes * MINUTE_US),
            "version": 1,
        }
        for number, (minutes, customers) in enumerate(sustained)
    ]
    rows.append(rows[0] | {"source_id": UUID(int=90), "ended_at_us": None})
    rows.append(rows[1] | {"source_id": UUID(int=91), "counts": False})
    rows.append(rows[1] | {"source_id": UUID(int=92), "station": OTHER.station})
    with writing(records.engine) as connection:
        connection.execute(interruptions.insert(), rows)
    scope = Scope(station=STATION, customers=2_000, momentary_us=5 * MINUTE_US)
    found = {each.key: each for each in counted(records.engine, DAY_US, 2 * DAY_US, scope)}
    assert found["customer_minutes"].value == pytest.approx(172_219.5, abs=0.5)
    assert found["saidi_minutes"].value == pytest.approx(86.110, abs=0.001)
    with closing(_by_hand(store)) as database:
        (by_hand,) = database.execute(found["saidi_minutes"].query).fetchone()
    assert float(by_hand) == pytest.approx(found["saidi_minutes"].value)
    nobody = counted(records.engine, DAY_US, 2 * DAY_US, replace(scope, customers=0))
    assert {each.key: each.value for each in nobody}["saidi_minutes"] == 0


def test_hand_overs_are_counted_at_their_post(records: SqlRecords, site: Site) -> None:
    post = Post().at("2026-05-02 08:31")
    post.signs()
    post.takes()
    records.commit(post.everything, 1)
    day = date(2026, 5, 2)
    for station in (None, STATION):
        found = values(daily_report(records.engine, site, day, station))
        assert (found["handovers"], found["handovers_late"]) == (1, 1)
        assert found["class_abnormal"] == 1, "the late hand-over is an alarm at the post"
    assert "handovers" not in values(daily_report(records.engine, site, day, OTHER.station))


def test_the_report_as_text_as_sheet_and_for_a_program(records: SqlRecords, site: Site) -> None:
    records.commit(_day().everything, 1)
    report = daily_report(records.engine, site, date(2026, 5, 1), STATION)
    chinese = list(report_lines(report, site, "zh-CN"))
    assert any(line.strip() == "事故跳闸: 1" for line in chinese)
    assert any("113联合站线 油温 事故跳闸" in line for line in chinese)
    english = "\n".join(report_lines(report, site, "en"))
    assert "trips: 1" in english
    assert "tripped" in english
    headings, rows = report_sheet(report, site, "en")
    assert headings == ["What", "Count", "Query"]
    assert len(rows) == len(COUNTS) + len(report.trips) + len(report.notices)
    facts = json.loads(json.dumps(report_facts(report, site, "zh-CN")))
    assert facts["figures"]["trips"]["value"] == 1
    assert facts["day"] == "2026-05-01"


def test_nobody_is_named_for_a_violation() -> None:
    (violations,) = [each for each in COUNTS if each.key == "violations_confirmed"]
    assert re.match(r"SELECT count\(\*\) FROM reviews", violations.sql)


def test_what_cannot_be_reported_on_is_said(records: SqlRecords, site: Site) -> None:
    with pytest.raises(NoReport, match="write it as in 2026-11-24"):
        day_of("gestern", site, 0)
    with pytest.raises(NoReport, match="no station is named"):
        daily_report(records.engine, site, date(2026, 5, 1), "35kV柳塬")
    noon = from_datetime(to_datetime(0).replace(year=2026, month=5, day=2, hour=4))
    assert day_of(None, site, noon) == date(2026, 5, 1)


@pytest.mark.parametrize("key", [each.key for each in COUNTS])
def test_every_number_has_a_word_in_both_languages(key: str) -> None:
    assert figure_word(key) != figure_word(key, "en")


def test_a_condition_has_no_number_of_its_own() -> None:
    with pytest.raises(KeyError):
        figure_word(Condition.HIGH)
