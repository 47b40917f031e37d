"""What people have arranged, by what is asked for: who is away, who stands in, who turns when. Pure.

Where two hold for the same thing, the one that began last counts.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, tzinfo
from functools import partial
from typing import Final
from uuid import UUID

from domain.arrangements import Arrangement, Delegation, Move, PlannedDay, WorkSite
from domain.clock import NEVER_US
from domain.ids import AssetId, PersonId, ZoneId
from domain.organisation import Crew, Holiday, Roster, Tenure
from domain.paperwork import ApprovalState
from domain.responsibility import Kind
from linkage.rosters import Duty, Turns, duties_of_day, duty_of, start_of

_Key = tuple[str | date, ...]
_Held = tuple[int, int, Arrangement]  # from, until: looked at for every answer
_MOVES: Final[_Key] = ("moves",)
_FOREVER_US: Final = 2**63


class Arrangements:
    """Holds them in their newest version."""

    def __init__(self, every: Iterable[Arrangement] = (), holidays: Iterable[Holiday] = ()) -> None:
        """`holidays`: those that the site names by itself."""
        self._known: dict[UUID, Arrangement] = {}
        self._proposed: set[UUID] = set()
        self._by: dict[_Key, list[_Held]] = {}  # in the order in which they begin
        self._of_site = {day: each for each in holidays for day in each.days}
        for each in every:
            self.keep(each)

    def keep(self, arrangement: Arrangement) -> None:
        """An older version than the one that is known changes nothing."""
        before = self._known.get(arrangement.arrangement_id)
        if before is not None and before.version >= arrangement.version:
            return
        self._forget(arrangement.arrangement_id)
        self._known[arrangement.arrangement_id] = arrangement
        if arrangement.state is ApprovalState.PROPOSED:
            self._proposed.add(arrangement.arrangement_id)
        for key in _keys(arrangement):
            insort(self._by.setdefault(key, []), _held(arrangement), key=_began)

    def get(self, arrangement_id: UUID) -> Arrangement | None:
        return self._known.get(arrangement_id)

    def every(self) -> list[Arrangement]:
        return list(self._known.values())

    def waiting(self) -> list[Arrangement]:
        """Those to which somebody must still agree."""
        proposed = (self._known[each] for each in sorted(self._proposed))
        return [each for each in proposed if each.ended_at_us is None]

    def supposing(self, *more: Arrangement) -> "Arrangements":
        """The same and these: for a question that begins with "if"."""
        return Arrangements([*self.every(), *more], self._of_site.values())

    def forget_over_before(self, at_us: int) -> None:
        for each in [each for each in self._known.values() if each.is_over(at_us)]:
            self._forget(each.arrangement_id)

    def _forget(self, arrangement_id: UUID) -> None:
        known = self._known.pop(arrangement_id, None)
        self._proposed.discard(arrangement_id)
        for key in _keys(known) if known is not None else ():
            kept = [each for each in self._by[key] if each[2].arrangement_id != arrangement_id]
            self._by[key] = kept
            if not kept:
                del self._by[key]

    # -- questions -----------------------------------------------------------------------------

    def leave_of(self, person: PersonId, at_us: int) -> Arrangement | None:
        return self._newest(("leave", person), at_us)

    def delegations_of(
        self, person: PersonId, zone_id: ZoneId | None, kind: Kind | None, at_us: int
    ) -> Iterator[Delegation]:
        """Those that speak for this zone and kind, the one that began last first."""
        for each in reversed(self._holding(("delegation", person), at_us)):
            found = each.delegation
            if (
                found is not None
                and found.zone_id in (None, zone_id)
                and found.kind in (None, kind)
            ):
                yield found

    def move_of(self, person: PersonId, at_us: int) -> Move | None:
        found = self._newest(("move", person), at_us)
        return found.move if found else None

    def zone_of(self, person: PersonId, at_us: int) -> ZoneId | None:
        """Into which he was moved; a later move that names no zone leaves him there."""
        holding = self._holding(("move", person), at_us)
        zones = (each.move.zone_id for each in reversed(holding) if each.move)
        return next((zone for zone in zones if zone is not None), None)

    def tenure_of(self, zone_id: ZoneId, at_us: int) -> Tenure | None:
        found = self._newest(("handover", zone_id), at_us)
        if found is None or found.handover is None:
            return None
        return Tenure(
            owner=found.handover.owner, deputy=found.handover.deputy, validity=found.validity
        )

    def work_site_at(self, asset_id: AssetId, at_us: int) -> WorkSite | None:
        found = self._newest(("work_site", asset_id), at_us)
        return found.work_site if found else None

    def holiday_on(self, day: date, at_us: int) -> Holiday | None:
        """As it was known at that moment: people's word before the site's."""
        found = self._newest(("holiday", day), at_us)
        return found.holiday if found else self._of_site.get(day)

    def swap_into(
        self, roster_id: str, duty: Duty, person: PersonId, at_us: int
    ) -> PersonId | None:
        """In whose place the person has this turn."""
        for each in reversed(self._holding(("day", roster_id, duty.duty_date), at_us)):
            for turn, by in each.swap.handed if each.swap else ():
                if (turn.duty_date, turn.shift, by) == (duty.duty_date, duty.shift.name, person):
                    return turn.person_id
        return None

    def turns(self, at_us: int) -> Turns:
        """The turns of a day as they were arranged at that moment."""
        if not self._by and not self._of_site:
            return duties_of_day
        return partial(self._turns_of_day, at_us)

    def turns_of_day(self, roster: Roster, day: date, zone: tzinfo) -> list[Duty]:
        """Each as it is arranged when it begins: for a calendar."""
        found = []
        for starts_us in sorted({start_of(shift, day, zone) for shift in roster.shifts.values()}):
            turns = self._turns_of_day(starts_us, roster, day, zone)
            found += [duty for duty in turns if duty.starts_us == starts_us]
        return found

    # -- the turns of a day --------------------------------------------------------------------

    def _turns_of_day(self, at_us: int, roster: Roster, day: date, zone: tzinfo) -> Iterable[Duty]:
        turns = list(duties_of_day(roster, day, zone, self.holiday_on(day, at_us)))
        if _MOVES in self._by:
            came = self._came(roster, at_us)
            turns = [self._without_the_moved(duty, came, at_us) for duty in turns]
        for each in self._holding(("day", roster.roster_id, day), at_us):
            for turn, by in each.swap.handed if each.swap else ():
                if turn.duty_date == day:
                    turns = [_handed_over(duty, turn.shift, turn.person_id, by) for duty in turns]
            for planned in each.planned.days if each.planned else ():
                if planned.duty_date == day:
                    turns = _as_planned(turns, planned, roster, zone)
        return turns

    def _came(self, roster: Roster, at_us: int) -> dict[str, list[PersonId]]:
        """Crew -> who turns with it since he moved."""
        came: dict[str, list[PersonId]] = {}
        for each in self._holding(_MOVES, at_us):
            move = each.move
            if move is None or move.roster_id != roster.roster_id:
                continue
            if self.move_of(move.person_id, at_us) == move:
                came.setdefault(move.crew_id, []).append(move.person_id)
        return came

    def _without_the_moved(self, duty: Duty, came: dict[str, list[PersonId]], at_us: int) -> Duty:
        """Who moved turns with the crew that the move names, and with no other."""
        stayed = [each for each in duty.crew.persons if self.move_of(each, at_us) is None]
        return _with_persons(duty, [*stayed, *came.get(duty.crew.crew_id, ())])

    def _newest(self, key: _Key, at_us: int) -> Arrangement | None:
        holding = self._holding(key, at_us)
        return holding[-1] if holding else None

    def _holding(self, key: _Key, at_us: int) -> list[Arrangement]:
        """In the order in which they began."""
        held = self._by.get(key)
        if held is None:  # as for most
            return []
        return [
            arrangement for from_us, until_us, arrangement in held if from_us <= at_us < until_us
        ]


def _held(arrangement: Arrangement) -> _Held:
    validity = arrangement.validity
    from_us = NEVER_US if validity.from_us is None else validity.from_us
    until_us = _FOREVER_US if validity.until_us is None else validity.until_us
    return from_us, until_us, arrangement


def _began(held: _Held) -> tuple[int, int, UUID]:
    from_us, _, arrangement = held
    return from_us, arrangement.at_us, arrangement.arrangement_id


def _keys(arrangement: Arrangement) -> Iterator[_Key]:
    if arrangement.leave:
        yield "leave", arrangement.leave.person_id
    if arrangement.delegation:
        yield "delegation", arrangement.delegation.of
    if arrangement.swap:
        for turn, _ in arrangement.swap.handed:
            yield "day", arrangement.swap.roster_id, turn.duty_date
    if arrangement.planned:
        for day in dict.fromkeys(each.duty_date for each in arrangement.planned.days):
            yield "day", arrangement.planned.roster_id, day
    if arrangement.holiday:
        for day in arrangement.holiday.days:
            yield "holiday", day
    if arrangement.move:
        yield "move", arrangement.move.person_id
        yield _MOVES
    if arrangement.handover:
        yield "handover", arrangement.handover.zone_id
    if arrangement.work_site:
        for asset_id in arrangement.work_site.asset_ids:
            yield "work_site", asset_id


def _handed_over(duty: Duty, shift: str, of: PersonId, by: PersonId) -> Duty:
    """He stands where the other one stood: who was in charge is followed by who is."""
    persons = duty.crew.persons
    if duty.shift.name != shift or of not in persons or by in persons:
        return duty
    return _with_persons(duty, [by if each == of else each for each in persons])


def _as_planned(turns: list[Duty], planned: PlannedDay, roster: Roster, zone: tzinfo) -> list[Duty]:
    """Out of every shift that is not planned for him, and into every one that is."""
    person = planned.person_id
    found = []
    has = {duty.shift.name for duty in turns if person in duty.crew.persons}
    missing = [each for each in planned.shifts if each in roster.shifts and each not in has]
    for duty in turns:
        name, persons = duty.shift.name, list(duty.crew.persons)
        if person in persons and name not in planned.shifts:
            persons.remove(person)
        if name in missing:
            missing.remove(name)
            persons.append(person)
        found.append(_with_persons(duty, persons))
    for name in missing:  # no crew has it on that day: he has it alone
        crew = replace(_crew_of(roster, person), persons=(person,))
        found.append(duty_of(roster.shifts[name], crew, planned.duty_date, zone))
    return found


def _crew_of(roster: Roster, person: PersonId) -> Crew:
    own = (each for each in roster.crews if person in each.persons)
    return next(own, Crew(crew_id=person, name=roster.name, offset_days=0, persons=()))


def _with_persons(duty: Duty, persons: Iterable[PersonId]) -> Duty:
    changed = tuple(persons)
    if changed == duty.crew.persons:
        return duty
    return replace(duty, crew=replace(duty.crew, persons=changed))
