"""The organisation as a grid of zones: units, teams, people, zones and rosters, each with its validity.

Committee - general branch - branch - group are the party units; a group is one with its production team.
Every asset, place and employee belongs to exactly one zone at any time (DOMAIN D2).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.clock import MINUTE_US
from domain.ids import AssetId, PersonId, TeamId, UnitId, ZoneId


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From (included) until (excluded), microseconds since 1970 UTC; None is open."""

    from_us: int | None = None
    until_us: int | None = None

    def covers(self, at_us: int) -> bool:
        return (self.from_us is None or self.from_us <= at_us) and (
            self.until_us is None or at_us < self.until_us
        )


ALWAYS: Final = Validity()


class UnitKind(StrEnum):
    COMMITTEE = "committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyUnit:
    """One unit for one stretch of time: a group that moved to another branch stands here twice."""

    unit_id: UnitId
    kind: UnitKind
    name: str
    parent: UnitId | None = None
    team_id: TeamId | None = None  # of a group: its team, 1:1
    head: PersonId | None = None  # secretary or group leader
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """班组. `lead` begins the production command chain, `chain` goes on with it upwards."""

    team_id: TeamId
    name: str
    lead: PersonId | None = None
    chain: tuple[PersonId, ...] = ()  # station head, dispatch room, production leader
    contractor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An employee or a contractor, by the name of the role (examples never hold real people)."""

    person_id: PersonId
    name: str  # 甲值正值
    position: str = ""  # 当值负责人
    member: bool = False  # of the party, and modelled as one
    contractor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a person works, for a stretch of time."""

    person_id: PersonId
    team_id: TeamId
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A person is away; the reason is nobody's business here."""

    person_id: PersonId
    validity: Validity


class PlaceKind(StrEnum):
    """What a zone may cover besides assets."""

    LINE = "line"
    OFFICE = "office"
    WORK_SITE = "work_site"
    PROCESS = "process"  # crop compensation, materials
    YARD = "yard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    place_id: str
    name: str
    kind: PlaceKind


class ZoneKind(StrEnum):
    STATION = "station"
    BAYS = "bays"
    LINE = "line"
    GENERATION = "generation"  # a wind or PV block
    WORK_SITE = "work_site"
    OFFICE = "office"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """Who owns a zone, for a stretch of time. No owner: the zone is vacant, and that is said."""

    owner: PersonId | None
    deputy: PersonId | None = None
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a zone holds. A whole station is written as all its bays by the loader."""

    assets: frozenset[AssetId] = frozenset()
    places: frozenset[str] = frozenset()
    people: frozenset[PersonId] = frozenset()
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    zone_id: ZoneId
    name: str
    kind: ZoneKind
    unit_id: UnitId  # the group or branch whose zone it is
    tenures: tuple[Tenure, ...]
    coverage: tuple[Coverage, ...]
    roster_id: str | None = None  # whose shift acts here; None: owner and deputy themselves
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A stretch of a duty day, in local time. One that goes over midnight belongs to the day it starts."""

    name: str  # 早班
    start_minute: int  # after local midnight
    length_minutes: int
    on_call: bool = False  # at home, by telephone


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Turns through the roster's cycle, `offset_days` days into it on the anchor day."""

    crew_id: str
    name: str  # 甲值
    offset_days: int
    persons: tuple[PersonId, ...]  # the one in charge first


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """Days on which rosters go by their pattern for it. `working`: days of rest worked in exchange (调休)."""

    name: str  # 国庆节
    first: date
    last: date  # included
    working: bool = False
    mark: str = "D"  # where it comes from: U until somebody has read the announcement of the year

    @property
    def days(self) -> Iterator[date]:
        count = (self.last - self.first).days + 1
        return (self.first + timedelta(days=each) for each in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPattern:
    """Whose cycle says one thing does another on such a day."""

    instead_of: tuple[str, ...]  # names of shifts; none is rest
    shifts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A cycle of days; a day may hold no shift (rest) or several."""

    roster_id: str
    name: str
    team_id: TeamId
    anchor: date
    shifts: Mapping[str, Shift]
    cycle: tuple[tuple[str, ...], ...]  # names of shifts, one tuple per day
    crews: tuple[Crew, ...]
    mark: str = "D"
    post: str = ""  # 调度室: whose shifts hand over to each other; empty: they do not
    late_after_us: int = 30 * MINUTE_US  # so long after a shift's end its hand-over is late
    on_holidays: tuple[DayPattern, ...] = ()
    on_working_days: tuple[DayPattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One version of everything that responsibility is decided by."""

    units: tuple[PartyUnit, ...] = ()
    teams: tuple[Team, ...] = ()
    persons: tuple[Person, ...] = ()
    placements: tuple[Placement, ...] = ()
    leaves: tuple[Leave, ...] = ()
    places: tuple[Place, ...] = ()
    zones: tuple[Zone, ...] = ()
    rosters: tuple[Roster, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)  # unit id -> members that are not shown


def called(organisation: Organisation, subject: str) -> str:
    """The name of what is no device, by kind and id as in "zone:z-ly"; the subject itself where unknown."""
    kind, _, wanted = subject.partition(":")
    if kind in {"camera", "rule"}:
        return wanted  # of the recognition; the site names them elsewhere
    names: dict[str, Iterable[tuple[str, str]]] = {
        "zone": ((each.zone_id, each.name) for each in organisation.zones),
        "roster": ((each.roster_id, each.name) for each in organisation.rosters),
        "person": ((each.person_id, each.name) for each in organisation.persons),
        "place": ((each.place_id, each.name) for each in organisation.places),
    }
    return next((name for known, name in names.get(kind, ()) if known == wanted), subject)
