"""Planned outages in a month: a row for each feeder, what overlaps on one day, and how each went."""

from datetime import date, datetime, timedelta

from nicegui import ui

from domain.access import may
from domain.clock import MINUTE_US, from_datetime
from domain.feeders import Feeder
from domain.outage_requests import EndPlannedOutage
from domain.outage_words import plan_word
from domain.outages import PlannedOutage, PlanState
from service.roster_sheet import days_of_month
from web.components.calendar import MonthBar, day_of, listed_days, month_from
from web.components.download import excel_button
from web.components.month import Line, Square, day_list, month_table
from web.components.outage_forms import OutageForms
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page

_NAMES = ("when", "feeder", "sections", "customers", "state", "why", "by")
_CHIPS = {
    PlanState.ANNOUNCED: "gw-p3",
    PlanState.UNDER_WAY: "gw-p2",
    PlanState.OVER: "gw-plain",
    PlanState.CANCELLED: "gw-p4",
}


@console_page("/planned-outages", "planned.title")
def planned_page(visit: Visit) -> None:
    found: list[PlannedOutage] = []
    forms = OutageForms(visit)
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("planned.title")).classes("gw-title")
        ui.space()
        forms.announcing()
        excel_button(visit, "planned-outages", lambda: _sheet(visit, found))
    bar = MonthBar(visit, lambda: refresh())
    frame = ui.html("", sanitize=False).classes("w-full")
    busy = ui.label("").classes("gw-note")
    columns = [Column(name, visit.say(f"planned.{name}"), wide=name == "why") for name in _NAMES]
    table = DataTable(
        [*columns, Column("acts", "")],
        visit.say("planned.none"),
        on_act=lambda act, planned: asked(act, planned),
    )

    async def asked(act: str, planned_id: str) -> None:
        (planned,) = (each for each in found if str(each.planned_id) == planned_id)
        if act == "change":
            forms.change(planned)
        elif planned.state is not PlanState.UNDER_WAY:
            forms.withdraw(planned)
        else:
            await visit.ask(EndPlannedOutage(planned_id=planned.planned_id))

    def refresh() -> None:
        found[:] = _of_month(visit, bar.month)
        frame.set_content(_drawn(visit, bar.month, found))
        days = _busy_days(visit, bar.month, found)
        busy.text = visit.say("planned.together", days=", ".join(f"{day:%m-%d}" for day in days))
        busy.set_visibility(bool(days))
        table.show([_row(visit, each) for each in found])

    bar.begin()
    visit.on_change({"planned_outage"}, refresh)


def _of_month(visit: Visit, month: date) -> list[PlannedOutage]:
    begins, ends = _start(visit, month), _start(visit, month_from(month, 1))
    every = visit.console.outages.planned_between(begins, ends)
    return [each for each in every if visit.user.in_scope(each.station)]


def _start(visit: Visit, day: date) -> int:
    zone = visit.console.site.zone
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=zone))


def _feeder(visit: Visit, planned: PlannedOutage) -> Feeder | None:
    return visit.console.plan.feeders.feeder(planned.feeder_id)


def _name(visit: Visit, planned: PlannedOutage) -> str:
    feeder = _feeder(visit, planned)
    return f"{planned.station} {feeder.name if feeder else planned.feeder_id}"


def _drawn(visit: Visit, month: date, found: list[PlannedOutage]) -> str:
    dates = days_of_month(month)
    days = [day_of(visit, each) for each in dates]
    standing = [each for each in found if each.state is not PlanState.CANCELLED]
    names = sorted({_name(visit, each) for each in standing})
    lines = [
        Line(
            name=name,
            squares=[
                _square(visit, day, [each for each in standing if _name(visit, each) == name])
                for day in dates
            ],
        )
        for name in names
    ]
    listed = listed_days(visit, dates)
    short = [Line(name=each.name, squares=each.squares[listed]) for each in lines]
    return month_table(visit.say("planned.feeder"), days, lines) + day_list(days[listed], short)


def _square(visit: Visit, day: date, of_feeder: list[PlannedOutage]) -> Square:
    on_it = [each for each in of_feeder if _touches(visit, each, day)]
    if not on_it:
        return Square(text="")
    late = any(each.state is PlanState.UNDER_WAY for each in on_it)
    return Square(text="\n".join(_hours(visit, each, day) for each in on_it), colour=0, bad=late)


def _touches(visit: Visit, planned: PlannedOutage, day: date) -> bool:
    begins, ends = _start(visit, day), _start(visit, day + timedelta(days=1))
    return planned.from_us < ends and planned.to_us > begins


def _hours(visit: Visit, planned: PlannedOutage, day: date) -> str:
    """08:00-12:00, of this day alone."""
    begins, ends = _start(visit, day), _start(visit, day + timedelta(days=1))
    until = min(planned.to_us, ends) - (MINUTE_US if planned.to_us >= ends else 0)
    return f"{visit.time(max(planned.from_us, begins), '%H:%M')}-{visit.time(until, '%H:%M')}"


def _busy_days(visit: Visit, month: date, found: list[PlannedOutage]) -> list[date]:
    """On which more than one is planned at the same time: crews and restoration want to know."""
    open_ones = [each for each in found if each.is_open]
    return [
        day
        for day in days_of_month(month)
        for on_it in ([each for each in open_ones if _touches(visit, each, day)],)
        if any(
            one is not other and one.from_us < other.to_us and other.from_us < one.to_us
            for one in on_it
            for other in on_it
        )
    ]


def _row(visit: Visit, planned: PlannedOutage) -> Row:
    acts = []
    if planned.is_open and may(visit.user.roles, EndPlannedOutage):
        word = "over" if planned.state is PlanState.UNDER_WAY else "withdraw"
        acts = [["change", visit.say("outages.change")], ["end", visit.say(f"planned.{word}")]]
    return {
        "id": str(planned.planned_id),
        "when": f"{visit.time(planned.from_us, '%m-%d %H:%M')} - {visit.time(planned.to_us, '%m-%d %H:%M')}",
        "feeder": _name(visit, planned),
        "sections": ", ".join(planned.sections),
        "customers": str(planned.customers),
        "state": plan_word(planned.state, visit.language),
        "state_chip": _CHIPS[planned.state],
        "why": _why(visit, planned),
        "by": planned.announced_by,
        "acts": acts,
    }


def _why(visit: Visit, planned: PlannedOutage) -> str:
    """Of it, of its late announcement, and of its withdrawal."""
    words = [planned.why, planned.late_because]
    if planned.withdrawn_because:
        because = planned.withdrawn_because
        words.append(visit.say("planned.withdrawn", by=planned.ended_by, why=because))
    return "; ".join(word for word in words if word)


def _sheet(visit: Visit, found: list[PlannedOutage]) -> tuple[list[str], list[list[object]]]:
    headings = [visit.say(f"planned.{name}") for name in _NAMES]
    rows = [_row(visit, each) for each in found]
    return headings, [[row[name] for name in _NAMES] for row in rows]
