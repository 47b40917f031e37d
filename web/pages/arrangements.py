"""What people arrange: who is away, who stands in, swaps, moves, takes over; and where nobody answers."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from nicegui import ui

from domain.access import may, may_know_why
from domain.arrangements import Arrangement, Handover, Move, Swap, Turn
from domain.clock import from_datetime, system_clock, to_datetime
from domain.ids import PersonId, TeamId, ZoneId
from domain.organisation import Holiday
from domain.requests import (
    Delegate,
    EndArrangement,
    HandOverZone,
    MarkHoliday,
    MovePerson,
    ProposeSwap,
    Request,
    TakeLeave,
)
from domain.responsibility import Kind
from domain.wording import condition_word
from linkage.supervision import Lapse, Supervision
from web.arrangement_words import arrangement_text, state_text
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page

_PATTERN: Final = "%Y-%m-%d %H:%M"
_PAST_AT_MOST: Final = 100
_NAMES: Final = ("kind", "what", "from", "until", "by", "state")

Send = Callable[[], Awaitable[None]]


@console_page("/arrangements", "arrangements.title")
def arrangements_page(visit: Visit) -> None:
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("arrangements.title")).classes("gw-title")
        ui.space()
        for request, kind, form in _FORMS:
            if may(visit.user.roles, request):
                ui.button(
                    visit.say(f"arrangements.kind_{kind}"),
                    on_click=lambda form=form, kind=kind: form(visit, kind),
                ).props("no-caps outline dense").classes("q-px-sm")
    lapses = ui.element("div").classes("gw-card")
    ui.label(visit.say("arrangements.standing")).classes("gw-head")
    standing = _table(visit, "arrangements.empty")
    ui.label(visit.say("arrangements.past")).classes("gw-head")
    past = _table(visit, "arrangements.no_past")

    def refresh() -> None:
        now_us = system_clock()
        every = list(reversed(visit.console.arranged.every()))
        over = [each for each in every if each.is_over(now_us)]
        standing.show([_row(visit, each) for each in every if not each.is_over(now_us)])
        past.show([_row(visit, each) for each in over[:_PAST_AT_MOST]])
        _show_lapses(visit, lapses, now_us)

    refresh()
    visit.on_change({"arrangement", "ticket"}, refresh)


def _table(visit: Visit, empty: str) -> DataTable:
    async def undo(act: str, arrangement: str) -> None:
        del act
        await visit.ask(EndArrangement(arrangement_id=UUID(arrangement)))

    return DataTable(
        [
            *(
                Column(name, visit.say(f"arrangements.{name}"), wide=name == "what")
                for name in _NAMES
            ),
            Column("acts", ""),
        ],
        visit.say(empty),
        on_act=undo,
    )


def _row(visit: Visit, arrangement: Arrangement) -> Row:
    what = arrangement_text(visit, arrangement)
    if _knows_why(visit, arrangement):
        what += " " + visit.say("arrangements.why_told", words=arrangement.private)
    over = arrangement.is_over(system_clock()) or arrangement.work_site is not None
    ends = may(visit.user.roles, EndArrangement) and not over
    state = state_text(visit, arrangement)
    return {
        "id": str(arrangement.arrangement_id),
        "kind": visit.say(f"arrangements.kind_{arrangement.kind.value}"),
        "kind_chip": "gw-plain",
        "what": what,
        "from": visit.time(arrangement.from_us, _PATTERN),
        "until": visit.time(arrangement.validity.until_us, _PATTERN)
        if arrangement.validity.until_us != arrangement.from_us
        else "",
        "by": arrangement.by,
        "state": state,
        "acts": [["undo", visit.say("arrangements.undo")]] if ends else [],
    }


def _knows_why(visit: Visit, arrangement: Arrangement) -> bool:
    if arrangement.leave is None:
        return False
    who = visit.console.responsibility
    team_id = who.team_of(arrangement.leave.person_id, arrangement.from_us)
    teams = {each.team_id: each.lead for each in visit.console.site.organisation.teams}
    return may_know_why(visit.user, arrangement, teams.get(team_id) if team_id else None)


def _show_lapses(visit: Visit, frame: ui.element, now_us: int) -> None:
    site = visit.console.site
    supervision = Supervision(site.organisation, site.assets, visit.console.responsibility)
    now, ahead = supervision.lapses(now_us), supervision.ahead(now_us, site.zone)
    frame.clear()
    with frame:
        if now:
            ui.label(visit.say("arrangements.lapses")).classes("gw-head")
        for lapse in now:
            ui.label(_lapse_text(visit, lapse)).classes("text-negative")
        ui.label(visit.say("arrangements.ahead")).classes("gw-head")
        if not ahead and not now:
            ui.label(visit.say("arrangements.in_order")).classes("gw-soft")
        for at_us, lapse in ahead:
            when = visit.time(at_us, "%m-%d %H:%M")
            what = _lapse_text(visit, lapse)
            ui.label(visit.say("arrangements.from_when", when=when, what=what))


def _lapse_text(visit: Visit, lapse: Lapse) -> str:
    asset = visit.console.asset(lapse.asset_id)
    words = condition_word(lapse.condition, visit.language)
    return " ".join(word for word in (asset.station, asset.name, lapse.detail, words) if word)


# -- forms -------------------------------------------------------------------------------------


def _leave(visit: Visit, kind: str) -> None:
    with _dialog(visit, kind) as dialog:
        person = _choice(visit, "person", _persons(visit))
        deputy = _choice(visit, "deputy", _persons(visit))
        begins, ends = _times(visit)
        why = ui.input(visit.say("arrangements.why")).classes("w-full")

        async def send() -> None:
            times = _read_times(visit, begins, ends)
            if times is not None and _given(visit, person):
                await _sent(
                    visit,
                    dialog,
                    TakeLeave(
                        person_id=PersonId(person.value),
                        from_us=times[0],
                        until_us=times[1],
                        deputy=PersonId(deputy.value) if deputy.value else None,
                        private=why.value or "",
                    ),
                )

        _buttons(visit, dialog, send)


def _delegation(visit: Visit, kind: str) -> None:
    with _dialog(visit, kind) as dialog:
        of = _choice(visit, "person", _persons(visit))
        to = _choice(visit, "to", _persons(visit))
        zone = _choice(visit, "zone", _zones(visit))
        matters = {each.value: visit.say(f"arrangements.matter_{each.value}") for each in Kind}
        matter = _choice(visit, "matter", matters)
        begins, ends = _times(visit)

        async def send() -> None:
            times = _read_times(visit, begins, ends)
            if times is not None and _given(visit, of, to):
                await _sent(
                    visit,
                    dialog,
                    Delegate(
                        of=PersonId(of.value),
                        to=PersonId(to.value),
                        from_us=times[0],
                        until_us=times[1],
                        zone_id=ZoneId(zone.value) if zone.value else None,
                        kind=Kind(matter.value) if matter.value else None,
                    ),
                )

        _buttons(visit, dialog, send)


def _swap(visit: Visit, kind: str) -> None:
    rosters = {each.roster_id: each for each in visit.console.site.organisation.rosters}
    with _dialog(visit, kind) as dialog:
        roster = _choice(visit, "roster", {key: each.name for key, each in rosters.items()})
        gives = _choice(visit, "gives", _persons(visit))
        day, shift = _turn(visit)
        takes = _choice(visit, "takes", _persons(visit))
        back = ui.checkbox(visit.say("arrangements.back"))
        other_day, other_shift = _turn(visit)
        for field in (other_day, other_shift):
            field.bind_visibility_from(back, "value")

        def choose_roster() -> None:
            chosen = rosters.get(str(roster.value))
            names = list(chosen.shifts) if chosen else []
            for field in (shift, other_shift):
                field.set_options(names, value=names[0] if names else None)

        roster.on_value_change(choose_roster)

        async def send() -> None:
            first = _day(visit, day.value)
            second = _day(visit, other_day.value) if back.value else None
            wanted = (roster, gives, takes, shift)
            if first is None or (back.value and second is None) or not _given(visit, *wanted):
                return
            one, other = PersonId(gives.value), PersonId(takes.value)
            returned = None
            if second is not None:
                returned = Turn(person_id=other, duty_date=second, shift=str(other_shift.value))
            given = Turn(person_id=one, duty_date=first, shift=str(shift.value))
            swap = Swap(roster_id=str(roster.value), given=given, by=other, returned=returned)
            await _sent(visit, dialog, ProposeSwap(swap=swap))

        ui.label(visit.say("approvals.agree")).classes("gw-soft")
        _buttons(visit, dialog, send)


def _holiday(visit: Visit, kind: str) -> None:
    with _dialog(visit, kind) as dialog:
        name = ui.input(visit.say("arrangements.name")).classes("w-full")
        first = _day_input(visit, "first")
        last = _day_input(visit, "last")
        working = ui.checkbox(visit.say("arrangements.working"))

        async def send() -> None:
            begins, ends = _day(visit, first.value), _day(visit, last.value)
            if begins is not None and ends is not None:
                holiday = Holiday(
                    name=name.value or "", first=begins, last=ends, working=bool(working.value)
                )
                await _sent(visit, dialog, MarkHoliday(holiday=holiday))

        _buttons(visit, dialog, send)


def _move(visit: Visit, kind: str) -> None:
    organisation = visit.console.site.organisation
    crews = {
        f"{roster.roster_id}/{crew.crew_id}": f"{roster.name} {crew.name}"
        for roster in organisation.rosters
        for crew in roster.crews
    }
    with _dialog(visit, kind) as dialog:
        person = _choice(visit, "person", _persons(visit))
        team = _choice(visit, "team", {each.team_id: each.name for each in organisation.teams})
        zone = _choice(visit, "into_zone", _zones(visit))
        crew = _choice(visit, "crew", crews)
        begins = _moment_input(visit, "from", 0)

        async def send() -> None:
            from_us = _moment(visit, begins.value)
            if from_us is None or not _given(visit, person, team):
                return
            roster_id, _, crew_id = str(crew.value or "").partition("/")
            move = Move(
                person_id=PersonId(person.value),
                team_id=TeamId(team.value),
                zone_id=ZoneId(zone.value) if zone.value else None,
                roster_id=roster_id,
                crew_id=crew_id,
            )
            await _sent(visit, dialog, MovePerson(move=move, from_us=from_us))

        _buttons(visit, dialog, send)


def _handover(visit: Visit, kind: str) -> None:
    members = [each for each in visit.console.site.organisation.persons if each.member]
    names = {each.person_id: each.name for each in members}
    with _dialog(visit, kind) as dialog:
        zone = _choice(visit, "one_zone", _zones(visit))
        owner = _choice(visit, "owner", names)
        deputy = _choice(visit, "zone_deputy", names)
        begins = _moment_input(visit, "from", 0)

        async def send() -> None:
            from_us = _moment(visit, begins.value)
            if from_us is None or not _given(visit, zone):
                return
            handover = Handover(
                zone_id=ZoneId(zone.value),
                owner=PersonId(owner.value) if owner.value else None,
                deputy=PersonId(deputy.value) if deputy.value else None,
            )
            await _sent(visit, dialog, HandOverZone(handover=handover, from_us=from_us))

        _buttons(visit, dialog, send)


_FORMS: Final[tuple[tuple[type[Request], str, Callable[[Visit, str], None]], ...]] = (
    (TakeLeave, "leave", _leave),
    (Delegate, "delegation", _delegation),
    (ProposeSwap, "swap", _swap),
    (MarkHoliday, "holiday", _holiday),
    (MovePerson, "move", _move),
    (HandOverZone, "handover", _handover),
)


@contextmanager
def _dialog(visit: Visit, kind: str) -> Iterator[ui.dialog]:
    with ui.dialog(value=True) as dialog, ui.card().style("min-width:300px; max-width:560px"):
        ui.label(visit.say(f"arrangements.kind_{kind}")).classes("gw-head")
        yield dialog


def _buttons(visit: Visit, dialog: ui.dialog, send: Send) -> None:
    with ui.row():
        ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
        ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


async def _sent(visit: Visit, dialog: ui.dialog, request: Request) -> None:
    outcome = await visit.ask(request)
    if outcome and outcome.done:
        dialog.close()


def _choice(visit: Visit, word: str, options: dict[Any, str]) -> ui.select:
    return ui.select(
        options, label=visit.say(f"arrangements.{word}"), with_input=True, clearable=True
    ).classes("w-full")


def _persons(visit: Visit) -> dict[str, str]:
    return {each.person_id: each.name for each in visit.console.site.organisation.persons}


def _zones(visit: Visit) -> dict[str, str]:
    return {each.zone_id: each.name for each in visit.console.site.organisation.zones}


def _turn(visit: Visit) -> tuple[ui.input, ui.select]:
    day = _day_input(visit, "day")
    shift = ui.select([], label=visit.say("arrangements.shift")).classes("w-full")
    return day, shift


def _day_input(visit: Visit, word: str) -> ui.input:
    tomorrow = _local(visit, system_clock()).date() + timedelta(days=1)
    return ui.input(visit.say(f"arrangements.{word}"), value=tomorrow.isoformat()).classes("w-full")


def _times(visit: Visit) -> tuple[ui.input, ui.input]:
    return _moment_input(visit, "from", 0), _moment_input(visit, "until", 1)


def _moment_input(visit: Visit, word: str, days: int) -> ui.input:
    """Midnight of tomorrow, and so many days later."""
    day = _local(visit, system_clock()).date() + timedelta(days=1 + days)
    value = datetime.combine(day, time()).strftime(_PATTERN)
    return ui.input(visit.say(f"arrangements.{word}"), value=value).classes("w-full")


def _local(visit: Visit, at_us: int) -> datetime:
    return to_datetime(at_us).astimezone(visit.console.site.zone)


def _read_times(visit: Visit, begins: ui.input, ends: ui.input) -> tuple[int, int] | None:
    from_us = _moment(visit, begins.value)
    until_us = _moment(visit, ends.value) if from_us is not None else None
    return None if from_us is None or until_us is None else (from_us, until_us)


def _moment(visit: Visit, written: str | None) -> int | None:
    try:
        local = datetime.strptime((written or "").strip(), _PATTERN)
    except ValueError:
        ui.notify(visit.say("paper.bad_time"), type="warning")
        return None
    return from_datetime(local.replace(tzinfo=visit.console.site.zone))


def _day(visit: Visit, written: str | None) -> date | None:
    try:
        return date.fromisoformat((written or "").strip())
    except ValueError:
        ui.notify(visit.say("arrangements.bad_day"), type="warning")
        return None


def _given(visit: Visit, *fields: ui.select) -> bool:
    complete = _all_given(each.value for each in fields)
    if not complete:
        ui.notify(visit.say("arrangements.missing"), type="warning")
    return complete


def _all_given(values: Iterable[object]) -> bool:
    return all(value not in (None, "") for value in values)
