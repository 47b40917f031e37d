"""Dissolved gases in transformer oil: Duval triangle 1 and pentagon 1, IEC 60599 ratios, three-ratio code,
gas rates, and one answer out of them that may be "cannot tell".

Gases in microlitre per litre (ppm). Sources: Duval, IEEE Electrical Insulation Magazine 2002 and 2008; IEC
60599; DL/T 722; IEEE C57.104-2008 (DOMAIN B4 to B6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import cos, inf, isfinite, nan, radians, sin
from typing import Final

from domain.assets import Provenance


class Fault(StrEnum):
    PD = "PD"  # 局部放电
    D1 = "D1"  # 低能放电
    D2 = "D2"  # 高能放电
    T1 = "T1"  # 低温过热 < 300 degC
    T2 = "T2"  # 中温过热 300-700 degC
    T3 = "T3"  # 高温过热 > 700 degC
    DT = "DT"  # discharge and heat mixed
    STRAY = "S"  # stray gassing below 200 degC (pentagon)


FAMILY: Final[Mapping[Fault, str]] = {
    Fault.PD: "partial_discharge",
    Fault.D1: "discharge",
    Fault.D2: "discharge",
    Fault.T1: "thermal",
    Fault.T2: "thermal",
    Fault.T3: "thermal",
    Fault.STRAY: "thermal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gases:
    """One sample of oil. 0 is "not detected"."""

    h2: float
    ch4: float
    c2h6: float
    c2h4: float
    c2h2: float

    def __post_init__(self) -> None:
        for gas in (self.h2, self.ch4, self.c2h6, self.c2h4, self.c2h2):
            if not isfinite(gas) or gas < 0.0:
                raise UnusableGases(f"a gas of {gas} uL/L cannot be")

    @property
    def total(self) -> float:
        return self.h2 + self.ch4 + self.c2h6 + self.c2h4 + self.c2h2

    @property
    def hydrocarbons(self) -> float:
        """总烃, THC."""
        return self.ch4 + self.c2h6 + self.c2h4 + self.c2h2


class UnusableGases(ValueError):
    """A sample that is no measurement."""


def triangle_shares(gases: Gases) -> tuple[float, float, float] | None:
    """Per cent of CH4, C2H2 and C2H4 in their sum; None where there is none of them."""
    total = gases.ch4 + gases.c2h4 + gases.c2h2
    if total <= 0.0:
        return None
    return 100 * gases.ch4 / total, 100 * gases.c2h2 / total, 100 * gases.c2h4 / total


def duval_triangle_1(gases: Gases) -> Fault | None:
    """The zone as published; None where the three gases are absent. The order of the rules matters."""
    shares = triangle_shares(gases)
    if shares is None:
        return None
    ch4, c2h2, c2h4 = shares
    if ch4 >= 98:
        return Fault.PD
    if c2h4 <= 23 and c2h2 >= 13:
        return Fault.D1
    if (23 < c2h4 <= 40 and c2h2 >= 13) or (c2h4 >= 40 and c2h2 >= 29):
        return Fault.D2
    if c2h4 <= 20 and c2h2 <= 4:
        return Fault.T1
    if 20 < c2h4 < 50 and c2h2 <= 4:
        return Fault.T2
    if c2h4 >= 50 and c2h2 <= 15:
        return Fault.T3
    return Fault.DT


Point = tuple[float, float]

# (CH4, C2H2, C2H4) per cent
TRIANGLE_1: Final[Mapping[Fault, tuple[tuple[float, float, float], ...]]] = {
    Fault.PD: ((100, 0, 0), (98, 2, 0), (98, 0, 2)),
    Fault.T1: ((96, 4, 0), (76, 4, 20), (80, 0, 20), (98, 0, 2), (98, 2, 0)),
    Fault.T2: ((80, 0, 20), (76, 4, 20), (46, 4, 50), (50, 0, 50)),
    Fault.T3: ((50, 0, 50), (35, 15, 50), (0, 15, 85), (0, 0, 100)),
    Fault.DT: (
        (87, 13, 0),
        (47, 13, 40),
        (31, 29, 40),
        (0, 29, 71),
        (0, 15, 85),
        (35, 15, 50),
        (46, 4, 50),
        (96, 4, 0),
    ),
    Fault.D1: ((0, 100, 0), (0, 77, 23), (64, 13, 23), (87, 13, 0)),
    Fault.D2: ((64, 13, 23), (0, 77, 23), (0, 29, 71), (31, 29, 40), (47, 13, 40)),
}

PENTAGON_1: Final[Mapping[Fault, tuple[Point, ...]]] = {
    Fault.PD: ((0, 33), (-1, 33), (-1, 24.5), (0, 24.5)),
    Fault.D1: ((0, 40), (38.042, 12.361), (32.061, -6.048), (4, 16), (0, 1.5)),
    Fault.D2: ((4, 16), (32.061, -6.048), (24.204, -30.229), (0, -3), (0, 1.5)),
    Fault.T3: ((0, -3), (24.204, -30.229), (23.511, -32.361), (1.09, -32.361), (-6, -4)),
    Fault.T2: ((-6, -4), (1.09, -32.361), (-22.713, -32.361)),
    Fault.T1: ((-6, -4), (-22.713, -32.361), (-23.511, -32.361), (-35, 3), (0, 1.5), (0, -3)),
    Fault.STRAY: (
        (0, 1.5),
        (-35, 3),
        (-38.042, 12.361),
        (0, 40),
        (0, 33),
        (-1, 33),
        (-1, 24.5),
        (0, 24.5),
    ),
}


def pentagon_point(gases: Gases) -> Point:
    """The area centroid of the five shares, drawn at their angles."""
    total = max(gases.total, 1e-10)
    spokes = (
        (gases.c2h2, 18.0),
        (gases.h2, 90.0),
        (gases.c2h6, 162.0),
        (gases.ch4, 234.0),
        (gases.c2h4, 306.0),
    )
    corners = []
    for gas, angle in spokes:
        share = max(100.0 * gas / total, 1e-10)
        corners.append((share * cos(radians(angle)), share * sin(radians(angle))))
    return _centroid(corners)


def _centroid(corners: list[Point]) -> Point:
    area = x = y = 0.0
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        cross = x1 * y2 - x2 * y1
        area += cross
        x += (x1 + x2) * cross
        y += (y1 + y2) * cross
    if abs(area) < 1e-12:  # a single gas: on its own spoke
        return max(corners, key=lambda corner: corner[0] ** 2 + corner[1] ** 2)
    return x / (3.0 * area), y / (3.0 * area)


def duval_pentagon_1(gases: Gases) -> Fault | None:
    """The zone of the centroid; None where no gas was found."""
    if gases.total <= 0.0:
        return None
    point = pentagon_point(gases)
    inside = (fault for fault, zone in PENTAGON_1.items() if _inside(point, zone))
    return next(inside, None)


def _inside(point: Point, zone: tuple[Point, ...]) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(zone, zone[1:] + zone[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _ratio(above: float, below: float) -> float:
    """inf over nothing, NaN where both are nothing."""
    if below > 0.0:
        return above / below
    return inf if above > 0.0 else nan


def iec_60599(gases: Gases) -> tuple[Fault, ...]:
    """Every case of the ratio table that fits: D1 and D2 overlap. Nothing where a denominator is 0."""
    r2 = _ratio(gases.c2h2, gases.c2h4)
    r1 = _ratio(gases.ch4, gases.h2)
    r5 = _ratio(gases.c2h4, gases.c2h6)
    if not isfinite(r1) or not isfinite(r5):
        return ()
    if r1 < 0.1 and r5 < 0.2:
        return (Fault.PD,)
    discharges = []
    if isfinite(r2) and r2 > 1 and 0.1 <= r1 <= 0.5 and r5 > 1:
        discharges.append(Fault.D1)
    if isfinite(r2) and 0.6 <= r2 <= 2.5 and 0.1 <= r1 <= 1 and r5 > 2:
        discharges.append(Fault.D2)
    if discharges:
        return tuple(discharges)
    if r1 > 1 and r5 < 1:
        return (Fault.T1,)
    if isfinite(r2) and r2 < 0.1 and r1 > 1 and 1 <= r5 <= 4:
        return (Fault.T2,)
    if isfinite(r2) and r2 < 0.2 and r1 > 1 and r5 > 4:
        return (Fault.T3,)
    return ()


class ThreeRatio(StrEnum):
    """DL/T 722 and IEC 60599 by codes (2014-style wording)."""

    BELOW_150 = "thermal_below_150"
    FROM_150_TO_300 = "thermal_150_300"
    FROM_300_TO_700 = "thermal_300_700"
    ABOVE_700 = "thermal_above_700"
    PARTIAL_DISCHARGE = "partial_discharge"
    LOW_ENERGY = "low_energy_discharge"
    LOW_ENERGY_WITH_HEAT = "low_energy_discharge_with_overheating"
    ARC = "arc_discharge"
    ARC_WITH_HEAT = "arc_discharge_with_overheating"


def three_ratio_code(gases: Gases) -> tuple[int, int, int] | None:
    """Codes of C2H2/C2H4, CH4/H2 and C2H4/C2H6; None where a denominator is 0."""
    r2 = _ratio(gases.c2h2, gases.c2h4)
    r1 = _ratio(gases.ch4, gases.h2)
    r5 = _ratio(gases.c2h4, gases.c2h6)
    if not (isfinite(r1) and isfinite(r2) and isfinite(r5)):
        return None
    first = 0 if r2 < 0.1 else 1 if r2 < 3 else 2
    second = 1 if r1 < 0.1 else 0 if r1 < 1 else 2
    third = 0 if r5 < 1 else 1 if r5 < 3 else 2
    return first, second, third


def three_ratio(gases: Gases) -> ThreeRatio | None:
    match three_ratio_code(gases):
        case (0, 0, 0) | (0, 0, 1):  # the older edition says 0 0 1 (U)
            return ThreeRatio.BELOW_150
        case (0, 2, 0):
            return ThreeRatio.FROM_150_TO_300
        case (0, 2, 1):
            return ThreeRatio.FROM_300_TO_700
        case (0, _, 2):
            return ThreeRatio.ABOVE_700
        case (0, 1, 0):
            return ThreeRatio.PARTIAL_DISCHARGE
        case (2, 2, _):
            return ThreeRatio.LOW_ENERGY_WITH_HEAT
        case (2, _, _):
            return ThreeRatio.LOW_ENERGY
        case (1, 2, _):
            return ThreeRatio.ARC_WITH_HEAT
        case (1, _, _):
            return ThreeRatio.ARC
        case _:
            return None


def relative_rate(before: float, after: float, months: float) -> float:
    """Per cent per month; NaN from nothing, or in no time."""
    if before <= 0.0 or months <= 0.0:
        return nan
    return (after - before) / before / months * 100.0


def absolute_rate(before: float, after: float, days: float, oil_t: float) -> float:
    """Millilitres of gas per day in `oil_t` tonnes of oil of 0.895 t/m3; NaN in no time."""
    if days <= 0.0:
        return nan
    return (after - before) / days * oil_t / 0.895


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionRates:
    """Gas that grows faster is worth a look, whatever there is of it."""

    relative: float = 10.0  # per cent of all hydrocarbons a month
    hydrocarbons: float = 12.0  # mL a day, sealed conservator
    c2h2: float = 0.2
    h2: float = 10.0
    provenance: Provenance
    unread: Provenance  # of the millilitres


_DLT_722_RATES: Final = Provenance(standard="DL/T 722", edition="2014", clause="9.3.2", mark="V")
RATES: Final = AttentionRates(provenance=_DLT_722_RATES, unread=replace(_DLT_722_RATES, mark="U"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionValues:
    """Above one of these a sample is worth a diagnosis. uL/L."""

    h2: float
    c2h2: float
    hydrocarbons: float
    provenance: Provenance

    def exceeded_by(self, gases: Gases) -> tuple[str, ...]:
        found = {
            "H2": gases.h2 > self.h2,
            "C2H2": gases.c2h2 > self.c2h2,
            "THC": gases.hydrocarbons > self.hydrocarbons,
        }
        return tuple(name for name, exceeds in found.items() if exceeds)


_DLT_722: Final = Provenance(standard="DL/T 722", edition="2014", clause="9.3", mark="U")
UP_TO_220_KV: Final = AttentionValues(h2=150, c2h2=5, hydrocarbons=150, provenance=_DLT_722)
FROM_330_KV: Final = AttentionValues(h2=150, c2h2=1, hydrocarbons=150, provenance=_DLT_722)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """Where our own answer departs from the published zones. Fitted to cases of known fault; see
    docs/judgement.md for which, and how surely."""

    pd_h2_share: float = 0.85  # of the five gases: hydrogen alone is partial discharge ...
    pd_least_h2: float = 330.0  # uL/L ... unless there is little of it: stray gassing, T1
    d1_c2h4: float = 23.6  # per cent of the triangle; published: 23
    t1_ethane: float = (
        1.0  # C2H4/C2H6 below this is T1 where the triangle says T1 or T2 (IEC 60599)
    )
    t3_c2h4: float = 52.0  # per cent of the triangle; published: 50


FITTED: Final = Boundaries()
RULE: Final = "dga/1"
RATE_RULE: Final = "gas_rate/1"


def combined(gases: Gases, boundaries: Boundaries = FITTED) -> Fault | None:
    """One answer: the triangle, its edges moved to where cases of known fault lie. None: cannot tell."""
    zone = duval_triangle_1(gases)
    if zone is None:
        return (
            Fault.T1
            if gases.total > 0.0 and gases.h2 < boundaries.pd_least_h2
            else (Fault.PD if gases.h2 > 0.0 else None)
        )
    shares = triangle_shares(gases)
    assert shares is not None
    _, c2h2, c2h4 = shares
    little_hydrogen = gases.h2 < boundaries.pd_least_h2
    if gases.h2 >= boundaries.pd_h2_share * gases.total and not little_hydrogen:
        return Fault.PD
    if zone is Fault.PD:
        return Fault.T1 if little_hydrogen else Fault.PD
    if zone is Fault.D2 and c2h4 < boundaries.d1_c2h4:
        return Fault.D1
    if zone in (Fault.T1, Fault.T2) and gases.c2h4 < boundaries.t1_ethane * gases.c2h6:
        return Fault.T1
    if zone is Fault.T3 and c2h4 < boundaries.t3_c2h4 and c2h2 <= 4:
        return Fault.T2
    if zone is Fault.DT:
        # mixed: the part that is more dangerous if overlooked
        return Fault.D2 if c2h2 >= 13 else Fault.T3
    return zone
