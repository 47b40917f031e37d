"""Who answers for a place, and why: from zones, tenures, rosters and leaves to one Answer. Pure.

Owner and acting person are two: the zone's member answers for it, the one on duty acts. Nothing here
raises: whatever is missing becomes a reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Final, TypeVar

from domain.clock import to_datetime
from domain.ids import AssetId, PersonId, TeamId, UnitId
from domain.organisation import (
    Coverage,
    Organisation,
    PartyUnit,
    Person,
    Tenure,
    UnitKind,
    Zone,
)
from domain.responsibility import Answer, Kind, Party, Reason
from linkage.plan import Responsible
from linkage.rosters import Duty, duties

_K = TypeVar("_K")
_V = TypeVar("_V")

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
    ) -> None:
        self._organisation = organisation
        self._zone = zone
        self._version = version
        self._fallback = fallback
        self._persons = {person.person_id: person for person in organisation.persons}
        self._rosters = {roster.roster_id: roster for roster in organisation.rosters}
        self._teams = {team.team_id: team for team in organisation.teams}
        self._units = _grouped((unit.unit_id, unit) for unit in organisation.units)
        self._leaves = _grouped((leave.person_id, leave) for leave in organisation.leaves)
        self._placements = _grouped((each.person_id, each) for each in organisation.placements)
        self._by_asset = _grouped(_covering(organisation, "assets"))
        self._by_place = _grouped(_covering(organisation, "places"))
        self._by_person = _grouped(_covering(organisation, "people"))

    def of_asset(
        self, asset_id: AssetId, at_us: int, kind: Kind = Kind.FAULT, called: str = ""
    ) -> Answer:
        """`called`: the words people use for it, for the reasons."""
        return self._answer(self._by_asset.get(asset_id, []), called or asset_id, at_us, kind)

    def of_place(self, place_id: str, at_us: int, kind: Kind = Kind.FAULT) -> Answer:
        return self._answer(self._by_place.get(place_id, []), place_id, at_us, kind)

    def of_person(self, person_id: PersonId, at_us: int, kind: Kind = Kind.SUPERVISION) -> Answer:
        return self._answer(self._by_person.get(person_id, []), self._name(person_id), at_us, kind)

    def on_duty(self, roster_id: str, at_us: int) -> tuple[Duty, ...]:
        roster = self._rosters.get(roster_id)
        return duties(roster, at_us, self._zone) if roster else ()

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
        placements = self._placements.get(person_id, [])
        return next((each.team_id for each in placements if each.validity.covers(at_us)), None)

    def chain_of_command(self, team_id: TeamId, at_us: int) -> tuple[Party, ...]:
        """Duty lead, then upwards along production; never along the party."""
        team = self._teams.get(team_id)
        if team is None:
            return ()
        chain = [team.lead, *team.chain] if team.lead else list(team.chain)
        return tuple(self._party(person) for person in chain if not self._away(person, at_us))

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
        self, covering: list[tuple[Zone, Coverage]], what: str, at_us: int, kind: Kind
    ) -> Answer:
        for zone, coverage in covering:
            if zone.validity.covers(at_us) and coverage.validity.covers(at_us):
                return self._in_zone(zone, coverage, what, at_us, kind)
        return self._in_no_zone(what)

    def _in_no_zone(self, what: str) -> Answer:
        if self._fallback:
            party = Party(
                person_id=PersonId(""), name=self._fallback.name, position=self._fallback.role
            )
            why = Reason.of("site_default", words=self._fallback.because)
            return Answer(acting=party, reasons=(why,), version=self._version)
        return Answer(reasons=(Reason.of("no_zone", what=what),), version=self._version)

    def _in_zone(self, zone: Zone, coverage: Coverage, what: str, at_us: int, kind: Kind) -> Answer:
        reasons = [self._covers(zone, coverage, what)]
        tenure = _valid(zone.tenures, at_us)
        owner = tenure.owner if tenure else None
        deputy = tenure.deputy if tenure else None
        reasons += self._owns(zone, tenure)
        acting, duty = None, None
        if kind in _OWNERS_MATTER:
            reasons.append(Reason.of("owners_matter"))
        elif zone.roster_id:
            acting, duty = self._from_roster(zone.roster_id, at_us, reasons)
        if acting is None:
            acting = self._from_zone(zone, owner, deputy, at_us, reasons)
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

    def _from_roster(
        self, roster_id: str, at_us: int, reasons: list[Reason]
    ) -> tuple[PersonId | None, Duty | None]:
        """The first of the crew on duty who is there; every one that is passed over is said."""
        found = self.on_duty(roster_id, at_us)
        roster = self._rosters.get(roster_id)
        if not found:
            reasons.append(Reason.of("nobody_on_duty", roster=roster.name if roster else roster_id))
        for duty in found:
            for person in duty.crew.persons:
                if self._away(person, at_us):
                    reasons.append(Reason.of("on_leave", person=self._name(person)))
                    continue
                code = "on_call" if duty.shift.on_call else "on_duty"
                reasons.append(
                    Reason.of(
                        code,
                        person=self._name(person),
                        crew=duty.crew.name,
                        shift=duty.shift.name,
                        day=duty.duty_date.isoformat(),
                    )
                )
                return person, duty
            reasons.append(Reason.of("crew_away", crew=duty.crew.name))
        return None, None

    def _from_zone(
        self,
        zone: Zone,
        owner: PersonId | None,
        deputy: PersonId | None,
        at_us: int,
        reasons: list[Reason],
    ) -> PersonId | None:
        """The owner; else the deputy; else who heads the unit, and the units above it."""
        candidates: list[tuple[str, PersonId | None]] = [
            ("owner_acts", owner),
            ("deputy_acts", deputy),
        ]
        candidates += [("head_acts", head) for head in self._heads(zone.unit_id, at_us)]
        for code, person in candidates:
            if person is None:
                continue
            if self._away(person, at_us):
                reasons.append(Reason.of("on_leave", person=self._name(person)))
                continue
            reasons.append(Reason.of(code, person=self._name(person)))
            return person
        reasons.append(Reason.of("nobody_left", zone=zone.name))
        return None

    def _heads(self, unit_id: UnitId, at_us: int) -> Iterator[PersonId]:
        unit = self._unit(unit_id, at_us)
        for _ in UnitKind:
            if unit is None:
                return
            if unit.head:
                yield unit.head
            unit = self._unit(unit.parent, at_us) if unit.parent else None

    def _unit(self, unit_id: UnitId, at_us: int) -> PartyUnit | None:
        units = self._units.get(unit_id, [])
        return next((unit for unit in units if unit.validity.covers(at_us)), None)

    def _away(self, person_id: PersonId, at_us: int) -> bool:
        return any(leave.validity.covers(at_us) for leave in self._leaves.get(person_id, ()))

    def _party(self, person_id: PersonId) -> Party:
        person = self._persons.get(person_id) or Person(person_id=person_id, name=person_id)
        return Party(person_id=person_id, name=person.name, position=person.position)

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


def _grouped(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    groups: dict[_K, list[_V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


def _valid(tenures: Iterable[Tenure], at_us: int) -> Tenure | None:
    return next((tenure for tenure in tenures if tenure.validity.covers(at_us)), None)
