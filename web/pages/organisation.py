"""The grid: who answers for what, the party units with their teams, and the rosters."""

from collections import Counter
from datetime import datetime, timedelta

from nicegui import ui

from domain.clock import from_datetime, system_clock, to_datetime
from domain.ids import PersonId
from domain.organisation import PartyUnit, Roster, Tenure, Zone
from domain.responsibility import Kind
from service.who import NothingFound, answer_lines, answer_of, find
from web.components.table import Column, DataTable
from web.shell import Visit, console_page

_DAYS = 14


@console_page("/organisation", "organisation.title")
def organisation_page(visit: Visit) -> None:
    ui.label(visit.say("organisation.title")).classes("gw-title")
    _ask(visit)
    organisation = visit.console.site.organisation
    if not organisation.zones:
        ui.label(visit.say("organisation.no_organisation")).classes("gw-note")
        return
    ui.label(visit.say("organisation.zones")).classes("gw-head")
    _zones(visit)
    ui.label(visit.say("organisation.tree")).classes("gw-head")
    with ui.element("div").classes("gw-card"):
        now_us = system_clock()
        for unit in organisation.units:
            if unit.parent is None and unit.validity.covers(now_us):
                _unit(visit, unit, now_us, 0)
    ui.label(
        f"{visit.say('organisation.rosters')}: {visit.say('organisation.next', days=_DAYS)}"
    ).classes("gw-head")
    for roster in organisation.rosters:
        _roster(visit, roster)


def _ask(visit: Visit) -> None:
    def ask() -> None:
        found.clear()
        with found:
            at_us = _moment(visit, at.value or "")
            if at_us is None:
                ui.label(visit.say("organisation.bad_time")).classes("text-negative")
                return
            try:
                subjects = find(visit.console.site, what.value or "")
            except NothingFound:
                ui.label(visit.say("common.nothing_found"))
                return
            who = visit.console.responsibility_now()
            if absent.value:
                who = who.supposing_absent(PersonId(each) for each in absent.value)
            for subject in subjects[:10]:
                answer = answer_of(who, subject, at_us, Kind(kind.value) if kind.value else None)
                lines = "\n".join(answer_lines(subject, answer, visit.language))
                ui.label(lines).style("white-space:pre-wrap").classes("gw-card")

    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("organisation.who")).classes("gw-head")
        with ui.element("div").classes("gw-bar"):
            what = ui.input(visit.say("organisation.what")).style("flex:2; min-width:200px")
            at = ui.input(visit.say("organisation.at")).style("flex:1; min-width:160px")
            kinds = {each.value: visit.say(f"arrangements.matter_{each.value}") for each in Kind}
            kind = ui.select(kinds, label=visit.say("organisation.matter"), clearable=True)
            persons = {
                each.person_id: each.name for each in visit.console.site.organisation.persons
            }
            absent = ui.select(
                persons, label=visit.say("organisation.if_absent"), multiple=True, with_input=True
            )
            for field in (kind, absent):
                field.style("flex:1; min-width:150px")
            what.on("keydown.enter", ask)
            ui.button(visit.say("organisation.ask"), on_click=ask).props("no-caps unelevated")
        found = ui.element("div").classes("gw-column q-mt-sm")


def _moment(visit: Visit, written: str) -> int | None:
    if not written.strip():
        return system_clock()
    try:
        local = datetime.fromisoformat(written.strip())
    except ValueError:
        return None
    return from_datetime(local if local.tzinfo else local.replace(tzinfo=visit.console.site.zone))


def _zones(visit: Visit) -> None:
    names = ("zone", "owner", "deputy", "acting", "unit", "covers")
    table = DataTable(
        [Column(name, visit.say(f"organisation.{name}")) for name in names],
        visit.say("common.nothing_found"),
    )
    now_us = system_clock()
    table.show(
        [
            _zone_row(visit, zone, now_us)
            for zone in visit.console.site.organisation.zones
            if zone.validity.covers(now_us)
        ]
    )


def _zone_row(visit: Visit, zone: Zone, now_us: int) -> dict[str, object]:
    who = visit.console.responsibility
    tenure = who.tenure(zone, now_us) or Tenure(owner=None)
    coverage = [each for each in zone.coverage if each.validity.covers(now_us)]
    acting = who.of_zone(zone.zone_id, now_us, Kind.FAULT).acting
    vacant = visit.say("organisation.vacant")
    return {
        "id": zone.zone_id,
        "zone": zone.name,
        "owner": visit.console.person(tenure.owner) if tenure.owner else vacant,
        "deputy": visit.console.person(tenure.deputy) if tenure.deputy else "-",
        "acting": acting.name if acting else vacant,
        "unit": visit.console.responsibility.unit_path(zone.unit_id, now_us),
        "covers": visit.say(
            "organisation.covers_text",
            assets=sum(len(each.assets) for each in coverage),
            places=sum(len(each.places) for each in coverage),
            people=sum(len(each.people) for each in coverage),
        ),
    }


def _unit(visit: Visit, unit: PartyUnit, now_us: int, depth: int) -> None:
    organisation = visit.console.site.organisation
    words = [unit.name]
    if unit.head:
        words.append(visit.console.person(unit.head))
    count = organisation.counts.get(unit.unit_id)
    if count:
        words.append(visit.say("organisation.count", count=count))
    if unit.team_id:
        teams = {team.team_id: team.name for team in organisation.teams}
        sizes = Counter(
            each.team_id for each in organisation.placements if each.validity.covers(now_us)
        )
        words.append(
            visit.say(
                "organisation.team",
                name=teams.get(unit.team_id, unit.team_id),
                count=sizes[unit.team_id],
            )
        )
    ui.label("  ".join(words)).style(f"padding-left:{depth * 24}px")
    for child in organisation.units:
        if child.parent == unit.unit_id and child.validity.covers(now_us):
            _unit(visit, child, now_us, depth + 1)


def _roster(visit: Visit, roster: Roster) -> None:
    zone = visit.console.site.zone
    today = to_datetime(system_clock()).astimezone(zone).date()
    days = [today + timedelta(days=ahead) for ahead in range(_DAYS)]
    who = visit.console.responsibility
    turns = [turn for day in days for turn in who.turns_of_day(roster, day)]
    with ui.element("div").classes("gw-card").style("overflow-x:auto"):
        ui.label(roster.name).classes("gw-head")
        with ui.element("div").style(
            f"display:grid; grid-template-columns:110px repeat({_DAYS}, minmax(64px, 1fr));"
            " gap:2px; font-size:12.5px; min-width:1000px"
        ):
            ui.label("")
            for day in days:
                ui.label(f"{day:%m-%d}").classes("gw-soft")
            for crew in roster.crews:
                ui.label(crew.name)
                for day in days:
                    shifts = [
                        turn.shift.name
                        for turn in turns
                        if turn.crew.crew_id == crew.crew_id and turn.duty_date == day
                    ]
                    ui.label(" ".join(shifts) or visit.say("organisation.rest")).classes(
                        "gw-plain" if shifts else "gw-soft"
                    ).style("padding:2px 4px")
