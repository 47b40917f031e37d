"""The demo's story: what happens at the example site, as values laid over an ordinary day. Pure.

Told again every `STORY_S` seconds: the oil of a transformer rises over both limits, somebody takes the
unlock key without a ticket, a 35 kV line trips and the station behind it goes dark, a block of a battery
falls behind the others, and phase A of an ungrounded busbar has an earth on one of its lines.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

from domain.assets import Asset, Condition, Point
from domain.ids import PointKey
from domain.topology import CellKind, SwitchKind
from service.site.model import Site

STORY_S: Final = 900.0

OIL: Final = PointKey("LY/1T/top_oil_temp")
BLOCK: Final = PointKey("LY/ZL/cell_voltage_7")
UNLOCK: Final = PointKey("LY/WF/unlock")
LINE_STATION: Final = "110kV石坪变"
LINE: Final = "石沟Ⅰ线"
DARK_STATION: Final = "35kV沟岔变"
PASSED: Final = PointKey("SP/312-L1/fault_passage")  # the fault lies behind it, before the next one

EARTHED: Final[Mapping[PointKey, float]] = {
    PointKey("LY/PT10-1/u0"): 96.0,
    PointKey("LY/PT10-1/ua"): 0.4,
    PointKey("LY/PT10-1/ub"): 9.9,
    PointKey("LY/PT10-1/uc"): 10.0,
    # the line of the fault carries the capacitive current of all others
    PointKey("LY/115/i0"): 7.8,
    PointKey("LY/114/i0"): 2.4,
    PointKey("LY/113/i0"): 3.1,
}

POWER_FACTOR: Final = 0.93
OPENED, CLOSED = 1.0, 2.0  # of a position (double point)
_LOST: Final = frozenset({"kV", "A", "MW", "Mvar", "kW", "kvar", "Hz"})  # read 0 without supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One point from one moment of the story to another; its value goes straight from first to last."""

    point: PointKey
    from_s: float
    until_s: float
    first: float
    last: float

    def value(self, story_s: float) -> float:
        share = (story_s - self.from_s) / (self.until_s - self.from_s)
        return round(self.first + (self.last - self.first) * share, 2)

    def covers(self, story_s: float) -> bool:
        return self.from_s <= story_s < self.until_s


def story_of(site: Site) -> tuple[Step, ...]:
    """Only what the site has: another site gets the scenes that it can play."""
    points = {point.key: point for point in site.points}
    steps = [*_hot_oil(), *_unlocked(), *_weak_block(), *_line_trip(site), *_earthed()]
    return tuple(step for step in steps if step.point in points)


def values_at(steps: Iterable[Step], story_s: float) -> dict[PointKey, float]:
    return {step.point: step.value(story_s) for step in steps if step.covers(story_s)}


# of points without limits whose unit tells nothing: by the last part of the key, without its number
_BY_SIGNAL: Final[Mapping[str, float]] = {
    "u0": 1.5,
    "i0": 0.3,
    "cell_voltage": 13.5,  # a block of six cells
    "thd_ua": 1.8,
    "thd_ub": 1.7,
    "thd_uc": 1.9,
    "hru": 0.9,
    "trip_current": 1_800.0,  # the newest fault record, on its relay's curve
    "trip_time": 0.384,
    "string_current": 6.2,
    "poa_irradiance": 650.0,
    "module_temp": 38.0,
    "dc_voltage": 680.0,
    "dc_current": 400.0,
    "efficiency": 98.2,
    "h2": 24.0,
    "ch4": 12.0,
    "c2h6": 7.0,
    "c2h4": 5.0,
    "c2h2": 0.2,
    "running": 1.0,
    "inlet_pressure": 0.3,
    "outlet_pressure": 16.0,
}
_TO_EARTH: Final = frozenset({"ua", "ub", "uc"})
_AT_650_W_M2: Final = 0.53  # kW of an inverter per kWp of its modules


def ordinary_value(point: Point, asset: Asset | None) -> float:
    """Well inside the limits: the middle of the band, or 60 % of the lowest high limit."""
    signal = point.key.rpartition("/")[2].rstrip("0123456789").rstrip("_")
    for name in (point.key.rpartition("/")[2], signal):
        if name in _BY_SIGNAL:
            return _BY_SIGNAL[name]
    if asset is not None and point.unit == "kV" and signal in _TO_EARTH:
        return _kilovolts(asset.voltage) / sqrt(3.0)
    if asset is not None and asset.plate.dc_kwp and signal == "p":
        return _AT_650_W_M2 * asset.plate.dc_kwp
    limits = {limit.condition: limit.value for limit in point.limits}
    low = limits.get(Condition.LOW, limits.get(Condition.LOW_LOW))
    high = limits.get(Condition.HIGH, limits.get(Condition.HIGH_HIGH))
    match point.unit:
        case "status":
            return 0.0
        case "position":
            return CLOSED if high is None else OPENED
    if low is not None and high is not None:
        return (low + high) / 2
    if high is not None:
        return 0.6 * high
    if low is not None:
        return low * 1.2 if low > 0 else 1.0
    return _without_limits(point.unit, asset)


