"""DC system and battery of a station (DOMAIN A2, B11). Volts, kiloohm, degC."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import fmean
from typing import Final

from domain.assets import Provenance

RULE: Final = "dc_system/1"
_DLT_5044: Final = Provenance(standard="DL/T 5044", edition="2014", clause="3.2, 6.1", mark="V")
_UNREAD: Final = replace(_DLT_5044, mark="U")


class UnusableBattery(ValueError):
    """Values that are no battery's."""


def cells_for(nominal_v: float, float_v: float) -> int:
    """n = 1.05 Un / Uf, rounded to the nearest whole cell."""
    if nominal_v <= 0.0 or float_v <= 0.0:
        raise UnusableBattery(f"{nominal_v:g} V of cells at {float_v:g} V cannot be")
    return round(1.05 * nominal_v / float_v)


def equalise_at_most_v(nominal_v: float, cells: int) -> float:
    """Per cell, with control loads connected."""
    return 1.10 * nominal_v / cells


def discharge_at_least_v(nominal_v: float, cells: int) -> float:
    """Per cell, at the end of a discharge."""
    return 0.875 * nominal_v / cells


_USUAL_FLOAT_V: Final = 2.25
# per 2 V cell by ambient, one maker (V)
_FLOAT_BY_AMBIENT: Final = ((10.0, 2.29), (20.0, 2.26), (30.0, 2.23), (40.0, 2.20))


def float_v_at(celsius: float) -> float | None:
    """Volts per 2 V cell; None outside 0 to 39 degC."""
    if not 0.0 <= celsius < 40.0:
        return None
    return next(volts for below, volts in _FLOAT_BY_AMBIENT if celsius < below)


@dataclass(frozen=True, slots=True, kw_only=True)
class DcLimits:
    """Shares of the nominal voltage; insulation in kiloohm by nominal voltage."""

    high: float = 1.10
    low: float = 0.95  # U
    lowest: float = 0.875
    insulation_220_v: float = 25.0  # U
    insulation_110_v: float = 7.0  # U
    cell_apart_v: float = 0.05  # from the mean of all cells, U
    battery_celsius: float = 35.0  # U
    resistance_ratio: float = 1.3  # to the baseline, U
    provenance: Provenance = _DLT_5044
    unread: Provenance = _UNREAD


LIMITS: Final = DcLimits()


def odd_cells(volts: Sequence[float], limits: DcLimits = LIMITS) -> tuple[int, ...]:
    """Places of cells that are too far from the mean of those that answer."""
    known = [each for each in volts if isfinite(each)]
    if len(known) < 2:
        raise UnusableBattery("one cell alone has nothing to be compared with")
    mean = fmean(known)
    return tuple(
        place
        for place, each in enumerate(volts)
        if isfinite(each) and abs(each - mean) > limits.cell_apart_v
    )


def cells_of_block(volts: float) -> int:
    """Of a 2 V cell, or a block of several in one case: by what it floats at."""
    return max(1, round(volts / _USUAL_FLOAT_V))


def bus_state(volts: float, nominal_v: float, limits: DcLimits = LIMITS) -> str | None:
    """ "high", "low", "lowest", or None within the band."""
    share = volts / nominal_v
    if share > limits.high:
        return "high"
    if share < limits.lowest:
        return "lowest"
    return "low" if share < limits.low else None


def earth_fault_pole(
    positive_v: float,
    negative_v: float,
    insulation_kohm: float,
    nominal_v: float,
    limits: DcLimits = LIMITS,
) -> str | None:
    """The pole that is nearer to earth ("positive", "negative"), where the insulation is too low."""
    least = limits.insulation_220_v if nominal_v >= 200.0 else limits.insulation_110_v
    if insulation_kohm >= least:
        return None
    return "positive" if abs(positive_v) < abs(negative_v) else "negative"
