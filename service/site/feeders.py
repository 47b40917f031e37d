"""feeders.yaml: feeders by sections, what they supply, ties, repair crews and their places, networks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Final

from domain.assets import Condition
from domain.feeders import (
    EarthLine,
    EarthNetwork,
    Feeder,
    FeederPlan,
    Load,
    LoadKind,
    Location,
    OutageRules,
    RepairCrew,
    Road,
    Section,
    Terrain,
    Tie,
    Transformer,
)
from domain.ids import AssetId, PointKey, TeamId
from domain.organisation import Organisation
from domain.topology import Topology
from service.site.found import Found, document
from service.site.nodes import Fields, Value
from service.site.words import UNITS

TERRAINS: Final = {each.value: each for each in Terrain}
LOADS: Final = {each.value: each for each in LoadKind}

# an opening must be an event, else no trip is ever seen
_TELLS_OPENING: Final = frozenset({Condition.LOW, Condition.STATE, Condition.CHANGE})
_TELLS_VOLTAGE: Final = frozenset({Condition.HIGH, Condition.HIGH_HIGH})
_TELLS_STATUS: Final = frozenset({Condition.HIGH, Condition.STATE, Condition.CHANGE})
_DURATIONS: Final = {
    "reclose_wait": "reclose_wait_us",
    "reclose_hold": "reclose_hold_us",
    "flags_wait": "flags_wait_us",
    "momentary": "momentary_us",
    "short": "short_us",
    "note_every": "note_every_us",
    "accept_within": "accept_within_us",
    "announce_ahead": "announce_ahead_us",
    "gasp_within": "gasp_within_us",
    "earth_within": "earth_within_us",
    "earth_again": "earth_again_us",
}
_SHARES: Final = (
    *("gasp_meter_share", "gasp_transformer_share", "generation_share"),
    *("voltage_from", "voltage_to"),
    *("earth_phase_below", "earth_phase_above"),
)
_DEFAULTS: Final = OutageRules()


@dataclass(slots=True)
class _Read:
    """What has been read of the file so far."""

    found: Found
    teams: frozenset[str]
    busbars: frozenset[str]
    locations: dict[str, Location] = field(default_factory=dict)
    roads: list[Road] = field(default_factory=list)
    crews: list[RepairCrew] = field(default_factory=list)
    feeders: list[Feeder] = field(default_factory=list)
    networks: list[EarthNetwork] = field(default_factory=list)
    meters: dict[PointKey, str] = field(default_factory=dict)

    @property
    def skills(self) -> frozenset[str]:
        return frozenset().union(*(crew.skills for crew in self.crews))


def read_feeders(
    folder: Path, found: Found, organisation: Organisation, topology: Topology
) -> FeederPlan:
    """Empty where there is no file: then a trip is an incident and no outage."""
    if not (folder / "feeders.yaml").exists():
        return FeederPlan()
    fields = document(folder, folder / "feeders.yaml", found)
    if fields is None:
        return FeederPlan()
    fields.name = "feeders.yaml"
    read = _Read(
        found,
        frozenset(team.team_id for team in organisation.teams),
        frozenset(busbar.busbar_id for busbar in topology.busbars),
    )
    rules = _rules(fields)
    for key, each, take, required in _parts():
        for group in fields.groups(key, each, required=required):
            take(group, read)
            group.done()
    fields.done()
    return FeederPlan(
        feeders=tuple(read.feeders),
        crews=tuple(read.crews),
        locations=tuple(read.locations.values()),
        roads=tuple(read.roads),
        networks=tuple(read.networks),
        rules=rules,
    )


def _parts() -> Iterable[tuple[str, str, Callable[[Fields, _Read], None], bool]]:
    """In the order in which one needs the other."""
    return (
        ("locations", "a location", _location, False),
        ("roads", "a road", _road, False),
        ("crews", "a crew", _crew, False),
        ("feeders", "a feeder", _feeder, True),
        ("earth_networks", "an earth network", _network, False),
    )


def _rules(fields: Fields) -> OutageRules:
    value = fields.value("rules")
    group = value.fields() if value else None
    if group is None:
        return _DEFAULTS
    chosen: dict[str, float | int | tuple[int, ...]] = {}
    for name, attribute in _DURATIONS.items():
        chosen[attribute] = group.duration(name, getattr(_DEFAULTS, attribute))
    for name in _SHARES:
        chosen[name] = group.number(name, getattr(_DEFAULTS, name))
        at = group.value(name)
        if at and not 0 < float(chosen[name]) <= 2:  # type: ignore[arg-type]
            at.wrong(f"{name} is a share such as 0.3, not {chosen[name]:g}")
    chosen["gasp_meters"] = group.whole("gasp_meters", 1, 1_000, _DEFAULTS.gasp_meters)
    warnings = [each.duration() for each in group.texts("earth_warn")]
    if warnings:
        chosen["earth_warn_us"] = tuple(each for each in warnings if each is not None)
    group.done()
    known = {each.name for each in dataclass_fields(OutageRules)}
    assert chosen.keys() <= known
    return OutageRules(**chosen)  # type: ignore[arg-type]


def _location(fields: Fields, read: _Read) -> None:
    location = Location(
        location_id=fields.text("id"),
        name=fields.text("name"),
        latitude=_within(fields, "latitude", -90, 90),
        longitude=_within(fields, "longitude", -180, 180),
    )
    at = fields.value("id") or fields
    if location.location_id and read.found.is_new("location", location.location_id, at):
        read.locations[location.location_id] = location


def _road(fields: Fields, read: _Read) -> None:
    ends = (_named(fields, "from", "location", read.locations, read), "")
    ends = (ends[0], _named(fields, "to", "location", read.locations, read))
    km = _positive(fields, "km")
    if ends[0] and ends[0] == ends[1]:
        fields.wrong("a road joins two different locations")
    read.roads.append(Road(ends=ends, km=km))


def _crew(fields: Fields, read: _Read) -> None:
    crew = RepairCrew(
        crew_id=fields.text("id"),
        name=fields.text("name"),
        team_id=TeamId(_named(fields, "team", "team", read.teams, read)),
        skills=frozenset(word for each in fields.items("skills") if (word := each.text())),
        location_id=_named(fields, "at", "location", read.locations, read),
        phone=fields.text("phone", fallback=""),
    )
    if crew.crew_id and read.found.is_new(
        "repair crew", crew.crew_id, fields.value("id") or fields
    ):
        read.crews.append(crew)


def _feeder(fields: Fields, read: _Read) -> None:
    device = _device(fields, read)
    number = fields.text("number")
    sections = _sections(fields, number, read)
    skill = fields.text("skill", fallback="")
    at = fields.value("skill")
    if at and skill:
        read.found.expect(at, "crew with the skill", skill, read.skills)
    feeder = Feeder(
        feeder_id=fields.text("id"),
        station=read.found.assets[device].station if device in read.found.assets else "",
        name=fields.text("name"),
        number=number,
        asset_id=device,
        sections=sections,
        ties=tuple(
            _tie(group, {each.section_id for each in sections}, read)
            for group in fields.groups("ties", "a tie", required=False)
        ),
        position=_point(fields, "position", read, _TELLS_OPENING, "position"),
        lockout=_point(fields, "lockout", read, _TELLS_STATUS, "status"),
        load=_point(fields, "load", read, unit="MW"),
        terrain=fields.choice("terrain", TERRAINS, Terrain.RURAL),
        skill=skill,
        generation_mw=_not_negative(fields, "generation_mw"),
    )
    if feeder.feeder_id and read.found.is_new(
        "feeder", feeder.feeder_id, fields.value("id") or fields
    ):
        read.feeders.append(feeder)


def _sections(fields: Fields, number: str, read: _Read) -> tuple[Section, ...]:
    sections: list[Section] = []
    for group in fields.groups("sections", "a section"):
        section = _section(group, sections, read)
        group.done()
        at = group.value("switch") or group
        if any(each.section_id == section.section_id for each in sections):
            at.wrong(f"switch {section.section_id} begins two sections of this feeder")
            continue
        if not sections and section.section_id != number:
            at.wrong(f"the first section begins at the breaker: its switch is {number!r}")
        sections.append(section)
    return tuple(sections)


def _section(fields: Fields, before: list[Section], read: _Read) -> Section:
    """Behind the one that is written before it, where it does not say `after`."""
    last = before[-1].section_id if before else ""
    after = fields.text("after", fallback=last)
    at = fields.value("after")
    if at and after:
        read.found.expect(at, "section before it", after, [each.section_id for each in before])
    return Section(
        section_id=fields.text("switch"),
        name=fields.text("name"),
        after=after if before else "",
        position=_point(fields, "position", read, unit="position"),
        flags=tuple(_points(fields, "flags", read, frozenset())),
        customers=fields.whole("customers", 0, 10_000_000, 0),
        transformer_users=fields.whole("transformer_users", 0, 10_000_000, 0),
        load_mw=_not_negative(fields, "load_mw"),
        loads=tuple(_load(each) for each in fields.groups("loads", "a load", required=False)),
        transformers=tuple(
            _transformer(each, read)
            for each in fields.groups("transformers", "a transformer", required=False)
        ),
        location_id=_named(fields, "at", "location", read.locations, read, fallback=""),
    )


def _load(fields: Fields) -> Load:
    load = Load(
        name=fields.text("name"),
        kind=fields.choice("kind", LOADS, LoadKind.OTHER),
        wells=fields.whole("wells", 0, 100_000, 0),
        stations=fields.whole("stations", 0, 10_000, 0),
        tonnes_per_day=_not_negative(fields, "tonnes_per_day"),
    )
    fields.done()
    return load


def _transformer(fields: Fields, read: _Read) -> Transformer:
    meters = list[PointKey]()
    name = fields.text("name")
    for value in fields.texts("meters"):
        key = _known_point(value, read, _TELLS_STATUS, "status")
        if key is None:
            continue
        other = read.meters.setdefault(key, name)
        if other != name:
            value.wrong(f"meter {key} hangs on {other} already")
        meters.append(key)
    transformer = Transformer(
        transformer_id=fields.text("id"),
        name=name,
        customers=fields.whole("customers", 0, 1_000_000, 1),
        meters=tuple(meters),
    )
    fields.done()
    read.found.is_new("transformer", transformer.transformer_id, fields.value("id") or fields)
    return transformer


def _tie(fields: Fields, sections: set[str], read: _Read) -> Tie:
    tie = Tie(
        number=fields.text("switch"),
        section_id=_named(fields, "section", "section of this feeder", sections, read),
        to_name=fields.text("to"),
        capacity_mw=_positive(fields, "capacity_mw"),
        position=_point(fields, "position", read, unit="position"),
        load=_point(fields, "load", read, unit="MW"),
        voltage=_point(fields, "voltage", read, unit="kV"),
        rated_kv=_positive(fields, "rated_kv", 10.0),
    )
    fields.done()
    return tie


def _network(fields: Fields, read: _Read) -> None:
    u0 = _point(fields, "u0", read, _TELLS_VOLTAGE, required=True)
    point = read.found.points.get(u0) if u0 else None
    asset_id = point.asset_id if point else AssetId("")
    network = EarthNetwork(
        network_id=_named(fields, "id", "busbar", read.busbars, read),
        station=read.found.assets[asset_id].station if asset_id in read.found.assets else "",
        name=fields.text("name"),
        asset_id=asset_id,
        u0=u0 or PointKey(""),
        lines=tuple(_line(each, read) for each in fields.groups("lines", "a line")),
        phases=_phases(fields, read),
        rated_kv=_positive(fields, "rated_kv", 10.0),
    )
    if network.network_id and read.found.is_new(
        "earth network", network.network_id, fields.value("id") or fields
    ):
        read.networks.append(network)


def _phases(fields: Fields, read: _Read) -> tuple[PointKey, ...]:
    """A, B and C to earth; without them nobody says which phase it is."""
    written = fields.texts("phases")
    found = [_known_point(each, read, frozenset(), "kV") for each in written]
    keys = tuple(each for each in found if each is not None)
    if written and len(written) != 3:
        written[0].wrong(f"phases are the three voltages A, B and C to earth, not {len(written)}")
    return keys if len(keys) == 3 else ()


def _line(fields: Fields, read: _Read) -> EarthLine:
    line = EarthLine(
        number=fields.text("number"),
        name=fields.text("name"),
        asset_id=_device(fields, read),
        i0=_point(fields, "i0", read, unit="A"),
        direction=_point(fields, "direction", read, unit="status"),
    )
    fields.done()
    return line


def _device(fields: Fields, read: _Read) -> AssetId:
    return AssetId(_named(fields, "device", "device", read.found.assets, read))


def _named(
    fields: Fields,
    key: str,
    kind: str,
    known: Iterable[str],
    read: _Read,
    fallback: str | None = None,
) -> str:
    name = fields.text(key, fallback=fallback)
    value = fields.value(key)
    if value and name:
        read.found.expect(value, kind, name, known)
    return name


def _point(
    fields: Fields,
    key: str,
    read: _Read,
    tells: frozenset[Condition] = frozenset(),
    unit: str = "",
    *,
    required: bool = False,
) -> PointKey | None:
    value = fields.value(key, required=required)
    return _known_point(value, read, tells, unit) if value else None


def _points(
    fields: Fields, key: str, read: _Read, tells: frozenset[Condition]
) -> Iterable[PointKey]:
    for value in fields.texts(key):
        found = _known_point(value, read, tells, "status")
        if found is not None:
            yield found


def _known_point(
    value: Value, read: _Read, tells: frozenset[Condition], unit: str
) -> PointKey | None:
    """A point that there is, of this unit, with a limit by which linkage hears of it."""
    written = value.text()
    if not written or not read.found.expect(value, "point", written, read.found.points):
        return None
    key = PointKey(written)
    point = read.found.points[key]
    if unit and point.unit != unit and point.unit in UNITS:
        value.wrong(f"{key} is measured in {point.unit}; here a point in {unit} is needed")
    elif tells and not tells & {limit.condition for limit in point.limits}:
        conditions = " or ".join(sorted(each.value for each in tells))
        value.wrong(f"{key} needs a limit ({conditions}): without one nothing is ever heard of it")
    return key


def _within(fields: Fields, key: str, least: float, most: float) -> float:
    number = fields.number(key)
    value = fields.value(key)
    if value and not least <= number <= most and number == number:
        value.wrong(f"{key} is from {least:g} to {most:g}, not {number:g}")
    return number


def _positive(fields: Fields, key: str, fallback: float | None = None) -> float:
    number = fields.number(key, fallback)
    value = fields.value(key)
    if value and number <= 0:
        value.wrong(f"{key} must be greater than 0, but is {number:g}")
    return number


def _not_negative(fields: Fields, key: str) -> float:
    number = fields.number(key, 0.0)
    value = fields.value(key)
    if value and number < 0:
        value.wrong(f"{key} must not be negative, but is {number:g}")
    return number
