"""rosters.yaml: cycles of shifts, the crews that turn through them, holidays, and who is on leave."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from domain.clock import MINUTE_US
from domain.ids import PersonId, TeamId
from domain.organisation import Crew, DayPattern, Holiday, Leave, Person, Roster, Shift, Team
from service.site.dates import day_of, overlap, validity_of
from service.site.found import Found, document
from service.site.nodes import Fields, Value
from service.site.words import MARKS

REST: Final = frozenset({"休", "rest", "下夜班", "after-night"})  # 下夜班: home after the night

_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DAY_MINUTES: Final = 24 * 60

_Read = tuple[tuple[Roster, ...], tuple[Leave, ...], tuple[Holiday, ...]]


def read_rosters(
    folder: Path,
    zone: ZoneInfo,
    found: Found,
    teams: Mapping[TeamId, Team],
    persons: Mapping[PersonId, Person],
) -> _Read:
    fields = document(folder, folder / "rosters.yaml", found)
    if fields is None:
        found.unreadable.add("roster")
        return (), (), ()
    fields.name = "rosters.yaml"
    rosters: list[Roster] = []
    for group in fields.groups("rosters", "a roster"):
        roster = _roster(group, found, teams, persons)
        at = group.value("id") or group
        if roster.roster_id and found.is_new("roster", roster.roster_id, at):
            rosters.append(roster)
    leaves: list[Leave] = []
    for group in fields.groups("leaves", "a leave", required=False):
        _read_leave(group, zone, found, persons, leaves)
    holidays: list[Holiday] = []
    for group in fields.groups("holidays", "a holiday", required=False):
        _read_holiday(group, holidays)
    fields.done()
    return tuple(rosters), tuple(leaves), tuple(holidays)


def _roster(
    fields: Fields,
    found: Found,
    teams: Mapping[TeamId, Team],
    persons: Mapping[PersonId, Person],
) -> Roster:
    team = fields.text("team")
    at = fields.value("team")
    if at and team:
        found.expect(at, "team", team, teams)
    shifts = {}
    for group in fields.groups("shifts", "a shift"):
        shift = _shift(group)
        if shift.name in shifts:
            group.wrong(f"shift {shift.name} is given twice")
        shifts[shift.name] = shift
    cycle = tuple(_cycle_day(value, shifts) for value in fields.items("cycle"))
    crews = [_crew(group, len(cycle), found, persons) for group in fields.groups("crews", "a crew")]
    roster = Roster(
        roster_id=fields.text("id"),
        name=fields.text("name"),
        team_id=TeamId(team),
        anchor=day_of(fields, "anchor") or date(2026, 1, 1),
        shifts=shifts,
        cycle=cycle,
        crews=tuple(crews),
        mark=fields.choice("mark", MARKS, "D"),
        on_holidays=_patterns(fields, "on_holidays", shifts),
        on_working_days=_patterns(fields, "on_working_days", shifts),
    )
    inside = all(crew.offset_days < len(cycle) for crew in crews)
    one_each = fields.flag("one_crew_per_shift", False)
    if one_each and inside:
        _expect_one_crew_each(fields, roster)
    roster = _with_handover(fields, roster, one_each)
    fields.done()
    return roster


def _with_handover(fields: Fields, roster: Roster, one_each: bool) -> Roster:
    """A post that is never left hands over from crew to crew, unless the site says that it does not."""
    minutes = sum(shift.length_minutes for shift in roster.shifts.values())
    on_call = any(shift.on_call for shift in roster.shifts.values())
    never_left = one_each and not on_call and minutes >= _DAY_MINUTES
    wanted = fields.flag("handover", never_left)
    post = fields.text("post", fallback=roster.name)
    late_after_us = fields.duration("late_after", roster.late_after_us)
    if wanted and (on_call or not one_each):
        at = fields.value("handover") or fields
        at.wrong("handover needs one_crew_per_shift: true, and no shift on call")
    if wanted and late_after_us <= 0:
        (fields.value("late_after") or fields).wrong("late_after must be longer than 0")
    return replace(roster, post=post if wanted else "", late_after_us=late_after_us)


def _shift(fields: Fields) -> Shift:
    shift = Shift(
        name=fields.text("name"),
        start_minute=_minute(fields),
        length_minutes=fields.duration("lasts") // MINUTE_US,
        on_call=fields.flag("on_call", False),
    )
    fields.done()
    lasts = fields.value("lasts")
    if lasts and not 0 < shift.length_minutes <= _DAY_MINUTES:
        lasts.wrong("a shift lasts longer than 0 and at most 24h")
    return shift


def _minute(fields: Fields) -> int:
    value = fields.value("from", required=True)
    written = value.written() if value else None
    match = _TIME.fullmatch(written) if written else None
    if value and written is not None and match is None:
        value.wrong(f"from must be a time of day such as 08:00, not {written!r}")
    return int(match[1]) * 60 + int(match[2]) if match else 0


def _cycle_day(value: Value, shifts: Mapping[str, Shift]) -> tuple[str, ...]:
    """One day of the cycle: a shift, a list of shifts, or rest."""
    value.name = "a day of the cycle"
    parts = value.items() if value.is_list else [value]
    names = [(part, name) for part in parts if (name := part.text())]
    for part, name in names:
        if name not in shifts and name not in REST:
            known = ", ".join([*shifts, *sorted(REST)])
            part.wrong(f"no shift is named {name!r}; there are {known}")
    return tuple(name for _, name in names if name in shifts)


def _patterns(fields: Fields, key: str, shifts: Mapping[str, Shift]) -> tuple[DayPattern, ...]:
    """What a day of the cycle becomes on a holiday, or on a day of rest that is worked in exchange."""
    found: list[DayPattern] = []
    for group in fields.groups(key, "a pattern", required=False):
        instead_of = group.value("instead_of", required=True)
        does = group.value("shifts", required=True)
        group.done()
        if instead_of is None or does is None:
            continue
        pattern = DayPattern(
            instead_of=_cycle_day(instead_of, shifts), shifts=_cycle_day(does, shifts)
        )
        if any(each.instead_of == pattern.instead_of for each in found):
            group.wrong(f"{key} tells twice what such a day becomes")
        found.append(pattern)
    return tuple(found)


def _crew(fields: Fields, days: int, found: Found, persons: Mapping[PersonId, Person]) -> Crew:
    crew = Crew(
        crew_id=fields.text("id"),
        name=fields.text("name"),
        offset_days=fields.whole("offset", 0, 10_000, fallback=0),
        persons=tuple(_persons(fields, found, persons)),
    )
    offset = fields.value("offset")
    if offset and days and crew.offset_days >= days:
        offset.wrong(f"offset {crew.offset_days} lies outside the cycle of {days} days")
    fields.done()
    return crew


def _persons(fields: Fields, found: Found, persons: Mapping[PersonId, Person]) -> list[PersonId]:
    named = []
    for value in fields.items("persons"):
        name = value.text()
        if name and found.expect(value, "person", name, persons):
            named.append(PersonId(name))
    return named


def _expect_one_crew_each(fields: Fields, roster: Roster) -> None:
    for day in range(len(roster.cycle)):
        taken: dict[str, str] = {}
        for crew in roster.crews:
            for name in roster.cycle[(day + crew.offset_days) % len(roster.cycle)]:
                if name in taken:
                    fields.wrong(
                        f"{taken[name]} and {crew.name} have {name} on the same day: "
                        "look at their offsets"
                    )
                    return
                taken[name] = crew.name


def _read_holiday(fields: Fields, holidays: list[Holiday]) -> None:
    """`first` and `last` are both holidays; `working` says that these days of rest are worked."""
    name = fields.text("name")
    first, last = day_of(fields, "first"), day_of(fields, "last")
    working = fields.flag("working", False)
    mark = fields.choice("mark", MARKS, "D")
    fields.value("first", required=True)
    at = fields.value("last", required=True)
    fields.done()
    if at is None or first is None or last is None:
        return
    if last < first:
        at.wrong("last must not be before first")
        return
    if any(each.first <= last and first <= each.last for each in holidays):
        fields.wrong("two holidays have a day in common")
    holidays.append(Holiday(name=name, first=first, last=last, working=working, mark=mark))


def _read_leave(
    fields: Fields,
    zone: ZoneInfo,
    found: Found,
    persons: Mapping[PersonId, Person],
    leaves: list[Leave],
) -> None:
    person = PersonId(fields.text("person"))
    validity = validity_of(fields, zone)
    fields.value("from", required=True)
    fields.value("until", required=True)
    fields.done()
    at = fields.value("person")
    if at is None or not person or not found.expect(at, "person", person, persons):
        return
    if any(leave.person_id == person and overlap(leave.validity, validity) for leave in leaves):
        at.wrong(f"{person} is on leave at that time already")
    leaves.append(Leave(person_id=person, validity=validity))
