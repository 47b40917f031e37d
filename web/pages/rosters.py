"""Rosters: a month of who turns when, by person and by zone; Excel out and in; a single day planned anew."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from nicegui import ui

from domain.access import may
from domain.arrangements import PlannedDay, PlannedDays
from domain.clock import system_clock
from domain.ids import PersonId
from domain.organisation import Roster, Zone
from domain.reasons import reason_text
from domain.requests import PlanDays
from linkage.rosters import Duty, duties_of_day
from service.excel import BadWorkbook, read_sheet
from service.roster_sheet import (
    ReadMonth,
    days_of_month,
    month_sheet,
    persons_of,
    read_month,
    shifts_of,
    turns_of,
)
from web.components.calendar import MonthBar, day_of, listed_days, today
from web.components.download import excel_button
from web.components.month import Line, Square, day_list, month_table
from web.components.upload import excel_upload
from web.shell import Visit, console_page

_PROBLEMS_TOLD: Final = 8


@dataclass(slots=True)
class _Chosen:
    roster: Roster
    month: date
    by_zone: bool = False


@console_page("/rosters", "rosters.title")
def rosters_page(visit: Visit) -> None:
    rosters = {each.roster_id: each for each in visit.console.site.organisation.rosters}
    if not rosters:
        ui.label(visit.say("rosters.title")).classes("gw-title")
        ui.label(visit.say("rosters.empty")).classes("gw-note")
        return
    chosen = _Chosen(next(iter(rosters.values())), today(visit).replace(day=1))
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("rosters.title")).classes("gw-title")
        ui.select(
            {key: each.name for key, each in rosters.items()},
            value=chosen.roster.roster_id,
            label=visit.say("rosters.roster"),
            on_change=lambda event: choose(rosters[event.value]),
        ).props("dense outlined options-dense").style("min-width:180px")
        kinds = {False: visit.say("rosters.by_person"), True: visit.say("rosters.by_zone")}
        ui.toggle(kinds, value=False, on_change=lambda event: turn_to(event.value)).props(
            "no-caps dense"
        )
        ui.space()
        excel_button(visit, "roster", lambda: _sheet(visit, chosen))
        if may(visit.user.roles, PlanDays):
            _planning(visit, chosen)
    bar = MonthBar(visit, lambda: refresh())
    frame = ui.html("", sanitize=False).classes("w-full")
    ui.label(visit.say("rosters.legend")).classes("gw-soft")

    def choose(roster: Roster) -> None:
        chosen.roster = roster
        refresh()

    def turn_to(by_zone: bool) -> None:
        chosen.by_zone = by_zone
        refresh()

    def refresh() -> None:
        chosen.month = bar.month
        frame.set_content(_drawn(visit, chosen))

    bar.begin()
    visit.on_change({"arrangement"}, refresh)


def _drawn(visit: Visit, chosen: _Chosen) -> str:
    dates = days_of_month(chosen.month)
    days = [day_of(visit, each) for each in dates]
    lines = _zone_lines(visit, dates) if chosen.by_zone else _person_lines(visit, chosen, dates)
    corner = visit.say("rosters.zone" if chosen.by_zone else "rosters.person")
    listed = listed_days(visit, dates)
    short = [Line(name=each.name, squares=each.squares[listed]) for each in lines]
    return month_table(corner, days, lines) + day_list(days[listed], short)


def _person_lines(visit: Visit, chosen: _Chosen, dates: list[date]) -> list[Line]:
    who, roster = visit.console.responsibility, chosen.roster
    turns = turns_of(who, roster, dates)
    return [
        Line(
            name=visit.console.person(person),
            squares=[_square(visit, roster, person, day, duties) for day, duties in turns.items()],
        )
        for person in persons_of(roster, turns)
    ]


def _square(
    visit: Visit, roster: Roster, person: PersonId, day: date, duties: list[Duty]
) -> Square:
    shifts = shifts_of(person, duties)
    zone = visit.console.site.zone
    starts = [duty.starts_us for duty in duties if person in duty.crew.persons]
    away = any(visit.console.responsibility.is_away(person, at_us) for at_us in starts)
    by_cycle = shifts_of(person, duties_of_day(roster, day, zone))
    mark = "" if shifts == by_cycle else "*"
    if away:
        return Square(text=visit.say("rosters.leave") + mark, away=True)
    if not shifts:
        return Square(text=mark or visit.say("rosters.rest"))
    return Square(text=" ".join(shifts) + mark, colour=list(roster.shifts).index(shifts[0]))


def _zone_lines(visit: Visit, dates: list[date]) -> list[Line]:
    """Every zone that has a roster: who acts there, one shift after the other."""
    organisation = visit.console.site.organisation
    rosters = {each.roster_id: each for each in organisation.rosters}
    turns = {
        roster_id: turns_of(visit.console.responsibility, roster, dates)
        for roster_id, roster in rosters.items()
    }
    return [
        Line(
            name=zone.name,
            squares=[_zone_square(visit, duties) for duties in turns[str(zone.roster_id)].values()],
        )
        for zone in _with_roster(organisation.zones, rosters)
    ]


def _with_roster(zones: tuple[Zone, ...], rosters: dict[str, Roster]) -> list[Zone]:
    return [each for each in zones if each.roster_id in rosters]


def _zone_square(visit: Visit, duties: list[Duty]) -> Square:
    """Of each shift the first who is there: he acts."""
    who = visit.console.responsibility
    acting: dict[str, str] = {}
    for duty in sorted(duties, key=lambda duty: duty.starts_us):
        there = who.there(duty, duty.starts_us)
        if there and not acting.get(duty.shift.name):
            acting[duty.shift.name] = visit.console.person(there[0])
        acting.setdefault(duty.shift.name, "")
    nobody = visit.say("rosters.nobody")
    parts = [f"{shift} {name or nobody}" for shift, name in acting.items()]
    bad = not all(acting.values())
    return Square(text="\n".join(parts), colour=0 if parts else None, bad=bad)


# -- planning ----------------------------------------------------------------------------------


def _planning(visit: Visit, chosen: _Chosen) -> None:
    excel_upload(visit.say("rosters.import"), lambda content: _import(visit, chosen, content))
    ui.button(visit.say("rosters.plan_day"), on_click=lambda: _plan_day(visit, chosen)).props(
        "no-caps outline dense"
    )


def _plan_day(visit: Visit, chosen: _Chosen) -> None:
    persons = {each.person_id: each.name for each in visit.console.site.organisation.persons}
    tomorrow = today(visit) + timedelta(days=1)
    with ui.dialog(value=True) as dialog, ui.card().style("min-width:300px; max-width:520px"):
        ui.label(f"{chosen.roster.name}: {visit.say('rosters.plan_day')}").classes("gw-head")
        person = ui.select(persons, label=visit.say("rosters.person"), with_input=True)
        day = ui.input(visit.say("rosters.day"), value=tomorrow.isoformat())
        shifts = ui.select(
            list(chosen.roster.shifts), multiple=True, value=[], label=visit.say("rosters.shifts")
        )
        for field in (person, day, shifts):
            field.classes("w-full")

        async def send() -> None:
            try:
                on = date.fromisoformat((day.value or "").strip())
            except ValueError:
                ui.notify(visit.say("arrangements.bad_day"), type="warning")
                return
            if not person.value:
                ui.notify(visit.say("arrangements.missing"), type="warning")
                return
            one = PlannedDay(
                person_id=PersonId(person.value), duty_date=on, shifts=tuple(shifts.value or ())
            )
            planned = PlannedDays(roster_id=chosen.roster.roster_id, days=(one,))
            outcome = await visit.ask(PlanDays(planned=planned))
            if outcome and outcome.done:
                dialog.close()

        with ui.row():
            ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _sheet(visit: Visit, chosen: _Chosen) -> tuple[list[str], list[list[object]]]:
    names = {each.person_id: each.name for each in visit.console.site.organisation.persons}
    who = visit.console.responsibility
    return month_sheet(who, chosen.roster, chosen.month, names, visit.language)


async def _import(visit: Visit, chosen: _Chosen, content: bytes) -> None:
    """The whole sheet or nothing of it: what is wrong is told cell by cell."""
    try:
        found = await asyncio.to_thread(_read, visit, chosen, content)
    except BadWorkbook as error:
        ui.notify(visit.say("rosters.not_imported", words=error), type="negative", multi_line=True)
        return
    if found.problems:
        words = _problems(visit, found)
        ui.notify(visit.say("rosters.not_imported", words=words), type="negative", multi_line=True)
        return
    if not found.planned.days:
        ui.notify(visit.say("rosters.nothing_new"), type="info")
        return
    outcome = await visit.ask(PlanDays(planned=found.planned))
    if outcome and outcome.done:
        ui.notify(visit.say("rosters.imported", count=len(found.planned.days)), type="positive")


def _read(visit: Visit, chosen: _Chosen, content: bytes) -> ReadMonth:
    site = visit.console.site
    return read_month(
        read_sheet(content),
        visit.console.responsibility,
        chosen.roster,
        site.organisation.persons,
        system_clock(),
        site.zone,
    )


def _problems(visit: Visit, found: ReadMonth) -> str:
    told = [
        f"{each.cell}: {reason_text(each.why, visit.language)}"
        for each in found.problems[:_PROBLEMS_TOLD]
    ]
    if len(found.problems) > _PROBLEMS_TOLD:
        told.append(visit.say("rosters.and_more", count=len(found.problems)))
    return "; ".join(told)
