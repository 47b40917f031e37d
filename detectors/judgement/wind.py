"""Wind turbines against their own power curve (IEC 61400-12-1, DOMAIN B9). m/s, kW, Pa, K."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.assets import Provenance

RULE: Final = "wind/1"
IEC_61400: Final = Provenance(standard="IEC 61400-12-1", edition="2017", clause="9.1", mark="V")
_OURS: Final = Provenance(standard="", edition="", clause="", mark="D")

_GAS_CONSTANT: Final = 287.05  # J/(kg K), dry air
_REFERENCE_DENSITY: Final = 1.225
_BIN_M_S: Final = 0.5
_LEAST_IN_BIN: Final = 10
_LEAST_SPREAD_SHARE: Final = 0.01  # of the largest power seen: a bin at rated power hardly spreads
OFF_AT: Final = 3.0  # spreads, D
OFF_OF: Final = (6, 10)  # so many of so many ten-minute values, D
LIMIT_PROVENANCE: Final = _OURS


def air_density(pascal: float, kelvin: float) -> float:
    """kg/m3."""
    if pascal <= 0.0 or kelvin <= 0.0:
        raise ValueError(f"air of {pascal:g} Pa at {kelvin:g} K cannot be")
    return pascal / (_GAS_CONSTANT * kelvin)


def normalised_speed(speed: float, density: float) -> float:
    """The speed that would carry as much power in air of 1.225 kg/m3."""
    return float(speed * (density / _REFERENCE_DENSITY) ** (1.0 / 3.0))


@dataclass(frozen=True, slots=True, eq=False)
class PowerCurve:
    """Mean and spread per half metre per second; NaN where too little was seen."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    cut_in: float

    def deviation(self, speed: float, power: float) -> float | None:
        """Spreads from the curve; None below cut-in and where the curve is not known."""
        place = int(speed / _BIN_M_S) if np.isfinite(speed) else -1
        if speed < self.cut_in or not 0 <= place < len(self.mean) or not np.isfinite(power):
            return None
        if not np.isfinite(self.mean[place]):
            return None
        return float((power - self.mean[place]) / self.spread[place])


def learn_curve(
    speeds: Sequence[float], powers: Sequence[float], cut_in: float = 3.0
) -> PowerCurve:
    """From normalised speeds and powers of normal running: leave out curtailment, start and stop."""
    speed, power = np.asarray(speeds, np.float64), np.asarray(powers, np.float64)
    known = np.isfinite(speed) & np.isfinite(power) & (speed >= 0.0)
    speed, power = speed[known], power[known]
    if not len(speed):
        raise ValueError("a power curve needs readings")
    bins = (speed / _BIN_M_S).astype(np.intp)
    mean = np.full(int(bins.max()) + 1, np.nan)
    spread = np.full_like(mean, np.nan)
    least = _LEAST_SPREAD_SHARE * float(power.max())
    for place in np.unique(bins).tolist():
        inside = power[bins == place]
        if len(inside) >= _LEAST_IN_BIN:
            mean[place] = np.median(inside)
            spread[place] = max(1.4826 * float(np.median(np.abs(inside - mean[place]))), least)
    return PowerCurve(mean, spread, cut_in)


def off_curve(deviations: Sequence[float | None]) -> bool:
    """Six of the last ten values more than three spreads away, all on one side: a gust is on none."""
    wanted, of = OFF_OF
    last = [each for each in deviations[-of:] if each is not None]
    low = sum(each < -OFF_AT for each in last)
    high = sum(each > OFF_AT for each in last)
    return max(low, high) >= wanted
