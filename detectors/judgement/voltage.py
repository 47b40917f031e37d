"""Voltage deviation, frequency, and the classes of short voltage events (DOMAIN A3, A4)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.assets import Provenance

RULE: Final = "voltage/1"
_GBT_12325: Final = Provenance(standard="GB/T 12325", edition="2008", clause="4", mark="V")
_GBT_15945: Final = Provenance(standard="GB/T 15945", edition="2008", clause="3", mark="V")
_IEEE_1159: Final = Provenance(standard="IEEE 1159", edition="2019", clause="table 2", mark="V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Allowed deviation from nominal, per cent."""

    low: float
    high: float
    provenance: Provenance


UP_TO_20_KV: Final = Band(low=-7.0, high=7.0, provenance=_GBT_12325)
SINGLE_PHASE_220_V: Final = Band(low=-10.0, high=7.0, provenance=_GBT_12325)
FROM_35_KV_TOGETHER: Final = (
    10.0  # per cent: sum of both deviations' sizes; same sign: the larger one
)

FREQUENCY_HZ: Final = Band(low=-0.2, high=0.2, provenance=_GBT_15945)  # around 50, in Hz
FREQUENCY_SMALL_HZ: Final = Band(low=-0.5, high=0.5, provenance=_GBT_15945)


def deviation_percent(measured: float, nominal: float) -> float:
    """Positive above nominal."""
    if nominal <= 0.0:
        raise ValueError(f"a nominal voltage of {nominal:g} cannot be")
    return (measured - nominal) / nominal * 100.0


def deviation_range_ok(lowest_percent: float, highest_percent: float) -> bool:
    """From 35 kV up: the sum of both sizes, or the larger one where both have one sign."""
    if lowest_percent * highest_percent >= 0.0:
        return max(abs(lowest_percent), abs(highest_percent)) <= FROM_35_KV_TOGETHER
    return abs(lowest_percent) + abs(highest_percent) <= FROM_35_KV_TOGETHER


def within(value: float, band: Band) -> bool:
    return band.low <= value <= band.high


class VoltageEvent(StrEnum):
    """IEEE 1159."""

    INSTANTANEOUS_SAG = "instantaneous_sag"
    INSTANTANEOUS_SWELL = "instantaneous_swell"
    MOMENTARY_INTERRUPTION = "momentary_interruption"
    MOMENTARY_SAG = "momentary_sag"
    MOMENTARY_SWELL = "momentary_swell"
    TEMPORARY_INTERRUPTION = "temporary_interruption"
    TEMPORARY_SAG = "temporary_sag"
    TEMPORARY_SWELL = "temporary_swell"
    SUSTAINED_INTERRUPTION = "sustained_interruption"
    UNDERVOLTAGE = "undervoltage"
    OVERVOLTAGE = "overvoltage"


SAG_PROVENANCE: Final = _IEEE_1159
_HALF_A_CYCLE: Final = 0.5
_MOMENTARY_FROM_CYCLES: Final = 30.0
_TEMPORARY_FROM_S: Final = 3.0
_SUSTAINED_FROM_S: Final = 60.0


def voltage_event(remaining_pu: float, seconds: float, hertz: float = 50.0) -> VoltageEvent | None:
    """The class of an event by its remaining voltage and duration; None where it is none, or in none."""
    cycles = seconds * hertz
    if cycles < _HALF_A_CYCLE or remaining_pu < 0.0 or 0.9 < remaining_pu < 1.1:
        return None
    low = remaining_pu <= 0.9
    interrupted = remaining_pu < 0.1
    if seconds > _SUSTAINED_FROM_S:
        return _long(remaining_pu)
    if seconds > _TEMPORARY_FROM_S:
        if interrupted:
            return VoltageEvent.TEMPORARY_INTERRUPTION
        if low:
            return VoltageEvent.TEMPORARY_SAG
        return VoltageEvent.TEMPORARY_SWELL if remaining_pu <= 1.2 else None
    if interrupted:
        return VoltageEvent.MOMENTARY_INTERRUPTION
    if cycles >= _MOMENTARY_FROM_CYCLES:
        if low:
            return VoltageEvent.MOMENTARY_SAG
        return VoltageEvent.MOMENTARY_SWELL if remaining_pu <= 1.4 else None
    if low:
        return VoltageEvent.INSTANTANEOUS_SAG
    return VoltageEvent.INSTANTANEOUS_SWELL if remaining_pu <= 1.8 else None


def _long(remaining_pu: float) -> VoltageEvent | None:
    if remaining_pu < 0.1:
        return VoltageEvent.SUSTAINED_INTERRUPTION
    if 0.8 <= remaining_pu <= 0.9:
        return VoltageEvent.UNDERVOLTAGE
    if 1.1 <= remaining_pu <= 1.2:
        return VoltageEvent.OVERVOLTAGE
    return None  # between 0.1 and 0.8 pu for more than a minute: the standard names no class


def line_drop_percent(
    load_kw: float,
    length_km: float,
    ohm_per_km: float,
    reactance_per_km: float,
    tangent: float,
    nominal_kv: float,
) -> float:
    """du% = P l (R' + X' tan phi) / (10 Un^2)."""
    return load_kw * length_km * (ohm_per_km + reactance_per_km * tangent) / (10.0 * nominal_kv**2)


def flicker_drop_percent(reactive_step_mvar: float, short_circuit_mva: float) -> float:
    """d = dQ / Ssc."""
    return 100.0 * reactive_step_mvar / short_circuit_mva
