"""Harmonic limits of GB/T 14549 and IEEE 519, and the arithmetic between currents and voltages (DOMAIN A3,
B14). Voltages in kV, currents in A, powers in MVA; distortion in per cent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

from domain.assets import Provenance

RULE: Final = "harmonics/1"
_GBT: Final = Provenance(standard="GB/T 14549", edition="1993", clause="4", mark="V")
_GBT_U: Final = replace(_GBT, mark="U")
_IEEE: Final = Provenance(standard="IEEE 519", edition="2014", clause="5.1", mark="V")
_IEEE_U: Final = replace(_IEEE, mark="U")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageDistortion:
    """Per cent of the fundamental, up to `up_to_kv`."""

    up_to_kv: float
    total: float
    odd: float
    even: float
    provenance: Provenance


GBT_14549_VOLTAGE: Final = (
    VoltageDistortion(up_to_kv=1.0, total=5.0, odd=4.0, even=2.0, provenance=_GBT),
    VoltageDistortion(up_to_kv=10.0, total=4.0, odd=3.2, even=1.6, provenance=_GBT),
    VoltageDistortion(up_to_kv=66.0, total=3.0, odd=2.4, even=1.2, provenance=_GBT_U),
    VoltageDistortion(up_to_kv=110.0, total=2.0, odd=1.6, even=0.8, provenance=_GBT_U),
)
IEEE_519_VOLTAGE: Final = (
    VoltageDistortion(up_to_kv=1.0, total=8.0, odd=5.0, even=5.0, provenance=_IEEE),
    VoltageDistortion(up_to_kv=69.0, total=5.0, odd=3.0, even=3.0, provenance=_IEEE),
    VoltageDistortion(up_to_kv=161.0, total=2.5, odd=1.5, even=1.5, provenance=_IEEE_U),
    VoltageDistortion(up_to_kv=1_000.0, total=1.5, odd=1.0, even=1.0, provenance=_IEEE_U),
)


def voltage_limit(
    table: tuple[VoltageDistortion, ...], nominal_kv: float
) -> VoltageDistortion | None:
    """None above the table's last voltage."""
    return next((row for row in table if nominal_kv <= row.up_to_kv), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentDistortion:
    """IEEE 519, per cent of IL, odd harmonics, below this Isc/IL; bands h < 11, 17, 23, 35 and above."""

    below_ratio: float
    bands: tuple[float, float, float, float, float]
    total_demand: float
    provenance: Provenance = _IEEE


IEEE_519_CURRENT: Final = (
    CurrentDistortion(below_ratio=20, bands=(4.0, 2.0, 1.5, 0.6, 0.3), total_demand=5),
    CurrentDistortion(below_ratio=50, bands=(7.0, 3.5, 2.5, 1.0, 0.5), total_demand=8),
    CurrentDistortion(below_ratio=100, bands=(10.0, 4.5, 4.0, 1.5, 0.7), total_demand=12),
    CurrentDistortion(below_ratio=1_000, bands=(12.0, 5.5, 5.0, 2.0, 1.0), total_demand=15),
    CurrentDistortion(below_ratio=float("inf"), bands=(15.0, 7.0, 6.0, 2.5, 1.4), total_demand=20),
)
_BAND_ENDS: Final = (11, 17, 23, 35)


def ieee_519_current_limit(order: int, short_circuit_ratio: float) -> float:
    """Per cent of IL; an even harmonic has a quarter of its odd neighbours'."""
    row = next(row for row in IEEE_519_CURRENT if short_circuit_ratio < row.below_ratio)
    band = next((place for place, end in enumerate(_BAND_ENDS) if order < end), len(_BAND_ENDS))
    return row.bands[band] if order % 2 else 0.25 * row.bands[band]


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedCurrent:
    """GB/T 14549 table 2: A per common point at the base short-circuit power, orders 2 to 13."""

    nominal_kv: float
    base_mva: float
    amperes: tuple[float, ...]
    provenance: Provenance = _GBT_U
    read_orders: tuple[int, ...] = ()  # cells that were read in a source (V)


GBT_14549_CURRENT: Final = (
    InjectedCurrent(
        nominal_kv=0.38, base_mva=10, amperes=(78, 62, 39, 62, 26, 44, 19, 21, 16, 28, 13, 24)
    ),
    InjectedCurrent(
        nominal_kv=10, base_mva=100, amperes=(26, 20, 13, 20, 8.5, 15, 6.4, 6.8, 5.1, 9.3, 4.3, 7.9)
    ),
    InjectedCurrent(
        nominal_kv=35,
        base_mva=250,
        amperes=(15, 12, 7.7, 12, 5.1, 8.8, 3.8, 4.1, 3.1, 5.6, 2.6, 4.7),
        read_orders=(5, 7),
    ),
    InjectedCurrent(
        nominal_kv=110,
        base_mva=750,
        amperes=(12, 9.6, 6.0, 9.6, 4.0, 6.8, 3.0, 3.2, 2.4, 4.3, 2.0, 3.7),
    ),
)


def injected_row(nominal_kv: float) -> InjectedCurrent | None:
    return next((row for row in GBT_14549_CURRENT if row.nominal_kv == nominal_kv), None)


def injected_limit_a(nominal_kv: float, order: int, short_circuit_mva: float) -> float | None:
    """The table's value scaled to the strength of the point; None where the table has no such cell."""
    row = injected_row(nominal_kv)
    if row is None or not 2 <= order <= 13:
        return None
    return row.amperes[order - 2] * short_circuit_mva / row.base_mva


_ALPHA: Final[Mapping[int, float]] = {3: 1.1, 5: 1.2, 7: 1.4, 11: 1.8, 13: 1.9}
_PHASE: Final[Mapping[int, float]] = {3: 1.62, 5: 1.28, 7: 0.72, 11: 0.18, 13: 0.08}


def limit_of_one_user_a(limit_a: float, order: int, agreed_mva: float, supply_mva: float) -> float:
    """I_i = I (S_i / S_t)^(1/alpha)."""
    return float(limit_a * (agreed_mva / supply_mva) ** (1.0 / _ALPHA.get(order, 2.0)))


def two_sources_a(first_a: float, second_a: float, order: int) -> float:
    """Two currents of one order at an unknown angle."""
    both = _PHASE.get(order, 0.0) * first_a * second_a
    return sqrt(first_a**2 + second_a**2 + both)


def voltage_of_current_percent(
    current_a: float, order: int, nominal_kv: float, short_circuit_mva: float
) -> float:
    """HRU_h = sqrt(3) Un h I_h / (10 Sk)."""
    return sqrt(3.0) * nominal_kv * order * current_a / (10.0 * short_circuit_mva)


def distortion_of_totals_percent(total: float, fundamental: float) -> float:
    """THD from an effective value and its fundamental."""
    if fundamental <= 0.0 or total < fundamental:
        raise ValueError(f"a total of {total:g} with a fundamental of {fundamental:g} cannot be")
    return 100.0 * sqrt(total**2 - fundamental**2) / fundamental
