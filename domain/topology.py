"""The single-line topology of the stations: busbars, and what hangs between them, in drawing order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.ids import AssetId, PointKey


class SwitchKind(StrEnum):
    BREAKER = "breaker"
    TRUCK = "truck"  # a metal-clad cabinet's breaker truck: service, test, out
    DISCONNECTOR = "disconnector"
    EARTH_SWITCH = "earth_switch"
    LOAD_SWITCH = "load_switch"


class CellKind(StrEnum):
    """What a bay is for."""

    INCOMER = "incomer"
    FEEDER = "feeder"
    TRANSFORMER = "transformer"  # from one busbar to another
    TIE = "tie"  # section breaker between two busbars of one voltage
    CAPACITOR = "capacitor"
    VOLTAGE_TRANSFORMER = "voltage_transformer"
    STATION_TRANSFORMER = "station_transformer"
    PV = "pv"
    WIND = "wind"


class SwitchState(StrEnum):
    """What is known of a switch from its position point."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"  # never reported, between positions, faulty, or of bad quality


Positions = Callable[[PointKey], SwitchState]


def nothing_known(point: PointKey) -> SwitchState:
    """Before anything has reported."""
    return SwitchState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Busbar:
    busbar_id: str
    station: str
    name: str  # 10kVⅠ段母线
    voltage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """In drawing order from the busbar outwards; an earth switch hangs where it stands in the list."""

    kind: SwitchKind
    number: str  # 113, 1131, 11317: the dispatcher's number
    position: PointKey | None = None  # a double point: 0 between, 1 open, 2 closed, 3 faulty


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One bay of the single line: from a busbar over its switches to what it feeds."""

    station: str
    bay: str
    name: str  # 113联合站线
    kind: CellKind
    busbar_id: str
    switches: tuple[Switch, ...] = ()
    to_busbar_id: str | None = None  # of a tie or a transformer
    to_switches: tuple[Switch, ...] = ()  # of a transformer: its other side, outwards too
    feeds: str = ""  # 联合站; another station's name for a line between stations
    asset_id: AssetId | None = None
    measurements: Mapping[str, PointKey] | None = None  # "p", "i", "u": shown beside the cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    busbars: tuple[Busbar, ...] = ()
    cells: tuple[Cell, ...] = ()
