"""zones.yaml: who answers for what. Every asset, place and person is in exactly one zone at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from domain.ids import AssetId, PersonId, UnitId, ZoneId
from domain.organisation import Coverage, Tenure, Validity, Zone, ZoneKind
from service.site.dates import overlap, validity_of
from service.site.found import Found, document
from service.site.nodes import Fields, Value

if TYPE_CHECKING:
    from service.site.people import People

KINDS: Final = {kind.value: kind for kind in ZoneKind}
_FOREVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class _Claim:
    """One zone says that it covers one thing, there and then."""

    zone: str
    validity: Validity
    at: Value | Fields


@dataclass(slots=True)
class _Claims:
    of: dict[tuple[str, str], list[_Claim]] = field(default_factory=lambda: defaultdict(list))
    told: set[tuple[int, str]] = field(default_factory=set)  # one problem per entry and zone

    def add(self, kind: str, name: str, claim: _Claim) -> None:
        for other in self.of[kind, name]:
            told = (id(claim.at), other.zone)
            if overlap(other.validity, claim.validity) and told not in self.told:
                self.told.add(told)
                where = f"{other.at.file} line {other.at.line}"
                claim.at.wrong(f"{name} is in zone {other.zone} already ({where})")
        self.of[kind, name].append(claim)


def read_zones(
    folder: Path, zone: ZoneInfo, found: Found, people: People, rosters: set[str]
) -> tuple[Zone, ...]:
    fields = document(folder, folder / "zones.yaml", found)
    if fields is None:
        return ()
    fields.name = "zones.yaml"
    claims = _Claims()
    zones: list[Zone] = []
    for group in fields.groups("zones", "a zone"):
        made = _zone(group, zone, found, people, rosters, claims)
        at = group.value("id") or group
        if made.zone_id and found.is_new("zone", made.zone_id, at):
            zones.append(made)
    fields.done()
    if not found.problems:  # a mistyped name would be told a second time as a gap
        _expect_everything(found, people, claims)
    return tuple(zones)


def _zone(
    fields: Fields,
    zone: ZoneInfo,
    found: Found,
    people: People,
    rosters: set[str],
    claims: _Claims,
) -> Zone:
    zone_id = ZoneId(fields.text("id"))
    unit = fields.text("unit")
    at = fields.value("unit")
    if at and unit:
        found.expect(at, "unit", unit, {each.unit_id for each in people.units})
    roster = fields.text("roster", fallback="")
    at = fields.value("roster")
    if at and roster:
        found.expect(at, "roster", roster, rosters)
    made = Zone(
        zone_id=zone_id,
        name=fields.text("name"),
        kind=fields.choice("kind", KINDS, ZoneKind.STATION),
        unit_id=UnitId(unit),
        tenures=_tenures(fields, zone, found, people),
        coverage=tuple(
            _coverage(group, zone, found, people, zone_id, claims)
            for group in fields.groups("covers", "what a zone covers")
        ),
        roster_id=roster or None,
    )
    fields.done()
    return made


def _tenures(fields: Fields, zone: ZoneInfo, found: Found, people: People) -> tuple[Tenure, ...]:
    if fields.value("tenures") is None:
        owner = _member(fields, "owner", found, people)
        deputy = _member(fields, "deputy", found, people)
        fields.value("owner", required=True)
        return (Tenure(owner=owner, deputy=deputy),)
    tenures: list[Tenure] = []
    for group in fields.groups("tenures", "a tenure"):
        tenure = Tenure(
            owner=_member(group, "owner", found, people),
            deputy=_member(group, "deputy", found, people),
            validity=validity_of(group, zone),
        )
        group.done()
        if any(overlap(tenure.validity, other.validity) for other in tenures):
            group.wrong("two tenures of the zone overlap")
        tenures.append(tenure)
    return tuple(tenures)


def _member(fields: Fields, key: str, found: Found, people: People) -> PersonId | None:
    """Only a member of the party owns a zone."""
    name = fields.text(key, fallback="")
    value = fields.value(key)
    if not value or not name or not found.expect(value, "person", name, people.persons):
        return None
    person = people.persons[PersonId(name)]
    if not person.member:
        value.wrong(f"{person.name} is no member: the {key} of a zone must be one")
    return PersonId(name)


def _coverage(
    fields: Fields,
    zone: ZoneInfo,
    found: Found,
    people: People,
    zone_id: ZoneId,
    claims: _Claims,
) -> Coverage:
    validity = validity_of(fields, zone)
    coverage = Coverage(
        assets=frozenset(_assets(fields, found)),
        places=frozenset(_names(fields, "places", "place", people.places, found)),
        people=frozenset(_people(fields, found, people)),
        validity=validity,
    )
    fields.done()
    named = any(fields.value(key) for key in ("station", "assets", "places", "teams", "people"))
    if not named:
        fields.wrong("it covers nothing: name a station, assets, places, teams or people")
    claim = _Claim(zone_id, validity, fields)
    for kind, names in (
        ("asset", coverage.assets),
        ("place", coverage.places),
        ("person", coverage.people),
    ):
        for name in sorted(names):
            claims.add(kind, name, claim)
    return coverage


def _assets(fields: Fields, found: Found) -> Iterator[AssetId]:
    station = fields.text("station", fallback="")
    at = fields.value("station")
    bays = set(_names(fields, "bays", "bay", {a.bay: a for a in found.assets.values()}, found))
    if at and found.expect(at, "station", station, {a.station for a in found.assets.values()}):
        for asset in found.assets.values():
            if asset.station == station and (not bays or asset.bay in bays):
                yield asset.asset_id
    for name in _names(fields, "assets", "device", found.assets, found):
        yield AssetId(name)


def _people(fields: Fields, found: Found, people: People) -> Iterator[PersonId]:
    teams = set(_names(fields, "teams", "team", people.teams, found))
    for placement in people.placements:
        if placement.team_id in teams:
            yield placement.person_id
    for name in _names(fields, "people", "person", people.persons, found):
        yield PersonId(name)


def _names(
    fields: Fields, key: str, kind: str, known: Iterable[str], found: Found
) -> Iterator[str]:
    for value in fields.texts(key):
        name = value.text()
        if name and found.expect(value, kind, name, known):
            yield name


def _expect_everything(found: Found, people: People, claims: _Claims) -> None:
    """A whole bay that is nowhere is told once, where the bay stands."""
    bays: dict[str, list[AssetId]] = defaultdict(list)
    for asset in found.assets.values():
        if _has_gap(claims.of.get(("asset", asset.asset_id), [])):
            bays[f"{asset.station} {asset.bay}"].append(asset.asset_id)
    for bay in bays:
        found.declared["bay", bay].wrong(f"{bay} is in no zone, or not at every time")
    things = (("place", people.places), ("person", people.persons))
    for kind, names in things:
        for name in names:
            if _has_gap(claims.of.get((kind, name), [])):
                found.declared[kind, name].wrong(
                    f"{kind} {name} is in no zone, or not at every time"
                )


def _has_gap(claims: list[_Claim]) -> bool:
    """From the first claim on there is one at every time, and the last one is open."""
    spans = sorted(
        (claim.validity.from_us or -_FOREVER, claim.validity.until_us or _FOREVER)
        for claim in claims
    )
    if not spans or spans[-1][1] != _FOREVER:
        return True
    return any(end < start for (_, end), (start, _) in pairwise(spans))
