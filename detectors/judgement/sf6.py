"""SF6: pressure reduced to 20 degC, and the yearly leak (DOMAIN B13). Gauge pressures in MPa."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.assets import Provenance

RULE: Final = "sf6/1"
LEAK_RULE: Final = "sf6_leak/1"
EQUATION: Final = Provenance(standard="Beattie-Bridgeman for SF6", edition="", clause="", mark="U")

_NAMEPLATE: Final = Provenance(standard="nameplate", edition="", clause="", mark="U")

_R: Final = 56.9502e-5
_REFERENCE_K: Final = 293.15
_ATMOSPHERE_BAR: Final = 1.01325
_BAR_PER_MPA: Final = 10.0


class UnusableGas(ValueError):
    """A pressure or temperature at which the equation says nothing: vacuum, or about to become liquid."""


def pressure_at_20(gauge_mpa: float, celsius: float) -> float:
    """What the gauge would show at 20 degC. Valid from -40 to 80 degC and 0 to 1 MPa."""
    if not (0.0 <= gauge_mpa <= 1.0 and -40.0 <= celsius <= 80.0):
        raise UnusableGas(f"{gauge_mpa:g} MPa at {celsius:g} degC is outside the equation's range")
    absolute_bar = gauge_mpa * _BAR_PER_MPA + _ATMOSPHERE_BAR
    density = _density(absolute_bar, celsius + 273.15)
    return (_pressure_bar(density, _REFERENCE_K) - _ATMOSPHERE_BAR) / _BAR_PER_MPA


def _pressure_bar(density: float, kelvin: float) -> float:
    a = 73.882e-5 - 5.132105e-7 * density
    b = 2.50695e-3 - 2.12283e-6 * density
    return (_R * kelvin * b - a) * density**2 + _R * kelvin * density


def _density(absolute_bar: float, kelvin: float) -> float:
    """kg/m3, by halving: the pressure rises with the density in this range."""
    low, high = 0.0, 150.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (
            (middle, high) if _pressure_bar(middle, kelvin) < absolute_bar else (low, middle)
        )
    return 0.5 * (low + high)


@dataclass(frozen=True, slots=True, kw_only=True)
class GasLimits:
    """Of a breaker rated 0.60 MPa; the nameplate wins. MPa at 20 degC; leak in per cent of the charge."""

    alarm: float = 0.55
    lock_out: float = 0.50
    leak_per_year: float = 0.5
    provenance: Provenance = _NAMEPLATE


LIMITS: Final = GasLimits()
_FEWEST: Final = 10
_LEAST_DAYS: Final = 7.0
_PAIRS_AT_MOST: Final = 400  # rows; more are thinned evenly
_SURE: Final = 3.0  # spreads of the count of falls and rises


def leak_percent_per_year(days: Sequence[float], p20_mpa: Sequence[float]) -> float | None:
    """Per cent of the charge that is lost in a year, from the median slope of all pairs (Theil and Sen):
    a few wrong readings do not move it. None from less than a week, or too few readings."""
    known = _known_pairs(days, p20_mpa)
    if known is None:
        return None
    when, what = known
    apart = when[:, None] - when
    later = apart > 0.0
    slope = float(np.median((what[:, None] - what)[later] / apart[later]))
    charge = float(np.median(what)) + _ATMOSPHERE_BAR / _BAR_PER_MPA
    leak = -slope * 365.0 / charge * 100.0
    return leak if isfinite(leak) else None


def falls_surely(days: Sequence[float], p20_mpa: Sequence[float]) -> bool:
    """Whether the pressure falls by more than chance and the gauge's steps explain (Mann and Kendall): half
    a per cent a year is less than one step of most gauges a month."""
    known = _known_pairs(days, p20_mpa)
    if known is None:
        return False
    when, what = known
    signs = np.sign(what[:, None] - what)[when[:, None] > when]
    rows = len(when)
    spread = (rows * (rows - 1) * (2 * rows + 5) / 18.0) ** 0.5
    return bool(float(signs.sum()) / spread < -_SURE)


def _known_pairs(
    days: Sequence[float], p20_mpa: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Times and pressures without gaps, thinned evenly; None where they are too few."""
    when, what = np.asarray(days, np.float64), np.asarray(p20_mpa, np.float64)
    known = np.isfinite(when) & np.isfinite(what)
    when, what = when[known], what[known]
    if len(when) < _FEWEST or np.ptp(when) < _LEAST_DAYS:
        return None
    if len(when) > _PAIRS_AT_MOST:
        kept = np.linspace(0, len(when) - 1, _PAIRS_AT_MOST).astype(np.intp)
        when, what = when[kept], what[kept]
    return when, what
