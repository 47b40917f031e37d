"""Who answers for a place, and why: from zones, tenures, rosters and leaves to one Answer. Pure.

Owner and acting person are two: the zone's member answers for it, the one on duty acts. Nothing here
raises: whatever is missing becomes a reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta, tzinfo
from itertools import chain
from typing import Any, Final, TypeVar
from uuid import UUID

from domain.arrangements import Absence, Arrangement, WorkSite
from domain.clock import NEVER_US, to_datetime
from domain.ids import AssetId, PersonId, TeamId, UnitId, ZoneId, from_request
from domain.organisation import (
    Coverage,
    Holiday,
    Organisation,
    PartyUnit,
    Roster,
    Tenure,
    UnitKind,
    Zone,
)
from domain.responsibility import Answer, Kind, Party, Reason
from linkage.arrangements import Arrangements
from linkage.plan import Responsible
from linkage.rosters import Duty, duties, start_of
from linkage.watches import Watches

_K = TypeVar("_K")
_V = TypeVar("_V")

_RANKS: Final = list(UnitKind)  # from the committee down
# what concerns people and rules is the owner's; what concerns the plant is acted on by who is on duty
_OWNERS_MATTER: Final = frozenset({Kind.VIOLATION, Kind.SUPERVISION})


class Responsibility:
    """One version of the organisation, indexed."""

    def __init__(
        self,
        organisation: Organisation,
        zone: tzinfo,
        version: int = 0,
        fallback: Responsible | None = None,
        watches: Watches | None = None,
        arranged: Arrangements | None = None,
    ) -> None:
        """`watches`: who has the watch where shifts hand over; without them the roster alone says it.
        `arranged` may go on changing, like them: what is asked is answered by what they hold then."""
        self._watches = watches or Watches(())
        self._organisation = organisation
        self._zone = zone
        self._version = version
        self._fallback = fallback
        self._arranged = Arrangements((), organisation.holidays) if arranged is None else arranged
        self._parties = {
            each.person_id: Party(person_id=each.person_id, name=each.name, position=each.position)
            for each in organisation.persons
        }
        self._rosters = {roster.roster_id: roster for roster in organisation.rosters}
        self._teams = {team.team_id: team for team in organisation.teams}
        self._units = _grouped((unit.unit_id, unit) for unit in organisation.units)
        self._leaves = _grouped((leave.person_id, leave) for leave in organisation.leaves)
        self._placements = _grouped((each.person_id, each) for each in organisation.placements)
        self._by_asset = _grouped(_covering(organisation, "assets"))
        self._by_place = _grouped(_covering(organisation, "places"))
        self._by_person = _grouped(_covering(organisation, "people"))
        self._zones = {zone.zone_id: zone for zone in organisation.zones}

    def supposing(self, *more: Arrangement) -> "Responsibility":
        """As if these were arranged as well."""
        return Responsibility(
            self._organisation,
            self._zone,
            self._version,
            self._fallback,
            self._watches,
            self._arranged.supposing(*more),
        )

    def supposing_absent(self, persons: Iterable[PersonId]) -> "Responsibility":
        """As if these were on leave at every time, and had named no deputy."""
        return self.supposing(
            *(
                Arrangement(
                    arrangement_id=from_request(UUID(int=0), person),
                    from_us=NEVER_US,
                    by="",
                    at_us=0,
                    leave=Absence(person_id=person),
                )
                for person in persons
            )
        )

    def work_site_at(self, asset_id: AssetId, at_us: int) -> WorkSite | None:
        """Where people work under a ticket then, and who leads them."""
        return self._arranged.work_site_at(asset_id, at_us)

    def of_asset(
        self, asset_id: AssetId, at_us: int, kind: Kind = Kind.FAULT, called: str = ""
    ) -> Answer:
        """`called`: the words people use for it, for the reasons."""
        site = self._arranged.work_site_at(asset_id, at_us)
        covering = self._by_asset.get(asset_id, [])
        return self._answer(covering, called or asset_id, at_us, kind, site)

    def of_place(self, place_id: str, at_us: int, kind: Kind = Kind.FAULT) -> Answer:
        return self._answer(self._by_place.get(place_id, []), place_id, at_us, kind)

    def of_person(self, person_id: PersonId, at_us: int, kind: Kind = Kind.SUPERVISION) -> Answer:
        covering = self._by_person.get(person_id, [])
        moved_to = self._zones.get(self._arranged.zone_of(person_id, at_us) or ZoneId(""))
        if moved_to is not None:
            covering = [(moved_to, Coverage(people=frozenset({person_id})))]
        return self._answer(covering, self._name(person_id), at_us, kind)

    def of_zone(self, zone_id: ZoneId, at_us: int, kind: Kind = Kind.SUPERVISION) -> Answer:
        """Who answers for the zone itself."""
        zone = self._zones.get(zone_id)
        covering = [(zone, Coverage())] if zone else []
        return self._answer(covering, zone.name if zone else zone_id, at_us, kind)

    def of_roster(self, roster_id: str, at_us: int) -> Answer:
        """Who answers for a roster: who leads its team now, or whoever is next up the command chain."""
        roster = self._rosters.get(roster_id)
        for party in self.chain_of_command(roster.team_id, at_us) if roster else ():
            team = self._teams[roster.team_id].name if roster else ""
            why = Reason.of("leads_team", person=party.name, team=team)
            return Answer(acting=party, reasons=(why,), version=self._version)
        return self.of_nobody(roster.name if roster else roster_id, at_us)

    def of_nobody(self, what: str, at_us: int) -> Answer:
        """Of what is in no zone, or in none alone: who heads everything and is there."""
        reasons = [Reason.of("no_zone_alone", what=what)]
        tops = [unit for unit in self._organisation.units if unit.validity.covers(at_us)]
        for unit in sorted(tops, key=lambda unit: _RANKS.index(unit.kind)):
            acting = unit.head and self._who_acts(unit.head, None, Kind.SUPERVISION, at_us, reasons)
            if acting:
                reasons.append(Reason.of("head_acts", person=self._name(acting)))
                party = self._party(acting)
                return Answer(acting=party, reasons=tuple(reasons), version=self._version)
        return replace(self._in_no_zone(what), reasons=tuple(reasons))

    def on_duty(self, roster_id: str, at_us: int) -> tuple[Duty, ...]:
        """With the persons who turn then: swapped, planned and moved."""
        roster = self._rosters.get(roster_id)
        if roster is None:
            return ()
        return duties(roster, at_us, self._zone, self._arranged.turns(at_us))

    def turns_of_day(self, roster: Roster, day: date) -> list[Duty]:
        """Of a duty day, for a calendar."""
        return self._arranged.turns_of_day(roster, day, self._zone)

    def holiday_on(self, day: date, at_us: int) -> Holiday | None:
        """As it is known at that moment."""
        return self._arranged.holiday_on(day, at_us)

    def there(self, duty: Duty, at_us: int) -> list[PersonId]:
        """Of the crew, those who are not on leave, with the deputies of those who are."""
        return [
            acting
            for person in duty.crew.persons
            if (acting := self._who_acts(person, None, None, at_us, [])) is not None
        ]

    def is_moved(self, person_id: PersonId, at_us: int) -> bool:
        """Into a zone of its own."""
        return (self._arranged.zone_of(person_id, at_us) or "") in self._zones

    def away_since(self, person_id: PersonId, at_us: int) -> int | None:
        """When the leave began that keeps him away; None while he is there."""
        leaves = [each.validity for each in self._leaves.get(person_id, ())]
        arranged = self._arranged.leave_of(person_id, at_us)
        leaves += [arranged.validity] if arranged else []
        return max((each.from_us or 0 for each in leaves if each.covers(at_us)), default=None)

    def boundaries(self, from_us: int, to_us: int, zone: tzinfo) -> Iterator[int]:
        """The moments between, at which somebody comes, goes, or takes over."""
        leaves = (each.validity for each in self._organisation.leaves)
        arranged = (each.validity for each in self._arranged.every())
        for each in chain(leaves, arranged):
            yield from (end for end in (each.from_us, each.until_us) if end is not None)
        first = to_datetime(from_us).astimezone(zone).date()
        days = (to_datetime(to_us).astimezone(zone).date() - first).days
        for roster in self._organisation.rosters:
            for ahead in range(days + 1):
                for shift in roster.shifts.values():
                    yield start_of(shift, first + timedelta(days=ahead), zone)

    def is_away(self, person_id: PersonId, at_us: int) -> bool:
        return self._away(person_id, at_us)

    def tenure(self, zone: Zone, at_us: int) -> Tenure | None:
        return self._arranged.tenure_of(zone.zone_id, at_us) or _valid(zone.tenures, at_us)

    def leads_of(self, roster_id: str) -> tuple[PersonId, ...]:
        """Who leads the team of a roster, and whom the production command chain names above."""
        roster = self._rosters.get(roster_id)
        team = self._teams.get(roster.team_id) if roster else None
        if team is None:
            return ()
        return ((team.lead,) if team.lead else ()) + team.chain

    def first_on_duty(self, roster_id: str, at_us: int) -> Party | None:
        """The first of the crew on duty who is there."""
        persons = (
            person for duty in self.on_duty(roster_id, at_us) for person in duty.crew.persons
        )
        found = next((person for person in persons if not self._away(person, at_us)), None)
        return self._party(found) if found else None

    def party(self, person_id: PersonId) -> Party:
        return self._party(person_id)

    def team_of(self, person_id: PersonId, at_us: int) -> TeamId | None:
        move = self._arranged.move_of(person_id, at_us)
        if move is not None:
            return move.team_id
        placements = self._placements.get(person_id, [])
        return next((each.team_id for each in placements if each.validity.covers(at_us)), None)

    def chain_of_command(self, team_id: TeamId, at_us: int) -> tuple[Party, ...]:
        """Duty lead, then upwards along production; never along the party."""
        team = self._teams.get(team_id)
        if team is None:
            return ()
        upwards = [team.lead, *team.chain] if team.lead else list(team.chain)
        acting = (self._who_acts(person, None, None, at_us, []) for person in upwards)
        there = dict.fromkeys(person for person in acting if person is not None)
        return tuple(self._party(person) for person in there)

    def unit_path(self, unit_id: UnitId, at_us: int) -> str:
        """第一党支部 外线党小组: from the branch down, as it was then."""
        names: list[str] = []
        unit = self._unit(unit_id, at_us)
        while unit is not None and len(names) < len(UnitKind):
            if unit.kind in {UnitKind.BRANCH, UnitKind.GROUP}:
                names.append(unit.name)
            unit = self._unit(unit.parent, at_us) if unit.parent else None
        return " ".join(reversed(names))

    def _answer(
        self,
        covering: list[tuple[Zone, Coverage]],
        what: str,
        at_us: int,
        kind: Kind,
        site: WorkSite | None = None,
    ) -> Answer:
        for zone, coverage in covering:
            if zone.validity.covers(at_us) and coverage.validity.covers(at_us):
                answer = self._in_zone(zone, coverage, what, at_us, kind, site)
                return replace(answer, **_named_after(site)) if site else answer
        return self._in_no_zone(what)

    def _in_no_zone(self, what: str) -> Answer:
        if self._fallback:
            party = Party(
                person_id=PersonId(""), name=self._fallback.name, position=self._fallback.role
            )
            why = Reason.of("site_default", words=self._fallback.because)
            return Answer(acting=party, reasons=(why,), version=self._version)
        return Answer(reasons=(Reason.of("no_zone", what=what),), version=self._version)

    def _in_zone(
        self,
        zone: Zone,
        coverage: Coverage,
        what: str,
        at_us: int,
        kind: Kind,
        site: WorkSite | None,
    ) -> Answer:
        reasons = [self._covers(zone, coverage, what)]
        tenure = self.tenure(zone, at_us)
        owner = tenure.owner if tenure else None
        deputy = tenure.deputy if tenure else None
        reasons += self._owns(zone, tenure)
        acting, duty = None, None
        if kind in _OWNERS_MATTER:
            reasons.append(Reason.of("owners_matter"))
        else:
            if site is not None:
                acting = self._from_work_site(site, zone, at_us, kind, reasons)
            if acting is None and zone.roster_id:
                acting, duty = self._from_roster(zone, zone.roster_id, at_us, kind, reasons)
        if acting is None:
            acting = self._from_zone(zone, owner, deputy, at_us, kind, reasons)
        return Answer(
            zone_id=zone.zone_id,
            zone=zone.name,
            unit=self.unit_path(zone.unit_id, at_us),
            owner=self._party(owner) if owner else None,
            deputy=self._party(deputy) if deputy else None,
            acting=self._party(acting) if acting else None,
            duty_date=duty.duty_date.isoformat() if duty else "",
            shift=duty.shift.name if duty else "",
            reasons=tuple(reasons),
            version=self._version,
        )

    def _covers(self, zone: Zone, coverage: Coverage, what: str) -> Reason:
        since = coverage.validity.from_us or zone.validity.from_us
        if since is None:
            return Reason.of("zone_covers", what=what, zone=zone.name)
        return Reason.of("zone_covers_since", what=what, zone=zone.name, since=self._day(since))

    def _owns(self, zone: Zone, tenure: Tenure | None) -> Iterator[Reason]:
        if tenure is None or tenure.owner is None:
            yield Reason.of("zone_vacant", zone=zone.name)
        else:
            yield Reason.of("owner", person=self._name(tenure.owner), zone=zone.name)

    def _from_work_site(
        self, site: WorkSite, zone: Zone, at_us: int, kind: Kind, reasons: list[Reason]
    ) -> PersonId | None:
        leader = self._name(site.leader)
        reasons.append(Reason.of("work_site", number=site.number, person=leader))
        return self._who_acts(site.leader, zone.zone_id, kind, at_us, reasons)

    def _from_roster(
        self, zone: Zone, roster_id: str, at_us: int, kind: Kind, reasons: list[Reason]
    ) -> tuple[PersonId | None, Duty | None]:
        """The first of the crew on duty who is there; every one that is passed over is said."""
        found = self.on_duty(roster_id, at_us)
        held = self._watches.in_charge(roster_id, at_us, found)
        if held is not None:
            found = (held.duty,)
            reasons += [held.because] if held.because else []
        roster = self._rosters.get(roster_id)
        if not found:
            reasons.append(Reason.of("nobody_on_duty", roster=roster.name if roster else roster_id))
        for duty in found:
            for person in duty.crew.persons:
                swapped = self._arranged.swap_into(roster_id, duty, person, at_us)
                acting = self._who_acts(person, zone.zone_id, kind, at_us, reasons)
                if acting is None:
                    continue
                if swapped is not None:
                    names = {"person": self._name(person), "other": self._name(swapped)}
                    reasons.append(Reason.of("swapped", **names))
                reasons.append(self._has_the_turn(duty, person, acting))
                return acting, duty
            reasons.append(Reason.of("crew_away", crew=duty.crew.name))
        return None, None

    def _has_the_turn(self, duty: Duty, person: PersonId, acting: PersonId) -> Reason:
        facts = {
            "person": self._name(acting),
            "crew": duty.crew.name,
            "shift": duty.shift.name,
            "day": duty.duty_date.isoformat(),
        }
        if acting != person:
            return Reason.of("in_turn_of", other=self._name(person), **facts)
        return Reason.of("on_call" if duty.shift.on_call else "on_duty", **facts)

    def _from_zone(
        self,
        zone: Zone,
        owner: PersonId | None,
        deputy: PersonId | None,
        at_us: int,
        kind: Kind,
        reasons: list[Reason],
    ) -> PersonId | None:
        """The owner; else the deputy; else who heads the unit, and the units above it."""
        heads = (("head_acts", head) for head in self._heads(zone.unit_id, at_us))
        for code, person in chain((("owner_acts", owner), ("deputy_acts", deputy)), heads):
            if person is None:
                continue
            acting = self._who_acts(person, zone.zone_id, kind, at_us, reasons)
            if acting is None:
                continue
            if acting != person:
                names = {"person": self._name(acting), "other": self._name(person)}
                reasons.append(Reason.of("in_place_of", **names))
            else:
                reasons.append(Reason.of(code, person=self._name(person)))
            return acting
        reasons.append(Reason.of("nobody_left", zone=zone.name))
        return None

    def _who_acts(
        self,
        person: PersonId,
        zone_id: ZoneId | None,
        kind: Kind | None,
        at_us: int,
        reasons: list[Reason],
        asked: tuple[PersonId, ...] = (),
    ) -> PersonId | None:
        """To whom he delegated; else himself; else the deputy of his leave; else nobody."""
        for each in self._arranged.delegations_of(person, zone_id, kind, at_us):
            if each.to in (person, *asked):
                continue  # a circle ends where it began
            names = {"person": self._name(person), "other": self._name(each.to)}
            reasons.append(Reason.of("delegated", **names))
            acting = self._who_acts(each.to, zone_id, kind, at_us, reasons, (*asked, person))
            if acting is not None:
                return acting
        if not self._away(person, at_us):
            return person
        reasons.append(Reason.of("on_leave", person=self._name(person)))
        leave = self._arranged.leave_of(person, at_us)
        deputy = leave.leave.deputy if leave and leave.leave else None
        if deputy is None or deputy in (person, *asked):
            return None
        names = {"person": self._name(person), "other": self._name(deputy)}
        reasons.append(Reason.of("leave_deputy", **names))
        return self._who_acts(deputy, zone_id, kind, at_us, reasons, (*asked, person))

    def _heads(self, unit_id: UnitId, at_us: int) -> Iterator[PersonId]:
        unit = self._unit(unit_id, at_us)
        for _ in UnitKind:
            if unit is None:
                return
            if unit.head:
                yield unit.head
            unit = self._unit(unit.parent, at_us) if unit.parent else None

    def _unit(self, unit_id: UnitId, at_us: int) -> PartyUnit | None:
        for unit in self._units.get(unit_id, ()):
            if unit.validity.covers(at_us):
                return unit
        return None

    def _away(self, person_id: PersonId, at_us: int) -> bool:
        if any(leave.validity.covers(at_us) for leave in self._leaves.get(person_id, ())):
            return True
        return self._arranged.leave_of(person_id, at_us) is not None

    def _party(self, person_id: PersonId) -> Party:
        return self._parties.get(person_id) or Party(person_id=person_id, name=person_id)

    def _name(self, person_id: PersonId) -> str:
        return self._party(person_id).name

    def _day(self, at_us: int) -> str:
        return to_datetime(at_us).astimezone(self._zone).date().isoformat()


def _covering(
    organisation: Organisation, field: str
) -> Iterator[tuple[str, tuple[Zone, Coverage]]]:
    for zone in organisation.zones:
        for coverage in zone.coverage:
            for name in getattr(coverage, field):
                yield name, (zone, coverage)


def _named_after(site: WorkSite) -> dict[str, Any]:
    """A work site is a zone of its own while its ticket holds; owner and unit are those of the place."""
    return {"zone_id": ZoneId(f"work/{site.number}"), "zone": site.number}


def _grouped(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    groups: dict[_K, list[_V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


def _valid(tenures: Iterable[Tenure], at_us: int) -> Tenure | None:
    for tenure in tenures:
        if tenure.validity.covers(at_us):
            return tenure
    return None
