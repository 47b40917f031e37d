"""Feeders as a dispatcher walks them: sections behind their switches, what each supplies, who repairs it.

A feeder is radial: every section hangs behind one switch, the first behind the breaker, and goes by that
number. What a section supplies is the site's own data (DOMAIN G1): tanks, pumps, wells, tonnes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt
from typing import Final

from domain.clock import MINUTE_US, SECOND_US
from domain.ids import AssetId, PointKey, TeamId

DAY_US: Final = 24 * 60 * MINUTE_US
# how much longer a road of the loess hills is than the straight line; only where no road is written
ROAD_FACTOR: Final = 1.4
_EARTH_KM: Final = 6_371.0


class Terrain(StrEnum):
    CITY = "city"
    RURAL = "rural"
    REMOTE = "remote"


# from the dispatch of a crew to its arrival (DOMAIN E2, V)
ON_SITE_WITHIN_US: Final[Mapping[Terrain, int]] = {
    Terrain.CITY: 45 * MINUTE_US,
    Terrain.RURAL: 90 * MINUTE_US,
    Terrain.REMOTE: 120 * MINUTE_US,
}


class LoadKind(StrEnum):
    """In the order in which supply comes back (DOMAIN G1, V*)."""

    STORAGE_TANK = "storage_tank"
    EXPORT_PUMPING = "export_pumping"
    TREATMENT = "treatment"
    HIGH_YIELD = "high_yield"
    OTHER = "other"


LOAD_ORDER: Final = {kind: rank for rank, kind in enumerate(LoadKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    name: str  # 联合站储罐区
    kind: LoadKind
    wells: int = 0
    stations: int = 0
    tonnes_per_day: float = 0.0  # of oil that is not produced, or not moved, without supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """A distribution transformer with the meters that say when their supply goes (last gasp)."""

    transformer_id: str
    name: str
    customers: int = 1
    meters: tuple[PointKey, ...] = ()  # status points: 1 is the last gasp


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What lies between its switch and the next ones."""

    section_id: str  # the number of its switch
    name: str
    after: str = ""  # the section that supplies it; empty: it begins at the breaker
    position: PointKey | None = None  # of its switch; None: nobody telemeters it
    flags: tuple[
        PointKey, ...
    ] = ()  # fault passage, one per phase or one for all; empty: not fitted
    customers: int = 0
    transformer_users: int = 0  # 10 kV users, by which DL/T 836 counts
    load_mw: float = 0.0  # on an ordinary day: its share of what the feeder carries
    loads: tuple[Load, ...] = ()
    transformers: tuple[Transformer, ...] = ()
    location_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """An open switch to a neighbour that may take over what lies behind a fault."""

    number: str
    section_id: str  # on our side
    to_name: str  # 122联合站备用线
    capacity_mw: float  # what the neighbour may carry in all
    position: PointKey | None = None
    load: PointKey | None = None  # MW that the neighbour carries
    voltage: PointKey | None = None  # kV at the neighbour
    rated_kv: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    feeder_id: str
    station: str
    name: str  # 113联合站线
    number: str  # 113: of its breaker
    asset_id: AssetId
    sections: tuple[Section, ...]  # from the source outwards
    ties: tuple[Tie, ...] = ()
    position: PointKey | None = None  # of the breaker
    lockout: PointKey | None = None  # 重合闸闭锁: it will not close by itself
    load: PointKey | None = None  # MW
    terrain: Terrain = Terrain.RURAL
    skill: str = ""  # that its repair needs
    generation_mw: float = 0.0  # behind it: enough of it sets flags from the back side

    @property
    def nominal_mw(self) -> float:
        return sum(section.load_mw for section in self.sections)

    def section(self, section_id: str) -> Section | None:
        return next((each for each in self.sections if each.section_id == section_id), None)

    def after(self, section_id: str) -> Iterator[Section]:
        """Those that it supplies directly."""
        return (each for each in self.sections if each.after == section_id)

    def beyond(self, section_id: str) -> Iterator[Section]:
        """Itself and everything behind it, from the source outwards."""
        reached = {section_id}
        for section in self.sections:
            if section.section_id == section_id or section.after in reached:
                reached.add(section.section_id)
                yield section


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    location_id: str
    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Both ways."""

    ends: tuple[str, str]  # locations
    km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairCrew:
    """抢修队伍. Not a shift's crew (domain.organisation): who drives out, with what he can do."""

    crew_id: str
    name: str
    team_id: TeamId
    skills: frozenset[str]
    location_id: str
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarthLine:
    """A line of an ungrounded network, as the search for an earth fault asks for it."""

    number: str
    name: str
    asset_id: AssetId
    i0: PointKey | None = None  # zero-sequence current
    direction: PointKey | None = None  # status: 1 says the fault lies on this line


