"""Photovoltaic plants: performance ratio (IEC 61724-1, DOMAIN B10), stale measurements, strings that fall
behind. kWh, kWp, kWh/m2, degC."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Final

from domain.assets import Provenance

RULE: Final = "solar/1"
SUN_RULE: Final = "solar_sun/1"
STRING_RULE: Final = "solar_strings/1"
RATIO_RULE: Final = "solar_ratio/1"
STALE_RULE: Final = "solar_stale/1"
IEC_61724: Final = Provenance(standard="IEC 61724-1", edition="2021", clause="14", mark="V")
_OURS: Final = Provenance(standard="", edition="", clause="", mark="D")


class UnusableYield(ValueError):
    """An energy, power or irradiation with which no ratio can be told."""


def performance_ratio(
    energy_kwh: float,
    rated_kwp: float,
    irradiation: float,
    *,
    gamma: float = 0.0,
    cell_celsius: float = 25.0,
) -> float:
    """PR; with `gamma` (1/K, negative) corrected for the temperature of the cells."""
    reference = irradiation * (1.0 + gamma * (cell_celsius - 25.0))
    if rated_kwp <= 0.0 or reference <= 0.0 or energy_kwh < 0.0:
        raise UnusableYield(f"{energy_kwh:g} kWh of {rated_kwp:g} kWp in {irradiation:g} kWh/m2")
    return energy_kwh / rated_kwp / reference


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioLimits:
    least: float = 0.75
    drop: float = 0.10  # below the median of the last 30 days
    string_alarm: float = 0.10  # U
    string_urgent: float = 0.20  # U
    provenance: Provenance = _OURS


LIMITS: Final = RatioLimits()
LEAST_STRING_A: Final = 0.5  # below: dawn, dusk or standstill
STANDARD_CELSIUS: Final = 25.0
GAMMA_PER_K: Final = (
    -0.0036
)  # of crystalline silicon's power, where the module's sheet says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SunModel:
    """What one inverter makes of its sun: learnt from its own history, robustly. kW, W/m2, degC."""

    per_sun: float  # kW in 1 kW/m2 at 25 degC
    bend: float  # ... more or less of it per further kW/m2
    warmth: float  # ... per kelvin of the modules above 25 degC

    def expected(self, w_m2: float, module_celsius: float) -> float:
        sun = w_m2 / 1_000.0
        return sun * (self.per_sun + self.bend * sun + self.warmth * (module_celsius - 25.0))


_DAYS: Final = 30
_LEAST_DAYS: Final = 7


def ratio_is_low(today: float, days_before: Sequence[float], limits: RatioLimits = LIMITS) -> bool:
    """Absolutely, or against the plant's own last month."""
    if today < limits.least:
        return True
    known = [each for each in days_before[-_DAYS:] if isfinite(each)]
    return len(known) >= _LEAST_DAYS and today < (1.0 - limits.drop) * median(known)


def is_stale(values: Sequence[float], rows: int, least: float = 0.01) -> tuple[bool, ...]:
    """True where a value above `least` repeats for `rows` rows up to here: at night nothing moves rightly."""
    found = []
    run = 0
    before = float("nan")
    for value in values:
        run = run + 1 if value == before else 1
        before = value
        found.append(run >= rows and abs(value) > least)
    return tuple(found)


def weak_strings(currents: Sequence[float], share: float | None = None) -> tuple[int, ...]:
    """Places of strings that are further below the median of their inverter than allowed: soiled, shaded
    or open. Nothing while the inverter hardly runs."""
    share = LIMITS.string_alarm if share is None else share
    known = [each for each in currents if isfinite(each)]
    if len(known) < 3:
        return ()
    middle = median(known)
    if middle < LEAST_STRING_A:
        return ()
    return tuple(
        place
        for place, each in enumerate(currents)
        if isfinite(each) and each < (1.0 - share) * middle
    )


def dispersion(currents: Sequence[float]) -> float | None:
    """Spread of the strings over their mean; None while too few run."""
    known = [each for each in currents if isfinite(each)]
    if len(known) < 2 or sum(known) <= 0.0:
        return None
    mean = sum(known) / len(known)
    return float((sum((each - mean) ** 2 for each in known) / len(known)) ** 0.5 / mean)
