"""A month of a roster as an Excel sheet, out and in again: one row for each person, one column for each day.

What comes in is compared with what is planned: only cells that differ become planned days. An empty cell says
nothing; rest is written 休 or rest. Every mistake is told with the address of its cell.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Final

from domain.arrangements import PlannedDay, PlannedDays
from domain.ids import PersonId
from domain.organisation import Person, Roster
from domain.responsibility import Reason
from linkage.responsibility import Responsibility
from linkage.rosters import Duty, start_of
from service.excel import Cell, Row, Table, text_of
from service.site.rosters import REST

_PERSON: Final = ("人员编号", "Person")
_NAME: Final = ("姓名(只读)", "Name (not read)")
_FIRST_DAY: Final = 2  # columns before the days
_BETWEEN: Final = str.maketrans("、,，+/;；", "       ")


@dataclass(frozen=True, slots=True)
class SheetProblem:
    """What is wrong in one cell."""

    cell: str  # "D7"
    why: Reason


@dataclass(frozen=True, slots=True)
class ReadMonth:
    """The cells that differ from what is planned, and what could not be read."""

    planned: PlannedDays
    problems: tuple[SheetProblem, ...]


def days_of_month(month: date) -> list[date]:
    first = month.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return [first + timedelta(days=each) for each in range((following - first).days)]


def persons_of(roster: Roster, turns: Mapping[date, Iterable[Duty]]) -> list[PersonId]:
    """In the order of the crews; then who came in by a move, a swap or a plan."""
    own = [person for crew in roster.crews for person in crew.persons]
    came = [person for duties in turns.values() for duty in duties for person in duty.crew.persons]
    return list(dict.fromkeys([*own, *came]))


def turns_of(who: Responsibility, roster: Roster, days: Iterable[date]) -> dict[date, list[Duty]]:
    return {day: who.turns_of_day(roster, day) for day in days}


def shifts_of(person: PersonId, duties: Iterable[Duty]) -> list[str]:
    """In the order of the day."""
    has = [duty for duty in duties if person in duty.crew.persons]
    return [duty.shift.name for duty in sorted(has, key=lambda duty: duty.starts_us)]


def month_sheet(
    who: Responsibility,
    roster: Roster,
    month: date,
    names: Mapping[PersonId, str],
    language: str,
) -> tuple[list[str], list[list[object]]]:
    """Headings and rows."""
    english = language != "zh-CN"
    turns = turns_of(who, roster, days_of_month(month))
    headings = [_PERSON[english], _NAME[english], *(day.isoformat() for day in turns)]
    rest = "rest" if english else "休"
    rows: list[list[object]] = [
        [
            person,
            names.get(person, person),
            *(" ".join(shifts_of(person, duties)) or rest for duties in turns.values()),
        ]
        for person in persons_of(roster, turns)
    ]
    return headings, rows


def read_month(
    table: Table,
    who: Responsibility,
    roster: Roster,
    persons: Iterable[Person],
    now_us: int,
    zone: tzinfo,
) -> ReadMonth:
    """`persons`: who may stand in the first column, by id or by name."""
    reader = _Reader(who, roster, persons, now_us, zone)
    days = reader.days(table.headings)
    found = [each for row in table.rows for each in reader.row(row, days)]
    planned = PlannedDays(roster_id=roster.roster_id, days=tuple(found))
    return ReadMonth(planned, tuple(reader.problems))


class _Reader:
    def __init__(
        self,
        who: Responsibility,
        roster: Roster,
        persons: Iterable[Person],
        now_us: int,
        zone: tzinfo,
    ) -> None:
        self.problems: list[SheetProblem] = []
        self._who = who
        self._roster = roster
        self._now_us = now_us
        self._zone = zone
        every = list(persons)
        self._persons = {each.name: each.person_id for each in every}
        self._persons |= {each.person_id: each.person_id for each in every}
        self._seen: set[PersonId] = set()
        self._turns: dict[date, list[Duty]] = {}

    def days(self, headings: tuple[str, ...]) -> dict[int, date]:
        """Column -> its day."""
        found: dict[int, date] = {}
        if headings[:1] not in {(each,) for each in _PERSON}:
            self._wrong(0, 1, Reason.of("sheet_first_column", what=" / ".join(_PERSON)))
            return found
        for column, heading in enumerate(headings[_FIRST_DAY:], start=_FIRST_DAY):
            try:
                found[column] = date.fromisoformat(heading[:10])
            except ValueError:
                self._wrong(column, 1, Reason.of("sheet_no_day", what=heading))
        return found

    def row(self, row: Row, days: Mapping[int, date]) -> Iterator[PlannedDay]:
        written = text_of(row.cells[0]) if row.cells else ""
        person = self._persons.get(written)
        if person is None:
            self._wrong(0, row.number, Reason.of("unknown_person", what=written))
            return
        if person in self._seen:
            self._wrong(0, row.number, Reason.of("sheet_person_twice", what=written))
            return
        self._seen.add(person)
        for column, day in days.items():
            planned = self._cell(row.cells[column], person, day, column, row.number)
            if planned is not None:
                yield planned

    def _cell(
        self, cell: Cell, person: PersonId, day: date, column: int, number: int
    ) -> PlannedDay | None:
        """None where it says nothing new, or cannot be read."""
        words = text_of(cell).translate(_BETWEEN).split()
        if not words:
            return None
        shifts = tuple(dict.fromkeys(word for word in words if word not in REST))
        for shift in shifts:
            if shift not in self._roster.shifts:
                known = ", ".join([*self._roster.shifts, *sorted(REST)])
                self._wrong(column, number, Reason.of("sheet_no_shift", what=shift, known=known))
                return None
        if day not in self._turns:
            self._turns[day] = self._who.turns_of_day(self._roster, day)
        changed = set(shifts_of(person, self._turns[day])) ^ set(shifts)
        for shift in sorted(changed):
            if start_of(self._roster.shifts[shift], day, self._zone) <= self._now_us:
                self._wrong(column, number, Reason.of("turn_begun", day=day, shift=shift))
                return None
        return PlannedDay(person_id=person, duty_date=day, shifts=shifts) if changed else None

    def _wrong(self, column: int, row: int, why: Reason) -> None:
        from openpyxl.utils import get_column_letter

        self.problems.append(SheetProblem(f"{get_column_letter(column + 1)}{row}", why))