@dataclass(frozen=True, slots=True, kw_only=True)
class EarthNetwork:
    """6 to 35 kV without earthed neutral: one busbar section and the lines in the order of trial trips."""

    network_id: str
    station: str
    name: str  # 10kVⅠ段母线
    asset_id: AssetId  # of the voltage transformer
    u0: PointKey
    lines: tuple[EarthLine, ...]
    phases: tuple[PointKey, ...] = ()  # A, B, C to earth, kV; empty: the phase is not told
    rated_kv: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageRules:
    """The times and shares by which outages are judged; each is the site's to set (DOMAIN E2 to E4)."""

    reclose_wait_us: int = 30 * SECOND_US  # no close within: permanent
    reclose_hold_us: int = 10 * SECOND_US  # a reclose that lasted so long has succeeded
    flags_wait_us: int = 10 * SECOND_US  # after the trip, for the slowest flag
    momentary_us: int = 5 * MINUTE_US  # IEEE 1366: up to here no sustained interruption (U)
    short_us: int = 3 * MINUTE_US  # DL/T 836: up to here a short one (U)
    note_every_us: int = 30 * MINUTE_US
    accept_within_us: int = 3 * MINUTE_US
    announce_ahead_us: int = 7 * DAY_US
    gasp_within_us: int = 2 * MINUTE_US
    gasp_meters: int = 2
    gasp_meter_share: float = 0.3
    gasp_transformer_share: float = 0.5
    generation_share: float = 0.15  # of the load; above it flags prove nothing
    voltage_from: float = 0.93  # of the rated one, after a transfer
    voltage_to: float = 1.07
    earth_within_us: int = 120 * MINUTE_US
    earth_again_us: int = 10 * MINUTE_US  # gone for less: it is the same one, and so is its clock
    # of the rated phase voltage: one phase below and both others above is an earth on the first one (D)
    earth_phase_below: float = 0.8
    earth_phase_above: float = 1.05
    earth_warn_us: tuple[int, ...] = (60 * MINUTE_US, 90 * MINUTE_US, 110 * MINUTE_US)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederPlan:
    """Everything that outages and earth faults are decided by."""

    feeders: tuple[Feeder, ...] = ()
    crews: tuple[RepairCrew, ...] = ()
    locations: tuple[Location, ...] = ()
    roads: tuple[Road, ...] = ()
    networks: tuple[EarthNetwork, ...] = ()
    rules: OutageRules = field(default_factory=OutageRules)

    def feeder(self, feeder_id: str) -> Feeder | None:
        return next((each for each in self.feeders if each.feeder_id == feeder_id), None)

    @property
    def customers(self) -> int:
        """N_T of the indices."""
        return sum(section.customers for each in self.feeders for section in each.sections)

    @property
    def transformer_users(self) -> int:
        """N of DL/T 836."""
        return sum(section.transformer_users for each in self.feeders for section in each.sections)

    def road_km(self, from_id: str, to_id: str) -> float | None:
        """By the road that the site wrote, else by the straight line and what roads add to it. None: one of
        them stands nowhere."""
        if from_id == to_id:
            return 0.0
        for road in self.roads:
            if set(road.ends) == {from_id, to_id}:
                return road.km
        places = {each.location_id: each for each in self.locations}
        if from_id not in places or to_id not in places:
            return None
        return round(_straight_km(places[from_id], places[to_id]) * ROAD_FACTOR, 1)


def _straight_km(one: Location, other: Location) -> float:
    """Great circle, by the haversine formula."""
    north, other_north = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    half = sin((other_north - north) / 2) ** 2 + cos(north) * cos(other_north) * sin(east / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What stands still while sections are dark."""

    wells: int = 0
    stations: int = 0
    tonnes_per_day: float = 0.0
    customers: int = 0
    loads: tuple[Load, ...] = ()  # what must come back first stands first


def impact_of(feeder: Feeder, sections: Iterable[str]) -> Impact:
    chosen = [each for each in feeder.sections if each.section_id in set(sections)]
    loads = sorted(
        (load for section in chosen for load in section.loads),
        key=lambda load: (LOAD_ORDER[load.kind], -load.tonnes_per_day, load.name),
    )
    return Impact(
        wells=sum(load.wells for load in loads),
        stations=sum(load.stations for load in loads),
        tonnes_per_day=sum(load.tonnes_per_day for load in loads),
        customers=sum(section.customers for section in chosen),
        loads=tuple(loads),
    )
