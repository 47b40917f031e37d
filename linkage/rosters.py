"""Who is on duty: rosters as cycles of days. Pure.

A night shift belongs to the duty day on which it starts (DOMAIN D3); times are local wall time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from domain.clock import from_datetime, to_datetime
from domain.organisation import Crew, Holiday, Roster, Shift

_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One crew's turn: from `starts_us` (included) to `ends_us` (excluded)."""

    duty_date: date
    shift: Shift
    crew: Crew
    starts_us: int
    ends_us: int

    def covers(self, at_us: int) -> bool:
        return self.starts_us <= at_us < self.ends_us


Turns = Callable[[Roster, date, tzinfo], Iterable[Duty]]


def duties(
    roster: Roster, at_us: int, zone: tzinfo, turns: Turns | None = None
) -> tuple[Duty, ...]:
    """Those that cover the moment: people at their post before people on call. `turns` gives those of a day
    where they are not simply the cycle's."""
    today = to_datetime(at_us).astimezone(zone).date()
    days_back = max((_days_long(shift) for shift in roster.shifts.values()), default=0)
    # a shift that started before today may still run
    found = [
        duty
        for back in range(days_back + 1)
        for duty in (turns or duties_of_day)(roster, today - timedelta(days=back), zone)
        if duty.covers(at_us)
    ]
    return tuple(sorted(found, key=lambda duty: (duty.shift.on_call, -duty.starts_us)))


def duties_of_day(
    roster: Roster, day: date, zone: tzinfo, holiday: Holiday | None = None
) -> Iterator[Duty]:
    """The turns that belong to this day, whenever they end."""
    for crew in roster.crews:
        for name in shifts_of_day(roster, crew, day, holiday):
            yield duty_of(roster.shifts[name], crew, day, zone)


def shifts_of_day(
    roster: Roster, crew: Crew, day: date, holiday: Holiday | None = None
) -> tuple[str, ...]:
    """What the cycle says for the crew, or what the roster does instead on such a day."""
    step = ((day - roster.anchor).days + crew.offset_days) % len(roster.cycle)
    by_cycle = roster.cycle[step]
    if holiday is None:
        return by_cycle
    patterns = roster.on_working_days if holiday.working else roster.on_holidays
    named = (each.shifts for each in patterns if each.instead_of == by_cycle)
    return next(named, by_cycle)


def duty_of(shift: Shift, crew: Crew, day: date, zone: tzinfo) -> Duty:
    return Duty(
        duty_date=day,
        shift=shift,
        crew=crew,
        starts_us=start_of(shift, day, zone),
        ends_us=_moment(day, shift.start_minute + shift.length_minutes, zone),
    )


def start_of(shift: Shift, day: date, zone: tzinfo) -> int:
    return _moment(day, shift.start_minute, zone)


def _days_long(shift: Shift) -> int:
    """On how many later days a turn may still run."""
    return -(-(shift.start_minute + shift.length_minutes) // _DAY_MINUTES)


def _moment(day: date, minute: int, zone: tzinfo) -> int:
    """Wall time: where clocks change, a shift ends when the clock on the wall says so."""
    days, minutes = divmod(minute, _DAY_MINUTES)
    at = time(minutes // 60, minutes % 60)
    return from_datetime(datetime.combine(day + timedelta(days=days), at, zone))