def _without_limits(unit: str, asset: Asset | None) -> float:
    if unit == "kV" and asset is not None:
        return _kilovolts(asset.voltage)
    if unit == "MW" and asset is not None:
        return {"110kV": 24.0, "35kV": 7.5}.get(asset.voltage, 1.2)
    return {"Hz": 50.0, "V": 225.0, "degC": 22.0, "%": 55.0, "pu": 0.93, "A": 60.0}.get(unit, 1.0)


def _kilovolts(voltage: str) -> float:
    """35kV; 1 where the site says no voltage, or volts."""
    number = voltage.removesuffix("kV")
    return float(number) if number.replace(".", "", 1).isdigit() else 1.0


def _hot_oil() -> Iterator[Step]:
    yield Step(point=OIL, from_s=0, until_s=14, first=80.0, last=97.0)
    yield Step(point=OIL, from_s=14, until_s=120, first=97.0, last=98.5)
    yield Step(point=OIL, from_s=120, until_s=150, first=98.5, last=74.0)


def _unlocked() -> Iterator[Step]:
    yield Step(point=UNLOCK, from_s=20, until_s=80, first=1.0, last=1.0)


def _weak_block() -> Iterator[Step]:
    yield Step(point=BLOCK, from_s=60, until_s=600, first=13.0, last=12.6)


def _earthed() -> Iterator[Step]:
    """Gone for longer than an earth fault is the same one, before it is told again."""
    for point, value in EARTHED.items():
        yield Step(point=point, from_s=120, until_s=280, first=value, last=value)


def _line_trip(site: Site) -> Iterator[Step]:
    """The line's protection operates and its breaker opens; a moment later the far end has no supply, and
    the first pole switch of the line tells that the current went through it."""
    yield _held(PASSED, 36.0, 1.0)
    bay = {
        asset_id
        for asset_id, asset in site.assets.items()
        if asset.station == LINE_STATION and LINE in asset.bay + asset.name
    }
    for point in site.points:
        asset = site.assets[point.asset_id]
        if point.asset_id in bay:
            yield from _at_the_tripped_end(point)
        elif asset.station == DARK_STATION and point.unit in _LOST:
            yield _held(point.key, 36.0, 0.0)


def _at_the_tripped_end(point: Point) -> Iterator[Step]:
    suffix = point.key.rsplit("/", 1)[-1]
    if suffix in {"quick_break", "accident_total"}:
        yield _held(point.key, 35.0, 1.0)
    elif suffix in {"position", "breaker_position"}:
        yield _held(point.key, 35.0, OPENED)
    elif point.unit in {"A", "MW", "Mvar"}:
        yield _held(point.key, 35.0, 0.0)


def _held(point: PointKey, from_s: float, value: float) -> Step:
    return Step(point=point, from_s=from_s, until_s=200.0, first=value, last=value)


def standing_values(site: Site) -> Mapping[PointKey, float]:
    """What every point reads on an ordinary day; ties and earth switches stand open."""
    values = {
        point.key: ordinary_value(point, site.assets.get(point.asset_id)) for point in site.points
    }
    return values | _power_that_flows(values) | _open_switches(site)


def _power_that_flows(values: Mapping[PointKey, float]) -> dict[PointKey, float]:
    """What voltage and current make at an ordinary power factor, where all of them are measured."""
    flows: dict[PointKey, float] = {}
    for key, volts in values.items():
        begin, slash, suffix = key.rpartition("/")
        places = [PointKey(f"{begin}{slash}{name}") for name in ("ia", "p", "q")]
        if suffix != "uab" or not all(place in values for place in places):
            continue
        current, active, reactive = places
        apparent = sqrt(3.0) * volts * values[current] / 1_000.0  # kV and A: MVA
        flows[active] = apparent * POWER_FACTOR
        flows[reactive] = apparent * sqrt(1.0 - POWER_FACTOR**2)
    return flows


def _open_switches(site: Site) -> dict[PointKey, float]:
    return {
        switch.position: OPENED
        for cell in site.topology.cells
        for switch in (*cell.switches, *cell.to_switches)
        if switch.position is not None
        and (switch.kind is SwitchKind.EARTH_SWITCH or cell.kind is CellKind.TIE)
    }
