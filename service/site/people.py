"""organisation/: party units, teams, people and places."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from domain.ids import PersonId, TeamId, UnitId
from domain.organisation import (
    Organisation,
    PartyUnit,
    Person,
    Place,
    PlaceKind,
    Placement,
    Team,
    UnitKind,
)
from service.site.dates import overlap, validity_of
from service.site.found import Found, document
from service.site.nodes import Fields, Value
from service.site.rosters import read_rosters
from service.site.zones import read_zones

UNITS: Final = {kind.value: kind for kind in UnitKind}
PLACES: Final = {kind.value: kind for kind in PlaceKind}


@dataclass(slots=True)
class People:
    """What has been read of the organisation so far."""

    units: list[PartyUnit] = field(default_factory=list)
    teams: dict[TeamId, Team] = field(default_factory=dict)
    persons: dict[PersonId, Person] = field(default_factory=dict)
    placements: list[Placement] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    named: list[tuple[Value, str, str]] = field(default_factory=list)  # looked up when all is read

    def names(self, fields: Fields, key: str, kind: str) -> str | None:
        """A name that may stand in a file that is not read yet."""
        name = fields.text(key, fallback="")
        value = fields.value(key)
        if value and name:
            self.named.append((value, kind, name))
        return name or None


def read_people(folder: Path, zone: ZoneInfo, found: Found) -> Organisation:
    """Empty where there is no organisation/: a small site names one person."""
    if not (folder / "organisation").is_dir():
        return Organisation()
    people = People()
    for name, key, each, read in (
        ("teams.yaml", "teams", "a team", _read_team),
        ("people.yaml", "people", "a group of people", _read_group),
        ("units.yaml", "units", "a unit", _read_unit),
        ("places.yaml", "places", "a place", _read_place),
    ):
        fields = document(folder, folder / "organisation" / name, found)
        if fields is None:
            found.unreadable |= {"unit", "team", "person", "place"}
            continue
        fields.name = name
        for group in fields.groups(key, each, required=name != "places.yaml"):
            read(group, zone, found, people)
        fields.done()
    _look_up(people, found)
    _check_units(people, found)
    rosters, leaves, holidays = read_rosters(folder, zone, found, people.teams, people.persons)
    zones = read_zones(folder, zone, found, people, {roster.roster_id for roster in rosters})
    return Organisation(
        units=tuple(people.units),
        teams=tuple(people.teams.values()),
        persons=tuple(people.persons.values()),
        placements=tuple(people.placements),
        leaves=leaves,
        holidays=holidays,
        places=tuple(people.places.values()),
        zones=zones,
        rosters=rosters,
        counts=people.counts,
    )


def _read_team(fields: Fields, zone: ZoneInfo, found: Found, people: People) -> None:
    chain: list[PersonId] = []
    for value in fields.texts("chain"):
        name = value.text()
        if name:
            people.named.append((value, "person", name))
            chain.append(PersonId(name))
    lead = people.names(fields, "lead", "person")
    team = Team(
        team_id=TeamId(fields.text("id")),
        name=fields.text("name"),
        lead=PersonId(lead) if lead else None,
        chain=tuple(chain),
        contractor=fields.flag("contractor", False),
    )
    fields.done()
    if team.team_id and found.is_new("team", team.team_id, fields.value("id") or fields):
        people.teams[team.team_id] = team


def _read_group(fields: Fields, zone: ZoneInfo, found: Found, people: People) -> None:
    team_id = TeamId(people.names(fields, "team", "team") or "")
    fields.value("team", required=True)
    for each in fields.groups("persons", "a person"):
        _read_person(each, team_id, zone, found, people)
    fields.done()


def _read_person(
    fields: Fields, team_id: TeamId, zone: ZoneInfo, found: Found, people: People
) -> None:
    """One line per person; `person: ID` instead of `id` places one who is described elsewhere."""
    known = people.names(fields, "person", "person")
    person_id = PersonId(known or fields.text("id"))
    placement = Placement(person_id=person_id, team_id=team_id, validity=validity_of(fields, zone))
    at = fields.value("id") or fields.value("person") or fields
    for other in people.placements if known else ():
        if other.person_id == person_id and overlap(other.validity, placement.validity):
            at.wrong(f"person {person_id} is in team {other.team_id} at the same time")
            break
    people.placements.append(placement)
    if known:
        fields.done()
        return
    team = people.teams.get(team_id)
    person = Person(
        person_id=person_id,
        name=fields.text("name"),
        position=fields.text("position", fallback=""),
        member=fields.flag("member", False),
        contractor=team.contractor if team else False,
    )
    fields.done()
    if person_id and found.is_new("person", person_id, at):
        people.persons[person_id] = person
        found.declared["person", person_id] = at


def _read_unit(fields: Fields, zone: ZoneInfo, found: Found, people: People) -> None:
    head = people.names(fields, "head", "person")
    team = people.names(fields, "team", "team")
    parent = people.names(fields, "parent", "unit")
    unit = PartyUnit(
        unit_id=UnitId(fields.text("id")),
        kind=fields.choice("kind", UNITS, UnitKind.BRANCH),
        name=fields.text("name"),
        parent=UnitId(parent) if parent else None,
        team_id=TeamId(team) if team else None,
        head=PersonId(head) if head else None,
        validity=validity_of(fields, zone),
    )
    fields.value("kind", required=True)
    count = fields.whole("count", 0, 1_000_000, fallback=0)
    if count:
        people.counts[unit.unit_id] = count
    fields.done()
    at = fields.value("id") or fields
    found.declared["unit", f"{unit.unit_id} {len(people.units)}"] = at
    for other in people.units:
        if other.unit_id == unit.unit_id and overlap(other.validity, unit.validity):
            at.wrong(f"unit {unit.unit_id} stands here twice for the same time")
            break
    people.units.append(unit)


def _read_place(fields: Fields, zone: ZoneInfo, found: Found, people: People) -> None:
    place = Place(
        place_id=fields.text("id"),
        name=fields.text("name"),
        kind=fields.choice("kind", PLACES, PlaceKind.OFFICE),
    )
    fields.done()
    at = fields.value("id") or fields
    if place.place_id and found.is_new("place", place.place_id, at):
        people.places[place.place_id] = place
        found.declared["place", place.place_id] = at


def _look_up(people: People, found: Found) -> None:
    known: dict[str, set[str]] = {
        "person": {*people.persons},
        "team": {*people.teams},
        "unit": {unit.unit_id for unit in people.units},
    }
    for value, kind, name in people.named:
        found.expect(value, kind, name, known[kind])


def _check_units(people: People, found: Found) -> None:
    """A group is one with its team, and its leader is a member; every unit but the top one has a parent."""
    groups_of: dict[TeamId, list[PartyUnit]] = defaultdict(list)
    for number, unit in enumerate(people.units):
        at = found.declared["unit", f"{unit.unit_id} {number}"]
        if unit.kind is UnitKind.COMMITTEE and unit.parent:
            at.wrong(f"committee {unit.name} stands at the top: it has no parent")
        if unit.kind is not UnitKind.COMMITTEE and not unit.parent:
            at.wrong(f"{unit.kind.value} {unit.name} needs its parent")
        head = people.persons.get(unit.head) if unit.head else None
        if head and not head.member:
            at.wrong(f"{head.name} heads {unit.name} and must be a member")
        if unit.kind is not UnitKind.GROUP:
            continue
        if unit.team_id is None:
            at.wrong(f"group {unit.name} needs its team: the two are one")
            continue
        for other in groups_of[unit.team_id]:
            if other.unit_id != unit.unit_id and overlap(other.validity, unit.validity):
                at.wrong(f"team {unit.team_id} has the group {other.name} already")
        groups_of[unit.team_id].append(unit)
