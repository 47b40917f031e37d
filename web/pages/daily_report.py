"""The daily report of the site or of one station, each number with its query; print view and Excel."""

from datetime import timedelta

from nicegui import ui

from domain.clock import system_clock
from domain.log_words import log_text
from service.daily_report import (
    DailyReport,
    NoReport,
    daily_report,
    day_of,
    notice_text,
    report_rows,
    report_sheet,
)
from web.components.download import excel_button
from web.components.printing import print_button
from web.components.table import Column, DataTable
from web.finding import stations_in_sight
from web.shell import Visit, console_page

_WHOLE_SITE = ""


@console_page("/report", "daily_report.title")
def report_page(visit: Visit) -> None:
    shown: list[DailyReport] = []
    site = visit.console.site
    today = day_of(visit.time(system_clock(), "%Y-%m-%d"), site, system_clock())
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("daily_report.title")).classes("gw-title")
        day = ui.input(
            visit.say("daily_report.day"),
            value=(today - timedelta(days=1)).isoformat(),
            on_change=lambda: count(),
        ).props("dense outlined debounce=400")
        everything = {} if visit.user.stations else {_WHOLE_SITE: visit.say("common.all")}
        stations = everything | {each: each for each in stations_in_sight(visit)}
        station = ui.select(
            stations,
            value=next(iter(stations), None),
            label=visit.say("daily_report.station"),
            on_change=lambda: count(),
        ).props("dense outlined options-dense")
        station.style("min-width:150px")
        for name, chosen in (("yesterday", today - timedelta(days=1)), ("today", today)):
            ui.button(
                visit.say(f"daily_report.{name}"),
                on_click=lambda chosen=chosen: day.set_value(chosen.isoformat()),
            ).props("no-caps flat dense").classes("gw-noprint")
        ui.space()
        print_button(visit)
        excel_button(visit, "daily-report", lambda: _sheet(visit, shown))
    names = ("figure", "value", "query")
    figures = DataTable(
        [Column(each, visit.say(f"daily_report.{each}"), wide=each == "query") for each in names],
        visit.say("daily_report.nothing"),
    )
    tables = {part: _listed(visit, part) for part in ("trips", "notices")}

    def count() -> None:
        try:
            chosen = day_of(day.value, site, system_clock())
            place = str(station.value or "") or None
            if place is None and visit.user.stations:
                raise NoReport("a user of some stations sees those")
            report = daily_report(visit.console.alarms.engine, site, chosen, place)
        except NoReport:
            ui.notify(visit.say("daily_report.bad_day"), type="warning")
            return
        shown[:] = [report]
        figures.show(
            [
                {"id": name, "figure": name, "value": f"{value:g}", "query": query}
                for name, value, query in report_rows(report, visit.language)
            ]
        )
        tables["trips"].show(
            [
                {
                    "id": str(each.entry_id),
                    "when": visit.time(each.at_us, "%H:%M:%S"),
                    "what": log_text(each, visit.language),
                }
                for each in report.trips
            ]
        )
        tables["notices"].show(
            [
                {
                    "id": str(each.raised.event_id),
                    "when": visit.time(each.raised.detected_at_us, "%H:%M:%S"),
                    "what": notice_text(site, each, visit.language),
                }
                for each in report.notices
            ]
        )

    count()


def _listed(visit: Visit, part: str) -> DataTable:
    ui.label(visit.say(f"daily_report.{part}")).classes("gw-head")
    return DataTable(
        [
            Column(each, visit.say(f"daily_report.{each}"), wide=each == "what")
            for each in ("when", "what")
        ],
        visit.say(f"daily_report.no_{part}"),
    )


def _sheet(visit: Visit, shown: list[DailyReport]) -> tuple[list[str], list[list[object]]]:
    if not shown:
        return [visit.say("daily_report.figure")], []
    return report_sheet(shown[0], visit.console.site, visit.language)
