"""The daily report (运行日报): a day of the site or of a station, for a page, a sheet and the terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import Engine

from domain.clock import from_datetime, to_datetime
from domain.log_words import log_text
from domain.logbook import LogEntry
from domain.report_words import figure_word
from domain.wording import alarm_text
from linkage.plan import LinkagePlan
from service.site.model import Site
from service.site.problems import did_you_mean
from storage.daily_report import Counted, Scope, counted, notices, trips
from storage.records import RecordedEvent

HEADINGS = {"zh-CN": ("项目", "数值", "查询语句"), "en": ("What", "Count", "Query")}
_TRIPS = {"zh-CN": "事故跳闸", "en": "trips"}
_NOTICES = {"zh-CN": "提示级告知", "en": "notices (level 4)"}
_NONE = {"zh-CN": "无", "en": "none"}
_WHOLE_SITE = {"zh-CN": "全部", "en": "all stations"}


class NoReport(ValueError):
    """A day or a station that cannot be reported on; one sentence that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyReport:
    day: date  # of the site's zone
    station: str | None  # None: the whole site
    figures: tuple[Counted, ...]
    trips: tuple[LogEntry, ...]
    notices: tuple[RecordedEvent, ...]


def day_of(written: str | None, site: Site, now_us: int) -> date:
    """2026-11-24; yesterday without one. Raises NoReport."""
    today = to_datetime(now_us).astimezone(site.zone).date()
    if not written:
        return today - timedelta(days=1)
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise NoReport(f"{written!r} is no day: write it as in 2026-11-24") from error


def daily_report(engine: Engine, site: Site, day: date, station: str | None = None) -> DailyReport:
    """From midnight to midnight of the site's clock. Raises NoReport, StorageUnavailable."""
    plan = site.plan()
    from_us = _midnight(day, site)
    to_us = _midnight(day + timedelta(days=1), site)
    scope = scope_of(plan, station)
    return DailyReport(
        day=day,
        station=station,
        figures=tuple(counted(engine, from_us, to_us, scope)),
        trips=tuple(trips(engine, from_us, to_us, scope)),
        notices=tuple(notices(engine, from_us, to_us, scope)),
    )


def scope_of(plan: LinkagePlan, station: str | None) -> Scope:
    """Raises NoReport."""
    served = Scope(customers=plan.feeders.customers, momentary_us=plan.feeders.rules.momentary_us)
    if station is None:
        return served
    known = {asset.station for asset in plan.assets.values()}
    if station not in known:
        raise NoReport(f"no station is named {station!r}{did_you_mean(station, known)}")
    posts = [post for post in plan.posts if post.station == station]
    here = frozenset(each for each, asset in plan.assets.items() if asset.station == station)
    return replace(
        served,
        station=station,
        # an alarm about a late hand-over stands at its post
        asset_ids=here | {post.asset_id for post in posts},
        devices=[each.device_id for each in plan.devices if each.asset_id in here],
        points=[key for key, point in plan.points.items() if point.asset_id in here],
        posts=[post.post_id for post in posts],
    )


def notice_text(site: Site, notice: RecordedEvent, language: str) -> str:
    raised = notice.raised
    return alarm_text(raised, site.plan(language).asset(raised.asset_id), site.zone, language)


def report_rows(report: DailyReport, language: str) -> list[tuple[str, float, str]]:
    return [(figure_word(each.key, language), each.value, each.query) for each in report.figures]


def report_sheet(
    report: DailyReport, site: Site, language: str
) -> tuple[list[str], list[list[object]]]:
    """The numbers, then the trips, then the notices, in one sheet."""
    rows: list[list[object]] = [list(row) for row in report_rows(report, language)]
    rows += [[_TRIPS[language], "", log_text(each, language)] for each in report.trips]
    rows += [[_NOTICES[language], "", notice_text(site, each, language)] for each in report.notices]
    return list(HEADINGS[language]), rows


def report_lines(report: DailyReport, site: Site, language: str) -> Iterator[str]:
    """For a person."""
    yield f"{site.name} {report.day.isoformat()} {report.station or _WHOLE_SITE[language]}"
    for name, value, _ in report_rows(report, language):
        yield f"  {name}: {value:g}"
    yield f"{_TRIPS[language]}:{'' if report.trips else ' ' + _NONE[language]}"
    for line in report.trips:
        when = to_datetime(line.at_us).astimezone(site.zone).strftime("%H:%M:%S")
        yield f"  {when} {log_text(line, language)}"
    yield f"{_NOTICES[language]}:{'' if report.notices else ' ' + _NONE[language]}"
    for notice in report.notices:
        yield f"  {notice_text(site, notice, language)}"


def report_facts(report: DailyReport, site: Site, language: str) -> Mapping[str, object]:
    """For a program."""
    return {
        "site": site.code,
        "day": report.day.isoformat(),
        "station": report.station,
        "figures": {
            each.key: {"value": each.value, "query": each.query} for each in report.figures
        },
        "trips": [log_text(each, language) for each in report.trips],
        "notices": [notice_text(site, each, language) for each in report.notices],
    }


def _midnight(day: date, site: Site) -> int:
    return from_datetime(datetime.combine(day, time(), site.zone))
